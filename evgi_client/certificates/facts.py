"""What happened that certificates depend on, one fact an event, in the order of the chain.

Facts are structs for the sake of their strict JSON. Nobody signs them. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.messages.certificates import EntityCertificate
from evgi_client.messages.typed import TypedStruct, typed


@typed(
    "Accredited(address anchor,address accreditor,uint32 version,uint16 entityTypes,uint8 depth,uint64 validFrom,"
    "uint64 validUntil)"
)
@dataclass(frozen=True, slots=True)
class Accredited(TypedStruct):
    """An anchor is accredited, in place of what it had from then on."""

    anchor: str
    accreditor: str
    """The zero address where governance did it."""
    version: int
    entity_types: int
    depth: int
    valid_from: int
    valid_until: int


@typed("Withdrawn(address anchor,uint32 version,uint64 effectiveAt)")
@dataclass(frozen=True, slots=True)
class Withdrawn(TypedStruct):
    """A version ended; where it had not begun, it never was."""

    anchor: str
    version: int
    effective_at: int


@typed("Registered(EntityCertificate certificate,uint64 registeredAt)", EntityCertificate)
@dataclass(frozen=True, slots=True)
class Registered(TypedStruct):
    """A certificate was registered: its issuer's owner then had signed it."""

    certificate: EntityCertificate
    registered_at: int


@typed("Revoked(address issuer,bytes32 target,uint64 effectiveAt,uint8 reason)")
@dataclass(frozen=True, slots=True)
class Revoked(TypedStruct):
    """An issuer's owner revoked a struct hash, or moved the time of it forward."""

    issuer: str
    target: bytes
    effective_at: int
    reason: int


@typed("StatusesOpened(address publisher,uint64 firstWord,uint64 count)")
@dataclass(frozen=True, slots=True)
class StatusesOpened(TypedStruct):
    """A publisher has words of a status list."""

    publisher: str
    first_word: int
    count: int


@typed("StatusesRevoked(address publisher,uint64 word,uint256 indices,uint64 effectiveAt)")
@dataclass(frozen=True, slots=True)
class StatusesRevoked(TypedStruct):
    """A publisher revoked indices of a word, or moved the time of some forward."""

    publisher: str
    word: int
    indices: int
    """Bits of the word, the first index the highest."""
    effective_at: int


@typed("OwnerChanged(address identity,address owner,uint64 since)")
@dataclass(frozen=True, slots=True)
class OwnerChanged(TypedStruct):
    """An identity changed hands; the zero address where it was deactivated."""

    identity: str
    owner: str
    since: int


@typed("Appointed(address identity,address delegate,uint64 validTo,uint64 since)")
@dataclass(frozen=True, slots=True)
class Appointed(TypedStruct):
    """The owner made an account a delegate that acts for the identity, until before ``valid_to``; 0 revokes."""

    identity: str
    delegate: str
    valid_to: int
    since: int


@typed("ContractAccount(address account)")
@dataclass(frozen=True, slots=True)
class ContractAccount(TypedStruct):
    """An issuer's owner has code: what no key of it signed only a chain can judge (EIP-1271)."""

    account: str


Fact = (
    Accredited
    | Withdrawn
    | Registered
    | Revoked
    | StatusesOpened
    | StatusesRevoked
    | OwnerChanged
    | Appointed
    | ContractAccount
)

FACTS: dict[str, type[Fact]] = {
    cls.TYPE: cls
    for cls in (
        Accredited,
        Withdrawn,
        Registered,
        Revoked,
        StatusesOpened,
        StatusesRevoked,
        OwnerChanged,
        Appointed,
        ContractAccount,
    )
}
"""The kinds of facts by name."""
