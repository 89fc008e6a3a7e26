"""The chain's side of a data host: the Merkle roots that it holds, and the transaction that brings one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evgi_client.chain import ContractHandle, PreparedTransaction, Receipt
    from evgi_client.data.merkle import MultiProof
    from evgi_client.signing import Signer


@dataclass(frozen=True, slots=True)
class AnchoredBatch:
    """A batch as the chain keeps it."""

    sequence: int
    root: bytes
    leaves: int
    account: str
    """Who sent the root, acting for the host."""
    anchored_at: int
    """Unix seconds of its block."""


class DataAnchors:
    """Anchored batches of data hosts.

    Args:
        contracts: handles of the suite by name.
        signer: who anchors: an account that acts for the host's identity. Any signer where nothing is anchored.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], signer: Signer) -> None:
        self._registry = contracts["DataRegistry"]
        self._signer = signer

    @property
    def account(self) -> str:
        """The account that anchors."""
        return self._signer.address

    @property
    def contract(self) -> ContractHandle:
        """The registry itself."""
        return self._registry

    def latest(self, host: str, stream: bytes) -> int:
        """The number of a stream's last batch; 0 where none is anchored."""
        return int(self._registry.call("latest", host, stream))

    def batch(self, host: str, stream: bytes, sequence: int) -> AnchoredBatch | None:
        """A batch; None where it is not anchored."""
        found = self._registry.call("batchOf", host, stream, sequence)
        if found.leaves == 0:
            return None
        return AnchoredBatch(sequence, found.root, found.leaves, found.account, found.anchoredAt)

    def batches(self, host: str, stream: bytes) -> Iterator[AnchoredBatch]:
        """Every batch of a stream, in order."""
        for sequence in range(1, self.latest(host, stream) + 1):
            batch = self.batch(host, stream, sequence)
            if batch is not None:
                yield batch

    def verify(self, host: str, stream: bytes, sequence: int, write: bytes, proof: Sequence[bytes]) -> bool:
        """Is a data write in a batch? Asked of the chain, which computes the proof itself.

        Args:
            write: its struct hash.
        """
        return bool(self._registry.call("verify", host, stream, sequence, write, list(proof)))

    def verify_many(self, host: str, stream: bytes, sequence: int, multi: MultiProof) -> bool:
        """Are several data writes all in a batch? Asked of the chain.

        Raises:
            ContractError: what is given cannot be a multi-proof.
        """
        return bool(
            self._registry.call(
                "verifyMany",
                *(host, stream, sequence, list(multi.values), list(multi.proof), list(multi.flags)),
            )
        )

    def prepare(
        self, host: str, stream: bytes, sequence: int, root: bytes, leaves: int
    ) -> PreparedTransaction:
        """Signs the transaction that anchors a batch, to be written down before it is broadcast.

        Raises:
            ContractError: it would be refused, such as a number that is not the next (``SequenceUnexpected``).
        """
        return self._registry.prepare("anchor", host, stream, sequence, root, leaves, signer=self._signer)

    def anchor(self, host: str, stream: bytes, sequence: int, root: bytes, leaves: int) -> Receipt:
        """Anchors a batch and waits for it.

        Raises:
            ContractError: the account does not act for the host, or the number is not the next.
        """
        return self._registry.transact("anchor", host, stream, sequence, root, leaves, signer=self._signer)
