"""The sealed channel of an unlocked session: X25519, HKDF-SHA256 (RFC 5869), ChaCha20-Poly1305 (RFC 8439).

Accessor and host send in turn, the accessor first. A packet is::

    version 1 | sender 1 | last 1 | session 32 | counter 8 | sealed bytes, with a tag of 16

Its authenticated data are those 43 bytes and the Keccak-256 of the packet before it, of either side; before the first
stands the hash of request and acceptance. So a packet opens only where everything before it was the same.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from evgi_client.access.packets import PROTOCOL
from evgi_client.errors import (
    AccessSessionEndedError,
    AccessSessionExpiredError,
    EphemeralKeyError,
    PacketForgedError,
    PacketFormatError,
    PacketOrderError,
    PacketProtocolError,
    PacketReflectedError,
    PacketReplayedError,
    PacketSessionError,
    PacketSizeError,
    SessionTurnError,
)
from evgi_client.messages.hashing import keccak256

if TYPE_CHECKING:
    from evgi_client.messages import Domain
    from evgi_client.messages.access import UnlockAcceptance, UnlockRequest

VERSION = 1
KEY_LENGTH = 32
TAG_LENGTH = 16
MAX_SEALED = 16 * 1024 * 1024
"""Bytes of a packet, its header included."""

_HEADER = struct.Struct(">BBB32sQ")
_NONCE = struct.Struct(">4xQ")


class Side(IntEnum):
    """Who sends a packet."""

    ACCESSOR = 0
    HOST = 1

    @property
    def other(self) -> Side:
        return Side(1 - self)


class EndReason(IntEnum):
    """Why a session ended before its time."""

    CLOSED = 1
    """The accessor closed it."""
    ACCESS_LOST = 2
    """The accessor may no longer do what the session was opened for."""
    REPLACED = 3
    """The accessor has opened as many newer ones as it may have."""
    HOST_FAILED = 4
    """The host could not answer."""
    HOST_CLOSED = 5
    """The host closed it."""
    ANSWER_LOST = 6
    """No answer came that could be opened: neither side can go on."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a packet held."""

    plaintext: bytes
    last: bool
    """The host's answer to the accessor's wish to end the session: nothing comes after it."""


def transcript(request: UnlockRequest, acceptance: UnlockAcceptance, domain: Domain) -> bytes:
    """What both sides have signed, and where: 32 bytes. The keys come from it, and the first packet follows it."""
    return keccak256(PROTOCOL.encode() + request.digest(domain) + acceptance.digest(domain))


def public_key(key: X25519PrivateKey) -> bytes:
    """The 32 bytes that go into a request or an acceptance."""
    return key.public_key().public_bytes_raw()


def agree(key: X25519PrivateKey, peer: bytes) -> bytes:
    """The X25519 secret of two keys, 32 bytes: to be derived from, never used as it is.

    Raises:
        EphemeralKeyError: the other key is of low order: the secret would be known to everybody.
    """
    try:
        return key.exchange(X25519PublicKey.from_public_bytes(peer))
    except ValueError as error:
        raise EphemeralKeyError(peer) from error


class Channel:
    """One side of a session's channel. What a packet that is refused leaves behind is what was there before: an
    outsider who sends packets ends no session. Not for two threads at a time.

    Args:
        secret: of ``agree``. It is not kept.
        chain: of ``transcript``.
        expires_at: nothing is sealed or opened from this time on, Unix seconds.
    """

    __slots__ = (
        "_counter",
        "_ended",
        "_expires_at",
        "_previous",
        "_receiving",
        "_sending",
        "_session",
        "_side",
    )

    def __init__(self, side: Side, secret: bytes, chain: bytes, session: bytes, expires_at: int) -> None:
        keys = HKDF(SHA256(), 2 * KEY_LENGTH, salt=chain, info=PROTOCOL.encode() + session).derive(secret)
        by_side = keys[:KEY_LENGTH], keys[KEY_LENGTH:]
        self._side = side
        self._sending = ChaCha20Poly1305(by_side[side])
        self._receiving = ChaCha20Poly1305(by_side[side.other])
        self._session = session
        self._expires_at = expires_at
        self._previous = chain
        self._counter = 0
        self._ended: EndReason | None = None

    @property
    def counter(self) -> int:
        """The number of the next packet, of whichever side."""
        return self._counter

    @property
    def ended(self) -> EndReason | None:
        """Why nothing more can be sent; None where it can."""
        return self._ended

    def end(self, reason: EndReason) -> None:
        """Nothing is sealed or opened from now on. The first reason stays."""
        self._ended = self._ended or reason

    def seal(self, plaintext: bytes, now: int, *, last: bool = False) -> bytes:
        """The next packet of this side.

        Args:
            last: the session ends with it. Only the host says so.

        Raises:
            SessionTurnError: the other side is to send.
            AccessSessionExpiredError, AccessSessionEndedError: it is over.
            PacketSizeError: too long for a packet.
        """
        self._usable(now)
        if self._counter % 2 != self._side:
            raise SessionTurnError(self._session, self._counter)
        if last and self._side is Side.ACCESSOR:
            raise PacketFormatError("only the host's packet can be the last")
        length = _HEADER.size + len(plaintext) + TAG_LENGTH
        if length > MAX_SEALED:
            raise PacketSizeError(length, _HEADER.size + TAG_LENGTH, MAX_SEALED)
        header = _HEADER.pack(VERSION, self._side, last, self._session, self._counter)
        sealed = self._sending.encrypt(_NONCE.pack(self._counter), plaintext, header + self._previous)
        packet = header + sealed
        self._advance(packet, last)
        return packet

    def open(self, packet: bytes, now: int) -> Opened:
        """What the other side's next packet holds.

        Raises:
            AccessSessionExpiredError, AccessSessionEndedError: it is over.
            PacketError: not that packet; one class a reason. The channel is as it was.
        """
        self._usable(now)
        if not _HEADER.size + TAG_LENGTH <= len(packet) <= MAX_SEALED:
            raise PacketSizeError(len(packet), _HEADER.size + TAG_LENGTH, MAX_SEALED)
        version, sender, last, session, counter = _HEADER.unpack_from(packet)
        if version != VERSION:
            raise PacketProtocolError(version, VERSION)
        if sender > 1 or last > sender:
            raise PacketFormatError("its header is that of no packet")
        if session != self._session:
            raise PacketSessionError(session, self._session)
        if sender == self._side:
            raise PacketReflectedError(counter)
        if counter % 2 != sender:
            raise PacketFormatError("its number is one of the other side's")
        if counter < self._counter:
            raise PacketReplayedError(counter, self._counter)
        if counter > self._counter:
            raise PacketOrderError(counter, self._counter)
        header, sealed = packet[: _HEADER.size], packet[_HEADER.size :]
        try:
            plaintext = self._receiving.decrypt(_NONCE.pack(counter), sealed, header + self._previous)
        except InvalidTag:
            raise PacketForgedError(counter) from None
        self._advance(packet, bool(last))
        return Opened(plaintext, bool(last))

    def _usable(self, now: int) -> None:
        if self._ended is not None:
            raise AccessSessionEndedError(self._session, self._ended)
        if now >= self._expires_at:
            raise AccessSessionExpiredError(self._session, self._expires_at, now)

    def _advance(self, packet: bytes, last: bool) -> None:
        self._previous = keccak256(packet)
        self._counter += 1
        if last:
            self.end(EndReason.CLOSED)

    def __repr__(self) -> str:
        return f"Channel({self._side.name}, session=0x{self._session.hex()}, counter={self._counter})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Channel is not pickled or copied: two of the same keys and counter would reveal both"
        )
