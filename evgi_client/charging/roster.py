"""A utility's drivers as the ``DriverRoster`` contract keeps them: pages of keys, a place for each. Pure.

A settlement names a driver by place: the page's number times 2,048 plus the position in the page.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from evgi_client.errors import RosterKeysError
from evgi_client.messages.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAGE_KEYS = 1228
"""Most keys of a page: what fits the code of a contract (EIP-170)."""

MAX_PAGES = 256
"""Most pages of a roster."""

PLACES_PER_PAGE = 2048

_ZERO = "0x" + "00" * 20


def pages(keys: Iterable[str]) -> list[list[str]]:
    """Keys as ascending pages: the first goes into ``publish``, each further one into ``extend``.

    Raises:
        InvalidAddressError: a key is no address.
        RosterKeysError: no key, one twice, the zero address, or more than a roster holds.
    """
    # In one case, the order of the text is the order of the numbers.
    ascending = sorted(map(checksum_address, keys), key=str.lower)
    if not ascending:
        raise RosterKeysError("no key", 0)
    if ascending[0] == _ZERO:
        raise RosterKeysError("the zero address is no key", ascending[0])
    for key, following in pairwise(ascending):
        if key == following:
            raise RosterKeysError("a key is listed twice", key)
    if len(ascending) > MAX_PAGES * PAGE_KEYS:
        raise RosterKeysError(f"more than {MAX_PAGES * PAGE_KEYS:,} keys", len(ascending))
    return [ascending[start : start + PAGE_KEYS] for start in range(0, len(ascending), PAGE_KEYS)]


class DriverIndex:
    """Where the keys of one roster stand. Made of its pages in the order in which they were published: those
    that ``pages`` gave, or those read back with ``keysOf``.

    Raises:
        InvalidAddressError: a key is no address.
        RosterKeysError: a page, or the roster, is larger than the contract keeps.
    """

    def __init__(self, published: Iterable[Sequence[str]]) -> None:
        self._keys: dict[int, str] = {}
        self._places: dict[str, int] = {}
        for number, page in enumerate(published):
            if number >= MAX_PAGES:
                raise RosterKeysError(f"more than {MAX_PAGES} pages", number + 1)
            if len(page) > PAGE_KEYS:
                raise RosterKeysError(f"more than {PAGE_KEYS} keys in page {number}", len(page))
            for position, each in enumerate(page):
                key = checksum_address(each)
                place = number * PLACES_PER_PAGE + position
                self._keys[place] = key
                # A key that two pages list counts at its first place, as in the contract.
                self._places.setdefault(key, place)

    @classmethod
    def of(cls, keys: Iterable[str]) -> DriverIndex:
        """The places of keys that were published as ``pages(keys)``. Raises what ``pages`` raises."""
        return cls(pages(keys))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.place(key) is not None

    def place(self, key: str) -> int | None:
        """The place of a key; None where the roster does not list it.

        Raises:
            InvalidAddressError: ``key`` is no address.
        """
        found = self._places.get(key)
        return self._places.get(checksum_address(key)) if found is None else found

    def key(self, place: int) -> str | None:
        """The key at a place, checksummed; None where there is none."""
        return self._keys.get(place)
