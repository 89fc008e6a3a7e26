"""DataRegistry: a host's roots come one after the other, by who acts for it, and prove what is under them."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.data.merkle import MAX_LEAVES, MerkleTree, MultiProof
from evgi_client.data.registry import AnchoredBatch, DataAnchors
from evgi_client.errors import ContractError
from evgi_client.messages import Domain
from evgi_client.messages.data import DataWrite, stream_id
from evgi_client.signing import LocalSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evgi_client.chain import Chain, ContractHandle, Receipt

BATTERY, METER = stream_id("battery"), stream_id("meter")
SIG_AUTH, VERI_KEY = b"sigAuth".ljust(32, b"\0"), b"veriKey".ljust(32, b"\0")
ZERO = "0x" + "00" * 20
ROOT = keccak(b"root")

# Written out here, not read from the contract or the client: a wrong type string in either must fail.
MEMBERS = "writer:address host:address resource:bytes32 stream:bytes32 number:uint64 content:bytes32 writtenAt:uint64"


@contextmanager
def refused(name: str, **args: object) -> Iterator[None]:
    """The block must end in this custom error, with exactly these arguments."""
    with pytest.raises(ContractError) as caught:
        yield
    assert (caught.value.name, caught.value.args) == (name, args)


@dataclass
class World:
    """A host whose owner anchors, its machine (a delegate), another host and a stranger."""

    chain: Chain
    identities: ContractHandle
    registry: ContractHandle
    host: LocalSigner
    machine: LocalSigner
    other: LocalSigner
    stranger: LocalSigner

    def anchor(
        self, sequence: int = 1, root: bytes = ROOT, leaves: int = 1, *, stream: bytes = BATTERY,
        by: LocalSigner | None = None, host: str | None = None,
    ) -> Receipt:  # fmt: skip
        return self.registry.transact(
            "anchor", host or self.host.address, stream, sequence, root, leaves, signer=by or self.host
        )

    def anchors(self, by: LocalSigner | None = None) -> DataAnchors:
        return DataAnchors({"DataRegistry": self.registry}, by or self.host)

    @property
    def domain(self) -> Domain:
        return Domain("DataRegistry", "1", self.chain.chain_id, self.registry.address)


@pytest.fixture(scope="module")
def deployed(chain: Chain, signers: list[LocalSigner]) -> World:
    deployer, host, machine, other, stranger = signers[:5]
    identities = chain.deploy("DIDRegistry", [], deployer)
    registry = chain.deploy("DataRegistry", [identities.address], deployer)
    return World(chain, identities, registry, host, machine, other, stranger)


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    snapshot = deployed.chain.snapshot()
    yield deployed
    deployed.chain.revert_to(snapshot)


# Batches


def test_a_batch_is_kept_with_who_wrote_it_and_when(world: World) -> None:
    receipt = world.anchor(1, ROOT, 12)
    (event,) = world.registry.events_in(receipt)
    assert event.name == "BatchAnchored"
    assert event.args == {
        "host": world.host.address,
        "stream": BATTERY,
        "sequence": 1,
        "root": ROOT,
        "leaves": 12,
        "account": world.host.address,
    }
    anchored_at = world.chain.timestamp_of(receipt.block_number)
    expected = AnchoredBatch(1, ROOT, 12, world.host.address, anchored_at)
    assert world.anchors().batch(world.host.address, BATTERY, 1) == expected
    assert world.anchors().latest(world.host.address, BATTERY) == 1
    assert list(world.anchors().batches(world.host.address, BATTERY)) == [expected]


def test_what_is_not_anchored_is_none(world: World) -> None:
    world.anchor()
    for sequence in (0, 2, 2**64 - 1):
        assert world.anchors().batch(world.host.address, BATTERY, sequence) is None
    assert world.anchors().latest(world.host.address, METER) == 0
    assert world.anchors().latest(world.other.address, BATTERY) == 0


def test_numbers_come_one_by_one_for_each_host_and_stream(world: World) -> None:
    where = {"host": world.host.address, "stream": BATTERY}
    for sequence in (0, 2, 2**64 - 1):
        with refused("SequenceUnexpected", **where, sequence=sequence, expected=1):
            world.anchor(sequence)
    for sequence in (1, 2, 3):
        world.anchor(sequence, keccak(bytes([sequence])))
    for sequence in (0, 1, 3, 5):
        with refused("SequenceUnexpected", **where, sequence=sequence, expected=4):
            world.anchor(sequence)
    # Others' numbers are their own.
    world.anchor(1, stream=METER)
    world.anchor(1, host=world.other.address, by=world.other)
    assert world.anchors().latest(world.host.address, BATTERY) == 3


def test_nothing_is_edited(world: World) -> None:
    """A batch reads the same after everything that may come."""
    world.anchor(1, ROOT, 3)
    before = world.anchors().batch(world.host.address, BATTERY, 1)
    for sequence in (2, 3):
        world.anchor(sequence, keccak(bytes([sequence])), 9)
    world.identities.transact("changeOwner", world.host.address, world.other.address, signer=world.host)
    world.anchor(4, by=world.other)
    world.chain.advance_to(world.chain.now() + 10**6)
    assert world.anchors().batch(world.host.address, BATTERY, 1) == before


def test_a_root_and_a_number_of_leaves_are_needed(world: World) -> None:
    with refused("RootMissing", host=world.host.address, stream=BATTERY, sequence=1):
        world.anchor(1, bytes(32))
    for leaves in (0, MAX_LEAVES + 1, 2**32 - 1):
        with refused("LeavesOutOfRange", leaves=leaves, limit=MAX_LEAVES):
            world.anchor(1, ROOT, leaves)
    world.anchor(1, ROOT, MAX_LEAVES)


# Who may


def test_a_stranger_anchors_for_nobody_else(world: World) -> None:
    for host in (world.host.address, world.other.address, ZERO, world.registry.address):
        with refused("NotActingForHost", host=host, account=world.stranger.address):
            world.anchor(host=host, by=world.stranger)
    world.anchor(host=world.stranger.address, by=world.stranger)


def test_a_machine_anchors_while_it_signs_for_the_host(world: World) -> None:
    host, machine = world.host.address, world.machine.address
    with refused("NotActingForHost", host=host, account=machine):
        world.anchor(by=world.machine)
    world.identities.transact("addDelegate", host, VERI_KEY, machine, 1_000, signer=world.host)
    with refused("NotActingForHost", host=host, account=machine):
        world.anchor(by=world.machine)
    until = world.chain.now() + 1_000
    world.identities.transact("addDelegate", host, SIG_AUTH, machine, 1_000, signer=world.host)
    world.anchor(1, by=world.machine)
    batch = world.anchors().batch(host, BATTERY, 1)
    assert batch is not None
    assert batch.account == machine
    world.chain.advance_to(until + 1)
    with refused("NotActingForHost", host=host, account=machine):
        world.anchor(2, by=world.machine)
    world.anchor(2)


def test_a_host_that_changed_hands_is_its_new_owners_alone(world: World) -> None:
    host = world.host.address
    world.identities.transact("addDelegate", host, SIG_AUTH, world.machine.address, 10**6, signer=world.host)
    world.identities.transact("changeOwner", host, world.other.address, signer=world.host)
    for gone in (world.host, world.machine):
        with refused("NotActingForHost", host=host, account=gone.address):
            world.anchor(by=gone)
    world.anchor(by=world.other)


def test_a_deactivated_host_anchors_no_more(world: World) -> None:
    world.anchor()
    world.identities.transact("changeOwner", world.host.address, ZERO, signer=world.host)
    for by in (world.host, world.stranger):
        with refused("NotActingForHost", host=world.host.address, account=by.address):
            world.anchor(2, by=by)


def test_anchor_is_the_only_function_that_changes_anything(world: World) -> None:
    writing = {
        entry["name"]
        for entry in world.registry.abi.entries
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert writing == {"anchor"}


# Proofs


def value(number: int) -> bytes:
    return keccak(number.to_bytes(8, "big"))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 64, 100])
def test_the_chain_verifies_what_python_proves(world: World, size: int) -> None:
    tree = MerkleTree([value(number) for number in range(size)])
    world.anchor(1, tree.root, size)
    anchors, host = world.anchors(), world.host.address
    for index in {0, size // 2, size - 1}:
        proof = tree.proof(index)
        assert anchors.verify(host, BATTERY, 1, value(index), proof)
        assert not anchors.verify(host, BATTERY, 1, value(size), proof)
        assert not anchors.verify(host, BATTERY, 1, value(index), [*proof, value(0)])
        # Neither in another batch, stream or host, nor where there is none.
        assert not anchors.verify(host, BATTERY, 2, value(index), proof)
        assert not anchors.verify(host, METER, 1, value(index), proof)
        assert not anchors.verify(world.other.address, BATTERY, 1, value(index), proof)


def test_a_batch_that_is_not_there_proves_nothing(world: World) -> None:
    anchors, host = world.anchors(), world.host.address
    assert not anchors.verify(host, BATTERY, 1, bytes(32), [])
    assert not anchors.verify_many(host, BATTERY, 1, MultiProof((), (bytes(32),), ()))
    assert not anchors.verify_many(host, BATTERY, 1, MultiProof((bytes(32),), (), ()))


def test_the_chain_verifies_several_at_once(world: World) -> None:
    chance = random.Random(5)
    for sequence, size in enumerate((1, 2, 5, 16, 33), start=1):
        tree = MerkleTree([value(number) for number in range(size)])
        world.anchor(sequence, tree.root, size)
        multi = tree.multi_proof(chance.sample(range(size), chance.randint(1, size)))
        anchors, host = world.anchors(), world.host.address
        assert anchors.verify_many(host, BATTERY, sequence, multi)
        changed = MultiProof((value(size), *multi.values[1:]), multi.proof, multi.flags)
        assert not anchors.verify_many(host, BATTERY, sequence, changed)
        assert not anchors.verify_many(host, BATTERY, sequence, MultiProof((), (tree.root,), ()))
        longer = MultiProof(multi.values, (*multi.proof, value(0)), multi.flags)
        assert not anchors.verify_many(host, BATTERY, sequence, longer)


def test_flags_that_ask_for_more_than_there_is_are_refused(world: World) -> None:
    tree = MerkleTree([value(number) for number in range(4)])
    world.anchor(1, tree.root, 4)
    made_up = MultiProof((value(0),), (value(1), value(2)), (True, True))
    with refused("Panic", code=0x32, meaning="array index out of bounds"):
        world.anchors().verify_many(world.host.address, BATTERY, 1, made_up)


# Messages


def write_of(world: World, **changes: object) -> DataWrite:
    fields = {
        "writer": world.machine.address,
        "host": world.host.address,
        "resource": keccak(b"resource"),
        "stream": BATTERY,
        "number": 7,
        "content": keccak(b"content"),
        "written_at": 1_750_000_123,
        **changes,
    }
    return DataWrite(**fields)  # type: ignore[arg-type]


def test_the_hashes_of_a_write_are_those_of_an_independent_encoder(world: World) -> None:
    write = write_of(world)
    types = [dict(zip(("name", "type"), member.split(":"), strict=True)) for member in MEMBERS.split()]
    encoded = encode_typed_data(
        full_message={
            "types": {**world.domain.typed_data_types(), "DataWrite": types},
            "primaryType": "DataWrite",
            "domain": world.domain.to_json(),
            "message": {**write.to_json(), "number": write.number, "writtenAt": write.written_at},
        }
    )
    assert write.struct_hash() == encoded.body == world.registry.call("hashOf", write)
    digest = keccak(b"\x19\x01" + encoded.header + encoded.body)
    assert write.digest(world.domain) == digest == world.registry.call("digestOf", write)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(0, 2**64 - 1),
    written_at=st.integers(0, 2**64 - 1),
    words=st.lists(st.binary(min_size=32, max_size=32), min_size=3, max_size=3),
)
def test_both_languages_hash_any_write_alike(
    deployed: World, number: int, written_at: int, words: list[bytes]
) -> None:
    resource, stream, content = words
    write = write_of(
        deployed, number=number, written_at=written_at, resource=resource, stream=stream, content=content
    )
    assert deployed.registry.call("hashOf", write) == write.struct_hash()
    assert deployed.registry.call("digestOf", write) == write.digest(deployed.domain)


# Any history


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 1), st.sampled_from([BATTERY, METER]), st.integers(-1, 1), st.integers(0, 2)
        ),
        max_size=12,
    )
)
def test_whatever_is_sent_each_stream_is_what_a_plain_list_says(
    deployed: World, steps: list[tuple[int, bytes, int, int]]
) -> None:
    world = deployed
    snapshot = world.chain.snapshot()
    hosts = (world.host, world.other)
    model: dict[tuple[str, bytes], list[tuple[bytes, int]]] = {}
    try:
        for step, (whose, stream, away, leaves) in enumerate(steps):
            host = hosts[whose]
            batches = model.setdefault((host.address, stream), [])
            sequence, root = max(len(batches) + 1 + away, 0), value(step)
            try:
                world.anchor(sequence, root, leaves, stream=stream, by=host, host=host.address)
            except ContractError:
                assert sequence != len(batches) + 1 or leaves == 0
            else:
                batches.append((root, leaves))
        for (address, stream), batches in model.items():
            kept = world.anchors().batches(address, stream)
            assert [(batch.root, batch.leaves) for batch in kept] == batches
            assert world.anchors().latest(address, stream) == len(batches)
        by_event: dict[tuple[str, bytes], list[tuple[bytes, int]]] = {key: [] for key in model}
        for event in world.registry.events("BatchAnchored"):
            by_event[event.args["host"], event.args["stream"]].append(
                (event.args["root"], event.args["leaves"])
            )
        assert by_event == model
    finally:
        world.chain.revert_to(snapshot)


# Gas


def test_gas(world: World, record_property: Callable[[str, object], None]) -> None:
    """What each act costs, with room for a compiler's whims."""
    tree = MerkleTree([value(number) for number in range(4096)])
    costs = {
        "anchor a stream's first batch": world.anchor(1, tree.root, 4096).gas_used,
        "anchor another batch": world.anchor(2, ROOT, 4096).gas_used,
        # As a transaction, so less 21,000; about 6,000 of it are calldata.
        "verify in 4,096 leaves": world.registry.transact(
            "verify", world.host.address, BATTERY, 1, value(9), tree.proof(9), signer=world.host
        ).gas_used
        - 21_000,
    }
    limits = [110_000, 93_000, 21_000]
    for (name, cost), limit in zip(costs.items(), limits, strict=True):
        record_property(f"gas {name}", cost)
        print(f"{name}: {cost:,} gas")
        assert cost <= limit
