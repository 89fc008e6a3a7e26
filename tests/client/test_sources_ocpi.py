"""CDRs as a source of sessions: prices are checked, damage costs one CDR."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from evgi_client.charging.sources import MeteredSession, Reading, detect, read_sessions
from evgi_client.errors import SessionFileError, UnknownSessionFormatError

BEGIN = 1_772_532_000  # 2026-03-03T10:00:00Z


def cdr(number: int = 1, **changes: Any) -> dict[str, Any]:
    """10 kWh in an hour at 0.40 a kWh and 25 % tax, ``number`` days after the first of March."""
    day = f"2026-03-{number + 2:02}"
    tariff = {
        "country_code": "NO",
        "party_id": "EVG",
        "id": "T1",
        "currency": "NOK",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 0.40, "vat": 25, "step_size": 1}]}],
        "last_updated": "2026-01-01T00:00:00Z",
    }
    document: dict[str, Any] = {
        "country_code": "NO",
        "party_id": "EVG",
        "id": f"CDR{number}",
        "start_date_time": f"{day}T10:00:00Z",
        "end_date_time": f"{day}T11:00:00Z",
        "cdr_token": {
            "country_code": "NO",
            "party_id": "EMP",
            "uid": "0123456789",
            "type": "RFID",
            "contract_id": "NOEMPC000000017",
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "L1",
            "country": "NOR",
            "evse_uid": "U1",
            "evse_id": "NO*EVG*E100",
            "connector_id": "1",
        },
        "currency": "NOK",
        "tariffs": [tariff],
        "charging_periods": [
            {
                "start_date_time": f"{day}T10:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 10.0}, {"type": "TIME", "volume": 0.75}],
                "tariff_id": "T1",
            }
        ],
        "total_cost": {"excl_vat": 4.00, "incl_vat": 5.00},
        "total_energy": 10.0,
        "total_time": 1.0,
        "total_parking_time": 0.25,
        "last_updated": f"{day}T12:00:00Z",
    }
    return document | changes


def located(number: int, **changes: str) -> dict[str, Any]:
    document = cdr(number)
    document["cdr_location"] |= changes
    return document


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cdrs"


def read(path: Path, document: object) -> Reading:
    path.write_text(
        document if isinstance(document, str) else json.dumps(document, indent=1), encoding="utf-8"
    )
    return read_sessions(path)


def refused(reading: Reading) -> dict[int, tuple[str, str]]:
    return {one.row: (one.reason, one.detail) for one in reading.quarantined}


def test_a_cdr(path: Path) -> None:
    reading = read(path, cdr())
    assert detect(path) == "ocpi"
    assert reading.sessions == (
        MeteredSession(
            row=1,
            session_id="CDR1",
            operator="NO*EVG",
            evse_id="NO*EVG*E100",
            connector_number=1,
            driver="NOEMPC000000017",
            started_at=BEGIN,
            ended_at=BEGIN + 3600,
            energy_wh=10_000,
            rated_power_w=500_000,
            time_resolution=1,
            charging_seconds=2_700,
            cost=5_000_000,
            currency="NOK",
        ),
    )
    assert (reading.source, reading.read, reading.currency) == ("OCPI CDRs", 1, "NOK")
    assert (reading.quarantined, reading.notes) == ((), ())


def test_a_list_a_response_and_a_compressed_file(path: Path) -> None:
    some = [cdr(number) for number in range(1, 4)]
    listed = read(path, some)
    assert [session.row for session in listed.sessions] == [1, 2, 3]
    assert read(path, {"status_code": 1000, "timestamp": "2026-03-09T00:00:00Z", "data": some}) == listed
    path.write_bytes(gzip.compress(json.dumps(some).encode()))
    assert read_sessions(path) == listed
    assert read_sessions(path, limit=2).sessions == listed.sessions[:2]


def test_json_that_has_no_cdrs_is_no_format(path: Path) -> None:
    for document in ({"id": "T1", "elements": []}, [], {"data": []}):
        with pytest.raises(UnknownSessionFormatError):
            read(path, document)


def test_what_cannot_be_billed(path: Path) -> None:
    credited = cdr(
        5, credit=True, credit_reference_id="CDR1", total_cost={"excl_vat": -4.0, "incl_vat": -5.0}
    )
    reading = read(
        path,
        [
            cdr(1),
            cdr(2, total_cost={"excl_vat": 4.50, "incl_vat": 5.63}),
            cdr(3, total_energy="much"),
            cdr(4, end_date_time="2026-03-01T10:00:00Z"),
            credited,
            located(6, evse_id="U1"),
            located(7, connector_id="left"),
            located(8, connector_id="256"),
            cdr(9, total_energy=600.0),
            cdr(10, id="CDR1"),
            cdr(11, party_id="OTH", id="CDR1"),
            cdr(12, total_cost={"excl_vat": -4.0, "incl_vat": -5.0}),
            17,
        ],
    )
    assert [session.row for session in reading.sessions] == [1, 11]
    assert {row: reason for row, (reason, _) in refused(reading).items()} == {
        2: "price_disagrees",
        3: "unreadable",
        4: "end_before_start",
        5: "credit_note",
        6: "unreadable",
        7: "unreadable",
        8: "unreadable",
        9: "impossible_energy",
        10: "duplicate",
        12: "unreadable",
        13: "unreadable",
    }
    assert refused(reading)[2][1] == (
        "4.500000 NOK before tax, its tariff gives 4.000000; with tax 5.630000 and 5.000000"
    )
    assert refused(reading)[5][1] == "takes back CDR1"
    assert "total_energy" in refused(reading)[3][1]
    assert reading.quarantined[0].raw["total_cost"] == '{"excl_vat": 4.5, "incl_vat": 5.63}'
    assert reading.quarantined[-1].raw == {"cdr": "17"}
    assert reading.read == len(reading.sessions) + len(reading.quarantined) == 13


def test_a_price_that_cannot_be_checked_is_kept_and_counted(path: Path) -> None:
    bare = cdr(1)
    del bare["tariffs"]
    unreadable = cdr(2, tariffs=[{"id": "T1"}])
    reading = read(path, [bare, unreadable, cdr(3)])
    assert len(reading.sessions) == 3
    assert reading.sessions[0].cost == 5_000_000
    assert reading.notes == (
        "the price of 2 CDRs cannot be checked: no tariff, or one that needs more than a CDR has",
    )


def test_of_several_tariffs_the_one_that_is_named_is_checked(path: Path) -> None:
    """One of them cannot be read: where no period names one, it may be the one that is meant."""
    named = cdr(1, total_cost={"excl_vat": 9.00, "incl_vat": 9.00})
    named["tariffs"].append({"id": "T2"})
    unnamed = cdr(2, total_cost={"excl_vat": 9.00, "incl_vat": 9.00})
    unnamed["tariffs"].append({"id": "T2"})
    del unnamed["charging_periods"][0]["tariff_id"]
    reading = read(path, [named, unnamed])
    assert {row: reason for row, (reason, _) in refused(reading).items()} == {1: "price_disagrees"}
    assert [session.row for session in reading.sessions] == [2]
    assert "1 CDRs" in reading.notes[0]


def test_periods_that_contradict_their_tariff_disagree(path: Path) -> None:
    backwards = cdr(1)
    backwards["charging_periods"].append(
        {
            "start_date_time": "2026-03-01T09:00:00Z",
            "dimensions": [{"type": "ENERGY", "volume": 0.0}],
            "tariff_id": "T1",
        }
    )
    foreign = cdr(2, currency="SEK")
    reading = read(path, [backwards, foreign])
    assert {row: reason for row, (reason, _) in refused(reading).items()} == {
        1: "price_disagrees",
        2: "price_disagrees",
    }


def test_a_total_without_tax_stands_for_itself(path: Path) -> None:
    (session,) = read(path, cdr(total_cost={"excl_vat": 4.00})).sessions
    assert session.cost == 4_000_000


def test_currencies_are_all_named(path: Path) -> None:
    other = json.loads(json.dumps(cdr(2)).replace('"NOK"', '"SEK"'))
    assert read(path, [cdr(1), other]).currency == "NOK/SEK"


@pytest.mark.parametrize("opening", ["[", '{"status_code": 1000, "data": ['])
def test_a_list_that_breaks_off_gives_what_is_whole(path: Path, opening: str) -> None:
    whole = ",\n".join(json.dumps(cdr(number)) for number in range(1, 4))
    reading = read(path, opening + whole + ", " + json.dumps(cdr(4))[:300])
    assert [session.session_id for session in reading.sessions] == ["CDR1", "CDR2", "CDR3"]
    (damage,) = reading.quarantined
    assert (damage.row, damage.reason, reading.read) == (4, "unreadable", 4)
    assert damage.detail.startswith("the file breaks off")


def test_a_compressed_list_that_breaks_off(path: Path) -> None:
    packed = gzip.compress(json.dumps([cdr(number) for number in range(1, 27)]).encode())
    path.write_bytes(packed[:-40])
    reading = read_sessions(path)
    assert reading.read == len(reading.sessions) + 1
    assert len(reading.sessions) > 20
    assert "Compressed file ended" in reading.quarantined[0].detail


def test_a_cdr_that_breaks_off_is_nothing(path: Path) -> None:
    with pytest.raises(SessionFileError):
        read(path, json.dumps(cdr())[:-20])


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_the_specification_s_example(shared: Path, version: str) -> None:
    """1.973 hours at 2.00 in steps of 300 s: 4.00, with tax 4.40."""
    reading = read_sessions(shared / "data" / "protocol" / "ocpi" / version / "cdr_example.json")
    (session,) = reading.sessions
    assert (session.cost, session.currency, session.energy_wh) == (4_400_000, "EUR", 15_342)
    assert (session.operator, session.evse_id, session.driver) == (
        "BE*BEC",
        "BE*BEC*E041503003",
        "DE8ACC12E46L89",
    )
    assert (reading.quarantined, reading.notes) == ((), ())
