"""Access, bootstrapping and revocation certificates as W3C Verifiable Credentials 2.0.

Our derivation from the table of contents of MOBI EVGI 1.0. A document says what its message says and nothing else, so
that the signature which the chain takes is the document's proof. Where a message has the hash of something (an
endpoint), the document may show what it is the hash of.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from evgi_client.access.world import NOBODY
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
from evgi_client.certificates.schemas import DocumentSchema
from evgi_client.errors import CertificateDocumentError
from evgi_client.identity.did import Did
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping, Right
from evgi_client.messages.certificates import RevocationCertificate
from evgi_client.messages.hashing import keccak256
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.messages.domain import Domain
    from evgi_client.signing.recovery import IsValidSignature

Paper = AccessCertificate | DataHostBootstrapping | RevocationCertificate

_NAMES: dict[type[Paper], str] = {
    AccessCertificate: "EvgiAccessCertificate",
    DataHostBootstrapping: "EvgiDataHostBootstrapping",
    RevocationCertificate: "EvgiRevocationCertificate",
}


@dataclass(frozen=True, slots=True)
class PaperCredential:
    """A signed certificate as its document has it.

    Raises:
        CertificateDocumentError: what is shown is not what the message has the hash of.
    """

    message: Paper
    domain: Domain
    """Of ``AccessRegistry``; of ``RevocationRegistry`` for a revocation."""
    signature: bytes
    """Of the issuer's owner: a key's 65 bytes, or what its account (EIP-1271) accepts."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """What hashes stand for: ``endpoint`` and ``purpose``, texts; ``protocols`` and ``dataClasses``, lists of texts."""

    def __post_init__(self) -> None:
        hashes = _hashes(self.message)
        for name, value in self.shown.items():
            if name not in hashes:
                raise CertificateDocumentError(f"/credentialSubject/shown/{name}", "nothing has its hash")
            if hash_of(value) != hashes[name]:
                raise CertificateDocumentError(
                    f"/credentialSubject/shown/{name}", "it is not what the certificate has the hash of"
                )

    @property
    def issuer(self) -> str:
        """The identity whose owner signs."""
        message = self.message
        if isinstance(message, AccessCertificate):
            return message.granter
        return message.owner if isinstance(message, DataHostBootstrapping) else message.issuer

    def verify_proof(self, owner: str, is_valid_signature: IsValidSignature | None = None) -> None:
        """Returns where the issuer's owner signed, else raises as ``verify_digest`` does.

        Args:
            owner: the account that owned the issuer's identity.
            is_valid_signature: asks the chain about an account that is no key.

        Raises:
            SigningError: another signed, or for another chain or contract, or something else.
        """
        verify_digest(owner, self.message.digest(self.domain), self.signature, is_valid_signature)

    def to_json(self) -> Json:
        """The document.

        Raises:
            CertificateDocumentError: a time after the year 9999, which documents cannot have.
        """
        chain = self.domain.chain_id
        issuer = Did.of(self.issuer, chain).text
        name = _NAMES[type(self.message)]
        subject, times = _subject(self.message, chain)
        if self.shown:
            subject["shown"] = {key: self.shown[key] for key in sorted(self.shown)}
        proof = Proof(ASSERTION, issuer + OWNER, self.domain, self.message.TYPE, self.signature)
        return {
            "@context": list(CONTEXT),
            "id": f"urn:evgi:{self.message.TYPE}:0x{self.message.struct_hash().hex()}",
            "type": ["VerifiableCredential", name],
            "issuer": issuer,
            **times,
            "credentialSubject": subject,
            "proof": proof.to_json(),
        }

    @classmethod
    def from_json(cls, document: Any) -> PaperCredential:
        """Reads ``to_json``'s document. Nothing in it is passed over: what is not signed is refused. Who signed is
        another question: see ``verify_proof``.

        Raises:
            CertificateError: it is no such document, or says something that its message does not.
            MessageError, IdentityError: a value in it cannot be what it stands for.
        """
        canonical(document)
        named = document.get("type") if isinstance(document, dict) else None
        kind = next((kind for kind, name in _NAMES.items() if named == ["VerifiableCredential", name]), None)
        if kind is None:
            raise CertificateDocumentError("/type", f"expected one of {', '.join(_NAMES.values())}")
        paper_schema(kind).validate(document)
        message = _message(kind, document)
        domain, signature = domain_in(document), signature_in(document)
        shown = document["credentialSubject"].get("shown", {})
        read = cls(message, domain, signature, shown)
        require_same(document, read.to_json())
        return read


def paper_schema(kind: type[Paper]) -> DocumentSchema:
    """The JSON Schema of a kind's documents, which is shipped."""
    return _shipped(re.sub("(?<!^)(?=[A-Z])", "_", kind.TYPE).lower())


@lru_cache
def _shipped(name: str) -> DocumentSchema:
    raw = (resources.files(__package__) / "schemas" / f"{name}.json").read_bytes()
    return DocumentSchema(name, hashlib.sha256(raw).digest(), json.loads(raw))


def hash_of(value: Any) -> bytes:
    """What a message has of an endpoint or a purpose (a text), or of protocols or data classes (lists of texts):
    keccak256 of the text, or of the list's canonical JSON (RFC 8785).

    Raises:
        CertificateDocumentError: another kind of value.
    """
    if isinstance(value, str):
        return keccak256(value.encode())
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return keccak256(canonical(list(value)))
    raise CertificateDocumentError("", "expected a text, or a list of texts")


def to_credential(
    message: Paper, domain: Domain, signature: bytes, shown: Mapping[str, Any] | None = None
) -> Json:
    """A signed certificate as a document. See ``PaperCredential``."""
    return PaperCredential(message, domain, signature, dict(shown or {})).to_json()


def from_credential(document: Any) -> PaperCredential:
    """See ``PaperCredential.from_json``."""
    return PaperCredential.from_json(document)


def _hashes(message: Paper) -> dict[str, bytes]:
    if isinstance(message, DataHostBootstrapping):
        return {
            "endpoint": message.endpoint,
            "protocols": message.protocols,
            "dataClasses": message.data_classes,
        }
    return {"purpose": message.purpose} if isinstance(message, AccessCertificate) else {}


def _subject(message: Paper, chain: int) -> tuple[Json, Json]:
    """The subject of a document, and its times."""
    if isinstance(message, RevocationCertificate):
        revoked = {
            "target": _hex(message.target),
            "reason": message.reason,
            "deadline": time_text(message.deadline),
        }
        # Without one it is in force from the block that brings it.
        return revoked, {"validFrom": time_text(message.effective_at)} if message.effective_at else {}
    times = {"validFrom": time_text(message.valid_from), "validUntil": time_text(message.valid_until)}
    if isinstance(message, DataHostBootstrapping):
        return {
            "id": Did.of(message.host, chain).text,
            "label": _hex(message.label),
            "endpoint": _hex(message.endpoint),
            "protocols": _hex(message.protocols),
            "keyAgreement": _hex(message.key_agreement),
            "dataClasses": _hex(message.data_classes),
            "defaultRights": _names(message.default_rights),
            "deadline": time_text(message.deadline),
        }, times
    granted: Json = {"id": Did.of(message.grantee, chain).text} if message.grantee != NOBODY else {}
    for name in ("group", "purpose", "parent"):
        if any(getattr(message, name)):
            granted[name] = _hex(getattr(message, name))
    return {
        **granted,
        "number": _hex(message.id),
        "resource": _hex(message.resource),
        "rights": _names(message.rights),
        "delegable": message.delegable,
        "maxUses": message.max_uses,
    }, times


def _message(kind: type[Paper], document: Json) -> Paper:
    subject, issuer = document["credentialSubject"], Did.parse(document["issuer"]).identity
    if kind is RevocationCertificate:
        effective = document.get("validFrom")
        return RevocationCertificate(
            issuer=issuer,
            target=_bytes(subject["target"]),
            effective_at=seconds_of(effective, "/validFrom") if effective is not None else 0,
            reason=subject["reason"],
            deadline=seconds_of(subject["deadline"], "/credentialSubject/deadline"),
        )
    valid_from = seconds_of(document["validFrom"], "/validFrom")
    valid_until = seconds_of(document["validUntil"], "/validUntil")
    if kind is DataHostBootstrapping:
        return DataHostBootstrapping(
            owner=issuer,
            label=_bytes(subject["label"]),
            host=Did.parse(subject["id"]).identity,
            endpoint=_bytes(subject["endpoint"]),
            protocols=_bytes(subject["protocols"]),
            key_agreement=_bytes(subject["keyAgreement"]),
            data_classes=_bytes(subject["dataClasses"]),
            default_rights=_mask(subject["defaultRights"]),
            valid_from=valid_from,
            valid_until=valid_until,
            deadline=seconds_of(subject["deadline"], "/credentialSubject/deadline"),
        )
    return AccessCertificate(
        id=_bytes(subject["number"]),
        granter=issuer,
        grantee=Did.parse(subject["id"]).identity if "id" in subject else NOBODY,
        group=_bytes(subject.get("group", _hex(bytes(32)))),
        resource=_bytes(subject["resource"]),
        rights=_mask(subject["rights"]),
        purpose=_bytes(subject.get("purpose", _hex(bytes(32)))),
        valid_from=valid_from,
        valid_until=valid_until,
        delegable=subject["delegable"],
        max_uses=subject["maxUses"],
        parent=_bytes(subject.get("parent", _hex(bytes(32)))),
    )


def _names(rights: int) -> list[str]:
    unknown = rights & ~sum(Right)
    if unknown:
        raise CertificateDocumentError("/credentialSubject", f"rights without a name: 0x{unknown:x}")
    return [right.name.lower() for right in Right if right & rights and right.name]


def _mask(names: list[str]) -> int:
    return sum(Right[name.upper()].value for name in names)


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
