"""The embedded chain: its clock, its state, and what it says of a failure."""

from __future__ import annotations

import pickle
import time

import pytest
from web3 import EthereumTesterProvider, Web3

from evgi_client.chain import Chain, ContractHandle
from evgi_client.errors import (
    ClockBackwardsError,
    ClockNotOursError,
    ContractError,
    InsufficientFundsError,
    NonceTakenError,
    TransactionTimeoutError,
)
from evgi_client.signing import LocalSigner

HISTORIC = 1_545_000_000

RETURN_TIMESTAMP = bytes.fromhex("425f5260205ff3")
STORE_TIMESTAMP = bytes.fromhex("425f555f545f5260205ff3")
"""Stores block.timestamp in slot 0."""


def creation(code: bytes) -> bytes:
    """Init code that deploys ``code`` as it is."""
    return bytes.fromhex(f"60{len(code):02x}80600a3d393df3").ljust(10, b"\x00") + code


def place(chain: Chain, signer: LocalSigner, code: bytes) -> str:
    address = chain.send(signer, to=None, data=creation(code)).contract_address
    assert address is not None
    assert chain.code(address) == code
    return address


@pytest.fixture
def historic() -> Chain:
    return Chain.embedded(start=HISTORIC)


@pytest.fixture
def signer(historic: Chain) -> LocalSigner:
    signer = LocalSigner.create()
    historic.faucet(signer.address, 10**21)
    return signer


@pytest.fixture(scope="module")
def token(chain: Chain, signers: list[LocalSigner]) -> ContractHandle:
    manager = chain.deploy("AccessManager", [signers[0].address], signers[0])
    return chain.deploy("ClearingToken", [manager.address], signers[0])


class TestClock:
    def test_it_begins_where_told(self, historic: Chain) -> None:
        assert historic.now() == HISTORIC
        receipt = historic.faucet("0x" + "11" * 20, 1)
        assert historic.timestamp_of(receipt.block_number) == HISTORIC
        assert historic.now() == HISTORIC + 1

    def test_it_begins_now_where_not_told(self) -> None:
        assert abs(Chain.embedded().now() - time.time()) < 60

    def test_blocks_are_a_second_apart(self, historic: Chain) -> None:
        for passed in range(5):
            receipt = historic.faucet("0x" + "11" * 20, 1)
            assert historic.timestamp_of(receipt.block_number) == HISTORIC + passed

    def test_a_call_and_a_transaction_see_the_clock(self, historic: Chain, signer: LocalSigner) -> None:
        reader = place(historic, signer, RETURN_TIMESTAMP)
        writer = place(historic, signer, STORE_TIMESTAMP)
        for ahead in (0, 1, 86_400, 3_000 * 86_400):
            historic.advance_to(historic.now() + ahead)
            now = historic.now()
            assert int.from_bytes(historic.call(reader, b""), "big") == now
            receipt = historic.send(signer, to=writer)
            assert historic.timestamp_of(receipt.block_number) == now
            stored = historic.web3.eth.get_storage_at(Web3.to_checksum_address(writer), 0)
            assert int.from_bytes(stored, "big") == now

    def test_a_call_on_an_old_block_sees_its_time(self, historic: Chain, signer: LocalSigner) -> None:
        reader = place(historic, signer, RETURN_TIMESTAMP)
        block = historic.head()
        historic.advance_to(HISTORIC + 1_000_000)
        historic.faucet(signer.address, 1)
        assert int.from_bytes(historic.call(reader, b"", block=block), "big") == historic.timestamp_of(block)

    def test_it_does_not_go_back(self, historic: Chain) -> None:
        historic.advance_to(HISTORIC + 100)
        historic.advance_to(HISTORIC + 100)
        with pytest.raises(ClockBackwardsError) as caught:
            historic.advance_to(HISTORIC + 99)
        assert (caught.value.now, caught.value.to) == (HISTORIC + 100, HISTORIC + 99)
        assert historic.now() == HISTORIC + 100

    def test_only_our_own_chains_clock_is_moved(self, anvil_chain: Chain) -> None:
        with pytest.raises(ClockNotOursError):
            anvil_chain.advance_to(anvil_chain.now() + 1)
        with pytest.raises(ClockNotOursError):
            anvil_chain.snapshot()


class TestSnapshot:
    def test_state_clock_logs_and_nonces_go_back(self, historic: Chain, signer: LocalSigner) -> None:
        manager = historic.deploy("AccessManager", [signer.address], signer)
        historic.advance_to(HISTORIC + 500)
        taken = historic.snapshot()
        balance, head = historic.balance(signer.address), historic.head()

        for _ in range(2):
            historic.advance_to(HISTORIC + 9_000)
            receipt = manager.transact("grantRole", 1, signer.address, 0, signer=signer)
            assert len(manager.events("RoleGranted")) == 2
            historic.revert_to(taken)

            assert (historic.now(), historic.head()) == (HISTORIC + 500, head)
            assert historic.balance(signer.address) == balance
            assert len(manager.events("RoleGranted")) == 1
            assert historic.receipt(receipt.transaction_hash) is None
            assert not manager.call("hasRole", 1, signer.address).isMember

    def test_back_to_the_beginning(self, historic: Chain) -> None:
        taken = historic.snapshot()
        historic.faucet("0x" + "11" * 20, 5)
        historic.revert_to(taken)
        assert historic.balance("0x" + "11" * 20) == 0
        assert historic.now() == HISTORIC
        historic.faucet("0x" + "11" * 20, 7)
        assert historic.balance("0x" + "11" * 20) == 7


class TestReverts:
    def test_before_it_is_sent(self, chain: Chain, token: ContractHandle, signers: list[LocalSigner]) -> None:
        nonce = chain.nonce(signers[1].address)
        with pytest.raises(ContractError) as caught:
            token.transact("mint", signers[1].address, 5, b"\x01" * 32, signer=signers[1])
        assert chain.nonce(signers[1].address) == nonce
        error = caught.value
        assert (error.contract, error.name) == ("ClearingToken", "MinterCapExceeded")
        assert error.args == {"minter": signers[1].address, "minted": 0, "amount": 5, "cap": 0}
        assert str(error) == (
            f"ClearingToken: MinterCapExceeded(minter={signers[1].address}, minted=0, amount=5, cap=0)"
        )

    def test_after_it_was_sent(self, chain: Chain, token: ContractHandle, signers: list[LocalSigner]) -> None:
        nonce = chain.nonce(signers[1].address)
        with pytest.raises(ContractError) as caught:
            token.transact("mint", signers[1].address, 5, b"\x01" * 32, signer=signers[1], gas=200_000)
        assert chain.nonce(signers[1].address) == nonce + 1
        assert caught.value.name == "MinterCapExceeded"

    def test_of_a_constructor(self, chain: Chain, signers: list[LocalSigner]) -> None:
        with pytest.raises(ContractError) as caught:
            chain.deploy("AccessManager", ["0x" + "00" * 20], signers[0])
        assert caught.value.name == "AccessManagerInvalidInitialAdmin"
        assert caught.value.contract == "AccessManager"

    def test_of_openzeppelin(self, token: ContractHandle, signers: list[LocalSigner]) -> None:
        with pytest.raises(ContractError) as caught:
            token.call("admit", signers[1].address, sender=signers[1].address)
        assert caught.value.name == "AccessManagedUnauthorized"
        assert caught.value.args == {"caller": signers[1].address}

    def test_out_of_gas(self, token: ContractHandle, signers: list[LocalSigner]) -> None:
        with pytest.raises(ContractError, match="OutOfGas") as caught:
            token.transact("admit", signers[3].address, signer=signers[0], gas=30_000)
        assert (caught.value.name, caught.value.data) == ("unknown", b"")

    def test_the_error_survives_pickling(self, token: ContractHandle) -> None:
        with pytest.raises(ContractError) as caught:
            token.call("mint", token.address, 5, b"\x01" * 32)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (str(copy), copy.args, copy.data) == (str(caught.value), caught.value.args, caught.value.data)


class TestTransactions:
    def test_prepared_then_sent_twice_lands_once(self, chain: Chain, signers: list[LocalSigner]) -> None:
        target = "0x" + "22" * 20
        prepared = chain.prepare(signers[0], to=target, value=7)
        assert chain.receipt(prepared.hash) is None
        assert not chain.is_known(prepared.hash)

        chain.broadcast(prepared)
        chain.broadcast(prepared)

        assert chain.wait(prepared.hash).succeeded
        assert chain.balance(target) == 7
        assert chain.calldata_of(prepared.hash) == b""

    def test_a_discarded_one_leaves_no_gap(self, chain: Chain, signers: list[LocalSigner]) -> None:
        prepared = chain.prepare(signers[0], to=signers[1].address, value=1)
        chain.discard(prepared)
        assert chain.fund(signers[0], signers[1].address, 2).succeeded
        with pytest.raises(NonceTakenError) as caught:
            chain.broadcast(prepared)
        assert (caught.value.sender, caught.value.nonce) == (signers[0].address, prepared.nonce)

    def test_one_discarded_from_the_middle_leaves_no_gap(
        self, chain: Chain, signers: list[LocalSigner]
    ) -> None:
        one, two, three = (chain.prepare(signers[6], to=signers[1].address, value=each) for each in (1, 2, 3))
        chain.broadcast(one)
        chain.discard(two)
        again = chain.prepare(signers[6], to=signers[1].address, value=4)
        assert again.nonce == two.nonce
        for each in (again, three):
            chain.broadcast(each)
            assert chain.wait(each.hash).succeeded

    def test_several_prepared_ahead(self, chain: Chain, signers: list[LocalSigner]) -> None:
        prepared = [chain.prepare(signers[0], to=signers[1].address, value=1) for _ in range(3)]
        assert [each.nonce for each in prepared] == list(range(prepared[0].nonce, prepared[0].nonce + 3))
        for each in prepared:
            chain.broadcast(each)
            assert chain.wait(each.hash).succeeded

    def test_who_cannot_pay_is_named(self, chain: Chain) -> None:
        poor = LocalSigner.create()
        with pytest.raises(InsufficientFundsError) as caught:
            chain.send(poor, to=poor.address, gas=21_000)
        assert caught.value.sender == poor.address
        chain.faucet(poor.address, 10**18)
        assert chain.send(poor, to=poor.address, gas=21_000).succeeded

    def test_an_unknown_one_is_not_waited_for(self, chain: Chain) -> None:
        began = time.monotonic()
        with pytest.raises(TransactionTimeoutError):
            chain.wait("0x" + "77" * 32, timeout=30)
        assert time.monotonic() - began < 5

    def test_the_receipt_tells_its_events(self, token: ContractHandle, signers: list[LocalSigner]) -> None:
        receipt = token.transact("admit", signers[4].address, signer=signers[0])
        [event] = token.events_in(receipt)
        assert (event.name, event.args) == ("MemberAdmitted", {"account": signers[4].address})
        assert (event.block_number, event.transaction_hash) == (
            receipt.block_number,
            receipt.transaction_hash,
        )
        assert token.events_in(receipt, "MemberExpelled") == []
        assert token.events("MemberAdmitted", account=signers[4].address) == [event]
        assert token.events(
            "MemberAdmitted", from_block=receipt.block_number, to_block=receipt.block_number
        ) == [event]
        assert token.events("MemberAdmitted", account=[signers[5].address]) == []

    @pytest.mark.usefixtures("token")
    def test_logs_are_those_of_the_receipts(self, chain: Chain) -> None:
        from_receipts = []
        for number in range(chain.head() + 1):
            for transaction in chain.web3.eth.get_block(number)["transactions"]:
                receipt = chain.receipt("0x" + bytes(transaction).hex())  # type: ignore[arg-type]
                assert receipt is not None
                from_receipts += receipt.logs
        assert from_receipts
        assert chain.logs(None) == from_receipts


@pytest.fixture(scope="module")
def plain() -> Chain:
    """A web3 over a plain eth-tester, such as a user may bring."""
    return Chain.from_web3(Web3(EthereumTesterProvider()))


def test_reverts_are_decoded_on_anothers_eth_tester(plain: Chain) -> None:
    rich = LocalSigner.create()
    plain.faucet(rich.address, 10**20)
    manager = plain.deploy("AccessManager", [rich.address], rich)
    for gas in (None, 200_000):
        with pytest.raises(ContractError) as caught:
            manager.transact("labelRole", 0, "admin", signer=rich, gas=gas)
        assert (caught.value.name, caught.value.args) == ("AccessManagerLockedRole", {"roleId": 0})


def test_the_clock_of_anothers_eth_tester_is_not_ours(plain: Chain) -> None:
    with pytest.raises(ClockNotOursError):
        plain.advance_to(plain.now() + 1)
