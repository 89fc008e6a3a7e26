#!/usr/bin/env python3
"""Write docs/cli.md from the commands' own help.

    python scripts/cli_docs.py [--check]

With --check nothing is written; exit code 1 where the page is stale. Only what the commands say of themselves is on
the page, and nothing of how a version of the command line's library draws it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from evgi_client.cli.main import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

OPENING = """\
# Commands

Written by `make docs` from the commands' own help.

"""


def page() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("evgi", [], resilient_parsing=True)
    parts = [OPENING, _prose(root), *_contents(root, context)]
    for name in root.list_commands(context):
        _, command, _ = root.resolve_command(context, [name])
        parts += _section(f"evgi {name}", command, context)
    return "".join(parts)


def _section(path: str, command: Any, context: Any) -> Iterator[str]:
    if not hasattr(command, "commands"):
        yield from _command(path, command)
        return
    yield f"\n{_heading(path)} {path}\n\n{_prose(command)}"
    for inner in command.list_commands(context):
        yield from _section(f"{path} {inner}", command.commands[inner], context)


def _heading(path: str) -> str:
    return "#" * (path.count(" ") + 1)


def _contents(root: Any, context: Any) -> Iterator[str]:
    yield "\n| stage | |\n|---|---|\n"
    for name in root.list_commands(context):
        first = _paragraphs(root.commands[name])[0]
        yield f"| [`evgi {name}`](#evgi-{name}) | {first} |\n"


def _command(path: str, command: Any) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    usage = " ".join([path, *("[OPTIONS]" for _ in options[:1]), *map(_placeholder, arguments)])
    yield f"\n{_heading(path)} {path}\n\n{_prose(command)}\n```\n{usage}\n```\n\n"
    yield "| | | |\n|---|---|---|\n"
    for each in [*arguments, *options]:
        yield f"| `{_names(each)}` | {_cell(each.help or '')} | {_cell(_facts(each))} |\n"
    if command.epilog:
        _, *lines = inspect.cleandoc(command.epilog).splitlines()
        examples = "\n".join(lines).strip("\n")
        yield f"\n```\n{inspect.cleandoc(examples)}\n```\n"


def _prose(command: Any) -> str:
    """The help's paragraphs, each a paragraph here; lists of lines stay lists of lines."""
    return "\n\n".join(_paragraphs(command)) + "\n"


def _paragraphs(command: Any) -> list[str]:
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return [_lines(each) if re.match(r"[A-Z]{2,} ", each) else each.replace("\n", " ") for each in paragraphs]


def _lines(paragraph: str) -> str:
    return "\n".join(f"* {line}" for line in paragraph.splitlines())


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.replace("_", "-").upper())


def _placeholder(argument: Any) -> str:
    name = _metavar(argument) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _metavar(parameter)
    names = ", ".join(parameter.opts)
    return names if parameter.is_flag else f"{names} {_metavar(parameter)}"


def _facts(parameter: Any) -> str:
    default = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    has_default = default is not None and default is not False and not callable(default)
    facts = [
        "required" if parameter.required else "",
        f"default `{default}`" if has_default and not parameter.required else "",
        "repeatable" if parameter.param_type_name == "option" and parameter.multiple else "",
        f"or `{parameter.envvar}`" if parameter.envvar else "",
    ]
    return ", ".join(fact for fact in facts if fact)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    wanted = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    print("docs/cli.md is stale: run make docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
