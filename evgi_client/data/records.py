"""Reading what a store holds: page by page for readers, batch by batch for whoever checks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from evgi_client.data.store import HOST, StoredWrite
from evgi_client.data.tables import batches, data_keys, streams, writes
from evgi_client.messages.data import DataWrite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.data.store import Store

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class StreamCount:
    """A stream of a resource: how many writes it has, and how many of them, counted from the first, are anchored."""

    stream: bytes
    writes: int
    anchored: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some writes of a stream, in order, and whether more follow."""

    writes: list[StoredWrite]
    more: bool


class Records:
    """The writes in a store, as they are kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._host = store.facts[HOST]

    def streams_of(self, resource: bytes) -> list[StreamCount]:
        """Every stream of a resource."""
        query = (
            sa.select(streams.c.stream, streams.c.writes)
            .where(streams.c.resource == resource)
            .order_by(streams.c.stream)
        )
        with self._store.reading() as connection:
            return [
                StreamCount(row.stream, row.writes, _anchored(connection, resource, row.stream))
                for row in connection.execute(query).all()
            ]

    def page(
        self, resource: bytes, stream: bytes, after: int | None, limit: int, max_bytes: int
    ) -> Page | None:
        """The writes after a position. None where the resource has no such stream.

        Args:
            limit: the most writes.
            max_bytes: a page ends before the write that would make its records longer; it has one write at least.
        """
        first = 0 if after is None else after + 1
        its_stream = sa.and_(writes.c.resource == resource, writes.c.stream == stream)
        with self._store.reading() as connection:
            total = connection.execute(
                sa.select(streams.c.writes).where(streams.c.resource == resource, streams.c.stream == stream)
            ).scalar()
            if total is None:
                return None
            if first >= total:
                return Page([], False)
            lengths = connection.execute(
                sa.select(writes.c.position, sa.func.coalesce(sa.func.length(writes.c.sealed), 0))
                .where(its_stream, writes.c.position >= first)
                .order_by(writes.c.position)
                .limit(limit)
            ).all()
            last = _fitting(lengths, max_bytes)
            rows = connection.execute(
                _stored()
                .where(its_stream, writes.c.position.between(first, last))
                .order_by(writes.c.position)
            ).all()
        return Page([self._of(row) for row in rows], last + 1 < total)

    def of_batch(self, stream: bytes, sequence: int | None) -> Iterator[tuple[bytes, StoredWrite]]:
        """The writes of a batch, in the order of its tree, or those that are in none; each with the hash that it is
        kept under. Read in parts."""
        chosen = writes.c.sequence.is_(None) if sequence is None else writes.c.sequence == sequence
        last = -1
        while True:
            query = (
                _stored()
                .add_columns(writes.c.id, writes.c.hash)
                .where(writes.c.stream == stream, chosen, writes.c.id > last)
                .order_by(writes.c.id)
                .limit(_CHUNK)
            )
            with self._store.reading() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield row.hash, self._of(row)
            if len(rows) < _CHUNK:
                return
            last = rows[-1].id

    def counts(self) -> Iterator[tuple[bytes, bytes, int]]:
        """(resource, stream, how many writes it says it has) of every stream."""
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(streams).order_by(streams.c.resource, streams.c.stream)).all()
        for row in rows:
            yield row.resource, row.stream, row.writes

    def positions(self, resource: bytes, stream: bytes) -> Iterator[tuple[int, str, int]]:
        """(position, writer, number) of every write of a stream, in order. Read in parts."""
        last = -1
        while True:
            query = (
                sa.select(writes.c.position, writes.c.writer, writes.c.number)
                .where(writes.c.resource == resource, writes.c.stream == stream, writes.c.position > last)
                .order_by(writes.c.position)
                .limit(10 * _CHUNK)
            )
            with self._store.reading() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield row.position, row.writer, row.number
            if len(rows) < 10 * _CHUNK:
                return
            last = rows[-1].position

    def _of(self, row: sa.Row[Any]) -> StoredWrite:
        write = DataWrite(
            writer=row.writer,
            host=self._host,
            resource=row.resource,
            stream=row.stream,
            number=row.number,
            content=row.content,
            written_at=row.written_at,
        )
        return StoredWrite(
            position=row.position,
            write=write,
            account=row.account,
            signature=row.signature,
            generation=row.generation,
            sealed=row.sealed,
            wrapped=row.wrapped,
            sequence=row.sequence,
            leaf=row.leaf,
            anchored=bool(row.anchored),
        )


def _stored() -> sa.Select[Any]:
    return (
        sa.select(
            writes.c.position,
            writes.c.writer,
            writes.c.resource,
            writes.c.stream,
            writes.c.number,
            writes.c.content,
            writes.c.written_at,
            writes.c.account,
            writes.c.signature,
            writes.c.generation,
            writes.c.sealed,
            data_keys.c.wrapped,
            writes.c.sequence,
            writes.c.leaf,
            batches.c.anchored,
        )
        .join(
            data_keys,
            sa.and_(data_keys.c.resource == writes.c.resource, data_keys.c.generation == writes.c.generation),
            isouter=True,
        )
        .join(
            batches,
            sa.and_(batches.c.stream == writes.c.stream, batches.c.sequence == writes.c.sequence),
            isouter=True,
        )
    )


def _anchored(connection: sa.Connection, resource: bytes, stream: bytes) -> int:
    # Batches take a stream's writes in order: those after the last anchored one are few.
    query = (
        sa.select(writes.c.position)
        .join(
            batches,
            sa.and_(batches.c.stream == writes.c.stream, batches.c.sequence == writes.c.sequence),
        )
        .where(writes.c.resource == resource, writes.c.stream == stream, batches.c.anchored)
        .order_by(writes.c.position.desc())
        .limit(1)
    )
    last = connection.execute(query).scalar()
    return 0 if last is None else int(last) + 1


def _fitting(lengths: Any, max_bytes: int) -> int:
    """The position of the last write that fits."""
    total, last = 0, lengths[0][0]
    for position, length in lengths:
        total += length
        if total > max_bytes and position != lengths[0][0]:
            break
        last = position
    return int(last)
