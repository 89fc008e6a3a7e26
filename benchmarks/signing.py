"""What signing and recovering cost next to bare libsecp256k1, measured in one run.

    python benchmarks/signing.py [--rounds N] [--json]

"Bare" is coincurve's call on a ready digest: no hashing, no address, no check of the form. Every round takes other
sessions of other drivers and times each row on them, one right after the other; a row's time is that of its best
round, which is the one that nothing else on the machine disturbed. eth-account and threads are shown for information: a
machine that is busy has no core to spare for them. Exit code 1 where a row with a target misses it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from evgi_client.messages import ChargingAuthorization, ChargingTerms, Domain, connector_id
from evgi_client.signing import LocalSigner, recover, recover_many

TARGET = 1.2
SESSIONS = 50
"""A round: short enough to find a quiet moment on a busy machine."""
MANY = 2_000
"""Sessions of the row that uses threads, where starting them must not count."""
MANY_ROUNDS = 10

DOMAIN = Domain("SessionSettlement", "1", 31337, "0x" + "5e" * 20)
TERMS = ChargingTerms(
    connector=connector_id("DE*EVG*E1001", 1),
    creditor="0x" + "c1" * 20,
    debtor="0x" + "d2" * 20,
    tariff=b"\x01" * 32,
    fallback_tariff=b"\x02" * 32,
    ceiling_per_kwh=700_000,
    ceiling_per_hour=100_000,
    ceiling_flat=500_000,
    max_energy=80_000,
    max_duration=86_400,
    max_soc=100,
    submit_within=2_592_000,
    export_allowed=False,
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    result = measure(arguments.rounds)
    print(json.dumps(result, indent=2) if arguments.json else table(result))
    return 0 if all(row["met"] for row in result["rows"] if "met" in row) else 1


def measure(rounds: int) -> dict[str, Any]:
    """Microseconds a session for every row, and ratios to the bare row of the same work."""
    fixed = random.Random(712)
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, seconds in one_round(fixed).items():
            best[name] = min(seconds, best.get(name, seconds))
    digests, signatures = signed_sessions(fixed, MANY)[1:]
    for name, threads in (("recover_many, one thread", 1), ("recover_many, all cores", None)):
        runs = [timed(partial(recover_many, digests, signatures, threads)) for _ in range(MANY_ROUNDS)]
        best[name] = min(runs) / MANY

    def row(name: str, bare: str | None = None, target: float | None = None) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": name, "microseconds": round(best[name] * 1e6, 2)}
        if bare is not None:
            entry |= {"ratio": round(best[name] / best[bare], 3), "to": bare}
        if target is not None:
            entry |= {"target": target, "met": entry["ratio"] <= target}
        return entry

    return {
        "rounds": rounds,
        "sessions_a_round": SESSIONS,
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
            row("recover_many, one thread"),
            row("recover_many, all cores", "recover_many, one thread"),
            row("eth-account recover", "bare recover"),
        ],
    }


def signed_sessions(fixed: random.Random, count: int) -> tuple[list[tuple[int, int]], list[bytes], list[Any]]:
    """Start and limit, digest and signature of sessions, each of another driver."""
    facts = [(fixed.randrange(2**32), fixed.randrange(2**32)) for _ in range(count)]
    digests = [ChargingAuthorization(TERMS, *fact).digest(DOMAIN) for fact in facts]
    signatures = [LocalSigner.from_key(fixed.randbytes(32)).sign_digest(digest) for digest in digests]
    return facts, digests, signatures


def one_round(fixed: random.Random) -> dict[str, float]:
    """Seconds a session for every row."""
    key = fixed.randbytes(32)
    bare_key, signer = PrivateKey(key), LocalSigner.from_key(key)
    facts, digests, signatures = signed_sessions(fixed, SESSIONS)
    raw = [signature.to_bytes()[:64] + bytes((signature.v - 27,)) for signature in signatures]
    documents = [ChargingAuthorization(TERMS, *fact).to_typed_data(DOMAIN) for fact in facts]
    starts, limits = [fact[0] for fact in facts], [fact[1] for fact in facts]

    def bare_sign(digest: bytes) -> object:
        return bare_key.sign_recoverable(digest, hasher=None)

    def build_and_hash(started_at: int, max_cost: int) -> bytes:
        return ChargingAuthorization(TERMS, started_at, max_cost).digest(DOMAIN)

    def build_and_sign(started_at: int, max_cost: int) -> object:
        return signer.sign(ChargingAuthorization(TERMS, started_at, max_cost), DOMAIN)

    def eth_account_sign(document: dict[str, Any]) -> object:
        return Account.sign_typed_data(key, full_message=document)

    def bare_recover(digest: bytes, signature: bytes) -> object:
        return PublicKey.from_signature_and_message(signature, digest, hasher=None)

    def eth_account_recover(document: dict[str, Any], signature: bytes) -> object:
        return Account.recover_message(encode_typed_data(full_message=document), signature=signature)

    wallet_form = [signature.to_bytes() for signature in signatures]
    return {
        "bare sign": each(bare_sign, digests),
        "sign_digest": each(signer.sign_digest, digests),
        "build, hash and sign": each(build_and_sign, starts, limits),
        "build and hash": each(build_and_hash, starts, limits),
        "eth-account sign": each(eth_account_sign, documents),
        "bare recover": each(bare_recover, digests, raw),
        "recover": each(recover, digests, signatures),
        "eth-account recover": each(eth_account_recover, documents, wallet_form),
    }


def each(call: Callable[..., object], *columns: Sequence[Any]) -> float:
    """Seconds a call. It keeps no result, so that no row pays for collecting another's garbage."""

    def run() -> None:
        for arguments in zip(*columns, strict=True):
            call(*arguments)

    return timed(run) / len(columns[0])


def timed(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def table(result: dict[str, Any]) -> str:
    """The rows as text."""
    lines = [
        f"Best of {result['rounds']} rounds of {result['sessions_a_round']} sessions, {result['cores']} cores"
    ]
    for row in result["rows"]:
        ratio = f"{row['ratio']:7.2f} x" if "ratio" in row else ""
        target = f"   target {row['target']} {'met' if row['met'] else 'MISSED'}" if "met" in row else ""
        lines.append(f"  {row['name']:<26}{row['microseconds']:>9.2f} us{ratio}{target}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
