"""Enrolment: connectors into the registry, drivers' keys into rosters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evgi_client.charging.directory import ChargePoint
from evgi_client.charging.roster import pages
from evgi_client.errors import RosterKeysError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evgi_client.chain import ContractHandle, Receipt
    from evgi_client.signing import Signer


class Enrolment:
    """What a utility does before its first session.

    Args:
        contracts: handles of the suite by name.
        signer: the utility.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], signer: Signer) -> None:
        self._charge_points = contracts["ChargePointRegistry"]
        self._drivers = contracts["DriverRoster"]
        self._signer = signer

    def register(self, point: ChargePoint) -> bytes:
        """Lists a connector that sells through the signer. Running it again changes nothing.

        Returns:
            The connector's id.

        Raises:
            ContractError: ``ChargePointExists`` where the connector is listed with other facts, for one.
        """
        listed = self._charge_points.call("versions", point.connector)
        if not listed or not self._began_as(point):
            self._charge_points.transact("register", point, signer=self._signer)
        return point.connector

    def _began_as(self, point: ChargePoint) -> bool:
        first = ChargePoint.from_abi(self._charge_points.call("versionOf", point.connector, 0))
        return replace(first, since=point.since) == point

    def publish_roster(self, valid_from: int, valid_until: int, keys: Iterable[str]) -> int:
        """Publishes the signer's next roster: who is not in it cannot charge in [valid_from, valid_until).

        Cut off between two pages, it goes on where it stopped when it is run again.

        Returns:
            The roster's number.

        Raises:
            RosterKeysError: the keys are no roster, or other keys are published for this very span.
            ContractError: the span begins before the roster before it ends, for one.
        """
        wanted = pages(keys)
        roster, published = self._published(valid_from, valid_until)
        if published != wanted[: len(published)]:
            raise RosterKeysError("other keys are published for this span, in roster", roster)
        if not published:
            self._drivers.transact("publish", valid_from, valid_until, wanted[0], signer=self._signer)
            roster, published = self._published(valid_from, valid_until)
        for page in wanted[len(published) :]:
            self._drivers.transact("extend", roster, page, signer=self._signer)
        return roster

    def _published(self, valid_from: int, valid_until: int) -> tuple[int, list[list[str]]]:
        """The signer's latest roster and its pages, if it is of this span; else no pages."""
        utility = self._signer.address
        roster = int(self._drivers.call("latest", utility))
        begins, ends, count = self._drivers.call("rosterOf", utility, roster)
        if not roster or (begins, ends) != (valid_from, valid_until):
            return roster, []
        return roster, [list(self._drivers.call("keysOf", utility, roster, page)) for page in range(count)]

    def revoke(self, key: str, effective_at: int) -> Receipt:
        """Withdraws a driver's key as of a time, now or later."""
        return self._drivers.transact("revoke", key, effective_at, signer=self._signer)
