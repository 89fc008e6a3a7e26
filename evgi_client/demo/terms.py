"""What the demo's charge points offer: one tariff, and limits wide enough for the sessions that are replayed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evgi_client.demo.windows import DAY
from evgi_client.messages import ChargingTerms
from evgi_client.tariffs import Dimension, Element, PriceComponent, Tariff, Usage, price, tariff_hash
from evgi_client.units import Rounding, minor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evgi_client.charging.sources import MeteredSession
    from evgi_client.demo.world import Connector, Utility


def _energy_tariff(name: str, per_kwh: str) -> Tariff:
    energy = PriceComponent(Dimension.ENERGY, minor(per_kwh))
    return Tariff("ZZ", "EVG", name, "EUR", (Element((energy,)),), rounding=Rounding.HALF_UP)


TARIFF = _energy_tariff("demo", "0.35")
"""Energy alone, since that is what every source tells: 0.35 a kWh, half up to the minor unit."""

FALLBACK_TARIFF = _energy_tariff("demo-fallback", "0.45")

_RATES = TARIFF.flat_rates()

MAX_COST = minor(1000)
MAX_ENERGY_WH = 2_000_000
SUBMISSION_DAYS = 45
"""How long after the longest session a charge point may stay offline."""


class Offer:
    """The terms under which the sessions of a source are replayed.

    A source that fixes its sessions' costs (a CDR) has its own tariff: ceilings then leave room for time and flat
    parts. Everywhere else the energy price is the ceiling's base.
    """

    def __init__(self, sessions: Sequence[MeteredSession], now: int, clock_is_ours: bool) -> None:
        longest = max((session.ended_at - session.started_at for session in sessions), default=0)
        self.max_duration = -(-longest // DAY) * DAY + DAY
        self.submit_within = self.max_duration + SUBMISSION_DAYS * DAY
        if not clock_is_ours:
            # A chain that lives in our time cannot go back to these sessions': they are all late by years.
            earliest = min((session.started_at for session in sessions), default=now)
            self.submit_within += max(0, now - earliest)
        priced = any(session.cost is not None for session in sessions)
        self.ceiling_per_kwh = minor(2) if priced else FALLBACK_TARIFF.flat_rates().per_kwh
        self.ceiling_per_hour = minor(20) if priced else 0
        self.ceiling_flat = minor(20) if priced else 0

    def terms(self, connector: Connector, creditor: Utility, debtor: Utility) -> ChargingTerms:
        """What a connector offers to the drivers of a utility."""
        return ChargingTerms(
            connector=connector.id,
            creditor=creditor.address,
            debtor=debtor.address,
            tariff=tariff_hash(TARIFF),
            fallback_tariff=tariff_hash(FALLBACK_TARIFF),
            ceiling_per_kwh=self.ceiling_per_kwh,
            ceiling_per_hour=self.ceiling_per_hour,
            ceiling_flat=self.ceiling_flat,
            max_energy=MAX_ENERGY_WH,
            max_duration=self.max_duration,
            max_soc=100,
            submit_within=self.submit_within,
            export_allowed=False,
        )


def cost_of(session: MeteredSession) -> int:
    """Minor units: what the source says, or the demo's tariff."""
    if session.cost is not None:
        return session.cost
    return price(_RATES, Usage(energy_wh=session.energy_wh))
