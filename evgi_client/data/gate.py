"""What the chain says of who may do what, asked at its head on every request: whatever is revoked or blocked ends with
the block that says so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from evgi_client.errors import ContractError
from evgi_client.messages.access import Reason, Right

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evgi_client.chain import ContractHandle
    from evgi_client.signing import Signer

NOBODY = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer of ``AccessRegistry.check``."""

    allowed: bool
    reason: Reason
    certificate: bytes
    """Struct hash of the certificate that decided; zero where none did."""


def _wall() -> int:
    return int(time.time())


class Gate:
    """Asks the registries.

    Args:
        contracts: handles of the suite by name.
        host: the identity of the host.
        signer: who counts uses, acting for the host.
        from_block: the block of the deployment, where reading of events begins.
        clock: the host's clock, Unix seconds.
    """

    def __init__(
        self,
        contracts: Mapping[str, ContractHandle],
        host: str,
        signer: Signer,
        from_block: int = 0,
        clock: Callable[[], int] = _wall,
    ) -> None:
        self._access = contracts["AccessRegistry"]
        self._identities = contracts["DIDRegistry"]
        self._host = host
        self._signer = signer
        self._from_block = from_block
        self._clock = clock
        # What a certificate says never changes.
        self.purpose_of = lru_cache(maxsize=65_536)(self._purpose_of)

    def now(self) -> int:
        """The host's time, or the chain's where that is later: a slow clock must not keep alive what a block has
        ended."""
        return max(self._clock(), self._access.chain.now())

    def check(self, resource: bytes, accessor: str, right: Right, moment: int) -> Decision:
        """May an accessor do this with a resource at a time, as of the latest block?"""
        allowed, reason, certificate = self._access.call("check", resource, accessor, int(right), moment)
        return Decision(allowed, Reason(reason), certificate)

    def check_here(self, resource: bytes, accessor: str, right: Right, moment: int) -> Decision:
        """``check`` for what this host keeps: of a resource that another host keeps, or keeps by now, it answers its
        owner alone."""
        decision = self.check(resource, accessor, right, moment)
        could_be = decision.allowed or decision.reason is Reason.USED_UP
        if could_be and decision.reason is not Reason.OWNER and self.host_at(resource, moment) != self._host:
            return Decision(False, Reason.UNKNOWN_RESOURCE, bytes(32))
        return decision

    def acts_for(self, identity: str, account: str) -> bool:
        """Is an account the owner of an identity, or does it sign for it, now?"""
        return bool(self._identities.call("actsFor", identity, account))

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Does an account accept a signature (EIP-1271)?"""
        return self._access.chain.is_valid_signature(account, digest, signature)

    def owner_of(self, resource: bytes) -> str:
        """The identity that a resource belongs to; the zero address where nobody registered it."""
        owner: str = self._access.call("ownerOf", resource)
        return owner

    def host_at(self, resource: bytes, moment: int) -> str | None:
        """The host that a resource's bootstrapping certificate names; None where none is in force."""
        host: str = self._access.call("hostAt", resource, moment).host
        return None if host == NOBODY else host

    def _purpose_of(self, certificate: bytes) -> bytes:
        """What an access certificate is for; zero where it names nothing.

        Raises:
            ContractError: the chain has no such certificate.
        """
        for event in self._access.events("AccessGranted", self._from_block, certificate=certificate):
            purpose: bytes = event.args["granted"].purpose
            return purpose
        raise ContractError("AccessRegistry", "CertificateUnknown", {"certificate": certificate})

    def spend(self, resource: bytes, accessor: str, rights: Right, certificate: bytes) -> bool:
        """Counts a use of a certificate; False where it was used up. One without limit costs no transaction."""
        if self._access.call("usesOf", certificate).maxUses == 0:
            return True
        try:
            self._access.transact("use", resource, accessor, int(rights), signer=self._signer)
        except ContractError as error:
            if error.name == "AccessDenied":
                return False
            raise
        return True
