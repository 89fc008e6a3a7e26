"""The sample that the demo runs on is the one that its script makes, and has what it says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from evgi_client.charging.sources import Reading, detect, read_sessions
from evgi_client.charging.sources.synthetic import COLUMNS

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "generate_sample.py"
SAMPLE = ROOT / "evgi_client" / "demo" / "data" / "synthetic_sessions.csv"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_sample", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reading() -> Reading:
    return read_sessions(SAMPLE)


def test_the_sample_is_what_the_script_makes(script: ModuleType) -> None:
    assert SAMPLE.read_bytes() == script.generate().encode()
    assert script.COLUMNS == COLUMNS


def test_check_tells_a_changed_sample(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert subprocess.run([sys.executable, SCRIPT, "--check"], check=False).returncode == 0
    changed = tmp_path / "sample.csv"
    changed.write_text(script.generate().replace("Amber", "Azure", 1))
    monkeypatch.setattr(script, "SAMPLE", changed)
    assert script.main(["--check"]) == 1
    assert script.main([]) == 0
    assert changed.read_bytes() == SAMPLE.read_bytes()
    assert script.main(["--what"]) == 2


def test_what_is_in_it(reading: Reading) -> None:
    assert detect(SAMPLE) == "synthetic"
    sessions = reading.sessions
    assert (reading.read, len(sessions), reading.currency) == (240, 230, "EUR")
    assert len({session.operator for session in sessions}) == 6
    assert all(session.operator.startswith("Sample Operator ") for session in sessions)
    assert len({session.driver for session in sessions}) == 40
    assert len({session.connector for session in sessions}) == 30
    assert {session.rated_power_w for session in sessions} == {11_040, 22_080, 150_000}
    assert sum(session.energy_wh == 0 for session in sessions) == 2


def test_every_reason_that_a_table_can_have_is_in_it(reading: Reading) -> None:
    assert reading.reasons() == {
        "unreadable": 2,
        "no_end": 2,
        "duplicate": 2,
        "end_before_start": 1,
        "negative_energy": 1,
        "impossible_energy": 1,
        "overlap": 1,
    }
    assert all(one.session_id.startswith("SYN-") or one.reason == "unreadable" for one in reading.quarantined)


def test_it_is_one_month_in_berlin_with_the_change_of_clock(reading: Reading) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    months = Counter(
        datetime.fromtimestamp(session.started_at, tz=berlin).strftime("%Y-%m")
        for session in reading.sessions
    )
    assert months == {"2026-03": 230}
    before = datetime(2026, 3, 29, 1, 59, 59, tzinfo=berlin)
    change = int(before.timestamp()) + 1
    assert datetime.fromtimestamp(change, tz=berlin) - before == timedelta(hours=1, seconds=1)
    assert sum(session.started_at < change < session.ended_at for session in reading.sessions) >= 1


def test_a_driver_is_in_one_place_at_a_time_and_charges_no_longer_than_plugged_in(reading: Reading) -> None:
    for driver in {session.driver for session in reading.sessions}:
        own = sorted(
            (session for session in reading.sessions if session.driver == driver),
            key=lambda session: session.started_at,
        )
        assert all(one.ended_at < other.started_at for one, other in pairwise(own))
    for session in reading.sessions:
        assert session.charging_seconds is not None
        assert session.charging_seconds <= session.ended_at - session.started_at
        assert session.energy_wh * 3600 <= session.rated_power_w * max(session.charging_seconds, 1)
