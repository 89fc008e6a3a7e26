"""What settling a session costs in gas, on the embedded chain.

    python benchmarks/settlement.py [--sizes 1,10,100,500,1000] [--json]

Batches of each size are settled in one group, and in groups of ten with a connector each; every batch finds the same
state, in which the pair owes already and nothing of the connector's epoch is settled. Gas is exact and the same in
every run. Where the parts of it can be told they are: what the transaction costs by itself, its calldata, the recovery
of the driver's key; the rest is hashing, checks, the event and storage. A session by itself compares with one ERC-3009
transferWithAuthorization of the clearing token, between accounts that have used the token before.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evgi_client.chain import Chain
from evgi_client.charging.batches import EPOCH, Group, PlacedSession
from evgi_client.charging.directory import ChargePoint, Status
from evgi_client.charging.roster import DriverIndex
from evgi_client.charging.session import SignedSession
from evgi_client.clearing.tokens import fiat_reference
from evgi_client.client import Client
from evgi_client.deployment import DeploymentPlan, Role, apply
from evgi_client.messages import (
    ChargingAuthorization,
    ChargingTerms,
    ClockQuality,
    Domain,
    SessionRecord,
    evse_id_hash,
    keccak256,
)
from evgi_client.signing import LocalSigner, sign

FLOOR = 4_400
"""Gas that no contract checking a driver's signature goes below: ecrecover 3,100, 75 bytes of calldata, two hashes."""

TRANSACTION = 21_000
ECRECOVER = 3_100
"""The precompile's 3,000 and the call to it."""

SIZES = (1, 10, 100, 500, 1_000)
GROUP = 10
DRIVERS = 500
WITNESS = 100
GAS = 200_000_000
DAY = 24 * 3600
BEGIN = 600 * EPOCH
STEP = 1_200
"""Seconds between the sessions of a connector: a thousand fit an epoch."""

TRANSFER_TYPE = (
    b"TransferWithAuthorization(address from,address to,uint256 value,"
    b"uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="sessions a batch")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    result = measure([int(size) for size in arguments.sizes.split(",")])
    print(json.dumps(result, indent=2) if arguments.json else table(result))


def measure(sizes: Sequence[int]) -> dict[str, Any]:
    """Gas of every batch, of a late session and of a transfer."""
    connectors = max(1, -(-max(sizes) // GROUP))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.found(Path(folder) / "deployment.json", connectors + 1)
    transfer = bench.transfer()
    batches = []
    for size in sizes:
        for group in sorted({size, min(size, GROUP)}, reverse=True):
            gas, calldata = bench.batch(size, group)
            session = gas / size
            batches.append(
                {
                    "sessions": size,
                    "group": group,
                    "gas": gas,
                    "gasPerSession": round(session),
                    "transaction": round(TRANSACTION / size),
                    "calldata": round(calldata / size),
                    "ecrecover": ECRECOVER,
                    "rest": round((gas - TRANSACTION - calldata) / size - ECRECOVER),
                    "toFloor": round(session / FLOOR, 2),
                    "toTransfer": round(session / transfer, 3),
                }
            )
    return {
        "floor": FLOOR,
        "transferWithAuthorization": transfer,
        "batches": batches,
        "late": {
            "witness": WITNESS,
            "gas": bench.after_others(late=True),
            "gasInOrder": bench.after_others(late=False),
        },
    }


@dataclass
class Bench:
    """Two utilities with an agreement, connectors of the one and drivers of the other."""

    chain: Chain
    creditor: Client
    debtor: LocalSigner
    seller: LocalSigner
    meter: LocalSigner
    drivers: list[LocalSigner]
    places: DriverIndex
    connectors: list[bytes]
    domain: Domain

    @classmethod
    def found(cls, manifest: Path, connectors: int) -> Bench:
        chain = Chain.embedded(start=BEGIN)
        governor, seller, debtor, meter = (_key(number) for number in range(4))
        for account in (governor, seller, debtor):
            chain.faucet(account.address, 10**20)
        plan = DeploymentPlan(
            governor.address,
            {
                Role.UTILITY: (seller.address, debtor.address),
                Role.MEMBERSHIP: (governor.address,),
                Role.REDEEMER: (governor.address,),
                Role.PAUSER: (governor.address,),
            },
        )
        deployment = apply(plan, chain, governor, manifest)
        treasury, creditor = (Client(deployment, chain, signer) for signer in (governor, seller))
        treasury.tokens.cap_minter(governor.address, 10**15)
        for utility in (seller, debtor):
            treasury.tokens.admit(utility.address)
            treasury.tokens.mint(utility.address, 10**12, fiat_reference(utility.address))
        _peer(treasury, deployment.domain("PeeringRegistry"), seller, debtor)
        drivers = [_key(1_000 + number) for number in range(DRIVERS)]
        keys = [driver.address for driver in drivers]
        Client(deployment, chain, debtor).enrolment.publish_roster(BEGIN, BEGIN + 60 * DAY, keys)
        listed = [
            creditor.enrolment.register(
                ChargePoint(
                    creditor=seller.address,
                    since=BEGIN,
                    status=Status.IN_SERVICE,
                    connector_number=1,
                    operator=governor.address,
                    rated_power_w=22_000,
                    meter_key=meter.address,
                    evse_id_hash=evse_id_hash(f"DE*EVG*E{number}"),
                )
            )
            for number in range(connectors)
        ]
        domain = deployment.domain("SessionSettlement")
        bench = cls(chain, creditor, debtor, seller, meter, drivers, DriverIndex.of(keys), listed[1:], domain)
        chain.advance_to(BEGIN + EPOCH)
        bench.settle([bench.group(listed[0], range(1))])
        return bench

    def settle(self, groups: Sequence[Group]) -> tuple[int, int]:
        """Gas used, and gas of the calldata in it."""
        batch = {
            "debtor": self.debtor.address,
            "agreement": 1,
            "roster": 1,
            "groups": [
                {"terms": each.terms, "epoch": each.epoch, "sessions": each.packed(), "settled": each.settled}
                for each in groups
            ],
        }
        settlement = self.creditor.contracts["SessionSettlement"]
        receipt = settlement.transact("settle", batch, signer=self.seller, gas=GAS)
        data = settlement.encode("settle", batch)
        return receipt.gas_used, 16 * len(data) - 12 * data.count(0)

    def batch(self, size: int, group: int) -> tuple[int, int]:
        """Gas of a batch of ``size`` sessions in groups of ``group``, and of its calldata."""
        firsts = range(0, size, group)
        groups = [
            self.group(connector, range(min(group, size - first)))
            for connector, first in zip(self.connectors, firsts, strict=False)
        ]
        snapshot = self.chain.snapshot()
        try:
            return self.settle(groups)
        finally:
            self.chain.revert_to(snapshot)

    def after_others(self, *, late: bool) -> int:
        """Gas of a session by itself where ``WITNESS`` others are settled: amid them, or after them all."""
        connector, missing = self.connectors[0], WITNESS // 2 if late else WITNESS
        settled = self.group(connector, [number for number in range(WITNESS + 1) if number != missing])
        starts = (placed.session.started_at for placed in settled.sessions)
        witness = b"".join(start.to_bytes(4, "big") for start in starts) if late else b""
        snapshot = self.chain.snapshot()
        try:
            self.settle([settled])
            return self.settle([self.group(connector, [missing], witness)])[0]
        finally:
            self.chain.revert_to(snapshot)

    def group(self, connector: bytes, numbers: Sequence[int], settled: bytes = b"") -> Group:
        """Sessions of a connector, each at its place in the epoch and of some driver."""
        terms = ChargingTerms(
            connector=connector,
            creditor=self.seller.address,
            debtor=self.debtor.address,
            tariff=b"\x01" * 32,
            fallback_tariff=b"\x02" * 32,
            ceiling_per_kwh=600_000,
            ceiling_per_hour=0,
            ceiling_flat=0,
            max_energy=80_000,
            max_duration=DAY,
            max_soc=100,
            submit_within=45 * DAY,
            export_allowed=False,
        )
        return Group(terms, 600, tuple(self.session(terms, number) for number in numbers), settled)

    def session(self, terms: ChargingTerms, number: int) -> PlacedSession:
        fixed = random.Random(number)
        start, energy = BEGIN + 600 + number * STEP + fixed.randrange(STEP), fixed.randrange(2_000, 60_000)
        cost = energy * 350_000 // 1_000
        driver = fixed.choice(self.drivers)
        authorization = ChargingAuthorization(terms, start, cost + fixed.randrange(10_000_000))
        record = SessionRecord(
            authorization=authorization.struct_hash(),
            started_at=start,
            ended_at=start + 600,
            import_start=0,
            import_end=energy,
            export_start=0,
            export_end=0,
            charging_seconds=600,
            idle_seconds=0,
            parking_seconds=0,
            price_mode=0,
            cost=cost,
            stop_reason=0,
            clock_quality=ClockQuality.SYNCHRONISED,
            offline=False,
            transaction_id=bytes(32),
            ocmf=bytes(32),
            pagination=number,
        )
        signed = sign(driver, authorization, self.domain), sign(self.meter, record, self.domain)
        place = self.places.place(driver.address)
        assert place is not None
        return PlacedSession(SignedSession.of(driver.address, *signed), place)

    def transfer(self) -> int:
        """Gas of a transfer that its payer signed and another sends."""
        token = self.creditor.contracts["ClearingToken"]
        domain = self.creditor.deployment.domain("ClearingToken")
        payer, payee = self.debtor.address, self.seller.address
        nonce = keccak256(b"a transfer to compare with")
        words = [int(payer, 16), int(payee, 16), 2_450_000, 0, 2**40, int.from_bytes(nonce, "big")]
        body = keccak256(keccak256(TRANSFER_TYPE) + b"".join(word.to_bytes(32, "big") for word in words))
        signature = self.debtor.sign_digest(keccak256(b"\x19\x01" + domain.separator() + body))
        signed = (signature.v, signature.r.to_bytes(32, "big"), signature.s.to_bytes(32, "big"))
        arguments = (payer, payee, *words[2:5], nonce, *signed)
        return token.transact("transferWithAuthorization", *arguments, signer=self.seller).gas_used


def _peer(client: Client, domain: Domain, one: LocalSigner, other: LocalSigner) -> None:
    agreement = client.peering.draft(
        one.address,
        other.address,
        credit_line=10**15,
        peer_credit_line=10**15,
        submit_within=45 * DAY,
        fee_bps=50,
        ceiling_per_kwh=600_000,
        ceiling_per_hour=0,
        ceiling_flat=0,
        window=30 * DAY,
        dispute_period=7 * DAY,
        notice_period=10 * DAY,
        valid_from=BEGIN,
        deadline=BEGIN + DAY,
    )
    by_address = {party.address: party for party in (one, other)}
    sides = (agreement.utility_a, agreement.utility_b)
    signatures = [sign(by_address[side], agreement, domain).signature.to_bytes() for side in sides]
    client.peering.agree(agreement, *signatures)


def _key(number: int) -> LocalSigner:
    return LocalSigner.from_key(keccak256(b"benchmark" + number.to_bytes(4, "big")))


def table(result: dict[str, Any]) -> str:
    """The figures as a table of Markdown."""
    lines = [
        "| sessions | a group | gas a session | transaction | calldata | ecrecover | rest | x floor | x transfer |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['sessions']:,} | {row['group']:,} | {row['gasPerSession']:,} | {row['transaction']:,} "
        f"| {row['calldata']:,} | {row['ecrecover']:,} | {row['rest']:,} "
        f"| {row['toFloor']:.2f} | {row['toTransfer']:.3f} |"
        for row in result["batches"]
    ]
    late = result["late"]
    lines += [
        "",
        f"Floor: {result['floor']:,} gas. transferWithAuthorization: {result['transferWithAuthorization']:,} gas.",
        f"A late session by itself, with a witness of {late['witness']} starts: {late['gas']:,} gas, "
        f"{late['gas'] - late['gasInOrder']:,} more than one in order.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
