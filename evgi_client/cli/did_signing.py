"""How a command changes an identity: drafts the change, signs it as the owner, and brings it or prints it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.cli.did_values import Service, did_option, identity_of
from evgi_client.cli.errors import reported
from evgi_client.cli.options import moment_option
from evgi_client.cli.output import show, show_document, utc
from evgi_client.cli.suite import open_suite
from evgi_client.errors import NotOwnerError

if TYPE_CHECKING:
    from evgi_client.deployment import Deployment
    from evgi_client.identity import Identities, IdentityChange, SignedChange
    from evgi_client.signing import LocalSigner

REGISTRY = "DIDRegistry"
WEEK = 7 * 86_400

Identity = Annotated[
    str | None,
    did_option("--identity", help="A DID or an address; the keystore's own identity where not given."),
]
SignOnly = Annotated[
    bool,
    typer.Option("--sign-only", help="Print the signed change for anyone to bring with evgi did relay."),
]
Deadline = Annotated[
    int | None, moment_option(help="Until when the signature may be used; a week from now where not given.")
]

Draft = Callable[["Identities", str, int], "IdentityChange"]
"""``(identities, identity, deadline) -> change``"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What every command that changes an identity is asked."""

    identity: str | None
    manifest: Path
    keystore: Path
    rpc_url: str
    sign_only: bool
    deadline: int | None
    out: Path | None
    as_json: bool

    def carry_out(self, draft: Draft, done: str, until: int | None = None) -> None:
        """Changes the identity, or prints the signed change.

        What is sent is what would be printed, so that a validity is to the second, whenever its block comes.

        Args:
            done: what is so afterwards.
            until: when what the change sets ends.
        """
        with reported(self.as_json):
            self._carry_out(draft, done, until)

    def _carry_out(self, draft: Draft, done: str, until: int | None) -> None:
        from evgi_client.identity import Did
        from evgi_client.identity.changes import change_to_json
        from evgi_client.identity.document import NOBODY

        if self.out is not None and not self.sign_only:
            raise typer.BadParameter("--out goes with --sign-only")
        client = open_suite(self.manifest, self.rpc_url, self.keystore)
        chain, account, identities = client.chain, client.sender.address, client.identities
        identity = account if self.identity is None else identity_of(self.identity, chain.chain_id)
        owner = identities.owner(identity)
        if owner != account:
            raise NotOwnerError(identity, account, None if owner == NOBODY else owner)
        now = chain.now()
        if until is not None and until <= now:
            raise typer.BadParameter(f"--until {utc(until)} has passed: that would revoke, not set")
        deadline = max(now, int(time.time())) + WEEK if self.deadline is None else self.deadline
        change: Any = draft(identities, identity, deadline)
        signed = identities.sign(change)
        if self.sign_only:
            show_document(change_to_json(signed), self.out, self.as_json)
            return
        receipt = identities.bring(change, signed.signature.to_bytes())
        result = {
            "did": Did.of(identity, chain.chain_id).text,
            "change": change.TYPE,
            "nonce": change.nonce,
            "block": receipt.block_number,
            "transaction": receipt.transaction_hash,
        }
        show(self.as_json, result, f"{identity}: {done}, from block {receipt.block_number}")


def first_services(
    signer: LocalSigner,
    deployment: Deployment,
    services: Sequence[Service],
    until: int,
    deadline: int | None,
) -> list[SignedChange]:
    """Signs the services of an identity that nobody has changed yet. Needs no node: its nonces are 0, 1, 2…"""
    if not services:
        return []
    from evgi_client.identity import word_of
    from evgi_client.messages.identity import AttributeChange

    domain = deployment.domain(REGISTRY)
    last = int(time.time()) + WEEK if deadline is None else deadline
    return [
        signer.sign(
            AttributeChange(
                signer.address,
                word_of(f"did/svc/{service.kind}"),
                service.endpoint.encode(),
                until,
                nonce,
                last,
            ),
            domain,
        )
        for nonce, service in enumerate(services)
    ]


def write(changes: Sequence[SignedChange], out: Path) -> None:
    """Writes signed changes to a file that ``evgi did relay`` reads."""
    from evgi_client.identity.changes import change_to_json

    out.write_text(json.dumps([change_to_json(each) for each in changes], indent=2) + "\n", encoding="utf-8")
