"""Which requests a host has accepted, for as long as they could be brought again."""

from __future__ import annotations

import heapq
import threading
from typing import Protocol

from evgi_client.errors import NoncesFullError


class NonceStore(Protocol):
    """Remembers nonces until their requests have expired: only of requests that are about to be accepted, so that
    nobody without access can fill it."""

    @property
    def since(self) -> int:
        """Requests made before this time are refused: the store cannot know whether they were accepted. 0 where it
        outlives the host's process."""

    def claim(self, accessor: str, nonce: bytes, expires_at: int, now: int) -> bool:
        """Takes a nonce: False where the accessor's was taken before and its request has not expired. It is
        remembered (on disk, where the store has one) before this returns.

        Raises:
            NoncesFullError: no room.
        """


class MemoryNonces:
    """In the memory of one process: for a host that refuses what was requested before it started.

    Args:
        since: the start of the host and the seconds that clocks may differ: no request made before can be told from
            one that was accepted before.
        capacity: how many are remembered at a time.
    """

    __slots__ = ("_capacity", "_due", "_lock", "_since", "_taken")

    def __init__(self, since: int, capacity: int = 100_000) -> None:
        self._since = since
        self._capacity = capacity
        self._taken: set[tuple[str, bytes]] = set()
        self._due: list[tuple[int, tuple[str, bytes]]] = []
        self._lock = threading.Lock()

    @property
    def since(self) -> int:
        """Requests made before this time are refused."""
        return self._since

    def __len__(self) -> int:
        return len(self._taken)

    def claim(self, accessor: str, nonce: bytes, expires_at: int, now: int) -> bool:
        """Takes a nonce: False where it was taken before.

        Raises:
            NoncesFullError: as many as there is room for have not expired.
        """
        key = (accessor, nonce)
        with self._lock:
            while self._due and self._due[0][0] <= now:
                self._taken.discard(heapq.heappop(self._due)[1])
            if key in self._taken:
                return False
            if len(self._taken) >= self._capacity:
                raise NoncesFullError(self._capacity, self._due[0][0])
            self._taken.add(key)
            heapq.heappush(self._due, (expires_at, key))
            return True
