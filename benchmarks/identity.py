"""What a change of an identity costs in gas, on the embedded chain.

    python benchmarks/identity.py [--changes 1000] [--json]

Signed changes are brought in batches, in as few transactions as nodes take (under 128 KB each), of one identity, of a
quarter as many identities as there are changes, and of an identity each. An identity is touched where it changed before
(its slot is not new), and fresh where not. Where the parts of the gas can be told they are: what the transactions cost
by themselves, their calldata, the recovery of the owner's key; the rest is hashing, checks, the standard's event and
storage. Then one change by itself, each way there is. Gas is exact and the same in every run. Ends with 1 where a
target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evgi_client.chain import Chain, ContractHandle
from evgi_client.identity import Identities, SignedChange, word_of
from evgi_client.identity.packed import batches
from evgi_client.messages import Domain, keccak256
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.signing import LocalSigner, Signed, sign

UPDATE_TARGET = 11_000
"""Gas of a signed update in a batch of 1,000 of one identity."""

OWNER_TARGET = 52_000
"""Gas of a signed change of owner of a fresh identity, by itself and with everything."""

REFERENCE = 46_301
"""Gas of a signed update by itself with the reference registry of ERC-1056."""

TRANSACTION = 21_000
ECRECOVER = 3_100
"""The precompile's 3,000 and the call to it."""

CHANGES = 1_000
GAS = 400_000_000
DAY = 24 * 3600
BEGIN = 1_750_000_000
UNTIL = BEGIN + 365 * DAY
NAME = word_of("did/pub/Ed25519/veriKey/base64")
SIG_AUTH = word_of("sigAuth")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--changes", type=int, default=CHANGES, help="changes a batch")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    result = measure(arguments.changes)
    print(json.dumps(result, indent=2) if arguments.json else table(result))
    return 1 if any(target["gas"] > target["atMost"] for target in result["targets"]) else 0


def measure(changes: int = CHANGES) -> dict[str, Any]:
    """Gas of every batch, of single changes, and what of it has a target."""
    bench = Bench.found(changes)
    rows = bench.rows()
    single = bench.single()
    one = next(row for row in rows if row["kind"] == "attribute" and row["identities"] == 1)
    return {
        "changes": changes,
        "reference": REFERENCE,
        "batches": rows,
        "single": single,
        "targets": [
            {"name": "signed update in a batch of one identity", "gas": one["gas"], "atMost": UPDATE_TARGET},
            {"name": "fresh signed owner change", "gas": single["ownerBatchOfOne"], "atMost": OWNER_TARGET},
        ],
    }


@dataclass
class Bench:
    """A registry, a relayer, and as many owners as changes, each of its own identity."""

    registry: ContractHandle
    domain: Domain
    relayer: LocalSigner
    owners: list[LocalSigner]
    nonces: dict[str, int]

    @classmethod
    def found(cls, changes: int) -> Bench:
        chain = Chain.embedded(start=BEGIN)
        relayer = _key(0)
        chain.faucet(relayer.address, 10**20)
        registry = chain.deploy("DIDRegistry", [], relayer)
        domain = Domain("DIDRegistry", "1", chain.chain_id, registry.address)
        owners = [_key(1 + number) for number in range(changes)]
        return cls(registry, domain, relayer, owners, {})

    # Changes

    def attribute(self, owner: LocalSigner, number: int, nonce: int) -> SignedChange:
        value = keccak256(b"key %d" % number)
        return self._signed(owner, AttributeChange(owner.address, NAME, value, UNTIL, nonce, BEGIN + DAY))

    def delegate(self, owner: LocalSigner, number: int, nonce: int) -> SignedChange:
        delegate = _key(100_000 + number).address
        return self._signed(
            owner, DelegateChange(owner.address, SIG_AUTH, delegate, UNTIL, nonce, BEGIN + DAY)
        )

    def owner(self, owner: LocalSigner, _number: int, nonce: int) -> SignedChange:
        """To itself, so that the same key signs the next one: the gas is that of any other owner."""
        return self._signed(owner, OwnerChange(owner.address, owner.address, nonce, BEGIN + DAY))

    def _signed(self, owner: LocalSigner, change: Any) -> Signed[Any]:
        return sign(owner, change, self.domain)

    # Batches

    def rows(self) -> list[dict[str, Any]]:
        """Of fresh identities first, then of touched ones."""
        count = len(self.owners)
        quarter = max(1, count // 4)
        kinds = {"attribute": self.attribute, "owner": self.owner, "delegate": self.delegate}
        found = [self.row(kind, "fresh", make, count) for kind, make in kinds.items()]
        self.bring([self.attribute(owner, 0, 0) for owner in self.owners])
        self.nonces = {owner.address: 1 for owner in self.owners}
        for kind, make in kinds.items():
            found += [self.row(kind, "touched", make, identities) for identities in (1, quarter, count)]
        first = self.owners[0]
        self.bring([self.delegate(first, number, 1 + number) for number in range(count)])
        self.nonces[first.address] += count
        found.append(self.row("delegate", "appointed again", self.delegate, 1))
        return found

    def row(
        self,
        kind: str,
        state: str,
        make: Callable[[LocalSigner, int, int], SignedChange],
        identities: int,
    ) -> dict[str, Any]:
        """Brings as many changes as there are owners, and takes them back."""
        count = len(self.owners)
        each = count // identities
        changes = []
        for owner in self.owners[:identities]:
            first = self.nonces.get(owner.address, 0)
            changes += [make(owner, number, first + number) for number in range(each)]
        snapshot = self.registry.chain.snapshot()
        gas, calldata, transactions = self.bring(changes)
        self.registry.chain.revert_to(snapshot)
        total = len(changes)
        return {
            "kind": kind,
            "state": state,
            "changes": total,
            "identities": identities,
            "transactions": transactions,
            "gas": round(gas / total),
            "transaction": round(transactions * TRANSACTION / total),
            "calldata": round(calldata / total),
            "ecrecover": ECRECOVER,
            "rest": round((gas - transactions * TRANSACTION - calldata) / total - ECRECOVER),
        }

    def bring(self, changes: Sequence[SignedChange]) -> tuple[int, int, int]:
        """Gas, the calldata's part of it, and in how many transactions."""
        gas = calldata = transactions = 0
        for batch in batches(changes):
            gas += self._send("applySigned", batch)
            data = self.registry.encode("applySigned", batch)
            calldata += 16 * len(data) - 12 * data.count(0)
            transactions += 1
        return gas, calldata, transactions

    # One by itself

    def single(self) -> dict[str, int]:
        """A fresh identity's first change, each way."""
        owner = _key(10**6)
        self.registry.chain.faucet(owner.address, 10**18)
        to = _key(10**6 + 1).address
        own = Identities({"DIDRegistry": self.registry}, self.domain, owner)
        relayed = Identities({"DIDRegistry": self.registry}, self.domain, self.relayer)
        change = own.sign(own.draft_owner(owner.address, to, deadline=BEGIN + DAY))
        attribute = self.attribute(owner, 0, 0)
        delegate = self.delegate(owner, 0, 0)
        text = NAME.decode().rstrip("\0")
        ways: dict[str, Callable[[], Any]] = {
            "ownerBatchOfOne": lambda: relayed.relay([change])[0],
            "ownerByItself": lambda: relayed.bring(change.message, change.signature.to_bytes()),
            "ownerUnsigned": lambda: own.change_owner(owner.address, to),
            "attributeBatchOfOne": lambda: relayed.relay([attribute])[0],
            "attributeUnsigned": lambda: own.set_attribute(
                owner.address, text, bytes(range(1, 33)), 365 * DAY
            ),
            "delegateBatchOfOne": lambda: relayed.relay([delegate])[0],
            "delegateUnsigned": lambda: own.add_delegate(owner.address, "sigAuth", to, 365 * DAY),
        }
        gas = {}
        for name, act in ways.items():
            snapshot = self.registry.chain.snapshot()
            gas[name] = int(act().gas_used)
            self.registry.chain.revert_to(snapshot)
        return gas

    def _send(self, function: str, *args: object) -> int:
        return self.registry.transact(function, *args, signer=self.relayer, gas=GAS).gas_used


def _key(number: int) -> LocalSigner:
    return LocalSigner.from_key(keccak256(b"identity benchmark" + number.to_bytes(4, "big")))


def table(result: dict[str, Any]) -> str:
    """The figures as tables of Markdown."""
    lines = [
        "| change | identities | slots | transactions | gas a change | transaction | calldata | ecrecover | rest |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['kind']} | {row['identities']:,} | {row['state']} | {row['transactions']} | {row['gas']:,} "
        f"| {row['transaction']:,} | {row['calldata']:,} | {row['ecrecover']:,} | {row['rest']:,} |"
        for row in result["batches"]
    ]
    lines += ["", "| one change of a fresh identity | gas |", "|---|---:|"]
    lines += [f"| {name} | {gas:,} |" for name, gas in result["single"].items()]
    lines.append("")
    for target in result["targets"]:
        met = "met" if target["gas"] <= target["atMost"] else "MISSED"
        lines.append(f"{target['name']}: {target['gas']:,} gas, at most {target['atMost']:,}: {met}.")
    lines.append(f"A signed update by itself with the reference registry: {result['reference']:,} gas.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
