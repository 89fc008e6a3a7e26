"""The demo's consortium: the suite deployed, and everyone enrolled in it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from evgi_client.charging.directory import ChargePoint, Status
from evgi_client.clearing.tokens import fiat_reference
from evgi_client.client import Client
from evgi_client.demo.terms import TARIFF, Offer
from evgi_client.demo.windows import DAY, Window
from evgi_client.deployment import Deployment, DeploymentPlan, Role, apply, steps
from evgi_client.messages import PeeringAgreement, evse_id_hash
from evgi_client.signing import LocalSigner, sign
from evgi_client.tariffs import tariff_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from evgi_client.chain import Chain
    from evgi_client.demo.world import Utility, World

COIN = 10**18
STAKE = 10 * COIN
"""Native coin that each who sends transactions is given, for gas."""

AGREEMENT_SPAN = 3600
"""Seconds for which the signatures of an agreement may be used."""


class Consortium:
    """The deployed suite as its governor sees it.

    Args:
        chain: where it is.
        governor: deploys, admits members and mints.
        world: who takes part.
    """

    def __init__(self, chain: Chain, governor: LocalSigner, world: World) -> None:
        self._chain = chain
        self._governor = governor
        self._world = world
        self._clients: dict[str, Client] = {}
        self._plan = DeploymentPlan(
            governor.address,
            {
                Role.UTILITY: tuple(utility.address for utility in world.utilities),
                Role.MEMBERSHIP: (governor.address,),
                Role.REDEEMER: (governor.address,),
                Role.PAUSER: (governor.address,),
            },
        )
        self.deployment: Deployment
        self.steps = steps(self._plan)

    def deploy(self, manifest: Path, step: Callable[[], None]) -> None:
        """Deploys the suite and gives each utility its role."""
        self.deployment = apply(self._plan, self._chain, self._governor, manifest, progress=lambda _: step())

    def client(self, party: Utility | None = None) -> Client:
        """The suite as a utility uses it, or as the governor does."""
        signer = party.signer if party else self._governor
        if signer.address not in self._clients:
            self._clients[signer.address] = Client(self.deployment, self._chain, signer)
        return self._clients[signer.address]

    def found(self, deposit: int, offer: Offer, since: int) -> Iterator[None]:
        """Admits the utilities, mints each a deposit and has each pair sign an agreement. Yields after each step."""
        treasury = self.client().tokens
        treasury.cap_minter(self._governor.address, deposit * len(self._world.utilities))
        for utility in self._world.utilities:
            treasury.admit(utility.address)
            treasury.mint(utility.address, deposit, fiat_reference(f"first deposit of {utility.name}"))
            self.client(utility).positions.allow(deposit)
            yield
        for one, other in combinations(self._world.utilities, 2):
            self._peer(one, other, deposit, offer, since)
            yield

    def register_charge_points(self, since: int) -> Iterator[None]:
        """Each utility lists the connectors of its operators. Yields after each."""
        for connector in self._world.connectors.values():
            utility = self._world.utility_of[connector.operator]
            self.client(utility).enrolment.register(
                ChargePoint(
                    creditor=utility.address,
                    since=since,
                    status=Status.IN_SERVICE,
                    connector_number=connector.number,
                    operator=self._world.operators[connector.operator].address,
                    rated_power_w=connector.rated_power_w,
                    meter_key=connector.meter.address,
                    evse_id_hash=evse_id_hash(connector.evse_id),
                    tariff=tariff_hash(TARIFF),
                )
            )
            yield

    def publish_rosters(self, window: Window) -> None:
        """Each utility publishes its drivers' keys for a month."""
        for utility in self._world.utilities:
            keys = [
                driver.signer.address
                for driver in self._world.drivers.values()
                if driver.utility.name == utility.name
            ]
            if keys:
                self.client(utility).enrolment.publish_roster(window.begins, window.ends, keys)

    def _peer(self, one: Utility, other: Utility, line: int, offer: Offer, since: int) -> None:
        a, b = sorted((one, other), key=lambda utility: int(utility.address, 16))
        client = self.client()
        domain = self.deployment.domain("PeeringRegistry")
        agreement = PeeringAgreement(
            utility_a=a.address,
            utility_b=b.address,
            version=1,
            currency=self.deployment.address("ClearingToken"),
            submit_within=offer.submit_within,
            fee_bps=0,
            credit_line_a=line,
            credit_line_b=line,
            ceiling_per_kwh=offer.ceiling_per_kwh,
            ceiling_per_hour=offer.ceiling_per_hour,
            ceiling_flat=offer.ceiling_flat,
            window=31 * DAY,
            dispute_period=7 * DAY,
            notice_period=30 * DAY,
            valid_from=since,
            deadline=self._chain.now() + AGREEMENT_SPAN,
        )
        signatures = (sign(party.signer, agreement, domain).signature.to_bytes() for party in (a, b))
        client.peering.agree(agreement, *signatures)
