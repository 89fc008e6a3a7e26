"""What granting, listing and asking cost in gas, on the embedded chain.

    python benchmarks/access.py [--json]

Gas is the same in every run. A write is a whole transaction, its 21,000 included, of an accessor or a resource that had
nothing before; signatures are brought by another. A question is what a contract would pay that asks: the gas of the
call itself. The rows name what decides, and how much lies before it: a question walks up to four delegations and
sixteen groups, which are the dearest there are.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evgi_client.access import Access, access_certificate, delegated
from evgi_client.access.world import NOBODY
from evgi_client.chain import Chain
from evgi_client.messages import Domain, keccak256
from evgi_client.messages.access import (
    AccessCertificate,
    DataHostBootstrapping,
    Reason,
    Right,
    group_id,
    resource_id,
)
from evgi_client.signing import LocalSigner

if TYPE_CHECKING:
    from evgi_client.chain import ContractHandle, Receipt

BEGIN = 1_750_000_000
YEAR = 365 * 86_400
TRANSACTION = 21_000
LABEL = keccak256(b"trips")
DEPTH, GROUPS, BATCH = 4, 16, 100


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    rows = measure()
    print(json.dumps({"rows": rows}, indent=2) if arguments.json else table(rows))
    return 0


@dataclass
class Bench:
    """An owner with a resource, its delegates, and one who brings what they sign."""

    chain: Chain
    contracts: dict[str, ContractHandle]
    domain: Domain
    people: list[LocalSigner]
    relayer: LocalSigner

    @classmethod
    def found(cls) -> Bench:
        chain = Chain.embedded(start=BEGIN)
        people = [LocalSigner.from_key(keccak256(b"benchmark %d" % number)) for number in range(DEPTH + 3)]
        for account in people:
            chain.faucet(account.address, 10**20)
        owner, relayer = people[0], people[-1]
        manager = chain.deploy("AccessManager", [owner.address], owner).address
        dids = chain.deploy("DIDRegistry", [], owner).address
        revocations = chain.deploy("RevocationRegistry", [dids], owner).address
        entities = chain.deploy("CertificateRegistry", [manager, dids, revocations], owner).address
        registry = chain.deploy("AccessRegistry", [dids, entities, revocations], owner)
        domain = Domain("AccessRegistry", "1", chain.chain_id, registry.address)
        return cls(chain, {"AccessRegistry": registry}, domain, people, relayer)

    @property
    def registry(self) -> ContractHandle:
        return self.contracts["AccessRegistry"]

    @property
    def owner(self) -> LocalSigner:
        return self.people[0]

    @property
    def resource(self) -> bytes:
        return resource_id(self.owner.address, LABEL)

    def access(self, signer: LocalSigner) -> Access:
        return Access(self.contracts, self.domain, signer)

    def bring(self, paper: AccessCertificate | DataHostBootstrapping, by: LocalSigner) -> Receipt:
        signature = by.sign_digest(paper.digest(self.domain)).to_bytes()
        return self.access(self.relayer).bring(paper, signature)

    def certificate(self, grantee: str = NOBODY, **changes: Any) -> AccessCertificate:
        now = self.chain.now()
        made = access_certificate(
            self.owner.address,
            self.resource,
            Right.READ,
            valid_from=now,
            valid_until=now + YEAR,
            grantee=grantee,
        )
        # The same id in every run: its zero bytes have a price.
        return replace(made, id=keccak256(b"%d" % now), **changes)

    def bootstrapping(self) -> DataHostBootstrapping:
        now = self.chain.now()
        parts = [keccak256(b"part %d" % number) for number in range(4)]
        host = self.relayer.address
        return DataHostBootstrapping(self.owner.address, LABEL, host, *parts, 0, now, now + YEAR, now + YEAR)

    def asked(self, accessor: str, expected: Reason) -> int:
        """Gas of ``check``: of a transaction that calls it, less what that costs by itself."""
        question = (self.resource, accessor, int(Right.READ), self.chain.now())
        found = self.access(self.relayer).check(*question)
        if found.reason is not expected:
            raise RuntimeError(f"expected {expected.name}, found {found.reason.name}")
        data = self.registry.encode("check", *question)
        calldata = sum(16 if byte else 4 for byte in data)
        gas = self.registry.transact("check", *question, signer=self.relayer).gas_used
        return gas - TRANSACTION - calldata


def measure() -> list[dict[str, Any]]:
    bench, rows = Bench.found(), []

    def row(name: str, gas: int, of: int = 1) -> None:
        rows.append({"name": name, "gas": gas, "each": gas // of})

    owner, people = bench.access(bench.owner), [person.address for person in bench.people]
    guest = _address(b"guest")
    row("bootstrap, a new resource", bench.bring(bench.bootstrapping(), bench.owner).gas_used)
    nobody = bench.asked(guest, Reason.DENIED)
    certificate = bench.certificate(people[1], delegable=True)
    row("grant, with a signature", bench.bring(certificate, bench.owner).gas_used)
    direct = bench.asked(people[1], Reason.CERTIFICATE)
    row("grant, sent by the owner", owner.grant(bench.certificate(guest)).gas_used)
    row("grant again to the same", owner.grant(bench.certificate(guest)).gas_used)

    parent, chains = certificate, {}
    for depth in range(1, DEPTH + 1):
        now = bench.chain.now()
        child = delegated(parent, people[depth + 1], valid_from=now, delegable=True)
        child = replace(child, id=keccak256(b"%d" % now))
        chains[depth] = bench.bring(child, bench.people[depth]).gas_used
        parent = child
    row("delegate, the first time", chains[1])
    row("delegate, the fourth time", chains[DEPTH])
    chain = bench.asked(people[DEPTH + 1], Reason.CERTIFICATE)

    (blocked,) = owner.block(bench.resource, [guest])
    row("block one", blocked.gas_used)
    block = bench.asked(guest, Reason.BLOCKED)
    (unblocked,) = owner.unblock(bench.resource, [guest])
    row("unblock one", unblocked.gas_used)
    many = [_address(b"accessor %d" % number) for number in range(BATCH)]
    (blocked,) = owner.block(bench.resource, many)
    row(f"block {BATCH}", blocked.gas_used, BATCH)
    (listed,) = owner.allow(bench.resource, [many[0]], Right.READ)
    owner.unblock(bench.resource, [many[0]])
    row("allow one", listed.gas_used)
    allow = bench.asked(many[0], Reason.ALLOW_LIST)

    labels = [bytes([number + 1]) * 32 for number in range(GROUPS)]
    (added,) = owner.add_members(people[0], labels[0], [people[-1]])
    row("a new group with one member", added.gas_used)
    row("grant to a group", owner.grant(_group(bench, labels[0])).gas_used)
    group = bench.asked(people[-1], Reason.GROUP)
    for label in labels[1:]:
        owner.create_group(people[0], label)
        last = owner.grant(_group(bench, label)).gas_used
    row(f"grant to the {GROUPS}th group", last)
    owner.remove_members(people[0], labels[0], [people[-1]])
    owner.add_members(people[0], labels[-1], [people[-1]])
    groups = bench.asked(people[-1], Reason.GROUP)

    row("check: blocked", block)
    row("check: certificate of the owner", direct)
    row(f"check: certificate after {DEPTH} delegations", chain)
    row("check: allow list", allow)
    row("check: first group", group)
    row(f"check: {GROUPS}th group", groups)
    row("check: nothing", nobody)
    return rows


def _address(name: bytes) -> str:
    return "0x" + keccak256(name)[12:].hex()


def _group(bench: Bench, label: bytes) -> AccessCertificate:
    return replace(bench.certificate(), group=group_id(bench.owner.address, label))


def table(rows: list[dict[str, Any]]) -> str:
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'':<{width}}  {'gas':>9}  {'each':>7}"]
    lines += [f"{row['name']:<{width}}  {row['gas']:>9,}  {row['each']:>7,}" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
