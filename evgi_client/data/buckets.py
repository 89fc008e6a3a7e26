"""How often a client may ask: a token bucket each, in bounded space."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict

CLIENTS = 16_384
"""How many clients are remembered: beyond, the one that has been quiet longest starts afresh."""


class TokenBuckets:
    """A bucket a client, that fills at a rate up to a size. Time is an argument, in seconds of any clock.

    Args:
        rate: tokens a second.
        burst: the most that are saved up.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str, now: float) -> float:
        """Takes a token: 0 where there was one, else the seconds until there is."""
        with self._lock:
            tokens, since = self._buckets.pop(client, (self._burst, now))
            tokens = min(self._burst, tokens + max(0.0, now - since) * self._rate)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
            self._buckets[client] = (tokens if wait else tokens - 1, now)
            if len(self._buckets) > CLIENTS:
                self._buckets.popitem(last=False)
            return wait


def client_of(host: str | None) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which one user has all."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
