"""Vehicle identification numbers (ISO 3779) and the check digit of North America (49 CFR 565.15)."""

from __future__ import annotations

import re

from evgi_client.errors import CheckDigitError, InvalidVinError

LENGTH = 17

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_NORTH_AMERICA = "12345"
_CHECK_PLACE = 8
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUES = dict(
    zip(
        "0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
        (*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)),
        strict=True,
    )
)


def normalise_vin(vin: str) -> str:
    """The one form of a VIN: 17 characters, upper case, none of them I, O or Q.

    Where the first character is 1 to 5 (North America) the ninth is a check digit and must be right. Elsewhere ISO 3779
    leaves the ninth to the maker, and it may be anything.

    Raises:
        InvalidVinError: another length, or a character that no VIN has.
        CheckDigitError: another check digit belongs to it.
    """
    text = vin.upper() if vin.isascii() else vin
    if len(text) != LENGTH:
        raise InvalidVinError(vin, f"it has {len(text)} characters, expected {LENGTH}")
    if not _VIN.fullmatch(text):
        raise InvalidVinError(vin, "it has a character other than digits and the letters without I, O and Q")
    if text[0] in _NORTH_AMERICA:
        expected = vin_check_digit(text)
        if text[_CHECK_PLACE] != expected:
            raise CheckDigitError("VIN", vin, text[_CHECK_PLACE], expected)
    return text


def vin_check_digit(vin: str) -> str:
    """What the ninth character of a VIN is in North America, whatever it is now: a digit or X.

    Raises:
        InvalidVinError: not 17 characters that a VIN may have, upper case.
    """
    if not _VIN.fullmatch(vin):
        raise InvalidVinError(
            vin, "a check digit belongs to 17 digits and letters without I, O and Q, upper case"
        )
    remainder = sum(_VALUES[character] * weight for character, weight in zip(vin, _WEIGHTS, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)
