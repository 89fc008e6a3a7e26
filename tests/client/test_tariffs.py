"""Rates, the tariff model, its hash, and its way from and to OCPI: with tariffs of our own making."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.errors import OcpiDocumentError, OcpiFieldError, RatesRangeError, TariffFieldError
from evgi_client.messages.hashing import keccak256
from evgi_client.tariffs import (
    Dimension,
    Direction,
    Element,
    PriceComponent,
    PriceLimit,
    Rates,
    Reservation,
    Restrictions,
    Tariff,
    TaxIncluded,
    Usage,
    Weekday,
    parse_tariff,
    parse_tariffs,
    read_json,
    tariff_hash,
    to_ocpi,
    write_json,
)
from evgi_client.tariffs.tariff import MAX_INTEGER
from evgi_client.units import Rounding, minor

ENERGY, TIME, PARKING, FLAT = Dimension

SMALL = Tariff("NO", "EVG", "day", "NOK", (Element((PriceComponent(ENERGY, minor("0.35")),)),))

FULL = Tariff(
    country_code="NO",
    party_id="EVG",
    id="full",
    currency="NOK",
    elements=(
        Element(
            (PriceComponent(ENERGY, 123_456, 100, 250_000), PriceComponent(TIME, 2_000_000, 60)),
            Restrictions(
                start_time=22 * 60,
                end_time=6 * 60 + 30,
                start_date=date(2026, 1, 1),
                end_date=date(2027, 1, 1),
                min_energy=1,
                max_energy=50_500,
                min_power=3_700,
                max_power=22_000,
                min_current=6_000,
                max_current=32_500,
                min_duration=0,
                max_duration=86_400,
                weekdays=(Weekday.MONDAY, Weekday.SUNDAY),
            ),
        ),
        Element((PriceComponent(FLAT, 0, 0, 0),), Restrictions(reservation=Reservation.EXPIRES)),
        Element((PriceComponent(PARKING, 1),)),
    ),
    min_price=PriceLimit(500_000, 625_000),
    max_price=PriceLimit(90_000_000),
    valid_from=1_767_225_600,
    valid_until=1_798_761_599,
    last_updated=1_760_000_000,
    time_zone="Europe/Oslo",
    direction=Direction.EXPORT,
    rounding=Rounding.FLOOR,
    fallback=bytes(range(32)),
    carried=(("energy_mix", '{"is_green_energy": true}'), ("type", '"REGULAR"')),
)


def ocpi(**changes: Any) -> dict[str, Any]:
    """A small OCPI tariff with changes; a change of None removes the field."""
    document: dict[str, Any] = {
        "country_code": "NO",
        "party_id": "EVG",
        "id": "day",
        "currency": "NOK",
        "elements": [{"price_components": [{"type": "ENERGY", "price": Decimal("0.35"), "step_size": 1}]}],
    }
    document.update(changes)
    return {key: value for key, value in document.items() if value is not None}


def with_component(**changes: Any) -> dict[str, Any]:
    component = {"type": "TIME", "price": 2, "step_size": 60} | changes
    return ocpi(elements=[{"price_components": [{k: v for k, v in component.items() if v is not None}]}])


def with_restrictions(**restrictions: Any) -> dict[str, Any]:
    component = {"type": "TIME", "price": 2, "step_size": 60}
    return ocpi(elements=[{"price_components": [component], "restrictions": restrictions}])


# --- rates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["per_kwh", "per_hour", "per_parking_hour", "flat"])
def test_rates_hold_what_the_contract_holds(field: str) -> None:
    assert getattr(Rates(**{field: 2**64 - 1}), field) == 2**64 - 1
    for value in (-1, 2**64):
        with pytest.raises(RatesRangeError) as raised:
            Rates(**{field: value})
        assert (raised.value.field, raised.value.value, raised.value.bits) == (field, value, 64)


def test_steps_and_usage_hold_what_the_contract_holds() -> None:
    for field in ("energy_step", "time_step", "parking_step"):
        with pytest.raises(RatesRangeError):
            Rates(**{field: 2**32})
    for field in ("energy_wh", "charging_seconds", "parking_seconds"):
        with pytest.raises(RatesRangeError):
            Usage(**{field: 2**64})


# --- the model --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"elements": ()},
        {"time_zone": "Europe/Nowhere"},
        {"time_zone": "../../etc/passwd"},
        {"fallback": b"short"},
        {"valid_from": -1},
        {"min_price": PriceLimit(2), "max_price": PriceLimit(1)},
        {"min_price": PriceLimit(1, 3), "max_price": PriceLimit(1, 2)},
        {"carried": (("b", "1"), ("a", "1"))},
        {"carried": (("a", "1"), ("a", "1"))},
    ],
)
def test_a_tariff_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TariffFieldError):
        replace(SMALL, **change)


def test_parts_of_a_tariff_that_cannot_be_are_refused() -> None:
    two = PriceComponent(ENERGY, 1)
    for make in (
        lambda: PriceComponent(ENERGY, -1),
        lambda: PriceComponent(ENERGY, MAX_INTEGER + 1),
        lambda: PriceComponent(ENERGY, 0.5),  # type: ignore[arg-type]
        lambda: PriceComponent(ENERGY, True),
        lambda: PriceComponent(ENERGY, 1, tax=-1),
        lambda: Element(()),
        lambda: Element((two, two)),
        lambda: Element((two,), Restrictions(reservation=Reservation.RESERVATION)),
        lambda: Restrictions(start_time=1440),
        lambda: Restrictions(min_energy=-1),
        lambda: Restrictions(weekdays=(Weekday.SUNDAY, Weekday.MONDAY)),
        lambda: PriceLimit(2, 1),
    ):
        with pytest.raises(TariffFieldError):
            make()


# --- the hash ---------------------------------------------------------------------------------------------------


def test_the_hash_is_keccak_of_the_canonical_json() -> None:
    canonical = (
        b'{"country_code":"NO","currency":"NOK","direction":"IMPORT","elements":[{"components":'
        b'[{"dimension":"ENERGY","price":350000,"step":1}],"restrictions":{}}],"id":"day","party_id":"EVG",'
        b'"rounding":"HALF_UP","tax_included":"EXCLUDED"}'
    )
    assert SMALL.canonical() == canonical
    assert tariff_hash(SMALL) == keccak256(canonical)
    assert tariff_hash(SMALL).hex() == "211b13a33e5cafcbea745384004c228f2233f73caeaa9dba4b166c24307899c4"


def test_the_canonical_json_says_everything() -> None:
    """Changing any one field changes the hash."""
    changes: dict[str, Any] = {
        "country_code": "SE",
        "party_id": "EVX",
        "id": "other",
        "currency": "SEK",
        "elements": FULL.elements[:1],
        "min_price": None,
        "max_price": PriceLimit(90_000_001),
        "tax_included": TaxIncluded.INCLUDED,
        "valid_from": None,
        "valid_until": None,
        "last_updated": 1,
        "time_zone": "Europe/Stockholm",
        "direction": Direction.IMPORT,
        "rounding": Rounding.HALF_UP,
        "fallback": None,
        "carried": (),
    }
    assert changes.keys() == set(Tariff.__slots__)
    hashes = {tariff_hash(replace(FULL, **{name: value})) for name, value in changes.items()}
    assert len(hashes | {tariff_hash(FULL)}) == len(changes) + 1
    assert json.loads(FULL.canonical())["elements"][0]["restrictions"]["weekdays"] == ["MONDAY", "SUNDAY"]


def test_the_hash_does_not_depend_on_version_or_spelling() -> None:
    plain = replace(FULL, tax_included=TaxIncluded.EXCLUDED)
    for version in ("2.2.1", "2.3.0"):
        assert tariff_hash(parse_tariff(to_ocpi(plain, version))) == tariff_hash(plain)
    spelled = [
        '{"price": 0.35, "type": "ENERGY", "step_size": 1}',
        '{"step_size": 1.0, "type": "ENERGY", "price": 3.50e-1}',
    ]
    head = '"country_code":"NO","party_id":"EVG","id":"day","currency":"NOK"'
    texts = [f'{{{head},"elements":[{{"price_components":[{component}]}}]}}' for component in spelled]
    mixes = ['"energy_mix":{"a":1.50,"b":null}', '"energy_mix":{"b":null,"a":1.5}']
    assert {tariff_hash(parse_tariffs(text)[0]) for text in texts} == {tariff_hash(SMALL)}
    mixed = [text.replace('"NO"', f'"NO",{mix}') for text, mix in zip(texts, mixes, strict=True)]
    assert len({tariff_hash(parse_tariffs(text)[0]) for text in mixed}) == 1


# --- from and to OCPI -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_everything_survives_the_way_through_ocpi(version: str) -> None:
    text = write_json(to_ocpi(FULL, version))
    assert parse_tariffs(text) == [FULL]
    limit = json.loads(text)["min_price"]
    assert set(limit) == ({"excl_vat", "incl_vat"} if version == "2.2.1" else {"before_taxes", "after_taxes"})


def test_our_own_fields_are_only_there_when_they_say_something() -> None:
    assert "evgi" not in to_ocpi(SMALL)
    assert to_ocpi(FULL)["evgi"] == {
        "time_zone": "Europe/Oslo",
        "direction": "EXPORT",
        "rounding": "FLOOR",
        "fallback": "0x" + bytes(range(32)).hex(),
    }
    assert parse_tariff(ocpi(), time_zone="Europe/Oslo").time_zone == "Europe/Oslo"
    assert parse_tariff(to_ocpi(FULL), time_zone="Asia/Tokyo").time_zone == "Europe/Oslo"


def test_tax_included_is_read_and_has_no_place_in_2_2_1() -> None:
    included = parse_tariff(ocpi(tax_included="YES"))
    assert included.tax_included is TaxIncluded.INCLUDED
    assert parse_tariff(to_ocpi(included, "2.3.0")) == included
    with pytest.raises(TariffFieldError):
        to_ocpi(included, "2.2.1")
    with pytest.raises(TariffFieldError):
        to_ocpi(included, "2.1.1")


def test_a_document_is_one_tariff_a_list_or_a_response() -> None:
    one = write_json(ocpi())
    response = f'{{"data": [{one}], "status_code": 1000}}'
    assert parse_tariffs(one) == parse_tariffs(f"[{one}]") == parse_tariffs(response) == [SMALL]
    assert parse_tariffs('{"data": []}') == parse_tariffs('{"data": null}') == []


@pytest.mark.parametrize(
    ("number", "price"),
    [
        ("0.35", 350_000),
        ("3.5e-1", 350_000),
        ("0", 0),
        ("12", 12_000_000),
        ("0.30000000000000004", 300_000),
        ("0.4873949", 487_395),
        ("0.0000005", 1),
        ("0.00000049", 0),
    ],
)
def test_prices_become_minor_units_half_up(number: str, price: int) -> None:
    text = write_json(with_component(price=7)).replace('"price": 7', f'"price": {number}')
    assert parse_tariffs(text)[0].elements[0].components[0].price == price


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (ocpi(country_code=None), "tariff.country_code"),
        (ocpi(currency=5), "tariff.currency"),
        (ocpi(elements=[5]), "tariff.elements[0]"),
        (ocpi(elements={"price_components": []}), "tariff.elements"),
        (ocpi(elements=[{"price_components": [], "surcharge": 1}]), "tariff.elements[0].surcharge"),
        (ocpi(last_updated="yesterday"), "tariff.last_updated"),
        (ocpi(start_date_time="2026-02-30T00:00:00Z"), "tariff.start_date_time"),
        (ocpi(tax_included="MAYBE"), "tariff.tax_included"),
        (ocpi(min_price={"excl_vat": 1, "before_taxes": 1}), "tariff.min_price.before_taxes"),
        (ocpi(min_price={"incl_vat": 1}), "tariff.min_price.incl_vat"),
        (ocpi(evgi={"surge": 2}), "tariff.evgi.surge"),
        (ocpi(evgi={"direction": "SIDEWAYS"}), "tariff.evgi.direction"),
        (ocpi(evgi={"rounding": "BANKERS"}), "tariff.evgi.rounding"),
        (ocpi(evgi={"fallback": "0x12"}), "tariff.evgi.fallback"),
        (with_component(type="CO2"), "tariff.elements[0].price_components[0].type"),
        (with_component(price="2"), "tariff.elements[0].price_components[0].price"),
        (with_component(price=True), "tariff.elements[0].price_components[0].price"),
        (with_component(price=Decimal("1e40")), "tariff.elements[0].price_components[0].price"),
        (with_component(step_size=None), "tariff.elements[0].price_components[0].step_size"),
        (with_component(step_size=Decimal("1.5")), "tariff.elements[0].price_components[0].step_size"),
        (with_component(price_round={}), "tariff.elements[0].price_components[0].price_round"),
        (with_restrictions(start_time="24:00"), "tariff.elements[0].restrictions.start_time"),
        (with_restrictions(start_time="7:30"), "tariff.elements[0].restrictions.start_time"),
        (with_restrictions(end_date="2026-13-01"), "tariff.elements[0].restrictions.end_date"),
        (with_restrictions(start_date="20260101"), "tariff.elements[0].restrictions.start_date"),
        (with_restrictions(day_of_week=["FUNDAY"]), "tariff.elements[0].restrictions.day_of_week.day"),
        (with_restrictions(day_of_week="MONDAY"), "tariff.elements[0].restrictions.day_of_week"),
        (with_restrictions(reservation="LATER"), "tariff.elements[0].restrictions.reservation"),
        (with_restrictions(min_soc=20), "tariff.elements[0].restrictions.min_soc"),
    ],
)
def test_what_is_not_understood_is_named(document: dict[str, Any], path: str) -> None:
    with pytest.raises(OcpiFieldError) as raised:
        parse_tariff(document)
    assert raised.value.path == path


@pytest.mark.parametrize(
    "document", [with_component(price=-1), ocpi(elements=[]), with_restrictions(min_kwh=-1)]
)
def test_what_is_understood_and_cannot_be_is_named(document: dict[str, Any]) -> None:
    with pytest.raises(TariffFieldError):
        parse_tariff(document)


def test_fields_that_price_nothing_are_carried() -> None:
    text = '{"language": "nb", "text": "Strøm \\u0000 \\"dyr\\""}'
    document = read_json(f'{{"tariff_alt_text": [{text}], "x_operator": {{"tier": 2.50, "on": true}}}}')
    assert isinstance(document, dict)
    tariff = parse_tariff(ocpi() | document)
    assert [name for name, _ in tariff.carried] == ["tariff_alt_text", "x_operator"]
    written = read_json(write_json(to_ocpi(tariff)))
    assert isinstance(written, dict)
    assert {key: written[key] for key in document} == document


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"price": NaN}',
        '{"price": -Infinity}',
        "1e9999999999999999999",
        "[" * 10**5,
        '{"":' * 129 + "1" + "}" * 129,
        "{[" * 1000,
    ],
)
def test_what_is_no_json_is_named(text: str) -> None:
    with pytest.raises(OcpiDocumentError):
        parse_tariffs(text)


def test_brackets_in_strings_are_no_nesting() -> None:
    text = json.dumps(["[" * 100, 'a"{' * 100, "\\", "]" * 100])
    assert read_json(text) == json.loads(text)
    deepest = "[" * 64 + "]" * 64
    assert write_json(read_json(deepest)) == deepest


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-20T12:00:00Z", 1_795_176_000),
        ("2026-11-20T12:00:00", 1_795_176_000),
        ("2026-11-20T12:00:00.999Z", 1_795_176_000),
        ("2026-11-20T13:00:00+01:00", 1_795_176_000),
        ("2026-11-20T06:30:00-0530", 1_795_176_000),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, seconds: int) -> None:
    assert parse_tariff(ocpi(last_updated=text)).last_updated == seconds


json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.text(),
        st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(value=json_values)
def test_written_json_is_read_as_it_was(value: Any) -> None:
    assert read_json(write_json(value)) == value
