"""Pages of keys and the places of drivers in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.charging.roster import MAX_PAGES, PAGE_KEYS, PLACES_PER_PAGE, DriverIndex, pages
from evgi_client.errors import InvalidAddressError, RosterKeysError
from evgi_client.messages.hashing import address_from_bytes


def key(number: int) -> str:
    return address_from_bytes(number.to_bytes(20, "big"))


key_sets = st.sets(st.integers(1, 2**160 - 1), min_size=1, max_size=40)


@given(key_sets, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_pages_are_the_keys_in_ascending_order(numbers, random) -> None:
    shuffled = [key(number) for number in numbers]
    random.shuffle(shuffled)
    assert pages(shuffled) == [[key(number) for number in sorted(numbers)]]


def test_keys_are_cut_into_full_pages() -> None:
    cut = pages(key(number) for number in range(2 * PAGE_KEYS + 1, 0, -1))
    assert [len(page) for page in cut] == [PAGE_KEYS, PAGE_KEYS, 1]
    assert [each for page in cut for each in page] == [key(number) for number in range(1, 2 * PAGE_KEYS + 2)]


def test_the_case_of_a_key_does_not_matter() -> None:
    mixed = key(0xABCDEF << 136 | 1)
    assert mixed.lower() != mixed
    assert pages([mixed.lower()]) == [[mixed]]
    with pytest.raises(RosterKeysError, match="twice") as refused:
        pages([mixed.lower(), key(5), mixed])
    assert refused.value.value == mixed


@pytest.mark.parametrize(
    ("keys", "reason", "value"),
    [
        ([], "no key", 0),
        ([key(2), key(0)], "zero address", key(0)),
        ([key(2), key(1), key(2)], "twice", key(2)),
    ],
)
def test_what_cannot_be_a_roster_is_refused(keys: list[str], reason: str, value: object) -> None:
    with pytest.raises(RosterKeysError, match=reason) as refused:
        pages(keys)
    assert refused.value.value == value


def test_more_keys_than_a_roster_holds_are_refused() -> None:
    with pytest.raises(RosterKeysError, match="314,368") as refused:
        pages(f"0x{number:040x}" for number in range(1, MAX_PAGES * PAGE_KEYS + 2))
    assert refused.value.value == MAX_PAGES * PAGE_KEYS + 1


def test_text_that_is_no_address_is_refused() -> None:
    with pytest.raises(InvalidAddressError):
        pages(["0x1234"])
    with pytest.raises(InvalidAddressError):
        DriverIndex([["0x1234"]])
    with pytest.raises(InvalidAddressError):
        DriverIndex.of([key(1)]).place("nobody")


def test_a_place_is_page_times_2048_plus_position() -> None:
    index = DriverIndex.of(key(number) for number in range(1, PAGE_KEYS + 3))
    assert PLACES_PER_PAGE == 2048
    assert index.place(key(1)) == 0
    assert index.place(key(PAGE_KEYS)) == PAGE_KEYS - 1
    assert index.place(key(PAGE_KEYS + 1)) == 2048
    assert index.place(key(PAGE_KEYS + 2)) == 2049
    assert index.place(key(PAGE_KEYS + 3)) is None
    assert index.key(2049) == key(PAGE_KEYS + 2)
    assert index.key(PAGE_KEYS) is None
    assert len(index) == PAGE_KEYS + 2


@given(key_sets)
@settings(max_examples=100)
def test_place_and_key_are_inverse(numbers: set[int]) -> None:
    index = DriverIndex.of(key(number) for number in numbers)
    for number in numbers:
        place = index.place(key(number).lower())
        assert place is not None
        assert index.key(place) == key(number)
        assert key(number) in index
    assert key(max(numbers) - 1) in index or max(numbers) - 1 not in numbers


def test_pages_keep_the_order_in_which_they_were_published() -> None:
    index = DriverIndex([[key(7), key(9)], [key(3), key(9)]])
    assert index.place(key(3)) == 2048
    assert index.place(key(9)) == 1, "a key in two pages counts at its first place"
    assert index.key(2049) == key(9)
    assert len(index) == 3
    assert key(4) not in index
    assert 4 not in index


def test_pages_that_no_roster_has_are_refused() -> None:
    with pytest.raises(RosterKeysError, match="page 1") as refused:
        DriverIndex([[key(1)], [key(number) for number in range(1, PAGE_KEYS + 2)]])
    assert refused.value.value == PAGE_KEYS + 1
    with pytest.raises(RosterKeysError, match="256 pages"):
        DriverIndex([[key(number)] for number in range(1, MAX_PAGES + 2)])
