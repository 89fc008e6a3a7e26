"""Flat rates: the prices that ``contracts/libraries/Pricing.sol`` computes too, to the same minor unit.

Prices are minor units per kWh and per hour, quantities are Wh and seconds, and each part is rounded by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

from evgi_client.errors import RatesRangeError
from evgi_client.units import SECONDS_PER_HOUR, WH_PER_KWH, Rounding, divide

_UINT64, _UINT32 = 64, 32


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices in minor units, steps in Wh and seconds; a step of 0 or 1 bills what was used.

    Raises:
        RatesRangeError: a price outside uint64 or a step outside uint32.
    """

    per_kwh: int = 0
    per_hour: int = 0
    per_parking_hour: int = 0
    flat: int = 0
    energy_step: int = 0
    time_step: int = 0
    parking_step: int = 0
    rounding: Rounding = Rounding.HALF_UP

    def __post_init__(self) -> None:
        for name in ("per_kwh", "per_hour", "per_parking_hour", "flat"):
            _check_unsigned(name, getattr(self, name), _UINT64)
        for name in ("energy_step", "time_step", "parking_step"):
            _check_unsigned(name, getattr(self, name), _UINT32)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a session used: Wh and seconds.

    Raises:
        RatesRangeError: a quantity outside uint64.
    """

    energy_wh: int = 0
    charging_seconds: int = 0
    parking_seconds: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_unsigned(field.name, getattr(self, field.name), _UINT64)


class Ceilings(Protocol):
    """The fields of ``ChargingTerms`` that bound what a session may cost."""

    @property
    def ceiling_per_kwh(self) -> int: ...
    @property
    def ceiling_per_hour(self) -> int: ...
    @property
    def ceiling_flat(self) -> int: ...
    @property
    def max_duration(self) -> int: ...


def price(rates: Rates, usage: Usage) -> int:
    """Minor units of a session at flat rates, equal to ``Pricing.price``."""
    return (
        part(usage.energy_wh, rates.energy_step, rates.per_kwh, WH_PER_KWH, rates.rounding)
        + part(usage.charging_seconds, rates.time_step, rates.per_hour, SECONDS_PER_HOUR, rates.rounding)
        + part(
            usage.parking_seconds,
            rates.parking_step,
            rates.per_parking_hour,
            SECONDS_PER_HOUR,
            rates.rounding,
        )
        + rates.flat
    )


def part(quantity: int, step: int, unit_price: int, unit: int, rounding: Rounding) -> int:
    """``quantity``, raised to a whole number of steps, times ``unit_price`` for each ``unit`` of it.

    Raises:
        UnitError: a negative quantity or price.
    """
    return divide(in_steps(quantity, step) * unit_price, unit, rounding)


def in_steps(quantity: int, step: int) -> int:
    """``quantity`` raised to the next multiple of ``step``; a step of 0 or 1 leaves it as it is."""
    return quantity if step <= 1 else -(-quantity // step) * step


def ceiling(terms: Ceilings, energy_wh: int) -> int:
    """The most a session under these terms may cost for this energy, equal to ``ISessionSettlement.ceilingOf``:
    the energy and the longest time at the ceiling prices, each half up, and the flat part.

    Raises:
        RatesRangeError: a number the contract could not hold.
    """
    rates = Rates(
        per_kwh=terms.ceiling_per_kwh,
        per_hour=terms.ceiling_per_hour,
        flat=terms.ceiling_flat,
        rounding=Rounding.HALF_UP,
    )
    return price(rates, Usage(energy_wh=energy_wh, charging_seconds=terms.max_duration))


def _check_unsigned(name: str, value: int, bits: int) -> None:
    if not 0 <= value < 1 << bits:
        raise RatesRangeError(name, value, bits)
