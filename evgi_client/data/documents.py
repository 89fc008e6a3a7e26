"""JSON objects from strangers: small ones."""

from __future__ import annotations

from typing import Any

from evgi_client.documents import parse_json

BRACKETS = 64
"""More than any object here has, those inside text included."""


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in some bytes, UTF-8.

    Raises:
        ValueError: no JSON object, or one with more brackets than any here has.
    """
    if raw.count(b"{") + raw.count(b"[") > BRACKETS:
        raise ValueError("too many brackets")
    found = parse_json(raw)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
