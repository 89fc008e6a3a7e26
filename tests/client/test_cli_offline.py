"""Commands that need no node, and what all commands have in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import typer
from eth_keyfile.keyfile import create_keyfile_json
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.main import get_command
from typer.testing import CliRunner

from evgi_client.chain import Chain
from evgi_client.charging.queue import OfflineQueue, Status
from evgi_client.charging.submission import BATCH_SIZE
from evgi_client.cli import output, values
from evgi_client.cli.main import app
from evgi_client.deployment import Deployment, DeploymentPlan, apply
from evgi_client.messages import ChargingTerms, Domain, SessionKey, connector_id
from evgi_client.signing import LocalSigner
from evgi_client.tariffs import parse_tariff, read_json, tariff_hash
from evgi_client.units import format_amount
from tests.support.sessions import HOUR, Maker, signer, terms_for

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse"
START = 1_750_000_000
TARIFF = (
    '{"country_code":"DE","party_id":"ABC","id":"day","currency":"EUR","last_updated":"2026-01-01T00:00:00Z",'
    '"elements":[{"price_components":[{"type":"ENERGY","price":0.45,"step_size":1}]}]}'
)
ONE, OTHER = signer(1).address, signer(2).address


class Result:
    """How a command ended."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code, self.stdout, self.stderr = code, stdout, stderr

    def json(self, code: int = 0) -> Any:
        assert self.code == code, self.stdout + self.stderr
        return json.loads(self.stdout)


def evgi(*arguments: object, stdin: str = "", **environment: str) -> Result:
    """A command in this process, with no settings but these."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("EVGI_")}
    words = [str(each) for each in arguments]
    done = CliRunner().invoke(app, words, input=stdin, env={**unset, "COLUMNS": "200", **environment})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Result(done.exit_code, done.stdout, done.stderr)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by the words that call it."""
    root: Any = get_command(app)
    context = root.make_context("evgi", [], resilient_parsing=True)
    for name in root.list_commands(context):
        _, command, _ = root.resolve_command(context, [name])
        yield from within(name, command)


def within(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command, or those of a group, however deep."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for inner, each in command.commands.items():
        yield from within(f"{name} {inner}", each)


@pytest.fixture
def password(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\nnot this line\n")
    return str(path)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chain, governor = Chain.embedded(start=START), LocalSigner.create()
    chain.faucet(governor.address, 10**20)
    path = tmp_path_factory.mktemp("suite") / "deployment.json"
    apply(DeploymentPlan(governor.address), chain, governor, path)
    return path


# What all commands have in common


def test_the_page_of_commands_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "cli_docs.py"), "--check"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_command_prints_json_and_shows_examples_that_fit_a_terminal() -> None:
    seen = 0
    for name, command in commands():
        seen += 1
        assert any("--json" in parameter.opts for parameter in command.params), name
        lines = [line for line in (command.epilog or "").splitlines() if line.startswith("  ")]
        assert any(f"evgi {name}" in line for line in lines), name
        assert max(map(len, lines)) <= 78, name
        assert "Examples" in evgi(*name.split(), "--help").stdout, name
    assert seen > 30


def test_no_command_takes_a_secret() -> None:
    for name, command in commands():
        for parameter in command.params:
            words = " ".join(parameter.opts).replace("keystore", "")
            assert not any(word in words for word in ("password", "private", "secret", "--key ")), name


def test_the_demo_says_of_itself_what_the_overview_says() -> None:
    overview: Any = get_command(app)
    (demo,) = (command for name, command in commands() if name == "demo")
    assert overview.commands["demo"].help == " ".join(demo.help.split("\n\n")[0].split())


def test_what_help_repeats_of_modules_too_heavy_for_it_is_true() -> None:
    by_name = dict(commands())
    (size,) = (each for each in by_name["submit"].params if each.name == "batch_size")
    assert size.default == BATCH_SIZE
    (status,) = (each for each in by_name["queue list"].params if each.name == "status")
    assert all(each.value in status.help for each in Status)


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from evgi_client.cli.main import app\n"
        "app(['token', '--help'], standalone_mode=False)\n"
        "heavy = ('web3', 'eth_tester', 'eth', 'eth_account', 'matplotlib', 'sqlalchemy', 'evgi_client.demo')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evgi_client", "--version"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.count(".") == 2


@pytest.mark.parametrize(
    "words",
    [
        "nonsense",
        "token balance --nonsense",
        "token mint 0x12 5 --reference a",
        f"token mint {ONE} 5",
        f"token mint {ONE} 0.1234567 --reference a",
        f"token mint {ONE} -5 --reference a",
        f"token mint {ONE} 1e3 --reference a",
        f"token mint {ONE.lower().replace('0x', '0x0')} 5 --reference a",
        "queue list no-such.db",
        "queue release no-such.db 0x12@3",
        "deploy apply no-such.json",
        "deploy plan --governor 0x00",
        "authorise no-such.json --started-at now --max-cost 1",
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(words: str) -> None:
    done = evgi(*words.split(), EVGI_RPC_URL="http://127.0.0.1:9")
    assert done.code == 2
    assert done.stdout == ""
    assert done.stderr


# What is typed


@given(st.integers(0, 10**30))
@settings(max_examples=100)
def test_an_amount_is_read_as_it_is_printed(minor_units: int) -> None:
    assert values.amount(format_amount(minor_units)) == minor_units


@pytest.mark.parametrize(
    "text", ["", "1,5", "1.", ".5", "1.0000001", "-1", "+1", "1e3", "0x10", "NaN", "1 0", "1\n"]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        values.amount(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)],
)
def test_a_span(text: str, seconds: int) -> None:
    assert values.span(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "1.5h", "-1d", "1y", "1 d", "1d1h", "1D"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        values.span(text)


@given(st.integers(0, 4_000_000_000))
@settings(max_examples=100)
def test_a_time_is_read_as_it_is_printed(seconds: int) -> None:
    text = output.utc(seconds)
    assert datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp() == seconds
    assert values.moment(text) == values.moment(str(seconds)) == seconds


def test_a_time_from_now_and_in_another_zone() -> None:
    now = time.time()
    assert abs(values.moment("now") - now) <= 2
    assert abs(values.moment("now+7d") - now - 7 * 86_400) <= 2
    assert abs(values.moment("now-90") - now + 90) <= 2
    assert values.moment("2026-11-20T10:00:00+01:00") == values.moment("2026-11-20T09:00:00Z")


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "now+", "now 1d", "2026-11-20T09:00:00", "2026-11-20", "-5", "1.5"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        values.moment(text)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1))
@settings(max_examples=50)
def test_a_sessions_key_is_read_as_it_is_printed(connector: bytes, started_at: int) -> None:
    key = SessionKey(connector, started_at)
    assert values.session_key(str(key)) == key


@pytest.mark.parametrize(
    "text", ["", "0x12@3", "0x" + "ab" * 32, "0x" + "ab" * 32 + "@", "0x" + "ab" * 32 + "@-1"]
)
def test_what_is_no_sessions_key(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        values.session_key(text)


def test_columns_are_aligned_and_never_broken() -> None:
    table = output.columns(("who", "owes"), [("0x" + "a" * 400, "1.0"), ("b", "-12.0")], right=("owes",))
    assert table.splitlines() == [
        "who" + " " * 399 + "   owes",
        "0x" + "a" * 400 + "    1.0",
        "b" + " " * 401 + "  -12.0",
    ]
    assert output.utc(2**64 - 1) == str(2**64 - 1)


# Keys


def test_a_key_is_made_with_a_password_typed_twice(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    mistyped = evgi("key", "create", file, stdin=f"{PASSWORD}\nsomething else\n")
    assert mistyped.code == 2
    assert not file.exists()
    made = evgi("key", "create", file, stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert made.code == 0
    opened = LocalSigner.from_keystore(file, lambda: PASSWORD)
    assert made.stdout.strip() == opened.address
    assert PASSWORD not in made.stdout + made.stderr + file.read_text()
    assert evgi("key", "show", file).stdout.strip() == opened.address
    assert evgi("key", "show", file, "--json").json() == {"address": opened.address, "file": str(file)}
    if os.name == "posix":
        assert file.stat().st_mode & 0o077 == 0


def test_a_key_is_never_overwritten(tmp_path: Path, password: str) -> None:
    file = tmp_path / "key.json"
    file.write_text("the only copy of something")
    refused = evgi("key", "create", file, "--json", EVGI_PASSWORD_FILE=password)
    assert refused.json(code=1)["error"] == "KeystoreError"
    assert file.read_text() == "the only copy of something"


def test_an_empty_password_makes_no_key(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("")
    assert evgi("key", "create", tmp_path / "key.json", EVGI_PASSWORD_FILE=str(empty)).code == 2
    assert not (tmp_path / "key.json").exists()


def test_what_is_no_keystore_shows_no_address(tmp_path: Path) -> None:
    for number, text in enumerate(("", "[]", '{"version": 3}', '{"version": 3, "address": "12"}')):
        file = tmp_path / str(number)
        file.write_text(text)
        assert evgi("key", "show", file, "--json").json(code=1)["error"] == "KeystoreError"


# Plans, terms, signatures


def test_a_plan_gives_the_governor_what_nobody_else_is_named_for(tmp_path: Path) -> None:
    plan = evgi("deploy", "plan", "--governor", ONE, "--utility", OTHER, "--utility", ONE.lower()).json()
    assert plan["grants"] == {
        "UTILITY": [OTHER, ONE],
        "REDEEMER": [ONE],
        "PAUSER": [ONE],
        "MEMBERSHIP": [ONE],
        "ACCREDITOR": [ONE],
    }
    assert set(plan["delays"].values()) == {0}
    delayed = evgi(
        *(
            "deploy",
            "plan",
            "--governor",
            ONE,
            "--utility",
            OTHER,
            "--redeemer",
            OTHER,
            "--consortium-delays",
        ),
        *("--out", tmp_path / "plan.json"),
    )
    assert (delayed.code, delayed.stdout) == (0, "")
    written = json.loads((tmp_path / "plan.json").read_text())
    assert written["grants"]["REDEEMER"] == [OTHER]
    assert written["delays"]["governor"] == 2 * 86_400
    assert DeploymentPlan.from_json(written).to_json() == written
    twice = evgi("deploy", "plan", "--governor", ONE, "--utility", OTHER, "--utility", OTHER, "--json")
    assert twice.json(code=1)["error"] == "PlanError"


def test_terms_are_what_was_typed(tmp_path: Path) -> None:
    tariff = tmp_path / "tariff.json"
    tariff.write_text(TARIFF)
    words = (
        *(
            "terms",
            "de*abc*e0001",
            "--connector",
            2,
            "--creditor",
            ONE,
            "--debtor",
            OTHER,
            "--tariff",
            tariff,
        ),
        *(
            "--ceiling-per-kwh",
            "0.8",
            "--max-energy",
            60_000,
            "--max-duration",
            "12h",
            "--submit-within",
            "20d",
        ),
    )
    terms = ChargingTerms.from_json(evgi(*words).json())
    hashed = tariff_hash(parse_tariff(read_json(TARIFF)))
    assert terms == ChargingTerms(
        connector=connector_id("DE*ABC*E0001", 2),
        creditor=ONE,
        debtor=OTHER,
        tariff=hashed,
        fallback_tariff=hashed,
        ceiling_per_kwh=800_000,
        ceiling_per_hour=0,
        ceiling_flat=0,
        max_energy=60_000,
        max_duration=12 * HOUR,
        max_soc=100,
        submit_within=20 * 24 * HOUR,
        export_allowed=False,
    )
    assert ChargingTerms.from_json(
        evgi(*words, "--export-allowed", "--ceiling-flat", "1").json()
    ).export_allowed
    tariff.write_text("{}")
    assert evgi(*words, "--json").json(code=1)["error"] == "OcpiFieldError"


def keystore(folder: Path, number: int) -> Path:
    """A keystore whose key derivation is quick, as no real one's should be."""
    path = folder / f"{number}.json"
    key = (0xE0000 + number).to_bytes(32, "big")
    path.write_text(json.dumps(create_keyfile_json(key, PASSWORD.encode(), kdf="pbkdf2", iterations=2)))
    return path


@pytest.fixture
def offered(tmp_path: Path) -> Path:
    path = tmp_path / "terms.json"
    path.write_text(json.dumps(terms_for(b"\x11" * 32, ONE, OTHER).to_json()))
    return path


def test_a_driver_and_a_meter_sign_without_a_node(
    tmp_path: Path, manifest: Path, offered: Path, password: str
) -> None:
    settings_ = {"EVGI_MANIFEST": str(manifest), "EVGI_PASSWORD_FILE": password}
    promise = evgi(
        *("authorise", offered, "--started-at", START, "--max-cost", "12.5"),
        EVGI_KEYSTORE=str(keystore(tmp_path, 7)),
        **settings_,
    )
    assert promise.json()["driver"] == signer(7).address
    assert promise.json()["authorization"]["maxCost"] == "12500000"
    readings = ("--ended-at", START + HOUR, "--import-start", 10, "--import-end", 20, "--cost", "0.5")
    meter = {"EVGI_KEYSTORE": str(keystore(tmp_path, 8)), **settings_}
    # The password is in a file: stdin is the promise.
    session = evgi("meter", "-", *readings, stdin=promise.stdout, **meter).json()
    assert session["record"]["cost"] == "500000"
    queue = tmp_path / "station.db"
    assert evgi("queue", "put", queue, "-", "--json", stdin=json.dumps(session)).json() == {
        "new": 1,
        "known": 0,
    }
    backwards = evgi(
        "meter", "-", "--json", *readings[:1], START - 1, *readings[2:], stdin=promise.stdout, **meter
    )
    assert backwards.code == 2
    assert evgi("meter", "-", *readings, "--parking", "2h", stdin=promise.stdout, **meter).code == 2


def test_a_promise_for_another_chain_is_not_metered(
    tmp_path: Path, manifest: Path, offered: Path, password: str
) -> None:
    elsewhere = json.loads(manifest.read_text())
    elsewhere["chainId"] += 1
    other = tmp_path / "other.json"
    other.write_text(json.dumps(elsewhere))
    settings_ = {"EVGI_PASSWORD_FILE": password, "EVGI_KEYSTORE": str(keystore(tmp_path, 7))}
    promise = evgi(
        *("authorise", offered, "--started-at", START, "--max-cost", 1), EVGI_MANIFEST=str(other), **settings_
    )
    readings = ("--ended-at", START + 1, "--import-start", 0, "--import-end", 0, "--cost", 0, "--json")
    refused = evgi("meter", "-", *readings, stdin=promise.stdout, EVGI_MANIFEST=str(manifest), **settings_)
    assert refused.json(code=1)["error"] == "SignerMismatchError"


def test_a_wrong_password_opens_nothing(tmp_path: Path, manifest: Path, offered: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2\n")
    words = (
        "authorise",
        offered,
        "--started-at",
        START,
        "--max-cost",
        1,
        "--keystore",
        keystore(tmp_path, 7),
    )
    given = {"EVGI_MANIFEST": str(manifest)}
    from_file = evgi(*words, "--json", EVGI_PASSWORD_FILE=str(wrong), **given)
    assert from_file.json(code=1)["error"] == "KeystorePasswordError"
    typed = evgi(*words, stdin="hunter2\n", **given)
    assert typed.code == 1
    assert "hunter2" not in typed.stdout + typed.stderr
    nobody_there = evgi(*words, **given)
    assert nobody_there.code == 2
    assert "EVGI_PASSWORD_FILE" in nobody_there.stderr
    assert evgi(*words, stdin=f"{PASSWORD}\n", **given).code == 0


def test_a_wallets_answer_has_to_be_a_signature(manifest: Path, offered: Path) -> None:
    words = ("authorise", offered, "--started-at", START, "--max-cost", 1, "--manifest", manifest)
    assert evgi(*words).code == 2, "nobody to sign"
    assert evgi(*words, "--signature", "nonsense").code == 2
    short = evgi(*words, "--signature", "0x" + "11" * 64, "--json")
    assert short.json(code=1)["error"] == "InvalidSignatureError"


def test_terms_that_are_no_terms(tmp_path: Path, manifest: Path) -> None:
    file = tmp_path / "terms.json"
    words = (
        "authorise",
        file,
        "--started-at",
        START,
        "--max-cost",
        1,
        "--manifest",
        manifest,
        "--typed-data",
        "--json",
    )
    for text in ("", "no json", "[]", "{} {}", "[[[[", '"text"'):
        file.write_text(text)
        assert evgi(*words).code == 2, text
    file.write_bytes(b"\xff\xfe")
    assert evgi(*words).code == 2
    file.write_text("{}")
    assert evgi(*words).json(code=1)["error"] == "FieldMissingError"


def test_a_deployment_that_was_not_finished_signs_nothing(
    tmp_path: Path, manifest: Path, offered: Path
) -> None:
    unfinished = {**json.loads(manifest.read_text()), "complete": False}
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(unfinished))
    words = ("authorise", offered, "--started-at", START, "--max-cost", 1, "--typed-data", "--json")
    assert evgi(*words, "--manifest", path).json(code=1)["error"] == "DeploymentIncompleteError"
    path.write_text("{}")
    assert evgi(*words, "--manifest", path).json(code=1)["error"] == "ManifestError"
    assert isinstance(Deployment.from_json(unfinished), Deployment)


# Queues


@pytest.fixture
def maker() -> Maker:
    domain = Domain("SessionSettlement", "1", 1, signer(9).address)
    return Maker(terms_for(b"\x11" * 32, ONE, OTHER), signer(7), signer(8), domain)


def test_sessions_come_one_after_another_in_lists_and_from_stdin(tmp_path: Path, maker: Maker) -> None:
    queue = tmp_path / "station.db"
    sessions = [maker.session(START + n * HOUR).to_json() for n in range(5)]
    pretty = "\n\n".join(json.dumps(each, indent=2) for each in sessions[:2])
    assert evgi("queue", "put", queue, "-", "--json", stdin=pretty).json() == {"new": 2, "known": 0}
    listed = tmp_path / "listed.json"
    listed.write_text(json.dumps(sessions[1:4]))
    lines = tmp_path / "lines.jsonl"
    lines.write_text("\n".join(map(json.dumps, sessions[3:])) + "\n")
    assert evgi("queue", "put", queue, listed, lines, "--json").json() == {"new": 3, "known": 2}
    found = evgi("queue", "list", queue, "--json").json()
    assert [each["started_at"] for each in found["sessions"]] == [START + n * HOUR for n in range(5)]
    assert found["counts"] == {"queued": 5, "submitted": 0, "settled": 0, "quarantined": 0}
    assert found["sessions"][0]["driver"] == signer(7).address
    assert evgi("queue", "list", queue, "--status", "settled", "--json").json()["sessions"] == []
    text = evgi("queue", "list", queue).stdout.splitlines()
    assert len(text) == 6
    assert text[1].split()[:3] == [found["sessions"][0]["session"], "queued", "7,000"]
    assert evgi("queue", "list", queue, "--status", "nonsense").code == 2


def test_one_bad_session_keeps_all_of_its_command_out(tmp_path: Path, maker: Maker) -> None:
    queue = tmp_path / "station.db"
    good, conflicting = maker.session(START).to_json(), maker.session(START, energy_wh=1).to_json()
    conflict = evgi("queue", "put", queue, "-", "--json", stdin=json.dumps([good, conflicting]))
    assert conflict.json(code=1)["error"] == "SessionConflictError"
    for field, value, error in (
        ("driverSignature", "0xzz", "FieldValueError"),
        ("driverSignature", 5, "FieldValueError"),
        ("meterSignature", "0x" + "11" * 10, "InvalidSignatureError"),
        ("driver", None, "InvalidAddressError"),
        ("more", "than is wanted", "SessionMismatchError"),
    ):
        bad = json.dumps([good, {**good, field: value}])
        assert evgi("queue", "put", queue, "-", "--json", stdin=bad).json(code=1)["error"] == error
    assert (
        evgi("queue", "put", queue, "-", "--json", stdin="[5]").json(code=1)["error"]
        == "SessionMismatchError"
    )
    assert evgi("queue", "put", queue, "-", stdin="{").code == 2
    assert evgi("queue", "list", queue, "--json").json()["sessions"] == []


def test_only_a_quarantined_session_is_released(tmp_path: Path, maker: Maker) -> None:
    path, session = tmp_path / "station.db", maker.session(START)
    with OfflineQueue(path) as queue:
        queue.put(session)
        queue.mark_quarantined(session.key, "DriverUnknown(key=[bold])")
    listed = evgi("queue", "list", path)
    assert "DriverUnknown(key=[bold])" in listed.stdout
    assert evgi("queue", "release", path, session.key, "--json").json()["released"] is True
    assert evgi("queue", "release", path, session.key).code == 1
    assert evgi("queue", "list", path, "--json").json()["sessions"][0]["reason"] is None


def test_what_is_no_queue(tmp_path: Path) -> None:
    path = tmp_path / "station.db"
    path.write_text("no database " * 100)
    assert evgi("queue", "list", path, "--json").json(code=1)["error"] == "QueueFileError"


def test_an_error_is_printed_as_it_is(tmp_path: Path) -> None:
    """Brackets are no markup."""
    path = tmp_path / "[bold]station.db"
    path.write_text("no database " * 100)
    assert "[bold]station.db" in evgi("queue", "list", path).stderr


def test_a_roster_of_no_addresses_is_refused_before_anything_is_sent(tmp_path: Path, manifest: Path) -> None:
    words = ("enrol", "drivers", "-", "--from", "now", "--until", "now+1d", "--rpc-url", "http://127.0.0.1:9")
    done = evgi(*words, "--manifest", manifest, "--keystore", keystore(tmp_path, 7), stdin="0x12\n")
    assert done.code == 2


def test_a_signature_is_a_sides(tmp_path: Path, manifest: Path) -> None:
    agreement = tmp_path / "agreement.json"
    agreement.write_text("{}")
    done = evgi(
        "peer", "sign", agreement, "--manifest", manifest, "--keystore", keystore(tmp_path, 7), "--json"
    )
    assert done.json(code=1)["error"] == "FieldMissingError"


def test_whose_position_has_to_be_said(manifest: Path) -> None:
    done = evgi("position", "--rpc-url", "http://127.0.0.1:9", "--manifest", manifest)
    assert done.code == 2
    assert "--of" in done.stderr
