"""A charging session with both its signatures: what a charge point queues and a utility settles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evgi_client.errors import FieldValueError, SessionMismatchError
from evgi_client.messages import ChargingAuthorization, Domain, SessionKey, SessionRecord, checksum_address
from evgi_client.signing import Signature, Signed


@dataclass(frozen=True, slots=True)
class SignedAuthorization:
    """The driver's promise to pay: what a driver hands to a charge point, which may be offline."""

    driver: str
    authorization: ChargingAuthorization
    signature: Signature

    @classmethod
    def of(cls, driver: str, signed: Signed[ChargingAuthorization]) -> SignedAuthorization:
        """What a driver (an address) signed."""
        return cls(driver, signed.message, signed.signature)

    def verify(self, domain: Domain) -> None:
        """Returns where the driver signed it for this domain.

        Raises:
            SignerMismatchError: another key signed, or for another chain or contract.
        """
        Signed(self.authorization, domain, self.signature).verify(self.driver)

    def metered(self, record: Signed[SessionRecord]) -> SignedSession:
        """Joins the meter's record of what was used to it."""
        return SignedSession(
            self.driver, self.authorization, self.signature, record.message, record.signature
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON object, under the names that a signed session has for the same."""
        return {
            "authorization": self.authorization.to_json(),
            "driver": self.driver,
            "driverSignature": "0x" + self.signature.to_bytes().hex(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SignedAuthorization:
        """Reads ``to_json``'s object.

        Raises:
            EvgiError: a field that is missing, unknown or out of range.
        """
        _require_fields(document, {"authorization", "driver", "driverSignature"})
        return cls(
            checksum_address(document["driver"]),
            ChargingAuthorization.from_json(document["authorization"]),
            _signature(document, "driverSignature"),
        )


@dataclass(frozen=True, slots=True)
class SignedSession:
    """The driver's promise to pay and the meter's record of what was used.

    Raises:
        SessionMismatchError: the record is of another authorization, or its registers run backwards.
        InvalidAddressError: the driver is no address.
    """

    driver: str
    authorization: ChargingAuthorization
    driver_signature: Signature
    record: SessionRecord
    meter_signature: Signature

    def __post_init__(self) -> None:
        object.__setattr__(self, "driver", checksum_address(self.driver))
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
        _require_fields(document, {"authorization", "driver", "driverSignature", "record", "meterSignature"})
        return cls(
            checksum_address(document["driver"]),
            ChargingAuthorization.from_json(document["authorization"]),
            _signature(document, "driverSignature"),
            SessionRecord.from_json(document["record"]),
            _signature(document, "meterSignature"),
        )


def _require_fields(document: object, wanted: set[str]) -> None:
    found = sorted(map(str, document)) if isinstance(document, Mapping) else type(document).__name__
    if found != sorted(wanted):
        raise SessionMismatchError("fields", found, sorted(wanted))


def _signature(document: Mapping[str, Any], field: str) -> Signature:
    try:
        raw = bytes.fromhex(str(document[field]).removeprefix("0x"))
    except ValueError as error:
        raise FieldValueError("SignedSession", field, document[field], "a signature of 65 bytes") from error
    return Signature.from_bytes(raw)
