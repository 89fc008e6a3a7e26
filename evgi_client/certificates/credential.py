"""Entity certificates as W3C Verifiable Credentials 2.0.

Our derivation from the table of contents of MOBI EVGI 1.0. A document and its ``EntityCertificate`` say the same: every
field of the one is a field of the other, or is under one of its hashes. So the signature that the chain checked is the
proof of the document, and a document with a word changed has none.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evgi_client.certificates.claims import Claim, Hashes, claims_hash, hashes_of, require_listed, salted
from evgi_client.certificates.documents import Json, canonical, seconds_of, time_text
from evgi_client.certificates.identifiers import normalised, require_normal
from evgi_client.certificates.keys import SubjectKey, keys_hash, require_distinct
from evgi_client.certificates.ownership import NOBODY
from evgi_client.certificates.proof import (
    ASSERTION,
    CONTEXT,
    OWNER,
    Proof,
    domain_in,
    require_same,
    signature_in,
)
from evgi_client.certificates.schemas import entity_schema, schema_of, type_name
from evgi_client.errors import CertificateDocumentError, ClaimError
from evgi_client.identity.did import Did
from evgi_client.messages.certificates import EntityCertificate
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evgi_client.messages.domain import Domain
    from evgi_client.signing import Signer
    from evgi_client.signing.recovery import IsValidSignature

TYPE = ("VerifiableCredential", "EvgiEntityCertificate")

_ID = "urn:evgi:certificate:"


@dataclass(frozen=True, slots=True)
class EntityCredential:
    """A certificate with its keys, the hashes of its claims, and those claims that its holder shows.

    Raises:
        ClaimError, SubjectKeyError, CertificateDocumentError: the parts do not belong together.
        SchemaUnknownError: its schema is not one that is shipped.
    """

    certificate: EntityCertificate
    domain: Domain
    """Of the ``CertificateRegistry``."""
    keys: tuple[SubjectKey, ...]
    hashes: Hashes
    claims: Mapping[str, Claim] = field(repr=False)
    signature: bytes
    """Of the issuer's owner: a key's 65 bytes, or what its account (EIP-1271) accepts."""

    def __post_init__(self) -> None:
        require_distinct(self.keys)
        require_listed(self.claims, self.hashes)
        require_normal({name: claim.value for name, claim in self.claims.items()})
        for path, signed, found in (
            ("/credentialSubject/keys", self.certificate.keys, keys_hash(self.keys)),
            ("/credentialSubject/claimHashes", self.certificate.claims, claims_hash(self.hashes)),
            (
                "/credentialSchema",
                self.certificate.schema,
                entity_schema(self.certificate.entity_type).digest,
            ),
        ):
            if signed != found:
                raise CertificateDocumentError(path, "it is not what the certificate has the hash of")

    @property
    def hash(self) -> bytes:
        """The struct hash, under which the chain knows it."""
        return self.certificate.struct_hash()

    def values(self) -> dict[str, Any]:
        """The values of the claims that are shown."""
        return {name: claim.value for name, claim in self.claims.items()}

    def showing(self, *names: str) -> EntityCredential:
        """The same certificate, with these claims shown and no others.

        Raises:
            ClaimError: one that it does not have, or that was not shown to us.
        """
        for name in names:
            if name not in self.claims:
                raise ClaimError(name, "the certificate does not have it, or its value is not here")
        return replace(self, claims={name: self.claims[name] for name in sorted(set(names))})

    def verify_proof(self, owner: str, is_valid_signature: IsValidSignature | None = None) -> None:
        """Returns where the issuer's owner signed, else raises as ``verify_digest`` does.

        Args:
            owner: the issuer's owner when the certificate was registered.
            is_valid_signature: asks the chain about an account that is no key.

        Raises:
            SigningError: another signed, or for another chain or contract, or something else.
        """
        verify_digest(owner, self.certificate.digest(self.domain), self.signature, is_valid_signature)

    def to_json(self) -> Json:
        """The document."""
        signed, chain = self.certificate, self.domain.chain_id
        schema = entity_schema(signed.entity_type)
        issuer = Did.of(signed.issuer, chain).text
        subject: Json = {"id": Did.of(signed.subject, chain).text, "type": type_name(signed.entity_type)}
        if signed.parent != NOBODY:
            subject["parent"] = Did.of(signed.parent, chain).text
        subject["keys"] = [key.to_json() for key in self.keys]
        subject["claimHashes"] = {name: "0x" + value.hex() for name, value in sorted(self.hashes.items())}
        subject["claims"] = {name: claim.to_json() for name, claim in sorted(self.claims.items())}
        document: Json = {
            "@context": list(CONTEXT),
            "id": f"{_ID}0x{signed.id.hex()}",
            "type": list(TYPE),
            "issuer": issuer,
            "validFrom": time_text(signed.valid_from),
            "validUntil": time_text(signed.valid_until),
            "credentialSchema": {"id": schema.id, "type": "JsonSchema", "digestSRI": schema.digest_sri},
            "credentialSubject": subject,
        }
        if signed.status_publisher != NOBODY:
            document["credentialStatus"] = status_entry(chain, signed.status_publisher, signed.status_index)
        proof = Proof(ASSERTION, issuer + OWNER, self.domain, signed.TYPE, self.signature)
        return {**document, "proof": proof.to_json()}

    @classmethod
    def from_json(cls, document: Any) -> EntityCredential:
        """Reads a document. Nothing in it is passed over: what is not signed is refused. Who signed is another
        question: see ``verify_proof``.

        Raises:
            CertificateError: it is no such document, or says something that its certificate does not.
            MessageError, IdentityError: a value in it cannot be what it stands for.
        """
        canonical(document)
        entity_type, schema = schema_of(document)
        schema.validate(document)
        subject, status = document["credentialSubject"], document.get("credentialStatus")
        keys = tuple(SubjectKey.from_json(key) for key in subject["keys"])
        hashes = {name: _bytes(value) for name, value in subject["claimHashes"].items()}
        claims = {
            name: Claim(name, shown["value"], _bytes(shown["salt"]))
            for name, shown in subject["claims"].items()
        }
        certificate = EntityCertificate(
            id=_bytes(document["id"].removeprefix(_ID)),
            entity_type=entity_type,
            subject=Did.parse(subject["id"]).identity,
            issuer=Did.parse(document["issuer"]).identity,
            schema=schema.digest,
            claims=claims_hash(hashes),
            keys=keys_hash(keys),
            parent=Did.parse(subject["parent"]).identity if "parent" in subject else NOBODY,
            valid_from=seconds_of(document["validFrom"], "/validFrom"),
            valid_until=seconds_of(document["validUntil"], "/validUntil"),
            status_publisher=status["statusListCredential"].rpartition(":")[2] if status else NOBODY,
            status_index=int(status["statusListIndex"]) if status else 0,
        )
        read = cls(certificate, domain_in(document), keys, hashes, claims, signature_in(document))
        require_same(document, read.to_json())
        return read


@dataclass(frozen=True, slots=True)
class StatusIndex:
    """Where a publisher's status list says whether a certificate is revoked."""

    publisher: str
    index: int


def draft(
    entity_type: int,
    subject: str,
    issuer: str,
    values: Mapping[str, Any],
    domain: Domain,
    *,
    keys: Sequence[SubjectKey] = (),
    parent: str = NOBODY,
    valid_from: int,
    valid_until: int,
    status: StatusIndex | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> EntityCredential:
    """A certificate that nobody has signed yet, with all its claims. Identifiers among them take their one form.

    Args:
        values: the claims' values by name.
        random: gives unguessable bytes, for the id and the salts.

    Raises:
        CertificateError: values that the schema of the type does not allow.
        MessageError: an identifier that is none, or a field that does not fit.
    """
    claims = salted(normalised(values), random)
    hashes = hashes_of(claims)
    certificate = EntityCertificate(
        id=random(32),
        entity_type=entity_type,
        subject=subject,
        issuer=issuer,
        schema=entity_schema(entity_type).digest,
        claims=claims_hash(hashes),
        keys=keys_hash(keys),
        parent=parent,
        valid_from=valid_from,
        valid_until=valid_until,
        status_publisher=status.publisher if status else NOBODY,
        status_index=status.index if status else 0,
    )
    # Any signature: the schema is about the rest.
    drafted = EntityCredential(certificate, domain, tuple(keys), hashes, claims, bytes(65))
    entity_schema(entity_type).validate(drafted.to_json())
    return drafted


def sign(drafted: EntityCredential, signer: Signer) -> EntityCredential:
    """The certificate with the signature of a key. That of an account (EIP-1271) is put in with ``signed``."""
    digest = drafted.certificate.digest(drafted.domain)
    return signed(drafted, signer.sign_digest(digest).to_bytes())


def signed(drafted: EntityCredential, signature: bytes) -> EntityCredential:
    """The certificate with a signature made elsewhere."""
    return replace(drafted, signature=signature)


def status_list_id(chain_id: int, publisher: str) -> str:
    """The name of a publisher's status list on a chain."""
    return f"urn:evgi:status-list:{chain_id}:{publisher}"


def status_entry(chain_id: int, publisher: str, index: int) -> Json:
    """What a certificate says of its place in a status list (W3C Bitstring Status List 1.0, section 2.1)."""
    name = status_list_id(chain_id, publisher)
    return {
        "id": f"{name}#{index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(index),
        "statusListCredential": name,
    }


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
