"""Events, decoded, over any range of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.chain.abi import Abi, decode_log, topic_of
from evgi_client.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evgi_client.chain.transactions import Log

CHUNK = 50_000
"""Blocks asked for at once; halved where a node finds that too many."""

_TOO_MUCH = (
    "range", "too many", "too large", "limit", "more than", "exceed", "response size", "timeout", "timed out",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded event and where it stands."""

    name: str
    args: dict[str, Any]
    address: str
    block_number: int
    transaction_hash: str
    log_index: int


def decoded(log: Log, entry: Mapping[str, Any]) -> Event:
    """A log as the event it is.

    Raises:
        AbiError: the log is not of this event.
    """
    args = decode_log(entry, log.topics, log.data)
    return Event(entry["name"], args, log.address, log.block_number, log.transaction_hash, log.log_index)


def entry_for(abi: Abi, log: Log) -> Mapping[str, Any] | None:
    """The event of an ABI that a log is of."""
    for entry in abi.events:
        indexed = sum(1 for parameter in entry["inputs"] if parameter["indexed"])
        if log.topics and log.topics[0] == topic_of(entry) and len(log.topics) == indexed + 1:
            return entry
    return None


def in_chunks(
    first: int, last: int, fetch: Callable[[int, int], Sequence[Log]], size: int = CHUNK
) -> Iterator[Log]:
    """Logs of blocks first…last, in order. The step is halved where a node refuses it, and grows back."""
    start = first
    while start <= last:
        end = min(start + size - 1, last)
        try:
            logs = fetch(start, end)
        except RpcError as error:
            if start == end or not any(words in error.reason.lower() for words in _TOO_MUCH):
                raise
            size = max(1, (end - start + 1) // 2)
            continue
        yield from logs
        start = end + 1
        size = min(size + size // 4 + 1, CHUNK)
