"""The walk through identity, certificates, access and data: every command of the page, in one shell, on a node."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.transcript import follow

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "identity.md"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.timeout(600)
def test_every_command_of_the_page_does_what_it_says(start_anvil: Callable[..., str], tmp_path: Path) -> None:
    node = start_anvil("--gas-price", "0", "--block-base-fee-per-gas", "0")
    ports = {"8545": node.rpartition(":")[2], "8480": free_port()}
    assert follow(PAGE, tmp_path, ports) > 40
