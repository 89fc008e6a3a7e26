"""What issuers and accreditors sign: certificates of entities, accreditations, revocations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from evgi_client.messages.typed import Message, typed


class EntityType(IntEnum):
    """What the subject of a certificate is; ``UTILITY`` to ``GRID_OPERATOR`` are the service providers."""

    NONE = 0
    USER = 1
    VEHICLE = 2
    BATTERY = 3
    METER = 4
    CHARGE_POINT = 5
    UTILITY = 6
    OPERATOR = 7
    MOBILITY_PROVIDER = 8
    AGGREGATOR = 9
    GRID_OPERATOR = 10
    DATA_HOST = 11
    TRUST_ANCHOR = 12


PARENT_TYPES = MappingProxyType(
    {EntityType.BATTERY: EntityType.VEHICLE, EntityType.METER: EntityType.CHARGE_POINT}
)
"""What the subjects of a type may be part of; those of other types are part of nothing."""


class CertificateStatus(IntEnum):
    """The answer about a certificate at a time. The first reason that applies, in this order, is given, ``VALID``
    aside."""

    VALID = 0
    UNKNOWN = 1
    """Never registered, or not yet at that time."""
    NOT_YET_VALID = 2
    EXPIRED = 3
    REVOKED = 4
    ISSUER_NOT_ACCREDITED = 5
    """The issuer, or an anchor above it, was not accredited for the type."""


class RevocationReason(IntEnum):
    """The codes of RFC 5280, section 5.3.1, that make sense where a revocation is for good."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@typed(
    "EntityCertificate(bytes32 id,uint8 entityType,address subject,address issuer,bytes32 schema,bytes32 claims,"
    "bytes32 keys,address parent,uint64 validFrom,uint64 validUntil,address statusPublisher,uint64 statusIndex)"
)
@dataclass(frozen=True, slots=True)
class EntityCertificate(Message):
    """An issuer's word on what an identity is, signed by the issuer's owner in the domain of
    ``CertificateRegistry``. Our derivation of MOBI's entity certificate. Times are in Unix seconds."""

    id: bytes
    """Random."""
    entity_type: int
    """An ``EntityType``."""
    subject: str
    issuer: str
    schema: bytes
    """Hash of the JSON Schema of the claims."""
    claims: bytes
    """Hash of the salted claims."""
    keys: bytes
    """Hash of the subject's keys."""
    parent: str
    """The vehicle of a battery, the charge point of a meter; zero where it is in none."""
    valid_from: int
    valid_until: int
    """Exclusive."""
    status_publisher: str
    """Whose status list says whether it is revoked; zero, with the index, where none does."""
    status_index: int


@typed(
    "Accreditation(address anchor,address accreditor,uint16 entityTypes,uint8 depth,uint64 validFrom,"
    "uint64 validUntil,uint64 deadline)"
)
@dataclass(frozen=True, slots=True)
class Accreditation(Message):
    """An accreditor's word that an anchor may issue certificates, signed by the accreditor's owner in the domain of
    ``CertificateRegistry``."""

    anchor: str
    accreditor: str
    entity_types: int
    """Bit n stands for entity type n: ``entity_type_mask``."""
    depth: int
    """How many anchors may stand below this one in a chain."""
    valid_from: int
    """It begins then, but no sooner than it is brought."""
    valid_until: int
    """Exclusive."""
    deadline: int
    """The last second in which it may be brought."""


@typed("RevocationCertificate(address issuer,bytes32 target,uint64 effectiveAt,uint8 reason,uint64 deadline)")
@dataclass(frozen=True, slots=True)
class RevocationCertificate(Message):
    """An issuer's word that something it signed no longer holds, signed by its owner in the domain of
    ``RevocationRegistry``."""

    issuer: str
    target: bytes
    """Struct hash of what is revoked."""
    effective_at: int
    """From when, but from no sooner than the block that brings it; 0 means from that."""
    reason: int
    """A ``RevocationReason``."""
    deadline: int
    """The last second in which it may be brought."""


def entity_type_mask(*types: int) -> int:
    """The bit mask of entity types that an accreditation carries."""
    mask = 0
    for entity_type in types:
        mask |= 1 << EntityType(entity_type)
    return mask


def entity_types_in(mask: int) -> tuple[EntityType, ...]:
    """The entity types of a bit mask, ascending."""
    return tuple(entity_type for entity_type in EntityType if mask >> entity_type & 1)
