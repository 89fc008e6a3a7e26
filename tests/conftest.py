"""Chains and signers that tests share.

``chain`` is a fresh embedded chain for every test module, ``signers`` are accounts with coin on it.
``anvil_chain`` is a chain behind JSON-RPC, for what only a real node shows.
"""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evgi_client.chain import Chain
from evgi_client.signing import LocalSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
ETHER = 10**18
SIGNERS = 10
START = 1_750_000_000
"""Time at which a module's embedded chain begins: 2025-06-15."""


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public data sets beside the repository."""
    folder = Path(os.environ.get("EVGI_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set EVGI_SHARED")
    return folder


def make_signer(number: int) -> LocalSigner:
    """Signer ``number`` of the tests: the same key in every run."""
    return LocalSigner.from_key((0xE1600 + number).to_bytes(32, "big"))


def fund(chain: Chain, count: int = SIGNERS) -> list[LocalSigner]:
    """Signers with 1,000 coins each on a chain."""
    made = [make_signer(number) for number in range(count)]
    for signer in made:
        chain.faucet(signer.address, 1_000 * ETHER)
    return made


@pytest.fixture(scope="module")
def chain() -> Chain:
    """An embedded chain whose clock begins at START."""
    return Chain.embedded(start=START)


@pytest.fixture(scope="module")
def signers(chain: Chain) -> list[LocalSigner]:
    """Ten funded signers on ``chain``."""
    return fund(chain)


@pytest.fixture(scope="session")
def funded() -> Callable[..., list[LocalSigner]]:
    """``funded(chain, count)``: signers with coin on any chain."""
    return fund


def _anvil_binary() -> Path:
    arch = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine(), ""
    )
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), "")
    return ROOT / "node_modules" / "@foundry-rs" / f"anvil-{system}-{arch}" / "bin" / "anvil"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=5)


@pytest.fixture(scope="session")
def start_anvil() -> Iterator[Callable[..., str]]:
    """Starts an anvil of one's own with extra arguments, and returns its URL; all end with the session."""
    binary = _anvil_binary()
    if not binary.is_file():
        pytest.skip(f"no anvil at {binary.relative_to(ROOT)}: run npm ci")
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, hardfork: str = "prague") -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            str(binary),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--hardfork",
            hardfork,
            "--silent",
        ]
        process = subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL)
        running.append(process)
        deadline = time.monotonic() + 20
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"anvil did not start (exit {process.poll()})")
            time.sleep(0.02)
        return f"http://127.0.0.1:{port}"

    yield start
    for process in running:
        process.terminate()
    for process in running:
        _end(process)


@pytest.fixture(scope="session")
def anvil(start_anvil: Callable[..., str]) -> str:
    """URL of an anvil that the whole session shares. Its accounts are rich enough for whichever tests meet there."""
    return start_anvil("--balance", "1000000000")


@pytest.fixture
def anvil_chain(anvil: str) -> Chain:
    """A connection of one's own to the shared anvil, whose state other tests change too."""
    return Chain.connect(anvil, retries=2)


@pytest.fixture
def anvil_signers(anvil_chain: Chain) -> list[LocalSigner]:
    """Ten funded signers on ``anvil_chain``."""
    return fund(anvil_chain)
