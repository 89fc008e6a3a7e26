"""What happened that access depends on, one fact an event: who registered, granted, listed, revoked, handed over, when.

Facts are structs for the sake of their strict JSON. Nobody signs them. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping
from evgi_client.messages.typed import TypedStruct, typed


@typed("Bootstrapped(DataHostBootstrapping bootstrapping,uint64 broughtAt)", DataHostBootstrapping)
@dataclass(frozen=True, slots=True)
class Bootstrapped(TypedStruct):
    """A bootstrapping certificate was brought."""

    bootstrapping: DataHostBootstrapping
    brought_at: int


@typed("Granted(AccessCertificate certificate,uint8 place,uint64 broughtAt)", AccessCertificate)
@dataclass(frozen=True, slots=True)
class Granted(TypedStruct):
    """An access certificate was brought."""

    certificate: AccessCertificate
    place: int
    """Where a group's is kept, 0 to 15."""
    brought_at: int


@typed("Used(bytes32 certificate,uint32 uses,uint64 usedAt)")
@dataclass(frozen=True, slots=True)
class Used(TypedStruct):
    """A host counted a use."""

    certificate: bytes
    uses: int
    """How many there were then."""
    used_at: int


@typed("Blocked(bytes32 resource,address accessor,bool listed,uint64 since)")
@dataclass(frozen=True, slots=True)
class Blocked(TypedStruct):
    """An accessor was put on the block list, or taken off it."""

    resource: bytes
    accessor: str
    listed: bool
    since: int


@typed("Allowed(bytes32 resource,address accessor,uint32 rights,uint64 since)")
@dataclass(frozen=True, slots=True)
class Allowed(TypedStruct):
    """An accessor was put on the allow list, or taken off it."""

    resource: bytes
    accessor: str
    rights: int
    """0 where it was taken off."""
    since: int


@typed("GroupCreated(address owner,bytes32 label)")
@dataclass(frozen=True, slots=True)
class GroupCreated(TypedStruct):
    """An identity has a group of this name."""

    owner: str
    label: bytes


@typed("Member(bytes32 group,address member,bool listed,uint64 since)")
@dataclass(frozen=True, slots=True)
class Member(TypedStruct):
    """A member was added to a group, or removed."""

    group: bytes
    member: str
    listed: bool
    since: int


@typed("OwnerChanged(address identity,address owner,uint64 since)")
@dataclass(frozen=True, slots=True)
class OwnerChanged(TypedStruct):
    """An identity changed hands."""

    identity: str
    owner: str
    since: int


@typed("ParentChanged(address subject,address parent,uint64 since)")
@dataclass(frozen=True, slots=True)
class ParentChanged(TypedStruct):
    """What an identity is part of; the zero address where nothing."""

    subject: str
    parent: str
    since: int


@typed("Revoked(address issuer,bytes32 target,uint64 effectiveAt,uint8 reason)")
@dataclass(frozen=True, slots=True)
class Revoked(TypedStruct):
    """An identity's owner revoked a certificate, or moved the time of it forward."""

    issuer: str
    target: bytes
    effective_at: int
    reason: int


Fact = (
    Bootstrapped
    | Granted
    | Used
    | Blocked
    | Allowed
    | GroupCreated
    | Member
    | OwnerChanged
    | ParentChanged
    | Revoked
)

FACTS: dict[str, type[Fact]] = {
    cls.TYPE: cls
    for cls in (
        Bootstrapped,
        Granted,
        Used,
        Blocked,
        Allowed,
        GroupCreated,
        Member,
        OwnerChanged,
        ParentChanged,
        Revoked,
    )
}
"""The kinds of facts by name."""
