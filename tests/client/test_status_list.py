"""Status lists: the bits of the standard and of its published examples, signed lists, and hostile ones."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.certificates.revocations import status_words
from evgi_client.certificates.status_bits import LONGEST, SHORTEST, StatusBits, bits_in, index_in
from evgi_client.certificates.status_list import SignedStatusList, sign_list
from evgi_client.errors import CertificateError, EvgiError, SigningError, StatusListError
from evgi_client.messages import Domain
from tests.support.credentials import BEGIN, END, ISSUER, SUBJECT, StatusIndex, credential

DOMAIN = Domain("RevocationRegistry", "1", 31337, "0x" + "55" * 20)
# The list of the standard's own test suite, with exactly these indices set.
EXAMPLE = "H4sIACbOo2YC_-3QMREAMAgEsGerLPyrQgFjB-4SCUkWHQAAAAAAAOCwpwAAAADgrFIAAAAAAAAAAAAAAAAA3wxvOeOvqGEAAA"
EXAMPLE_SET = [201, 57_444, 94_023]


def packed(raw: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(gzip.compress(raw)).rstrip(b"=").decode()


def test_a_known_list_without_multibase() -> None:
    bits = StatusBits.decode(EXAMPLE)
    assert bits == StatusBits.decode("u" + EXAMPLE)
    assert list(bits.indices()) == EXAMPLE_SET
    assert [index for index in range(bits.length) if bits.is_set(index)] == EXAMPLE_SET
    assert bits.length == 200_000
    assert list(StatusBits.of(EXAMPLE_SET).indices()) == EXAMPLE_SET


def test_the_lists_of_the_standards_test_suite(shared: Path) -> None:
    folder = shared / "data" / "vectors" / "status_list" / "w3c"
    single, multiple, revoked = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in (
            "status-credentials_single-purpose-ok",
            "status-credentials_multi-purpose-ok",
            "should-be-revoked",
        )
    )
    index = index_in(revoked["credentialStatus"])
    assert index == 201
    for document in (single, multiple):
        assert list(bits_in(document).indices()) == EXAMPLE_SET
        assert bits_in(document).is_set(index)
    assert bits_in(multiple, "suspension") == bits_in(multiple)
    with pytest.raises(StatusListError, match="purpose"):
        bits_in(single, "suspension")


@settings(deadline=None)
@given(st.sets(st.integers(0, SHORTEST - 1), max_size=50))
def test_bits_are_read_as_they_were_written(indices: set[int]) -> None:
    bits = StatusBits.of(indices)
    assert bits.length == SHORTEST
    assert list(bits.indices()) == sorted(indices)
    text = bits.encode()
    assert text[0] == "u"
    assert StatusBits.decode(text) == bits
    # By hand: base64url, gzip, the first index the highest bit.
    raw = gzip.decompress(base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4)))
    assert {i for i in range(SHORTEST) if raw[i // 8] & (128 >> i % 8)} == indices


@settings(deadline=None)
@given(st.sets(st.integers(0, 600), min_size=1, max_size=50))
def test_words_of_the_registry_are_the_bits_in_order(indices: set[int]) -> None:
    assert StatusBits.of_words(status_words(indices)) == StatusBits.of(indices)


def test_a_list_is_as_long_as_it_must_be_and_no_shorter_than_the_standard_says() -> None:
    assert StatusBits.of([]).length == SHORTEST
    assert StatusBits.of([SHORTEST]).length == SHORTEST + 256
    with pytest.raises(StatusListError):
        StatusBits.of([LONGEST])
    with pytest.raises(StatusListError):
        StatusBits.of_words({2**56: 1})
    with pytest.raises(StatusListError):
        StatusBits.decode(packed(bytes(SHORTEST // 8 - 1)))


@pytest.mark.parametrize("index", [-1, SHORTEST, 2**64])
def test_an_index_outside_the_list_has_no_answer(index: int) -> None:
    with pytest.raises(StatusListError):
        StatusBits.of([]).is_set(index)


def test_a_list_that_unpacks_without_end_is_not_unpacked() -> None:
    """A gigabyte of zeros is a megabyte packed, a hundred times that is a file that anyone can make."""
    bomb = gzip.compress(bytes(LONGEST // 8 + 1), 9)
    with pytest.raises(StatusListError, match="more than"):
        StatusBits.decode("u" + base64.urlsafe_b64encode(bomb).decode().rstrip("="))


GOOD = gzip.compress(bytes(SHORTEST // 8))


@pytest.mark.parametrize(
    "packed_list",
    [
        b"",
        b"\x1f\x8b",
        GOOD[:-1],
        GOOD[:40],
        GOOD + b"x",
        GOOD + GOOD,
        GOOD[:-5] + bytes(5),
        b"PK" + GOOD,
        bytes(SHORTEST // 8),
    ],
    ids=range(9),
)
def test_what_does_not_unpack(packed_list: bytes) -> None:
    with pytest.raises(StatusListError):
        StatusBits.decode("u" + base64.urlsafe_b64encode(packed_list).decode().rstrip("="))


@pytest.mark.parametrize(
    "text", ["u", "", "z123", "u+/", "u a", "uAAA\n", "u=====", "\u00fc", None, 1, ["u"], "uA"]
)
def test_what_is_no_encoding(text: Any) -> None:
    with pytest.raises(StatusListError):
        StatusBits.decode(text)


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"credentialSubject": []}, {"credentialSubject": {"type": "RevocationList2020"}},
     {"credentialSubject": {"type": "BitstringStatusList"}},
     {"credentialSubject": {"type": "BitstringStatusList", "statusPurpose": "revocation"}},
     {"credentialSubject": {"type": "BitstringStatusList", "statusPurpose": "revocation", "statusSize": 2,
                            "encodedList": EXAMPLE}}],
)  # fmt: skip
def test_what_is_no_list(document: Any) -> None:
    with pytest.raises(StatusListError):
        bits_in(document)


@pytest.mark.parametrize(
    "changes", [{"type": "StatusList2021Entry"}, {"statusPurpose": "suspension"}, {"statusListIndex": "-1"},
                {"statusListIndex": 1}, {"statusListIndex": "01"}, {"statusListIndex": "1\n"},
                {"statusListIndex": "\u0661"}],
)  # fmt: skip
def test_what_is_no_entry(changes: dict[str, Any]) -> None:
    entry = credential().to_json()["credentialStatus"]
    assert index_in(entry) == 94_567
    with pytest.raises(StatusListError):
        index_in(entry | changes)
    with pytest.raises(StatusListError):
        index_in([])


def signed_list(*indices: int, **changes: Any) -> SignedStatusList:
    dates = {"valid_from": BEGIN, "valid_until": END} | changes
    return sign_list(StatusBits.of(indices), ISSUER, DOMAIN, **dates)


def test_a_signed_list_is_a_status_list_credential() -> None:
    listed = signed_list(*EXAMPLE_SET)
    document = json.loads(json.dumps(listed.to_json()))
    assert document["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
    assert list(bits_in(document).indices()) == EXAMPLE_SET
    read = SignedStatusList.from_json(document)
    assert read == listed
    read.verify_proof()
    # Another implementation's compression of the same bits says the same.
    dates = {"valid_from": BEGIN, "valid_until": END}
    other = sign_list(StatusBits.decode(EXAMPLE), ISSUER, DOMAIN, **dates).to_json()
    assert other["credentialSubject"]["encodedList"] != "u" + EXAMPLE
    other["credentialSubject"]["encodedList"] = "u" + EXAMPLE
    SignedStatusList.from_json(other).verify_proof()


def test_a_certificate_is_looked_up_in_the_list_that_it_names() -> None:
    revoked, good = (
        credential(status=StatusIndex(ISSUER.address, index)).certificate for index in (94_023, 94_024)
    )
    listed = signed_list(*EXAMPLE_SET)
    assert (listed.revokes(revoked, BEGIN), listed.revokes(good, END - 1)) == (True, False)
    for time in (BEGIN - 1, END):
        with pytest.raises(StatusListError, match="holds from"):
            listed.revokes(good, time)
    with pytest.raises(StatusListError, match="names"):
        listed.revokes(credential().certificate, BEGIN)
    with pytest.raises(StatusListError, match="not among"):
        listed.revokes(credential(status=StatusIndex(ISSUER.address, SHORTEST)).certificate, BEGIN)


def test_a_list_that_was_changed_is_not_the_publishers() -> None:
    document = json.loads(json.dumps(signed_list(7).to_json()))
    changes: list[Any] = [
        lambda d: d["credentialSubject"].update(encodedList=StatusBits.of([]).encode()),
        lambda d: d["credentialSubject"].update(statusPurpose="suspension"),
        lambda d: d["credentialSubject"].update(id="urn:evgi:status-list:1"),
        lambda d: d.update(validUntil="2099-01-01T00:00:00Z"),
        lambda d: d.update(id=d["id"].replace("31337", "1")),
        lambda d: d.update(issuer=f"did:ethr:0x7a69:{SUBJECT}"),
        lambda d: d.update(name="x"),
        lambda d: d["proof"]["eip712"]["domain"].update(verifyingContract=SUBJECT),
        lambda d: d["proof"]["eip712"].update(primaryType="EntityCertificate"),
        lambda d: d["proof"].update(proofValue="f" + "00" * 65),
        lambda d: d["proof"].update(proofValue=d["proof"]["proofValue"].upper()),
    ]
    for change in changes:
        changed = copy.deepcopy(document)
        change(changed)
        with pytest.raises(EvgiError):
            SignedStatusList.from_json(changed).verify_proof()
    other = SignedStatusList(signed_list(7).message, DOMAIN, "", StatusBits.of([7]), signed_list().signature)
    with pytest.raises(SigningError):
        other.verify_proof()
    with pytest.raises(StatusListError, match="signed"):
        SignedStatusList(signed_list(7).message, DOMAIN, "", StatusBits.of([8]), b"")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(EXAMPLE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_any_change_of_a_list_is_an_error_of_ours(data: st.DataObject) -> None:
    document = json.loads(json.dumps(signed_list(1).to_json()))
    where = data.draw(st.sampled_from([document, document["credentialSubject"], document["proof"]]))
    where[data.draw(st.sampled_from([*where, "x"]))] = data.draw(ANY)
    with suppress(EvgiError):
        SignedStatusList.from_json(document).verify_proof()


@settings(deadline=None)
@given(st.text(max_size=40) | st.binary(max_size=60).map(packed))
def test_any_text_is_a_list_or_an_error_of_ours(text: str) -> None:
    with suppress(CertificateError):
        assert StatusBits.decode(text).length >= SHORTEST
