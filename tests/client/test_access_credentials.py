"""Access certificates as documents: what they say is what is signed, and nothing else is read."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from evgi_client.access import PaperCredential, from_credential, to_credential
from evgi_client.access.credentials import Paper, hash_of, paper_schema
from evgi_client.access.world import NOBODY
from evgi_client.errors import CertificateDocumentError, CertificateSchemaError, EvgiError, SigningError
from evgi_client.messages import Domain, keccak256
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping
from evgi_client.messages.certificates import RevocationCertificate
from evgi_client.signing import LocalSigner

OWNER = LocalSigner.from_key(bytes(31) + b"\x0a")
OTHER = LocalSigner.from_key(bytes(31) + b"\x0b")
DOMAIN = Domain("AccessRegistry", "1", 1337, "0x" + "42" * 20)
REVOCATIONS = Domain("RevocationRegistry", "1", 1337, "0x" + "43" * 20)
NOW = 1_750_000_000

CERTIFICATE = AccessCertificate(
    id=keccak256(b"id"),
    granter=OWNER.address,
    grantee=OTHER.address,
    group=bytes(32),
    resource=keccak256(b"resource"),
    rights=5,
    purpose=hash_of("service"),
    valid_from=NOW,
    valid_until=NOW + 100,
    delegable=True,
    max_uses=3,
    parent=keccak256(b"parent"),
)
BOOTSTRAPPING = DataHostBootstrapping(
    owner=OWNER.address,
    label=keccak256(b"trips"),
    host=OTHER.address,
    endpoint=hash_of("https://host.example"),
    protocols=hash_of(["evgi", "https"]),
    key_agreement=keccak256(b"key"),
    data_classes=hash_of(["trip"]),
    default_rights=0,
    valid_from=NOW,
    valid_until=NOW + 100,
    deadline=NOW + 50,
)
REVOCATION = RevocationCertificate(OWNER.address, CERTIFICATE.struct_hash(), NOW + 7, 9, NOW + 50)
GROUP = replace(CERTIFICATE, grantee=NOBODY, group=keccak256(b"group"), purpose=bytes(32), parent=bytes(32))
AT_ONCE = replace(REVOCATION, effective_at=0)
SHOWN = {"endpoint": "https://host.example", "protocols": ["evgi", "https"], "dataClasses": ["trip"]}
ALL: list[tuple[Paper, dict[str, Any]]] = [
    (CERTIFICATE, {"purpose": "service"}),
    (CERTIFICATE, {}),
    (GROUP, {}),
    (BOOTSTRAPPING, SHOWN),
    (BOOTSTRAPPING, {"endpoint": "https://host.example"}),
    (REVOCATION, {}),
    (AT_ONCE, {}),
]


def domain_of(message: Paper) -> Domain:
    return REVOCATIONS if isinstance(message, RevocationCertificate) else DOMAIN


def document_of(message: Paper, shown: dict[str, Any] | None = None) -> dict[str, Any]:
    domain = domain_of(message)
    signature = OWNER.sign_digest(message.digest(domain)).to_bytes()
    return to_credential(message, domain, signature, shown)


@pytest.mark.parametrize(("message", "shown"), ALL)
def test_a_document_says_what_is_signed(message: Paper, shown: dict[str, Any]) -> None:
    document = json.loads(json.dumps(document_of(message, shown)))
    read = from_credential(document)
    assert (read.message, read.domain, dict(read.shown)) == (message, domain_of(message), shown)
    assert read.issuer == OWNER.address
    assert read.to_json() == document
    read.verify_proof(OWNER.address)
    with pytest.raises(SigningError):
        read.verify_proof(OTHER.address)


def test_a_document_is_a_verifiable_credential() -> None:
    document = document_of(CERTIFICATE, {"purpose": "service"})
    assert document["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert document["type"] == ["VerifiableCredential", "EvgiAccessCertificate"]
    assert document["issuer"] == f"did:ethr:0x539:{OWNER.address}"
    assert document["id"] == f"urn:evgi:AccessCertificate:0x{CERTIFICATE.struct_hash().hex()}"
    assert (document["validFrom"], document["validUntil"]) == ("2025-06-15T15:06:40Z", "2025-06-15T15:08:20Z")
    assert document["credentialSubject"] == {
        "id": f"did:ethr:0x539:{OTHER.address}",
        "number": "0x" + CERTIFICATE.id.hex(),
        "resource": "0x" + CERTIFICATE.resource.hex(),
        "rights": ["read", "control"],
        "purpose": "0x" + keccak256(b"service").hex(),
        "parent": "0x" + CERTIFICATE.parent.hex(),
        "delegable": True,
        "maxUses": 3,
        "shown": {"purpose": "service"},
    }
    proof = document["proof"]
    assert (proof["type"], proof["proofPurpose"]) == ("DataIntegrityProof", "assertionMethod")
    assert proof["verificationMethod"] == f"{document['issuer']}#controller"
    assert proof["eip712"] == {"domain": DOMAIN.to_json(), "primaryType": "AccessCertificate"}


@pytest.mark.parametrize(("message", "shown"), ALL)
def test_the_schemas_that_are_shipped_fit_and_fit_nothing_more(message: Paper, shown: dict[str, Any]) -> None:
    schema = paper_schema(type(message))
    document = document_of(message, shown)
    Draft202012Validator.check_schema(schema.document)
    schema.validate(document)
    for change in ({"more": 1}, {"issuer": "nobody"}, {"type": ["VerifiableCredential"]}):
        with pytest.raises(CertificateSchemaError):
            schema.validate({**document, **change})


def test_what_is_shown_is_what_was_hashed() -> None:
    for shown in (
        {"endpoint": "https://other.example"},
        {"protocols": ["https", "evgi"]},
        {"purpose": "service"},
        {"endpoint": 3},
    ):
        with pytest.raises(CertificateDocumentError):
            document_of(BOOTSTRAPPING, shown)


def test_a_right_without_a_name_and_a_time_without_a_date_have_no_document() -> None:
    for message in (replace(CERTIFICATE, rights=9), replace(CERTIFICATE, valid_until=2**48 - 1)):
        with pytest.raises(CertificateDocumentError):
            document_of(message)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        found += paths(each, (*path, key))
    return found


JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        7,
        2**60,
        "",
        "0x",
        "0x" + "zz" * 32,
        "0x" + "00" * 32,
        "x" * 66,
        [],
        ["read"],
        {},
        {"a": 1},
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_document_that_was_changed_is_refused_or_has_no_proof(data: st.DataObject) -> None:
    message, shown = data.draw(st.sampled_from(ALL))
    document = document_of(message, shown)
    changed = copy.deepcopy(document)
    *parents, last = data.draw(st.sampled_from([path for path in paths(document) if path]))
    place: Any = changed
    for key in parents:
        place = place[key]
    how = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if how == "remove":
        del place[last]
    elif how == "add" and isinstance(place, dict):
        place["more"] = data.draw(JUNK)
    else:
        place[last] = data.draw(JUNK)
    try:
        read = from_credential(changed)
        read.verify_proof(OWNER.address)
    except EvgiError:
        return
    # What is left is the same certificate, at most without what it showed.
    assert read.message == message
    assert set(read.shown) <= set(shown)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "issuer", "credentialSubject", "proof", "id", "validFrom"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(
        ["EvgiAccessCertificate", "EvgiDataHostBootstrapping", "EvgiRevocationCertificate", "Other"]
    ),
)
def test_anything_else_is_refused(junk: Any, name: str) -> None:
    document = {**junk, "type": ["VerifiableCredential", name]} if isinstance(junk, dict) else junk
    with pytest.raises(EvgiError):
        PaperCredential.from_json(document)
