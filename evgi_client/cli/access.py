"""``evgi access``: who may do what with a resource, on whose word, at what time, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evgi_client.cli import access_grant, access_lists
from evgi_client.cli.access_values import (
    OptionalUrl,
    accessor_argument,
    resource_argument,
    resource_of,
    rights,
)
from evgi_client.cli.did_values import identity_of
from evgi_client.cli.errors import FINDINGS, reported
from evgi_client.cli.files import document_in
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Manifest,
    Out,
    RpcUrl,
    examples,
    file_option,
    moment_option,
)
from evgi_client.cli.output import columns, hexadecimal, show, show_document, utc
from evgi_client.cli.suite import open_suite
from evgi_client.messages.access import Right

if TYPE_CHECKING:
    from evgi_client.access import Snapshot

app = typer.Typer(
    help="Who may do what with a resource: certificates, groups, lists, and the reasons.",
    no_args_is_help=True,
)
access_grant.add_to(app)
access_lists.add_to(app)

Asked = Annotated[
    int,
    typer.Argument(metavar="RIGHT", parser=rights, help="read, write or control; read,write asks for both."),
]
At = Annotated[int | None, moment_option("--at", help="When; now where not given.")]
FromSnapshot = Annotated[
    Path | None, file_option("Decide by this file of evgi access snapshot. Needs no node.")
]


@app.command(
    epilog=examples(
        "evgi access check 0x3c…5e/trips 0xb7…f2 read",
        "evgi access check 0x3c…5e/trips 0xb7…f2 write --at 2026-11-20T09:00:00Z",
    )
)
def check(
    resource: Annotated[str, resource_argument()],
    accessor: Annotated[str, accessor_argument()],
    right: Asked,
    *,
    at: At = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Ask the chain whether an accessor may do something. Where not, the exit code is 1. Needs no key."""
    with reported(as_json):
        client = open_suite(manifest, rpc_url)
        chain_id = client.chain.chain_id
        id_, who = resource_of(resource, chain_id), identity_of(accessor, chain_id)
        time = client.chain.now() if at is None else at
        decision = client.access.check(id_, who, right, time)
        result = {
            "resource": hexadecimal(id_),
            "accessor": who,
            "time": time,
            "allowed": decision.allowed,
            "reason": decision.reason.name,
            "certificate": hexadecimal(decision.certificate) if any(decision.certificate) else None,
        }
        answer = "allowed" if decision.allowed else "denied"
        show(as_json, result, f"{answer}: {decision.reason.name.lower().replace('_', ' ')}")
        if not decision.allowed:
            raise typer.Exit(FINDINGS)


@app.command(
    epilog=examples(
        "evgi access explain 0x3c…5e/trips 0xb7…f2 read",
        "evgi access explain 0x3c…5e/trips 0xb7…f2 read --at now-2d \\",
        "    --snapshot trips.json",
    )
)
def explain(
    resource: Annotated[str, resource_argument()],
    accessor: Annotated[str, accessor_argument()],
    right: Asked,
    *,
    at: At = None,
    snapshot: FromSnapshot = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: OptionalUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print why an accessor may do something, or may not: step by step, who granted what, and what ended it.

    The reasons come from the chain's events, or from a snapshot of them, and
    are those by which the contract decides. Where access is denied, the exit
    code is 1. Needs no key.
    """
    with reported(as_json):
        from evgi_client.access import explain as explained

        facts = _snapshot(snapshot, manifest, rpc_url, [resource])
        id_, who = resource_of(resource, facts.chain_id), identity_of(accessor, facts.chain_id)
        found = explained(facts.world, id_, who, right, facts.time if at is None else at)
        show(as_json, found.to_json(), "\n".join(found.lines(utc)))
        if not found.decision.allowed:
            raise typer.Exit(FINDINGS)


@app.command(
    "list",
    epilog=examples("evgi access list 0x3c…5e/trips", "evgi access list 0x3c…5e/trips --at now-30d --json"),
)
def list_accessors(
    resource: Annotated[str, resource_argument()],
    *,
    at: At = None,
    snapshot: FromSnapshot = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: OptionalUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print what each accessor that the resource's facts name may do, and why. Needs no key."""
    with reported(as_json):
        facts = _snapshot(snapshot, manifest, rpc_url, [resource])
        id_, time = resource_of(resource, facts.chain_id), facts.time if at is None else at
        people = facts.world.accessors(id_)
        decided = {
            who: {right: facts.decide(id_, who, right, time).reason for right in Right} for who in people
        }
        header = ("accessor", *(str(right.name).lower() for right in Right))
        rows = [
            (
                who,
                *(
                    f"{'yes' if reason.allows else 'no'}, {reason.name.lower()}"
                    for reason in reasons.values()
                ),
            )
            for who, reasons in decided.items()
        ]
        result = {
            "resource": hexadecimal(id_),
            "time": time,
            "accessors": [
                {
                    "accessor": who,
                    **{
                        str(right.name).lower(): {"allowed": reason.allows, "reason": reason.name}
                        for right, reason in reasons.items()
                    },
                }
                for who, reasons in decided.items()
            ],
        }
        show(as_json, result, columns(header, rows) if rows else "nobody")


@app.command(
    "snapshot",
    epilog=examples(
        "evgi access snapshot 0x3c…5e/trips --out trips.json", "evgi access snapshot --out everything.json"
    ),
)
def take_snapshot(
    resources: Annotated[
        list[str] | None, resource_argument("OWNER/NAME, or ids; all where not given.")
    ] = None,
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write down all that access depends on, to decide and explain without a node. Needs no key."""
    with reported(as_json):
        show_document(_snapshot(None, manifest, rpc_url, resources).to_json(), out, as_json)


def _snapshot(
    file: Path | None, manifest: Path, rpc_url: str | None, resources: list[str] | None
) -> Snapshot:
    from evgi_client.access import Snapshot

    if file is not None:
        return Snapshot.from_json(document_in(file))
    if rpc_url is None:
        raise typer.BadParameter("name a node with --rpc-url, or a file with --snapshot")
    client = open_suite(manifest, rpc_url)
    ids = [resource_of(each, client.chain.chain_id) for each in resources] if resources else None
    return client.access.snapshot(ids)
