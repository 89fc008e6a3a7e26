"""Fields of a row as numbers and times. What cannot be read is named, with its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from evgi_client.charging.sources.rules import UNREADABLE
from evgi_client.errors import SessionRowError
from evgi_client.units import scaled

_DECIMAL = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?")
_INTEGER = re.compile(r"[0-9]{1,9}")
_DAY_FIRST = re.compile(r"([0-9]{2})[/.]([0-9]{2})[/.]([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})(?:[T ]00:00(?::00)?)?")
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")
_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?"
    r"(?:Z|(?P<sign>[-+])(?P<hours>0[0-9]|1[0-4]):(?P<minutes>[0-5][0-9]))"
)

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 — local times are naive until their zone is known
_SECOND = timedelta(seconds=1)


def unreadable(name: str, value: str, why: str) -> SessionRowError:
    """A field that cannot be read, to be raised."""
    return SessionRowError(UNREADABLE, f"{name} {value!r}: {why}")


def required(values: Mapping[str, str], name: str) -> str:
    """A field that must not be empty, without blanks around it.

    Raises:
        SessionRowError: it is empty.
    """
    value = values[name].strip()
    if not value:
        raise unreadable(name, value, "empty")
    return value


def decimal(values: Mapping[str, str], name: str, scale: int, mark: str = ".") -> int:
    """A decimal number times ``scale``, half up. ``mark`` separates the fraction.

    Raises:
        SessionRowError: no number.
    """
    text = values[name].strip()
    number = text if mark == "." else text.replace(".", "?").replace(mark, ".")
    if not _DECIMAL.fullmatch(number):
        raise unreadable(name, text, "no number")
    return scaled(number, scale, name)


def integer(values: Mapping[str, str], name: str, least: int, most: int) -> int:
    """An integer within bounds.

    Raises:
        SessionRowError: no integer, or out of bounds.
    """
    text = values[name].strip()
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        raise unreadable(name, text, f"no integer from {least} to {most}")
    return int(text)


def day_first(values: Mapping[str, str], name: str) -> datetime:
    """Midnight of ``dd/mm/yyyy`` or ``dd.mm.yyyy``.

    Raises:
        SessionRowError: no such day.
    """
    day = _day_first(values[name].strip())
    if day is None:
        raise unreadable(name, values[name], "no day as dd/mm/yyyy")
    return day


def year_first(values: Mapping[str, str], name: str) -> datetime:
    """Midnight of ``yyyy-mm-dd`` or ``yyyy/mm/dd``, with or without a midnight written behind it.

    Raises:
        SessionRowError: no such day.
    """
    day = _year_first(values[name].strip())
    if day is None:
        raise unreadable(name, values[name], "no day as yyyy-mm-dd")
    return day


def clock(values: Mapping[str, str], name: str) -> timedelta:
    """Time since midnight of ``hh:mm`` or ``hh:mm:ss``.

    Raises:
        SessionRowError: no such time.
    """
    time = _time(values[name].strip())
    if time is None:
        raise unreadable(name, values[name], "no time of a day as hh:mm")
    return time


def unix_utc(moment: datetime) -> int:
    """Unix seconds of a naive time that is UTC, fractions cut off."""
    return (moment - _EPOCH) // _SECOND


def instant(values: Mapping[str, str], name: str) -> int:
    """Unix seconds of ``yyyy-mm-ddThh:mm:ss`` with its offset (``Z`` or ``+hh:mm``), fractions cut off.

    Raises:
        SessionRowError: no time, or none with an offset.
    """
    text = values[name].strip()
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise unreadable(name, text, "no time as yyyy-mm-ddThh:mm:ss with an offset from UTC")
    day, time = _year_first(match["day"]), _time(match["time"])
    if day is None or time is None:
        raise unreadable(name, text, "no such time")
    if match["sign"] is None:
        return unix_utc(day + time)
    offset = 3600 * int(match["hours"]) + 60 * int(match["minutes"])
    return unix_utc(day + time) - (offset if match["sign"] == "+" else -offset)


# A file has few days and fewer times of a day, each on many rows.
@lru_cache(maxsize=4096)
def _day_first(text: str) -> datetime | None:
    match = _DAY_FIRST.fullmatch(text)
    return None if match is None else _day(match[3], match[2], match[1])


@lru_cache(maxsize=4096)
def _year_first(text: str) -> datetime | None:
    match = _YEAR_FIRST.fullmatch(text)
    return None if match is None else _day(match[1], match[2], match[3])


@lru_cache(maxsize=4096)
def _time(text: str) -> timedelta | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _day(year: str, month: str, day: str) -> datetime | None:
    try:
        return datetime(int(year), int(month), int(day))  # noqa: DTZ001 — local
    except ValueError:
        return None
