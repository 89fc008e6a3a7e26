"""Enrolment can be cut off and run again, and never passes other facts over in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from evgi_client.chain import Chain
from evgi_client.charging.enrolment import Enrolment
from evgi_client.charging.roster import PAGE_KEYS, pages
from evgi_client.errors import ContractError, RosterKeysError
from tests.support.sessions import DAY
from tests.support.suite import Suite, found

if TYPE_CHECKING:
    from pathlib import Path


class PowerFailure(BaseException):
    """Not an Exception: nothing in the package may catch it."""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return found(Chain.embedded(), tmp_path / "deployment.json")


def test_a_roster_of_several_pages_goes_on_where_it_stopped(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"0x{number:040x}" for number in range(1, PAGE_KEYS + 20)]
    span = (suite.chain.now(), suite.chain.now() + 30 * DAY)
    enrolment, drivers = Enrolment(suite.contracts, suite.stranger), suite.contracts["DriverRoster"]
    original = drivers.transact

    def failing(function: str, *args: object, **kwargs: object) -> object:
        if function == "extend":
            raise PowerFailure
        return original(function, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(drivers, "transact", failing)
        with pytest.raises(PowerFailure):
            enrolment.publish_roster(*span, keys)
    assert enrolment.publish_roster(*span, keys) == 1
    assert enrolment.publish_roster(*span, keys) == 1
    assert drivers.call("latest", suite.stranger.address) == 1
    found_pages = [list(drivers.call("keysOf", suite.stranger.address, 1, page)) for page in range(2)]
    assert found_pages == pages(keys)
    with pytest.raises(RosterKeysError):
        enrolment.publish_roster(*span, keys[1:])


def test_a_connector_is_listed_once_and_other_facts_are_refused(suite: Suite) -> None:
    enrolment = Enrolment(suite.contracts, suite.creditor)
    point = suite.points[0]
    registry = suite.contracts["ChargePointRegistry"]
    assert enrolment.register(replace(point, since=suite.chain.now())) == point.connector
    assert registry.call("versions", point.connector) == 1
    with pytest.raises(ContractError) as caught:
        enrolment.register(replace(point, rated_power_w=50_000))
    assert caught.value.name == "ChargePointExists"
    assert registry.call("versions", point.connector) == 1
