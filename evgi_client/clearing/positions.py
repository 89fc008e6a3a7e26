"""Positions of pairs of utilities and their settlement in clearing tokens. Amounts in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.chain import ContractHandle, Receipt
    from evgi_client.signing import Signer


@dataclass(frozen=True, slots=True)
class Payment:
    """A pair's net position, paid in tokens."""

    payer: str
    payee: str
    amount: int


class Positions:
    """What utilities owe one another for settled sessions.

    Args:
        contracts: handles of the suite by name.
        signer: the utility that settles.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], signer: Signer) -> None:
        self._settlement = contracts["SessionSettlement"]
        self._token = contracts["ClearingToken"]
        self._signer = signer

    def of(self, utility: str, peer: str) -> int:
        """What ``peer`` owes ``utility``; negative where ``utility`` owes."""
        return int(self._settlement.call("positionOf", utility, peer, self._token.address))

    def allow(self, amount: int) -> Receipt:
        """Lets the settlement contract take up to ``amount`` of the signer's tokens, to pay what the signer owes."""
        return self._token.transact("approve", self._settlement.address, amount, signer=self._signer)

    def settle(self, peer: str) -> Receipt | None:
        """Pays the net position with a peer, whichever of the two owes it, and zeroes it. None where nothing is owed.

        Raises:
            ContractError: the one that owes has too few tokens, or has not allowed them to be taken.
        """
        if not self.of(self._signer.address, peer):
            return None
        return self._settlement.transact("settlePair", peer, self._token.address, signer=self._signer)

    def payments_in(self, receipt: Receipt) -> list[Payment]:
        """What a settlement's transaction paid, to whom."""
        events = self._settlement.events_in(receipt, "PairSettled")
        return [Payment(each.args["payer"], each.args["payee"], each.args["amount"]) for each in events]
