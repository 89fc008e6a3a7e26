"""``evgi meter``: what was used, signed by the meter."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from evgi_client.cli.errors import reported
from evgi_client.cli.files import document_in
from evgi_client.cli.keys import signer_of
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    Out,
    amount_option,
    examples,
    file_option,
    input_file,
    moment_option,
    span_option,
)
from evgi_client.cli.output import show_document
from evgi_client.cli.suite import domain_of

EXAMPLES = examples(
    "evgi meter authorisation.json --ended-at now --import-start 1200300 \\",
    "    --import-end 1221800 --cost 9.68 --transaction-id 4f2c \\",
    "    --keystore meter.json --out session.json",
)


class Price(str, Enum):
    """Which tariff priced the session."""

    LIVE = "live"
    FALLBACK = "fallback"


class Clock(str, Enum):
    """How far the meter trusted its clock (OCMF)."""

    UNKNOWN = "unknown"
    INFORMATIVE = "informative"
    SYNCHRONISED = "synchronised"
    RELATIVE = "relative"


def _register(help: str) -> object:  # noqa: A002 — typer's word
    return typer.Option(metavar="WH", min=0, help=help)


def meter(
    authorisation: Annotated[
        Path, input_file("AUTHORISATION", "The driver's promise, from evgi authorise; - for stdin.")
    ],
    *,
    ended_at: Annotated[int, moment_option(help="The session's end.")],
    import_start: Annotated[int, _register("The import register at the start.")],
    import_end: Annotated[int, _register("And at the end.")],
    export_start: Annotated[int, _register("The export register at the start.")] = 0,
    export_end: Annotated[int, _register("And at the end.")] = 0,
    cost: Annotated[int, amount_option("What the session costs, taxes included.")],
    price: Annotated[
        Price, typer.Option(metavar="live|fallback", help="Which tariff priced it.")
    ] = Price.LIVE,
    idle: Annotated[int, span_option("Connected, neither charging nor parking.")] = 0,
    parking: Annotated[int, span_option("While the vehicle requests no power.")] = 0,
    stop_reason: Annotated[
        int, typer.Option(metavar="N", min=0, max=255, help="Why it ended, as a number.")
    ] = 0,
    clock: Annotated[
        Clock,
        typer.Option(
            metavar="CLOCK",
            help="How far the meter trusts its clock (OCMF): unknown, informative, synchronised or relative.",
        ),
    ] = Clock.SYNCHRONISED,
    offline: Annotated[
        bool, typer.Option("--offline", help="The session started without a connection.")
    ] = False,
    transaction_id: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The OCPP transactionId. Only its hash is kept.")
    ] = None,
    ocmf: Annotated[
        Path | None,
        file_option("The OCMF records, whose bytes are hashed as they are."),
    ] = None,
    pagination: Annotated[
        int, typer.Option(metavar="N", min=0, help="The meter's running number of the record.")
    ] = 0,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Sign what was used, as the meter, and print the session with both signatures as JSON. Needs no node.

    The driver's signature is checked first. Time that is neither idle nor
    parking counts as charging.
    """
    with reported(as_json):
        from evgi_client.charging.session import SignedAuthorization
        from evgi_client.messages import ClockQuality, PriceMode, SessionRecord, keccak256

        promise = SignedAuthorization.from_json(document_in(authorisation))
        domain = domain_of(manifest, "SessionSettlement")
        promise.verify(domain)
        started_at = promise.authorization.started_at
        if ended_at - started_at < idle + parking:
            raise typer.BadParameter(f"idle and parking are longer than the {ended_at - started_at} s of it")
        record = SessionRecord(
            authorization=promise.authorization.struct_hash(),
            started_at=started_at,
            ended_at=ended_at,
            import_start=import_start,
            import_end=import_end,
            export_start=export_start,
            export_end=export_end,
            charging_seconds=ended_at - started_at - idle - parking,
            idle_seconds=idle,
            parking_seconds=parking,
            price_mode=PriceMode[price.name],
            cost=cost,
            stop_reason=stop_reason,
            clock_quality=ClockQuality[clock.name],
            offline=offline,
            transaction_id=bytes(32) if transaction_id is None else keccak256(transaction_id.encode()),
            ocmf=bytes(32) if ocmf is None else keccak256(ocmf.read_bytes()),
            pagination=pagination,
        )
        show_document(promise.metered(signer_of(keystore).sign(record, domain)).to_json(), out, as_json)
