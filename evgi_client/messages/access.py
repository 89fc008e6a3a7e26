"""Who may do what with a resource: what the owner of one signs, and what accessor and host sign to open a session.

All are signed in the domain of ``AccessRegistry``. Points in time are Unix seconds. Fields are our derivation of what
MOBI EVGI 1.0 lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from evgi_client.errors import FieldValueError
from evgi_client.messages.hashing import checksum_address, keccak256
from evgi_client.messages.typed import Message, typed


class Right(IntFlag):
    """What may be done with a resource: bits of a mask."""

    READ = 1
    WRITE = 2
    CONTROL = 4


class Reason(IntEnum):
    """Why access is denied or allowed, as ``AccessRegistry.check`` says it. From ``OWNER`` on it is allowed."""

    UNKNOWN_RESOURCE = 0
    """Nobody had registered the resource by then."""
    BLOCKED = 1
    """The accessor is on the block list."""
    REVOKED = 2
    """The accessor's certificate, or one that it is delegated from, is revoked."""
    USED_UP = 3
    """The accessor's certificate, or one that it is delegated from, was used as often as it may be."""
    DENIED = 4
    """Nothing allows it."""
    OWNER = 5
    """The accessor is the identity that the resource belongs to."""
    CERTIFICATE = 6
    """The accessor's access certificate."""
    ALLOW_LIST = 7
    GROUP = 8
    """The certificate of a group that the accessor is a member of."""
    DEFAULT = 9
    """The default rights of the bootstrapping certificate."""

    @property
    def allows(self) -> bool:
        return self >= Reason.OWNER


@typed(
    "DataHostBootstrapping(address owner,bytes32 label,address host,bytes32 endpoint,bytes32 protocols,"
    "bytes32 keyAgreement,bytes32 dataClasses,uint32 defaultRights,uint64 validFrom,uint64 validUntil,"
    "uint64 deadline)"
)
@dataclass(frozen=True, slots=True)
class DataHostBootstrapping(Message):
    """Where the data of a resource are, signed by the owner of the identity that they belong to."""

    owner: str
    """The identity that the resource belongs to."""
    label: bytes
    """The name that it gives the resource."""
    host: str
    """The data host's identity."""
    endpoint: bytes
    """Hash of the endpoint's URI."""
    protocols: bytes
    """Hash of the list of protocols spoken there."""
    key_agreement: bytes
    """The host's X25519 public key."""
    data_classes: bytes
    """Hash of the list of data classes that the resource holds."""
    default_rights: int
    """What anybody may do for whom nothing else is said: a mask of ``Right``."""
    valid_from: int
    valid_until: int
    """In force until before this time."""
    deadline: int
    """The last second in which it may be brought to the chain."""

    @property
    def resource(self) -> bytes:
        """The id of the resource, 32 bytes."""
        return resource_id(self.owner, self.label)


@typed(
    "AccessCertificate(bytes32 id,address granter,address grantee,bytes32 group,bytes32 resource,uint32 rights,"
    "bytes32 purpose,uint64 validFrom,uint64 validUntil,bool delegable,uint32 maxUses,bytes32 parent)"
)
@dataclass(frozen=True, slots=True)
class AccessCertificate(Message):
    """Rights on a resource for one accessor or one group, signed by the granter's owner. Its struct hash names it."""

    id: bytes
    """Any number that makes it unlike every other: two of the same terms are one certificate."""
    granter: str
    """The resource's identity, or a grantee that passes on what it was granted."""
    grantee: str
    """An identity; the zero address where a group is granted."""
    group: bytes
    """See ``group_id``; zero where an identity is granted."""
    resource: bytes
    rights: int
    """A mask of ``Right``."""
    purpose: bytes
    """Hash of what the data may be used for; zero where nothing is said."""
    valid_from: int
    valid_until: int
    """In force until before this time."""
    delegable: bool
    """May the grantee pass it on?"""
    max_uses: int
    """How often it may be used, with all that is delegated from it; 0 is without limit."""
    parent: bytes
    """Struct hash of the certificate that it is delegated from; zero where the resource's identity grants."""


@typed(
    "UnlockRequest(address accessor,address host,bytes32 resource,uint32 rights,bytes32 purpose,"
    "bytes32 certificate,bytes32 ephemeralKey,bytes32 nonce,uint64 requestedAt,uint64 expiresAt)"
)
@dataclass(frozen=True, slots=True)
class UnlockRequest(Message):
    """An accessor asks a host to open a session. Signed by whoever acts for the accessor."""

    accessor: str
    host: str
    resource: bytes
    rights: int
    """What is asked for: a mask of ``Right``."""
    purpose: bytes
    certificate: bytes
    """The certificate that the accessor relies on; zero where a list, a group or the default."""
    ephemeral_key: bytes
    """The accessor's X25519 public key, for this session only."""
    nonce: bytes
    requested_at: int
    expires_at: int


@typed("UnlockRejection(bytes32 request,address host,uint8 reason,uint64 rejectedAt,uint32 retryAfter)")
@dataclass(frozen=True, slots=True)
class UnlockRejection(Message):
    """The host's no. Signed by whoever acts for the host."""

    request: bytes
    """Struct hash of the request."""
    host: str
    reason: int
    rejected_at: int
    retry_after: int
    """Seconds; 0 where asking again is no use."""


@typed(
    "UnlockAcceptance(bytes32 request,address host,bytes32 session,uint32 rights,bytes32 ephemeralKey,"
    "uint64 acceptedAt,uint64 expiresAt)"
)
@dataclass(frozen=True, slots=True)
class UnlockAcceptance(Message):
    """The host's yes. Signed by whoever acts for the host."""

    request: bytes
    """Struct hash of the request."""
    host: str
    session: bytes
    rights: int
    """What is allowed, among what was asked for."""
    ephemeral_key: bytes
    """The host's X25519 public key, for this session only."""
    accepted_at: int
    expires_at: int


def resource_id(owner: str, label: bytes) -> bytes:
    """``keccak256(abi.encode(owner, label))``: nobody can take the id of another's resource.

    Args:
        owner: the identity that the resource belongs to.
        label: the name it gives the resource, 32 bytes.
    """
    return _owned("Resource", owner, label)


def group_id(owner: str, label: bytes) -> bytes:
    """``keccak256(abi.encode(owner, label))``, as a resource's, of the identity that keeps the group."""
    return _owned("Group", owner, label)


def _owned(kind: str, owner: str, label: bytes) -> bytes:
    if len(label) != 32:
        raise FieldValueError(kind, "label", label, "32 bytes")
    return keccak256(bytes(12) + bytes.fromhex(checksum_address(owner)[2:]) + label)
