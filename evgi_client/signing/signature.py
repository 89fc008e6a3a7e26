"""A secp256k1 signature in the one form that is accepted."""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.errors import InvalidSignatureError, MalleableSignatureError

CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_HALF_ORDER = CURVE_ORDER // 2

SIGNATURE_LENGTH = 65
COMPACT_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """Signature with 0 < r < n, 0 < s <= n/2 and v 27 or 28 (EIP-2), n being the curve's order. ``(r, n - s,
    55 - v)`` would recover the same address, so that form is refused: one signature has one encoding.

    Raises:
        InvalidSignatureError: r or s out of range, v neither 27 nor 28.
        MalleableSignatureError: s in the upper half of the range.
    """

    r: int
    s: int
    v: int

    def __post_init__(self) -> None:
        if not 0 < self.r < CURVE_ORDER:
            raise InvalidSignatureError("r is out of range", self.r)
        if not 0 < self.s < CURVE_ORDER:
            raise InvalidSignatureError("s is out of range", self.s)
        if self.s > _HALF_ORDER:
            raise MalleableSignatureError(self.s)
        if self.v != 27 and self.v != 28:
            raise InvalidSignatureError("v is neither 27 nor 28", self.v)

    def to_bytes(self) -> bytes:
        """``r || s || v``, 65 bytes: what wallets return and contracts take."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big") + bytes((self.v,))

    @classmethod
    def from_bytes(cls, data: bytes) -> Signature:
        """Reads ``r || s || v``.

        Raises:
            InvalidSignatureError: not 65 bytes, r or s out of range, v neither 27 nor 28.
            MalleableSignatureError: s in the upper half of the range.
        """
        if len(data) != SIGNATURE_LENGTH:
            raise InvalidSignatureError(f"expected {SIGNATURE_LENGTH} bytes, length is", len(data))
        return cls(int.from_bytes(data[:32], "big"), int.from_bytes(data[32:64], "big"), data[64])

    def compact(self) -> bytes:
        """``r || s'``, 64 bytes, s' being the s that goes with v = 27 (n - s where v is 28): the form in a
        packed session, where it is the only one that recovers the signer."""
        s = self.s if self.v == 27 else CURVE_ORDER - self.s
        return self.r.to_bytes(32, "big") + s.to_bytes(32, "big")

    @classmethod
    def from_compact(cls, data: bytes) -> Signature:
        """Reads the form of ``compact``.

        Raises:
            InvalidSignatureError: not 64 bytes, r or s out of range.
        """
        if len(data) != COMPACT_LENGTH:
            raise InvalidSignatureError(f"expected {COMPACT_LENGTH} bytes, length is", len(data))
        r, s = int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big")
        if _HALF_ORDER < s < CURVE_ORDER:
            return cls(r, CURVE_ORDER - s, 28)
        return cls(r, s, 27)
