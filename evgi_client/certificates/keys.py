"""Public keys of a certificate's subject, and what each is for. They are no secret: certificates list them in clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from coincurve import PublicKey

from evgi_client.certificates.documents import Json, canonical
from evgi_client.errors import SubjectKeyError
from evgi_client.messages.hashing import keccak256

MOST = 16
"""Keys of one subject."""


class KeyUse(str, Enum):
    """What a key is for."""

    AUTHENTICATION = "authentication"
    ASSERTION = "assertion"
    KEY_AGREEMENT = "keyAgreement"
    METERING = "metering"
    """A meter signs its readings with it."""


class KeyAlgorithm(str, Enum):
    """The curve of a key."""

    SECP256K1 = "secp256k1"
    P256 = "P-256"
    ED25519 = "Ed25519"
    X25519 = "X25519"


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A public key in its one form: of secp256k1 and P-256 the compressed point (33 bytes), of the others 32 bytes.

    Raises:
        SubjectKeyError: bytes that are no such key, or a use that the curve is not for.
    """

    use: KeyUse
    algorithm: KeyAlgorithm
    public_key: bytes

    def __post_init__(self) -> None:
        agrees = self.use is KeyUse.KEY_AGREEMENT
        if agrees and self.algorithm is KeyAlgorithm.ED25519:
            raise SubjectKeyError("Ed25519 agrees on no secret")
        if not agrees and self.algorithm is KeyAlgorithm.X25519:
            raise SubjectKeyError("X25519 signs nothing")
        if not _is_key(self.algorithm, self.public_key):
            raise SubjectKeyError(
                f"0x{self.public_key.hex()} is no {self.algorithm.value} key in its short form"
            )

    def to_json(self) -> Json:
        """The key in a document."""
        return {
            "use": self.use.value,
            "algorithm": self.algorithm.value,
            "publicKey": "0x" + self.public_key.hex(),
        }

    @classmethod
    def from_json(cls, document: Any) -> SubjectKey:
        """Reads a key.

        Raises:
            SubjectKeyError: it is none.
        """
        if not isinstance(document, dict) or set(document) != {"use", "algorithm", "publicKey"}:
            raise SubjectKeyError("expected use, algorithm and publicKey")
        try:
            use, algorithm = KeyUse(document["use"]), KeyAlgorithm(document["algorithm"])
            raw = bytes.fromhex(str(document["publicKey"]).removeprefix("0x"))
        except ValueError as error:
            raise SubjectKeyError(str(error)) from error
        return cls(use, algorithm, raw)


def keys_hash(keys: Sequence[SubjectKey]) -> bytes:
    """What a certificate carries: the hash of the list of keys in canonical JSON, in the list's order."""
    return keccak256(canonical([key.to_json() for key in keys]))


def require_distinct(keys: Sequence[SubjectKey]) -> None:
    """Raises SubjectKeyError where a key is there twice for one use, or there are too many."""
    if len(keys) > MOST:
        raise SubjectKeyError(f"{len(keys)} keys, expected {MOST} at most")
    if len(set(keys)) != len(keys):
        raise SubjectKeyError("a key is there twice")


def _is_key(algorithm: KeyAlgorithm, raw: bytes) -> bool:
    if algorithm in (KeyAlgorithm.X25519, KeyAlgorithm.ED25519):
        return len(raw) == 32 and any(raw)
    if len(raw) != 33 or raw[0] not in (2, 3):
        return False
    try:
        if algorithm is KeyAlgorithm.SECP256K1:
            PublicKey(raw)
        else:
            # Slow to import, and few certificates have such a key.
            from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
    except ValueError:
        return False
    return True
