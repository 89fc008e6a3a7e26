"""Revocations on chain: by struct hash under an issuer, or by index in a publisher's status list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evgi_client.errors import StatusIndexError
from evgi_client.messages.certificates import RevocationCertificate, RevocationReason
from evgi_client.signing import Signer, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evgi_client.chain import ContractHandle, Event, Receipt
    from evgi_client.messages import Domain

WORD = 256
"""Indices that a word of a status list holds."""

INDEX_LIMIT = 2**64
EVENTS = ("Revoked", "StatusesOpened", "StatusesRevoked")


def status_words(indices: Iterable[int]) -> dict[int, int]:
    """Indices as the words that hold them, ascending, with their bits. The first index of a word is its highest bit, so
    that words written one after another are the bitstring of a W3C Bitstring Status List.

    Raises:
        StatusIndexError: no index at all, one twice, or one that is none.
    """
    words: dict[int, int] = {}
    for index in indices:
        if not 0 <= index < INDEX_LIMIT:
            raise StatusIndexError("is no unsigned integer of 64 bits", index)
        word, bit = index // WORD, 1 << (WORD - 1 - index % WORD)
        if words.get(word, 0) & bit:
            raise StatusIndexError("is given twice", index)
        words[word] = words.get(word, 0) | bit
    if not words:
        raise StatusIndexError("is needed, none is given", None)
    return dict(sorted(words.items()))


def status_indices(word: int, bits: int) -> list[int]:
    """The indices whose bits are set in a word, ascending."""
    return [word * WORD + place for place in range(WORD) if bits >> (WORD - 1 - place) & 1]


class Revocations:
    """The revocations of ``RevocationRegistry``. A revocation is for good; it takes effect at a time, in Unix seconds,
    now or later: 0 means in the block that brings it.

    Args:
        contracts: handles of the suite by name.
        domain: EIP-712 domain of ``RevocationRegistry``.
        signer: who sends the transactions: the issuer's owner, or the publisher of a status list.
        from_block: the block of the deployment, where reading of events begins.
    """

    def __init__(
        self, contracts: Mapping[str, ContractHandle], domain: Domain, signer: Signer, from_block: int = 0
    ) -> None:
        self._registry = contracts["RevocationRegistry"]
        self._identities = contracts["DIDRegistry"]
        self._domain = domain
        self._signer = signer
        self._from_block = from_block

    def revoke(
        self,
        issuer: str,
        target: bytes,
        effective_at: int = 0,
        reason: int = RevocationReason.UNSPECIFIED,
    ) -> Receipt:
        """Revokes what has this struct hash, under an issuer that the signer owns."""
        return self._registry.transact("revoke", issuer, target, effective_at, reason, signer=self._signer)

    def revoke_many(
        self,
        issuer: str,
        targets: Sequence[bytes],
        effective_at: int = 0,
        reason: int = RevocationReason.UNSPECIFIED,
    ) -> Receipt:
        """``revoke`` for all of them, in one transaction. Those revoked from then or earlier are passed over, so that
        no stranger who brings a signed revocation first makes it fail; the events name the others."""
        return self._registry.transact(
            "revokeMany", issuer, list(targets), effective_at, reason, signer=self._signer
        )

    def revoke_signed(self, revocation: RevocationCertificate, signature: bytes) -> Receipt:
        """Brings a revocation that the issuer's owner signed; where its time has passed, from now on. The signature is
        checked first.

        Raises:
            SigningError: the signature is not the owner's.
            ContractError: its deadline has passed, or it is revoked from then already.
        """
        owner = self._identities.call("identityOwner", revocation.issuer)
        accepts = self._registry.chain.is_valid_signature
        verify_digest(owner, revocation.digest(self._domain), signature, accepts)
        return self._registry.transact("revokeSigned", revocation, signature, signer=self._signer)

    def open_statuses(self, first_word: int, count: int = 1) -> Receipt:
        """Gives the signer words of 256 indices each in its status list: nothing in them is revoked."""
        return self._registry.transact("openStatuses", first_word, count, signer=self._signer)

    def revoke_statuses(self, indices: Iterable[int], effective_at: int = 0) -> Receipt:
        """Revokes indices of the signer's status list, all or none. The gas is a word's, however many of it they are.

        Raises:
            StatusIndexError: no index at all, one twice, or one that is none.
        """
        words = status_words(indices)
        if len(words) == 1:
            ((word, bits),) = words.items()
            return self._registry.transact("revokeStatuses", word, bits, effective_at, signer=self._signer)
        return self._registry.transact(
            "revokeManyStatuses", list(words), list(words.values()), effective_at, signer=self._signer
        )

    def revoked_from(self, issuer: str, target: bytes) -> int | None:
        """From when an issuer revoked a struct hash; None where it did not."""
        return int(self._registry.call("revokedFrom", issuer, target)) or None

    def is_status_open(self, publisher: str, index: int) -> bool:
        """Has the publisher opened the word of this index?"""
        return bool(self._registry.call("isStatusOpen", publisher, index))

    def is_status_revoked_at(self, publisher: str, index: int, time: int) -> bool:
        """Was an index of a publisher's list revoked at a time?"""
        return bool(self._registry.call("isStatusRevokedAt", publisher, index, time))

    def statuses_at(self, publisher: str, words: Sequence[int], time: int) -> list[int]:
        """The bits of words of a publisher's list as of a time: 1 where the index was revoked. See ``status_words``."""
        return list(self._registry.call("statusesAt", publisher, list(words), time))

    def events(self, from_block: int | None = None, to_block: int | None = None) -> list[Event]:
        """All revocations, and the openings of status words, in order."""
        first = self._from_block if from_block is None else from_block
        found = [event for name in EVENTS for event in self._registry.events(name, first, to_block)]
        return sorted(found, key=lambda event: (event.block_number, event.log_index))
