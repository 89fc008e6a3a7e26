"""What hostile or broken charge points, debtors and disks can do to a queue: what is right is settled all the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.chain import Chain
from evgi_client.charging.batches import EPOCH
from evgi_client.charging.queue import OfflineQueue, Status, StoredTransaction
from evgi_client.charging.submission import Submission, SubmissionResult
from evgi_client.clearing.positions import Positions
from evgi_client.demo.audit import read_chain
from evgi_client.errors import RpcError
from evgi_client.signing import Signature
from tests.support.sessions import DAY, HOUR
from tests.support.suite import CREDIT_LINE, Suite, found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evgi_client.charging.session import SignedSession
    from evgi_client.messages import SessionKey

BEGIN = 600 * EPOCH + 5 * DAY

NO_POINT = Signature(5, 1, 27)
"""5 is no x of the curve: no key can have made this signature."""


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


def submission(suite: Suite, queue: OfflineQueue, batch_size: int = 500) -> Submission:
    return Submission(queue, suite.contracts, suite.domain, suite.creditor, suite.facts(), batch_size)


def outcome(results: list[SubmissionResult]) -> dict[tuple[bytes, int], tuple[Status, str]]:
    return {
        (one.session.connector, one.session.started_at): (one.status, (one.reason or "").split("(")[0])
        for one in results
    }


def key(session: SignedSession) -> tuple[bytes, int]:
    return session.key.connector, session.key.started_at


def chain_says(suite: Suite) -> Counter[tuple[bytes, int]]:
    record = read_chain(suite.contracts, suite.deployment.first_block)
    return Counter((one.session.key.connector, one.session.key.started_at) for one in record.settled)


@pytest.mark.parametrize("signature", ["driver_signature", "meter_signature"])
def test_a_signature_that_no_key_can_have_made_stops_nobody_else(
    suite: Suite, queue: OfflineQueue, signature: str
) -> None:
    good, other = (suite.maker().session(BEGIN + n * HOUR) for n in (1, 2))
    garbled = replace(other, **{signature: NO_POINT})
    queue.put_many([good, garbled])
    reason = "DriverSignatureInvalid" if signature == "driver_signature" else "MeterSignatureInvalid"
    assert outcome(list(submission(suite, queue).run())) == {
        key(good): (Status.SETTLED, ""),
        key(garbled): (Status.QUARANTINED, reason),
    }


def test_a_session_that_claims_to_end_in_a_hundred_years_does_not_wait_for_it(
    suite: Suite, queue: OfflineQueue
) -> None:
    """It would wait for ever: its time to be submitted ends long before it."""
    endless = suite.maker(submit_within=6 * DAY).session(BEGIN, seconds=100 * 365 * DAY)
    queue.put(endless)
    suite.chain.advance_to(BEGIN + 7 * DAY)
    assert outcome(list(submission(suite, queue).run())) == {
        key(endless): (Status.QUARANTINED, "SessionTooLate")
    }


def _expensive(suite: Suite, number: int) -> list[SignedSession]:
    maker = suite.maker(max_energy=2_000_000, max_duration=10 * DAY)
    suite.chain.advance_to(BEGIN + 12 * DAY)
    cost = CREDIT_LINE * 2 // 5
    return [
        maker.session(BEGIN + 9 * n, energy_wh=1_500_000, cost=cost, max_cost=cost, seconds=4 * DAY)
        for n in range(number)
    ]


def test_a_batch_above_the_whole_credit_line_is_settled_in_parts(suite: Suite, queue: OfflineQueue) -> None:
    """Else it would never be: the same batch would be tried again after every payment, and never fit."""
    sessions = _expensive(suite, 5)
    queue.put_many(sessions)
    settled = []
    for expected in (2, 2, 1):
        results = list(submission(suite, queue).run())
        now = [one.session for one in results if one.status is Status.SETTLED]
        assert len(now) == expected
        settled += now
        waiting = [one.reason or "" for one in results if one.status is Status.QUEUED]
        assert len(waiting) == len(sessions) - len(settled)
        assert all("CreditLineExceeded" in reason for reason in waiting)
        Positions(suite.contracts, suite.debtor).settle(suite.creditor.address)
    assert settled == [session.key for session in sessions]
    assert chain_says(suite) == Counter(key(session) for session in sessions)


def test_a_batch_that_no_node_would_take_is_sent_in_parts(
    suite: Suite, queue: OfflineQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terms weigh more than sessions: many connectors fill a transaction long before many sessions do."""
    makers = [suite.maker(n % 6, point=n % 2, max_energy=100_000 + n) for n in range(400)]
    sessions = [
        maker.session(BEGIN + n * 300, energy_wh=1_000, seconds=200) for n, maker in enumerate(makers)
    ]
    queue.put_many(sessions)
    sizes = []
    original = suite.chain.broadcast

    def measured(prepared: Any) -> None:
        sizes.append(len(prepared.raw))
        original(prepared)

    monkeypatch.setattr(suite.chain, "broadcast", measured)
    assert {one.status for one in submission(suite, queue).run()} == {Status.SETTLED}
    assert max(sizes) <= 128 * 1024
    assert chain_says(suite) == Counter(key(session) for session in sessions)


def test_a_disk_that_fails_before_a_transaction_is_written_down_leaves_no_gap_in_the_nonces(
    suite: Suite, queue: OfflineQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.put(suite.maker().session(BEGIN))
    tried = submission(suite, queue)

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(queue, "mark_submitted", full)
        with pytest.raises(OSError, match="disk full"):
            list(tried.run())
    nonces = []
    original = queue.mark_submitted

    def noted(transaction: StoredTransaction, keys: list[SessionKey]) -> None:
        nonces.append(transaction.nonce)
        original(transaction, keys)

    monkeypatch.setattr(queue, "mark_submitted", noted)
    expected = suite.chain.nonce(suite.creditor.address)
    assert [one.status for one in tried.run()] == [Status.SETTLED]
    assert nonces == [expected]


def test_a_node_that_cannot_say_whether_a_transaction_landed_does_not_have_it_paid_twice(
    suite: Suite, queue: OfflineQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction is out: its sessions stay with it, and the next run waits for it instead of sending another."""
    queue.put(suite.maker().session(BEGIN))

    def busy(*_: object, **__: object) -> None:
        raise RpcError("eth_getTransactionReceipt", -32000, "transaction indexing is in progress")

    with monkeypatch.context() as patch:
        patch.setattr(suite.settlement, "wait", busy)
        with pytest.raises(RpcError):
            list(submission(suite, queue).run())
    assert queue.counts()[Status.SUBMITTED] == 1
    sent = suite.chain.nonce(suite.creditor.address)
    list(submission(suite, queue).run())
    assert queue.counts()[Status.SETTLED] == 1
    assert suite.chain.nonce(suite.creditor.address) == sent


@pytest.mark.parametrize("change", [{"energy_wh": 3_500}, {"cost": 1}, {"driver": 1}])
def test_a_session_is_not_settled_because_another_with_its_key_is(
    suite: Suite, queue: OfflineQueue, tmp_path: Path, change: dict[str, int]
) -> None:
    """Two records of one connector and start: one of them is false, and the ledger must not count it as paid."""
    change = dict(change)
    other = suite.maker(change.pop("driver", 0)).session(BEGIN, **change)  # type: ignore[arg-type]
    with OfflineQueue(tmp_path / "mule.db") as mule:
        mule.put(other)
        assert [one.status for one in submission(suite, mule).run()] == [Status.SETTLED]
    session = suite.maker().session(BEGIN)
    queue.put(session)
    assert outcome(list(submission(suite, queue).run())) == {
        key(session): (Status.QUARANTINED, "SessionAlreadySettled")
    }
    assert queue.totals(Status.SETTLED) == (0, 0)


def test_a_driver_in_lower_case_is_the_same_driver(suite: Suite) -> None:
    session = suite.maker().session(BEGIN)
    assert replace(session, driver=session.driver.lower()) == session
