"""Signed transactions: prepared, broadcast, waited for.

Each is a step of its own, so that a caller can save what it is about to send before it is sent.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from evgi_client.chain.reverts import CallFailed
from evgi_client.errors import (
    ChainUnreachableError,
    InsufficientFundsError,
    NonceTakenError,
    RpcError,
    TransactionTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evgi_client.chain.rpc import Node

FIRST_POLL = 0.05
LONGEST_POLL = 1.0

# The words of geth, Besu, Nethermind, Erigon, anvil and py-evm, in lower case.
_KNOWN = ("already known", "known transaction", "already imported", "alreadyknown")
_TAKEN = (
    "nonce too low",
    "nonce is too low",
    "invalid transaction nonce",
    "oldnonce",
    "replacement transaction underpriced",
    "replacementnotallowed",
)
_FUNDS = (
    "insufficient funds",
    "insufficientfunds",
    "upfront cost exceeds",
    "cannot afford",
    "does not have enough",
)


class TransactionSigner(Protocol):
    """What it takes to send a transaction. Every ``signing.Signer`` is one."""

    @property
    def address(self) -> str:
        """Checksummed address that pays for the transaction."""

    def sign_transaction(self, transaction: Mapping[str, Any], /) -> bytes:
        """The signed transaction, ready to be sent raw."""


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A signed transaction that may be broadcast any number of times: it lands once at most."""

    raw: bytes
    hash: str
    nonce: int
    sender: str


@dataclass(frozen=True, slots=True)
class Log:
    """A log as it stands in a block, before it is decoded."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    transaction_hash: str
    log_index: int

    @staticmethod
    def of(log: Mapping[str, Any]) -> Log:
        return Log(
            address=to_checksum_address(log["address"]),
            topics=tuple(bytes(topic) for topic in log["topics"]),
            data=bytes(log["data"]),
            block_number=int(log["blockNumber"]),
            block_hash="0x" + bytes(log["blockHash"]).hex(),
            transaction_hash="0x" + bytes(log["transactionHash"]).hex(),
            log_index=int(log["logIndex"]),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction. ``gas_price`` is what was paid for a unit of gas, in wei."""

    transaction_hash: str
    succeeded: bool
    block_number: int
    block_hash: str
    gas_used: int
    gas_price: int
    contract_address: str | None
    logs: tuple[Log, ...]

    @staticmethod
    def of(receipt: Mapping[str, Any]) -> Receipt:
        created = receipt.get("contractAddress")
        return Receipt(
            transaction_hash="0x" + bytes(receipt["transactionHash"]).hex(),
            succeeded=int(receipt["status"]) == 1,
            block_number=int(receipt["blockNumber"]),
            block_hash="0x" + bytes(receipt["blockHash"]).hex(),
            gas_used=int(receipt["gasUsed"]),
            gas_price=int(receipt.get("effectiveGasPrice") or 0),
            contract_address=to_checksum_address(created) if created else None,
            logs=tuple(Log.of(log) for log in receipt["logs"]),
        )


class Nonces:
    """The next nonce of each sender on one chain.

    A nonce comes from the node's pending count; those handed out here and unseen by it count on top.
    """

    def __init__(self, pending: Callable[[str], int]) -> None:
        self._pending = pending
        self._next: dict[str, int] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()

    def lock(self, sender: str) -> threading.RLock:
        """Held while a transaction of this sender is made and sent."""
        with self._guard:
            return self._locks.setdefault(sender, threading.RLock())

    def take(self, sender: str) -> int:
        with self.lock(sender):
            nonce = max(self._pending(sender), self._next.get(sender, 0))
            self._next[sender] = nonce + 1
            return nonce

    def release(self, sender: str, nonce: int) -> None:
        """Gives back the nonce of a transaction that will not be sent."""
        with self.lock(sender):
            if self._next.get(sender) == nonce + 1:
                self._next[sender] = nonce
            else:
                # Later ones are out already and wait for this one: the node's count names it next.
                self.forget(sender)

    def forget(self, sender: str) -> None:
        """Starts again from the node's count: what was counted here did not hold."""
        with self.lock(sender):
            self._next.pop(sender, None)

    def clear(self) -> None:
        """Starts again for every sender: the chain was put back."""
        self._next.clear()


class Transactions:
    """Makes and sends the transactions of one chain."""

    def __init__(
        self, node: Node, chain_id: int, *, polls: bool, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._node = node
        self._chain_id = chain_id
        self._polls = polls
        self._sleep = sleep
        self.nonces = Nonces(self._pending_count)

    def _pending_count(self, sender: str) -> int:
        return self._node.ask(
            "eth_getTransactionCount",
            lambda: int(self._node.eth.get_transaction_count(to_checksum_address(sender), "pending")),
        )

    def fees(self, sender: str) -> dict[str, int]:
        """Fee fields for the next block: EIP-1559 where it has a base fee, else a gas price; all may be zero."""
        block = self._node.ask("eth_getBlockByNumber", lambda: self._node.eth.get_block("latest"))
        base = block.get("baseFeePerGas")
        if base is None:
            return {"gasPrice": self._gas_price()}
        # A chain without a base fee serves who has no coin; its nodes may suggest a tip all the same.
        if base == 0 and (self._gas_price() == 0 or self._balance(sender) == 0):
            return {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
        tip = self._node.ask("eth_maxPriorityFeePerGas", lambda: int(self._node.eth.max_priority_fee))
        # Twice the base fee outlasts six full blocks of rises.
        return {"maxFeePerGas": 2 * int(base) + tip, "maxPriorityFeePerGas": tip}

    def _balance(self, address: str) -> int:
        account = to_checksum_address(address)
        return self._node.ask("eth_getBalance", lambda: int(self._node.eth.get_balance(account)))

    def _gas_price(self) -> int:
        return self._node.ask("eth_gasPrice", lambda: int(self._node.eth.gas_price))

    def prepare(
        self, signer: TransactionSigner, *, to: str | None, data: bytes, value: int, gas: int
    ) -> PreparedTransaction:
        """Signs a transaction under the sender's next nonce, which stays taken until it is released."""
        fees = self.fees(signer.address)
        nonce = self.nonces.take(signer.address)
        fields: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "gas": gas,
            "value": value,
            "data": data,
        }
        fields.update(fees)
        if "maxFeePerGas" in fees:
            fields["type"] = 2
        if to is not None:
            fields["to"] = to_checksum_address(to)
        try:
            raw = bytes(signer.sign_transaction(fields))
        except BaseException:
            self.nonces.release(signer.address, nonce)
            raise
        return PreparedTransaction(raw, "0x" + bytes(keccak(raw)).hex(), nonce, signer.address)

    def broadcast(self, prepared: PreparedTransaction) -> None:
        """Sends a prepared transaction. To send it again is harmless.

        Raises:
            NonceTakenError: another transaction has its nonce; prepare a new one.
            InsufficientFundsError: the sender cannot pay.
            RpcError: the node refused it for another reason.
        """
        try:
            self._node.ask(
                "eth_sendRawTransaction", lambda: self._node.eth.send_raw_transaction(prepared.raw)
            )
            return
        except ChainUnreachableError:
            # It may have arrived or not: the node's count will tell.
            self.nonces.forget(prepared.sender)
            raise
        except CallFailed as failure:
            refusal = RpcError("eth_sendRawTransaction", None, failure.revert.message)
        except RpcError as error:
            refusal = error
        reason = refusal.reason.lower()
        if any(words in reason for words in _KNOWN) or self.is_known(prepared.hash):
            return
        self.nonces.forget(prepared.sender)
        if any(words in reason for words in _TAKEN):
            raise NonceTakenError(prepared.sender, prepared.nonce, refusal.reason)
        if any(words in reason for words in _FUNDS):
            raise InsufficientFundsError(prepared.sender, refusal.reason)
        raise refusal

    def is_known(self, transaction_hash: str) -> bool:
        """Does the node have this transaction, in a block or waiting?"""
        return self.calldata_of(transaction_hash) is not None

    def calldata_of(self, transaction_hash: str) -> bytes | None:
        """The data that a transaction was sent with; None where the node does not have it."""
        sent = self._node.find(
            "eth_getTransactionByHash", lambda: self._node.eth.get_transaction(_hash(transaction_hash))
        )
        return None if sent is None else bytes(sent["input"])

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """The receipt, where the transaction is in a block."""
        found = self._node.find(
            "eth_getTransactionReceipt",
            lambda: self._node.eth.get_transaction_receipt(_hash(transaction_hash)),
        )
        return None if found is None else Receipt.of(found)

    def wait(self, transaction_hash: str, timeout: float) -> Receipt:
        """Waits for a receipt, whether the transaction succeeded or not.

        Raises:
            TransactionTimeoutError: none came in ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        pause = FIRST_POLL
        while True:
            receipt = self.receipt(transaction_hash)
            if receipt is not None:
                return receipt
            left = deadline - time.monotonic()
            if not self._polls or left <= 0:
                raise TransactionTimeoutError(transaction_hash, timeout)
            self._sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_POLL)


def _hash(transaction_hash: str) -> Any:
    return bytes.fromhex(transaction_hash.removeprefix("0x"))
