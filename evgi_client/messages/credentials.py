"""What holders of certificates and publishers of status lists sign. Neither goes to the chain."""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.messages.typed import Message, typed


@typed(
    "CertificatePresentation(address holder,bytes32 credentials,bytes32 challenge,string audience,"
    "uint64 createdAt,uint64 expiresAt)"
)
@dataclass(frozen=True, slots=True)
class CertificatePresentation(Message):
    """A holder shows certificates to one verifier, once. Signed by whoever acts for the holder in the domain of
    ``CertificateRegistry``. Times are in Unix seconds."""

    holder: str
    """The subject of the certificates."""
    credentials: bytes
    """Hash of the certificates and the claims that are shown, in canonical JSON."""
    challenge: bytes
    """The verifier's, random and used once."""
    audience: str
    """Who asked: a wallet shows it, so that nobody signs for a verifier in the middle."""
    created_at: int
    expires_at: int


@typed("StatusList(address publisher,bytes32 bits,uint64 length,uint64 validFrom,uint64 validUntil)")
@dataclass(frozen=True, slots=True)
class StatusList(Message):
    """What a publisher has revoked as of a time. Signed by the publisher in the domain of ``RevocationRegistry``."""

    publisher: str
    bits: bytes
    """``keccak256`` of the bitstring's bytes: the first index is the highest bit of the first byte, 1 is revoked."""
    length: int
    """Indices in the list."""
    valid_from: int
    """The time that the list is of."""
    valid_until: int
    """From when another is to be fetched."""
