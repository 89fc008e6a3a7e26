"""Is a certificate good at a time, and if not, why? The answer of ``CertificateRegistry.statusAt``, with each step from
the document up to governance, by a chain or by a snapshot of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from evgi_client.certificates.documents import Json, time_text
from evgi_client.certificates.schemas import type_name
from evgi_client.errors import CertificateDocumentError, SigningError
from evgi_client.messages.certificates import CertificateStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evgi_client.certificates.credential import EntityCredential
    from evgi_client.certificates.ownership import Ownership
    from evgi_client.certificates.registry import AccreditedVersion, RegisteredCertificate
    from evgi_client.messages.domain import Domain
    from evgi_client.signing.recovery import IsValidSignature


class Facts(Protocol):
    """What a verifier asks: ``RegistryFacts`` of a chain, or the ``World`` of a snapshot."""

    def status_at(self, certificate: bytes, time: int) -> CertificateStatus:
        """Was a certificate good at a time, and if not, why?"""

    def certificate(self, certificate: bytes) -> RegisteredCertificate | None:
        """What the chain keeps of a certificate."""

    def accreditation_at(self, anchor: str, time: int) -> AccreditedVersion | None:
        """An anchor's accreditation in force at a time."""

    def revoked_from(self, issuer: str, target: bytes) -> int | None:
        """From when an issuer revoked a struct hash."""

    def is_status_revoked_at(self, publisher: str, index: int, time: int) -> bool:
        """Was an index of a publisher's list revoked at a time?"""

    def signer_of(self, certificate: bytes) -> str | None:
        """The issuer's owner when a certificate was registered."""

    def ownership(self, identity: str) -> Ownership:
        """Who controls an identity and acts for it."""

    def is_contract(self, account: str) -> bool:
        """Is an account a contract?"""


class Check(str, Enum):
    """What a step looks at."""

    PROOF = "proof"
    REGISTRATION = "registration"
    VALIDITY = "validity"
    REVOCATION = "revocation"
    STATUS_LIST = "status list"
    ACCREDITATION = "accreditation"


@dataclass(frozen=True, slots=True)
class Step:
    """One check, and what it found."""

    check: Check
    good: bool | None
    """None where nobody can say: the signature of a contract account, without a chain."""
    finding: str
    """A sentence."""

    def to_json(self) -> Json:
        """A JSON object."""
        return {"check": self.check.value, "good": self.good, "finding": self.finding}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a certificate at a time."""

    certificate: bytes
    """Struct hash."""
    time: int
    """Unix seconds."""
    status: CertificateStatus
    """What ``statusAt`` answers."""
    steps: tuple[Step, ...]
    """From the document to governance. Each is looked at, also after one that fails."""

    @property
    def valid(self) -> bool:
        """Good, and the document's proof too."""
        return self.status is CertificateStatus.VALID and all(step.good is not False for step in self.steps)

    @property
    def reason(self) -> str:
        """One word: the status, or ``PROOF_INVALID`` where that is all that is wrong."""
        return (
            self.status.name if self.valid or self.status is not CertificateStatus.VALID else "PROOF_INVALID"
        )

    def to_json(self) -> Json:
        """A JSON object."""
        return {
            "certificate": "0x" + self.certificate.hex(),
            "time": self.time,
            "valid": self.valid,
            "reason": self.reason,
            "steps": [step.to_json() for step in self.steps],
        }

    def lines(self) -> list[str]:
        """The reason, then one line a step."""
        marks = {True: "ok", False: "NO", None: "??"}
        head = f"{self.reason}  certificate 0x{self.certificate.hex()} at {_moment(self.time)}"
        return [head, *(f"  {marks[step.good]}  {step.check.value}: {step.finding}" for step in self.steps)]


def verify(
    credential: EntityCredential,
    facts: Facts,
    domain: Domain,
    time: int,
    is_valid_signature: IsValidSignature | None = None,
) -> Verdict:
    """Judges a certificate and its proof.

    Args:
        domain: of the ``CertificateRegistry`` that is trusted. The document names one too, which proves nothing.
        is_valid_signature: asks the chain about an account that is no key.

    Raises:
        CertificateDocumentError: the document is of another chain or registry.
    """
    require_domain(credential.domain, domain)
    steps = (_proof(credential, facts, time, is_valid_signature), *_steps(credential, facts, time))
    return Verdict(credential.hash, time, facts.status_at(credential.hash, time), steps)


def require_domain(found: Domain, expected: Domain) -> None:
    """Raises CertificateDocumentError where a document is for another contract or chain than the one meant."""
    if found != expected:
        raise CertificateDocumentError(
            "/proof/eip712/domain",
            f"it is for {found.name} {found.verifying_contract} on chain {found.chain_id}, expected "
            f"{expected.name} {expected.verifying_contract} on chain {expected.chain_id}",
        )


def _proof(
    credential: EntityCredential, facts: Facts, time: int, is_valid_signature: IsValidSignature | None
) -> Step:
    issuer = credential.certificate.issuer
    registered_for = facts.signer_of(credential.hash)
    owner = facts.ownership(issuer).owner_at(time) if registered_for is None else registered_for
    of_issuer = f"{owner}, the owner of the issuer {issuer}"
    try:
        credential.verify_proof(owner, is_valid_signature)
    except SigningError:
        if registered_for is not None and facts.is_contract(owner):
            said = "which the chain took when it was registered, and which only that account can speak for"
            return Step(Check.PROOF, None, f"signed by the contract account {of_issuer}, {said}")
        return Step(Check.PROOF, False, f"not signed by {of_issuer}")
    return Step(Check.PROOF, True, f"signed by {of_issuer}")


def _steps(credential: EntityCredential, facts: Facts, time: int) -> Iterator[Step]:
    signed = credential.certificate
    kept = facts.certificate(credential.hash)
    if kept is None:
        yield Step(Check.REGISTRATION, False, "it was never registered")
    else:
        known = kept.registered_at <= time
        words = "registered" if known else "registered only"
        yield Step(Check.REGISTRATION, known, f"{words} at {_moment(kept.registered_at)}")
    span = f"from {_moment(signed.valid_from)} until before {_moment(signed.valid_until)}"
    yield Step(Check.VALIDITY, signed.valid_from <= time < signed.valid_until, f"valid {span}")
    revoked = facts.revoked_from(signed.issuer, credential.hash)
    finding = (
        "not revoked by its issuer" if revoked is None else f"revoked by its issuer from {_moment(revoked)}"
    )
    yield Step(Check.REVOCATION, revoked is None or revoked > time, finding)
    if int(signed.status_publisher, 16):
        cleared = not facts.is_status_revoked_at(signed.status_publisher, signed.status_index, time)
        where = f"index {signed.status_index} of the list of {signed.status_publisher}"
        yield Step(Check.STATUS_LIST, cleared, f"{where} is {'not ' if cleared else ''}revoked")
    yield from _anchors(signed.issuer, signed.entity_type, facts.accreditation_at, time)


def _anchors(
    anchor: str, entity_type: int, accreditation_at: Callable[[str, int], AccreditedVersion | None], time: int
) -> Iterator[Step]:
    """One step an anchor, from the issuer up."""
    name, below = type_name(entity_type), 0
    while True:
        version = accreditation_at(anchor, time)
        if version is None:
            yield Step(Check.ACCREDITATION, False, f"{anchor} was not accredited")
            return
        by = "governance" if version.accreditor is None else version.accreditor
        span = f"from {_moment(version.valid_from)} until before {_moment(version.valid_until)}"
        accredited = f"{anchor} was accredited by {by} {span}"
        if entity_type not in version.entity_types:
            yield Step(Check.ACCREDITATION, False, f"{accredited}, not for the type {name}")
        elif version.depth < below:
            yield Step(
                Check.ACCREDITATION, False, f"{accredited}, with at most {version.depth} anchors below it"
            )
            return
        else:
            yield Step(Check.ACCREDITATION, True, f"{accredited}, for the type {name}")
        if version.accreditor is None:
            return
        anchor, below = version.accreditor, below + 1


def _moment(seconds: int) -> str:
    try:
        return time_text(seconds)
    except CertificateDocumentError:
        return str(seconds)
