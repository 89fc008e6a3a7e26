"""The messages that drivers, meters and utilities sign, and the identifiers in them. No chain, no clock."""

from evgi_client.messages.charging import (
    ChargingAuthorization,
    ChargingTerms,
    ClockQuality,
    PriceMode,
    SessionKey,
    SessionRecord,
)
from evgi_client.messages.clearing import PeeringAgreement
from evgi_client.messages.domain import Domain
from evgi_client.messages.hashing import checksum_address, keccak256
from evgi_client.messages.identifiers import connector_id, evse_id_hash, normalise_evse_id, salted_hash
from evgi_client.messages.typed import Message, TypedStruct

__all__ = [
    "ChargingAuthorization",
    "ChargingTerms",
    "ClockQuality",
    "Domain",
    "Message",
    "PeeringAgreement",
    "PriceMode",
    "SessionKey",
    "SessionRecord",
    "TypedStruct",
    "checksum_address",
    "connector_id",
    "evse_id_hash",
    "keccak256",
    "normalise_evse_id",
    "salted_hash",
]
