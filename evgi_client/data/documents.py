"""JSON from strangers: small objects, read without giving them the stack."""

from __future__ import annotations

import json
from typing import Any

BRACKETS = 64
"""More than any object here has, those inside text included."""


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in some bytes, UTF-8.

    Nesting is bounded before anything is parsed: libraries beneath this package raise the interpreter's recursion
    limit so far that a deep document ends the process and not the parser.

    Raises:
        ValueError: no JSON object, or one with more brackets than any here has.
    """
    if raw.count(b"{") + raw.count(b"[") > BRACKETS:
        raise ValueError("too many brackets")
    found = json.loads(raw.decode())
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
