"""Files that commands read. What holds no JSON is a usage error; JSON that holds the wrong thing is the package's."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from evgi_client.documents import require_shallow


def text_of(path: Path) -> str:
    """A file's text, or that of stdin where the path is ``-``."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} is no text: {error}") from error


def documents_in(path: Path) -> Iterator[Any]:
    """The JSON values of a file, one after the other; those of an array one by one."""
    text, decoder, position = text_of(path).strip(), json.JSONDecoder(), 0
    while position < len(text):
        try:
            if position == 0:
                require_shallow(text)
            document, position = decoder.raw_decode(text, position)
        except ValueError as error:
            raise typer.BadParameter(f"{path} is no JSON: {error}") from error
        yield from document if isinstance(document, list) else [document]
        while position < len(text) and text[position].isspace():
            position += 1


def document_in(path: Path) -> Any:
    """The one JSON object of a file."""
    found = list(documents_in(path))
    if len(found) != 1 or not isinstance(found[0], dict):
        raise typer.BadParameter(f"{path} holds no single JSON object")
    return found[0]


def tariff_in(path: Path | None) -> bytes:
    """The hash of the OCPI tariff in a file; zero where there is no file.

    Raises:
        EvgiError: the file holds no tariff, or more than one.
    """
    from evgi_client.tariffs import parse_tariff, read_json, tariff_hash

    return bytes(32) if path is None else tariff_hash(parse_tariff(read_json(text_of(path))))
