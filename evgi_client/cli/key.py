"""``evgi key``: keys in encrypted files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evgi_client.cli.errors import reported
from evgi_client.cli.keys import new_password_for
from evgi_client.cli.options import AsJson, examples
from evgi_client.cli.output import show
from evgi_client.errors import KeystoreError
from evgi_client.signing import LocalSigner, keystore_address

app = typer.Typer(help="Keys in encrypted files (Web3 Secret Storage, version 3).", no_args_is_help=True)


@app.command(
    epilog=examples("evgi key create utility.json", "EVGI_PASSWORD_FILE=secret evgi key create meter.json")
)
def create(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The new keystore. A file that is there is never overwritten."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a new random key and write it to an encrypted file.

    The password is asked for twice, or is the first line of the file that
    EVGI_PASSWORD_FILE names.
    """
    with reported(as_json):
        if file.exists():
            raise KeystoreError(str(file), "there is a file already")
        signer = LocalSigner.create()
        signer.save_keystore(file, lambda: new_password_for(file))
        show(as_json, {"address": signer.address, "file": str(file)}, signer.address)


@app.command("show", epilog=examples("evgi key show utility.json"))
def show_address(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A keystore.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Print the address that a keystore names. Needs no password."""
    with reported(as_json):
        address = keystore_address(file)
        show(as_json, {"address": address, "file": str(file)}, address)
