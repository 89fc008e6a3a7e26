"""A deployed suite, opened from what the command line names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evgi_client.cli.keys import signer_of
from evgi_client.signing import keystore_address

if TYPE_CHECKING:
    from evgi_client.client import Client
    from evgi_client.messages import Domain


def open_suite(manifest: Path, rpc_url: str, keystore: Path | None = None) -> Client:
    """The suite behind a node; without a keystore it can only be read. The password is asked for last."""
    from evgi_client.chain import Chain
    from evgi_client.client import Client
    from evgi_client.deployment import load_deployment

    deployment = load_deployment(manifest)
    chain = Chain.connect(rpc_url, chain_id=deployment.chain_id)
    if keystore is None:
        return Client(deployment, chain)
    deployment.require_chain(chain)
    return Client(deployment, chain, signer_of(keystore))


def domain_of(manifest: Path, contract: str) -> Domain:
    """What a signature to a contract is bound to. Needs no node."""
    from evgi_client.deployment import load_deployment

    return load_deployment(manifest).domain(contract)


def account_of(given: str | None, keystore: Path | None, what: str) -> str:
    """The account that an option names, or else a keystore."""
    if given is not None:
        return given
    if keystore is None:
        raise typer.BadParameter(f"whose? Name an account with {what}, or a keystore")
    return keystore_address(keystore)
