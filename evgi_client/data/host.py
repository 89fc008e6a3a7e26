"""What a data host does with a write and with a reader's question. No HTTP, no sockets.

A write is taken where its writer may write to the resource both when it was signed and now. A reader is answered only
in an unlocked session, whose right is asked of the chain before every answer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from evgi_client.data.merkle import MerkleTree
from evgi_client.data.store import KeyGone, NewWrite, NoRoom, NumberUnexpected
from evgi_client.errors import HostRefusalError, SigningError, StoreError
from evgi_client.messages.access import Reason, Right
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from evgi_client.data.batches import Batches
    from evgi_client.data.gate import Gate
    from evgi_client.data.settings import HostSettings
    from evgi_client.data.store import Store, StoredWrite
    from evgi_client.data.vault import Vault
    from evgi_client.data.writes import SignedWrite
    from evgi_client.messages import Domain
    from evgi_client.messages.data import DataWrite

_TREES = 32
"""How many trees are kept at hand: readers read on in the same batch."""

_ATTEMPTS = 3


class DataHost:
    """Takes writes, and proves them.

    Args:
        identity: the host's.
        domain: EIP-712 domain of ``DataRegistry``.
        gate: what the chain says.
    """

    def __init__(
        self,
        identity: str,
        domain: Domain,
        gate: Gate,
        store: Store,
        batches: Batches,
        vault: Vault,
        settings: HostSettings,
    ) -> None:
        self.identity = identity
        self.domain = domain
        self.settings = settings
        self._gate = gate
        self._store = store
        self._batches = batches
        self._vault = vault
        self._streams = settings.stream_ids()
        self._tree = lru_cache(maxsize=_TREES)(self._make_tree)

    def write(self, signed: SignedWrite) -> tuple[bytes, bool]:
        """Keeps a record: it is on the disk when this returns. The same write again is taken as often as it comes.

        Returns:
            Its struct hash, and whether it is new.

        Raises:
            HostRefusalError: it is not taken, and why.
            ChainError: the chain did not answer. StoreError: the database did not.
        """
        write, hashed = signed.write, signed.write.struct_hash()
        self._check_form(signed)
        self._check_signature(signed)
        if self._store.position_of(hashed) is not None:
            return hashed, False
        now = self._gate.now()
        self._check_right(write, now)
        self._check_resource(write, now)
        if not now - self.settings.written_within <= write.written_at <= now + self.settings.ahead:
            raise HostRefusalError(
                "clock", "The write was signed too long ago, or in the future.", now=str(now)
            )
        if write.written_at < now:
            self._check_right(write, write.written_at)
        return hashed, self._keep(signed, now)

    def opened(self, stored: StoredWrite) -> tuple[bytes, bytes] | None:
        """Salt and record of a stored write; None where it was erased.

        Raises:
            RecordSealedError: the store was tampered with.
        """
        plaintext = self._vault.open(stored)
        return None if plaintext is None else (plaintext[:32], plaintext[32:])

    def proof(self, stored: StoredWrite) -> tuple[int, int, list[bytes]] | None:
        """(sequence, leaves, siblings) that prove a stored write; None while its batch is not anchored."""
        if not stored.anchored or stored.sequence is None or stored.leaf is None:
            return None
        tree = self._tree(stored.write.stream, stored.sequence)
        return stored.sequence, len(tree), tree.proof(stored.leaf)

    def _make_tree(self, stream: bytes, sequence: int) -> MerkleTree:
        return MerkleTree(self._batches.values(stream, sequence))

    def _check_form(self, signed: SignedWrite) -> None:
        write = signed.write
        if write.host != self.identity:
            raise HostRefusalError("wrong_host", "The write is meant for another host.", host=self.identity)
        if write.stream not in self._streams:
            raise HostRefusalError("unknown_stream", "This host does not take the stream.")
        if len(signed.data) > self.settings.write_bytes:
            raise HostRefusalError(
                "too_large", "The record is too long.", limit=str(self.settings.write_bytes)
            )
        if not signed.has_its_content():
            raise HostRefusalError("malformed", "The content hash is not that of salt and data.")

    def _check_signature(self, signed: SignedWrite) -> None:
        digest = signed.write.digest(self.domain)
        try:
            verify_digest(signed.account, digest, signed.signature, self._gate.is_valid_signature)
        except SigningError as error:
            raise HostRefusalError("signature", "The account did not sign the write.") from error
        if not self._gate.acts_for(signed.write.writer, signed.account):
            raise HostRefusalError("signature", "The account that signed does not act for the writer.")

    def _check_resource(self, write: DataWrite, now: int) -> None:
        if self._gate.host_at(write.resource, now) != self.identity:
            raise HostRefusalError("not_hosted", "The resource's certificate does not name this host.")
        if self.settings.owners and self._gate.owner_of(write.resource) not in self.settings.owners:
            raise HostRefusalError("not_hosted", "This host does not keep resources of that owner.")

    def _check_right(self, write: DataWrite, moment: int) -> None:
        decision = self._gate.check(write.resource, write.writer, Right.WRITE, moment)
        if decision.reason is Reason.UNKNOWN_RESOURCE:
            raise HostRefusalError(
                "unknown_resource", "Nobody had registered the resource by then.", at=str(moment)
            )
        if not decision.allowed:
            raise HostRefusalError(
                "not_allowed",
                "The writer may not write to the resource.",
                reason=decision.reason.name.lower(),
                at=str(moment),
            )

    def _keep(self, signed: SignedWrite, now: int) -> bool:
        write, hashed = signed.write, signed.write.struct_hash()
        for _ in range(_ATTEMPTS):
            generation, sealed = self._vault.seal(write.resource, hashed, signed.salt + signed.data)
            new = NewWrite(write, signed.account, signed.signature, now, generation, sealed)
            try:
                return self._store.add(new, self.settings.resource_bytes)
            except NumberUnexpected as answer:
                code = "number" if write.number > answer.expected else "conflict"
                message = "Another write of the writer has the number."
                if code == "number":
                    message = "Writes of the writer are missing before this one."
                raise HostRefusalError(code, message, expected=str(answer.expected)) from answer
            except NoRoom as answer:
                raise HostRefusalError(
                    "quota",
                    "This host keeps no more of the resource.",
                    limit=str(self.settings.resource_bytes),
                ) from answer
            except KeyGone:
                continue
        raise StoreError(self._store.name, "the resource's keys are destroyed as fast as they are made")
