"""Signed changes as files carry them, from an identity's owner to whoever brings them to the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from evgi_client.errors import FieldMissingError, FieldUnknownError, FieldValueError, NotOwnerError
from evgi_client.identity.document import NOBODY
from evgi_client.identity.packed import IdentityChange, SignedChange
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.signing import Signature, Signed

if TYPE_CHECKING:
    from evgi_client.messages import Domain

_TYPE = "SignedChange"
_FIELDS = ("type", "change", "signature")
_CHANGES: dict[str, type[IdentityChange]] = {
    cls.TYPE: cls for cls in (OwnerChange, DelegateChange, AttributeChange)
}


def change_to_json(signed: SignedChange) -> dict[str, Any]:
    """A signed change as a JSON object. The domain is not in it: whoever reads it names the contract that is meant."""
    return {
        "type": signed.message.TYPE,
        "change": signed.message.to_json(),
        "signature": "0x" + signed.signature.to_bytes().hex(),
    }


def change_from_json(document: Any, domain: Domain) -> SignedChange:
    """Reads ``change_to_json``'s object.

    Raises:
        MessageError: a field that is missing, unknown or of a value that cannot be.
        InvalidSignatureError: no signature of a key.
    """
    if not isinstance(document, Mapping):
        raise FieldValueError(_TYPE, "*", document, "a JSON object")
    for name in document:
        if name not in _FIELDS:
            raise FieldUnknownError(_TYPE, name)
    for name in _FIELDS:
        if name not in document:
            raise FieldMissingError(_TYPE, name)
    cls = _CHANGES.get(str(document["type"]))
    if cls is None:
        raise FieldValueError(_TYPE, "type", document["type"], f"one of {', '.join(_CHANGES)}")
    change: Any = cls.from_json(document["change"])
    try:
        raw = bytes.fromhex(str(document["signature"]).removeprefix("0x"))
    except ValueError:
        raise FieldValueError(_TYPE, "signature", document["signature"], "hexadecimal digits") from None
    return Signed(change, domain, Signature.from_bytes(raw))


def in_order(changes: Iterable[SignedChange], owner_of: Callable[[str], str]) -> list[SignedChange]:
    """Changes in the order in which the chain takes them, each checked to be signed by who owns the identity by then.

    Args:
        owner_of: who owns an identity now; ``NOBODY`` where it is deactivated.

    Raises:
        NotOwnerError: the identity is deactivated, or another key signed, or the same key for another contract or
            chain, or what was signed was changed.
    """
    ordered = sorted(changes, key=lambda signed: signed.message.nonce)
    owners: dict[str, str] = {}
    for signed in ordered:
        change = signed.message
        owner = owners.setdefault(change.identity, owner_of(change.identity))
        signer = signed.recover()
        if signer != owner:
            raise NotOwnerError(change.identity, signer, None if owner == NOBODY else owner)
        if isinstance(change, OwnerChange):
            owners[change.identity] = change.owner
    return ordered
