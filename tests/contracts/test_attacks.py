"""What a utility can try against its peer, an operator or the registry, and what it gets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.chain import Artifact, Chain
from evgi_client.charging.batches import EPOCH
from evgi_client.charging.directory import Status
from evgi_client.clearing.positions import Positions
from evgi_client.errors import ContractError
from tests.support.sessions import DAY, HOUR
from tests.support.suite import FEE_BPS, Suite, agree, agreement_of, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEGIN = 600 * EPOCH + 5 * DAY
MONTH = 31 * DAY
TEST_ARTIFACTS = Path(__file__).parent / "artifacts"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    suite = found(Chain.embedded(start=BEGIN), tmp_path_factory.mktemp("suite") / "deployment.json")
    suite.chain.advance_to(BEGIN + DAY)
    return suite


@pytest.fixture
def suite(founded: Suite) -> Iterator[Suite]:
    snapshot = founded.chain.snapshot()
    yield founded
    founded.chain.revert_to(snapshot)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ContractError) as caught:
        call()
    return caught.value.name


# A session twice


def _hand_over(suite: Suite) -> None:
    """The connector moves to the stranger."""
    registry, connector = suite.contracts["ChargePointRegistry"], suite.points[0].connector
    registry.transact("offerCreditor", connector, suite.stranger.address, signer=suite.operator)
    registry.transact("acceptCreditor", connector, signer=suite.stranger)


def _amend(suite: Suite, **changes: Any) -> None:
    agree(suite, agreement_of(suite, version=2, valid_from=suite.chain.now() + 60, **changes))
    suite.chain.advance_to(suite.chain.now() + HOUR)


def _end(suite: Suite) -> None:
    suite.contracts["PeeringRegistry"].transact("end", suite.creditor.address, signer=suite.debtor)


@pytest.mark.parametrize("change", [_hand_over, _amend, _end])
def test_no_change_of_what_is_around_it_settles_a_session_twice(
    suite: Suite, change: Callable[[Suite], None]
) -> None:
    session = suite.maker().session(BEGIN + HOUR)
    suite.settle(session)
    change(suite)
    owed = suite.position()
    (group,) = suite.groups([session])
    for agreement in (1, 2):
        for roster in (1, 2):
            batch = suite.batch([group], agreement=agreement, roster=roster)
            assert refusal(lambda batch=batch: suite.send(batch)) in {
                "SessionAlreadySettled", "AgreementUnknown", "AgreementNotInForce", "DriverUnknown",
            }  # fmt: skip
    assert suite.position() == owed


def test_a_start_is_not_settled_again_through_the_epoch_before_it(suite: Suite) -> None:
    """The same start, written as one past the end of the epoch before, would be in another log."""
    start = 601 * EPOCH
    suite.chain.advance_to(start + HOUR)
    maker = suite.maker(submit_within=60 * DAY)
    session = maker.session(start)
    batch = suite.batch(suite.groups([session]))
    suite.send(batch)
    (group,) = batch["groups"]
    group["epoch"] = 600
    group["sessions"] = group["sessions"][:64] + EPOCH.to_bytes(3, "big") + group["sessions"][67:]
    assert refusal(lambda: suite.send(batch)) == "SessionOutOfEpoch"


# A debtor that will not pay


def test_nothing_a_debtor_does_after_a_session_began_undoes_what_it_owes(suite: Suite) -> None:
    session = suite.maker().session(suite.chain.now() - 10, seconds=5, energy_wh=20)
    registry, roster = suite.contracts["PeeringRegistry"], suite.contracts["DriverRoster"]
    roster.transact("revoke", session.driver, suite.chain.now() + 1, signer=suite.debtor)
    registry.transact("end", suite.creditor.address, signer=suite.debtor)
    registry.transact("withdrawOffers", suite.creditor.address, signer=suite.debtor)
    suite.token.transact("expel", suite.debtor.address, signer=suite.governor)
    suite.token.transact("pause", signer=suite.governor)
    suite.chain.advance_to(suite.chain.now() + 15 * DAY)
    suite.settle(session)
    owed = session.cost - session.cost * FEE_BPS // 10_000
    assert suite.position() == owed
    Positions(suite.contracts, suite.creditor).settle(suite.debtor.address)
    assert suite.position() == 0


def test_a_creditor_does_not_choose_the_agreement(suite: Suite) -> None:
    """A version applies to sessions that start in its span, and to no other."""
    _amend(suite, fee_bps=10_000)
    before, after = (
        suite.maker().session(BEGIN + HOUR),
        suite.maker().session(suite.chain.now() - 60, seconds=30, energy_wh=90),
    )
    for session, wrong in ((before, 2), (after, 1)):
        batch = suite.batch(suite.groups([session]), agreement=wrong)
        assert refusal(lambda batch=batch: suite.send(batch)) == "AgreementNotInForce"
    suite.send(suite.batch(suite.groups([after]), agreement=2))
    assert suite.position() == 0
    assert Positions(suite.contracts, suite.creditor).settle(suite.debtor.address) is None


# A creditor that will not let go


def test_a_creditor_cannot_keep_an_operator_from_leaving(suite: Suite) -> None:
    """It records one change after another, each as far ahead as it may, so that one is always pending."""
    registry, point = suite.contracts["ChargePointRegistry"], suite.points[0]

    def certify(since: int) -> None:
        registry.transact(
            "certify", point.connector, since, suite.meter.address, 22_000, bytes(32), signer=suite.creditor
        )

    for _ in range(3):
        certify(suite.chain.now() + MONTH)
        suite.chain.advance_to(suite.chain.now() + 20 * DAY)
    pending = registry.call("at", point.connector, 2**64 - 1).since
    asked = suite.chain.now()
    assert pending > asked
    _hand_over(suite)
    assert refusal(lambda: certify(pending + 2)) == "NotCreditor"
    suite.chain.advance_to(pending + 1)
    assert pending + 1 - asked <= MONTH
    told = registry.call("at", point.connector, suite.chain.now())
    assert (told.creditor, told.status) == (suite.stranger.address, Status.IN_SERVICE)


# A currency that is the peer's own


def test_a_currency_that_calls_back_or_lies_moves_nothing_but_its_own_position(suite: Suite) -> None:
    suite.settle(suite.maker().session(BEGIN + HOUR))
    owed = suite.position()
    hostile = suite.chain.deploy(Artifact.load("HostileCurrency", TEST_ARTIFACTS), [], suite.governor)
    _amend(suite, currency=hostile.address)
    session = suite.maker().session(suite.chain.now() - 60, seconds=30, energy_wh=90)
    suite.send(suite.batch(suite.groups([session]), agreement=2))
    held = [suite.token.call("balanceOf", one.address) for one in (suite.creditor, suite.debtor)]

    def settle_pair() -> None:
        suite.settlement.transact("settlePair", suite.debtor.address, hostile.address, signer=suite.creditor)

    for currency in (suite.token.address, hostile.address):
        again = suite.settlement.encode("settlePair", suite.debtor.address, currency)
        hostile.transact("prepare", False, again, signer=suite.governor)
        assert refusal(settle_pair) == "SafeERC20FailedOperation"
        hostile.transact("prepare", True, again, signer=suite.governor)
        snapshot = suite.chain.snapshot()
        settle_pair()
        assert not hostile.call("calledBack")
        assert refusal(settle_pair) == "NothingToSettle"
        suite.chain.revert_to(snapshot)
    assert suite.position() == owed
    assert [suite.token.call("balanceOf", one.address) for one in (suite.creditor, suite.debtor)] == held


# The end of time


def test_the_last_second_that_four_bytes_hold_is_settled_and_the_next_is_refused(tmp_path: Path) -> None:
    end = 2**32 - 1
    suite = found(Chain.embedded(start=end - 2 * DAY), tmp_path / "deployment.json")
    suite.chain.advance_to(end + HOUR)
    maker = suite.maker()
    suite.settle(maker.session(end))
    assert suite.settlement.call("startLogOf", suite.points[0].connector, end // EPOCH).lastStart == end
    assert refusal(lambda: suite.settle(maker.session(end + 1))) == "SessionOutOfEpoch"


# The widest fields


def test_the_most_a_packed_session_holds_is_settled_to_the_unit(suite: Suite) -> None:
    cost, energy = 2**32 - 1, 2**24 - 1
    agree(
        suite,
        agreement_of(
            suite,
            version=2,
            valid_from=suite.chain.now() + 60,
            fee_bps=1,
            ceiling_per_kwh=2**64 - 1,
            credit_line_a=2**128 - 1,
            credit_line_b=2**128 - 1,
        ),
    )
    suite.chain.advance_to(suite.chain.now() + HOUR)
    maker = suite.maker(max_energy=2**32 - 1, ceiling_per_kwh=2**64 - 1, submit_within=2**32 - 1)
    sessions = [
        maker.session(suite.chain.now() - 60 + n, energy_wh=energy, cost=cost, max_cost=2 * cost)
        for n in range(2)
    ]
    suite.send(suite.batch(suite.groups(sessions), agreement=2))
    assert suite.position() == 2 * (cost - cost // 10_000)
