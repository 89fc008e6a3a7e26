"""The demo's result: one object, for machines as JSON and for people as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PairSummary:
    """What a debtor's drivers used at a creditor's charge points. The two are one where a utility served its own."""

    creditor: str
    debtor: str
    sessions: int
    energy_wh: int
    amount: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Energy in Wh, money in minor units of the clearing token, time in seconds."""

    source: str
    chain_id: int
    currency: str
    read: int
    quarantined: dict[str, int]
    signed: int
    settled: int
    energy_wh: int
    amount: int
    pairs: tuple[PairSummary, ...]
    positions: dict[str, int]
    payments: dict[tuple[str, str], int]
    supply: int
    balances: dict[str, int]
    gas: int
    batches: int
    elapsed_s: float
    checks: dict[str, bool]
    files: dict[str, str]

    @property
    def gas_per_session(self) -> int:
        return self.gas // self.settled if self.settled else 0

    @property
    def gross(self) -> int:
        """Money between different utilities before netting."""
        return sum(pair.amount for pair in self.pairs if pair.creditor != pair.debtor)

    @property
    def net(self) -> int:
        """Money that moved."""
        return sum(self.payments.values())

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "source": self.source,
            "chain_id": self.chain_id,
            "currency": self.currency,
            "sessions": {
                "read": self.read,
                "quarantined": self.quarantined,
                "signed": self.signed,
                "settled": self.settled,
            },
            "energy_wh": self.energy_wh,
            "amount": self.amount,
            "pairs": [
                {
                    "creditor": pair.creditor,
                    "debtor": pair.debtor,
                    "sessions": pair.sessions,
                    "energy_wh": pair.energy_wh,
                    "amount": pair.amount,
                }
                for pair in self.pairs
            ],
            "positions": self.positions,
            "payments": [
                {"payer": payer, "payee": payee, "amount": amount}
                for (payer, payee), amount in self.payments.items()
            ],
            "token": {"supply": self.supply, "balances": self.balances},
            "gas": {"total": self.gas, "per_session": self.gas_per_session},
            "batches": self.batches,
            "elapsed_s": round(self.elapsed_s, 3),
            "checks": self.checks,
            "files": self.files,
        }
