"""Local times as UTC, through the two nights of a year that a clock is changed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

from evgi_client.charging.sources.fields import unix_utc
from evgi_client.charging.sources.rules import UNREADABLE
from evgi_client.errors import SessionRowError


class LocalClock:
    """The clock of a place.

    * In October one hour comes twice. Of its readings the pair whose length is nearest to the duration that the
      source reports is taken, else the first in which the end is not before the start.
    * In March one hour does not come. A session that starts or ends in it was stamped by a clock that nobody had
      changed: when it was cannot be told, and it is refused.
    """

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._zone = ZoneInfo(zone)

    def moments(self, local: datetime) -> tuple[int, ...]:
        """Unix seconds of a naive local time: two in the hour that comes twice.

        Raises:
            SessionRowError: the clock never showed this time.
        """
        first = local.replace(tzinfo=self._zone).utcoffset()
        second = local.replace(tzinfo=self._zone, fold=1).utcoffset()
        # ZoneInfo always has an offset; the type of utcoffset does not know it.
        assert first is not None
        assert second is not None
        if first == second:
            return (unix_utc(local - first),)
        if first < second:
            raise SessionRowError(
                UNREADABLE, f"{local:%Y-%m-%d %H:%M} does not exist in {self.zone}: the clock went forward"
            )
        return unix_utc(local - first), unix_utc(local - second)

    def span(
        self, start: datetime, end: datetime, seconds: Callable[[], int | None] | None = None
    ) -> tuple[int, int]:
        """Unix seconds of a session's start and end. ``seconds`` gives the duration that the source reports; it is
        only asked where the times leave a choice.

        Raises:
            SessionRowError: the clock never showed one of the times.
        """
        starts, ends = self.moments(start), self.moments(end)
        if len(starts) == 1 and len(ends) == 1:
            return starts[0], ends[0]
        readings = [(began, ended) for began, ended in product(starts, ends) if ended >= began]
        if not readings:
            return starts[0], ends[0]
        reported = seconds() if seconds is not None else None
        if reported is None:
            return readings[0]
        return min(readings, key=lambda reading: abs(reading[1] - reading[0] - reported))
