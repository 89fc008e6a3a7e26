"""One charging session from a driver's signature to paid, on a chain inside this process.

`python examples/first_session.py` prints what became of it.

Two utilities deploy the suite and sign an agreement. A driver of one charges at a charge point of the other, offline.
The session is queued, submitted, settled on chain, and paid in clearing tokens.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from evgi_client import (
    Chain,
    ChargingAuthorization,
    ChargingTerms,
    Client,
    DeploymentPlan,
    LocalSigner,
    OfflineQueue,
    PeeringAgreement,
    Role,
    SessionRecord,
    SignedSession,
    apply,
    connector_id,
)
from evgi_client.charging.directory import ChargePoint, Status
from evgi_client.clearing.tokens import fiat_reference
from evgi_client.messages import evse_id_hash
from evgi_client.units import format_amount, minor, wh

HOUR, DAY = 3_600, 86_400
EVSE, CONNECTOR = "DE*ABC*E123456", 1


def main() -> None:
    chain = Chain.embedded()
    now = chain.now()
    governor, seller, biller = (LocalSigner.create() for _ in range(3))
    driver, meter, operator = (LocalSigner.create() for _ in range(3))
    for account in (governor, seller, biller):
        chain.faucet(account.address, 10 * 10**18)

    with tempfile.TemporaryDirectory() as folder:
        # Deploy, and say who is a utility. The manifest is what everyone else needs.
        plan = DeploymentPlan(
            governor.address,
            {
                Role.UTILITY: (seller.address, biller.address),
                Role.MEMBERSHIP: (governor.address,),
            },
        )
        deployment = apply(plan, chain, governor, Path(folder) / "deployment.json")
        treasury, selling, billing = (Client(deployment, chain, each) for each in (governor, seller, biller))
        domain = deployment.domain("SessionSettlement")

        # Enrol: tokens, an agreement signed by both, a charge point, a roster of drivers.
        treasury.tokens.cap_minter(governor.address, minor(1_000))
        for client in (selling, billing):
            treasury.tokens.admit(client.sender.address)
        treasury.tokens.mint(biller.address, minor(500), fiat_reference("bank transfer 4711"))
        billing.positions.allow(minor(500))
        a, b = sorted((seller, biller), key=lambda party: int(party.address, 16))
        agreement = PeeringAgreement(
            utility_a=a.address,
            utility_b=b.address,
            version=treasury.peering.next_version(a.address, b.address),
            currency=deployment.address("ClearingToken"),
            submit_within=14 * DAY,
            fee_bps=100,
            credit_line_a=minor(10_000),
            credit_line_b=minor(10_000),
            ceiling_per_kwh=minor("0.80"),
            ceiling_per_hour=0,
            ceiling_flat=0,
            window=30 * DAY,
            dispute_period=7 * DAY,
            notice_period=30 * DAY,
            valid_from=now,
            deadline=now + HOUR,
        )
        peering = deployment.domain("PeeringRegistry")
        treasury.peering.agree(
            agreement, *(party.sign(agreement, peering).signature.to_bytes() for party in (a, b))
        )
        selling.enrolment.register(
            ChargePoint(
                creditor=seller.address,
                since=now,
                status=Status.IN_SERVICE,
                connector_number=CONNECTOR,
                operator=operator.address,
                rated_power_w=22_000,
                meter_key=meter.address,
                evse_id_hash=evse_id_hash(EVSE),
            )
        )
        billing.enrolment.publish_roster(now, now + 30 * DAY, [driver.address])

        # Authorise: the driver signs a bounded promise, the charge point may be offline.
        terms = ChargingTerms(
            connector=connector_id(EVSE, CONNECTOR),
            creditor=seller.address,
            debtor=biller.address,
            tariff=bytes(32),
            fallback_tariff=bytes(32),
            ceiling_per_kwh=minor("0.60"),
            ceiling_per_hour=0,
            ceiling_flat=0,
            max_energy=wh(80),
            max_duration=DAY,
            max_soc=100,
            submit_within=7 * DAY,
            export_allowed=False,
        )
        started = chain.now() + HOUR
        authorization = driver.sign(ChargingAuthorization(terms, started, minor(40)), domain)

        # Meter: what was used, signed by the meter.
        record = meter.sign(
            SessionRecord(
                authorization=authorization.message.struct_hash(),
                started_at=started,
                ended_at=started + 2 * HOUR,
                import_start=wh("1204.5"),
                import_end=wh("1237.0"),
                export_start=0,
                export_end=0,
                charging_seconds=2 * HOUR,
                idle_seconds=0,
                parking_seconds=0,
                price_mode=0,
                cost=minor("16.25"),
                stop_reason=0,
                clock_quality=2,
                offline=True,
                transaction_id=bytes(32),
                ocmf=bytes(32),
                pagination=1,
            ),
            domain,
        )

        # Queue, and three days later submit, clear and settle.
        with OfflineQueue(Path(folder) / "station.db") as queue:
            queue.put(SignedSession.of(driver.address, authorization, record))
            chain.advance_to(started + 3 * DAY)
            for result in selling.charging.submit(queue):
                print(f"session {result.session}: {result.status.value}")
        owed = selling.positions.of(seller.address, biller.address)
        print(f"owed: {format_amount(owed)}")
        selling.positions.settle(biller.address)
        print(f"paid: {format_amount(selling.tokens.balance(seller.address))}")


if __name__ == "__main__":
    main()
