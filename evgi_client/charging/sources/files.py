"""Files of sessions, plain or gzip: bytes, lines, rows. Damage costs what is damaged and no more."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evgi_client.errors import SessionFileError

_GZIP = b"\x1f\x8b"
_PIECE = 256
"""Bytes inflated at a time: what is lost in front of a damaged place is no more than this."""

_OPENING = 65536
_LONGEST_LINE = 1 << 20
"""Bytes. No row comes near it, and a few kilobytes of gzip make a line that fills the memory."""

_BOM = b"\xef\xbb\xbf"
_PROGRESS = 1000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A data row: its fields by column, or why it is no row."""

    number: int
    values: Mapping[str, str]
    damage: str | None = None


class SessionFile:
    """A file of sessions. Compression is seen in its first bytes, not in its name."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damage: str | None = None

    def opening(self) -> str:
        """What the file begins with: enough to tell its format.

        Raises:
            SessionFileError: nothing can be read.
        """
        head = b""
        for piece in self._pieces():
            head += piece
            if len(head) >= _OPENING:
                break
        if not head.strip():
            raise SessionFileError(self.path, self.damage or "it is empty")
        return head.removeprefix(_BOM).decode("utf-8", errors="replace")

    def text(self) -> str:
        """All that can be read of it.

        Raises:
            SessionFileError: nothing can be read.
        """
        content = b"".join(self._pieces())
        if not content.strip():
            raise SessionFileError(self.path, self.damage or "it is empty")
        return content.removeprefix(_BOM).decode("utf-8", errors="replace")

    def rows(
        self, delimiter: str, limit: int | None = None, progress: Progress | None = None
    ) -> Iterator[Row]:
        """The data rows below the header line. A line is a row: no field of these formats has a line break in it, so
        a quote that is never closed costs one row and not all that follow.

        A file that breaks off ends with a row of its own that says so. Blank lines are no rows.

        Raises:
            SessionFileError: nothing can be read.
        """
        lines = self._lines()
        header = header_of(next(lines, b"").decode("utf-8", errors="replace"), delimiter)
        number = 0
        for line in lines:
            if number == limit:
                break
            number += 1
            yield _row(number, line, header, delimiter)
            if progress is not None and number % _PROGRESS == 0:
                progress(number)
        else:
            if self.damage is not None and number != limit:
                number += 1
                yield Row(number, {}, f"the file breaks off: {self.damage}")
        if progress is not None and (number % _PROGRESS or not number):
            progress(number)

    def _lines(self) -> Iterator[bytes]:
        waiting: list[bytes] = []
        length = 0
        first = True
        for piece in self._pieces():
            waiting.append(piece)
            length += len(piece)
            if b"\n" not in piece:
                if length > _LONGEST_LINE:
                    self.damage = f"a line of more than {_LONGEST_LINE:,} bytes"
                    return
                continue
            *whole, rest = b"".join(waiting).split(b"\n")
            waiting, length = [rest], len(rest)
            for line in whole:
                if first:
                    line, first = line.removeprefix(_BOM), False
                if line.strip():
                    yield line.rstrip(b"\r")
        rest = b"".join(waiting)
        # The last line of a broken file is only a part of one: the damage stands for it.
        if rest.strip() and self.damage is None:
            yield rest.removeprefix(_BOM) if first else rest

    def _pieces(self) -> Iterator[bytes]:
        self.damage = None
        try:
            with self.path.open("rb") as plain:
                compressed = plain.read(len(_GZIP)) == _GZIP
                if not compressed:
                    plain.seek(0)
                    while piece := plain.read(_OPENING):
                        yield piece
        except OSError as error:
            raise SessionFileError(self.path, error.strerror or str(error)) from error
        if compressed:
            try:
                with gzip.open(self.path) as inflated:
                    while piece := inflated.read1(_PIECE):
                        yield piece
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                self.damage = str(error)


def header_of(line: str, delimiter: str) -> tuple[str, ...]:
    """The column names of a header line; none where it is no line of a table."""
    try:
        return tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return ()


def _row(number: int, line: bytes, header: tuple[str, ...], delimiter: str) -> Row:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = line.decode("utf-8", errors="replace")
        return Row(number, {"line": shown}, f"byte {error.start + 1} of the line is no UTF-8")
    if '"' in text:
        try:
            fields = next(csv.reader([text], delimiter=delimiter, strict=True))
        except csv.Error as error:
            return Row(number, {"line": text}, f"the line is no row: {error}")
    else:
        fields = text.split(delimiter)
    if len(fields) != len(header):
        return Row(number, {"line": text}, f"{len(fields)} fields, the header has {len(header)}")
    return Row(number, dict(zip(header, fields, strict=True)))
