"""One chain, embedded or behind JSON-RPC: deploy, call, transact, read events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_utils.address import to_checksum_address

from evgi_client.chain.abi import Abi
from evgi_client.chain.artifacts import Artifact
from evgi_client.chain.contract import ContractHandle
from evgi_client.chain.events import in_chunks
from evgi_client.chain.reverts import CallFailed, Revert, contract_error
from evgi_client.chain.rpc import HttpProvider, Node
from evgi_client.chain.transactions import Log, PreparedTransaction, Receipt, Transactions, TransactionSigner
from evgi_client.errors import (
    ChainError,
    ChainMismatchError,
    ClockNotOursError,
    ContractError,
    NonceTakenError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from web3 import Web3

    from evgi_client.chain.embedded import EmbeddedProvider

WAIT = 120.0
"""Seconds to wait for a receipt."""

_EIP1271_MAGIC = bytes.fromhex("1626ba7e")
_IS_VALID_SIGNATURE = Abi(
    "IERC1271",
    [
        {
            "type": "function",
            "name": "isValidSignature",
            "inputs": [{"name": "hash", "type": "bytes32"}, {"name": "signature", "type": "bytes"}],
            "outputs": [{"name": "magicValue", "type": "bytes4"}],
            "stateMutability": "view",
        }
    ],
)


class Chain:
    """A chain to deploy on, call and read. Made by ``embedded``, ``connect`` or ``from_web3``."""

    def __init__(self, node: Node, embedded: EmbeddedProvider | None = None) -> None:
        self._node = node
        self._embedded = embedded
        self.chain_id: int = node.ask("eth_chainId", lambda: int(node.eth.chain_id))
        in_process = embedded is not None or hasattr(node.web3.provider, "ethereum_tester")
        self._in_process = in_process
        self._transactions = Transactions(node, self.chain_id, polls=not in_process)
        self._genesis: str | None = None

    @classmethod
    def embedded(cls, start: int | None = None) -> Chain:
        """A new chain in this process whose clock begins at ``start`` (Unix seconds; now where not given)."""
        # Here and not above: py-evm takes a second to import, and a chain behind JSON-RPC does not need it.
        from evgi_client.chain.embedded import ENGINE_ERRORS, EmbeddedProvider

        provider = EmbeddedProvider(start)
        return cls(Node.of(provider, ENGINE_ERRORS), provider)

    @classmethod
    def connect(
        cls, rpc_url: str, *, chain_id: int | None = None, timeout: float = 60.0, retries: int = 5
    ) -> Chain:
        """A chain behind a JSON-RPC node.

        Args:
            chain_id: the chain that is meant; any where not given.
            timeout: seconds the node may take to answer.
            retries: how often a request that may safely be repeated is.

        Raises:
            ChainUnreachableError: the node does not answer, or the URL is none.
            ChainMismatchError: it serves another chain.
        """
        chain = cls(Node.of(HttpProvider(rpc_url, timeout=(5.0, timeout), retries=retries)))
        return chain._meant(chain_id)

    @classmethod
    def from_web3(cls, web3: Web3, *, chain_id: int | None = None) -> Chain:
        """The chain that a web3 instance is connected to. Its provider is used; its middleware is not."""
        engine_errors: tuple[type[Exception], ...] = ()
        if hasattr(web3.provider, "ethereum_tester"):
            from evgi_client.chain.embedded import ENGINE_ERRORS

            engine_errors = ENGINE_ERRORS
        return cls(Node.of(web3.provider, engine_errors))._meant(chain_id)

    def _meant(self, chain_id: int | None) -> Chain:
        if chain_id is not None and chain_id != self.chain_id:
            raise ChainMismatchError(chain_id, self.chain_id)
        return self

    def __repr__(self) -> str:
        return f"<Chain {self.chain_id} at {'this process' if self._embedded else self._node.endpoint}>"

    @property
    def web3(self) -> Web3:
        """The web3 instance beneath, for what this class does not cover."""
        return self._node.web3

    # Time and blocks

    @property
    def is_embedded(self) -> bool:
        return self._embedded is not None

    def now(self) -> int:
        """The chain's time: of the latest block, or on the embedded chain, of the next one."""
        if self._embedded is not None:
            return self._embedded.backend.clock
        return self.timestamp_of(self.head())

    def advance_to(self, timestamp: int) -> None:
        """Moves the embedded chain's clock forward: the next block and calls until then are at ``timestamp``.

        Raises:
            ClockBackwardsError: the clock is past that time.
            ClockNotOursError: on any other chain.
        """
        if self._embedded is None:
            raise ClockNotOursError(f"the clock of {self!r} is its nodes'")
        with self._embedded.lock:
            self._embedded.backend.advance_to(timestamp)

    def snapshot(self) -> Any:
        """Marks the embedded chain's state and time, to come back to with ``revert_to``."""
        embedded = self._own_state()
        return embedded.ethereum_tester.take_snapshot(), embedded.backend.clock

    def revert_to(self, snapshot: Any) -> None:
        """Puts the embedded chain, its clock too, back to where it was when the snapshot was taken."""
        embedded = self._own_state()
        taken, clock = snapshot
        with embedded.lock:
            embedded.ethereum_tester.revert_to_snapshot(taken)
            embedded.backend.advance_to(clock)
        self._transactions.nonces.clear()

    def _own_state(self) -> Any:
        if self._embedded is None:
            raise ClockNotOursError(f"the state of {self!r} is its nodes'")
        return self._embedded

    def head(self) -> int:
        """Number of the latest block."""
        return self._node.ask("eth_blockNumber", lambda: int(self._node.eth.block_number))

    def block_hash(self, number: int) -> str:
        return "0x" + bytes(self._block(number)["hash"]).hex()

    def timestamp_of(self, number: int) -> int:
        """When a block was made, Unix seconds."""
        return int(self._block(number)["timestamp"])

    def _block(self, number: int | str) -> Mapping[str, Any]:
        return self._node.ask("eth_getBlockByNumber", lambda: self._node.eth.get_block(number))  # type: ignore[arg-type]

    @property
    def genesis_hash(self) -> str:
        """Hash of block 0: tells chains apart that share a chain id."""
        if self._genesis is None:
            self._genesis = self.block_hash(0)
        return self._genesis

    # Accounts

    def balance(self, address: str) -> int:
        """Wei an account holds."""
        return self._node.ask(
            "eth_getBalance", lambda: int(self._node.eth.get_balance(to_checksum_address(address)))
        )

    def code(self, address: str) -> bytes:
        """An account's code; empty where it has none."""
        return self._node.ask(
            "eth_getCode", lambda: bytes(self._node.eth.get_code(to_checksum_address(address)))
        )

    def nonce(self, address: str) -> int:
        """How many transactions of an account are in blocks."""
        account = to_checksum_address(address)
        return self._node.ask(
            "eth_getTransactionCount", lambda: int(self._node.eth.get_transaction_count(account))
        )

    def unlocked_accounts(self) -> list[str]:
        """Accounts whose keys the node itself holds: those of the embedded chain and of development nodes."""
        return self._node.ask(
            "eth_accounts", lambda: [to_checksum_address(each) for each in self._node.eth.accounts]
        )

    def faucet(self, to: str, wei: int) -> Receipt:
        """Pays native coin out of the first unlocked account.

        Raises:
            ChainError: the node has none.
        """
        accounts = self.unlocked_accounts()
        if not accounts:
            raise ChainError(f"{self!r} has no unlocked account to pay from")
        fields: Any = {"from": accounts[0], "to": to_checksum_address(to), "value": wei, "gas": 21_000}
        # Given, because web3 would assume that the chain has a base fee.
        fields.update(self._transactions.fees(accounts[0]))
        sent = self._node.ask("eth_sendTransaction", lambda: self._node.eth.send_transaction(fields))
        return self.wait("0x" + bytes(sent).hex())

    def fund(self, signer: TransactionSigner, to: str, wei: int) -> Receipt:
        """Pays native coin out of a signer's account."""
        return self.send(signer, to=to, value=wei, gas=None)

    # Contracts

    def contract(self, name: str | Artifact, address: str) -> ContractHandle:
        """A contract already on the chain.

        Raises:
            ArtifactMissingError: no artifact of this name.
        """
        artifact = name if isinstance(name, Artifact) else Artifact.load(name)
        return ContractHandle(self, artifact.name, artifact.abi, to_checksum_address(address))

    def deploy(
        self,
        name: str | Artifact,
        args: Sequence[object],
        signer: TransactionSigner,
        *,
        gas: int | None = None,
    ) -> ContractHandle:
        """Deploys a contract and waits for it.

        Raises:
            ContractError: its constructor reverted.
        """
        artifact = name if isinstance(name, Artifact) else Artifact.load(name)
        data = artifact.creation(args)
        receipt = self.send(signer, to=None, data=data, gas=gas, contract=artifact.name, abi=artifact.abi)
        if receipt.contract_address is None:
            raise ChainError(f"transaction {receipt.transaction_hash} created no contract")
        return ContractHandle(self, artifact.name, artifact.abi, receipt.contract_address, receipt)

    def call(
        self,
        to: str | None,
        data: bytes,
        *,
        sender: str | None = None,
        value: int = 0,
        block: int | None = None,
        contract: str | None = None,
        abi: Abi | None = None,
    ) -> bytes:
        """Runs a call and returns what it returned.

        Raises:
            ContractError: it reverted.
        """
        fields = self._fields(to, data, sender, value)
        try:
            return self._node.ask(
                "eth_call", lambda: bytes(self._node.eth.call(fields, "latest" if block is None else block))
            )
        except CallFailed as failure:
            revert = failure.revert
        raise contract_error(revert, contract or to or "constructor", abi)

    def _fields(self, to: str | None, data: bytes, sender: str | None, value: int) -> Any:
        fields: dict[str, Any] = {"data": "0x" + data.hex(), "value": value}
        if to is not None:
            fields["to"] = to_checksum_address(to)
        fields["from"] = to_checksum_address(sender) if sender else "0x" + "00" * 20
        return fields

    # Transactions

    def gas_for(
        self,
        sender: str,
        to: str | None,
        data: bytes,
        value: int = 0,
        *,
        contract: str | None = None,
        abi: Abi | None = None,
    ) -> int:
        """Gas limit for a transaction: the node's estimate and a fifth more, at most what a block holds.

        In process an estimate is slow: the transaction is tried as a call, and the limit is the block's.

        Raises:
            ContractError: the transaction would revert.
        """
        limit = int(self._block("latest")["gasLimit"])
        if self._in_process:
            self.call(to, data, sender=sender, value=value, contract=contract, abi=abi)
            return limit
        fields = self._fields(to, data, sender, value)
        try:
            estimate = self._node.ask("eth_estimateGas", lambda: int(self._node.eth.estimate_gas(fields)))
        except CallFailed as failure:
            revert = failure.revert
        else:
            return min(estimate + estimate // 5, limit)
        raise contract_error(revert, contract or to or "constructor", abi)

    def spare_gas(self) -> int | None:
        """A gas limit for transactions that need no trial: the block's on the embedded chain, where gas costs nobody
        anything and a trial takes as long as the transaction. None on every other chain."""
        return int(self._block("latest")["gasLimit"]) if self.is_embedded else None

    def prepare(
        self,
        signer: TransactionSigner,
        *,
        to: str | None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
        contract: str | None = None,
        abi: Abi | None = None,
    ) -> PreparedTransaction:
        """Signs a transaction without sending it: save it, then ``broadcast`` it, then ``wait`` for its hash.

        Its nonce stays taken: a transaction that will not be broadcast must be given to ``discard``.

        Raises:
            ContractError: it would revert (not looked at where ``gas`` is given).
        """
        if gas is None:
            gas = self.gas_for(signer.address, to, data, value, contract=contract, abi=abi)
        return self._transactions.prepare(signer, to=to, data=data, value=value, gas=gas)

    def discard(self, prepared: PreparedTransaction) -> None:
        """Gives up a prepared transaction that was never broadcast, and frees its nonce."""
        self._transactions.nonces.release(prepared.sender, prepared.nonce)

    def broadcast(self, prepared: PreparedTransaction) -> None:
        """Sends a prepared transaction; to send it again is harmless.

        Raises:
            NonceTakenError: another transaction has its nonce; prepare a new one.
            InsufficientFundsError: the sender cannot pay.
        """
        self._transactions.broadcast(prepared)

    def is_known(self, transaction_hash: str) -> bool:
        """Does the node have this transaction, in a block or waiting for one?"""
        return self._transactions.is_known(transaction_hash)

    def calldata_of(self, transaction_hash: str) -> bytes | None:
        """The data that a transaction was sent with; None where the node does not have it."""
        return self._transactions.calldata_of(transaction_hash)

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """The receipt of a transaction, failed ones too; None while it is in no block."""
        return self._transactions.receipt(transaction_hash)

    def wait(
        self,
        transaction_hash: str,
        timeout: float = WAIT,
        *,
        contract: str | None = None,
        abi: Abi | None = None,
    ) -> Receipt:
        """Waits until a transaction is in a block.

        Raises:
            TransactionTimeoutError: it is not, after ``timeout`` seconds.
            ContractError: it is, and reverted.
        """
        receipt = self._transactions.wait(transaction_hash, timeout)
        if not receipt.succeeded:
            raise self._failure(receipt, contract, abi)
        return receipt

    def send(
        self,
        signer: TransactionSigner,
        *,
        to: str | None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
        contract: str | None = None,
        abi: Abi | None = None,
    ) -> Receipt:
        """Signs, sends and waits for a transaction.

        Raises:
            ContractError: it reverted, or would.
        """
        if gas is None:
            gas = self.gas_for(signer.address, to, data, value, contract=contract, abi=abi)
        for attempt in range(3):
            with self._transactions.nonces.lock(signer.address):
                prepared = self._transactions.prepare(signer, to=to, data=data, value=value, gas=gas)
                try:
                    self._transactions.broadcast(prepared)
                    break
                except NonceTakenError:
                    if attempt == 2:
                        raise
        return self.wait(prepared.hash, contract=contract, abi=abi)

    def _failure(self, receipt: Receipt, contract: str | None, abi: Abi | None) -> ContractError:
        return contract_error(self._why(receipt), contract or "transaction", abi)

    def _why(self, receipt: Receipt) -> Revert:
        transaction_hash = bytes.fromhex(receipt.transaction_hash[2:])
        if self._embedded is not None:
            return self._embedded.backend.failures[transaction_hash]
        # A receipt does not say why: the transaction is run again, as a call on the state before its block.
        hash_: Any = transaction_hash
        sent = self._node.ask("eth_getTransactionByHash", lambda: self._node.eth.get_transaction(hash_))
        fields: Any = {
            "from": sent["from"],
            "data": sent["input"],
            "value": sent["value"],
            "gas": sent["gas"],
        }
        if sent.get("to"):
            fields["to"] = sent["to"]
        try:
            self._node.ask("eth_call", lambda: self._node.eth.call(fields, receipt.block_number - 1))
        except CallFailed as failure:
            return failure.revert
        except ChainError as error:
            return Revert(b"", f"{receipt.transaction_hash} failed; the node cannot say why: {error}")
        return Revert(b"", f"{receipt.transaction_hash} failed in its block and passes when run alone")

    # Events and signatures

    def logs(
        self,
        address: str | Sequence[str] | None,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
        from_block: int = 0,
        to_block: int | None = None,
    ) -> list[Log]:
        """Logs of an address, of several or of any, with these topics, in order, to the latest block."""
        wanted: dict[str, Any] = {"topics": [_hex_topic(topic) for topic in topics]}
        if isinstance(address, str):
            wanted["address"] = to_checksum_address(address)
        elif address is not None:
            wanted["address"] = [to_checksum_address(each) for each in address]

        def fetch(first: int, last: int) -> list[Log]:
            span: Any = {**wanted, "fromBlock": first, "toBlock": last}
            return [
                Log.of(log) for log in self._node.ask("eth_getLogs", lambda: self._node.eth.get_logs(span))
            ]

        return list(in_chunks(from_block, self.head() if to_block is None else to_block, fetch))

    def is_valid_signature(self, address: str, digest: bytes, signature: bytes) -> bool:
        """Does a contract account accept this signature (EIP-1271)? False for an account without code."""
        if not self.code(address):
            return False
        data = _IS_VALID_SIGNATURE.encode_call("isValidSignature", (digest, signature))
        try:
            answer = self.call(address, data)
        except ContractError:
            return False
        return len(answer) == 32 and answer[:4] == _EIP1271_MAGIC and not any(answer[4:])


def _hex_topic(topic: bytes | Sequence[bytes] | None) -> Any:
    if topic is None:
        return None
    if isinstance(topic, bytes):
        return "0x" + topic.hex()
    return ["0x" + each.hex() for each in topic]
