"""A PostgreSQL server of the tests' own: in a temporary folder, on a Unix socket, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWNER = "postgres"
_SETTINGS = ("-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=16MB")


def binaries() -> Path | None:
    """The folder of the newest server's programs; a client alone has no initdb."""
    on_path = shutil.which("initdb")
    found = [Path(on_path)] if on_path else []
    found += sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda each: int(each.parts[-3]) if each.parts[-3].isdigit() else 0,
        reverse=True,
    )
    return found[0].resolve().parent if found else None


def _as_owner() -> list[str]:
    """What runs a program as another user: the server refuses root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(_OWNER)
    except KeyError:
        pytest.skip(f"PostgreSQL does not run as root, and there is no user {_OWNER}")
    setpriv, runuser = shutil.which("setpriv"), shutil.which("runuser")
    if setpriv:
        return [setpriv, f"--reuid={_OWNER}", f"--regid={_OWNER}", "--init-groups"]
    if runuser:
        return [runuser, "-u", _OWNER, "--"]
    pytest.skip("PostgreSQL does not run as root, and there is neither setpriv nor runuser")


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database on a server of one's own; skips where PostgreSQL is not installed."""
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    owner = _as_owner()
    # Not pytest's own folder: its names are too long for a socket, and another user may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="evgi-pg-"))
    try:
        if owner:
            shutil.chown(folder, _OWNER)
        run = {"cwd": folder, "check": True, "timeout": 60, "stdout": subprocess.DEVNULL}
        subprocess.run(
            [*owner, programs / "initdb", "-D", folder / "data", "-U", "evgi", "-A", "trust", "-N"], **run
        )
        control = [*owner, programs / "pg_ctl", "-D", folder / "data", "-w", "-t", "30"]
        options = " ".join(("-k", str(folder), *_SETTINGS))
        subprocess.run([*control, "-l", folder / "log", "-o", options, "start"], **run)
        try:
            yield f"postgresql://evgi@/postgres?unix_sock={folder}/.s.PGSQL.5432"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
