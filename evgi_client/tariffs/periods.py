"""Charging periods, and where one must be cut because a price may change inside it.

Within a period everything is taken to flow evenly. A cut at the fraction x of the period puts floor(quantity * x) of
each quantity before it: each side is less than one Wh or second from its exact share, nothing is lost, and a further
cut elsewhere changes nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from evgi_client.errors import ChargingPeriodError, ReadingMissingError, TimeZoneMissingError
from evgi_client.tariffs.tariff import Reservation, Restrictions, Tariff, zone_of
from evgi_client.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

MAX_PERIOD_SECONDS = 366 * 24 * SECONDS_PER_HOUR
MAX_TIME = 2**32 - 1
"""The contract keeps starts in 32 bits."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ChargingPeriod:
    """What was used from ``start`` to ``end`` (Unix seconds).

    ``energy_wh`` is in the direction that the tariff prices. ``charging_seconds`` and ``parking_seconds`` need not
    add up to the period. Power in W and current in mA (sum of the phases) are the readings of the period, None where
    there is none; where no power was read it is energy over time.

    Raises:
        ChargingPeriodError: an end before the start, more than 366 days, a time after 2106, or a negative quantity.
    """

    start: int
    end: int
    energy_wh: int = 0
    charging_seconds: int = 0
    parking_seconds: int = 0
    reservation_seconds: int = 0
    min_power: int | None = None
    max_power: int | None = None
    min_current: int | None = None
    max_current: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and value < 0:
                raise ChargingPeriodError(field.name, value, "negative")
        if self.end < self.start:
            raise ChargingPeriodError("end", self.end, f"before the start {self.start}")
        if self.end - self.start > MAX_PERIOD_SECONDS:
            raise ChargingPeriodError("end", self.end, f"more than 366 days after the start {self.start}")

        if self.end > MAX_TIME:
            raise ChargingPeriodError("end", self.end, f"after {MAX_TIME}")

    @property
    def seconds(self) -> int:
        return self.end - self.start

    @property
    def reserved_only(self) -> bool:
        """Whether nothing but a reservation happened."""
        return self.reservation_seconds > 0 and not (
            self.energy_wh or self.charging_seconds or self.parking_seconds
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """A period, or a part of one, in which no restriction changes. ``energy_before`` and ``elapsed`` are what the
    session had used and how long it had lasted when the piece began."""

    period: ChargingPeriod
    energy_wh: int
    charging_seconds: int
    parking_seconds: int
    reservation_seconds: int
    energy_before: Fraction
    elapsed: Fraction
    local: datetime | None

    def matches(self, restrictions: Restrictions, tariff_id: str, reserved: frozenset[Reservation]) -> bool:
        """Whether an element with these restrictions applies: to a reservation of the kinds ``reserved``, or to
        charging and parking where that is empty.

        Raises:
            TimeZoneMissingError, ReadingMissingError: what the answer depends on is not known.
        """
        if restrictions.reservation is None:
            if reserved:
                return False
        elif restrictions.reservation not in reserved:
            return False
        return (
            _within(self.energy_before, restrictions.min_energy, restrictions.max_energy)
            and _within(self.elapsed, restrictions.min_duration, restrictions.max_duration)
            and (not restrictions.local or self._matches_local(restrictions, tariff_id))
            and self._matches_reading(restrictions, tariff_id)
        )

    def _matches_local(self, restrictions: Restrictions, tariff_id: str) -> bool:
        if self.local is None:
            raise TimeZoneMissingError(tariff_id)
        day, minute = self.local.date(), self.local.hour * 60 + self.local.minute
        return (
            (not restrictions.weekdays or day.weekday() in restrictions.weekdays)
            and (restrictions.start_date is None or restrictions.start_date <= day)
            and (restrictions.end_date is None or day < restrictions.end_date)
            and _within_day(minute, restrictions.start_time or 0, restrictions.end_time or 0)
        )

    def _matches_reading(self, restrictions: Restrictions, tariff_id: str) -> bool:
        period = self.period
        for name, low, high, readings in (
            (
                "power",
                restrictions.min_power,
                restrictions.max_power,
                _readings(period.min_power, period.max_power) or _mean_power(period),
            ),
            (
                "current",
                restrictions.min_current,
                restrictions.max_current,
                _readings(period.min_current, period.max_current) or (None if period.energy_wh else (0, 0)),
            ),
        ):
            if low is None and high is None:
                continue
            if readings is None:
                raise ReadingMissingError(tariff_id, name, period.start)
            least, most = readings
            if not (_within(least, low, None) and _within(most, None, high)):
                return False
        return True


def pieces(priced: Sequence[tuple[ChargingPeriod, Tariff | None]]) -> Iterator[tuple[Piece, Tariff | None]]:
    """The periods of a session in order, each cut wherever a restriction of its tariff may begin or end.

    How long charging and parking have lasted counts from the first period that is not a reservation alone.

    Raises:
        ChargingPeriodError: periods that overlap or are not in order.
    """
    begun = next((period.start for period, _ in priced if not period.reserved_only), None)
    energy, previous_end = 0, None
    for period, tariff in priced:
        if previous_end is not None and period.start < previous_end:
            raise ChargingPeriodError(
                "start", period.start, f"before the end {previous_end} of the one before"
            )
        previous_end = period.end
        elapsed = period.start - (priced[0][0].start if period.reserved_only or begun is None else begun)
        zone = None if tariff is None or tariff.time_zone is None else zone_of(tariff.time_zone)
        cuts = {Fraction(0)}
        if tariff is not None:
            cuts.update(_cuts(period, tariff, zone, energy, elapsed))
        edges = [*sorted(cuts), Fraction(1)]
        for left, right in pairwise(edges):
            yield _piece(period, left, right, zone, energy, elapsed), tariff
        energy += period.energy_wh


def _piece(
    period: ChargingPeriod, left: Fraction, right: Fraction, zone: ZoneInfo | None, energy: int, elapsed: int
) -> Piece:
    def share(quantity: int) -> int:
        return int(quantity * right) - int(quantity * left)

    begin = period.start + int(period.seconds * left)
    return Piece(
        period=period,
        energy_wh=share(period.energy_wh),
        charging_seconds=share(period.charging_seconds),
        parking_seconds=share(period.parking_seconds),
        reservation_seconds=share(period.reservation_seconds),
        energy_before=energy + period.energy_wh * left,
        elapsed=elapsed + period.seconds * left,
        local=None if zone is None else datetime.fromtimestamp(begin, zone),
    )


def _cuts(
    period: ChargingPeriod, tariff: Tariff, zone: ZoneInfo | None, energy: int, elapsed: int
) -> Iterator[Fraction]:
    """Fractions strictly inside the period at which a restriction of the tariff may begin or end."""
    restrictions = [element.restrictions for element in tariff.elements]
    for limits, used, quantity in (
        (
            {r.min_energy for r in restrictions} | {r.max_energy for r in restrictions},
            energy,
            period.energy_wh,
        ),
        (
            {r.min_duration for r in restrictions} | {r.max_duration for r in restrictions},
            elapsed,
            period.seconds,
        ),
    ):
        for limit in limits:
            if limit is not None and used < limit < used + quantity:
                yield Fraction(limit - used, quantity)
    if zone is not None and tariff.local:
        minutes = {0, *(r.start_time or 0 for r in restrictions), *(r.end_time or 0 for r in restrictions)}
        for instant in local_boundaries(period.start, period.end, zone, minutes):
            yield Fraction(instant - period.start, period.seconds)


def local_boundaries(start: int, end: int, zone: ZoneInfo, minutes: Iterable[int]) -> Iterator[int]:
    """Unix seconds strictly between ``start`` and ``end`` at which the local clock shows one of ``minutes`` of the day,
    or is put forward or back. Where it is put back, both times it shows a minute are given; some may be given twice."""
    first, last = (datetime.fromtimestamp(second, zone).date() for second in (start, end))
    day: date = first - _DAY
    wanted = tuple(minutes)
    while day <= last + _DAY:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        instants = [
            int((midnight + timedelta(minutes=minute)).replace(fold=fold).timestamp())
            for minute in wanted
            for fold in (0, 1)
        ]
        following = int((midnight + _DAY).timestamp())
        change = _clock_change(int(midnight.timestamp()), following, zone)
        if change is not None:
            instants.append(change)
        yield from (instant for instant in instants if start < instant < end)
        day += _DAY


def _clock_change(low: int, high: int, zone: ZoneInfo) -> int | None:
    """The second between two at which the offset of the zone changes, at most one being expected in a day."""

    def offset(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, timezone.utc).astimezone(zone).utcoffset()

    before = offset(low)
    if offset(high) == before:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle) == before:
            low = middle
        else:
            high = middle
    return high


def _within(value: Fraction | int, low: int | None, high: int | None) -> bool:
    return (low is None or low <= value) and (high is None or value < high)


def _within_day(minute: int, start: int, end: int) -> bool:
    """From ``start`` to before ``end``, past midnight where the end is not later; equal times are the whole day."""
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end


def _readings(low: int | None, high: int | None) -> tuple[int, int] | None:
    """The least and the most that was read; one reading stands for both."""
    if low is None and high is None:
        return None
    return (low if low is not None else high or 0), (high if high is not None else low or 0)


def _mean_power(period: ChargingPeriod) -> tuple[Fraction, Fraction] | None:
    seconds = period.charging_seconds or period.seconds
    if not seconds:
        return None
    power = Fraction(period.energy_wh * SECONDS_PER_HOUR, seconds)
    return power, power
