"""A deployed suite with two utilities that peer, a connector, a meter and drivers: what settlement tests begin with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evgi_client.charging.batches import Group, PlacedSession, groups_of
from evgi_client.charging.directory import ChargePoint, Status
from evgi_client.charging.enrolment import Enrolment
from evgi_client.charging.facts import Facts
from evgi_client.charging.roster import DriverIndex
from evgi_client.clearing.peering import Peering
from evgi_client.clearing.positions import Positions
from evgi_client.clearing.tokens import Tokens, fiat_reference
from evgi_client.deployment import Deployment, DeploymentPlan, Role, apply
from evgi_client.messages import Domain, PeeringAgreement, evse_id_hash
from evgi_client.signing import LocalSigner, sign
from tests.support.sessions import CEILING_PER_KWH, DAY, Maker, signer, terms_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evgi_client.chain import Chain, ContractHandle, Receipt
    from evgi_client.charging.session import SignedSession

FEE_BPS = 50
CREDIT_LINE = 500_000_000
DEPOSIT = 10_000_000_000
COIN = 10**18


@dataclass
class Suite:
    """``creditor`` sells what ``debtor``'s drivers use; ``stranger`` is a utility without an agreement."""

    chain: Chain
    deployment: Deployment
    contracts: dict[str, ContractHandle]
    governor: LocalSigner
    creditor: LocalSigner
    debtor: LocalSigner
    stranger: LocalSigner
    operator: LocalSigner
    meter: LocalSigner
    drivers: list[LocalSigner]
    since: int
    points: list[ChargePoint] = field(default_factory=list)

    @property
    def settlement(self) -> ContractHandle:
        return self.contracts["SessionSettlement"]

    @property
    def token(self) -> ContractHandle:
        return self.contracts["ClearingToken"]

    @property
    def domain(self) -> Domain:
        return self.deployment.domain("SessionSettlement")

    @property
    def places(self) -> DriverIndex:
        """The debtor's roster."""
        return DriverIndex.of(driver.address for driver in self.drivers)

    def facts(self) -> Facts:
        return Facts(self.contracts, self.deployment.first_block)

    def maker(self, driver: int = 0, point: int = 0, **changes: Any) -> Maker:
        """Sessions of a driver at a connector; ``changes`` are to the terms."""
        terms = terms_for(self.points[point].connector, self.creditor.address, self.debtor.address)
        return Maker(replace(terms, **changes), self.drivers[driver], self.meter, self.domain)

    def placed(self, sessions: Sequence[SignedSession]) -> list[PlacedSession]:
        return [PlacedSession(session, self.places.place(session.driver) or 0) for session in sessions]

    def groups(self, sessions: Sequence[SignedSession], settled: bytes = b"") -> list[Group]:
        return [Group(*gathered, settled) for gathered in groups_of(self.placed(sessions))]

    def batch(self, groups: Sequence[Group], **changes: Any) -> dict[str, Any]:
        """The argument of ``settle``."""
        batch = {
            "debtor": self.debtor.address,
            "agreement": 1,
            "roster": 1,
            "groups": [
                {"terms": one.terms, "epoch": one.epoch, "sessions": one.packed(), "settled": one.settled}
                for one in groups
            ],
        }
        return {**batch, **changes}

    def settle(self, *sessions: SignedSession, settled: bytes = b"") -> Receipt:
        """Settles sessions as the creditor."""
        return self.send(self.batch(self.groups(sessions, settled)))

    def send(self, batch: dict[str, Any], sender: LocalSigner | None = None) -> Receipt:
        return self.settlement.transact("settle", batch, signer=sender or self.creditor)

    def position(self) -> int:
        """What the debtor owes the creditor."""
        return Positions(self.contracts, self.creditor).of(self.creditor.address, self.debtor.address)


def found(chain: Chain, manifest: Path, *, drivers: int = 6, connectors: int = 2) -> Suite:
    """Deploys the suite and enrols everyone; rosters and agreement run from a day before the chain's time."""
    now = chain.now()
    governor, creditor, debtor, stranger, operator, meter = (signer(number) for number in range(6))
    for account in (governor, creditor, debtor, stranger, operator):
        chain.faucet(account.address, 100 * COIN)
    utilities = (creditor.address, debtor.address, stranger.address)
    roles = (Role.MEMBERSHIP, Role.REDEEMER, Role.PAUSER)
    plan = DeploymentPlan(
        governor.address, {Role.UTILITY: utilities, **dict.fromkeys(roles, (governor.address,))}
    )
    deployment = apply(plan, chain, governor, manifest)
    contracts = deployment.contracts_on(chain)
    suite = Suite(
        chain, deployment, contracts, governor, creditor, debtor, stranger, operator, meter,
        [signer(100 + number) for number in range(drivers)], now - DAY,
    )  # fmt: skip
    _fund(suite)
    _peer(suite)
    for number in range(1, connectors + 1):
        point = ChargePoint(
            creditor=creditor.address,
            since=suite.since,
            status=Status.IN_SERVICE,
            connector_number=number,
            operator=operator.address,
            rated_power_w=22_000,
            meter_key=meter.address,
            evse_id_hash=evse_id_hash("DE*TST*E0001"),
        )
        Enrolment(contracts, creditor).register(point)
        suite.points.append(point)
    Enrolment(contracts, debtor).publish_roster(
        suite.since, now + 60 * DAY, [driver.address for driver in suite.drivers]
    )
    return suite


def _fund(suite: Suite) -> None:
    treasury = Tokens(suite.contracts, suite.governor)
    suite.token.transact("capMinter", suite.governor.address, 10 * DEPOSIT, signer=suite.governor)
    for utility in (suite.creditor, suite.debtor, suite.stranger):
        treasury.admit(utility.address)
        treasury.mint(utility.address, DEPOSIT, fiat_reference(utility.address))
        Positions(suite.contracts, utility).allow(DEPOSIT)


def agreement_of(suite: Suite, **changes: Any) -> PeeringAgreement:
    """The pair's first agreement, changed."""
    a, b = sorted((suite.creditor.address, suite.debtor.address), key=lambda address: int(address, 16))
    plain = PeeringAgreement(
        utility_a=a,
        utility_b=b,
        version=1,
        currency=suite.token.address,
        submit_within=20 * DAY,
        fee_bps=FEE_BPS,
        credit_line_a=CREDIT_LINE,
        credit_line_b=CREDIT_LINE,
        ceiling_per_kwh=CEILING_PER_KWH,
        ceiling_per_hour=5_000_000,
        ceiling_flat=1_000_000,
        window=30 * DAY,
        dispute_period=7 * DAY,
        notice_period=10 * DAY,
        valid_from=suite.since,
        deadline=suite.chain.now() + DAY,
    )
    return replace(plain, **changes)


def agree(suite: Suite, agreement: PeeringAgreement) -> None:
    """Both sign, the governor sends."""
    domain = suite.deployment.domain("PeeringRegistry")
    by_address = {party.address: party for party in (suite.creditor, suite.debtor)}
    signatures = (
        sign(by_address[party], agreement, domain).signature.to_bytes()
        for party in (agreement.utility_a, agreement.utility_b)
    )
    Peering(suite.contracts, domain, suite.governor).agree(agreement, *signatures)


def _peer(suite: Suite) -> None:
    agree(suite, agreement_of(suite))
