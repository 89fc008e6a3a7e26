"""Which formats there are, which of them a file has, and the one function that reads any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from evgi_client.charging.sources.acn import AcnSource
from evgi_client.charging.sources.dundee import DundeeSource
from evgi_client.charging.sources.files import Progress, SessionFile
from evgi_client.charging.sources.ocpi import OcpiSource
from evgi_client.charging.sources.perth import PerthSource
from evgi_client.charging.sources.session import Reading
from evgi_client.charging.sources.synthetic import SyntheticSource
from evgi_client.charging.sources.trondheim import TrondheimSource
from evgi_client.charging.sources.workplace import WorkplaceSource
from evgi_client.errors import UnknownSessionFormatError

_SHOWN = 200


class Source(Protocol):
    """A format of session files."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    def recognises(self, opening: str) -> bool:
        """Whether a file that begins like this is of this format."""

    def read(self, file: SessionFile, limit: int | None = None, progress: Progress | None = None) -> Reading:
        """Reads a file that it recognises."""


FORMATS: Mapping[str, Source] = MappingProxyType(
    {
        source.name: source
        for source in (
            TrondheimSource(),
            WorkplaceSource(),
            AcnSource(),
            DundeeSource(),
            PerthSource(),
            OcpiSource(),
            SyntheticSource(),
        )
    }
)
"""The sources by name."""


def detect(path: str | Path) -> str:
    """The name of the format that a file begins like. Its own name does not count.

    Raises:
        SessionFileError: nothing can be read.
        UnknownSessionFormatError: it is none of ``FORMATS``.
    """
    opening = SessionFile(path).opening()
    for name, source in FORMATS.items():
        if source.recognises(opening):
            return name
    raise _unknown(path, opening, tuple(FORMATS))


def read_sessions(
    path: str | Path,
    format: str = "auto",  # noqa: A002 — the word that users type
    limit: int | None = None,
    progress: Progress | None = None,
) -> Reading:
    """Reads a file of charging sessions, plain or gzip.

    Every row is accounted for: it is a session, or quarantined with a reason. Damage costs the rows it is in: a file
    that breaks off gives what is in front of the break, and one more quarantined row that says so.

    Args:
        path: the file.
        format: a name of ``FORMATS``; ``auto`` looks at how the file begins.
        limit: read at most so many rows.
        progress: called with the number of rows read so far, every thousand and at the end.

    Raises:
        SessionFileError: nothing can be read.
        UnknownSessionFormatError: the file does not begin like ``format``, or like any.
    """
    name = detect(path) if format == "auto" else format
    source = FORMATS.get(name)
    if source is None:
        raise UnknownSessionFormatError(path, f"format {name}", tuple(FORMATS))
    file = SessionFile(path)
    opening = file.opening()
    if not source.recognises(opening):
        raise _unknown(path, opening, (name,))
    return source.read(file, limit, progress)


def _unknown(path: str | Path, opening: str, formats: tuple[str, ...]) -> UnknownSessionFormatError:
    return UnknownSessionFormatError(path, opening.lstrip().split("\n", 1)[0].rstrip()[:_SHOWN], formats)
