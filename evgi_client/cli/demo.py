"""``evgi demo``."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from evgi_client.charging.sources import FORMATS, read_sessions
from evgi_client.cli.errors import DONE, FINDINGS, reported
from evgi_client.cli.keys import signer_of
from evgi_client.cli.progress import Bars
from evgi_client.demo import Options, Summary, run
from evgi_client.units import MINOR

SAMPLE = "synthetic_sessions.csv"

_EXAMPLES = """
[bold]Examples[/]

  evgi demo
  evgi demo --sessions ev_charging_reports.csv --out trondheim
  evgi demo --sessions cdr.json --format ocpi --json
  evgi demo --rpc-url http://127.0.0.1:8545 --limit 500
"""


def demo(
    sessions: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Charging sessions; a synthetic sample where not given."
        ),
    ] = None,
    format_name: Annotated[
        str, typer.Option("--format", help=f"How to read them: auto, {', '.join(FORMATS)}.")
    ] = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many rows.")] = None,
    utilities: Annotated[int, typer.Option(min=2, max=8, help="How many utilities take part.")] = 4,
    rpc_url: Annotated[
        str | None,
        typer.Option(envvar="EVGI_RPC_URL", help="A JSON-RPC node; an embedded chain where not given."),
    ] = None,
    funder: Annotated[
        Path | None, typer.Option(help="Keystore that pays for gas on a node without unlocked accounts.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the files; those of an earlier run are replaced.")
    ] = Path("evgi-demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run the whole flow on charging sessions: enrol, authorise, meter, queue, submit, clear, settle, audit.

    Every session is signed by its driver and its meter, queued offline, submitted
    to its operator's utility, settled on chain and paid between utilities in
    clearing tokens. What cannot be true is quarantined and never billed.
    """
    with reported(as_json):
        path = sessions or Path(str(resources.files("evgi_client.demo") / "data" / SAMPLE))
        options = Options(out, rpc_url, signer_of(funder) if funder else None, utilities)
        if as_json:
            from evgi_client.demo import Silent

            summary = run(read_sessions(path, format_name, limit), options, Silent())
            typer.echo(json.dumps(summary.to_json(), indent=2))
        else:
            with Bars() as bars:
                bars.stage("read sessions", 1)
                reading = read_sessions(path, format_name, limit)
                summary = run(reading, options, bars)
            _print(summary)
    raise typer.Exit(DONE if all(summary.checks.values()) else FINDINGS)


def _print(summary: Summary) -> None:
    console = Console(highlight=False)
    rejected = sum(summary.quarantined.values())
    console.print()
    console.print(f"[bold]{summary.settled:,} charging sessions settled[/] from {summary.source}")
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_row("sessions", f"{summary.read:,} read, {rejected:,} quarantined, {summary.settled:,} settled")
    facts.add_row("energy", f"{summary.energy_wh / 1000:,.2f} kWh")
    facts.add_row("amount", f"{_money(summary.amount)} {summary.currency}")
    facts.add_row(
        "gas", f"{summary.gas_per_session:,} a session, {summary.gas:,} in {summary.batches} batches"
    )
    facts.add_row("time", f"{summary.elapsed_s:.1f} s")
    console.print(facts)
    if summary.quarantined:
        _quarantine(console, summary)
    _pairs(console, summary)
    _netting(console, summary)
    _checks(console, summary)
    console.print("\n[bold]Files[/]")
    for kind, path in summary.files.items():
        console.print(f"  {kind:<10} {path}", soft_wrap=True)


def _quarantine(console: Console, summary: Summary) -> None:
    table = _table("Quarantined, never billed", "reason")
    table.add_column("sessions", justify="right")
    for reason, count in sorted(summary.quarantined.items(), key=lambda item: -item[1]):
        table.add_row(reason, f"{count:,}")
    console.print(table)


def _pairs(console: Console, summary: Summary) -> None:
    table = _table("Before netting", "charge points of", "drivers of")
    for column in ("sessions", "kWh", summary.currency):
        table.add_column(column, justify="right")
    for pair in summary.pairs:
        own = pair.creditor == pair.debtor
        table.add_row(
            pair.creditor,
            "its own" if own else pair.debtor,
            f"{pair.sessions:,}",
            f"{pair.energy_wh / 1000:,.2f}",
            _money(pair.amount),
            style="dim" if own else None,
        )
    console.print(table)


def _netting(console: Console, summary: Summary) -> None:
    table = _table("Paid after netting", "paid by", "to")
    table.add_column(summary.currency, justify="right")
    for (payer, payee), amount in sorted(summary.payments.items()):
        table.add_row(payer, payee, _money(amount))
    console.print(table)
    saved = 1 - summary.net / summary.gross if summary.gross else 0
    console.print(
        f"  {_money(summary.gross)} owed between utilities, {_money(summary.net)} paid in clearing tokens: "
        f"{saved:.0%} less money moved"
    )
    balances = _table("Positions and balances", "utility")
    for column in ("net position", "tokens held"):
        balances.add_column(column, justify="right")
    for name, balance in summary.balances.items():
        balances.add_row(name, _money(summary.positions.get(name, 0), sign=True), _money(balance))
    balances.add_section()
    balances.add_row("sum", _money(sum(summary.positions.values())), _money(sum(summary.balances.values())))
    balances.add_row("token supply", "", _money(summary.supply))
    console.print(balances)


def _checks(console: Console, summary: Summary) -> None:
    console.print("\n[bold]Recomputed from the chain alone[/]")
    for name, passed in summary.checks.items():
        console.print(f"  {'[green]✓[/]' if passed else '[bold red]✗[/]'} {name.replace('_', ' ')}")


def _table(title: str, *columns: str) -> Table:
    return Table(
        *columns, title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )


def _money(amount: int, sign: bool = False) -> str:
    """Minor units with two decimals, half up, for people: no float touches it."""
    cents = (abs(amount) * 200 + MINOR) // (2 * MINOR)
    text = f"{cents // 100:,}.{cents % 100:02d}"
    return ("-" if amount < 0 and cents else "+" if sign and amount > 0 else "") + text
