"""The durable queue: nothing is lost, nothing is kept twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from evgi_client.charging.queue import OfflineQueue, Status, StoredTransaction
from evgi_client.charging.session import SignedSession
from evgi_client.errors import (
    QueueFileError,
    SessionConflictError,
    SessionMismatchError,
    UnpackableError,
)
from evgi_client.messages import Domain
from tests.support.sessions import Maker, signer, terms_for

DOMAIN = Domain("SessionSettlement", "1", 1, "0x" + "11" * 20)
MAKER = Maker(terms_for(b"\x07" * 32, signer(1).address, signer(2).address), signer(3), signer(4), DOMAIN)
START = 1_750_000_000


@pytest.fixture
def queue(tmp_path: Path) -> OfflineQueue:
    return OfflineQueue(tmp_path / "station.db")


def test_a_session_comes_back_as_it_was_put(queue: OfflineQueue) -> None:
    session = MAKER.session(START)
    assert queue.put(session)
    (queued,) = queue.sessions()
    assert (queued.session, queued.status, queued.reason) == (session, Status.QUEUED, None)
    assert SignedSession.from_json(session.to_json()) == session


def test_the_same_session_again_changes_nothing(queue: OfflineQueue) -> None:
    assert queue.put(MAKER.session(START))
    assert not queue.put(MAKER.session(START))
    assert len(queue) == 1


def test_another_session_with_the_same_key_is_refused_and_the_first_stays(queue: OfflineQueue) -> None:
    first = MAKER.session(START)
    queue.put(first)
    with pytest.raises(SessionConflictError) as caught:
        queue.put(MAKER.session(START, energy_wh=9_000))
    assert (caught.value.connector, caught.value.started_at) == (b"\x07" * 32, START)
    assert [queued.session for queued in queue.sessions()] == [first]


def test_what_was_put_is_there_after_opening_again(tmp_path: Path) -> None:
    with OfflineQueue(tmp_path / "station.db") as queue:
        queue.put_many(MAKER.session(START + hour * 3600) for hour in range(5))
    with OfflineQueue(tmp_path / "station.db") as queue:
        assert len(queue) == 5
        assert queue.totals(Status.QUEUED) == (35_000, 5 * 7_000 * 350)


def test_statuses_move_and_transactions_are_found_again(queue: OfflineQueue) -> None:
    sessions = [MAKER.session(START + hour * 7200) for hour in range(3)]
    queue.put_many(sessions)
    creditor = sessions[0].authorization.terms.creditor
    stored = StoredTransaction("0xabc", creditor, 4, b"\x02raw")
    queue.mark_submitted(stored, [session.key for session in sessions[:2]])
    assert queue.unfinished(creditor) == [stored]
    assert queue.unfinished(signer(9).address) == []
    queue.mark_settled([sessions[0].key], None)
    queue.requeue("0xabc")
    assert queue.unfinished(creditor) == []
    queue.mark_quarantined(sessions[2].key, "SessionTooLate(…)")
    assert queue.counts() == {
        Status.QUEUED: 1, Status.SUBMITTED: 0, Status.SETTLED: 1, Status.QUARANTINED: 1,
    }  # fmt: skip
    (held,) = queue.sessions(Status.QUARANTINED)
    assert held.reason == "SessionTooLate(…)"
    assert queue.release(sessions[2].key)
    assert not queue.release(sessions[0].key)
    assert queue.counts()[Status.QUEUED] == 2


def test_a_quarantined_session_makes_room_for_the_real_one_and_is_kept(queue: OfflineQueue) -> None:
    forged, real = MAKER.session(START, energy_wh=1), MAKER.session(START)
    queue.put(forged)
    queue.mark_quarantined(forged.key, "DriverSignatureInvalid(expected=…)")
    assert queue.put(real)
    assert [queued.session for queued in queue.sessions()] == [real]
    assert queue.counts()[Status.QUEUED] == 1
    assert queue.rejected() == {"DriverSignatureInvalid": 1}
    with pytest.raises(SessionConflictError):
        queue.put(forged)


def test_rejected_records_are_kept_once_with_their_reason(queue: OfflineQueue) -> None:
    row = (3, "id", "no_end", "no end time", {"End": ""})
    queue.keep_rejected("file.csv", [row])
    queue.keep_rejected("file.csv", [row, (4, "x", "overlap", "with row 2", {})])
    assert queue.rejected() == {"no_end": 1, "overlap": 1}


def test_a_file_that_is_no_queue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is no database, but it is long enough to be looked at" * 40)
    with pytest.raises(QueueFileError) as caught:
        OfflineQueue(path)
    assert caught.value.path == path


def test_a_queue_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "station.db"
    OfflineQueue(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(QueueFileError, match="schema version 99, expected 1"):
        OfflineQueue(path)


def test_parts_that_do_not_belong_together_are_no_session() -> None:
    one, other = MAKER.session(START), MAKER.session(START + 7200)
    with pytest.raises(SessionMismatchError) as caught:
        SignedSession(
            one.driver, one.authorization, one.driver_signature, other.record, other.meter_signature
        )
    assert caught.value.field == "authorization"


_WRITER = """
import sys
from pathlib import Path
from evgi_client.charging.queue import OfflineQueue
from tests.client.test_queue import MAKER, START
with OfflineQueue(sys.argv[1]) as queue:
    for hour in range(2_000):
        queue.put(MAKER.session(START + hour * 7200))
        print(hour, flush=True)
"""


def test_what_put_returned_for_survives_a_kill(tmp_path: Path) -> None:
    """A writer says after each put how far it is, and is killed at twelve different moments on one file."""
    path = tmp_path / "station.db"
    root = Path(__file__).resolve().parents[2]
    promised = -1
    for attempt in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)],
            stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        assert writer.stdout is not None
        said = [writer.stdout.readline()]
        time.sleep(0.004 * attempt)
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.read().splitlines()
        writer.wait(timeout=10)
        writer.stdout.close()
        promised = max(promised, *(int(line) for line in said if line.strip()))
        with OfflineQueue(path) as queue:
            starts = [queued.session.started_at for queued in queue.sessions()]
        assert starts == [START + hour * 7200 for hour in range(len(starts))]
        assert len(starts) >= promised + 1
    assert promised > 0


def test_a_queue_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE people (name TEXT)")
    with pytest.raises(QueueFileError, match="people"):
        OfflineQueue(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("people",)]
    other.close()


def test_processes_that_begin_a_queue_at_once_share_it(tmp_path: Path) -> None:
    begin = "import sys; from evgi_client.charging.queue import OfflineQueue as Q; input(); Q(sys.argv[1]).close()"
    for number in range(4):
        command = [sys.executable, "-c", begin, str(tmp_path / f"{number}.db")]
        workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(b"\n")
            worker.stdin.flush()
        for worker in workers:
            _, said = worker.communicate(timeout=60)
            assert worker.returncode == 0, said.decode()


def test_a_file_that_another_process_holds_is_an_error_of_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OfflineQueue(tmp_path / "station.db") as queue:
        holder = sqlite3.connect(tmp_path / "station.db")
        holder.execute("BEGIN IMMEDIATE")
        sa.event.listen(queue._engine, "connect", lambda made, _: made.execute("PRAGMA busy_timeout=50"))
        queue._engine.dispose()
        with pytest.raises(QueueFileError, match="locked"):
            queue.put(MAKER.session(START))
        holder.rollback()
        holder.close()
        assert queue.put(MAKER.session(START))


@pytest.mark.parametrize("absurd", [{"started_at": 2**63}, {"started_at": START, "cost": 2**63}])
def test_numbers_that_no_session_has_are_refused(tmp_path: Path, absurd: dict[str, int]) -> None:
    with OfflineQueue(tmp_path / "station.db") as queue:
        with pytest.raises(UnpackableError):
            queue.put(MAKER.session(**absurd))  # type: ignore[arg-type]
        assert len(queue) == 0


def test_totals_are_exact_however_large(tmp_path: Path) -> None:
    with OfflineQueue(tmp_path / "station.db") as queue:
        queue.put_many(MAKER.session(start, cost=2**63 - 1) for start in (1_000, 2_000, 3_000))
        assert queue.totals(Status.QUEUED) == (21_000, 3 * (2**63 - 1))
