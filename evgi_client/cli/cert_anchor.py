"""The commands of ``evgi cert`` about who may issue: trust anchors, accredited and withdrawn."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from evgi_client.cli.cert_values import REGISTRY, party_argument, party_option, type_option
from evgi_client.cli.did_values import identity_of
from evgi_client.cli.errors import reported
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    RpcUrl,
    examples,
    moment_option,
)
from evgi_client.cli.output import show, utc
from evgi_client.cli.suite import open_suite
from evgi_client.messages.certificates import EntityType

_DEADLINE = 3600
"""Seconds for which the signature of an accreditation that is sent at once may be used."""


def add_to(app: typer.Typer) -> None:
    """Adds the commands to ``evgi cert``."""
    app.command(
        epilog=examples(
            "evgi cert accredit 0x3c…5e --type vehicle --type battery --depth 1 \\",
            "    --until now+730d --keystore governor.json",
            "evgi cert accredit 0xb7…f2 --type vehicle --until now+365d \\",
            "    --accreditor 0x3c…5e --keystore anchor.json",
        )
    )(accredit)
    app.command(
        epilog=examples(
            "evgi cert withdraw 0xb7…f2 --keystore anchor.json",
            "evgi cert withdraw 0x3c…5e --root --keystore governor.json",
        )
    )(withdraw)


def accredit(
    anchor: Annotated[str, party_argument("ANCHOR", "Who may issue from then on.")],
    *,
    types: Annotated[list[int], type_option("An entity type it may certify. May be repeated.")],
    depth: Annotated[
        int, typer.Option(metavar="N", min=0, max=3, help="How many anchors may stand below it.")
    ] = 0,
    begin: Annotated[
        int | None, moment_option("--from", help="From when; now where not given or passed.")
    ] = None,
    until: Annotated[int, moment_option(help="Until when.")],
    accreditor: Annotated[
        str | None,
        party_option("--accreditor", help="The anchor that accredits. Without: governance does."),
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Accredit a trust anchor to issue certificates of some entity types.

    Governance (role ACCREDITOR) accredits the first ones; they accredit others
    below them, for no type that they have not themselves. An accreditation
    takes the place of the anchor's earlier one.
    """
    with reported(as_json):
        from evgi_client.messages.certificates import Accreditation, entity_type_mask

        client = open_suite(manifest, rpc_url, keystore)
        identity, begins = identity_of(anchor, client.deployment.chain_id), begin or 0
        if accreditor is None:
            receipt = client.certificates.accredit_root(
                identity, types, depth=depth, valid_from=begins, valid_until=until
            )
        else:
            now = client.chain.now()
            accreditation = Accreditation(
                anchor=identity,
                accreditor=identity_of(accreditor, client.deployment.chain_id),
                entity_types=entity_type_mask(*types),
                depth=depth,
                valid_from=begins or now,
                valid_until=until,
                deadline=max(now, int(time.time())) + _DEADLINE,
            )
            digest = accreditation.digest(client.deployment.domain(REGISTRY))
            signature = client.sender.sign_digest(digest).to_bytes()
            receipt = client.certificates.accredit(accreditation, signature)
        names = [EntityType(each).name for each in types]
        result = {"anchor": identity, "entity_types": names, "transaction": receipt.transaction_hash}
        show(as_json, result, f"{identity} may certify {', '.join(names)} until {utc(until)}")


def withdraw(
    anchor: Annotated[str, party_argument("ANCHOR", "Whose accreditation ends.")],
    *,
    root: Annotated[bool, typer.Option("--root", help="As governance, what governance gave.")] = False,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """End an accreditation from now on, as who gave it or as the anchor itself.

    Certificates of the anchor, and of those below it, are good no longer. For
    times that have passed they stay what they were.
    """
    with reported(as_json):
        client = open_suite(manifest, rpc_url, keystore)
        identity = identity_of(anchor, client.deployment.chain_id)
        certificates = client.certificates
        receipt = certificates.withdraw_root(identity) if root else certificates.withdraw(identity)
        result = {"anchor": identity, "transaction": receipt.transaction_hash}
        show(as_json, result, f"the accreditation of {identity} has ended")
