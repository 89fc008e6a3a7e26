"""The process of a data host is killed again and again while it takes writes and anchors them, against a real node."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from evgi_client.chain import Chain
from evgi_client.data.batches import Batches
from evgi_client.data.records import Records
from evgi_client.data.registry import DataAnchors
from evgi_client.data.store import Store
from tests.support import hosting
from tests.support.hosting import BATTERY, METER, World
from tests.support.postgresql import postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evgi_client.data.writes import SignedWrite

ROOT = Path(__file__).resolve().parents[2]
_WORKER = "import sys\nfrom tests.flow.datahost_worker import work\nwork(*sys.argv[1:])\n"


@dataclass
class Writer:
    """Writes one record after the other, each until it is acknowledged, whoever is there to hear it."""

    world: World
    url: str
    stream: bytes
    acknowledged: list[SignedWrite] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        session = requests.Session()
        while not self.stop.is_set():
            number = len(self.acknowledged)
            signed = self.world.write(b"record %d" % number, number=number, stream=self.stream)
            while not self.stop.is_set():
                try:
                    answer = session.post(self.url + "/v1/writes", json=signed.to_json(), timeout=5)
                except requests.RequestException:
                    time.sleep(0.02)
                    continue
                # 503 where the node was too slow; anything else would be a bug.
                assert answer.status_code in (200, 201, 503), answer.text
                if answer.status_code != 503:
                    self.acknowledged.append(signed)
                    break


@contextmanager
def worker(world: World, url: str, store: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """The server as a process of its own, ready."""
    addresses = json.dumps({name: handle.address for name, handle in world.contracts.items()})
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, url, addresses, store, str(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(("database", "kills"), [("sqlite", 3), ("postgresql", 2)])
def test_nothing_acknowledged_is_lost_and_nothing_is_anchored_twice_however_often_the_host_is_killed(
    start_anvil: Callable[..., str], tmp_path: Path, database: str, kills: int
) -> None:
    url = start_anvil()
    world = hosting.found(Chain.connect(url))
    clock, port = random.Random(20261125), free_port()
    place: Any = postgresql() if database == "postgresql" else nullcontext(str(tmp_path / "host.db"))
    with place as store:
        world.new_store(store).close()
        writers = [Writer(world, f"http://127.0.0.1:{port}", stream) for stream in (BATTERY, METER)]
        threads = [threading.Thread(target=writer.run) for writer in writers]
        for thread in threads:
            thread.start()
        try:
            counts = []
            for _ in range(kills):
                with worker(world, url, store, port) as process:
                    time.sleep(clock.uniform(0.3, 1.6))
                    process.send_signal(signal.SIGKILL)
                    process.wait(timeout=20)
                counts.append(sum(len(writer.acknowledged) for writer in writers))
            # The last one is told to stop, and does so in order.
            with worker(world, url, store, port) as process:
                time.sleep(1)
                for writer in writers:
                    writer.stop.set()
                for thread in threads:
                    thread.join(20)
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=30) == 0
        finally:
            for writer in writers:
                writer.stop.set()
            for thread in threads:
                thread.join(20)
        assert counts[0] < counts[-1]
        check(world, store, writers)


def check(world: World, url: str, writers: list[Writer]) -> None:
    host, anchors = world.host.address, DataAnchors(world.contracts, world.host)
    with Store(url) as store:
        hosted = world.hosting(store)
        list(hosted.anchoring().run())
        audit = hosted.audit()
        assert list(audit.run()) == []
        assert audit.checked.waiting == 0
        for writer in writers:
            positions = list(Records(store).positions(world.resource(), writer.stream))
            # One more may have been kept that nobody heard of.
            assert len(writer.acknowledged) <= len(positions) <= len(writer.acknowledged) + 1
            assert [number for _, _, number in positions] == list(range(len(positions)))
            batches = Batches(store)
            latest = anchors.latest(host, writer.stream)
            values = [
                value for number in range(1, latest + 1) for value in batches.values(writer.stream, number)
            ]
            assert len(values) == len(set(values)) == len(positions)
            assert {signed.write.struct_hash() for signed in writer.acknowledged} <= set(values)
            events = anchors.contract.events("BatchAnchored", host=host, stream=writer.stream)
            assert [event.args["sequence"] for event in events] == list(range(1, latest + 1))
            assert len({event.args["root"] for event in events}) == latest
