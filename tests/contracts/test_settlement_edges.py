"""SessionSettlement where one answer ends and the next begins: pages of a roster, ceilings, versions of a connector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from evgi_client.chain import Chain
from evgi_client.charging.batches import EPOCH, Group, PlacedSession
from evgi_client.charging.directory import Status
from evgi_client.charging.roster import PLACES_PER_PAGE, DriverIndex
from evgi_client.errors import ContractError
from evgi_client.signing import LocalSigner
from evgi_client.tariffs import ceiling
from tests.support.sessions import DAY, HOUR, signer
from tests.support.suite import Suite, found

BEGIN = 600 * EPOCH + 5 * DAY
SECOND_PAGE = [signer(500 + number) for number in range(3)]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """A suite whose debtor's roster has two pages, and whose clock stands a day after the first sessions."""
    suite = found(Chain.embedded(start=BEGIN), tmp_path_factory.mktemp("suite") / "deployment.json")
    keys = sorted((key.address for key in SECOND_PAGE), key=str.lower)
    suite.contracts["DriverRoster"].transact("extend", 1, keys, signer=suite.debtor)
    suite.chain.advance_to(BEGIN + DAY)
    return suite


@pytest.fixture
def suite(founded: Suite) -> Iterator[Suite]:
    snapshot = founded.chain.snapshot()
    yield founded
    founded.chain.revert_to(snapshot)


def group_of(suite: Suite, hours: list[tuple[int, LocalSigner]]) -> Group:
    """A group of sessions of drivers of either page, one an hour."""
    first = [driver.address for driver in suite.drivers]
    index = DriverIndex(
        [sorted(keys, key=str.lower) for keys in (first, [key.address for key in SECOND_PAGE])]
    )
    placed = []
    for hour, driver in hours:
        place = index.place(driver.address)
        assert place is not None
        session = replace(suite.maker(), driver=driver).session(BEGIN + hour * HOUR)
        placed.append(PlacedSession(session, place))
    return Group(suite.maker().terms, 600, tuple(placed), b"")


def test_drivers_of_several_pages_settle_in_one_batch(suite: Suite) -> None:
    drivers = [SECOND_PAGE[0], suite.drivers[0], SECOND_PAGE[1], suite.drivers[1], SECOND_PAGE[0]]
    suite.send(suite.batch([group_of(suite, list(enumerate(drivers, start=1)))]))
    assert suite.position() > 0


def test_a_revocation_on_another_page_is_seen(suite: Suite) -> None:
    revoked_at = suite.chain.now() + HOUR
    suite.contracts["DriverRoster"].transact(
        "revoke", SECOND_PAGE[1].address, revoked_at, signer=suite.debtor
    )
    suite.chain.advance_to(revoked_at + 3 * HOUR)
    before = group_of(suite, [(1, suite.drivers[1]), (2, SECOND_PAGE[1]), (3, SECOND_PAGE[2])])
    suite.send(suite.batch([before]))
    after = group_of(suite, [(26, SECOND_PAGE[0]), (27, SECOND_PAGE[1])])
    with pytest.raises(ContractError) as caught:
        suite.send(suite.batch([after]))
    assert (caught.value.name, caught.value.args["index"]) == ("DriverRevoked", 1)
    assert caught.value.args["key"] == SECOND_PAGE[1].address


@pytest.mark.parametrize(
    "place",
    [6, 1_227, 1_228, PLACES_PER_PAGE - 1, PLACES_PER_PAGE + 3, 2 * PLACES_PER_PAGE, 2**24 - 1],
)
def test_a_place_that_no_page_holds_is_unknown(suite: Suite, place: int) -> None:
    group = group_of(suite, [(1, SECOND_PAGE[0])])
    group = replace(group, sessions=(replace(group.sessions[0], driver=place),))
    with pytest.raises(ContractError) as caught:
        suite.send(suite.batch([group]))
    assert caught.value.name == "DriverUnknown"
    assert caught.value.args == {"index": 0, "debtor": suite.debtor.address, "roster": 1, "driver": place}


@pytest.mark.parametrize("energy_wh", [0, 1, 832, 833, 834, 7_777, 99_999])
@pytest.mark.parametrize("per_kwh", [1, 599_999])
def test_the_ceiling_is_ceiling_of_to_the_last_unit(suite: Suite, energy_wh: int, per_kwh: int) -> None:
    changes = {
        "ceiling_per_kwh": per_kwh,
        "ceiling_per_hour": 3_333,
        "ceiling_flat": 7,
        "max_duration": 5_001,
    }
    maker = suite.maker(**changes)
    highest = ceiling(maker.terms, energy_wh)
    assert suite.settlement.call("ceilingOf", maker.terms, energy_wh) == highest
    above = maker.session(BEGIN + HOUR, energy_wh=energy_wh, cost=highest + 1, max_cost=highest + 1)
    with pytest.raises(ContractError) as caught:
        suite.settle(above)
    assert caught.value.name == "CostAboveCeiling"
    assert caught.value.args == {"index": 0, "cost": highest + 1, "ceiling": highest}
    suite.settle(maker.session(BEGIN + HOUR, energy_wh=energy_wh, cost=highest, max_cost=highest + 1))


def test_a_connector_that_goes_out_of_service_within_a_group_is_noticed(suite: Suite) -> None:
    connector, out = suite.points[0].connector, suite.chain.now() + HOUR
    for since, status in ((out, Status.OUT_OF_SERVICE), (out + 2 * HOUR, Status.IN_SERVICE)):
        suite.contracts["ChargePointRegistry"].transact(
            "publish", connector, since, status, *[bytes(32)] * 3, signer=suite.operator
        )
        suite.chain.advance_to(since + 1)
    suite.chain.advance_to(out + 4 * HOUR)
    maker = suite.maker()
    last, while_out, first_back = (maker.session(start) for start in (out - 1, out, out + 2 * HOUR))
    with pytest.raises(ContractError) as caught:
        suite.settle(last, while_out, first_back)
    assert (caught.value.name, caught.value.args["index"]) == ("ChargePointNotServed", 1)
    suite.settle(last, first_back)


def test_an_agreement_that_ends_within_a_group_is_noticed(suite: Suite) -> None:
    peerings = suite.contracts["PeeringRegistry"]
    peerings.transact("end", suite.creditor.address, signer=suite.debtor)
    _, until = peerings.call("agreementOf", suite.creditor.address, suite.debtor.address, 1)
    suite.chain.advance_to(until + HOUR)
    maker = suite.maker()
    inside, outside = (maker.session(start) for start in (until - 1, until))
    with pytest.raises(ContractError) as caught:
        suite.settle(inside, outside)
    assert (caught.value.name, caught.value.args["index"]) == ("AgreementNotInForce", 1)
    suite.settle(inside)
