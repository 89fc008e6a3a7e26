"""A chain inside this process: eth-tester on py-evm, with a clock of its own.

The clock does not follow the wall: it stands at the time that the next block will carry. A block is one second after
its parent unless the clock was moved, and a call sees the time that a transaction sent now would see.
"""

from __future__ import annotations

import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from eth.exceptions import PyEVMError
from eth.vm.spoof import SpoofTransaction
from eth_tester import EthereumTester
from eth_tester.backends.pyevm.main import PyEVMBackend
from eth_tester.exceptions import TransactionFailed, ValidationError
from eth_utils.address import to_checksum_address
from web3.providers.eth_tester import EthereumTesterProvider

from evgi_client.chain.reverts import CallFailed, Revert
from evgi_client.errors import ClockBackwardsError

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK_GAS_LIMIT = 500_000_000
"""Far above public chains', so that a large batch fits a block whatever its size."""

ACCOUNTS = 10

ENGINE_ERRORS: tuple[type[Exception], ...] = (PyEVMError, ValidationError, TransactionFailed)
"""What py-evm and eth-tester raise where a node would answer with an error."""


class EmbeddedBackend(PyEVMBackend):  # type: ignore[misc]
    """py-evm whose block times come from ``clock`` and which remembers why a transaction failed."""

    def __init__(self, start: int) -> None:
        self.failures: dict[bytes, Revert] = {}
        parameters = self.generate_genesis_params({"gas_limit": BLOCK_GAS_LIMIT, "timestamp": start - 1})
        super().__init__(
            genesis_parameters=parameters, genesis_state=self.generate_genesis_state(num_accounts=ACCOUNTS)
        )
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
        parent = self.chain.get_canonical_head()
        self.chain.set_header_timestamp(parent.timestamp + 1)

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> tuple[bytes, ...]:
        hashes: tuple[bytes, ...] = ()
        for _ in range(num_blocks):
            hashes += super().mine_blocks(1, coinbase)
            # py-evm stamps the next header with the wall clock.
            self._follow_parent()
        return hashes

    def revert_to_snapshot(self, snapshot: bytes) -> None:
        super().revert_to_snapshot(snapshot)
        self._follow_parent()

    def send_raw_transaction(self, raw_transaction: bytes) -> bytes:
        transaction = self.chain.get_vm().get_transaction_builder().decode(raw_transaction)
        return self._apply(transaction)

    def send_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        return self._apply(self._get_normalized_and_signed_evm_transaction(transaction))

    def _apply(self, transaction: Any) -> bytes:
        _, _, computation = self.chain.apply_transaction(transaction)
        if computation.is_error:
            self.failures[transaction.hash] = _revert_of(computation)
        return bytes(transaction.hash)

    def call(self, transaction: Mapping[str, Any], block_number: int | str = "latest") -> bytes:
        head = block_number == "latest"
        header = self.chain.get_canonical_head() if head else self._header(block_number)
        # A call costs its caller nothing, and one on the latest state sees the time of the next block.
        header = header.copy(timestamp=self.clock if head else header.timestamp, base_fee_per_gas=0)
        free = {"gas": BLOCK_GAS_LIMIT, "max_fee_per_gas": 0, "max_priority_fee_per_gas": 0}
        filled = {**free, **{key: value for key, value in transaction.items() if key != "gas_price"}}
        unsigned = self._get_normalized_and_unsigned_evm_transaction(filled, block_number)
        state = self.chain.get_vm(at_header=header).state
        snapshot = state.snapshot()
        computation = state.apply_transaction(SpoofTransaction(unsigned, from_=transaction["from"]))
        state.revert(snapshot)
        if computation.is_error:
            # Not eth-tester's own exception, which web3 would rewrite and so lose the data.
            raise CallFailed(_revert_of(computation))
        return bytes(computation.output)

    def _header(self, block_number: int | str) -> Any:
        return self.chain.get_canonical_block_header_by_number(0 if block_number == "earliest" else block_number)


def _revert_of(computation: Any) -> Revert:
    error = computation.error
    message = "execution reverted" if computation.output else f"{type(error).__name__}: {error}"
    return Revert(bytes(computation.output), message)


class EmbeddedProvider(EthereumTesterProvider):
    """The embedded chain behind web3's provider interface; one request at a time."""

    def __init__(self, start: int | None = None) -> None:
        self.backend = EmbeddedBackend(int(time.time()) if start is None else start)
        super().__init__(EthereumTester(self.backend))
        self.lock = RLock()

    def make_request(self, method: Any, params: Any) -> Any:
        with self.lock:
            return super().make_request(method, params)

    def accounts(self) -> list[str]:
        return [to_checksum_address(account) for account in self.backend.get_accounts()]
