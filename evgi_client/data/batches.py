"""Which writes are in which batch: written down before anything is sent, so that no write is ever in two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from evgi_client.data.merkle import MerkleTree
from evgi_client.data.tables import batches, streams, writes

if TYPE_CHECKING:
    from evgi_client.data.store import Store


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """A signed transaction that was to anchor a batch."""

    raw: bytes
    hash: str
    sender: str
    nonce: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the store keeps it."""

    stream: bytes
    sequence: int
    root: bytes
    leaves: int
    anchored: bool
    """Did the chain say that it holds it?"""
    sent: SentTransaction | None
    """The last transaction that was to bring it."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """How far the anchoring of a stream is."""

    stream: bytes
    writes: int
    waiting: int
    """Writes in no batch yet."""
    batches: int
    anchored: int
    """Batches that the chain holds."""


class Batches:
    """The batches in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def streams(self) -> list[bytes]:
        """Every stream that has a write."""
        query = sa.select(streams.c.stream).distinct().order_by(streams.c.stream)
        with self._store.reading() as connection:
            return [row.stream for row in connection.execute(query)]

    def close(self, stream: bytes, limit: int) -> Batch | None:
        """Puts the oldest writes that are in no batch, ``limit`` at most, into the stream's next one. None where there
        are none, or where another process is doing the same: it has them."""
        try:
            with self._store.writing() as connection:
                return _closed(connection, stream, limit)
        except sa.exc.IntegrityError:
            return None

    def waiting(self, stream: bytes, limit: int) -> int:
        """How many writes are in no batch; counted up to ``limit``."""
        some = sa.select(writes.c.id).where(_unbatched(stream)).limit(limit).subquery()
        with self._store.reading() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())

    def last(self, stream: bytes) -> int:
        """The number of a stream's last batch; 0 where it has none."""
        with self._store.reading() as connection:
            return _last(connection, stream)

    def get(self, stream: bytes, sequence: int) -> Batch | None:
        """A batch; None where there is none of this number."""
        query = sa.select(batches).where(batches.c.stream == stream, batches.c.sequence == sequence)
        with self._store.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _batch(row)

    def unanchored(self, stream: bytes) -> list[Batch]:
        """Batches of which the chain has not said yet that it holds them, in order."""
        query = (
            sa.select(batches)
            .where(batches.c.stream == stream, sa.not_(batches.c.anchored))
            .order_by(batches.c.sequence)
        )
        with self._store.reading() as connection:
            return [_batch(row) for row in connection.execute(query)]

    def note_sent(self, batch: Batch, sent: SentTransaction) -> None:
        """Writes down a transaction. Called before it is broadcast."""
        self._update(
            batch,
            raw=sent.raw,
            transaction_hash=sent.hash,
            sender=sent.sender,
            nonce=sent.nonce,
        )

    def note_anchored(self, batch: Batch) -> None:
        """The chain holds it."""
        self._update(batch, anchored=True)

    def note_lost(self, stream: bytes, latest: int) -> int:
        """The chain lost what came after ``latest``: those batches are to be sent again. Returns how many."""
        statement = (
            sa.update(batches)
            .where(batches.c.stream == stream, batches.c.sequence > latest, batches.c.anchored)
            .values(anchored=False)
        )
        with self._store.writing() as connection:
            return int(connection.execute(statement).rowcount)

    def values(self, stream: bytes, sequence: int) -> list[bytes]:
        """The values of a batch's tree: struct hashes of its writes, in order."""
        query = (
            sa.select(writes.c.hash)
            .where(writes.c.stream == stream, writes.c.sequence == sequence)
            .order_by(writes.c.leaf)
        )
        with self._store.reading() as connection:
            return [row.hash for row in connection.execute(query)]

    def state(self, stream: bytes) -> StreamState:
        """How far a stream is."""
        with self._store.reading() as connection:
            count = sa.select(sa.func.count())
            of_stream = batches.c.stream == stream
            total = connection.execute(
                sa.select(sa.func.sum(streams.c.writes)).where(streams.c.stream == stream)
            ).scalar()
            waiting = connection.execute(count.select_from(writes).where(_unbatched(stream))).scalar_one()
            anchored = connection.execute(
                count.select_from(batches).where(of_stream, batches.c.anchored)
            ).scalar_one()
            return StreamState(stream, int(total or 0), waiting, _last(connection, stream), anchored)

    def _update(self, batch: Batch, **changes: Any) -> None:
        statement = sa.update(batches).where(
            batches.c.stream == batch.stream, batches.c.sequence == batch.sequence
        )
        with self._store.writing() as connection:
            connection.execute(statement.values(changes))


def _closed(connection: sa.Connection, stream: bytes, limit: int) -> Batch | None:
    query = sa.select(writes.c.id, writes.c.hash).where(_unbatched(stream)).order_by(writes.c.id).limit(limit)
    rows = connection.execute(query).all()
    if not rows:
        return None
    batch = Batch(
        stream=stream,
        sequence=_last(connection, stream) + 1,
        root=MerkleTree([row.hash for row in rows]).root,
        leaves=len(rows),
        anchored=False,
        sent=None,
    )
    # Before the writes: of two processes, one waits here for the other, and fails.
    connection.execute(
        sa.insert(batches).values(
            stream=stream,
            sequence=batch.sequence,
            root=batch.root,
            leaves=batch.leaves,
            anchored=False,
        )
    )
    statement = (
        sa.update(writes)
        .where(writes.c.id == sa.bindparam("row"), writes.c.sequence.is_(None))
        .values(sequence=batch.sequence, leaf=sa.bindparam("place"))
    )
    connection.execute(statement, [{"row": row.id, "place": leaf} for leaf, row in enumerate(rows)])
    return batch


def _unbatched(stream: bytes) -> sa.ColumnElement[bool]:
    return sa.and_(writes.c.stream == stream, writes.c.sequence.is_(None))


def _last(connection: sa.Connection, stream: bytes) -> int:
    query = sa.select(sa.func.max(batches.c.sequence)).where(batches.c.stream == stream)
    return int(connection.execute(query).scalar() or 0)


def _batch(row: sa.Row[Any]) -> Batch:
    sent = None
    if row.raw is not None:
        sent = SentTransaction(row.raw, row.transaction_hash, row.sender, row.nonce)
    return Batch(row.stream, row.sequence, row.root, row.leaves, row.anchored, sent)
