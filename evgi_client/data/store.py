"""What a data host keeps: writes, sealed; the keys they are sealed under, wrapped; and which batch each write is in.

One SQLite file or one PostgreSQL database, by the same statements. Whatever a method that changes something has
returned for is on the disk.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from evgi_client.data.tables import (
    SCHEMA_VERSION,
    data_keys,
    facts,
    metadata,
    nonces,
    open_engine,
    shown,
    streams,
    writes,
)
from evgi_client.errors import StoreError
from evgi_client.messages.data import DataWrite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

_SCHEMA = "schema"
HOST = "host"


@dataclass(frozen=True, slots=True)
class NewWrite:
    """A write that is to be kept: signed by an account, sealed under a generation of its resource's data key."""

    write: DataWrite
    account: str
    signature: bytes
    received_at: int
    generation: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """A write as it is kept."""

    position: int
    """Counts the writes of its resource and stream from 0, in the order of arrival."""
    write: DataWrite
    account: str
    signature: bytes
    generation: int
    sealed: bytes | None
    """None where it was erased."""
    wrapped: bytes | None
    """The data key of its generation; None where it was destroyed."""
    sequence: int | None
    """The batch that it is in."""
    leaf: int | None
    """Which value of the batch's tree it is, from 0."""
    anchored: bool
    """Is the batch on the chain?"""


class NumberUnexpected(Exception):  # noqa: N818 — an answer, which the host turns into a refusal
    """The write's number is not the writer's next one."""

    def __init__(self, expected: int) -> None:
        super().__init__(expected)
        self.expected = expected


class NoRoom(Exception):  # noqa: N818 — an answer, which the host turns into a refusal
    """The resource has as many bytes as it may have."""


class KeyGone(Exception):  # noqa: N818 — an answer: seal it again
    """The data key was destroyed while a record was being sealed under it."""


class Store:
    """The database of one data host.

    Args:
        store: a URL of SQLite or PostgreSQL, or the path of an SQLite file.

    Raises:
        StoreError: it cannot be opened, or holds no store of this version; later, of every method: it cannot be read
            or written.
    """

    def __init__(self, store: str) -> None:
        self.name = shown(store)
        self._engine = open_engine(store)
        self._reading = self._engine.execution_options(reads=True)
        try:
            with self.reading() as connection:
                if not sa.inspect(connection).has_table(facts.name):
                    raise StoreError(self.name, "no store yet: make it with evgi datahost init")
            self.facts = self._facts()
            found = self.facts.get(_SCHEMA)
            if found != str(SCHEMA_VERSION):
                raise StoreError(self.name, f"schema version {found}, expected {SCHEMA_VERSION}")
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, store: str, about: Mapping[str, str]) -> Store:
        """Makes a store in an empty database; one that is there with the same facts is only opened.

        Args:
            about: what never changes: whose store it is, on which chain.

        Raises:
            StoreError: the database holds something else, or the store of another host.
        """
        engine, name = open_engine(store), shown(store)
        wanted = {**about, _SCHEMA: str(SCHEMA_VERSION)}
        try:
            with _within(engine, name) as connection:
                there = set(sa.inspect(connection).get_table_names())
                if there - set(metadata.tables):
                    listed = ", ".join(sorted(there - set(metadata.tables)))
                    raise StoreError(name, f"a database of something else: it has {listed}")
                if not there:
                    metadata.create_all(connection)
                    connection.execute(
                        sa.insert(facts), [{"name": key, "value": each} for key, each in wanted.items()]
                    )
        finally:
            engine.dispose()
        made = cls(store)
        if made.facts != wanted:
            made.close()
            differ = sorted(key for key in wanted if made.facts.get(key) != wanted[key])
            raise StoreError(name, f"the store of another host: {', '.join(differ)} differ")
        return made

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection. What is kept stays."""
        self._engine.dispose()

    def reading(self) -> Any:
        """A transaction that reads."""
        return _within(self._reading, self.name)

    def writing(self) -> Any:
        """A transaction that reads and writes."""
        return _within(self._engine, self.name)

    def _facts(self) -> dict[str, str]:
        with self.reading() as connection:
            return {row.name: row.value for row in connection.execute(sa.select(facts))}

    def ping(self) -> None:
        """Returns where the database answers.

        Raises:
            StoreError: it does not.
        """
        with self.reading() as connection:
            connection.execute(sa.select(sa.literal(1)))

    def add(self, new: NewWrite, resource_bytes: int) -> bool:
        """Keeps a write. False where the very same one is kept already.

        Args:
            resource_bytes: the most that may be kept of one resource.

        Raises:
            NumberUnexpected: its number is not its writer's next one in this resource and stream.
            NoRoom: the resource has as much as it may have.
            KeyGone: the data key was destroyed meanwhile.
        """
        write = new.write
        for last in (False, True):
            try:
                with self.writing() as connection:
                    return _added(connection, new, resource_bytes)
            except sa.exc.IntegrityError as error:
                # Another connection began the stream, or added the same write, at the same moment.
                if last:
                    raise StoreError(self.name, f"write {write.number} clashes again and again") from error
        raise AssertionError  # pragma: no cover

    def position_of(self, write_hash: bytes) -> int | None:
        """The position of a write; None where it is not kept."""
        query = sa.select(writes.c.position).where(writes.c.hash == write_hash)
        with self.reading() as connection:
            found: int | None = connection.execute(query).scalar_one_or_none()
            return found

    def claim(self, accessor: str, nonce: bytes, expires_at: int, now: int) -> bool:
        """Remembers an accessor's nonce until it expires; False where it is remembered already. What has expired is
        forgotten."""
        try:
            with self.writing() as connection:
                connection.execute(sa.delete(nonces).where(nonces.c.expires_at <= now))
                connection.execute(
                    sa.insert(nonces).values(accessor=accessor, nonce=nonce, expires_at=expires_at)
                )
        except sa.exc.IntegrityError:
            return False
        return True


def _added(connection: sa.Connection, new: NewWrite, resource_bytes: int) -> bool:
    write, hashed = new.write, new.write.struct_hash()
    its_stream = sa.and_(streams.c.resource == write.resource, streams.c.stream == write.stream)
    # First of all, because it holds the row until the end: everything after sees what came before, and all of it.
    counted = connection.execute(
        sa.update(streams)
        .where(its_stream)
        .values(writes=streams.c.writes + 1, bytes=streams.c.bytes + len(new.sealed))
    ).rowcount
    there = connection.execute(sa.select(writes.c.position).where(writes.c.hash == hashed)).scalar()
    if there is not None:
        connection.rollback()
        return False
    if not counted:
        connection.execute(
            sa.insert(streams).values(
                resource=write.resource, stream=write.stream, writes=1, bytes=len(new.sealed)
            )
        )
    position = connection.execute(sa.select(streams.c.writes).where(its_stream)).scalar_one() - 1
    highest = connection.execute(
        sa.select(sa.func.max(writes.c.number)).where(
            writes.c.resource == write.resource,
            writes.c.stream == write.stream,
            writes.c.writer == write.writer,
        )
    ).scalar()
    expected = 0 if highest is None else highest + 1
    if write.number != expected:
        raise NumberUnexpected(expected)
    total = connection.execute(
        sa.select(sa.func.sum(streams.c.bytes)).where(streams.c.resource == write.resource)
    ).scalar_one()
    if total > resource_bytes:
        raise NoRoom
    alive = connection.execute(
        sa.select(data_keys.c.wrapped)
        .where(data_keys.c.resource == write.resource, data_keys.c.generation == new.generation)
        .with_for_update()
    ).scalar()
    if alive is None:
        raise KeyGone
    connection.execute(
        sa.insert(writes).values(
            resource=write.resource,
            stream=write.stream,
            position=position,
            writer=write.writer,
            number=write.number,
            content=write.content,
            written_at=write.written_at,
            hash=hashed,
            account=new.account,
            signature=new.signature,
            received_at=new.received_at,
            generation=new.generation,
            sealed=new.sealed,
        )
    )
    return True


@contextmanager
def _within(engine: sa.Engine, name: str) -> Iterator[sa.Connection]:
    """A transaction whose failures are this package's, save those that say that a row is there already."""
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        raise StoreError(name, str(error.orig)) from error
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(name, type(error).__name__) from error
