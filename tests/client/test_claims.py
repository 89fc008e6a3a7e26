"""Claims salted one by one: what is hashed, what is hidden, and which documents can be hashed at all."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.certificates.claims import Claim, claims_hash, hashes_of, require_listed, salted
from evgi_client.certificates.documents import DEEPEST, canonical, read_object, seconds_of, time_text
from evgi_client.errors import CertificateDocumentError, CertificateError, ClaimError

SALT = bytes(range(32))
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def test_a_claim_is_hashed_with_its_name_and_its_salt() -> None:
    claim = Claim("vin", "1M8GDM9AXKP042788", SALT)
    assert claim.hash() == keccak(SALT + b'["vin","1M8GDM9AXKP042788"]')
    others = (
        Claim("vin2", claim.value, SALT),
        Claim("vin", "1M8GDM9AXKP042789", SALT),
        Claim("vin", claim.value, bytes(32)),
    )
    assert claim.hash() not in [other.hash() for other in others]


def test_the_list_of_hashes_is_hashed_in_canonical_json() -> None:
    hashes = {"b": bytes(32), "a": b"\x01" * 32}
    text = '{"a":"0x' + "01" * 32 + '","b":"0x' + "00" * 32 + '"}'
    assert claims_hash(hashes) == keccak(text=text)
    assert claims_hash(dict(reversed(hashes.items()))) == claims_hash(hashes)


def test_each_claim_has_a_salt_of_its_own() -> None:
    values = {"make": "X", "model": "X"}
    one, other = salted(values), salted(values)
    salts = {claim.salt for claims in (one, other) for claim in claims.values()}
    assert len(salts) == 4
    assert {name: claim.value for name, claim in one.items()} == values


def test_no_salt_is_printed() -> None:
    claim = Claim("vin", "1M8GDM9AXKP042788", SALT)
    assert SALT.hex() not in repr(claim)
    assert str(SALT) not in repr(claim)


@pytest.mark.parametrize("name", ["", "Vin", "vin number", "vin/1", "0vin", "v" * 65, "vin\n", "\u0131d"])
def test_names_are_words(name: str) -> None:
    with pytest.raises(ClaimError):
        Claim(name, 1, SALT)


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_a_salt_has_its_length(salt: bytes) -> None:
    with pytest.raises(ClaimError) as refused:
        Claim("vin", 1, salt)
    assert refused.value.claim == "vin"


def test_only_what_was_signed_can_be_shown() -> None:
    claims = salted({"make": "X", "model": "Y"})
    hashes = hashes_of(claims)
    require_listed(claims, hashes)
    require_listed({}, hashes)
    for shown, listed in (
        ({"make": Claim("make", "Z", claims["make"].salt)}, hashes),
        ({"make": Claim("make", "X", bytes(32))}, hashes),
        ({"make": claims["model"]}, hashes),
        (claims, {"make": hashes["make"]}),
    ):
        with pytest.raises(ClaimError):
            require_listed(shown, listed)


@settings(deadline=None)
@given(VALUES)
def test_canonical_json_reads_as_what_it_was_made_of(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


def test_canonical_json_is_that_of_the_standard() -> None:
    # RFC 8785, section 3.2.3: keys by their UTF-16 code units.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = canonical(dict.fromkeys(keys, 0)).decode()
    assert list(json.loads(text)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    # And section 3.2.2.2: which characters are escaped, and how.
    assert (
        canonical('\u20ac$\u000f\nA\'B"\\\\"/\u007f') == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"'
    )


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), 2**53, -(2**53), b"x", {1: 2}, {"a": {"b": [0.5]}}, "\ud800", {"\udfff": 1}, object(), {1, 2}],
)  # fmt: skip
def test_what_has_no_one_form_is_refused(value: Any) -> None:
    with pytest.raises(CertificateDocumentError):
        canonical(value)


def test_where_it_is_refused_is_named() -> None:
    with pytest.raises(CertificateDocumentError) as refused:
        canonical({"a": [{"b": 1}, {"b": 0.5}]})
    assert refused.value.path == "/a/1/b"


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '{"a":1.0}', '{"a":1e3}', '{"a":NaN}', '{"a":-Infinity}', "[]", "1", "",
     "{", "\ufeff{}", '{"a":9007199254740992}', '{"a":' + "9" * 5000 + "}", '{"a":"\\ud800"}', "null", '{"a":1}x',
     '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", '{"a":' + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1) + "}"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_documents_that_two_readers_could_take_for_two_are_refused(text: str) -> None:
    for form in (text, text.encode()):
        with pytest.raises(CertificateDocumentError):
            read_object(form)


def test_only_utf_8_is_read_and_not_without_end() -> None:
    with pytest.raises(CertificateDocumentError):
        read_object('{"a":1}'.encode("utf-16"))
    with pytest.raises(CertificateDocumentError, match="longer than 100"):
        read_object('{"a":"' + "x" * 200 + '"}', 100)
    assert read_object('{"a":"\u00e4"}'.encode()) == {"a": "\u00e4"}


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_bytes_are_a_document_or_a_certificate_error(raw: bytes | str) -> None:
    with suppress(CertificateError):
        assert isinstance(read_object(raw), dict)


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_times_have_one_form(seconds: int) -> None:
    assert seconds_of(time_text(seconds), "") == seconds


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T09:00:00+00:00", "2026-11-20T09:00:00.0Z", "2026-11-20t09:00:00Z", "2026-02-30T09:00:00Z", "now", "",
     "2026-11-20T24:00:00Z", "1969-12-31T23:59:59Z", "2026-11-20T09:00:00Z\n", 1, None],
)  # fmt: skip
def test_no_other_form_is_a_time(text: object) -> None:
    with pytest.raises(CertificateDocumentError):
        seconds_of(text, "/validFrom")


def test_a_time_after_the_calendar_has_no_form() -> None:
    with pytest.raises(CertificateDocumentError):
        time_text(2**64 - 1)
