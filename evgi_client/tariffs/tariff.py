"""A tariff in the shape of OCPI 2.2.1 and 2.3.0, with integers only, and its hash.

Money is in minor units (six decimals): per kWh, per hour, or flat. Energy is in Wh, power in W, current in mA, time in
seconds, tax in millionths of the untaxed amount. OCPI's model has been given four fields: which direction of energy is
priced, how parts are rounded, in which time zone its local times are, and which tariff replaces it (``fallback``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evgi_client.errors import NotFlatRatesError, TariffFieldError
from evgi_client.messages.hashing import keccak256
from evgi_client.tariffs.rates import Rates
from evgi_client.units import Rounding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evgi_client.tariffs.periods import ChargingPeriod
    from evgi_client.tariffs.pricing import SessionPrice

MAX_INTEGER = 2**53 - 1
"""The largest integer in a tariff: every JSON reader keeps it exactly, so that all get the same bytes to hash."""

TAX_SCALE = 1_000_000
MINUTES_PER_DAY = 1440

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"


class Dimension(str, Enum):
    """What a price component prices. The values are OCPI's."""

    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING_TIME = "PARKING_TIME"
    FLAT = "FLAT"


class Weekday(IntEnum):
    """Numbered as ``datetime.date.weekday``."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class Reservation(str, Enum):
    """Which reservation an element prices: any, or one that expired unused. The values are OCPI's."""

    RESERVATION = "RESERVATION"
    EXPIRES = "RESERVATION_EXPIRES"


class TaxIncluded(str, Enum):
    """Whether the prices of the components contain tax. OCPI 2.2.1 knows EXCLUDED only. The values are OCPI's."""

    INCLUDED = "YES"
    EXCLUDED = "NO"
    NOT_APPLICABLE = "N/A"


class Direction(str, Enum):
    """The energy that is priced: into the vehicle (the driver pays) or out of it (the driver is paid)."""

    IMPORT = "IMPORT"
    EXPORT = "EXPORT"


def _check_integers(subject: object, what: str, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(subject, name)
        if value is not None and not (type(value) is int and 0 <= value <= MAX_INTEGER):
            raise TariffFieldError(f"{what} {name}", value, f"not an integer from 0 to {MAX_INTEGER}")


@dataclass(frozen=True, slots=True)
class PriceComponent:
    """A price for one dimension.

    ``price`` is minor units per kWh, per hour, or flat. ``step`` is in Wh or seconds; 0 and 1 bill what was used.
    ``tax`` is in millionths (19 % is 190,000); None where no tax is stated, which OCPI keeps apart from 0.
    """

    dimension: Dimension
    price: int
    step: int = 1
    tax: int | None = None

    def __post_init__(self) -> None:
        _check_integers(self, "component", ("price", "step", "tax"))


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When an element applies: all that is given must hold. A minimum is inclusive, a maximum exclusive.

    Times are minutes after local midnight, dates are local; an end at or before its start wraps past midnight, so that
    equal times are the whole day. Energy is what the session used so far, duration how long it has lasted, power and
    current what flows at the time.
    """

    start_time: int | None = None
    end_time: int | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_energy: int | None = None
    max_energy: int | None = None
    min_power: int | None = None
    max_power: int | None = None
    min_current: int | None = None
    max_current: int | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    weekdays: tuple[Weekday, ...] = ()
    reservation: Reservation | None = None

    def __post_init__(self) -> None:
        numbers = [field.name for field in fields(self) if field.name.startswith(("min_", "max_"))]
        _check_integers(self, "restriction", numbers)
        for name in ("start_time", "end_time"):
            minutes = getattr(self, name)
            if minutes is not None and not 0 <= minutes < MINUTES_PER_DAY:
                raise TariffFieldError(f"restriction {name}", minutes, "not a minute of the day")
        if tuple(sorted(set(self.weekdays))) != self.weekdays:
            raise TariffFieldError("restriction weekdays", self.weekdays, "each at most once, Monday first")

    @property
    def local(self) -> bool:
        """Whether the time zone matters."""
        given = (self.start_time, self.end_time, self.start_date, self.end_date)
        return bool(self.weekdays) or any(value is not None for value in given)


@dataclass(frozen=True, slots=True)
class Element:
    """Price components that apply under the same restrictions."""

    components: tuple[PriceComponent, ...]
    restrictions: Restrictions = Restrictions()

    def __post_init__(self) -> None:
        if not self.components:
            raise TariffFieldError("element components", "()", "at least one price component")
        dimensions = [component.dimension for component in self.components]
        if len(set(dimensions)) != len(dimensions):
            raise TariffFieldError(
                "element components", [d.value for d in dimensions], "one price a dimension"
            )
        priced = set(dimensions) - {Dimension.TIME, Dimension.FLAT}
        if self.restrictions.reservation and priced:
            raise TariffFieldError(
                "element components", sorted(priced)[0].value, "a reservation has TIME and FLAT only"
            )


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """The least or the most a session costs, before and after tax; ``after_tax`` may be left open."""

    before_tax: int
    after_tax: int | None = None

    def __post_init__(self) -> None:
        _check_integers(self, "price limit", ("before_tax", "after_tax"))
        if self.after_tax is not None and self.after_tax < self.before_tax:
            raise TariffFieldError("price limit after_tax", self.after_tax, "below the amount before tax")


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices of one party in one currency. For each dimension the first element that has a price for it and whose
    restrictions hold is the one that counts; where there is none, the dimension costs nothing.

    ``valid_from``, ``valid_until`` (inclusive) and ``last_updated`` are Unix seconds. ``time_zone`` is an IANA name,
    None where nothing was said. ``fallback`` is the hash of the tariff to use when this one cannot be had.
    ``carried`` holds fields that price nothing, in JSON, by name: they are kept and hashed.

    Raises:
        TariffFieldError: a value that no tariff can have.
    """

    country_code: str
    party_id: str
    id: str
    currency: str
    elements: tuple[Element, ...]
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    tax_included: TaxIncluded = TaxIncluded.EXCLUDED
    valid_from: int | None = None
    valid_until: int | None = None
    last_updated: int | None = None
    time_zone: str | None = None
    direction: Direction = Direction.IMPORT
    rounding: Rounding = Rounding.HALF_UP
    fallback: bytes | None = None
    carried: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.elements:
            raise TariffFieldError("elements", "()", "at least one element")
        _check_integers(self, "tariff", ("valid_from", "valid_until", "last_updated"))
        if self.time_zone is not None:
            zone_of(self.time_zone)
        if self.fallback is not None and len(self.fallback) != 32:
            raise TariffFieldError("fallback", self.fallback.hex(), "a tariff hash has 32 bytes")
        if self.min_price and self.max_price:
            for name in ("before_tax", "after_tax"):
                low, high = getattr(self.min_price, name), getattr(self.max_price, name)
                if low is not None and high is not None and low > high:
                    raise TariffFieldError("min_price", low, f"above max_price {high}")
        if [name for name, _ in self.carried] != sorted({name for name, _ in self.carried}):
            raise TariffFieldError("carried", self.carried, "each name once, in alphabetical order")

    @property
    def local(self) -> bool:
        """Whether any price depends on local time."""
        return any(element.restrictions.local for element in self.elements)

    def canonical(self) -> bytes:
        """The bytes that are hashed: JSON with sorted keys and no spaces, UTF-8, integers only, absent for None.
        It does not depend on which OCPI version the tariff came in or how its numbers were spelled."""
        return json.dumps(
            _plain(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()

    def price(self, periods: Sequence[ChargingPeriod]) -> SessionPrice:
        """What a session of these periods costs; see ``pricing.price_session`` for the rules and the errors."""
        from evgi_client.tariffs.pricing import price_session  # it is built on this module

        return price_session([(period, self) for period in periods])

    def flat_rates(self) -> Rates:
        """The same prices as ``Rates``, where the tariff is one unrestricted, untaxed price a dimension.

        Raises:
            NotFlatRatesError: the tariff says more than rates can.
        """
        return _flat_rates(self)


def tariff_hash(tariff: Tariff) -> bytes:
    """keccak256 of ``Tariff.canonical``: what ``ChargingTerms.tariff`` and ``fallbackTariff`` hold."""
    return keccak256(tariff.canonical())


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        TariffFieldError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TariffFieldError("time_zone", name, "not an IANA time zone") from error


def _flat_rates(tariff: Tariff) -> Rates:
    if tariff.min_price or tariff.max_price:
        raise NotFlatRatesError(tariff.id, "it limits the price of a session")
    if any(element.restrictions != Restrictions() for element in tariff.elements):
        raise NotFlatRatesError(tariff.id, "it has restrictions")
    first: dict[Dimension, PriceComponent] = {}
    for element in tariff.elements:
        for component in element.components:
            first.setdefault(component.dimension, component)
    if tariff.tax_included is TaxIncluded.EXCLUDED and any(c.tax for c in first.values()):
        raise NotFlatRatesError(tariff.id, "tax is added to its prices")
    free = PriceComponent(Dimension.FLAT, 0)
    energy, time, parking, flat = (first.get(dimension, free) for dimension in Dimension)
    # OCPI bills whole steps of charging time only where no parking time is billed after it.
    if Dimension.PARKING_TIME in first and time.step > 1 and time.price:
        raise NotFlatRatesError(
            tariff.id, "the step of its charging time depends on whether parking is billed"
        )
    return Rates(
        per_kwh=energy.price,
        per_hour=time.price,
        per_parking_hour=parking.price,
        flat=flat.price,
        energy_step=energy.step,
        time_step=time.step,
        parking_step=parking.step,
        rounding=tariff.rounding,
    )


def _plain(value: object) -> Json:
    """JSON of a tariff or a part of it. Enums are written by name, so that no number needs a table."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (int, str)):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    named = {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]
    return {name: _plain(item) for name, item in named.items() if item is not None and item != ()}
