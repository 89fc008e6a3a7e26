"""What two utilities sign."""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.messages.typed import Message, typed


@typed(
    "PeeringAgreement(address utilityA,address utilityB,uint32 version,address currency,uint32 submitWithin,"
    "uint16 feeBps,uint128 creditLineA,uint128 creditLineB,uint64 ceilingPerKwh,uint64 ceilingPerHour,"
    "uint64 ceilingFlat,uint32 window,uint32 disputePeriod,uint32 noticePeriod,uint64 validFrom,"
    "uint64 deadline)"
)
@dataclass(frozen=True, slots=True)
class PeeringAgreement(Message):
    """What two utilities agree on, signed by both in the domain of ``PeeringRegistry``. The registry takes it
    only with the lower address as ``utility_a``. Money is in minor units, spans in seconds, points in time in
    Unix seconds."""

    utility_a: str
    utility_b: str
    version: int
    """Higher than any before it of the pair: ``PeeringRegistry.nextVersion``."""
    currency: str
    """The token in which the pair's position is kept and paid."""
    submit_within: int
    """From the start of a session until it must reach the chain."""
    fee_bps: int
    """Share of a session's cost that the debtor keeps, in 1/10,000, floor."""
    credit_line_a: int
    """The most that A may owe B."""
    credit_line_b: int
    """The most that B may owe A."""
    ceiling_per_kwh: int
    """No terms of the pair may have higher ceilings."""
    ceiling_per_hour: int
    ceiling_flat: int
    window: int
    """Length of a clearing window."""
    dispute_period: int
    notice_period: int
    valid_from: int
    """From when it applies. Sessions are judged at their start."""
    deadline: int
    """Until when the signatures may be used."""
