"""The directory of charge points, rebuilt from ``ChargePointRecorded`` events alone. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from evgi_client.errors import DirectoryEventError
from evgi_client.messages.hashing import keccak256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Status(IntEnum):
    """As in ``IChargePointRegistry``. UNKNOWN is what the contract answers where nothing was recorded."""

    UNKNOWN = 0
    IN_SERVICE = 1
    OUT_OF_SERVICE = 2
    REMOVED = 3


@dataclass(frozen=True, slots=True)
class ChargePoint:
    """What is true of a connector from ``since`` (Unix seconds) until the next version's ``since``.

    Fields are those of ``IChargePointRegistry.ChargePoint``; the contract's functions take it as it is. The
    last four are 32 bytes, zero where nothing is published.
    """

    creditor: str
    since: int
    status: Status
    connector_number: int
    operator: str
    rated_power_w: int
    meter_key: str
    evse_id_hash: bytes
    location: bytes = bytes(32)
    opening_hours: bytes = bytes(32)
    tariff: bytes = bytes(32)
    certification: bytes = bytes(32)

    @classmethod
    def from_abi(cls, state: Any) -> ChargePoint:
        """The struct as the chain gives it: an object with the struct's field names."""
        return cls(
            creditor=state.creditor,
            since=state.since,
            status=Status(state.status),
            connector_number=state.connectorNumber,
            operator=state.operator,
            rated_power_w=state.ratedPowerW,
            meter_key=state.meterKey,
            evse_id_hash=state.evseIdHash,
            location=state.location,
            opening_hours=state.openingHours,
            tariff=state.tariff,
            certification=state.certification,
        )

    @property
    def connector(self) -> bytes:
        """The connector's id, as the contract derives it."""
        return keccak256(self.evse_id_hash + self.connector_number.to_bytes(32, "big"))

    @property
    def in_service(self) -> bool:
        return self.status is Status.IN_SERVICE


class RecordedEvent(Protocol):
    """A decoded ``ChargePointRecorded`` event."""

    @property
    def args(self) -> Mapping[str, Any]: ...


class Directory:
    """Every version of every connector. Iterating gives the connectors in the order they were listed in."""

    def __init__(self) -> None:
        self._versions: dict[bytes, list[ChargePoint]] = {}

    @classmethod
    def from_events(cls, events: Iterable[RecordedEvent]) -> Directory:
        """A directory of events in the order of the chain. Raises what ``add`` raises."""
        directory = cls()
        for event in events:
            directory.add(event)
        return directory

    def add(self, event: RecordedEvent) -> None:
        """Takes in one event; the same one again changes nothing.

        Raises:
            DirectoryEventError: events are missing before it, or it contradicts one that was taken in, as
                after a reorganisation of the chain.
        """
        connector, version = bytes(event.args["connector"]), int(event.args["version"])
        state = ChargePoint.from_abi(event.args["state"])
        versions = self._versions.get(connector, [])
        if version > len(versions):
            raise DirectoryEventError(connector, version, f"expected version {len(versions)}")
        if version < len(versions):
            if versions[version] != state:
                raise DirectoryEventError(connector, version, "another state is recorded for it")
            return
        self._versions.setdefault(connector, []).append(state)

    def __len__(self) -> int:
        return len(self._versions)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._versions)

    def versions(self, connector: bytes) -> tuple[ChargePoint, ...]:
        """All versions of a connector, those that have not begun too; none where it was never listed."""
        return tuple(self._versions.get(connector, ()))

    def at(self, connector: bytes, time: int) -> ChargePoint | None:
        """What was true of a connector at a time (Unix seconds); None where nothing was."""
        versions = self._versions.get(connector, [])
        begun = bisect_right(versions, time, key=lambda version: version.since)
        return versions[begun - 1] if begun else None
