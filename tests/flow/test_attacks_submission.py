"""What hostile or broken charge points, debtors and disks can do to a queue: what is right is settled all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from evgi_client.chain import Chain
from evgi_client.charging.batches import EPOCH
from evgi_client.charging.queue import OfflineQueue, Status
from evgi_client.charging.submission import Submission, SubmissionResult
from evgi_client.signing import Signature
from tests.support.sessions import DAY, HOUR
from tests.support.suite import Suite, found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evgi_client.charging.session import SignedSession

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
