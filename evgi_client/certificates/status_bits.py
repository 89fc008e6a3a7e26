"""Bitstrings of W3C Bitstring Status List 1.0: one bit an index, the first the highest of the first byte, 1 for
revoked; compressed (gzip) and written in base64url."""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evgi_client.certificates.revocations import WORD
from evgi_client.errors import StatusListError

SHORTEST = 131_072
"""Indices of the shortest list (section 3.2): so that who fetches it does not say which index is meant."""

LONGEST = 1 << 27
"""Indices of the longest list that is read or published: 16 MiB, however few bytes it comes in."""

REVOCATION = "revocation"

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


@dataclass(frozen=True, slots=True)
class StatusBits:
    """A bitstring.

    Raises:
        StatusListError: shorter or longer than a list may be.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if not SHORTEST <= len(self.raw) * 8 <= LONGEST:
            raise StatusListError(f"{len(self.raw) * 8} indices, expected {SHORTEST} to {LONGEST}")

    @classmethod
    def of(cls, indices: Iterable[int]) -> StatusBits:
        """The shortest list in which these indices are set, and no others.

        Raises:
            StatusListError: an index that no list has.
        """
        words: dict[int, int] = {}
        for index in indices:
            words[index // WORD] = words.get(index // WORD, 0) | 1 << (WORD - 1 - index % WORD)
        return cls.of_words(words)

    @classmethod
    def of_words(cls, words: Mapping[int, int]) -> StatusBits:
        """A list of words of 256 bits, as the ``RevocationRegistry`` has them; zero where one is not given.

        Raises:
            StatusListError: a word that no list has.
        """
        length = max(SHORTEST, (max(words, default=0) + 1) * WORD)
        if length > LONGEST or min(words, default=0) < 0:
            raise StatusListError(f"{length} indices, expected {SHORTEST} to {LONGEST}")
        raw = bytearray(length // 8)
        for word, bits in words.items():
            raw[word * WORD // 8 : (word + 1) * WORD // 8] = bits.to_bytes(WORD // 8, "big")
        return cls(bytes(raw))

    @property
    def length(self) -> int:
        """How many indices the list has."""
        return len(self.raw) * 8

    def is_set(self, index: int) -> bool:
        """Is an index revoked?

        Raises:
            StatusListError: the list does not go that far.
        """
        if not 0 <= index < self.length:
            raise StatusListError(f"index {index} is not among its {self.length}")
        return bool(self.raw[index // 8] >> (7 - index % 8) & 1)

    def indices(self) -> Iterator[int]:
        """The indices that are set, ascending."""
        for place, byte in enumerate(self.raw):
            if byte:
                yield from (place * 8 + bit for bit in range(8) if byte >> (7 - bit) & 1)

    def encode(self) -> str:
        """Compressed, in multibase: ``u`` and base64url without padding. The same bits give the same text."""
        packed = gzip.compress(self.raw, compresslevel=9, mtime=0)
        return "u" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: Any) -> StatusBits:
        """Reads ``encode``'s text, and the older form without the ``u``. What unpacks to more than a list may be is not
        unpacked.

        Raises:
            StatusListError: no such text.
        """
        if not isinstance(text, str):
            raise StatusListError("its encoding is no text")
        # Gzip begins with the bytes 1f 8b, so that base64url of it begins with H.
        digits = text.removeprefix("u")
        if not _BASE64URL.fullmatch(digits):
            raise StatusListError("its encoding is no base64url")
        digits = digits.rstrip("=")
        try:
            packed = base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4))
            unpacker = zlib.decompressobj(wbits=31)
            raw = unpacker.decompress(packed, LONGEST // 8 + 1)
        except (ValueError, zlib.error) as error:
            raise StatusListError("its encoding does not unpack") from error
        if len(raw) > LONGEST // 8:
            raise StatusListError(f"it unpacks to more than {LONGEST} indices")
        if not unpacker.eof or unpacker.unused_data:
            raise StatusListError("its encoding is cut off, or goes on after its end")
        return cls(raw)


def bits_in(document: Any, purpose: str = REVOCATION) -> StatusBits:
    """The bits of anyone's ``BitstringStatusListCredential``. Who signed it is not looked at: see ``SignedStatusList``.

    Raises:
        StatusListError: it is none, or one for another purpose.
    """
    subject = document.get("credentialSubject") if isinstance(document, dict) else None
    if not isinstance(subject, dict) or subject.get("type") != "BitstringStatusList":
        raise StatusListError("it has no credentialSubject of the type BitstringStatusList")
    purposes = subject.get("statusPurpose")
    if purpose not in (purposes if isinstance(purposes, list) else [purposes]):
        raise StatusListError(f"its purpose is not {purpose}")
    if subject.get("statusSize", 1) != 1:
        raise StatusListError("it has more than one bit an index")
    return StatusBits.decode(subject.get("encodedList"))


def index_in(entry: Any, purpose: str = REVOCATION) -> int:
    """The index that a ``BitstringStatusListEntry`` names.

    Raises:
        StatusListError: it is none, or one for another purpose.
    """
    if not isinstance(entry, dict) or entry.get("type") != "BitstringStatusListEntry":
        raise StatusListError("no entry of the type BitstringStatusListEntry")
    if entry.get("statusPurpose") != purpose:
        raise StatusListError(f"the entry's purpose is not {purpose}")
    index = entry.get("statusListIndex")
    if not isinstance(index, str) or not re.fullmatch(r"(0|[1-9][0-9]{0,19})", index):
        raise StatusListError("the entry's index is no number in decimal digits")
    return int(index)
