"""Keystores on the command line: the password comes from a prompt or a file, never from an argument."""

from __future__ import annotations

import os
import sys
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
    return _from_file() or _asked(f"Password of {keystore}", twice=False)


def new_password_for(keystore: Path) -> str:
    """The password of a keystore that is being made. One that is asked for is typed twice."""
    return _from_file() or _asked(f"New password of {keystore}", twice=True)


def _from_file() -> str | None:
    file = os.environ.get(PASSWORD_FILE)
    if not file:
        return None
    first, *_ = [*Path(file).read_text(encoding="utf-8").splitlines(), ""]
    if not first:
        raise typer.BadParameter(f"{PASSWORD_FILE} {file}: its first line is empty")
    return first


def _asked(question: str, twice: bool) -> str:
    try:
        answer: str = typer.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        # Nobody is there to be asked.
        raise typer.BadParameter(f"no password: set {PASSWORD_FILE}, or run in a terminal") from None
    return answer
