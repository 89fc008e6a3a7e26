"""The whole flow in one call: its sums are those of the file, computed again by another way."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import defaultdict
from datetime import datetime, timezone
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from evgi_client.charging.sources import read_sessions
from evgi_client.cli.main import app
from evgi_client.demo import Options, Silent, Summary, run

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n"
KEYS = {
    "sessions", "energy_wh", "amount", "pairs", "positions", "token", "gas", "elapsed_s", "checks",
}  # fmt: skip


def sample() -> Path:
    return Path(str(resources.files("evgi_client.demo") / "data" / "synthetic_sessions.csv"))


def play(path: Path, out: Path, **options: object) -> Summary:
    return run(read_sessions(path), Options(out, **options), Silent())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Path]:
    """The sample, played once."""
    out = tmp_path_factory.mktemp("demo")
    return play(sample(), out), out


def test_every_check_holds_and_every_row_is_accounted_for(done: tuple[Summary, Path]) -> None:
    summary, _ = done
    assert summary.checks
    assert all(summary.checks.values())
    rows = sample().read_text(encoding="utf-8").strip().count("\n")
    assert summary.read == rows
    assert summary.settled + sum(summary.quarantined.values()) == rows
    assert {
        "no_end",
        "end_before_start",
        "negative_energy",
        "impossible_energy",
        "duplicate",
        "overlap",
    } <= set(summary.quarantined)


def test_sums_agree_with_one_another(done: tuple[Summary, Path]) -> None:
    summary, _ = done
    assert sum(pair.sessions for pair in summary.pairs) == summary.settled
    assert sum(pair.energy_wh for pair in summary.pairs) == summary.energy_wh
    assert sum(pair.amount for pair in summary.pairs) == summary.amount
    net: dict[str, int] = defaultdict(int)
    for pair in summary.pairs:
        net[pair.creditor] += pair.amount
        net[pair.debtor] -= pair.amount
    assert {name: owed for name, owed in net.items() if owed} == {
        name: owed for name, owed in summary.positions.items() if owed
    }
    assert sum(summary.balances.values()) == summary.supply
    paid: dict[str, int] = defaultdict(int)
    for (payer, payee), amount in summary.payments.items():
        paid[payee] += amount
        paid[payer] -= amount
    assert dict(paid) == {name: owed for name, owed in summary.positions.items() if name in paid}
    assert 0 < summary.net < summary.gross


def test_the_files_say_the_same(done: tuple[Summary, Path]) -> None:
    summary, out = done
    with (out / "statement.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == summary.settled
    assert sum(int(row["energy_wh"]) for row in rows) == summary.energy_wh
    assert sum(Decimal(row["amount"]) for row in rows) * 10**6 == summary.amount
    with sqlite3.connect(out / "ledger.db") as ledger:
        query = "select count(*), sum(energy_wh), sum(cost) from sessions where status = 'settled'"
        assert ledger.execute(query).fetchone() == (summary.settled, summary.energy_wh, summary.amount)
        kept = dict(ledger.execute("select reason, count(*) from quarantine group by reason").fetchall())
    assert kept == summary.quarantined
    assert (out / "flows.png").read_bytes().startswith(PNG)
    assert json.loads((out / "deployment.json").read_text())["complete"] is True
    assert json.loads((out / "summary.json").read_text()) == summary.to_json()


def test_the_same_sessions_give_the_same_result(done: tuple[Summary, Path], tmp_path: Path) -> None:
    summary, _ = done
    again = play(sample(), tmp_path)
    assert (again.pairs, again.positions, again.gas) == (summary.pairs, summary.positions, summary.gas)


def test_the_command_prints_tables_for_people_and_one_object_for_machines(tmp_path: Path) -> None:
    runner = CliRunner()
    people = runner.invoke(app, ["demo", "--out", str(tmp_path / "a"), "--limit", "40"])
    assert people.exit_code == 0, people.output
    for words in (
        "sessions settled",
        "Before netting",
        "Paid after netting",
        "gas",
        "Recomputed from the chain alone",
    ):
        assert words in people.stdout
    machines = runner.invoke(app, ["demo", "--out", str(tmp_path / "b"), "--limit", "40", "--json"])
    document = json.loads(machines.stdout)
    assert set(document) >= KEYS
    assert set(document["sessions"]) == {"read", "quarantined", "signed", "settled"}
    assert {"creditor", "debtor", "sessions", "energy_wh", "amount"} == set(document["pairs"][0])
    assert set(document["token"]) == {"supply", "balances"}
    assert set(document["gas"]) == {"total", "per_session"}
    assert all(document["checks"].values())


def test_a_file_that_is_no_session_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n")
    result = CliRunner().invoke(
        app, ["demo", "--sessions", str(path), "--out", str(tmp_path / "out"), "--json"]
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "UnknownSessionFormatError"


def test_it_runs_on_a_node_too(start_anvil: Callable[..., str], tmp_path: Path) -> None:
    summary = run(read_sessions(sample(), limit=60), Options(tmp_path, rpc_url=start_anvil()), Silent())
    assert summary.settled > 40
    assert all(summary.checks.values())


# The real data


def test_a_cdr_of_ocpi_is_settled_at_its_own_price(shared: Path, tmp_path: Path) -> None:
    for version in ("2.2.1", "2.3.0"):
        path = shared / "data" / "protocol" / "ocpi" / version / "cdr_example.json"
        summary = play(path, tmp_path / version)
        assert (summary.settled, summary.energy_wh, summary.amount) == (1, 15_342, 4_400_000)
        assert all(summary.checks.values())


@pytest.mark.parametrize(
    "name",
    [
        "us_workplace_asensio/station_data_dataverse.csv",
        "us_acn_caltech_jpl/caltech_2020-02-01_2020-05-31.csv.gz",
        "uk_dundee/cp-data-mar-may-2018.csv.gz",
        "uk_perth_kinross/EV_ChargeStation_Use_Sept_2016_to_Aug_2017.csv.gz",
    ],
)
def test_every_data_set_settles(shared: Path, tmp_path: Path, name: str) -> None:
    reading = read_sessions(shared / "data" / "sessions" / name, limit=150)
    summary = run(reading, Options(tmp_path), Silent())
    assert summary.settled == len(reading.sessions) > 100
    assert summary.energy_wh == sum(session.energy_wh for session in reading.sessions)
    assert all(summary.checks.values())


def _trondheim(path: Path) -> list[tuple[str, int, int, int]]:
    """(socket, start, end, Wh) of the rows that can be true, read without the package's readers."""
    oslo = ZoneInfo("Europe/Oslo")

    def time(text: str) -> int:
        local = datetime.strptime(text, "%d.%m.%Y %H:%M").replace(tzinfo=oslo)
        return int(local.astimezone(timezone.utc).timestamp())

    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            row for row in csv.DictReader(file, delimiter=";") if row["End_plugout"].strip() not in ("", "NA")
        ]
    best: dict[tuple[str, int], tuple[str, int, int, int]] = {}
    for row in rows:
        socket = row["User_ID"] if row["Shared_ID"] == "NA" else row["Shared_ID"]
        start, end = time(row["Start_plugin"]), time(row["End_plugout"])
        energy = int((Decimal(row["El_kWh"].replace(",", ".")) * 1000).to_integral_value())
        if (socket, start) not in best or energy > best[socket, start][3]:
            best[socket, start] = (socket, start, end, energy)
    sockets: dict[str, list[tuple[str, int, int, int]]] = defaultdict(list)
    for session in best.values():
        sockets[session[0]].append(session)
    kept = []
    for sessions in sockets.values():
        free_from = 0
        for session in sorted(sessions, key=lambda one: (one[2], one[1])):
            if session[1] >= free_from:
                kept.append(session)
                free_from = session[2]
    return kept


def test_the_whole_trondheim_file_settles_to_the_sums_of_its_rows(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "sessions" / "no_trondheim_sorensen" / "ev_charging_reports.csv"
    expected = _trondheim(path)
    summary = play(path, tmp_path)
    assert summary.read == 6_878
    assert summary.settled == len(expected)
    assert summary.energy_wh == sum(energy for *_, energy in expected)
    # 0.35 a kWh is 350 minor units a Wh: no session rounds.
    assert summary.amount == sum(energy * 350 for *_, energy in expected)
    assert all(summary.checks.values())
    print(
        f"\n{summary.settled} sessions in {summary.elapsed_s:.1f} s, {summary.gas_per_session} gas a session"
    )
