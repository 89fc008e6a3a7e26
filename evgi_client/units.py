"""Units and the only divisions allowed to touch money and energy.

Energy is an integer number of watt-hours, money an integer number of minor units of the clearing token
(``MINOR`` to one unit of currency), power watts, time Unix seconds UTC. No float enters or leaves this module.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import IntEnum

from evgi_client.errors import UnitError

MINOR = 10**6
"""Minor units in one unit of currency: the clearing token has six decimals."""

LONGEST = 100
"""Digits before or after the point beyond which a number is nobody's: it would make integers of absurd length."""

WH_PER_KWH = 1000
SECONDS_PER_HOUR = 3600


class Rounding(IntEnum):
    """How a price part that is not a whole minor unit becomes one. The numbers are those of ``Pricing.sol``."""

    FLOOR = 0
    HALF_UP = 1


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """``numerator / denominator`` as an integer, rounded as named. Both must be non-negative.

    Raises:
        UnitError: a negative numerator or a denominator that is not positive.
    """
    if numerator < 0 or denominator <= 0:
        raise UnitError(f"cannot divide {numerator} by {denominator}: amounts are non-negative")
    if rounding is Rounding.HALF_UP:
        return (2 * numerator + denominator) // (2 * denominator)
    return numerator // denominator


def scaled(text: str | int | Decimal, scale: int, what: str) -> int:
    """A decimal number times ``scale``, exactly if it can be, else rounded half up to the next integer.

    Raises:
        UnitError: ``text`` is no finite decimal number, or one of more than a hundred digits.
    """
    try:
        value = Decimal(str(text).strip())
    except InvalidOperation as error:
        raise UnitError(f"{what} {text!r} is not a number") from error
    if not value.is_finite():
        raise UnitError(f"{what} {text!r} is not finite")
    if value and abs(value.adjusted()) > LONGEST:
        raise UnitError(f"{what} {text!r} is out of range")
    # In integers: Decimal's own arithmetic keeps 28 digits.
    numerator, denominator = value.copy_abs().as_integer_ratio()
    magnitude = divide(numerator * scale, denominator, Rounding.HALF_UP)
    return -magnitude if value.is_signed() else magnitude


def wh(kwh: str | int | Decimal) -> int:
    """Watt-hours of a reading in kWh, half up: ``wh("0.3") == 300``."""
    return scaled(kwh, WH_PER_KWH, "energy in kWh")


def minor(amount: str | int | Decimal) -> int:
    """Minor units of an amount of currency, half up: ``minor("4.40") == 4_400_000``."""
    return scaled(amount, MINOR, "amount")


def format_amount(value: int) -> str:
    """Minor units as a decimal string with all six places: ``format_amount(4_400_000) == "4.400000"``."""
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), MINOR)
    return f"{sign}{whole}.{fraction:06d}"
