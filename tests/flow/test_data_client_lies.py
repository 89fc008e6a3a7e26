"""A data host that does not tell the truth about its records: its reader finds out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.access.unlock import HostUnlock
from evgi_client.data.client import DataClient
from evgi_client.errors import HostAnswerError, RecordInvalidError, RecordMissingError
from tests.support import hosting
from tests.support.hosting import BATTERY, Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evgi_client.access.sessions import HostSession
    from evgi_client.chain import Chain
    from evgi_client.data.reading import Record

OTHER = "0x" + "ab" * 32
Lie = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def served(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A host with three anchored records."""
    world = hosting.found(chain)
    path: Path = tmp_path_factory.mktemp("host") / "host.db"
    with world.new_store(str(path)) as store, hosting.serving(world, world.hosting(store)) as served:
        for number in range(3):
            assert served.put(world.write(b"record %d" % number)).status_code == 201
        served.anchor()
        yield served


def read(served: Served) -> list[Record]:
    """What a reader gets."""
    world = served.world
    client = DataClient(
        served.url,
        world.host.address,
        world.contracts,
        world.domain("AccessRegistry"),
        world.domain("DataRegistry"),
        world.reader,
        clock=world.chain.now,
    )
    with client, client.unlock(world.resource()) as session:
        return list(session.records(BATTERY))


def lying(lie: Lie) -> Callable[..., bytes]:
    """A host that changes what it answers within a session before it seals it."""
    honest = HostUnlock.serve

    def serve(
        self: HostUnlock, session: bytes, packet: bytes, now: int, handler: Callable[..., bytes]
    ) -> bytes:
        def handle(found: HostSession, question: bytes) -> bytes:
            answer = json.loads(handler(found, question))
            if "writes" in answer:
                lie(answer)
            return json.dumps(answer).encode()

        return honest(self, session, packet, now, handle)

    return serve


def first(change: dict[str, Any]) -> Lie:
    def lie(answer: dict[str, Any]) -> None:
        for name, value in change.items():
            inner = answer["writes"][1]
            *path, last = name.split(".")
            for step in path:
                inner = inner[step]
            inner[last] = value

    return lie


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (first({"data": "AAAA"}), "its content is not what was signed"),
        (first({"salt": OTHER}), "its content is not what was signed"),
        (first({"write.writtenAt": "5"}), "did not sign it"),
        (first({"write.content": OTHER, "salt": None, "data": None}), "did not sign it"),
        (first({"write.resource": OTHER}), "of another resource"),
        (first({"write.stream": OTHER}), "of another stream"),
        (first({"write.host": "0x" + "11" * 20}), "of another host"),
        (first({"account": "0x" + "11" * 20}), "did not sign it"),
        (first({"signature": "0x" + "11" * 65}), "did not sign it"),
        (first({"signature": "0x"}), "did not sign it"),
        (first({"proof.sequence": "2"}), "the chain has no batch 2"),
        (first({"proof.leaves": 4}), "batch 1 has 3 leaves, not 4"),
        (first({"proof.path": []}), "it is not in batch 1"),
        (first({"proof.path": [OTHER]}), "it is not in batch 1"),
    ],
)
def test_a_host_that_changes_a_record_is_found_out(
    served: Served, monkeypatch: pytest.MonkeyPatch, lie: Lie, why: str
) -> None:
    monkeypatch.setattr(HostUnlock, "serve", lying(lie))
    with pytest.raises(RecordInvalidError, match=why) as found_out:
        read(served)
    assert found_out.value.position == 1


def without(answer: dict[str, Any]) -> None:
    del answer["writes"][1]


def renumbered(answer: dict[str, Any]) -> None:
    without(answer)
    answer["writes"][1]["position"] = "1"


def repeated(answer: dict[str, Any]) -> None:
    answer["writes"].insert(1, answer["writes"][0])


def swapped(answer: dict[str, Any]) -> None:
    answer["writes"].reverse()


@pytest.mark.parametrize(
    ("lie", "numbering"),
    [(without, "position"), (renumbered, "number of"), (repeated, "position"), (swapped, "position")],
)
def test_a_host_that_holds_a_record_back_is_found_out(
    served: Served, monkeypatch: pytest.MonkeyPatch, lie: Lie, numbering: str
) -> None:
    monkeypatch.setattr(HostUnlock, "serve", lying(lie))
    with pytest.raises(RecordMissingError) as found_out:
        read(served)
    assert found_out.value.numbering.startswith(numbering)


@pytest.mark.parametrize(
    "lie",
    [
        first({"position": 1}),
        first({"position": "-1"}),
        first({"extra": 1}),
        first({"salt": None}),
        first({"data": None}),
        first({"data": "?"}),
        first({"signature": "0x1"}),
        first({"account": "somebody"}),
        first({"write": []}),
        first({"write.number": -1}),
        first({"proof": 5}),
        first({"proof.leaves": True}),
        first({"proof.leaves": 0}),
        first({"proof.path": "0x"}),
        first({"proof.path": ["0x11"]}),
        first({"proof.path": [OTHER] * 21}),
        lambda answer: answer.update(more="no"),
        lambda answer: answer.update(writes={}),
        lambda answer: answer.update(writes=[], more=True),
        lambda answer: answer.update(writes=answer["writes"] * 40),
        lambda answer: answer["writes"].append(None),
    ],
)
def test_what_is_no_page_is_an_error_with_a_name(
    served: Served, monkeypatch: pytest.MonkeyPatch, lie: Lie
) -> None:
    monkeypatch.setattr(HostUnlock, "serve", lying(lie))
    with pytest.raises(HostAnswerError):
        read(served)


def test_an_erased_record_stays_proven(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = read(served)
    monkeypatch.setattr(HostUnlock, "serve", lying(first({"salt": None, "data": None})))
    records = read(served)
    assert [record.erased for record in records] == [False, True, False]
    assert records[1].batch is not None
    assert records[1].write == honest[1].write
