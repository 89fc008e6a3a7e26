"""``evgi submit``: from a queue to the chain."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from evgi_client.cli.errors import DONE, FINDINGS, reported
from evgi_client.cli.options import DEFAULT_MANIFEST, AsJson, Keystore, Manifest, RpcUrl, examples
from evgi_client.cli.output import columns, show
from evgi_client.cli.progress import Bars
from evgi_client.cli.queue import ExistingQueue

EXAMPLES = examples(
    "evgi submit station.db --keystore utility.json \\",
    "    --rpc-url http://127.0.0.1:8545",
    "evgi submit station.db --json",
)


def submit(
    queue: ExistingQueue,
    *,
    batch_size: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=1_500, help="Sessions a transaction, which nodes bound at 128 KB."
        ),
    ] = 500,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Settle the queued sessions of the utility that signs, and print what became of each.

    A session that can never be settled goes into quarantine with its reason:
    then the exit code is 1. One that cannot be settled now stays queued.
    Whatever stops the command, run it again: each session is settled once.
    """
    with reported(as_json):
        from evgi_client.charging.queue import OfflineQueue, Status
        from evgi_client.cli.suite import open_suite

        client = open_suite(manifest, rpc_url, keystore)
        with OfflineQueue(queue) as waiting, Bars() as bars:
            counts = waiting.counts()
            bars.stage("submit", counts[Status.QUEUED] + counts[Status.SUBMITTED])
            results = []
            for result in client.charging.submit(waiting, batch_size):
                results.append(result)
                bars.advance()
        rows = [
            (str(each.session), each.status.value, each.reason or each.transaction_hash or "")
            for each in results
        ]
        found = Counter(each.status for each in results)
        totals = {each.value: found[each] for each in (Status.SETTLED, Status.QUARANTINED, Status.QUEUED)}
        sessions = [
            {
                "session": str(each.session),
                "status": each.status.value,
                "reason": each.reason,
                "transaction": each.transaction_hash,
                "gas_used": each.gas_used,
            }
            for each in results
        ]
        summary = ", ".join(f"{count:,} {status}" for status, count in totals.items())
        header = ("session", "status", "reason or transaction")
        show(
            as_json,
            {"sessions": sessions, **totals},
            f"{columns(header, rows)}\n{summary}" if rows else summary,
        )
    raise typer.Exit(FINDINGS if found[Status.QUARANTINED] else DONE)
