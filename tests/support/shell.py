"""Commands as a user runs them: in a folder with keystores, against a node, in this process or in their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from eth_keyfile.keyfile import create_keyfile_json
from typer.testing import CliRunner

from evgi_client.chain import Chain
from evgi_client.signing import LocalSigner

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def apart(*arguments: object, **environment: str) -> Done:
    """A command as a process of its own, with no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVGI_")}
    done = subprocess.run(
        [sys.executable, "-m", "evgi_client", *map(str, arguments)],
        env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def commands(app: typer.Typer) -> Callable[..., Done]:
    """Runs the commands of an application in this process."""

    def here(*arguments: object, answer: str | None = None, **environment: str) -> Done:
        """A command in this process, with no settings but these. ``answer`` is what its reader types."""
        unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("EVGI_")}
        done = CliRunner().invoke(
            app, [str(each) for each in arguments], answer, env={**unset, "COLUMNS": "80", **environment}
        )
        assert isinstance(done.exception, SystemExit | None), done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return here


@dataclass
class Shell:
    """A folder, a node, keys in it, and commands that run there."""

    folder: Path
    url: str
    address: dict[str, str]
    start: int
    launch: Callable[..., Done]
    environment: dict[str, str] = field(default_factory=dict)

    def file(self, name: str) -> Path:
        return self.folder / name

    def run(self, *arguments: object, by: str | None = None) -> Done:
        """A command, signed with the key of ``by``."""
        keystore = {"EVGI_KEYSTORE": str(self.file(f"{by}.json"))} if by else {}
        return self.launch(*arguments, **self.environment, **keystore)

    def json(self, *arguments: object, by: str | None = None, code: int = 0) -> Any:
        """What a command printed with --json, which must be one JSON document."""
        done = self.run(*arguments, "--json", by=by)
        assert done.code == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def save(self, name: str, document: Any) -> Path:
        path = self.file(name)
        path.write_text(json.dumps(document))
        return path

    def chain(self) -> Chain:
        return Chain.connect(self.url)


def keystore(path: Path, seed: int) -> str:
    """A keystore whose key derivation is quick, as no real one's should be. Returns its address."""
    key = (0xC1100 + seed).to_bytes(32, "big")
    path.write_text(json.dumps(create_keyfile_json(key, PASSWORD.encode(), kdf="pbkdf2", iterations=2)))
    return LocalSigner.from_key(key).address
