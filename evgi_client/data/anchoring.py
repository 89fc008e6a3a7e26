"""From stored writes to roots on the chain, however often the process is killed on the way.

A batch is closed in the store before its transaction is made, and the transaction is written down before it is sent.
A batch keeps its number for good and the chain takes each number once: to send it again is harmless, and no write can
come under two roots.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.chain import PreparedTransaction
from evgi_client.data.batches import Batch, SentTransaction
from evgi_client.errors import AnchorMismatchError, ContractError, EvgiError, NonceTakenError, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evgi_client.data.batches import Batches
    from evgi_client.data.registry import DataAnchors

BATCH_SIZE = 4096
"""The most writes in a batch: a proof of twelve steps."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Anchored:
    """A batch that came to the chain. ``transaction_hash`` is None where another process brought it."""

    stream: bytes
    sequence: int
    root: bytes
    leaves: int
    transaction_hash: str | None


class Anchoring:
    """Anchors what a store holds.

    Args:
        host: the identity of the host.
        batches: the store's batches.
        anchors: the chain's, with the signer that anchors.
        batch_size: the most writes in a batch.
    """

    def __init__(
        self, host: str, batches: Batches, anchors: DataAnchors, batch_size: int = BATCH_SIZE
    ) -> None:
        self._host = host
        self._batches = batches
        self._anchors = anchors
        self._size = batch_size

    def run(self, full_only: bool = False) -> Iterator[Anchored]:
        """Anchors every stream up to its last write; yields each batch as it is on the chain. Safe to run again, and
        while another process does the same.

        Args:
            full_only: leave writes that do not fill a batch for later.

        Raises:
            AnchorMismatchError: chain and store disagree; nothing more is sent.
            ChainError: the chain does not answer, or refused.
        """
        for stream in self._batches.streams():
            yield from self._resume(stream)
            while not full_only or self._batches.waiting(stream, self._size) >= self._size:
                batch = self._batches.close(stream, self._size)
                if batch is None:
                    break
                # What another process closed before it comes first.
                yield from self._resume(stream)

    def _resume(self, stream: bytes) -> Iterator[Anchored]:
        """Compares with the chain and sends what it lacks, in order."""
        latest, last = self._anchors.latest(self._host, stream), self._batches.last(stream)
        if latest > last:
            raise AnchorMismatchError(stream, latest, "the chain has it and the store does not")
        # A reorganisation of the chain may have taken batches back.
        self._batches.note_lost(stream, latest)
        for batch in self._batches.unanchored(stream):
            yield self._found(batch) if batch.sequence <= latest else self._send(batch)

    def _found(self, batch: Batch) -> Anchored:
        """A batch that the chain holds already, and must hold with this very root."""
        there = self._anchors.batch(self._host, batch.stream, batch.sequence)
        if there is None or (there.root, there.leaves) != (batch.root, batch.leaves):
            raise AnchorMismatchError(batch.stream, batch.sequence, "the chain has another root")
        self._batches.note_anchored(batch)
        receipt = self._anchors.contract.chain.receipt(batch.sent.hash) if batch.sent else None
        brought = receipt.transaction_hash if receipt is not None and receipt.succeeded else None
        return Anchored(batch.stream, batch.sequence, batch.root, batch.leaves, brought)

    def _is_there(self, batch: Batch) -> bool:
        return self._anchors.latest(self._host, batch.stream) >= batch.sequence

    def _send(self, batch: Batch) -> Anchored:
        contract = self._anchors.contract
        sent = batch.sent
        for attempt in range(_ATTEMPTS):
            try:
                if sent is None:
                    sent = self._prepared(batch)
                prepared = PreparedTransaction(sent.raw, sent.hash, sent.nonce, sent.sender)
                contract.chain.broadcast(prepared)
                contract.wait(sent.hash)
            except NonceTakenError:
                if attempt == _ATTEMPTS - 1:
                    raise
                sent = None
            except RpcError:
                # One that was prepared before a restart may be refused for good, for its fee.
                if sent is None or sent is not batch.sent:
                    raise
                sent = None
            except ContractError as error:
                # Another process, or the transaction that was sent before a kill, was there first.
                if error.name == "SequenceUnexpected" and self._is_there(batch):
                    return self._found(batch)
                # One that failed before a restart says nothing about the next one.
                if sent is None or sent is not batch.sent:
                    raise
                sent = None
            else:
                self._batches.note_anchored(batch)
                return Anchored(batch.stream, batch.sequence, batch.root, batch.leaves, sent.hash)
        raise AssertionError  # pragma: no cover

    def _prepared(self, batch: Batch) -> SentTransaction:
        made = self._anchors.prepare(self._host, batch.stream, batch.sequence, batch.root, batch.leaves)
        sent = SentTransaction(made.raw, made.hash, made.sender, made.nonce)
        try:
            self._batches.note_sent(batch, sent)
        except EvgiError:
            self._anchors.contract.chain.discard(made)
            raise
        return sent


class AnchorLoop:
    """Anchors now and then, in a thread of its own, until it is stopped.

    Args:
        anchoring: what is run.
        every: seconds between two runs.
        report: told of each batch, and of what went wrong; the next run tries again.
    """

    def __init__(
        self, anchoring: Anchoring, every: float, report: Callable[[Anchored | EvgiError], None]
    ) -> None:
        self._anchoring = anchoring
        self._every = every
        self._report = report
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="anchoring", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Lets a transaction under way finish, for ``timeout`` seconds; what is cut off is resumed at the next
        start."""
        self._stopping.set()
        with suppress(RuntimeError):
            self._thread.join(timeout)

    def _work(self) -> None:
        # At once, for what an earlier process was killed over.
        while not self._stopping.is_set():
            try:
                for anchored in self._anchoring.run():
                    self._report(anchored)
                    if self._stopping.is_set():
                        return
            except EvgiError as error:
                self._report(error)
            self._stopping.wait(self._every)
