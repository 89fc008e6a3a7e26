"""``evgi queue``: sessions that wait in a file until they are settled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.cli import values
from evgi_client.cli.errors import DONE, FINDINGS, reported
from evgi_client.cli.files import documents_in
from evgi_client.cli.options import AsJson, examples, input_file
from evgi_client.cli.output import columns, money, show
from evgi_client.messages import SessionKey

if TYPE_CHECKING:
    from evgi_client.charging.queue import QueuedSession

app = typer.Typer(
    help="Sessions that wait in a file until they are settled. Needs no node.", no_args_is_help=True
)

_STATUSES = ("queued", "submitted", "settled", "quarantined")

ExistingQueue = Annotated[
    Path, typer.Argument(metavar="QUEUE", exists=True, dir_okay=False, help="The queue's file.")
]


def _status(text: str) -> str:
    if text not in _STATUSES:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(_STATUSES)}")
    return text


@app.command(
    epilog=examples(
        "evgi queue put station.db session-1.json session-2.json",
        "cat sessions/*.json | evgi queue put station.db -",
    )
)
def put(
    queue: Annotated[
        Path,
        typer.Argument(metavar="QUEUE", dir_okay=False, help="The queue's file, made where there is none."),
    ],
    sessions: Annotated[
        list[Path],
        input_file("SESSION", "Signed sessions, from evgi meter: one or more a file; - for stdin."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Queue signed sessions, all or, where one is refused, none. On disk when the command ends.

    The same session again changes nothing; another one of the same connector
    and start is refused.
    """
    with reported(as_json):
        from evgi_client.charging.queue import OfflineQueue
        from evgi_client.charging.session import SignedSession

        signed = [SignedSession.from_json(document) for path in sessions for document in documents_in(path)]
        with OfflineQueue(queue) as waiting:
            new = waiting.put_many(signed)
        show(
            as_json,
            {"new": new, "known": len(signed) - new},
            f"{new:,} new, {len(signed) - new:,} there already",
        )


@app.command(
    "list",
    epilog=examples("evgi queue list station.db", "evgi queue list station.db --status quarantined --json"),
)
def list_sessions(
    queue: ExistingQueue,
    *,
    status: Annotated[
        str | None, typer.Option(parser=_status, metavar="STATUS", help=f"One of {', '.join(_STATUSES)}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the sessions of a queue by start, and what became of each."""
    with reported(as_json):
        from evgi_client.charging.queue import OfflineQueue, Status

        with OfflineQueue(queue) as waiting:
            found = list(waiting.sessions(Status(status) if status else None))
            counts = {each.value: count for each, count in waiting.counts().items()}
        rows = [
            (
                str(each.session.key),
                each.status.value,
                f"{each.session.energy_wh:,}",
                money(each.session.cost),
                each.reason or each.transaction_hash or "",
            )
            for each in found
        ]
        header = ("session", "status", "Wh", "cost", "reason or transaction")
        text = columns(header, rows, right=("Wh", "cost")) if rows else "no sessions"
        show(as_json, {"sessions": [_described(each) for each in found], "counts": counts}, text)


@app.command(epilog=examples("evgi queue release station.db 0x8d…07@1795165200"))
def release(
    queue: ExistingQueue,
    key: Annotated[
        SessionKey,
        typer.Argument(
            parser=values.session_key, metavar="KEY", help="The session, as evgi queue list prints it."
        ),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Queue a quarantined session again, once what was wrong is mended.

    Exit code 1 where it was not in quarantine.
    """
    with reported(as_json):
        from evgi_client.charging.queue import OfflineQueue

        with OfflineQueue(queue) as waiting:
            released = waiting.release(key)
        text = f"{key} is queued again" if released else f"{key} is not in quarantine"
        show(as_json, {"session": str(key), "released": released}, text)
    raise typer.Exit(DONE if released else FINDINGS)


def _described(queued: QueuedSession) -> dict[str, Any]:
    session, terms = queued.session, queued.session.authorization.terms
    return {
        "session": str(session.key),
        "status": queued.status.value,
        "reason": queued.reason,
        "transaction": queued.transaction_hash,
        "creditor": terms.creditor,
        "debtor": terms.debtor,
        "driver": session.driver,
        "started_at": session.started_at,
        "ended_at": session.record.ended_at,
        "energy_wh": session.energy_wh,
        "cost": session.cost,
    }
