"""The records of a store, sealed and opened: which key each is under, how keys are renewed and destroyed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from evgi_client.data.store import HOST
from evgi_client.data.tables import data_keys, facts, streams, writes
from evgi_client.errors import StoreError

if TYPE_CHECKING:
    from evgi_client.data.masterkey import DataKey, MasterKey
    from evgi_client.data.store import Store, StoredWrite

MASTER_KEY = "masterKey"
"""The fact of a store that names the master key its data keys are under."""

_CHUNK = 100
_ATTEMPTS = 3


class Vault:
    """Seals and opens the records of a store.

    Args:
        store: where the wrapped data keys are.
        master: what they are wrapped under.

    Raises:
        StoreError: they are under another master key.
    """

    def __init__(self, store: Store, master: MasterKey) -> None:
        named = store.facts[MASTER_KEY]
        if named != master.id:
            raise StoreError(store.name, f"its master key is {named}, not {master.id}")
        self._store = store
        self._master = master
        self._host = bytes.fromhex(store.facts[HOST][2:])

    def seal(self, resource: bytes, write_hash: bytes, plaintext: bytes) -> tuple[int, bytes]:
        """A record under its resource's latest data key, which is made where there is none: the key's generation and
        the sealed record."""
        generation, key = self._latest(resource)
        return generation, key.seal(write_hash, plaintext)

    def open(self, stored: StoredWrite) -> bytes | None:
        """The plaintext of a stored record; None where it was erased.

        Raises:
            RecordSealedError: the record or its key was changed or exchanged.
        """
        if stored.sealed is None or stored.wrapped is None:
            return None
        key = self._key(stored.write.resource, stored.generation, stored.wrapped)
        return key.open(stored.write.struct_hash(), stored.sealed)

    def rotate(self, resource: bytes) -> int:
        """Seals every record of a resource anew under a new data key, and destroys the keys before it. Returns how
        many records; run again after a crash, it ends what it began.

        Raises:
            RecordSealedError: a record or a key was changed; it stays as it is, and so does its key.
        """
        with self._store.reading() as connection:
            highest = _highest(connection, resource)
        generation = self._make(resource, highest + 1)
        count = 0
        while True:
            with self._store.writing() as connection:
                # Held until the end, so that no write comes under a key that is about to be destroyed.
                connection.execute(
                    sa.select(data_keys.c.generation)
                    .where(data_keys.c.resource == resource, data_keys.c.generation < generation)
                    .with_for_update()
                ).all()
                rows = connection.execute(
                    sa.select(
                        writes.c.id, writes.c.hash, writes.c.sealed, writes.c.generation, data_keys.c.wrapped
                    )
                    .join(
                        data_keys,
                        sa.and_(
                            data_keys.c.resource == writes.c.resource,
                            data_keys.c.generation == writes.c.generation,
                        ),
                    )
                    .where(
                        writes.c.resource == resource,
                        writes.c.generation < generation,
                        writes.c.sealed.is_not(None),
                        data_keys.c.wrapped.is_not(None),
                    )
                    .order_by(writes.c.id)
                    .limit(_CHUNK)
                ).all()
                if not rows:
                    # In the transaction that found nothing left under them.
                    _destroy(connection, resource, generation)
                    return count
                wrapped = self._wrapped(connection, resource, generation)
                if wrapped is None:
                    raise StoreError(self._store.name, "the new data key was destroyed meanwhile")
                new = self._key(resource, generation, wrapped)
                for row in rows:
                    plaintext = self._key(resource, row.generation, row.wrapped).open(row.hash, row.sealed)
                    connection.execute(
                        sa.update(writes)
                        .where(writes.c.id == row.id)
                        .values(sealed=new.seal(row.hash, plaintext), generation=generation)
                    )
                count += len(rows)

    def rewrap(self, other: MasterKey) -> int:
        """Wraps every data key under another master key, in one transaction; from then on the store opens with that
        one alone. Nothing else may have the store open. Returns how many keys."""
        with self._store.writing() as connection:
            rows = connection.execute(
                sa.select(data_keys).where(data_keys.c.wrapped.is_not(None)).with_for_update()
            ).all()
            for row in rows:
                context = self._context(row.resource, row.generation)
                connection.execute(
                    sa.update(data_keys)
                    .where(data_keys.c.resource == row.resource, data_keys.c.generation == row.generation)
                    .values(wrapped=self._master.rewrap(row.wrapped, context, other))
                )
            connection.execute(sa.update(facts).where(facts.c.name == MASTER_KEY).values(value=other.id))
        self._store.facts[MASTER_KEY] = other.id
        self._master = other
        return len(rows)

    def _latest(self, resource: bytes) -> tuple[int, DataKey]:
        for _ in range(_ATTEMPTS):
            with self._store.reading() as connection:
                highest = _highest(connection, resource)
                wrapped = self._wrapped(connection, resource, highest)
            if wrapped is not None:
                return highest, self._key(resource, highest, wrapped)
            self._make(resource, highest + 1)
        raise StoreError(self._store.name, "its data keys are destroyed as fast as they are made")

    def _make(self, resource: bytes, generation: int) -> int:
        """A new data key; where another connection made that generation at the same moment, it stays."""
        wrapped = self._master.new_data_key(self._context(resource, generation))
        with suppress(sa.exc.IntegrityError), self._store.writing() as connection:
            # Under a master key that was exchanged meanwhile, nobody would open it again.
            named = connection.execute(
                sa.select(facts.c.value).where(facts.c.name == MASTER_KEY).with_for_update(read=True)
            ).scalar()
            if named != self._master.id:
                raise StoreError(self._store.name, f"its master key is {named} now: start anew with that")
            connection.execute(
                sa.insert(data_keys).values(resource=resource, generation=generation, wrapped=wrapped)
            )
        return generation

    @staticmethod
    def _wrapped(connection: sa.Connection, resource: bytes, generation: int) -> bytes | None:
        query = sa.select(data_keys.c.wrapped).where(
            data_keys.c.resource == resource, data_keys.c.generation == generation
        )
        wrapped: bytes | None = connection.execute(query).scalar()
        return wrapped

    def _key(self, resource: bytes, generation: int, wrapped: bytes) -> DataKey:
        return self._master.unwrap(wrapped, self._context(resource, generation))

    def _context(self, resource: bytes, generation: int) -> bytes:
        return self._host + resource + generation.to_bytes(8, "big")


def erase(store: Store, resource: bytes) -> int:
    """Destroys every data key of a resource and every record under them, which needs no key; what was signed and
    anchored stays. Returns how many records. What is written later is under a new key."""
    with store.writing() as connection:
        _destroy(connection, resource, _highest(connection, resource) + 1)
        connection.execute(sa.update(streams).where(streams.c.resource == resource).values(bytes=0))
        erased = sa.update(writes).where(writes.c.resource == resource, writes.c.sealed.is_not(None))
        return int(connection.execute(erased.values(sealed=None)).rowcount)


def _highest(connection: sa.Connection, resource: bytes) -> int:
    query = sa.select(sa.func.max(data_keys.c.generation)).where(data_keys.c.resource == resource)
    return int(connection.execute(query).scalar() or 0)


def _destroy(connection: sa.Connection, resource: bytes, below: int) -> None:
    connection.execute(
        sa.update(data_keys)
        .where(
            data_keys.c.resource == resource,
            data_keys.c.generation < below,
            data_keys.c.wrapped.is_not(None),
        )
        .values(wrapped=None)
    )
