"""Arguments and options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evgi_client.cli import values

DEFAULT_MANIFEST = Path("deployment.json")

Manifest = Annotated[
    Path,
    typer.Option(
        envvar="EVGI_MANIFEST", metavar="FILE", exists=True, dir_okay=False, help="What is deployed where."
    ),
]
RpcUrl = Annotated[str, typer.Option(envvar="EVGI_RPC_URL", metavar="URL", help="A JSON-RPC node.")]
Keystore = Annotated[
    Path,
    typer.Option(
        envvar="EVGI_KEYSTORE",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="The key that signs. Its password is asked for, or is the first line of EVGI_PASSWORD_FILE.",
    ),
]
Own = Annotated[
    Path | None,
    typer.Option(
        "--keystore",
        envvar="EVGI_KEYSTORE",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Names the account where no other is given. Not opened: no password is needed.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write to this file instead of stdout.")
]


def input_file(metavar: str, help: str) -> Any:  # noqa: A002 — typer's word
    """An argument: a file that is there, or ``-`` for stdin."""
    return typer.Argument(metavar=metavar, parser=values.input_file, help=help)


def file_option(help: str) -> Any:  # noqa: A002 — typer's word
    """An option: a file that is there."""
    return typer.Option(metavar="FILE", exists=True, dir_okay=False, help=help)


def address_argument(metavar: str, help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Argument(parser=values.address, metavar=metavar, help=help)


def address_option(help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option(parser=values.address, metavar="ADDRESS", help=help)


def amount_argument(help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Argument(parser=values.amount, metavar="AMOUNT", help=help)


def amount_option(help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option(parser=values.amount, metavar="AMOUNT", help=help)


def moment_option(*names: str, help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option(*names, parser=values.moment, metavar="TIME", help=help)


def span_option(help: str) -> Any:  # noqa: A002 — typer's word
    return typer.Option(parser=values.span, metavar="SPAN", help=help)


def examples(*lines: str) -> str:
    """The end of a command's help: what to type."""
    return "\n[bold]Examples[/]\n\n" + "\n".join(f"  {line}" for line in lines) + "\n"
