"""The settled starts of each connector, as ``StartLog.sol`` keeps them and as events tell them.

The chain holds one slot a connector and epoch: the last start and a running hash. Whoever wants to settle a late
session brings the list of starts behind that hash; ``StartIndex`` rebuilds it from ``SessionsSettled`` events alone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from evgi_client.charging.batches import EPOCH
from evgi_client.messages import SessionKey, keccak256

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DIGEST_BYTES = 28


def digest_of(starts: Iterable[int]) -> bytes:
    """The running hash of ascending starts: ``d = keccak256(d || uint32 start)``, cut to 28 bytes; zero for none."""
    digest = bytes(DIGEST_BYTES)
    for start in starts:
        digest = keccak256(digest + start.to_bytes(4, "big"))[:DIGEST_BYTES]
    return digest


class StartIndex:
    """Which sessions are settled."""

    def __init__(self) -> None:
        self._starts: dict[tuple[bytes, int], list[int]] = {}

    def add(self, key: SessionKey) -> None:
        """Notes a settled session; the same one again changes nothing."""
        starts = self._starts.setdefault((key.connector, key.started_at // EPOCH), [])
        if not starts or key.started_at > starts[-1]:
            starts.append(key.started_at)
        elif starts[bisect_left(starts, key.started_at)] != key.started_at:
            insort(starts, key.started_at)

    def __contains__(self, key: SessionKey) -> bool:
        starts = self._starts.get((key.connector, key.started_at // EPOCH), [])
        position = bisect_left(starts, key.started_at)
        return position < len(starts) and starts[position] == key.started_at

    def starts(self, connector: bytes, epoch: int) -> tuple[int, ...]:
        """Ascending starts settled for a connector in an epoch."""
        return tuple(self._starts.get((connector, epoch), ()))


def witness_of(starts: Sequence[int], first_start: int) -> bytes:
    """What a group that begins at ``first_start`` must bring where ``starts`` are settled: nothing if it comes after
    the last of them, else all of them, four bytes each."""
    if not starts or first_start > starts[-1]:
        return b""
    return b"".join(start.to_bytes(4, "big") for start in starts)
