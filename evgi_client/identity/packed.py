"""Signed changes of identities as a batch carries them. The layout is in ``IDIDRegistry.applySigned``."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from evgi_client.errors import ChangeTooLongError
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.signing.signed import Signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evgi_client.signing.signature import Signature

IdentityChange = OwnerChange | DelegateChange | AttributeChange

SignedChange = Signed[OwnerChange] | Signed[DelegateChange] | Signed[AttributeChange]

BATCH_BYTES = 120_000
"""Most that the changes of a transaction weigh: nodes refuse it above 128 KB."""

LONGEST_VALUE = 2**16 - 1
"""Bytes of an attribute's value in a batch."""

_OWNER, _DELEGATE, _ATTRIBUTE = 1, 2, 3


def pack(change: IdentityChange, signature: Signature) -> bytes:
    """A change with the signature of the owner's key.

    Raises:
        ChangeTooLongError: a value that is too long for a batch; by itself it can be brought.
    """
    if isinstance(change, OwnerChange):
        return _head(_OWNER, change, signature) + _address(change.owner)
    if isinstance(change, DelegateChange):
        rest = change.delegate_type + _address(change.delegate) + change.valid_to.to_bytes(8, "big")
        return _head(_DELEGATE, change, signature) + rest
    if len(change.value) > LONGEST_VALUE:
        raise ChangeTooLongError(change.identity, len(change.value), LONGEST_VALUE)
    sizes = change.valid_to.to_bytes(8, "big") + len(change.value).to_bytes(2, "big")
    return _head(_ATTRIBUTE, change, signature) + change.name + sizes + change.value


def batches(changes: Iterable[SignedChange], limit: int = BATCH_BYTES) -> Iterator[bytes]:
    """Changes packed into batches of at most ``limit`` bytes, those of an identity side by side and in their order: an
    identity that a transaction has touched is cheaper the next time. A change that is longer by itself has a batch of
    its own.

    Raises:
        ChangeTooLongError: as for ``pack``.
    """
    of_identity: dict[str, list[bytes]] = {}
    for signed in changes:
        packed = pack(signed.message, signed.signature)
        of_identity.setdefault(signed.message.identity, []).append(packed)
    batch: list[bytes] = []
    size = 0
    for packed in chain.from_iterable(of_identity.values()):
        if batch and size + len(packed) > limit:
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(packed)
        size += len(packed)
    if batch:
        yield b"".join(batch)


def _head(kind: int, change: IdentityChange, signature: Signature) -> bytes:
    place = bytes((kind,)) + _address(change.identity) + change.nonce.to_bytes(4, "big")
    return place + change.deadline.to_bytes(8, "big") + signature.compact()


def _address(text: str) -> bytes:
    return bytes.fromhex(text[2:])
