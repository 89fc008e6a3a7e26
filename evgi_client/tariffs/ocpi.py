"""Tariffs from and to the JSON of OCPI 2.2.1 and 2.3.0.

What could change a price and is not understood is refused: an unknown field of an element, a price component, a
restriction or a price limit, an unknown dimension, weekday or reservation. An unknown field of the tariff itself is
carried, hashed and written back. Numbers with more decimals than an integer unit holds are rounded half up: prices to
the minor unit, energy to Wh, power to W, current to mA, tax to the ten-thousandth of a percent.

EVGI's own fields travel in an object ``evgi`` that is only there when one of them differs from its default.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from evgi_client.errors import OcpiFieldError, TariffFieldError
from evgi_client.tariffs.ocpi_json import OcpiObject, OcpiValue, date_time, decimal_of, read_json, write_json
from evgi_client.tariffs.tariff import (
    Dimension,
    Direction,
    Element,
    PriceComponent,
    PriceLimit,
    Reservation,
    Restrictions,
    Tariff,
    TaxIncluded,
    Weekday,
)
from evgi_client.units import MINOR, WH_PER_KWH, Rounding

if TYPE_CHECKING:
    from enum import Enum

V2_2_1, V2_3_0 = "2.2.1", "2.3.0"
VERSIONS = (V2_2_1, V2_3_0)

PERCENT = 10_000
"""Millionths in one percent of tax."""

_MILLI = 1000

_UNKNOWN = "not known, and it could change the price"
_TARIFF_FIELDS = (
    "country_code",
    "party_id",
    "id",
    "currency",
    "elements",
    "min_price",
    "max_price",
    "tax_included",
    "start_date_time",
    "end_date_time",
    "last_updated",
    "evgi",
)
_COMPONENT_FIELDS = ("type", "price", "vat", "step_size")
_EVGI_FIELDS = ("time_zone", "direction", "rounding", "fallback")
_LIMIT_FIELDS = {V2_2_1: ("excl_vat", "incl_vat"), V2_3_0: ("before_taxes", "after_taxes")}

# OCPI's name, ours, and how many of our units make one of OCPI's.
_AMOUNTS = (
    ("min_kwh", "min_energy", WH_PER_KWH),
    ("max_kwh", "max_energy", WH_PER_KWH),
    ("min_current", "min_current", _MILLI),
    ("max_current", "max_current", _MILLI),
    ("min_power", "min_power", _MILLI),
    ("max_power", "max_power", _MILLI),
    ("min_duration", "min_duration", 1),
    ("max_duration", "max_duration", 1),
)
_TIMES = ("start_time", "end_time")
_DATES = ("start_date", "end_date")
_RESTRICTION_FIELDS = (*_TIMES, *_DATES, *(name for name, _, _ in _AMOUNTS), "day_of_week", "reservation")

_Member = TypeVar("_Member", bound="Enum")


def parse_tariff(document: OcpiValue, *, path: str = "tariff", time_zone: str | None = None) -> Tariff:
    """The tariff of an OCPI Tariff object, of either version.

    ``time_zone`` is that of the location, which OCPI keeps outside the tariff; an ``evgi.time_zone`` comes first.

    Raises:
        OcpiFieldError: a field that is missing, of another type, or of an unknown meaning that could change a price.
        TariffFieldError: a value that no tariff can have.
    """
    tariff = OcpiObject(document, path)
    evgi = tariff.optional_child("evgi") or OcpiObject({}, tariff.at("evgi"))
    evgi.refuse_unknown(_EVGI_FIELDS, _UNKNOWN)
    fallback = evgi.optional_text("fallback")
    return Tariff(
        country_code=tariff.text("country_code"),
        party_id=tariff.text("party_id"),
        id=tariff.text("id"),
        currency=tariff.text("currency"),
        elements=tuple(_element(element) for element in tariff.children("elements")),
        min_price=_limit(tariff.optional_child("min_price")),
        max_price=_limit(tariff.optional_child("max_price")),
        tax_included=_value(TaxIncluded, tariff, "tax_included", TaxIncluded.EXCLUDED),
        valid_from=tariff.optional_time("start_date_time"),
        valid_until=tariff.optional_time("end_date_time"),
        last_updated=tariff.optional_time("last_updated"),
        time_zone=evgi.optional_text("time_zone") or time_zone,
        direction=_value(Direction, evgi, "direction", Direction.IMPORT),
        rounding=_name(Rounding, evgi, "rounding", Rounding.HALF_UP),
        fallback=None if fallback is None else _hash(fallback, evgi.at("fallback")),
        carried=tuple(
            (key, write_json(_sorted(value)))
            for key, value in sorted(tariff.fields.items())
            if key not in _TARIFF_FIELDS and value != []
        ),
    )


def parse_tariffs(text: str, *, time_zone: str | None = None) -> list[Tariff]:
    """The tariffs of a JSON text: one object, a list, or the ``data`` of a response.

    Raises:
        OcpiDocumentError, OcpiFieldError, TariffFieldError: see ``parse_tariff``.
    """
    return [
        parse_tariff(document, path=f"tariff[{index}]", time_zone=time_zone)
        for index, document in enumerate(documents(read_json(text)))
    ]


def documents(value: OcpiValue) -> list[OcpiValue]:
    """The objects of a document: the object itself, the entries of a list, or those of a response's ``data``."""
    if isinstance(value, dict) and "data" in value:
        value = value["data"]
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def to_ocpi(tariff: Tariff, version: str = V2_3_0) -> dict[str, OcpiValue]:
    """The OCPI Tariff object, numbers as ``Decimal``; ``write_json`` makes text of it.

    Raises:
        TariffFieldError: an unknown version, or prices that OCPI 2.2.1 cannot state (tax included).
    """
    if version not in VERSIONS:
        raise TariffFieldError("version", version, f"one of {', '.join(VERSIONS)}")
    if version == V2_2_1 and tariff.tax_included is not TaxIncluded.EXCLUDED:
        raise TariffFieldError(
            "tax_included", tariff.tax_included.value, "OCPI 2.2.1 has prices without tax only"
        )
    document: dict[str, OcpiValue] = {
        "country_code": tariff.country_code,
        "party_id": tariff.party_id,
        "id": tariff.id,
        "currency": tariff.currency,
    }
    document.update((name, read_json(text)) for name, text in tariff.carried)
    for name, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
        if limit is not None:
            document[name] = _limit_to_ocpi(limit, version)
    document["elements"] = [_element_to_ocpi(element) for element in tariff.elements]
    if version == V2_3_0:
        document["tax_included"] = tariff.tax_included.value
    for key, seconds in (
        ("start_date_time", tariff.valid_from),
        ("end_date_time", tariff.valid_until),
        ("last_updated", tariff.last_updated),
    ):
        if seconds is not None:
            document[key] = date_time(seconds)
    evgi = _evgi_to_ocpi(tariff)
    if evgi:
        document["evgi"] = evgi
    return document


def _sorted(value: OcpiValue) -> OcpiValue:
    """The same JSON with one spelling: keys in order, numbers without trailing zeros."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(entry) for entry in value]
    if isinstance(value, Decimal):
        return value.normalize() + 0
    return value


def _element(element: OcpiObject) -> Element:
    element.refuse_unknown(("price_components", "restrictions"), _UNKNOWN)
    restrictions = element.optional_child("restrictions")
    return Element(
        tuple(_component(component) for component in element.children("price_components")),
        Restrictions() if restrictions is None else _restrictions(restrictions),
    )


def _component(component: OcpiObject) -> PriceComponent:
    component.refuse_unknown(_COMPONENT_FIELDS, _UNKNOWN)
    return PriceComponent(
        dimension=_value(Dimension, component, "type"),
        price=component.scaled("price", MINOR),
        step=_integer(component, "step_size"),
        tax=component.optional_scaled("vat", PERCENT),
    )


def _restrictions(restrictions: OcpiObject) -> Restrictions:
    restrictions.refuse_unknown(_RESTRICTION_FIELDS, _UNKNOWN)
    given: dict[str, Any] = {key: _minutes(restrictions, key) for key in _TIMES if key in restrictions}
    given.update((key, _date(restrictions, key)) for key in _DATES if key in restrictions)
    given.update(
        (ours, restrictions.scaled(key, scale)) for key, ours, scale in _AMOUNTS if key in restrictions
    )
    named = [
        OcpiObject({"day": day}, restrictions.at("day_of_week")) for day in restrictions.items("day_of_week")
    ]
    reservation = _value(Reservation, restrictions, "reservation") if "reservation" in restrictions else None
    return Restrictions(
        **given,
        weekdays=tuple(sorted({_name(Weekday, day, "day") for day in named})),
        reservation=reservation,
    )


def _limit(limit: OcpiObject | None) -> PriceLimit | None:
    if limit is None:
        return None
    before, after = _LIMIT_FIELDS[V2_2_1 if "excl_vat" in limit else V2_3_0]
    limit.refuse_unknown((before, after), _UNKNOWN)
    return PriceLimit(limit.scaled(before, MINOR), limit.optional_scaled(after, MINOR))


def _minutes(restrictions: OcpiObject, key: str) -> int:
    text = restrictions.text(key)
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    if match is None:
        raise OcpiFieldError(restrictions.at(key), text, "no time of day like 13:30")
    return int(match[1]) * 60 + int(match[2])


def _date(restrictions: OcpiObject, key: str) -> date:
    text = restrictions.text(key)
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass  # no such day
    raise OcpiFieldError(restrictions.at(key), text, "no date like 2020-01-31")


def _integer(parent: OcpiObject, key: str) -> int:
    number = parent.number(key)
    if number != number.to_integral_value():
        raise OcpiFieldError(parent.at(key), number, "not an integer")
    return int(number)


def _value(kind: type[_Member], parent: OcpiObject, key: str, default: _Member | None = None) -> _Member:
    """A member by its value, which is OCPI's word."""
    if default is not None and key not in parent:
        return default
    text = parent.text(key)
    try:
        return kind(text)
    except ValueError as error:
        raise OcpiFieldError(
            parent.at(key), text, f"one of {', '.join(str(m.value) for m in kind)}"
        ) from error


def _name(kind: type[_Member], parent: OcpiObject, key: str, default: _Member | None = None) -> _Member:
    """A member by its name."""
    if default is not None and key not in parent:
        return default
    text = parent.text(key)
    if text not in kind.__members__:
        raise OcpiFieldError(parent.at(key), text, f"one of {', '.join(kind.__members__)}")
    return kind[text]


def _hash(text: str, path: str) -> bytes:
    if re.fullmatch(r"0x[0-9a-fA-F]{64}", text) is None:
        raise OcpiFieldError(path, text, "not 0x and 64 hexadecimal digits")
    return bytes.fromhex(text[2:])


def _limit_to_ocpi(limit: PriceLimit, version: str) -> dict[str, OcpiValue]:
    before, after = _LIMIT_FIELDS[version]
    document: dict[str, OcpiValue] = {before: decimal_of(limit.before_tax, MINOR)}
    if limit.after_tax is not None:
        document[after] = decimal_of(limit.after_tax, MINOR)
    return document


def _element_to_ocpi(element: Element) -> dict[str, OcpiValue]:
    document: dict[str, OcpiValue] = {
        "price_components": [_component_to_ocpi(component) for component in element.components]
    }
    if element.restrictions != Restrictions():
        document["restrictions"] = _restrictions_to_ocpi(element.restrictions)
    return document


def _component_to_ocpi(component: PriceComponent) -> dict[str, OcpiValue]:
    document: dict[str, OcpiValue] = {
        "type": component.dimension.value,
        "price": decimal_of(component.price, MINOR),
    }
    if component.tax is not None:
        document["vat"] = decimal_of(component.tax, PERCENT)
    document["step_size"] = component.step
    return document


def _restrictions_to_ocpi(restrictions: Restrictions) -> dict[str, OcpiValue]:
    document: dict[str, OcpiValue] = {}
    for key in _TIMES:
        minutes = getattr(restrictions, key)
        if minutes is not None:
            document[key] = f"{minutes // 60:02d}:{minutes % 60:02d}"
    for key in _DATES:
        day = getattr(restrictions, key)
        if day is not None:
            document[key] = day.isoformat()
    for key, ours, scale in _AMOUNTS:
        amount = getattr(restrictions, ours)
        if amount is not None:
            document[key] = decimal_of(amount, scale)
    if restrictions.weekdays:
        document["day_of_week"] = [day.name for day in restrictions.weekdays]
    if restrictions.reservation is not None:
        document["reservation"] = restrictions.reservation.value
    return document


def _evgi_to_ocpi(tariff: Tariff) -> dict[str, OcpiValue]:
    document: dict[str, OcpiValue] = {}
    if tariff.time_zone is not None:
        document["time_zone"] = tariff.time_zone
    if tariff.direction is not Direction.IMPORT:
        document["direction"] = tariff.direction.value
    if tariff.rounding is not Rounding.HALF_UP:
        document["rounding"] = tariff.rounding.name
    if tariff.fallback is not None:
        document["fallback"] = "0x" + tariff.fallback.hex()
    return document
