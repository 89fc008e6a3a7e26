"""Each format of a table, on rows that were made up for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from evgi_client.charging.sources import MeteredSession, Reading, detect, read_sessions
from evgi_client.charging.sources.synthetic import COLUMNS
from evgi_client.messages import connector_id

Read = Callable[[str], Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a text as a file of sessions."""

    def read(text: str) -> Reading:
        path = tmp_path / "sessions"
        path.write_text(text, encoding="utf-8", newline="")
        return read_sessions(path)

    return read


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


def refused(reading: Reading) -> dict[str, tuple[str, str]]:
    return {one.session_id: (one.reason, one.detail) for one in reading.quarantined}


TRONDHEIM = (
    "session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;Start_plugin_hour;End_plugout;"
    "End_plugout_hour;El_kWh;Duration_hours;month_plugin;weekdays_plugin\n"
)


def trondheim(*rows: tuple[str, ...]) -> str:
    """(id, garage, user, type, shared, start, end, kWh, hours)"""
    return TRONDHEIM + "".join(
        ";".join([*row[:6], row[5][11:13], row[6], row[6][11:13], *row[7:], "Mon", "Monday"]) + "\n"
        for row in rows
    )


def test_trondheim(read: Read) -> None:
    reading = read(
        trondheim(
            ("1", "Xx1", "Xx1-4", "Private", "NA", "15.01.2019 10:20", "15.01.2019 12:20", "7,25", "2,0"),
            (
                "2",
                "Xx1",
                "Share-9",
                "Shared",
                "Shared-3",
                "15.07.2019 10:20",
                "15.07.2019 10:20",
                "0",
                "0,001",
            ),
            ("3", "Yy2", "Xx1-4", "Private", "NA", "15.07.2019 10:21", "15.07.2019 11:00", "0,01", "0,65"),
            ("4", "Xx1", "Xx1-4", "Private", "NA", "16.01.2019 10:20", "NA", "7,25", "NA"),
            ("5", "Xx1", "Xx1-4", "Guest", "NA", "17.01.2019 10:20", "17.01.2019 10:30", "0,5", "0,1"),
            ("6", "Xx1", "Xx1-4", "Shared", "NA", "17.01.2019 10:20", "17.01.2019 10:30", "0,5", "0,1"),
            ("7", "Xx1", "Xx1-4", "Private", "NA", "17.01.2019 10:20", "17.01.2019 10:30", "0.5", "0,1"),
            ("8", "Xx1", "Xx1-4", "Private", "NA", "31.02.2019 10:20", "31.03.2019 10:30", "0,5", "0,1"),
            ("9", "Xx1", "Xx1-4", "Private", "NA", "17.01.2019", "17.01.2019 10:30", "0,5", "0,1"),
        )
    )
    own, shared, moved = reading.sessions
    assert own == MeteredSession(
        row=1,
        session_id="1",
        operator="Xx1",
        evse_id="NO*SOR*EXX1*4",
        connector_number=1,
        driver="Xx1-4",
        started_at=utc("2019-01-15T09:20:00"),
        ended_at=utc("2019-01-15T11:20:00"),
        energy_wh=7_250,
        rated_power_w=8_096,
        time_resolution=60,
    )
    assert (shared.evse_id, shared.driver, shared.energy_wh) == ("NO*SOR*EXX1*SHARED*3", "Share-9", 0)
    assert shared.started_at == shared.ended_at == utc("2019-07-15T08:20:00")
    assert (moved.evse_id, moved.operator) == ("NO*SOR*EYY2*XX1*4", "Yy2")
    assert reading.currency == "NOK"
    assert {name: reason for name, (reason, _) in refused(reading).items()} == {
        "4": "no_end",
        "5": "unreadable",
        "6": "unreadable",
        "7": "unreadable",
        "8": "unreadable",
        "9": "unreadable",
    }
    assert refused(reading)["7"][1] == "El_kWh '0.5': no number"
    assert refused(reading)["8"][1] == "Start_plugin '31.02.2019': no day as dd/mm/yyyy"


def test_two_sockets_that_would_share_an_evse_id_are_kept_apart(read: Read) -> None:
    """Separators do not count in an EVSE id."""
    reading = read(
        trondheim(
            ("1", "Xx1", "Xx1-12", "Private", "NA", "15.01.2019 10:20", "15.01.2019 12:20", "7,25", "2,0"),
            ("2", "Xx11", "Xx11-2", "Private", "NA", "15.01.2019 10:20", "15.01.2019 12:20", "7,25", "2,0"),
        )
    )
    assert [session.session_id for session in reading.sessions] == ["1"]
    assert refused(reading) == {"2": ("unreadable", "NO*SOR*EXX11*2 is the EVSE id of Xx1-12 already")}


@pytest.mark.parametrize(
    ("start", "end", "hours", "expected"),
    [
        # 26 October 2019, 23:00 local is 21:00 UTC; the hour from 02:00 to 03:00 comes twice.
        ("26.10.2019 23:00", "27.10.2019 02:30", "3,5", ("2019-10-26T21:00", "2019-10-27T00:30")),
        ("26.10.2019 23:00", "27.10.2019 02:30", "4,5", ("2019-10-26T21:00", "2019-10-27T01:30")),
        ("27.10.2019 02:30", "27.10.2019 04:00", "1,5", ("2019-10-27T01:30", "2019-10-27T03:00")),
        ("27.10.2019 02:30", "27.10.2019 04:00", "2,5", ("2019-10-27T00:30", "2019-10-27T03:00")),
        ("27.10.2019 02:50", "27.10.2019 02:10", "0,3333", ("2019-10-27T00:50", "2019-10-27T01:10")),
        ("27.10.2019 02:10", "27.10.2019 02:50", "1,6667", ("2019-10-27T00:10", "2019-10-27T01:50")),
        ("27.10.2019 02:10", "27.10.2019 02:50", "NA", ("2019-10-27T00:10", "2019-10-27T00:50")),
        ("27.10.2019 02:50", "27.10.2019 02:10", "NA", ("2019-10-27T00:50", "2019-10-27T01:10")),
        # Through the whole night the times leave no choice, whatever the duration.
        ("26.10.2019 23:00", "27.10.2019 04:00", "5,0", ("2019-10-26T21:00", "2019-10-27T03:00")),
        ("30.03.2019 23:00", "31.03.2019 04:00", "5,0", ("2019-03-30T22:00", "2019-03-31T02:00")),
    ],
)
def test_the_night_that_the_clock_goes_back_in(
    read: Read, start: str, end: str, hours: str, expected: tuple[str, str]
) -> None:
    reading = read(trondheim(("1", "Xx1", "Xx1-4", "Private", "NA", start, end, "1,0", hours)))
    (session,) = reading.sessions
    assert (session.started_at, session.ended_at) == tuple(utc(moment) for moment in expected)


def test_a_time_that_the_clock_never_showed_is_refused(read: Read) -> None:
    reading = read(
        trondheim(
            ("1", "Xx1", "Xx1-4", "Private", "NA", "31.03.2019 01:59", "31.03.2019 03:00", "0,1", "0,02"),
            ("2", "Xx1", "Xx1-5", "Private", "NA", "31.03.2019 02:00", "31.03.2019 05:00", "1,0", "3,0"),
            ("3", "Xx1", "Xx1-6", "Private", "NA", "30.03.2019 22:00", "31.03.2019 02:59", "1,0", "5,0"),
        )
    )
    (session,) = reading.sessions
    assert session.ended_at - session.started_at == 60
    assert refused(reading) == {
        "2": ("unreadable", "2019-03-31 02:00 does not exist in Europe/Oslo: the clock went forward"),
        "3": ("unreadable", "2019-03-31 02:59 does not exist in Europe/Oslo: the clock went forward"),
    }


WORKPLACE = "sessionId,kwhTotal,dollars,created,ended,userId,stationId,locationId,facilityType\n"


def test_workplace(read: Read) -> None:
    reading = read(
        WORKPLACE
        + "71,6.5,0.58,0015-03-08 15:40:26,0015-03-08 17:11:04,801,9001,55,3\n"
        + "72,6.5,0,2015-03-09 15:40:26,2015-03-09 17:11:04,801,9001,55,3\n"
        + "73,6.5,0,0015-03-10 15:40:26,,801,9001,55,3\n"
        + "74,6.5,0,1915-03-10 15:40:26,0015-03-10 15:40:26,801,9001,55,3\n"
        + "75,6.5,0,0015-02-30 15:40:26,0015-03-10 15:40:26,801,9001,55,3\n"
        + "76,60,0,0015-03-11 15:40:26,0015-03-11 17:11:04,801,9001,55,3\n"
    )
    first, second = reading.sessions
    assert first == MeteredSession(
        row=1,
        session_id="71",
        operator="site 55",
        evse_id="US*WRK*E9001",
        connector_number=1,
        driver="801",
        started_at=utc("2015-03-08T15:40:26"),
        ended_at=utc("2015-03-08T17:11:04"),
        energy_wh=6_500,
        rated_power_w=8_128,
        time_resolution=60,
    )
    assert second.started_at == utc("2015-03-09T15:40:26")
    assert {name: reason for name, (reason, _) in refused(reading).items()} == {
        "73": "no_end",
        "74": "unreadable",
        "75": "unreadable",
        "76": "impossible_energy",
    }


ACN = (
    "arrival,departure,requested_energy (kWh),delivered_energy (kWh),station_id,session_id,"
    "estimated_departure,claimed\n"
)


def test_acn(read: Read) -> None:
    reading = read(
        ACN
        + "2020-01-06 08:00:00-08:00,2020-01-06 10:00:00-08:00,9,8.0004,XX-101,2_1_1_1_a,,True\n"
        + "2020-07-06 08:00:00-07:00,2020-07-06 09:00:00-07:00,9,45.5,11900388,1_1_1_1_b,,False\n"
        + "2020-07-06 10:00:00-07:00,2020-07-06 11:00:00-07:00,9,7.5,XX-101,7_1_1_1_c,,False\n"
        + "2020-07-06 10:00:00-07:00,,9,7.5,XX-101,7_1_1_1_d,,False\n"
        + "2020-07-07 10:00:00-07:00,2020-07-07 11:00:00,9,1.5,XX-101,7_1_1_1_e,,False\n"
    )
    socket, rapid = reading.sessions
    assert socket == MeteredSession(
        row=1,
        session_id="2_1_1_1_a",
        operator="Caltech",
        evse_id="US*ACN*EXX*101",
        connector_number=1,
        driver="XX-101",
        started_at=utc("2020-01-06T16:00:00"),
        ended_at=utc("2020-01-06T18:00:00"),
        energy_wh=8_000,
        rated_power_w=7_040,
        time_resolution=60,
    )
    assert (rapid.operator, rapid.rated_power_w, rapid.started_at) == (
        "JPL",
        50_000,
        utc("2020-07-06T15:00:00"),
    )
    assert {name: reason for name, (reason, _) in refused(reading).items()} == {
        "7_1_1_1_c": "impossible_energy",
        "7_1_1_1_d": "no_end",
        "7_1_1_1_e": "unreadable",
    }


DUNDEE = (
    "Charging event,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Cost,Site,Group,Model\n"
)


def dundee(
    name: str,
    start: str,
    end: str,
    kwh: str,
    station: str = "70001",
    connector: str = "2",
    model: str = "7kW Dual",
) -> str:
    begins, ends = start.partition(" ")[::2], end.partition(" ")[::2]
    return (
        f'{name},{station},{connector},{begins[0]},{begins[1]},{ends[0]},{ends[1]},{kwh},0,"Harbour, Town",'
        f'"B Chain; A Council",{"APT " + model + " Outlet" if "Dual" in model else model}\n'
    )


def test_dundee(read: Read) -> None:
    reading = read(
        DUNDEE
        + dundee("1", "02/03/2018 23:50", "03/03/2018 14:16", "19.99")
        + dundee("2", "02/07/2018 23:50", "03/07/2018 14:16", "0")
        + dundee("3", "04/07/2018 10:00", "", "")
        + dundee("4", "04/07/2018 10:00", "04/07/2018 11:00", "-8.5")
        + dundee("5", "04/07/2018 10:00", "04/07/2018 11:00", "8.5")
        + dundee("6", "04/07/2018 10:00", "04/07/2018 11:00", "8.5", station="51088")
        + dundee(
            "7", "04/07/2018 10:00", "04/07/2018 11:00", "50", connector="3", model="APT Triple Rapid Charger"
        )
        + dundee("8", "04/07/2018 10:00", "04/07/2018 11:00", "22.5", connector="1", model="22kW Dual")
        + dundee("9", "04/07/2018 10:00", "01/01/1970 01:00", "1")
        + dundee("10", "04/07/2018 10:00", "04/07/2018 11:00", "1", model="A Later Charger")
        + dundee("11", "04/07/2018 24:00", "05/07/2018 11:00", "1")
    )
    winter, summer, mislabelled, rapid, three_phase = reading.sessions
    assert winter == MeteredSession(
        row=1,
        session_id="1",
        operator="A Council; B Chain",
        evse_id="GB*DCC*E70001",
        connector_number=2,
        driver="70001",
        started_at=utc("2018-03-02T23:50:00"),
        ended_at=utc("2018-03-03T14:16:00"),
        energy_wh=19_990,
        rated_power_w=8_096,
        time_resolution=60,
    )
    assert (summer.started_at, summer.energy_wh) == (utc("2018-07-02T22:50:00"), 0)
    assert (mislabelled.rated_power_w, rapid.rated_power_w) == (24_288, 50_000)
    assert (three_phase.rated_power_w, three_phase.connector_number) == (24_288, 1)
    assert {name: reason for name, (reason, _) in refused(reading).items()} == {
        "3": "no_end",
        "4": "negative_energy",
        "5": "impossible_energy",
        "9": "end_before_start",
        "10": "unreadable",
        "11": "unreadable",
    }
    assert refused(reading)["10"][1] == "Model 'A Later Charger': its power is not known"
    assert reading.quarantined[0].raw["Site"] == "Harbour, Town"


SPACED = "_id,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n"
UNDERSCORED = SPACED.replace(" ", "_").replace("Model", "Model,OBJECTID")


def spaced(name: int, start: str, end: str, kwh: str = "1.5", site: str = "Harbour, Town") -> str:
    """Days are taken as they are, times of day behind them."""
    begins, ends = start.split(" "), end.split(" ") if end else ["", ""]
    days = [f"{day}T00:00:00" if day else "" for day in (begins[0], ends[0])]
    return f'{name},80001,1,{days[0]},{begins[1]},{days[1]},{ends[1]},{kwh},"{site}",APT 22kW Dual Outlet\n'


def underscored(name: int, start: str, end: str) -> str:
    begins, ends = start.split(" "), end.split(" ")
    days = [f"{day.replace('-', '/')} 00:00:00" for day in (begins[0], ends[0])]
    return (
        f"{name},80001,1,{days[0]},{begins[1]}:00,{days[1]},{ends[1]}:00,1.5,Harbour,APT 22kW Dual Outlet,0\n"
    )


def starts(reading: Reading) -> dict[str, str]:
    return {
        session.session_id: datetime.fromtimestamp(session.started_at, tz=timezone.utc).strftime(
            "%Y-%m-%d %H:%M"
        )
        for session in reading.sessions
    }


@pytest.mark.parametrize(("header", "row"), [(SPACED, spaced), (UNDERSCORED, underscored)])
def test_perth_with_day_and_month_swapped(
    read: Read, header: str, row: Callable[[int, str, str], str]
) -> None:
    """Rows from the latest to the earliest; 11 August to 1 August are written with the month last."""
    reading = read(
        header
        + row(1, "2018-08-14 09:00", "2018-08-14 10:00")
        + row(2, "2018-08-13 09:00", "2018-08-13 10:00")
        + row(3, "2018-11-08 22:00", "2018-12-08 10:00")  # overnight, from the 11th to the 12th
        + row(4, "2018-08-08 09:00", "2018-08-08 10:00")
        + row(5, "2018-02-08 09:00", "2018-02-08 10:00")
        + row(6, "2018-07-31 09:00", "2018-01-08 10:00")  # ends on 1 August
        + row(7, "2018-06-01 09:00", "2018-06-01 10:00")  # both fit: 6 January, as all the others are swapped
    )
    assert starts(reading) == {
        "1": "2018-08-14 08:00",
        "2": "2018-08-13 08:00",
        "3": "2018-08-11 21:00",
        "4": "2018-08-08 08:00",
        "5": "2018-08-02 08:00",
        "6": "2018-07-31 08:00",
        "7": "2018-01-06 09:00",
    }
    assert reading.sessions[2].ended_at == utc("2018-08-12T09:00:00")
    assert reading.sessions[5].ended_at == utc("2018-08-01T09:00:00")
    assert reading.notes == (
        "3 starts can be read with day and month swapped; the row order proves 2, all swapped: all are read so",
    )


def test_perth_as_it_should_be_written_is_left_alone(read: Read) -> None:
    reading = read(
        SPACED
        + spaced(1, "2018-08-14 09:00", "2018-08-14 10:00")
        + spaced(2, "2018-08-11 09:00", "2018-08-12 10:00")
        + spaced(3, "2018-08-02 09:00", "2018-08-02 10:00")
        + spaced(4, "2018-07-31 09:00", "2018-08-01 10:00")
    )
    assert starts(reading) == {
        "1": "2018-08-14 08:00",
        "2": "2018-08-11 08:00",
        "3": "2018-08-02 08:00",
        "4": "2018-07-31 08:00",
    }
    assert "all as written" in reading.notes[0]


def test_perth_dates_that_nothing_proves_are_refused(read: Read) -> None:
    reading = read(SPACED + spaced(1, "2018-08-11 09:00", "2018-08-11 10:00"))
    assert refused(reading) == {
        "1": ("ambiguous_date", "Start Date '2018-08-11T00:00:00': day and month may be swapped")
    }


def test_perth_dates_that_disagree_stand_for_themselves(read: Read) -> None:
    """Row 2 is proven as written, row 4 swapped: then nothing is known of row 6."""
    reading = read(
        SPACED
        + spaced(1, "2018-08-14 09:00", "2018-08-14 10:00")
        + spaced(2, "2018-08-11 09:00", "2018-08-11 10:00")
        + spaced(3, "2018-07-31 09:00", "2018-07-31 10:00")
        + spaced(4, "2018-11-07 09:00", "2018-07-13 10:00")
        + spaced(5, "2018-06-30 09:00", "2018-07-01 10:00")
        + spaced(6, "2018-06-03 09:00", "2018-06-03 10:00")
        + spaced(7, "2018-02-25 09:00", "2018-01-03 10:00")
    )
    assert starts(reading) == {
        "1": "2018-08-14 08:00",
        "3": "2018-07-31 08:00",
        "4": "2018-07-11 08:00",
        "5": "2018-06-30 08:00",
        "7": "2018-02-25 09:00",
    }
    # Row 2's end can be 11 August and 8 November. Row 5's as written, row 7's swapped would be before the start.
    reasons = {name: reason for name, (reason, _) in refused(reading).items()}
    assert reasons == {"2": "ambiguous_date", "6": "ambiguous_date"}
    assert [session.ended_at for session in reading.sessions[-2:]] == [
        utc("2018-07-01T09:00:00"),
        utc("2018-03-01T10:00:00"),
    ]
    assert reading.notes == (
        "3 starts can be read with day and month swapped; the row order proves 1 swapped and 1 as written",
    )


def test_perth_operators_are_sites_however_they_are_spelled(read: Read) -> None:
    reading = read(
        SPACED
        + spaced(1, "2018-08-16 09:00", "2018-08-16 10:00", site=" Harbour  Street, Town")
        + spaced(2, "2018-08-15 09:00", "2018-08-15 10:00", site="Harbour Street")
        + spaced(3, "2018-08-14 09:00", "2018-08-14 10:00", site="*** TEST ***")
        + spaced(4, "2018-08-13 09:00", "", kwh="", site="Harbour Street")
    )
    assert [session.operator for session in reading.sessions] == ["Harbour Street"] * 3
    assert refused(reading)["4"][0] == "no_end"
    assert {session.driver for session in reading.sessions} == {"80001"}
    assert {session.evse_id for session in reading.sessions} == {"GB*PKC*E80001"}


def test_perth_keeps_its_two_headers_apart(tmp_path: Path) -> None:
    for header in (SPACED, UNDERSCORED):
        path = tmp_path / "sessions"
        path.write_text(header)
        assert detect(path) == "perth"
        assert read_sessions(path).read == 0


def test_connectors_have_ids_on_chain(read: Read) -> None:
    """Every made-up EVSE id is one that the contracts' hash is defined for."""
    for text in (
        trondheim(
            ("1", "Xx1", "Xx1-4", "Private", "NA", "15.01.2019 10:20", "15.01.2019 12:20", "7,25", "2,0")
        ),
        WORKPLACE + "71,6.5,0.58,0015-03-08 15:40:26,0015-03-08 17:11:04,801,9001,55,3\n",
        ACN + "2020-01-06 08:00:00-08:00,2020-01-06 10:00:00-08:00,9,8,XX-101,2_1_1_1_a,,True\n",
        DUNDEE + dundee("1", "02/03/2018 23:50", "03/03/2018 14:16", "19.99"),
        SPACED + spaced(1, "2018-08-16 09:00", "2018-08-16 10:00"),
    ):
        (session,) = read(text).sessions
        assert len(connector_id(session.evse_id, session.connector_number)) == 32


SYNTHETIC = ",".join(COLUMNS) + "\n"


def test_synthetic(read: Read) -> None:
    reading = read(
        SYNTHETIC
        + "a,Op,de-tst-e1,2,dr,11040,2026-03-29T00:30:00Z,2026-03-29T03:30:00.9+02:00,5.5005,\n"
        + "b,Op,DE*TST*E1,2,dr,11040,2026-03-29T03:00:00Z,2026-03-29T04:00:00-00:30,1,1800\n"
        + "c,Op,DE*TST*E1,2,dr,11040,2026-03-30T03:00:00Z,,1,1800\n"
        + "d,Op,DE*TST*E1,2,dr,11040,2026-02-29T03:00:00Z,2026-03-29T04:00:00Z,1,1800\n"
        + "e,Op,DE*TST*E1,2,dr,11040,2026-03-30T03:00:00Z,2026-03-30T04:00:00Z,1,long\n"
    )
    first, second = reading.sessions
    assert first == MeteredSession(
        row=1,
        session_id="a",
        operator="Op",
        evse_id="de-tst-e1",
        connector_number=2,
        driver="dr",
        started_at=utc("2026-03-29T00:30:00"),
        ended_at=utc("2026-03-29T01:30:00"),
        energy_wh=5_501,
        rated_power_w=11_040,
        time_resolution=1,
    )
    assert (second.ended_at, second.charging_seconds) == (utc("2026-03-29T04:30:00"), 1_800)
    assert first.connector == second.connector == ("DETSTE1", 2)
    assert {name: reason for name, (reason, _) in refused(reading).items()} == {
        "c": "no_end",
        "d": "unreadable",
        "e": "unreadable",
    }
