"""The store and its vault: what is kept stays, in one order, sealed; the same on SQLite and PostgreSQL."""

from __future__ import annotations

import pickle
import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from evgi_client.data.batches import Batches, SentTransaction
from evgi_client.data.masterkey import MasterKey
from evgi_client.data.merkle import MerkleTree
from evgi_client.data.records import Records
from evgi_client.data.store import HOST, KeyGone, NewWrite, NoRoom, NumberUnexpected, Store
from evgi_client.data.tables import data_keys, open_engine, shown, writes
from evgi_client.data.vault import MASTER_KEY, Vault, erase
from evgi_client.errors import RecordSealedError, StoreError
from evgi_client.messages import keccak256
from evgi_client.messages.data import DataWrite, content_hash, stream_id
from tests.support.postgresql import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST_ADDRESS = "0x" + "11" * 20
WRITER, OTHER = "0x" + "22" * 20, "0x" + "33" * 20
BATTERY, METER = stream_id("battery"), stream_id("meter")
RESOURCE, ANOTHER = keccak256(b"resource"), keccak256(b"another")
MASTER = MasterKey(keccak256(b"master"))
ABOUT = {HOST: HOST_ADDRESS, MASTER_KEY: MASTER.id}
PLENTY = 2**40


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if request.param == "sqlite":
        yield str(tmp_path / "host.db")
        return
    server = request.getfixturevalue("server")
    yield server
    engine = open_engine(server)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.create(url, ABOUT) as store:
        yield store


def data_write(number: int = 0, **changes: object) -> DataWrite:
    fields = {
        "writer": WRITER,
        "host": HOST_ADDRESS,
        "resource": RESOURCE,
        "stream": BATTERY,
        "number": number,
        "content": content_hash(bytes(32), f"record {number}".encode()),
        "written_at": 1_750_000_000,
        **changes,
    }
    return DataWrite(**fields)  # type: ignore[arg-type]


def sealed(store: Store, write: DataWrite, plaintext: bytes | None = None) -> NewWrite:
    plain = plaintext if plaintext is not None else bytes(32) + f"record {write.number}".encode()
    generation, body = Vault(store, MASTER).seal(write.resource, write.struct_hash(), plain)
    return NewWrite(write, write.writer, b"signature", 1_750_000_001, generation, body)


def put(store: Store, count: int, start: int = 0, **changes: object) -> list[DataWrite]:
    made = [data_write(number, **changes) for number in range(start, start + count)]
    for write in made:
        assert store.add(sealed(store, write), PLENTY)
    return made


def read(store: Store, resource: bytes = RESOURCE, stream: bytes = BATTERY, **limits: int) -> list[DataWrite]:
    page = Records(store).page(resource, stream, limits.get("after"), 10_000, PLENTY)
    assert page is not None
    return [stored.write for stored in page.writes]


# Writes


def test_what_was_added_is_there_in_the_order_it_came_also_after_the_store_was_closed(
    store: Store, url: str
) -> None:
    made = put(store, 5)
    store.close()
    with Store(url) as again:
        assert read(again) == made
        page = Records(again).page(RESOURCE, BATTERY, 1, 2, PLENTY)
        assert page is not None
        assert ([stored.position for stored in page.writes], page.more) == ([2, 3], True)
        first = page.writes[0]
        assert (first.account, first.signature) == (WRITER, b"signature")
        assert Vault(again, MASTER).open(first) == bytes(32) + b"record 2"


def test_the_same_write_again_changes_nothing(store: Store) -> None:
    write = data_write()
    new = sealed(store, write)
    assert [store.add(new, PLENTY) for _ in range(3)] == [True, False, False]
    assert store.add(sealed(store, write), PLENTY) is False
    assert read(store) == [write]
    # The failed one has used up no position.
    put(store, 1, start=1)
    assert [count.writes for count in Records(store).streams_of(RESOURCE)] == [2]


def test_numbers_have_no_gap_for_each_writer_resource_and_stream(store: Store) -> None:
    put(store, 2)
    for number, expected in ((0, 2), (1, 2), (3, 2), (2**64 - 1, 2)):
        # Another record under a number that is taken, or is not its turn.
        wrong = data_write(number, content=keccak256(b"other"))
        with pytest.raises(NumberUnexpected) as caught:
            store.add(sealed(store, wrong), PLENTY)
        assert caught.value.expected == expected
    for changes in ({"writer": OTHER}, {"stream": METER}, {"resource": ANOTHER}):
        with pytest.raises(NumberUnexpected):
            store.add(sealed(store, data_write(1, **changes)), PLENTY)
        put(store, 1, **changes)
    assert len(read(store)) == 3


def test_pages_end_at_their_size_and_have_one_record_at_least(store: Store) -> None:
    for number, size in enumerate((1_000, 1_000, 5_000, 10, 10)):
        store.add(sealed(store, data_write(number), bytes(size)), PLENTY)
    records = Records(store)

    def page(after: int | None, limit: int = 100, most: int = 2_500) -> tuple[list[int], bool]:
        found = records.page(RESOURCE, BATTERY, after, limit, most)
        assert found is not None
        return [stored.position for stored in found.writes], found.more

    assert page(None) == ([0, 1], True)
    assert page(1) == ([2], True)
    assert page(2) == ([3, 4], False)
    assert page(None, limit=1) == ([0], True)
    assert page(4) == ([], False)
    assert page(10**15) == ([], False)
    assert records.page(RESOURCE, METER, None, 10, PLENTY) is None
    assert records.page(ANOTHER, BATTERY, None, 10, PLENTY) is None


def test_a_resource_has_no_more_than_its_quota(store: Store) -> None:
    new = sealed(store, data_write())
    room = len(new.sealed)
    assert store.add(new, room)
    with pytest.raises(NoRoom):
        store.add(sealed(store, data_write(1)), room + 10)
    assert store.add(sealed(store, data_write(1)), 2 * room)
    # All streams of the resource count, and no other resource.
    with pytest.raises(NoRoom):
        store.add(sealed(store, data_write(stream=METER)), 2 * room)
    put(store, 1, resource=ANOTHER)
    erase(store, RESOURCE)
    assert store.add(sealed(store, data_write(2)), 2 * room)


def test_many_writers_at_once_leave_no_gap_and_lose_nothing(store: Store) -> None:
    writers = [f"0x{number:040x}" for number in range(1, 7)]
    each, shuffle = 12, random.Random(3)

    def work(writer: str) -> int:
        added = 0
        for number in range(each):
            new = sealed(store, data_write(number, writer=writer))
            for _ in range(shuffle.choice((1, 1, 2))):
                added += store.add(new, PLENTY)
        return added

    with ThreadPoolExecutor(len(writers)) as pool:
        assert sum(pool.map(work, writers)) == len(writers) * each
    positions = list(Records(store).positions(RESOURCE, BATTERY))
    assert [position for position, _, _ in positions] == list(range(len(writers) * each))
    for writer in writers:
        assert [number for _, by, number in positions if by == writer] == list(range(each))


def test_the_same_write_at_the_same_moment_is_kept_once(store: Store) -> None:
    new = sealed(store, data_write())
    together = threading.Barrier(6)

    def work(_: int) -> bool:
        together.wait(10)
        return store.add(new, PLENTY)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(work, range(6))) == [False] * 5 + [True]
    assert len(read(store)) == 1


# Batches


def test_batches_take_what_is_oldest_each_write_once(store: Store) -> None:
    made = put(store, 7)
    batches = Batches(store)
    first, second, third = (batches.close(BATTERY, 3) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert [batch.leaves for batch in (first, second, third)] == [3, 3, 1]
    assert batches.close(BATTERY, 3) is None
    hashes = [write.struct_hash() for write in made]
    assert batches.values(BATTERY, 1) + batches.values(BATTERY, 2) + batches.values(BATTERY, 3) == hashes
    assert first.root == MerkleTree(hashes[:3]).root
    assert batches.get(BATTERY, 2) == second
    assert batches.get(BATTERY, 4) is None
    assert batches.last(BATTERY) == 3
    assert batches.last(METER) == 0


def test_a_transaction_is_written_down_and_a_batch_anchored_until_the_chain_loses_it(store: Store) -> None:
    put(store, 4)
    batches = Batches(store)
    first, second = batches.close(BATTERY, 2), batches.close(BATTERY, 2)
    assert first is not None
    assert second is not None
    sent = SentTransaction(b"raw", "0xabc", WRITER, 2**40)
    batches.note_sent(first, sent)
    assert [batch.sent for batch in batches.unanchored(BATTERY)] == [sent, None]
    batches.note_anchored(first)
    assert [count.anchored for count in Records(store).streams_of(RESOURCE)] == [2]
    batches.note_anchored(second)
    assert batches.unanchored(BATTERY) == []
    state = batches.state(BATTERY)
    assert (state.writes, state.waiting, state.batches, state.anchored) == (4, 0, 2, 2)
    assert batches.note_lost(BATTERY, 1) == 1
    assert [batch.sequence for batch in batches.unanchored(BATTERY)] == [2]


def test_batches_closed_at_the_same_moment_share_nothing(store: Store) -> None:
    put(store, 20)
    together = threading.Barrier(4)

    def work(_: int) -> list[int]:
        together.wait(10)
        closed = [Batches(store).close(BATTERY, 3) for _ in range(3)]
        return [batch.sequence for batch in closed if batch is not None]

    with ThreadPoolExecutor(4) as pool:
        sequences = [sequence for found in pool.map(work, range(4)) for sequence in found]
    batches = Batches(store)
    while batches.close(BATTERY, 3) is not None:
        pass
    assert sorted(sequences) == list(range(1, len(sequences) + 1))
    values = [
        value for number in range(1, batches.last(BATTERY) + 1) for value in batches.values(BATTERY, number)
    ]
    assert len(values) == len(set(values)) == 20


# Sealed


def test_nothing_of_a_record_is_in_the_database(store: Store, tmp_path: Path) -> None:
    secret = b"state of health 83 percent, driven by Ada"
    store.add(sealed(store, data_write(), bytes(range(32)) + secret), PLENTY)
    with store.reading() as connection:
        for table in (writes, data_keys):
            for row in connection.execute(sa.select(table)):
                for value in row:
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    assert secret[:12] not in raw
                    assert bytes(range(32)) not in raw
    for file in tmp_path.glob("host.db*"):
        assert secret[:12] not in file.read_bytes()


def test_a_record_opens_nowhere_but_in_its_place(store: Store) -> None:
    put(store, 2)
    put(store, 1, resource=ANOTHER)
    vault = Vault(store, MASTER)
    page = Records(store).page(RESOURCE, BATTERY, None, 10, PLENTY)
    other = Records(store).page(ANOTHER, BATTERY, None, 10, PLENTY)
    assert page is not None
    assert other is not None
    first, second = page.writes
    assert first.sealed is not None
    damaged = first.sealed[:-1] + bytes([first.sealed[-1] ^ 1])
    wrong = [
        replace(first, sealed=second.sealed),
        replace(first, sealed=damaged),
        replace(first, sealed=first.sealed[:20]),
        replace(first, sealed=b""),
        replace(first, wrapped=other.writes[0].wrapped),
        replace(first, generation=2),
        replace(first, write=replace(first.write, number=5)),
    ]
    for each in wrong:
        with pytest.raises(RecordSealedError):
            vault.open(each)
    assert vault.open(first) == bytes(32) + b"record 0"


def test_equal_records_do_not_look_equal(store: Store) -> None:
    vault = Vault(store, MASTER)
    _, one = vault.seal(RESOURCE, bytes(32), b"same")
    _, two = vault.seal(RESOURCE, bytes(32), b"same")
    assert one != two
    assert one[:12] != two[:12]


def test_a_new_key_takes_over_every_record_and_the_old_one_is_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evgi_client.data.vault._CHUNK", 10)
    made = put(store, 25)
    assert Vault(store, MASTER).rotate(RESOURCE) == 25
    assert Vault(store, MASTER).rotate(RESOURCE) == 25
    with store.reading() as connection:
        keys = connection.execute(sa.select(data_keys).order_by(data_keys.c.generation)).all()
    assert [(row.generation, row.wrapped is not None) for row in keys] == [(1, False), (2, False), (3, True)]
    put(store, 1, start=25)
    page = Records(store).page(RESOURCE, BATTERY, None, 1_000, PLENTY)
    assert page is not None
    assert {stored.generation for stored in page.writes} == {3}
    for stored in page.writes:
        assert Vault(store, MASTER).open(stored) == bytes(32) + f"record {stored.write.number}".encode()
    assert [stored.write for stored in page.writes][:25] == made


def test_a_record_that_was_changed_keeps_its_key(store: Store) -> None:
    put(store, 2)
    with store.writing() as connection:
        connection.execute(sa.update(writes).where(writes.c.number == 1).values(sealed=bytes(60)))
    with pytest.raises(RecordSealedError):
        Vault(store, MASTER).rotate(RESOURCE)
    page = Records(store).page(RESOURCE, BATTERY, None, 10, PLENTY)
    assert page is not None
    assert Vault(store, MASTER).open(page.writes[0]) == bytes(32) + b"record 0"


def test_what_is_erased_is_gone_and_what_was_signed_stays(store: Store) -> None:
    made = put(store, 3)
    put(store, 1, resource=ANOTHER)
    new = sealed(store, data_write(3))
    assert erase(store, RESOURCE) == 3
    assert erase(store, RESOURCE) == 0
    page = Records(store).page(RESOURCE, BATTERY, None, 10, PLENTY)
    assert page is not None
    assert [stored.write for stored in page.writes] == made
    assert [Vault(store, MASTER).open(stored) for stored in page.writes] == [None] * 3
    # Sealed before, brought after: under the key that was destroyed.
    with pytest.raises(KeyGone):
        store.add(new, PLENTY)
    put(store, 1, start=3)
    page = Records(store).page(RESOURCE, BATTERY, 2, 10, PLENTY)
    assert page is not None
    assert Vault(store, MASTER).open(page.writes[0]) == bytes(32) + b"record 3"
    other = Records(store).page(ANOTHER, BATTERY, None, 10, PLENTY)
    assert other is not None
    assert Vault(store, MASTER).open(other.writes[0]) is not None


def test_keys_are_renewed_while_writers_write(store: Store) -> None:
    count = 24
    done = threading.Event()

    def work() -> None:
        number = 0
        while number < count:
            try:
                store.add(sealed(store, data_write(number)), PLENTY)
            except KeyGone:
                continue
            number += 1
            # Else the other thread would hardly get at the database.
            time.sleep(0.005)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        rotations = 0
        while not done.is_set() and not working.done():
            Vault(store, MASTER).rotate(RESOURCE)
            rotations += 1
            time.sleep(0.01)
        working.result(30)
    assert rotations > 1
    page = Records(store).page(RESOURCE, BATTERY, None, 10_000, PLENTY)
    assert page is not None
    assert len(page.writes) == count
    for stored in page.writes:
        assert Vault(store, MASTER).open(stored) == bytes(32) + f"record {stored.write.number}".encode()


def test_the_master_key_is_exchanged(store: Store, url: str) -> None:
    put(store, 2)
    put(store, 1, resource=ANOTHER)
    late, other = Vault(store, MASTER), MasterKey.create()
    with Store(url) as again:
        assert Vault(again, MASTER).rewrap(other) == 2
    with Store(url) as again:
        with pytest.raises(StoreError, match="master key"):
            Vault(again, MASTER)
        page = Records(again).page(RESOURCE, BATTERY, None, 10, PLENTY)
        assert page is not None
        assert Vault(again, other).open(page.writes[1]) == bytes(32) + b"record 1"
    # A host that was not stopped makes no key that nobody would open.
    with pytest.raises(StoreError, match="master key"):
        late.seal(keccak256(b"third"), bytes(32), b"")


# Nonces


def test_a_nonce_is_taken_once_until_it_expires(store: Store, url: str) -> None:
    nonce = keccak256(b"nonce")
    assert store.claim(WRITER, nonce, 100, 50)
    assert not store.claim(WRITER, nonce, 200, 99)
    assert store.claim(OTHER, nonce, 100, 99)
    with Store(url) as again:
        assert not again.claim(WRITER, nonce, 200, 99)
    assert store.claim(WRITER, nonce, 200, 100)


def test_a_nonce_that_many_claim_at_once_is_taken_by_one(store: Store) -> None:
    together = threading.Barrier(6)

    def work(_: int) -> bool:
        together.wait(10)
        return store.claim(WRITER, bytes(32), 100, 50)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 1


# Stores


def test_connections_that_the_server_ended_are_made_anew(server: str) -> None:
    """As when PostgreSQL is restarted beneath a host."""
    with Store.create(server, ABOUT) as store:
        put(store, 1)
        killer = open_engine(server)
        with killer.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        put(store, 1, start=1)
        assert len(read(store)) == 2
    with killer.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    killer.dispose()


def test_a_store_is_one_hosts_alone(store: Store, url: str) -> None:
    Store.create(url, ABOUT).close()
    with pytest.raises(StoreError, match="another host: host differ"):
        Store.create(url, {**ABOUT, HOST: OTHER})
    with pytest.raises(StoreError, match="master key"):
        Vault(store, MasterKey.create())


def test_a_store_of_another_version_is_left_alone(store: Store, url: str) -> None:
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE facts SET value = '9' WHERE name = 'schema'")
    with pytest.raises(StoreError, match="schema version 9, expected 1"):
        Store(url)


def test_a_database_of_something_else_is_left_alone(url: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (name TEXT)")
    engine.dispose()
    with pytest.raises(StoreError, match="something else: it has customers"):
        Store.create(url, ABOUT)
    with pytest.raises(StoreError, match="evgi datahost init"):
        Store(url)


def test_what_is_no_store_says_so(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(StoreError, match="not a database"):
        Store(str(tmp_path / "text"))
    with pytest.raises(StoreError, match="unable to open"):
        Store(str(tmp_path / "nowhere" / "host.db"))
    for url in ("mysql://server/name", "sqlite://", "sqlite:///"):
        with pytest.raises(StoreError):
            Store(url)


def test_a_password_is_in_no_message(tmp_path: Path) -> None:
    url = "postgresql://evgi:hunter2@127.0.0.1:1/name"
    assert "hunter2" not in shown(url)
    for wrong in (
        url,
        "postgres+nothing://evgi:hunter2@server/name",
        "postgresql://evgi:hunter2@server:port/name",
    ):
        with pytest.raises(StoreError) as caught:
            Store(wrong)
        assert "hunter2" not in str(caught.value)


def test_a_database_that_is_locked_or_broken_is_a_store_error(store: Store, tmp_path: Path) -> None:
    put(store, 1)
    with store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE unlock_nonces")
    with pytest.raises(StoreError):
        store.claim(WRITER, bytes(32), 100, 50)


def test_a_sqlite_store_survives_the_loss_of_power(tmp_path: Path) -> None:
    with Store.create(str(tmp_path / "host.db"), ABOUT) as store, store.reading() as connection:
        asked = ("journal_mode", "synchronous", "secure_delete", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        assert found == ["wal", 2, 1, 10_000]
    with sqlite3.connect(tmp_path / "host.db") as connection_:
        assert connection_.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection_.close()


def test_keys_do_not_leave_the_process() -> None:
    with pytest.raises(TypeError, match="in clear"):
        pickle.dumps(MASTER)
    assert keccak256(b"master").hex() not in repr(MASTER)
