"""One contract on one chain, called by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evgi_client.chain.abi import Abi, filter_topics
from evgi_client.chain.events import Event, decoded, entry_for

if TYPE_CHECKING:
    from evgi_client.chain.chain import Chain
    from evgi_client.chain.transactions import PreparedTransaction, Receipt, TransactionSigner


class ContractHandle:
    """A contract's functions and events. ``deployment`` is its creation's receipt, if ``deploy`` made it."""

    def __init__(
        self, chain: Chain, name: str, abi: Abi, address: str, deployment: Receipt | None = None
    ) -> None:
        self.chain = chain
        self.name = name
        self.abi = abi
        self.address = address
        self.deployment = deployment

    def __repr__(self) -> str:
        return f"<{self.name} at {self.address} on chain {self.chain.chain_id}>"

    def encode(self, function: str, *args: object) -> bytes:
        """Calldata of a call."""
        return self.abi.encode_call(function, args)

    def call(self, function: str, *args: object, sender: str | None = None, block: int | None = None) -> Any:
        """Calls a function and returns what it returns: nothing, a value, or a named tuple of several.

        Args:
            function: its name, or full signature where overloads take as many arguments.
            sender: the account it is called as; the zero address where not given.
            block: the block whose state it sees; the latest where not given.

        Raises:
            ContractError: it reverted.
            AbiError: no such function, or arguments that do not fit it.
        """
        data = self.abi.encode_call(function, args)
        output = self.chain.call(
            self.address, data, sender=sender, block=block, contract=self.name, abi=self.abi
        )
        return self.abi.decode_result(function, len(args), output)

    def transact(
        self, function: str, *args: object, signer: TransactionSigner, gas: int | None = None, value: int = 0
    ) -> Receipt:
        """Sends a transaction that calls a function, and waits for it.

        Args:
            gas: the gas limit. Where not given, the transaction is tried first and not sent if it reverts.

        Raises:
            ContractError: it reverted, or would.
        """
        data = self.abi.encode_call(function, args)
        return self.chain.send(
            signer, to=self.address, data=data, value=value, gas=gas, contract=self.name, abi=self.abi
        )

    def prepare(
        self, function: str, *args: object, signer: TransactionSigner, gas: int | None = None, value: int = 0
    ) -> PreparedTransaction:
        """Signs the transaction that ``transact`` would send. See ``Chain.prepare``."""
        data = self.abi.encode_call(function, args)
        return self.chain.prepare(
            signer, to=self.address, data=data, value=value, gas=gas, contract=self.name, abi=self.abi
        )

    def wait(self, transaction_hash: str, timeout: float = 120.0) -> Receipt:
        """``Chain.wait`` for a transaction to this contract, whose own errors are named."""
        return self.chain.wait(transaction_hash, timeout, contract=self.name, abi=self.abi)

    def events(
        self, event: str, from_block: int = 0, to_block: int | None = None, **filters: object
    ) -> list[Event]:
        """Events of this contract, in order.

        Args:
            filters: values, or lists of values, of indexed arguments.
        """
        entry = self.abi.event(event)
        logs = self.chain.logs(self.address, filter_topics(entry, filters), from_block, to_block)
        return [decoded(log, entry) for log in logs]

    def events_in(self, receipt: Receipt, event: str | None = None) -> list[Event]:
        """This contract's events in a receipt: all, or those of one name."""
        found = []
        for log in receipt.logs:
            entry = entry_for(self.abi, log) if log.address == self.address else None
            if entry is not None and event in (None, entry["name"]):
                found.append(decoded(log, entry))
        return found
