"""From a queue to the chain: what is right is settled once, what is wrong is set aside, the rest goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.chain import Chain
from evgi_client.charging.batches import EPOCH
from evgi_client.charging.queue import OfflineQueue, Status
from evgi_client.charging.start_log import digest_of
from evgi_client.charging.submission import Submission, SubmissionResult
from evgi_client.clearing.positions import Positions
from evgi_client.demo.audit import read_chain
from tests.support.sessions import DAY, HOUR, signer
from tests.support.suite import Suite, found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evgi_client.charging.session import SignedSession
    from evgi_client.signing import LocalSigner

BEGIN = 600 * EPOCH + 5 * DAY


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    suite = found(Chain.embedded(start=BEGIN), tmp_path_factory.mktemp("suite") / "deployment.json")
    suite.chain.advance_to(BEGIN + 5 * DAY)
    return suite


@pytest.fixture
def suite(founded: Suite) -> Iterator[Suite]:
    snapshot = founded.chain.snapshot()
    yield founded
    founded.chain.revert_to(snapshot)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[OfflineQueue]:
    with OfflineQueue(tmp_path / "station.db") as queue:
        yield queue


def submit(
    suite: Suite, queue: OfflineQueue, by: LocalSigner | None = None, batch_size: int = 500
) -> list[SubmissionResult]:
    signer = by or suite.creditor
    return list(Submission(queue, suite.contracts, suite.domain, signer, suite.facts(), batch_size).run())


def chain_says(suite: Suite) -> Counter[tuple[bytes, int]]:
    record = read_chain(suite.contracts, suite.deployment.first_block)
    return Counter((one.session.key.connector, one.session.key.started_at) for one in record.settled)


def keys(sessions: list[SignedSession]) -> Counter[tuple[bytes, int]]:
    return Counter((session.key.connector, session.key.started_at) for session in sessions)


def test_what_is_queued_is_settled_and_a_second_run_does_nothing(suite: Suite, queue: OfflineQueue) -> None:
    sessions = [suite.maker(n % 5, point=n % 2).session(BEGIN + n * HOUR) for n in range(9)]
    queue.put_many(sessions)
    results = submit(suite, queue, batch_size=4)
    assert {result.status for result in results} == {Status.SETTLED}
    assert chain_says(suite) == keys(sessions)
    assert submit(suite, queue) == []
    assert queue.counts()[Status.SETTLED] == 9


def test_wrong_sessions_are_set_aside_with_their_reason_and_the_rest_is_settled(
    suite: Suite, queue: OfflineQueue
) -> None:
    maker = suite.maker()
    good = [maker.session(BEGIN + n * HOUR) for n in range(4)]
    bad = {
        "SessionTooLate": suite.maker(submit_within=HOUR).session(BEGIN + 10 * HOUR),
        "DriverUnknown": replace(maker, driver=signer(999)).session(BEGIN + 11 * HOUR),
        "DriverSignatureInvalid": maker.session(BEGIN + 12 * HOUR, driver=suite.drivers[1]),
        "MeterSignatureInvalid": replace(maker, meter=signer(998)).session(BEGIN + 13 * HOUR),
        "CostAboveMaximum": maker.session(BEGIN + 14 * HOUR, cost=2_000_000, max_cost=1_999_999),
        "CostAboveCeiling": maker.session(BEGIN + 15 * HOUR, cost=4_200_001),
        "EnergyAboveRating": maker.session(BEGIN + 16 * HOUR, energy_wh=30_000, cost=1),
        "DurationAboveLimit": maker.session(BEGIN + 17 * HOUR, seconds=2 * DAY + 1),
        "ChargePointNotServed": replace(maker, terms=replace(maker.terms, connector=b"\x42" * 32)).session(
            BEGIN
        ),
    }
    queue.put_many([*good, *bad.values()])
    results = submit(suite, queue)
    assert chain_says(suite) == keys(good)
    reasons = {
        result.session: (result.reason or "").split("(")[0]
        for result in results
        if result.status is Status.QUARANTINED
    }
    assert reasons == {session.key: reason for reason, session in bad.items()}
    assert queue.counts()[Status.QUARANTINED] == len(bad)


def test_a_session_that_only_the_chain_refuses_is_dropped_and_its_batch_goes_on(
    suite: Suite, queue: OfflineQueue
) -> None:
    """The checks passed, then time went by before the second batch was sent: one of its sessions became late."""
    first = [suite.maker().session(BEGIN + n * HOUR) for n in (0, 1)]
    since = suite.chain.now() - BEGIN
    overdue = suite.maker(submit_within=since).session(BEGIN + 2 * HOUR)
    last = suite.maker().session(BEGIN + 3 * HOUR)
    queue.put_many([*first, overdue, last])
    submission = Submission(queue, suite.contracts, suite.domain, suite.creditor, suite.facts(), batch_size=2)
    outcome = {}
    for result in submission.run():
        outcome[result.session] = (result.status, (result.reason or "").split("(")[0])
        if len(outcome) == 2:
            suite.chain.advance_to(suite.chain.now() + 3 * HOUR)
    assert outcome == {
        first[0].key: (Status.SETTLED, ""),
        first[1].key: (Status.SETTLED, ""),
        overdue.key: (Status.QUARANTINED, "SessionTooLate"),
        last.key: (Status.SETTLED, ""),
    }
    assert chain_says(suite) == keys([*first, last])


def test_a_late_arrival_is_settled_after_its_successors(suite: Suite, queue: OfflineQueue) -> None:
    sessions = [suite.maker(n % 3).session(BEGIN + n * HOUR) for n in range(6)]
    for order in ((1, 4), (0, 5), (3,), (2,)):
        queue.put_many(sessions[n] for n in order)
        assert {result.status for result in submit(suite, queue)} == {Status.SETTLED}
    log = suite.settlement.call("startLogOf", suite.points[0].connector, 600)
    assert log.digest == digest_of(session.started_at for session in sessions)
    assert chain_says(suite) == keys(sessions)


def test_a_full_credit_line_holds_sessions_until_the_debtor_pays(suite: Suite, queue: OfflineQueue) -> None:
    maker = suite.maker(max_energy=2_000_000, max_duration=10 * DAY)
    suite.chain.advance_to(BEGIN + 12 * DAY)
    sessions = [
        maker.session(
            BEGIN + 9 * n, energy_wh=1_500_000, cost=300_000_000, max_cost=300_000_000, seconds=4 * DAY
        )
        for n in range(2)
    ]
    queue.put_many(sessions)
    results = submit(suite, queue, batch_size=1)
    assert [result.status for result in results] == [Status.SETTLED, Status.QUEUED]
    assert "CreditLineExceeded" in (results[1].reason or "")
    Positions(suite.contracts, suite.debtor).settle(suite.creditor.address)
    assert [result.status for result in submit(suite, queue)] == [Status.SETTLED]
    assert chain_says(suite) == keys(sessions)


def test_a_session_that_has_not_ended_by_the_chains_time_waits(suite: Suite, queue: OfflineQueue) -> None:
    queue.put(suite.maker().session(suite.chain.now() - 60))
    (result,) = submit(suite, queue)
    assert (result.status, (result.reason or "").split("(")[0]) == (Status.QUEUED, "SessionInFuture")
    suite.chain.advance_to(suite.chain.now() + 2 * HOUR)
    assert [result.status for result in submit(suite, queue)] == [Status.SETTLED]


def test_only_the_creditors_own_sessions_are_taken(suite: Suite, queue: OfflineQueue) -> None:
    queue.put(suite.maker().session(BEGIN))
    assert submit(suite, queue, by=suite.stranger) == []
    assert queue.counts()[Status.QUEUED] == 1


def test_two_queues_with_the_same_sessions_settle_them_once(
    suite: Suite, queue: OfflineQueue, tmp_path: Path
) -> None:
    sessions = [suite.maker().session(BEGIN + n * HOUR) for n in range(4)]
    queue.put_many(sessions)
    with OfflineQueue(tmp_path / "mule.db") as mule:
        mule.put_many(sessions[1:3])
        assert {result.status for result in submit(suite, mule)} == {Status.SETTLED}
        results = submit(suite, queue)
        assert {result.status for result in results} == {Status.SETTLED}
        assert chain_says(suite) == keys(sessions)
        hashes = {queued.session.key: queued.transaction_hash for queued in queue.sessions()}
        assert {
            queued.session.key: queued.transaction_hash for queued in mule.sessions()
        }.items() <= hashes.items()


def test_another_session_under_a_settled_key_is_set_aside(
    suite: Suite, queue: OfflineQueue, tmp_path: Path
) -> None:
    """Settled is settled, but only for the session that it was: nobody is told that theirs was paid."""
    settled, other = suite.maker(0).session(BEGIN), suite.maker(1).session(BEGIN)
    suite.settle(settled)
    queue.put(other)
    (result,) = submit(suite, queue)
    assert result.status is Status.QUARANTINED
    assert (result.reason or "").startswith("SessionAlreadySettled(")
    with OfflineQueue(tmp_path / "other.db") as honest:
        honest.put(settled)
        assert [result.status for result in submit(suite, honest)] == [Status.SETTLED]


class PowerFailure(BaseException):
    """Not an Exception: nothing in the package may catch it."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", ["prepare", "mark_submitted", "broadcast", "wait", "mark_settled", "sync"])
def test_power_fails_at_each_step_of_a_submission(
    suite: Suite, queue: OfflineQueue, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    """Each step of the second batch is cut off before and after it; the next run finishes what is left, once."""
    sessions = [suite.maker(n % 3).session(BEGIN + n * HOUR) for n in range(6)]
    queue.put_many(sessions)
    facts = suite.facts()
    owner = {"prepare": suite.settlement, "wait": suite.settlement, "broadcast": suite.chain, "sync": facts}
    target = owner.get(step, queue)
    original, calls = getattr(target, step), 0

    def failing(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        # The facts are read once before the first batch.
        if calls < 2 + (step == "sync"):
            return original(*args, **kwargs)
        if moment == "after":
            original(*args, **kwargs)
        raise PowerFailure

    with monkeypatch.context() as patch:
        patch.setattr(target, step, failing)
        with pytest.raises(PowerFailure):
            list(Submission(queue, suite.contracts, suite.domain, suite.creditor, facts, batch_size=2).run())
    again = Chain.from_web3(suite.chain.web3)
    contracts = suite.deployment.contracts_on(again)
    with OfflineQueue(queue.path) as reopened:
        list(Submission(reopened, contracts, suite.domain, suite.creditor, suite.facts(), batch_size=2).run())
        assert reopened.counts()[Status.SETTLED] == len(sessions)
    assert chain_says(suite) == keys(sessions)


@given(
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=6), min_size=1, max_size=5), st.integers(1, 4)
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_arrival_settles_each_session_once(
    founded: Suite, tmp_path_factory: pytest.TempPathFactory, arrivals: list[list[int]], batch_size: int
) -> None:
    """Sessions arrive in any order, again and again, in batches of any size, over the border of two epochs."""
    suite = founded
    snapshot = suite.chain.snapshot()
    border = 601 * EPOCH
    try:
        suite.chain.advance_to(border + 8 * DAY)
        maker = suite.maker(submit_within=60 * DAY)
        known = {n: maker.session(border - 15 * HOUR + n * HOUR) for n in range(31)}
        with OfflineQueue(tmp_path_factory.mktemp("queue") / "station.db") as queue:
            for arrival in arrivals:
                queue.put_many(known[n] for n in arrival)
                submit(suite, queue, batch_size=batch_size)
            expected = keys([known[n] for n in {n for arrival in arrivals for n in arrival}])
            assert chain_says(suite) == expected
            assert queue.counts()[Status.SETTLED] == len(expected)
        for epoch in (600, 601):
            starts = sorted(start for _, start in expected if start // EPOCH == epoch)
            log = suite.settlement.call("startLogOf", suite.points[0].connector, epoch)
            assert (log.lastStart, log.digest) == (starts[-1] if starts else 0, digest_of(starts))
    finally:
        suite.chain.revert_to(snapshot)
