"""The commands of ``evgi did`` that change an identity. The owner signs; it, or anyone, brings what it signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.cli.did_signing import REGISTRY, Asked, Deadline, Identity, SignOnly
from evgi_client.cli.did_values import account, attribute_value
from evgi_client.cli.errors import reported
from evgi_client.cli.files import documents_in
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    Out,
    RpcUrl,
    examples,
    input_file,
    moment_option,
)
from evgi_client.cli.output import show, utc
from evgi_client.cli.suite import open_suite

if TYPE_CHECKING:
    from evgi_client.identity import Identities, IdentityChange

Type = Annotated[
    str,
    typer.Option("--type", metavar="TYPE", help="sigAuth: may act for the identity. veriKey: signs only."),
]

delegates = typer.Typer(help="Accounts that sign for an identity.", no_args_is_help=True)
attributes = typer.Typer(help="Keys and services of an identity.", no_args_is_help=True)

_OWNER_EXAMPLES = examples(
    "evgi did rotate new.json --keystore old.json",
    "evgi did rotate 0x3c…5e --identity did:ethr:0x539:0xb7…f2 \\",
    "    --keystore owner.json --sign-only --out change.json",
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to ``evgi did``."""
    app.command(epilog=_OWNER_EXAMPLES)(rotate)
    app.add_typer(delegates, name="delegate")
    app.add_typer(attributes, name="attribute")
    app.command(
        epilog=examples(
            "evgi did deactivate --keystore lost.json",
            "evgi did deactivate --identity 0xb7…f2 --yes --keystore owner.json",
        )
    )(deactivate)
    app.command(epilog=examples("evgi did relay change.json other.json --keystore operator.json"))(relay)


def rotate(
    owner: Annotated[
        str,
        typer.Argument(
            parser=account, metavar="OWNER", help="The new owner: an address, or the keystore of its key."
        ),
    ],
    *,
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    sign_only: SignOnly = False,
    deadline: Deadline = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Give an identity another owner: a new key of the same holder, or a new holder.

    The chain cannot tell one from the other: either ends every grant that was
    made for the identity before, and its delegates act for it no longer. They
    and its keys stay in its document until they end or the new owner revokes
    them. The DID stays what it is.
    """

    def draft(identities: Identities, whose: str, last: int) -> IdentityChange:
        from evgi_client.identity.document import NOBODY

        if owner == NOBODY:
            raise typer.BadParameter("nobody can own an identity; to give it up see evgi did deactivate")
        if identities.owner(whose) == owner:
            raise typer.BadParameter(f"{owner} owns it already")
        return identities.draft_owner(whose, owner, deadline=last)

    asked = Asked(identity, manifest, keystore, rpc_url, sign_only, deadline, out, as_json)
    asked.carry_out(draft, f"owned by {owner}")


@delegates.command(
    "add",
    epilog=examples(
        "evgi did delegate add 0x3c…5e --until now+90d --keystore owner.json",
        "evgi did delegate add 0x3c…5e --type veriKey --until 2027-01-01T00:00:00Z \\",
        "    --keystore owner.json",
    ),
)
def add_delegate(
    delegate: Annotated[
        str,
        typer.Argument(parser=account, metavar="ACCOUNT", help="An address, or the keystore of its key."),
    ],
    *,
    kind: Type = "sigAuth",
    until: Annotated[int, moment_option(help="Until when it is one.")],
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    sign_only: SignOnly = False,
    deadline: Deadline = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Make an account a delegate of an identity until a time."""

    def draft(identities: Identities, whose: str, last: int) -> IdentityChange:
        return identities.draft_delegate(whose, kind, delegate, valid_to=until, deadline=last)

    asked = Asked(identity, manifest, keystore, rpc_url, sign_only, deadline, out, as_json)
    asked.carry_out(draft, f"{delegate} is a {kind} delegate until {utc(until)}", until=until)


@delegates.command("revoke", epilog=examples("evgi did delegate revoke 0x3c…5e --keystore owner.json"))
def revoke_delegate(
    delegate: Annotated[
        str,
        typer.Argument(parser=account, metavar="ACCOUNT", help="An address, or the keystore of its key."),
    ],
    *,
    kind: Type = "sigAuth",
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    sign_only: SignOnly = False,
    deadline: Deadline = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a delegate of an identity, of one type, from now on."""

    def draft(identities: Identities, whose: str, last: int) -> IdentityChange:
        return identities.draft_delegate(whose, kind, delegate, valid_to=0, deadline=last)

    asked = Asked(identity, manifest, keystore, rpc_url, sign_only, deadline, out, as_json)
    asked.carry_out(draft, f"{delegate} is no {kind} delegate")


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="did/pub/<algorithm>/<veriKey|sigAuth|enc>/<encoding>, or did/svc/<type>."
    ),
]
Value = Annotated[
    bytes,
    typer.Argument(
        parser=attribute_value,
        metavar="VALUE",
        help="Text, 0x and hexadecimal digits, or @FILE for its bytes.",
    ),
]


@attributes.command(
    "set",
    epilog=examples(
        "evgi did attribute set did/svc/DataHost https://data.example \\",
        "    --until now+365d --keystore owner.json",
        "evgi did attribute set did/pub/X25519/enc/base64 0x5d2f… --until now+90d \\",
        "    --keystore owner.json",
    ),
)
def set_attribute(
    name: Name,
    value: Value,
    *,
    until: Annotated[int, moment_option(help="Until when it is in the document.")],
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    sign_only: SignOnly = False,
    deadline: Deadline = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Put a key or a service into an identity's document until a time."""

    def draft(identities: Identities, whose: str, last: int) -> IdentityChange:
        return identities.draft_attribute(whose, name, value, valid_to=until, deadline=last)

    asked = Asked(identity, manifest, keystore, rpc_url, sign_only, deadline, out, as_json)
    asked.carry_out(draft, f"{name} is set until {utc(until)}", until=until)


@attributes.command(
    "revoke",
    epilog=examples(
        "evgi did attribute revoke did/svc/DataHost https://data.example \\",
        "    --keystore owner.json",
    ),
)
def revoke_attribute(
    name: Name,
    value: Value,
    *,
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    sign_only: SignOnly = False,
    deadline: Deadline = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Take a key or a service out of an identity's document. Name and value are those it was set with."""

    def draft(identities: Identities, whose: str, last: int) -> IdentityChange:
        return identities.draft_attribute(whose, name, value, valid_to=0, deadline=last)

    asked = Asked(identity, manifest, keystore, rpc_url, sign_only, deadline, out, as_json)
    asked.carry_out(draft, f"{name} is withdrawn")


def deactivate(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    sign_only: SignOnly = False,
    deadline: Deadline = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Give up an identity for good. Nobody, its owner included, can take it back."""

    def draft(identities: Identities, whose: str, last: int) -> IdentityChange:
        from evgi_client.identity.document import NOBODY

        if not yes:
            _confirm(whose)
        return identities.draft_owner(whose, NOBODY, deadline=last)

    asked = Asked(identity, manifest, keystore, rpc_url, sign_only, deadline, out, as_json)
    asked.carry_out(draft, "deactivated, for good")


def relay(
    changes: Annotated[
        list[Path], input_file("CHANGE", "Signed changes, from --sign-only or evgi did create --out.")
    ],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Bring changes that owners signed, many in one transaction. Whoever signs that only pays for it.

    Each is checked first: the order of each identity's own, and that its owner
    signed. A transaction takes all of its changes or none.
    """
    with reported(as_json):
        from evgi_client.identity.changes import change_from_json, in_order

        documents = [document for path in changes for document in documents_in(path)]
        if not documents:
            raise typer.BadParameter("there is no change in what was given")
        client = open_suite(manifest, rpc_url, keystore)
        domain, identities = client.deployment.domain(REGISTRY), client.identities
        signed = in_order((change_from_json(each, domain) for each in documents), identities.owner)
        receipts = identities.relay(signed)
        result = {
            "changes": len(signed),
            "identities": sorted({each.message.identity for each in signed}),
            "transactions": [receipt.transaction_hash for receipt in receipts],
        }
        show(as_json, result, f"{len(signed)} changes in {len(receipts)} transaction(s)")


def _confirm(identity: str) -> None:
    question = f"Give up {identity} for good?"
    try:
        agreed: Any = typer.confirm(question, err=True)
    except typer.Abort:
        raise typer.BadParameter(f"{question} Say --yes, or run in a terminal") from None
    if not agreed:
        raise typer.Exit(1)
