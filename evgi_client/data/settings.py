"""What an operator of a data host decides."""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.data.anchoring import BATCH_SIZE
from evgi_client.errors import HostSettingError
from evgi_client.messages.data import stream_id

STREAMS = ("vehicle", "battery", "meter", "session")
"""The streams that a host takes where its operator says nothing else."""

MAX_PAGE = 100
"""Writes in an answer to a reader."""

MAX_WRITE_BYTES = 4 * 1024 * 1024
"""No host takes longer records: one must fit an answer."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What an operator decides. Sizes in bytes, spans in seconds.

    Raises:
        HostSettingError: a number that cannot be meant.
    """

    streams: tuple[str, ...] = STREAMS
    """Names of the streams that are taken. A stranger who could open new ones could make the host pay for anchors."""
    owners: frozenset[str] = frozenset()
    """Identities whose resources are taken; all that name this host where empty."""
    write_bytes: int = 1024 * 1024
    """The longest record."""
    resource_bytes: int = 1024 * 1024 * 1024
    """The most that is kept of one resource, sealed."""
    written_within: int = 7 * 86_400
    """How old a write may be when it comes: a station is offline for days."""
    ahead: int = 300
    """How far a writer's clock may be ahead."""
    anchor_every: int = 60
    """How often what came in is anchored; 0 for not at all while serving."""
    batch_size: int = BATCH_SIZE
    requests_per_second: int = 50
    """Of one client; it may save up two seconds' worth."""
    body_seconds: int = 20
    """Until a request must have come whole."""

    def __post_init__(self) -> None:
        limits = {
            "write_bytes": (1, MAX_WRITE_BYTES),
            "resource_bytes": (1, 2**62),
            "written_within": (1, 366 * 86_400),
            "ahead": (0, 86_400),
            "anchor_every": (0, 366 * 86_400),
            "batch_size": (1, 2**16),
            "requests_per_second": (1, 10**6),
            "body_seconds": (1, 600),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise HostSettingError(name, value, f"{least} to {most}")
        if not self.streams or not all(self.streams):
            raise HostSettingError("streams", self.streams, "at least one name")

    def stream_ids(self) -> dict[bytes, str]:
        """The streams that are taken, by id."""
        return {stream_id(name): name for name in self.streams}
