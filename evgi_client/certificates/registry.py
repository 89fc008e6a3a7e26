"""Certificates of entities and accreditations of their issuers, on chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.chain.managed import transact_managed
from evgi_client.messages.certificates import (
    Accreditation,
    CertificateStatus,
    EntityCertificate,
    EntityType,
    entity_type_mask,
    entity_types_in,
)
from evgi_client.signing import Signer, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evgi_client.chain import ContractHandle, Event, Receipt
    from evgi_client.messages import Domain

NOBODY = "0x" + "00" * 20
"""Stands for governance as an accreditor, and for no parent and no status list in a certificate."""

EVENTS = ("AnchorAccredited", "AccreditationWithdrawn", "CertificateRegistered")


@dataclass(frozen=True, slots=True)
class AccreditedVersion:
    """An accreditation of an anchor as the chain keeps it, in force for [valid_from, valid_until)."""

    version: int
    accreditor: str | None
    """None where governance accredited."""
    entity_types: tuple[EntityType, ...]
    depth: int
    valid_from: int
    valid_until: int


@dataclass(frozen=True, slots=True)
class RegisteredCertificate:
    """What the chain keeps of a certificate; the whole is in its event."""

    issuer: str
    entity_type: EntityType
    registered_at: int
    valid_from: int
    valid_until: int
    status: tuple[str, int] | None
    """The publisher of the status list that says whether it is revoked, and the index in it."""


class Certificates:
    """The certificates of ``CertificateRegistry``, and who may issue them. Certificates are named by struct hash,
    times are in Unix seconds.

    Args:
        contracts: handles of the suite by name.
        domain: EIP-712 domain of ``CertificateRegistry``.
        signer: who sends the transactions; for ``withdraw``, the owner of the accreditor or of the anchor.
        from_block: the block of the deployment, where reading of events begins.
    """

    def __init__(
        self, contracts: Mapping[str, ContractHandle], domain: Domain, signer: Signer, from_block: int = 0
    ) -> None:
        self._registry = contracts["CertificateRegistry"]
        self._identities = contracts["DIDRegistry"]
        self._manager = contracts["AccessManager"]
        self._domain = domain
        self._signer = signer
        self._from_block = from_block

    def register(self, certificate: EntityCertificate, signature: bytes) -> Receipt:
        """Brings a certificate that its issuer's owner signed, at most 366 days before it begins. The signature is
        checked first.

        Raises:
            SigningError: the signature is not the owner's.
            ContractError: the issuer is not accredited for the type; a rule that the contract's error names.
        """
        self._verify(certificate.issuer, certificate.digest(self._domain), signature)
        return self._registry.transact("register", certificate, signature, signer=self._signer)

    def accredit(self, accreditation: Accreditation, signature: bytes) -> Receipt:
        """Brings an accreditation that its accreditor's owner signed. The signature is checked first.

        Raises:
            SigningError: the signature is not the owner's.
            ContractError: more than the accreditor has; a rule that the contract's error names.
        """
        self._verify(accreditation.accreditor, accreditation.digest(self._domain), signature)
        return self._registry.transact("accredit", accreditation, signature, signer=self._signer)

    def accredit_root(
        self,
        anchor: str,
        entity_types: Iterable[int],
        *,
        depth: int = 0,
        valid_from: int = 0,
        valid_until: int,
    ) -> Receipt:
        """Governance accredits an anchor, in place of whatever it has.

        Args:
            depth: how many anchors may stand below it in a chain, at most 3.
            valid_from: now where it has passed.

        Raises:
            CallAnnouncedError: the signer's role has a delay; do the same again when it is over.
        """
        mask = entity_type_mask(*entity_types)
        arguments = (anchor, mask, depth, valid_from, valid_until)
        return transact_managed(
            self._manager, self._registry, "accreditRoot", *arguments, signer=self._signer
        )

    def withdraw(self, anchor: str) -> Receipt:
        """Ends from now on what the signer accredited, or whatever its own anchor has. What the signer signed with a
        later date and nobody has brought is revoked by its struct hash: ``Revocations.revoke``."""
        return self._registry.transact("withdraw", anchor, signer=self._signer)

    def withdraw_root(self, anchor: str) -> Receipt:
        """Governance ends from now on what it accredited.

        Raises:
            CallAnnouncedError: the signer's role has a delay; do the same again when it is over.
        """
        return transact_managed(self._manager, self._registry, "withdrawRoot", anchor, signer=self._signer)

    def status_at(self, certificate: bytes, time: int) -> CertificateStatus:
        """Was a certificate good at a time, and if not, why?"""
        return CertificateStatus(self._registry.call("statusAt", certificate, time))

    def certificate(self, certificate: bytes) -> RegisteredCertificate | None:
        """What the chain keeps of a certificate; None where it is not registered."""
        kept = self._registry.call("certificateOf", certificate)
        if kept.issuer == NOBODY:
            return None
        return RegisteredCertificate(
            kept.issuer,
            EntityType(kept.entityType),
            kept.registeredAt,
            kept.validFrom,
            kept.validUntil,
            None if kept.statusPublisher == NOBODY else (kept.statusPublisher, kept.statusIndex),
        )

    def entity_type_of(self, subject: str) -> EntityType:
        """The type of a subject, for good; ``NONE`` where it has no certificate."""
        return EntityType(self._registry.call("entityTypeOf", subject))

    def parent_at(self, subject: str, time: int) -> str | None:
        """The vehicle of a battery, the charge point of a meter at a time; None where it was in none."""
        parent: str = self._registry.call("parentAt", subject, time)
        return None if parent == NOBODY else parent

    def is_accredited_at(self, anchor: str, entity_type: int, time: int) -> bool:
        """Might an identity issue certificates of a type at a time?"""
        return bool(self._registry.call("isAccreditedAt", anchor, entity_type, time))

    def accredited_types_at(self, anchor: str, time: int) -> tuple[EntityType, ...]:
        """The types an identity might issue at a time, by an unbroken chain of anchors."""
        return entity_types_in(self._registry.call("accreditedTypesAt", anchor, time))

    def accreditation_at(self, anchor: str, time: int) -> AccreditedVersion | None:
        """An anchor's accreditation in force at a time, whether or not its accreditor's was; None where none was."""
        found = self._registry.call("accreditationAt", anchor, time)
        if found.version == 0:
            return None
        return AccreditedVersion(
            found.version,
            None if found.accreditor == NOBODY else found.accreditor,
            entity_types_in(found.entityTypes),
            found.depth,
            found.validFrom,
            found.validUntil,
        )

    def events(self, from_block: int | None = None, to_block: int | None = None) -> list[Event]:
        """Everything that the registry's answers are made of besides revocations, in order."""
        first = self._from_block if from_block is None else from_block
        found = [event for name in EVENTS for event in self._registry.events(name, first, to_block)]
        return sorted(found, key=lambda event: (event.block_number, event.log_index))

    def _verify(self, identity: str, digest: bytes, signature: bytes) -> None:
        owner = self._identities.call("identityOwner", identity)
        verify_digest(owner, digest, signature, self._registry.chain.is_valid_signature)
