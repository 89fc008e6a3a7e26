"""What users type, as the package's values: addresses, amounts, times, spans, keys. A wrong one is a usage error."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

import typer

from evgi_client.errors import EvgiError
from evgi_client.messages import SessionKey, checksum_address
from evgi_client.units import minor

_AMOUNT = re.compile(r"[0-9]{1,40}(\.[0-9]{1,6})?")
_SPAN = re.compile(r"(?P<count>[0-9]{1,12})(?P<unit>[smhdw]?)")
_FROM_NOW = re.compile(r"now((?P<sign>[+-])(?P<span>.+))?")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def address(text: str) -> str:
    """An account: ``0x`` and 40 hexadecimal digits, checksummed or in one case."""
    try:
        return checksum_address(text)
    except EvgiError as error:
        raise typer.BadParameter(str(error)) from error


def amount(text: str | int) -> int:
    """Minor units of an amount in units of currency: ``12.50`` is 12,500,000. A default is a number already."""
    if isinstance(text, int):
        return text
    if not _AMOUNT.fullmatch(text):
        raise typer.BadParameter(
            f"{text!r} is no amount of currency such as 12.50, with six decimals at most"
        )
    return minor(text)


def span(text: str | int) -> int:
    """Seconds of ``90``, ``15m``, ``12h``, ``30d``, ``2w``. A default is a number already."""
    if isinstance(text, int):
        return text
    match = _SPAN.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no span of time such as 90 (seconds), 15m, 12h, 30d or 2w")
    return int(match["count"]) * _SECONDS[match["unit"]]


def moment(text: str) -> int:
    """Unix seconds of ``1795165200``, ``2026-11-20T09:00:00Z``, ``now``, ``now+7d``, ``now-1h``."""
    if re.fullmatch(r"[0-9]{1,20}", text):
        return int(text)
    match = _FROM_NOW.fullmatch(text)
    if match is not None:
        away = span(match["span"]) if match["sign"] else 0
        return int(time.time()) + (-away if match["sign"] == "-" else away)
    try:
        parsed = datetime.fromisoformat(re.sub(r"Z\Z", "+00:00", text))
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        expected = "Unix seconds, now, now+7d, or a date and time with its zone such as 2026-11-20T09:00:00Z"
        raise typer.BadParameter(f"{text!r} is no time: expected {expected}")
    return int(parsed.timestamp())


def input_file(text: str) -> Path:
    """A file that is there, or ``-`` for stdin."""
    if text != "-" and not Path(text).is_file():
        raise typer.BadParameter(f"there is no file {text!r}")
    return Path(text)


def session_key(text: str) -> SessionKey:
    """A session's key as the other commands print it."""
    try:
        return SessionKey.parse(text)
    except EvgiError as error:
        raise typer.BadParameter(str(error)) from error
