"""What users type and files hold about access: resources, groups, rights, certificates; and what commands share."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.cli.did_values import did_option, did_or_address, identity_of
from evgi_client.cli.files import document_in
from evgi_client.cli.options import moment_option
from evgi_client.cli.suite import domain_of, open_suite
from evgi_client.messages.access import Right, group_id, resource_id
from evgi_client.messages.hashing import keccak256

if TYPE_CHECKING:
    from evgi_client.access import PaperCredential
    from evgi_client.client import Client

REGISTRY = "AccessRegistry"
REVOCATIONS = "RevocationRegistry"
WEEK = 7 * 86_400

_WORD = re.compile(r"0x[0-9a-fA-F]{64}")

OptionalUrl = Annotated[
    str | None,
    typer.Option("--rpc-url", envvar="EVGI_RPC_URL", metavar="URL", help="A JSON-RPC node."),
]
SignOnly = Annotated[
    bool,
    typer.Option("--sign-only", help="Only sign, for anyone to bring with evgi access bring. Needs no node."),
]
Identity = Annotated[
    str | None,
    did_option("--identity", help="A DID or an address; the keystore's own identity where not given."),
]
From = Annotated[int | None, moment_option("--from", help="From when; now where not given.")]
Until = Annotated[int, moment_option("--until", help="Until when.")]


def resource_argument(
    help: str = "OWNER/NAME, or its id.",  # noqa: A002 — typer's word
) -> Any:
    return typer.Argument(metavar="RESOURCE", parser=named, help=help)


def accessor_argument(
    help: str = "A DID or an address.",  # noqa: A002 — typer's word
) -> Any:
    return typer.Argument(metavar="ACCESSOR", parser=did_or_address, help=help)


def rights_option(*names: str, help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option(*names, metavar="RIGHTS", parser=rights, help=help)


def rights(text: str | int) -> int:
    """A mask of ``read``, ``read,write``, ``all``. A default is a number already."""
    if isinstance(text, int):
        return int(text)
    mask = 0
    for name in text.split(","):
        if name == "all":
            mask |= sum(Right)
        elif name.upper() in Right.__members__:
            mask |= Right[name.upper()]
        else:
            raise typer.BadParameter(f"{text!r} is no list of rights such as read, read,write or all")
    return int(mask)


def named(text: str) -> str:
    """An id, or an owner and a name with a slash between."""
    owner, slash, name = text.rpartition("/")
    if _WORD.fullmatch(text):
        return text.lower()
    if not slash or not name:
        raise typer.BadParameter(f"{text!r} is no OWNER/NAME, and no id of 32 bytes in hexadecimal")
    return f"{did_or_address(owner)}/{name}"


def label_of(name: str) -> bytes:
    """The label that a name stands for, 32 bytes: its hash, so that the chain does not have the name."""
    return keccak256(name.encode())


def resource_of(text: str, chain_id: int) -> bytes:
    """The id of what ``named`` read."""
    return _id_of(text, chain_id, resource_id)


def group_of(text: str, chain_id: int) -> bytes:
    """The id of what ``named`` read."""
    return _id_of(text, chain_id, group_id)


def _id_of(text: str, chain_id: int, make: Any) -> bytes:
    owner, slash, name = text.rpartition("/")
    if not slash:
        return bytes.fromhex(text[2:])
    made: bytes = make(identity_of(owner, chain_id), label_of(name))
    return made


def credential_in(path: Path) -> PaperCredential:
    """The certificate in a file, with its signature."""
    from evgi_client.access import PaperCredential

    return PaperCredential.from_json(document_in(path))


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs, for which chain, and the suite where it is to be brought at once."""

    client: Client | None
    signer: Any
    domain: Any
    now: int

    @classmethod
    def open(
        cls, manifest: Path, rpc_url: str | None, keystore: Path, sign_only: bool, contract: str = REGISTRY
    ) -> Signing:
        from evgi_client.cli.keys import signer_of

        if sign_only:
            return cls(None, signer_of(keystore), domain_of(manifest, contract), int(time.time()))
        if rpc_url is None:
            raise typer.BadParameter("name a node with --rpc-url, or sign for later with --sign-only")
        client = open_suite(manifest, rpc_url, keystore)
        return cls(client, client.sender, client.deployment.domain(contract), client.chain.now())

    def identity(self, given: str | None) -> str:
        """The identity that is meant: the signer's own where none is given."""
        address: str = self.signer.address
        return address if given is None else identity_of(given, self.domain.chain_id)
