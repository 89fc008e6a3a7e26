"""Transactions on a real node: fees of every era, nonces under pressure, reverts, signatures of contracts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3

from evgi_client.chain import Chain
from evgi_client.errors import (
    ChainUnreachableError,
    ContractError,
    EvgiError,
    InsufficientFundsError,
    NonceTakenError,
    TransactionTimeoutError,
)
from evgi_client.signing import LocalSigner

SINK = "0x" + "5e" * 20

ECHO_REVERT = bytes.fromhex("365f5f37365ffd")
"""Reverts with what it is called with."""
ECHO_RETURN = bytes.fromhex("365f5f37365ff3")
"""Returns what it is called with."""


def place(chain: Chain, signer: LocalSigner, code: bytes) -> str:
    init = bytes.fromhex(f"60{len(code):02x}80600a3d393df3").ljust(10, b"\x00") + code
    address = chain.send(signer, to=None, data=init).contract_address
    assert address is not None
    return address


@pytest.fixture(params=["embedded", "anvil"])
def either(request: pytest.FixtureRequest) -> Chain:
    """Each test once on the embedded chain and once on a node: they must say the same."""
    if request.param == "embedded":
        return Chain.embedded()
    return request.getfixturevalue("anvil_chain")  # type: ignore[no-any-return]


@pytest.fixture
def signer(either: Chain) -> LocalSigner:
    signer = LocalSigner.create()
    either.faucet(signer.address, 10**20)
    return signer


class TestReverts:
    @pytest.mark.parametrize("gas", [None, 100_000])
    @pytest.mark.parametrize(
        ("data", "shown"),
        [
            ("08c379a0" + "20".zfill(64) + "02".zfill(64) + "6e6f".ljust(64, "0"), "Error(message=no)"),
            ("4e487b71" + "11".zfill(64), "Panic(code=17, meaning=arithmetic overflow or underflow)"),
            ("4e487b71" + "99".zfill(64), "Panic(code=153, meaning=unknown)"),
            (
                "16d6142c" + "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed".zfill(64),
                "NotMember(account=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed)",
            ),
            ("deadbeef" + "01".zfill(64), "unknown(data=0xdeadbeef" + "01".zfill(64)),
            ("16d6142c" + "01", "unknown(data=0x16d6142c01"),
            ("", "unknown("),
        ],
    )
    def test_every_kind_by_name(
        self, either: Chain, signer: LocalSigner, data: str, shown: str, gas: int | None
    ) -> None:
        address = place(either, signer, ECHO_REVERT)
        with pytest.raises(ContractError) as caught:
            either.send(signer, to=address, data=bytes.fromhex(data), gas=gas, contract="Echo")
        assert str(caught.value).startswith(f"Echo: {shown}")
        assert caught.value.data == bytes.fromhex(data)

    def test_the_same_error_name_on_both(self, either: Chain, signer: LocalSigner) -> None:
        manager = either.deploy("AccessManager", [signer.address], signer)
        for gas in (None, 200_000):
            with pytest.raises(ContractError) as caught:
                manager.transact("labelRole", 0, "x", signer=signer, gas=gas)
            assert str(caught.value) == "AccessManager: AccessManagerLockedRole(roleId=0)"

    def test_a_contract_without_a_name_is_its_address(self, either: Chain, signer: LocalSigner) -> None:
        address = place(either, signer, ECHO_REVERT)
        with pytest.raises(ContractError) as caught:
            either.call(address, b"")
        assert caught.value.contract == address


class TestFees:
    def test_a_base_fee_makes_it_eip_1559(self, either: Chain, signer: LocalSigner) -> None:
        prepared = either.prepare(signer, to=SINK, value=1)
        fields = TypedTransaction.from_bytes(HexBytes(prepared.raw)).as_dict()
        assert (fields["type"], fields["chainId"]) == (2, either.chain_id)
        base = either.web3.eth.get_block("latest")["baseFeePerGas"]
        assert fields["maxFeePerGas"] == 2 * base + fields["maxPriorityFeePerGas"]
        either.discard(prepared)

    def test_before_london_it_is_legacy(self, start_anvil: Callable[..., str]) -> None:
        chain = Chain.connect(start_anvil(hardfork="berlin"))
        signer = LocalSigner.create()
        chain.faucet(signer.address, 10**18)
        prepared = chain.prepare(signer, to=SINK, value=1)
        assert prepared.raw[0] >= 0xC0  # an RLP list: no type byte
        chain.broadcast(prepared)
        assert chain.wait(prepared.hash).gas_price > 0

    def test_a_consortium_may_charge_nothing(self, start_anvil: Callable[..., str]) -> None:
        for hardfork in ("berlin", "prague"):
            chain = Chain.connect(start_anvil("--gas-price", "0", "--base-fee", "0", hardfork=hardfork))
            poor = LocalSigner.create()
            receipt = chain.send(poor, to=SINK)
            assert (receipt.succeeded, receipt.gas_price) == (True, 0)
            assert chain.balance(poor.address) == 0

    def test_who_cannot_pay_is_named(self, either: Chain) -> None:
        poor = LocalSigner.create()
        with pytest.raises(InsufficientFundsError) as caught:
            either.send(poor, to=SINK, gas=21_000)
        assert caught.value.sender == poor.address


class TestNonces:
    def test_threads_share_a_sender(self, either: Chain, signer: LocalSigner) -> None:
        landed: list[str] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(5):
                    receipt = either.send(signer, to=SINK, value=1, gas=21_000)
                    landed.append(receipt.transaction_hash)
            except EvgiError as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert len(set(landed)) == 20
        assert either.nonce(signer.address) == 20

    def test_two_connections_share_a_sender(self, anvil: str, anvil_chain: Chain) -> None:
        signer = LocalSigner.create()
        anvil_chain.faucet(signer.address, 10**20)
        other = Chain.connect(anvil)
        first = anvil_chain.prepare(signer, to=SINK, value=1)
        assert other.send(signer, to=SINK, value=2).succeeded
        with pytest.raises(NonceTakenError):
            anvil_chain.broadcast(first)
        for chain in (anvil_chain, other, anvil_chain):
            assert chain.send(signer, to=SINK, value=3).succeeded
        assert other.nonce(signer.address) == 4

    def test_a_lost_race_is_run_again(self, anvil: str, anvil_chain: Chain) -> None:
        other = Chain.connect(anvil)

        class Racing(LocalSigner):
            """Loses the race once: while it signs, another process sends under the same nonce."""

            lost = False

            def sign_transaction(self, transaction: object) -> bytes:
                raw = super().sign_transaction(transaction)  # type: ignore[arg-type]
                if not Racing.lost:
                    Racing.lost = True
                    other.send(LocalSigner.from_key(key), to=SINK, value=9)
                return raw

        key = b"\x07" * 31 + bytes([time.time_ns() % 256])
        racing = Racing.from_key(key)
        anvil_chain.faucet(racing.address, 10**20)
        before = anvil_chain.nonce(racing.address)
        assert anvil_chain.send(racing, to=SINK, value=1, gas=21_000).succeeded
        assert anvil_chain.nonce(racing.address) == before + 2

    def test_a_transaction_that_waits_holds_its_nonce(self, start_anvil: Callable[..., str]) -> None:
        url = start_anvil("--no-mining")
        chain, other = Chain.connect(url), Chain.connect(url)
        rich = LocalSigner.create()
        chain.web3.manager.request_blocking("anvil_setBalance", [rich.address, hex(10**20)])  # type: ignore[arg-type]
        waiting = chain.prepare(rich, to=SINK, value=1, gas=21_000)
        rival = other.prepare(rich, to=SINK, value=2, gas=21_000)
        assert waiting.nonce == rival.nonce

        chain.broadcast(waiting)
        chain.broadcast(waiting)
        with pytest.raises(NonceTakenError):
            other.broadcast(rival)
        with pytest.raises(TransactionTimeoutError) as caught:
            chain.wait(waiting.hash, timeout=0.3)
        assert caught.value.transaction_hash == waiting.hash
        assert other.prepare(rich, to=SINK, gas=21_000).nonce == waiting.nonce + 1

        chain.web3.manager.request_blocking("evm_mine", [])  # type: ignore[arg-type]
        assert chain.wait(waiting.hash, timeout=5).succeeded
        assert chain.balance(SINK) == 1

    def test_a_node_that_is_away_leaves_no_gap(self, start_anvil: Callable[..., str]) -> None:
        chain = Chain.connect(start_anvil(), retries=0)
        signer = LocalSigner.create()
        chain.faucet(signer.address, 10**20)
        prepared = chain.prepare(signer, to=SINK, value=1)
        provider = chain.web3.provider
        url, provider._url = provider._url, "http://127.0.0.1:9"  # type: ignore[attr-defined]
        with pytest.raises(ChainUnreachableError):
            chain.broadcast(prepared)
        provider._url = url  # type: ignore[attr-defined]
        assert chain.prepare(signer, to=SINK, value=1).nonce == prepared.nonce
        chain.broadcast(prepared)
        assert chain.wait(prepared.hash).succeeded


class TestWaiting:
    def test_it_does_not_spin(self, start_anvil: Callable[..., str]) -> None:
        chain = Chain.connect(start_anvil("--block-time", "1"))
        signer = LocalSigner.create()
        chain.faucet(signer.address, 10**20)
        asked = []
        ask = chain._transactions.receipt
        chain._transactions.receipt = lambda each: (asked.append(each), ask(each))[1]  # type: ignore[method-assign]
        chain.send(signer, to=SINK, value=1, gas=21_000)
        assert 1 <= len(asked) <= 12


class TestContractSignatures:
    DIGEST = b"\x0d" * 32
    MAGIC = "1626ba7e" + "00" * 28

    def wallet(self, chain: Chain, signer: LocalSigner, answer: str) -> str:
        """A contract that answers every call with these bytes."""
        word, length = answer.ljust(64, "0"), len(answer) // 2
        return place(chain, signer, bytes.fromhex(f"7f{word}5f5260{length:02x}5ff3"))

    def test_the_magic_value_is_yes(self, either: Chain, signer: LocalSigner) -> None:
        wallet = self.wallet(either, signer, self.MAGIC)
        assert either.is_valid_signature(wallet, self.DIGEST, b"\x01" * 65)

    @pytest.mark.parametrize(
        "answer", ["ffffffff" + "00" * 28, "1626ba7e", "1626ba7e" + "00" * 27 + "01", ""]
    )
    def test_anything_else_is_no(self, either: Chain, signer: LocalSigner, answer: str) -> None:
        wallet = self.wallet(either, signer, answer)
        assert not either.is_valid_signature(wallet, self.DIGEST, b"\x01" * 65)

    def test_a_revert_is_no(self, either: Chain, signer: LocalSigner) -> None:
        assert not either.is_valid_signature(place(either, signer, ECHO_REVERT), self.DIGEST, b"")

    def test_an_account_without_code_is_no(self, either: Chain, signer: LocalSigner) -> None:
        assert not either.is_valid_signature(signer.address, self.DIGEST, b"\x01" * 65)

    def test_it_is_asked_the_right_thing(self, either: Chain, signer: LocalSigner) -> None:
        echo = place(either, signer, ECHO_RETURN)
        asked = either.call(echo, bytes.fromhex("1626ba7e") + self.DIGEST)
        assert asked[:4] == bytes.fromhex("1626ba7e")
        # An echo returns its whole input: longer than an answer may be.
        assert not either.is_valid_signature(echo, self.DIGEST, b"\x01" * 65)


def test_the_chain_of_anothers_web3(anvil: str) -> None:
    chain = Chain.from_web3(Web3(HTTPProvider(anvil)))
    signer = LocalSigner.create()
    chain.faucet(signer.address, 10**20)
    manager = chain.deploy("AccessManager", [signer.address], signer)
    with pytest.raises(ContractError) as caught:
        manager.call("labelRole", 0, "x", sender=signer.address)
    assert caught.value.name == "AccessManagerLockedRole"
    assert anvil in repr(chain)


def test_a_large_transaction_passes(either: Chain, signer: LocalSigner) -> None:
    data = bytes(range(1, 256)) * 470
    assert len(data) > 119_000
    receipt = either.send(signer, to=SINK, data=data, gas=6_000_000)
    assert either.calldata_of(receipt.transaction_hash) == data
