"""How every source that is a table is read: rows, then the source's own reading of each, then the rules for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from evgi_client.charging.sources.files import Progress, Row, SessionFile, header_of
from evgi_client.charging.sources.rules import UNREADABLE, Draft, judge
from evgi_client.charging.sources.session import MeteredSession, Quarantined, Reading
from evgi_client.errors import SessionRowError

RowReader = Callable[[Row], MeteredSession]
"""Makes a session of a row, or raises ``SessionRowError``."""


class TableSource(ABC):
    """A source with a header line and a session in each line below it."""

    name: ClassVar[str]
    """What ``read_sessions`` calls the format."""

    title: ClassVar[str]
    """What a reading calls its source."""

    currency: ClassVar[str]
    columns: ClassVar[frozenset[str]]
    """The columns that must be there. More may, in any order."""

    id_column: ClassVar[str]
    delimiter: ClassVar[str] = ","

    def recognises(self, opening: str) -> bool:
        """Whether a file that begins like this is of this format."""
        return self.header(opening) >= self.columns

    def header(self, opening: str) -> frozenset[str]:
        """The column names in a file's first line."""
        return frozenset(header_of(opening.split("\n", 1)[0].rstrip("\r"), self.delimiter))

    def read(self, file: SessionFile, limit: int | None = None, progress: Progress | None = None) -> Reading:
        """Reads a file that ``recognises`` accepted.

        Raises:
            SessionFileError: nothing can be read.
        """
        rows = list(file.rows(self.delimiter, limit, progress))
        read_row, notes = self.prepare(rows)
        drafts: list[Draft] = []
        refused: list[Quarantined] = []
        for row in rows:
            try:
                if row.damage is not None:
                    raise SessionRowError(UNREADABLE, row.damage)
                drafts.append(Draft(read_row(row), row.values))
            except SessionRowError as error:
                name = row.values.get(self.id_column, "").strip()
                refused.append(Quarantined(row.number, name, error.reason, error.detail, row.values))
        kept, rejected = judge(drafts)
        quarantined = sorted((*refused, *rejected), key=lambda one: one.row)
        return Reading(self.title, len(rows), tuple(kept), tuple(quarantined), self.currency, notes)

    @abstractmethod
    def prepare(self, rows: Sequence[Row]) -> tuple[RowReader, tuple[str, ...]]:
        """How a row of this file is read, and notes on what all its rows show together."""


class RowByRowSource(TableSource):
    """A table whose rows need nothing of each other to be read."""

    def prepare(self, rows: Sequence[Row]) -> tuple[RowReader, tuple[str, ...]]:  # noqa: ARG002
        return self.reader(), ()

    @abstractmethod
    def reader(self) -> RowReader:
        """How a row is read. One reader reads one file."""
