"""What the chain says about connectors, drivers, agreements and settled sessions, kept for a run of submissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.charging.batches import SettledSession, decode_settled
from evgi_client.charging.checks import Agreement, DriverPlace
from evgi_client.charging.directory import ChargePoint, Directory
from evgi_client.charging.roster import DriverIndex
from evgi_client.charging.session import SignedSession
from evgi_client.charging.start_log import StartIndex
from evgi_client.messages import PeeringAgreement, SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evgi_client.chain import ContractHandle, Event


@dataclass(frozen=True, slots=True)
class Settlement:
    """A session that the chain has settled, for whom, and where."""

    session: SettledSession
    debtor: str
    driver: str | None
    transaction_hash: str

    def is_of(self, session: SignedSession) -> bool:
        """Was it this very session, and not another one with the same key?"""
        return (self.debtor, self.driver, self.session.energy_wh, self.session.cost) == (
            session.authorization.terms.debtor,
            session.driver,
            session.energy_wh,
            session.cost,
        )


class Facts:
    """A reader of the suite's contracts that asks each question once.

    ``sync`` brings what happened since the last time; between two of them the answers do not change.

    Args:
        contracts: handles by contract name.
        from_block: the block of the deployment, where reading begins.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], from_block: int = 0) -> None:
        self._settlement = contracts["SessionSettlement"]
        self._charge_points = contracts["ChargePointRegistry"]
        self._drivers = contracts["DriverRoster"]
        self._peerings = contracts["PeeringRegistry"]
        self._next_block = from_block
        self._directory = Directory()
        self._agreements: dict[tuple[str, str], list[tuple[int, Agreement]]] = {}
        self._spans: dict[str, list[tuple[int, int, int, int]]] = {}
        self._keys: dict[tuple[str, int, int], DriverIndex] = {}
        self._revoked: dict[tuple[str, str], int] = {}
        self.settled = StartIndex()
        self._events: dict[SessionKey, tuple[SettledSession, Event]] = {}

    def sync(self) -> None:
        """Reads the blocks that are new."""
        head = self._settlement.chain.head()
        if head < self._next_block:
            return
        span = (self._next_block, head)
        for event in self._charge_points.events("ChargePointRecorded", *span):
            self._directory.add(event)
        for event in self._drivers.events("DriverRevoked", *span):
            self._revoked[event.args["utility"], event.args["key"]] = event.args["effectiveAt"]
        for event in self._settlement.events("SessionsSettled", *span):
            for session in decode_settled(event.args["sessions"]):
                self.settled.add(session.key)
                self._events[session.key] = (session, event)
        self._agreements.clear()
        self._spans.clear()
        self._next_block = head + 1

    def settlement_of(self, key: SessionKey) -> Settlement:
        """How a session in ``settled`` was settled."""
        session, event = self._events[key]
        debtor, roster = event.args["debtor"], event.args["roster"]
        pages = self._drivers.call("rosterOf", debtor, roster).pages
        driver = self._index(debtor, roster, pages).key(session.driver)
        return Settlement(session, debtor, driver, event.transaction_hash)

    def charge_point_at(self, connector: bytes, time: int) -> ChargePoint | None:
        """What was true of a connector at a time; None where it was not listed."""
        return self._directory.at(connector, time)

    def agreement_at(self, utility: str, peer: str, time: int) -> tuple[int, Agreement] | None:
        """Version and agreement that applied between two utilities at a time."""
        pair = (utility, peer)
        if pair not in self._agreements:
            self._agreements[pair] = list(self._read_agreements(utility, peer))
        for version, agreement in reversed(self._agreements[pair]):
            if agreement.terms.valid_from <= time < agreement.valid_until:
                return version, agreement
        return None

    def place_at(self, utility: str, key: str, time: int) -> DriverPlace | None:
        """A driver's place in the roster in force at a time; None where there is none."""
        for roster, valid_from, valid_until, pages in self._rosters(utility):
            if valid_from <= time < valid_until:
                driver = self._index(utility, roster, pages).place(key)
                if driver is None:
                    return None
                return DriverPlace(roster, driver, self._revoked.get((utility, key), 0))
        return None

    def _read_agreements(self, utility: str, peer: str) -> Iterator[tuple[int, Agreement]]:
        for version in range(1, self._peerings.call("latest", utility, peer) + 1):
            terms, valid_until = self._peerings.call("agreementOf", utility, peer, version)
            # A number that an end or a withdrawn offer used up holds no agreement.
            if valid_until:
                yield version, Agreement(PeeringAgreement(*terms), valid_until)

    def _rosters(self, utility: str) -> list[tuple[int, int, int, int]]:
        if utility not in self._spans:
            latest = self._drivers.call("latest", utility)
            self._spans[utility] = [
                (roster, *self._drivers.call("rosterOf", utility, roster)) for roster in range(latest, 0, -1)
            ]
        return self._spans[utility]

    def _index(self, utility: str, roster: int, pages: int) -> DriverIndex:
        # A roster only ever grows by whole pages, so its number of pages dates what was read of it.
        key = (utility, roster, pages)
        if key not in self._keys:
            self._keys[key] = DriverIndex(
                [self._drivers.call("keysOf", utility, roster, page) for page in range(pages)]
            )
        return self._keys[key]
