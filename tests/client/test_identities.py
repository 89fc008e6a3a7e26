"""Identities on a real chain through the client: an owner's changes, signed ones brought by others, and the answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evgi_client.chain import Chain
from evgi_client.errors import ChangeTooLongError, ContractError, IdentityNameError, WatchOnlyError
from evgi_client.identity import SIG_AUTH, Identities
from evgi_client.identity.document import NOBODY
from evgi_client.identity.packed import LONGEST_VALUE
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.signing import LocalSigner, WatchOnly
from tests.support.identities import DAY, World

KEY_NAME = "did/pub/Secp256k1/veriKey/hex"


@pytest.fixture(scope="module")
def shared_world(chain: Chain, signers: list[LocalSigner]) -> World:
    return World.on(chain, signers)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    snapshot = shared_world.chain.snapshot()
    yield shared_world
    shared_world.chain.revert_to(snapshot)


@pytest.fixture
def owner(world: World) -> LocalSigner:
    return world.owners[0]


@pytest.fixture
def own(world: World, owner: LocalSigner) -> Identities:
    return world.by(owner)


@pytest.fixture
def relayer(world: World) -> Identities:
    return world.by(world.relayer)


def test_an_owner_changes_its_identity(world: World, owner: LocalSigner, own: Identities) -> None:
    name, other = owner.address, world.owners[1]
    assert (own.owner(name), own.nonce(name), own.changed(name), own.owned_since(name)) == (name, 0, 0, 0)
    begun = world.now
    own.add_delegate(name, SIG_AUTH, other.address, 100)
    assert own.acts_for(name, other.address)
    assert own.valid_delegate(name, SIG_AUTH, other.address)
    assert not own.valid_delegate(name, "veriKey", other.address)
    own.revoke_delegate(name, SIG_AUTH, other.address)
    assert not own.acts_for(name, other.address)
    own.set_attribute(name, KEY_NAME, b"\x02" * 33, DAY)
    own.revoke_attribute(name, KEY_NAME, b"\x02" * 33)
    world.chain.advance_to(begun + 50)
    receipt = own.change_owner(name, other.address)
    assert (own.owner(name), own.nonce(name), own.changed(name)) == (other.address, 5, receipt.block_number)
    assert (own.owned_since(name), own.owned_since_at(name, begun + 49)) == (begun + 50, 0)
    assert not own.is_deactivated(name)
    world.by(other).deactivate(name)
    assert own.is_deactivated(name)
    assert own.owner(name) == NOBODY


def test_drafts_carry_the_next_nonce(world: World, owner: LocalSigner, own: Identities) -> None:
    name, other = owner.address, world.owners[1].address
    assert own.draft_owner(name, other, deadline=9) == OwnerChange(name, other, 0, 9)
    own.set_attribute(name, KEY_NAME, b"", 1)
    word = b"sigAuth" + bytes(25)
    expected = DelegateChange(name, word, other, 8, 1, 9)
    assert own.draft_delegate(name, SIG_AUTH, other, valid_to=8, deadline=9) == expected
    attribute = own.draft_attribute(name, "did/svc/Data", b"x", valid_to=8, deadline=9, nonce=7)
    assert attribute == AttributeChange(name, b"did/svc/Data" + bytes(20), b"x", 8, 7, 9)


def test_signing_needs_no_chain(world: World, owner: LocalSigner, own: Identities) -> None:
    change = OwnerChange(owner.address, world.owners[1].address, 0, world.now + DAY)
    signed = own.sign(change)
    assert signed.domain == world.domain
    assert signed.recover() == owner.address
    watching = Identities({"DIDRegistry": world.registry}, world.domain, WatchOnly(owner.address))
    with pytest.raises(WatchOnlyError):
        watching.sign(change)


def test_anyone_brings_what_an_owner_signed(
    world: World, owner: LocalSigner, own: Identities, relayer: Identities
) -> None:
    name, other, deadline = owner.address, world.owners[1], world.now + DAY
    service = own.draft_attribute(name, "did/svc/Data", b"https://", valid_to=2**64 - 1, deadline=deadline)
    relayer.bring(service, own.sign(service).signature.to_bytes())
    delegate = own.draft_delegate(name, SIG_AUTH, other.address, valid_to=world.now + DAY, deadline=deadline)
    relayer.bring(delegate, own.sign(delegate).signature.to_bytes())
    assert own.acts_for(name, other.address)
    handed = own.sign(own.draft_owner(name, other.address, deadline=deadline))
    theirs = world.by(other)
    back = theirs.sign(theirs.draft_owner(name, owner.address, deadline=deadline, nonce=3))
    (receipt,) = relayer.relay([handed, back])
    assert (own.owner(name), own.nonce(name)) == (owner.address, 4)
    assert len(world.registry.events_in(receipt, "DIDOwnerChanged")) == 2


def test_a_refusal_names_the_change(
    world: World, owner: LocalSigner, own: Identities, relayer: Identities
) -> None:
    name = owner.address
    signed = own.sign(own.draft_owner(name, name, deadline=world.now + DAY))
    relayer.relay([signed])
    for act in (
        lambda: relayer.relay([signed]),
        lambda: relayer.bring(signed.message, signed.signature.to_bytes()),
    ):
        with pytest.raises(ContractError) as refused:
            act()
        assert refused.value.name == "NonceUnexpected"
        assert refused.value.args == {"identity": name, "nonce": 0, "expected": 1}


def test_many_changes_take_few_transactions(
    world: World, owner: LocalSigner, own: Identities, relayer: Identities
) -> None:
    name, deadline = owner.address, world.now + DAY
    changes = [
        own.sign(
            own.draft_attribute(
                name, "did/svc/Data", bytes(3_000), valid_to=0, deadline=deadline, nonce=nonce
            )
        )
        for nonce in range(45)
    ]
    receipts = relayer.relay(changes)
    assert len(receipts) == 2
    assert own.nonce(name) == 45
    assert relayer.relay([]) == []


def test_nothing_is_sent_where_a_change_cannot_be_packed(
    world: World, owner: LocalSigner, own: Identities, relayer: Identities
) -> None:
    name, deadline = owner.address, world.now + DAY
    fits = own.sign(own.draft_owner(name, name, deadline=deadline))
    long = own.draft_attribute(
        name, "did/svc/Data", bytes(LONGEST_VALUE + 1), valid_to=0, deadline=deadline, nonce=1
    )
    with pytest.raises(ChangeTooLongError):
        relayer.relay([fits, own.sign(long)])
    assert own.nonce(name) == 0
    relayer.relay([fits])
    relayer.bring(long, own.sign(long).signature.to_bytes())
    assert own.nonce(name) == 2


def test_what_is_no_name_is_not_sent(owner: LocalSigner, own: Identities) -> None:
    with pytest.raises(IdentityNameError):
        own.set_attribute(owner.address, "did/svc/" + "n" * 25, b"", 1)
    with pytest.raises(IdentityNameError):
        own.add_delegate(owner.address, "", owner.address, 1)
