"""Pages that are typed along: the ``console`` blocks of a page, run in one shell from top to bottom.

A line that begins with ``$`` is a command, and goes on where it ends with a backslash. The lines below it are what it
prints: ``…`` stands for anything in a line, and a line of its own for any lines. A command that ends with
``# exit code 1`` ends so; every other one with 0.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT_CODE = re.compile(r"\s+# exit code (\d+)$")
_DONE = "--- done"


@dataclass(frozen=True)
class Step:
    """A command of a page, how it ends, and the lines that it prints."""

    command: str
    code: int
    printed: tuple[str, ...]

    def pattern(self) -> re.Pattern[str]:
        """What the printed text is held to."""
        lines = ["(?:.*\n)*?" if line == "…" else _line(line) for line in self.printed]
        return re.compile("".join(lines))


def _line(line: str) -> str:
    return ".*?".join(re.escape(part) for part in line.rstrip().split("…")) + "[ ]*\n"


def steps(page: Path, replaced: dict[str, str]) -> Iterator[Step]:
    """The commands of a page in order, with some texts (ports, for one) replaced."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        text = block
        for old, new in replaced.items():
            text = text.replace(old, new)
        for entry in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = entry.rstrip("\n").split("\n")
            length = 1
            while lines[length - 1].endswith("\\"):
                length += 1
            command = "\n".join(lines[:length])
            ending = _EXIT_CODE.search(command)
            code = int(ending[1]) if ending else 0
            yield Step(_EXIT_CODE.sub("", command), code, tuple(lines[length:]))


class Shell:
    """One bash in a folder, with the commands of this environment and none of its settings."""

    def __init__(self, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EVGI_")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        self._errors = (folder / ".stderr").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env={**environment, "COLUMNS": "100", "NO_COLOR": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        # What a page starts in the background ends with it.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            assert pipe is not None
            pipe.close()

    def run(self, command: str, timeout: float = 120.0) -> tuple[int, str]:
        """The exit code of a command, and what it printed to stdout."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{command}\nprintf '\\n{_DONE} %s\\n' $?\n".encode())
        stdin.flush()
        found = re.compile(rf"(.*)\n{_DONE} (\d+)\n\Z".encode(), re.DOTALL)
        printed, deadline = b"", time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not (match := found.fullmatch(printed)):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(
                        f"{command}: no end after {timeout:g} s\n{printed.decode()}{self.errors()}"
                    )
                part = os.read(stdout.fileno(), 65_536)
                assert part, f"{command}: the shell ended\n{self.errors()}"
                printed += part
        return int(match[2]), match[1].decode()

    def errors(self) -> str:
        """The end of what went to stderr so far."""
        self._errors.flush()
        return Path(self._errors.name).read_text(encoding="utf-8")[-2_000:]


def follow(page: Path, folder: Path, replaced: dict[str, str]) -> int:
    """Runs a page's commands in a folder, and holds each to what the page says. Returns how many there were."""
    count = 0
    with Shell(folder) as shell:
        for step in steps(page, replaced):
            code, printed = shell.run(step.command)
            text = printed if printed.endswith("\n") or not printed else printed + "\n"
            said = f"$ {step.command}\n{text}{shell.errors()}"
            assert code == step.code, f"exit code {code}, the page says {step.code}\n{said}"
            assert step.pattern().fullmatch(text), (
                f"the page says\n{chr(10).join(step.printed)}\nand it was\n{said}"
            )
            count += 1
    return count
