"""Status lists as signed credentials (W3C Bitstring Status List 1.0), published from the ``RevocationRegistry``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.certificates.credential import status_list_id
from evgi_client.certificates.documents import Json, canonical, seconds_of, time_text
from evgi_client.certificates.proof import (
    ASSERTION,
    CONTEXT,
    OWNER,
    Proof,
    domain_in,
    require_same,
    signature_in,
)
from evgi_client.certificates.schemas import STATUS_LIST, shipped
from evgi_client.certificates.status_bits import REVOCATION, StatusBits
from evgi_client.errors import StatusListError
from evgi_client.identity.did import Did
from evgi_client.messages.credentials import StatusList
from evgi_client.messages.hashing import keccak256
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evgi_client.certificates.revocations import Revocations
    from evgi_client.chain import Event
    from evgi_client.messages.certificates import EntityCertificate
    from evgi_client.messages.domain import Domain
    from evgi_client.signing import Signer
    from evgi_client.signing.recovery import IsValidSignature

TYPE = ("VerifiableCredential", "BitstringStatusListCredential")

_PAGE = 512
"""Words that are read from the chain at once."""


@dataclass(frozen=True, slots=True)
class SignedStatusList:
    """A publisher's list as of a time.

    Raises:
        StatusListError: the bits are not those that were signed.
    """

    message: StatusList
    domain: Domain
    """Of the ``RevocationRegistry``."""
    encoded: str
    bits: StatusBits
    signature: bytes

    def __post_init__(self) -> None:
        if (self.message.length, self.message.bits) != (self.bits.length, keccak256(self.bits.raw)):
            raise StatusListError("its bits are not those that were signed")

    def verify_proof(self, is_valid_signature: IsValidSignature | None = None) -> None:
        """Returns where the publisher signed, else raises as ``verify_digest`` does."""
        digest = self.message.digest(self.domain)
        verify_digest(self.message.publisher, digest, self.signature, is_valid_signature)

    def revokes(self, certificate: EntityCertificate, time: int) -> bool:
        """Does the list say that a certificate is revoked?

        Raises:
            StatusListError: it is not the list that the certificate names, does not go as far, or is not of that time.
        """
        if certificate.status_publisher != self.message.publisher:
            raise StatusListError(
                f"it is {self.message.publisher}'s, the certificate names {certificate.status_publisher}'s"
            )
        if not self.message.valid_from <= time < self.message.valid_until:
            raise StatusListError(
                f"it holds from {self.message.valid_from} until before {self.message.valid_until}, not at {time}"
            )
        return self.bits.is_set(certificate.status_index)

    def to_json(self) -> Json:
        """The document."""
        name = status_list_id(self.domain.chain_id, self.message.publisher)
        issuer = Did.of(self.message.publisher, self.domain.chain_id).text
        proof = Proof(ASSERTION, issuer + OWNER, self.domain, self.message.TYPE, self.signature)
        return {
            "@context": list(CONTEXT),
            "id": name,
            "type": list(TYPE),
            "issuer": issuer,
            "validFrom": time_text(self.message.valid_from),
            "validUntil": time_text(self.message.valid_until),
            "credentialSubject": {
                "id": f"{name}#list",
                "type": "BitstringStatusList",
                "statusPurpose": REVOCATION,
                "encodedList": self.encoded,
            },
            "proof": proof.to_json(),
        }

    @classmethod
    def from_json(cls, document: Any) -> SignedStatusList:
        """Reads a document. Who signed is another question: see ``verify_proof``.

        Raises:
            CertificateError: it is no such document, or says something that nobody signed.
            MessageError, IdentityError: a value in it cannot be what it stands for.
        """
        canonical(document)
        shipped(STATUS_LIST).validate(document)
        encoded = document["credentialSubject"]["encodedList"]
        bits = StatusBits.decode(encoded)
        message = StatusList(
            publisher=Did.parse(document["issuer"]).identity,
            bits=keccak256(bits.raw),
            length=bits.length,
            valid_from=seconds_of(document["validFrom"], "/validFrom"),
            valid_until=seconds_of(document["validUntil"], "/validUntil"),
        )
        read = cls(message, domain_in(document), encoded, bits, signature_in(document))
        require_same(document, read.to_json())
        return read


def sign_list(
    bits: StatusBits, signer: Signer, domain: Domain, *, valid_from: int, valid_until: int
) -> SignedStatusList:
    """The signer's list as of ``valid_from``."""
    message = StatusList(signer.address, keccak256(bits.raw), bits.length, valid_from, valid_until)
    signature = signer.sign_digest(message.digest(domain)).to_bytes()
    return SignedStatusList(message, domain, bits.encode(), bits, signature)


def opened_words(events: Iterable[Event], publisher: str) -> list[range]:
    """The words that a publisher has opened, by the registry's events: each range as it was opened."""
    return [
        range(event.args["firstWord"], event.args["firstWord"] + event.args["count"])
        for event in events
        if event.name == "StatusesOpened" and event.args["publisher"] == publisher
    ]


def bits_on_chain(revocations: Revocations, publisher: str, time: int) -> StatusBits:
    """A publisher's list as of a time, read from the registry: everything that it has opened.

    Raises:
        StatusListError: it has opened words beyond what a list may hold.
    """
    opened = opened_words(revocations.events(), publisher)
    # Checked before a word is read: one far away would make a long list of zeros.
    StatusBits.of_words({max((words[-1] for words in opened), default=0): 0})
    wanted = [word for words in opened for word in words]
    found: dict[int, int] = {}
    for start in range(0, len(wanted), _PAGE):
        page = wanted[start : start + _PAGE]
        found.update(zip(page, revocations.statuses_at(publisher, page, time), strict=True))
    return StatusBits.of_words(found | {max(wanted, default=0): found.get(max(wanted, default=0), 0)})
