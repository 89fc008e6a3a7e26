"""What changed about an identity: the events of a registry, found by walking back as ERC-1056 says, or recorded.

``changed(identity)`` is the block of the last change. Each event names the block of the change before it, and a block
may hold several. So a document takes a request a block that changed the identity, however long the chain is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from evgi_client.errors import HistoryMissingError, HistoryTooLongError
from evgi_client.messages.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evgi_client.chain import ContractHandle, Event

# What decodes events is imported where it is done: it takes a fifth of a second, and DIDs need none of it.

LIMIT = 10_000
"""Blocks of changes that are read of one identity."""

EVENTS = ("DIDOwnerChanged", "DIDDelegateChanged", "DIDAttributeChanged")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an identity, and where it stands on the chain."""

    identity: str
    block: int
    log_index: int
    previous_change: int
    """The block of the change before; 0 where there is none."""

    def to_json(self) -> dict[str, Any]:
        """The change as a JSON object. Names and types of delegates are text where they are, else hexadecimal."""
        return {"block": self.block, "logIndex": self.log_index, **self._said()}

    def _said(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class OwnerChanged(Change):
    """The identity has another owner; the zero address has deactivated it."""

    owner: str

    def _said(self) -> dict[str, Any]:
        return {"change": "owner", "owner": self.owner}


@dataclass(frozen=True, slots=True)
class DelegateChanged(Change):
    """A delegate of a type is valid until a time (inclusive, Unix seconds); one that has passed revokes it."""

    delegate_type: bytes
    delegate: str
    valid_to: int

    @property
    def label(self) -> str | None:
        """The type as text; None where it is none."""
        return text_in(self.delegate_type)

    def _said(self) -> dict[str, Any]:
        kind = _named(self.label, self.delegate_type)
        return {"change": "delegate", "type": kind, "delegate": self.delegate, "validTo": self.valid_to}


@dataclass(frozen=True, slots=True)
class AttributeChanged(Change):
    """A value under a name is valid until a time (inclusive, Unix seconds); one that has passed revokes it."""

    name: bytes
    value: bytes
    valid_to: int

    @property
    def label(self) -> str | None:
        """The name as text; None where it is none."""
        return text_in(self.name)

    def _said(self) -> dict[str, Any]:
        name, value = _named(self.label, self.name), "0x" + self.value.hex()
        return {"change": "attribute", "name": name, "value": value, "validTo": self.valid_to}


def change_of(event: Event) -> Change:
    """The change that an event of a registry is."""
    args = event.args
    place = (args["identity"], event.block_number, event.log_index, args["previousChange"])
    if event.name == "DIDOwnerChanged":
        return OwnerChanged(*place, args["owner"])
    if event.name == "DIDDelegateChanged":
        return DelegateChanged(*place, args["delegateType"], args["delegate"], args["validTo"])
    return AttributeChanged(*place, args["name"], args["value"], args["validTo"])


def text_in(word: bytes) -> str | None:
    """The text in 32 bytes, without the zeros that fill it; None where it is not UTF-8."""
    try:
        return word.decode().rstrip("\0")
    except UnicodeDecodeError:
        return None


class History(Protocol):
    """Where a resolver finds changes: a chain, or what was recorded of one."""

    @property
    def chain_id(self) -> int:
        """The chain's id."""

    def now(self) -> int:
        """The time at which what is resolved without a version is judged, Unix seconds."""

    def head(self) -> int:
        """The latest block."""

    def time_of(self, block: int) -> int:
        """When a block was made, Unix seconds.

        Raises:
            HistoryMissingError: it is not known.
        """

    def changes(self, identity: str) -> Sequence[Change]:
        """Every change of an identity, oldest first.

        Raises:
            HistoryMissingError: the events of a block are not there.
            HistoryTooLongError: more blocks than are read.
        """


class RegistryHistory:
    """The changes that a ``DIDRegistry`` on a chain tells of.

    Args:
        registry: the contract.
        clock: the time now. Where not given it is the wall's, so that a chain that has stopped keeps nothing valid;
            on the embedded chain, whose clock is its own, the chain's.
        limit: blocks of changes that are read of one identity.
    """

    def __init__(
        self, registry: ContractHandle, clock: Callable[[], int] | None = None, limit: int = LIMIT
    ) -> None:
        self._registry = registry
        self._chain = registry.chain
        self._clock = clock
        self._limit = limit

    @property
    def chain_id(self) -> int:
        """The chain's id."""
        return self._chain.chain_id

    def now(self) -> int:
        """See ``clock``."""
        if self._clock is not None:
            return self._clock()
        return self._chain.now() if self._chain.is_embedded else int(time.time())

    def head(self) -> int:
        """The latest block."""
        return self._chain.head()

    def time_of(self, block: int) -> int:
        """When a block was made, Unix seconds."""
        return self._chain.timestamp_of(block)

    def changes(self, identity: str) -> list[Change]:
        """Every change of an identity, oldest first. A request for ``changed``, and one for each block of changes.

        Raises:
            HistoryMissingError: the node has no events of a block that changed the identity.
            HistoryTooLongError: more blocks than ``limit``.
            ChainError: the node does not answer.
        """
        from evgi_client.chain.events import decoded, entry_for

        topics = (None, bytes(12) + bytes.fromhex(checksum_address(identity)[2:]))
        block = int(self._registry.call("changed", identity))
        newest_first: list[list[Change]] = []
        while block:
            if len(newest_first) == self._limit:
                raise HistoryTooLongError(identity, self._limit)
            logs = self._chain.logs(self._registry.address, topics, block, block)
            if not logs:
                raise HistoryMissingError(block, _no_logs(block))
            found = []
            for log in logs:
                entry = entry_for(self._registry.abi, log)
                if entry is not None and entry["name"] in EVENTS:
                    found.append(change_of(decoded(log, entry)))
            newest_first.append(found)
            # A later change of the same block points at the block itself. The walk only goes back, so it ends.
            block = min(
                (each.previous_change for each in found if 0 < each.previous_change < block), default=0
            )
        return [change for found in reversed(newest_first) for change in found]


@dataclass(frozen=True)
class RecordedHistory:
    """Changes that were recorded, of any number of identities: for who has the events, and no node.

    Args:
        chain_id: of the chain they were recorded on.
        recorded: the changes in the order of the chain.
        times: when the blocks were made, those of the changes at least.
        latest: the last block that was looked at.
        recorded_at: the time that is now, Unix seconds.
    """

    chain_id: int
    recorded: Sequence[Change]
    times: Mapping[int, int]
    latest: int
    recorded_at: int
    _by_identity: dict[str, list[Change]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_identity: dict[str, list[Change]] = {}
        for change in self.recorded:
            by_identity.setdefault(change.identity, []).append(change)
        object.__setattr__(self, "_by_identity", by_identity)

    @classmethod
    def of(
        cls, registry: ContractHandle, from_block: int = 0, to_block: int | None = None
    ) -> RecordedHistory:
        """Records every change of every identity from a block on: one request for many blocks.

        Args:
            from_block: the block of the deployment. A later one leaves out what changed before.
            to_block: the last block; the latest where not given, which is then what ``now`` is of.
        """
        from evgi_client.chain.abi import topic_of
        from evgi_client.chain.events import decoded

        chain = registry.chain
        head = chain.head() if to_block is None else to_block
        entries = {topic_of(entry): entry for entry in map(registry.abi.event, EVENTS)}
        logs = chain.logs(registry.address, (list(entries),), from_block, head)
        changes = [change_of(decoded(log, entries[log.topics[0]])) for log in logs]
        times = {block: chain.timestamp_of(block) for block in {*(each.block for each in changes), head}}
        return cls(chain.chain_id, changes, times, head, times[head])

    def now(self) -> int:
        """The time at which it was recorded."""
        return self.recorded_at

    def head(self) -> int:
        """The latest block that was recorded."""
        return self.latest

    def time_of(self, block: int) -> int:
        """When a block was made.

        Raises:
            HistoryMissingError: its time was not recorded.
        """
        if block not in self.times:
            raise HistoryMissingError(block, f"the time of block {block} was not recorded")
        return self.times[block]

    def changes(self, identity: str) -> Sequence[Change]:
        """Every change of an identity, oldest first."""
        return self._by_identity.get(checksum_address(identity), [])


def _named(label: str | None, word: bytes) -> str:
    return "0x" + word.hex() if label is None else label


def _no_logs(block: int) -> str:
    return (
        f"No logs found for block {block} but previousChange points here. The RPC node may not have historical log "
        "data. Use an archive node for complete DID resolution."
    )
