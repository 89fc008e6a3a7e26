"""JSON from files and strangers, read without giving it the interpreter's stack.

The standard reader recurses, and libraries beneath this package raise the limit of that so far that a deep document of
a few kilobytes ends the process instead of the reading.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 100
"""Levels of objects and arrays; no format that is read here has a tenth of them."""

# A text's end may be missing: that is for the reader to say, and keeps the search from looking for it again and again.
_PARTS = re.compile(r'[\[{\]}]|"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)


def parse_json(text: str | bytes, **options: Any) -> Any:
    """The JSON value in a text; bytes are UTF-8. ``options`` are those of ``json.loads``.

    Raises:
        ValueError: it is no JSON, or nested more than ``DEEPEST`` deep.
    """
    whole = text.decode() if isinstance(text, bytes) else text
    require_shallow(whole)
    return json.loads(whole, **options)


def require_shallow(text: str) -> None:
    """Looks at nesting alone.

    Raises:
        ValueError: more than ``DEEPEST`` deep.
    """
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for match in _PARTS.finditer(text):
        part = match[0]
        if part in "[{":
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"nested more than {DEEPEST} deep")
        elif part in "]}":
            depth -= 1
