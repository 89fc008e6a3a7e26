"""Tariffs in the shape of OCPI, and what a session costs under one: integers only, no I/O, no clock."""

from evgi_client.tariffs.ocpi import parse_tariff, parse_tariffs, to_ocpi
from evgi_client.tariffs.ocpi_json import read_json, write_json
from evgi_client.tariffs.periods import ChargingPeriod
from evgi_client.tariffs.pricing import PricePart, SessionPrice, price_session
from evgi_client.tariffs.rates import Rates, Usage, ceiling, part, price
from evgi_client.tariffs.tariff import (
    Dimension,
    Direction,
    Element,
    PriceComponent,
    PriceLimit,
    Reservation,
    Restrictions,
    Tariff,
    TaxIncluded,
    Weekday,
    tariff_hash,
)
from evgi_client.units import Rounding

__all__ = [
    "ChargingPeriod",
    "Dimension",
    "Direction",
    "Element",
    "PriceComponent",
    "PriceLimit",
    "PricePart",
    "Rates",
    "Reservation",
    "Restrictions",
    "Rounding",
    "SessionPrice",
    "Tariff",
    "TaxIncluded",
    "Usage",
    "Weekday",
    "ceiling",
    "parse_tariff",
    "parse_tariffs",
    "part",
    "price",
    "price_session",
    "read_json",
    "tariff_hash",
    "to_ocpi",
    "write_json",
]
