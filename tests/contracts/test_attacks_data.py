"""What a host can try against its writers and readers, and a stranger with every public input against all of them."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from evgi_client.data.masterkey import MasterKey
from evgi_client.data.merkle import MerkleTree, MultiProof, leaf_hash, node_hash
from evgi_client.data.records import Records
from evgi_client.data.registry import DataAnchors
from evgi_client.data.store import Store
from evgi_client.data.tables import data_keys, writes
from evgi_client.data.vault import Vault
from evgi_client.errors import ContractError, RecordSealedError, StoreError, UnlockRejectedError
from evgi_client.messages import keccak256
from evgi_client.messages.access import Right
from evgi_client.messages.data import content_hash
from tests.support import hosting
from tests.support.hosting import BATTERY, METER, Served, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from evgi_client.chain import Chain


@pytest.fixture(scope="module")
def shared_world(chain: Chain) -> World:
    return hosting.found(chain)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    snapshot = shared_world.chain.snapshot()
    shared_world.numbers.clear()
    yield shared_world
    shared_world.chain.revert_to(snapshot)


@pytest.fixture
def store(world: World, tmp_path: Path) -> Iterator[Store]:
    with world.new_store(str(tmp_path / "host.db")) as store:
        yield store


@pytest.fixture
def served(world: World, store: Store) -> Iterator[Served]:
    with hosting.serving(world, world.hosting(store)) as served:
        yield served


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ContractError) as caught:
        call()
    return caught.value.name


def value(number: int) -> bytes:
    return keccak256(number.to_bytes(8, "big"))


# A host against its writers


def test_a_host_does_not_rewrite_what_it_has_anchored(world: World) -> None:
    anchors, host = DataAnchors(world.contracts, world.host), world.host.address
    tree = MerkleTree([value(number) for number in range(5)])
    anchors.anchor(host, BATTERY, 1, tree.root, 5)
    for sequence in (1, 0):
        assert (
            refusal(lambda sequence=sequence: anchors.anchor(host, BATTERY, sequence, value(9), 5))
            == "SequenceUnexpected"
        )
    # Nor does a later root change what an earlier one proves.
    anchors.anchor(host, BATTERY, 2, value(9), 5)
    assert anchors.verify(host, BATTERY, 1, value(3), tree.proof(3))
    assert not anchors.verify(host, BATTERY, 2, value(3), tree.proof(3))


def test_a_host_does_not_leave_a_batch_out(world: World) -> None:
    anchors, host = DataAnchors(world.contracts, world.host), world.host.address
    anchors.anchor(host, BATTERY, 1, value(1), 1)
    assert refusal(lambda: anchors.anchor(host, BATTERY, 3, value(3), 1)) == "SequenceUnexpected"


def test_a_host_does_not_date_a_batch(world: World) -> None:
    """Nothing that it sends is a time."""
    anchors, host = DataAnchors(world.contracts, world.host), world.host.address
    before = world.chain.now()
    receipt = anchors.anchor(host, BATTERY, 1, value(1), 1)
    batch = anchors.batch(host, BATTERY, 1)
    assert batch is not None
    assert batch.anchored_at == world.chain.timestamp_of(receipt.block_number) >= before
    inputs = [
        parameter["name"]
        for entry in anchors.contract.abi.entries
        if entry.get("name") == "anchor"
        for parameter in entry["inputs"]
    ]
    assert inputs == ["host", "stream", "sequence", "root", "leaves"]


def test_a_host_proves_nothing_that_nobody_wrote(world: World) -> None:
    """Inner nodes, the root itself, leaves, proofs cut short and stretched: none passes for a write."""
    anchors, host = DataAnchors(world.contracts, world.host), world.host.address
    tree = MerkleTree([value(number) for number in range(8)])
    anchors.anchor(host, BATTERY, 1, tree.root, 8)
    proof = tree.proof(0)
    inner = node_hash(leaf_hash(value(0)), proof[0])
    for claimed, path in (
        (inner, proof[1:]),
        (tree.root, []),
        (leaf_hash(value(0)), proof),
        (value(0), proof[:-1]),
        (value(0), [*proof, tree.root]),
        (keccak256(value(0)), proof),
    ):
        assert not anchors.verify(host, BATTERY, 1, claimed, path)
    for forged in (
        MultiProof((), (tree.root,), ()),
        MultiProof((inner,), tuple(proof[1:]), (False, False)),
        MultiProof((value(8),), tuple(proof), (False, False, False)),
    ):
        assert not anchors.verify_many(host, BATTERY, 1, forged)


def test_a_host_puts_no_word_into_a_writers_mouth(served: Served) -> None:
    """What a writer signed for one host, resource, stream, number and record is of no use for another."""
    world = served.world
    other = world.bootstrap(label="other")
    signed = world.write(b"signed once")
    for changes in (
        {"resource": other},
        {"stream": METER},
        {"number": 1},
        {"content": content_hash(signed.salt, b"never signed")},
    ):
        forged = replace(signed, write=replace(signed.write, **changes), data=b"never signed")
        if "content" not in changes:
            forged = replace(forged, data=signed.data)
        answer = served.put(forged)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "signature")


# A stranger with every public input


def test_a_stranger_anchors_nothing_for_a_host(world: World) -> None:
    stranger = DataAnchors(world.contracts, world.stranger)
    for sequence in (0, 1, 2):
        assert (
            refusal(
                lambda sequence=sequence: stranger.anchor(world.host.address, BATTERY, sequence, value(1), 1)
            )
            == "NotActingForHost"
        )


def test_a_stranger_who_saw_a_write_can_only_send_it_again(served: Served) -> None:
    signed = served.world.write(b"seen on the way")
    assert served.put(signed).status_code == 201
    for _ in range(3):
        assert served.put(signed).status_code == 200
    # In its own name it was not signed.
    own = replace(signed, account=served.world.stranger.address)
    assert served.put(own).status_code == 403
    assert len(served.unlock().read()["writes"]) == 1


def test_a_stranger_who_saw_a_handshake_and_a_session_has_neither(served: Served) -> None:
    world = served.world
    served.put(world.write(b"secret"))
    now = world.chain.now()
    attempt = world.accessor().request(world.host.address, world.resource(), Right.READ, now)
    answer = served.post("/v1/unlock", data=attempt.packet)
    session = attempt.take(answer.content, now)
    question = session.seal(json.dumps({"do": "read", "stream": "0x" + BATTERY.hex()}).encode(), now)
    path = f"/v1/sessions/0x{session.id.hex()}"
    sealed = served.post(path, data=question).content
    seen = attempt.packet + answer.content + question + sealed
    assert b"secret" not in seen
    # The request again, the question again, the host's own answer as a question, another session's name.
    assert served.post("/v1/unlock", data=attempt.packet).status_code == 403
    assert [served.post(path, data=each).status_code for each in (question, sealed)] == [400, 400]
    other = served.unlock()
    crossed = served.post(f"/v1/sessions/0x{other.session.id.hex()}", data=question)
    assert crossed.json()["error"]["code"] == "packet"
    assert len(other.read()["writes"]) == 1


def test_a_strangers_own_identity_opens_nothing_of_others(served: Served) -> None:
    world = served.world
    served.put(world.write(b"secret"))
    # It may have a resource with the host, of the same label.
    own = world.bootstrap(world.stranger)
    assert own != world.resource()
    assert served.unlock(world.stranger, resource=own).ask({"do": "list"}) == {"streams": []}
    for rights in (Right.READ, Right.WRITE, Right.READ | Right.WRITE | Right.CONTROL):
        with pytest.raises(UnlockRejectedError):
            served.unlock(world.stranger, rights)
    assert served.put(world.write(by=world.stranger)).json()["error"]["code"] == "not_allowed"


def test_the_chain_does_not_tell_which_of_few_values_was_written(served: Served) -> None:
    """A state of charge has 101 values: without its salt, none of them is the one."""
    world = served.world
    secret, salt = b"57 %", secrets.token_bytes(32)
    content = content_hash(salt, secret)
    guesses = [b"%d %%" % number for number in range(101)]
    assert secret in guesses
    for guess in guesses:
        tried = (keccak256(guess), content_hash(bytes(32), guess), content_hash(world.resource(), guess))
        assert content not in tried
    assert content_hash(secrets.token_bytes(32), secret) != content


# Who has the host's disk


def test_the_database_alone_tells_nothing_and_another_key_opens_nothing(served: Served, store: Store) -> None:
    world = served.world
    served.put(world.write(b"at home by ten"))
    with store.reading() as connection:
        row = connection.execute(sa.select(writes)).one()
        assert b"at home" not in row.sealed
    page = Records(store).page(world.resource(), BATTERY, None, 1, 10**6)
    assert page is not None
    (stored,) = page.writes
    assert stored.wrapped is not None
    with pytest.raises(RecordSealedError):
        MasterKey.create().unwrap(stored.wrapped, b"")
    with pytest.raises(StoreError):
        Vault(store, MasterKey.create())


def test_a_record_put_into_anothers_place_is_not_given_out(served: Served, store: Store) -> None:
    """Somebody with the disk and no key moves ciphertexts about."""
    world = served.world
    for text in (b"mine", b"yours"):
        served.put(world.write(text))
    with store.writing() as connection:
        first, second = connection.execute(sa.select(writes).order_by(writes.c.position)).all()
        for row, other in ((first, second), (second, first)):
            connection.execute(sa.update(writes).where(writes.c.id == row.id).values(sealed=other.sealed))
    assert served.unlock().read()["error"]["code"] == "internal"
    assert {finding.kind for finding in served.hosting.audit().run()} == {"sealed"}


def test_a_key_of_one_resource_does_not_open_another(served: Served, store: Store) -> None:
    world = served.world
    other = world.bootstrap(label="other")
    served.put(world.write(b"one"))
    served.put(world.write(b"two", by=world.owner, resource=other))
    with store.writing() as connection:
        wrapped = connection.execute(
            sa.select(data_keys.c.wrapped).where(data_keys.c.resource == other)
        ).scalar_one()
        connection.execute(
            sa.update(data_keys).where(data_keys.c.resource == world.resource()).values(wrapped=wrapped)
        )
    assert served.unlock().read()["error"]["code"] == "internal"
