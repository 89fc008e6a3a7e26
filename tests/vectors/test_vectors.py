"""The hashes and signatures of the package, against those that viem and ethers computed (generate_vectors.mjs)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import evgi_client.messages
from evgi_client.errors import SignerMismatchError
from evgi_client.messages import (
    AccessCertificate,
    Accreditation,
    AttributeChange,
    CertificatePresentation,
    ChargingAuthorization,
    ChargingTerms,
    DataHostBootstrapping,
    DataWrite,
    DelegateChange,
    Domain,
    EntityCertificate,
    Message,
    OwnerChange,
    PeeringAgreement,
    RevocationCertificate,
    SessionRecord,
    StatusList,
    UnlockAcceptance,
    UnlockRejection,
    UnlockRequest,
    connector_id,
    evse_id_hash,
    keccak256,
    normalise_evse_id,
    salted_hash,
)
from evgi_client.signing import LocalSigner, Signature, Signed, recover

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VECTORS = json.loads((HERE / "typed_data.json").read_text("utf-8"))

MESSAGES: dict[str, type[Message]] = {
    message.TYPE: message
    for message in (
        ChargingAuthorization,
        SessionRecord,
        PeeringAgreement,
        OwnerChange,
        DelegateChange,
        AttributeChange,
        EntityCertificate,
        Accreditation,
        RevocationCertificate,
        DataHostBootstrapping,
        AccessCertificate,
        UnlockRequest,
        UnlockRejection,
        UnlockAcceptance,
        DataWrite,
        CertificatePresentation,
        StatusList,
    )
}
TYPES = {**MESSAGES, "ChargingTerms": ChargingTerms}
DOMAINS = [Domain.from_json(vector["domain"]) for vector in VECTORS["domains"]]
SIGNERS = [LocalSigner.from_key(bytes.fromhex(vector["key"][2:])) for vector in VECTORS["keys"]]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def with_decimal_strings(value: Any) -> Any:
    """The generator writes every integer as a decimal string."""
    if isinstance(value, dict):
        return {name: with_decimal_strings(part) for name, part in value.items()}
    return str(value) if type(value) is int else value


def every_message() -> set[str]:
    """The names of all messages that somebody signs."""
    public = vars(evgi_client.messages).values()
    return {
        each.TYPE
        for each in public
        if isinstance(each, type) and issubclass(each, Message) and each != Message
    }


def test_the_vectors_cover_every_message_and_both_recovery_ids() -> None:
    assert {vector["type"] for vector in VECTORS["types"]} == set(TYPES)
    assert {vector["type"] for vector in VECTORS["messages"]} == set(MESSAGES) == every_message()
    assert {s["v"] for m in VECTORS["messages"] for d in m["signed"] for s in d["signatures"]} == {27, 28}


@pytest.mark.parametrize("vector", VECTORS["types"], ids=lambda vector: vector["type"])
def test_type_strings(vector: dict[str, Any]) -> None:
    cls = TYPES[vector["type"]]
    assert vector["type"] == cls.TYPE
    assert cls.type_string() == vector["typeString"]
    assert keccak256(cls.type_string().encode()) == unhex(vector["typeHash"])


@pytest.mark.parametrize("number", range(len(DOMAINS)))
def test_domain_separators(number: int) -> None:
    assert DOMAINS[number].separator() == unhex(VECTORS["domains"][number]["separator"])


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda vector: vector["address"])
def test_addresses_of_keys(vector: dict[str, Any]) -> None:
    assert LocalSigner.from_key(unhex(vector["key"])).address == vector["address"]


@pytest.mark.parametrize(
    "vector", VECTORS["messages"], ids=lambda vector: f"{vector['type']}-{vector['values']}"
)
def test_messages(vector: dict[str, Any]) -> None:
    message = MESSAGES[vector["type"]].from_json(vector["message"])
    assert with_decimal_strings(message.to_json()) == vector["message"]
    assert message.struct_hash() == unhex(vector["structHash"])
    for signed in vector["signed"]:
        domain = DOMAINS[signed["domain"]]
        digest = message.digest(domain)
        assert digest == unhex(signed["digest"])
        for signer, expected in zip(SIGNERS, signed["signatures"], strict=True):
            signature = signer.sign(message, domain).signature
            assert signature.to_bytes() == unhex(expected["signature"])
            assert signature.v == expected["v"]
            assert signature.compact() == unhex(expected["compact"])
            assert Signature.from_bytes(unhex(expected["signature"])) == signature
            assert Signature.from_compact(unhex(expected["compact"])) == signature
            assert recover(digest, signature) == signer.address == expected["address"]


@pytest.mark.parametrize("vector", VECTORS["messages"][::5], ids=lambda vector: vector["type"])
def test_a_signature_of_one_domain_is_of_nobody_known_in_another(vector: dict[str, Any]) -> None:
    message = MESSAGES[vector["type"]].from_json(vector["message"])
    signature = Signature.from_bytes(unhex(vector["signed"][0]["signatures"][2]["signature"]))
    expected = vector["signed"][0]["signatures"][2]["address"]
    home = vector["signed"][0]["domain"]
    Signed(message, DOMAINS[home], signature).verify(expected)
    for other in DOMAINS[:home] + DOMAINS[home + 1 :]:  # another chain, another contract, another name
        with pytest.raises(SignerMismatchError) as raised:
            Signed(message, other, signature).verify(expected)
        assert raised.value.expected == expected
        assert raised.value.recovered not in {signer.address for signer in SIGNERS}


@pytest.mark.parametrize(
    "vector", VECTORS["connectors"], ids=lambda vector: f"{vector['evseId']}-{vector['number']}"
)
def test_connector_ids(vector: dict[str, Any]) -> None:
    assert normalise_evse_id(vector["evseId"]) == vector["normalised"]
    assert evse_id_hash(vector["evseId"]) == unhex(vector["evseIdHash"])
    assert connector_id(vector["evseId"], vector["number"]) == unhex(vector["connector"])


@pytest.mark.parametrize("vector", VECTORS["salted"], ids=lambda vector: vector["hash"][:10])
def test_salted_hashes(vector: dict[str, Any]) -> None:
    assert salted_hash(unhex(vector["salt"]), vector["value"]) == unhex(vector["hash"])


def test_the_generator_still_writes_these_vectors(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run the generator with")
    if not (ROOT / "node_modules" / "viem").is_dir() or not (ROOT / "node_modules" / "ethers").is_dir():
        pytest.skip("no viem and ethers in node_modules: run npm ci")
    written = tmp_path / "typed_data.json"
    subprocess.run([node, str(HERE / "generate_vectors.mjs"), str(written)], check=True, timeout=120)
    assert json.loads(written.read_text("utf-8")) == VECTORS
