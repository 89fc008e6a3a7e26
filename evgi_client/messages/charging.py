"""What a driver and a meter sign: the terms of charging, the promise to pay, the record of the session.

Money is in minor units of the clearing token, energy in Wh, spans in seconds, points in time in Unix seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from evgi_client.errors import FieldValueError
from evgi_client.messages.typed import Message, TypedStruct, typed

_SESSION_KEY = re.compile(r"0x(?P<connector>[0-9a-fA-F]{64})@(?P<started_at>[0-9]{1,20})")


@dataclass(frozen=True, slots=True, order=True)
class SessionKey:
    """What names a session everywhere: a connector serves one session at a time."""

    connector: bytes
    started_at: int

    def __str__(self) -> str:
        return f"0x{self.connector.hex()}@{self.started_at}"

    @classmethod
    def parse(cls, text: str) -> SessionKey:
        """Reads what ``str`` gives.

        Raises:
            FieldValueError: it is no session's key.
        """
        match = _SESSION_KEY.fullmatch(text)
        if match is None:
            raise FieldValueError(
                "SessionKey", "*", text, "a connector's id, @, and the start in Unix seconds"
            )
        return cls(bytes.fromhex(match["connector"]), int(match["started_at"]))


@typed(
    "ChargingTerms(bytes32 connector,address creditor,address debtor,bytes32 tariff,bytes32 fallbackTariff,"
    "uint64 ceilingPerKwh,uint64 ceilingPerHour,uint64 ceilingFlat,uint32 maxEnergy,uint32 maxDuration,"
    "uint8 maxSoC,uint32 submitWithin,bool exportAllowed)"
)
@dataclass(frozen=True, slots=True)
class ChargingTerms(TypedStruct):
    """What a charge point offers to the drivers of one utility: all that its sessions share. It is signed as
    part of a ``ChargingAuthorization``, never by itself."""

    connector: bytes
    """The connector's id, see ``connector_id``."""
    creditor: str
    """The utility that the operator sells through: it is owed."""
    debtor: str
    """The utility that bills the driver: it owes."""
    tariff: bytes
    """Hash of the tariff that prices the session."""
    fallback_tariff: bytes
    """Hash of the tariff for when no live price could be had."""
    ceiling_per_kwh: int
    """No session costs more than energy, longest time and flat part at these ceilings."""
    ceiling_per_hour: int
    ceiling_flat: int
    max_energy: int
    """Wh (OCPP 2.1 ``maxEnergy``)."""
    max_duration: int
    """Seconds (OCPP 2.1 ``maxTime``)."""
    max_soc: int
    """Percent, 100 is no limit (OCPP 2.1 ``maxSoC``)."""
    submit_within: int
    """Seconds from the start of a session within which it must reach the chain."""
    export_allowed: bool
    """True where the vehicle may also feed energy back."""


@typed("ChargingAuthorization(ChargingTerms terms,uint64 startedAt,uint64 maxCost)", ChargingTerms)
@dataclass(frozen=True, slots=True)
class ChargingAuthorization(Message):
    """A bounded promise to pay, signed by the driver's key in the domain of ``SessionSettlement``."""

    terms: ChargingTerms
    started_at: int
    max_cost: int

    @property
    def session_key(self) -> SessionKey:
        """(connector, startedAt)."""
        return SessionKey(self.terms.connector, self.started_at)


class PriceMode(IntEnum):
    """Which of the two tariffs of the terms priced a session."""

    LIVE = 0
    FALLBACK = 1


class ClockQuality(IntEnum):
    """How far the meter trusted its clock (OCMF time status)."""

    UNKNOWN = 0
    INFORMATIVE = 1
    SYNCHRONISED = 2
    RELATIVE = 3


@typed(
    "SessionRecord(bytes32 authorization,uint64 startedAt,uint64 endedAt,uint64 importStart,uint64 importEnd,"
    "uint64 exportStart,uint64 exportEnd,uint32 chargingSeconds,uint32 idleSeconds,uint32 parkingSeconds,"
    "uint8 priceMode,uint64 cost,uint8 stopReason,uint8 clockQuality,bool offline,bytes32 transactionId,"
    "bytes32 ocmf,uint32 pagination)"
)
@dataclass(frozen=True, slots=True)
class SessionRecord(Message):
    """What was used, signed by the charge point's meter key in the domain of ``SessionSettlement``.

    Raises:
        FieldValueError: as every message, and for a price mode or clock quality without a name.
    """

    authorization: bytes
    """Struct hash of the ``ChargingAuthorization``."""
    started_at: int
    ended_at: int
    import_start: int
    """Register readings (OBIS B2, B3 for import and C2, C3 for export)."""
    import_end: int
    export_start: int
    export_end: int
    charging_seconds: int
    idle_seconds: int
    parking_seconds: int
    """While the vehicle requests no power (OCPI ``PARKING_TIME``)."""
    price_mode: int
    """A ``PriceMode``."""
    cost: int
    stop_reason: int
    clock_quality: int
    """A ``ClockQuality``."""
    offline: bool
    """True where the session started without a connection."""
    transaction_id: bytes
    """Hash of the OCPP ``transactionId``."""
    ocmf: bytes
    """Hash of the OCMF records, zero where there are none."""
    pagination: int
    """The meter's running number of the record (OCMF pagination)."""

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        for field, value, names in (
            ("priceMode", self.price_mode, PriceMode),
            ("clockQuality", self.clock_quality, ClockQuality),
        ):
            if value >= len(names):
                expected = ", ".join(f"{name.value} {name.name}" for name in names)
                raise FieldValueError(self.TYPE, field, value, expected)
