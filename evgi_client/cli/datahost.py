"""``evgi datahost``: a host for signed records of vehicles, batteries, meters and sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evgi_client.cli import datahost_keys, datahost_records
from evgi_client.cli.datahost_options import (
    DEFAULT_MASTER_KEY,
    DEFAULT_STORE,
    MasterKeyFile,
    Store,
    hosting,
    master_in,
    new_master,
    opened_with,
)
from evgi_client.cli.errors import FINDINGS, reported, stderr
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    RpcUrl,
    address_option,
    examples,
    span_option,
)
from evgi_client.cli.output import columns, hexadecimal, show
from evgi_client.cli.progress import Bars
from evgi_client.signing import keystore_address

app = typer.Typer(help="Host signed records: encrypted, anchored, read by permission.", no_args_is_help=True)


@app.command(
    epilog=examples(
        "evgi datahost init --keystore host.json",
        "evgi datahost init --keystore machine.json --host 0x3c…5e \\",
        "    --store postgresql://evgi@db.example/datahost",
    )
)
def init(
    *,
    store: Store = DEFAULT_STORE,
    master_key: MasterKeyFile = DEFAULT_MASTER_KEY,
    host: Annotated[
        str | None, address_option("The host's identity. The keystore's own where not given.")
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    as_json: AsJson = False,
) -> None:
    """Make a host's database and master key. What is there already is kept. Needs no node.

    Keep a copy of the master key and its password elsewhere: without them
    nobody reads what the host holds.
    """
    with reported(as_json):
        from evgi_client.data.serving import create_store
        from evgi_client.data.tables import shown
        from evgi_client.deployment import load_deployment

        deployment = load_deployment(manifest)
        identity = host or keystore_address(keystore)
        made = not master_key.exists()
        master = new_master(master_key) if made else master_in(master_key)
        domain, access = deployment.domain("DataRegistry"), deployment.address("AccessRegistry")
        create_store(store, identity, master, domain, access)
        result = {"host": identity, "store": shown(store), "master_key": master.id, "new_key": made}
        show(as_json, result, f"host {identity}, store {shown(store)}, master key {master.id}")


@app.command(
    epilog=examples(
        "evgi datahost serve --keystore host.json",
        "evgi datahost serve --keystore host.json --listen 0.0.0.0:443 \\",
        "    --tls-certificate fullchain.pem --tls-key privkey.pem \\",
        "    --owner 0x3c…5e --owner 0xb7…f2 --anchor-every 5m",
    )
)
def serve(
    *,
    store: Store = DEFAULT_STORE,
    master_key: MasterKeyFile = DEFAULT_MASTER_KEY,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where to listen. Port 0 is any free one.")
    ] = "127.0.0.1:8480",
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="PEM, for HTTPS.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="PEM, its key.")
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(metavar="ADDRESSES", help="Proxies whose X-Forwarded-For is believed, comma separated."),
    ] = None,
    owner: Annotated[
        list[str] | None,
        address_option("Take resources of this owner alone; may be repeated. All that name the host if not."),
    ] = None,
    stream: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Take this stream; may be repeated. If not: vehicle, battery, meter, session.",
        ),
    ] = None,
    anchor_every: Annotated[int, span_option("How often new records are anchored; 0 for never.")] = 60,
    quota: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="The most that is kept of one resource.")
    ] = 1024,
    longest: Annotated[int, typer.Option(metavar="KIB", min=1, max=4096, help="The longest record.")] = 1024,
    rate: Annotated[int, typer.Option(metavar="N", min=1, help="Requests a second of one client.")] = 50,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Take records and serve them until stopped. Logs one JSON object a line to stderr.

    The OpenAPI document is at /openapi.json.
    """
    with reported(as_json):
        from evgi_client.data.serving import listen as listening_at
        from evgi_client.data.serving import serve as serve_until_stopped
        from evgi_client.data.serving import server
        from evgi_client.data.settings import STREAMS, HostSettings

        if (tls_certificate is None) != (tls_key is None):
            raise typer.BadParameter("--tls-certificate and --tls-key go together")
        settings = HostSettings(
            streams=tuple(stream) if stream else STREAMS,
            owners=frozenset(owner or ()),
            write_bytes=longest * 1024,
            resource_bytes=quota * 1024 * 1024,
            anchor_every=anchor_every,
            requests_per_second=rate,
        )
        address, port = _address_in(listen)
        with hosting(store, master_key, manifest, rpc_url, keystore, settings) as host:
            listening = listening_at(address, port)
            scheme = "https" if tls_certificate else "http"
            shown = f"[{address}]" if ":" in address else address
            url = f"{scheme}://{shown}:{listening.getsockname()[1]}"
            show(as_json, {"listening": url, "host": host.identity}, f"listening on {url}")
            # Whoever started this reads it at once.
            typer.get_text_stream("stdout").flush()
            serve_until_stopped(
                server(host.parts(), certificate=tls_certificate, key=tls_key, proxies=proxy), listening
            )


@app.command(epilog=examples("evgi datahost anchor --keystore host.json"))
def anchor(
    *,
    store: Store = DEFAULT_STORE,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Anchor what has come in since the last time. Safe to run again, and while the host serves."""
    with reported(as_json), opened_with(store, manifest, rpc_url, keystore) as (opened, client):
        from evgi_client.data.anchoring import Anchoring
        from evgi_client.data.batches import Batches
        from evgi_client.data.registry import DataAnchors
        from evgi_client.data.store import HOST

        anchors = DataAnchors(client.contracts, client.sender)
        done = []
        for batch in Anchoring(opened.facts[HOST], Batches(opened), anchors).run():
            done.append(
                {
                    "stream": hexadecimal(batch.stream),
                    "sequence": batch.sequence,
                    "root": hexadecimal(batch.root),
                    "leaves": batch.leaves,
                    "transaction": batch.transaction_hash,
                }
            )
            stderr.print(f"batch {batch.sequence}: {batch.leaves} records", markup=False)
        show(as_json, {"batches": done}, f"{len(done)} batches anchored")


@app.command(epilog=examples("evgi datahost verify", "evgi datahost verify --store host.db --json"))
def verify(
    *,
    store: Store = DEFAULT_STORE,
    master_key: MasterKeyFile = DEFAULT_MASTER_KEY,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Check everything the host holds against signatures and chain. Nothing is changed.

    Exits with 1 where something is not as it was signed and anchored.
    """
    with reported(as_json), hosting(store, master_key, manifest, rpc_url) as host:
        audit = host.audit()
        findings = []
        with Bars() as bars:
            bars.stage("verify records", audit.total())
            for finding in audit.run(bars.advance):
                findings.append({"kind": finding.kind, "where": finding.where, "detail": finding.detail})
        checked = audit.checked
        result = {
            "findings": findings,
            "records": checked.writes,
            "erased": checked.erased,
            "batches": checked.batches,
            "waiting": checked.waiting,
        }
        lines = [f"{each['kind']}: {each['where']}: {each['detail']}" for each in findings]
        lines.append(
            f"{checked.writes} records in {checked.batches} batches, {checked.erased} erased,"
            f" {checked.waiting} not anchored yet, {len(findings)} findings"
        )
        show(as_json, result, "\n".join(lines))
        if findings:
            raise typer.Exit(FINDINGS)


@app.command(epilog=examples("evgi datahost status", "evgi datahost status --json"))
def status(*, store: Store = DEFAULT_STORE, as_json: AsJson = False) -> None:
    """Print whose store it is and how far its anchoring is. Needs no key and no node."""
    with reported(as_json):
        from evgi_client.data.batches import Batches
        from evgi_client.data.settings import HostSettings
        from evgi_client.data.store import Store as Opened

        with Opened(store) as opened:
            batches, names = Batches(opened), HostSettings().stream_ids()
            states = [batches.state(stream) for stream in batches.streams()]
            streams: list[dict[str, Any]] = [
                {
                    "stream": hexadecimal(each.stream),
                    "name": names.get(each.stream),
                    "records": each.writes,
                    "waiting": each.waiting,
                    "batches": each.batches,
                    "anchored": each.anchored,
                }
                for each in states
            ]
            counted = ("records", "waiting", "batches", "anchored")
            rows = [
                [str(each["name"] or each["stream"]), *(str(each[name]) for name in counted)]
                for each in streams
            ]
            header = ("stream", *counted)
            text = columns(header, rows, right=header[1:]) if rows else "no records"
            document = {**opened.facts, "streams": streams}
            show(as_json, document, f"host {opened.facts['host']}\n{text}")


app.command(epilog=datahost_records.WRITE_EXAMPLES)(datahost_records.write)
app.command(epilog=datahost_records.READ_EXAMPLES)(datahost_records.read)
app.command(epilog=datahost_keys.ROTATE_EXAMPLES)(datahost_keys.rotate)
app.command(epilog=datahost_keys.REKEY_EXAMPLES)(datahost_keys.rekey)
app.command(epilog=datahost_keys.ERASE_EXAMPLES)(datahost_keys.erase)


def _address_in(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    if not address or not port.isdigit() or int(port) > 65_535:
        raise typer.BadParameter(f"{text!r} is no ADDRESS:PORT such as 127.0.0.1:8480 or [::1]:8480")
    return address.strip("[]"), int(port)
