"""ClearingToken under any sequence of calls, beside a plain model.

Held after every step: supply = minted - burned = sum of balances, escrow included; escrow = redemptions under way; a
payment mints once and a redemption ends once; nobody has minted above its cap; pause and expulsion stop neither a
settlement nor a redemption under way. Held at the end: the state is what its events say, and everybody gets out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from evgi_client.chain import Artifact
from evgi_client.errors import ContractError

if TYPE_CHECKING:
    from evgi_client.chain import Chain, ContractHandle
    from evgi_client.signing import LocalSigner

TEST_ARTIFACTS = Path(__file__).parent.parent / "contracts" / "artifacts"
ZERO = "0x" + "00" * 20
NEVER, MEMBER, EXPELLED = "never", "member", "expelled"
NONE, REQUESTED, PAID, REJECTED = range(4)

# Few accounts, references and tokens, so that rules collide.
HOLDERS = st.integers(0, 3)
MINTERS = st.integers(0, 1)
AMOUNTS = st.integers(0, 60)
REFERENCES = st.integers(0, 8)
OPENING, CAP = 50, 200
GAS = 300_000
"""Enough for every call, and given so that none is tried before it is sent: refusals too are transactions."""


def reference(number: int) -> bytes:
    return number.to_bytes(32, "big")


@dataclass
class World:
    chain: Chain
    token: ContractHandle
    settlement: ContractHandle
    admin: LocalSigner
    keeper: LocalSigner
    minters: list[LocalSigner]
    holders: list[LocalSigner]


@pytest.fixture(scope="module")
def world(chain: Chain, signers: list[LocalSigner]) -> World:
    """Three members with 50 each from the first of two minters, one who is no member, and an approved settlement
    contract that all four have given an allowance."""
    admin, keeper, *others = signers
    minters, holders = others[:2], others[2:6]
    manager = chain.deploy("AccessManager", [admin.address], admin)
    token = chain.deploy("ClearingToken", [manager.address], admin)
    settlement = chain.deploy(Artifact.load("SmartAccount", TEST_ARTIFACTS), [keeper.address], keeper)
    token.transact("approveSettlement", settlement.address, True, signer=admin)
    for minter in minters:
        token.transact("capMinter", minter.address, CAP, signer=admin)
    for holder in holders:
        token.transact("approve", settlement.address, 2**256 - 1, signer=holder)
    for number, holder in enumerate(holders[:3], start=1):
        token.transact("admit", holder.address, signer=admin)
        token.transact("mint", holder.address, OPENING, reference(number), signer=minters[0])
    return World(chain, token, settlement, admin, keeper, minters, holders)


class TokenMachine(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.token = world, world.token
        self.snapshot = world.chain.snapshot()
        self.paused = False
        self.standing = [MEMBER, MEMBER, MEMBER, NEVER]
        self.balances = [OPENING, OPENING, OPENING, 0]
        self.minted, self.caps = [3 * OPENING, 0], [CAP, CAP]
        self.burned = 0
        self.references = {1, 2, 3}
        self.redemptions: dict[tuple[int, int], tuple[int, int]] = {}

    def attempt(self, allowed: bool, signer: LocalSigner, function: str, *args: object) -> bool:
        """Sends what the model allows or does not; the contract must think the same."""
        return self.agrees(allowed, self.token, signer, function, args)

    def agrees(
        self, allowed: bool, on: ContractHandle, signer: LocalSigner, function: str, args: tuple[object, ...]
    ) -> bool:
        refusal: ContractError | None = None
        try:
            on.transact(function, *args, signer=signer, gas=GAS)
        except ContractError as error:
            refusal = error
        assert (refusal is None) == allowed, f"{function}{args}: {refusal or 'passed'}"
        return allowed

    def address(self, holder: int) -> str:
        return self.world.holders[holder].address

    @rule(minter=MINTERS, to=HOLDERS, amount=AMOUNTS, number=REFERENCES)
    def mint(self, minter: int, to: int, amount: int, number: int) -> None:
        allowed = (
            not self.paused
            and self.standing[to] == MEMBER
            and amount > 0
            and number not in self.references | {0}
            and self.minted[minter] + amount <= self.caps[minter]
        )
        signer = self.world.minters[minter]
        if self.attempt(allowed, signer, "mint", self.address(to), amount, reference(number)):
            self.references.add(number)
            self.minted[minter] += amount
            self.balances[to] += amount
            self.is_capped(minter)

    @rule(minter=MINTERS, cap=st.integers(0, 400))
    def cap(self, minter: int, cap: int) -> None:
        self.attempt(True, self.world.admin, "capMinter", self.world.minters[minter].address, cap)
        self.caps[minter] = max(cap, self.minted[minter])
        self.is_capped(minter)

    def is_capped(self, minter: int) -> None:
        address = self.world.minters[minter].address
        assert self.token.call("mintedBy", address) == self.minted[minter]
        assert self.token.call("minterCap", address) == self.caps[minter] >= self.minted[minter]

    @rule(source=HOLDERS, to=HOLDERS, amount=AMOUNTS)
    def transfer(self, source: int, to: int, amount: int) -> None:
        members = self.standing[source] == self.standing[to] == MEMBER
        allowed = not self.paused and members and amount <= self.balances[source]
        if self.attempt(allowed, self.world.holders[source], "transfer", self.address(to), amount):
            self.move(source, to, amount)

    @rule(source=HOLDERS, to=HOLDERS, amount=AMOUNTS)
    def settle(self, source: int, to: int, amount: int) -> None:
        """Whatever is paused and whoever was expelled."""
        known = NEVER not in (self.standing[source], self.standing[to])
        allowed = known and amount <= self.balances[source]
        payment = self.token.encode("transferFrom", self.address(source), self.address(to), amount)
        calls = [(self.token.address, payment)]
        if self.agrees(allowed, self.world.settlement, self.world.keeper, "execute", (calls,)):
            self.move(source, to, amount)

    def move(self, source: int, to: int, amount: int) -> None:
        self.balances[source] -= amount
        self.balances[to] += amount

    @rule(holder=HOLDERS, amount=AMOUNTS, number=REFERENCES)
    def request(self, holder: int, amount: int, number: int) -> None:
        """Whoever holds tokens, member or not."""
        fresh = number != 0 and (holder, number) not in self.redemptions
        allowed = not self.paused and fresh and 0 < amount <= self.balances[holder]
        signer = self.world.holders[holder]
        if self.attempt(allowed, signer, "requestRedemption", amount, reference(number)):
            self.balances[holder] -= amount
            self.redemptions[holder, number] = (REQUESTED, amount)

    @rule(data=st.data(), paid=st.booleans())
    def end_redemption(self, data: st.DataObject, paid: bool) -> None:
        """One under way, one that has ended, or one that never was; whatever is paused and whoever was expelled."""
        holder, number = data.draw(st.sampled_from([*sorted(self.redemptions), (3, 8)]))
        (self.pay if paid else self.reject)(holder, number)

    def pay(self, holder: int, number: int) -> None:
        state, amount = self.redemptions.get((holder, number), (NONE, 0))
        arguments = (self.address(holder), reference(number))
        if self.attempt(state == REQUESTED, self.world.admin, "payRedemption", *arguments):
            self.redemptions[holder, number] = (PAID, amount)
            self.burned += amount

    def reject(self, holder: int, number: int) -> None:
        state, amount = self.redemptions.get((holder, number), (NONE, 0))
        arguments = (self.address(holder), reference(number), reference(99))
        if self.attempt(state == REQUESTED, self.world.admin, "rejectRedemption", *arguments):
            self.redemptions[holder, number] = (REJECTED, amount)
            self.balances[holder] += amount

    @rule(holder=HOLDERS)
    def admit(self, holder: int) -> None:
        allowed = self.standing[holder] != MEMBER
        if self.attempt(allowed, self.world.admin, "admit", self.address(holder)):
            self.standing[holder] = MEMBER

    @rule(holder=HOLDERS)
    def expel(self, holder: int) -> None:
        allowed = self.standing[holder] == MEMBER
        if self.attempt(allowed, self.world.admin, "expel", self.address(holder)):
            self.standing[holder] = EXPELLED

    @rule()
    def pause_or_unpause(self) -> None:
        self.attempt(True, self.world.admin, "unpause" if self.paused else "pause")
        self.paused = not self.paused

    @invariant()
    def every_unit_is_accounted_for(self) -> None:
        supply = self.token.call("totalSupply")
        escrow = self.token.call("balanceOf", self.token.address)
        balances = [self.token.call("balanceOf", holder.address) for holder in self.world.holders]
        assert balances == self.balances
        assert supply == sum(self.minted) - self.burned == sum(balances) + escrow
        assert escrow == sum(amount for state, amount in self.redemptions.values() if state == REQUESTED)

    def teardown(self) -> None:
        try:
            self.events_tell_the_state()
            self.everybody_gets_out()
        finally:
            self.world.chain.revert_to(self.snapshot)

    def events_tell_the_state(self) -> None:
        """Replays the log of the token's whole life, and asks the contract for all that comes out."""
        balances: Counter[str] = Counter()
        members: dict[str, bool] = {}
        caps: dict[str, int] = {}
        minted: Counter[str] = Counter()
        redemptions: dict[tuple[str, bytes], tuple[int, int]] = {}
        states = {"RedemptionRequested": REQUESTED, "RedemptionPaid": PAID, "RedemptionRejected": REJECTED}
        paused = False
        for name, args in self.history():
            if name == "Transfer":
                balances[args["from"]] -= args["value"]
                balances[args["to"]] += args["value"]
            elif name in ("MemberAdmitted", "MemberExpelled"):
                members[args["account"]] = name == "MemberAdmitted"
            elif name == "MinterCapped":
                caps[args["minter"]] = args["cap"]
            elif name == "Minted":
                minted[args["minter"]] += args["amount"]
                assert self.token.call("fiatReferenceUsed", args["fiatReference"])
            elif name in states:
                redemptions[args["holder"], args["fiatReference"]] = (states[name], args["amount"])
            elif name in ("Paused", "Unpaused"):
                paused = name == "Paused"

        call = self.token.call
        assert call("totalSupply") == -balances.pop(ZERO, 0)
        assert all(call("balanceOf", account) == balance for account, balance in balances.items())
        assert all(call("isMember", account) == member for account, member in members.items())
        assert all(call("minterCap", minter) == cap for minter, cap in caps.items())
        assert all(call("mintedBy", minter) == amount for minter, amount in minted.items())
        assert all(tuple(call("redemptionOf", *key)) == value for key, value in redemptions.items())
        assert call("paused") == paused

    def history(self) -> list[tuple[str, dict[str, Any]]]:
        names = {entry["name"] for entry in self.token.abi.events}
        events = [event for name in names for event in self.token.events(name)]
        events.sort(key=lambda event: (event.block_number, event.log_index))
        return [(event.name, event.args) for event in events]

    def everybody_gets_out(self) -> None:
        """Redemptions under way end first, paused or not; then each asks for the rest, member or not."""
        for (holder, number), (state, _) in sorted(self.redemptions.items()):
            if state == REQUESTED:
                self.pay(holder, number)
        assert self.token.call("balanceOf", self.token.address) == 0
        if self.paused:
            self.pause_or_unpause()
        for holder, balance in enumerate(self.balances):
            if balance:
                self.request(holder, balance, 77)
                self.pay(holder, 77)
        assert self.token.call("totalSupply") == 0


def test_the_token_agrees_with_the_model_whatever_is_called(world: World) -> None:
    run_state_machine_as_test(
        lambda: TokenMachine(world),  # type: ignore[arg-type]
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
