"""What users type about identities: DIDs, who is meant by one, services, values of attributes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from evgi_client.cli import values
from evgi_client.errors import EvgiError
from evgi_client.identity.did import Did
from evgi_client.signing import keystore_address


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its type, and its endpoint: a URI, or JSON."""

    kind: str
    endpoint: str


def did_argument(help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Argument(parser=did_or_address, metavar="DID", help=help)


def did_option(*names: str, help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option(*names, parser=did_or_address, metavar="DID", help=help)


def service_option(help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option("--service", parser=service, metavar="TYPE=ENDPOINT", help=help)


def did_or_address(text: str) -> str:
    """A DID as it is, or a checksummed address."""
    return text if text.startswith("did:") else values.address(text)


def identity_of(text: str, chain_id: int) -> str:
    """The identity that a DID or an address names on a chain."""
    if not text.startswith("did:"):
        return text
    try:
        did = Did.parse(text)
    except EvgiError as error:
        raise typer.BadParameter(str(error)) from error
    if did.chain_id != chain_id:
        raise typer.BadParameter(f"{text} is an identity of network {did.network}, not of chain {chain_id}")
    return did.identity


def account(text: str) -> str:
    """An address, or that of a keystore."""
    if text.startswith("0x") or not Path(text).is_file():
        return values.address(text)
    try:
        return keystore_address(Path(text))
    except EvgiError as error:
        raise typer.BadParameter(str(error)) from error


def service(text: str | Service) -> Service:
    if isinstance(text, Service):
        return text
    kind, separator, endpoint = text.partition("=")
    if not separator or not kind.replace("_", "").isalnum() or not kind.isascii() or not endpoint:
        raise typer.BadParameter(f"{text!r} is no service such as DataHost=https://data.example")
    return Service(kind, endpoint)


def attribute_value(text: str) -> bytes:
    """The bytes of an attribute: a file's (``@FILE``), those of hexadecimal digits (``0x…``), or the text's own."""
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except OSError as error:
            raise typer.BadParameter(f"{text[1:]}: {error.strerror}") from error
    if text.startswith("0x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is not hexadecimal") from error
    return text.encode()
