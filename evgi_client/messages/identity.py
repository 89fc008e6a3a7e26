"""What the owner of an identity signs to change it, in the domain of ``DIDRegistry``. Anyone may bring it."""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.messages.typed import Message, typed


@typed("OwnerChange(address identity,address owner,uint32 nonce,uint64 deadline)")
@dataclass(frozen=True, slots=True)
class OwnerChange(Message):
    """The identity gets another owner."""

    identity: str
    owner: str
    """The zero address deactivates the identity, for good."""
    nonce: int
    """How many changes of the identity there were: ``DIDRegistry.nonce``."""
    deadline: int
    """The last second in which the signature may be used, in Unix seconds."""


@typed(
    "DelegateChange(address identity,bytes32 delegateType,address delegate,uint64 validTo,uint32 nonce,"
    "uint64 deadline)"
)
@dataclass(frozen=True, slots=True)
class DelegateChange(Message):
    """An account becomes a delegate of the identity, or is revoked."""

    identity: str
    delegate_type: bytes
    """``sigAuth`` or ``veriKey``, zeros after it."""
    delegate: str
    valid_to: int
    """Until when (exclusive), in Unix seconds. A time that is not ahead revokes."""
    nonce: int
    deadline: int


@typed(
    "AttributeChange(address identity,bytes32 name,bytes value,uint64 validTo,uint32 nonce,uint64 deadline)"
)
@dataclass(frozen=True, slots=True)
class AttributeChange(Message):
    """A key or a service is added to the identity's document, or withdrawn."""

    identity: str
    name: bytes
    """``did/pub/<algorithm>/<purpose>/<encoding>`` or ``did/svc/<type>``, zeros after it."""
    value: bytes
    valid_to: int
    """Until when (exclusive), in Unix seconds. A time that is not ahead revokes."""
    nonce: int
    deadline: int
