"""What signing and recovering cost next to bare libsecp256k1, measured in one run.

    python benchmarks/signing.py [--sessions N] [--rounds N] [--json]

"Bare" is coincurve's call on a ready digest: no hashing, no address, no check of the form. Every round times each
row once, so that a slow moment hits all of them; a ratio is the median over the rounds of ours by bare. eth-account
is shown for information, on fewer sessions. Exit code 1 where a row with a target misses it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from coincurve import PrivateKey, PublicKey

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evgi_client.messages import ChargingAuthorization, ChargingTerms, Domain, connector_id
from evgi_client.signing import LocalSigner, recover, recover_many

TARGET = 1.2
ETH_ACCOUNT_SESSIONS = 50


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    result = measure(arguments.sessions, arguments.rounds)
    print(json.dumps(result, indent=2) if arguments.json else table(result))
    return 0 if all(row["met"] for row in result["rows"] if "met" in row) else 1


def measure(sessions: int, rounds: int) -> dict[str, Any]:
    """Microseconds a session for every row, and ratios to the bare row of the same work."""
    fixed = random.Random(712)
    key = fixed.randbytes(32)
    bare_key, signer = PrivateKey(key), LocalSigner.from_key(key)
    domain = Domain("SessionSettlement", "1", 31337, "0x" + "5e" * 20)
    terms = ChargingTerms(
        connector_id("DE*EVG*E1001", 1), "0x" + "c1" * 20, "0x" + "d2" * 20, fixed.randbytes(32),
        fixed.randbytes(32), 700_000, 100_000, 500_000, 80_000, 86_400, 100, 2_592_000, False,
    )  # fmt: skip
    facts = [(1_700_000_000 + 60 * number, 20_000_000 + number) for number in range(sessions)]
    digests = [ChargingAuthorization(terms, *fact).digest(domain) for fact in facts]
    # Many drivers, as in life: one key would have its checksummed address remembered.
    signers = [LocalSigner.from_key(fixed.randbytes(32)) for _ in range(sessions)]
    signatures = [driver.sign_digest(digest) for driver, digest in zip(signers, digests, strict=True)]
    raw = [signature.to_bytes()[:64] + bytes((signature.v - 27,)) for signature in signatures]
    encode_and_sign, encode_and_recover = eth_account_calls(key, terms, domain, facts)

    def build_and_hash(started_at: int, max_cost: int) -> bytes:
        return ChargingAuthorization(terms, started_at, max_cost).digest(domain)

    def build_and_sign(started_at: int, max_cost: int) -> object:
        return signer.sign(ChargingAuthorization(terms, started_at, max_cost), domain)

    def bare_sign(digest: bytes) -> object:
        return bare_key.sign_recoverable(digest, hasher=None)

    def bare_recover(digest: bytes, signature: bytes) -> object:
        return PublicKey.from_signature_and_message(signature, digest, hasher=None)

    work: dict[str, tuple[int, Callable[[], object]]] = {
        "bare sign": (sessions, each(bare_sign, digests)),
        "sign_digest": (sessions, each(signer.sign_digest, digests)),
        "build, hash and sign": (sessions, each(build_and_sign, *zip(*facts, strict=True))),
        "build and hash": (sessions, each(build_and_hash, *zip(*facts, strict=True))),
        "eth-account sign": (ETH_ACCOUNT_SESSIONS, encode_and_sign),
        "bare recover": (sessions, each(bare_recover, digests, raw)),
        "recover": (sessions, each(recover, digests, signatures)),
        "recover_many, all cores": (sessions, lambda: recover_many(digests, signatures)),
        "eth-account recover": (ETH_ACCOUNT_SESSIONS, encode_and_recover),
    }
    timings: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, (count, call) in work.items():
            start = time.perf_counter()
            call()
            timings[name].append((time.perf_counter() - start) / count * 1e6)

    def row(name: str, bare: str | None = None, target: float | None = None) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": name, "microseconds": round(median(timings[name]), 2)}
        if bare is not None:
            ratios = [ours / base for ours, base in zip(timings[name], timings[bare], strict=True)]
            entry["ratio"] = round(median(ratios), 3)
            if target is not None:
                entry |= {"target": target, "met": entry["ratio"] <= target}
        return entry

    return {
        "sessions": sessions,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rows": [
            row("bare sign"),
            row("sign_digest", "bare sign", TARGET),
            row("build, hash and sign", "bare sign"),
            row("build and hash"),
            row("eth-account sign", "bare sign"),
            row("bare recover"),
            row("recover", "bare recover", TARGET),
            row("recover_many, all cores", "bare recover"),
            row("eth-account recover", "bare recover"),
        ],
    }


def each(call: Callable[..., object], *columns: Sequence[Any]) -> Callable[[], None]:
    """Calls once a session and keeps nothing, so that no row pays for collecting another's garbage."""

    def run() -> None:
        for arguments in zip(*columns, strict=True):
            call(*arguments)

    return run


def eth_account_calls(
    key: bytes, terms: ChargingTerms, domain: Domain, facts: list[tuple[int, int]]
) -> tuple[Callable[[], object], Callable[[], object]]:
    """The same work through eth-account: encode and sign, encode and recover."""
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    documents = [
        ChargingAuthorization(terms, *fact).to_typed_data(domain) for fact in facts[:ETH_ACCOUNT_SESSIONS]
    ]
    signed = [Account.sign_typed_data(key, full_message=document).signature for document in documents]

    def sign() -> object:
        return [Account.sign_typed_data(key, full_message=document) for document in documents]

    def recover_signed() -> object:
        return [
            Account.recover_message(encode_typed_data(full_message=document), signature=signature)
            for document, signature in zip(documents, signed, strict=True)
        ]

    return sign, recover_signed


def table(result: dict[str, Any]) -> str:
    """The rows as text."""
    lines = [f"{result['sessions']} sessions, {result['rounds']} rounds, {result['cores']} cores"]
    for row in result["rows"]:
        ratio = f"{row['ratio']:7.2f} x" if "ratio" in row else " " * 9
        target = f"   target {row['target']} {'met' if row['met'] else 'MISSED'}" if "met" in row else ""
        lines.append(f"  {row['name']:<26}{row['microseconds']:>9.2f} us{ratio}{target}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
