"""From stored writes to roots on the chain: each write under one root, whatever happens on the way."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.data.anchoring import Anchored, Anchoring, AnchorLoop
from evgi_client.data.batches import Batches, SentTransaction
from evgi_client.data.merkle import MerkleTree
from evgi_client.data.records import Records
from evgi_client.data.registry import DataAnchors
from evgi_client.data.store import HOST, NewWrite, Store
from evgi_client.data.vault import MASTER_KEY, Vault
from evgi_client.errors import (
    AnchorMismatchError,
    ChainUnreachableError,
    ContractError,
    EvgiError,
    NonceTakenError,
    RpcError,
    StoreError,
)
from evgi_client.messages import keccak256
from evgi_client.messages.data import DataWrite, content_hash, stream_id
from tests.support.hosting import MASTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from evgi_client.chain import Chain, ContractHandle
    from evgi_client.signing import LocalSigner

BATTERY, METER = stream_id("battery"), stream_id("meter")
RESOURCE = keccak256(b"resource")


class Killed(BaseException):
    """Stands for the end of the process, at one instruction."""


@dataclass
class Station:
    """A host's store and its account on a chain."""

    chain: Chain
    contracts: dict[str, ContractHandle]
    host: LocalSigner
    path: Path
    store: Store

    def put(self, count: int, stream: bytes = BATTERY) -> None:
        start = sum(each.writes for each in Records(self.store).streams_of(RESOURCE) if each.stream == stream)
        vault = Vault(self.store, MASTER)
        for number in range(start, start + count):
            write = DataWrite(
                writer=self.host.address,
                host=self.host.address,
                resource=RESOURCE,
                stream=stream,
                number=number,
                content=content_hash(bytes(32), b"record"),
                written_at=1_750_000_000,
            )
            generation, sealed = vault.seal(RESOURCE, write.struct_hash(), bytes(32) + b"record")
            self.store.add(NewWrite(write, self.host.address, b"", 0, generation, sealed), 2**40)

    def anchors(self) -> DataAnchors:
        return DataAnchors(self.contracts, self.host)

    def anchoring(self, size: int = 4) -> Anchoring:
        return Anchoring(self.host.address, Batches(self.store), self.anchors(), size)

    def restarted(self) -> Station:
        """As after the end of the process: nothing is left but the disk."""
        return Station(self.chain, self.contracts, self.host, self.path, Store(str(self.path)))

    def check(self, stream: bytes = BATTERY) -> int:
        """Every write is under one root of the chain, which is that of the store. Returns how many."""
        batches, seen = Batches(self.store), []
        on_chain = list(self.anchors().batches(self.host.address, stream))
        assert [batch.sequence for batch in on_chain] == list(range(1, batches.last(stream) + 1))
        for batch in on_chain:
            kept, values = batches.get(stream, batch.sequence), batches.values(stream, batch.sequence)
            assert kept is not None
            assert (kept.anchored, kept.root, kept.leaves) == (True, batch.root, batch.leaves)
            assert MerkleTree(values).root == batch.root
            seen += values
        assert len(seen) == len(set(seen))
        assert batches.state(stream).waiting == 0
        assert batches.state(stream).writes == len(seen)
        return len(seen)


@pytest.fixture(scope="module")
def contracts(chain: Chain, signers: list[LocalSigner]) -> dict[str, ContractHandle]:
    identities = chain.deploy("DIDRegistry", [], signers[0])
    return {
        "DIDRegistry": identities,
        "DataRegistry": chain.deploy("DataRegistry", [identities.address], signers[0]),
    }


@pytest.fixture
def station(
    chain: Chain, contracts: dict[str, ContractHandle], signers: list[LocalSigner], tmp_path: Path
) -> Iterator[Station]:
    snapshot = chain.snapshot()
    path = tmp_path / "host.db"
    with Store.create(str(path), {HOST: signers[1].address, MASTER_KEY: MASTER.id}) as store:
        yield Station(chain, contracts, signers[1], path, store)
    chain.revert_to(snapshot)


def test_what_came_in_is_anchored_stream_by_stream_and_once(station: Station) -> None:
    station.put(9)
    station.put(2, METER)
    done = list(station.anchoring().run())
    assert sorted((each.stream, each.sequence, each.leaves) for each in done) == sorted(
        [(BATTERY, 1, 4), (BATTERY, 2, 4), (BATTERY, 3, 1), (METER, 1, 2)]
    )
    assert all(each.transaction_hash for each in done)
    assert list(station.anchoring().run()) == []
    assert (station.check(BATTERY), station.check(METER)) == (9, 2)


def test_what_does_not_fill_a_batch_may_wait(station: Station) -> None:
    station.put(9)
    assert [each.leaves for each in station.anchoring().run(full_only=True)] == [4, 4]
    assert [each.leaves for each in station.anchoring().run()] == [1]
    station.check()


# Kills

_STEPS: dict[str, tuple[Any, str]] = {
    "close": (Batches, "close"),
    "prepare": (DataAnchors, "prepare"),
    "note sent": (Batches, "note_sent"),
    "note anchored": (Batches, "note_anchored"),
}


def killing(function: Callable[..., Any], before: bool) -> Callable[..., Any]:
    def killed(*args: Any, **named: Any) -> Any:
        if not before:
            function(*args, **named)
        raise Killed

    return killed


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("step", [*_STEPS, "broadcast", "wait"])
def test_a_kill_at_any_step_is_resumed(
    station: Station, step: str, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.put(6)
    owner, name = _STEPS.get(step, (type(station.chain), step))
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, killing(getattr(owner, name), before))
        with pytest.raises(Killed):
            list(station.anchoring().run())
    after = station.restarted()
    after.put(1)
    done = [each.sequence for each in after.anchoring().run()]
    assert done == sorted(set(done))
    assert after.check() == 7
    after.store.close()


def test_a_run_that_is_killed_later_and_later_ends(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run is killed before its first step, the next after it, and so on."""
    station.put(7)
    points = kills = 0

    def pass_point() -> None:
        nonlocal points
        points += 1
        if points > kills:
            raise Killed

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            pass_point()
            result = function(*args, **named)
            pass_point()
            return result

        return run

    for owner, name in (*_STEPS.values(), (type(station.chain), "broadcast"), (type(station.chain), "wait")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    while True:
        points, again = 0, station.restarted()
        try:
            list(again.anchoring(3).run())
            break
        except Killed:
            kills += 1
        finally:
            again.store.close()
        assert kills < 50
    assert kills >= 8
    assert station.check() == 7


# A chain that moves


def test_batches_that_a_reorganisation_took_back_are_sent_again_as_they_were(station: Station) -> None:
    station.put(4)
    list(station.anchoring().run())
    fork = station.chain.snapshot()
    station.put(6)
    roots = [each.root for each in station.anchoring().run()]
    station.chain.revert_to(fork)
    again = list(station.anchoring().run())
    assert [each.sequence for each in again] == [2, 3]
    assert [each.root for each in again] == roots
    assert station.check() == 10


def test_a_transaction_that_failed_for_another_reason_is_made_anew(station: Station) -> None:
    """Written down, sent and reverted: the account did not act for the host just then."""
    station.put(2)
    account = station.host
    batch = Batches(station.store).close(BATTERY, 4)
    assert batch is not None
    prepared = station.contracts["DataRegistry"].prepare(
        "anchor", "0x" + "99" * 20, BATTERY, 1, batch.root, 2, signer=account, gas=200_000
    )
    sent = SentTransaction(prepared.raw, prepared.hash, prepared.sender, prepared.nonce)
    Batches(station.store).note_sent(batch, sent)
    assert [each.sequence for each in station.anchoring().run()] == [1]
    assert station.check() == 2


def refusing(broadcast: Callable[..., None], refusals: list[Exception]) -> Callable[..., None]:
    """A node that refuses the first transactions, each for its reason."""

    def sent(chain: Chain, prepared: Any) -> None:
        if refusals:
            # As the real one does, whose count did not hold.
            chain._transactions.nonces.forget(prepared.sender)
            raise refusals.pop(0)
        broadcast(chain, prepared)

    return sent


def test_a_nonce_that_another_transaction_took_is_not_waited_for(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.put(2)
    taken = [NonceTakenError(station.host.address, 7, "nonce too low")] * 2
    monkeypatch.setattr(type(station.chain), "broadcast", refusing(type(station.chain).broadcast, taken))
    assert [each.sequence for each in station.anchoring().run()] == [1]
    station.put(1)
    taken += [NonceTakenError(station.host.address, 7, "nonce too low")] * 3
    with pytest.raises(NonceTakenError):
        list(station.anchoring().run())
    list(station.anchoring().run())
    assert station.check() == 3


def test_a_transaction_of_an_earlier_process_that_the_node_will_not_have_is_made_anew(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.put(2)
    refusals: list[Exception] = [RpcError("eth_sendRawTransaction", -32000, "fee too low")]
    broadcast = type(station.chain).broadcast
    monkeypatch.setattr(type(station.chain), "broadcast", refusing(broadcast, refusals))
    # One that was just made is another matter: the next would be refused as well.
    with pytest.raises(RpcError):
        list(station.anchoring().run())
    refusals.append(RpcError("eth_sendRawTransaction", -32000, "fee too low"))
    assert [each.sequence for each in station.anchoring().run()] == [1]
    assert station.check() == 2


def test_a_transaction_that_cannot_be_written_down_is_not_sent(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("host.db", "database or disk is full")

    station.put(2)
    with monkeypatch.context() as patched:
        patched.setattr(Batches, "note_sent", full)
        with pytest.raises(StoreError):
            list(station.anchoring().run())
    assert station.anchors().latest(station.host.address, BATTERY) == 0
    assert [each.sequence for each in station.anchoring().run()] == [1]
    assert station.check() == 2


def test_an_account_that_no_longer_acts_for_the_host_anchors_nothing(
    station: Station, signers: list[LocalSigner]
) -> None:
    station.put(2)
    identities = station.contracts["DIDRegistry"]
    identities.transact("changeOwner", station.host.address, signers[2].address, signer=station.host)
    with pytest.raises(ContractError, match="NotActingForHost"):
        list(station.anchoring().run())
    # Once its new owner lets it, what was closed goes on.
    identities.transact(
        "addDelegate", station.host.address, b"sigAuth".ljust(32, b"\0"), station.host.address, 10**6,
        signer=signers[2],
    )  # fmt: skip
    assert [each.sequence for each in station.anchoring().run()] == [1]
    assert station.check() == 2


# Disagreement


def test_a_root_of_somebody_elses_making_stops_everything(station: Station) -> None:
    station.put(3)
    station.anchors().anchor(station.host.address, BATTERY, 1, keccak256(b"other"), 3)
    with pytest.raises(AnchorMismatchError, match="the store does not"):
        list(station.anchoring().run())
    assert Batches(station.store).last(BATTERY) == 0


def test_another_root_under_a_number_that_was_closed_is_seen(station: Station) -> None:
    station.put(3)
    Batches(station.store).close(BATTERY, 4)
    station.anchors().anchor(station.host.address, BATTERY, 1, keccak256(b"other"), 3)
    for _ in range(2):
        with pytest.raises(AnchorMismatchError, match="another root"):
            list(station.anchoring().run())


def test_a_store_that_was_put_back_anchors_nothing(station: Station) -> None:
    station.put(3)
    station.store.close()
    copy = station.path.with_name("copy.db")
    shutil.copy(station.path, copy)
    original = station.restarted()
    list(original.anchoring().run())
    original.store.close()
    old = Station(station.chain, station.contracts, station.host, copy, Store(str(copy)))
    old.put(1)
    with pytest.raises(AnchorMismatchError, match="the store does not"):
        list(old.anchoring().run())
    old.store.close()


# Together


def test_two_processes_at_once_anchor_everything_once(station: Station) -> None:
    station.put(23)
    together = threading.Barrier(3)

    def work(_: int) -> None:
        mine = station.restarted()
        together.wait(10)
        try:
            for _ in range(20):
                try:
                    list(mine.anchoring(3).run())
                    return
                except ContractError:
                    # The other's batch before this one is not there yet.
                    continue
        finally:
            mine.store.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    list(station.anchoring(3).run())
    assert station.check() == 23


def test_the_loop_anchors_at_once_and_then_now_and_then_and_survives_what_goes_wrong(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.put(2)
    told: list[Anchored | EvgiError] = []
    heard = threading.Event()

    def report(outcome: Anchored | EvgiError) -> None:
        told.append(outcome)
        heard.set()

    def failing(*_: object) -> int:
        raise ChainUnreachableError("http://node", "eth_call", "gone")

    loop = AnchorLoop(station.anchoring(), 0.05, report)
    with monkeypatch.context() as patched:
        patched.setattr(DataAnchors, "latest", failing)
        loop.start()
        assert heard.wait(10)
    deadline = threading.Event()
    for _ in range(200):
        if any(isinstance(each, Anchored) for each in told):
            break
        deadline.wait(0.05)
    station.put(1)
    for _ in range(200):
        if sum(isinstance(each, Anchored) for each in told) == 2:
            break
        deadline.wait(0.05)
    loop.stop(10)
    assert isinstance(told[0], ChainUnreachableError)
    assert [each.leaves for each in told if isinstance(each, Anchored)] == [2, 1]
    assert station.check() == 3
