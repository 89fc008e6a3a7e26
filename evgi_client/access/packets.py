"""The packets of the unlock handshake: a signed message, who signed it, and the one form in which it is written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from evgi_client.documents import parse_json
from evgi_client.errors import (
    MessageError,
    PacketFormatError,
    PacketProtocolError,
    PacketSizeError,
    SigningError,
    UnlockSignerError,
)
from evgi_client.messages.access import Right, UnlockAcceptance, UnlockRejection, UnlockRequest
from evgi_client.messages.hashing import checksum_address
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from evgi_client.messages import Domain
    from evgi_client.signing import IsValidSignature, Signer

    ActsFor = Callable[[str, str], bool]
    """``DIDRegistry.actsFor(identity, account)``: is the account the identity's owner, or its signing delegate?"""

PROTOCOL = "evgi-unlock/1"
"""The only version that is spoken. It enters the session's keys."""

MAX_PACKET = 16_384
"""Bytes of a handshake packet."""

MAX_SIGNATURE = 4_096
"""Bytes of a signature: an account's (EIP-1271) may be longer than a key's 65."""

MAX_REQUEST_SECONDS = 300
"""How long a request may wait for its answer: so long a host remembers it."""

MAX_SESSION_SECONDS = 86_400

CLOCK_SKEW = 30
"""Seconds that the clocks of host and accessor may differ."""

ANYTHING = bytes(32)
"""No purpose, and no certificate, is named."""

ALL_RIGHTS = int(Right.READ | Right.WRITE | Right.CONTROL)
"""A plain integer: the complement of a flag leaves out the bits that no flag has."""

_SIGNATURE = re.compile(rf"0x(?:[0-9a-f]{{2}}){{1,{MAX_SIGNATURE}}}\Z")
_KEYS = frozenset(("account", "message", "protocol", "signature", "type"))


class RejectionReason(IntEnum):
    """Why a host rejects a request: ``UnlockRejection.reason``. In the order in which they are looked for."""

    WRONG_HOST = 1
    """The request names another host."""
    CLOCK = 2
    """It was made later than now, by more than clocks may differ."""
    EXPIRED = 3
    """Its time is over."""
    WINDOW = 4
    """It ends before it begins, or waits for an answer longer than a host remembers requests."""
    FORGOTTEN = 5
    """It was made before the time from which the host remembers requests."""
    RIGHTS = 6
    """It asks for no right, or for one that there is not."""
    SIGNATURE = 7
    """It is not signed by an account that acts for the accessor."""
    EPHEMERAL_KEY = 8
    """No secret can be agreed on with its key."""
    BUSY = 9
    """The host has no room for another session, of this accessor or at all."""
    UNKNOWN_RESOURCE = 10
    BLOCKED = 11
    REVOKED = 12
    USED_UP = 13
    """The certificate was used as often as it may be."""
    DENIED = 14
    """None of the rights asked for is allowed."""
    CERTIFICATE = 15
    """The rights do not rest on the certificate that the request names."""
    PURPOSE = 16
    """The certificate is for another purpose."""
    REPLAYED = 17
    """A request of the accessor with this nonce has been accepted before."""


Handshake = TypeVar("Handshake", UnlockRequest, UnlockRejection, UnlockAcceptance)

_TYPES: dict[str, type[UnlockRequest | UnlockRejection | UnlockAcceptance]] = {
    cls.TYPE: cls for cls in (UnlockRequest, UnlockRejection, UnlockAcceptance)
}


@dataclass(frozen=True, slots=True)
class UnlockPacket(Generic[Handshake]):
    """A message of the handshake, the account that signed it, and its signature."""

    message: Handshake
    account: str
    """A key's address, or an account that answers EIP-1271. It acts for the accessor, or for the host."""
    signature: bytes

    def to_bytes(self) -> bytes:
        """Canonical JSON: keys sorted, no white space, ASCII, hexadecimal digits in lower case, addresses with their
        checksum, integers wider than 53 bits as decimal strings."""
        return _canonical(
            {
                "account": self.account,
                "message": self.message.to_json(),
                "protocol": PROTOCOL,
                "signature": "0x" + self.signature.hex(),
                "type": self.message.TYPE,
            }
        )

    def verify(
        self, identity: str, domain: Domain, acts_for: ActsFor, is_valid_signature: IsValidSignature | None
    ) -> None:
        """Returns where an account that acts for ``identity`` signed.

        Raises:
            UnlockSignerError: it did not.
        """
        try:
            verify_digest(self.account, self.message.digest(domain), self.signature, is_valid_signature)
        except SigningError as error:
            raise UnlockSignerError(identity, self.account) from error
        if not acts_for(identity, self.account):
            raise UnlockSignerError(identity, self.account)


def sign_packet(message: Handshake, signer: Signer, domain: Domain) -> UnlockPacket[Handshake]:
    """A packet signed with a key."""
    signature = signer.sign_digest(message.digest(domain)).to_bytes()
    return UnlockPacket(message, signer.address, signature)


def read_request(data: bytes) -> UnlockPacket[UnlockRequest]:
    """Reads a request. Nothing about it is checked but its form.

    Raises:
        PacketSizeError: more than ``MAX_PACKET`` bytes.
        PacketProtocolError: another version of the protocol.
        PacketFormatError: no request, or one that is not written in the canonical form.
    """
    packet = _read(data)
    if not isinstance(packet.message, UnlockRequest):
        raise PacketFormatError(f"expected a request, found {packet.message.TYPE}")
    return packet


def read_answer(data: bytes) -> UnlockPacket[UnlockRejection] | UnlockPacket[UnlockAcceptance]:
    """Reads a rejection or an acceptance. Nothing about it is checked but its form. Raises as ``read_request``."""
    packet = _read(data)
    if isinstance(packet.message, UnlockRequest):
        raise PacketFormatError("expected an answer, found a request")
    return packet


def _read(data: bytes) -> UnlockPacket[Any]:
    if not 0 < len(data) <= MAX_PACKET:
        raise PacketSizeError(len(data), 1, MAX_PACKET)
    document = _object(data)
    if document.get("protocol") != PROTOCOL:
        raise PacketProtocolError(document.get("protocol"), PROTOCOL)
    if document.keys() != _KEYS:
        raise PacketFormatError(f"expected the keys {', '.join(sorted(_KEYS))}")
    kind, signature = document["type"], document["signature"]
    cls = _TYPES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise PacketFormatError("its type is none of the handshake")
    if not isinstance(signature, str) or _SIGNATURE.match(signature) is None:
        raise PacketFormatError("its signature is not 0x and hexadecimal digits")
    try:
        message = cls.from_json(document["message"])
        packet: UnlockPacket[Any] = UnlockPacket(
            message, checksum_address(document["account"]), bytes.fromhex(signature[2:])
        )
    except MessageError as error:
        # Cut: it quotes what a stranger sent.
        raise PacketFormatError(str(error)[:200]) from error
    # One form only: so that no byte of a packet can be changed and the packet still be read as the same.
    if packet.to_bytes() != data:
        raise PacketFormatError("not in the canonical form")
    return packet


def _object(data: bytes) -> dict[str, Any]:
    try:
        document = parse_json(data.decode("ascii"))
    except ValueError as error:
        raise PacketFormatError("no JSON") from error
    if not isinstance(document, dict):
        raise PacketFormatError("no JSON object")
    return document


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")
