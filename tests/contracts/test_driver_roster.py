"""DriverRoster on a real chain: each rule, each refusal, and every answer against a short model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.chain import Chain, ContractHandle, Receipt
from evgi_client.chain.abi import selector_of
from evgi_client.charging.roster import PAGE_KEYS, PLACES_PER_PAGE, DriverIndex, pages
from evgi_client.errors import ContractError
from evgi_client.messages.hashing import address_from_bytes, keccak256
from evgi_client.signing import LocalSigner

UTILITY = 1
DAY = 86_400
FIVE_YEARS = 5 * 365 * DAY
ZERO_ADDRESS = "0x" + "00" * 20


class Validity(IntEnum):
    VALID = 0
    UNKNOWN = 1
    NOT_YET_VALID = 2
    EXPIRED = 3
    REVOKED = 4


def key(number: int) -> str:
    return address_from_bytes(number.to_bytes(20, "big"))


def scattered(count: int) -> list[str]:
    """Ascending keys all over the range of addresses, as hashes of public keys are."""
    return sorted((address_from_bytes(keccak256(b"driver %d" % n)[12:]) for n in range(count)), key=str.lower)


class World:
    """A roster contract with two utilities and a stranger; nothing published."""

    def __init__(self, chain: Chain, signers: list[LocalSigner]) -> None:
        self.chain = chain
        admin, self.utility, self.peer, self.stranger = signers[:4]
        authority = chain.deploy("AccessManager", [admin.address], admin)
        self.rosters: ContractHandle = chain.deploy("DriverRoster", [authority.address], admin)
        restricted = [
            selector_of(self.rosters.abi.function(name)) for name in ("publish", "extend", "revoke")
        ]
        authority.transact("setTargetFunctionRole", self.rosters.address, restricted, UTILITY, signer=admin)
        for member in (self.utility, self.peer):
            authority.transact("grantRole", UTILITY, member.address, 0, signer=admin)

    def do(
        self, function: str, *args: object, signer: LocalSigner | None = None, gas: int | None = None
    ) -> Receipt:
        return self.rosters.transact(function, *args, signer=signer or self.utility, gas=gas)

    def call(self, function: str, *args: object) -> Any:
        return self.rosters.call(function, *args)

    def ask(self, function: str, *args: object) -> Any:
        """A view about the utility."""
        return self.call(function, self.utility.address, *args)


@pytest.fixture(scope="module")
def shared_world(chain: Chain, signers: list[LocalSigner]) -> World:
    return World(chain, signers)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The contract as it was when nothing had been published."""
    snapshot = shared_world.chain.snapshot()
    yield shared_world
    shared_world.chain.revert_to(snapshot)


def refuses(act: Callable[[], object], error: str, **args: object) -> None:
    """The contract refuses with this error and exactly these arguments."""
    with pytest.raises(ContractError) as refused:
        act()
    assert (refused.value.name, refused.value.args) == (error, args)


# Publishing


def test_a_roster_holds_from_its_first_second_until_before_its_last(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now - 100, now + 100, [key(5), key(7)])
    valid = {
        time: world.ask("isValidAt", key(7), time) for time in (now - 101, now - 100, now + 99, now + 100)
    }
    assert list(valid.values()) == [False, True, True, False]
    assert world.ask("latest") == 1
    assert world.ask("rosterOf", 1) == (now - 100, now + 100, 1)
    assert world.ask("keysOf", 1, 0) == [key(5), key(7)]
    assert [world.ask("rosterAt", time) for time in valid] == [0, 1, 1, 0]


def test_each_utility_has_rosters_of_its_own(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + 10, [key(1)])
    assert world.call("latest", world.peer.address) == 0
    assert not world.call("isValidAt", world.peer.address, key(1), now)
    world.do("publish", now - 50, now + 5, [key(2)], signer=world.peer)
    assert world.call("rosterOf", world.peer.address, 1) == (now - 50, now + 5, 1)
    assert world.ask("rosterOf", 1) == (now, now + 10, 1)


def test_who_is_not_in_the_next_roster_cannot_charge(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(1), key(2)])
    world.do("publish", now + DAY, now + 2 * DAY, [key(2)])
    assert [world.ask("isValidAt", key(1), now + DAY + shift) for shift in (-1, 0)] == [True, False]
    assert [world.ask("isValidAt", key(2), now + DAY + shift) for shift in (-1, 0)] == [True, True]


def test_between_two_rosters_nobody_is_valid(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + 10, [key(1)])
    world.do("publish", now + 20, now + 30, [key(1)])
    assert [world.ask("rosterAt", now + shift) for shift in (9, 10, 19, 20)] == [1, 0, 0, 2]
    assert not world.ask("isValidAt", key(1), now + 15)


def test_a_late_roster_may_begin_in_the_past_but_not_before_the_last_one_ended(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now - 3 * DAY, now - DAY, [key(1)])
    refuses(
        lambda: world.do("publish", now - DAY - 1, now + DAY, [key(1)]),
        "RosterOverlaps",
        validFrom=now - DAY - 1,
        previousUntil=now - DAY,
    )
    world.do("publish", now - DAY, now + DAY, [key(1)])
    assert world.ask("isValidAt", key(1), now - 1)


def test_a_span_has_length_and_ends_within_five_years(world: World) -> None:
    now = world.chain.now()
    for begin, end in (
        (now, now),
        (now, now - 1),
        (now, now + FIVE_YEARS + 1),
        (now * 1_000, now * 1_000 + 1),
    ):
        refuses(
            lambda begin=begin, end=end: world.do("publish", begin, end, [key(1)]),
            "RosterSpanInvalid",
            validFrom=begin,
            validUntil=end,
        )
    world.do("publish", now, now + FIVE_YEARS, [key(1)])


def test_at_most_eight_rosters_have_not_begun(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(1)])
    for number in range(1, 9):
        world.do("publish", now + number * DAY, now + (number + 1) * DAY, [key(1)])

    def ninth() -> Receipt:
        return world.do("publish", now + 9 * DAY, now + 10 * DAY, [key(1)])

    refuses(ninth, "TooManyRostersAhead", ahead=9, limit=8)
    world.chain.advance_to(now + DAY - 1)
    refuses(ninth, "TooManyRostersAhead", ahead=9, limit=8)
    world.chain.advance_to(now + DAY)
    ninth()
    assert world.ask("latest") == 10


def test_a_page_is_added_later(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(5)])
    world.do("extend", 1, [key(3), key(9)])
    assert world.ask("rosterOf", 1) == (now, now + DAY, 2)
    assert world.ask("keysOf", 1, 1) == [key(3), key(9)]
    assert world.ask("locate", key(9), now) == (True, 1, PLACES_PER_PAGE + 1)
    assert world.ask("driverAt", 1, PLACES_PER_PAGE + 1, now) == (key(9), Validity.VALID)
    refuses(lambda: world.do("extend", 2, [key(3)]), "RosterUnknown", utility=world.utility.address, roster=2)
    refuses(
        lambda: world.do("extend", 1, [key(3)], signer=world.peer),
        "RosterUnknown",
        utility=world.peer.address,
        roster=1,
    )


def test_a_roster_has_256_pages_at_most(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(1)])
    for number in range(2, 257):
        world.do("extend", 1, [key(number)], gas=300_000)
    refuses(lambda: world.do("extend", 1, [key(257)]), "TooManyPages", roster=1, limit=256)
    assert world.ask("locate", key(256), now) == (True, 1, 255 * PLACES_PER_PAGE)
    assert world.ask("isValidAt", key(257), now) is False
    # The walk through a full roster stays payable.
    assert world.do("revoke", key(256), now + 900).gas_used < 2_000_000
    assert world.ask("revokedWord", 1, 255 * 8) == 1


# Pages


@pytest.mark.parametrize("count", [1, 2, 3, PAGE_KEYS - 1, PAGE_KEYS])
def test_a_page_is_code_that_does_nothing(world: World, count: int) -> None:
    now = world.chain.now()
    keys = scattered(count)
    (event,) = world.rosters.events_in(world.do("publish", now, now + DAY, keys), "RosterExtended")
    page = world.ask("pageOf", 1, 0)
    assert event.args == {
        "utility": world.utility.address,
        "roster": 1,
        "pageNumber": 0,
        "page": page,
        "keys": count,
    }
    assert world.chain.code(page) == b"\x00" + b"".join(bytes.fromhex(each[2:]) for each in keys)
    assert world.chain.call(page, b"\x01\x02\x03\x04", sender=world.stranger.address) == b""
    assert world.ask("keysOf", 1, 0) == keys
    for position in {0, count // 2, count - 1}:
        assert world.ask("driverAt", 1, position, now) == (keys[position], Validity.VALID)
        assert world.ask("locate", keys[position], now) == (True, 1, position)
    assert world.ask("driverAt", 1, count, now) == (ZERO_ADDRESS, Validity.UNKNOWN)


@pytest.mark.parametrize("count", [0, PAGE_KEYS + 1])
def test_a_page_holds_1_to_1228_keys(world: World, count: int) -> None:
    now = world.chain.now()
    refuses(
        lambda: world.do("publish", now, now + DAY, [key(number) for number in range(1, count + 1)]),
        "PageSizeInvalid",
        keys=count,
        limit=PAGE_KEYS,
    )


@pytest.mark.parametrize(
    ("numbers", "position"),
    [([0], 0), ([0, 1], 0), ([3, 3], 1), ([1, 5, 4], 2), ([2**160 - 1, 2**160 - 1], 1)],
)
def test_keys_of_a_page_ascend(world: World, numbers: list[int], position: int) -> None:
    now = world.chain.now()
    refuses(
        lambda: world.do("publish", now, now + DAY, [key(number) for number in numbers]),
        "KeysNotAscending",
        position=position,
        previous=key(numbers[position - 1]) if position else ZERO_ADDRESS,
        key=key(numbers[position]),
    )


def test_the_extremes_of_the_range_are_keys(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(1), key(2**160 - 1)])
    assert world.ask("isValidAt", key(1), now)
    assert world.ask("isValidAt", key(2**160 - 1), now)
    assert not world.ask("isValidAt", key(2), now)
    assert not world.ask("isValidAt", key(2**160 - 2), now)
    assert not world.ask("isValidAt", ZERO_ADDRESS, now)


def test_too_little_gas_for_a_page_is_said(world: World) -> None:
    now = world.chain.now()
    refuses(
        lambda: world.do("publish", now, now + DAY, scattered(PAGE_KEYS), gas=4_000_000),
        "PageNotWritten",
        keys=PAGE_KEYS,
    )
    assert world.ask("latest") == 0


def test_what_is_not_there_reads_as_nothing(world: World) -> None:
    now = world.chain.now()
    assert world.ask("rosterOf", 1) == (0, 0, 0)
    assert world.ask("pageOf", 1, 0) == ZERO_ADDRESS
    assert world.ask("keysOf", 1, 0) == []
    assert world.ask("locate", key(1), now) == (False, 0, 0)
    assert world.ask("driverAt", 0, 0, now) == (ZERO_ADDRESS, Validity.UNKNOWN)
    world.do("publish", now, now + DAY, [key(1)])
    for place in (1, PLACES_PER_PAGE, PLACES_PER_PAGE - 1, 2**24 - 1):
        assert world.ask("driverAt", 1, place, now) == (ZERO_ADDRESS, Validity.UNKNOWN)
    assert world.ask("driverAt", 2, 0, now) == (ZERO_ADDRESS, Validity.UNKNOWN)
    assert world.ask("locate", key(2), now) == (False, 1, 0)


# Revoking


def test_a_revoked_key_is_out_from_that_second(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now - DAY, now + DAY, [key(1), key(2)])
    at = world.chain.now()
    receipt = world.do("revoke", key(2), at)
    (event,) = world.rosters.events_in(receipt)
    assert (event.name, event.args) == (
        "DriverRevoked",
        {"utility": world.utility.address, "key": key(2), "effectiveAt": at},
    )
    assert [world.ask("isValidAt", key(2), time) for time in (at - 1, at)] == [True, False]
    assert [world.ask("driverAt", 1, 1, time)[1] for time in (at - 1, at)] == [
        Validity.VALID,
        Validity.REVOKED,
    ]
    assert world.ask("revokedFrom", key(2)) == at
    assert world.ask("revokedWord", 1, 0) == 0b10
    assert world.ask("isValidAt", key(1), at)
    assert world.ask("locate", key(2), at) == (True, 1, 1)


def test_the_span_is_told_before_the_revocation(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now + 100, now + 200, [key(1)])
    world.do("revoke", key(1), now + 50)
    told = [world.ask("driverAt", 1, 0, now + shift)[1] for shift in (60, 100, 199, 200)]
    assert told == [Validity.NOT_YET_VALID, Validity.REVOKED, Validity.REVOKED, Validity.EXPIRED]


def test_no_revocation_reaches_back(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(1)])
    now = world.chain.now()
    refuses(
        lambda: world.do("revoke", key(1), now - 1), "RevocationBackdated", effectiveAt=now - 1, earliest=now
    )
    world.do("revoke", key(1), now)


def test_a_revocation_moves_earlier_and_never_later(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + 100, [key(1)])
    world.do("publish", now + 100, now + 200, [key(1)])
    world.do("revoke", key(1), now + 150)
    assert [world.ask("revokedWord", roster, 0) for roster in (1, 2)] == [0, 1]
    for later in (now + 150, now + 151):
        refuses(
            lambda later=later: world.do("revoke", key(1), later),
            "KeyAlreadyRevoked",
            utility=world.utility.address,
            key=key(1),
            effectiveAt=now + 150,
        )
    world.do("revoke", key(1), now + 50)
    assert [world.ask("revokedWord", roster, 0) for roster in (1, 2)] == [1, 1]
    assert [world.ask("isValidAt", key(1), now + shift) for shift in (49, 50, 120)] == [True, False, False]
    world.chain.advance_to(now + 60)
    refuses(
        lambda: world.do("revoke", key(1), now + 60),
        "KeyAlreadyRevoked",
        utility=world.utility.address,
        key=key(1),
        effectiveAt=now + 50,
    )


def test_only_a_listed_key_is_revoked(world: World) -> None:
    now = world.chain.now()
    refuses(
        lambda: world.do("revoke", key(1), now + 5),
        "KeyNotListed",
        utility=world.utility.address,
        key=key(1),
    )
    world.do("publish", now, now + 100, [key(1)])
    refuses(
        lambda: world.do("revoke", key(2), now + 50),
        "KeyNotListed",
        utility=world.utility.address,
        key=key(2),
    )
    # A roster that ends by then does not count: its keys go out with it.
    refuses(
        lambda: world.do("revoke", key(1), now + 100),
        "KeyNotListed",
        utility=world.utility.address,
        key=key(1),
    )
    world.do("revoke", key(1), now + 99)


def test_a_utility_revokes_only_its_own(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + 100, [key(1)])
    world.do("publish", now, now + 100, [key(1)], signer=world.peer)
    world.do("revoke", key(1), now + 50, signer=world.peer)
    assert world.ask("isValidAt", key(1), now + 50)
    assert not world.call("isValidAt", world.peer.address, key(1), now + 50)


def test_every_place_of_a_key_is_revoked(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(1), key(4)])
    world.do("extend", 1, [key(2), key(3), key(4)])
    assert world.ask("locate", key(4), now) == (True, 1, 1), "the first place counts"
    world.do("revoke", key(4), now + 50)
    for place in (1, PLACES_PER_PAGE + 2):
        assert world.ask("driverAt", 1, place, now + 50) == (key(4), Validity.REVOKED)
    assert world.ask("revokedWord", 1, 0) == 0b10
    assert world.ask("revokedWord", 1, 8) == 0b100


def test_revocation_bits_stand_at_their_places(world: World) -> None:
    now = world.chain.now()
    keys = scattered(600)
    world.do("publish", now, now + DAY, keys)
    for place in (0, 255, 256, 599):
        world.do("revoke", keys[place], now + 50)
    assert [world.ask("revokedWord", 1, word) for word in range(4)] == [1 | 1 << 255, 1, 1 << (599 - 512), 0]


def test_a_revoked_key_is_not_listed_again(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + 100, [key(1), key(2)])
    world.do("revoke", key(2), now + 60)
    refused = {"utility": world.utility.address, "key": key(2), "effectiveAt": now + 60}
    refuses(
        lambda: world.do("publish", now + 100, now + 200, [key(1), key(2)]), "KeyAlreadyRevoked", **refused
    )
    world.do("publish", now + 100, now + 200, [key(1)])
    refuses(lambda: world.do("extend", 2, [key(2)]), "KeyAlreadyRevoked", **refused)


def test_a_key_revoked_within_a_later_roster_is_listed_until_then(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + 300, [key(2)])
    world.do("revoke", key(2), now + 250)
    world.do("extend", 1, [key(1), key(2)])
    assert world.ask("revokedWord", 1, 8) == 0b10
    assert [world.ask("driverAt", 1, PLACES_PER_PAGE + 1, now + shift)[1] for shift in (249, 250)] == [
        Validity.VALID,
        Validity.REVOKED,
    ]
    # Another utility's revocation is nothing to this one.
    world.do("publish", now + 250, now + 300, [key(2)], signer=world.peer)


def test_a_revocation_at_the_edge_of_a_span_is_outside_the_one_and_inside_the_other(world: World) -> None:
    now = world.chain.now()
    world.do("publish", now, now + 100, [key(1)])
    world.do("publish", now + 100, now + 200, [key(2)])
    world.do("revoke", key(2), now + 100)
    # Valid to the last second of the first roster, in no second of the second one.
    world.do("extend", 1, [key(2)])
    assert world.ask("revokedWord", 1, 8) == 0
    assert world.ask("isValidAt", key(2), now + 99)
    refuses(
        lambda: world.do("extend", 2, [key(2)]),
        "KeyAlreadyRevoked",
        utility=world.utility.address,
        key=key(2),
        effectiveAt=now + 100,
    )


# Who may

STRANGERS: dict[str, Callable[[World], tuple[object, ...]]] = {
    "publish": lambda world: (world.chain.now(), world.chain.now() + DAY, [key(1)]),
    "extend": lambda _: (1, [key(2)]),
    "revoke": lambda world: (key(1), world.chain.now()),
    "setAuthority": lambda world: (world.rosters.address,),
}


@pytest.mark.parametrize("function", STRANGERS)
def test_a_stranger_changes_nothing(world: World, function: str) -> None:
    now = world.chain.now()
    world.do("publish", now, now + DAY, [key(1)])
    refuses(
        lambda: world.do(function, *STRANGERS[function](world), signer=world.stranger),
        "AccessManagedUnauthorized",
        caller=world.stranger.address,
    )


def test_every_function_that_changes_something_is_tried_by_a_stranger(world: World) -> None:
    writing = {
        entry["name"]
        for entry in world.rosters.abi.entries
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert writing == set(STRANGERS)


# Against a model


class Model:
    """One utility's rosters, in the plainest words."""

    def __init__(self) -> None:
        self.rosters: list[tuple[int, int, list[list[int]]]] = []
        self.revoked: dict[int, int] = {}

    def listable(self, begin: int, keys: set[int]) -> bool:
        return all(self.revoked.get(one, begin + 1) > begin for one in keys)

    def revoke(self, one: int, at: int, now: int) -> bool:
        listed = any(end > at and any(one in page for page in listing) for _, end, listing in self.rosters)
        if at < now or not listed or self.revoked.get(one, at + 1) <= at:
            return False
        self.revoked[one] = at
        return True

    def locate(self, one: int, time: int) -> tuple[bool, int, int]:
        for number, (begin, end, listing) in enumerate(self.rosters, 1):
            if begin <= time < end:
                for page, keys in enumerate(listing):
                    if one in keys:
                        return True, number, page * PLACES_PER_PAGE + keys.index(one)
                return False, number, 0
        return False, 0, 0

    def places(self, one: int) -> list[tuple[int, int]]:
        return [
            (number, page * PLACES_PER_PAGE + keys.index(one))
            for number, (_, _, listing) in enumerate(self.rosters, 1)
            for page, keys in enumerate(listing)
            if one in keys
        ]

    def validity(self, roster: int, one: int, time: int) -> Validity:
        begin, end, _ = self.rosters[roster - 1]
        if not begin <= time < end:
            return Validity.NOT_YET_VALID if time < begin else Validity.EXPIRED
        return Validity.REVOKED if self.revoked.get(one, time + 1) <= time else Validity.VALID

    def revoked_places(self, roster: int) -> set[int]:
        _, end, listing = self.rosters[roster - 1]
        return {
            page * PLACES_PER_PAGE + position
            for page, keys in enumerate(listing)
            for position, one in enumerate(keys)
            if self.revoked.get(one, end) < end
        }


KEYS = range(1, 7)
key_sets = st.sets(st.sampled_from(KEYS), min_size=1, max_size=4)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), key_sets, st.integers(0, 15), st.integers(1, 60)),
        st.tuples(st.just("extend"), key_sets, st.integers(1, 3), st.just(0)),
        st.tuples(st.just("revoke"), st.sampled_from(KEYS), st.integers(-3, 90), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 40), st.just(0)),
    ),
    min_size=4,
    max_size=12,
)


def attempt(world: World, function: str, *args: object) -> bool:
    """True where the contract took it."""
    try:
        world.do(function, *args, gas=2_000_000)
    except ContractError:
        return False
    return True


def run(world: World, model: Model, step: tuple[str, Any, int, int]) -> None:
    """One step on both: the contract takes what the model takes."""
    action, what, first, second = step
    now = world.chain.now()
    if action == "wait":
        world.chain.advance_to(now + first)
    elif action == "publish":
        begin = (model.rosters[-1][1] if model.rosters else now - 30) + first
        listed = sorted(what)
        took = attempt(world, "publish", begin, begin + second, [key(one) for one in listed])
        assert took == model.listable(begin, what)
        if took:
            model.rosters.append((begin, begin + second, [listed]))
    elif action == "extend":
        listed = sorted(what)
        known = first <= len(model.rosters)
        took = attempt(world, "extend", first, [key(one) for one in listed])
        assert took == (known and model.listable(model.rosters[first - 1][0], what))
        if took:
            model.rosters[first - 1][2].append(listed)
    else:
        assert attempt(world, "revoke", key(what), now + first) == model.revoke(what, now + first, now)


@given(steps=steps, times=st.lists(st.integers(-40, 150), min_size=1, max_size=3))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_answer_is_the_models(
    shared_world: World, steps: list[tuple[str, Any, int, int]], times: list[int]
) -> None:
    world, model = shared_world, Model()
    snapshot = world.chain.snapshot()
    begin = world.chain.now()
    try:
        for step in steps:
            run(world, model, step)
        for number, (_, _, listing) in enumerate(model.rosters, 1):
            # Pages here are short: their drivers stand in the first word of each.
            words = {page * 8: world.ask("revokedWord", number, page * 8) for page in range(len(listing))}
            bits = {word * 256 + bit for word, value in words.items() for bit in range(8) if value >> bit & 1}
            assert bits == model.revoked_places(number)
        edges = [time for start, end, _ in model.rosters[-1:] for time in (start, end - 1, end)]
        judged = [*edges, *model.revoked.values(), *(begin + shift for shift in times)]
        for one, time in zip(cycle([*model.revoked, *KEYS]), judged):
            place = model.locate(one, time)
            assert world.ask("locate", key(one), time) == place
            valid = place[0] and model.validity(place[1], one, time) is Validity.VALID
            assert world.ask("isValidAt", key(one), time) == valid
            # Its place in force, if any, and its last place: two answers where they differ.
            for roster, driver in {*([place[1:]] if place[0] else []), *model.places(one)[-1:]}:
                told = world.ask("driverAt", roster, driver, time)
                assert told == (key(one), model.validity(roster, one, time))
    finally:
        world.chain.revert_to(snapshot)


def test_the_client_finds_every_driver_where_the_chain_does(world: World) -> None:
    now = world.chain.now()
    keys = scattered(PAGE_KEYS + 40)
    first, second = pages(reversed(keys))
    world.do("publish", now, now + DAY, first)
    world.do("extend", 1, second)
    read_back = DriverIndex([world.ask("keysOf", 1, page) for page in range(world.ask("rosterOf", 1).pages)])
    index = DriverIndex.of(keys)
    for one in [*keys[:3], *keys[PAGE_KEYS - 2 : PAGE_KEYS + 2], *keys[-3:]]:
        assert index.place(one) == read_back.place(one) == world.ask("locate", one, now).driver
    assert all(read_back.place(one) == index.place(one) for one in keys)


# Gas


def test_gas(world: World, record_property: Callable[[str, object], None]) -> None:
    """What each act costs, with room for a compiler's whims."""
    now = world.chain.now()
    keys = scattered(PAGE_KEYS)
    full = world.do("publish", now, now + DAY, keys).gas_used
    costs = {
        "publish 1,228 keys": full,
        "publish a key, of 1,228": full // PAGE_KEYS,
        "publish 1 key": world.do("publish", now + DAY, now + 2 * DAY, keys[:1]).gas_used,
        "revoke in one page of 1,228": world.do("revoke", keys[800], now + 900).gas_used,
        "revoke in two rosters": world.do("revoke", keys[0], now + 901).gas_used,
        # As transactions, so less the 21,000 and the calldata of one.
        "driverAt": world.do("driverAt", world.utility.address, 1, 700, now).gas_used - 22_000,
        "isValidAt": world.do("isValidAt", world.utility.address, keys[700], now).gas_used - 22_000,
    }
    limits = [9_500_000, 7_700, 250_000, 110_000, 140_000, 16_000, 22_000]
    for (name, cost), limit in zip(costs.items(), limits, strict=True):
        record_property(f"gas {name}", cost)
        print(f"{name}: {cost:,} gas")
        assert cost <= limit
