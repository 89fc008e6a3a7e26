"""SessionSettlement under any sequence of calls, beside a plain model.

Three utilities sell to one another's drivers and to their own, in two currencies. After every step the chain's
positions are the model's: those of a currency sum to zero over all utilities, none is above a line that was signed, and
the tokens' supply is the sum of balances. Each refusal is the one that the model foresees. At the end the events are
read as an auditor reads them, with nothing but the signed authorizations beside them: every session was settled once,
in time, by a key in force, within what was signed; and what they add up to is the contract's state.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, permutations, product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from evgi_client.chain import Chain, ContractHandle, Event
from evgi_client.charging.batches import (
    EPOCH,
    SESSION_BYTES,
    Group,
    PlacedSession,
    SettledSession,
    decode_settled,
    groups_of,
)
from evgi_client.charging.directory import ChargePoint, Status
from evgi_client.charging.enrolment import Enrolment
from evgi_client.charging.roster import DriverIndex
from evgi_client.charging.start_log import StartIndex, digest_of, witness_of
from evgi_client.errors import ContractError
from evgi_client.messages import PeeringAgreement, SessionKey, evse_id_hash
from evgi_client.signing import LocalSigner, sign
from evgi_client.tariffs import ceiling
from tests.support.sessions import CEILING_PER_KWH, DAY, HOUR, Maker, signer, terms_for
from tests.support.suite import Suite, found

if TYPE_CHECKING:
    from evgi_client.charging.session import SignedSession

BEGIN = 600 * EPOCH + 28 * DAY
NOW = BEGIN + 60 * HOUR
"""Half a day into an epoch, so that sessions fall in two."""

ROSTER_END = BEGIN + 60 * DAY
GRID = 3 * HOUR
"""Sessions start at multiples of it, so that they meet."""

WITHIN = 2 * DAY
FEES = (0, 50, 9_999)
LINES = (20_000_000, 200_000_000)
PURSE = 40_000_000
"""What each utility has of the second currency: less than a line."""

GAS = 3_000_000
"""Enough for every call, and given so that none is tried before it is sent: refusals too are transactions."""

MEMBERS, DRIVERS, CURRENCIES = st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)
PAIRS = st.permutations(range(3)).map(lambda order: (order[0], order[1]))

Pair = tuple[int, int]


@dataclass(frozen=True)
class Draft:
    """A session to be signed, ``slot`` steps of the grid before now, for ``share`` percent of its ceiling."""

    slot: int
    driver: int
    energy_wh: int
    share: int
    slack: int
    excess: int
    limited: bool


DRAFTS = st.lists(
    st.builds(
        Draft,
        slot=st.one_of(st.integers(0, 12), st.integers(0, 12), st.integers(-1, 18)),
        driver=DRIVERS,
        energy_wh=st.sampled_from([0, 1, 7_777, 7_778, 50_001]),
        share=st.sampled_from([0, 33, 100]),
        slack=st.sampled_from([0, 1, 5_000_000]),
        excess=st.sampled_from([0] * 19 + [1]),
        limited=st.sampled_from([False] * 4 + [True]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda draft: draft.slot,
)


@dataclass
class Member:
    """A utility, the connector that sells through it, and its drivers."""

    utility: LocalSigner
    connector: bytes
    drivers: list[LocalSigner]
    places: DriverIndex = field(init=False)

    def __post_init__(self) -> None:
        self.places = DriverIndex.of(driver.address for driver in self.drivers)


@dataclass(frozen=True)
class Version:
    """An agreement and until when it applies."""

    terms: PeeringAgreement
    until: int

    def line_of(self, debtor: str) -> int:
        return self.terms.credit_line_a if debtor == self.terms.utility_a else self.terms.credit_line_b


@dataclass
class World:
    suite: Suite
    members: list[Member]
    currencies: list[ContractHandle]

    def agree(self, pair: Pair, **changes: Any) -> PeeringAgreement:
        """Puts an agreement of a pair in the registry."""
        suite = self.suite
        a, b = sorted(
            (self.members[number].utility for number in pair), key=lambda each: int(each.address, 16)
        )
        plain = PeeringAgreement(
            a.address, b.address, 1, suite.token.address, WITHIN, 50, LINES[1], LINES[1], CEILING_PER_KWH, 0, 0,
            30 * DAY, 7 * DAY, 10 * DAY, suite.since, suite.chain.now() + DAY,
        )  # fmt: skip
        agreement = replace(plain, **changes)
        domain = suite.deployment.domain("PeeringRegistry")
        signatures = [sign(each, agreement, domain).signature.to_bytes() for each in (a, b)]
        registry = suite.contracts["PeeringRegistry"]
        registry.transact("agree", agreement, *signatures, signer=suite.governor, gas=GAS)
        return agreement


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three utilities with a connector and drivers each; the first pair's agreement is the suite's own."""
    suite = found(
        Chain.embedded(start=BEGIN),
        tmp_path_factory.mktemp("suite") / "deployment.json",
        drivers=3,
        connectors=0,
    )
    utilities = [suite.creditor, suite.debtor, suite.stranger]
    members = []
    for number, utility in enumerate(utilities):
        enrolment = Enrolment(suite.contracts, utility)
        point = ChargePoint(
            creditor=utility.address,
            since=suite.since,
            status=Status.IN_SERVICE,
            connector_number=1,
            operator=suite.operator.address,
            rated_power_w=22_000,
            meter_key=suite.meter.address,
            evse_id_hash=evse_id_hash(f"DE*TST*E{number}"),
        )
        drivers = [signer(1_000 + 10 * number + driver) for driver in range(3)]
        if utility is suite.debtor:
            drivers = suite.drivers
        else:
            enrolment.publish_roster(suite.since, ROSTER_END, [driver.address for driver in drivers])
        members.append(Member(utility, enrolment.register(point), drivers))
    made = World(suite, members, [suite.token, _second_currency(suite, utilities)])
    made.agree((0, 2), fee_bps=0, credit_line_a=LINES[0], credit_line_b=LINES[0])
    made.agree((1, 2), fee_bps=9_999, currency=made.currencies[1].address)
    suite.chain.advance_to(NOW)
    return made


def _second_currency(suite: Suite, utilities: Sequence[LocalSigner]) -> ContractHandle:
    governor = suite.governor
    manager = suite.chain.deploy("AccessManager", [governor.address], governor)
    token = suite.chain.deploy("ClearingToken", [manager.address], governor)
    token.transact("approveSettlement", suite.settlement.address, True, signer=governor)
    token.transact("capMinter", governor.address, 3 * PURSE, signer=governor)
    for number, utility in enumerate(utilities, start=1):
        token.transact("admit", utility.address, signer=governor)
        token.transact("mint", utility.address, PURSE, number.to_bytes(32, "big"), signer=governor)
        token.transact("approve", suite.settlement.address, 2**256 - 1, signer=utility)
    return token


class SettlementMachine(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.suite, self.chain = world, world.suite, world.suite.chain
        self.snapshot = self.chain.snapshot()
        self.settlement = self.suite.settlement
        self.address = [member.utility.address for member in world.members]
        registry = self.suite.contracts["PeeringRegistry"]
        self.versions: dict[Pair, list[Version]] = {}
        for one, other in combinations(range(3), 2):
            terms, until = registry.call("agreementOf", self.address[one], self.address[other], 1)
            self.versions[one, other] = [Version(PeeringAgreement(*terms), until)]
        # What the second of a pair owes the first, by currency.
        self.owed: Counter[tuple[Pair, str]] = Counter()
        self.starts: defaultdict[tuple[bytes, int], list[int]] = defaultdict(list)
        self.settled: dict[SessionKey, tuple[int, int, PlacedSession]] = {}
        self.revoked: dict[str, int] = {}
        self.paused: set[str] = set()
        self.changed = True
        self.purse = {
            (currency.address, address): currency.call("balanceOf", address)
            for currency in world.currencies
            for address in self.address
        }

    # What is sent

    def attempt(
        self, refusal: str | None, on: ContractHandle, sender: LocalSigner, function: str, *args: object
    ) -> bool:
        """Sends what the model lets pass or not; the contract must think the same, for the same reason."""
        answer: str | None = None
        try:
            on.transact(function, *args, signer=sender, gas=GAS)
        except ContractError as error:
            answer = error.name
        assert answer == refusal, f"{function}{args}"
        self.changed |= answer is None
        return answer is None

    @rule(
        creditor=MEMBERS, debtor=MEMBERS, drafts=DRAFTS, witnessed=st.sampled_from([True, True, True, False])
    )
    def settle(self, creditor: int, debtor: int, drafts: list[Draft], witnessed: bool) -> None:
        sessions = [self.sign(creditor, debtor, draft) for draft in drafts]
        self.submit(creditor, debtor, self.groups(sessions, witnessed))

    @rule(creditor=MEMBERS, debtor=MEMBERS, drafts=DRAFTS)
    def settle_together_and_one_by_one(self, creditor: int, debtor: int, drafts: list[Draft]) -> None:
        """One batch, or each session by itself: the same state."""
        sessions = [self.sign(creditor, debtor, draft) for draft in drafts]
        groups = self.groups(sessions)
        version = self.version_for(creditor, debtor, groups)
        if self.foresee(creditor, debtor, version, groups) is not None:
            return
        snapshot = self.chain.snapshot()
        model = (
            self.owed.copy(),
            {key: list(starts) for key, starts in self.starts.items()},
            dict(self.settled),
        )
        for session in sessions:
            assert self.submit(creditor, debtor, self.groups([session]), version)
        singly = self.state(creditor, debtor, groups)
        self.chain.revert_to(snapshot)
        self.owed, self.settled = model[0], model[2]
        self.starts = defaultdict(list, model[1])
        assert self.submit(creditor, debtor, groups, version)
        assert self.state(creditor, debtor, groups) == singly

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), witness=st.sampled_from(["none", "honest", "without it"]))
    def replay(self, data: st.DataObject, witness: str) -> None:
        """A settled session again, whatever its witness says."""
        key = data.draw(
            st.sampled_from(sorted(self.settled, key=lambda key: (key.connector, key.started_at)))
        )
        creditor, debtor, session = self.settled[key]
        (group,) = self.groups([session])
        others = [start for start in self.starts[key.connector, group.epoch] if start != key.started_at]
        forged = {"none": b"", "honest": group.settled, "without it": _packed(others)}[witness]
        again = replace(group, settled=forged)
        assert (
            self.foresee(creditor, debtor, self.version_for(creditor, debtor, [again]), [again]) is not None
        )
        self.submit(creditor, debtor, [again])

    @rule(creditor=MEMBERS, debtor=MEMBERS, draft=DRAFTS, bit=st.integers(0, 8 * SESSION_BYTES - 1))
    def tamper(self, creditor: int, debtor: int, draft: list[Draft], bit: int) -> None:
        """One bit of what the driver signed: all but the energy, for which the meter answers."""
        if 70 <= bit // 8 < 73:
            return
        groups = self.groups([self.sign(creditor, debtor, draft[0])])
        packed = bytearray(groups[0].packed())
        packed[bit // 8] ^= 1 << bit % 8
        batch = self.batch(debtor, self.version_for(creditor, debtor, groups), groups)
        batch["groups"][0]["sessions"] = bytes(packed)
        with pytest.raises(ContractError):
            self.settlement.transact("settle", batch, signer=self.world.members[creditor].utility, gas=GAS)

    @rule(data=st.data(), pause=st.booleans())
    def settle_pair(self, data: st.DataObject, pause: bool) -> None:
        """Whoever of the two asks, whatever is paused; now and then where nothing is owed."""
        nothing = (data.draw(PAIRS), self.suite.token.address)
        owed = sorted(key for key, amount in self.owed.items() if amount)
        pair, token = data.draw(st.sampled_from([*owed, *owed, nothing]))
        who, peer = data.draw(st.permutations(pair))
        self.pause(token, pause)
        position = self.position(who, peer, token)
        payer, payee = (self.address[number] for number in ((peer, who) if position > 0 else (who, peer)))
        amount, refusal = abs(position), None
        if not amount:
            refusal = "NothingToSettle"
        elif amount > self.purse[token, payer]:
            refusal = "ERC20InsufficientBalance"
        utility = self.world.members[who].utility
        if self.attempt(refusal, self.settlement, utility, "settlePair", self.address[peer], token):
            self.move(who, peer, token, -position)
            self.purse[token, payer] -= amount
            self.purse[token, payee] += amount

    def pause(self, token: str, pause: bool) -> None:
        if (token in self.paused) == pause:
            return
        (currency,) = (each for each in self.world.currencies if each.address == token)
        self.attempt(None, currency, self.suite.governor, "pause" if pause else "unpause")
        self.paused ^= {token}

    @rule(member=MEMBERS, driver=DRIVERS, ahead=st.sampled_from([1, HOUR, 30 * HOUR]))
    def revoke(self, member: int, driver: int, ahead: int) -> None:
        owner = self.world.members[member]
        key, at = owner.drivers[driver].address, self.chain.now() + ahead
        refusal = "KeyAlreadyRevoked" if self.revoked.get(key, at + 1) <= at else None
        if self.attempt(refusal, self.suite.contracts["DriverRoster"], owner.utility, "revoke", key, at):
            self.revoked[key] = at

    @rule(
        pair=PAIRS,
        fee=st.sampled_from(FEES),
        lines=st.tuples(st.sampled_from(LINES), st.sampled_from(LINES)),
        currency=CURRENCIES,
        ahead=st.sampled_from([1, 5 * HOUR]),
    )
    def amend(self, pair: Pair, fee: int, lines: tuple[int, int], currency: int, ahead: int) -> None:
        first, second = sorted(pair)
        versions = self.versions[first, second]
        last = versions[-1].terms
        agreement = self.world.agree(
            pair,
            version=last.version + 1,
            fee_bps=fee,
            credit_line_a=lines[0],
            credit_line_b=lines[1],
            currency=self.world.currencies[currency].address,
            valid_from=max(self.chain.now() + ahead, last.valid_from + 1),
        )
        versions[-1] = Version(last, agreement.valid_from)
        versions.append(Version(agreement, 2**64 - 1))

    @rule(hours=st.sampled_from([1, 4, 9, 30]))
    def wait(self, hours: int) -> None:
        self.chain.advance_to(self.chain.now() + hours * HOUR)

    # The model

    def sign(self, creditor: int, debtor: int, draft: Draft) -> PlacedSession:
        seller, payer = self.world.members[creditor], self.world.members[debtor]
        terms = terms_for(seller.connector, seller.utility.address, payer.utility.address)
        if draft.limited:
            terms = replace(terms, max_energy=7_777)
        maker = Maker(terms, payer.drivers[draft.driver], self.suite.meter, self.suite.domain)
        start = (self.chain.now() // GRID - draft.slot) * GRID
        cost = ceiling(terms, draft.energy_wh) * draft.share // 100 + draft.excess
        session = maker.session(start, energy_wh=draft.energy_wh, cost=cost, max_cost=cost + draft.slack)
        place = payer.places.place(session.driver)
        assert place is not None
        return PlacedSession(session, place)

    def groups(self, sessions: Sequence[PlacedSession], witnessed: bool = True) -> list[Group]:
        """Groups with their witnesses, each counting those before it; or with none."""
        starts = {key: list(known) for key, known in self.starts.items()}
        groups = []
        for terms, epoch, gathered in groups_of(sessions):
            known = starts.setdefault((terms.connector, epoch), [])
            witness = witness_of(known, gathered[0].session.started_at) if witnessed else b""
            groups.append(Group(terms, epoch, gathered, witness))
            known[:] = sorted({*known, *(placed.session.started_at for placed in gathered)})
        return groups

    def version_for(self, creditor: int, debtor: int, groups: Sequence[Group]) -> int:
        """The agreement in force at the first session; 0 where a utility bills its own drivers."""
        if creditor == debtor:
            return 0
        start = min(placed.session.started_at for group in groups for placed in group.sessions)
        first, second = sorted((creditor, debtor))
        in_force = [each for each in self.versions[first, second] if each.terms.valid_from <= start]
        return in_force[-1].terms.version if in_force else 1

    def version_of(self, creditor: int, debtor: int, version: int) -> Version | None:
        first, second = sorted((creditor, debtor))
        return self.versions[first, second][version - 1] if version else None

    def batch(self, debtor: int, version: int, groups: Sequence[Group]) -> dict[str, Any]:
        return self.suite.batch(groups, debtor=self.address[debtor], agreement=version)

    def submit(self, creditor: int, debtor: int, groups: Sequence[Group], version: int | None = None) -> bool:
        """Sends a batch, whose fate is foreseen."""
        if version is None:
            version = self.version_for(creditor, debtor, groups)
        refusal = self.foresee(creditor, debtor, version, groups)
        utility = self.world.members[creditor].utility
        batch = self.batch(debtor, version, groups)
        if not self.attempt(refusal, self.settlement, utility, "settle", batch):
            return False
        for group in groups:
            known = self.starts[group.terms.connector, group.epoch]
            for placed in group.sessions:
                self.settled[placed.session.key] = (creditor, debtor, placed)
                known.append(placed.session.started_at)
            known.sort()
        agreed = self.version_of(creditor, debtor, version)
        if agreed:
            self.move(creditor, debtor, agreed.terms.currency, _net(groups, agreed.terms.fee_bps))
        return True

    def foresee(self, creditor: int, debtor: int, version: int, groups: Sequence[Group]) -> str | None:
        """The contract's first objection to a batch."""
        agreed = self.version_of(creditor, debtor, version)
        starts = {key: list(known) for key, known in self.starts.items()}
        for group in groups:
            known = starts.setdefault((group.terms.connector, group.epoch), [])
            if group.settled not in (b"", _packed(known)):
                return "StartLogMismatch"
            for placed in group.sessions:
                fault = self.fault(placed.session, agreed) or _collision(placed, known, bool(group.settled))
                if fault:
                    return fault
                known.append(placed.session.started_at)
                known.sort()
        if agreed:
            token = agreed.terms.currency
            owed = self.position(creditor, debtor, token) + _net(groups, agreed.terms.fee_bps)
            if owed > agreed.line_of(self.address[debtor]):
                return "CreditLineExceeded"
        return None

    def fault(self, session: SignedSession, agreed: Version | None) -> str | None:
        """What is wrong with one session, of all that these rules can make wrong."""
        start, now, terms = session.started_at, self.chain.now(), session.authorization.terms
        within = min(terms.submit_within, agreed.terms.submit_within if agreed else terms.submit_within)
        if start > now:
            return "SessionInFuture"
        if now > start + within:
            return "SessionTooLate"
        if agreed and not agreed.terms.valid_from <= start < agreed.until:
            return "AgreementNotInForce"
        if session.energy_wh > terms.max_energy:
            return "EnergyAboveLimit"
        if session.cost > ceiling(terms, session.energy_wh):
            return "CostAboveCeiling"
        return "DriverRevoked" if self.revoked.get(session.driver, start + 1) <= start else None

    def position(self, creditor: int, debtor: int, token: str) -> int:
        """What ``debtor`` owes ``creditor``."""
        if creditor < debtor:
            return self.owed[(creditor, debtor), token]
        return -self.owed[(debtor, creditor), token]

    def move(self, creditor: int, debtor: int, token: str, amount: int) -> None:
        if creditor < debtor:
            self.owed[(creditor, debtor), token] += amount
        else:
            self.owed[(debtor, creditor), token] -= amount

    # What holds

    def state(self, creditor: int, debtor: int, groups: Sequence[Group]) -> list[object]:
        """What a batch can have changed."""
        call = self.settlement.call
        logs = [tuple(call("startLogOf", group.terms.connector, group.epoch)) for group in groups]
        return logs + [
            call("positionOf", self.address[creditor], self.address[debtor], token.address)
            for token in self.world.currencies
        ]

    @invariant()
    def the_books_balance(self) -> None:
        """Asked again only where a transaction can have changed something: asking is most of the time spent."""
        if not self.changed:
            return
        self.changed = False
        for currency in self.world.currencies:
            self.positions_sum_to_zero(currency.address)
            balances = [currency.call("balanceOf", address) for address in self.address]
            assert balances == [self.purse[currency.address, address] for address in self.address]
            assert currency.call("totalSupply") == sum(balances)

    def positions_sum_to_zero(self, token: str) -> None:
        total = 0
        for one, other in permutations(range(3), 2):
            position = self.settlement.call("positionOf", self.address[one], self.address[other], token)
            total += position
            assert position == self.position(one, other, token)
            first, second = sorted((one, other))
            assert position <= max(each.line_of(self.address[other]) for each in self.versions[first, second])
        assert total == 0

    def teardown(self) -> None:
        try:
            self.events_tell_the_state()
        finally:
            self.chain.revert_to(self.snapshot)

    def events_tell_the_state(self) -> None:
        agreements = {
            (event.args["utilityA"], event.args["utilityB"], event.args["version"]): event.args["agreement"]
            for event in self.suite.contracts["PeeringRegistry"].events("PeeringAgreed")
        }
        positions: Counter[tuple[str, str, str]] = Counter()
        index, seen = StartIndex(), set()
        for event in self.settlement.events("SessionsSettled"):
            args = event.args
            sessions = list(decode_settled(args["sessions"]))
            a, b = sorted((args["creditor"], args["debtor"]), key=lambda address: int(address, 16))
            agreement = agreements[a, b, args["agreement"]] if args["agreement"] else None
            terms = None if agreement is None else PeeringAgreement(*agreement)
            for session in sessions:
                assert session.key not in seen
                seen.add(session.key)
                index.add(session.key)
                self.was_promised(session, event, terms)
            fee_bps = terms.fee_bps if terms else 0
            assert args["count"] == len(sessions)
            assert args["energyWh"] == sum(session.energy_wh for session in sessions)
            assert args["cost"] == sum(session.cost for session in sessions)
            assert args["fee"] == sum(session.cost * fee_bps // 10_000 for session in sessions)
            if terms:
                _book(positions, args["creditor"], args["debtor"], terms.currency, args["cost"] - args["fee"])
        for event in self.settlement.events("PairSettled"):
            args = event.args
            _book(positions, args["payee"], args["payer"], args["currency"], -args["amount"])

        assert seen == set(self.settled)
        for one, other in permutations(self.address, 2):
            for currency in self.world.currencies:
                told = positions[one, other, currency.address]
                assert self.settlement.call("positionOf", one, other, currency.address) == told
        epochs = {epoch for _, epoch in self.starts} | {600, 601}
        for member, epoch in product(self.world.members, epochs):
            starts = index.starts(member.connector, epoch)
            log = (starts[-1] if starts else 0, digest_of(starts))
            assert tuple(self.settlement.call("startLogOf", member.connector, epoch)) == log

    def was_promised(self, told: SettledSession, event: Event, agreed: PeeringAgreement | None) -> None:
        """A settled session is one that its driver signed, settled in time and within what was signed."""
        creditor, debtor, placed = self.settled[told.key]
        session, terms = placed.session, placed.session.authorization.terms
        assert (event.args["creditor"], event.args["debtor"]) == (
            self.address[creditor],
            self.address[debtor],
        )
        assert self.world.members[debtor].places.key(told.driver) == session.driver
        assert told.energy_wh == session.energy_wh <= terms.max_energy
        assert told.cost == session.cost <= session.authorization.max_cost
        assert told.cost <= ceiling(terms, told.energy_wh)
        revoked = self.revoked.get(session.driver)
        assert revoked is None or told.key.started_at < revoked
        within = min(terms.submit_within, agreed.submit_within if agreed else terms.submit_within)
        settled_at = self.chain.timestamp_of(event.block_number)
        assert told.key.started_at <= settled_at <= told.key.started_at + within


def _net(groups: Sequence[Group], fee_bps: int) -> int:
    """What a batch adds to a position."""
    costs = [placed.session.cost for group in groups for placed in group.sessions]
    return sum(cost - cost * fee_bps // 10_000 for cost in costs)


def _collision(placed: PlacedSession, known: Sequence[int], witnessed: bool) -> str | None:
    start = placed.session.started_at
    if not known or start > known[-1]:
        return None
    if start == known[-1] or (witnessed and start in known):
        return "SessionAlreadySettled"
    return None if witnessed else "SessionOutOfOrder"


def _packed(starts: Sequence[int]) -> bytes:
    return b"".join(start.to_bytes(4, "big") for start in starts)


def _book(
    positions: Counter[tuple[str, str, str]], creditor: str, debtor: str, currency: str, amount: int
) -> None:
    positions[creditor, debtor, currency] += amount
    positions[debtor, creditor, currency] -= amount


def test_settlement_agrees_with_the_model_whatever_is_called(world: World) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: SettlementMachine(world),
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
