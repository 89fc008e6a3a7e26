"""Charge detail records (CDRs) of OCPI 2.2.1 and 2.3.0, and whether their price is the one their tariffs give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from evgi_client.errors import CdrError, CurrencyMismatchError, EvgiError, OcpiFieldError, TariffUnknownError
from evgi_client.tariffs.ocpi import V2_2_1, V2_3_0, documents, parse_tariff
from evgi_client.tariffs.ocpi_json import OcpiObject, OcpiValue, read_json
from evgi_client.tariffs.periods import ChargingPeriod
from evgi_client.tariffs.pricing import SessionPrice, price_session
from evgi_client.units import MINOR, SECONDS_PER_HOUR, WH_PER_KWH, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evgi_client.tariffs.tariff import Tariff

MINOR_DECIMALS = 6
_MILLI = 1000
_CURRENCY_DECIMALS = 2
_CURRENCIES_WITHOUT_DECIMALS = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)

_ENERGY, _TIME, _PARKING, _RESERVATION = "ENERGY", "TIME", "PARKING_TIME", "RESERVATION_TIME"
_VOLUMES = {
    _ENERGY: WH_PER_KWH,
    _TIME: SECONDS_PER_HOUR,
    _PARKING: SECONDS_PER_HOUR,
    _RESERVATION: SECONDS_PER_HOUR,
}


@dataclass(frozen=True, slots=True)
class CdrCost:
    """An amount of a CDR in minor units; ``after_tax`` is None where the CDR does not say. Negative in a credit CDR.
    ``decimals`` is how many places of the currency it was written with."""

    before_tax: int
    after_tax: int | None
    decimals: int


@dataclass(frozen=True, slots=True)
class CdrPeriod:
    """A charging period as the CDR has it: nothing is checked. It ends where the next one starts, or with the CDR.

    Volumes are Wh and seconds. OCPI writes decimal kWh and hours: the running total is rounded half up, and a period
    has what was added to it, so that the periods add up to the rounded total. Power is in W, current in mA.
    ``other`` has the dimensions that price nothing, by name.
    """

    start: int
    tariff_id: str | None
    energy_wh: int
    charging_seconds: int
    parking_seconds: int
    reservation_seconds: int
    min_power: int | None = None
    max_power: int | None = None
    min_current: int | None = None
    max_current: int | None = None
    other: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Cdr:
    """A charge detail record, read and not judged: an end may be before the start. Times are Unix seconds.

    ``evse_id``, ``connector_id`` and ``contract_id`` are as written. ``refused_tariffs`` says why a tariff of the CDR
    could not be read: the session and its stated cost stand without it, its price cannot be checked.
    """

    version: str
    country_code: str
    party_id: str
    id: str
    session_id: str | None
    started_at: int
    ended_at: int
    location_id: str
    location_country: str | None
    evse_uid: str | None
    evse_id: str
    connector_id: str
    contract_id: str
    token_uid: str
    auth_method: str | None
    meter_id: str | None
    currency: str
    energy_wh: int
    seconds: int
    parking_seconds: int
    periods: tuple[CdrPeriod, ...]
    tariffs: tuple[Tariff, ...]
    refused_tariffs: tuple[EvgiError, ...]
    total: CdrCost
    fixed: CdrCost | None
    energy: CdrCost | None
    time: CdrCost | None
    parking: CdrCost | None
    reservation: CdrCost | None
    credit: bool
    credit_reference_id: str | None
    last_updated: int | None


@dataclass(frozen=True, slots=True)
class CdrPrice:
    """A CDR's stated total and the one its tariffs give; both are positive for a credit CDR too.

    ``agrees`` is whether the two differ by no more than half a unit of the last decimal that the CDR states, before
    tax and, where it is stated, after: every way of rounding to the nearest agrees, a floor does not. Where the CDR
    states as many decimals as a minor unit has, the parts' own rounding is allowed for: one minor unit each.
    """

    price: SessionPrice
    stated: CdrCost
    difference_before_tax: int
    difference_after_tax: int | None
    tolerance: int

    @property
    def agrees(self) -> bool:
        return all(
            abs(difference) <= self.tolerance
            for difference in (self.difference_before_tax, self.difference_after_tax)
            if difference is not None
        )


def parse_cdrs(text: str) -> list[Cdr | CdrError]:
    """Every CDR of a JSON text, in order: one object, a list, or the ``data`` of an OCPI response, each of either
    version. A CDR that cannot be read is a ``CdrError`` in its place, which names the field.

    Raises:
        OcpiDocumentError: the text is no JSON.
    """
    return [_read(index, document) for index, document in enumerate(documents(read_json(text)))]


def price_cdr(cdr: Cdr, *, time_zone: str | None = None) -> CdrPrice:
    """Prices a CDR again from its own tariffs and compares.

    A period without a tariff is free, as OCPI says, except that where no period names one and the CDR has one tariff
    only, that one is meant. ``time_zone`` is the location's, which a CDR does not have: it is needed where a tariff
    prices by local time.

    Raises:
        TariffUnknownError: a period names a tariff that the CDR lacks, or none has one.
        CurrencyMismatchError: a tariff in another currency than the CDR.
        ChargingPeriodError, TimeZoneMissingError, ReadingMissingError, TariffFieldError: see ``price_session``.
    """
    tariffs = {
        tariff.id.lower(): tariff if tariff.time_zone else replace(tariff, time_zone=time_zone)
        for tariff in cdr.tariffs
    }
    for tariff in tariffs.values():
        if tariff.currency != cdr.currency:
            raise CurrencyMismatchError(tariff.id, tariff.currency, cdr.currency)
    unnamed = all(period.tariff_id is None for period in cdr.periods)
    only = next(iter(tariffs.values())) if unnamed and len(tariffs) == 1 else None
    known = tuple(tariff.id for tariff in tariffs.values())
    priced: list[tuple[ChargingPeriod, Tariff | None]] = []
    for period, name in zip(charging_periods(cdr), (period.tariff_id for period in cdr.periods), strict=True):
        if name is not None and name.lower() not in tariffs:
            raise TariffUnknownError(name, known)
        priced.append((period, only if name is None else tariffs[name.lower()]))
    price = price_session(priced)
    sign = -1 if cdr.credit else 1
    stated = replace(
        cdr.total,
        before_tax=sign * cdr.total.before_tax,
        after_tax=None if cdr.total.after_tax is None else sign * cdr.total.after_tax,
    )
    return CdrPrice(
        price=price,
        stated=stated,
        difference_before_tax=price.before_tax - stated.before_tax,
        difference_after_tax=None if stated.after_tax is None else price.after_tax - stated.after_tax,
        tolerance=max(_tolerance(cdr.currency, stated.decimals), len(price.parts)),
    )


def charging_periods(cdr: Cdr) -> list[ChargingPeriod]:
    """The periods of a CDR as ``price_session`` takes them, each until the next one starts.

    Raises:
        ChargingPeriodError: a period that cannot have happened.
    """
    ends = [period.start for period in cdr.periods[1:]] + [cdr.ended_at] * bool(cdr.periods)
    return [
        ChargingPeriod(
            start=period.start,
            end=end,
            energy_wh=period.energy_wh,
            charging_seconds=period.charging_seconds,
            parking_seconds=period.parking_seconds,
            reservation_seconds=period.reservation_seconds,
            min_power=period.min_power,
            max_power=period.max_power,
            min_current=period.min_current,
            max_current=period.max_current,
        )
        for period, end in zip(cdr.periods, ends, strict=True)
    ]


def _tolerance(currency: str, decimals: int) -> int:
    """Half a unit of the last decimal stated. A number loses its trailing zeros on the way (4.00 arrives as 4.0), so
    that it counts as having at least the decimals of its currency."""
    least = 0 if currency in _CURRENCIES_WITHOUT_DECIMALS else _CURRENCY_DECIMALS
    unit: int = 10 ** (MINOR_DECIMALS - min(max(decimals, least), MINOR_DECIMALS))
    return unit // 2


def _read(index: int, document: OcpiValue) -> Cdr | CdrError:
    try:
        return _cdr(OcpiObject(document, f"cdr[{index}]"))
    except EvgiError as error:
        name = document.get("id") if isinstance(document, dict) else None
        return CdrError(index, name if isinstance(name, str) else None, error)


def _cdr(cdr: OcpiObject) -> Cdr:
    location, token = cdr.child("cdr_location"), cdr.child("cdr_token")
    tariffs, refused = _tariffs(cdr)
    total = _cost(cdr.child("total_cost"))
    return Cdr(
        version=V2_3_0 if "before_taxes" in cdr.child("total_cost") else V2_2_1,
        country_code=cdr.text("country_code"),
        party_id=cdr.text("party_id"),
        id=cdr.text("id"),
        session_id=cdr.optional_text("session_id"),
        started_at=cdr.time("start_date_time"),
        ended_at=cdr.time("end_date_time"),
        location_id=location.text("id"),
        location_country=location.optional_text("country"),
        evse_uid=location.optional_text("evse_uid"),
        evse_id=location.text("evse_id"),
        connector_id=location.text("connector_id"),
        contract_id=token.text("contract_id"),
        token_uid=token.text("uid"),
        auth_method=cdr.optional_text("auth_method"),
        meter_id=cdr.optional_text("meter_id"),
        currency=cdr.text("currency"),
        energy_wh=cdr.scaled("total_energy", WH_PER_KWH),
        seconds=cdr.scaled("total_time", SECONDS_PER_HOUR),
        parking_seconds=cdr.optional_scaled("total_parking_time", SECONDS_PER_HOUR) or 0,
        periods=tuple(_periods(list(cdr.children("charging_periods")))),
        tariffs=tariffs,
        refused_tariffs=refused,
        total=total,
        fixed=_optional_cost(cdr, "total_fixed_cost"),
        energy=_optional_cost(cdr, "total_energy_cost"),
        time=_optional_cost(cdr, "total_time_cost"),
        parking=_optional_cost(cdr, "total_parking_cost"),
        reservation=_optional_cost(cdr, "total_reservation_cost"),
        credit=cdr.flag("credit"),
        credit_reference_id=cdr.optional_text("credit_reference_id"),
        last_updated=cdr.optional_time("last_updated"),
    )


def _tariffs(cdr: OcpiObject) -> tuple[tuple[Tariff, ...], tuple[EvgiError, ...]]:
    read: list[Tariff] = []
    refused: list[EvgiError] = []
    for index, document in enumerate(cdr.items("tariffs")):
        try:
            read.append(parse_tariff(document, path=f"{cdr.at('tariffs')}[{index}]"))
        except EvgiError as error:
            refused.append(error)
    return tuple(read), tuple(refused)


def _periods(periods: Sequence[OcpiObject]) -> Iterator[CdrPeriod]:
    totals = dict.fromkeys(_VOLUMES, Decimal(0))
    for period in periods:
        dimensions = [(entry.text("type"), entry.number("volume")) for entry in period.children("dimensions")]
        added = dict.fromkeys(_VOLUMES, 0)
        other: dict[str, Decimal] = {}
        for name, volume in dimensions:
            if name in _VOLUMES:
                before = scaled(totals[name], _VOLUMES[name], period.at(name))
                totals[name] += volume
                added[name] += scaled(totals[name], _VOLUMES[name], period.at(name)) - before
            else:
                other[name] = volume
        yield CdrPeriod(
            start=period.time("start_date_time"),
            tariff_id=period.optional_text("tariff_id"),
            energy_wh=added[_ENERGY],
            charging_seconds=added[_TIME],
            parking_seconds=added[_PARKING],
            reservation_seconds=added[_RESERVATION],
            min_power=_reading(other, "MIN_POWER", "POWER"),
            max_power=_reading(other, "MAX_POWER", "POWER"),
            min_current=_reading(other, "MIN_CURRENT", "CURRENT"),
            max_current=_reading(other, "MAX_CURRENT", "CURRENT"),
            other=tuple(sorted(other.items())),
        )


def _reading(other: dict[str, Decimal], *names: str) -> int | None:
    """W of kW, or mA of A, from the first of the names that is there."""
    return next((scaled(other[name], _MILLI, name) for name in names if name in other), None)


def _optional_cost(cdr: OcpiObject, key: str) -> CdrCost | None:
    cost = cdr.optional_child(key)
    return None if cost is None else _cost(cost)


def _cost(cost: OcpiObject) -> CdrCost:
    if "excl_vat" in cost:
        amounts = [cost.number("excl_vat")]
        after_tax = cost.optional_scaled("incl_vat", MINOR)
        if after_tax is not None:
            amounts.append(cost.number("incl_vat"))
        return CdrCost(cost.scaled("excl_vat", MINOR), after_tax, _decimals(amounts))
    if "before_taxes" not in cost:
        raise OcpiFieldError(
            cost.path, sorted(cost.fields), "neither excl_vat (2.2.1) nor before_taxes (2.3.0)"
        )
    taxes = [(tax.number("amount"), tax.scaled("amount", MINOR)) for tax in cost.children("taxes")]
    before_tax = cost.scaled("before_taxes", MINOR)
    return CdrCost(
        before_tax,
        before_tax + sum(amount for _, amount in taxes),
        _decimals([cost.number("before_taxes"), *(number for number, _ in taxes)]),
    )


def _decimals(numbers: Sequence[Decimal]) -> int:
    exponents = (number.as_tuple().exponent for number in numbers)
    return max(-exponent for exponent in exponents if isinstance(exponent, int))
