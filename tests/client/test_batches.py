"""The packed layout of a batch, its event, and the start log."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.charging.batches import (
    EPOCH,
    EVENT_HEADER_BYTES,
    SESSION_BYTES,
    Group,
    PlacedSession,
    decode_settled,
    groups_of,
    session_at,
)
from evgi_client.charging.start_log import StartIndex, digest_of, witness_of
from evgi_client.errors import BatchLayoutError
from evgi_client.messages import Domain, SessionKey, keccak256
from tests.support.sessions import Maker, signer, terms_for

DOMAIN = Domain("SessionSettlement", "1", 1, "0x" + "11" * 20)
CONNECTOR = bytes(range(32))
MAKER = Maker(terms_for(CONNECTOR, signer(1).address, signer(2).address), signer(3), signer(4), DOMAIN)
BASE = 600 * EPOCH


def test_a_session_takes_81_bytes_whose_fields_are_where_the_contract_reads_them() -> None:
    session = MAKER.session(BASE + 5, energy_wh=7_001, cost=2_450_350, max_cost=9_000_000)
    packed = Group(MAKER.terms, 600, (PlacedSession(session, 2_049),), b"").packed()
    assert len(packed) == SESSION_BYTES
    assert packed[:64] == session.driver_signature.compact()
    assert packed[64:67] == (5).to_bytes(3, "big")
    assert packed[67:70] == (2_049).to_bytes(3, "big")
    assert packed[70:73] == (7_001).to_bytes(3, "big")
    assert packed[73:77] == (2_450_350).to_bytes(4, "big")
    assert packed[77:81] == (9_000_000 - 2_450_350).to_bytes(4, "big")


def test_starts_count_from_the_session_before() -> None:
    placed = tuple(PlacedSession(MAKER.session(BASE + start), 0) for start in (10, 4_000, 90_000))
    packed = Group(MAKER.terms, 600, placed, b"").packed()
    deltas = [int.from_bytes(packed[at + 64 : at + 67], "big") for at in range(0, len(packed), SESSION_BYTES)]
    assert deltas == [10, 3_990, 86_000]


@pytest.mark.parametrize(
    ("starts", "field"),
    [((20, 10), "startedAt"), ((10, 10), "startedAt"), ((EPOCH,), "startedAt")],
)
def test_starts_out_of_order_or_epoch_do_not_pack(starts: tuple[int, ...], field: str) -> None:
    placed = tuple(PlacedSession(MAKER.session(BASE + start), 0) for start in starts)
    with pytest.raises(BatchLayoutError) as caught:
        Group(MAKER.terms, 600, placed, b"").packed()
    assert caught.value.field == field


def test_a_cost_above_the_signed_maximum_has_no_encoding() -> None:
    session = MAKER.session(BASE, cost=5_000_001, max_cost=5_000_000)
    with pytest.raises(BatchLayoutError) as caught:
        Group(MAKER.terms, 600, (PlacedSession(session, 0),), b"").packed()
    assert (caught.value.field, caught.value.value) == ("slack", -1)


def test_groups_are_by_terms_and_epoch_and_ascend() -> None:
    other = Maker(terms_for(bytes(32), signer(1).address, signer(2).address), signer(3), signer(4), DOMAIN)
    sessions = [
        MAKER.session(BASE + EPOCH + 7), other.session(BASE + 3), MAKER.session(BASE + 9), MAKER.session(BASE + 2),
    ]  # fmt: skip
    groups = groups_of([PlacedSession(session, number) for number, session in enumerate(sessions)])
    found = [(terms.connector, epoch, [one.driver for one in placed]) for terms, epoch, placed in groups]
    assert found == [(CONNECTOR, 600, [3, 2]), (bytes(32), 600, [1]), (CONNECTOR, 601, [0])]


def test_an_index_names_the_session_across_groups() -> None:
    one, two, three = (PlacedSession(MAKER.session(BASE + start), start) for start in (1, 2, 3))
    groups = [Group(MAKER.terms, 600, (one, two), b""), Group(MAKER.terms, 600, (three,), b"")]
    assert [session_at(groups, index) for index in range(3)] == [one, two, three]
    with pytest.raises(BatchLayoutError):
        session_at(groups, 3)


@pytest.mark.parametrize("cut", [1, EVENT_HEADER_BYTES - 1, EVENT_HEADER_BYTES + 13])
def test_a_cut_event_is_refused(cut: int) -> None:
    whole = CONNECTOR + (1).to_bytes(2, "big") + bytes(14)
    assert len(list(decode_settled(whole))) == 1
    with pytest.raises(BatchLayoutError):
        list(decode_settled(whole[:cut]))


@given(st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=40))
@settings(max_examples=60)
def test_the_index_knows_every_start_whatever_the_order(starts: list[int]) -> None:
    index = StartIndex()
    for start in starts + starts[:3]:
        index.add(SessionKey(CONNECTOR, start))
    for epoch in {start // EPOCH for start in starts}:
        assert index.starts(CONNECTOR, epoch) == tuple(sorted(s for s in starts if s // EPOCH == epoch))
    assert all(SessionKey(CONNECTOR, start) in index for start in starts)
    assert SessionKey(CONNECTOR, 2**32) not in index
    assert all(SessionKey(bytes(32), start) not in index for start in starts)


def test_the_digest_chains_28_bytes_and_a_start() -> None:
    first = keccak256(bytes(28) + (7).to_bytes(4, "big"))[:28]
    assert digest_of([7, 9]) == keccak256(first + (9).to_bytes(4, "big"))[:28]
    assert digest_of([]) == bytes(28)


def test_a_witness_is_needed_only_for_what_comes_before_the_last_start() -> None:
    assert witness_of([], 5) == b""
    assert witness_of([3, 4], 5) == b""
    assert witness_of([3, 8], 5) == bytes([0, 0, 0, 3, 0, 0, 0, 8])
