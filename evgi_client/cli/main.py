"""``evgi``: the commands by stage."""

from __future__ import annotations

import typer

from evgi_client.cli import demo

app = typer.Typer(
    name="evgi",
    help="Electric vehicle charging from a driver's signature to settled money between utilities.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)


@app.callback()
def _root() -> None:
    """Commands print data to stdout and progress to stderr; --json prints for machines.

    Exit codes: 0 done, 1 findings or rejections, 2 usage, 3 network.
    """
