"""``evgi``: the commands by stage."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from evgi_client import __version__
from evgi_client.cli import (
    access,
    authorise,
    cert,
    datahost,
    deploy,
    did,
    enrol,
    key,
    meter,
    peer,
    queue,
    settle,
    submit,
    token,
)

_DEMO = "demo"
_DEMO_HELP = (
    "Run the whole flow on charging sessions: enrol, authorise, meter, queue, submit, clear, settle, audit."
)
_ORDER = (
    "demo", "key", "deploy", "did", "cert", "access", "datahost", "enrol", "peer", "terms", "authorise",
    "meter", "queue", "submit", "position", "settle", "token",
)  # fmt: skip


class Stages(TyperGroup):
    """The commands in the order of the flow. The demo is only loaded when it is run: it brings chain and plots."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 — as every group's
        """The names, in the order of the flow."""
        return sorted(self.commands, key=_ORDER.index)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As every group's, with the demo loaded where it is meant."""
        if args[:1] == [_DEMO]:
            self.commands[_DEMO] = _loaded_demo()
        return super().resolve_command(ctx, args)


def _loaded_demo() -> Any:
    from evgi_client.cli import demo

    alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    alone.command(_DEMO, epilog=demo._EXAMPLES)(demo.demo)
    return typer.main.get_command(alone)


app = typer.Typer(
    name="evgi",
    cls=Stages,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Electric vehicle charging from a driver's signature to settled money between utilities.

    Data goes to stdout, progress to stderr. --json prints for machines: energy
    in Wh, money in minor units (six decimals), times in Unix seconds.
    Exit codes: 0 done, 1 findings or rejections, 2 usage, 3 network.

    AMOUNT is in units of currency: 12.50
    TIME is Unix seconds, 2026-11-20T09:00:00Z, now, now+7d or now-1h
    SPAN is seconds, or has a unit: 90, 15m, 12h, 30d, 2w
    """


@app.command(_DEMO, help=_DEMO_HELP)
def _demo() -> None:
    """Stands for the demo among the commands; see ``Stages``."""


app.add_typer(key.app, name="key")
app.add_typer(deploy.app, name="deploy")
app.add_typer(did.app, name="did")
app.add_typer(cert.app, name="cert")
app.add_typer(access.app, name="access")
app.add_typer(datahost.app, name="datahost")
app.add_typer(enrol.app, name="enrol")
app.add_typer(peer.app, name="peer")
app.command(epilog=authorise.TERMS_EXAMPLES)(authorise.terms)
app.command(epilog=authorise.AUTHORISE_EXAMPLES)(authorise.authorise)
app.command(epilog=meter.EXAMPLES)(meter.meter)
app.add_typer(queue.app, name="queue")
app.command(epilog=submit.EXAMPLES)(submit.submit)
app.command(epilog=settle.POSITION_EXAMPLES)(settle.position)
app.command(epilog=settle.SETTLE_EXAMPLES)(settle.settle)
app.add_typer(token.app, name="token")
