"""Python and Solidity price the same session to the same minor unit: the library by itself, and the settlement
contract that uses it."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.chain import Chain, ContractHandle
from evgi_client.chain.artifacts import Artifact
from evgi_client.errors import ContractError
from evgi_client.messages import ChargingTerms
from evgi_client.signing import LocalSigner
from evgi_client.tariffs import Rates, Usage, ceiling, part, price
from evgi_client.units import SECONDS_PER_HOUR, WH_PER_KWH, Rounding

ARTIFACTS = Path(__file__).parent / "artifacts"
ADDRESS = "0x" + "11" * 20

UINT64 = 2**64 - 1
UINT32 = 2**32 - 1

amounts = st.one_of(st.integers(0, UINT64), st.integers(0, 10**7), st.sampled_from([0, 1, UINT64]))
steps = st.one_of(st.integers(0, UINT32), st.integers(0, 4000), st.sampled_from([0, 1, 2, UINT32]))
roundings = st.sampled_from(Rounding)
rates = st.builds(Rates, amounts, amounts, amounts, amounts, steps, steps, steps, roundings)
usages = st.builds(Usage, amounts, amounts, amounts)


@pytest.fixture(scope="module")
def library(chain: Chain, signers: list[LocalSigner]) -> ContractHandle:
    return chain.deploy(Artifact.load("PricingHarness", ARTIFACTS), [], signers[0])


@pytest.fixture(scope="module")
def settlement(chain: Chain, signers: list[LocalSigner]) -> ContractHandle:
    """Its prices read no other contract, so any three addresses do."""
    return chain.deploy("SessionSettlement", [ADDRESS, ADDRESS, ADDRESS], signers[0])


@settings(max_examples=100, deadline=None)
@given(rates=rates, usage=usages)
def test_price_is_the_library_s(library: ContractHandle, rates: Rates, usage: Usage) -> None:
    assert price(rates, usage) == library.call("price", astuple(rates), astuple(usage))


@settings(max_examples=100, deadline=None)
@given(
    quantity=amounts,
    step=steps,
    unit_price=amounts,
    unit=st.sampled_from([WH_PER_KWH, SECONDS_PER_HOUR, 1, 7]),
    rounding=roundings,
)
def test_part_is_the_library_s(
    library: ContractHandle, quantity: int, step: int, unit_price: int, unit: int, rounding: Rounding
) -> None:
    expected = library.call("part", quantity, step, unit_price, unit, rounding)
    assert part(quantity, step, unit_price, unit, rounding) == expected


@pytest.mark.parametrize(
    ("quantity", "step", "unit_price", "unit", "floor", "half_up"),
    [
        (1, 0, 1499, 1000, 1, 1),
        (1, 0, 1500, 1000, 1, 2),
        (1, 0, 1501, 1000, 1, 2),
        (1, 0, 499, 1000, 0, 0),
        (1801, 1800, 1, 3600, 1, 1),
        (5401, 1800, 1, 3600, 2, 2),
        (1, 1800, 1, 3600, 0, 1),
        (0, 900, 10**6, 3600, 0, 0),
    ],
)
def test_both_round_as_worked_out_by_hand(
    library: ContractHandle, quantity: int, step: int, unit_price: int, unit: int, floor: int, half_up: int
) -> None:
    for rounding, expected in ((Rounding.FLOOR, floor), (Rounding.HALF_UP, half_up)):
        assert part(quantity, step, unit_price, unit, rounding) == expected
        assert library.call("part", quantity, step, unit_price, unit, rounding) == expected


@settings(max_examples=50, deadline=None)
@given(rates=rates, usage=usages)
def test_settlement_prices_the_same(settlement: ContractHandle, rates: Rates, usage: Usage) -> None:
    assert price(rates, usage) == settlement.call("priceOf", astuple(rates), astuple(usage))


@settings(max_examples=50, deadline=None)
@given(per_kwh=amounts, per_hour=amounts, flat=amounts, max_duration=steps, energy_wh=amounts)
def test_settlement_has_the_same_ceiling(
    settlement: ContractHandle, per_kwh: int, per_hour: int, flat: int, max_duration: int, energy_wh: int
) -> None:
    terms = ChargingTerms(
        connector=bytes(32),
        creditor=ADDRESS,
        debtor=ADDRESS,
        tariff=bytes(32),
        fallback_tariff=bytes(32),
        ceiling_per_kwh=per_kwh,
        ceiling_per_hour=per_hour,
        ceiling_flat=flat,
        max_energy=0,
        max_duration=max_duration,
        max_soc=100,
        submit_within=0,
        export_allowed=False,
    )
    assert ceiling(terms, energy_wh) == settlement.call("ceilingOf", astuple(terms), energy_wh)


def test_library_reverts_where_a_part_would_wrap_around(library: ContractHandle) -> None:
    with pytest.raises(ContractError):
        library.call("part", 2**255, 0, 2, 1, Rounding.FLOOR)
