"""The unlock handshake: what is accepted, what is rejected and why, what an accessor believes."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from evgi_client.access.channel import EndReason, public_key
from evgi_client.access.judging import UnlockLimits
from evgi_client.access.packets import (
    CLOCK_SKEW,
    MAX_PACKET,
    MAX_REQUEST_SECONDS,
    MAX_SESSION_SECONDS,
    RejectionReason,
    UnlockPacket,
    read_answer,
    read_request,
    sign_packet,
)
from evgi_client.access.replay import MemoryNonces
from evgi_client.access.unlock import Accepted, Rejected
from evgi_client.errors import (
    AccessRightError,
    AccessSessionEndedError,
    AccessSessionExpiredError,
    AccessSessionUnknownError,
    EphemeralKeyError,
    FieldValueError,
    NoncesFullError,
    PacketFormatError,
    PacketProtocolError,
    PacketSizeError,
    SessionTurnError,
    UnlockAnsweredError,
    UnlockAnswerError,
    UnlockRejectedError,
    UnlockSignerError,
)
from evgi_client.messages import Domain
from evgi_client.messages.access import Reason, Right, UnlockAcceptance, UnlockRejection, UnlockRequest
from evgi_client.signing import LocalSigner, Signature
from tests.support.sessions import signer
from tests.support.unlocking import CERTIFICATE, DOMAIN, NOTHING, NOW, RESOURCE, Meeting, Word

if TYPE_CHECKING:
    from evgi_client.access.accessor import UnlockAttempt
    from evgi_client.access.sessions import HostSession

STRANGER = signer(69)
READ_WRITE = Right.READ | Right.WRITE
FIELD_PRIME = 2**255 - 19
# RFC 7748's curve: the points of order 1, 2, 4 and 8, and the encodings above the prime that mean the same.
LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    FIELD_PRIME - 1,
    FIELD_PRIME,
    FIELD_PRIME + 1,
]


@pytest.fixture
def meeting() -> Meeting:
    return Meeting()


def echo(session: HostSession, question: bytes) -> bytes:
    return question


def sent(request: UnlockRequest, by: LocalSigner, domain: Domain = DOMAIN) -> bytes:
    return sign_packet(request, by, domain).to_bytes()


def reason_of(meeting: Meeting, packet: bytes, now: int = NOW) -> RejectionReason:
    """The host's reason, after its rejection was read as an accessor reads it."""
    answer = meeting.host.answer(packet, now)
    assert isinstance(answer, Rejected)
    read = read_answer(answer.packet)
    read.verify(meeting.host_id, DOMAIN, meeting.acts_for, None)
    assert isinstance(read.message, UnlockRejection)
    assert read.message.request == read_request(packet).message.struct_hash()
    assert (read.message.reason, read.message.rejected_at) == (answer.reason, now)
    assert read.message.retry_after == answer.retry_after
    assert meeting.host.live(now) == []
    return answer.reason


def accepted(meeting: Meeting, attempt: UnlockAttempt, now: int = NOW) -> UnlockAcceptance:
    answer = meeting.answer(attempt, now)
    assert isinstance(answer, Accepted)
    message = read_answer(answer.packet).message
    assert isinstance(message, UnlockAcceptance)
    return message


def test_a_session_is_unlocked_and_both_sides_can_talk(meeting: Meeting) -> None:
    mine, theirs = meeting.unlock()
    assert mine.id == theirs.id
    assert mine.rights == theirs.rights == Right.READ
    assert mine.request == theirs.request
    assert mine.acceptance.request == mine.request.struct_hash()
    assert (theirs.accessor, theirs.account, theirs.resource, theirs.purpose) == (
        meeting.accessor_signer.address,
        meeting.accessor_signer.address,
        RESOURCE,
        NOTHING,
    )
    assert (theirs.accepted_at, theirs.expires_at) == (NOW, NOW + 3_600)
    assert theirs.certificates == {CERTIFICATE}
    for n in range(3):
        packet = mine.seal(b"question %d" % n, NOW + n)
        answer = meeting.host.serve(mine.id, packet, NOW + n, echo)
        assert mine.open(answer, NOW + n).plaintext == b"question %d" % n
    assert meeting.host.live(NOW) == [theirs]
    assert mine.usable(NOW)
    assert mine.ended is None


def test_the_digest_that_is_signed_is_that_of_eip_712(meeting: Meeting) -> None:
    request = meeting.ask().request
    members = (
        "accessor:address host:address resource:bytes32 rights:uint32 purpose:bytes32 certificate:bytes32"
        " ephemeralKey:bytes32 nonce:bytes32 requestedAt:uint64 expiresAt:uint64"
    )
    typed_data = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "UnlockRequest": [
                dict(zip(("name", "type"), m.split(":"), strict=True)) for m in members.split()
            ],
        },
        "primaryType": "UnlockRequest",
        "domain": {
            "name": "AccessRegistry",
            "version": "1",
            "chainId": 1337,
            "verifyingContract": DOMAIN.verifying_contract,
        },
        "message": {
            "accessor": request.accessor,
            "host": request.host,
            "resource": request.resource,
            "rights": request.rights,
            "purpose": request.purpose,
            "certificate": request.certificate,
            "ephemeralKey": request.ephemeral_key,
            "nonce": request.nonce,
            "requestedAt": request.requested_at,
            "expiresAt": request.expires_at,
        },
    }
    signable = encode_typed_data(full_message=typed_data)
    assert request.digest(DOMAIN) == keccak(b"\x19\x01" + signable.header + signable.body)


def test_what_is_granted_is_what_is_asked_and_allowed(meeting: Meeting) -> None:
    other = b"\xcf" * 32
    meeting.words = {
        Right.READ: Word(Reason.CERTIFICATE, CERTIFICATE),
        Right.CONTROL: Word(Reason.GROUP, other),
    }
    mine, theirs = meeting.unlock(READ_WRITE)
    assert mine.rights == Right.READ
    assert theirs.certificates == {CERTIFICATE}
    mine, theirs = meeting.unlock(READ_WRITE | Right.CONTROL)
    assert mine.rights == Right.READ | Right.CONTROL
    assert theirs.certificates == {CERTIFICATE, other}
    attempt = meeting.ask(Right.WRITE)
    with pytest.raises(UnlockRejectedError) as refused:
        attempt.take(meeting.answer(attempt).packet, NOW)
    assert (refused.value.reason, refused.value.retry_after) == (RejectionReason.DENIED, 0)
    assert str(refused.value) == "the host rejects the request: denied"


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Reason.UNKNOWN_RESOURCE, RejectionReason.UNKNOWN_RESOURCE),
        (Reason.BLOCKED, RejectionReason.BLOCKED),
        (Reason.REVOKED, RejectionReason.REVOKED),
        (Reason.USED_UP, RejectionReason.USED_UP),
        (Reason.DENIED, RejectionReason.DENIED),
    ],
)
def test_a_rejection_says_what_the_registry_says(
    meeting: Meeting, decision: Reason, expected: RejectionReason
) -> None:
    meeting.words = {Right.READ: Word(decision, CERTIFICATE)}
    assert reason_of(meeting, meeting.ask().packet) is expected
    assert not meeting.spent


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.allows])
def test_every_reason_that_allows_opens_a_session(meeting: Meeting, reason: Reason) -> None:
    with_certificate = reason in (Reason.CERTIFICATE, Reason.GROUP)
    meeting.words = {Right.READ: Word(reason, NOTHING if reason is Reason.OWNER else CERTIFICATE)}
    meeting.purposes = {CERTIFICATE: b"\x01" * 32}
    mine, theirs = meeting.unlock(purpose=b"\x01" * 32)
    assert mine.rights == Right.READ
    # The default's certificate is the resource's own, which has no uses to count.
    assert theirs.certificates == ({CERTIFICATE} if with_certificate else set())
    assert len(meeting.spent) == with_certificate


def test_the_first_right_that_is_refused_says_why(meeting: Meeting) -> None:
    meeting.words = {Right.WRITE: Word(Reason.BLOCKED), Right.READ: Word(Reason.USED_UP, CERTIFICATE)}
    assert reason_of(meeting, meeting.ask(READ_WRITE).packet) is RejectionReason.USED_UP


def test_a_purpose_must_be_that_of_the_certificate(meeting: Meeting) -> None:
    billing, research = b"\x01" * 32, b"\x02" * 32
    meeting.purposes = {CERTIFICATE: billing}
    for purpose in (research, NOTHING):
        assert reason_of(meeting, meeting.ask(purpose=purpose).packet) is RejectionReason.PURPOSE
    assert meeting.unlock(purpose=billing)[1].purpose == billing
    # A certificate without a purpose allows any, and a list has none to say.
    meeting.purposes = {}
    assert meeting.unlock(purpose=research)[1].purpose == research
    meeting.purposes = {CERTIFICATE: billing}
    meeting.words = {Right.READ: Word(Reason.DEFAULT, CERTIFICATE)}
    assert meeting.unlock(purpose=research)[1].purpose == research


def test_a_named_certificate_must_be_what_the_rights_rest_on(meeting: Meeting) -> None:
    meeting.words[Right.WRITE] = Word(Reason.ALLOW_LIST)
    assert meeting.unlock(READ_WRITE, certificate=CERTIFICATE)[0].rights == Right.READ
    other = reason_of(Meeting(), meeting.ask(certificate=b"\x07" * 32).packet)
    assert other is RejectionReason.CERTIFICATE


@pytest.mark.parametrize(
    ("change", "now", "expected"),
    [
        ({"host": STRANGER.address}, NOW, RejectionReason.WRONG_HOST),
        ({}, NOW - CLOCK_SKEW - 1, RejectionReason.CLOCK),
        ({}, NOW + 60, RejectionReason.EXPIRED),
        ({"expires_at": NOW + MAX_REQUEST_SECONDS + 1}, NOW, RejectionReason.WINDOW),
        ({"expires_at": 2**64 - 1, "requested_at": 0}, NOW, RejectionReason.WINDOW),
        ({"expires_at": NOW + 10, "requested_at": NOW + 10}, NOW, RejectionReason.WINDOW),
        ({"expires_at": NOW + 10, "requested_at": NOW + 20}, NOW, RejectionReason.WINDOW),
        ({"rights": 0}, NOW, RejectionReason.RIGHTS),
        ({"rights": 8}, NOW, RejectionReason.RIGHTS),
        ({"rights": 2**32 - 1}, NOW, RejectionReason.RIGHTS),
        ({"resource": b"\x01" * 32}, NOW, RejectionReason.UNKNOWN_RESOURCE),
        ({"accessor": STRANGER.address}, NOW, RejectionReason.SIGNATURE),
        ({"ephemeral_key": NOTHING}, NOW, RejectionReason.EPHEMERAL_KEY),
    ],
)
def test_a_request_is_rejected(
    meeting: Meeting, change: dict[str, object], now: int, expected: RejectionReason
) -> None:
    packet = sent(replace(meeting.ask().request, **change), meeting.accessor_signer)
    assert reason_of(meeting, packet, now) is expected
    assert not meeting.spent


def test_the_edges_of_a_requests_time(meeting: Meeting) -> None:
    for now in (NOW - CLOCK_SKEW, NOW, NOW + 59):
        assert isinstance(meeting.answer(meeting.ask(), now), Accepted)
    meeting.unlock(lifetime=MAX_REQUEST_SECONDS)


@pytest.mark.parametrize("point", LOW_ORDER)
@pytest.mark.parametrize("high_bit", [0, 1 << 255])
def test_a_key_of_low_order_agrees_with_nobody(meeting: Meeting, point: int, high_bit: int) -> None:
    key = (point | high_bit).to_bytes(32, "little")
    attempt = meeting.ask()
    request = replace(attempt.request, ephemeral_key=key)
    assert reason_of(meeting, sent(request, meeting.accessor_signer)) is RejectionReason.EPHEMERAL_KEY
    acceptance = replace(accepted(meeting, attempt), ephemeral_key=key)
    with pytest.raises(EphemeralKeyError) as refused:
        attempt.take(sign_packet(acceptance, meeting.host_signer, DOMAIN).to_bytes(), NOW)
    assert refused.value.key == key


def test_only_who_acts_for_the_accessor_signs_for_it(meeting: Meeting) -> None:
    request = meeting.ask().request
    assert reason_of(meeting, sent(request, STRANGER)) is RejectionReason.SIGNATURE
    meeting.deputies.add((request.accessor, STRANGER.address))
    answer = meeting.host.answer(sent(request, STRANGER), NOW)
    assert isinstance(answer, Accepted)
    assert answer.session.account == STRANGER.address
    # The signature of one deputy under the name of another.
    other = signer(68)
    meeting.deputies.add((request.accessor, other.address))
    borrowed = replace(sign_packet(request, STRANGER, DOMAIN), account=other.address)
    fresh = Meeting(deputies=meeting.deputies)
    assert reason_of(fresh, borrowed.to_bytes()) is RejectionReason.SIGNATURE


def test_a_signature_for_another_chain_or_contract_is_none(meeting: Meeting) -> None:
    request = meeting.ask().request
    for other in (replace(DOMAIN, chain_id=1), replace(DOMAIN, verifying_contract=STRANGER.address)):
        packet = sent(request, meeting.accessor_signer, other)
        assert reason_of(meeting, packet) is RejectionReason.SIGNATURE


def test_the_second_form_of_a_signature_is_none(meeting: Meeting) -> None:
    packet = sign_packet(meeting.ask().request, meeting.accessor_signer, DOMAIN)
    order = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    made = Signature.from_bytes(packet.signature)
    second = made.r.to_bytes(32, "big") + (order - made.s).to_bytes(32, "big") + bytes((55 - made.v,))
    assert reason_of(meeting, replace(packet, signature=second).to_bytes()) is RejectionReason.SIGNATURE


def test_a_request_opens_one_session(meeting: Meeting) -> None:
    attempt = meeting.ask()
    meeting.answer(attempt)
    again = meeting.answer(attempt, NOW + 1)
    assert isinstance(again, Rejected)
    assert again.reason is RejectionReason.REPLAYED
    # Nor does another request with the same nonce, also when it is the host's second life with the same store.
    request = replace(attempt.request, expires_at=NOW + 50)
    restarted = meeting.new_host().answer(sent(request, meeting.accessor_signer), NOW + 2)
    assert isinstance(restarted, Rejected)
    assert restarted.reason is RejectionReason.REPLAYED
    assert len(meeting.host.live(NOW + 2)) == len(meeting.spent) == 1


def test_a_host_that_forgot_refuses_what_it_may_have_accepted(meeting: Meeting) -> None:
    attempt = meeting.ask(lifetime=MAX_REQUEST_SECONDS)
    meeting.answer(attempt)
    started = NOW + 10
    restarted = meeting.new_host(nonces=MemoryNonces(since=started + CLOCK_SKEW))
    answer = restarted.answer(attempt.packet, started + 1)
    assert isinstance(answer, Rejected)
    assert (answer.reason, answer.retry_after) == (RejectionReason.FORGOTTEN, CLOCK_SKEW - 1)
    later = started + CLOCK_SKEW
    assert isinstance(restarted.answer(meeting.ask(now=later).packet, later), Accepted)


def test_nonces_are_remembered_in_bounded_space() -> None:
    nonces = MemoryNonces(since=7, capacity=3)
    assert nonces.since == 7
    assert all(nonces.claim("a", bytes((n,)) * 32, 100 + n, 50) for n in range(3))
    assert not nonces.claim("a", NOTHING, 500, 99)
    with pytest.raises(NoncesFullError) as full:
        nonces.claim("b", NOTHING, 500, 99)
    assert (full.value.capacity, full.value.until) == (3, 100)
    assert nonces.claim("b", NOTHING, 500, 100)
    assert nonces.claim("a", b"\x09" * 32, 500, 101)
    assert len(nonces) == 3


def test_a_host_without_room_says_when_to_come_back(meeting: Meeting) -> None:
    meeting.host = meeting.new_host(nonces=MemoryNonces(since=0, capacity=1))
    meeting.unlock()
    full = meeting.answer(meeting.ask(now=NOW + 20), NOW + 20)
    assert isinstance(full, Rejected)
    assert (full.reason, full.retry_after) == (RejectionReason.BUSY, 40)

    meeting.host = meeting.new_host(nonces=MemoryNonces(since=0), limits=UnlockLimits(sessions=2))
    meeting.unlock()
    meeting.unlock(now=NOW + 1)
    full = meeting.answer(meeting.ask(now=NOW + 2), NOW + 2)
    assert isinstance(full, Rejected)
    assert (full.reason, full.retry_after) == (RejectionReason.BUSY, 3_598)
    attempt = meeting.ask(now=NOW + 2)
    with pytest.raises(UnlockRejectedError, match="ask again in 3598 s"):
        attempt.take(meeting.answer(attempt, NOW + 2).packet, NOW + 2)
    assert isinstance(meeting.answer(meeting.ask(now=NOW + 3_600), NOW + 3_600), Accepted)


def test_an_accessors_oldest_session_gives_way(meeting: Meeting) -> None:
    meeting.host = meeting.new_host(limits=UnlockLimits(sessions=3, sessions_per_accessor=2))
    first, second, third = [meeting.unlock(now=NOW + n)[0] for n in range(3)]
    assert [session.id for session in meeting.host.live(NOW + 3)] == [second.id, third.id]
    with pytest.raises(AccessSessionEndedError) as ended:
        meeting.host.session(first.id, NOW + 3)
    assert ended.value.reason is EndReason.REPLACED
    # What has ended is kept for a while, and not for ever.
    for n in range(20):
        meeting.unlock(now=NOW + 3 + n)
    assert len(meeting.host._sessions) <= 6
    with pytest.raises(AccessSessionUnknownError):
        meeting.host.session(first.id, NOW + 30)


def test_limits_are_those_of_the_protocol_at_most() -> None:
    UnlockLimits(session_seconds=MAX_SESSION_SECONDS, request_seconds=MAX_REQUEST_SECONDS)
    for limits in (
        {"session_seconds": MAX_SESSION_SECONDS + 1},
        {"session_seconds": 0},
        {"request_seconds": MAX_REQUEST_SECONDS + 1},
        {"request_seconds": 0},
    ):
        with pytest.raises(FieldValueError):
            UnlockLimits(**limits)


def test_a_use_is_counted_once_a_session_and_certificate(meeting: Meeting) -> None:
    meeting.words = {right: Word(Reason.CERTIFICATE, CERTIFICATE) for right in Right}
    meeting.uses = 1
    _, theirs = meeting.unlock(READ_WRITE)
    assert meeting.spent == [(RESOURCE, theirs.accessor, READ_WRITE, CERTIFICATE)]
    # The last use is used up, and the session that it opened goes on.
    meeting.words = {right: Word(Reason.USED_UP, CERTIFICATE) for right in Right}
    meeting.host.require(theirs, Right.READ, NOW + 1)
    attempt = meeting.ask()
    with pytest.raises(UnlockRejectedError) as refused:
        attempt.take(meeting.answer(attempt).packet, NOW)
    assert refused.value.reason is RejectionReason.USED_UP
    # Not where another certificate is.
    meeting.words = {right: Word(Reason.USED_UP, b"\x08" * 32) for right in Right}
    with pytest.raises(AccessSessionEndedError):
        meeting.host.require(theirs, Right.READ, NOW + 2)


def test_two_requests_do_not_share_the_last_use(meeting: Meeting) -> None:
    meeting.uses = 1
    first, second = meeting.ask(), meeting.ask()
    assert isinstance(meeting.answer(first), Accepted)
    answer = meeting.answer(second)
    assert isinstance(answer, Rejected)
    assert answer.reason is RejectionReason.USED_UP


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request": b"\x01" * 32}, "request"),
        ({"host": STRANGER.address}, "host"),
        ({"rights": 0}, "rights"),
        ({"rights": int(Right.WRITE)}, "rights"),
        ({"rights": int(READ_WRITE)}, "rights"),
        ({"rights": 2**32 - 1}, "rights"),
        ({"accepted_at": NOW + CLOCK_SKEW + 1}, "acceptedAt"),
        ({"accepted_at": NOW - CLOCK_SKEW - 1}, "acceptedAt"),
        ({"expires_at": NOW}, "expiresAt"),
        ({"expires_at": NOW + MAX_SESSION_SECONDS + 1}, "expiresAt"),
        ({"expires_at": 2**64 - 1}, "expiresAt"),
        ({"accepted_at": NOW - 20, "expires_at": NOW - 10}, "expiresAt"),
    ],
)
def test_an_acceptance_that_is_not_one_to_the_request(
    meeting: Meeting, change: dict[str, object], field: str
) -> None:
    attempt = meeting.ask()
    good = accepted(meeting, attempt)
    with pytest.raises(UnlockAnswerError) as refused:
        attempt.take(sign_packet(replace(good, **change), meeting.host_signer, DOMAIN).to_bytes(), NOW)
    assert refused.value.field == field
    # The request still waits for its answer.
    assert attempt.take(sign_packet(good, meeting.host_signer, DOMAIN).to_bytes(), NOW).rights == Right.READ


@pytest.mark.parametrize(
    "change",
    [
        {"accepted_at": NOW + CLOCK_SKEW},
        {"accepted_at": NOW - CLOCK_SKEW},
        {"expires_at": NOW + 1},
        {"expires_at": NOW + MAX_SESSION_SECONDS},
    ],
)
def test_the_edges_of_an_acceptances_time(meeting: Meeting, change: dict[str, object]) -> None:
    attempt = meeting.ask()
    edge = replace(accepted(meeting, attempt), **change)
    attempt.take(sign_packet(edge, meeting.host_signer, DOMAIN).to_bytes(), NOW)


def test_the_accessors_own_key_is_no_answer(meeting: Meeting) -> None:
    attempt = meeting.ask()
    mirrored = replace(accepted(meeting, attempt), ephemeral_key=attempt.request.ephemeral_key)
    with pytest.raises(UnlockAnswerError, match="ephemeralKey"):
        attempt.take(sign_packet(mirrored, meeting.host_signer, DOMAIN).to_bytes(), NOW)


def test_only_who_acts_for_the_host_answers_for_it(meeting: Meeting) -> None:
    attempt = meeting.ask()
    acceptance = accepted(meeting, attempt)
    forged = sign_packet(acceptance, STRANGER, DOMAIN)
    with pytest.raises(UnlockSignerError) as refused:
        attempt.take(forged.to_bytes(), NOW)
    assert (refused.value.identity, refused.value.account) == (meeting.host_id, STRANGER.address)
    with pytest.raises(UnlockSignerError):
        attempt.take(replace(forged, account=meeting.host_id).to_bytes(), NOW)
    elsewhere = replace(DOMAIN, chain_id=1)
    with pytest.raises(UnlockSignerError):
        attempt.take(sign_packet(acceptance, meeting.host_signer, elsewhere).to_bytes(), NOW)
    meeting.deputies.add((meeting.host_id, STRANGER.address))
    assert attempt.take(forged.to_bytes(), NOW).id == acceptance.session


def test_another_key_in_the_acceptance_gives_other_session_keys(meeting: Meeting) -> None:
    """Who could sign for the host and knows not its secret gains nothing from answering in its place."""
    attempt = meeting.ask()
    answer = meeting.answer(attempt)
    assert isinstance(answer, Accepted)
    read = read_answer(answer.packet).message
    assert isinstance(read, UnlockAcceptance)
    swapped = replace(read, ephemeral_key=public_key(X25519PrivateKey.generate()))
    mine = attempt.take(sign_packet(swapped, meeting.host_signer, DOMAIN).to_bytes(), NOW)
    with pytest.raises(Exception, match="packet 0 is not what the other side sent"):
        meeting.host.serve(mine.id, mine.seal(b"?", NOW), NOW, echo)


def test_an_acceptance_for_one_request_is_none_for_another(meeting: Meeting) -> None:
    first, second = meeting.ask(), meeting.ask()
    answer = meeting.answer(first)
    with pytest.raises(UnlockAnswerError) as refused:
        second.take(answer.packet, NOW)
    assert refused.value.field == "request"


def test_a_request_takes_one_answer_in_its_time(meeting: Meeting) -> None:
    attempt = meeting.ask()
    answer = meeting.answer(attempt)
    with pytest.raises(UnlockAnswerError) as late:
        attempt.take(answer.packet, NOW + 60)
    assert late.value.field == "arrival"
    attempt.take(answer.packet, NOW + 59)
    with pytest.raises(UnlockAnsweredError) as answered:
        attempt.take(answer.packet, NOW + 59)
    assert answered.value.request == attempt.request.struct_hash()
    rejected = meeting.ask(Right.WRITE)
    no = meeting.answer(rejected).packet
    with pytest.raises(UnlockRejectedError):
        rejected.take(no, NOW)
    with pytest.raises(UnlockAnsweredError):
        rejected.take(no, NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": 0}, "reason"),
        ({"reason": 255}, "reason"),
        ({"rejected_at": NOW + CLOCK_SKEW + 1}, "rejectedAt"),
        ({"rejected_at": 0}, "rejectedAt"),
        ({"request": NOTHING}, "request"),
        ({"host": STRANGER.address}, "host"),
    ],
)
def test_a_rejection_that_is_not_one_of_the_request(
    meeting: Meeting, change: dict[str, object], field: str
) -> None:
    attempt = meeting.ask(Right.WRITE)
    read = read_answer(meeting.answer(attempt).packet).message
    assert isinstance(read, UnlockRejection)
    with pytest.raises(UnlockAnswerError) as refused:
        attempt.take(sign_packet(replace(read, **change), meeting.host_signer, DOMAIN).to_bytes(), NOW)
    assert refused.value.field == field
    with pytest.raises(UnlockSignerError):
        attempt.take(sign_packet(read, STRANGER, DOMAIN).to_bytes(), NOW)


def test_what_no_host_would_accept_is_not_asked(meeting: Meeting) -> None:
    for rights in (Right(0), Right.READ | 8):
        with pytest.raises(FieldValueError):
            meeting.ask(Right(rights))
    for lifetime in (0, -1, MAX_REQUEST_SECONDS + 1):
        with pytest.raises(FieldValueError) as refused:
            meeting.ask(lifetime=lifetime)
        assert refused.value.value == NOW + lifetime


def change(packet: bytes, **fields: object) -> bytes:
    return json.dumps(json.loads(packet) | fields, sort_keys=True, separators=(",", ":")).encode()


def test_there_is_no_older_version_to_fall_back_to(meeting: Meeting) -> None:
    attempt = meeting.ask()
    answer = meeting.answer(attempt).packet
    for version in ("evgi-unlock/0", "evgi-unlock/2", "", None, 1, ["evgi-unlock/1"]):
        with pytest.raises(PacketProtocolError) as refused:
            read_request(change(attempt.packet, protocol=version))
        assert (refused.value.found, refused.value.expected) == (version, "evgi-unlock/1")
        with pytest.raises(PacketProtocolError):
            attempt.take(change(answer, protocol=version), NOW)
    unversioned = json.loads(answer)
    del unversioned["protocol"]
    with pytest.raises(PacketProtocolError):
        attempt.take(json.dumps(unversioned, sort_keys=True, separators=(",", ":")).encode(), NOW)
    keyless = json.loads(answer)
    del keyless["message"]["ephemeralKey"]
    with pytest.raises(PacketFormatError, match=r"UnlockAcceptance\.ephemeralKey is missing"):
        attempt.take(json.dumps(keyless, sort_keys=True, separators=(",", ":")).encode(), NOW)


def test_a_packet_has_one_form(meeting: Meeting) -> None:
    packet = meeting.ask().packet
    document = json.loads(packet)
    assert read_request(packet).to_bytes() == packet
    assert sorted(document) == ["account", "message", "protocol", "signature", "type"]
    for other in (
        packet + b"\n",
        b" " + packet,
        json.dumps(document).encode(),
        change(packet, account=document["account"].lower()),
        change(packet, message=document["message"] | {"requestedAt": NOW}),
        change(packet, message=document["message"] | {"rights": "1"}),
        packet.replace(b'"type"', b'"typ\\u0065"'),
        packet[:-1] + b',"type":"UnlockRequest"}',
    ):
        with pytest.raises(PacketFormatError, match="not in the canonical form"):
            read_request(other)


def test_a_packet_that_is_none(meeting: Meeting) -> None:
    packet = meeting.ask().packet
    document = json.loads(packet)
    for other in (
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 16_000,
        b"1" * 5_000,
        b'{"a":NaN}',
        change(packet, more=1),
        change(packet, type="UnlockDemand"),
        change(packet, type={"a": 1}),
        change(packet, type="UnlockAcceptance"),
        change(packet, account="0x12"),
        change(packet, account=7),
        change(packet, signature=""),
        change(packet, signature="0x"),
        change(packet, signature="0x123"),
        change(packet, signature=5),
        change(packet, signature=document["signature"].upper().replace("X", "x")),
        change(packet, message=[]),
        change(packet, message=document["message"] | {"rights": -1}),
        change(packet, message=document["message"] | {"rights": 1.0}),
        change(packet, message=document["message"] | {"nonce": "0x"}),
    ):
        with pytest.raises((PacketFormatError, PacketProtocolError)):
            read_request(other)
    for other in (b"", packet + b" " * MAX_PACKET):
        with pytest.raises(PacketSizeError):
            read_request(other)
    with pytest.raises(PacketFormatError, match="expected an answer"):
        read_answer(packet)
    with pytest.raises(PacketFormatError, match="expected a request"):
        read_request(meeting.answer(meeting.ask()).packet)


def test_an_account_that_is_a_contract_signs_in_its_own_form(meeting: Meeting) -> None:
    request = replace(meeting.ask().request, accessor=STRANGER.address)
    packet = UnlockPacket(request, STRANGER.address, b"the account knows what this is")
    assert reason_of(meeting, packet.to_bytes()) is RejectionReason.SIGNATURE
    asked: list[tuple[str, bytes, bytes]] = []

    def accepts(account: str, digest: bytes, signature: bytes) -> bool:
        asked.append((account, digest, signature))
        return True

    meeting.host = meeting.new_host(is_valid_signature=accepts)
    assert isinstance(meeting.host.answer(packet.to_bytes(), NOW), Accepted)
    assert asked == [(STRANGER.address, request.digest(DOMAIN), b"the account knows what this is")]


def test_access_is_asked_again_and_its_loss_ends_the_session(meeting: Meeting) -> None:
    mine, theirs = meeting.unlock()
    meeting.host.require(theirs, Right.READ, NOW + 1)
    with pytest.raises(AccessRightError) as refused:
        meeting.host.require(theirs, Right.WRITE, NOW + 1)
    assert (refused.value.right, refused.value.rights) == (Right.WRITE, Right.READ)

    meeting.words = {Right.READ: Word(Reason.BLOCKED)}

    def handle(session: object, question: bytes) -> bytes:
        meeting.host.require(theirs, Right.READ, NOW + 2)
        return question

    packet = mine.seal(b"?", NOW + 2)
    with pytest.raises(AccessSessionEndedError) as lost:
        meeting.host.serve(mine.id, packet, NOW + 2, handle)
    assert lost.value.reason is EndReason.ACCESS_LOST
    # For good, also where access is given again.
    meeting.words = {Right.READ: Word(Reason.CERTIFICATE, CERTIFICATE)}
    with pytest.raises(AccessSessionEndedError) as lost:
        meeting.host.serve(mine.id, packet, NOW + 2, handle)
    assert (lost.value.session, lost.value.reason) == (mine.id, EndReason.ACCESS_LOST)
    assert meeting.host.live(NOW + 2) == []


@pytest.mark.parametrize("cause", ["account", "purpose", "certificate"])
def test_what_else_ends_a_session(meeting: Meeting, cause: str) -> None:
    purpose = b"\x01" * 32
    meeting.purposes = {CERTIFICATE: purpose}
    _, theirs = meeting.unlock(purpose=purpose, certificate=CERTIFICATE)
    newer = b"\xcd" * 32
    if cause == "account":
        meeting.ousted.add(theirs.accessor)
    elif cause == "purpose":
        meeting.purposes = {CERTIFICATE: b"\x02" * 32}
    else:
        meeting.words = {Right.READ: Word(Reason.CERTIFICATE, newer)}
        meeting.purposes[newer] = purpose
    with pytest.raises(AccessSessionEndedError):
        meeting.host.require(theirs, Right.READ, NOW + 1)
    with pytest.raises(AccessSessionEndedError):
        meeting.host.session(theirs.id, NOW + 1)


def test_a_newer_certificate_of_the_same_purpose_keeps_a_session(meeting: Meeting) -> None:
    _, theirs = meeting.unlock()
    meeting.words = {Right.READ: Word(Reason.CERTIFICATE, b"\xcd" * 32)}
    meeting.host.require(theirs, Right.READ, NOW + 1)
    assert theirs.live(NOW + 1)


def test_a_session_expires_on_both_sides(meeting: Meeting) -> None:
    mine, theirs = meeting.unlock()
    end = NOW + 3_600
    packet = mine.seal(b"?", end - 1)
    assert mine.usable(end - 1)
    assert not mine.usable(end)
    for use in (
        lambda: meeting.host.serve(mine.id, packet, end, echo),
        lambda: meeting.host.session(mine.id, end),
        lambda: meeting.host.end(mine.id, end),
        lambda: mine.seal(b"?", end),
        lambda: mine.open(packet, end),
    ):
        with pytest.raises(AccessSessionExpiredError) as expired:
            use()
        assert (expired.value.expired_at, expired.value.time) == (end, end)
    assert not theirs.live(end)


def test_a_session_ends_by_either_side(meeting: Meeting) -> None:
    mine, _ = meeting.unlock()

    def farewell(session: object, question: bytes) -> bytes:
        meeting.host.session(mine.id, NOW).finish()
        return b"bye"

    answer = meeting.host.serve(mine.id, mine.seal(b"end", NOW), NOW, farewell)
    opened = mine.open(answer, NOW)
    assert (opened.plaintext, opened.last) == (b"bye", True)
    assert mine.ended is EndReason.CLOSED
    for use in (lambda: mine.seal(b"?", NOW), lambda: meeting.host.session(mine.id, NOW)):
        with pytest.raises(AccessSessionEndedError) as ended:
            use()
        assert ended.value.reason is EndReason.CLOSED

    mine, _ = meeting.unlock()
    meeting.host.end(mine.id, NOW)
    with pytest.raises(AccessSessionEndedError, match="host closed"):
        meeting.host.session(mine.id, NOW)
    mine.give_up()
    with pytest.raises(AccessSessionEndedError, match="answer lost"):
        mine.seal(b"?", NOW)
    with pytest.raises(AccessSessionUnknownError) as unknown:
        meeting.host.session(NOTHING, NOW)
    assert unknown.value.session == NOTHING


def test_a_handler_that_fails_ends_the_session(meeting: Meeting) -> None:
    mine, _ = meeting.unlock()

    def fail(session: object, question: bytes) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        meeting.host.serve(mine.id, mine.seal(b"?", NOW), NOW, fail)
    with pytest.raises(AccessSessionEndedError) as ended:
        meeting.host.session(mine.id, NOW)
    assert ended.value.reason is EndReason.HOST_FAILED


def test_a_session_answers_one_packet_at_a_time(meeting: Meeting) -> None:
    mine, _ = meeting.unlock()
    packet = mine.seal(b"?", NOW)

    def meanwhile(session: object, question: bytes) -> bytes:
        with pytest.raises(SessionTurnError):
            meeting.host.serve(mine.id, packet, NOW, echo)
        return b"done"

    answer = meeting.host.serve(mine.id, packet, NOW, meanwhile)
    assert mine.open(answer, NOW).plaintext == b"done"


def test_sessions_do_not_outlive_the_host(meeting: Meeting) -> None:
    mine, _ = meeting.unlock()
    restarted = meeting.new_host()
    with pytest.raises(AccessSessionUnknownError):
        restarted.serve(mine.id, mine.seal(b"?", NOW), NOW, echo)


def test_time_nonce_and_keys_are_arguments() -> None:
    """The same of them give the same packets: nothing else is drawn from."""

    def run() -> tuple[bytes, bytes, bytes]:
        made = iter(range(1, 10))
        meeting = Meeting()
        meeting.host = meeting.new_host(
            new_id=lambda: bytes((next(made),)) * 32,
            new_key=lambda: X25519PrivateKey.from_private_bytes(b"\x11" * 32),
        )
        meeting.accessor = meeting.new_accessor(
            nonces=lambda: b"\x22" * 32, keys=lambda: X25519PrivateKey.from_private_bytes(b"\x33" * 32)
        )
        attempt = meeting.ask()
        answer = meeting.answer(attempt).packet
        return attempt.packet, answer, attempt.take(answer, NOW).seal(b"?", NOW)

    assert run() == run()


def test_keys_are_not_shown_and_not_copied(meeting: Meeting) -> None:
    secrets = [bytes((n,)) * 32 for n in (0x41, 0x42)]
    keys = [X25519PrivateKey.from_private_bytes(secret) for secret in secrets]
    meeting.accessor = meeting.new_accessor(keys=lambda: keys[0])
    meeting.host = meeting.new_host(new_key=lambda: keys[1])
    attempt = meeting.ask()
    answer = meeting.answer(attempt)
    assert isinstance(answer, Accepted)
    assert repr(attempt) == f"UnlockAttempt(0x{attempt.request.struct_hash().hex()})"
    with pytest.raises(TypeError, match="not pickled or copied"):
        pickle.dumps(attempt)
    session = attempt.take(answer.packet, NOW)
    shared = keys[0].exchange(keys[1].public_key())
    shown = f"{attempt!r} {session!r} {answer!r} {answer.session!r} {answer.session.channel!r}"
    for secret in (*secrets, shared):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    for held in (session, answer.session):
        with pytest.raises(TypeError):
            copy.deepcopy(held)
