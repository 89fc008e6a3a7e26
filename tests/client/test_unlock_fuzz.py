"""Packets that nobody should send: whatever comes, the answer is a named error, a signed no, or the right one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from evgi_client.access.channel import Channel, EndReason, Side
from evgi_client.access.packets import RejectionReason, read_answer, sign_packet
from evgi_client.access.sessions import HostSession, Sessions
from evgi_client.access.unlock import Accepted, Rejected
from evgi_client.errors import (
    AccessError,
    AccessSessionEndedError,
    AccessSessionExpiredError,
    AccessSessionUnknownError,
    PacketError,
    SessionTurnError,
    UnlockAnswerError,
    UnlockSignerError,
)
from evgi_client.messages.access import Reason, Right, UnlockAcceptance, UnlockRequest
from tests.support.sessions import signer
from tests.support.unlocking import CERTIFICATE, DOMAIN, NOW, Meeting, Word

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = [member["name"] for member in UnlockRequest.typed_data_types()["UnlockRequest"]]


ACCESSORS = {name: signer(70 + number).address for number, name in enumerate("abcd")}


def session_of(accessor: str, number: int, expires_at: int) -> HostSession:
    """A host's session made by hand."""
    request = replace(Meeting().ask().request, accessor=accessor)
    name = number.to_bytes(32, "big")
    acceptance = UnlockAcceptance(
        request=request.struct_hash(),
        host=request.host,
        session=name,
        rights=1,
        ephemeral_key=bytes(32),
        accepted_at=NOW,
        expires_at=expires_at,
    )
    channel = Channel(Side.HOST, bytes(32), bytes(32), name, expires_at)
    return HostSession(request, acceptance, accessor, frozenset(), channel)


def canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def refused_request(meeting: Meeting, packet: bytes) -> None:
    """It opens no session, and the host says so or cannot read it."""
    before = len(meeting.host.live(NOW))
    try:
        answer = meeting.host.answer(packet, NOW)
    except PacketError:
        pass
    else:
        assert isinstance(answer, Rejected)
        read_answer(answer.packet)
    assert len(meeting.host.live(NOW)) == before
    assert not meeting.spent


@FEW
@given(st.binary(max_size=400))
def test_bytes_are_no_packet(data: bytes) -> None:
    meeting = Meeting()
    refused_request(meeting, data)
    attempt = meeting.ask()
    with pytest.raises(PacketError):
        attempt.take(data, NOW)
    mine, _ = meeting.unlock()
    with pytest.raises(PacketError):
        meeting.host.serve(mine.id, data, NOW, lambda _, question: question)
    mine.seal(b"?", NOW)
    with pytest.raises(PacketError):
        mine.open(data, NOW)


@FEW
@given(JSON)
def test_any_json_is_no_packet(document: Any) -> None:
    meeting = Meeting()
    packet = json.dumps(document).encode("utf-8", "surrogatepass")
    refused_request(meeting, packet)
    with pytest.raises(PacketError):
        meeting.ask().take(packet, NOW)


@FEW
@given(st.sampled_from(["account", "message", "protocol", "signature", "type", *MEMBERS]), JSON)
def test_a_request_with_anything_in_a_field_is_refused(name: str, value: Any) -> None:
    meeting = Meeting()
    packet = meeting.ask().packet
    document = json.loads(packet)
    place = document if name in document else document["message"]
    if canonical(value) == canonical(place[name]):
        return
    place[name] = value
    refused_request(meeting, canonical(document))


@FEW
@given(st.data())
def test_an_answer_with_anything_in_a_field_is_refused(data: st.DataObject) -> None:
    meeting = Meeting()
    attempt = meeting.ask(data.draw(st.sampled_from((Right.READ, Right.WRITE))))
    answer = meeting.answer(attempt).packet
    document = json.loads(answer)
    names = [*(name for name in document if name != "message"), *document["message"]]
    name = data.draw(st.sampled_from(names))
    place = document if name in document else document["message"]
    value = data.draw(
        JSON | st.sampled_from([str(NOW + 5), 1, 3, "0x" + "11" * 32, meeting.accessor_signer.address])
    )
    if canonical(value) == canonical(place[name]):
        return
    place[name] = value
    with pytest.raises((PacketError, UnlockAnswerError, UnlockSignerError)):
        attempt.take(canonical(document), NOW)


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x10, 0x20, 0x80])
def test_any_byte_of_a_request_changed_is_refused(flip: int) -> None:
    """0x20 turns the case of letters, 0x01 a digit into another."""
    meeting = Meeting()
    packet = bytearray(meeting.ask().packet)
    for position in range(len(packet)):
        packet[position] ^= flip
        refused_request(meeting, bytes(packet))
        packet[position] ^= flip
    assert isinstance(meeting.host.answer(bytes(packet), NOW), Accepted)


@pytest.mark.parametrize("flip", [0x01, 0x20])
@pytest.mark.parametrize("right", [Right.READ, Right.WRITE])
def test_any_byte_of_an_answer_changed_is_refused(right: Right, flip: int) -> None:
    meeting = Meeting()
    attempt = meeting.ask(right)
    packet = bytearray(meeting.answer(attempt).packet)
    for position in range(len(packet)):
        packet[position] ^= flip
        with pytest.raises((PacketError, UnlockAnswerError, UnlockSignerError)):
            attempt.take(bytes(packet), NOW)
        packet[position] ^= flip


@FEW
@given(st.data())
def test_a_packet_with_bytes_taken_out_put_in_or_moved_is_refused(data: st.DataObject) -> None:
    meeting = Meeting()
    attempt = meeting.ask()
    packet = attempt.packet
    start = data.draw(st.integers(0, len(packet)))
    end = data.draw(st.integers(start, min(len(packet), start + 80)))
    put = data.draw(st.binary(max_size=20) | st.just(packet[:40]))
    changed = packet[:start] + put + packet[end:]
    if changed == packet:
        return
    refused_request(meeting, changed)


@FEW
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**40))
def test_a_signed_request_of_any_numbers_is_answered(
    rights: int, requested: int, expires: int, now: int
) -> None:
    """Whatever an accessor signs has an answer that the accessor can read."""
    meeting = Meeting()
    changed = UnlockRequest.from_json(
        meeting.ask().request.to_json() | {"rights": rights, "requestedAt": requested, "expiresAt": expires}
    )
    answer = meeting.host.answer(sign_packet(changed, meeting.accessor_signer, DOMAIN).to_bytes(), now)
    message = read_answer(answer.packet).message
    assert message.request == changed.struct_hash()
    if isinstance(answer, Accepted):
        assert requested <= now + 30
        assert now < expires <= requested + 300
        assert not int(answer.session.rights) & ~rights


@FEW
@given(
    st.integers(1, 7),
    st.dictionaries(st.sampled_from(list(Right)), st.sampled_from(list(Reason)), max_size=3),
)
def test_rights_granted_are_those_asked_and_allowed(asked: int, decisions: dict[Right, Reason]) -> None:
    meeting = Meeting(words={right: Word(reason, CERTIFICATE) for right, reason in decisions.items()})
    allowed = sum(right for right, reason in decisions.items() if reason.allows)
    attempt = meeting.ask(Right(asked))
    answer = meeting.answer(attempt)
    if asked & allowed:
        assert isinstance(answer, Accepted)
        assert int(attempt.take(answer.packet, NOW).rights) == asked & allowed
    else:
        assert isinstance(answer, Rejected)
        assert answer.reason is not RejectionReason.REPLAYED


@FEW
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 40))
        | st.tuples(st.just("end"), st.integers(0, 5))
        | st.tuples(st.just("wait"), st.sampled_from([1, 50, 100])),
        max_size=40,
    )
)
@example([("a", 0), ("a", 0), ("end", 1), ("a", 0)])
@example([("a", 0), ("end", 0), ("b", 0), ("b", 0), ("c", 0), ("d", 0)])
def test_the_sessions_of_a_host_follow_a_model(steps: list[tuple[str, int]]) -> None:
    """Three at a time, two of one accessor: the model is a list of those that live."""
    sessions, live, ended, now = Sessions(capacity=3, per_accessor=2), [], {}, NOW
    for number, (what, value) in enumerate(steps):
        live = [each for each in live if now < each.expires_at]
        if what == "wait":
            now += value
            continue
        if what == "end":
            if value < len(live):
                gone = live.pop(value)
                gone.channel.end(EndReason.CLOSED)
                ended[gone.id] = EndReason.CLOSED
            continue
        own = [each for each in live if each.accessor == ACCESSORS[what]]
        full = len(live) == 3 and len(own) < 2
        expected = min(each.expires_at for each in live) if full else None
        assert sessions.room_at(ACCESSORS[what], now) == expected
        new = session_of(ACCESSORS[what], number, now + 60 + value)
        assert sessions.add(new, now) == (not full)
        if full:
            continue
        if len(own) == 2:
            live.remove(own[0])
            ended[own[0].id] = EndReason.REPLACED
        live.append(new)
        assert sessions.live(now) == live
        assert all(sessions.get(each.id, now) is each for each in live)
        for gone, reason in ended.items():
            with pytest.raises((AccessSessionEndedError, AccessSessionUnknownError)) as over:
                sessions.get(gone, now)
            assert getattr(over.value, "reason", reason) is reason
        assert len(sessions) <= 6
        assert sessions._own.keys() == {each.accessor for each in sessions._open.values()}


def test_the_last_that_ended_are_remembered_and_no_others() -> None:
    sessions = Sessions(capacity=2, per_accessor=1)
    made = [session_of(ACCESSORS["a"], number, NOW + 60) for number in range(5)]
    assert all(sessions.add(each, NOW) for each in made)
    for each in made[:2]:
        with pytest.raises(AccessSessionUnknownError):
            sessions.get(each.id, NOW)
    for each in made[2:4]:
        with pytest.raises(AccessSessionEndedError):
            sessions.get(each.id, NOW)
    assert sessions.get(made[4].id, NOW) is made[4]


class SessionMachine(RuleBasedStateMachine):
    """One session against a model of it: whose turn it is, and whether and why it is over. Packets of the past, of the
    other direction, of another session and with changed bytes come at any time, and change nothing."""

    @initialize()
    def unlock(self) -> None:
        self.meeting = Meeting()
        self.now = NOW
        self.mine, self.theirs = self.meeting.unlock()
        self.other, _ = self.meeting.unlock()
        self.stray = self.other.seal(b"question of another session", NOW)
        self.asked: bytes | None = None
        """A question that waits for the host."""
        self.answered: bytes | None = None
        """An answer that waits for the accessor."""
        self.past: list[bytes] = []
        self.reason: EndReason | None = None
        """Why the host's side is over."""
        self.closed = False
        """The accessor knows that it is."""

    @property
    def late(self) -> bool:
        return self.now >= NOW + 3_600

    def host_error(self, otherwise: type[AccessError]) -> type[AccessError]:
        if self.reason is not None:
            return AccessSessionEndedError
        return AccessSessionExpiredError if self.late else otherwise

    def own_error(self, otherwise: type[AccessError]) -> type[AccessError]:
        if self.closed:
            return AccessSessionEndedError
        return AccessSessionExpiredError if self.late else otherwise

    def host_refuses(self, packet: bytes) -> None:
        def handle(_session: HostSession, _question: bytes) -> bytes:
            raise AssertionError("handled a packet that may not come")

        with pytest.raises(self.host_error(PacketError)):
            self.meeting.host.serve(self.mine.id, packet, self.now, handle)

    def handle(self, session: HostSession, question: bytes) -> bytes:
        self.meeting.host.require(session, Right.READ, self.now)
        if question == b"end":
            session.finish()
        return b"re: " + question

    @rule(question=st.sampled_from([b"question", b"", b"end"]))
    def ask(self, question: bytes) -> None:
        busy = self.asked is not None or self.answered is not None
        if busy or self.closed or self.late:
            with pytest.raises(self.own_error(SessionTurnError)):
                self.mine.seal(question, self.now)
            return
        self.question = question
        self.asked = self.mine.seal(question, self.now)

    @precondition(lambda self: self.asked is not None)
    @rule()
    def serve(self) -> None:
        blocked = self.meeting.words[Right.READ].reason is Reason.BLOCKED
        if self.reason is not None or self.late or blocked:
            with pytest.raises(self.host_error(AccessSessionEndedError)):
                self.meeting.host.serve(self.mine.id, self.asked, self.now, self.handle)
            if not self.late:
                self.reason = self.reason or EndReason.ACCESS_LOST
            return
        self.answered = self.meeting.host.serve(self.mine.id, self.asked, self.now, self.handle)
        self.past.append(self.asked)
        self.asked = None
        if self.question == b"end":
            self.reason = EndReason.CLOSED

    @precondition(lambda self: self.answered is not None)
    @rule()
    def read(self) -> None:
        if self.late or self.closed:
            with pytest.raises(self.own_error(PacketError)):
                self.mine.open(self.answered, self.now)
            return
        opened = self.mine.open(self.answered, self.now)
        assert opened.plaintext == b"re: " + self.question
        assert opened.last == (self.question == b"end")
        self.closed = opened.last
        self.past.append(self.answered)
        self.answered = None

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def bring_what_is_past(self, data: st.DataObject) -> None:
        packet = data.draw(st.sampled_from(self.past))
        self.host_refuses(packet)
        with pytest.raises(self.own_error(PacketError)):
            self.mine.open(packet, self.now)

    @rule()
    def bring_anothers(self) -> None:
        self.host_refuses(self.stray)
        with pytest.raises(self.own_error(PacketError)):
            self.mine.open(self.stray, self.now)

    @rule(data=st.data())
    def bring_what_was_changed(self, data: st.DataObject) -> None:
        for packet, side in ((self.asked, "host"), (self.answered, "mine")):
            if packet is None:
                continue
            changed = bytearray(packet)
            changed[data.draw(st.integers(0, len(packet) - 1))] ^= data.draw(st.integers(1, 255))
            if side == "host":
                self.host_refuses(bytes(changed))
            else:
                with pytest.raises(self.own_error(PacketError)):
                    self.mine.open(bytes(changed), self.now)

    @precondition(lambda self: self.asked is not None or self.answered is not None)
    @rule()
    def send_back(self) -> None:
        if self.asked is not None:
            with pytest.raises(self.own_error(PacketError)):
                self.mine.open(self.asked, self.now)
        if self.answered is not None:
            self.host_refuses(self.answered)

    @precondition(lambda self: self.reason is None and not self.late)
    @rule()
    def end_by_host(self) -> None:
        self.meeting.host.end(self.mine.id, self.now)
        self.reason = EndReason.HOST_CLOSED

    @rule(reason=st.sampled_from([Reason.BLOCKED, Reason.CERTIFICATE]))
    def change_access(self, reason: Reason) -> None:
        self.meeting.words = {Right.READ: Word(reason, CERTIFICATE)}

    @rule(seconds=st.sampled_from([1, 60, 1_800]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def ask_for_no_session(self) -> None:
        with pytest.raises(AccessSessionUnknownError):
            self.meeting.host.serve(bytes(32), self.stray, self.now, self.handle)

    @invariant()
    def the_host_knows_what_is_live(self) -> None:
        live = self.reason is None and not self.late
        assert (self.theirs in self.meeting.host.live(self.now)) == live
        assert self.mine.usable(self.now) == (not self.closed and not self.late)
        if live:
            assert self.meeting.host.session(self.mine.id, self.now) is self.theirs
        else:
            with pytest.raises((AccessSessionEndedError, AccessSessionExpiredError)) as over:
                self.meeting.host.session(self.mine.id, self.now)
            if isinstance(over.value, AccessSessionEndedError):
                assert over.value.reason is self.reason


SessionMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestSession = SessionMachine.TestCase
