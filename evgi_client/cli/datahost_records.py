"""``evgi datahost write|read``: records given to a host, and read from it with proofs."""

from __future__ import annotations

import base64
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.cli.datahost_options import Resource, stream_of
from evgi_client.cli.errors import reported
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    RpcUrl,
    address_option,
    examples,
    input_file,
)
from evgi_client.cli.output import columns, hexadecimal, show, utc
from evgi_client.cli.suite import open_suite
from evgi_client.errors import ResourceUnhostedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.data.client import DataClient
    from evgi_client.data.reading import Record

WRITE_EXAMPLES = examples(
    "evgi datahost write 0x5a…5a reading.json --stream meter \\",
    "    --url https://data.example --keystore meter.json",
    "battery-report | evgi datahost write 0x5a…5a - --stream battery",
)
READ_EXAMPLES = examples(
    "evgi datahost read 0x5a…5a --stream meter --keystore utility.json",
    "evgi datahost read 0x5a…5a --stream session --after 41 --out records \\",
    "    --purpose billing",
)

_SHOWN = 60
"""Characters of a record that a line has room for."""

Url = Annotated[
    str,
    typer.Option(envvar="EVGI_DATAHOST_URL", metavar="URL", help="The host; https except on this machine."),
]
AllowHttp = Annotated[
    bool, typer.Option("--allow-http", help="Speak without TLS to another machine, in a closed network.")
]
Identity = Annotated[str | None, address_option("Whom the key acts for. Its own account where not given.")]
Stream = Annotated[
    bytes,
    typer.Option(
        parser=stream_of, metavar="NAME", help="vehicle, battery, meter, session, or one that the host takes."
    ),
]


def write(
    resource: Resource,
    record: Annotated[Path, input_file("RECORD", "A file with the record, or - for stdin. Any bytes.")],
    *,
    stream: Stream,
    url: Url,
    number: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="The writer's own number of the record, from 0 without gaps: with it, the same command again"
            " writes nothing twice. The next one where not given.",
        ),
    ] = None,
    identity: Identity = None,
    allow_http: AllowHttp = False,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Sign a record and give it to the host that keeps the resource.

    It is on the host's disk when this returns. Needs the right to write.
    """
    with reported(as_json):
        data = sys.stdin.buffer.read() if str(record) == "-" else record.read_bytes()
        with _client(resource, url, identity, allow_http, manifest, rpc_url, keystore) as client:
            signed = client.write(resource, stream, data, number=number)
        hashed = hexadecimal(signed.write.struct_hash())
        result = {"write": hashed, "number": signed.write.number, "bytes": len(data), "host": client.host}
        show(as_json, result, f"record {signed.write.number} of {len(data)} bytes: {hashed}")


def read(
    resource: Resource,
    *,
    stream: Stream,
    url: Url,
    after: Annotated[
        int | None, typer.Option(metavar="POSITION", min=0, help="Begin after this record.")
    ] = None,
    unanchored: Annotated[
        bool, typer.Option("--unanchored", help="Also what no root on the chain vouches for yet.")
    ] = False,
    purpose: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the records are for, where a certificate names a purpose."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="Write each record to a file here, by position."
        ),
    ] = None,
    identity: Identity = None,
    allow_http: AllowHttp = False,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Unlock a session and read a stream, each record checked against its signature and the chain."""
    with reported(as_json):
        from evgi_client.messages import keccak256

        records = []
        with _client(resource, url, identity, allow_http, manifest, rpc_url, keystore) as client:
            meant = keccak256(purpose.encode()) if purpose else bytes(32)
            with client.unlock(resource, purpose=meant) as session:
                for record in session.records(stream, after=after, unanchored=unanchored):
                    records.append(record)
                    if out is not None and record.data is not None:
                        out.mkdir(parents=True, exist_ok=True)
                        (out / str(record.position)).write_bytes(record.data)
        rows = [_cells(record) for record in records]
        header = ("position", "written", "writer", "number", "batch", "record")
        text = columns(header, rows, right=("position", "number", "batch")) if rows else "no records"
        show(as_json, {"records": [_document(record) for record in records]}, text)


@contextmanager
def _client(
    resource: bytes,
    url: str,
    identity: str | None,
    allow_http: bool,
    manifest: Path,
    rpc_url: str,
    keystore: Path,
) -> Iterator[DataClient]:
    """A client of the host that the chain names for a resource: the one at the URL must be that."""
    from evgi_client.data.client import DataClient

    suite = open_suite(manifest, rpc_url, keystore)
    access = suite.contracts["AccessRegistry"]
    host = access.call("hostAt", resource, suite.chain.now()).host
    if int(host, 16) == 0:
        raise ResourceUnhostedError(resource)
    with DataClient(
        url,
        host,
        suite.contracts,
        suite.deployment.domain("AccessRegistry"),
        suite.deployment.domain("DataRegistry"),
        suite.sender,
        identity=identity,
        allow_http=allow_http,
    ) as client:
        yield client


def _cells(record: Record) -> list[str]:
    write = record.write
    batch = "-" if record.batch is None else str(record.batch.sequence)
    return [
        str(record.position),
        utc(write.written_at),
        write.writer,
        str(write.number),
        batch,
        _shown(record.data),
    ]


def _shown(data: bytes | None) -> str:
    if data is None:
        return "(erased)"
    text = data.decode("utf-8", "replace").rstrip("\n")
    if not text.isprintable():
        return f"({len(data)} bytes)"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _document(record: Record) -> dict[str, Any]:
    batch = record.batch
    return {
        "position": record.position,
        "write": record.write.to_json(),
        "account": record.account,
        "signature": hexadecimal(record.signature),
        "salt": None if record.salt is None else hexadecimal(record.salt),
        "data": None if record.data is None else base64.b64encode(record.data).decode(),
        "batch": None
        if batch is None
        else {
            "sequence": batch.sequence,
            "root": hexadecimal(batch.root),
            "leaves": batch.leaves,
            "account": batch.account,
            "anchored_at": batch.anchored_at,
        },
    }
