"""Signed sessions made up for tests, with every part open to change."""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.charging.session import SignedSession
from evgi_client.messages import ChargingAuthorization, ChargingTerms, ClockQuality, Domain, SessionRecord
from evgi_client.signing import LocalSigner

DAY = 24 * 3600
CEILING_PER_KWH = 600_000
PRICE_PER_KWH = 350_000
HOUR = 3600


def signer(number: int) -> LocalSigner:
    """A key by number, the same in every run."""
    return LocalSigner.from_key((0xE0000 + number).to_bytes(32, "big"))


def terms_for(connector: bytes, creditor: str, debtor: str) -> ChargingTerms:
    """Terms that allow an ordinary session."""
    return ChargingTerms(
        connector=connector,
        creditor=creditor,
        debtor=debtor,
        tariff=bytes(31) + b"\x01",
        fallback_tariff=bytes(31) + b"\x02",
        ceiling_per_kwh=CEILING_PER_KWH,
        ceiling_per_hour=0,
        ceiling_flat=0,
        max_energy=100_000,
        max_duration=2 * DAY,
        max_soc=100,
        submit_within=30 * DAY,
        export_allowed=False,
    )


@dataclass(frozen=True)
class Maker:
    """Makes sessions of one driver at one meter in one domain."""

    terms: ChargingTerms
    driver: LocalSigner
    meter: LocalSigner
    domain: Domain

    def session(
        self,
        started_at: int,
        *,
        energy_wh: int = 7_000,
        seconds: int = HOUR,
        cost: int | None = None,
        max_cost: int = 50_000_000,
        domain: Domain | None = None,
        driver: LocalSigner | None = None,
    ) -> SignedSession:
        """A session; ``domain`` and ``driver`` name another domain or key to sign with than the one claimed."""
        authorization = ChargingAuthorization(self.terms, started_at, max_cost)
        record = SessionRecord(
            authorization=authorization.struct_hash(),
            started_at=started_at,
            ended_at=started_at + seconds,
            import_start=1_000,
            import_end=1_000 + energy_wh,
            export_start=0,
            export_end=0,
            charging_seconds=seconds,
            idle_seconds=0,
            parking_seconds=0,
            price_mode=0,
            cost=energy_wh * PRICE_PER_KWH // 1000 if cost is None else cost,
            stop_reason=0,
            clock_quality=ClockQuality.SYNCHRONISED,
            offline=True,
            transaction_id=bytes(32),
            ocmf=bytes(32),
            pagination=1,
        )
        signed = (driver or self.driver).sign(authorization, domain or self.domain)
        return SignedSession.of(self.driver.address, signed, self.meter.sign(record, self.domain))
