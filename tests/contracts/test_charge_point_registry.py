"""ChargePointRegistry on a real chain: each rule, each refusal, and the directory rebuilt from events alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.chain import Chain, ContractHandle, Receipt
from evgi_client.chain.abi import selector_of
from evgi_client.charging.directory import ChargePoint, Directory, Status
from evgi_client.errors import ContractError
from evgi_client.messages.hashing import checksum_address, keccak256
from evgi_client.signing import LocalSigner

UTILITY = 1
MONTH = 31 * 86_400
FOREVER = 2**64 - 1
ZERO_ADDRESS = "0x" + "00" * 20
EVSE = keccak256(b"DE8AAE001")
METER = checksum_address("0x" + "5a" * 20)
NEW_METER = checksum_address("0x" + "6b" * 20)
HASHES = [bytes([number]) * 32 for number in range(1, 9)]


class World:
    """A registry with two utilities, two operators and a stranger, one connector listed."""

    def __init__(self, chain: Chain, signers: list[LocalSigner]) -> None:
        self.chain = chain
        admin, self.utility, self.peer, self.operator, self.successor, self.stranger = signers[:6]
        authority = chain.deploy("AccessManager", [admin.address], admin)
        self.registry: ContractHandle = chain.deploy("ChargePointRegistry", [authority.address], admin)
        restricted = [
            selector_of(self.registry.abi.function(name)) for name in ("register", "acceptCreditor")
        ]
        authority.transact("setTargetFunctionRole", self.registry.address, restricted, UTILITY, signer=admin)
        for member in (self.utility, self.peer):
            authority.transact("grantRole", UTILITY, member.address, 0, signer=admin)
        self.connector: bytes = self.call("connectorId", EVSE, 1)
        self.listed = ChargePoint(
            creditor=self.utility.address,
            since=chain.now() - 1_000,
            status=Status.IN_SERVICE,
            connector_number=1,
            operator=self.operator.address,
            rated_power_w=22_000,
            meter_key=METER,
            evse_id_hash=EVSE,
            location=HASHES[0],
            opening_hours=HASHES[1],
            tariff=HASHES[2],
            certification=HASHES[3],
        )
        self.do(self.utility, "register", self.listed)

    def do(self, signer: LocalSigner, function: str, *args: object) -> Receipt:
        return self.registry.transact(function, *args, signer=signer)

    def call(self, function: str, *args: object) -> Any:
        return self.registry.call(function, *args)

    def at(self, time: int) -> ChargePoint:
        return ChargePoint.from_abi(self.call("at", self.connector, time))

    def publish(
        self, since: int, status: Status = Status.IN_SERVICE, signer: LocalSigner | None = None
    ) -> Receipt:
        return self.do(signer or self.operator, "publish", self.connector, since, status, *HASHES[4:7])

    def certify(self, since: int, signer: LocalSigner | None = None) -> Receipt:
        return self.do(signer or self.utility, "certify", self.connector, since, NEW_METER, 50_000, HASHES[7])


@pytest.fixture(scope="module")
def shared_world(chain: Chain, signers: list[LocalSigner]) -> World:
    return World(chain, signers)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The registry as it was when its connector had just been listed."""
    snapshot = shared_world.chain.snapshot()
    yield shared_world
    shared_world.chain.revert_to(snapshot)


def refuses(act: Callable[[], object], error: str, **args: object) -> None:
    """The contract refuses with this error and exactly these arguments."""
    with pytest.raises(ContractError) as refused:
        act()
    assert (refused.value.name, refused.value.args) == (error, args)


# Listing


def test_a_connector_is_named_by_evse_and_number(world: World) -> None:
    assert world.connector == keccak256(EVSE + (1).to_bytes(32, "big"))
    assert world.call("connectorId", EVSE, 2) == keccak256(EVSE + (2).to_bytes(32, "big"))


def test_what_is_listed_can_be_read(world: World) -> None:
    assert world.at(world.listed.since) == world.listed
    assert world.call("versions", world.connector) == 1
    assert ChargePoint.from_abi(world.call("versionOf", world.connector, 0)) == world.listed
    assert world.call("spanAt", world.connector, world.listed.since) == (
        world.utility.address,
        Status.IN_SERVICE,
        world.listed.since,
        FOREVER,
    )


def test_before_the_first_version_nothing_is_true(world: World) -> None:
    nothing = world.at(world.listed.since - 1)
    assert nothing == ChargePoint(
        ZERO_ADDRESS, 0, Status.UNKNOWN, 0, ZERO_ADDRESS, 0, ZERO_ADDRESS, bytes(32)
    )
    assert world.call("spanAt", world.connector, world.listed.since - 1) == (
        ZERO_ADDRESS,
        Status.UNKNOWN,
        0,
        0,
    )
    assert world.call("spanAt", bytes(32), FOREVER) == (ZERO_ADDRESS, Status.UNKNOWN, 0, 0)
    assert world.call("versions", bytes(32)) == 0


def test_a_connector_is_listed_once(world: World) -> None:
    refuses(
        lambda: world.do(world.utility, "register", world.listed),
        "ChargePointExists",
        connector=world.connector,
    )
    mine = replace(world.listed, creditor=world.peer.address)
    refuses(lambda: world.do(world.peer, "register", mine), "ChargePointExists", connector=world.connector)


def test_a_utility_lists_only_for_itself(world: World) -> None:
    state = replace(world.listed, connector_number=2)
    refuses(
        lambda: world.do(world.peer, "register", state),
        "NotCreditor",
        connector=world.call("connectorId", EVSE, 2),
        caller=world.peer.address,
        creditor=world.utility.address,
    )


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("evse_id_hash", bytes(32), "evseIdHash"),
        ("connector_number", 0, "connectorNumber"),
        ("operator", ZERO_ADDRESS, "operator"),
        ("since", 0, "since"),
        ("meter_key", ZERO_ADDRESS, "meterKey"),
        ("rated_power_w", 0, "ratedPowerW"),
    ],
)
def test_a_listing_is_whole(world: World, field: str, value: Any, named: str) -> None:
    state = replace(replace(world.listed, connector_number=2), **{field: value})
    connector = world.call("connectorId", state.evse_id_hash, state.connector_number)
    refuses(
        lambda: world.do(world.utility, "register", state), "FieldMissing", connector=connector, field=named
    )


def test_hashes_that_nobody_published_may_be_missing(world: World) -> None:
    bare = replace(
        world.listed,
        connector_number=3,
        location=bytes(32),
        opening_hours=bytes(32),
        tariff=bytes(32),
        certification=bytes(32),
    )
    world.do(world.utility, "register", bare)
    assert ChargePoint.from_abi(world.call("versionOf", world.call("connectorId", EVSE, 3), 0)) == bare


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.REMOVED])
def test_a_connector_is_listed_in_or_out_of_service(world: World, status: Status) -> None:
    state = replace(world.listed, connector_number=2, status=status)
    refuses(
        lambda: world.do(world.utility, "register", state),
        "StatusInvalid",
        connector=world.call("connectorId", EVSE, 2),
        status=status,
    )


def test_a_listing_may_begin_later_but_not_after_a_month(world: World) -> None:
    now = world.chain.now()
    state = replace(world.listed, connector_number=2, since=now + MONTH)
    refuses(
        lambda: world.do(world.utility, "register", replace(state, since=now + MONTH + 1)),
        "ChangeTooFarAhead",
        connector=world.call("connectorId", EVSE, 2),
        since=now + MONTH + 1,
        furthest=now + MONTH,
    )
    world.do(world.utility, "register", replace(state, status=Status.OUT_OF_SERVICE))
    assert world.call("spanAt", world.call("connectorId", EVSE, 2), now + MONTH - 1)[1] == Status.UNKNOWN
    assert world.call("spanAt", world.call("connectorId", EVSE, 2), now + MONTH)[1] == Status.OUT_OF_SERVICE


# Changes


def test_the_operator_publishes(world: World) -> None:
    now = world.chain.now()
    world.publish(now, Status.OUT_OF_SERVICE)
    changed = replace(
        world.listed,
        since=now,
        status=Status.OUT_OF_SERVICE,
        location=HASHES[4],
        opening_hours=HASHES[5],
        tariff=HASHES[6],
    )
    assert world.at(now) == changed
    assert world.at(now - 1) == world.listed
    assert world.call("spanAt", world.connector, now - 1)[2:] == (world.listed.since, now)


def test_the_creditor_certifies(world: World) -> None:
    later = world.chain.now() + 50
    world.certify(later)
    changed = replace(
        world.listed, since=later, meter_key=NEW_METER, rated_power_w=50_000, certification=HASHES[7]
    )
    assert world.at(later) == changed
    assert world.at(later - 1) == world.listed


@pytest.mark.parametrize("change", ["publish", "certify"])
def test_no_change_reaches_back(world: World, change: str) -> None:
    now = world.chain.now()
    act = getattr(world, change)
    refuses(lambda: act(now - 1), "ChangeBackdated", connector=world.connector, since=now - 1, earliest=now)
    act(now + 10)
    earliest = now + 11
    refuses(
        lambda: act(now + 10),
        "ChangeBackdated",
        connector=world.connector,
        since=now + 10,
        earliest=earliest,
    )
    act(earliest)
    assert world.call("versions", world.connector) == 3


@pytest.mark.parametrize("change", ["publish", "certify"])
def test_no_change_is_dated_more_than_a_month_ahead(world: World, change: str) -> None:
    now = world.chain.now()
    act = getattr(world, change)
    refuses(
        lambda: act(now + MONTH + 1),
        "ChangeTooFarAhead",
        connector=world.connector,
        since=now + MONTH + 1,
        furthest=now + MONTH,
    )
    act(now + MONTH)
    assert world.at(now + MONTH - 1) == world.listed


def test_hardware_is_whole(world: World) -> None:
    now = world.chain.now()
    for meter, watts, field in ((ZERO_ADDRESS, 1, "meterKey"), (METER, 0, "ratedPowerW")):
        refuses(
            lambda meter=meter, watts=watts: world.do(
                world.utility, "certify", world.connector, now, meter, watts, bytes(32)
            ),
            "FieldMissing",
            connector=world.connector,
            field=field,
        )


def test_nothing_becomes_unknown(world: World) -> None:
    refuses(
        lambda: world.publish(world.chain.now(), Status.UNKNOWN),
        "StatusInvalid",
        connector=world.connector,
        status=Status.UNKNOWN,
    )


CHANGES: dict[str, Callable[[World], object]] = {
    "publish": lambda world: world.publish(world.chain.now() + 100),
    "certify": lambda world: world.certify(world.chain.now() + 100),
    "offerOperator": lambda world: world.do(
        world.operator, "offerOperator", world.connector, world.peer.address
    ),
    "acceptOperator": lambda world: world.do(world.successor, "acceptOperator", world.connector),
    "offerCreditor": lambda world: world.do(
        world.operator, "offerCreditor", world.connector, world.stranger.address
    ),
    "acceptCreditor": lambda world: world.do(world.peer, "acceptCreditor", world.connector),
}


@pytest.mark.parametrize("change", CHANGES)
def test_removed_is_final(world: World, change: str) -> None:
    world.do(world.operator, "offerOperator", world.connector, world.successor.address)
    world.do(world.operator, "offerCreditor", world.connector, world.peer.address)
    world.publish(world.chain.now() + 10, Status.REMOVED)
    refuses(lambda: CHANGES[change](world), "ChargePointRemoved", connector=world.connector)
    world.chain.advance_to(world.chain.now() + 20)
    refuses(lambda: CHANGES[change](world), "ChargePointRemoved", connector=world.connector)
    refuses(
        lambda: world.do(world.utility, "register", world.listed),
        "ChargePointExists",
        connector=world.connector,
    )


@pytest.mark.parametrize("change", CHANGES)
def test_an_unknown_connector_does_not_change(world: World, change: str) -> None:
    connector = world.connector
    world.connector = bytes(32)
    try:
        refuses(lambda: CHANGES[change](world), "ChargePointUnknown", connector=bytes(32))
    finally:
        world.connector = connector


def test_a_version_that_is_not_there_is_refused(world: World) -> None:
    for connector, versions in ((world.connector, 1), (bytes(32), 0)):
        refuses(
            lambda connector=connector: world.call("versionOf", connector, 1),
            "VersionUnknown",
            connector=connector,
            version=1,
            versions=versions,
        )


# Handovers


def test_a_connector_changes_operators_when_the_other_accepts(world: World) -> None:
    world.do(world.operator, "offerOperator", world.connector, world.successor.address)
    assert world.call("offersOf", world.connector) == (world.successor.address, ZERO_ADDRESS)
    assert world.at(world.chain.now()) == world.listed
    now = world.chain.now()
    world.do(world.successor, "acceptOperator", world.connector)
    assert world.at(now) == replace(world.listed, since=now, operator=world.successor.address)
    assert world.at(now - 1) == world.listed
    assert world.call("offersOf", world.connector) == (ZERO_ADDRESS, ZERO_ADDRESS)
    later = world.chain.now()
    refuses(
        lambda: world.publish(later),
        "NotOperator",
        connector=world.connector,
        caller=world.operator.address,
        operator=world.successor.address,
    )
    world.publish(later, signer=world.successor)


def test_a_connector_changes_utilities_when_the_other_accepts(world: World) -> None:
    world.do(world.operator, "offerCreditor", world.connector, world.peer.address)
    assert world.call("offersOf", world.connector) == (ZERO_ADDRESS, world.peer.address)
    now = world.chain.now()
    world.do(world.peer, "acceptCreditor", world.connector)
    assert world.call("spanAt", world.connector, now - 1)[0] == world.utility.address
    assert world.call("spanAt", world.connector, now)[0] == world.peer.address
    assert world.call("offersOf", world.connector) == (ZERO_ADDRESS, ZERO_ADDRESS)
    later = world.chain.now()
    refuses(
        lambda: world.certify(later),
        "NotCreditor",
        connector=world.connector,
        caller=world.utility.address,
        creditor=world.peer.address,
    )
    world.certify(later, signer=world.peer)


@pytest.mark.parametrize(
    ("offer", "accept"), [("offerOperator", "acceptOperator"), ("offerCreditor", "acceptCreditor")]
)
def test_an_offer_is_taken_once_and_by_whom_it_was_made_to(world: World, offer: str, accept: str) -> None:
    def refused(offered: str) -> None:
        refuses(
            lambda: world.do(world.peer, accept, world.connector),
            "NotOffered",
            connector=world.connector,
            caller=world.peer.address,
            offered=offered,
        )

    refused(ZERO_ADDRESS)
    world.do(world.operator, offer, world.connector, world.successor.address)
    refused(world.successor.address)
    world.do(world.operator, offer, world.connector, world.peer.address)
    world.do(world.operator, offer, world.connector, ZERO_ADDRESS)
    refused(ZERO_ADDRESS)
    world.do(world.operator, offer, world.connector, world.peer.address)
    world.do(world.peer, accept, world.connector)
    refused(ZERO_ADDRESS)


def test_offers_of_the_former_operator_end_with_it(world: World) -> None:
    world.do(world.operator, "offerCreditor", world.connector, world.peer.address)
    world.do(world.operator, "offerOperator", world.connector, world.successor.address)
    world.do(world.successor, "acceptOperator", world.connector)
    assert world.call("offersOf", world.connector) == (ZERO_ADDRESS, ZERO_ADDRESS)
    refuses(
        lambda: world.do(world.peer, "acceptCreditor", world.connector),
        "NotOffered",
        connector=world.connector,
        caller=world.peer.address,
        offered=ZERO_ADDRESS,
    )


def test_an_offer_to_an_operator_outlives_a_change_of_utility(world: World) -> None:
    world.do(world.operator, "offerOperator", world.connector, world.successor.address)
    world.do(world.operator, "offerCreditor", world.connector, world.peer.address)
    world.do(world.peer, "acceptCreditor", world.connector)
    assert world.call("offersOf", world.connector) == (world.successor.address, ZERO_ADDRESS)


def test_nobody_is_offered_what_is_theirs(world: World) -> None:
    refuses(
        lambda: world.do(world.operator, "offerOperator", world.connector, world.operator.address),
        "AlreadyOperator",
        connector=world.connector,
        operator=world.operator.address,
    )
    refuses(
        lambda: world.do(world.operator, "offerCreditor", world.connector, world.utility.address),
        "AlreadyCreditor",
        connector=world.connector,
        creditor=world.utility.address,
    )


@pytest.mark.parametrize(
    ("offer", "accept"), [("offerOperator", "acceptOperator"), ("offerCreditor", "acceptCreditor")]
)
@pytest.mark.parametrize("ahead", [1, 500, MONTH])
def test_a_handover_follows_a_version_that_is_pending(
    world: World, offer: str, accept: str, ahead: int
) -> None:
    party = "operator" if offer == "offerOperator" else "creditor"
    former = getattr(world.listed, party)
    world.do(world.operator, offer, world.connector, world.peer.address)
    pending = world.chain.now() + ahead
    world.publish(pending, Status.OUT_OF_SERVICE)
    world.do(world.peer, accept, world.connector)
    assert getattr(world.at(pending), party) == former
    after = world.at(pending + 1)
    assert (getattr(after, party), after.since) == (world.peer.address, pending + 1)
    assert (after.status, after.tariff) == (Status.OUT_OF_SERVICE, HASHES[6])


# Who may


STRANGERS: dict[str, tuple[str, Callable[[World], tuple[object, ...]]]] = {
    "register": (
        "AccessManagedUnauthorized",
        lambda world: (replace(world.listed, connector_number=2, creditor=world.stranger.address),),
    ),
    "publish": (
        "NotOperator",
        lambda world: (world.connector, world.chain.now(), Status.IN_SERVICE, *HASHES[:3]),
    ),
    "certify": ("NotCreditor", lambda world: (world.connector, world.chain.now(), METER, 1, bytes(32))),
    "offerOperator": ("NotOperator", lambda world: (world.connector, world.stranger.address)),
    "acceptOperator": ("NotOffered", lambda world: (world.connector,)),
    "offerCreditor": ("NotOperator", lambda world: (world.connector, world.stranger.address)),
    "acceptCreditor": ("AccessManagedUnauthorized", lambda world: (world.connector,)),
    "setAuthority": ("AccessManagedUnauthorized", lambda world: (world.registry.address,)),
}


@pytest.mark.parametrize("function", STRANGERS)
def test_a_stranger_changes_nothing(world: World, function: str) -> None:
    error, args = STRANGERS[function]
    with pytest.raises(ContractError) as refused:
        world.do(world.stranger, function, *args(world))
    assert refused.value.name == error
    assert world.stranger.address in refused.value.args.values()


def test_every_function_that_changes_something_is_tried_by_a_stranger(world: World) -> None:
    writing = {
        entry["name"]
        for entry in world.registry.abi.entries
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert writing == set(STRANGERS)


@pytest.mark.parametrize("function", ["publish", "offerOperator", "offerCreditor"])
def test_the_creditor_does_not_act_for_the_operator(world: World, function: str) -> None:
    refuses(
        lambda: world.do(world.utility, function, *STRANGERS[function][1](world)),
        "NotOperator",
        connector=world.connector,
        caller=world.utility.address,
        operator=world.operator.address,
    )


def test_the_operator_does_not_certify_itself(world: World) -> None:
    refuses(
        lambda: world.certify(world.chain.now(), signer=world.operator),
        "NotCreditor",
        connector=world.connector,
        caller=world.operator.address,
        creditor=world.utility.address,
    )


def test_an_offer_makes_no_utility_of_a_stranger(world: World) -> None:
    world.do(world.operator, "offerCreditor", world.connector, world.stranger.address)
    refuses(
        lambda: world.do(world.stranger, "acceptCreditor", world.connector),
        "AccessManagedUnauthorized",
        caller=world.stranger.address,
    )


# Events


def test_an_event_carries_the_whole_version(world: World) -> None:
    now = world.chain.now()
    receipt = world.publish(now, Status.OUT_OF_SERVICE)
    (event,) = world.registry.events_in(receipt)
    assert event.name == "ChargePointRecorded"
    assert (event.args["connector"], event.args["version"]) == (world.connector, 1)
    assert ChargePoint.from_abi(event.args["state"]) == world.at(now)


def offers_told_by(world: World) -> tuple[str, str]:
    """Open offers (operator, creditor), from events alone and by the rule that the interface states."""
    events = [
        event
        for name in ("ChargePointRecorded", "OperatorOffered", "CreditorOffered")
        for event in world.registry.events(name, connector=world.connector)
    ]
    operator = creditor = ZERO_ADDRESS
    version: Any = None
    for event in sorted(events, key=lambda event: (event.block_number, event.log_index)):
        if event.name == "OperatorOffered":
            assert event.args["from"] == version.operator
            operator = event.args["to"]
        elif event.name == "CreditorOffered":
            assert event.args["from"] == version.operator
            creditor = event.args["to"]
        else:
            before, version = version, event.args["state"]
            if before is not None and before.operator != version.operator:
                operator = creditor = ZERO_ADDRESS
            elif before is not None and before.creditor != version.creditor:
                creditor = ZERO_ADDRESS
    return operator, creditor


ACTIONS = ["publish", "certify", "offerOperator", "acceptOperator", "offerCreditor", "acceptCreditor"]
steps = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5), st.integers(0, 40), st.integers(0, 60)),
    min_size=4,
    max_size=14,
)


def attempt(world: World, action: str, who: int, ahead: int) -> bool:
    """One action by the account that may, towards account ``who``; True where the contract took it.

    Where nothing is offered, what is accepted is offered first: random steps seldom meet.
    """
    accounts = [world.operator, world.successor, world.utility, world.peer]
    latest = world.call("at", world.connector, FOREVER)
    by_address = {account.address: account for account in accounts}
    offers = world.call("offersOf", world.connector)._asdict()
    offered = {"acceptOperator": offers["operator"], "acceptCreditor": offers["creditor"]}
    if offered.get(action) == ZERO_ADDRESS and who < len(accounts):
        if not attempt(world, action.replace("accept", "offer"), who, ahead):
            return False
        offered[action] = accounts[who].address
    since = max(world.chain.now(), latest.since) + ahead
    to = accounts[who].address if who < len(accounts) else ZERO_ADDRESS
    status = Status.REMOVED if who == 5 and ahead > 30 else Status(1 + who % 2)
    arguments: dict[str, tuple[LocalSigner | None, tuple[object, ...]]] = {
        "publish": (by_address[latest.operator], (since, status, *(HASHES[(who + k) % 8] for k in range(3)))),
        "certify": (by_address[latest.creditor], (since, world.stranger.address, 1_000 + who, HASHES[who])),
        "offerOperator": (by_address[latest.operator], (to,)),
        "acceptOperator": (by_address.get(offered["acceptOperator"]), ()),
        "offerCreditor": (by_address[latest.operator], (to,)),
        "acceptCreditor": (by_address.get(offered["acceptCreditor"]), ()),
    }
    signer, rest = arguments[action]
    try:
        # With a gas limit, the transaction is sent without being tried first.
        world.registry.transact(
            action, world.connector, *rest, signer=signer or world.stranger, gas=1_000_000
        )
    except ContractError:
        return False
    return True


@given(steps=steps, times=st.lists(st.integers(-1_200, 1_000), min_size=2, max_size=4))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_replayed_events_are_the_state(
    shared_world: World, steps: list[tuple[str, int, int, int]], times: list[int]
) -> None:
    """Release gate: whatever happened, the directory rebuilt from events says what the contract says, at any time."""
    world = shared_world
    snapshot = world.chain.snapshot()
    begin = world.chain.now()
    try:
        taken = 1
        for action, who, ahead, wait in steps:
            if attempt(world, action, who, ahead) and not action.startswith("offer"):
                taken += 1
            world.chain.advance_to(world.chain.now() + wait)

        directory = Directory.from_events(world.registry.events("ChargePointRecorded"))
        versions = directory.versions(world.connector)
        assert len(versions) == world.call("versions", world.connector) == taken
        assert all(one.since < other.since for one, other in pairwise(versions))
        assert world.call("offersOf", world.connector) == offers_told_by(world)

        begins = [version.since for version in versions]
        for time in [begins[0] - 1, *begins, *(begin + shift for shift in times)]:
            told = directory.at(world.connector, time)
            kept = world.at(time)
            assert kept == told if told is not None else kept.status is Status.UNKNOWN
            following = [version.since for version in versions if version.since > time]
            assert world.call("spanAt", world.connector, time) == (
                (told.creditor, told.status, told.since, min(following, default=FOREVER))
                if told is not None
                else (ZERO_ADDRESS, Status.UNKNOWN, 0, 0)
            )
    finally:
        world.chain.revert_to(snapshot)


# Gas


def test_gas(world: World, record_property: Callable[[str, object], None]) -> None:
    """What each act costs, with room for a compiler's whims; a version is eight slots and an event."""
    state = replace(world.listed, connector_number=9)
    costs = {
        "register": world.do(world.utility, "register", state).gas_used,
        "publish": world.publish(world.chain.now()).gas_used,
        "certify": world.certify(world.chain.now()).gas_used,
        "offerOperator": world.do(
            world.operator, "offerOperator", world.connector, world.successor.address
        ).gas_used,
        "acceptOperator": world.do(world.successor, "acceptOperator", world.connector).gas_used,
    }
    limits = {
        "register": 275_000,
        "publish": 255_000,
        "certify": 255_000,
        "offerOperator": 75_000,
        "acceptOperator": 250_000,
    }
    for name, cost in costs.items():
        record_property(f"gas_{name}", cost)
        print(f"{name}: {cost:,} gas")
        assert cost <= limits[name]
