"""What a data host keeps: sealed, renewed, erased, and checked against signatures and chain."""

from __future__ import annotations

import base64
import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from evgi_client.data.registry import DataAnchors
from evgi_client.data.store import Store
from evgi_client.data.tables import open_engine, writes
from evgi_client.data.vault import Vault, erase
from evgi_client.messages import keccak256
from tests.support import hosting
from tests.support.hosting import BATTERY, MASTER, Served, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evgi_client.chain import Chain


@pytest.fixture(scope="module")
def shared_world(chain: Chain) -> World:
    return hosting.found(chain)


@pytest.fixture(scope="module")
def filled(shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with five records, the first four of them anchored."""
    path = tmp_path_factory.mktemp("filled") / "host.db"
    with shared_world.new_store(str(path)) as store:
        host = shared_world.hosting(store)
        for number in range(5):
            host.parts().host.write(shared_world.write(b"%d" % number))
            if number == 3:
                assert len(list(host.anchoring().run())) == 1
    shared_world.numbers.clear()
    return path


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The chain is afterwards as it was before the test."""
    snapshot = shared_world.chain.snapshot()
    shared_world.numbers.clear()
    yield shared_world
    shared_world.chain.revert_to(snapshot)


@pytest.fixture
def store(world: World, filled: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of the store with the five records."""
    shutil.copy(filled, tmp_path / "host.db")
    world.numbers[world.resource(), BATTERY, world.writer.address] = 5
    with Store(str(tmp_path / "host.db")) as store:
        yield store


@pytest.fixture
def served(world: World, store: Store) -> Iterator[Served]:
    with hosting.serving(world, world.hosting(store)) as served:
        yield served


def records(served: Served) -> list[bytes | None]:
    items = served.unlock().read()["writes"]
    return [None if item["data"] is None else base64.b64decode(item["data"]) for item in items]


def test_what_is_erased_is_told_as_erased_and_still_proven(served: Served, store: Store) -> None:
    world = served.world
    assert erase(store, world.resource()) == 5
    assert served.put(world.write(b"remember me")).status_code == 201
    assert records(served) == [None] * 5 + [b"remember me"]
    first = served.unlock().read()["writes"][0]
    assert (first["salt"], first["data"]) == (None, None)
    path = [bytes.fromhex(each[2:]) for each in first["proof"]["path"]]
    anchors = DataAnchors(world.contracts, world.reader)
    with store.reading() as connection:
        hashed = connection.execute(sa.select(writes.c.hash).where(writes.c.position == 0)).scalar_one()
    assert anchors.verify(world.host.address, BATTERY, 1, hashed, path)
    audit = served.hosting.audit()
    assert list(audit.run()) == []
    assert (audit.checked.writes, audit.checked.erased) == (6, 5)


def test_keys_are_renewed_while_the_host_serves(served: Served, store: Store) -> None:
    assert Vault(store, MASTER).rotate(served.world.resource()) == 5
    served.put(served.world.write(b"new"))
    assert records(served) == [b"0", b"1", b"2", b"3", b"4", b"new"]


def test_a_store_that_was_tampered_with_gives_nothing_away(served: Served, store: Store) -> None:
    with store.writing() as connection:
        connection.execute(sa.update(writes).values(sealed=bytes(80)))
    reading = served.unlock()
    assert reading.read()["error"] == {"code": "internal", "message": "The host cannot read its records."}
    # The session goes on: it is not the reader's fault.
    assert len(reading.ask({"do": "list"})["streams"]) == 1


def test_verify_finds_nothing_where_nothing_is_wrong(world: World, store: Store) -> None:
    audit = world.hosting(store).audit()
    advanced: list[None] = []
    assert audit.total() == 5
    assert list(audit.run(lambda: advanced.append(None))) == []
    assert (audit.checked.writes, audit.checked.batches, audit.checked.waiting) == (5, 1, 1)
    assert len(advanced) == 5


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        (
            "UPDATE writes SET written_at = written_at + 1 WHERE position = 1",
            {"changed", "signature", "root", "sealed"},
        ),
        ("UPDATE writes SET sealed = zeroblob(90) WHERE position = 1", {"sealed"}),
        ("UPDATE writes SET account = '0x0000000000000000000000000000000000000001'", {"signature"}),
        ("UPDATE writes SET leaf = leaf + 1 WHERE position = 1", {"leaf"}),
        ("UPDATE writes SET leaf = 1 - leaf WHERE position < 2 AND sequence = 1", {"leaf"}),
        ("UPDATE batches SET root = zeroblob(32) WHERE sequence = 1", {"root"}),
        ("DELETE FROM batches WHERE sequence = 1", {"missing"}),
        ("DELETE FROM writes WHERE position = 1", {"gap", "root"}),
        ("DELETE FROM writes WHERE position = 4", {"gap"}),
        ("UPDATE streams SET writes = 9", {"gap"}),
        ("UPDATE batches SET anchored = 0", set()),
    ],
)
def test_verify_finds_what_was_changed(world: World, store: Store, statement: str, kinds: set[str]) -> None:
    engine = open_engine(store.name)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
    found = {finding.kind for finding in world.hosting(store).audit().run()}
    assert kinds <= found
    assert bool(found) == bool(kinds)


def test_verify_finds_what_the_chain_lost_and_what_the_store_lost(world: World, store: Store) -> None:
    host = world.hosting(store)
    before = world.chain.snapshot()
    list(host.anchoring().run())
    world.chain.revert_to(before)
    assert [finding.kind for finding in host.audit().run()] == ["lost"]
    list(host.anchoring().run())
    assert list(host.audit().run()) == []
    DataAnchors(world.contracts, world.host).anchor(world.host.address, BATTERY, 3, keccak256(b"x"), 1)
    assert [finding.kind for finding in host.audit().run()] == ["missing"]
