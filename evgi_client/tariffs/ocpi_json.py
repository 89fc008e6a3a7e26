"""JSON as OCPI writes it: read with numbers as ``Decimal``, fields fetched by type with the path in the error, and
written with decimal numbers as they are. No float is made in either direction."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeAlias

from evgi_client.documents import parse_json
from evgi_client.errors import OcpiDocumentError, OcpiFieldError
from evgi_client.units import scaled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OcpiValue: TypeAlias = "dict[str, OcpiValue] | list[OcpiValue] | str | int | Decimal | bool | None"

MAX_DECIMAL_EXPONENT = 30
"""A number beyond 1e30 or below 1e-30 is no price, energy or time, and would make integers of absurd length."""

_DATE_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)


def read_json(text: str) -> OcpiValue:
    """The value of a JSON text, fractions as ``Decimal``.

    Raises:
        OcpiDocumentError: the text is no JSON, has a number that is none (NaN, Infinity), or nests too deep.
    """

    def refuse(constant: str) -> OcpiValue:
        raise OcpiDocumentError(f"{constant} is no JSON number")

    try:
        value: OcpiValue = parse_json(text, parse_float=Decimal, parse_constant=refuse)
    except OcpiDocumentError:
        raise
    except (ValueError, InvalidOperation) as error:  # also numbers too long to be numbers
        raise OcpiDocumentError(str(error)) from error
    return value


def write_json(value: OcpiValue) -> str:
    """JSON text of ``value``; a ``Decimal`` is written as a number with its own digits."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {write_json(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write_json(entry) for entry in value) + "]"
    if isinstance(value, Decimal):
        # One that nobody asked for may be absurd: 1e999999999 is short only with its exponent.
        short = value.is_zero() or abs(value.adjusted()) <= MAX_DECIMAL_EXPONENT
        return format(value, "f") if short else str(value)
    return _text(value)


def _text(value: str | int | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def decimal_of(value: int, scale: int) -> Decimal:
    """``value / scale`` for a power of ten, without trailing zeros."""
    return (Decimal(value) / scale).normalize() + 0


def unix_seconds(text: str, path: str) -> int:
    """Unix seconds of an OCPI DateTime: UTC where no offset is given, fractions of a second dropped.

    Raises:
        OcpiFieldError: no such time.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise OcpiFieldError(path, text, "no time like 2020-01-31T23:59:59Z")
    *parts, offset = match.groups()
    try:
        moment = datetime(*map(int, parts), tzinfo=timezone.utc)  # type: ignore[arg-type, misc]
        if offset and offset != "Z":
            sign = -1 if offset[0] == "-" else 1
            digits = offset[1:].replace(":", "")
            moment -= sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    except (ValueError, OverflowError) as error:
        raise OcpiFieldError(path, text, str(error)) from error
    return int((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds())


def date_time(seconds: int) -> str:
    """OCPI DateTime of Unix seconds."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class OcpiObject:
    """A JSON object whose fields are fetched by name and type. A JSON null is a field that is not there.

    Every method raises ``OcpiFieldError`` with the path of the field for a value of another type; those without
    ``optional`` in their name also for a field that is not there.
    """

    __slots__ = ("fields", "path")

    def __init__(self, value: OcpiValue, path: str) -> None:
        if not isinstance(value, dict):
            raise OcpiFieldError(path, value, "not an object")
        self.fields = {key: entry for key, entry in value.items() if entry is not None}
        self.path = path

    def __contains__(self, key: str) -> bool:
        return key in self.fields

    def at(self, key: str) -> str:
        """The path of a field."""
        return f"{self.path}.{key}"

    def text(self, key: str) -> str:
        value = self._required(key)
        if not isinstance(value, str):
            raise OcpiFieldError(self.at(key), value, "not a string")
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self else None

    def flag(self, key: str) -> bool:
        """False where the field is not there."""
        value = self.fields.get(key, False)
        if not isinstance(value, bool):
            raise OcpiFieldError(self.at(key), value, "not true or false")
        return value

    def number(self, key: str) -> Decimal:
        value = self._required(key)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise OcpiFieldError(self.at(key), value, "not a number")
        number = Decimal(value)
        if number and abs(number.adjusted()) > MAX_DECIMAL_EXPONENT:
            raise OcpiFieldError(self.at(key), value, "out of range")
        return number

    def scaled(self, key: str, scale: int) -> int:
        """A number times ``scale``, half up where it has more decimals than that."""
        return scaled(self.number(key), scale, self.at(key))

    def optional_scaled(self, key: str, scale: int) -> int | None:
        return self.scaled(key, scale) if key in self else None

    def time(self, key: str) -> int:
        """Unix seconds."""
        return unix_seconds(self.text(key), self.at(key))

    def optional_time(self, key: str) -> int | None:
        return self.time(key) if key in self else None

    def child(self, key: str) -> OcpiObject:
        return OcpiObject(self._required(key), self.at(key))

    def optional_child(self, key: str) -> OcpiObject | None:
        return self.child(key) if key in self else None

    def items(self, key: str) -> list[OcpiValue]:
        """A list, empty where the field is not there."""
        value = self.fields.get(key, [])
        if not isinstance(value, list):
            raise OcpiFieldError(self.at(key), value, "not a list")
        return value

    def children(self, key: str) -> Iterator[OcpiObject]:
        for index, value in enumerate(self.items(key)):
            yield OcpiObject(value, f"{self.at(key)}[{index}]")

    def refuse_unknown(self, known: Iterable[str], why: str) -> None:
        for key in sorted(self.fields.keys() - set(known)):
            raise OcpiFieldError(self.at(key), self.fields[key], why)

    def _required(self, key: str) -> OcpiValue:
        if key not in self.fields:
            raise OcpiFieldError(self.at(key), None, "missing")
        return self.fields[key]
