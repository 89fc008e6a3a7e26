"""Proofs in documents: W3C Data Integrity objects that hold an EIP-712 signature.

The signature is over a typed struct, whose fields are all that a document says or hashes of it. It is not over the
document's bytes, so that the chain checks the same signature as who reads the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evgi_client.certificates.documents import Json, canonical
from evgi_client.errors import CertificateDocumentError
from evgi_client.messages.domain import Domain

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTEXT: tuple[Any, ...] = ("https://www.w3.org/ns/credentials/v2", {"@vocab": "urn:evgi:vocabulary:1#"})
CRYPTOSUITE = "evgi-eip712-1"

ASSERTION = "assertionMethod"
AUTHENTICATION = "authentication"

OWNER = "#controller"
"""The fragment under which a did:ethr document has its owner's account."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature with what it is over. Bytes of any form: a key's, or what an account (EIP-1271) accepts."""

    purpose: str
    verification_method: str
    domain: Domain
    primary_type: str
    signature: bytes
    particulars: Mapping[str, str] = field(default_factory=dict)
    """What else the object says, such as the challenge of a presentation."""

    def to_json(self) -> Json:
        """The object."""
        return {
            "type": "DataIntegrityProof",
            "cryptosuite": CRYPTOSUITE,
            "proofPurpose": self.purpose,
            "verificationMethod": self.verification_method,
            **self.particulars,
            "eip712": {"domain": self.domain.to_json(), "primaryType": self.primary_type},
            "proofValue": "f" + self.signature.hex(),
        }


def proof_in(document: Json) -> Json:
    """The proof's object of a document that fits its schema."""
    proof: Json = document["proof"]
    return proof


def domain_in(document: Json) -> Domain:
    """The domain of a document's proof.

    Raises:
        MessageError: its values cannot be a domain's.
    """
    return Domain(
        **{
            attribute: proof_in(document)["eip712"]["domain"][name]
            for attribute, name in (
                ("name", "name"),
                ("version", "version"),
                ("chain_id", "chainId"),
                ("verifying_contract", "verifyingContract"),
            )
        }
    )


def signature_in(document: Json) -> bytes:
    """The signature of a document's proof."""
    return bytes.fromhex(proof_in(document)["proofValue"][1:])


def require_same(document: Json, written: Json) -> None:
    """What was read must be what would be written: then nothing in it is unsigned, or said in a second way.

    Raises:
        CertificateDocumentError: where they first differ.
    """
    if canonical(document) != canonical(written):
        raise CertificateDocumentError(
            _difference(document, written, ""), "not what the rest of the document says"
        )


def _difference(one: Any, other: Any, path: str) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            if key not in one or key not in other:
                return f"{path}/{key}"
            if canonical(one[key]) != canonical(other[key]):
                return _difference(one[key], other[key], f"{path}/{key}")
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for number, (each, its) in enumerate(zip(one, other, strict=True)):
            if canonical(each) != canonical(its):
                return _difference(each, its, f"{path}/{number}")
    return path
