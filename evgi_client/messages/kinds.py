"""The Solidity types that messages are made of: which values fit, their 32-byte word, their JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.errors import InvalidAddressError
from evgi_client.messages.hashing import checksum_address, keccak256

if TYPE_CHECKING:
    from collections.abc import Callable

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,77})\Z")
_BYTES32 = re.compile(r"0x[0-9a-fA-F]{64}\Z")
_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*\Z")


@dataclass(frozen=True, slots=True)
class Kind:
    """One Solidity type. The functions that read give None for what does not fit: no message holds a None."""

    expected: str
    """What fits, in words."""
    read: Callable[[Any], Any]
    """A Python value in its one form."""
    read_json: Callable[[Any], Any]
    write_json: Callable[[Any], Any]
    layout: str
    """``struct`` format of the word, big endian."""
    word: Callable[[Any], Any] | None = None
    """What ``layout`` packs, where it is not the value itself."""


def kind_of(solidity_type: str) -> Kind:
    """The kind of an elementary type."""
    return _KINDS[solidity_type]


def _read_bytes32(value: Any) -> bytes | None:
    return bytes(value) if isinstance(value, bytes) and len(value) == 32 else None


def _read_json_bytes32(value: Any) -> bytes | None:
    return bytes.fromhex(value[2:]) if isinstance(value, str) and _BYTES32.match(value) else None


def _read_bytes(value: Any) -> bytes | None:
    return bytes(value) if isinstance(value, bytes) else None


def _read_json_bytes(value: Any) -> bytes | None:
    return bytes.fromhex(value[2:]) if isinstance(value, str) and _BYTES.match(value) else None


def _read_address(value: Any) -> str | None:
    try:
        return checksum_address(value)
    except InvalidAddressError:
        return None


def _read_bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _read_string(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _uint(bits: int, layout: str) -> Kind:
    limit = 2**bits

    def read(value: Any) -> int | None:
        if type(value) is int or (isinstance(value, int) and not isinstance(value, bool)):
            return int(value) if 0 <= value < limit else None
        return None

    def read_json(value: Any) -> int | None:
        return read(int(value) if isinstance(value, str) and _DECIMAL.match(value) else value)

    return Kind(
        f"an integer from 0 to 2**{bits} - 1",
        read,
        read_json,
        # JSON numbers above 2**53 lose digits in most readers: wide integers are written as decimal strings.
        write_json=str if bits > 53 else int,
        layout=layout,
        word=(lambda value: value.to_bytes(32, "big")) if layout == "32s" else None,
    )


_KINDS = {
    "bool": Kind("True or False", _read_bool, _read_bool, bool, "31x?"),
    "bytes32": Kind("32 bytes", _read_bytes32, _read_json_bytes32, lambda value: "0x" + value.hex(), "32s"),
    "bytes": Kind("bytes", _read_bytes, _read_json_bytes, lambda value: "0x" + value.hex(), "32s", keccak256),
    "address": Kind(
        "an address: 0x and 40 hexadecimal digits, with the checksum of EIP-55 where the case is mixed",
        _read_address,
        _read_address,
        str,
        "12x20s",
        lambda value: bytes.fromhex(value[2:]),
    ),
    "string": Kind("text", _read_string, _read_string, str, "32s", lambda value: keccak256(value.encode())),
    "uint8": _uint(8, "31xB"),
    "uint16": _uint(16, "30xH"),
    "uint32": _uint(32, "28xI"),
    "uint64": _uint(64, "24xQ"),
    "uint128": _uint(128, "32s"),
    "uint256": _uint(256, "32s"),
}
