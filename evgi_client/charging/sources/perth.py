"""Charge points of Perth & Kinross Council.

Local times of Europe/London in minutes, one file with spaces in its column names and ``T`` in its days, one with
underscores and slashes. No user: the charge point stands for the driver. The operator is the site; it is spelled in
several ways, so that a charge point's is the one that most of its rows have, up to the first comma.

Both files have day and month swapped wherever that gives a day of the calendar: the 8th of December is the 12th of
August. See ``Swaps`` for what proves it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from evgi_client.charging.sources.clock import LocalClock
from evgi_client.charging.sources.fields import clock, decimal, integer, required, year_first
from evgi_client.charging.sources.files import Row
from evgi_client.charging.sources.models import rated_power_w
from evgi_client.charging.sources.rules import AMBIGUOUS_DATE, NO_END
from evgi_client.charging.sources.session import MeteredSession
from evgi_client.charging.sources.sockets import EvseIds
from evgi_client.charging.sources.table import RowReader, TableSource
from evgi_client.errors import SessionRowError
from evgi_client.units import WH_PER_KWH

_SPACED = frozenset(
    (
        "_id",
        "CP ID",
        "Connector",
        "Start Date",
        "Start Time",
        "End Date",
        "End Time",
        "Total kWh",
        "Site",
        "Model",
    )
)
_UNDERSCORED = frozenset(name.replace(" ", "_") for name in _SPACED)


class PerthSource(TableSource):
    """Charge points of one council, by site."""

    name = "perth"
    title = "Perth & Kinross Council"
    currency = "GBP"
    columns = _SPACED
    id_column = "_id"

    def recognises(self, opening: str) -> bool:
        header = self.header(opening)
        return header >= _SPACED or header >= _UNDERSCORED

    def prepare(self, rows: Sequence[Row]) -> tuple[RowReader, tuple[str, ...]]:
        readable = [row for row in rows if row.damage is None]
        gap = "_" if readable and readable[0].values.keys() >= _UNDERSCORED else " "
        names = {name: name.replace(" ", gap) for name in _SPACED}
        swaps = Swaps(readable, names)
        sites = _sites(readable, names)
        london = LocalClock("Europe/London")
        evses = EvseIds("GB", "PKC")

        def read(row: Row) -> MeteredSession:
            values = row.values
            ends = [values[names[name]].strip() for name in ("End Date", "End Time", "Total kWh")]
            if not all(ends):
                raise SessionRowError(NO_END, "no end or no energy")
            start = swaps.start(row)
            started_at, ended_at = london.span(start, swaps.end(row, start))
            station = required(values, names["CP ID"])
            return MeteredSession(
                row=row.number,
                session_id=required(values, names["_id"]),
                operator=sites[station],
                evse_id=evses.make(station),
                connector_number=integer(values, names["Connector"], 1, 255),
                driver=station,
                started_at=started_at,
                ended_at=ended_at,
                energy_wh=decimal(values, names["Total kWh"], WH_PER_KWH),
                rated_power_w=rated_power_w(required(values, names["Model"])),
                time_resolution=60,
            )

        return read, swaps.notes()


@dataclass(frozen=True, slots=True)
class _Start:
    """A row's start as it is written and, where day and month can change places, with them swapped."""

    row: int
    written: datetime
    swapped: datetime | None


class Swaps:
    """Which dates of a file have day and month in each other's place.

    The rows stand from the latest start to the earliest. A date whose day is above 12, or is the month's number, can
    be read in one way only and is a fixed point; a date between two of them that fits there in one of its two readings
    alone is proven by the order. Where every proven date of a file is swapped, the others, after the last fixed point,
    are read so too; likewise where every one is as written. Where proven dates disagree, each stands for itself. An end
    that can be after its start in one reading only is proven by that. What nothing proves is refused.
    """

    def __init__(self, rows: Sequence[Row], names: Mapping[str, str]) -> None:
        self._names = names
        starts = [start for row in rows if (start := self._start_of(row)) is not None]
        fixed = [start for start in starts if start.swapped is None]
        positions = [start.row for start in fixed]
        self._proven: dict[int, datetime] = {}
        self.written = self.swapped = 0
        self.ambiguous = len(starts) - len(fixed)
        for start in starts:
            if start.swapped is None:
                continue
            place = bisect_left(positions, start.row)
            before = fixed[place - 1].written if place else None
            after = fixed[place].written if place < len(fixed) else None
            fits = [
                (before is None or reading <= before) and (after is None or after <= reading)
                for reading in (start.written, start.swapped)
            ]
            if fits == [True, False]:
                self.written += 1
                self._proven[start.row] = start.written
            elif fits == [False, True]:
                self.swapped += 1
                self._proven[start.row] = start.swapped
        self._habit: bool | None = None
        if bool(self.written) != bool(self.swapped):
            self._habit = bool(self.swapped)

    def start(self, row: Row) -> datetime:
        """A row's start, local.

        Raises:
            SessionRowError: no date, or one that nothing proves.
        """
        written, swapped = self._readings(row, "Start Date", "Start Time")
        if swapped is None:
            return written
        if row.number in self._proven:
            return self._proven[row.number]
        if self._habit is not None:
            return swapped if self._habit else written
        raise self._refused(row, "Start Date")

    def end(self, row: Row, start: datetime) -> datetime:
        """A row's end, local.

        Raises:
            SessionRowError: no date, or one that nothing proves.
        """
        written, swapped = self._readings(row, "End Date", "End Time")
        if swapped is None:
            return written
        if self._habit is not None:
            return swapped if self._habit else written
        if (written < start) != (swapped < start):
            return swapped if written < start else written
        raise self._refused(row, "End Date")

    def notes(self) -> tuple[str, ...]:
        """What was done with the file's dates, in a sentence."""
        if not self.ambiguous:
            return ()
        proven = f"{self.ambiguous} starts can be read with day and month swapped; the row order proves"
        if self._habit is None:
            return (f"{proven} {self.swapped} swapped and {self.written} as written",)
        habit = "swapped" if self._habit else "as written"
        return (f"{proven} {self.swapped + self.written}, all {habit}: all are read so",)

    def _start_of(self, row: Row) -> _Start | None:
        try:
            return _Start(row.number, *self._readings(row, "Start Date", "Start Time"))
        except SessionRowError:
            return None

    def _readings(self, row: Row, date: str, time: str) -> tuple[datetime, datetime | None]:
        day = year_first(row.values, self._names[date])
        since_midnight = clock(row.values, self._names[time])
        if day.day > 12 or day.day == day.month:
            return day + since_midnight, None
        return day + since_midnight, day.replace(month=day.day, day=day.month) + since_midnight

    def _refused(self, row: Row, date: str) -> SessionRowError:
        name = self._names[date]
        return SessionRowError(AMBIGUOUS_DATE, f"{name} {row.values[name]!r}: day and month may be swapped")


def _sites(rows: Sequence[Row], names: Mapping[str, str]) -> dict[str, str]:
    """The site of each charge point: the name that most rows have, the first in the alphabet of equals."""
    spelled: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        site = " ".join(row.values[names["Site"]].partition(",")[0].split())
        spelled[row.values[names["CP ID"]].strip()][site] += 1
    return {
        station: min(sites, key=lambda site: (-sites[site], site)) or station
        for station, sites in spelled.items()
    }
