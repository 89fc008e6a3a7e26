"""What sessions cost, in numbers worked out by hand, and against a second way of computing them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.errors import (
    ChargingPeriodError,
    CurrencyMismatchError,
    NotFlatRatesError,
    ReadingMissingError,
    TariffFieldError,
    TariffUnknownError,
    TimeZoneMissingError,
)
from evgi_client.tariffs import (
    ChargingPeriod,
    Dimension,
    Direction,
    Element,
    PriceComponent,
    PriceLimit,
    Rates,
    Reservation,
    Restrictions,
    SessionPrice,
    Tariff,
    TaxIncluded,
    Usage,
    Weekday,
    price,
    price_session,
)
from evgi_client.units import Rounding, minor

OSLO = "Europe/Oslo"
MINUTE, HOUR = 60, 3600

ENERGY, TIME, PARKING, FLAT = Dimension


def at(text: str, zone: str = OSLO, fold: int = 0) -> int:
    """Unix seconds of a local time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def hhmm(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def component(dimension: Dimension, amount: str, step: int = 1, tax: int | None = None) -> PriceComponent:
    return PriceComponent(dimension, minor(amount), step, tax)


def tariff(*elements: Element, zone: str | None = OSLO, rounding: Rounding = Rounding.HALF_UP) -> Tariff:
    return Tariff("NO", "EVG", "t", "NOK", elements, time_zone=zone, rounding=rounding)


def element(*components: PriceComponent, **restrictions: object) -> Element:
    return Element(components, Restrictions(**restrictions))  # type: ignore[arg-type]


def charge(start: int, seconds: int, energy_wh: int = 0, **readings: int) -> ChargingPeriod:
    return ChargingPeriod(start, start + seconds, energy_wh, charging_seconds=seconds, **readings)


def park(start: int, seconds: int) -> ChargingPeriod:
    return ChargingPeriod(start, start + seconds, parking_seconds=seconds)


def reserve(start: int, seconds: int) -> ChargingPeriod:
    return ChargingPeriod(start, start + seconds, reservation_seconds=seconds)


def billed(session: SessionPrice) -> list[tuple[int, Dimension, int, int]]:
    return [(part.element, part.dimension, part.used, part.billed) for part in session.parts]


# --- the parts of a price ---------------------------------------------------------------------------------------


def test_the_first_element_that_matches_wins_for_each_dimension_alone() -> None:
    rates = tariff(
        element(component(ENERGY, "0.50"), max_energy=5_000),
        element(component(ENERGY, "0.20"), component(TIME, "1.00")),
        element(component(TIME, "9.00"), component(FLAT, "2.00")),
    )
    session = rates.price([charge(at("2025-03-03 10:00"), HOUR, 8_000)])
    assert billed(session) == [
        (2, FLAT, 1, 1),
        (0, ENERGY, 5_000, 5_000),
        (1, TIME, 3600, 3600),
        (1, ENERGY, 3_000, 3_000),
    ]
    assert session.before_tax == minor("2.00") + minor("2.50") + minor("0.60") + minor("1.00")
    assert session.cost_of(ENERGY) == (minor("3.10"), minor("3.10"))


def test_a_dimension_without_a_price_is_free() -> None:
    session = tariff(element(component(ENERGY, "0.30"))).price([park(at("2025-03-03 10:00"), 5 * HOUR)])
    assert (session.before_tax, session.parts) == (0, ())


def test_a_flat_fee_is_billed_once_and_when_it_first_applies() -> None:
    rates = tariff(
        element(component(FLAT, "3.00"), min_duration=1800),
        element(component(ENERGY, "0")),
    )
    start = at("2025-03-03 10:00")
    assert rates.price([charge(start, 1800, 1000)]).before_tax == 0
    two = [charge(start, HOUR, 1000), charge(start + HOUR, HOUR, 1000)]
    assert rates.price(two).before_tax == minor("3.00")


def test_tax_is_taken_of_each_part_and_can_differ() -> None:
    rates = tariff(element(component(FLAT, "0.50", tax=200_000), component(ENERGY, "0.25", tax=100_000)))
    session = rates.price([charge(at("2025-03-03 10:00"), HOUR, 20_000)])
    assert (session.before_tax, session.after_tax, session.tax) == (
        minor("5.50"),
        minor("6.10"),
        minor("0.60"),
    )


@pytest.mark.parametrize(
    ("rounding", "before_tax", "after_tax"),
    [(Rounding.FLOOR, 1, 1), (Rounding.HALF_UP, 2, 3)],
)
def test_parts_and_taxes_are_rounded_as_named(rounding: Rounding, before_tax: int, after_tax: int) -> None:
    # 1,500 Wh at one minor unit a kWh is 1.5; a quarter of tax on 1 is 0.25, on 2 is 0.5.
    rates = tariff(Element((PriceComponent(ENERGY, 1, tax=250_000),)), rounding=rounding)
    session = rates.price([charge(at("2025-03-03 10:00"), HOUR, 1_500)])
    assert (session.before_tax, session.after_tax) == (before_tax, after_tax)


@pytest.mark.parametrize(
    ("included", "tax", "before_tax", "after_tax"),
    [
        (TaxIncluded.EXCLUDED, 250_000, "10.00", "12.50"),
        (TaxIncluded.INCLUDED, 250_000, "8.00", "10.00"),
        (TaxIncluded.INCLUDED, None, "10.00", "10.00"),
        (TaxIncluded.NOT_APPLICABLE, 250_000, "10.00", "10.00"),
    ],
)
def test_prices_with_tax_and_without(
    included: TaxIncluded, tax: int | None, before_tax: str, after_tax: str
) -> None:
    rates = replace(tariff(element(component(ENERGY, "0.50", tax=tax))), tax_included=included)
    session = rates.price([charge(at("2025-03-03 10:00"), HOUR, 20_000)])
    assert (session.before_tax, session.after_tax) == (minor(before_tax), minor(after_tax))


# --- steps ------------------------------------------------------------------------------------------------------


def test_the_step_applies_to_the_total_of_energy_and_is_the_last_component_s() -> None:
    # 4.3 kWh before 17:00 and 1.1 after make 5.4: half a kWh a step bills 5.5, the 0.1 at the later price.
    rates = tariff(
        element(component(ENERGY, "0.20", step=2_000), end_time=hhmm("17:00")),
        element(component(ENERGY, "0.30", step=500)),
    )
    start = at("2025-03-03 16:00")
    session = rates.price([charge(start, HOUR, 4_300), charge(start + HOUR, HOUR, 1_100)])
    assert billed(session) == [(0, ENERGY, 4_300, 4_300), (1, ENERGY, 1_100, 1_200)]
    assert session.before_tax == minor("0.86") + minor("0.36")


def test_the_step_of_charging_time_counts_only_where_no_parking_is_billed() -> None:
    rates = tariff(element(component(TIME, "1.00", step=600), component(PARKING, "2.00", step=600)))
    start = at("2025-03-03 12:00")
    alone = rates.price([charge(start, 21 * MINUTE)])
    assert billed(alone) == [(0, TIME, 21 * MINUTE, 30 * MINUTE)]
    followed = rates.price([charge(start, 21 * MINUTE), park(start + 21 * MINUTE, 16 * MINUTE)])
    assert billed(followed) == [(0, TIME, 21 * MINUTE, 21 * MINUTE), (0, PARKING, 16 * MINUTE, 20 * MINUTE)]


def test_free_parking_leaves_the_step_to_charging_time() -> None:
    rates = tariff(element(component(TIME, "1.00", step=600)))
    start = at("2025-03-03 12:00")
    session = rates.price([charge(start, 21 * MINUTE), park(start + 21 * MINUTE, 16 * MINUTE)])
    assert billed(session) == [(0, TIME, 21 * MINUTE, 30 * MINUTE)]


def test_the_step_of_a_reservation_is_its_own() -> None:
    rates = tariff(
        element(
            component(TIME, "5.00", step=300), component(FLAT, "2.00"), reservation=Reservation.RESERVATION
        ),
        element(component(TIME, "1.00", step=600), component(FLAT, "0.50")),
    )
    start = at("2025-03-03 12:00")
    session = rates.price([reserve(start, 13 * MINUTE), charge(start + 13 * MINUTE, 21 * MINUTE)])
    assert billed(session) == [
        (0, FLAT, 1, 1),
        (0, TIME, 13 * MINUTE, 15 * MINUTE),
        (1, FLAT, 1, 1),
        (1, TIME, 21 * MINUTE, 30 * MINUTE),
    ]
    assert session.before_tax == minor("2.00") + minor("1.25") + minor("0.50") + minor("0.50")


def test_a_reservation_that_expired_has_its_own_price_first() -> None:
    rates = tariff(
        element(component(TIME, "3.00"), component(FLAT, "1.00"), reservation=Reservation.RESERVATION),
        element(component(TIME, "6.00"), reservation=Reservation.EXPIRES),
        element(component(FLAT, "0.50")),
    )
    start = at("2025-03-03 12:00")
    assert rates.price([reserve(start, 90 * MINUTE)]).before_tax == minor("9.00") + minor("1.00")
    used = rates.price([reserve(start, 90 * MINUTE), charge(start + 90 * MINUTE, HOUR)])
    assert used.before_tax == minor("4.50") + minor("1.00") + minor("0.50")


# --- restrictions -----------------------------------------------------------------------------------------------


def test_a_period_is_cut_at_local_times() -> None:
    rates = tariff(
        element(component(ENERGY, "0.10"), start_time=hhmm("22:00"), end_time=hhmm("06:00")),
        element(component(ENERGY, "0.40")),
    )
    # Ten hours from 21:00: one dear hour, eight cheap ones, one dear one, at a kWh each.
    session = rates.price([charge(at("2025-03-03 21:00"), 10 * HOUR, 10_000)])
    assert billed(session) == [(1, ENERGY, 2_000, 2_000), (0, ENERGY, 8_000, 8_000)]


def test_the_end_of_a_day_is_midnight() -> None:
    rates = tariff(element(component(TIME, "1.00"), start_time=hhmm("20:00"), end_time=0))
    assert rates.price([charge(at("2025-03-03 19:00"), 8 * HOUR)]).before_tax == minor("4.00")


def test_equal_times_are_the_whole_day() -> None:
    rates = tariff(element(component(TIME, "1.00"), start_time=hhmm("07:00"), end_time=hhmm("07:00")))
    assert rates.price([charge(at("2025-03-03 05:00"), 4 * HOUR)]).before_tax == minor("4.00")


def test_a_night_of_25_hours_has_an_hour_more_at_the_night_price() -> None:
    rates = tariff(
        element(component(TIME, "1.00"), start_time=hhmm("00:00"), end_time=hhmm("06:00")),
        element(component(TIME, "10.00")),
    )
    start = at("2025-10-26 00:00")
    assert rates.price([charge(start, 7 * HOUR)]).before_tax == minor("7.00")
    spring = at("2025-03-30 00:00")
    assert rates.price([charge(spring, 7 * HOUR)]).before_tax == minor("5.00") + minor("20.00")


def test_a_time_shown_twice_is_restricted_twice() -> None:
    # 02:30 to 03:00 comes twice when clocks go back at 03:00: once in summer time, once in winter time.
    rates = tariff(element(component(TIME, "1.00"), start_time=hhmm("02:30"), end_time=hhmm("03:00")))
    session = rates.price([charge(at("2025-10-26 01:00"), 5 * HOUR)])
    assert session.parts[0].used == 2 * 30 * MINUTE


def test_a_time_that_is_skipped_is_never_billed() -> None:
    rates = tariff(element(component(TIME, "1.00"), start_time=hhmm("02:15"), end_time=hhmm("02:45")))
    assert rates.price([charge(at("2025-03-30 01:00"), 5 * HOUR)]).before_tax == 0


def test_weekdays_and_dates_are_local() -> None:
    rates = tariff(
        element(component(TIME, "1.00"), weekdays=(Weekday.SATURDAY,)),
        element(component(TIME, "2.00"), start_date=date(2025, 3, 9), end_date=date(2025, 3, 10)),
        element(component(TIME, "5.00")),
    )
    # Friday 23:00 to Monday 01:00; in UTC the days begin an hour later.
    session = rates.price([charge(at("2025-03-07 23:00"), 50 * HOUR)])
    assert sorted((part.element, part.used // HOUR) for part in session.parts) == [(0, 24), (1, 24), (2, 2)]


def test_energy_before_and_after_a_threshold_is_exact() -> None:
    rates = tariff(element(component(ENERGY, "0"), max_energy=1_001), element(component(ENERGY, "0.30")))
    start = at("2025-03-03 10:00")
    session = rates.price([charge(start, 7, 1_000), charge(start + 7, 7, 999)])
    assert billed(session) == [(0, ENERGY, 1_001, 1_001), (1, ENERGY, 998, 998)]


def test_duration_counts_from_the_start_of_charging() -> None:
    rates = tariff(
        element(component(PARKING, "6.00"), min_duration=2 * HOUR),
        element(component(TIME, "1.00"), reservation=Reservation.RESERVATION),
    )
    start = at("2025-03-03 10:00")
    session = rates.price(
        [reserve(start, HOUR), charge(start + HOUR, HOUR), park(start + 2 * HOUR, 2 * HOUR)]
    )
    assert billed(session) == [(1, TIME, HOUR, HOUR), (0, PARKING, HOUR, HOUR)]


def test_power_is_what_was_read_or_else_energy_over_time() -> None:
    rates = tariff(
        element(component(ENERGY, "0.20"), max_power=16_000),
        element(component(ENERGY, "0.35"), max_power=32_000),
        element(component(ENERGY, "0.50")),
    )
    start = at("2025-03-03 10:00")
    assert rates.price([charge(start, HOUR, 15_999)]).parts[0].element == 0
    assert rates.price([charge(start, HOUR, 16_000)]).parts[0].element == 1
    assert rates.price([charge(start, HOUR, 6_000, max_power=40_000)]).parts[0].element == 2


def test_minimum_power_is_inclusive_and_reads_the_least() -> None:
    rates = tariff(element(component(ENERGY, "0.50"), min_power=11_000))
    start = at("2025-03-03 10:00")
    assert rates.price([charge(start, HOUR, 9_000, min_power=11_000)]).parts
    assert not rates.price([charge(start, HOUR, 9_000, min_power=10_999, max_power=22_000)]).parts


def test_a_current_that_nobody_read_is_no_guess() -> None:
    rates = tariff(element(component(ENERGY, "0.50"), min_current=32_000))
    start = at("2025-03-03 10:00")
    with pytest.raises(ReadingMissingError) as raised:
        rates.price([charge(start, HOUR, 9_000)])
    assert (raised.value.restriction, raised.value.period_start) == ("current", start)
    assert rates.price([charge(start, HOUR, 9_000, max_current=32_000)]).parts
    assert not rates.price([park(start, HOUR)]).parts


def test_local_times_need_a_zone() -> None:
    rates = tariff(element(component(TIME, "1.00"), start_time=hhmm("07:00")), zone=None)
    with pytest.raises(TimeZoneMissingError):
        rates.price([charge(at("2025-03-03 10:00"), HOUR)])


# --- limits -----------------------------------------------------------------------------------------------------


def test_limits_bound_the_sums_before_and_after_tax_each() -> None:
    rates = replace(
        tariff(element(component(ENERGY, "0.25", tax=100_000))),
        min_price=PriceLimit(minor("0.50"), minor("0.60")),
        max_price=PriceLimit(minor("10.00"), minor("11.00")),
    )
    start = at("2025-03-03 10:00")

    def of(energy_wh: int) -> tuple[int, int, str | None]:
        session = rates.price([charge(start, HOUR, energy_wh)])
        return session.before_tax, session.after_tax, session.limit

    assert of(1_000) == (minor("0.50"), minor("0.60"), "min_price")
    assert of(2_000) == (minor("0.50"), minor("0.60"), "min_price")  # 0.55 after tax is below its minimum
    assert of(20_000) == (minor("5.00"), minor("5.50"), None)
    assert of(50_000) == (minor("10.00"), minor("11.00"), "max_price")


def test_a_limit_before_tax_alone_moves_the_tax_in_proportion() -> None:
    rates = replace(
        tariff(element(component(ENERGY, "0.25", tax=100_000))), min_price=PriceLimit(minor("0.50"))
    )
    start = at("2025-03-03 10:00")
    session = rates.price([charge(start, HOUR, 1_000)])
    assert (session.before_tax, session.after_tax) == (minor("0.50"), minor("0.55"))
    nothing = rates.price([charge(start, HOUR)])
    assert (nothing.before_tax, nothing.after_tax) == (minor("0.50"), minor("0.50"))


# --- several tariffs, and what cannot be priced -----------------------------------------------------------------


def test_a_session_can_change_its_tariff_and_be_free_for_a_while() -> None:
    cheap = tariff(element(component(ENERGY, "0.10"), component(FLAT, "1.00")))
    dear = replace(tariff(element(component(ENERGY, "0.40"), component(FLAT, "5.00"))), id="dear")
    start = at("2025-03-03 10:00")
    session = price_session(
        [
            (charge(start, HOUR, 1_000), None),
            (charge(start + HOUR, HOUR, 2_000), cheap),
            (charge(start + 2 * HOUR, HOUR, 3_000), dear),
        ]
    )
    assert [(part.tariff, part.dimension, part.used) for part in session.parts] == [
        ("t", FLAT, 1),
        ("t", ENERGY, 2_000),
        ("dear", ENERGY, 3_000),
    ]


def test_an_export_tariff_says_what_the_driver_is_paid() -> None:
    rates = replace(tariff(element(component(ENERGY, "0.15"))), direction=Direction.EXPORT)
    session = rates.price([charge(at("2025-03-03 18:00"), HOUR, 4_000)])
    assert (session.direction, session.after_tax) == (Direction.EXPORT, minor("0.60"))
    bought = tariff(element(component(ENERGY, "0.30")))
    start = at("2025-03-03 10:00")
    with pytest.raises(TariffFieldError):
        price_session([(charge(start, HOUR), bought), (charge(start + HOUR, HOUR), rates)])


def test_what_cannot_be_priced_is_refused() -> None:
    rates = tariff(element(component(ENERGY, "0.15")))
    start = at("2025-03-03 10:00")
    with pytest.raises(TariffUnknownError):
        price_session([(charge(start, HOUR), None)])
    with pytest.raises(CurrencyMismatchError):
        price_session([(charge(start, 1), rates), (charge(start + 1, 1), replace(rates, currency="SEK"))])
    with pytest.raises(ChargingPeriodError):
        rates.price([charge(start, HOUR), charge(start + HOUR - 1, HOUR)])
    for wrong in (
        {"end": start - 1},
        {"start": 2**32 - 1, "end": 2**32},
        {"end": start + 10**8},
        {"energy_wh": -1},
        {"start": -1},
        {"end": 2**33},
    ):
        with pytest.raises(ChargingPeriodError):
            replace(charge(start, HOUR), **wrong)


# --- properties -------------------------------------------------------------------------------------------------

prices = st.integers(0, 5_000_000)
taxes = st.sampled_from([None, 0, 52_000, 250_000])
minutes_of_day = st.one_of(st.none(), st.integers(0, 1439))
START = at("2025-10-25 20:17")  # the night in which clocks go back
STEP = 30
STEP_WH = 50
"""Times and energies of the random sessions and thresholds are whole steps, so that looking once a step sees all."""


@st.composite
def restrictions(draw: st.DrawFn) -> Restrictions:
    def bounds(high: int, unit: int) -> tuple[int | None, int | None]:
        limit = st.one_of(st.none(), st.integers(0, high).map(lambda steps: steps * unit))
        return draw(limit), draw(limit)

    min_energy, max_energy = bounds(900, STEP_WH)
    min_duration, max_duration = bounds(1000, STEP)
    min_power, max_power = bounds(12_000, 1)
    days = draw(st.sampled_from([(), (Weekday.SATURDAY,), (Weekday.MONDAY, Weekday.SUNDAY)]))
    return Restrictions(
        start_time=draw(minutes_of_day),
        end_time=draw(minutes_of_day),
        start_date=draw(st.sampled_from([None, None, date(2025, 10, 26)])),
        min_energy=min_energy,
        max_energy=max_energy,
        min_duration=min_duration,
        max_duration=max_duration,
        min_power=min_power,
        max_power=max_power,
        weekdays=days,
    )


@st.composite
def elements(draw: st.DrawFn) -> Element:
    chosen = draw(st.lists(st.sampled_from([ENERGY, TIME, PARKING]), min_size=1, max_size=3, unique=True))
    parts = tuple(PriceComponent(dimension, draw(prices), 1, draw(taxes)) for dimension in chosen)
    return Element(parts, draw(restrictions()))


@st.composite
def sessions(draw: st.DrawFn) -> list[ChargingPeriod]:
    periods, begin = [], START
    for _ in range(draw(st.integers(1, 4))):
        steps = draw(st.integers(1, 500))
        seconds, charges = steps * STEP, draw(st.booleans())
        charging = draw(st.integers(1, seconds)) if charges else 0
        energy = steps * STEP_WH if charges else 0
        periods.append(ChargingPeriod(begin, begin + seconds, energy, charging, seconds - charging))
        begin += seconds
    return periods


def applies(
    restrictions: Restrictions, second: int, energy: Fraction, elapsed: Fraction, power: Fraction
) -> bool:
    """Whether restrictions hold at a second: written without looking at the code under test."""
    local = datetime.fromtimestamp(second, ZoneInfo(OSLO))
    clock, begin, end = local.hour * 60 + local.minute, restrictions.start_time, restrictions.end_time
    if begin is not None or end is not None:
        first, last = begin or 0, (end or 0) if (end or 0) > (begin or 0) else (end or 0) + 1440
        if not (first <= clock < last or first <= clock + 1440 < last):
            return False
    if restrictions.weekdays and Weekday(local.isoweekday() - 1) not in restrictions.weekdays:
        return False
    if restrictions.start_date and local.date() < restrictions.start_date:
        return False
    for value, low, high in (
        (energy, restrictions.min_energy, restrictions.max_energy),
        (elapsed, restrictions.min_duration, restrictions.max_duration),
        (power, restrictions.min_power, restrictions.max_power),
    ):
        if (low is not None and value < low) or (high is not None and value >= high):
            return False
    return True


def step_by_step(
    rates: Tariff, periods: list[ChargingPeriod]
) -> tuple[dict[tuple[int, Dimension], Fraction], Counter[tuple[int, Dimension]]]:
    """Exact quantities by element and dimension, from looking at every step by itself, and in how many stretches each
    element was in force."""
    used: dict[tuple[int, Dimension], Fraction] = {}
    stretches: Counter[tuple[int, Dimension]] = Counter()
    energy = 0
    for period in periods:
        seconds = period.end - period.start
        power = Fraction(period.energy_wh * HOUR, period.charging_seconds or seconds)
        amounts = {ENERGY: period.energy_wh, TIME: period.charging_seconds, PARKING: period.parking_seconds}
        in_force: dict[Dimension, int | None] = {}
        for begin in range(0, seconds, STEP):
            before = energy + Fraction(period.energy_wh * begin, seconds)
            elapsed = Fraction(period.start + begin - periods[0].start)
            matching = [
                applies(e.restrictions, period.start + begin, before, elapsed, power) for e in rates.elements
            ]
            for dimension, amount in amounts.items():
                place = next(
                    (n for n, e in enumerate(rates.elements) if matching[n] and _prices(e, dimension)), None
                )
                if place is not None:
                    key = (place, dimension)
                    used[key] = used.get(key, Fraction(0)) + Fraction(amount * STEP, seconds)
                    stretches[key] += in_force.get(dimension) != place
                in_force[dimension] = place
        energy += period.energy_wh
    return used, stretches


@settings(max_examples=60, deadline=None)
@given(items=st.lists(elements(), min_size=1, max_size=4), periods=sessions())
def test_quantities_are_those_of_looking_at_every_step(
    items: list[Element], periods: list[ChargingPeriod]
) -> None:
    """Each moment is priced by the element in force; a stretch loses less than a unit, the whole nothing."""
    rates = tariff(*items)
    expected, stretches = step_by_step(rates, periods)
    found = {(part.element, part.dimension): part.used for part in rates.price(periods).parts}
    for key in found.keys() | expected.keys():
        difference = abs(found.get(key, 0) - expected.get(key, Fraction(0)))
        assert difference == 0 or difference < stretches[key], key
    for dimension, name in ((ENERGY, "energy_wh"), (TIME, "charging_seconds"), (PARKING, "parking_seconds")):
        if any(item.restrictions == Restrictions() for item in items if _prices(item, dimension)):
            used = sum(quantity for (_, priced), quantity in found.items() if priced is dimension)
            assert used == sum(getattr(period, name) for period in periods)


def _prices(item: Element, dimension: Dimension) -> bool:
    return any(part.dimension is dimension for part in item.components)


@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(elements(), min_size=1, max_size=4),
    seconds=st.integers(2, 40_000),
    energy=st.integers(0, 40_000),
    cut=st.integers(1, 1439),
)
def test_an_element_that_changes_nothing_cuts_without_a_trace(
    items: list[Element], seconds: int, energy: int, cut: int
) -> None:
    """A restriction that only prices a reservation cuts every period at its time, and no amount moves by one unit."""
    periods = [charge(START, seconds, energy)]
    idle = element(component(TIME, "1"), start_time=cut, reservation=Reservation.RESERVATION)
    plain, cut_finer = tariff(*items), tariff(*items, idle)
    assert plain.price(periods) == cut_finer.price(periods)


@settings(max_examples=100, deadline=None)
@given(
    rates=st.builds(
        Rates, prices, prices, prices, prices, st.integers(0, 3000), st.just(1), st.integers(0, 3000)
    ),
    energy=st.integers(0, 100_000),
    charging=st.integers(0, 50_000),
    parking=st.integers(0, 50_000),
    rounding=st.sampled_from(Rounding),
)
def test_flat_rates_price_as_the_contract_does(
    rates: Rates, energy: int, charging: int, parking: int, rounding: Rounding
) -> None:
    rates = replace(rates, rounding=rounding)
    same = tariff(
        Element(
            (
                PriceComponent(ENERGY, rates.per_kwh, rates.energy_step),
                PriceComponent(TIME, rates.per_hour, rates.time_step),
                PriceComponent(PARKING, rates.per_parking_hour, rates.parking_step),
                PriceComponent(FLAT, rates.flat),
            )
        ),
        rounding=rounding,
    )
    assert replace(same.flat_rates(), time_step=1) == rates
    whole = ChargingPeriod(START, START + charging + parking, energy, charging, parking)
    expected = price(rates, Usage(energy, charging, parking))
    assert same.price([whole]).after_tax == expected
    middle = START + charging
    apart = [charge(START, charging, energy), park(middle, parking)]
    assert same.price(apart).after_tax == expected


def test_a_tariff_with_more_than_flat_rates_has_none() -> None:
    plain = tariff(element(component(ENERGY, "0.20", step=500), component(FLAT, "1.00")))
    assert plain.flat_rates() == Rates(
        per_kwh=minor("0.20"), flat=minor("1.00"), energy_step=500, time_step=1, parking_step=1
    )
    richer = [
        replace(plain, max_price=PriceLimit(1)),
        tariff(element(component(ENERGY, "0.20"), max_energy=1)),
        tariff(element(component(ENERGY, "0.20", tax=1))),
        tariff(element(component(TIME, "1.00", step=60), component(PARKING, "1.00"))),
    ]
    for rich in richer:
        with pytest.raises(NotFlatRatesError):
            rich.flat_rates()
    # The tax is inside the price, so that the price is the amount after tax.
    inclusive = replace(tariff(element(component(ENERGY, "0.20", tax=1))), tax_included=TaxIncluded.INCLUDED)
    assert inclusive.flat_rates().per_kwh == minor("0.20")


def test_a_night_is_found_in_any_zone_at_any_offset() -> None:
    """Zones whose clocks change at midnight, by half an hour, or not by whole hours."""
    for zone, day in (
        ("America/Havana", "2025-03-09"),
        ("Australia/Lord_Howe", "2025-04-06"),
        ("Asia/Kathmandu", "2025-06-01"),
        ("America/Sao_Paulo", "2018-11-04"),
    ):
        rates = replace(
            tariff(element(component(TIME, "1"), start_time=hhmm("01:00"), end_time=hhmm("03:30"))),
            time_zone=zone,
        )
        begin = at(day, zone) - 86_400
        used = rates.price([charge(begin, 3 * 86_400)]).parts[0].used
        seen = sum(
            60
            for second in range(begin, begin + 3 * 86_400, 60)
            if 60 <= (local := datetime.fromtimestamp(second, ZoneInfo(zone))).hour * 60 + local.minute < 210
        )
        assert used == seen, zone


def test_a_clock_put_back_into_yesterday() -> None:
    """St John's once went from 00:01 back to 23:01 of the day before."""
    rates = tariff(
        element(component(TIME, "1"), start_time=0, end_time=1),
        element(component(PARKING, "1"), start_time=hhmm("23:15"), end_time=hhmm("23:45")),
    )
    rates = replace(rates, time_zone="America/St_Johns")
    midnight = at("2006-10-29 00:00", "America/St_Johns")
    before = charge(midnight - 600, 11 * MINUTE + 540)
    assert [part.used for part in rates.price([before]).parts] == [60]
    after = park(midnight + 30, HOUR)
    assert [part.used for part in rates.price([after]).parts] == [30 * MINUTE]
