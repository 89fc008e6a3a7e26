"""A holder shows certificates to one verifier, once: a W3C Verifiable Presentation with an EIP-712 proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.certificates.credential import EntityCredential
from evgi_client.certificates.documents import Json, canonical, seconds_of, time_text
from evgi_client.certificates.proof import (
    AUTHENTICATION,
    CONTEXT,
    OWNER,
    Proof,
    domain_in,
    proof_in,
    require_same,
    signature_in,
)
from evgi_client.certificates.schemas import PRESENTATION, shipped, type_name
from evgi_client.certificates.verify import Verdict, require_domain, verify
from evgi_client.errors import (
    ChallengeMismatchError,
    ClaimsMissingError,
    DelegateUnknownError,
    PresentationExpiredError,
    PresentationSubjectError,
)
from evgi_client.identity.did import Did
from evgi_client.messages.credentials import CertificatePresentation
from evgi_client.messages.hashing import keccak256
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evgi_client.certificates.request import PresentationRequest
    from evgi_client.certificates.verify import Facts
    from evgi_client.messages.domain import Domain
    from evgi_client.signing import Signer
    from evgi_client.signing.recovery import IsValidSignature

TYPE = "VerifiablePresentation"

CLOCK_SKEW = 120
"""Seconds that the holder's clock may be ahead of the verifier's."""

_DELEGATE = "#sigAuth-"


@dataclass(frozen=True, slots=True)
class Presentation:
    """Certificates that are shown, and whose word it is that they are shown for one challenge.

    Raises:
        PresentationSubjectError: a certificate that is not the holder's.
    """

    message: CertificatePresentation
    domain: Domain
    """Of the ``CertificateRegistry``."""
    credentials: tuple[EntityCredential, ...]
    delegate: str | None
    """The account that signed for the holder; None where its owner did."""
    signature: bytes

    def __post_init__(self) -> None:
        for credential in self.credentials:
            if credential.certificate.subject != self.message.holder:
                raise PresentationSubjectError(credential.certificate.subject, self.message.holder)

    def verify(
        self,
        request: PresentationRequest,
        facts: Facts,
        domain: Domain,
        now: int,
        is_valid_signature: IsValidSignature | None = None,
    ) -> list[Verdict]:
        """Returns the verdict on each certificate where the holder answers this request now, else raises. A request is
        answered once: that is for whoever asked to remember.

        Args:
            domain: of the ``CertificateRegistry`` that is trusted.
            now: the verifier's time, Unix seconds. Everything is judged at it.
            is_valid_signature: asks the chain about an account that is no key.

        Raises:
            PresentationError: another request's, too late, or not what was asked for.
            SigningError: the holder's owner, or delegate, did not sign it.
            CertificateDocumentError: it is for another chain or registry.
        """
        require_domain(self.domain, domain)
        self._require_answer(request, now)
        held = facts.ownership(self.message.holder)
        if self.delegate is not None and not held.acts_for(self.delegate, now):
            raise DelegateUnknownError(self.delegate, self.message.holder)
        account = held.owner_at(now) if self.delegate is None else self.delegate
        verify_digest(account, self.message.digest(self.domain), self.signature, is_valid_signature)
        return [verify(each, facts, domain, now, is_valid_signature) for each in self.credentials]

    def _require_answer(self, request: PresentationRequest, now: int) -> None:
        signed = self.message
        for field, found, expected in (
            ("challenge", "0x" + signed.challenge.hex(), "0x" + request.challenge.hex()),
            ("audience", signed.audience, request.audience),
        ):
            if found != expected:
                raise ChallengeMismatchError(field, found, expected)
        for what, limit in (
            ("request expired at", request.expires_at),
            ("presentation expired at", signed.expires_at),
        ):
            if now >= limit:
                raise PresentationExpiredError(what, limit, now)
        if signed.created_at > now + CLOCK_SKEW:
            raise PresentationExpiredError("presentation was made at", signed.created_at, now)
        for each in request.wanted:
            if not any(each.is_met_by(credential) for credential in self.credentials):
                raise ClaimsMissingError(type_name(each.entity_type), each.claims)

    def to_json(self) -> Json:
        """The document."""
        signed = self.message
        holder = Did.of(signed.holder, self.domain.chain_id).text
        method = OWNER if self.delegate is None else _DELEGATE + self.delegate
        particulars = {
            "challenge": "0x" + signed.challenge.hex(),
            "domain": signed.audience,
            "created": time_text(signed.created_at),
            "expires": time_text(signed.expires_at),
        }
        proof = Proof(AUTHENTICATION, holder + method, self.domain, signed.TYPE, self.signature, particulars)
        return {
            "@context": list(CONTEXT),
            "type": [TYPE],
            "holder": holder,
            "verifiableCredential": [each.to_json() for each in self.credentials],
            "proof": proof.to_json(),
        }

    @classmethod
    def from_json(cls, document: Any) -> Presentation:
        """Reads a document. Who signed is another question: see ``verify``.

        Raises:
            CertificateError: it is no such document, or says something that nobody signed.
            MessageError, IdentityError: a value in it cannot be what it stands for.
        """
        canonical(document)
        shipped(PRESENTATION).validate(document)
        proof = proof_in(document)
        credentials = tuple(EntityCredential.from_json(each) for each in document["verifiableCredential"])
        message = CertificatePresentation(
            holder=Did.parse(document["holder"]).identity,
            credentials=_credentials_hash(credentials),
            challenge=bytes.fromhex(proof["challenge"][2:]),
            audience=proof["domain"],
            created_at=seconds_of(proof["created"], "/proof/created"),
            expires_at=seconds_of(proof["expires"], "/proof/expires"),
        )
        _, delegated, delegate = proof["verificationMethod"].partition(_DELEGATE)
        signer = delegate if delegated else None
        read = cls(message, domain_in(document), credentials, signer, signature_in(document))
        require_same(document, read.to_json())
        return read


def present(
    credentials: Sequence[EntityCredential],
    request: PresentationRequest,
    signer: Signer,
    *,
    created_at: int,
    expires_at: int | None = None,
    delegate: bool = False,
) -> Presentation:
    """Signs an answer to a request.

    Args:
        credentials: what is shown, from ``request.choose``: all of one subject, the holder.
        signer: the holder's owner.
        created_at: now, Unix seconds.
        expires_at: the request's end where not given.
        delegate: the signer is not the owner, but a ``sigAuth`` delegate of the holder.

    Raises:
        ClaimsMissingError: no certificate, or not what was asked for.
        PresentationSubjectError: certificates of several subjects.
    """
    for each in request.wanted:
        if not any(each.is_met_by(credential) for credential in credentials):
            raise ClaimsMissingError(type_name(each.entity_type), each.claims)
    message = CertificatePresentation(
        holder=credentials[0].certificate.subject,
        credentials=_credentials_hash(credentials),
        challenge=request.challenge,
        audience=request.audience,
        created_at=created_at,
        expires_at=request.expires_at if expires_at is None else expires_at,
    )
    domain = credentials[0].domain
    signature = signer.sign_digest(message.digest(domain)).to_bytes()
    account = signer.address if delegate else None
    return Presentation(message, domain, tuple(credentials), account, signature)


def _credentials_hash(credentials: Sequence[EntityCredential]) -> bytes:
    return keccak256(canonical([each.to_json() for each in credentials]))
