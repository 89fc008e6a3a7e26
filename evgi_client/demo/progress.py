"""How the demo tells where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Shows a stage at a time."""

    def stage(self, name: str, total: int) -> None:
        """A stage begins, with so many steps."""

    def advance(self, steps: int = 1) -> None:
        """Steps of the current stage are done."""


class Silent:
    """Shows nothing."""

    def stage(self, name: str, total: int) -> None:
        pass

    def advance(self, steps: int = 1) -> None:
        pass
