"""What the chain alone says happened: sums recomputed from events and balances, to hold the ledger against."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evgi_client.charging.batches import SettledSession, decode_settled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.chain import ContractHandle
    from evgi_client.messages import SessionKey


@dataclass
class PairTotal:
    """What one utility's drivers used at another's charge points. Wh and minor units."""

    sessions: int = 0
    energy_wh: int = 0
    amount: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """A session as the chain tells it, and the utilities and transaction it was settled by."""

    session: SettledSession
    creditor: str
    debtor: str
    transaction_hash: str


@dataclass
class ChainRecord:
    """Everything read back. ``pairs`` are keyed (creditor, debtor); ``paid`` (payer, payee)."""

    settled: list[Settled] = field(default_factory=list)
    pairs: dict[tuple[str, str], PairTotal] = field(default_factory=lambda: defaultdict(PairTotal))
    paid: Counter[tuple[str, str]] = field(default_factory=Counter)
    balances: dict[str, int] = field(default_factory=dict)
    supply: int = 0
    gas: int = 0
    batches: int = 0

    @property
    def energy_wh(self) -> int:
        return sum(total.energy_wh for total in self.pairs.values())

    @property
    def amount(self) -> int:
        return sum(total.amount for total in self.pairs.values())

    def repeated(self) -> list[SessionKey]:
        """Keys of sessions that were settled more than once: there must be none."""
        counted = Counter(one.session.key for one in self.settled)
        return [key for key, count in counted.items() if count > 1]

    def owed(self) -> dict[tuple[str, str], int]:
        """Net claims before any payment: (creditor, debtor) → minor units, in one direction a pair."""
        net: Counter[tuple[str, str]] = Counter()
        for (creditor, debtor), total in self.pairs.items():
            if creditor != debtor:
                low, high = sorted((creditor, debtor))
                net[low, high] += (total.amount - total.fee) * (1 if creditor == low else -1)
        return {
            pair if amount > 0 else (pair[1], pair[0]): abs(amount) for pair, amount in net.items() if amount
        }

    def positions(self) -> dict[str, int]:
        """Net position of each utility before any payment: positive where the others owe it."""
        positions: Counter[str] = Counter()
        for (creditor, debtor), amount in self.owed().items():
            positions[creditor] += amount
            positions[debtor] -= amount
        return dict(positions)


def read_chain(contracts: Mapping[str, ContractHandle], from_block: int) -> ChainRecord:
    """Reads events and balances of the suite from the block of its deployment on."""
    settlement, token = contracts["SessionSettlement"], contracts["ClearingToken"]
    chain = settlement.chain
    record = ChainRecord()
    transactions = set()
    for event in settlement.events("SessionsSettled", from_block):
        pair = (event.args["creditor"], event.args["debtor"])
        total = record.pairs[pair]
        for session in decode_settled(event.args["sessions"]):
            record.settled.append(Settled(session, *pair, event.transaction_hash))
            total.sessions += 1
            total.energy_wh += session.energy_wh
            total.amount += session.cost
        total.fee += event.args["fee"]
        transactions.add(event.transaction_hash)
    for event in settlement.events("PairSettled", from_block):
        record.paid[event.args["payer"], event.args["payee"]] += event.args["amount"]
    for transaction in transactions:
        receipt = chain.receipt(transaction)
        if receipt is not None:
            record.gas += receipt.gas_used
    record.batches = len(transactions)
    holders = {event.args["to"] for event in token.events("Transfer", from_block)}
    record.balances = {holder: int(token.call("balanceOf", holder)) for holder in sorted(holders)}
    record.supply = int(token.call("totalSupply"))
    return record
