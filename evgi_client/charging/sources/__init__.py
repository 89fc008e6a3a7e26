"""Charging sessions from files, in one shape, with what cannot be true set apart.

``read_sessions(path)`` tells the format by the file's header and gives a ``Reading``. Each format has its own module,
which says what its data mean; ``rules`` has what holds for all of them. See docs/sessions.md for what was found.
"""

from evgi_client.charging.sources.formats import FORMATS, Source, detect, read_sessions
from evgi_client.charging.sources.rules import REASONS
from evgi_client.charging.sources.session import MeteredSession, Quarantined, Reading

__all__ = [
    "FORMATS",
    "REASONS",
    "MeteredSession",
    "Quarantined",
    "Reading",
    "Source",
    "detect",
    "read_sessions",
]
