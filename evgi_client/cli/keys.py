"""Keystores on the command line: the password comes from a prompt or a file, never from an argument."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from evgi_client.signing import LocalSigner

PASSWORD_FILE = "EVGI_PASSWORD_FILE"  # noqa: S105 — the name of a variable


def signer_of(keystore: Path) -> LocalSigner:
    """The signer in a keystore file. The password is the first line of the file that ``EVGI_PASSWORD_FILE`` names,
    or is asked for."""
    return LocalSigner.from_keystore(keystore, lambda: password_for(keystore))


def password_for(keystore: Path) -> str:
    """The password of a keystore, as ``signer_of`` finds it."""
    file = os.environ.get(PASSWORD_FILE)
    if file:
        return Path(file).read_text(encoding="utf-8").splitlines()[0]
    answer: str = typer.prompt(f"Password of {keystore}", hide_input=True, err=True)
    return answer
