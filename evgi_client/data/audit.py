"""Whether a store is what it was: every write as it was signed, every batch as the chain has it, nothing missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.data.merkle import MerkleTree
from evgi_client.data.store import HOST
from evgi_client.errors import RecordSealedError, SigningError
from evgi_client.messages.data import content_hash
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evgi_client.data.batches import Batches
    from evgi_client.data.records import Records
    from evgi_client.data.registry import DataAnchors
    from evgi_client.data.store import Store, StoredWrite
    from evgi_client.data.vault import Vault
    from evgi_client.messages import Domain
    from evgi_client.signing import IsValidSignature


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. ``kind`` is one word; ``where`` names a stream, a batch or a write."""

    kind: str
    where: str
    detail: str


@dataclass(slots=True)
class Checked:
    """What has been looked at."""

    writes: int = 0
    erased: int = 0
    batches: int = 0
    waiting: int = 0
    """Writes in no anchored batch yet."""


class Audit:
    """Checks a store against the chain. Nothing is changed.

    Args:
        domain: EIP-712 domain of ``DataRegistry``.
        is_valid_signature: asks the chain where an account is a contract. It may have changed its mind since.
    """

    def __init__(
        self,
        store: Store,
        batches: Batches,
        records: Records,
        vault: Vault,
        anchors: DataAnchors,
        domain: Domain,
        is_valid_signature: IsValidSignature,
    ) -> None:
        self._host = store.facts[HOST]
        self._batches = batches
        self._records = records
        self._vault = vault
        self._anchors = anchors
        self._domain = domain
        self._is_valid_signature = is_valid_signature
        self.checked = Checked()

    def total(self) -> int:
        """How many writes there are to look at."""
        return sum(count for _, _, count in self._records.counts())

    def run(self, advance: Callable[[], None] = lambda: None) -> Iterator[Finding]:
        """Looks at everything and yields what is wrong.

        Args:
            advance: told of each write that was looked at.

        Raises:
            ChainError: the chain does not answer.
        """
        for resource, stream, count in self._records.counts():
            yield from self._check_order(resource, stream, count)
        for stream in self._batches.streams():
            yield from self._check_stream(stream, advance)

    def _check_order(self, resource: bytes, stream: bytes, count: int) -> Iterator[Finding]:
        where = f"stream 0x{stream.hex()} of resource 0x{resource.hex()}"
        numbers: dict[str, int] = {}
        seen = 0
        for position, writer, number in self._records.positions(resource, stream):
            if position != seen:
                yield Finding("gap", where, f"position {seen} is missing, {position} follows")
            if number != numbers.get(writer, 0):
                yield Finding(
                    "gap", where, f"{writer} wrote {number} after {numbers.get(writer, 0) - 1}, at {position}"
                )
            seen, numbers[writer] = position + 1, number + 1
        if seen != count:
            yield Finding("gap", where, f"{count} writes were counted, {seen} are there")

    def _check_stream(self, stream: bytes, advance: Callable[[], None]) -> Iterator[Finding]:
        latest, last = self._anchors.latest(self._host, stream), self._batches.last(stream)
        for sequence in range(1, max(latest, last) + 1):
            yield from self._check_batch(stream, sequence, advance)
        for hashed, stored in self._records.of_batch(stream, None):
            self.checked.waiting += 1
            yield from self._check_write(hashed, stored)
            advance()

    def _check_batch(self, stream: bytes, sequence: int, advance: Callable[[], None]) -> Iterator[Finding]:
        where = f"batch {sequence} of stream 0x{stream.hex()}"
        kept, there = self._batches.get(stream, sequence), self._anchors.batch(self._host, stream, sequence)
        self.checked.batches += 1
        values: list[bytes] = []
        for hashed, stored in self._records.of_batch(stream, sequence):
            if stored.leaf != len(values):
                yield Finding(
                    "leaf", where, f"write 0x{hashed.hex()} is leaf {stored.leaf}, not {len(values)}"
                )
            # Made anew from the fields: the hash that it is kept under proves nothing.
            values.append(stored.write.struct_hash())
            yield from self._check_write(hashed, stored)
            advance()
        if kept is None:
            yield Finding("missing", where, "the chain has it and the store does not")
            return
        if there is None:
            self.checked.waiting += len(values)
            if kept.anchored:
                yield Finding("lost", where, "the chain does not have it any more; anchor it again")
        elif (there.root, there.leaves) != (kept.root, kept.leaves):
            yield Finding("root", where, f"the chain has root 0x{there.root.hex()} of {there.leaves} writes")
        if not values or (MerkleTree(values).root, len(values)) != (kept.root, kept.leaves):
            yield Finding(
                "root", where, f"its {len(values)} writes do not have the root that was made of them"
            )

    def _check_write(self, hashed: bytes, stored: StoredWrite) -> Iterator[Finding]:
        write, where = stored.write, f"write 0x{hashed.hex()}"
        self.checked.writes += 1
        if write.struct_hash() != hashed:
            yield Finding("changed", where, "its fields are not those that were signed")
        try:
            verify_digest(
                stored.account, write.digest(self._domain), stored.signature, self._is_valid_signature
            )
        except SigningError as error:
            yield Finding("signature", where, str(error))
        try:
            opened = self._vault.open(stored)
        except RecordSealedError as error:
            yield Finding("sealed", where, str(error))
            return
        if opened is None:
            self.checked.erased += 1
        elif len(opened) < 32 or content_hash(opened[:32], opened[32:]) != write.content:
            yield Finding("content", where, "the record is not the one whose hash was signed")
