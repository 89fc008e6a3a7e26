"""Vehicle identification numbers and serial numbers of meters: which are taken, in what form, and why not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.errors import CheckDigitError, InvalidMeterSerialError, InvalidVinError, MessageError
from evgi_client.messages.meter_serial import normalise_meter_serial
from evgi_client.messages.vin import normalise_vin, vin_check_digit

VIN_CHARACTERS = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
# Published examples: two of North America's, and the one that is all ones.
NORTH_AMERICAN = ("1M8GDM9AXKP042788", "5GZCZ43D13S812715", "11111111111111111")
# Makers of Europe and Asia, whose ninth character is what they please.
ELSEWHERE = ("WVWZZZ1JZ3W386752", "WAUZZZ8K9AA000000", "JH4TB2H26CC000000", "VF1AAAAA012345678")


@pytest.mark.parametrize("vin", NORTH_AMERICAN)
def test_a_north_american_vin_carries_its_check_digit(vin: str) -> None:
    assert normalise_vin(vin) == vin
    assert normalise_vin(vin.lower()) == vin
    assert vin_check_digit(vin) == vin[8]


@pytest.mark.parametrize("vin", ELSEWHERE)
def test_elsewhere_the_ninth_character_is_the_makers(vin: str) -> None:
    assert normalise_vin(vin) == vin


@pytest.mark.parametrize("vin", NORTH_AMERICAN)
def test_a_wrong_check_digit_is_named_with_the_right_one(vin: str) -> None:
    wrong = vin[:8] + ("0" if vin[8] != "0" else "1") + vin[9:]
    with pytest.raises(CheckDigitError) as refused:
        normalise_vin(wrong)
    error = refused.value
    assert (error.kind, error.value, error.found, error.expected) == ("VIN", wrong, wrong[8], vin[8])
    assert repr(wrong) in str(error)


@pytest.mark.parametrize(
    "vin",
    ["", "1M8GDM9AXKP04278", "1M8GDM9AXKP0427888", "1M8GDM9AXKPO42788", "WVWZZZIJZ3W386752", "WVWZZZQJZ3W386752",
     "WVWZZZ1JZ3W38675-", "WVWZZZ1JZ3W38675\u0664", "WVWZZZ1JZ3W38675\n",
     " WVWZZZ1JZ3W38675", "W\u0131WZZZ1JZ3W38675A"],
)  # fmt: skip
def test_what_is_no_vin(vin: str) -> None:
    with pytest.raises(InvalidVinError) as refused:
        normalise_vin(vin)
    assert refused.value.vin == vin


@settings(deadline=None)
@given(st.text(VIN_CHARACTERS, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(VIN_CHARACTERS))
def test_a_changed_character_is_judged_by_the_check_digit(vin: str, place: int, other: str) -> None:
    vin = "1" + vin[1:8] + vin_check_digit("1" + vin[1:]) + vin[9:]
    changed = vin[:place] + other + vin[place + 1 :]
    if changed[0] in "12345" and vin_check_digit(changed) != changed[8]:
        with pytest.raises(CheckDigitError):
            normalise_vin(changed)
    else:
        # The same value: letters and digits share them. Or it left North America.
        assert normalise_vin(changed) == changed


def test_the_check_digit_of_what_is_no_vin_is_refused() -> None:
    with pytest.raises(InvalidVinError, match="upper case"):
        vin_check_digit("1m8gdm9axkp042788")


@pytest.mark.parametrize(
    ("serial", "form"),
    [
        ("1EMH0012345678", "1EMH0012345678"),
        ("1 EMH00 1234 5678", "1EMH0012345678"),
        ("1emh0012345678", "1EMH0012345678"),
        ("1EBZ01000AB", "1EBZ01000AB"),
        ("EM340-0001", "EM340-0001"),
        ("7", "7"),
        ("A B", "A B"),
        ("x" * 32, "x" * 32),
    ],
)
def test_serial_numbers_of_meters(serial: str, form: str) -> None:
    assert normalise_meter_serial(serial) == form
    assert normalise_meter_serial(form) == form


@pytest.mark.parametrize(
    "serial",
    ["", " ", " 12", "12 ", "x" * 33, "a\tb", "a\nb", "Z\u00e4hler", "1EMH00123456X8",
     "1EMHG012345678", "1EMH0O12345678"],
)  # fmt: skip
def test_what_is_no_serial_number(serial: str) -> None:
    with pytest.raises(InvalidMeterSerialError):
        normalise_meter_serial(serial)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_an_identifier_or_a_message_error(text: str) -> None:
    for normalise in (normalise_vin, normalise_meter_serial):
        with suppress(MessageError):
            assert normalise(normalise(text)) == normalise(text)
