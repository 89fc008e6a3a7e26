"""DIDRegistry under any sequence of changes, beside a plain model.

Three accounts own three identities and hand them around, by calls, single signatures and batches, with time standing
still or leaping. After every step each answer about an identity that was touched is the model's; what was ever answered
about a time that had passed is answered again at the end. At the end the events alone, with the times of their blocks,
give the same state.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from evgi_client.errors import ContractError
from evgi_client.identity import SIG_AUTH, word_of
from evgi_client.identity.document import NOBODY
from tests.support.identities import DAY, NAME, VERI_KEY, Identity, World, assert_is, rebuilt

if TYPE_CHECKING:
    from evgi_client.chain import Chain, Receipt
    from evgi_client.signing import LocalSigner

ACTORS = 3
ACTOR = st.integers(0, ACTORS - 1)
KIND = st.sampled_from([SIG_AUTH, SIG_AUTH, SIG_AUTH, VERI_KEY])
AHEAD = st.sampled_from([-5, 0, 1, 2, 40, 10 * DAY])
WAY = st.sampled_from(["call", "bring", "apply"])
PART = st.tuples(st.sampled_from(["owner", "delegate", "attribute"]), ACTOR, ACTOR, AHEAD)


class Ownership(RuleBasedStateMachine):
    world: World
    """Set by the test; every run begins from the state it has then."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.world.chain.snapshot()
        self.actors = self.world.owners[:ACTORS]
        self.keys = {actor.address: actor for actor in self.actors}
        self.model = {name: Identity(name, name) for name in self.keys}
        self.answered: dict[tuple[str, int], int] = {}
        self.brought: list[tuple[str, Any]] = []
        self.touched = set(self.model)

    # Changes

    @rule(whose=ACTOR, to=ACTOR, way=WAY)
    def hand_over(self, whose: int, to: int, way: str) -> None:
        self._change(way, ("owner", whose, to, 0))

    @rule(whose=ACTOR, to=ACTOR, kind=KIND, ahead=AHEAD, way=WAY)
    def appoint(self, whose: int, to: int, kind: str, ahead: int, way: str) -> None:
        self._change(way, ("delegate", whose, to, ahead), kind)

    @rule(whose=ACTOR, ahead=AHEAD, way=WAY)
    def state(self, whose: int, ahead: int, way: str) -> None:
        self._change(way, ("attribute", whose, 0, ahead))

    @rule(parts=st.lists(PART, min_size=2, max_size=6))
    def batch(self, parts: list[tuple[str, int, int, int]]) -> None:
        """Several changes in one second, each by who owns the identity by then."""
        before, time, block = copy.deepcopy(self.model), self.world.now, self.world.chain.head() + 1
        changes = []
        for part in parts:
            identity = self._identity(part)
            if identity.owner == NOBODY:
                continue
            changes.append(self._signed(identity, part, SIG_AUTH))
            self._follow(identity, part, SIG_AUTH, block, time)
        if not changes:
            return
        assert self.world.apply(*changes).block_number == block
        assert self.model != before

    @rule(whose=ACTOR, way=WAY)
    def deactivate(self, whose: int, way: str) -> None:
        # One identity in three at most, so that there is something left to do.
        if whose == 0:
            self._change(way, ("deactivate", whose, 0, 0))

    # What changes nothing

    @rule(whose=ACTOR, other=ACTOR)
    def intrude(self, whose: int, other: int) -> None:
        identity, stranger = self.model[self.actors[whose].address], self.actors[other]
        if identity.owner == stranger.address:
            return
        refused = "IdentityDeactivated" if identity.owner == NOBODY else "NotOwner"
        with pytest.raises(ContractError, match=refused):
            self.world.do("changeOwner", identity.name, stranger.address, by=stranger)
        forged = self.world.owner_change(stranger, identity.name, stranger.address)
        refused = "IdentityDeactivated" if identity.owner == NOBODY else "OwnerSignatureInvalid"
        with pytest.raises(ContractError, match=refused):
            self.world.apply(forged)

    @rule(number=st.integers(0, 50))
    def replay(self, number: int) -> None:
        if not self.brought:
            return
        name, change = self.brought[number % len(self.brought)]
        refused = "IdentityDeactivated" if self.model[name].owner == NOBODY else "NonceUnexpected"
        for again in (self.world.bring, self.world.apply):
            with pytest.raises(ContractError, match=refused):
                again(change)

    @rule(seconds=st.sampled_from([1, 2, 39, 3_600, 11 * DAY]))
    def wait(self, seconds: int) -> None:
        self.world.chain.advance_to(self.world.now + seconds)
        self.touched |= set(self.model)

    # How a change is made

    def _identity(self, part: tuple[str, int, int, int]) -> Identity:
        return self.model[self.actors[part[1]].address]

    def _change(self, way: str, part: tuple[str, int, int, int], kind: str = SIG_AUTH) -> None:
        identity, time = self._identity(part), self.world.now
        if identity.owner == NOBODY:
            return
        if way == "call":
            receipt = self._call(identity, part, kind)
        else:
            signed = self._signed(identity, part, kind)
            receipt = getattr(self.world, way)(signed)
            self.brought.append((identity.name, signed))
        self._follow(identity, part, kind, receipt.block_number, time)

    def _call(self, identity: Identity, part: tuple[str, int, int, int], kind: str) -> Receipt:
        what, _, target, ahead = part
        by, account, world = self.keys[identity.owner], self.actors[target].address, self.world
        if what == "owner":
            return world.do("changeOwner", identity.name, account, by=by)
        if what == "deactivate":
            return world.do("changeOwner", identity.name, NOBODY, by=by)
        if what == "delegate" and ahead < 0:
            return world.do("revokeDelegate", identity.name, word_of(kind), account, by=by)
        if what == "delegate":
            return world.do("addDelegate", identity.name, word_of(kind), account, ahead, by=by)
        if ahead < 0:
            return world.do("revokeAttribute", identity.name, NAME, b"value", by=by)
        return world.do("setAttribute", identity.name, NAME, b"value", ahead, by=by)

    def _signed(self, identity: Identity, part: tuple[str, int, int, int], kind: str) -> Any:
        what, _, target, ahead = part
        by, account, nonce = self.keys[identity.owner], self.actors[target].address, identity.nonce
        until = self.world.now + ahead
        if what == "delegate":
            return self.world.delegate_change(
                by, identity.name, account, valid_to=until, kind=kind, nonce=nonce
            )
        if what == "attribute":
            return self.world.attribute_change(by, identity.name, b"value", valid_to=until, nonce=nonce)
        owner = account if what == "owner" else NOBODY
        return self.world.owner_change(by, identity.name, owner, nonce=nonce)

    def _follow(
        self, identity: Identity, part: tuple[str, int, int, int], kind: str, block: int, time: int
    ) -> None:
        what, _, target, ahead = part
        account = self.actors[target].address
        self.touched.add(identity.name)
        if what == "delegate":
            identity.appoint(word_of(kind), account, time + ahead, block, time)
        elif what == "attribute":
            identity.state(block)
        else:
            identity.hand_over(account if what == "owner" else NOBODY, block, time)

    # What holds

    @invariant()
    def the_contract_answers_as_the_model_does(self) -> None:
        past = self.world.now - 1
        for name in self.touched:
            assert_is(self.world, self.model[name], self.keys)
            self.answered[name, past] = self.world.call("ownedSinceAt", name, past)
        self.touched.clear()

    def teardown(self) -> None:
        for (name, time), answer in self.answered.items():
            assert self.world.call("ownedSinceAt", name, time) == answer
        registry = self.world.registry
        names = ("DIDOwnerChanged", "DIDDelegateChanged", "DIDAttributeChanged")
        events = [event for name in names for event in registry.events(name)]
        events.sort(key=lambda event: (event.block_number, event.log_index))
        known = rebuilt(self.world.chain, events)
        for name, identity in self.model.items():
            told = known.pop(name, Identity(name, name))
            assert (told.owner, told.nonce, told.changed, told.epochs) == (
                identity.owner,
                identity.nonce,
                identity.changed,
                identity.epochs,
            )
            assert_is(self.world, told, self.keys)
        assert list(known) == [NOBODY]
        assert_is(self.world, known[NOBODY], self.keys)
        self.world.chain.revert_to(self.snapshot)


def test_ownership_follows_its_model(chain: Chain, signers: list[LocalSigner]) -> None:
    class Bound(Ownership):
        world = World.on(chain, signers)

    run_state_machine_as_test(
        Bound,
        settings=settings(
            max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
