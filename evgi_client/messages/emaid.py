"""Contract ids of drivers (EMAID: ISO 15118-2 annex H, DIN 91286) and their check digits.

An EMAID is a country (2 letters), a provider (3), an instance (9) and a check digit that may be left out. The older DIN
form has an instance of 6 and a check digit of another kind, which may not: it is part of the ISO form that the id has
today.
"""

from __future__ import annotations

import re

from evgi_client.errors import CheckDigitError, InvalidEmaidError

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# The separator, where there is one, is the same everywhere.
_ISO = re.compile(
    r"(?P<country>[A-Z]{2})(?P<between>-?)(?P<provider>[A-Z0-9]{3})(?P=between)(?P<instance>[A-Z0-9]{9})"
    r"((?P=between)(?P<check>[A-Z0-9]))?"
)
_DIN = re.compile(
    r"(?P<country>[A-Z]{2})(?P<between>[-*]?)(?P<provider>[A-Z0-9]{3})(?P=between)(?P<instance>[A-Z0-9]{6})"
    r"(?P=between)(?P<check>[0-9X])"
)
_CODE = re.compile(r"[A-Z]{2}[A-Z0-9]{12}")
_DIN_CODE = re.compile(r"[A-Z]{2}[A-Z0-9]{9}")

_TWO = ((0, 1), (1, 1))
_THREE = ((0, 1), (1, 2))


def normalise_emaid(emaid: str) -> str:
    """The one form of an EMAID: 15 characters, upper case, without separators, with its check digit. An id of the
    DIN form is taken for the ISO form it became: ``NL-TNM-012204-5`` is ``NLTNM000122045U``.

    Raises:
        InvalidEmaidError: neither form.
        CheckDigitError: another check digit belongs to it.
    """
    text = emaid.upper() if emaid.isascii() else ""
    match = _ISO.fullmatch(text)
    if match is None:
        return _became(emaid, "00")
    code = match["country"] + match["provider"] + match["instance"]
    expected = emaid_check_digit(code)
    if match["check"] not in (None, expected):
        raise CheckDigitError("EMAID", emaid, match["check"], expected)
    return code + expected


def emi3_form(emaid: str) -> str:
    """What an id of the DIN form is for providers that mark contracts with a C (eMI3): ``NL-TNM-012204-5`` is
    ``NLTNMC00122045K``.

    Raises:
        InvalidEmaidError: not the DIN form.
        CheckDigitError: another check digit belongs to it.
    """
    return _became(emaid, "C0")


def emaid_check_digit(code: str) -> str:
    """The check digit of the first 14 characters (ISO 15118-2, annex H).

    Each character is four numbers, two of them modulo 2 and two modulo 3. Each pair is multiplied with a power of a
    matrix, the power of its place, so that exchanged characters show as well as changed ones.

    Raises:
        InvalidEmaidError: not 2 letters and 12 letters or digits, upper case.
    """
    if not _CODE.fullmatch(code):
        raise InvalidEmaidError(
            code, "a check digit belongs to 2 letters and 12 letters or digits, upper case"
        )
    pair_two, pair_three = (0, 0), (0, 0)
    # Horner's rule from the last place on: each step multiplies what came so far with the matrix once more.
    for character in reversed(code):
        number = _DIGITS.index(character)
        two, three = (number // 18, number // 9 % 2), (number // 3 % 3, number % 3)
        pair_two = _times(_plus(pair_two, two), _TWO, 2)
        pair_three = _times(_plus(pair_three, three), _THREE, 3)
    # The digit stands at place 15, whose powers are the unit matrix and the inverse of the second matrix.
    first, second = pair_two
    third, fourth = _times((-pair_three[0], -pair_three[1]), _THREE, 3)
    return _DIGITS[first * 18 + second * 9 + third * 3 + fourth]


def din_check_digit(code: str) -> str:
    """The check digit of the first 11 characters of the DIN form (DIN 91286): digits by powers of 2, modulo 11.
    A letter counts as the two digits of its place among the 36.

    Raises:
        InvalidEmaidError: not 2 letters and 9 letters or digits, upper case.
    """
    if not _DIN_CODE.fullmatch(code):
        raise InvalidEmaidError(
            code, "a check digit belongs to 2 letters and 9 letters or digits, upper case"
        )
    digits = "".join(str(_DIGITS.index(character)) for character in code)
    remainder = sum(int(digit) << place for place, digit in enumerate(digits)) % 11
    return "X" if remainder == 10 else str(remainder)


def _became(emaid: str, filled: str) -> str:
    match = _DIN.fullmatch(emaid.upper()) if emaid.isascii() else None
    if match is None:
        raise InvalidEmaidError(emaid, "it has neither the ISO 15118 nor the DIN 91286 form")
    code = match["country"] + match["provider"] + match["instance"]
    expected = din_check_digit(code)
    if match["check"] != expected:
        raise CheckDigitError("EMAID", emaid, match["check"], expected)
    widened = match["country"] + match["provider"] + filled + match["instance"] + expected
    return widened + emaid_check_digit(widened)


def _plus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _times(
    pair: tuple[int, int], matrix: tuple[tuple[int, int], tuple[int, int]], modulus: int
) -> tuple[int, int]:
    (a, b), (c, d) = matrix
    return (pair[0] * a + pair[1] * c) % modulus, (pair[0] * b + pair[1] * d) % modulus
