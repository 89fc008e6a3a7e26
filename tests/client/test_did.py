"""DIDs and DID URLs: what is one, whom it names, and on which chain."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from evgi_client.errors import EvgiError, InvalidAddressError, InvalidDidError
from evgi_client.identity import Did, DidUrl, RecordedHistory, Resolver
from evgi_client.messages import checksum_address
from evgi_client.signing import LocalSigner

IDENTITY = "0xF932e07B8ef841828E219D4F40eead9FAD115b6E"
KEY = "0x037f598b37e51adc9ec8295860f0beaab4d739f65826a1ed0bb524702503b032bd"

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))


@pytest.mark.parametrize(
    ("text", "network", "chain_id", "key"),
    [
        (f"did:ethr:{IDENTITY}", "mainnet", 1, None),
        (f"did:ethr:{IDENTITY.lower()}", "mainnet", 1, None),
        (f"did:ethr:mainnet:{IDENTITY}", "mainnet", 1, None),
        (f"did:ethr:0x1:{IDENTITY}", "0x1", 1, None),
        (f"did:ethr:0x539:{KEY}", "0x539", 1337, KEY),
        (f"did:ethr:rsk:testnet:{IDENTITY}", "rsk:testnet", None, None),
    ],
)
def test_whom_a_did_names(text: str, network: str, chain_id: int | None, key: str | None) -> None:
    did = Did.parse(text)
    assert (did.text, did.network, did.identity, did.chain_id, did.public_key) == (
        text,
        network,
        IDENTITY,
        chain_id,
        key,
    )
    assert str(did) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "did:ethr",
        "did:ethr:0x12",
        "did:ethr:" + IDENTITY[2:],
        f"did:ethr:{IDENTITY[:-1]}",
        f"did:ethr:{IDENTITY[:-1]}e",
        f"did:web:{IDENTITY}",
        f"DID:ethr:{IDENTITY}",
        f" did:ethr:{IDENTITY}",
        f"did:ethr:{IDENTITY}\n",
        "did:ethr:0x04" + KEY[4:],
        "did:ethr:0x02" + "ff" * 32,
        "did:ethr:" + "a:" * 5000 + IDENTITY,
    ],
)
def test_what_is_no_did_ethr(text: str) -> None:
    with pytest.raises(InvalidDidError):
        Did.parse(text)


def test_a_did_url_is_read_for_the_did_in_it() -> None:
    url = f"did:ethr:0x539:{IDENTITY};service=files/path?versionId=5&x=y#controller"
    assert DidUrl.parse(url) == DidUrl(
        f"did:ethr:0x539:{IDENTITY}", "ethr", f"0x539:{IDENTITY}", "versionId=5&x=y"
    )
    assert Did.parse(url) == Did.of(IDENTITY, 1337)


@given(addresses, st.integers(1, 2**64))
def test_a_did_names_the_identity_it_was_made_of(identity: str, chain_id: int) -> None:
    did = Did.of(identity, chain_id)
    assert Did.parse(did.text) == did
    assert (did.identity, did.chain_id) == (identity, chain_id)
    assert Did.of(identity.lower(), chain_id) == did


@given(st.binary(min_size=32, max_size=32).filter(any))
def test_a_key_names_the_identity_of_its_signer(key: bytes) -> None:
    public = PrivateKey(key).public_key
    for form in (public.format(compressed=True), public.format(compressed=False)):
        did = Did.of_key(form, 1)
        assert did.identity == LocalSigner.from_key(key).address
        assert did.public_key == "0x" + public.format(compressed=True).hex()
        assert Did.parse(did.text) == did


def test_no_address_and_no_key_make_no_did() -> None:
    with pytest.raises(InvalidAddressError):
        Did.of("0x12", 1)
    for key in (b"", b"\x02" + b"\xff" * 32, bytes(65)):
        with pytest.raises(InvalidDidError):
            Did.of_key(key, 1)


@given(st.text(max_size=60))
def test_any_text_is_a_did_or_an_error_of_ours(text: str) -> None:
    for attempt in (text, f"did:{text}", f"did:ethr:{text}", f"did:ethr:0x1:{IDENTITY}{text}"):
        try:
            assert Did.parse(attempt).text in attempt
        except EvgiError as error:
            assert isinstance(error, InvalidDidError)  # noqa: PT017 — one of two outcomes


NETWORKS = {"mainnet": 1, "0x89": 137, "gno": 100}


def _answers(shared: Path) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads((shared / "data/vectors/did/w3c_did-ethr-dif.json").read_text())
    return answers


def test_what_others_answered_to_the_working_group(shared: Path) -> None:
    """The documents that ``ethr-did-resolver`` gave to the W3C, as far as they are of no events: who the controller is,
    by which ids, in which order. The events of those chains are not with them."""
    answers = _answers(shared)
    resolver = Resolver(
        {name: RecordedHistory(chain_id, [], {}, 0, 0) for name, chain_id in NETWORKS.items()}
    )
    compared = 0
    for text in answers["dids"]:
        for media_type in answers["supportedContentTypes"]:
            given = json.loads(answers[text][media_type]["representation"])
            ours = resolver.resolve(text, accept=media_type)
            assert ours.error is None
            document = ours.document
            assert document is not None
            assert ours.resolution_metadata == answers[text][media_type]["didResolutionMetadata"]
            count = len(document["verificationMethod"])
            assert [_without_key(method) for method in document["verificationMethod"]] == [
                _without_key(method) for method in given["verificationMethod"][:count]
            ]
            assert document["id"] == given["id"] == text
            for relation in ("authentication", "assertionMethod"):
                assert document[relation] == given[relation][:count]
            compared += 1
            if "versionId" not in answers[text][media_type]["didDocumentMetadata"] and count == 1:
                assert {**document, "@context": None} == {**given, "@context": None}
    assert compared == 16


def test_a_public_key_is_the_one_others_show_as_jwk(shared: Path) -> None:
    (text,) = (text for text in _answers(shared)["dids"] if text.endswith(KEY))
    shown = _answers(shared)[text]["didDocumentDataModel"]["properties"]["verificationMethod"][1]
    resolver = Resolver({"mainnet": RecordedHistory(1, [], {}, 0, 0)})
    ours = resolver.document(text)["verificationMethod"][1]
    x = int.from_bytes(_base64url(shown["publicKeyJwk"]["x"]), "big")
    y = int.from_bytes(_base64url(shown["publicKeyJwk"]["y"]), "big")
    assert ours["publicKeyHex"] == f"{2 + y % 2:02x}{x:064x}"


def test_another_methods_did_is_another_resolvers(shared: Path) -> None:
    others = json.loads((shared / "data/vectors/did/w3c_did-pkh-spruce.json").read_text())
    resolver = Resolver({"mainnet": RecordedHistory(1, [], {}, 0, 0)})
    assert others["dids"]
    for text in others["dids"]:
        assert resolver.resolve(text).resolution_metadata == {"error": "unsupportedDidMethod"}


def _without_key(method: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in method.items() if not name.startswith("publicKey")}


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
