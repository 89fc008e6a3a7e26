"""Keccak-256, and the form of an address that carries its own checksum."""

from __future__ import annotations

import re
from functools import lru_cache

from sha3 import keccak_256

from evgi_client.errors import InvalidAddressError

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\Z")


def keccak256(data: bytes) -> bytes:
    """The hash that the chain uses (Keccak-256, not the later SHA3-256): 32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest


@lru_cache(maxsize=65_536)
def address_from_bytes(raw: bytes) -> str:
    """Checksummed form (EIP-55) of a 20-byte address."""
    lower = raw.hex()
    checksum = keccak256(lower.encode()).hex()  # longer than the address: its first 40 digits count
    return "0x" + "".join([c.upper() if k > "7" else c for c, k in zip(lower, checksum, strict=False)])


def checksum_address(address: str) -> str:
    """Checksummed form (EIP-55) of an address. One in all lower or all upper case claims no checksum.

    Raises:
        InvalidAddressError: not ``0x`` and 40 hexadecimal digits, or mixed case that is not its checksum.
    """
    if not _has_address_form(address):
        raise InvalidAddressError(address, "expected 0x and 40 hexadecimal digits")
    digits = address[2:]
    checksummed = address_from_bytes(bytes.fromhex(digits))
    if address != checksummed and digits not in (digits.lower(), digits.upper()):
        raise InvalidAddressError(address, f"its checksum (EIP-55) is wrong, expected {checksummed}")
    return checksummed


def _has_address_form(value: object) -> bool:
    return isinstance(value, str) and _ADDRESS.match(value) is not None
