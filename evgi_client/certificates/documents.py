"""JSON that is signed: read strictly, and written in the one form that is hashed (RFC 8785, JSON Canonicalization
Scheme).

No document here has a fraction or an exponent, so that the scheme comes to sorted keys and no spaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, TypeAlias

from evgi_client.documents import parse_json
from evgi_client.errors import CertificateDocumentError

Json: TypeAlias = dict[str, Any]

LONGEST = 1 << 20
"""Bytes of a document that is read."""

DEEPEST = 24
"""Arrays and objects within one another."""

_EXACT = 2**53 - 1
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def read_object(text: str | bytes, longest: int = LONGEST) -> Json:
    """The JSON object in a text. A key that is there twice, a fraction, or a number that others would round is refused:
    two readers could take such a document for two different ones.

    Args:
        longest: bytes that are read.

    Raises:
        CertificateDocumentError: the text is none, or longer.
    """
    if len(text) > longest:
        raise CertificateDocumentError("", f"it is longer than {longest} bytes")
    try:
        # Bytes are read as UTF-8 alone: the standard library would guess.
        whole = text.decode() if isinstance(text, bytes) else text
        value = parse_json(
            whole,
            object_pairs_hook=_object,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
            parse_int=_integer,
        )
    except CertificateDocumentError:
        raise
    except ValueError as error:
        raise CertificateDocumentError("", f"it is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise CertificateDocumentError("", "it is no JSON object")
    canonical(value)
    return value


def canonical(value: Any) -> bytes:
    """A JSON value in the form of RFC 8785.

    Raises:
        CertificateDocumentError: it has something else in it than objects, arrays, texts, integers up to 2**53 - 1,
            true, false and null, or is nested too deeply.
    """
    return json.dumps(_sorted(value, "", 0), ensure_ascii=False, separators=(",", ":")).encode()


def time_text(seconds: int) -> str:
    """Unix seconds as a time of XML Schema, in UTC: how every time in a document is written.

    Raises:
        CertificateDocumentError: after the year 9999.
    """
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime(_FORMAT)
    except (ValueError, OverflowError, OSError) as error:
        raise CertificateDocumentError("", f"{seconds} is no time of the calendar") from error


def seconds_of(text: Any, path: str) -> int:
    """Unix seconds of ``time_text``'s form, and of no other.

    Raises:
        CertificateDocumentError: another form, or a day that there is not.
    """
    if isinstance(text, str) and _TIME.fullmatch(text):
        try:
            seconds = int(datetime.strptime(text, _FORMAT).replace(tzinfo=timezone.utc).timestamp())
        except ValueError:
            seconds = -1
        if seconds >= 0:
            return seconds
    raise CertificateDocumentError(path, "expected a time such as 2026-11-20T09:00:00Z")


def _sorted(value: Any, path: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise CertificateDocumentError(path, "it is nested too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -_EXACT <= value <= _EXACT:
            raise CertificateDocumentError(path, "an integer that not every reader keeps; write it as a text")
        return int(value)
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise CertificateDocumentError(path, "a key that is no text")
        keys = sorted((_text(key, path) for key in value), key=lambda key: key.encode("utf-16-be"))
        return {key: _sorted(value[key], f"{path}/{key}", depth + 1) for key in keys}
    if isinstance(value, list | tuple):
        return [_sorted(each, f"{path}/{number}", depth + 1) for number, each in enumerate(value)]
    raise CertificateDocumentError(path, f"a value of the type {type(value).__name__}")


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise CertificateDocumentError(path, "half a character of UTF-16") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CertificateDocumentError("", "a key that is there twice")
    return found


def _no_fraction(text: str) -> Any:
    raise CertificateDocumentError("", f"a number that is no integer: {text[:40]}")


def _integer(text: str) -> int:
    # Before it is converted: a long one takes its time.
    if len(text) > len(str(_EXACT)) + 1:
        raise CertificateDocumentError("", "an integer that not every reader keeps; write it as a text")
    return int(text)
