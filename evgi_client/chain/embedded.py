"""A chain inside this process: eth-tester on py-evm, with a clock of its own.

The clock does not follow the wall: it stands at the time that the next block will carry. A block is one second
after its parent unless the clock was moved. A call sees the time that a transaction sent now would see.
"""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from eth.exceptions import PyEVMError
from eth.vm.spoof import SpoofTransaction
from eth_tester import EthereumTester  # type: ignore[import-untyped]
from eth_tester.backends.pyevm import main as pyevm  # type: ignore[import-untyped]
from eth_tester.backends.pyevm.serializers import (  # type: ignore[import-untyped]
    serialize_log,
    serialize_transaction,
    serialize_transaction_receipt,
)
from eth_tester.exceptions import (  # type: ignore[import-untyped]
    TransactionFailed,
    TransactionNotFound,
    ValidationError,
)
from eth_tester.utils.filters import check_if_log_matches  # type: ignore[import-untyped]
from web3.providers.eth_tester import EthereumTesterProvider

from evgi_client.chain.reverts import CallFailed, Revert
from evgi_client.errors import ClockBackwardsError

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK_GAS_LIMIT = 500_000_000
"""Far above public chains', so that a large batch fits a block whatever its size."""

ENGINE_ERRORS: tuple[type[Exception], ...] = (PyEVMError, ValidationError, TransactionFailed)
"""What py-evm and eth-tester raise where a node would answer with an error."""


class EmbeddedBackend(pyevm.PyEVMBackend):  # type: ignore[misc]
    """py-evm with a clock, which remembers why a transaction failed, and where each transaction and log stands.

    eth-tester itself finds a transaction or a log by reading all blocks.
    """

    def __init__(self, start: int) -> None:
        self.failures: dict[bytes, Revert] = {}
        self._places: dict[bytes, tuple[int, int]] = {}
        self._logs: list[dict[str, Any]] = []
        self._unmined: list[dict[str, Any]] = []
        parameters = self.generate_genesis_params({"gas_limit": BLOCK_GAS_LIMIT, "timestamp": start - 1})
        super().__init__(genesis_parameters=parameters)
        self._follow_parent()

    @property
    def clock(self) -> int:
        """The time of the next block, and of a call made now."""
        return int(self.chain.header.timestamp)

    def advance_to(self, timestamp: int) -> None:
        """Moves the clock; no block is made.

        Raises:
            ClockBackwardsError: the clock is past that time.
        """
        if timestamp < self.clock:
            raise ClockBackwardsError(self.clock, timestamp)
        self.chain.set_header_timestamp(timestamp)

    def _follow_parent(self) -> None:
        # py-evm stamps the next header with the wall clock.
        self.chain.set_header_timestamp(self.chain.get_canonical_head().timestamp + 1)

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> tuple[bytes, ...]:
        hashes: tuple[bytes, ...] = ()
        for _ in range(num_blocks):
            hashes += super().mine_blocks(1, coinbase)
            for log in self._unmined:
                self._logs.append({**log, "block_hash": hashes[-1]})
            self._unmined.clear()
            self._follow_parent()
        return hashes

    def revert_to_snapshot(self, snapshot: bytes) -> None:
        super().revert_to_snapshot(snapshot)
        head = self.chain.get_canonical_head().block_number
        self._places = {key: place for key, place in self._places.items() if place[0] <= head}
        self._logs = [log for log in self._logs if log["block_number"] <= head]
        self._follow_parent()

    def send_raw_transaction(self, raw_transaction: bytes) -> bytes:
        return self._apply(self.chain.get_vm().get_transaction_builder().decode(raw_transaction))

    def send_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        return self._apply(self._get_normalized_and_signed_evm_transaction(transaction))

    def _apply(self, transaction: Any) -> bytes:
        block, receipt, computation = self.chain.apply_transaction(transaction)
        index = len(block.transactions) - 1
        self._places[transaction.hash] = (block.number, index)
        if computation.is_error:
            self.failures[transaction.hash] = _revert_of(computation)
        for log in receipt.logs:
            self._unmined.append(serialize_log(block, transaction, index, log, len(self._unmined), False))
        return bytes(transaction.hash)

    def _place(self, transaction_hash: bytes) -> tuple[Any, Any, int]:
        if transaction_hash not in self._places:
            raise TransactionNotFound(f"no transaction 0x{transaction_hash.hex()}")
        number, index = self._places[transaction_hash]
        block = self.chain.get_canonical_block_by_number(number)
        return block, block.transactions[index], index

    def get_transaction_by_hash(self, transaction_hash: bytes) -> Any:
        return serialize_transaction(*self._place(transaction_hash), False)

    def get_transaction_receipt(self, transaction_hash: bytes) -> Any:
        block, transaction, index = self._place(transaction_hash)
        receipts = block.get_receipts(self.chain.chaindb)
        return serialize_transaction_receipt(block, receipts, transaction, index, False, self.chain.get_vm())

    def logs(self, **wanted: Any) -> list[dict[str, Any]]:
        """The logs that match a filter, in order."""
        return [log for log in self._logs if check_if_log_matches(log, **wanted)]

    def call(self, transaction: Mapping[str, Any], block_number: int | str = "latest") -> bytes:
        latest = block_number in ("latest", "safe", "finalized", "pending")
        head = self.chain.get_canonical_head()
        header = head if latest else pyevm._get_block_by_number(self.chain, block_number).header
        # A call costs its caller nothing, and one on the latest state sees the time of the next block.
        header = header.copy(timestamp=self.clock if latest else header.timestamp, base_fee_per_gas=0)
        free = {"gas": BLOCK_GAS_LIMIT, "max_fee_per_gas": 0, "max_priority_fee_per_gas": 0}
        fields = {**free, **{key: value for key, value in transaction.items() if key != "gas_price"}}
        vm = self.chain.get_vm(at_header=header)
        fields["nonce"] = vm.state.get_nonce(transaction["from"])
        unsigned = self._get_normalized_and_unsigned_evm_transaction(fields)
        snapshot = vm.state.snapshot()
        computation = vm.state.apply_transaction(SpoofTransaction(unsigned, from_=transaction["from"]))
        vm.state.revert(snapshot)
        if computation.is_error:
            # Not eth-tester's own exception, which web3 would rewrite and so lose the data.
            raise CallFailed(_revert_of(computation))
        return bytes(computation.output)


def _revert_of(computation: Any) -> Revert:
    error = computation.error
    message = "execution reverted" if computation.output else f"{type(error).__name__}: {error}"
    return Revert(bytes(computation.output), message)


class _Tester(EthereumTester):  # type: ignore[misc]
    def get_logs(self, **wanted: Any) -> list[Any]:
        """Logs by the backend's own list; without bounds, those of the latest block."""
        first, last, addresses, topics = self.normalizer.normalize_inbound_filter_params(
            **{"from_block": None, "to_block": None, "address": None, "topics": None, **wanted}
        )
        head = self.get_block_by_number("latest")["number"]
        found = self.backend.logs(
            from_block=first if isinstance(first, int) else head,
            to_block=last if isinstance(last, int) else head,
            addresses=addresses,
            topics=topics,
        )
        return [self.normalizer.normalize_outbound_log_entry(log) for log in found]


class EmbeddedProvider(EthereumTesterProvider):
    """The embedded chain behind web3's provider interface; one request at a time."""

    def __init__(self, start: int | None = None) -> None:
        self.backend = EmbeddedBackend(int(time.time()) if start is None else start)
        super().__init__(_Tester(self.backend))
        self.lock = RLock()

    def make_request(self, method: Any, params: Any) -> Any:
        with self.lock:
            return super().make_request(method, params)
