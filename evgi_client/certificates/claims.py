"""Claims of a certificate, salted one by one, so that a holder shows some of them and the chain learns none.

The hash of a claim covers its name, its value and a random salt of its own. The document lists the hashes under the
claims' names; the hash of that list is what the certificate carries.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evgi_client.certificates.documents import canonical
from evgi_client.errors import ClaimError
from evgi_client.messages.hashing import keccak256
from evgi_client.messages.identifiers import SALT_LENGTH, salted_hash

_NAME = re.compile(r"[a-z][A-Za-z0-9]{0,63}")

Hashes = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that its holder shows. The salt is as secret as the value: it is not printed."""

    name: str
    value: Any
    """A JSON value."""
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_name(self.name)
        if len(self.salt) != SALT_LENGTH:
            raise ClaimError(self.name, f"its salt is not {SALT_LENGTH} bytes")

    def hash(self) -> bytes:
        """``keccak256(salt || canonical JSON of [name, value])``."""
        return salted_hash(self.salt, canonical([self.name, self.value]).decode())

    def to_json(self) -> dict[str, Any]:
        """Value and salt; the name is the key that this stands under."""
        return {"value": self.value, "salt": "0x" + self.salt.hex()}


def salted(
    values: Mapping[str, Any], random: Callable[[int], bytes] = secrets.token_bytes
) -> dict[str, Claim]:
    """Claims by name, each with a salt of its own.

    Args:
        random: gives as many unguessable bytes as it is asked for.

    Raises:
        ClaimError: a name that no claim has.
        CertificateDocumentError: a value that is not JSON as it is signed.
    """
    return {name: Claim(name, values[name], random(SALT_LENGTH)) for name in sorted(values)}


def hashes_of(claims: Mapping[str, Claim]) -> dict[str, bytes]:
    """The hashes that a document lists, by name."""
    return {name: claims[name].hash() for name in sorted(claims)}


def claims_hash(hashes: Hashes) -> bytes:
    """What a certificate carries: the hash of its list of hashes in canonical JSON."""
    return keccak256(canonical({name: "0x" + value.hex() for name, value in hashes.items()}))


def require_listed(claims: Mapping[str, Claim], hashes: Hashes) -> None:
    """Every claim shown must be one that the issuer signed.

    Raises:
        ClaimError: it is not listed, or its value or salt is another.
    """
    for name, claim in claims.items():
        if name != claim.name:
            raise ClaimError(name, f"it stands for {claim.name}")
        if name not in hashes:
            raise ClaimError(name, "the certificate does not have it")
        if claim.hash() != hashes[name]:
            raise ClaimError(name, "its value or its salt is not the one that was signed")


def require_name(name: object) -> None:
    """Raises ClaimError where a claim cannot have this name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ClaimError(str(name)[:64], "a claim's name is a small letter and up to 63 letters or digits")
