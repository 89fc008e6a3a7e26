"""A data host over HTTP: takes what is rightly signed, gives it back with proofs to who may read, to nobody else."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from evgi_client.data.merkle import verify
from evgi_client.data.registry import DataAnchors
from evgi_client.messages.data import DataWrite, content_hash
from tests.support import hosting
from tests.support.hosting import BATTERY, METER, Served, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evgi_client.chain import Chain


@pytest.fixture(scope="module")
def shared_world(chain: Chain) -> World:
    return hosting.found(chain)


@pytest.fixture
def served(shared_world: World, tmp_path: Path) -> Iterator[Served]:
    """A host with an empty store, and the chain as it was before the test."""
    world = shared_world
    snapshot = world.chain.snapshot()
    world.numbers.clear()
    try:
        with (
            world.new_store(str(tmp_path / "host.db")) as store,
            hosting.serving(world, world.hosting(store)) as served,
        ):
            yield served
    finally:
        world.chain.revert_to(snapshot)


def test_a_record_goes_from_its_writer_to_its_reader_with_a_proof_that_the_chain_confirms(
    served: Served,
) -> None:
    world = served.world
    sent = [world.write(f"record {number}".encode()) for number in range(5)]
    for signed in sent:
        answer = served.put(signed)
        assert answer.status_code == 201
        assert answer.json() == {"write": "0x" + signed.write.struct_hash().hex()}
    (anchored,) = served.anchor()
    assert (anchored.sequence, anchored.leaves) == (1, 5)
    reading = served.unlock()
    assert reading.ask({"do": "list"}) == {
        "streams": [{"stream": "0x" + BATTERY.hex(), "writes": "5", "anchored": "5"}]
    }
    answer = reading.read()
    assert answer["more"] is False
    anchors = DataAnchors(world.contracts, world.reader)
    batch = anchors.batch(world.host.address, BATTERY, 1)
    assert batch is not None
    for number, (item, signed) in enumerate(zip(answer["writes"], sent, strict=True)):
        write = DataWrite.from_json(item["write"])
        assert item["position"] == str(number)
        assert write == signed.write
        data = base64.b64decode(item["data"])
        assert data == signed.data
        assert content_hash(bytes.fromhex(item["salt"][2:]), data) == write.content
        assert (item["account"], item["signature"]) == (world.writer.address, "0x" + signed.signature.hex())
        path = [bytes.fromhex(each[2:]) for each in item["proof"]["path"]]
        assert (item["proof"]["sequence"], item["proof"]["leaves"]) == ("1", 5)
        assert verify(batch.root, write.struct_hash(), path)
        assert anchors.verify(world.host.address, BATTERY, 1, write.struct_hash(), path)
    assert reading.ask({"do": "end"}) == {"ended": True}
    assert reading.session.ended is not None


def test_what_is_not_anchored_has_no_proof_yet(served: Served) -> None:
    served.put(served.world.write(b"one"))
    served.anchor()
    served.put(served.world.write(b"two"))
    first, second = served.unlock().read()["writes"]
    assert first["proof"]["sequence"] == "1"
    assert second["proof"] is None
    assert served.unlock().ask({"do": "list"})["streams"][0]["anchored"] == "1"
    assert METER != BATTERY
