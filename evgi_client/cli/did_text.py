"""Documents and changes of identities for people. What is in them was written by anyone: it is shown, never obeyed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evgi_client.cli.output import columns, hexadecimal, utc
from evgi_client.identity.document import NOBODY
from evgi_client.identity.history import AttributeChanged, DelegateChanged, OwnerChanged

if TYPE_CHECKING:
    from evgi_client.identity import Change, Resolution

_RELATIONS = ("authentication", "assertionMethod", "keyAgreement")
_HEADER = ("id", "type", "for", "what")


def document_text(found: Resolution) -> str:
    """A resolved document as a table: who controls the identity, its keys, its services."""
    document, metadata = found.document or {}, found.document_metadata
    lines = [printable(document["id"])]
    if "versionId" in metadata:
        lines.append(f"as of block {metadata['versionId']}, {metadata['updated']}")
    else:
        lines.append("never changed" if "nextVersionId" not in metadata else "not changed by then")
    if "nextVersionId" in metadata:
        lines.append(f"changed again in block {metadata['nextVersionId']}, {metadata['nextUpdate']}")
    if found.deactivated:
        return "\n".join([*lines, "deactivated, for good"])
    rows = [
        (_short(method["id"]), printable(method["type"]), _uses(document, method["id"]), _material(method))
        for method in document["verificationMethod"]
    ]
    rows += [
        (_short(service["id"]), printable(service["type"]), "service", _endpoint(service["serviceEndpoint"]))
        for service in document.get("service", [])
    ]
    return "\n".join([*lines, "", columns(_HEADER, rows)])


def change_cells(change: Change, time: int) -> tuple[str, str]:
    """What changed, and until when that is so."""
    if isinstance(change, OwnerChanged):
        return ("deactivated" if change.owner == NOBODY else f"owner {change.owner}"), ""
    if isinstance(change, DelegateChanged):
        said = change.to_json()
        return f"{printable(said['type'])} delegate {change.delegate}", _until(change.valid_to, time)
    assert isinstance(change, AttributeChanged)
    name = printable(change.to_json()["name"])
    return f"{name} = {_value(change.value)}", _until(change.valid_to, time)


def printable(text: str) -> str:
    """Text with what a terminal would obey, and what it cannot show, written out."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _until(valid_to: int, time: int) -> str:
    return "revoked" if valid_to <= time else utc(valid_to)


def _value(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return hexadecimal(value)
    return text if text.isprintable() and text else hexadecimal(value)


def _short(identifier: str) -> str:
    return "#" + identifier.partition("#")[2]


def _uses(document: Any, method: str) -> str:
    return ", ".join(relation for relation in _RELATIONS if method in document.get(relation, []))


def _material(method: Any) -> str:
    named = ("id", "type", "controller")
    return ", ".join(printable(str(value)) for name, value in method.items() if name not in named)


def _endpoint(endpoint: Any) -> str:
    return printable(endpoint if isinstance(endpoint, str) else json.dumps(endpoint))
