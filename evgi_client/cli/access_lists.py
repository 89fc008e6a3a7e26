"""The commands of ``evgi access`` that keep lists: who is blocked, who is allowed, who is in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from evgi_client.cli.access_values import (
    Identity,
    accessor_argument,
    label_of,
    resource_argument,
    resource_of,
    rights_option,
)
from evgi_client.cli.did_values import did_option, identity_of
from evgi_client.cli.errors import reported
from evgi_client.cli.options import DEFAULT_MANIFEST, AsJson, Keystore, Manifest, RpcUrl, examples
from evgi_client.cli.output import hexadecimal, show
from evgi_client.cli.suite import open_suite

if TYPE_CHECKING:
    from evgi_client.chain import Receipt

Accessors = Annotated[list[str], accessor_argument("DIDs or addresses.")]
Off = Annotated[bool, typer.Option("--off", help="Take them off the list.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to ``evgi access``."""
    app.command(
        epilog=examples(
            "evgi access block 0x3c…5e/trips 0xb7…f2 --keystore vehicle.json",
            "evgi access block 0x3c…5e/trips 0xb7…f2 --off --keystore vehicle.json",
        )
    )(block)
    app.command(
        epilog=examples(
            "evgi access allow 0x3c…5e/trips 0xb7…f2 0x5a…c1 --rights read \\",
            "    --keystore vehicle.json",
            "evgi access allow 0x3c…5e/trips 0xb7…f2 --off --keystore vehicle.json",
        )
    )(allow)
    app.command(
        epilog=examples(
            "evgi access group family --add 0xb7…f2 --add 0x5a…c1 \\",
            "    --keystore vehicle.json",
            "evgi access group family --remove 0xb7…f2 --keystore vehicle.json",
        )
    )(group)


def block(
    resource: Annotated[str, resource_argument()],
    accessors: Accessors,
    *,
    off: Off = False,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Deny accessors everything from now on, whatever they were granted. Only the resource's owner.

    A block outlives a transfer of ownership.
    """
    with reported(as_json):
        client = open_suite(manifest, rpc_url, keystore)
        chain_id, access = client.chain.chain_id, client.access
        id_, who = resource_of(resource, chain_id), _identities(accessors, chain_id)
        receipts = (access.unblock if off else access.block)(id_, who)
        _tell(id_, who, "no longer blocked" if off else "blocked", receipts, as_json)


def allow(
    resource: Annotated[str, resource_argument()],
    accessors: Accessors,
    *,
    rights: Annotated[
        int | None, rights_option("--rights", help="read, write, control: some, or all.")
    ] = None,
    off: Off = False,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Give accessors rights from now on, until they are taken off the list or the resource changes hands.

    Only the resource's owner. Where there should be an end, a purpose or a
    count of uses, grant a certificate instead.
    """
    with reported(as_json):
        if off == (rights is not None):
            raise typer.BadParameter("say what they may do with --rights, or take them off with --off")
        client = open_suite(manifest, rpc_url, keystore)
        chain_id, access = client.chain.chain_id, client.access
        id_, who = resource_of(resource, chain_id), _identities(accessors, chain_id)
        receipts = access.disallow(id_, who) if rights is None else access.allow(id_, who, rights)
        _tell(id_, who, "off the allow list" if off else "allowed", receipts, as_json)


def group(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the group is called.")],
    *,
    add: Annotated[list[str] | None, did_option("--add", help="A new member. May be repeated.")] = None,
    remove: Annotated[
        list[str] | None, did_option("--remove", help="A member no longer. May be repeated.")
    ] = None,
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Add members to a group, or remove some, from now on; make the group where it is new. Prints its id.

    The group belongs to the identity, and its members end with a transfer. What
    they may do is said by evgi access grant --group.
    """
    with reported(as_json):
        from evgi_client.messages.access import group_id

        client = open_suite(manifest, rpc_url, keystore)
        chain_id, access = client.chain.chain_id, client.access
        owner = client.sender.address if identity is None else identity_of(identity, chain_id)
        label, id_ = label_of(name), group_id(owner, label_of(name))
        added, removed = _identities(add or [], chain_id), _identities(remove or [], chain_id)
        receipts = access.add_members(owner, label, added) + access.remove_members(owner, label, removed)
        if not receipts:
            receipts = [access.create_group(owner, label)]
        result = {
            "group": hexadecimal(id_),
            "owner": owner,
            "added": added,
            "removed": removed,
            "transactions": [receipt.transaction_hash for receipt in receipts],
        }
        show(as_json, result, f"group {hexadecimal(id_)}: {len(added)} added, {len(removed)} removed")


def _identities(accessors: list[str], chain_id: int) -> list[str]:
    return [identity_of(accessor, chain_id) for accessor in accessors]


def _tell(resource: bytes, who: list[str], how: str, receipts: list[Receipt], as_json: bool) -> None:
    result = {
        "resource": hexadecimal(resource),
        "accessors": who,
        "now": how,
        "transactions": [receipt.transaction_hash for receipt in receipts],
    }
    show(as_json, result, "\n".join(f"{accessor}: {how}" for accessor in who))
