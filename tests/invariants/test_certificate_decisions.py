"""Random worlds of anchors, accreditations, certificates, revocations, owners and times: the chain and a snapshot of
its events decide alike, at every time, and what was decided for a time that has passed stays."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from evgi_client.certificates.online import RegistryFacts
from evgi_client.certificates.registry import NOBODY
from evgi_client.certificates.snapshot import Snapshot
from evgi_client.chain import Chain
from evgi_client.errors import ContractError
from evgi_client.identity import SIG_AUTH, word_of
from evgi_client.messages.certificates import (
    CertificateStatus,
    EntityCertificate,
    EntityType,
    entity_type_mask,
)
from evgi_client.signing import LocalSigner
from tests.support.registries import Registries, found_registries, party

TYPES = (EntityType.VEHICLE, EntityType.BATTERY, EntityType.CHARGE_POINT)
MASKS = (*(entity_type_mask(each) for each in TYPES), entity_type_mask(*TYPES), entity_type_mask(*TYPES[:2]))
SPANS = (20, 60, 200, 1_000)
KINDS = (
    "accredit_root", "accredit_root", "accredit", "accredit", "accredit", "withdraw", "withdraw_root", "register",
    "register", "register", "register", "revoke", "revoke_status", "revoke_status", "hand_over", "appoint", "wait",
)  # fmt: skip
ACTIONS = st.lists(
    st.tuples(st.sampled_from(KINDS), *(st.integers(0, 59) for _ in range(4))), min_size=35, max_size=60
)
# Root, middle and issuer in a chain; certificates of each, some revoked either way; then the middle is withdrawn.
RICH = [
    ("accredit_root", 0, 1, 3, 1), ("wait", 1, 0, 0, 0), ("accredit", 8, 1, 1, 3), ("wait", 1, 0, 0, 0),
    ("accredit", 9, 2, 1, 3), ("register", 0, 1, 5, 2), ("register", 1, 4, 4, 3), ("register", 2, 1, 5, 5),
    ("register", 2, 2, 2, 2), ("register", 9, 0, 3, 2), ("register", 9, 0, 3, 2), ("wait", 9, 0, 0, 0),
    ("revoke", 0, 10, 0, 0), ("revoke", 0, 3, 0, 0), ("revoke_status", 3, 1, 0, 0), ("appoint", 2, 3, 1, 0),
    ("hand_over", 2, 3, 0, 0), ("hand_over", 2, 0, 0, 0), ("revoke", 0, 1, 0, 0), ("wait", 9, 0, 0, 0),
    ("withdraw", 1, 3, 0, 0), ("withdraw", 1, 0, 0, 0), ("wait", 9, 0, 0, 0), ("withdraw_root", 0, 0, 0, 0),
]  # fmt: skip
seen: Counter[str] = Counter()
"""What happened and what was answered in all worlds."""


@dataclass
class RandomWorld:
    """Does what numbers say, as far as the chain lets it."""

    registries: Registries
    anchors: list[LocalSigner]
    keys: dict[str, LocalSigner]
    certificates: list[EntityCertificate] = field(default_factory=list)

    def owner(self, identity: LocalSigner) -> LocalSigner:
        return self.keys[self.registries.dids.call("identityOwner", identity.address)]

    def act(self, kind: str, *numbers: int) -> None:
        try:
            getattr(self, kind)(*numbers)
        except ContractError:
            seen["refused"] += 1
        else:
            seen[kind] += 1

    def accredit_root(self, who: int, types: int, depth: int, span: int) -> None:
        begins = self.registries.now + (span % 3 == 0) * 30
        until = begins + pick(SPANS, span)
        self.registries.accredit_root(
            pick(self.anchors, who), pick(MASKS[2:], types), depth % 4, begins, until
        )

    def accredit(self, by: int, who: int, types: int, span: int) -> None:
        now = self.registries.now
        accreditor = self.able(by, lambda anchor: self.depth(anchor) > 0)
        held = self.registries.certificates.call("accreditationAt", accreditor.address, now)
        accreditation = self.registries.accreditation(
            anchor=pick(self.anchors, who).address,
            accreditor=accreditor.address,
            entity_types=held.entityTypes & pick(MASKS[2:], types) or held.entityTypes,
            depth=max(0, held.depth - 1 - types % 2),
            valid_from=now + (span % 4 == 0) * 25,
            valid_until=now + 30 + pick(SPANS, span),
        )
        self.registries.bring_accreditation(accreditation, self.owner(accreditor))

    def withdraw(self, who: int, by: int, *_: int) -> None:
        if by % 3 == 0:
            self.registries.withdraw(pick(self.anchors, who), self.owner(pick(self.anchors, by)))

    def withdraw_root(self, who: int, rarely: int, *_: int) -> None:
        if rarely % 3 == 0:
            anchor = pick(self.anchors, who).address
            self.registries.certificates.transact("withdrawRoot", anchor, signer=self.registries.governance)

    def register(self, by: int, subject: int, span: int, status: int) -> None:
        now = self.registries.now
        issuer = self.able(by, lambda anchor: bool(self.types(anchor)))
        held = self.registries.certificates.call("accreditedTypesAt", issuer.address, now)
        allowed = [each for each in TYPES if held >> each & 1] or list(TYPES)
        entity_type = pick(allowed, subject)
        begins = now + (span % 3 - 1) * 15
        certificate = self.registries.certificate(
            entity_type=entity_type,
            subject=party(100 * entity_type + subject % 3),
            issuer=issuer.address,
            parent=party(100 * EntityType.VEHICLE + status % 2)
            if entity_type is EntityType.BATTERY and status % 3
            else NOBODY,
            valid_from=begins,
            valid_until=begins + pick(SPANS, span),
            status_publisher=self.registries.publisher.address if status % 2 else NOBODY,
            status_index=250 + status % 12 if status % 2 else 0,
        )
        self.registries.bring(certificate, self.owner(issuer))
        self.certificates.append(certificate)

    def revoke(self, which: int, later: int, *_: int) -> None:
        if self.certificates:
            certificate = pick(self.certificates, which)
            owner = self.keys[self.registries.dids.call("identityOwner", certificate.issuer)]
            arguments = (certificate.issuer, certificate.struct_hash(), self.ahead(later), 0)
            self.registries.revocations.transact("revoke", *arguments, signer=owner)

    def revoke_status(self, index: int, later: int, *_: int) -> None:
        publisher = self.registries.revoking(self.registries.publisher)
        publisher.revoke_statuses([250 + index % 12], self.ahead(later))

    def hand_over(self, who: int, to: int, *_: int) -> None:
        identity = pick(self.anchors, who)
        self.registries.change_owner(identity, pick(self.anchors, to).address, self.owner(identity))

    def appoint(self, who: int, delegate: int, validity: int, *_: int) -> None:
        identity = pick(self.anchors, who)
        arguments = (
            identity.address,
            word_of(SIG_AUTH),
            pick(self.anchors, delegate).address,
            validity % 3 * 40,
        )
        self.registries.dids.transact("addDelegate", *arguments, signer=self.owner(identity))

    def wait(self, seconds: int, *_: int) -> None:
        self.registries.chain.advance_to(self.registries.now + 1 + seconds)

    def types(self, anchor: LocalSigner) -> int:
        return self.registries.types_at(anchor, self.registries.now)

    def depth(self, anchor: LocalSigner) -> int:
        if not self.types(anchor):
            return 0
        held = self.registries.certificates.call("accreditationAt", anchor.address, self.registries.now)
        return int(held.depth)

    def able(self, number: int, test: Callable[[LocalSigner], bool]) -> LocalSigner:
        """Mostly an anchor that may do it; sometimes, and where there is none, any."""
        return pick([each for each in self.anchors if number % 7 and test(each)] or self.anchors, number)

    def ahead(self, later: int) -> int:
        return 0 if later % 2 else self.registries.now + later


def pick(choices: Any, number: int) -> Any:
    return choices[number % len(choices)]


@pytest.fixture(scope="module")
def registries(chain: Chain, signers: list[LocalSigner]) -> Registries:
    return found_registries(chain, signers)


@pytest.fixture(scope="module")
def beginning(registries: Registries) -> Iterator[Any]:
    registries.revoking(registries.publisher).open_statuses(0, 2)
    return registries.chain.snapshot()


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@example(actions=RICH, times=[1, 3, 5])
@given(actions=ACTIONS, times=st.lists(st.integers(0, 10**6), min_size=3, max_size=3))
def test_chain_and_snapshot_decide_alike(
    registries: Registries, beginning: Any, actions: list[Any], times: list[int]
) -> None:
    registries.chain.revert_to(beginning)
    start = registries.now
    anchors = [registries.root, registries.middle, registries.issuer, registries.other]
    world = RandomWorld(registries, anchors, {each.address: each for each in anchors})
    answered: dict[tuple[bytes, int], CertificateStatus] = {}
    for number, action in enumerate(actions):
        world.act(*action)
        if number % 12 == 0 and world.certificates:
            # The second of the block that is about to be made has not passed.
            certificate, time = pick(world.certificates, number).struct_hash(), registries.now - 1
            answered[certificate, time] = registries.certifying().status_at(certificate, time)

    for (certificate, time), status in answered.items():
        assert registries.certifying().status_at(certificate, time) == status, "a past answer changed"
    taken = Snapshot.take(registries.contracts, registries.domain())
    read = Snapshot.from_json(json.loads(json.dumps(taken.to_json())))
    assert read == taken
    span = registries.now + 100 - start
    asked = [registries.now, *(start - 5 + number % span for number in times)]
    compare_certificates(world, read, asked)
    compare_anchors(world, read, asked)


def edges(certificate: EntityCertificate) -> list[int]:
    """The last second before it begins, its first, its last, and the first after its end."""
    begins, ends = certificate.valid_from, certificate.valid_until
    return [begins - 1, begins, ends - 1, ends]


def compare_certificates(world: RandomWorld, snapshot: Snapshot, times: list[int]) -> None:
    online, offline = world.registries.certifying(), snapshot.world
    revoking, publisher = world.registries.revoking(), world.registries.publisher.address
    assert [each.struct_hash() for each in offline.certificates()] == [
        each.struct_hash() for each in world.certificates
    ]
    for certificate in world.certificates:
        known = certificate.struct_hash()
        assert offline.certificate(known) == online.certificate(known)
        issuer, subject = certificate.issuer, certificate.subject
        assert offline.revoked_from(issuer, known) == revoking.revoked_from(issuer, known)
        assert offline.entity_type_of(subject) == online.entity_type_of(subject)
        for time in (*times, *edges(certificate)):
            status = online.status_at(known, time)
            seen[status.name] += 1
            assert offline.status_at(known, time) == status, (certificate, time)
            assert offline.parent_at(subject, time) == online.parent_at(subject, time)
    unknown = bytes(32)
    assert offline.certificate(unknown) is None
    for time in times:
        assert (
            offline.status_at(unknown, time) == online.status_at(unknown, time) == CertificateStatus.UNKNOWN
        )
        (first, second) = revoking.statuses_at(publisher, [0, 1], time)
        bits = offline.status_bits(publisher, time)
        assert bits.raw[:64] == first.to_bytes(32, "big") + second.to_bytes(32, "big")
        for index in (250, 255, 256, 261):
            assert offline.is_status_revoked_at(publisher, index, time) == bits.is_set(index)


def compare_anchors(world: RandomWorld, snapshot: Snapshot, times: list[int]) -> None:
    online, offline = world.registries.certifying(), snapshot.world
    dids, now = world.registries.dids, world.registries.now
    facts = RegistryFacts(world.registries.contracts)
    for anchor in world.anchors:
        for time in times:
            assert offline.accreditation_at(anchor.address, time) == online.accreditation_at(
                anchor.address, time
            )
            types = online.accredited_types_at(anchor.address, time)
            assert offline.accredited_types_at(anchor.address, time) == types
            for entity_type in TYPES:
                assert offline.is_accredited_at(anchor.address, entity_type, time) == (entity_type in types)
        owned = offline.ownership(anchor.address)
        assert owned.owner == owned.owner_at(now) == dids.call("identityOwner", anchor.address)
        for account in world.anchors:
            acts = dids.call("actsFor", anchor.address, account.address)
            assert owned.acts_for(account.address, now) == acts
            assert facts.ownership(anchor.address).acts_for(account.address, now) == acts
    for certificate in world.certificates[:3]:
        assert facts.signer_of(certificate.struct_hash()) == offline.signer_of(certificate.struct_hash())


def test_the_worlds_were_rich() -> None:
    """In the first world alone every kind of act is done and every status answered, or the rest prove little."""
    missing = {*KINDS, *(status.name for status in CertificateStatus), "refused"} - set(seen)
    assert missing == set()
