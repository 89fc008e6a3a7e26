"""Enrolment: connectors into the registry, drivers' keys into rosters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evgi_client.charging.roster import pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evgi_client.chain import ContractHandle, Receipt
    from evgi_client.charging.directory import ChargePoint
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
        """Lists a connector that sells through the signer. Running it again for a listed connector changes nothing.

        Returns:
            The connector's id.
        """
        if not self._charge_points.call("versions", point.connector):
            self._charge_points.transact("register", point, signer=self._signer)
        return point.connector

    def publish_roster(self, valid_from: int, valid_until: int, keys: Iterable[str]) -> int:
        """Publishes the signer's next roster: who is not in it cannot charge in [valid_from, valid_until).

        Returns:
            The roster's number.

        Raises:
            RosterKeysError: the keys are no roster.
            ContractError: the span begins before the roster before it ends, for one.
        """
        first, *others = pages(keys)
        self._drivers.transact("publish", valid_from, valid_until, first, signer=self._signer)
        roster = int(self._drivers.call("latest", self._signer.address))
        for page in others:
            self._drivers.transact("extend", roster, page, signer=self._signer)
        return roster

    def revoke(self, key: str, effective_at: int) -> Receipt:
        """Withdraws a driver's key as of a time, now or later."""
        return self._drivers.transact("revoke", key, effective_at, signer=self._signer)
