"""Contract ids: check digits and forms as other implementations have them, and what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.errors import CheckDigitError, InvalidEmaidError, InvalidEvseIdError, MessageError
from evgi_client.messages import normalise_evse_id
from evgi_client.messages.emaid import din_check_digit, emaid_check_digit, emi3_form, normalise_emaid

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CHARACTERS = "0123456789" + LETTERS
CODES = st.builds(
    lambda country, rest: country + rest,
    st.text(LETTERS, min_size=2, max_size=2),
    st.text(CHARACTERS, min_size=12, max_size=12),
)


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    path = shared / "data" / "protocol" / "iso15118_ids" / "mobilityid_vectors.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("code", "digit"), [("DE83DUIEN83QGZ", "D"), ("NLTNMC00122045", "K"), ("NLTNM000122045", "U")]
)
def test_known_check_digits(code: str, digit: str) -> None:
    assert emaid_check_digit(code) == digit
    assert normalise_emaid(code) == normalise_emaid(f"{code}{digit}") == code + digit


def test_a_known_din_check_digit() -> None:
    assert din_check_digit("NLTNM012204") == "5"


def test_check_digits_are_those_of_other_implementations(vectors: dict[str, Any]) -> None:
    iso = vectors["emaid_iso_check_digit"] | vectors["emaid_emi3_check_digit"]
    assert {code: emaid_check_digit(code) for code in iso} == iso
    din = vectors["din_check_digit"]
    assert {code: din_check_digit(code) for code in din} == din


def test_what_has_no_check_digit_elsewhere_has_none_here(vectors: dict[str, Any]) -> None:
    for code in vectors["emaid_check_digit_must_throw"]:
        with pytest.raises(InvalidEmaidError):
            emaid_check_digit(code)


def test_forms_that_are_equal_elsewhere_are_equal_here(vectors: dict[str, Any]) -> None:
    for group in vectors["emaid_equal"]:
        assert len({normalise_emaid(each) for each in group}) == 1
    for one, other in vectors["emaid_not_equal"]:
        assert normalise_emaid(one) != normalise_emaid(other)
    compact = vectors["emaid_compact"]
    assert {each: normalise_emaid(each) for each in compact} == compact


def test_the_din_form_becomes_the_form_it_becomes_elsewhere(vectors: dict[str, Any]) -> None:
    for din, iso in vectors["emaid_din_to_iso"].items():
        assert normalise_emaid(din) == iso.replace("-", "")
        assert normalise_emaid(din.lower()) == normalise_emaid(iso)
    for din, emi3 in vectors["emaid_din_to_emi3"].items():
        assert emi3_form(din) == emi3.replace("-", "")


def test_what_is_invalid_elsewhere_is_invalid_here(vectors: dict[str, Any]) -> None:
    for emaid in vectors["emaid_invalid"]:
        with pytest.raises((InvalidEmaidError, CheckDigitError)):
            normalise_emaid(emaid)


@pytest.mark.parametrize(
    ("emaid", "expected"),
    [("NL-TNM-000122045-X", "U"), ("DE83DUIEN83QGZ0", "D"), ("NL-TNM-012204-4", "5"), ("nl*tnm*012204*x", "5")],
)  # fmt: skip
def test_a_wrong_check_digit_is_named_with_the_right_one(emaid: str, expected: str) -> None:
    with pytest.raises(CheckDigitError) as refused:
        normalise_emaid(emaid)
    error = refused.value
    assert (error.kind, error.value, error.found, error.expected) == (
        "EMAID",
        emaid,
        emaid[-1].upper(),
        expected,
    )


@pytest.mark.parametrize(
    "emaid",
    ["", "NL-TNM000122045", "NL-TNM-000122045U", "NL--TNM-000122045", "NL TNM 000122045", "NL-TNM-012204",
     "NLTNM012204", "NL-TNM-012204-A", "12-TNM-000122045", "NL-TNM-000122045-U\n", "N\u0131-TNM-000122045"],
)  # fmt: skip
def test_what_is_no_contract_id(emaid: str) -> None:
    with pytest.raises(InvalidEmaidError) as refused:
        normalise_emaid(emaid)
    assert refused.value.emaid == emaid


def test_only_the_din_form_has_the_form_with_a_c() -> None:
    with pytest.raises(InvalidEmaidError):
        emi3_form("NLTNM000122045U")
    with pytest.raises(CheckDigitError):
        emi3_form("NL-TNM-012204-X")


@settings(deadline=None)
@given(CODES, st.integers(0, 13), st.sampled_from(CHARACTERS))
def test_any_one_changed_character_shows(code: str, place: int, other: str) -> None:
    if place < 2 and other not in LETTERS:
        return
    changed = code[:place] + other + code[place + 1 :]
    assert (emaid_check_digit(changed) == emaid_check_digit(code)) == (changed == code)


@settings(deadline=None)
@given(CODES, st.integers(2, 12))
def test_two_exchanged_neighbours_show(code: str, place: int) -> None:
    exchanged = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (emaid_check_digit(exchanged) == emaid_check_digit(code)) == (exchanged == code)


def test_every_check_digit_occurs() -> None:
    digits = {
        emaid_check_digit(f"DEABC00000000{a}"[:12] + f"{a}{b}") for a, b in product(CHARACTERS, repeat=2)
    }
    assert digits == set(CHARACTERS)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_contract_id_or_a_message_error(text: str) -> None:
    with suppress(MessageError):
        assert normalise_emaid(normalise_emaid(text)) == normalise_emaid(text)


def test_evse_ids_are_taken_as_elsewhere(vectors: dict[str, Any]) -> None:
    for valid in vectors["evseid_valid"]:
        assert normalise_evse_id(normalise_evse_id(valid)) == normalise_evse_id(valid)
    for group in vectors["evseid_equal"]:
        assert len({normalise_evse_id(each) for each in group}) == 1
    refused = []
    for invalid in vectors["evseid_invalid"]:
        try:
            normalise_evse_id(invalid)
        except InvalidEvseIdError:
            refused.append(invalid)
    assert refused == vectors["evseid_invalid"]
