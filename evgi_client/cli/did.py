"""``evgi did``: identities, the documents that DIDs resolve to, and their history."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from evgi_client.cli import did_change, did_signing
from evgi_client.cli.did_text import change_cells, document_text
from evgi_client.cli.did_values import Service, did_argument, identity_of, service_option
from evgi_client.cli.errors import FINDINGS, reported
from evgi_client.cli.keys import new_password_for
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Manifest,
    Out,
    RpcUrl,
    examples,
    moment_option,
)
from evgi_client.cli.output import columns, show, utc
from evgi_client.cli.suite import open_suite
from evgi_client.errors import DidUnresolvedError, KeystoreError
from evgi_client.signing import LocalSigner

app = typer.Typer(
    help="Identities (did:ethr): who controls one, and what its document says.", no_args_is_help=True
)
did_change.add_to(app)


@app.command(
    epilog=examples(
        "evgi did create vehicle.json",
        "evgi did create host.json --service DataHost=https://data.example \\",
        "    --until now+365d --out host-service.json",
    )
)
def create(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The new keystore. A file that is there is never overwritten."),
    ],
    *,
    service: Annotated[
        list[Service] | None,
        service_option("A service of the new identity, such as where its data is. May be repeated."),
    ] = None,
    until: Annotated[int | None, moment_option(help="Until when the services are valid.")] = None,
    deadline: Annotated[
        int | None, moment_option(help="Until when they may be brought; a week from now where not given.")
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Make a new key and print the DID of its identity. Needs no node: every address is an identity.

    Services are signed with the new key and written to the file that --out
    names, for anyone to bring with evgi did relay: the new identity needs no
    coin. The password is asked for twice, or is the first line of the file that
    EVGI_PASSWORD_FILE names.
    """
    with reported(as_json):
        from evgi_client.deployment import load_deployment
        from evgi_client.identity import Did

        services = service or []
        if bool(services) != bool(out) or bool(services) != (until is not None):
            raise typer.BadParameter("--service, --until and --out go together")
        if until is not None and until <= time.time():
            raise typer.BadParameter(f"--until {utc(until)} has passed: that would revoke, not set")
        if file.exists():
            raise KeystoreError(str(file), "there is a file already")
        deployment = load_deployment(manifest)
        signer = LocalSigner.create()
        signed = did_signing.first_services(signer, deployment, services, until or 0, deadline)
        signer.save_keystore(file, lambda: new_password_for(file))
        did = Did.of(signer.address, deployment.chain_id)
        if out is not None:
            did_signing.write(signed, out)
        result = {"did": did.text, "identity": did.identity, "file": str(file)}
        show(as_json, result if out is None else {**result, "written": str(out)}, did.text)


@app.command(
    "show",
    epilog=examples(
        "evgi did show did:ethr:0x539:0x3c…5e",
        "evgi did show 0x3c…5e --version-time 2026-11-20T09:00:00Z",
        "evgi did show 0x3c…5e --version-id 120 --json",
    ),
)
def show_document_of(
    did: Annotated[str, did_argument("A DID, or an address: its identity on the deployment's chain.")],
    *,
    version_id: Annotated[
        int | None, typer.Option(metavar="BLOCK", min=0, help="The document as it was in this block.")
    ] = None,
    version_time: Annotated[
        int | None, moment_option(help="The document as it was at this time, with what was valid then.")
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Resolve a DID and print its document. Needs no key.

    With --json the whole result is printed, as the standard (W3C DID Core)
    names its parts. Where the DID has no document, the exit code is 1.
    """
    with reported(as_json):
        from evgi_client.identity import Did

        if version_id is not None and version_time is not None:
            raise typer.BadParameter("--version-id and --version-time do not go together")
        client = open_suite(manifest, rpc_url)
        text = did if did.startswith("did:") else Did.of(did, client.chain.chain_id).text
        found = client.resolver.resolve(text, version_id=version_id, version_time=version_time)
        if found.document is None and not as_json:
            metadata = found.resolution_metadata
            raise DidUnresolvedError(text, metadata["error"], metadata.get("message", ""))
        show(as_json, found.to_json(), "" if as_json else document_text(found))
        if found.document is None:
            raise typer.Exit(FINDINGS)


@app.command(epilog=examples("evgi did history did:ethr:0x539:0x3c…5e", "evgi did history 0x3c…5e --json"))
def history(
    did: Annotated[str, did_argument("A DID, or an address: its identity on the deployment's chain.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Print every change of an identity, oldest first: the block, the time, and what changed. Needs no key."""
    with reported(as_json):
        from evgi_client.identity import RegistryHistory

        client = open_suite(manifest, rpc_url)
        identity = identity_of(did, client.chain.chain_id)
        found = RegistryHistory(client.contracts["DIDRegistry"])
        changes = found.changes(identity)
        times = {block: found.time_of(block) for block in {change.block for change in changes}}
        rows = [
            (str(change.block), utc(times[change.block]), *change_cells(change, times[change.block]))
            for change in changes
        ]
        text = columns(("block", "time", "what", "until"), rows, right=("block",)) if rows else "no change"
        documents = [{"time": times[change.block], **change.to_json()} for change in changes]
        show(as_json, {"identity": identity, "changes": documents}, text)
