"""The sealed channel of a session: what it opens, what it refuses, what it keeps to itself."""

from __future__ import annotations

import copy
import hashlib
import hmac
import pickle
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from eth_utils.crypto import keccak

from evgi_client.access.channel import (
    MAX_SEALED,
    Channel,
    EndReason,
    Side,
    agree,
    public_key,
    transcript,
)
from evgi_client.errors import (
    AccessSessionEndedError,
    AccessSessionExpiredError,
    EphemeralKeyError,
    PacketError,
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
from evgi_client.messages.access import UnlockAcceptance
from tests.support.unlocking import DOMAIN, NOW, Meeting

SECRET = bytes(range(32))
CHAIN = b"\x77" * 32
SESSION = b"\x5e" * 32
END = NOW + 100


def pair(secret: bytes = SECRET, chain: bytes = CHAIN, session: bytes = SESSION) -> tuple[Channel, Channel]:
    return (
        Channel(Side.ACCESSOR, secret, chain, session, END),
        Channel(Side.HOST, secret, chain, session, END),
    )


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, written out."""
    key = hmac.digest(salt, secret, hashlib.sha256)
    block, made = b"", b""
    for n in range(1, 1 + -(-length // 32)):
        block = hmac.digest(key, block + info + bytes((n,)), hashlib.sha256)
        made += block
    return made[:length]


def test_both_sides_talk_in_turn() -> None:
    mine, theirs = pair()
    for n in range(5):
        question, answer = bytes((n,)) * n * 100, b"re %d" % n
        assert theirs.open(mine.seal(question, NOW), NOW).plaintext == question
        assert mine.open(theirs.seal(answer, NOW), NOW).plaintext == answer
    assert mine.counter == theirs.counter == 10


def test_the_bytes_of_packets_are_as_documented() -> None:
    """Sealed here by hand: the keys by HKDF, the counter in the nonce, header and packet before as authenticated."""
    mine, theirs = pair()
    keys = hkdf(SECRET, CHAIN, b"evgi-unlock/1" + SESSION, 64)
    header = struct.pack(">BBB32sQ", 1, 0, 0, SESSION, 0)
    question = header + ChaCha20Poly1305(keys[:32]).encrypt(bytes(12), b"question", header + CHAIN)
    assert mine.seal(b"question", NOW) == question
    assert len(question) == 43 + len(b"question") + 16
    assert theirs.open(question, NOW).plaintext == b"question"
    header = struct.pack(">BBB32sQ", 1, 1, 1, SESSION, 1)
    nonce = bytes(11) + b"\x01"
    answer = header + ChaCha20Poly1305(keys[32:]).encrypt(nonce, b"answer", header + keccak(question))
    assert theirs.seal(b"answer", NOW, last=True) == answer


def test_the_chain_begins_with_what_both_signed() -> None:
    meeting = Meeting()
    mine, _ = meeting.unlock()
    expected = keccak(b"evgi-unlock/1" + mine.request.digest(DOMAIN) + mine.acceptance.digest(DOMAIN))
    assert transcript(mine.request, mine.acceptance, DOMAIN) == expected
    other = UnlockAcceptance.from_json(mine.acceptance.to_json() | {"expiresAt": NOW + 99})
    assert transcript(mine.request, other, DOMAIN) != expected


def test_the_secret_is_that_of_rfc_7748() -> None:
    """Section 6.1: Bob's private key, Alice's public key, and what they share."""
    bob = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    )
    alice = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    assert public_key(bob).hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert agree(bob, alice).hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"


@pytest.mark.parametrize("length", [0, 1, 300])
def test_a_packet_with_any_byte_changed_is_refused(length: int) -> None:
    mine, theirs = pair()
    packet = mine.seal(b"m" * length, NOW)
    for position in range(len(packet)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(packet)
            changed[position] ^= flip
            with pytest.raises(PacketError):
                theirs.open(bytes(changed), NOW)
    assert theirs.open(packet, NOW).plaintext == b"m" * length
    answer = theirs.seal(b"a" * length, NOW)
    for position in range(len(answer)):
        changed = bytearray(answer)
        changed[position] ^= 0x01
        with pytest.raises(PacketError):
            mine.open(bytes(changed), NOW)
    assert mine.open(answer, NOW).plaintext == b"a" * length


def test_a_packet_cut_short_or_made_longer_is_refused() -> None:
    mine, theirs = pair()
    packet = mine.seal(b"question", NOW)
    for length in range(len(packet)):
        expected = PacketSizeError if length < 43 + 16 else PacketForgedError
        with pytest.raises(expected):
            theirs.open(packet[:length], NOW)
    for tail in (b"\0", packet):
        with pytest.raises(PacketForgedError):
            theirs.open(packet + tail, NOW)
    assert theirs.open(packet, NOW).plaintext == b"question"


def test_a_packet_comes_once() -> None:
    mine, theirs = pair()
    first = mine.seal(b"1", NOW)
    theirs.open(first, NOW)
    for _ in range(2):
        with pytest.raises(PacketReplayedError) as refused:
            theirs.open(first, NOW)
        assert (refused.value.counter, refused.value.expected) == (0, 1)
    answer = theirs.seal(b"2", NOW)
    mine.open(answer, NOW)
    with pytest.raises(PacketReplayedError):
        mine.open(answer, NOW)
    theirs.open(mine.seal(b"3", NOW), NOW)
    with pytest.raises(PacketReplayedError):
        theirs.open(first, NOW)


def test_a_packet_comes_in_its_turn() -> None:
    mine, theirs = pair()
    sender, receiver = pair()
    history = []
    for n in range(3):
        packet = sender.seal(b"q%d" % n, NOW)
        receiver.open(packet, NOW)
        answer = receiver.seal(b"a%d" % n, NOW)
        sender.open(answer, NOW)
        history += [packet, answer]
    with pytest.raises(PacketOrderError) as refused:
        theirs.open(history[2], NOW)
    assert (refused.value.counter, refused.value.expected) == (2, 0)
    theirs.open(history[0], NOW)
    mine.seal(b"q0", NOW)
    with pytest.raises(PacketOrderError):
        mine.open(history[3], NOW)
    mine.open(history[1], NOW)


def test_a_packet_follows_the_one_before_it() -> None:
    """The same key and counter, and another history."""
    mine, theirs = pair()
    other, _ = pair()
    theirs.open(mine.seal(b"read one", NOW), NOW)
    answer = theirs.seal(b"answer to read one", NOW)
    other.seal(b"read two", NOW)
    with pytest.raises(PacketForgedError) as refused:
        other.open(answer, NOW)
    assert refused.value.counter == 1
    assert mine.open(answer, NOW).plaintext == b"answer to read one"


def test_a_packet_is_not_sent_back() -> None:
    mine, theirs = pair()
    packet = mine.seal(b"question", NOW)
    with pytest.raises(PacketReflectedError) as refused:
        mine.open(packet, NOW)
    assert refused.value.counter == 0
    # Nor under the other side's name: the directions have keys of their own.
    relabelled = bytearray(packet)
    relabelled[1] = Side.HOST
    with pytest.raises(PacketFormatError):
        mine.open(bytes(relabelled), NOW)
    relabelled[42] = 1
    with pytest.raises(PacketForgedError):
        mine.open(bytes(relabelled), NOW)
    theirs.open(packet, NOW)


@pytest.mark.parametrize(
    ("offset", "value", "expected"),
    [
        (0, 0, PacketProtocolError),
        (0, 2, PacketProtocolError),
        (1, 2, PacketFormatError),
        (2, 1, PacketFormatError),
        (2, 2, PacketFormatError),
        (3, 0, PacketSessionError),
        (42, 1, PacketFormatError),
        (42, 2, PacketOrderError),
        (58, 0, PacketForgedError),
    ],
)
def test_what_is_wrong_with_a_packet_has_a_name(offset: int, value: int, expected: type[PacketError]) -> None:
    mine, theirs = pair()
    packet = bytearray(mine.seal(b"question", NOW))
    packet[offset] = value
    with pytest.raises(expected):
        theirs.open(bytes(packet), NOW)


@pytest.mark.parametrize("part", ["secret", "chain", "session"])
def test_another_secret_transcript_or_session_opens_nothing(part: str) -> None:
    mine, _ = pair()
    _, theirs = pair(**{part: b"\x01" * 32})
    expected = PacketSessionError if part == "session" else PacketForgedError
    with pytest.raises(expected):
        theirs.open(mine.seal(b"question", NOW), NOW)


def test_each_side_waits_for_the_other() -> None:
    mine, theirs = pair()
    with pytest.raises(SessionTurnError) as refused:
        theirs.seal(b"unasked", NOW)
    assert (refused.value.session, refused.value.counter) == (SESSION, 0)
    mine.seal(b"question", NOW)
    with pytest.raises(SessionTurnError):
        mine.seal(b"another", NOW)


def test_only_the_host_has_the_last_word() -> None:
    mine, theirs = pair()
    with pytest.raises(PacketFormatError, match="only the host"):
        mine.seal(b"bye", NOW, last=True)
    theirs.open(mine.seal(b"bye", NOW), NOW)
    last = theirs.seal(b"bye", NOW, last=True)
    # That nothing follows is under the seal too.
    cut = bytearray(last)
    cut[2] = 0
    with pytest.raises(PacketForgedError):
        mine.open(bytes(cut), NOW)
    assert mine.open(last, NOW).last
    for channel in (mine, theirs):
        assert channel.ended is EndReason.CLOSED
        for use in (lambda c=channel: c.seal(b"more", NOW), lambda c=channel: c.open(last, NOW)):
            with pytest.raises(AccessSessionEndedError) as ended:
                use()
            assert ended.value.reason is EndReason.CLOSED


def test_the_first_reason_to_end_stays() -> None:
    mine, _ = pair()
    mine.end(EndReason.ACCESS_LOST)
    mine.end(EndReason.HOST_FAILED)
    assert mine.ended is EndReason.ACCESS_LOST


def test_nothing_is_sealed_or_opened_after_the_end_of_its_time() -> None:
    mine, theirs = pair()
    packet = mine.seal(b"question", END - 1)
    for use in (lambda: theirs.open(packet, END), lambda: mine.seal(b"more", END + 5)):
        with pytest.raises(AccessSessionExpiredError) as expired:
            use()
        assert expired.value.expired_at == END
    assert theirs.open(packet, END - 1).plaintext == b"question"


def test_a_packet_has_a_size() -> None:
    mine, theirs = pair()
    with pytest.raises(PacketSizeError) as refused:
        mine.seal(bytes(MAX_SEALED - 58), NOW)
    assert (refused.value.length, refused.value.shortest, refused.value.longest) == (
        MAX_SEALED + 1,
        59,
        MAX_SEALED,
    )
    with pytest.raises(PacketSizeError) as refused:
        theirs.open(bytes(MAX_SEALED + 1), NOW)
    assert (refused.value.length, refused.value.shortest) == (MAX_SEALED + 1, 59)
    longest = mine.seal(bytes(MAX_SEALED - 59), NOW)
    assert len(longest) == MAX_SEALED
    assert theirs.open(longest, NOW).plaintext == bytes(MAX_SEALED - 59)


def test_keys_are_not_shown_and_not_copied() -> None:
    mine, theirs = pair()
    assert repr(mine) == f"Channel(ACCESSOR, session=0x{SESSION.hex()}, counter=0)"
    keys = hkdf(SECRET, CHAIN, b"evgi-unlock/1" + SESSION, 64)
    packet = bytearray(mine.seal(b"question", NOW))
    packet[-1] ^= 1
    with pytest.raises(PacketForgedError) as refused:
        theirs.open(bytes(packet), NOW)
    shown = f"{mine!r} {theirs!r} {refused.value} {refused.value.__dict__} {refused.value.__cause__}"
    for secret in (SECRET, keys[:32], keys[32:]):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert not hasattr(mine, "__dict__")
    for attempt in (lambda: pickle.dumps(mine), lambda: copy.copy(mine), lambda: copy.deepcopy(mine)):
        with pytest.raises(TypeError, match="not pickled or copied"):
            attempt()


def test_a_key_that_is_none_agrees_with_nobody() -> None:
    key = X25519PrivateKey.generate()
    for other in (bytes(32), b"", bytes(31), bytes(33)):
        with pytest.raises(EphemeralKeyError):
            agree(key, other)
