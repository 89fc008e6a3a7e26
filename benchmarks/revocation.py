"""What revoking costs in gas, on the embedded chain.

    python benchmarks/revocation.py [--json]

Gas is that of whole transactions, their 21,000 included, and the same in every run. Status indices are kept in words
of 256, opened beforehand: what that costs is a row by itself. The row with a target revokes a whole word, as a
publisher does with a batch of certificates it issued together, and pays for a high word number and a time ahead. It
gets gas back because the word becomes zero; 256 indices in the halves of two words do not, and where a word was
revoked in before, its earlier bits must be kept for questions about earlier times. Exit code 1 where the target is
missed.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.certificates.revocations import WORD, Revocations
from evgi_client.chain import Chain
from evgi_client.messages import Domain, keccak256
from evgi_client.messages.certificates import RevocationCertificate
from evgi_client.signing import LocalSigner

if TYPE_CHECKING:
    from collections.abc import Callable

    from evgi_client.chain import ContractHandle, Receipt

TARGET = 120
BEGIN = 1_750_000_000
DAY = 86_400
WORDS = 8
FIRST_WORD = 70_000
"""Of the words that are opened: a number with three bytes, none of them zero."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    result = measure()
    print(json.dumps(result, indent=2) if arguments.json else table(result))
    return 0 if all(row["met"] for row in result["rows"] if "met" in row) else 1


@dataclass
class Bench:
    """An issuer that is its own publisher, with ``WORDS`` open words."""

    chain: Chain
    registry: ContractHandle
    revocations: Revocations
    issuer: LocalSigner
    relayer: LocalSigner
    opening: int
    """Gas of opening the words."""

    @classmethod
    def found(cls) -> Bench:
        chain = Chain.embedded(start=BEGIN)
        issuer, relayer = (LocalSigner.from_key(keccak256(b"benchmark %d" % number)) for number in range(2))
        for account in (issuer, relayer):
            chain.faucet(account.address, 10**20)
        identities = chain.deploy("DIDRegistry", [], issuer)
        registry = chain.deploy("RevocationRegistry", [identities.address], issuer)
        contracts = {"DIDRegistry": identities, "RevocationRegistry": registry}
        domain = Domain("RevocationRegistry", "1", chain.chain_id, registry.address)
        revocations = Revocations(contracts, domain, issuer)
        opening = revocations.open_statuses(FIRST_WORD, WORDS).gas_used
        return cls(chain, registry, revocations, issuer, relayer, opening)

    def gas(self, act: Callable[[], Receipt], *before: Callable[[], Receipt]) -> int:
        """Gas of a transaction after others, of which nothing remains."""
        snapshot = self.chain.snapshot()
        try:
            for other in before:
                other()
            return act().gas_used
        finally:
            self.chain.revert_to(snapshot)

    def indices(self, first: int, count: int, ahead: int = 0) -> Callable[[], Receipt]:
        """Revokes ``count`` indices from the ``first`` of the open words on, now or a time ahead."""
        begin = FIRST_WORD * WORD + first
        return lambda: self.revocations.revoke_statuses(
            range(begin, begin + count), self.chain.now() + ahead if ahead else 0
        )

    def targets(self, count: int) -> Callable[[], Receipt]:
        hashes = [keccak256(b"target %d" % number) for number in range(count)]
        if count == 1:
            return lambda: self.revocations.revoke(self.issuer.address, hashes[0])
        return lambda: self.revocations.revoke_many(self.issuer.address, hashes)

    def signed(self) -> Callable[[], Receipt]:
        revocation = RevocationCertificate(
            self.issuer.address, keccak256(b"target"), 0, 0, self.chain.now() + DAY
        )
        domain = Domain("RevocationRegistry", "1", self.chain.chain_id, self.registry.address)
        signature = self.issuer.sign_digest(revocation.digest(domain)).to_bytes()
        return lambda: self.registry.transact("revokeSigned", revocation, signature, signer=self.relayer)


def measure() -> dict[str, Any]:
    """Gas of each way to revoke, in all and a revocation."""
    bench = Bench.found()
    half = WORD // 2
    rows = [
        row("index, a whole word", WORD, bench.gas(bench.indices(0, WORD, ahead=DAY)), TARGET),
        row("index, four whole words", 4 * WORD, bench.gas(bench.indices(0, 4 * WORD))),
        row("index, halves of two words", WORD, bench.gas(bench.indices(half, WORD))),
        row(
            "index, what is left of two words half revoked",
            WORD,
            bench.gas(bench.indices(half, WORD), bench.indices(0, half), bench.indices(3 * half, half)),
        ),
        row(
            "index, what is left of one word half revoked",
            half,
            bench.gas(bench.indices(half, half), bench.indices(0, half)),
        ),
        row("index, one, first of its word", 1, bench.gas(bench.indices(0, 1))),
        row("index, one, second of its word", 1, bench.gas(bench.indices(1, 1), bench.indices(0, 1))),
        row(
            "index, one, third of its word",
            1,
            bench.gas(bench.indices(2, 1), bench.indices(0, 1), bench.indices(1, 1)),
        ),
        row("struct hash, a batch", WORD, bench.gas(bench.targets(WORD))),
        row("struct hash, one", 1, bench.gas(bench.targets(1))),
        row("struct hash, one, signed", 1, bench.gas(bench.signed())),
        row("opening words beforehand", WORDS * WORD, bench.opening),
    ]
    return {"target": TARGET, "word": WORD, "rows": rows}


def row(name: str, count: int, gas: int, target: int | None = None) -> dict[str, Any]:
    each = gas / count
    entry: dict[str, Any] = {"name": name, "count": count, "gas": gas, "gasEach": round(each, 1)}
    if target is not None:
        entry |= {"target": target, "met": each <= target}
    return entry


def table(result: dict[str, Any]) -> str:
    """The figures as a table of Markdown."""
    lines = ["| what | how many | gas | gas each | target |", "|---|---:|---:|---:|---:|"]
    for each in result["rows"]:
        target = f"{each['target']}: {'met' if each['met'] else 'missed'}" if "met" in each else ""
        lines.append(
            f"| {each['name']} | {each['count']:,} | {each['gas']:,} | {each['gasEach']:,} | {target} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
