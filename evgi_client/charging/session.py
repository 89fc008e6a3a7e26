"""A charging session with both its signatures: what a charge point queues and a utility settles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evgi_client.errors import SessionMismatchError
from evgi_client.messages import ChargingAuthorization, SessionKey, SessionRecord, checksum_address
from evgi_client.signing import Signature, Signed


@dataclass(frozen=True, slots=True)
class SignedSession:
    """The driver's promise to pay and the meter's record of what was used.

    Raises:
        SessionMismatchError: the record is of another authorization, or its registers run backwards.
    """

    driver: str
    authorization: ChargingAuthorization
    driver_signature: Signature
    record: SessionRecord
    meter_signature: Signature

    def __post_init__(self) -> None:
        expected = self.authorization.struct_hash()
        if self.record.authorization != expected:
            raise SessionMismatchError("authorization", self.record.authorization.hex(), expected.hex())
        if self.record.started_at != self.authorization.started_at:
            raise SessionMismatchError("startedAt", self.record.started_at, self.authorization.started_at)
        if self.record.ended_at < self.record.started_at:
            raise SessionMismatchError("endedAt", self.record.ended_at, self.record.started_at)
        if self.record.import_end < self.record.import_start:
            raise SessionMismatchError("importEnd", self.record.import_end, self.record.import_start)

    @classmethod
    def of(
        cls, driver: str, authorization: Signed[ChargingAuthorization], record: Signed[SessionRecord]
    ) -> SignedSession:
        """Joins what the driver (an address) and the meter signed."""
        return cls(driver, authorization.message, authorization.signature, record.message, record.signature)

    @property
    def key(self) -> SessionKey:
        """(connector, startedAt): a connector serves one session at a time."""
        return self.authorization.session_key

    @property
    def started_at(self) -> int:
        """Unix seconds."""
        return self.authorization.started_at

    @property
    def energy_wh(self) -> int:
        """What the import register counted, in Wh."""
        return self.record.import_end - self.record.import_start

    @property
    def cost(self) -> int:
        """Minor units, taxes included."""
        return self.record.cost

    def to_json(self) -> dict[str, Any]:
        """A JSON object; ``from_json`` gives the same session back."""
        return {
            "authorization": self.authorization.to_json(),
            "driver": self.driver,
            "driverSignature": "0x" + self.driver_signature.to_bytes().hex(),
            "record": self.record.to_json(),
            "meterSignature": "0x" + self.meter_signature.to_bytes().hex(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SignedSession:
        """Reads ``to_json``'s object.

        Raises:
            EvgiError: a field that is missing, unknown or out of range.
        """
        wanted = {"authorization", "driver", "driverSignature", "record", "meterSignature"}
        if set(document) != wanted:
            raise SessionMismatchError("fields", sorted(document), sorted(wanted))
        return cls(
            checksum_address(document["driver"]),
            ChargingAuthorization.from_json(document["authorization"]),
            Signature.from_bytes(bytes.fromhex(document["driverSignature"].removeprefix("0x"))),
            SessionRecord.from_json(document["record"]),
            Signature.from_bytes(bytes.fromhex(document["meterSignature"].removeprefix("0x"))),
        )
