"""The messages that drivers, meters, utilities, owners, issuers and hosts sign, and the identifiers in them. No chain,
no clock."""

from evgi_client.messages.access import (
    AccessCertificate,
    DataHostBootstrapping,
    Right,
    UnlockAcceptance,
    UnlockRejection,
    UnlockRequest,
    group_id,
    resource_id,
)
from evgi_client.messages.certificates import (
    Accreditation,
    CertificateStatus,
    EntityCertificate,
    EntityType,
    RevocationCertificate,
    RevocationReason,
)
from evgi_client.messages.charging import (
    ChargingAuthorization,
    ChargingTerms,
    ClockQuality,
    PriceMode,
    SessionKey,
    SessionRecord,
)
from evgi_client.messages.clearing import PeeringAgreement
from evgi_client.messages.credentials import CertificatePresentation, StatusList
from evgi_client.messages.data import DataWrite, content_hash, stream_id
from evgi_client.messages.domain import Domain
from evgi_client.messages.emaid import normalise_emaid
from evgi_client.messages.hashing import checksum_address, keccak256
from evgi_client.messages.identifiers import connector_id, evse_id_hash, normalise_evse_id, salted_hash
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.messages.meter_serial import normalise_meter_serial
from evgi_client.messages.typed import Message, TypedStruct
from evgi_client.messages.vin import normalise_vin

__all__ = [
    "AccessCertificate",
    "Accreditation",
    "AttributeChange",
    "CertificatePresentation",
    "CertificateStatus",
    "ChargingAuthorization",
    "ChargingTerms",
    "ClockQuality",
    "DataHostBootstrapping",
    "DataWrite",
    "DelegateChange",
    "Domain",
    "EntityCertificate",
    "EntityType",
    "Message",
    "OwnerChange",
    "PeeringAgreement",
    "PriceMode",
    "RevocationCertificate",
    "RevocationReason",
    "Right",
    "SessionKey",
    "SessionRecord",
    "StatusList",
    "TypedStruct",
    "UnlockAcceptance",
    "UnlockRejection",
    "UnlockRequest",
    "checksum_address",
    "connector_id",
    "content_hash",
    "evse_id_hash",
    "group_id",
    "keccak256",
    "normalise_emaid",
    "normalise_evse_id",
    "normalise_meter_serial",
    "normalise_vin",
    "resource_id",
    "salted_hash",
    "stream_id",
]
