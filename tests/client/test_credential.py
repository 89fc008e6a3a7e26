"""Entity certificates as documents: what they say is what was signed, and nothing else can be said with them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from evgi_client.certificates.claims import Claim
from evgi_client.certificates.credential import EntityCredential, draft, sign
from evgi_client.certificates.documents import canonical
from evgi_client.certificates.keys import MOST, KeyAlgorithm, KeyUse, SubjectKey
from evgi_client.certificates.schemas import entity_schema, shipped, type_name
from evgi_client.errors import (
    CertificateDocumentError,
    CertificateError,
    CertificateSchemaError,
    CheckDigitError,
    ClaimError,
    EvgiError,
    InvalidVinError,
    SchemaUnknownError,
    SigningError,
    SubjectKeyError,
)
from evgi_client.messages.certificates import EntityCertificate, EntityType
from tests.support.credentials import (
    BEGIN,
    CLAIMS,
    DOMAIN,
    END,
    HOST_KEY,
    ISSUER,
    KEYS,
    METER_KEY,
    PARENT,
    SUBJECT,
    credential,
)

TYPES = [each for each in EntityType if each is not EntityType.NONE]
P256_POINT = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")


def document_of(entity_type: EntityType = EntityType.VEHICLE, **changes: Any) -> dict[str, Any]:
    """As it is read from a file."""
    read: dict[str, Any] = json.loads(json.dumps(credential(entity_type, **changes).to_json()))
    return read


@pytest.mark.parametrize("entity_type", TYPES, ids=lambda each: each.name)
def test_every_entity_type_has_certificates(entity_type: EntityType) -> None:
    issued = credential(entity_type)
    document = json.loads(json.dumps(issued.to_json()))
    read = EntityCredential.from_json(document)
    assert read == issued
    assert read.hash == issued.hash
    read.verify_proof(ISSUER.address)
    assert document["credentialSubject"]["type"] == type_name(entity_type)
    # Any other validator of JSON Schema says so too.
    schema = entity_schema(entity_type).document
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)


def test_a_document_is_a_verifiable_credential() -> None:
    document = document_of()
    assert document["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert document["type"][0] == "VerifiableCredential"
    assert document["issuer"] == f"did:ethr:0x7a69:{ISSUER.address}"
    assert document["credentialSubject"]["id"] == f"did:ethr:0x7a69:{SUBJECT}"
    assert (document["validFrom"], document["validUntil"]) == ("2025-06-15T15:06:40Z", "2028-08-16T00:53:20Z")
    assert document["credentialStatus"]["statusListIndex"] == "94567"
    proof = document["proof"]
    assert (proof["type"], proof["proofPurpose"]) == ("DataIntegrityProof", "assertionMethod")
    assert proof["verificationMethod"] == document["issuer"] + "#controller"
    assert proof["eip712"] == {"domain": DOMAIN.to_json(), "primaryType": "EntityCertificate"}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of everything in a document."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def other_values(value: Any) -> list[Any]:
    """Values that are like another, and some that are not."""
    if isinstance(value, bool):
        return [not value, int(value), str(value)]
    if isinstance(value, int):
        return [value + 1, str(value), float(value), -value]
    if isinstance(value, str):
        near = value[:-1] + chr(ord(value[-1]) ^ 1)
        return [near, value + " ", value.upper(), value.lower(), value.swapcase(), "", value + "\n", [value]]
    if isinstance(value, list):
        return [
            value[::-1],
            value + value[:1],
            value[:-1],
            [*value, None],
            {},
            {str(n): v for n, v in enumerate(value)},
        ]
    return [{**value, "x": 1}, {}, list(value), None]


@pytest.mark.parametrize("entity_type", [EntityType.VEHICLE, EntityType.METER], ids=lambda each: each.name)
def test_whatever_is_changed_breaks_it(entity_type: EntityType) -> None:
    """Every value of a document, replaced by every other one that comes to mind, and every key left out."""
    document = document_of(entity_type)
    signed = EntityCredential.from_json(document).hash
    tried = 0
    for path in leaves(document):
        if not path:
            continue
        for value in (*other_values(at(document, path)), ...):
            changed = copy.deepcopy(document)
            if value is ...:
                parent = at(changed, path[:-1])
                parent.pop(path[-1])
            else:
                at(changed, path[:-1])[path[-1]] = value
            if value is not ... and same(changed, document):
                continue
            if path[:2] == ("credentialSubject", "claims") and same_but_claims(changed, document):
                # Showing less is what claims are salted for.
                assert EntityCredential.from_json(changed).hash == signed
                continue
            tried += 1
            with pytest.raises(EvgiError):
                EntityCredential.from_json(changed).verify_proof(ISSUER.address)
    assert tried > 300


def same(one: Any, other: Any) -> bool:
    try:
        return canonical(one) == canonical(other)
    except CertificateError:
        return False


def same_but_claims(changed: Any, document: Any) -> bool:
    """Is only a claim left out?"""
    subject = changed["credentialSubject"]
    shown = subject.get("claims")
    if not isinstance(shown, dict) or any(
        name not in document["credentialSubject"]["claims"]
        or not same(claim, document["credentialSubject"]["claims"][name])
        for name, claim in shown.items()
    ):
        return False
    whole = {**subject, "claims": document["credentialSubject"]["claims"]}
    return same({**changed, "credentialSubject": whole}, document)


def test_a_document_has_one_hash_for_good() -> None:
    """Values that other implementations, and documents that are out there, must agree with."""
    fixed = draft(
        EntityType.METER,
        SUBJECT,
        ISSUER.address,
        CLAIMS[EntityType.METER],
        DOMAIN,
        keys=KEYS[EntityType.METER],
        valid_from=BEGIN,
        valid_until=END,
        random=lambda count: b"\x07" * count,
    )
    serial = keccak(b"\x07" * 32 + b'["meterSerial","1EMH0012345678"]')
    listed = keccak(text='{"meterSerial":"0x' + serial.hex() + '"}')
    keys = keccak(
        text='[{"algorithm":"secp256k1","publicKey":"0x' + METER_KEY.public_key.hex() + '","use":"metering"}]'
    )
    signed = fixed.certificate
    assert (fixed.hashes["meterSerial"], signed.claims, signed.keys) == (serial, listed, keys)
    assert signed.schema.hex() == "1c2c538fca58a3a2d62614d7f97af1d47b6e95e4bec723fc3b0e08a5fdcd313a"
    assert fixed.hash.hex() == "0ca66923f850cd64e1562077b81bb980d50211410da7b1828a981975ec97d37c"


def test_the_proof_is_an_ordinary_eip_712_signature() -> None:
    """Any wallet's library finds the issuer in it, from what the document says."""
    issued = credential()
    proof = issued.to_json()["proof"]
    types = {EntityCertificate.TYPE: EntityCertificate.typed_data_types()[EntityCertificate.TYPE]}
    message = encode_typed_data(proof["eip712"]["domain"], types, issued.certificate.to_json())
    signature = bytes.fromhex(proof["proofValue"].removeprefix("f"))
    assert Account.recover_message(message, signature=signature) == ISSUER.address


def test_parts_of_two_certificates_make_none() -> None:
    one, other = credential(), credential(EntityType.METER)
    for changes, path in (
        ({"keys": (HOST_KEY,)}, "/credentialSubject/keys"),
        ({"hashes": other.hashes, "claims": {}}, "/credentialSubject/claimHashes"),
        ({"certificate": replace(one.certificate, schema=bytes(32))}, "/credentialSchema"),
    ):
        with pytest.raises(CertificateDocumentError) as refused:
            replace(one, **changes)
        assert refused.value.path == path


def test_where_a_document_says_what_nobody_signed_is_named() -> None:
    document = document_of(EntityType.METER)
    document["credentialSubject"]["keys"][0]["publicKey"] = "0x" + METER_KEY.public_key.hex().upper()
    with pytest.raises(CertificateSchemaError, match=r"keys\[0\].publicKey"):
        EntityCredential.from_json(document)
    document = document_of()
    document["issuer"] = document["issuer"].lower()
    with pytest.raises(CertificateDocumentError) as refused:
        EntityCredential.from_json(document)
    assert refused.value.path == "/issuer"


def test_another_contract_is_told_by_the_domain() -> None:
    document = document_of()
    document["proof"]["eip712"]["domain"]["chainId"] = 1
    with pytest.raises(CertificateDocumentError, match="not what the rest") as refused:
        EntityCredential.from_json(document)
    assert refused.value.path
    document = document_of()
    document["proof"]["eip712"]["domain"]["verifyingContract"] = SUBJECT
    read = EntityCredential.from_json(document)
    assert read.domain != DOMAIN
    with pytest.raises(SigningError):
        read.verify_proof(ISSUER.address)


def test_another_signer_is_refused() -> None:
    with pytest.raises(SigningError):
        credential().verify_proof(SUBJECT)


def test_a_holder_shows_some_claims_and_keeps_the_rest() -> None:
    whole = credential()
    shown = whole.showing("make", "batteryCapacityWh")
    document = json.loads(json.dumps(shown.to_json()))
    read = EntityCredential.from_json(document)
    assert read.values() == {"batteryCapacityWh": 77_000, "make": "Motor Coach"}
    assert read.hash == whole.hash
    read.verify_proof(ISSUER.address)
    text = json.dumps(document)
    hidden = [whole.claims[name] for name in whole.claims if name not in read.claims]
    assert len(hidden) == 3
    for claim in hidden:
        assert claim.salt.hex() not in text
        assert json.dumps(claim.value) not in text
        assert claim.hash().hex() in text, "that there is such a claim may be known"
    with pytest.raises(ClaimError):
        read.showing("vin")
    assert whole.showing().values() == {}


def test_a_claim_of_another_certificate_is_refused() -> None:
    one, other = document_of(), document_of()
    one["credentialSubject"]["claims"]["vin"] = other["credentialSubject"]["claims"]["vin"]
    with pytest.raises(ClaimError) as refused:
        EntityCredential.from_json(one)
    assert refused.value.claim == "vin"


def test_identifiers_take_their_one_form() -> None:
    assert credential(values={"vin": "1m8gdm9axkp042788"}).values()["vin"] == "1M8GDM9AXKP042788"
    assert credential(EntityType.USER).values()["emaid"] == "DE83DUIEN83QGZD"
    assert credential(EntityType.METER).values()["meterSerial"] == "1EMH0012345678"
    assert credential(EntityType.CHARGE_POINT).values()["evseIds"] == ["DEABCE0001"]


@pytest.mark.parametrize(
    ("entity_type", "values", "error"),
    [
        (EntityType.VEHICLE, {"vin": "1M8GDM9A0KP042788"}, CheckDigitError),
        (EntityType.VEHICLE, {"vin": "1M8GDM9AXKP04278O"}, InvalidVinError),
        (EntityType.USER, {"emaid": "DE-83D-UIEN83QGZ-X"}, CheckDigitError),
        (EntityType.VEHICLE, {"make": "X"}, CertificateSchemaError),
        (EntityType.VEHICLE, {"vin": 17}, CertificateSchemaError),
        (EntityType.VEHICLE, {"vin": "WVWZZZ1JZ3W386752", "colour": "red"}, CertificateSchemaError),
        (EntityType.VEHICLE, {"vin": "WVWZZZ1JZ3W386752", "batteryCapacityWh": 77.4}, CertificateDocumentError),
        (EntityType.VEHICLE, {"vin": "WVWZZZ1JZ3W386752", "v2g": {}}, CertificateSchemaError),
        (EntityType.UTILITY, {}, CertificateSchemaError),
        (EntityType.UTILITY, {"legalName": "X", "country": "DE\n"}, CertificateSchemaError),
        (EntityType.USER, {"Name": "X"}, ClaimError),
    ],
)  # fmt: skip
def test_claims_that_no_certificate_of_the_type_has(
    entity_type: EntityType, values: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        credential(entity_type, values=values)


def test_an_issuer_cannot_sign_a_second_form_of_an_identifier() -> None:
    """Whoever reads refuses what ``draft`` would not have made."""
    whole = credential(EntityType.USER)
    claims = {**whole.claims, "emaid": Claim("emaid", "DE83DUIEN83QGZ", bytes(32))}
    with pytest.raises(ClaimError, match="signed"):
        replace(whole, claims=claims)
    with pytest.raises(ClaimError, match="one form"):
        replace(whole, claims=claims, hashes={**whole.hashes, "emaid": claims["emaid"].hash()})


def test_a_meter_and_a_data_host_have_keys() -> None:
    for entity_type in KEYS:
        with pytest.raises(CertificateSchemaError, match="contains"):
            credential(entity_type, keys=())
    read = EntityCredential.from_json(document_of(EntityType.METER))
    assert read.keys == (METER_KEY,)


def test_only_batteries_and_meters_have_a_parent() -> None:
    document = document_of(EntityType.BATTERY)
    assert document["credentialSubject"]["parent"] == f"did:ethr:0x7a69:{PARENT}"
    with pytest.raises(CertificateSchemaError, match="parent"):
        credential(EntityType.VEHICLE, parent=PARENT)
    assert (
        "parent" not in credential(EntityType.BATTERY, parent="0x" + "00" * 20).to_json()["credentialSubject"]
    )


def test_a_status_is_left_out_where_there_is_none() -> None:
    document = document_of(status=None)
    assert "credentialStatus" not in document
    assert EntityCredential.from_json(document).certificate.status_index == 0


def test_no_claim_is_printed_with_a_certificate() -> None:
    shown = repr(credential())
    assert "1M8GDM9AXKP042788" not in shown
    assert "salt" not in shown


def test_no_two_drafts_are_alike() -> None:
    one, other = credential(), credential()
    assert one.hash != other.hash
    assert not set(one.hashes.values()) & set(other.hashes.values())


def test_random_bytes_are_given_where_a_test_wants_to_know_them() -> None:
    arguments: dict[str, Any] = {
        "valid_from": BEGIN,
        "valid_until": END,
        "random": lambda count: b"\x07" * count,
    }
    drafted = draft(2, SUBJECT, ISSUER.address, CLAIMS[EntityType.VEHICLE], DOMAIN, **arguments)
    again = draft(2, SUBJECT, ISSUER.address, CLAIMS[EntityType.VEHICLE], DOMAIN, **arguments)
    assert (drafted.certificate.id, drafted.hash) == (b"\x07" * 32, again.hash)
    with pytest.raises(SigningError):
        drafted.verify_proof(ISSUER.address)
    sign(drafted, ISSUER).verify_proof(ISSUER.address)


# Keys


@pytest.mark.parametrize(
    ("use", "algorithm", "raw"),
    [
        (KeyUse.ASSERTION, KeyAlgorithm.SECP256K1, b"\x05" + METER_KEY.public_key[1:]),
        (KeyUse.ASSERTION, KeyAlgorithm.SECP256K1, METER_KEY.public_key[1:]),
        (KeyUse.ASSERTION, KeyAlgorithm.SECP256K1, b"\x02" + b"\xff" * 32),
        (KeyUse.ASSERTION, KeyAlgorithm.P256, b"\x02" + b"\xff" * 32),
        (KeyUse.ASSERTION, KeyAlgorithm.P256, b""),
        (KeyUse.ASSERTION, KeyAlgorithm.X25519, HOST_KEY.public_key),
        (KeyUse.KEY_AGREEMENT, KeyAlgorithm.ED25519, b"\x01" * 32),
        (KeyUse.KEY_AGREEMENT, KeyAlgorithm.X25519, bytes(32)),
        (KeyUse.AUTHENTICATION, KeyAlgorithm.ED25519, b"\x01" * 33),
    ],
)
def test_what_is_no_key(use: KeyUse, algorithm: KeyAlgorithm, raw: bytes) -> None:
    with pytest.raises(SubjectKeyError):
        SubjectKey(use, algorithm, raw)


def test_keys_of_every_curve() -> None:
    for key in (
        METER_KEY,
        HOST_KEY,
        SubjectKey(KeyUse.AUTHENTICATION, KeyAlgorithm.P256, P256_POINT),
        SubjectKey(KeyUse.AUTHENTICATION, KeyAlgorithm.ED25519, b"\x01" * 32),
    ):
        assert SubjectKey.from_json(key.to_json()) == key


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"use": "metering"}, {"use": "metering", "algorithm": "rsa", "publicKey": "0x00"},
     {"use": "metering", "algorithm": "secp256k1", "publicKey": "0xzz"},
     {"use": 1, "algorithm": [], "publicKey": {}}, {**METER_KEY.to_json(), "x": 1}],
)  # fmt: skip
def test_what_is_no_key_in_json(document: Any) -> None:
    with pytest.raises(SubjectKeyError):
        SubjectKey.from_json(document)


def test_keys_are_few_and_distinct() -> None:
    with pytest.raises(SubjectKeyError, match="twice"):
        credential(keys=(METER_KEY, METER_KEY))
    many = [SubjectKey(KeyUse.ASSERTION, KeyAlgorithm.ED25519, bytes((n + 1,)) * 32) for n in range(MOST + 1)]
    with pytest.raises(SubjectKeyError, match="at most"):
        credential(keys=many)


# Schemas


def test_a_schema_that_is_not_shipped_is_refused() -> None:
    for changes in (
        {"id": "urn:evgi:schema:boat:1"},
        {"digestSRI": "sha256-" + "A" * 43 + "="},
        {"id": None},
    ):
        document = document_of()
        document["credentialSchema"] |= changes
        with pytest.raises(SchemaUnknownError):
            EntityCredential.from_json(document)
    for number in (0, 13, 255):
        with pytest.raises(SchemaUnknownError):
            entity_schema(number)


def test_a_certificate_of_one_type_does_not_pass_for_another() -> None:
    document = document_of(EntityType.UTILITY)
    other = entity_schema(EntityType.OPERATOR)
    document["credentialSchema"] |= {"id": other.id, "digestSRI": other.digest_sri}
    with pytest.raises(CertificateSchemaError):
        EntityCredential.from_json(document)
    document["credentialSubject"]["type"] = "Operator"
    read = EntityCredential.from_json(document)
    with pytest.raises(SigningError):
        read.verify_proof(ISSUER.address)


def test_schemas_share_what_they_define() -> None:
    """Each file stands by itself, so that its digest is all there is to know; none may say it in a way of its own."""
    documents = [shipped(each.name.lower()).document for each in TYPES]
    documents += [shipped(name).document for name in ("presentation", "presentation_request", "status_list")]
    for name, definition in documents[0]["$defs"].items():
        assert {canonical(each["$defs"][name]) for each in documents if name in each["$defs"]} == {
            canonical(definition)
        }
    claims: dict[str, set[bytes]] = {}
    for each in documents[: len(TYPES)]:
        for name, claim in each["properties"]["credentialSubject"]["properties"]["claims"][
            "properties"
        ].items():
            claims.setdefault(name, set()).add(canonical(claim))
    assert {name for name, forms in claims.items() if len(forms) > 1} == set()
    assert len({each["$id"] for each in documents}) == len(documents)


# Hostile input

ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(ANY_JSON)
def test_any_json_is_a_certificate_or_an_error_of_ours(document: Any) -> None:
    with pytest.raises(EvgiError):
        EntityCredential.from_json(document)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_change_of_a_document_is_an_error_of_ours(data: st.DataObject) -> None:
    document = document_of(data.draw(st.sampled_from(TYPES)))
    paths = list(leaves(document))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths[1:]))
        with suppress(LookupError, TypeError):
            at(document, path[:-1])[path[-1]] = data.draw(ANY_JSON)
    with suppress(EvgiError):
        EntityCredential.from_json(document).verify_proof(ISSUER.address)
