"""What a verifier asks, answered by a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evgi_client.certificates.ownership import NOBODY, Ownership
from evgi_client.certificates.registry import AccreditedVersion, Certificates, RegisteredCertificate
from evgi_client.certificates.revocations import Revocations
from evgi_client.identity import SIG_AUTH, DelegateChanged, OwnerChanged, RegistryHistory, word_of
from evgi_client.messages.domain import Domain
from evgi_client.signing import WatchOnly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.chain import ContractHandle
    from evgi_client.messages.certificates import CertificateStatus


class RegistryFacts:
    """The registries of a suite. Methods are named and answer as those of ``World``.

    Args:
        contracts: handles of the suite by name.
        from_block: the block of the deployment, where reading of events begins.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], from_block: int = 0) -> None:
        self._registry = contracts["CertificateRegistry"]
        self._chain = self._registry.chain
        self._from_block = from_block
        self._history = RegistryHistory(contracts["DIDRegistry"])
        nobody = WatchOnly(NOBODY)
        # Only read from: no domain is needed.
        domain = Domain("", "", self._chain.chain_id, NOBODY)
        self._certificates = Certificates(contracts, domain, nobody, from_block)
        self._revocations = Revocations(contracts, domain, nobody, from_block)

    def status_at(self, certificate: bytes, time: int) -> CertificateStatus:
        """Was a certificate good at a time, and if not, why?"""
        return self._certificates.status_at(certificate, time)

    def certificate(self, certificate: bytes) -> RegisteredCertificate | None:
        """What the chain keeps of a certificate; None where it is not registered."""
        return self._certificates.certificate(certificate)

    def accreditation_at(self, anchor: str, time: int) -> AccreditedVersion | None:
        """An anchor's accreditation in force at a time, whether or not its accreditor's was; None where none was."""
        return self._certificates.accreditation_at(anchor, time)

    def revoked_from(self, issuer: str, target: bytes) -> int | None:
        """From when an issuer revoked a struct hash; None where it did not."""
        return self._revocations.revoked_from(issuer, target)

    def is_status_revoked_at(self, publisher: str, index: int, time: int) -> bool:
        """Was an index of a publisher's list revoked at a time?"""
        return self._revocations.is_status_revoked_at(publisher, index, time)

    def signer_of(self, certificate: bytes) -> str | None:
        """The issuer's owner when a certificate was registered, who had signed it; None where it is not registered."""
        found = self._registry.events("CertificateRegistered", self._from_block, certificate=certificate)
        if not found:
            return None
        registered = (found[0].block_number, found[0].log_index)
        owner: str = found[0].args["issuer"]
        for change in self._history.changes(owner):
            if isinstance(change, OwnerChanged) and (change.block, change.log_index) < registered:
                owner = change.owner
        return owner

    def ownership(self, identity: str) -> Ownership:
        """Who controls an identity and acts for it. Asks for its whole history."""
        known = Ownership(identity)
        for change in self._history.changes(identity):
            if isinstance(change, OwnerChanged):
                known.hand_over(change.owner, self._history.time_of(change.block))
            elif isinstance(change, DelegateChanged) and change.delegate_type == word_of(SIG_AUTH):
                known.appoint(change.delegate, change.valid_to, self._history.time_of(change.block))
        return known

    def is_contract(self, account: str) -> bool:
        """Is an account a contract?"""
        return bool(self._chain.code(account))

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Does a contract account accept a signature now (EIP-1271)?"""
        return self._chain.is_valid_signature(account, digest, signature)
