"""Every session signed as its driver and its meter would have signed it. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from evgi_client.charging.session import SignedSession
from evgi_client.demo.terms import MAX_COST, Offer, cost_of
from evgi_client.messages import (
    ChargingAuthorization,
    ChargingTerms,
    ClockQuality,
    Domain,
    PriceMode,
    SessionRecord,
    connector_id,
    keccak256,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evgi_client.charging.sources import MeteredSession
    from evgi_client.demo.world import World


class ChargePoints:
    """The demo's charge points: they offer terms, have them signed, and count energy.

    Registers only go up and records are numbered, so sessions must come in the order in which they ended.
    """

    def __init__(self, world: World, offer: Offer, domain: Domain) -> None:
        self._world = world
        self._offer = offer
        self._domain = domain
        self._terms: dict[tuple[bytes, str], ChargingTerms] = {}
        self._register: dict[bytes, int] = defaultdict(int)
        self._records: dict[bytes, int] = defaultdict(int)

    def sign(self, sessions: Sequence[MeteredSession]) -> Iterator[SignedSession]:
        """Signed sessions, in the order given."""
        for session in sessions:
            yield self._sign(session)

    def _sign(self, session: MeteredSession) -> SignedSession:
        connector = self._world.connectors[connector_id(session.evse_id, session.connector_number)]
        driver = self._world.drivers[session.driver]
        authorization = ChargingAuthorization(
            self._terms_of(connector.id, driver.utility.name), session.started_at, MAX_COST
        )
        before = self._register[connector.id]
        self._register[connector.id] = before + session.energy_wh
        self._records[connector.id] += 1
        seconds = session.ended_at - session.started_at
        charging = seconds if session.charging_seconds is None else session.charging_seconds
        record = SessionRecord(
            authorization=authorization.struct_hash(),
            started_at=session.started_at,
            ended_at=session.ended_at,
            import_start=before,
            import_end=before + session.energy_wh,
            export_start=0,
            export_end=0,
            charging_seconds=charging,
            idle_seconds=0,
            parking_seconds=max(0, seconds - charging),
            price_mode=PriceMode.LIVE,
            cost=cost_of(session),
            stop_reason=0,
            clock_quality=ClockQuality.SYNCHRONISED,
            offline=True,
            transaction_id=keccak256(session.session_id.encode()),
            ocmf=bytes(32),
            pagination=self._records[connector.id],
        )
        return SignedSession.of(
            driver.signer.address,
            driver.signer.sign(authorization, self._domain),
            connector.meter.sign(record, self._domain),
        )

    def _terms_of(self, connector: bytes, utility: str) -> ChargingTerms:
        key = (connector, utility)
        if key not in self._terms:
            place = self._world.connectors[connector]
            debtor = next(one for one in self._world.utilities if one.name == utility)
            self._terms[key] = self._offer.terms(place, self._world.utility_of[place.operator], debtor)
        return self._terms[key]
