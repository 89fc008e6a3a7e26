"""The answers of ``CertificateRegistry`` and ``RevocationRegistry``, from facts alone: the same at every time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evgi_client.certificates.facts import (
    Accredited,
    Appointed,
    ContractAccount,
    Fact,
    OwnerChanged,
    Registered,
    Revoked,
    StatusesOpened,
    StatusesRevoked,
    Withdrawn,
)
from evgi_client.certificates.ownership import NOBODY, Ownership
from evgi_client.certificates.registry import AccreditedVersion, RegisteredCertificate
from evgi_client.certificates.revocations import WORD
from evgi_client.certificates.status_bits import StatusBits
from evgi_client.errors import SnapshotError
from evgi_client.messages.certificates import (
    CertificateStatus,
    EntityCertificate,
    EntityType,
    entity_types_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL_TYPES = frozenset(EntityType) - {EntityType.NONE}


@dataclass(frozen=True, slots=True)
class _Registration:
    certificate: EntityCertificate
    registered_at: int
    owner: str
    """Of the issuer, when it was registered."""


class World:
    """Facts, ready to be asked. Methods are named and answer as those of ``Certificates`` and ``Revocations``.

    Raises:
        SnapshotError: a fact that cannot follow those before it.
    """

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._anchors: dict[str, list[AccreditedVersion]] = {}
        self._certificates: dict[bytes, _Registration] = {}
        self._subjects: dict[str, list[_Registration]] = {}
        self._revoked: dict[tuple[str, bytes], int] = {}
        self._opened: dict[str, list[range]] = {}
        self._statuses: dict[tuple[str, int], list[StatusesRevoked]] = {}
        self._identities: dict[str, Ownership] = {}
        self._accounts: set[str] = set()
        for number, fact in enumerate(facts):
            self._take(number, fact)

    def _take(self, number: int, fact: Fact) -> None:
        if isinstance(fact, Accredited):
            self._accredit(number, fact)
        elif isinstance(fact, Withdrawn):
            self._withdraw(number, fact)
        elif isinstance(fact, Registered):
            self._register(fact)
        elif isinstance(fact, Revoked):
            key = (fact.issuer, fact.target)
            self._revoked[key] = min(fact.effective_at, self._revoked.get(key, fact.effective_at))
        elif isinstance(fact, StatusesOpened):
            words = range(fact.first_word, fact.first_word + fact.count)
            self._opened.setdefault(fact.publisher, []).append(words)
        elif isinstance(fact, StatusesRevoked):
            self._statuses.setdefault((fact.publisher, fact.word), []).append(fact)
        elif isinstance(fact, OwnerChanged):
            self.ownership(fact.identity).hand_over(fact.owner, fact.since)
        elif isinstance(fact, Appointed):
            self.ownership(fact.identity).appoint(fact.delegate, fact.valid_to, fact.since)
        elif isinstance(fact, ContractAccount):
            self._accounts.add(fact.account)

    # The registry of certificates

    def status_at(self, certificate: bytes, time: int) -> CertificateStatus:
        """Was a certificate good at a time, and if not, why? ``CertificateRegistry.statusAt``, rule for rule."""
        found = self._certificates.get(certificate)
        if found is None or time < found.registered_at:
            return CertificateStatus.UNKNOWN
        signed = found.certificate
        if time < signed.valid_from:
            return CertificateStatus.NOT_YET_VALID
        if time >= signed.valid_until:
            return CertificateStatus.EXPIRED
        revoked_from = self.revoked_from(signed.issuer, certificate)
        if revoked_from is not None and revoked_from <= time:
            return CertificateStatus.REVOKED
        if signed.status_publisher != NOBODY and self.is_status_revoked_at(
            signed.status_publisher, signed.status_index, time
        ):
            return CertificateStatus.REVOKED
        if not self.is_accredited_at(signed.issuer, signed.entity_type, time):
            return CertificateStatus.ISSUER_NOT_ACCREDITED
        return CertificateStatus.VALID

    def certificate(self, certificate: bytes) -> RegisteredCertificate | None:
        """What the chain keeps of a certificate; None where it is not registered."""
        found = self._certificates.get(certificate)
        if found is None:
            return None
        signed = found.certificate
        return RegisteredCertificate(
            signed.issuer,
            EntityType(signed.entity_type),
            found.registered_at,
            signed.valid_from,
            signed.valid_until,
            None if signed.status_publisher == NOBODY else (signed.status_publisher, signed.status_index),
        )

    def certificates(self) -> list[EntityCertificate]:
        """Everything that is registered, in order."""
        return [found.certificate for found in self._certificates.values()]

    def entity_type_of(self, subject: str) -> EntityType:
        """The type of a subject, for good; ``NONE`` where it has no certificate."""
        found = self._subjects.get(subject)
        return EntityType(found[0].certificate.entity_type) if found else EntityType.NONE

    def parent_at(self, subject: str, time: int) -> str | None:
        """What a subject was part of at a time, by the last certificate registered by then; None where of nothing."""
        known = [each for each in self._subjects.get(subject, ()) if each.registered_at <= time]
        return None if not known or known[-1].certificate.parent == NOBODY else known[-1].certificate.parent

    def accreditation_at(self, anchor: str, time: int) -> AccreditedVersion | None:
        """An anchor's accreditation in force at a time, whether or not its accreditor's was; None where none was."""
        begun = [version for version in self._anchors.get(anchor, ()) if version.valid_from <= time]
        return begun[-1] if begun and time < begun[-1].valid_until else None

    def accredited_types_at(self, anchor: str, time: int) -> tuple[EntityType, ...]:
        """The types an identity might issue at a time, by an unbroken chain of anchors."""
        types, below, above = ALL_TYPES, 0, anchor
        while True:
            version = self.accreditation_at(above, time)
            if version is None or version.depth < below:
                return ()
            types &= frozenset(version.entity_types)
            if version.accreditor is None:
                return tuple(sorted(types))
            above, below = version.accreditor, below + 1

    def is_accredited_at(self, anchor: str, entity_type: int, time: int) -> bool:
        """Might an identity issue certificates of a type at a time?"""
        return entity_type in self.accredited_types_at(anchor, time)

    def signer_of(self, certificate: bytes) -> str | None:
        """The issuer's owner when a certificate was registered, who had signed it; None where it is not registered."""
        found = self._certificates.get(certificate)
        return None if found is None else found.owner

    # The registry of revocations

    def revoked_from(self, issuer: str, target: bytes) -> int | None:
        """From when an issuer revoked a struct hash; None where it did not."""
        return self._revoked.get((issuer, target))

    def is_status_revoked_at(self, publisher: str, index: int, time: int) -> bool:
        """Was an index of a publisher's list revoked at a time?"""
        return bool(self._word_at(publisher, index // WORD, time) >> (WORD - 1 - index % WORD) & 1)

    def status_bits(self, publisher: str, time: int) -> StatusBits:
        """A publisher's list as of a time: everything that it has opened.

        Raises:
            StatusListError: it has opened words beyond what a list may hold.
        """
        last = max((words[-1] for words in self._opened.get(publisher, ()) if words), default=0)
        changed = {word for whose, word in self._statuses if whose == publisher}
        return StatusBits.of_words(
            {last: 0} | {word: self._word_at(publisher, word, time) for word in changed}
        )

    def _word_at(self, publisher: str, word: int, time: int) -> int:
        bits = 0
        for fact in self._statuses.get((publisher, word), ()):
            bits |= fact.indices if fact.effective_at <= time else 0
        return bits

    # The registry of identities

    def ownership(self, identity: str) -> Ownership:
        """Who controls an identity and acts for it, as far as it was recorded."""
        return self._identities.setdefault(identity, Ownership(identity))

    def is_contract(self, account: str) -> bool:
        """Is an issuer's owner a contract?"""
        return account in self._accounts

    def _accredit(self, number: int, fact: Accredited) -> None:
        versions = self._anchors.setdefault(fact.anchor, [])
        if fact.version != len(versions) + 1 or (versions and fact.valid_from < versions[-1].valid_from):
            raise SnapshotError(
                f"facts[{number}]", f"version {fact.version} does not follow the ones before it"
            )
        versions.append(
            AccreditedVersion(
                fact.version,
                None if fact.accreditor == NOBODY else fact.accreditor,
                entity_types_in(fact.entity_types),
                fact.depth,
                fact.valid_from,
                fact.valid_until,
            )
        )

    def _withdraw(self, number: int, fact: Withdrawn) -> None:
        versions = self._anchors.get(fact.anchor, [])
        if not 0 < fact.version <= len(versions):
            raise SnapshotError(f"facts[{number}]", f"there is no version {fact.version} to withdraw")
        ended = versions[fact.version - 1]
        if ended.valid_from > fact.effective_at:
            if fact.version != len(versions):
                raise SnapshotError(f"facts[{number}]", f"version {fact.version} is not the last")
            versions.pop()
        else:
            versions[fact.version - 1] = replace(ended, valid_until=fact.effective_at)

    def _register(self, fact: Registered) -> None:
        signed = fact.certificate
        if signed.entity_type not in ALL_TYPES:
            raise SnapshotError("facts", f"a certificate of the entity type {signed.entity_type}")
        found = _Registration(signed, fact.registered_at, self.ownership(signed.issuer).owner)
        self._certificates[signed.struct_hash()] = found
        self._subjects.setdefault(signed.subject, []).append(found)
