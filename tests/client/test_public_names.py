"""The package's front door."""

from __future__ import annotations

import subprocess
import sys

import evgi_client


def test_every_public_name_is_there_and_nothing_else_is_promised() -> None:
    assert sorted(evgi_client.__all__) == evgi_client.__all__
    assert set(evgi_client.__all__) == set(evgi_client._HOME_OF)
    for name in evgi_client.__all__:
        assert getattr(evgi_client, name).__name__ == name


def test_signing_and_queueing_load_nothing_that_talks_to_a_chain() -> None:
    program = (
        "import sys\n"
        "from evgi_client import LocalSigner, OfflineQueue, ChargingAuthorization, SignedSession, load_deployment\n"
        "LocalSigner.create().sign_digest(bytes(32))\n"
        "print([name for name in ('web3', 'eth_tester', 'eth', 'typer', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
