"""What cannot be true of a session, and which of two that contradict each other stays."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.charging.sources import REASONS, MeteredSession, Quarantined
from evgi_client.charging.sources.rules import Draft, check, judge, possible_energy_wh
from evgi_client.errors import SessionRowError

SESSION = MeteredSession(
    row=1,
    session_id="S1",
    operator="Garage",
    evse_id="NO*TST*E1",
    connector_number=1,
    driver="driver",
    started_at=1_700_000_000,
    ended_at=1_700_003_600,
    energy_wh=7_000,
    rated_power_w=7_360,
    time_resolution=60,
)


def drafts(*sessions: MeteredSession) -> list[Draft]:
    return [Draft(session, {"row": str(session.row)}) for session in sessions]


def spans(*times: tuple[int, int], **changes: object) -> list[MeteredSession]:
    """Sessions of one connector without energy, from minute to minute."""
    return [
        replace(
            SESSION,
            row=row,
            session_id=f"S{row}",
            started_at=60 * start,
            ended_at=60 * end,
            energy_wh=0,
            **changes,  # type: ignore[arg-type]
        )
        for row, (start, end) in enumerate(times, 1)
    ]


def outcome(sessions: list[MeteredSession]) -> tuple[list[int], dict[int, str]]:
    """Rows that stay, and the reasons of the others."""
    kept, quarantined = judge(drafts(*sessions))
    return [session.row for session in kept], {one.row: one.reason for one in quarantined}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"started_at": -1, "ended_at": 100}, "unreadable"),
        ({"ended_at": SESSION.started_at - 1}, "end_before_start"),
        ({"energy_wh": -1}, "negative_energy"),
        ({"energy_wh": 7_360 * 3_660 // 3_600 + 1}, "impossible_energy"),
        # The first rule that a session breaks names it.
        ({"ended_at": SESSION.started_at - 1, "energy_wh": -1}, "end_before_start"),
    ],
)
def test_a_session_that_cannot_be_true(changes: dict[str, int], reason: str) -> None:
    with pytest.raises(SessionRowError) as caught:
        check(replace(SESSION, **changes))  # type: ignore[arg-type]
    assert caught.value.reason == reason
    assert reason in REASONS


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"energy_wh": 0},
        {"ended_at": SESSION.started_at, "energy_wh": 122},
        {"energy_wh": 7_360 * 3_660 // 3_600},
        {"started_at": 0, "ended_at": 0, "energy_wh": 0},
    ],
)
def test_a_session_that_can_be_true(changes: dict[str, int]) -> None:
    check(replace(SESSION, **changes))  # type: ignore[arg-type]


def test_a_minute_is_allowed_for_where_times_are_minutes() -> None:
    # 32 A on one phase for an hour that may have been a second short of an hour and a minute.
    assert possible_energy_wh(7_360, 3_600, 60) == 7_482
    assert possible_energy_wh(7_360, 3_600, 1) == 7_362
    assert possible_energy_wh(7_360, 0, 1) == 2


def test_the_numbers_are_in_the_detail() -> None:
    _, (row,) = judge(drafts(replace(SESSION, energy_wh=99_000)))
    assert row == Quarantined(
        1,
        "S1",
        "impossible_energy",
        "99000 Wh in 3600 s: 7360 W deliver at most 7482 Wh",
        {"row": "1"},
    )


def test_touching_sessions_do_not_overlap() -> None:
    assert outcome(spans((0, 10), (10, 20), (20, 20), (20, 30))) == ([1, 2, 4], {3: "duplicate"})
    assert outcome(spans((0, 10), (10, 10), (11, 12))) == ([1, 2, 3], {})


def test_the_most_sessions_stay() -> None:
    """One long session goes where three others can be true without it."""
    kept, quarantined = judge(drafts(*spans((0, 100), (1, 10), (20, 30), (40, 50))))
    assert [session.row for session in kept] == [2, 3, 4]
    (long,) = quarantined
    assert (long.row, long.reason) == (1, "overlap")
    assert long.detail == "runs while the connector serves session S4 (row 4)"


def test_a_session_of_no_length_within_another_overlaps_it() -> None:
    assert outcome(spans((0, 10), (5, 5))) == ([2], {1: "overlap"})


def test_connectors_are_apart() -> None:
    one, other = spans((0, 10), (5, 15))
    assert outcome([one, replace(other, connector_number=2)]) == ([1, 2], {})
    assert outcome([one, replace(other, evse_id="NO*TST*E2")]) == ([1, 2], {})


def test_a_connector_is_itself_however_its_evse_id_is_written() -> None:
    one, other = spans((0, 10), (5, 15))
    assert outcome([one, replace(other, evse_id="no-tst-e1")]) == ([1], {2: "overlap"})


def test_the_first_of_one_id_stays() -> None:
    one, other = spans((0, 10), (20, 30))
    kept, (again,) = judge(drafts(one, replace(other, session_id="S1", energy_wh=100)))
    assert [session.row for session in kept] == [1]
    assert (again.row, again.reason, again.detail) == (2, "duplicate", "the id S1 is that of row 1")


def test_two_operators_may_use_one_id() -> None:
    one, other = spans((0, 10), (20, 30))
    pair = drafts(one, replace(other, session_id="S1", operator="Other"))
    assert len(judge(pair)[0]) == 1
    assert len(judge(pair, ids_per_operator=True)[0]) == 2


def test_of_one_connector_and_start_the_one_with_the_most_energy_stays() -> None:
    attempt, session = spans((0, 0), (0, 60))
    kept, (broken_off,) = judge(drafts(attempt, replace(session, energy_wh=5_000)))
    assert [session.row for session in kept] == [2]
    assert (broken_off.row, broken_off.reason) == (1, "duplicate")
    assert "session S2 (row 2)" in broken_off.detail


def test_a_session_that_cannot_be_true_contradicts_nobody() -> None:
    wrong, right = spans((0, 100), (10, 20))
    assert outcome([replace(wrong, energy_wh=-5), right]) == ([2], {1: "negative_energy"})


def test_a_source_has_rules_of_its_own() -> None:
    def refuse(session: MeteredSession) -> None:
        if session.row == 2:
            raise SessionRowError("price_disagrees", "4.00, its tariff gives 5.00")

    kept, quarantined = judge(drafts(*spans((0, 10), (5, 15), (10, 20))), refuse)
    assert [session.row for session in kept] == [1, 3]
    assert [(one.row, one.reason) for one in quarantined] == [(2, "price_disagrees")]


def sessions_of(connectors: int, most: int, distinct_ids: bool) -> st.SearchStrategy[list[MeteredSession]]:
    one = st.builds(
        lambda identity, connector, start, length, energy: replace(
            SESSION,
            session_id=identity,
            connector_number=connector,
            started_at=60 * start,
            ended_at=60 * (start + length),
            energy_wh=energy,
        ),
        st.text("ab", min_size=1, max_size=2),
        st.integers(1, connectors),
        st.integers(0, 20),
        st.integers(-1, 8),
        st.integers(-1, 1_500),
    )
    return st.lists(one, max_size=most).map(
        lambda sessions: [
            replace(session, row=row, session_id=str(row) if distinct_ids else session.session_id)
            for row, session in enumerate(sessions, 1)
        ]
    )


@settings(max_examples=100, deadline=None)
@given(sessions_of(2, 30, distinct_ids=False))
def test_every_session_stays_or_has_a_reason_and_what_stays_can_be_true(
    sessions: list[MeteredSession],
) -> None:
    kept, quarantined = judge(drafts(*sessions))
    assert sorted([session.row for session in kept] + [one.row for one in quarantined]) == [
        session.row for session in sessions
    ]
    assert kept == [session for session in sessions if session in kept]
    assert {one.reason for one in quarantined} <= REASONS.keys()
    assert len({session.session_id for session in kept}) == len(kept)
    assert len({(session.connector, session.started_at) for session in kept}) == len(kept)
    for session in kept:
        check(session)
    for one, other in combinations(kept, 2):
        if one.connector == other.connector:
            assert one.ended_at <= other.started_at or other.ended_at <= one.started_at


@settings(max_examples=100, deadline=None)
@given(sessions_of(2, 30, distinct_ids=True), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_what_stays(sessions: list[MeteredSession], random: object) -> None:
    """Where ids are unique; of two sessions that are alike in everything else, it is the same one of its kind."""
    shuffled = list(sessions)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def content(some: list[MeteredSession]) -> Counter[tuple[object, ...]]:
        kept, _ = judge(drafts(*[replace(session, row=row) for row, session in enumerate(some, 1)]))
        return Counter((one.connector, one.started_at, one.ended_at, one.energy_wh) for one in kept)

    assert content(shuffled) == content(sessions)


@settings(max_examples=100, deadline=None)
@given(sessions_of(1, 9, distinct_ids=True))
def test_no_choice_keeps_more_sessions(sessions: list[MeteredSession]) -> None:
    """Compared with every subset of the sessions that are neither impossible nor duplicates."""
    kept, quarantined = judge(drafts(*sessions))
    overlapping = {one.row for one in quarantined if one.reason == "overlap"}
    candidates = [session for session in sessions if session in kept or session.row in overlapping]

    def compatible(some: tuple[MeteredSession, ...]) -> bool:
        return all(
            one.ended_at <= other.started_at or other.ended_at <= one.started_at
            for one, other in combinations(some, 2)
        )

    most = max(
        size
        for size in range(len(candidates) + 1)
        if any(compatible(some) for some in combinations(candidates, size))
    )
    assert len(kept) == most


@settings(max_examples=100, deadline=None)
@given(sessions_of(1, 20, distinct_ids=True))
def test_an_overlap_names_a_session_that_stays_and_that_it_collides_with(
    sessions: list[MeteredSession],
) -> None:
    kept, quarantined = judge(drafts(*sessions))
    by_row = {session.row: session for session in sessions}
    for one in quarantined:
        if one.reason == "overlap":
            named = int(one.detail.rpartition("row ")[2].rstrip(")"))
            mine, other = by_row[one.row], by_row[named]
            assert other in kept
            assert mine.started_at < other.ended_at
            assert other.started_at < mine.ended_at
