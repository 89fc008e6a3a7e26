"""What the package reads of the public data sets, counted a second time without it, is what docs/sessions.md says."""

# ruff: noqa: DTZ001, DTZ007 — the local times of the files, as they are written

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from evgi_client.charging.sources import Reading, detect, read_sessions

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "sessions.md").read_text(encoding="utf-8")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
FOLDERS = {
    "trondheim": "no_trondheim_sorensen",
    "workplace": "us_workplace_asensio",
    "acn": "us_acn_caltech_jpl",
    "dundee": "uk_dundee",
    "perth": "uk_perth_kinross",
}
COUNTED = ("no_end", "end_before_start", "negative_energy", "impossible_energy", "duplicate", "overlap")

Rows = list[dict[str, str]]
Spans = Iterable[tuple[object, datetime, datetime]]


@pytest.fixture(scope="module")
def files(shared: Path) -> dict[str, list[Path]]:
    folder = shared / "data" / "sessions"
    found = {name: sorted((folder / part).glob("*.csv*")) for name, part in FOLDERS.items()}
    if not all(found.values()):
        pytest.skip(f"no sessions in {folder}")
    return found


@pytest.fixture(scope="module")
def readings(files: dict[str, list[Path]]) -> dict[Path, Reading]:
    return {path: read_sessions(path) for paths in files.values() for path in paths}


@pytest.fixture(scope="module")
def raw(files: dict[str, list[Path]]) -> Callable[[str], Rows]:
    """The rows of a data set's files, as the csv module of the standard library reads them."""

    def read(name: str) -> Rows:
        rows: Rows = []
        for path in files[name]:
            content = path.read_bytes()
            text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
            rows += csv.DictReader(
                io.StringIO(text, newline=""), delimiter=";" if name == "trondheim" else ","
            )
        return rows

    return read


def in_docs(*lines: str) -> None:
    missing = [line for line in lines if line not in DOCS]
    assert not missing, "\n".join(missing)


def number(value: int) -> str:
    return f"{value:,}"


def overlaps(spans: Spans) -> list[timedelta]:
    """How long each two sessions of one key run at once."""
    by_key: defaultdict[object, list[tuple[datetime, datetime]]] = defaultdict(list)
    for key, start, end in spans:
        by_key[key].append((start, end))
    found = []
    for times in by_key.values():
        times.sort()
        for place, (_, end) in enumerate(times):
            for other_start, other_end in times[place + 1 :]:
                if other_start >= end:
                    break
                found.append(min(end, other_end) - other_start)
    return found


def test_the_table_of_files(readings: dict[Path, Reading]) -> None:
    lines = []
    for path, reading in readings.items():
        reasons = reading.reasons()
        assert set(reasons) <= set(COUNTED)
        fields = [
            path.name,
            number(reading.read),
            number(len(reading.sessions)),
            *(number(reasons.get(reason, 0)) for reason in COUNTED),
            f"{reading.energy_wh // 1000:,}.{reading.energy_wh % 1000:03}",
        ]
        lines.append(f"| {' | '.join(fields)} |")
    assert len(lines) == 13
    in_docs(*lines)


def test_the_example(files: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files["trondheim"][0].parent)
    code = DOCS.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code, names)
    expression, _, stated = code.strip().split("\n")[-1].partition("#")
    assert eval(expression, names) == eval(stated.strip())


def test_formats_are_told_and_rows_accounted_for(
    files: dict[str, list[Path]], readings: dict[Path, Reading], raw: Callable[[str], Rows]
) -> None:
    for name, paths in files.items():
        assert [detect(path) for path in paths] == [name] * len(paths)
        assert sum(readings[path].read for path in paths) == len(raw(name))
    for reading in readings.values():
        rows = [session.row for session in reading.sessions] + [one.row for one in reading.quarantined]
        assert sorted(rows) == list(range(1, reading.read + 1))


def test_what_is_kept_can_be_true(readings: dict[Path, Reading]) -> None:
    for reading in readings.values():
        last: dict[tuple[str, int], int] = {}
        starts = set()
        for session in sorted(reading.sessions, key=lambda one: (one.ended_at, one.started_at)):
            assert session.energy_wh >= 0
            assert session.started_at >= last.get(session.connector, 0)
            last[session.connector] = session.ended_at
            starts.add((session.connector, session.started_at))
        assert len(starts) == len(reading.sessions)


def test_the_energy_of_kept_and_quarantined_rows_is_that_of_the_files(
    files: dict[str, list[Path]], readings: dict[Path, Reading], raw: Callable[[str], Rows]
) -> None:
    for name, paths in files.items():
        column = {"workplace": "kwhTotal", "acn": "delivered_energy (kWh)", "trondheim": "El_kWh"}.get(name)

        def kwh(row: dict[str, str], column: str | None = column) -> Decimal:
            text = row[column] if column else row.get("Total kWh", "") or row.get("Total_kWh", "")
            return Decimal(text.replace(",", ".") or 0)

        all_rows = sum((kwh(row) for row in raw(name)), Decimal(0))
        quarantined = sum(
            (kwh(dict(one.raw)) for path in paths for one in readings[path].quarantined), Decimal(0)
        )
        kept = Decimal(sum(readings[path].energy_wh for path in paths)) / 1000
        # ACN has fractions of a Wh, each rounded by itself.
        assert abs(all_rows - quarantined - kept) <= (Decimal("0.5") if name == "acn" else 0)


def test_trondheim(
    files: dict[str, list[Path]], readings: dict[Path, Reading], raw: Callable[[str], Rows]
) -> None:
    def local(text: str) -> datetime:
        return datetime.strptime(text, "%d.%m.%Y %H:%M")

    rows = raw("trondheim")
    ended = [row for row in rows if row["End_plugout"] != "NA"]
    spans = [(row, local(row["Start_plugin"]), local(row["End_plugout"])) for row in ended]
    of_user = overlaps((row["User_ID"], start, end) for row, start, end in spans)
    of_socket = overlaps(
        ((row["Garage_ID"], row["Shared_ID"].replace("NA", row["User_ID"])), start, end)
        for row, start, end in spans
    )
    shared = overlaps((row["Shared_ID"], start, end) for row, start, end in spans if row["Shared_ID"] != "NA")
    assert not shared
    repeated = Counter((row["User_ID"], row["Start_plugin"]) for row in rows)
    more = {
        row["session_ID"]: (end - start) / HOUR - float(row["Duration_hours"].replace(",", "."))
        for row, start, end in spans
    }
    october, june, march = datetime(2019, 10, 27, 2, 30), datetime(2019, 6, 23), datetime(2019, 3, 31, 2, 30)
    odd = [(row, start, end) for row, start, end in spans if abs(more[row["session_ID"]]) > 0.05]
    in_october = [row for row, start, end in odd if start < october < end]
    in_june = [row for row, start, end in odd if start < june < end]
    through_march = [row for row, start, end in spans if start < march < end]
    assert all(abs(more[row["session_ID"]] + 1) < 0.05 for row in in_october)
    assert all(abs(more[row["session_ID"]] - 2) < 0.05 for row in in_june)
    assert all(abs(more[row["session_ID"]]) < 0.05 for row in through_march)
    # Every session that a change of clock falls into: none of them is left over.
    assert len(in_october) == sum(start < october < end for _, start, end in spans)
    in_docs(
        f"| Trondheim | sessions without an end | {len(rows) - len(ended)} |",
        f"| Trondheim | rows after the first of one user and start | {sum(repeated.values()) - len(repeated)} |",
        f"| Trondheim | overlapping pairs of one user | {len(of_user)} |",
        f"| Trondheim | overlapping pairs of one socket | {len(of_socket)} |",
        f"durations that are not the difference of the times on the clock | {len(odd)} |",
        f"the duration has the hour that came twice | {len(in_october)} |",
        f"the duration is two hours less | {len(in_june)} |",
        f"with a duration that has the hour that did not come | {len(through_march)} |",
    )
    # Departures peak at the same hour of the clock in winter, in spring and from the summer on.
    for begins, ends in (
        ("2018-12-01", "2019-03-31"),
        ("2019-04-01", "2019-06-22"),
        ("2019-06-25", "2020-02-01"),
    ):
        first, last = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
        assert Counter(end.hour for _, start, end in spans if first < start < last).most_common(1)[0][0] == 7
    # In UTC, the durations of October agree with the times.
    by_id = {session.session_id: session for session in readings[files["trondheim"][0]].sessions}
    for row in in_october:
        session = by_id[row["session_ID"]]
        hours = float(row["Duration_hours"].replace(",", "."))
        assert abs((session.ended_at - session.started_at) - hours * 3600) <= 60
    (broken,) = (one for one in readings[files["trondheim"][0]].quarantined if one.reason == "overlap")
    assert (broken.session_id, broken.raw["El_kWh"]) == ("6262", "6,33")


def test_workplace(raw: Callable[[str], Rows]) -> None:
    def stamp(text: str) -> datetime:
        return datetime.strptime("20" + text[2:], "%Y-%m-%d %H:%M:%S")

    spans = [(row, stamp(row["created"]), stamp(row["ended"])) for row in raw("workplace")]
    found = overlaps((row["stationId"], start, end) for row, start, end in spans)
    before = Counter(
        start.hour for _, start, _ in spans if start < datetime(2015, 3, 8) and start.weekday() < 5
    )
    after = Counter(
        start.hour for _, start, _ in spans if start >= datetime(2015, 3, 8) and start.weekday() < 5
    )
    ends = Counter(end.hour for _, _, end in spans if end.weekday() < 5)
    assert min(before) == 12
    assert {hour for hour, _ in after.most_common(4)} == {11, 12, 16, 17}
    assert {hour for hour, _ in ends.most_common(2)} == {15, 20}
    in_docs(
        f"| Workplace | sessions without energy | {sum(Decimal(row['kwhTotal']) == 0 for row, _, _ in spans)} |",
        f"| Workplace | overlapping pairs of one station | {len(found)} |",
        f"by 64 seconds or less | {sum(length <= timedelta(seconds=64) for length in found)} |",
        f"seconds 4 to 15 of a minute | {number(sum(4 <= end.second <= 15 for _, _, end in spans))} |",
    )


def test_acn(raw: Callable[[str], Rows]) -> None:
    late = near = early = 0
    for row in raw("acn"):
        plugged_in = datetime.fromisoformat(row["session_id"].rpartition("_")[2] + "+00:00")
        difference = datetime.fromisoformat(row["arrival"]) - plugged_in
        near += abs(difference) <= MINUTE
        late += difference > MINUTE
        early += difference < -MINUTE
    assert early == 2
    in_docs(
        f"| ACN | arrivals within a minute of the moment in the session's id | {number(near)} |",
        f"| ACN | arrivals later than that | {late} |",
    )


def test_dundee(
    files: dict[str, list[Path]], readings: dict[Path, Reading], raw: Callable[[str], Rows]
) -> None:
    rows = raw("dundee")
    ended = [row for row in rows if row["End Date"]]

    def local(row: dict[str, str], which: str) -> datetime:
        return datetime.strptime(f"{row[which + ' Date']} {row[which + ' Time']}", "%d/%m/%Y %H:%M")

    spans = [(row, local(row, "Start"), local(row, "End")) for row in ended]
    starts = Counter((row["CP ID"], row["Connector"], start) for row, start, _ in spans)
    mislabelled = [
        row
        for row, start, end in spans
        if row["CP ID"] in ("51087", "51088")
        and Decimal(row["Total kWh"]) * 60 > Decimal("8.096") * ((end - start) // MINUTE + 1)
    ]
    assert all("7kW" in row["Model"] for row in mislabelled)
    assert len([row for row in rows if row["CP ID"] in ("51087", "51088")]) == 1_572
    in_docs(
        f"| Dundee | unfinished | {len(rows) - len(ended)} |",
        f"| Dundee | negative energy | {sum(Decimal(row['Total kWh']) < 0 for row in ended)} |",
        f"| Dundee | no energy | {number(sum(Decimal(row['Total kWh']) == 0 for row in ended))} |",
        f"| Dundee | longer than 24 hours | {number(sum(end - start > DAY for _, start, end in spans))} |",
        f"| Dundee | ending before they start | {sum(end < start for _, start, end in spans)} |",
        f"of one connector and start | {sum(starts.values()) - len(starts)} |",
        f"51087 and 51088, called 7 kW | {len(mislabelled)} |",
    )
    for path in files["dundee"]:
        for one in readings[path].quarantined:
            if one.reason == "duplicate":
                assert Decimal(one.raw["Total kWh"]) <= Decimal("0.01")


def test_perth(files: dict[str, list[Path]], readings: dict[Path, Reading]) -> None:
    for path in files["perth"]:
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as text:
            rows = [
                {name.replace("_", " "): value for name, value in row.items()} for row in csv.DictReader(text)
            ]

        def local(row: dict[str, str], which: str, swap: bool) -> datetime:
            day = datetime.fromisoformat(row[f"{which} Date"][:10].replace("/", "-"))
            if swap and day.day <= 12:
                day = day.replace(month=day.day, day=day.month)
            hours, minutes = row[f"{which} Time"].split(":")[:2]
            return day + timedelta(hours=int(hours), minutes=int(minutes))

        written = [local(row, "Start", swap=False) for row in rows]
        swapped = [local(row, "Start", swap=True) for row in rows]
        assert sum(earlier < later for earlier, later in pairwise(written)) == 21
        assert sum(earlier < later for earlier, later in pairwise(swapped)) == 0
        assert (swapped[-1].month, swapped[-1].day, swapped[0].month, swapped[0].day) == (9, 1, 8, 31)
        # Each September's first days stand below the last date that can be read in one way only.
        last_fixed = max(
            place for place, start in enumerate(written) if start.day > 12 or start.day == start.month
        )
        assert (swapped[last_fixed].month, swapped[last_fixed].day) == (9, 9)
        ambiguous = [
            place for place, start in enumerate(written) if start.day <= 12 and start.day != start.month
        ]
        proven = [place for place in ambiguous if place < last_fixed]
        year = "2016/17" if swapped[-1].year == 2016 else "2017/18"
        in_docs(
            f"| Perth {year} | starts that can be read with day and month swapped | {number(len(ambiguous))} |",
            f"| Perth {year} | of these, proven by the order of the rows | {number(len(proven))} |",
        )
        assert readings[path].notes == (
            f"{len(ambiguous)} starts can be read with day and month swapped; the row order proves {len(proven)}, "
            "all swapped: all are read so",
        )
        ended = [row for row in rows if row["End Date"]]
        backwards = [row for row in ended if local(row, "End", swap=True) < local(row, "Start", swap=True)]
        assert [row["End Date"][:4] for row in backwards] == ["1970"] * (year == "2016/17")
        lengths = [local(row, "End", swap=True) - local(row, "Start", swap=True) for row in ended]
        assert sum(length > 20 * DAY for length in lengths) == 0


def test_nobody_is_near_a_rating_by_chance(
    files: dict[str, list[Path]], readings: dict[Path, Reading]
) -> None:
    """The highest average over half an hour or more, of the sessions kept, by socket."""
    highest: defaultdict[tuple[str, int], int] = defaultdict(int)
    for name, paths in files.items():
        council = "council" if name in ("dundee", "perth") else name
        for path in paths:
            for session in readings[path].sessions:
                seconds = session.ended_at - session.started_at
                if seconds >= 1_800:
                    place = (council, session.rated_power_w)
                    highest[place] = max(highest[place], session.energy_wh * 3_600 // seconds)
    listed = dict(highest)
    for power in listed.values():
        assert f"| {power:,} |" in DOCS
    assert len(listed) == 7
