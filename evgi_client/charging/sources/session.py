"""What a source of charging sessions says, in the units of this package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from evgi_client.messages.identifiers import normalise_evse_id

_normalised = lru_cache(maxsize=4096)(normalise_evse_id)


@dataclass(frozen=True, slots=True)
class MeteredSession:
    """One charging session as its source tells it. Nothing in it is estimated.

    Attributes:
        row: where it stands in the file, from 1: the data line of a table, the position in a list.
        session_id: the source's own id. Unique in a reading; two files of one source may repeat it.
        operator: who runs the station, or the group of stations that it belongs to.
        evse_id: EVSE id of the ISO 15118-2 form, made up of the source's names where it has none.
        connector_number: 1 to 255, within the EVSE id. The two together name one connector.
        driver: who charged. The station's name where the source does not say.
        started_at, ended_at: Unix seconds.
        energy_wh: imported energy; 0 is possible.
        rated_power_w: the most that the connector can deliver, at the highest voltage its grid may have.
        time_resolution: seconds by which the source may tell a session too short: 60 where it has minutes only.
        charging_seconds: time of it that the vehicle charged, where the source says.
        cost: minor units, taxes included, where the source fixes the price. Never negative.
        currency: of ``cost``.
    """

    row: int
    session_id: str
    operator: str
    evse_id: str
    connector_number: int
    driver: str
    started_at: int
    ended_at: int
    energy_wh: int
    rated_power_w: int
    time_resolution: int
    charging_seconds: int | None = None
    cost: int | None = None
    currency: str | None = None

    @property
    def connector(self) -> tuple[str, int]:
        """EVSE id in its one form and connector number: serves one session at a time."""
        return _normalised(self.evse_id), self.connector_number


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is never billed: no session can be made of it, or one that cannot be true.

    ``reason`` is a word of ``REASONS``; ``detail`` says it with the row's numbers; ``raw`` is the row as the source
    has it, by column.
    """

    row: int
    session_id: str
    reason: str
    detail: str
    raw: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read: every row is either a session or quarantined, each in the order of the file.

    ``currency`` is the one that the source's sessions are paid in. ``notes`` say in sentences what was repaired or
    could not be checked.
    """

    source: str
    read: int
    sessions: tuple[MeteredSession, ...]
    quarantined: tuple[Quarantined, ...]
    currency: str
    notes: tuple[str, ...] = ()

    @property
    def energy_wh(self) -> int:
        """Of the sessions that are kept."""
        return sum(session.energy_wh for session in self.sessions)

    def reasons(self) -> dict[str, int]:
        """How many rows are quarantined for which reason, the most first."""
        return dict(Counter(row.reason for row in self.quarantined).most_common())
