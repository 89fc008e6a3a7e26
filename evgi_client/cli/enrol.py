"""``evgi enrol``: members, charge points, drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evgi_client.cli import values
from evgi_client.cli.errors import reported
from evgi_client.cli.files import tariff_in, text_of
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    RpcUrl,
    address_argument,
    address_option,
    examples,
    file_option,
    input_file,
    moment_option,
)
from evgi_client.cli.output import columns, hexadecimal, show, utc
from evgi_client.cli.suite import open_suite

app = typer.Typer(help="Enrol members, charge points and drivers.", no_args_is_help=True)


@app.command(epilog=examples("evgi enrol member 0x3c…5e 0xb7…f2 --keystore governor.json"))
def member(
    account: Annotated[list[str], address_argument("ADDRESS", "Who may hold clearing tokens from now on.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Admit accounts to the clearing token. Sent by a holder of the membership role.

    Where the role has a delay, the first run announces and the next one, after
    the delay, admits. What makes an account a utility is the deployment plan:
    see evgi deploy plan.
    """
    with reported(as_json):
        tokens = open_suite(manifest, rpc_url, keystore).tokens
        admitted = {each: tokens.admit(each) is not None for each in account}
        rows = [(each, "admitted" if new else "member already") for each, new in admitted.items()]
        members = [{"account": each, "admitted": new} for each, new in admitted.items()]
        show(as_json, {"members": members}, columns(("account", "result"), rows))


@app.command(
    "charge-point",
    epilog=examples(
        "evgi enrol charge-point 'DE*ABC*E0001' --connector 1 --operator 0x5d…a0 \\",
        "    --meter 0x71…c4 --rated-power 22000 --since 2026-11-01T00:00:00Z \\",
        "    --keystore utility.json",
    ),
)
def charge_point(
    evse_id: Annotated[
        str,
        typer.Argument(metavar="EVSE-ID", help="Of ISO 15118-2 or DIN form. Only its hash goes on chain."),
    ],
    *,
    connector: Annotated[
        int, typer.Option(metavar="N", min=0, max=255, help="The connector's number at the EVSE.")
    ],
    operator: Annotated[str, address_option("Who operates it.")],
    meter: Annotated[str, address_option("The key that its meter signs with.")],
    rated_power: Annotated[
        int, typer.Option(metavar="W", min=1, max=2**32 - 1, help="Bounds the energy a session can have.")
    ],
    since: Annotated[
        int, moment_option(help="From when it is in service. Sessions that start earlier cannot be settled.")
    ],
    tariff: Annotated[Path | None, file_option("The OCPI tariff that it publishes.")] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """List a connector that sells through the utility that signs, and print the connector's id.

    Listed already with the same facts, it stays as it is.
    """
    with reported(as_json):
        from evgi_client.charging.directory import ChargePoint, Status
        from evgi_client.messages import evse_id_hash

        evse, published = evse_id_hash(evse_id), tariff_in(tariff)
        client = open_suite(manifest, rpc_url, keystore)
        point = ChargePoint(
            creditor=client.sender.address,
            since=since,
            status=Status.IN_SERVICE,
            connector_number=connector,
            operator=operator,
            rated_power_w=rated_power,
            meter_key=meter,
            evse_id_hash=evse,
            tariff=published,
        )
        listed = hexadecimal(client.enrolment.register(point))
        show(as_json, {"connector": listed}, listed)


@app.command(
    epilog=examples(
        "evgi enrol drivers december.txt --from 2026-12-01T00:00:00Z \\",
        "    --until 2027-01-01T00:00:00Z --keystore utility.json",
        "cut -d, -f2 drivers.csv | evgi enrol drivers - --from now-1h --until now+30d",
    )
)
def drivers(
    file: Annotated[Path, input_file("FILE", "Addresses of drivers' keys, one a line; - for stdin.")],
    *,
    valid_from: Annotated[int, moment_option("--from", help="From when the roster holds.")],
    valid_until: Annotated[
        int, moment_option("--until", help="Until when: its drivers cannot charge after it.")
    ],
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Publish the next roster of the utility that signs: who is not in it cannot charge in that time.

    A roster begins where the one before it ended, or later.
    """
    with reported(as_json):
        keys = [values.address(line.strip()) for line in text_of(file).splitlines() if line.strip()]
        roster = open_suite(manifest, rpc_url, keystore).enrolment.publish_roster(
            valid_from, valid_until, keys
        )
        result = {"roster": roster, "drivers": len(keys), "from": valid_from, "until": valid_until}
        show(
            as_json,
            result,
            f"roster {roster}: {len(keys):,} drivers from {utc(valid_from)} until {utc(valid_until)}",
        )


@app.command(epilog=examples("evgi enrol revoke 0x88…3d --at now+1m --keystore utility.json"))
def revoke(
    key: Annotated[str, address_argument("KEY", "A driver's key. It is revoked for good.")],
    *,
    at: Annotated[
        int, moment_option(help="From when. Not in the past, when the block is made: now+1m serves for now.")
    ],
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Withdraw a driver's key as of a time. What it signed for earlier sessions stays owed."""
    with reported(as_json):
        receipt = open_suite(manifest, rpc_url, keystore).enrolment.revoke(key, at)
        result = {"key": key, "revoked_from": at, "transaction": receipt.transaction_hash}
        show(as_json, result, f"{key} is revoked from {utc(at)}")
