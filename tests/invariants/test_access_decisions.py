"""AccessRegistry and Python decide alike, whatever happened: random worlds of owners, transfers, vehicles with
batteries, certificates, delegations, revocations, groups, lists and uses, asked about times past, present and to come.

Held for every world: the chain's answers are those of Python from events alone, from the events of one resource too and
after a round through JSON; and an answer for a time that has passed is the same at the end as when it was first given.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from evgi_client.access.decision import Finding, weigh
from evgi_client.access.explain import Explanation
from evgi_client.access.snapshot import Snapshot
from evgi_client.access.world import NOBODY
from evgi_client.errors import ContractError
from evgi_client.messages import keccak256
from evgi_client.messages.access import AccessCertificate, Reason, group_id, resource_id
from evgi_client.messages.certificates import EntityType
from evgi_client.signing import LocalSigner
from tests.support.access import DAY, NONE, AccessBench, Answer, Question, found_access

if TYPE_CHECKING:
    from evgi_client.chain import Chain, ContractHandle

WORLDS = 7
STEPS = 60
GAS = 1_500_000
"""Enough for every call, and given so that none is tried before it is sent: refusals too are transactions."""
LABELS = (keccak256(b"one"), keccak256(b"two"))
THINGS = [LocalSigner.from_key(keccak256(name)) for name in (b"battery", b"car", b"van")]
BATTERY, CAR, VAN = (thing.address for thing in THINGS)

Call = tuple["ContractHandle", str, tuple[object, ...]]


@dataclass
class Story:
    """One random world: what its people do, one thing after the other, most of it sensible, some of it refused."""

    bench: AccessBench
    people: list[LocalSigner]
    choose: random.Random
    controllers: dict[str, LocalSigner] = field(default_factory=dict)
    """Who owns an identity."""
    drafted: list[AccessCertificate] = field(default_factory=list)
    certificates: list[AccessCertificate] = field(default_factory=list)
    """Those that the chain took."""
    kept_back: list[AccessCertificate] = field(default_factory=list)
    """Those that somebody may bring later."""
    times: list[int] = field(default_factory=list)
    first_answers: dict[Question, Answer] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    @property
    def identities(self) -> list[str]:
        return list(self.controllers)

    @property
    def owners(self) -> list[str]:
        """Whom resources and groups belong to."""
        return [self.people[0].address, self.people[1].address, BATTERY]

    @property
    def resources(self) -> list[bytes]:
        return [resource_id(owner, LABELS[0]) for owner in self.owners]

    @property
    def groups(self) -> list[bytes]:
        return [group_id(owner, label) for owner in self.owners[:2] for label in LABELS]

    def tell(self) -> None:
        """Two or three resources are known from the start."""
        self.controllers = {person.address: person for person in self.people}
        self.controllers |= {BATTERY: self.people[0], CAR: self.people[0], VAN: self.people[1]}
        for owner in self.choose.sample(self.owners, self.choose.choice((2, 3, 3))):
            self._send(*self._bootstrap(owner))
        for owner in self.owners[:2]:
            for label in LABELS:
                members = [person.address for person in self.choose.sample(self.people, 3)]
                self._as_owner(owner, "addMembers", owner, label, members)
        for number in range(STEPS):
            self.step()
            if number % 6 == 5:
                self.remember()

    def step(self) -> None:
        now = self.bench.now
        self.times.append(now)
        self.bench.chain.advance_to(now + self.choose.choice((0, 0, 0, 0, 1, 7, 100, 3_600)))
        weights = {
            self.grant: 18,
            self.grant_group: 9,
            self.delegate: 28,
            self.bring_kept_back: 8,
            self.revoke: 7,
            self.list_: 12,
            self.membership: 8,
            self.use: 20,
            self.sell: 3,
            self.move: 2,
            self.rebootstrap: 6,
            self.at_once: 3,
        }
        act = self.choose.choices(list(weights), list(weights.values()))[0]
        try:
            act()
            self.done[act.__name__] += 1
            self.certificates += self.drafted
        except ContractError as refusal:
            self.done[refusal.name] += 1
        self.drafted.clear()

    # What people do

    def grant(self) -> None:
        self._send(*self._grant(self.choose.choice(self.owners)))

    def grant_group(self) -> None:
        self._send(*self._grant(self.choose.choice(self.owners), group=self.choose.choice(self.groups)))

    def delegate(self) -> None:
        parents = [each for each in self.certificates if each.delegable]
        if not parents:
            return
        parent = self.choose.choice(parents[-4:])
        uses = parent.max_uses and self.choose.randint(1, parent.max_uses)
        self._send(
            *self._signed_grant(
                replace(
                    parent,
                    id=self._id(),
                    granter=parent.grantee,
                    grantee=self._somebody(parent.grantee),
                    rights=parent.rights & self.choose.choice((7, 7, 3, 1)),
                    valid_from=self.bench.now,
                    valid_until=min(parent.valid_until, self._later()),
                    delegable=self.choose.random() < 0.7,
                    max_uses=uses,
                    parent=parent.struct_hash(),
                )
            )
        )

    def bring_kept_back(self) -> None:
        """A paper older than what was brought since, or revoked; now and then its granter sends it itself."""
        if not self.kept_back:
            self._grant(self.choose.choice(self.owners))
            self.kept_back += self.drafted
            self.drafted.clear()
            if self.choose.random() < 0.5:
                self._revoke(self.kept_back[0])
            return
        paper = self.kept_back.pop()
        by = self.controllers[paper.granter] if self.choose.random() < 0.5 else None
        self._send(*self._signed_grant(paper), by=by)

    def revoke(self) -> None:
        if not self.certificates:
            return
        passed_on = [each for each in self.certificates if any(each.parent)]
        recent = passed_on if passed_on and self.choose.random() < 0.5 else self.certificates
        self._revoke(self.choose.choice(recent[-8:]))

    def _revoke(self, certificate: AccessCertificate) -> None:
        granter_revokes = self.choose.random() < 0.5
        issuer = certificate.granter if granter_revokes else self._owner_of(certificate.resource)
        at = self.choose.choice((0, 0, self._later()))
        call = (self.bench.revocations, "revoke", (issuer, certificate.struct_hash(), at, 0))
        self._send(*call, by=self.controllers[issuer])

    def list_(self) -> None:
        owner = self.choose.choice(self.owners)
        resource, listed = resource_id(owner, LABELS[0]), [self._somebody(), self._somebody()]
        name = self.choose.choice(
            ("blockAccessors", "unblockAccessors", "allowAccessors", "allowAccessors", "disallowAccessors")
        )
        rights = (self.choose.choice((1, 3, 4)),) if name == "allowAccessors" else ()
        self._as_owner(owner, name, resource, listed, *rights)

    def membership(self) -> None:
        owner = self.choose.choice(self.owners[:2])
        name = self.choose.choice(("addMembers", "addMembers", "removeMembers"))
        self._as_owner(owner, name, owner, self.choose.choice(LABELS), [self._somebody()])

    def use(self) -> None:
        resource, accessor = self.choose.choice(self.resources), self._somebody()
        limited = [each for each in self.certificates if each.max_uses and each.rights & 1]
        if limited:
            certificate = self.choose.choice(limited[-3:])
            resource = certificate.resource
            accessor = certificate.grantee if certificate.grantee != NOBODY else accessor
        self._send(self.bench.registry, "use", (resource, accessor, 1), by=self.bench.host)

    def sell(self) -> None:
        identity = self.choose.choice(self.identities)
        buyer = self.choose.choice(self.people)
        self._as_owner(identity, "changeOwner", identity, buyer.address, contract="DIDRegistry")
        self.controllers[identity] = buyer

    def move(self) -> None:
        self.bench.certify(BATTERY, EntityType.BATTERY, self.choose.choice((CAR, VAN, NOBODY)))

    def rebootstrap(self) -> None:
        self._send(*self._bootstrap(self.choose.choice(self.owners)))

    def at_once(self) -> None:
        """A sale and grants in one second, in any order."""
        owner = self.choose.choice(self.owners)
        buyer = self.choose.choice(self.people)
        sold = self.choose.random() < 0.7
        sale = self.bench.signed_sale(owner, buyer.address, self.controllers[owner])
        other: Call = (self.bench.dids, "changeOwnerSigned", sale) if sold else self._grant(owner)
        calls = [self._grant(owner), other]
        self.choose.shuffle(calls)
        self.bench.together(*calls)
        if sold:
            self.controllers[owner] = buyer

    # What they are asked

    def questions(self, count: int, latest: int) -> list[Question]:
        """Of everybody about everything, mostly near times at which something happened."""
        anybody = [*self.identities, self.bench.stranger.address]
        moments = [time + near for time in self.times for near in (-1, 0, 1)]
        moments += [each.valid_until for each in self.certificates] + [0, latest]
        held = [(each.resource, each.grantee) for each in self.certificates if each.grantee != NOBODY]
        passed_on = [(each.resource, each.grantee) for each in self.certificates if any(each.parent)]
        asked = []
        for _ in range(count):
            resource, accessor = self.choose.choice(self.resources), self.choose.choice(anybody)
            chance = self.choose.random()
            if held and chance < 0.3:
                resource, accessor = self.choose.choice(held)
            elif passed_on and chance < 0.7:
                resource, accessor = self.choose.choice(passed_on)
            right = self.choose.choice((1, 1, 1, 2, 3, 4, 0, 8))
            asked.append((resource, accessor, right, min(self.choose.choice(moments), latest)))
        return asked

    def remember(self) -> None:
        """Answers that may not change any more: for times up to the last block."""
        asked = self.questions(6, self.bench.chain.timestamp_of(self.bench.chain.head()))
        for question, answer in zip(asked, self.bench.answers(asked), strict=True):
            self.first_answers.setdefault(question, answer)

    # Words

    def _grant(self, owner: str, group: bytes = NONE) -> Call:
        now = self.bench.now
        return self._signed_grant(
            AccessCertificate(
                id=self._id(),
                granter=owner,
                grantee=NOBODY if any(group) else self._somebody(owner),
                group=group,
                resource=resource_id(owner, LABELS[0]),
                rights=self.choose.choice((1, 2, 3, 7, 7)),
                purpose=NONE,
                valid_from=now + self.choose.choice((-5, 0, 0, 0, 0, 40, 5_000)),
                valid_until=self._later() + 5_000,
                delegable=not any(group) and self.choose.random() < 0.7,
                max_uses=self.choose.choice((0, 0, 1, 2, 3)),
                parent=NONE,
            )
        )

    def _signed_grant(self, certificate: AccessCertificate) -> Call:
        self.drafted.append(certificate)
        self.times.append(certificate.valid_from)
        signature = self.bench.signed(certificate, self.controllers[certificate.granter])
        return self.bench.registry, "grant", (certificate, signature)

    def _bootstrap(self, owner: str) -> Call:
        message = self.bench.bootstrapping(
            owner=owner,
            label=LABELS[0],
            protocols=self._id(),
            default_rights=self.choose.choice((0, 0, 1)),
            valid_until=self._later() + 20_000,
        )
        signature = self.bench.signed(message, self.controllers[owner])
        return self.bench.registry, "bootstrap", (message, signature)

    def _as_owner(
        self, identity: str, function: str, *args: object, contract: str = "AccessRegistry"
    ) -> None:
        self._send(self.bench.contracts[contract], function, args, by=self.controllers[identity])

    def _send(
        self, contract: ContractHandle, function: str, args: tuple[object, ...], by: Any = None
    ) -> None:
        contract.transact(function, *args, signer=by or self.bench.stranger, gas=GAS)

    def _somebody(self, other_than: str = "") -> str:
        """Often one who has passed something on, as that is where answers hang together."""
        passed_on = [each.granter for each in self.certificates if any(each.parent)]
        if passed_on and self.choose.random() < 0.3:
            return self.choose.choice(passed_on)
        return self.choose.choice([each for each in self.people if each.address != other_than]).address

    def _owner_of(self, resource: bytes) -> str:
        return next(owner for owner in self.owners if resource_id(owner, LABELS[0]) == resource)

    def _id(self) -> bytes:
        return self.choose.randbytes(32)

    def _later(self) -> int:
        return self.bench.now + self.choose.choice((20, 500, 30_000, 5 * DAY))


@pytest.fixture(scope="module")
def bench(chain: Chain, signers: list[LocalSigner]) -> AccessBench:
    """People own a battery and two vehicles; the battery is part of the first."""
    bench = found_access(chain, signers)
    owners = (bench.owner, bench.owner, bench.reader)
    for thing, owner in zip(THINGS, owners, strict=True):
        sale = bench.signed_sale(thing.address, owner.address, thing)
        bench.dids.transact("changeOwnerSigned", *sale, signer=bench.stranger)
    for vehicle in (CAR, VAN):
        bench.certify(vehicle, EntityType.VEHICLE)
    bench.certify(BATTERY, EntityType.BATTERY, CAR)
    return bench


@pytest.fixture(scope="module")
def seen() -> Counter[object]:
    """What came about in any world: reasons, findings, things done and refused."""
    return Counter()


def test_chain_and_python_decide_alike_and_never_change_their_minds(
    bench: AccessBench, signers: list[LocalSigner], seen: Counter[object]
) -> None:
    people = [bench.owner, bench.reader, bench.friend, bench.buyer, bench.keeper, signers[9]]

    @given(seed=st.integers(0, 10**6))
    @settings(max_examples=WORLDS, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    def hold(seed: int) -> None:
        before = bench.chain.snapshot()
        try:
            story = Story(bench, people, random.Random(seed))
            story.tell()
            seen.update(story.done)
            _compare(story, seen)
        finally:
            bench.chain.revert_to(before)

    hold()


def _compare(story: Story, seen: Counter[object]) -> None:
    bench = story.bench
    asked = story.questions(90, bench.now + 30 * DAY)
    answers = bench.answers(asked)
    whole = bench.snapshot()
    read_back = Snapshot.from_json(json.loads(json.dumps(whole.to_json())))
    assert read_back == whole
    narrow = {resource: bench.snapshot([resource]) for resource in story.resources}

    for question, (allowed, reason, certificate) in zip(asked, answers, strict=True):
        decision, steps = weigh(read_back.world, *question)
        assert (decision.allowed, decision.reason, decision.certificate) == (allowed, reason, certificate)
        assert narrow[question[0]].decide(*question) == decision
        assert Explanation(*question, decision, tuple(steps)).lines()
        seen[reason] += 1
        seen.update((step.rule, step.finding) for step in steps)

    first = story.first_answers
    assert bench.answers(list(first)) == list(first.values())
    for question, answer in first.items():
        decision = whole.decide(*question)
        assert (decision.allowed, decision.reason, decision.certificate) == answer


def test_the_worlds_were_worth_it(seen: Counter[object]) -> None:
    """Every answer was given, nearly everything that can be found was found, and most of what was tried was done."""
    assert {each for each in seen if isinstance(each, Reason)} == set(Reason)
    found = {each[1] for each in seen if isinstance(each, tuple)}
    assert set(Finding) - found <= {Finding.GRANTER_BLOCKED, Finding.GRANTER_HANDED_OVER, Finding.REPLACED}
    acts = [name for name in vars(Story) if name in seen]
    assert len(acts) == 12
    assert sum(seen[act] for act in acts) > WORLDS * STEPS / 2
    assert {"CertificateOlder", "CertificateRevoked", "OwnershipTooNew", "GrantedByAnother"} <= set(seen)
