"""Who controls an identity and who acts for it, on chain; and changes, made by its owner or brought for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from evgi_client.errors import IdentityNameError
from evgi_client.identity.document import NOBODY
from evgi_client.identity.packed import IdentityChange, SignedChange, batches
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.signing import Signed, Signer, sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evgi_client.chain import ContractHandle, Receipt
    from evgi_client.messages import Domain

    ChangeType = TypeVar("ChangeType", OwnerChange, DelegateChange, AttributeChange)

SIG_AUTH = "sigAuth"
"""The type of the delegates that act for an identity."""

_SIGNED_FUNCTIONS: dict[type[IdentityChange], str] = {
    OwnerChange: "changeOwnerSigned",
    DelegateChange: "changeDelegateSigned",
    AttributeChange: "changeAttributeSigned",
}


def word_of(text: str) -> bytes:
    """A delegate's type or an attribute's name as the chain has it: 32 bytes, zeros at the end.

    Raises:
        IdentityNameError: empty, longer than 32 bytes, or with a zero in it.
    """
    word = text.encode()
    if not 0 < len(word) <= 32 or 0 in word:
        raise IdentityNameError(text)
    return word.ljust(32, b"\0")


class Identities:
    """The identities of ``DIDRegistry``. An owner changes its identity by a transaction, or signs the change for
    anyone to bring: signing takes no chain where the identity's nonce is known.

    Args:
        contracts: handles of the suite by name.
        domain: EIP-712 domain of ``DIDRegistry``.
        signer: who sends the transactions: the owner, or for ``bring`` and ``relay`` anyone; and whose ``sign`` is.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], domain: Domain, signer: Signer) -> None:
        self._registry = contracts["DIDRegistry"]
        self._domain = domain
        self._signer = signer

    # What the chain says

    def owner(self, identity: str) -> str:
        """Who controls an identity: itself where it never changed hands, ``NOBODY`` where it is deactivated."""
        return str(self._registry.call("identityOwner", identity))

    def is_deactivated(self, identity: str) -> bool:
        """Does nobody control it, for good?"""
        return self.owner(identity) == NOBODY

    def nonce(self, identity: str) -> int:
        """How many changes there were: what the next signed one carries."""
        return int(self._registry.call("nonce", identity))

    def changed(self, identity: str) -> int:
        """The block of the last change; 0 where there was none."""
        return int(self._registry.call("changed", identity))

    def owned_since(self, identity: str) -> int:
        """When the present epoch of ownership began, Unix seconds; 0 where the identity never changed hands."""
        return int(self._registry.call("ownedSince", identity))

    def owned_since_at(self, identity: str, time: int) -> int:
        """When the epoch of ownership of a time began, Unix seconds; 0 for the first."""
        return int(self._registry.call("ownedSinceAt", identity, time))

    def acts_for(self, identity: str, account: str) -> bool:
        """May the account act for the identity now: as owner, or as a ``sigAuth`` delegate of this epoch?"""
        return bool(self._registry.call("actsFor", identity, account))

    def valid_delegate(self, identity: str, delegate_type: str, delegate: str) -> bool:
        """Does the identity's document list this delegate now? Whether it may act is what ``acts_for`` says."""
        return bool(self._registry.call("validDelegate", identity, word_of(delegate_type), delegate))

    # Changes by the signer, which is the owner

    def change_owner(self, identity: str, owner: str) -> Receipt:
        """Hands an identity over."""
        return self._transact("changeOwner", identity, owner)

    def deactivate(self, identity: str) -> Receipt:
        """Takes the identity out of use, for good."""
        return self.change_owner(identity, NOBODY)

    def add_delegate(self, identity: str, delegate_type: str, delegate: str, seconds: int) -> Receipt:
        """Makes an account a delegate for some time from now on."""
        return self._transact("addDelegate", identity, word_of(delegate_type), delegate, seconds)

    def revoke_delegate(self, identity: str, delegate_type: str, delegate: str) -> Receipt:
        """Revokes a delegate from now on."""
        return self._transact("revokeDelegate", identity, word_of(delegate_type), delegate)

    def set_attribute(self, identity: str, name: str, value: bytes, seconds: int) -> Receipt:
        """States a key or a service for some time from now on."""
        return self._transact("setAttribute", identity, word_of(name), value, seconds)

    def revoke_attribute(self, identity: str, name: str, value: bytes) -> Receipt:
        """Withdraws a key or a service from now on."""
        return self._transact("revokeAttribute", identity, word_of(name), value)

    # Changes that the owner signs and anyone brings

    def draft_owner(
        self, identity: str, owner: str, *, deadline: int, nonce: int | None = None
    ) -> OwnerChange:
        """An identity's next change, for its owner to sign.

        Args:
            deadline: the last second in which the signature may be used, Unix seconds.
            nonce: for a change that is to come after others that are signed already.
        """
        return OwnerChange(identity, owner, self._next(identity, nonce), deadline)

    def draft_delegate(
        self,
        identity: str,
        delegate_type: str,
        delegate: str,
        *,
        valid_to: int,
        deadline: int,
        nonce: int | None = None,
    ) -> DelegateChange:
        """See ``draft_owner``. ``valid_to`` is in Unix seconds and exclusive; 0 revokes."""
        named = word_of(delegate_type)
        return DelegateChange(identity, named, delegate, valid_to, self._next(identity, nonce), deadline)

    def draft_attribute(
        self,
        identity: str,
        name: str,
        value: bytes,
        *,
        valid_to: int,
        deadline: int,
        nonce: int | None = None,
    ) -> AttributeChange:
        """See ``draft_owner``. ``valid_to`` is in Unix seconds and exclusive; 0 revokes."""
        return AttributeChange(
            identity, word_of(name), value, valid_to, self._next(identity, nonce), deadline
        )

    def sign(self, change: ChangeType) -> Signed[ChangeType]:
        """Signs a change as the owner that the signer is: pure, and good until its deadline."""
        return sign(self._signer, change, self._domain)

    def bring(self, change: IdentityChange, signature: bytes) -> Receipt:
        """Brings one change: signed by the owner's key (65 bytes) or accepted by the owner's contract (EIP-1271).

        Raises:
            ContractError: NonceUnexpected (brought already, or out of turn), ChangeExpired, OwnerSignatureInvalid,
                IdentityDeactivated.
        """
        return self._transact(_SIGNED_FUNCTIONS[type(change)], change, signature)

    def relay(self, changes: Iterable[SignedChange]) -> list[Receipt]:
        """Brings any number of changes that keys signed, each identity's in order, in as few transactions as nodes
        take: one for some 700. A transaction takes all of its changes or none.

        Raises:
            ContractError: as for ``bring``, with identity and nonce of the change that is refused. Transactions before
                this one stand.
            ChangeTooLongError: a value that only ``bring`` takes. Nothing is sent.
        """
        return [self._transact("applySigned", batch) for batch in list(batches(changes))]

    def _next(self, identity: str, nonce: int | None) -> int:
        return self.nonce(identity) if nonce is None else nonce

    def _transact(self, function: str, *args: object) -> Receipt:
        return self._registry.transact(function, *args, signer=self._signer)
