"""Charge detail records of OCPI 2.2.1 and 2.3.0: what is read, what is refused, and whether the price is right."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.charging.ocpi import Cdr, CdrCost, charging_periods, parse_cdrs, price_cdr
from evgi_client.errors import (
    CdrError,
    ChargingPeriodError,
    CurrencyMismatchError,
    OcpiDocumentError,
    OcpiFieldError,
    TariffUnknownError,
    TimeZoneMissingError,
)
from evgi_client.tariffs import write_json
from evgi_client.units import minor

BEGIN = 1_772_532_000  # 2026-03-03T10:00:00Z


def energy_tariff(**changes: Any) -> dict[str, Any]:
    component = {"type": "ENERGY", "price": Decimal("0.40"), "vat": 25, "step_size": 1}
    document = {
        "country_code": "NO",
        "party_id": "EVG",
        "id": "T1",
        "currency": "NOK",
        "elements": [{"price_components": [component]}],
    }
    return document | changes


def period(hour: int, *, tariff_id: str | None = "T1", **volumes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "start_date_time": f"2026-03-03T{hour:02d}:00:00Z",
        "dimensions": [{"type": name, "volume": volume} for name, volume in volumes.items()],
    }
    return document if tariff_id is None else document | {"tariff_id": tariff_id}


def cdr(**changes: Any) -> dict[str, Any]:
    """An hour's session of 10 kWh at 0.40 and a quarter of tax, of version 2.2.1; None removes a field."""
    document: dict[str, Any] = {
        "country_code": "NO",
        "party_id": "EVG",
        "id": "cdr-1",
        "session_id": "session-1",
        "start_date_time": "2026-03-03T10:00:00Z",
        "end_date_time": "2026-03-03T11:00:00Z",
        "cdr_token": {"uid": "TOKEN", "type": "RFID", "contract_id": "NO-EVG-C00000001-X"},
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "LOC",
            "country": "NOR",
            "evse_uid": "7",
            "evse_id": "NO*EVG*E7",
            "connector_id": "2",
        },
        "meter_id": "METER-7",
        "currency": "NOK",
        "tariffs": [energy_tariff()],
        "charging_periods": [period(10, ENERGY=10)],
        "total_cost": {"excl_vat": 4, "incl_vat": 5},
        "total_energy": 10,
        "total_time": 1,
        "last_updated": "2026-03-03T12:00:00Z",
    }
    document.update(changes)
    return {key: value for key, value in document.items() if value is not None}


def read(document: Any) -> Cdr:
    (found,) = parse_cdrs(write_json(document))
    assert isinstance(found, Cdr), found
    return found


def refusal(document: Any) -> CdrError:
    (found,) = parse_cdrs(write_json(document))
    assert isinstance(found, CdrError)
    return found


# --- reading ----------------------------------------------------------------------------------------------------


def test_every_field_is_read() -> None:
    found = read(cdr(total_energy_cost={"excl_vat": 4}, total_parking_time=Decimal("0.25")))
    assert (found.version, found.country_code, found.party_id, found.id) == ("2.2.1", "NO", "EVG", "cdr-1")
    assert (found.session_id, found.started_at, found.ended_at) == ("session-1", BEGIN, BEGIN + 3600)
    assert (found.location_id, found.location_country, found.evse_uid) == ("LOC", "NOR", "7")
    assert (found.evse_id, found.connector_id) == ("NO*EVG*E7", "2")
    assert (found.contract_id, found.token_uid) == ("NO-EVG-C00000001-X", "TOKEN")
    assert (found.auth_method, found.meter_id, found.currency) == ("WHITELIST", "METER-7", "NOK")
    assert (found.energy_wh, found.seconds, found.parking_seconds) == (10_000, 3_600, 900)
    assert found.total == CdrCost(minor(4), minor(5), 0)
    assert found.energy == CdrCost(minor(4), None, 0)
    assert (found.fixed, found.time, found.parking, found.reservation) == (None, None, None, None)
    assert (found.credit, found.credit_reference_id, found.last_updated) == (False, None, BEGIN + 7200)
    assert [(p.start, p.tariff_id, p.energy_wh) for p in found.periods] == [(BEGIN, "T1", 10_000)]
    assert (len(found.tariffs), found.refused_tariffs) == (1, ())


def test_the_later_version_states_taxes_one_by_one() -> None:
    taxes = [{"name": "VAT", "amount": Decimal("0.75")}, {"name": "Grid", "amount": Decimal("0.250")}]
    found = read(cdr(total_cost={"before_taxes": 4, "taxes": taxes}))
    assert (found.version, found.total) == ("2.3.0", CdrCost(minor(4), minor(5), 3))
    assert read(cdr(total_cost={"before_taxes": 4})).total == CdrCost(minor(4), minor(4), 0)


def test_a_document_is_one_cdr_a_list_or_a_response() -> None:
    one, two = cdr(), cdr(id="cdr-2", total_cost={"before_taxes": 4})
    for document in (
        [one, two],
        {"data": [one, two], "status_code": 1000, "timestamp": "2026-03-03T12:00:00Z"},
    ):
        assert [found.id for found in parse_cdrs(write_json(document)) if isinstance(found, Cdr)] == [
            "cdr-1",
            "cdr-2",
        ]
    assert parse_cdrs("[]") == parse_cdrs('{"data": null}') == []


def test_one_bad_cdr_spoils_no_other() -> None:
    found = parse_cdrs(write_json([cdr(), cdr(id="bad", total_energy="ten"), 5, cdr(id="cdr-4")]))
    assert [type(item) for item in found] == [Cdr, CdrError, CdrError, Cdr]
    bad, none = found[1], found[2]
    assert isinstance(bad, CdrError)
    assert isinstance(none, CdrError)
    assert (bad.index, bad.cdr_id, none.index, none.cdr_id) == (1, "bad", 2, None)
    assert isinstance(bad.cause, OcpiFieldError)
    assert (bad.cause.path, bad.cause.value) == ("cdr[1].total_energy", "ten")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": None}, "id"),
        ({"id": 5}, "id"),
        ({"start_date_time": None}, "start_date_time"),
        ({"end_date_time": "2026-03-03 11:00"}, "end_date_time"),
        ({"cdr_token": None}, "cdr_token"),
        ({"cdr_token": {"uid": "TOKEN"}}, "cdr_token.contract_id"),
        ({"cdr_location": {"id": "LOC", "connector_id": "2"}}, "cdr_location.evse_id"),
        ({"currency": None}, "currency"),
        ({"total_cost": 4}, "total_cost"),
        ({"total_cost": {"total": 4}}, "total_cost"),
        ({"total_energy": None}, "total_energy"),
        ({"total_energy": True}, "total_energy"),
        ({"total_time": Decimal("1e31")}, "total_time"),
        ({"charging_periods": {}}, "charging_periods"),
        ({"charging_periods": [period(10, ENERGY="1")]}, "charging_periods[0].dimensions[0].volume"),
        ({"credit": "yes"}, "credit"),
    ],
)
def test_what_cannot_be_read_is_named(change: dict[str, Any], path: str) -> None:
    error = refusal(cdr(**change))
    assert isinstance(error.cause, OcpiFieldError)
    assert error.cause.path == f"cdr[0].{path}"


def test_what_is_no_json_is_no_list() -> None:
    with pytest.raises(OcpiDocumentError):
        parse_cdrs("cdr_id,energy\n1,2\n")


def test_a_tariff_that_cannot_be_read_leaves_the_session() -> None:
    odd = energy_tariff(elements=[{"price_components": [{"type": "CO2", "price": 1, "step_size": 1}]}])
    found = read(cdr(tariffs=[odd]))
    (refused,) = found.refused_tariffs
    assert isinstance(refused, OcpiFieldError)
    assert refused.path == "cdr[0].tariffs[0].elements[0].price_components[0].type"
    assert (found.energy_wh, found.total.before_tax) == (10_000, minor(4))
    with pytest.raises(TariffUnknownError):
        price_cdr(found)


def test_readings_of_power_and_current() -> None:
    found = read(
        cdr(
            charging_periods=[
                period(10, ENERGY=5, MIN_POWER=3, MAX_POWER=Decimal("7.5"), CURRENT=16, STATE_OF_CHARGE=80),
                period(11, POWER=11, MAX_CURRENT=32),
            ]
        )
    )
    first, second = found.periods
    assert (first.min_power, first.max_power, first.min_current, first.max_current) == (
        3_000,
        7_500,
        16_000,
        16_000,
    )
    assert (second.min_power, second.max_power, second.min_current, second.max_current) == (
        11_000,
        11_000,
        None,
        32_000,
    )
    assert ("STATE_OF_CHARGE", Decimal(80)) in first.other


hours = st.decimals(0, 30, places=4)


@settings(max_examples=100, deadline=None)
@given(volumes=st.lists(st.tuples(st.decimals(0, 200, places=5), hours, hours), min_size=1, max_size=6))
def test_periods_add_up_to_the_rounded_total(volumes: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    periods = [
        period(min(place, 23), ENERGY=energy, TIME=charging, PARKING_TIME=parking)
        for place, (energy, charging, parking) in enumerate(volumes)
    ]
    found = read(cdr(charging_periods=periods, total_energy=sum(energy for energy, _, _ in volumes)))
    assert sum(p.energy_wh for p in found.periods) == found.energy_wh
    for place, name in ((1, "charging_seconds"), (2, "parking_seconds")):
        exact = sum(volume[place] for volume in volumes) * 3600
        assert abs(sum(getattr(p, name) for p in found.periods) - exact) <= Decimal("0.5")


# --- pricing ----------------------------------------------------------------------------------------------------


def test_the_stated_total_agrees() -> None:
    checked = price_cdr(read(cdr()))
    assert checked.agrees
    assert (checked.price.before_tax, checked.price.after_tax) == (minor(4), minor(5))
    assert (checked.difference_before_tax, checked.difference_after_tax) == (0, 0)


@pytest.mark.parametrize(
    ("stated", "agrees"),
    [
        ({"excl_vat": Decimal("4.12")}, True),  # 4.115 half up
        ({"excl_vat": Decimal("4.11")}, True),  # half down, half even
        ({"excl_vat": Decimal("4.1")}, False),  # one decimal is two with its zero lost
        ({"excl_vat": Decimal("4.115")}, True),
        ({"excl_vat": Decimal("4.114")}, False),
        ({"excl_vat": Decimal("4.115000")}, True),
        ({"excl_vat": Decimal("4.115002")}, False),
        ({"excl_vat": Decimal("4.1150000")}, True),
        ({"excl_vat": Decimal("4.12"), "incl_vat": Decimal("5.14")}, True),  # 5.14375
        ({"excl_vat": Decimal("4.12"), "incl_vat": Decimal("5.15")}, False),
    ],
)
def test_agreement_is_within_half_of_the_last_decimal_stated(
    stated: dict[str, Decimal], agrees: bool
) -> None:
    odd = energy_tariff()
    odd["elements"][0]["price_components"][0]["price"] = Decimal("0.4115")
    assert price_cdr(read(cdr(tariffs=[odd], total_cost=stated))).agrees is agrees


def test_a_currency_without_decimals() -> None:
    yen = energy_tariff(currency="JPY")
    yen["elements"][0]["price_components"][0] |= {"price": Decimal("40.04"), "vat": 0}
    for stated, agrees in ((400, True), (401, False)):
        document = cdr(tariffs=[yen], currency="JPY", total_cost={"excl_vat": stated})
        assert price_cdr(read(document)).agrees is agrees


def test_a_credit_cdr_agrees_with_the_negative() -> None:
    document = cdr(credit=True, credit_reference_id="cdr-0", total_cost={"excl_vat": -4, "incl_vat": -5})
    found = read(document)
    assert (found.credit, found.credit_reference_id, found.total.before_tax) == (True, "cdr-0", minor(-4))
    checked = price_cdr(found)
    assert (checked.agrees, checked.stated) == (True, CdrCost(minor(4), minor(5), 0))


def test_periods_may_change_tariff_and_one_without_is_free() -> None:
    periods = [
        period(10, ENERGY=10),
        period(11, ENERGY=10, tariff_id="t2"),
        period(12, ENERGY=10, tariff_id=None),
    ]
    dear = energy_tariff(id="T2")
    dear["elements"][0]["price_components"][0] |= {"price": 1}
    document = cdr(
        tariffs=[energy_tariff(), dear],
        charging_periods=periods,
        end_date_time="2026-03-03T13:00:00Z",
        total_cost={"excl_vat": 14},
    )
    checked = price_cdr(read(document))
    assert checked.agrees
    assert [part.used for part in checked.price.parts] == [10_000, 10_000]


def test_one_tariff_is_meant_where_no_period_names_one() -> None:
    assert price_cdr(read(cdr(charging_periods=[period(10, ENERGY=10, tariff_id=None)]))).agrees
    for tariffs in ([], [energy_tariff(), energy_tariff(id="T2")]):
        with pytest.raises(TariffUnknownError):
            price_cdr(read(cdr(tariffs=tariffs, charging_periods=[period(10, ENERGY=10, tariff_id=None)])))


def test_what_cannot_be_priced_is_named() -> None:
    with pytest.raises(TariffUnknownError) as unknown:
        price_cdr(read(cdr(charging_periods=[period(10, ENERGY=10, tariff_id="T9")])))
    assert (unknown.value.tariff, unknown.value.known) == ("T9", ("T1",))
    with pytest.raises(CurrencyMismatchError):
        price_cdr(read(cdr(currency="SEK")))
    with pytest.raises(ChargingPeriodError):
        price_cdr(read(cdr(end_date_time="2026-03-03T09:00:00Z")))
    with pytest.raises(ChargingPeriodError):
        price_cdr(read(cdr(charging_periods=[period(11, ENERGY=5), period(10, ENERGY=5)])))
    with pytest.raises(ChargingPeriodError):
        price_cdr(read(cdr(charging_periods=[period(10, ENERGY=-10)])))
    with pytest.raises(TariffUnknownError):
        price_cdr(read(cdr(charging_periods=[])))


def test_local_prices_need_the_time_zone_of_the_location() -> None:
    night = energy_tariff()
    night["elements"][0]["restrictions"] = {"start_time": "11:30", "end_time": "12:00"}
    found = read(cdr(tariffs=[night], total_cost={"excl_vat": 2}))
    with pytest.raises(TimeZoneMissingError):
        price_cdr(found)
    assert price_cdr(found, time_zone="Europe/Oslo").agrees
    assert not price_cdr(found, time_zone="UTC").agrees


def test_periods_end_where_the_next_begins() -> None:
    found = read(
        cdr(
            charging_periods=[period(10, ENERGY=1), period(11, ENERGY=2)],
            end_date_time="2026-03-03T14:00:00Z",
        )
    )
    assert [(p.start - BEGIN, p.end - BEGIN) for p in charging_periods(found)] == [
        (0, 3600),
        (3600, 4 * 3600),
    ]


# --- OCPI's own example -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_ocpi_s_example_costs_four_euros(shared: Path, version: str) -> None:
    text = (shared / "data" / "protocol" / "ocpi" / version / "cdr_example.json").read_text(encoding="utf-8")
    (found,) = parse_cdrs(text)
    assert isinstance(found, Cdr)
    assert (found.version, found.evse_id, found.contract_id) == (
        version,
        "BE*BEC*E041503003",
        "DE8ACC12E46L89",
    )
    assert (found.energy_wh, found.seconds, found.ended_at - found.started_at) == (15_342, 7_103, 7_103)
    checked = price_cdr(found)
    assert checked.agrees
    assert (checked.price.before_tax, checked.price.after_tax) == (minor("4.00"), minor("4.40"))
    assert [(part.used, part.billed) for part in checked.price.parts] == [(7_103, 7_200)]
    assert (checked.difference_before_tax, checked.difference_after_tax) == (0, 0)


def test_ocpi_s_other_documents_are_no_cdrs(shared: Path) -> None:
    for file in sorted((shared / "data" / "protocol" / "ocpi").glob("*/session_*.json")):
        found = parse_cdrs(file.read_text(encoding="utf-8"))
        assert all(isinstance(item, CdrError) for item in found), file.name
