"""The tables of a data host, the same in SQLite and PostgreSQL, and how a database is opened."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from evgi_client.errors import StoreError

SCHEMA_VERSION = 1

CONNECTIONS = 16
"""The most that are open at once."""

_PAUSES = (0.01, 0.05, 0.2, 1.0)

metadata = sa.MetaData()

# SQLite numbers rows by itself only under this very type.
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

data_keys = sa.Table(
    "data_keys",
    metadata,
    sa.Column("resource", sa.LargeBinary, primary_key=True),
    sa.Column("generation", _Number, primary_key=True),
    sa.Column("wrapped", sa.LargeBinary),
)
"""``wrapped`` is null where the key is destroyed. A number is never used for a second key."""

streams = sa.Table(
    "streams",
    metadata,
    sa.Column("resource", sa.LargeBinary, primary_key=True),
    sa.Column("stream", sa.LargeBinary, primary_key=True),
    sa.Column("writes", _Number, nullable=False),
    sa.Column("bytes", _Number, nullable=False),
)
"""How many writes each stream of a resource has, and how long they are, sealed. Its row is held while one is added, so
that positions have no gap and become visible in order."""

writes = sa.Table(
    "writes",
    metadata,
    sa.Column("id", _Number, primary_key=True, autoincrement=True),
    sa.Column("resource", sa.LargeBinary, nullable=False),
    sa.Column("stream", sa.LargeBinary, nullable=False),
    sa.Column("position", _Number, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("number", _Number, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("written_at", _Number, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    sa.Column("received_at", _Number, nullable=False),
    sa.Column("generation", _Number, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("sequence", _Number),
    sa.Column("leaf", _Number),
    sa.UniqueConstraint("resource", "stream", "position"),
    sa.UniqueConstraint("resource", "stream", "writer", "number"),
    sa.Index("writes_by_batch", "stream", "sequence", "leaf"),
    sqlite_autoincrement=True,
)
"""``sealed`` is null where the record was erased, ``sequence`` where it is in no batch. ``leaf`` counts the values of
the batch's tree from 0."""

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("stream", sa.LargeBinary, primary_key=True),
    sa.Column("sequence", _Number, primary_key=True),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("leaves", _Number, nullable=False),
    sa.Column("raw", sa.LargeBinary),
    sa.Column("transaction_hash", sa.Text),
    sa.Column("sender", sa.Text),
    sa.Column("nonce", _Number),
    sa.Column("anchored", sa.Boolean, nullable=False),
)
"""``raw`` is the last signed transaction that was to anchor it, ``sender`` and ``nonce`` are its own."""

nonces = sa.Table(
    "unlock_nonces",
    metadata,
    sa.Column("accessor", sa.Text, primary_key=True),
    sa.Column("nonce", sa.LargeBinary, primary_key=True),
    sa.Column("expires_at", _Number, nullable=False, index=True),
)


def open_engine(store: str) -> sa.Engine:
    """The engine of a database: a URL of SQLite or PostgreSQL, or the path of an SQLite file.

    Raises:
        StoreError: another database, no URL, or PostgreSQL without its driver.
    """
    try:
        url = sa.make_url(store if "://" in store else f"sqlite:///{store}")
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+pg8000")
        if url.drivername not in ("sqlite", "postgresql+pg8000"):
            raise StoreError(shown(store), "expected sqlite:/// or postgresql://")
        if url.drivername == "sqlite" and not url.database:
            raise StoreError(shown(store), "a host does not keep its data in memory")
        engine = sa.create_engine(
            url, pool_size=CONNECTIONS, max_overflow=4, pool_pre_ping=True, hide_parameters=True
        )
    except ModuleNotFoundError as error:
        raise StoreError(shown(store), "install evgi-client[postgresql]") from error
    except (sa.exc.ArgumentError, ValueError) as error:
        # Not shown: what is no URL may have its password anywhere.
        raise StoreError("the store", "no URL of a database") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _durable)
        sa.event.listen(engine, "begin", _begin)
    return engine


def shown(store: str) -> str:
    """A store's URL without its password."""
    try:
        return sa.make_url(store).render_as_string() if "://" in store else store
    except (sa.exc.ArgumentError, ValueError):
        return "the store"


def _durable(connection: Any, _record: object) -> None:
    # The driver would begin transactions too late: after the first read.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    _write_ahead(cursor)
    # FULL: a commit is on the disk when it returns, also if the power fails at once.
    cursor.execute("PRAGMA synchronous=FULL")
    # What is erased is overwritten.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes then may find that another has written meanwhile, and fails.
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _write_ahead(cursor: Any) -> None:
    """WAL: readers and one writer do not wait for one another. SQLite does not wait by itself for this switch, where
    another process opens a new file at the same moment."""
    for pause in _PAUSES:
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(pause)
    cursor.execute("PRAGMA journal_mode=WAL")
