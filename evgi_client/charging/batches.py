"""Sessions as ``SessionSettlement.settle`` takes them and as its event gives them back. Pure.

Layouts are those of ``ISessionSettlement``: 81 bytes a session in the call, 14 in the event.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.errors import BatchLayoutError
from evgi_client.messages import ChargingTerms, SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evgi_client.charging.session import SignedSession

EPOCH = 30 * 24 * 3600
"""Seconds in an epoch of a connector's start log."""

SESSION_BYTES = 81
EVENT_HEADER_BYTES = 34
EVENT_SESSION_BYTES = 14


@dataclass(frozen=True, slots=True)
class PlacedSession:
    """A signed session and its driver's place in the debtor's roster."""

    session: SignedSession
    driver: int


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions of one connector under one set of terms in one epoch, ascending by start."""

    terms: ChargingTerms
    epoch: int
    sessions: tuple[PlacedSession, ...]
    settled: bytes

    @property
    def calldata_bytes(self) -> int:
        """What the group weighs in a call of ``settle``: 19 words, and sessions and witness in whole words."""
        return 32 * (19 + -(-SESSION_BYTES * len(self.sessions) // 32) + -(-len(self.settled) // 32))

    def packed(self) -> bytes:
        """The sessions, 81 bytes each.

        Raises:
            BatchLayoutError: a start outside the epoch or out of order, or a field too large for its bytes.
        """
        packed = bytearray()
        previous = self.epoch * EPOCH
        for position, placed in enumerate(self.sessions):
            session = placed.session
            start, cost = session.started_at, session.cost
            if start // EPOCH != self.epoch or start < previous or (position and start == previous):
                raise BatchLayoutError("startedAt", start, f"ascending, in epoch {self.epoch}")
            packed += session.driver_signature.compact()
            packed += _field("startedAt", start - previous, 3)
            packed += _field("driver", placed.driver, 3)
            packed += _field("energyWh", session.energy_wh, 3)
            packed += _field("cost", cost, 4)
            packed += _field("slack", session.authorization.max_cost - cost, 4)
            previous = start
        return bytes(packed)


@dataclass(frozen=True, slots=True)
class SettledSession:
    """A session as the chain's event tells it."""

    key: SessionKey
    driver: int
    energy_wh: int
    cost: int


def groups_of(placed: Iterable[PlacedSession]) -> list[tuple[ChargingTerms, int, tuple[PlacedSession, ...]]]:
    """Sessions gathered by (terms, epoch), each gathering ascending by start, in order of their first start."""
    gathered: dict[tuple[ChargingTerms, int], list[PlacedSession]] = {}
    for one in placed:
        key = (one.session.authorization.terms, one.session.started_at // EPOCH)
        gathered.setdefault(key, []).append(one)
    for sessions in gathered.values():
        sessions.sort(key=lambda one: one.session.started_at)
    ordered = sorted(gathered.items(), key=lambda item: (item[1][0].session.started_at, item[0][0].connector))
    return [(terms, epoch, tuple(sessions)) for (terms, epoch), sessions in ordered]


def decode_settled(packed: bytes) -> Iterator[SettledSession]:
    """The sessions of a ``SessionsSettled`` event.

    Raises:
        BatchLayoutError: bytes that are not that layout.
    """
    offset = 0
    while offset < len(packed):
        header = packed[offset : offset + EVENT_HEADER_BYTES]
        if len(header) < EVENT_HEADER_BYTES:
            raise BatchLayoutError("header", len(header), f"{EVENT_HEADER_BYTES} bytes")
        connector, count = header[:32], int.from_bytes(header[32:], "big")
        offset += EVENT_HEADER_BYTES
        end = offset + count * EVENT_SESSION_BYTES
        if end > len(packed):
            raise BatchLayoutError("sessions", len(packed) - offset, f"{count} sessions")
        for position in range(offset, end, EVENT_SESSION_BYTES):
            start, driver_energy, cost = struct.unpack_from(">I6sI", packed, position)
            driver, energy = driver_energy[:3], driver_energy[3:]
            key = SessionKey(connector, start)
            yield SettledSession(key, int.from_bytes(driver, "big"), int.from_bytes(energy, "big"), cost)
        offset = end


def session_at(groups: Sequence[Group], index: int) -> PlacedSession:
    """The session that an error of the contract names by its index in the batch."""
    for group in groups:
        if index < len(group.sessions):
            return group.sessions[index]
        index -= len(group.sessions)
    raise BatchLayoutError("index", index, "a session of the batch")


def _field(name: str, value: int, size: int) -> bytes:
    if not 0 <= value < 1 << (8 * size):
        raise BatchLayoutError(name, value, f"{size} bytes, unsigned")
    return value.to_bytes(size, "big")
