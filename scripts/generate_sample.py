#!/usr/bin/env python3
"""Makes the synthetic sessions that the demo runs on where it is given none.

Six made-up operators, thirty connectors, forty drivers and one month, March 2026, in which the clock of Europe/Berlin
goes forward. Nothing in it is drawn from real data. A few rows are wrong on purpose, one or two for each reason that
the package knows. Every number comes from a seed through SHA-256, so that each run writes the same bytes.

    scripts/generate_sample.py            write the sample
    scripts/generate_sample.py --check    fail where the committed sample is another
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

SAMPLE = Path(__file__).resolve().parent.parent / "evgi_client" / "demo" / "data" / "synthetic_sessions.csv"
SEED = "synthetic charging sessions 1"
COLUMNS = (
    "session_id", "operator", "evse_id", "connector", "driver", "rated_power_w", "started_at", "ended_at",
    "energy_kwh", "charging_seconds",
)  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")
MONTH = datetime(2026, 3, 1, tzinfo=BERLIN)
DAYS = 31
SESSIONS = 230
DRIVERS = 40
OPERATORS = ("Amber", "Birch", "Cobalt", "Dune", "Ember", "Fjord")
AC_11_KW_W, AC_22_KW_W, DC_150_KW_W = 11_040, 22_080, 150_000
HOUR = 3600


@dataclass(frozen=True)
class Connector:
    operator: str
    evse_id: str
    number: int
    rated_power_w: int


@dataclass(frozen=True)
class Driver:
    """A driver with a vehicle: W that it takes at an AC and at a DC connector, Wh that its battery holds."""

    name: str
    ac_power_w: int
    dc_power_w: int
    battery_wh: int


@dataclass(frozen=True)
class Session:
    connector: Connector
    driver: Driver
    started_at: int
    ended_at: int
    energy_wh: int
    charging_seconds: int
    id: str = ""

    def row(self) -> list[str]:
        place = self.connector
        return [
            self.id,
            place.operator,
            place.evse_id,
            str(place.number),
            self.driver.name,
            str(place.rated_power_w),
            _utc(self.started_at),
            _utc(self.ended_at),
            _kwh(self.energy_wh),
            str(self.charging_seconds),
        ]


class Draws:
    """Integers from a seed, the same on every machine and under every version of Python."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def below(self, limit: int) -> int:
        self._count += 1
        digest = hashlib.sha256(f"{self._seed}/{self._count}".encode()).digest()
        return int.from_bytes(digest[:16], "big") % limit

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)


def generate() -> str:
    """The sample as text."""
    draws = Draws(SEED)
    places = _connectors()
    drivers = _drivers(draws)
    sessions = [_through_the_change_of_clock(places[0], drivers[0])]
    while len(sessions) < SESSIONS:
        session = _session(draws, places, drivers)
        if session is not None and not any(_clash(session, other) for other in sessions):
            sessions.append(session)
    rows = _wrong_rows(sessions) + [session.row() for session in _numbered(sessions)]
    rows.sort(key=lambda row: (row[6], row[0]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def _connectors() -> list[Connector]:
    """Each operator has a station of two 11 kW sockets, one of two 22 kW sockets, and a DC charger."""
    stations = (("1", AC_11_KW_W, 2), ("2", AC_22_KW_W, 2), ("3", DC_150_KW_W, 1))
    return [
        Connector(f"Sample Operator {name}", f"DE*SY{name[0]}*E{station}", number, power)
        for name in OPERATORS
        for station, power, sockets in stations
        for number in range(1, sockets + 1)
    ]


def _drivers(draws: Draws) -> list[Driver]:
    return [
        Driver(
            f"sample-driver-{number:02}",
            (3_600, 7_200, 11_000, 11_000, 22_000)[draws.below(5)],
            1000 * draws.between(45, 145),
            1000 * draws.between(28, 90),
        )
        for number in range(1, DRIVERS + 1)
    ]


def _session(draws: Draws, places: list[Connector], drivers: list[Driver]) -> Session | None:
    """A visit: one in six quick at a DC charger, the others in the morning or in the evening at a socket."""
    driver = drivers[draws.below(len(drivers))]
    quick = draws.below(6) == 0
    fitting = [place for place in places if (place.rated_power_w == DC_150_KW_W) == quick]
    place = fitting[draws.below(len(fitting))]
    if quick:
        opens, closes, least_stay, most_stay = 7, 22, 9 * 60, 50 * 60
    elif draws.below(3) == 0:
        opens, closes, least_stay, most_stay = 7, 10, 3 * HOUR, 9 * HOUR
    else:
        opens, closes, least_stay, most_stay = 16, 22, 7 * HOUR, 14 * HOUR
    day = MONTH + timedelta(days=draws.below(DAYS))
    arrives = day.replace(hour=draws.between(opens, closes), minute=draws.below(60), second=draws.below(60))
    started_at = int(arrives.timestamp())
    stay = draws.between(least_stay, most_stay)
    power_w = min(place.rated_power_w, driver.dc_power_w if quick else driver.ac_power_w)
    needed_wh = driver.battery_wh * draws.between(15, 75) // 100
    # A meter never shows more than was delivered: energy is cut, time is rounded up.
    energy_wh = min(needed_wh, power_w * stay // HOUR)
    return Session(place, driver, started_at, started_at + stay, energy_wh, -(-energy_wh * HOUR // power_w))


def _through_the_change_of_clock(place: Connector, driver: Driver) -> Session:
    """From 22:40 to 07:20 of a night that is an hour short."""
    started_at = int(datetime(2026, 3, 28, 22, 40, tzinfo=BERLIN).timestamp())
    ended_at = int(datetime(2026, 3, 29, 7, 20, tzinfo=BERLIN).timestamp())
    return Session(place, driver, started_at, ended_at, 14_400, -(-14_400 * HOUR // driver.ac_power_w))


def _clash(one: Session, other: Session) -> bool:
    """Two sessions at a time, of a connector or of a driver."""
    shared = one.connector == other.connector or one.driver == other.driver
    return shared and one.started_at < other.ended_at + 60 and other.started_at < one.ended_at + 60


def _numbered(sessions: list[Session]) -> list[Session]:
    """With ids in the order of their starts; the fiftieth and the hundredth drew no energy at all."""
    ordered = sorted(sessions, key=lambda session: (session.started_at, session.connector.evse_id))
    return [
        replace(
            session,
            id=f"SYN-{number:04}",
            energy_wh=0 if number in (50, 100) else session.energy_wh,
            charging_seconds=0 if number in (50, 100) else session.charging_seconds,
        )
        for number, session in enumerate(ordered, 1)
    ]


def _wrong_rows(sessions: list[Session]) -> list[list[str]]:
    """Rows that must be quarantined, by what is wrong with them, beside the sessions that are right."""
    good = _numbered(sessions)

    def copy(number: int, defect: int, **changes: str) -> list[str]:
        row = [f"SYN-9{defect:03}", *good[number].row()[1:]]
        for name, value in changes.items():
            row[COLUMNS.index(name)] = value
        return row

    def later(number: int, seconds: int) -> str:
        return _utc(good[number].started_at + seconds)

    first, second = _neighbours(good)
    socket = next(
        number for number, one in enumerate(good) if number > 60 and one.connector.rated_power_w == AC_11_KW_W
    )
    return [
        # unreadable: a decimal comma, and a line that breaks off
        copy(20, 1, energy_kwh="12,480", started_at=later(20, -7200), ended_at=later(20, -3600)),
        copy(40, 2, started_at=later(40, -7200))[:7],
        # no_end
        copy(70, 3, started_at=later(70, -5400), ended_at="", energy_kwh="", charging_seconds=""),
        copy(90, 4, started_at=later(90, -5400), ended_at="", energy_kwh="", charging_seconds=""),
        # end_before_start
        copy(110, 5, started_at=later(110, -600), ended_at=later(110, -4200), energy_kwh="3.100"),
        # negative_energy
        copy(130, 6, started_at=later(130, -7200), ended_at=later(130, -3600), energy_kwh="-4.210"),
        # impossible_energy: an 11 kW socket
        copy(
            socket,
            7,
            started_at=later(socket, -7200),
            ended_at=later(socket, -3600),
            energy_kwh="48.200",
            charging_seconds="3600",
        ),
        # duplicate: one row sent twice, and an attempt of the same second that was broken off
        good[150].row(),
        copy(160, 8, ended_at=later(160, 20), energy_kwh="0.000", charging_seconds="0"),
        # overlap: from within one session to within the next of its connector
        copy(
            first,
            9,
            started_at=_utc(good[first].ended_at - 60),
            ended_at=_utc(good[second].ended_at + 60),
            energy_kwh="1.000",
            charging_seconds="600",
        ),
    ]


def _neighbours(sessions: list[Session]) -> tuple[int, int]:
    """Two sessions that follow each other on one connector."""
    for later, session in enumerate(sessions):
        for earlier in range(later):
            if sessions[earlier].connector == session.connector and earlier > 100:
                return earlier, later
    raise AssertionError("no connector serves twice")


def _utc(moment: int) -> str:
    return datetime.fromtimestamp(moment, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh // 1000}.{energy_wh % 1000:03}"


def main(arguments: list[str]) -> int:
    text = generate()
    if arguments == ["--check"]:
        if not SAMPLE.is_file() or SAMPLE.read_text(encoding="utf-8") != text:
            print(f"{SAMPLE} is not what {Path(__file__).name} makes: run it", file=sys.stderr)
            return 1
        return 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    SAMPLE.parent.mkdir(parents=True, exist_ok=True)
    SAMPLE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
