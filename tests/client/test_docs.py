"""The documentation does what it says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evgi_client import (
    Chain,
    ChargingAuthorization,
    LocalSigner,
    OfflineQueue,
    SignedSession,
)  # fmt: skip
from evgi_client.cli.main import app
from evgi_client.demo.audit import read_chain
from tests.support.sessions import HOUR
from tests.support.suite import found

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


def test_the_readme_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    suite = found(Chain.embedded(), tmp_path / "consortium.json")
    session = suite.maker().session(suite.chain.now() - 3 * HOUR)
    suite.drivers[0].save_keystore(tmp_path / "driver.json", lambda: "a long secret")
    monkeypatch.chdir(tmp_path)
    given = {
        "authorization": session.authorization,
        "record": suite.meter.sign(session.record, suite.domain),
        "read_secret": lambda: "a long secret",
        "rpc_url": suite.chain,
        "utility": suite.creditor,
    }
    exec(compile(code, "README.md", "exec"), given)
    assert capsys.readouterr().out == f"{session.key} settled\n"
    assert isinstance(given["driver"], LocalSigner)
    assert isinstance(given["authorization"], ChargingAuthorization)
    with OfflineQueue(tmp_path / "station.db") as queue:
        assert [type(queued.session) for queued in queue.sessions()] == [SignedSession]


def test_the_audit_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(ROOT / "docs" / "events.md", "python")
    suite = found(Chain.embedded(), tmp_path / "evgi-demo-deployment.json")
    session = suite.maker().session(suite.chain.now() - 3 * HOUR)
    suite.settle(session)
    (tmp_path / "evgi-demo").mkdir()
    (tmp_path / "evgi-demo-deployment.json").rename(tmp_path / "evgi-demo" / "deployment.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Chain, "connect", lambda _: suite.chain)
    given: dict[str, object] = {"rpc_url": "http://127.0.0.1:1"}
    exec(compile(code, "events.md", "exec"), given)
    record = given["record"]
    assert isinstance(record, type(read_chain(suite.contracts, 0)))
    assert (record.energy_wh, record.amount) == (session.energy_wh, session.cost)


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples" / "first_session.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": settled")
    # 16.25 less the debtor's one per cent.
    assert lines[1:] == ["owed: 16.087500", "paid: 16.087500"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_names_real_commands_and_contracts() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in sorted(set(re.findall(r"`evgi ([a-z]+)[ `]", text))):
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command
    for path in re.findall(r"^  ((?:charging|clearing|libraries)/\w+) ", text, re.M):
        assert (ROOT / "contracts" / f"{path}.sol").is_file(), path
    for module in re.findall(r"`(evgi_client\.[a-z_.]+)`", text):
        part = ROOT / module.replace(".", "/")
        assert part.with_suffix(".py").is_file() or part.is_dir(), module
