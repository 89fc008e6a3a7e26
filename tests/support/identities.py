"""A DIDRegistry for tests, and a plain model of what it must answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evgi_client.identity import SIG_AUTH, Identities, SignedChange, word_of
from evgi_client.identity.document import NOBODY
from evgi_client.identity.packed import pack
from evgi_client.messages import Domain, keccak256
from evgi_client.signing import LocalSigner, sign

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evgi_client.chain import Chain, ContractHandle, Event, Receipt

DAY = 86_400
NAME = word_of("did/pub/Secp256k1/veriKey/hex")
VERI_KEY = "veriKey"


@dataclass
class World:
    """A registry, owners, and a relayer that owns nothing."""

    chain: Chain
    registry: ContractHandle
    relayer: LocalSigner
    owners: list[LocalSigner]

    @classmethod
    def on(cls, chain: Chain, signers: list[LocalSigner]) -> World:
        return cls(chain, chain.deploy("DIDRegistry", [], signers[0]), signers[0], signers[1:])

    @property
    def domain(self) -> Domain:
        return Domain("DIDRegistry", "1", self.chain.chain_id, self.registry.address)

    @property
    def now(self) -> int:
        return self.chain.now()

    def by(self, signer: LocalSigner) -> Identities:
        """The client of an owner."""
        return Identities({"DIDRegistry": self.registry}, self.domain, signer)

    def call(self, function: str, *args: object) -> Any:
        return self.registry.call(function, *args)

    def do(self, function: str, *args: object, by: LocalSigner) -> Receipt:
        return self.registry.transact(function, *args, signer=by)

    def owner_change(
        self,
        by: LocalSigner,
        identity: str,
        owner: str,
        *,
        nonce: int | None = None,
        deadline: int | None = None,
    ) -> Any:
        """Signed by ``by``, whoever that is."""
        made = self.by(by).draft_owner(identity, owner, nonce=nonce, deadline=self._by_tomorrow(deadline))
        return sign(by, made, self.domain)

    def delegate_change(
        self,
        by: LocalSigner,
        identity: str,
        delegate: str,
        *,
        valid_to: int | None = None,
        kind: str = SIG_AUTH,
        nonce: int | None = None,
        deadline: int | None = None,
    ) -> Any:
        until = self.now + 10 * DAY if valid_to is None else valid_to
        made = self.by(by).draft_delegate(
            identity, kind, delegate, valid_to=until, nonce=nonce, deadline=self._by_tomorrow(deadline)
        )
        return sign(by, made, self.domain)

    def attribute_change(
        self,
        by: LocalSigner,
        identity: str,
        value: bytes,
        *,
        valid_to: int | None = None,
        nonce: int | None = None,
        deadline: int | None = None,
    ) -> Any:
        until = self.now + 10 * DAY if valid_to is None else valid_to
        made = self.by(by).draft_attribute(
            identity,
            NAME.decode().rstrip("\0"),
            value,
            valid_to=until,
            nonce=nonce,
            deadline=self._by_tomorrow(deadline),
        )
        return sign(by, made, self.domain)

    def bring(self, signed: SignedChange) -> Receipt:
        """One change by its own function."""
        return self.by(self.relayer).bring(signed.message, signed.signature.to_bytes())

    def apply(self, *signed: SignedChange) -> Receipt:
        """Changes in one batch, in the order given."""
        batch = b"".join(pack(each.message, each.signature) for each in signed)
        return self.do("applySigned", batch, by=self.relayer)

    def events(self, receipt: Receipt) -> list[tuple[str, dict[str, Any]]]:
        return [(event.name, event.args) for event in self.registry.events_in(receipt)]

    def _by_tomorrow(self, deadline: int | None) -> int:
        return self.now + DAY if deadline is None else deadline


@dataclass
class Appointment:
    """A delegate: until when, made one by whom and when."""

    valid_to: int
    owner: str
    since: int


@dataclass
class Identity:
    """What is known of an identity, by every change of it in turn."""

    name: str
    owner: str
    nonce: int = 0
    changed: int = 0
    epochs: list[int] = field(default_factory=list)
    delegates: dict[tuple[bytes, str], Appointment] = field(default_factory=dict)

    def hand_over(self, owner: str, block: int, time: int) -> None:
        self.owner = owner
        if time not in self.epochs:
            self.epochs.append(time)
        self._count(block)

    def appoint(self, delegate_type: bytes, delegate: str, valid_to: int, block: int, time: int) -> None:
        self.delegates.pop((delegate_type, delegate), None)
        if valid_to > time:
            self.delegates[delegate_type, delegate] = Appointment(valid_to, self.owner, time)
        self._count(block)

    def state(self, block: int) -> None:
        """An attribute, which leaves nothing."""
        self._count(block)

    def _count(self, block: int) -> None:
        self.nonce += 1
        self.changed = block

    @property
    def owned_since(self) -> int:
        return self.epochs[-1] if self.epochs else 0

    def owned_since_at(self, time: int) -> int:
        return max((epoch for epoch in self.epochs if epoch <= time), default=0)

    def acts_for(self, account: str, time: int) -> bool:
        if self.owner == NOBODY:
            return False
        made = self.delegates.get((word_of(SIG_AUTH), account))
        appointed = (
            made is not None
            and made.valid_to > time
            and made.owner == self.owner
            and made.since >= self.owned_since
        )
        return account == self.owner or appointed


def rebuilt(chain: Chain, events: Iterable[Event]) -> dict[str, Identity]:
    """The identities that events alone tell of, with the times of their blocks."""
    known: dict[str, Identity] = {}
    for event in events:
        name = event.args["identity"]
        identity = known.setdefault(name, Identity(name, name))
        assert event.args["previousChange"] == identity.changed
        block, time = event.block_number, chain.timestamp_of(event.block_number)
        if event.name == "DIDOwnerChanged":
            identity.hand_over(event.args["owner"], block, time)
        elif event.name == "DIDDelegateChanged":
            delegate = (event.args["delegateType"], event.args["delegate"])
            identity.appoint(*delegate, event.args["validTo"], block, time)
        else:
            identity.state(block)
    return known


def assert_is(world: World, identity: Identity, accounts: Iterable[str]) -> None:
    """Every answer of the contract about an identity is the model's."""
    name, now = identity.name, world.now
    assert world.call("identityOwner", name) == identity.owner
    never = not identity.epochs
    assert world.call("owners", name) == (NOBODY if never else identity.owner)
    assert world.call("nonce", name) == identity.nonce
    assert world.call("changed", name) == identity.changed
    assert world.call("ownedSince", name) == identity.owned_since
    for time in {0, now, *(epoch + shift for epoch in identity.epochs[-2:] for shift in (-1, 0, 1))}:
        assert world.call("ownedSinceAt", name, time) == identity.owned_since_at(time)
    for account in accounts:
        assert world.call("actsFor", name, account) == identity.acts_for(account, now)
        for kind in (SIG_AUTH, VERI_KEY):
            word = word_of(kind)
            made = identity.delegates.get((word, account))
            valid_to = made.valid_to if made else 0
            assert world.call("delegates", name, keccak256(word), account) == valid_to
            valid = valid_to > now and identity.owner != NOBODY
            assert world.call("validDelegate", name, word, account) == valid
