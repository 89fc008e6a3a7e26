"""What commands print to stdout: text for people, or one JSON document."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import typer

from evgi_client.cli.errors import stderr
from evgi_client.units import format_amount

Json = Mapping[str, Any]


def show(as_json: bool, document: Json, text: str) -> None:
    """Prints a result."""
    typer.echo(_json(document) if as_json else text)


def show_document(document: Json, out: Path | None, as_json: bool) -> None:
    """Prints a document that is JSON by nature, or writes it to a file and says so."""
    if out is None:
        typer.echo(_json(document))
        return
    out.write_text(_json(document) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(_json({"written": str(out)}))
    else:
        stderr.print(f"written to {out}", markup=False, soft_wrap=True)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> str:
    """Aligned columns that no width of a terminal breaks. ``right`` names those aligned to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(line, widths, header, strict=True)
        ).rstrip()
        for line in lines
    )


def money(value: int, sign: bool = False) -> str:
    """Minor units as an amount with all six decimals."""
    return ("+" if sign and value > 0 else "") + format_amount(value)


def utc(seconds: int) -> str:
    """A time for people; one that is later than calendars go stays a number."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def hexadecimal(raw: bytes) -> str:
    return "0x" + raw.hex()


def _json(document: Json) -> str:
    return json.dumps(document, indent=2)
