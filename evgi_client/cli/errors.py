"""How commands end: a clear line on stderr and an exit code instead of a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from evgi_client.errors import (
    ChainUnreachableError,
    EvgiError,
    HostUnreachableError,
    RpcError,
    TransactionTimeoutError,
)

DONE, FINDINGS, USAGE, NETWORK = 0, 1, 2, 3

_NETWORK_ERRORS = (ChainUnreachableError, HostUnreachableError, RpcError, TransactionTimeoutError)

stderr = Console(stderr=True, highlight=False)


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Prints an expected error and exits: 3 for the network's, 1 for the rest."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has had enough of it
    except (EvgiError, OSError) as error:
        code = NETWORK if isinstance(error, _NETWORK_ERRORS) else FINDINGS
        if as_json:
            typer.echo(json.dumps({"error": type(error).__name__, "message": str(error)}))
        else:
            stderr.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(code) from error
