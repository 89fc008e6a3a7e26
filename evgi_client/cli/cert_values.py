"""What users type and files hold about certificates: entity types, keys, certificates, where personal claims go."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.certificates.keys import KeyAlgorithm, KeyUse, SubjectKey
from evgi_client.cli.did_values import did_or_address
from evgi_client.cli.errors import stderr
from evgi_client.cli.files import text_of
from evgi_client.cli.output import show
from evgi_client.errors import EvgiError
from evgi_client.messages.certificates import EntityType, RevocationReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.certificates import EntityCredential, Snapshot

PrivateOut = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        dir_okay=False,
        help="Write to this file, which only its owner may read, instead of stdout.",
    ),
]
REGISTRY = "CertificateRegistry"
REVOCATIONS = "RevocationRegistry"


def entity_type(text: str | EntityType) -> EntityType:
    """``vehicle``, ``charge-point``, ``ChargePoint``."""
    if isinstance(text, EntityType):
        return text
    wanted = text.replace("-", "").replace("_", "").upper()
    for each in EntityType:
        if each is not EntityType.NONE and each.name.replace("_", "") == wanted:
            return each
    known = ", ".join(each.name.lower().replace("_", "-") for each in EntityType if each)
    raise typer.BadParameter(f"{text!r} is no entity type: {known}")


def type_argument() -> Any:
    return typer.Argument(
        parser=entity_type, metavar="TYPE", help="What the subject is: user, vehicle, battery, meter…"
    )


def type_option(help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option("--type", parser=entity_type, metavar="TYPE", help=help)


def party_option(*names: str, help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option(*names, parser=did_or_address, metavar="DID", help=help)


def party_argument(metavar: str, help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Argument(parser=did_or_address, metavar=metavar, help=help)


def subject_key(text: str | SubjectKey) -> SubjectKey:
    """``metering:secp256k1:0x02…``."""
    if isinstance(text, SubjectKey):
        return text
    parts = text.split(":")
    try:
        use, algorithm, raw = parts
        return SubjectKey(KeyUse(use), KeyAlgorithm(algorithm), bytes.fromhex(raw.removeprefix("0x")))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no key such as metering:secp256k1:0x02…: {error}") from error


def reason(text: str | RevocationReason) -> RevocationReason:
    """``key-compromise``."""
    if isinstance(text, RevocationReason):
        return text
    found = RevocationReason.__members__.get(text.replace("-", "_").upper())
    if found is None:
        known = ", ".join(each.name.lower().replace("_", "-") for each in RevocationReason)
        raise typer.BadParameter(f"{text!r} is no reason: {known}")
    return found


def certificate_hash(text: str) -> bytes | None:
    """The struct hash that a text is; None where it is none."""
    digits = text.removeprefix("0x")
    try:
        return bytes.fromhex(digits) if len(digits) == 64 else None
    except ValueError:
        return None


def strict_object(path: Path, longest: int | None = None) -> dict[str, Any]:
    """The one JSON object of a file, read as what is signed is read.

    Raises:
        CertificateDocumentError: it holds none.
    """
    from evgi_client.certificates.documents import LONGEST, read_object

    return read_object(text_of(path), LONGEST if longest is None else longest)


def credential_in(path: Path) -> EntityCredential:
    """The certificate in a file.

    Raises:
        EvgiError: it holds none.
    """
    from evgi_client.certificates import EntityCredential

    return EntityCredential.from_json(strict_object(path))


def snapshot_in(path: Path) -> Snapshot:
    """The snapshot in a file.

    Raises:
        SnapshotError, CertificateDocumentError: it holds none.
    """
    from evgi_client.certificates.snapshot import LONGEST, Snapshot

    return Snapshot.from_json(strict_object(path, LONGEST))


def claims_in(path: Path | None, typed: list[str]) -> dict[str, Any]:
    """Claims by name: a file's, and those typed as ``name=value`` or ``name=JSON``."""
    claims: dict[str, Any] = {} if path is None else strict_object(path)
    for each in typed:
        name, separator, text = each.partition("=")
        if not separator:
            raise typer.BadParameter(f"{each!r} is no claim such as make=Example")
        claims[name] = _value(text)
    return claims


def show_private(
    document: Mapping[str, Any], out: Path | None, as_json: bool, told: Mapping[str, Any], text: str
) -> None:
    """Prints a document with claims and salts, or writes it to a file that only its owner may read. What else there is
    to tell goes where the document does not."""
    written = json.dumps(document, indent=2)
    if out is None:
        typer.echo(written)
        if not as_json:
            stderr.print(text, markup=False, soft_wrap=True)
        return
    write_private(out, written + "\n")
    show(as_json, {**told, "written": str(out)}, text)
    if not as_json:
        stderr.print(f"written to {out}", markup=False, soft_wrap=True)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, in place of what was there: all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _value(text: str) -> Any:
    """JSON where the text is an object, an array, a number, true or false; else the text itself."""
    from evgi_client.certificates.documents import read_object

    if text[:1] not in ("{", "[") and text not in ("true", "false") and not text.isdecimal():
        return text
    try:
        return read_object(f'{{"value":{text}}}')["value"]
    except EvgiError as error:
        raise typer.BadParameter(f"{text!r} is no JSON: {error}") from error
