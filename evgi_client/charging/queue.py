"""A durable queue of signed sessions: a charge point's while it is offline, a utility's until they are settled.

One SQLite file in WAL mode, flushed to disk before a call returns, so that power may fail at any instruction: a
session that ``put`` has returned for is there afterwards, once.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from evgi_client.charging.session import SignedSession
from evgi_client.errors import QueueFileError, SessionConflictError, UnpackableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from evgi_client.messages import SessionKey

_SCHEMA_VERSION = 1
_LARGEST = 2**63 - 1
"""What SQLite holds as an integer."""

_PAUSES = (0.01, 0.05, 0.2, 1.0)

_metadata = sa.MetaData()

_sessions = sa.Table(
    "sessions",
    _metadata,
    sa.Column("connector", sa.LargeBinary, primary_key=True),
    sa.Column("started_at", sa.Integer, primary_key=True),
    sa.Column("ended_at", sa.Integer, nullable=False),
    sa.Column("creditor", sa.Text, nullable=False),
    sa.Column("debtor", sa.Text, nullable=False),
    sa.Column("energy_wh", sa.Integer, nullable=False),
    sa.Column("cost", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("transaction_hash", sa.Text),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("sessions_by_status", "status", "creditor", "started_at"),
)

_transactions = sa.Table(
    "transactions",
    _metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("nonce", sa.Integer, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
)

_quarantine = sa.Table(
    "quarantine",
    _metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
)


class Status(str, Enum):
    """Where a session stands: queued → submitted → settled, or → quarantined.

    It is queued again where its transaction failed, or where somebody releases it from quarantine.
    """

    QUEUED = "queued"
    SUBMITTED = "submitted"
    SETTLED = "settled"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class QueuedSession:
    """A session in the queue and what became of it."""

    session: SignedSession
    status: Status
    reason: str | None
    transaction_hash: str | None


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A signed transaction written down before it was sent, so that it can be sent again after a crash."""

    hash: str
    sender: str
    nonce: int
    raw: bytes


class OfflineQueue:
    """Signed sessions in one file, keyed by (connector, startedAt).

    Raises:
        QueueFileError: the file is no queue of this version, or cannot be opened; later, of every method: it cannot
            be read or written, as when the disk is full or another process holds it for ten seconds.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._engine = sa.create_engine(f"sqlite:///{self.path}")
        sa.event.listen(self._engine, "connect", _durable)
        with self._connected() as connection:
            # At once, so that of two processes that begin a queue together one finds what the other made.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version not in (0, _SCHEMA_VERSION):
                raise QueueFileError(self.path, f"schema version {version}, expected {_SCHEMA_VERSION}")
            foreign = set(sa.inspect(connection).get_table_names()) - set(_metadata.tables)
            if foreign:
                raise QueueFileError(
                    self.path, f"a database of something else: it has {', '.join(sorted(foreign))}"
                )
            _metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version={_SCHEMA_VERSION}")

    def __enter__(self) -> OfflineQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """A transaction of its own, whose failures are this package's."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise QueueFileError(self.path, str(error.orig)) from error

    def close(self) -> None:
        """Closes the file. What was put stays."""
        self._engine.dispose()

    def put(self, session: SignedSession) -> bool:
        """Queues a session; on disk when this returns.

        Returns:
            False where the very same session is there already.

        Raises:
            SessionConflictError: another session with the same key is there; it stays, and this one is not kept.
            UnpackableError: a number in it is far above what a session can have.
        """
        return self.put_many([session]) == 1

    def put_many(self, sessions: Iterable[SignedSession]) -> int:
        """Queues sessions in one transaction: all or, on a conflict, none. Returns how many were new.

        One in quarantine does not hold its key against another: it makes room, and is kept among the rejected.
        """
        new = 0
        with self._connected() as connection:
            for session in sessions:
                row = _row_of(session)
                there = connection.execute(sa.select(_sessions).where(_is(session.key))).one_or_none()
                if there is not None and there.body == row["body"]:
                    continue
                if there is not None:
                    _make_room(connection, session.key, there)
                connection.execute(sa.insert(_sessions).values(row))
                new += 1
        return new

    def __len__(self) -> int:
        with self._connected() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(_sessions)).scalar_one()

    def counts(self) -> dict[Status, int]:
        """How many sessions stand where."""
        query = sa.select(_sessions.c.status, sa.func.count()).group_by(_sessions.c.status)
        with self._connected() as connection:
            found = {Status(status): count for status, count in connection.execute(query)}
        return {status: found.get(status, 0) for status in Status}

    def totals(self, status: Status) -> tuple[int, int]:
        """(Wh, minor units) of the sessions of a status."""
        query = sa.select(_sessions.c.energy_wh, _sessions.c.cost).where(_sessions.c.status == status.value)
        energy = cost = 0
        with self._connected() as connection:
            # Added up here: a sum in SQLite has 64 bits, and what sessions claim has no bound.
            for row in connection.execute(query):
                energy, cost = energy + row.energy_wh, cost + row.cost
        return energy, cost

    def sessions(
        self, status: Status | None = None, creditor: str | None = None, until: int | None = None
    ) -> Iterator[QueuedSession]:
        """Sessions by start; of a status, of a creditor, ended by ``until``, where given."""
        query = sa.select(_sessions).order_by(_sessions.c.started_at, _sessions.c.connector)
        if status is not None:
            query = query.where(_sessions.c.status == status.value)
        if creditor is not None:
            query = query.where(_sessions.c.creditor == creditor)
        if until is not None:
            query = query.where(_sessions.c.ended_at <= until)
        with self._connected() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            session = SignedSession.from_json(json.loads(row.body))
            yield QueuedSession(session, Status(row.status), row.reason, row.transaction_hash)

    def mark_submitted(self, transaction: StoredTransaction, keys: Iterable[SessionKey]) -> None:
        """Notes that a transaction carries these sessions. Called before it is sent."""
        with self._connected() as connection:
            connection.execute(
                sa.insert(_transactions).prefix_with("OR REPLACE"),
                {
                    "hash": transaction.hash,
                    "sender": transaction.sender,
                    "nonce": transaction.nonce,
                    "raw": transaction.raw,
                },
            )
            self._mark(connection, keys, Status.SUBMITTED, None, transaction.hash)

    def mark_settled(self, keys: Iterable[SessionKey], transaction_hash: str | None) -> None:
        """The chain says that these sessions are settled. None for a hash keeps the one that is noted."""
        with self._connected() as connection:
            self._mark(connection, keys, Status.SETTLED, None, transaction_hash)

    def mark_quarantined(self, key: SessionKey, reason: str) -> None:
        """Takes a session out of the way, with its reason; it is kept."""
        with self._connected() as connection:
            self._mark(connection, [key], Status.QUARANTINED, reason, None)

    def release(self, key: SessionKey) -> bool:
        """Queues a quarantined session again, once what was wrong is mended. False where it was not in quarantine."""
        with self._connected() as connection:
            released = connection.execute(
                sa.update(_sessions)
                .where(_is(key), _sessions.c.status == Status.QUARANTINED.value)
                .values(status=Status.QUEUED.value, reason=None)
            )
            return released.rowcount == 1

    def requeue(self, transaction_hash: str) -> None:
        """The transaction will never land: its sessions wait again."""
        with self._connected() as connection:
            connection.execute(
                sa.update(_sessions)
                .where(
                    _sessions.c.transaction_hash == transaction_hash,
                    _sessions.c.status == Status.SUBMITTED.value,
                )
                .values(status=Status.QUEUED.value, transaction_hash=None)
            )

    def unfinished(self, creditor: str) -> list[StoredTransaction]:
        """Transactions that still carry submitted sessions of a creditor, oldest first."""
        query = (
            sa.select(_transactions)
            .where(
                _transactions.c.sender == creditor,
                _transactions.c.hash.in_(
                    sa.select(_sessions.c.transaction_hash).where(
                        _sessions.c.status == Status.SUBMITTED.value, _sessions.c.creditor == creditor
                    )
                ),
            )
            .order_by(_transactions.c.nonce)
        )
        with self._connected() as connection:
            return [
                StoredTransaction(row.hash, row.sender, row.nonce, row.raw)
                for row in connection.execute(query)
            ]

    def keep_rejected(
        self, source: str, rows: Iterable[tuple[int, str, str, str, Mapping[str, str]]]
    ) -> None:
        """Keeps records of a source that never became sessions: (row, session id, reason, detail, raw fields)."""
        values = [
            {
                "source": source,
                "row": row,
                "session_id": session_id,
                "reason": reason,
                "detail": detail,
                "raw": json.dumps(dict(raw), ensure_ascii=False),
            }
            for row, session_id, reason, detail, raw in rows
        ]
        if values:
            with self._connected() as connection:
                connection.execute(sa.insert(_quarantine).prefix_with("OR REPLACE"), values)

    def rejected(self) -> dict[str, int]:
        """How many such records are kept, by reason."""
        query = sa.select(_quarantine.c.reason, sa.func.count()).group_by(_quarantine.c.reason)
        with self._connected() as connection:
            rows = connection.execute(query.order_by(_quarantine.c.reason))
            return {row[0]: row[1] for row in rows}

    @staticmethod
    def _mark(
        connection: sa.Connection,
        keys: Iterable[SessionKey],
        status: Status,
        reason: str | None,
        transaction_hash: str | None,
    ) -> None:
        values: dict[str, Any] = {"status": status.value, "reason": reason}
        if transaction_hash is not None:
            values["transaction_hash"] = transaction_hash
        statement = (
            sa.update(_sessions)
            .where(
                _sessions.c.connector == sa.bindparam("key_connector"),
                _sessions.c.started_at == sa.bindparam("key_start"),
            )
            .values(values)
        )
        parameters = [{"key_connector": key.connector, "key_start": key.started_at} for key in keys]
        if parameters:
            connection.execute(statement, parameters)


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    _write_ahead(cursor)
    # FULL: a commit is on the disk when it returns, also if the power fails at once.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """WAL: readers and one writer do not wait for one another. SQLite does not wait by itself for this switch, where
    another process opens a new file at the same moment."""
    for pause in _PAUSES:
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(pause)
    cursor.execute("PRAGMA journal_mode=WAL")


def _is(key: SessionKey) -> sa.ColumnElement[bool]:
    return sa.and_(_sessions.c.connector == key.connector, _sessions.c.started_at == key.started_at)


def _make_room(connection: sa.Connection, key: SessionKey, there: sa.Row[Any]) -> None:
    """Moves a quarantined session among the rejected, so that another may have its key."""
    if there.status != Status.QUARANTINED.value:
        raise SessionConflictError(key.connector, key.started_at)
    source = f"replaced {key}"
    before = connection.execute(
        sa.select(sa.func.count()).select_from(_quarantine).where(_quarantine.c.source == source)
    ).scalar_one()
    connection.execute(
        sa.insert(_quarantine).values(
            source=source,
            row=before + 1,
            session_id=str(key),
            reason=(there.reason or "").split("(")[0],
            detail=there.reason or "",
            raw=there.body,
        )
    )
    connection.execute(sa.delete(_sessions).where(_is(key)))


def _row_of(session: SignedSession) -> dict[str, Any]:
    terms = session.authorization.terms
    if max(session.key.started_at, session.record.ended_at, session.energy_wh, session.cost) > _LARGEST:
        raise UnpackableError(
            energyWh=session.energy_wh, cost=session.cost, maxCost=session.authorization.max_cost
        )
    return {
        "connector": session.key.connector,
        "started_at": session.key.started_at,
        "ended_at": session.record.ended_at,
        "creditor": terms.creditor,
        "debtor": terms.debtor,
        "energy_wh": session.energy_wh,
        "cost": session.cost,
        "status": Status.QUEUED.value,
        "body": json.dumps(session.to_json(), sort_keys=True, separators=(",", ":")),
    }
