"""Applies plans in processes of their own, each killed after some seconds where the order says so.

Reads one order a line, as JSON: plan, url, key, manifest and seconds (null: let it end). Forks for each, so that a
process to kill costs milliseconds. Writes the exit status, or ``killed``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from evgi_client.chain import Chain
from evgi_client.deployment import DeploymentPlan, apply
from evgi_client.signing import LocalSigner


def work(order: dict[str, Any]) -> None:
    signer = LocalSigner.from_key(bytes.fromhex(order["key"]))
    chain = Chain.connect(order["url"], retries=0)
    apply(DeploymentPlan.from_json(order["plan"]), chain, signer, Path(order["manifest"]))


def in_a_child(order: dict[str, Any]) -> int:
    child = os.fork()
    if child != 0:
        return child
    status = 1
    try:
        work(order)
        status = 0
    except BaseException:  # noqa: BLE001 - a child must not go on reading orders
        traceback.print_exc()
    finally:
        os._exit(status)


def outcome(child: int, seconds: float | None) -> str:
    if seconds is None:
        return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    time.sleep(seconds)
    # Ended or not, its id is its own until it is waited for.
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return "killed" if status == -signal.SIGKILL else str(status)


def main() -> None:
    # Imported when something is first signed: here once, and not in every child.
    import eth_account  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        print(outcome(in_a_child(order), order["seconds"]), flush=True)


if __name__ == "__main__":
    main()
