"""``evgi terms`` and ``evgi authorise``: what a charge point offers, and the driver's promise to pay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evgi_client.cli.errors import reported
from evgi_client.cli.files import document_in, tariff_in
from evgi_client.cli.keys import signer_of
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Manifest,
    Out,
    address_option,
    amount_option,
    examples,
    file_option,
    input_file,
    moment_option,
    span_option,
)
from evgi_client.cli.output import show_document
from evgi_client.cli.suite import domain_of

TERMS_EXAMPLES = examples(
    "evgi terms 'DE*ABC*E0001' --connector 1 --creditor 0x3c…5e \\",
    "    --debtor 0xb7…f2 --tariff tariff.json --ceiling-per-kwh 0.80 \\",
    "    --max-energy 80000 --max-duration 12h --submit-within 20d \\",
    "    --out terms.json",
)

AUTHORISE_EXAMPLES = examples(
    "evgi authorise terms.json --started-at now --max-cost 40 \\",
    "    --keystore driver.json --out authorisation.json",
    "evgi authorise terms.json --started-at 1795165200 --max-cost 40 --typed-data",
    "evgi authorise terms.json --started-at 1795165200 --max-cost 40 \\",
    "    --signature 0x5b…1c",
)


def terms(
    evse_id: Annotated[str, typer.Argument(metavar="EVSE-ID", help="Of ISO 15118-2 or DIN form.")],
    *,
    connector: Annotated[
        int, typer.Option(metavar="N", min=0, max=255, help="The connector's number at the EVSE.")
    ],
    creditor: Annotated[str, address_option("The utility that the operator sells through: it is owed.")],
    debtor: Annotated[str, address_option("The utility that bills the driver: it owes.")],
    tariff: Annotated[Path, file_option("The OCPI tariff for the session.")],
    fallback_tariff: Annotated[
        Path | None,
        file_option("For when no live price can be had; the same where not given."),
    ] = None,
    ceiling_per_kwh: Annotated[int, amount_option("No session costs more a kWh.")],
    ceiling_per_hour: Annotated[int, amount_option("Nor an hour of the longest time.")] = 0,
    ceiling_flat: Annotated[int, amount_option("Nor besides.")] = 0,
    max_energy: Annotated[int, typer.Option(metavar="WH", min=1, help="OCPP maxEnergy.")],
    max_duration: Annotated[int, span_option("OCPP maxTime.")],
    max_soc: Annotated[int, typer.Option(metavar="PERCENT", min=0, max=100, help="OCPP maxSoC.")] = 100,
    submit_within: Annotated[int, span_option("From the session's start until it must be on the chain.")],
    export_allowed: Annotated[
        bool, typer.Option("--export-allowed", help="The vehicle may also feed energy back.")
    ] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print what a connector offers to the drivers of a utility, as JSON. Needs neither key nor node."""
    with reported(as_json):
        from evgi_client.messages import ChargingTerms, connector_id

        offered = ChargingTerms(
            connector=connector_id(evse_id, connector),
            creditor=creditor,
            debtor=debtor,
            tariff=tariff_in(tariff),
            fallback_tariff=tariff_in(fallback_tariff or tariff),
            ceiling_per_kwh=ceiling_per_kwh,
            ceiling_per_hour=ceiling_per_hour,
            ceiling_flat=ceiling_flat,
            max_energy=max_energy,
            max_duration=max_duration,
            max_soc=max_soc,
            submit_within=submit_within,
            export_allowed=export_allowed,
        )
        show_document(offered.to_json(), out, as_json)


def authorise(
    terms: Annotated[Path, input_file("TERMS", "What the charge point offers, from evgi terms.")],
    *,
    started_at: Annotated[int, moment_option(help="The session's start.")],
    max_cost: Annotated[int, amount_option("The most that the session may cost.")],
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Annotated[
        Path | None,
        typer.Option(
            envvar="EVGI_KEYSTORE", metavar="FILE", exists=True, dir_okay=False, help="The driver's key."
        ),
    ] = None,
    typed_data: Annotated[
        bool, typer.Option("--typed-data", help="Print what a wallet signs (eth_signTypedData_v4) instead.")
    ] = False,
    signature: Annotated[
        str | None, typer.Option(metavar="HEX", help="What the wallet answered, in place of a keystore.")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Sign a bounded promise to pay, as the driver, and print it as JSON. Needs no node.

    Nobody can charge more than the maximum, or use the promise for another
    session, or twice.
    """
    with reported(as_json):
        from evgi_client.charging.session import SignedAuthorization
        from evgi_client.messages import ChargingAuthorization, ChargingTerms
        from evgi_client.signing import Signature, Signed

        offered = ChargingTerms.from_json(document_in(terms))
        promise = ChargingAuthorization(offered, started_at, max_cost)
        domain = domain_of(manifest, "SessionSettlement")
        if typed_data:
            show_document(promise.to_typed_data(domain), out, as_json)
            return
        if signature is not None:
            signed = Signed(promise, domain, Signature.from_bytes(_bytes(signature)))
            driver = signed.recover()
        elif keystore is not None:
            signer = signer_of(keystore)
            driver, signed = signer.address, signer.sign(promise, domain)
        else:
            raise typer.BadParameter("who signs? Give a keystore, a wallet's signature, or --typed-data")
        show_document(SignedAuthorization.of(driver, signed).to_json(), out, as_json)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not hexadecimal") from error
