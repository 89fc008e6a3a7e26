"""Facts about access, taken from a chain's events, kept as JSON, and decided on without a node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evgi_client.access.decision import Decision, decide
from evgi_client.access.facts import FACTS, Fact
from evgi_client.access.reading import read_facts
from evgi_client.access.world import World
from evgi_client.errors import AccessSnapshotError, MessageError
from evgi_client.messages.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evgi_client.chain import ContractHandle

VERSION = 1

_KEYS = {"version", "chainId", "registry", "block", "time", "facts"}


@dataclass(frozen=True)
class Snapshot:
    """What was known at a block. It answers as the chain does: for times up to ``time`` for good, for later ones as
    things stood then."""

    chain_id: int
    registry: str
    """Address of ``AccessRegistry``."""
    block: int
    time: int
    """Of the block, Unix seconds."""
    facts: tuple[Fact, ...]
    """In the order of the chain."""

    @cached_property
    def world(self) -> World:
        """The facts, ready to be asked.

        Raises:
            AccessFactError: a fact is missing.
        """
        return World(self.facts)

    def decide(self, resource: bytes, accessor: str, right: int, time: int) -> Decision:
        """See ``access.decision.decide``."""
        return decide(self.world, resource, accessor, right, time)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "version": VERSION,
            "chainId": self.chain_id,
            "registry": self.registry,
            "block": self.block,
            "time": self.time,
            "facts": [{"fact": fact.TYPE, **fact.to_json()} for fact in self.facts],
        }

    @classmethod
    def from_json(cls, document: Any) -> Snapshot:
        """Reads ``to_json``'s object, and nothing else.

        Raises:
            AccessSnapshotError: it is none.
        """
        if not isinstance(document, dict):
            raise AccessSnapshotError("*", "no JSON object")
        if document.get("version") != VERSION:
            raise AccessSnapshotError("version", f"{document.get('version')!r}, this reads {VERSION}")
        if document.keys() != _KEYS:
            odd = ", ".join(sorted(map(str, document.keys() ^ _KEYS)))
            raise AccessSnapshotError("*", f"missing or unknown: {odd}")
        for key in ("chainId", "block", "time"):
            if type(document[key]) is not int or document[key] < 0:
                raise AccessSnapshotError(key, f"{document[key]!r} is no number")
        if not isinstance(document["facts"], list):
            raise AccessSnapshotError("facts", "no array")
        try:
            registry = checksum_address(document["registry"])
        except MessageError as error:
            raise AccessSnapshotError("registry", str(error)) from error
        facts = tuple(_fact(n, each) for n, each in enumerate(document["facts"]))
        return cls(document["chainId"], registry, document["block"], document["time"], facts)

    @classmethod
    def take(
        cls,
        contracts: Mapping[str, ContractHandle],
        *,
        resources: Iterable[bytes] | None = None,
        from_block: int = 0,
        block: int | None = None,
    ) -> Snapshot:
        """Reads events of the four registries.

        Args:
            contracts: handles of the suite by name.
            resources: what is to be decided on; everything where not given.
            from_block: the block of the deployment.
            block: the last block that is read; the latest where not given.
        """
        registry = contracts["AccessRegistry"]
        last = registry.chain.head() if block is None else block
        facts = read_facts(contracts, resources, from_block=from_block, to_block=last)
        time = registry.chain.timestamp_of(last)
        return cls(registry.chain.chain_id, registry.address, last, time, facts)


def _fact(number: int, document: Any) -> Fact:
    where = f"facts[{number}]"
    if not isinstance(document, dict) or document.get("fact") not in FACTS:
        raise AccessSnapshotError(where, "no fact, or of no known kind")
    fields = {key: value for key, value in document.items() if key != "fact"}
    try:
        return FACTS[document["fact"]].from_json(fields)
    except MessageError as error:
        raise AccessSnapshotError(where, str(error)) from error
