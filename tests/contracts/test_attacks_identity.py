"""How registries like this one were broken, tried on ours: the failures of the ERC-1056 reference, and what a stranger
can do with everything that is public."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.chain import Artifact, Chain, ContractHandle
from evgi_client.errors import ContractError
from evgi_client.identity import word_of
from evgi_client.identity.document import NOBODY
from evgi_client.identity.packed import pack
from evgi_client.messages import Domain
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.signing import LocalSigner, sign
from evgi_client.signing.signature import CURVE_ORDER
from tests.support.identities import DAY, NAME, World

TEST_ARTIFACTS = Path(__file__).parent / "artifacts"
SIG_AUTH = word_of("sigAuth")
SIGNED = {
    OwnerChange: "changeOwnerSigned",
    DelegateChange: "changeDelegateSigned",
    AttributeChange: "changeAttributeSigned",
}


@pytest.fixture(scope="module")
def shared_world(chain: Chain, signers: list[LocalSigner]) -> World:
    return World.on(chain, signers)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    snapshot = shared_world.chain.snapshot()
    yield shared_world
    shared_world.chain.revert_to(snapshot)


@pytest.fixture
def ann(world: World) -> LocalSigner:
    return world.owners[0]


@pytest.fixture
def bob(world: World) -> LocalSigner:
    return world.owners[1]


@pytest.fixture
def eve(world: World) -> LocalSigner:
    return world.owners[2]


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ContractError) as refused:
        act()
    return refused.value.name


def state_of(world: World, *identities: str) -> list[Any]:
    reads = ("identityOwner", "nonce", "changed", "ownedSince")
    return [world.call(read, identity) for identity in identities for read in reads]


# The zero identity, and an owner of zero


GARBAGE = [
    b"",
    bytes(65),
    bytes(64) + b"\x1b",
    b"\x01" * 64 + b"\x1d",
    b"\xff" * 32 + b"\x01" * 32 + b"\x1b",
    b"\x01" * 32 + b"\x00" * 32 + b"\x1c",
]
"""Bytes from which ``ecrecover`` returns nothing, where they get that far."""


@pytest.mark.parametrize("signature", GARBAGE)
def test_the_zero_identity_is_not_taken_with_garbage(
    world: World, eve: LocalSigner, signature: bytes
) -> None:
    """The reference compares what ecrecover returns for garbage, zero, with the owner of 0x0, zero."""
    for nonce in (0, 1):
        change = OwnerChange(NOBODY, eve.address, nonce, world.now + DAY)
        assert (
            refusal(lambda change=change: world.do("changeOwnerSigned", change, signature, by=eve))
            == "IdentityDeactivated"
        )
    assert world.call("identityOwner", NOBODY) == NOBODY


@pytest.mark.parametrize("signature", GARBAGE)
def test_garbage_signs_for_nobody(world: World, ann: LocalSigner, eve: LocalSigner, signature: bytes) -> None:
    world.do("setAttribute", ann.address, NAME, b"", 1, by=ann)
    change = OwnerChange(ann.address, eve.address, 1, world.now + DAY)
    assert (
        refusal(lambda: world.do("changeOwnerSigned", change, signature, by=eve)) == "OwnerSignatureInvalid"
    )


@pytest.mark.parametrize("identity", ["zero", "ann", "deactivated"])
@pytest.mark.parametrize(("r", "s"), [(0, 0), (0, 1), (CURVE_ORDER, 1), (5, 0), (5, CURVE_ORDER), (5, 1)])
def test_garbage_in_a_batch_signs_for_nobody(
    world: World, ann: LocalSigner, bob: LocalSigner, eve: LocalSigner, identity: str, r: int, s: int
) -> None:
    world.by(bob).deactivate(bob.address)
    name = {"zero": NOBODY, "ann": ann.address, "deactivated": bob.address}[identity]
    before = state_of(world, name)
    packed = pack(*_message_and_signature(world.owner_change(eve, name, eve.address)))
    forged = packed[:33] + r.to_bytes(32, "big") + s.to_bytes(32, "big") + packed[97:]
    expected = "OwnerSignatureInvalid" if identity == "ann" else "IdentityDeactivated"
    assert refusal(lambda: world.do("applySigned", forged, by=eve)) == expected
    assert state_of(world, name) == before


def test_an_owner_of_zero_does_not_bring_the_old_key_back(world: World, ann: LocalSigner) -> None:
    """The reference takes an owner of zero for one that was never set: the identity's own key is owner again."""
    world.do("changeOwner", ann.address, NOBODY, by=ann)
    assert world.call("identityOwner", ann.address) == NOBODY
    assert refusal(lambda: world.do("changeOwner", ann.address, ann.address, by=ann)) == "IdentityDeactivated"
    back = world.owner_change(ann, ann.address, ann.address)
    assert refusal(lambda: world.bring(back)) == "IdentityDeactivated"
    assert refusal(lambda: world.apply(back)) == "IdentityDeactivated"


# Replay: another chain, another contract, later, again


def _message_and_signature(signed: Any) -> tuple[Any, Any]:
    return signed.message, signed.signature


def _changes(world: World, owner: LocalSigner, other: LocalSigner, **fields: Any) -> list[Any]:
    """A change of each kind of the owner's own identity."""
    return [
        world.owner_change(owner, owner.address, other.address, **fields),
        world.delegate_change(owner, owner.address, other.address, **fields),
        world.attribute_change(owner, owner.address, b"value", **fields),
    ]


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_a_signature_is_for_one_chain_and_one_contract(
    world: World, ann: LocalSigner, eve: LocalSigner, way: str
) -> None:
    other = world.chain.deploy("DIDRegistry", [], eve)
    domains = [
        replace(world.domain, chain_id=world.domain.chain_id + 1),
        replace(world.domain, verifying_contract=other.address),
        replace(world.domain, version="2"),
        Domain("PeeringRegistry", "1", world.domain.chain_id, world.registry.address),
    ]
    for domain in domains:
        for change in _changes(world, ann, eve):
            elsewhere = sign(ann, change.message, domain)
            assert (
                refusal(lambda elsewhere=elsewhere: getattr(world, way)(elsewhere)) == "OwnerSignatureInvalid"
            )
    assert state_of(world, ann.address) == [ann.address, 0, 0, 0]


def test_where_a_chain_splits_a_signature_stays_on_one_side(
    start_anvil: Callable[..., str], funded: Callable[..., list[LocalSigner]]
) -> None:
    """The registry does not keep the chain id it was born with."""
    url = start_anvil()
    before = Chain.connect(url)
    world = World.on(before, funded(before, 3))
    ann, bob = world.owners
    signed = _changes(world, ann, bob)
    before.web3.provider.make_request("anvil_setChainId", [before.chain_id + 1])  # type: ignore[arg-type]
    after = Chain.connect(url)
    assert after.chain_id == before.chain_id + 1
    split = World(after, _on(world.registry, after), world.relayer, world.owners)
    for change in signed:
        for way in ("bring", "apply"):
            assert refusal(lambda c=change, w=way: getattr(split, w)(c)) == "OwnerSignatureInvalid"
    split.apply(split.owner_change(ann, ann.address, bob.address))
    assert split.call("identityOwner", ann.address) == bob.address


def _on(contract: ContractHandle, chain: Chain) -> ContractHandle:
    return ContractHandle(chain, contract.name, contract.abi, contract.address)


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_a_relayer_does_not_shift_the_end(world: World, ann: LocalSigner, bob: LocalSigner, way: str) -> None:
    """The reference signs a number of seconds, which begin when the relayer pleases."""
    until = world.now + 3 * DAY
    changes = [
        world.delegate_change(ann, ann.address, bob.address, valid_to=until, deadline=until + DAY),
        world.attribute_change(ann, ann.address, b"key", valid_to=until, nonce=1, deadline=until + DAY),
    ]
    world.chain.advance_to(until - 10)
    for change in changes:
        (event,) = world.events(getattr(world, way)(change))
        assert event[1]["validTo"] == until
    world.chain.advance_to(until)
    assert not world.call("actsFor", ann.address, bob.address)


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_a_relayer_that_waits_past_the_end_brings_a_revocation(
    world: World, ann: LocalSigner, bob: LocalSigner, way: str
) -> None:
    until = world.now + DAY
    late = world.delegate_change(ann, ann.address, bob.address, valid_to=until, nonce=1, deadline=until + DAY)
    world.do("addDelegate", ann.address, SIG_AUTH, bob.address, 9 * DAY, by=ann)
    world.chain.advance_to(until)
    (event,) = world.events(getattr(world, way)(late))
    assert event[1]["validTo"] == 0
    assert not world.call("actsFor", ann.address, bob.address)


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_a_relayer_does_not_wait_for_ever(world: World, ann: LocalSigner, bob: LocalSigner, way: str) -> None:
    changes = _changes(world, ann, bob, deadline=world.now + 60)
    world.chain.advance_to(world.now + 61)
    for change in changes:
        assert refusal(lambda change=change: getattr(world, way)(change)) == "ChangeExpired"


def test_nothing_is_brought_twice_either_way(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    for first in ("bring", "apply"):
        for change in _changes(world, ann, ann):
            now = replace(change.message, nonce=world.call("nonce", ann.address))
            signed = sign(ann, now, world.domain)
            getattr(world, first)(signed)
            for again in ("bring", "apply"):
                assert (
                    refusal(lambda signed=signed, again=again: getattr(world, again)(signed))
                    == "NonceUnexpected"
                )
    batch = [world.attribute_change(ann, ann.address, b"twice")] * 2
    assert refusal(lambda: world.apply(*batch)) == "NonceUnexpected"


# Signatures bent into another shape


def test_a_signature_has_one_form(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    """High s, 64 bytes (EIP-2098), 66 bytes, v of 0 and 1, v flipped: all refused, and none is needed to replay."""
    change = world.owner_change(ann, ann.address, bob.address)
    plain = change.signature
    r, s, v = plain.r.to_bytes(32, "big"), plain.s, plain.v
    high = (CURVE_ORDER - s).to_bytes(32, "big")
    low = s.to_bytes(32, "big")
    compact = (s | (v - 27) << 255).to_bytes(32, "big")
    bent = [
        r + high + bytes((55 - v,)),
        r + high + bytes((v,)),
        r + low + bytes((55 - v,)),
        r + low + bytes((v - 27,)),
        r + compact,
        r + low + bytes((v, 0)),
        r + low,
    ]
    for signature in bent:
        act = lambda signature=signature: world.do("changeOwnerSigned", change.message, signature, by=bob)  # noqa: E731
        assert refusal(act) == "OwnerSignatureInvalid"
    packed = pack(change.message, plain)
    other_s = (CURVE_ORDER - int.from_bytes(packed[65:97], "big")).to_bytes(32, "big")
    flipped = packed[:65] + other_s + packed[97:]
    assert refusal(lambda: world.do("applySigned", flipped, by=bob)) == "OwnerSignatureInvalid"
    world.do("applySigned", packed, by=bob)


def test_one_kind_is_not_another(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    """With a signature of each kind, every function is tried on the fields that the kinds share."""
    now, until = world.now, world.now + DAY
    word = bytes(12) + bytes.fromhex(bob.address[2:])
    made: list[Any] = [
        OwnerChange(ann.address, bob.address, 0, until),
        DelegateChange(ann.address, SIG_AUTH, bob.address, until, 0, until),
        DelegateChange(ann.address, word, bob.address, 0, 0, until),
        AttributeChange(ann.address, SIG_AUTH, bytes.fromhex(bob.address[2:]), until, 0, until),
        AttributeChange(ann.address, NAME, b"", now, 0, until),
    ]
    for signed, claimed in ((a, b) for a in made for b in made if a is not b):
        signature = sign(ann, signed, world.domain).signature
        for act in (
            lambda c=claimed, s=signature: world.do(SIGNED[type(c)], c, s.to_bytes(), by=bob),
            lambda c=claimed, s=signature: world.do("applySigned", pack(c, s), by=bob),
        ):
            assert refusal(act) == "OwnerSignatureInvalid"
    assert world.call("nonce", ann.address) == 0


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_no_field_is_changed_on_the_way(world: World, ann: LocalSigner, bob: LocalSigner, way: str) -> None:
    other, until = world.owners[4].address, world.now + 2 * DAY
    for change in _changes(world, ann, bob):
        fields = {
            "identity": bob.address,
            "owner": other,
            "delegate": other,
            "delegate_type": word_of("veriKey"),
            "name": word_of("did/svc/Other"),
            "value": b"other",
            "valid_to": until,
            "deadline": until,
        }
        for name, value in fields.items():
            if name in type(change.message).__dataclass_fields__:
                bent = replace(change, message=replace(change.message, **{name: value}))
                assert refusal(lambda bent=bent: getattr(world, way)(bent)) == "OwnerSignatureInvalid"
    assert world.call("nonce", ann.address) == 0


def test_bits_that_an_address_has_no_room_for_are_refused(
    world: World, ann: LocalSigner, bob: LocalSigner
) -> None:
    for change in _changes(world, ann, bob):
        call = world.registry.encode(
            SIGNED[type(change.message)], change.message, change.signature.to_bytes()
        )
        # The head of the call is two offsets, or the struct itself where it is static.
        start = 4 + (64 if isinstance(change.message, AttributeChange) else 0)
        for position in range(start, start + 12):
            dirty = call[:position] + b"\x01" + call[position + 1 :]
            with pytest.raises(ContractError):
                world.chain.send(bob, to=world.registry.address, data=dirty)
    assert world.call("nonce", ann.address) == 0


# Those who owned it before


def test_what_an_earlier_owner_signed_is_void(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    old = _changes(world, ann, ann, deadline=world.now + 300 * DAY)
    ahead = _changes(world, ann, ann, nonce=1, deadline=world.now + 300 * DAY)
    world.do("changeOwner", ann.address, bob.address, by=ann)
    for change in old:
        for way in ("bring", "apply"):
            assert refusal(lambda c=change, w=way: getattr(world, w)(c)) == "NonceUnexpected"
    for change in ahead:
        for way in ("bring", "apply"):
            assert refusal(lambda c=change, w=way: getattr(world, w)(c)) == "OwnerSignatureInvalid"
    # Also where the owner comes back: its nonce is used up.
    world.do("changeOwner", ann.address, ann.address, by=bob)
    for change in (*old, *ahead):
        for way in ("bring", "apply"):
            assert refusal(lambda c=change, w=way: getattr(world, w)(c)) == "NonceUnexpected"


def test_a_seller_leaves_no_delegate_that_acts(
    world: World, ann: LocalSigner, bob: LocalSigner, eve: LocalSigner
) -> None:
    """Whatever it signs or sends before, in the same transaction or to itself and back."""
    world.do("addDelegate", ann.address, SIG_AUTH, eve.address, 1_000 * DAY, by=ann)
    world.apply(
        world.delegate_change(ann, ann.address, eve.address, valid_to=2**64 - 1),
        world.owner_change(ann, ann.address, eve.address, nonce=2),
        world.owner_change(eve, ann.address, ann.address, nonce=3),
        world.delegate_change(ann, ann.address, eve.address, valid_to=2**64 - 1, nonce=4),
        world.owner_change(ann, ann.address, bob.address, nonce=5),
    )
    acting = [each for each in world.owners if world.call("actsFor", ann.address, each.address)]
    assert acting == [bob]


def test_a_contract_that_accepts_everything_gives_away_only_itself(
    world: World, ann: LocalSigner, eve: LocalSigner
) -> None:
    account = world.chain.deploy(Artifact.load("SmartAccount", TEST_ARTIFACTS), [eve.address], eve)
    change = OwnerChange(ann.address, account.address, 0, world.now + DAY)
    signature = eve.sign_digest(change.digest(world.domain)).to_bytes()
    assert (
        refusal(lambda: world.do("changeOwnerSigned", change, signature, by=eve)) == "OwnerSignatureInvalid"
    )
    own = replace(change, identity=account.address, owner=eve.address)
    world.do("changeOwnerSigned", own, eve.sign_digest(own.digest(world.domain)).to_bytes(), by=eve)
    assert world.call("identityOwner", account.address) == eve.address


# A stranger with every public input


def _public_world(world: World) -> tuple[list[bytes], list[str]]:
    """A history by calls, single signatures and batches; everything that was sent, and the identities in it."""
    ann, bob, carl = world.owners[0], world.owners[1], world.owners[3]
    sent: list[str] = []
    sent.append(world.do("setAttribute", ann.address, NAME, b"a", DAY, by=ann).transaction_hash)
    sent.append(world.do("addDelegate", ann.address, SIG_AUTH, carl.address, DAY, by=ann).transaction_hash)
    sent.append(world.bring(world.attribute_change(bob, bob.address, b"b")).transaction_hash)
    sent.append(
        world.apply(
            world.delegate_change(bob, bob.address, carl.address),
            world.owner_change(bob, bob.address, carl.address, nonce=2),
            world.attribute_change(carl, carl.address, b"c"),
        ).transaction_hash
    )
    sent.append(world.do("changeOwner", ann.address, bob.address, by=ann).transaction_hash)
    sent.append(world.bring(world.owner_change(bob, ann.address, ann.address)).transaction_hash)
    sent.append(world.do("revokeDelegate", ann.address, SIG_AUTH, carl.address, by=ann).transaction_hash)
    sent.append(world.do("revokeAttribute", carl.address, NAME, b"c", by=carl).transaction_hash)
    calldata = [world.chain.calldata_of(each) for each in sent]
    return [each for each in calldata if each is not None], [each.address for each in (ann, bob, carl)]


def test_a_stranger_with_every_public_input_does_nothing(world: World, eve: LocalSigner) -> None:
    calldata, identities = _public_world(world)
    assert len(calldata) == 8
    before = state_of(world, *identities, NOBODY)
    for data in calldata:
        for sender in (eve, world.relayer):
            with pytest.raises(ContractError):
                world.chain.send(sender, to=world.registry.address, data=data)
    for identity in (*identities, NOBODY):
        for account in (eve.address, NOBODY, identity):
            calls: list[tuple[Any, ...]] = [
                ("changeOwner", identity, account),
                ("addDelegate", identity, SIG_AUTH, account, DAY),
                ("revokeDelegate", identity, SIG_AUTH, account),
                ("setAttribute", identity, NAME, b"e", DAY),
                ("revokeAttribute", identity, NAME, b"a"),
            ]
            for call in calls:
                assert refusal(lambda call=call: world.do(*call, by=eve)) in {
                    "NotOwner",
                    "IdentityDeactivated",
                }
        assert not world.call("actsFor", identity, eve.address)
    assert state_of(world, *identities, NOBODY) == before


def test_no_piece_of_a_public_signature_serves_again(world: World, eve: LocalSigner) -> None:
    """Every signature that was ever brought, on every change that could be next."""
    ann, bob = world.owners[0], world.owners[1]
    brought = [
        world.attribute_change(ann, ann.address, b"1"),
        world.delegate_change(ann, ann.address, bob.address, nonce=1),
        world.owner_change(ann, ann.address, bob.address, nonce=2),
        world.owner_change(bob, ann.address, ann.address, nonce=3),
    ]
    world.apply(*brought)
    until = world.now + DAY
    wanted: list[Any] = [
        OwnerChange(ann.address, eve.address, 4, until),
        DelegateChange(ann.address, SIG_AUTH, eve.address, until, 4, until),
        AttributeChange(ann.address, NAME, b"1", until, 4, until),
        *(replace(each.message, nonce=4) for each in brought),
    ]
    for change in wanted:
        for old in brought:
            assert (
                refusal(lambda c=change, o=old: world.do("applySigned", pack(c, o.signature), by=eve))
                == "OwnerSignatureInvalid"
            )


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_with_any_byte_changed_is_refused(world: World, data: st.DataObject) -> None:
    ann, bob = world.owners[0], world.owners[1]
    changes = [
        world.attribute_change(ann, ann.address, b"value"),
        world.delegate_change(ann, ann.address, bob.address, nonce=1),
        world.owner_change(ann, ann.address, bob.address, nonce=2),
    ]
    packed = b"".join(pack(each.message, each.signature) for each in changes)
    position = data.draw(st.integers(0, len(packed) - 1))
    changed = bytearray(packed)
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ContractError):
        world.registry.call("applySigned", bytes(changed), sender=bob.address)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(ContractError):
        world.registry.call("applySigned", packed[cut:], sender=bob.address)
    world.registry.call("applySigned", packed, sender=bob.address)
