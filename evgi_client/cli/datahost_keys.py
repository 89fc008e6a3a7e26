"""``evgi datahost rotate|rekey|erase``: the keys that records are encrypted under, renewed and destroyed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evgi_client.cli.datahost_options import (
    DEFAULT_MASTER_KEY,
    DEFAULT_STORE,
    MasterKeyFile,
    Resource,
    Store,
    master_in,
    new_master,
)
from evgi_client.cli.errors import reported
from evgi_client.cli.options import AsJson, examples
from evgi_client.cli.output import show

ROTATE_EXAMPLES = examples("evgi datahost rotate 0x5a…5a")
REKEY_EXAMPLES = examples("evgi datahost rekey new-master-key.json")
ERASE_EXAMPLES = examples("evgi datahost erase 0x5a…5a --yes")


def rotate(
    resource: Resource,
    *,
    store: Store = DEFAULT_STORE,
    master_key: MasterKeyFile = DEFAULT_MASTER_KEY,
    as_json: AsJson = False,
) -> None:
    """Encrypt a resource's records anew under a new key. The host may go on serving."""
    with reported(as_json):
        from evgi_client.data.store import Store as Opened
        from evgi_client.data.vault import Vault

        with Opened(store) as opened:
            count = Vault(opened, master_in(master_key)).rotate(resource)
        show(as_json, {"records": count}, f"{count} records under a new key")


def rekey(
    new_master_key: Annotated[
        Path, typer.Argument(metavar="FILE", dir_okay=False, help="Where the new master key is written.")
    ],
    *,
    store: Store = DEFAULT_STORE,
    master_key: MasterKeyFile = DEFAULT_MASTER_KEY,
    as_json: AsJson = False,
) -> None:
    """Exchange the master key. Stop the host before; start it with the new file."""
    with reported(as_json):
        from evgi_client.data.store import Store as Opened
        from evgi_client.data.vault import Vault

        with Opened(store) as opened:
            vault = Vault(opened, master_in(master_key))
            # A file that is there is one that an earlier run made, and did not come to use.
            other = master_in(new_master_key) if new_master_key.exists() else new_master(new_master_key)
            count = vault.rewrap(other)
        show(as_json, {"keys": count, "master_key": other.id}, f"{count} keys under master key {other.id}")


def erase(
    resource: Resource,
    *,
    store: Store = DEFAULT_STORE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Destroy a resource's records and their keys, for good. What was signed and anchored stays.

    Copies of the database made before are not reached: destroy them too.
    """
    with reported(as_json):
        from evgi_client.data.store import Store as Opened
        from evgi_client.data.vault import erase as erase_in

        if not yes:
            typer.confirm(f"Destroy every record of 0x{resource.hex()}?", abort=True, err=True)
        with Opened(store) as opened:
            count = erase_in(opened, resource)
        show(as_json, {"erased": count}, f"{count} records erased")
