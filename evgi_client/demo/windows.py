"""Calendar months, UTC: the demo's roster epochs and clearing windows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Window:
    """A month: [begins, ends), Unix seconds."""

    begins: int
    ends: int


def windows(first: int, last: int) -> Iterator[Window]:
    """The months from the one that holds ``first`` to the one that holds ``last``."""
    month = datetime.fromtimestamp(first, timezone.utc).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    while month.timestamp() <= last:
        following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
        yield Window(int(month.timestamp()), int(following.timestamp()))
        month = following
