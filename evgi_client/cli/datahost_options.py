"""What the commands of ``evgi datahost`` share: the store, the master key, and a host opened on both."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evgi_client.cli.access_values import label_of, named
from evgi_client.cli.keys import new_password_for, password_for
from evgi_client.cli.suite import open_suite
from evgi_client.errors import EvgiError
from evgi_client.identity.did import Did
from evgi_client.messages.access import resource_id
from evgi_client.messages.data import stream_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.client import Client
    from evgi_client.data.masterkey import MasterKey
    from evgi_client.data.serving import Hosting
    from evgi_client.data.settings import HostSettings
    from evgi_client.data.store import Store as Opened

Store = Annotated[
    str,
    typer.Option(
        envvar="EVGI_DATAHOST_STORE",
        metavar="STORE",
        help="The host's database: an SQLite file, or postgresql://user@server/name. Put a URL with a password into the"
        " variable, where other users cannot see it.",
    ),
]
MasterKeyFile = Annotated[
    Path,
    typer.Option(
        "--master-key",
        envvar="EVGI_MASTER_KEY",
        metavar="FILE",
        dir_okay=False,
        help="The key that records are encrypted under. Its password is asked for, or is the first line of"
        " EVGI_MASTER_PASSWORD_FILE, or else of EVGI_PASSWORD_FILE.",
    ),
]


def _resource(text: str) -> bytes:
    """A resource's id, as it is or by OWNER/NAME: it is the same on every chain."""
    owner, slash, name = named(text).rpartition("/")
    if not slash:
        return bytes.fromhex(name[2:])
    try:
        identity = Did.parse(owner).identity if owner.startswith("did:") else owner
    except EvgiError as error:
        raise typer.BadParameter(str(error)) from error
    return resource_id(identity, label_of(name))


def stream_of(text: str) -> bytes:
    """A stream's id: of its name, or as it is printed."""
    return bytes.fromhex(text[2:]) if re.fullmatch(r"0x[0-9a-fA-F]{64}", text) else stream_id(text)


Resource = Annotated[
    bytes, typer.Argument(metavar="RESOURCE", parser=_resource, help="OWNER/NAME, or its id.")
]
DEFAULT_STORE = "datahost.db"
DEFAULT_MASTER_KEY = Path("master-key.json")
MASTER_PASSWORD_FILE = "EVGI_MASTER_PASSWORD_FILE"  # noqa: S105 — the name of a variable


def master_in(path: Path) -> MasterKey:
    """The master key in a file."""
    from evgi_client.data.masterkey import MasterKey

    return MasterKey.from_file(path, lambda: _from_file() or password_for(path))


def new_master(path: Path) -> MasterKey:
    """A new master key, saved to a file."""
    from evgi_client.data.masterkey import MasterKey

    made = MasterKey.create()
    made.save(path, lambda: _from_file() or new_password_for(path))
    return made


@contextmanager
def opened_with(
    store: str, manifest: Path, rpc_url: str, keystore: Path | None = None
) -> Iterator[tuple[Opened, Client]]:
    """A store and the deployed suite that it belongs to; without a keystore that can only be read."""
    from evgi_client.data.serving import check_deployment
    from evgi_client.data.store import Store as Opened

    with Opened(store) as opened:
        client = open_suite(manifest, rpc_url, keystore)
        deployment = client.deployment
        check_deployment(opened, deployment.domain("DataRegistry"), deployment.address("AccessRegistry"))
        yield opened, client


@contextmanager
def hosting(
    store: str,
    master_key: Path,
    manifest: Path,
    rpc_url: str,
    keystore: Path | None = None,
    settings: HostSettings | None = None,
) -> Iterator[Hosting]:
    """A host on its store. Passwords are asked for last."""
    from evgi_client.data.serving import Hosting
    from evgi_client.data.settings import HostSettings

    with opened_with(store, manifest, rpc_url, keystore) as (opened, client):
        yield Hosting(
            store=opened,
            master=master_in(master_key),
            contracts=client.contracts,
            access_domain=client.deployment.domain("AccessRegistry"),
            data_domain=client.deployment.domain("DataRegistry"),
            signer=client.sender,
            settings=settings or HostSettings(),
            from_block=client.deployment.first_block,
        )


def _from_file() -> str | None:
    file = os.environ.get(MASTER_PASSWORD_FILE)
    if not file:
        return None
    first, *_ = [*Path(file).read_text(encoding="utf-8").splitlines(), ""]
    if not first:
        raise typer.BadParameter(f"{MASTER_PASSWORD_FILE} {file}: its first line is empty")
    return first
