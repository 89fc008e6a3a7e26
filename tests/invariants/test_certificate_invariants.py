"""Anchors, certificates, revocations, owners and time in any sequence, beside a plain model.

Held at every step: the registries allow what the model allows; at every third: they answer what it answers. Held at
the end: for times that had passed the answer is still what it was then; events alone rebuild every answer; a batch of
revocations came to the same as those of its single calls that are allowed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from evgi_client.certificates.registry import NOBODY
from evgi_client.certificates.revocations import status_words
from evgi_client.errors import ContractError
from evgi_client.messages.certificates import Accreditation, EntityCertificate, RevocationCertificate
from tests.support.certificate_model import (
    BATTERY,
    CHARGE_POINT,
    METER,
    VEHICLE,
    Kept,
    Rules,
    State,
    Version,
)
from tests.support.registries import Registries, found_registries, party

if TYPE_CHECKING:
    from evgi_client.chain import Chain, ContractHandle
    from evgi_client.signing import LocalSigner

GAS = 600_000
"""Enough for every call, and given so that none is tried before it is sent: refusals too are transactions."""

# Few identities, types and times, so that rules collide; mostly what is allowed, so that there is something to ask.
IDENTITIES = st.integers(0, 3)
KEYS = st.sampled_from([*[None] * 12, 0, 1, 2, 3])
"""Who signs or sends; where it is None, the owner that the model knows."""
MASKS = st.sampled_from([0b000100, 0b001100, 0b111100, 0b111100])
DEPTHS = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4])
LEADS = st.sampled_from([0, 0, 0, 3, 20])
SPANS = st.sampled_from([5, 100, 100, 300])
NATURE = (VEHICLE, VEHICLE, BATTERY, CHARGE_POINT, METER, BATTERY)
"""What the subjects are, as a rule."""
SUBJECTS = st.sampled_from([0, 1, 2, 2, 3, 4, 5])
TYPES = st.sampled_from([*[None] * 8, VEHICLE, BATTERY])
PARENTS = st.sampled_from([None, 0, 1, 1, 3])
INDICES = st.sampled_from([0, 1, 2, 254, 255, 256])
LONG = 1_000


class CertificateMachine(RuleBasedStateMachine):
    def __init__(self, world: Registries) -> None:
        super().__init__()
        self.world, self.rules = world, Rules()
        self.snapshot = world.chain.snapshot()
        self.keys = [world.root, world.middle, world.issuer, world.other]
        self.by_address = {key.address: key for key in self.keys}
        self.accreditations: list[tuple[Accreditation, LocalSigner]] = []
        self.certificates: list[tuple[EntityCertificate, LocalSigner]] = []
        self.past: dict[int, list[Any]] = {}
        self.asked = 0
        # A chain of two, their vehicles and a charge point to begin with, so that runs are about what follows.
        end = world.now + LONG
        self.attempt_root(0, 0b111100, 2, 0, end)
        self.attempt_root(1, 0b001100, 1, 0, end)
        self.accredit(0, 2, 0b111100, 1, 0, LONG, None)
        for subject in (0, 1, 3):
            self.register(2, None, subject, None, 0, LONG, None, None)
        self.open_word(0)

    # Acting

    def act(
        self, allowed: bool, on: ContractHandle, function: str, args: tuple[Any, ...], by: LocalSigner
    ) -> None:
        """Sends what the model allows or does not; the contract must think the same."""
        refusal: ContractError | None = None
        try:
            on.transact(function, *args, signer=by, gas=GAS)
        except ContractError as error:
            refusal = error
        assert (refusal is None) == allowed, f"{function}{args}: {refusal or 'passed'}"

    def certify(self, allowed: bool, function: str, *args: Any, by: LocalSigner | None = None) -> None:
        self.act(allowed, self.world.certificates, function, args, by or self.world.stranger)

    def key_for(self, identity: str, key: int | None) -> LocalSigner:
        owner = self.rules.owner(identity)
        return self.keys[key or 0] if key is not None or owner is None else self.by_address[owner]

    @rule(seconds=st.integers(1, 25))
    def wait(self, seconds: int) -> None:
        self.world.chain.advance_to(self.world.now + seconds)

    @rule(identity=IDENTITIES, owner=st.one_of(IDENTITIES, IDENTITIES, IDENTITIES, st.none()), key=KEYS)
    def change_owner(self, identity: int, owner: int | None, key: int | None) -> None:
        whose, to = self.keys[identity].address, None if owner is None else self.keys[owner].address
        by = self.key_for(whose, key)
        allowed = self.rules.change_owner(whose, to, by.address)
        self.act(allowed, self.world.dids, "changeOwner", (whose, to or NOBODY), by)

    # Anchors

    @rule(anchor=IDENTITIES, types=MASKS, depth=DEPTHS, lead=LEADS, span=SPANS)
    def accredit_root(self, anchor: int, types: int, depth: int, lead: int, span: int) -> None:
        start = self.world.now + lead
        self.attempt_root(anchor, types, depth, start, start + span)

    def attempt_root(self, anchor: int, types: int, depth: int, start: int, end: int) -> None:
        address = self.keys[anchor].address
        version = Version(None, types, depth, start, end)
        allowed = self.rules.accredit_root(address, version, self.world.now)
        arguments = (address, types, depth, start, end)
        self.certify(allowed, "accreditRoot", *arguments, by=self.world.governance)

    @rule(
        accreditor=IDENTITIES, anchor=IDENTITIES, types=MASKS, depth=DEPTHS, lead=LEADS, span=SPANS, key=KEYS
    )
    def accredit(
        self, accreditor: int, anchor: int, types: int, depth: int, lead: int, span: int, key: int | None
    ) -> None:
        whose, start = self.keys[accreditor].address, self.world.now + lead
        given = Accreditation(
            self.keys[anchor].address, whose, types, depth, start, start + span, start + LONG
        )
        signer = self.key_for(whose, key)
        self.accreditations.append((given, signer))
        self.bring_accreditation(given, signer)

    @rule(data=st.data())
    def accredit_again(self, data: st.DataObject) -> None:
        self.bring_accreditation(*data.draw(st.sampled_from(self.accreditations)))

    def bring_accreditation(self, given: Accreditation, signer: LocalSigner) -> None:
        version = Version(
            given.accreditor, given.entity_types, given.depth, given.valid_from, given.valid_until
        )
        now = self.world.now
        allowed = given.deadline >= now and self.rules.accredit(
            given.anchor, version, given.struct_hash(), now, signer.address
        )
        self.certify(allowed, "accredit", given, self.world.signed(given, signer))

    @rule(anchor=IDENTITIES, key=IDENTITIES)
    def withdraw(self, anchor: int, key: int) -> None:
        by, address = self.keys[key], self.keys[anchor].address
        allowed = self.rules.withdraw(address, self.world.now, by.address)
        self.certify(allowed, "withdraw", address, by=by)

    @rule(anchor=IDENTITIES)
    def withdraw_root(self, anchor: int) -> None:
        address = self.keys[anchor].address
        allowed = self.rules.withdraw(address, self.world.now, None)
        self.certify(allowed, "withdrawRoot", address, by=self.world.governance)

    # Certificates

    @rule(
        issuer=IDENTITIES,
        entity_type=TYPES,
        subject=SUBJECTS,
        parent=PARENTS,
        lead=st.sampled_from([-10, 0, 0, 5, 20]),
        span=SPANS,
        index=st.one_of(st.none(), INDICES),
        key=KEYS,
    )
    def register(
        self,
        issuer: int,
        entity_type: int | None,
        subject: int,
        parent: int | None,
        lead: int,
        span: int,
        index: int | None,
        key: int | None,
    ) -> None:
        whose, start = self.keys[issuer].address, self.world.now + lead
        nature = NATURE[subject] if entity_type is None else entity_type
        if nature in (VEHICLE, CHARGE_POINT):
            parent = None
        certificate = self.world.certificate(
            issuer=whose,
            entity_type=nature,
            subject=party(subject),
            parent=NOBODY if parent is None else party(parent),
            valid_from=start,
            valid_until=start + span,
        )
        if index is not None:
            status = {"status_publisher": self.world.publisher.address, "status_index": index}
            certificate = replace(certificate, **status)
        signer = self.key_for(whose, key)
        self.certificates.append((certificate, signer))
        self.bring_certificate(certificate, signer)

    @rule(data=st.data())
    def register_again(self, data: st.DataObject) -> None:
        if self.certificates:
            self.bring_certificate(*data.draw(st.sampled_from(self.certificates)))

    def bring_certificate(self, certificate: EntityCertificate, signer: LocalSigner) -> None:
        kept = Kept(
            certificate.issuer,
            certificate.subject,
            certificate.entity_type,
            None if certificate.parent == NOBODY else certificate.parent,
            self.world.now,
            certificate.valid_from,
            certificate.valid_until,
            None
            if certificate.status_publisher == NOBODY
            else (certificate.status_publisher, certificate.status_index),
        )
        allowed = self.rules.register(certificate.struct_hash(), kept, signer.address)
        self.certify(allowed, "register", certificate, self.world.signed(certificate, signer))

    # Revocations

    def names(self) -> list[bytes]:
        brought = [*self.certificates[-6:], *self.accreditations[-3:]]
        return [message.struct_hash() for message, _ in brought]

    @rule(
        data=st.data(), issuer=IDENTITIES, count=st.integers(1, 3), lead=LEADS, key=KEYS, signed=st.booleans()
    )
    def revoke(
        self, data: st.DataObject, issuer: int, count: int, lead: int, key: int | None, signed: bool
    ) -> None:
        whose, at = self.keys[issuer].address, self.world.now + lead
        targets = [data.draw(st.sampled_from(self.names())) for _ in range(count)]
        by = self.key_for(whose, key)
        if signed:
            targets = targets[:1]
            # Where it is to be from now on, the time that was signed has passed.
            posed = RevocationCertificate(whose, targets[0], at if lead else at - 7, 1, at + LONG)
            function, args, sender = (
                "revokeSigned",
                (posed, self.world.signed(posed, by)),
                self.world.stranger,
            )
            allowed = self.rules.revoke(whose, targets[0], at, by.address)
        else:
            function, args, sender = "revokeMany", (whose, targets, at, 1), by
            allowed = self.rules.revoke_many(whose, targets, at, by.address)
        self.act(allowed, self.world.revocations, function, args, sender)

    @rule(word=st.integers(0, 1))
    def open_word(self, word: int) -> None:
        publisher = self.world.publisher
        allowed = self.rules.open_word(publisher.address, word)
        self.act(allowed, self.world.revocations, "openStatuses", (word, 1), publisher)

    @rule(indices=st.lists(INDICES, min_size=1, max_size=3, unique=True), lead=LEADS)
    def revoke_statuses(self, indices: list[int], lead: int) -> None:
        publisher, now = self.world.publisher, self.world.now
        words = status_words(indices)
        args = (list(words), list(words.values()), now + lead)
        allowed = self.rules.revoke_statuses(publisher.address, indices, now + lead, now)
        self.act(allowed, self.world.revocations, "revokeManyStatuses", args, publisher)

    # Asking

    def contract_answers(self, time: int, subjects: list[str], names: list[bytes]) -> list[Any]:
        registry, revocations = self.world.certificates, self.world.revocations
        publisher = self.world.publisher.address
        return [
            [registry.call("accreditedTypesAt", key.address, time) for key in self.keys],
            [registry.call("statusAt", name, time) for name in names],
            [registry.call("parentAt", subject, time) for subject in subjects],
            revocations.call("statusesAt", publisher, [0, 1], time),
        ]

    def model_answers(self, state: State, time: int, subjects: list[str], names: list[bytes]) -> list[Any]:
        publisher = self.world.publisher.address
        words = [0, 0]
        for index in (0, 1, 2, 254, 255, 256):
            if state.is_status_revoked_at(publisher, index, time):
                words[index // 256] |= 1 << (255 - index % 256)
        return [
            [state.types_at(key.address, time) for key in self.keys],
            [state.status_at(name, time) for name in names],
            [state.parent_at(subject, time) or NOBODY for subject in subjects],
            words,
        ]

    def known(self) -> tuple[list[str], list[bytes]]:
        """Subjects that may have parents, and certificates that were registered."""
        state = self.rules.state
        subjects = {
            kept.subject for kept in state.certificates.values() if kept.entity_type in (BATTERY, METER)
        }
        return sorted(subjects), list(state.certificates)

    @invariant()
    def the_second_that_has_passed_is_answered_as_the_model_does(self) -> None:
        # Asking costs more than acting, and what went wrong is still wrong a step later.
        self.asked += 1
        if self.asked % 3:
            return
        time = self.world.now - 1
        subjects, names = self.known()
        answers = self.contract_answers(time, subjects, names)
        assert answers == self.model_answers(self.rules.state, time, subjects, names)
        self.past[time] = [subjects, names, answers]

    def teardown(self) -> None:
        try:
            self.what_was_answered_is_answered_still()
            self.events_rebuild_every_answer()
        finally:
            self.world.chain.revert_to(self.snapshot)

    def what_was_answered_is_answered_still(self) -> None:
        times = sorted(self.past)
        for time in times[:: len(times) // 6 + 1]:
            subjects, names, answers = self.past[time]
            assert self.contract_answers(time, subjects, names) == answers

    def events_rebuild_every_answer(self) -> None:
        rebuilt = State()
        for asked in (self.world.certifying(), self.world.revoking()):
            for event in asked.events():
                rebuilt.happened(event.name, event.args, NOBODY)
        # An anchor of whose versions none is left reads like one that never had any.
        rebuilt.versions = {anchor: versions for anchor, versions in rebuilt.versions.items() if versions}
        mine = {anchor: versions for anchor, versions in self.rules.state.versions.items() if versions}
        assert rebuilt == replace(self.rules.state, versions=mine)

        state, registry, revocations = rebuilt, self.world.certificates, self.world.revocations
        subjects, names = self.known()
        for lead in (0, 4, 25, 90):
            time = self.world.now + lead
            assert self.contract_answers(time, subjects, names) == self.model_answers(
                state, time, subjects, names
            )
        assert all(
            registry.call("entityTypeOf", party(number)) == state.type_of(party(number))
            for number in range(len(NATURE))
        )
        for (issuer, target), time in state.revoked.items():
            assert revocations.call("revokedFrom", issuer, target) == time


@pytest.fixture(scope="module")
def world(chain: Chain, signers: list[LocalSigner]) -> Registries:
    return found_registries(chain, signers)


def test_the_registries_agree_with_the_model_whatever_happens(world: Registries) -> None:
    bounds = settings(
        max_examples=10,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    # On a stack of its own: at the depth to which pytest brings it, CPython 3.11 asks for and gives back memory for
    # frames at nearly every step of the virtual machine, and takes three times as long.
    with ThreadPoolExecutor(1) as stack:
        stack.submit(run_state_machine_as_test, lambda: CertificateMachine(world), settings=bounds).result()
