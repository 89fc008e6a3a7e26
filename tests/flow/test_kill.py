"""Power fails at any instruction: a process that queues and submits is killed again and again, against a real node."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from evgi_client.chain import Chain
from evgi_client.charging.queue import OfflineQueue, Status
from evgi_client.demo.audit import read_chain
from tests.support.sessions import HOUR
from tests.support.suite import found

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
SESSIONS = 240
KILLS = 25

_WORKER = """
import sys
from tests.flow.kill_worker import work
work(*sys.argv[1:])
"""


def test_every_session_is_settled_once_however_often_the_process_is_killed(
    start_anvil: Callable[..., str], tmp_path: Path
) -> None:
    url = start_anvil()
    chain = Chain.connect(url)
    manifest, queue_file = tmp_path / "deployment.json", tmp_path / "station.db"
    suite = found(chain, manifest)
    begin = chain.now() - 20 * HOUR
    clock = random.Random(20250615)
    command = [sys.executable, "-c", _WORKER, url, str(manifest), str(queue_file), str(begin), str(SESSIONS)]
    killed = 0
    for _ in range(KILLS):
        worker = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        worker.stdout.readline()  # it has loaded its modules: from here on every moment matters
        time.sleep(clock.uniform(0, 0.5))
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
            killed += 1
        worker.wait(timeout=30)
        worker.stdout.close()
    assert killed >= KILLS // 2
    subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=240,
        stdout=subprocess.DEVNULL,
    )
    record = read_chain(suite.contracts, suite.deployment.first_block)
    settled = Counter(one.session.key for one in record.settled)
    with OfflineQueue(queue_file) as queue:
        queued = [one.session.key for one in queue.sessions()]
        assert queue.counts()[Status.SETTLED] == SESSIONS
        assert queue.totals(Status.SETTLED) == (record.energy_wh, record.amount)
    assert len(queued) == SESSIONS
    assert settled == Counter(queued)
