"""``evgi datahost`` from a shell: a host that is made, serves, anchors and verifies, a writer and a reader."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from eth_keyfile.keyfile import create_keyfile_json
from typer.testing import CliRunner

from evgi_client.chain import Chain
from evgi_client.cli.main import app
from evgi_client.data import masterkey
from evgi_client.deployment import DeploymentPlan, apply
from evgi_client.messages.access import Right
from tests.support import hosting
from tests.support.hosting import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("governor", "host", "owner", "writer", "reader", "stranger")
PASSWORD, MASTER_PASSWORD = "correct horse", "battery staple"


@dataclass
class Shell:
    """A folder with keys, a manifest and a host's store; commands run there."""

    folder: Path
    url: str
    world: World

    def environment(self, by: str | None, **more: str) -> dict[str, str]:
        found = {
            "EVGI_RPC_URL": self.url,
            "EVGI_MANIFEST": str(self.folder / "deployment.json"),
            "EVGI_PASSWORD_FILE": str(self.folder / "password"),
            "EVGI_MASTER_PASSWORD_FILE": str(self.folder / "master-password"),
            "EVGI_DATAHOST_STORE": str(self.folder / "host.db"),
            "EVGI_MASTER_KEY": str(self.folder / "master-key.json"),
            "COLUMNS": "120",
            **more,
        }
        return found | ({"EVGI_KEYSTORE": str(self.folder / f"{by}.json")} if by else {})

    def run(
        self, *arguments: object, by: str | None = None, stdin: bytes | None = None, **more: str
    ) -> Result:
        unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("EVGI_")}
        done = CliRunner().invoke(
            app,
            ["datahost", *map(str, arguments)],
            env={**unset, **self.environment(by, **more)},
            input=stdin,
        )
        assert isinstance(done.exception, SystemExit | None), done.exception
        return done

    def json(self, *arguments: object, code: int = 0, **named: Any) -> Any:
        done = self.run(*arguments, "--json", **named)
        assert done.exit_code == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[str]:
        """The host as a process of its own, until it is told to stop."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EVGI_")}
        command = ["serve", "--listen", "127.0.0.1:0", "--json", *arguments]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "evgi_client", "datahost", *command],
                env={**kept, "PYTHONPATH": str(ROOT), **self.environment("host")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            assert process.stdout is not None
            text = ""
            while not text.rstrip().endswith("}"):
                line = process.stdout.readline()
                assert line, (self.folder / "log").read_text()
                text += line
            yield str(json.loads(text)["listening"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.wait(timeout=10)
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture(scope="module")
def shell(start_anvil: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A deployed suite and a resource whose owner lets ``writer`` write and ``reader`` read."""
    folder, url = tmp_path_factory.mktemp("datahost"), start_anvil()
    chain = Chain.connect(url)
    for number, name in enumerate(NAMES):
        key = (0xDA7A0 + number).to_bytes(32, "big")
        document = create_keyfile_json(key, PASSWORD.encode(), kdf="pbkdf2", iterations=2)
        (folder / f"{name}.json").write_text(json.dumps(document))
        chain.faucet(hosting.signer(number).address, 100 * hosting.COIN)
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "master-password").write_text(MASTER_PASSWORD + "\n")
    governor = hosting.signer(0)
    deployment = apply(DeploymentPlan(governor.address), chain, governor, folder / "deployment.json")
    world = World(chain, deployment.contracts_on(chain))
    world.bootstrap()
    world.grant(world.writer, Right.WRITE)
    world.grant(world.reader, Right.READ)
    shell = Shell(folder, url, world)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(masterkey, "_SCRYPT", {"n": 2**4, "r": 8, "p": 1})
        made = shell.json("init", by="host")
        again = shell.json("init", by="host")
    assert (made["host"], made["new_key"], again["new_key"]) == (world.host.address, True, False)
    assert made["master_key"] == again["master_key"]
    return shell


def test_records_go_from_a_writers_shell_to_a_readers(shell: Shell) -> None:
    resource = "0x" + shell.world.resource().hex()
    record = shell.folder / "report.json"
    record.write_text('{"soh": 93}')
    with shell.serving("--anchor-every", "0") as url:
        at = {"EVGI_DATAHOST_URL": url}
        written = shell.json("write", resource, record, "--stream", "battery", by="writer", **at)
        assert (written["number"], written["bytes"]) == (0, 11)
        assert written["host"] == shell.world.host.address
        piped = shell.json(
            "write", resource, "-", "--stream", "battery", by="writer", stdin=b"\x00\xff from a pipe", **at
        )
        assert piped["number"] == 1
        # The same command again, with its number: refused and not written twice.
        twice = shell.json(
            "write", resource, record, "--stream", "battery", "--number", 0, by="writer", code=1, **at
        )
        assert twice["error"] == "HostRefusalError"
        refused = shell.json("write", resource, record, "--stream", "battery", by="stranger", code=1, **at)
        assert refused["message"] == "The writer may not write to the resource."

        assert shell.json("read", resource, "--stream", "battery", by="reader", **at) == {"records": []}
        assert shell.json("status")["streams"][0]["waiting"] == 2
        # While the host serves.
        (batch,) = shell.json("anchor", by="host")["batches"]
        assert (batch["sequence"], batch["leaves"]) == (1, 2)
        found = shell.json("read", resource, "--stream", "battery", by="reader", **at)["records"]
        assert [each["write"]["number"] for each in found] == ["0", "1"]
        assert found[0]["batch"]["root"] == batch["root"]
        text = shell.run(
            "read",
            resource,
            "--stream",
            "battery",
            "--after",
            0,
            "--out",
            shell.folder / "out",
            by="reader",
            **at,
        )
        assert "(14 bytes)" in text.stdout
        assert (shell.folder / "out" / "1").read_bytes() == b"\x00\xff from a pipe"
        denied = shell.json("read", resource, "--stream", "battery", by="stranger", code=1, **at)
        assert denied["error"] == "UnlockRejectedError"
        assert requests.get(url + "/openapi.json", timeout=10).status_code == 200
    log = (shell.folder / "log").read_text()
    assert all(json.loads(line) for line in log.splitlines())
    for secret in (PASSWORD, MASTER_PASSWORD, resource, shell.world.reader.address):
        assert secret not in log


def test_a_serving_host_anchors_by_itself_and_the_store_verifies(shell: Shell) -> None:
    resource = "0x" + shell.world.resource().hex()
    record = shell.folder / "meter.txt"
    record.write_text("4711 Wh")
    with shell.serving("--anchor-every", "1", "--stream", "meter", "--stream", "battery") as url:
        at = {"EVGI_DATAHOST_URL": url}
        shell.json("write", resource, record, "--stream", "meter", by="writer", **at)
        refused = shell.json("write", resource, record, "--stream", "vehicle", by="writer", code=1, **at)
        assert "stream" in refused["message"]
        shown = shell.run("read", resource, "--stream", "meter", "--unanchored", by="reader", **at)
        assert "4711 Wh" in shown.stdout
        for _ in range(100):
            if shell.json("read", resource, "--stream", "meter", by="reader", **at)["records"]:
                break
        else:
            raise AssertionError("not anchored")
    checked = shell.json("verify")
    assert checked["findings"] == []
    assert checked["waiting"] == 0
    states = {each["name"]: each for each in shell.json("status")["streams"]}
    assert states["meter"]["anchored"] == states["meter"]["batches"] == 1
    assert "0 findings" in shell.run("verify").stdout.splitlines()[-1]
    assert "meter" in shell.run("status").stdout


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, key_pem


def test_a_host_speaks_tls(shell: Shell) -> None:
    certificate, key = self_signed(shell.folder)
    # A client that stays connected holds nobody up who stops the host.
    with (
        requests.Session() as session,
        shell.serving(f"--tls-certificate={certificate}", f"--tls-key={key}", "--anchor-every=0") as url,
    ):
        assert url.startswith("https://127.0.0.1:")
        answer = session.get(
            url.replace("127.0.0.1", "localhost") + "/v1/host", timeout=10, verify=str(certificate)
        )
        assert answer.json()["host"] == shell.world.host.address
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_findings_are_an_exit_code(shell: Shell) -> None:
    copy = shell.folder / "copy.db"
    shutil.copy(shell.folder / "host.db", copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE writes SET written_at = written_at + 1")
    connection.close()
    found = shell.json("verify", "--store", copy, code=1)
    assert {"changed", "signature", "root", "sealed"} <= {each["kind"] for each in found["findings"]}


def test_keys_are_renewed_and_records_erased(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masterkey, "_SCRYPT", {"n": 2**4, "r": 8, "p": 1})
    copy, new_key = shell.folder / "keys.db", shell.folder / "new-master.json"
    shutil.copy(shell.folder / "host.db", copy)
    resource = "0x" + shell.world.resource().hex()
    count = shell.json("rotate", resource, "--store", copy)["records"]
    assert count >= 1
    rekeyed = shell.json("rekey", new_key, "--store", copy)
    assert rekeyed["keys"] == 1
    assert shell.json("verify", "--store", copy, code=1)["error"] == "StoreError"
    assert shell.json("verify", "--store", copy, "--master-key", new_key)["findings"] == []
    assert shell.run("erase", resource, "--store", copy, stdin=b"n\n").exit_code != 0
    assert shell.json("erase", resource, "--store", copy, "--yes")["erased"] == count
    assert shell.json("verify", "--store", copy, "--master-key", new_key)["erased"] == count


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--listen", "nowhere"),
        ("serve", "--listen", "127.0.0.1:99999"),
        ("serve", "--tls-key", "README.md"),
        ("serve", "--longest", "0"),
        ("serve", "--owner", "0x12"),
        ("write", "0x12", "README.md", "--stream", "battery", "--url", "http://127.0.0.1:1"),
        ("rotate", "resource"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.run(*arguments, by="host").exit_code == 2


def test_errors_are_clear_lines(shell: Shell) -> None:
    nowhere = shell.run("status", "--store", shell.folder / "none.db")
    assert nowhere.exit_code == 1
    assert "evgi datahost init" in nowhere.stderr
    wrong = shell.run("verify", EVGI_MASTER_PASSWORD_FILE=str(shell.folder / "password"))
    assert wrong.exit_code == 1
    assert "does not open with this password" in wrong.stderr
    assert PASSWORD not in wrong.stderr
    unhosted = shell.json(
        *(
            "write",
            "0x" + "00" * 32,
            ROOT / "README.md",
            "--stream",
            "battery",
            "--url",
            "http://127.0.0.1:1",
        ),
        by="writer",
        code=1,
    )
    assert unhosted["error"] == "ResourceUnhostedError"
    other = shell.run("init", "--host", shell.world.owner.address, by="host")
    assert other.exit_code == 1
    assert "another host" in other.stderr


def test_every_command_shows_an_example(shell: Shell) -> None:
    for command in (
        "init",
        "serve",
        "write",
        "read",
        "anchor",
        "verify",
        "status",
        "rotate",
        "rekey",
        "erase",
    ):
        shown = shell.run(command, "--help").stdout
        assert f"evgi datahost {command}" in shown
        assert "--json" in shown
