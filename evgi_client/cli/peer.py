"""``evgi peer``: agreements between utilities, drafted, signed by both, brought to the chain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    RpcUrl,
    address_argument,
    amount_option,
    examples,
    input_file,
    moment_option,
    span_option,
)
from evgi_client.cli.output import columns, hexadecimal, money, show, show_document, utc
from evgi_client.cli.suite import domain_of, open_suite

app = typer.Typer(help="Agreements between two utilities, signed by both.", no_args_is_help=True)


@app.command(
    epilog=examples(
        "evgi peer draft 0x3c…5e 0xb7…f2 --credit-line 50000 \\",
        "    --peer-credit-line 20000 --fee-bps 50 --ceiling-per-kwh 0.80 \\",
        "    --ceiling-per-hour 6 --ceiling-flat 1 --submit-within 20d --window 30d \\",
        "    --dispute-period 7d --notice-period 30d \\",
        "    --valid-from 2026-12-01T00:00:00Z --deadline now+7d --out agreement.json",
    )
)
def draft(
    utility: Annotated[str, address_argument("UTILITY", "One side.")],
    peer: Annotated[str, address_argument("PEER", "The other side.")],
    *,
    credit_line: Annotated[int, amount_option("The most that the first side may owe the other.")],
    peer_credit_line: Annotated[int, amount_option("The most that the other side may owe the first.")],
    fee_bps: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=10_000,
            help="Share of a session's cost that the driver's utility keeps, in 1/10,000.",
        ),
    ],
    ceiling_per_kwh: Annotated[int, amount_option("No terms of the pair may cost more a kWh.")],
    ceiling_per_hour: Annotated[int, amount_option("Nor an hour.")],
    ceiling_flat: Annotated[int, amount_option("Nor a session.")],
    submit_within: Annotated[int, span_option("From a session's start until it must be on the chain.")],
    window: Annotated[int, span_option("Length of a clearing window.")],
    dispute_period: Annotated[int, span_option("Time to dispute a statement.")],
    notice_period: Annotated[int, span_option("Notice to end the agreement.")],
    valid_from: Annotated[
        int, moment_option(help="From when it applies. Only a pair's first may apply before it is agreed.")
    ],
    deadline: Annotated[int, moment_option(help="Until when the signatures may be used.")],
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print a pair's next agreement as JSON, for both to sign. Needs no key."""
    with reported(as_json):
        agreement = open_suite(manifest, rpc_url).peering.draft(
            utility,
            peer,
            credit_line=credit_line,
            peer_credit_line=peer_credit_line,
            submit_within=submit_within,
            fee_bps=fee_bps,
            ceiling_per_kwh=ceiling_per_kwh,
            ceiling_per_hour=ceiling_per_hour,
            ceiling_flat=ceiling_flat,
            window=window,
            dispute_period=dispute_period,
            notice_period=notice_period,
            valid_from=valid_from,
            deadline=deadline,
        )
        show_document(agreement.to_json(), out, as_json)


@app.command(epilog=examples("evgi peer sign agreement.json --keystore utility.json --out one.sig.json"))
def sign(
    agreement: Annotated[
        Path, input_file("AGREEMENT", "The agreement, from evgi peer draft. Read it first.")
    ],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Sign an agreement as one of its sides, and print the signature as JSON. Needs no node."""
    with reported(as_json):
        from evgi_client.messages import PeeringAgreement

        terms = PeeringAgreement.from_json(document_in(agreement))
        domain = domain_of(manifest, "PeeringRegistry")
        signer = signer_of(keystore)
        if signer.address not in (terms.utility_a, terms.utility_b):
            raise typer.BadParameter(f"{signer.address} is no side of this agreement")
        signature = signer.sign(terms, domain).signature.to_bytes()
        show_document({"utility": signer.address, "signature": hexadecimal(signature)}, out, as_json)


@app.command(
    epilog=examples(
        "evgi peer agree agreement.json one.sig.json other.sig.json \\", "    --keystore utility.json"
    )
)
def agree(
    agreement: Annotated[Path, input_file("AGREEMENT", "The agreement that both have signed.")],
    signature: Annotated[Path, input_file("SIGNATURE", "A side's signature, from evgi peer sign.")],
    other_signature: Annotated[Path, input_file("SIGNATURE", "The other side's.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Put an agreement in force. Whoever signs this transaction only brings it: it need not be a side."""
    with reported(as_json):
        from evgi_client.messages import PeeringAgreement

        terms = PeeringAgreement.from_json(document_in(agreement))
        signatures = dict(_signature_in(path) for path in (signature, other_signature))
        for side in (terms.utility_a, terms.utility_b):
            if side not in signatures:
                raise typer.BadParameter(f"neither signature is that of {side}")
        client = open_suite(manifest, rpc_url, keystore)
        receipt = client.peering.agree(terms, signatures[terms.utility_a], signatures[terms.utility_b])
        result = {
            "utilities": [terms.utility_a, terms.utility_b],
            "version": terms.version,
            "valid_from": terms.valid_from,
            "transaction": receipt.transaction_hash,
        }
        show(as_json, result, f"version {terms.version} applies from {utc(terms.valid_from)}")


@app.command(epilog=examples("evgi peer end 0xb7…f2 --keystore utility.json"))
def end(
    peer: Annotated[str, address_argument("PEER", "The other side.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """End the agreement with a peer, with the notice that it names."""
    with reported(as_json):
        client = open_suite(manifest, rpc_url, keystore)
        receipt = client.peering.end(peer)
        ended = client.peering.history(client.sender.address, peer)[-1]
        result = {
            "version": ended.agreement.version,
            "valid_until": ended.valid_until,
            "transaction": receipt.transaction_hash,
        }
        show(as_json, result, f"version {ended.agreement.version} applies until {utc(ended.valid_until)}")


@app.command("show", epilog=examples("evgi peer show 0x3c…5e 0xb7…f2"))
def show_agreements(
    utility: Annotated[str, address_argument("UTILITY", "One side.")],
    peer: Annotated[str, address_argument("PEER", "The other side.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Print every agreement of a pair, oldest first. Needs no key."""
    with reported(as_json):
        client = open_suite(manifest, rpc_url)
        now, history = client.chain.now(), client.peering.history(utility, peer)
        rows = []
        for each in history:
            terms, open_end = each.agreement, each.valid_until == 2**64 - 1
            rows.append(
                (
                    f"{terms.version}{' *' if each.applies_at(now) else ''}",
                    utc(terms.valid_from),
                    "open" if open_end else utc(each.valid_until),
                    str(terms.fee_bps),
                    money(terms.ceiling_per_kwh),
                    money(terms.credit_line_a if terms.utility_a == utility else terms.credit_line_b),
                    money(terms.credit_line_b if terms.utility_a == utility else terms.credit_line_a),
                )
            )
        header = ("version", "from", "until", "fee bps", "ceiling/kWh", "credit line", "peer's credit line")
        text = columns(header, rows, right=header[3:]) + "\n* applies now" if rows else "no agreement"
        agreements = [
            {
                "agreement": each.agreement.to_json(),
                "valid_until": each.valid_until,
                "applies": each.applies_at(now),
            }
            for each in history
        ]
        show(as_json, {"agreements": agreements}, text)


def _signature_in(path: Path) -> tuple[str, bytes]:
    """Whose signature a file holds, and the signature: of a key, or any bytes that an account (EIP-1271) accepts."""
    from evgi_client.messages import checksum_address

    document: Any = document_in(path)
    try:
        signature = bytes.fromhex(str(document["signature"]).removeprefix("0x"))
        return checksum_address(document["utility"]), signature
    except (LookupError, ValueError) as error:
        raise typer.BadParameter(f"{path} holds no utility and signature: {error}") from error
