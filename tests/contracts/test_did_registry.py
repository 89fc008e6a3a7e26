"""DIDRegistry on a real chain: what ERC-1056 has, what goes beyond it, each rule and each refusal."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
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
from evgi_client.messages import keccak256
from evgi_client.signing import LocalSigner
from tests.support.identities import DAY, NAME, VERI_KEY, World

ROOT = Path(__file__).parents[2]
TEST_ARTIFACTS = Path(__file__).parent / "artifacts"
SIG_AUTH = word_of("sigAuth")
FOREVER = 2**64 - 1
KEY = bytes(range(33))


@pytest.fixture(scope="module")
def shared_world(chain: Chain, signers: list[LocalSigner]) -> World:
    return World.on(chain, signers)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The registry as it was when nothing had changed."""
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


def refuses(act: Callable[[], object], error: str, **args: object) -> None:
    """The contract refuses with this error and exactly these arguments."""
    with pytest.raises(ContractError) as refused:
        act()
    assert (refused.value.name, refused.value.args) == (error, args)


# What ERC-1056 has


def test_the_interface_has_everything_unsigned_that_the_resolver_knows(world: World) -> None:
    node = shutil.which("node")
    library = ROOT / "node_modules" / "ethr-did-resolver" / "lib" / "config" / "EthereumDIDRegistry.js"
    if node is None or not library.is_file():
        pytest.skip("no ethr-did-resolver: run npm ci")
    program = (
        f"import({json.dumps(library.as_uri())})"
        ".then(it => console.log(JSON.stringify(it.EthereumDIDRegistry.abi)))"
    )
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, timeout=60, check=True)

    def shape(entry: dict[str, Any]) -> Any:
        inputs = [(each["type"], each.get("indexed"), each["name"]) for each in entry["inputs"]]
        if entry["type"] == "event":
            return entry["name"], inputs, entry["anonymous"]
        types = [each[0] for each in inputs], [each["type"] for each in entry["outputs"]]
        return entry["name"], *types, entry["stateMutability"]

    standard = [
        shape(entry)
        for entry in json.loads(done.stdout)
        if entry["type"] in ("function", "event") and not entry["name"].endswith("Signed")
    ]
    path = ROOT / "evgi_client" / "artifacts" / "DIDRegistry.json"
    ours = [
        shape(entry)
        for entry in json.loads(path.read_text())["abi"]
        if entry["type"] in ("function", "event")
    ]
    assert len(standard) >= 13
    assert [each for each in standard if each not in ours] == []


def test_every_address_is_an_identity_and_owns_itself(
    world: World, ann: LocalSigner, bob: LocalSigner
) -> None:
    assert world.call("identityOwner", ann.address) == ann.address
    for read in ("changed", "nonce", "ownedSince"):
        assert world.call(read, ann.address) == 0
    assert world.call("owners", ann.address) == NOBODY
    assert world.call("ownedSinceAt", ann.address, FOREVER) == 0
    assert world.call("actsFor", ann.address, ann.address)
    assert not world.call("actsFor", ann.address, bob.address)


def test_the_owner_hands_an_identity_over(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    now = world.now
    receipt = world.do("changeOwner", ann.address, bob.address, by=ann)
    changed = {"identity": ann.address, "owner": bob.address, "previousChange": 0}
    assert world.events(receipt) == [("DIDOwnerChanged", changed)]
    assert world.call("identityOwner", ann.address) == world.call("owners", ann.address) == bob.address
    assert world.call("identityOwner", bob.address) == bob.address
    assert world.call("changed", ann.address) == receipt.block_number
    assert world.call("nonce", ann.address) == 1
    assert world.call("ownedSince", ann.address) == now
    assert [world.call("actsFor", ann.address, who.address) for who in (ann, bob)] == [False, True]


def test_events_are_chained_by_their_blocks(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    first = world.do("changeOwner", ann.address, bob.address, by=ann)
    second = world.do("setAttribute", ann.address, NAME, KEY, 100, by=bob)
    third = world.do("addDelegate", ann.address, SIG_AUTH, ann.address, 100, by=bob)
    blocks = [
        args["previousChange"] for receipt in (first, second, third) for _, args in world.events(receipt)
    ]
    assert blocks == [0, first.block_number, second.block_number]
    assert world.call("changed", ann.address) == third.block_number
    batch = world.apply(
        world.attribute_change(bob, ann.address, b"1"),
        world.attribute_change(bob, ann.address, b"2", nonce=4),
    )
    before = [args["previousChange"] for _, args in world.events(batch)]
    assert before == [third.block_number, batch.block_number]


def test_only_the_owner_changes_an_identity(
    world: World, ann: LocalSigner, bob: LocalSigner, eve: LocalSigner
) -> None:
    world.do("changeOwner", ann.address, bob.address, by=ann)
    calls: list[tuple[Any, ...]] = [
        ("changeOwner", ann.address, eve.address),
        ("addDelegate", ann.address, SIG_AUTH, eve.address, 100),
        ("revokeDelegate", ann.address, SIG_AUTH, eve.address),
        ("setAttribute", ann.address, NAME, KEY, 100),
        ("revokeAttribute", ann.address, NAME, KEY),
    ]
    for stranger in (ann, eve):
        for call in calls:
            refuses(
                lambda call=call, stranger=stranger: world.do(*call, by=stranger),
                "NotOwner",
                identity=ann.address,
                caller=stranger.address,
                owner=bob.address,
            )


def test_a_delegate_is_valid_until_before_its_last_second(
    world: World, ann: LocalSigner, bob: LocalSigner
) -> None:
    now = world.now
    receipt = world.do("addDelegate", ann.address, SIG_AUTH, bob.address, 100, by=ann)
    assert world.events(receipt) == [
        (
            "DIDDelegateChanged",
            {
                "identity": ann.address,
                "delegateType": SIG_AUTH,
                "delegate": bob.address,
                "validTo": now + 100,
                "previousChange": 0,
            },
        )
    ]
    assert world.call("delegates", ann.address, keccak256(SIG_AUTH), bob.address) == now + 100
    assert world.call("delegates", ann.address, SIG_AUTH, bob.address) == 0
    assert not world.call("validDelegate", ann.address, word_of(VERI_KEY), bob.address)
    assert not world.call("validDelegate", bob.address, SIG_AUTH, bob.address)
    for time, valid in ((now + 99, True), (now + 100, False)):
        world.chain.advance_to(time)
        assert world.call("validDelegate", ann.address, SIG_AUTH, bob.address) is valid
        assert world.call("actsFor", ann.address, bob.address) is valid


def test_a_revoked_delegate_is_none_in_the_same_second(
    world: World, ann: LocalSigner, bob: LocalSigner
) -> None:
    batch = world.apply(
        world.delegate_change(ann, ann.address, bob.address),
        world.delegate_change(ann, ann.address, bob.address, valid_to=world.now, nonce=1),
    )
    valid_to = [args["validTo"] for _, args in world.events(batch)]
    assert valid_to == [world.now - 1 + 10 * DAY, 0]
    world.do("addDelegate", ann.address, SIG_AUTH, bob.address, 100, by=ann)
    (event,) = world.events(world.do("revokeDelegate", ann.address, SIG_AUTH, bob.address, by=ann))
    assert event[1]["validTo"] == 0
    assert not world.call("validDelegate", ann.address, SIG_AUTH, bob.address)
    assert not world.call("actsFor", ann.address, bob.address)
    assert world.call("delegates", ann.address, keccak256(SIG_AUTH), bob.address) == 0


def test_a_validity_of_no_seconds_revokes(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    world.do("addDelegate", ann.address, SIG_AUTH, bob.address, 100, by=ann)
    for call in (
        ("addDelegate", ann.address, SIG_AUTH, bob.address, 0),
        ("setAttribute", ann.address, NAME, KEY, 0),
    ):
        (event,) = world.events(world.do(*call, by=ann))
        assert event[1]["validTo"] == 0
    assert not world.call("validDelegate", ann.address, SIG_AUTH, bob.address)


def test_a_validity_fits_64_bits(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    limit = FOREVER - world.now
    for call in (
        ("addDelegate", ann.address, SIG_AUTH, bob.address),
        ("setAttribute", ann.address, NAME, KEY),
    ):
        for validity in (limit + 1, 2**256 - 1):
            refuses(
                lambda call=call, validity=validity: world.do(*call, validity, by=ann),
                "ValidityTooLong",
                identity=ann.address,
                validity=validity,
                limit=limit,
            )
    (event,) = world.events(world.do("addDelegate", ann.address, SIG_AUTH, bob.address, limit, by=ann))
    assert event[1]["validTo"] == FOREVER
    assert world.call("actsFor", ann.address, bob.address)


def test_the_zero_address_is_nobodys_delegate(world: World, ann: LocalSigner) -> None:
    change = world.delegate_change(ann, ann.address, NOBODY)
    for act in (
        lambda: world.do("addDelegate", ann.address, SIG_AUTH, NOBODY, 100, by=ann),
        lambda: world.do("revokeDelegate", ann.address, SIG_AUTH, NOBODY, by=ann),
        lambda: world.bring(change),
        lambda: world.apply(change),
    ):
        refuses(act, "DelegateZero", identity=ann.address)
    assert not world.call("actsFor", ann.address, NOBODY)


@pytest.mark.parametrize("value", [b"", b"\x01", bytes(32), bytes(range(65)), b"v" * 3_000])
def test_an_attribute_is_kept_in_its_event(world: World, ann: LocalSigner, value: bytes) -> None:
    now = world.now
    expected = {"identity": ann.address, "name": NAME, "value": value}
    receipts = [
        world.do("setAttribute", ann.address, NAME, value, 50, by=ann),
        world.bring(world.attribute_change(ann, ann.address, value, valid_to=now + 60)),
        world.apply(world.attribute_change(ann, ann.address, value, valid_to=now + 70)),
        world.do("revokeAttribute", ann.address, NAME, value, by=ann),
    ]
    blocks = [0, *(receipt.block_number for receipt in receipts)]
    for receipt, previous, until in zip(receipts, blocks, (now + 50, now + 60, now + 70, 0), strict=False):
        event = ("DIDAttributeChanged", {**expected, "validTo": until, "previousChange": previous})
        assert world.events(receipt) == [event]
    assert world.call("nonce", ann.address) == 4


# Deactivation


def everything_of(world: World, identity: str, signer: LocalSigner) -> list[Callable[[], object]]:
    """Each way to change an identity, by a signer that has its next nonce right."""
    changes = [
        world.owner_change(signer, identity, signer.address),
        world.delegate_change(signer, identity, signer.address),
        world.attribute_change(signer, identity, KEY),
    ]
    calls: list[tuple[Any, ...]] = [
        ("changeOwner", identity, signer.address),
        ("addDelegate", identity, SIG_AUTH, signer.address, 100),
        ("revokeDelegate", identity, SIG_AUTH, signer.address),
        ("setAttribute", identity, NAME, KEY, 100),
        ("revokeAttribute", identity, NAME, KEY),
    ]
    return [
        *(lambda call=call: world.do(*call, by=signer) for call in calls),
        *(lambda change=change: world.bring(change) for change in changes),
        *(lambda change=change: world.apply(change) for change in changes),
    ]


@pytest.mark.parametrize("signed", [False, True])
def test_deactivation_is_final(world: World, ann: LocalSigner, bob: LocalSigner, signed: bool) -> None:
    world.do("changeOwner", ann.address, bob.address, by=ann)
    world.do("addDelegate", ann.address, SIG_AUTH, ann.address, 10 * DAY, by=bob)
    if signed:
        world.apply(world.owner_change(bob, ann.address, NOBODY))
    else:
        world.by(bob).deactivate(ann.address)
    assert world.by(bob).is_deactivated(ann.address)
    assert world.call("identityOwner", ann.address) == NOBODY
    assert not world.call("validDelegate", ann.address, SIG_AUTH, ann.address)
    for who in (ann.address, bob.address, NOBODY):
        assert not world.call("actsFor", ann.address, who)
    for signer in (ann, bob):
        for act in everything_of(world, ann.address, signer):
            refuses(act, "IdentityDeactivated", identity=ann.address)
    assert world.call("nonce", ann.address) == 3


def test_the_zero_address_is_deactivated_from_the_beginning(world: World, ann: LocalSigner) -> None:
    (event,) = world.registry.events("DIDOwnerChanged")
    assert event.args == {"identity": NOBODY, "owner": NOBODY, "previousChange": 0}
    assert world.call("identityOwner", NOBODY) == NOBODY
    assert not world.call("actsFor", NOBODY, NOBODY)
    for act in everything_of(world, NOBODY, ann):
        refuses(act, "IdentityDeactivated", identity=NOBODY)


def test_a_call_that_claims_to_come_from_nobody_changes_nothing(world: World, ann: LocalSigner) -> None:
    world.by(ann).deactivate(ann.address)
    for identity in (ann.address, NOBODY):
        refuses(
            lambda identity=identity: world.registry.call(
                "changeOwner", identity, ann.address, sender=NOBODY
            ),
            "IdentityDeactivated",
            identity=identity,
        )


# Signed changes


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_what_the_owner_signed_anyone_brings(
    world: World, ann: LocalSigner, bob: LocalSigner, way: str
) -> None:
    bring = getattr(world, way)
    now = world.now
    bring(world.delegate_change(ann, ann.address, bob.address, valid_to=now + 500))
    assert world.call("delegates", ann.address, keccak256(SIG_AUTH), bob.address) == now + 500
    assert world.call("actsFor", ann.address, bob.address)
    (event,) = world.events(bring(world.attribute_change(ann, ann.address, KEY, valid_to=now + 600)))
    assert (event[1]["name"], event[1]["value"], event[1]["validTo"]) == (NAME, KEY, now + 600)
    bring(world.delegate_change(ann, ann.address, bob.address, valid_to=0))
    assert not world.call("actsFor", ann.address, bob.address)
    (event,) = world.events(bring(world.attribute_change(ann, ann.address, KEY, valid_to=1)))
    assert event[1]["validTo"] == 0
    bring(world.owner_change(ann, ann.address, bob.address))
    assert world.call("identityOwner", ann.address) == bob.address
    bring(world.owner_change(bob, ann.address, NOBODY))
    assert world.call("nonce", ann.address) == 6
    assert world.by(bob).is_deactivated(ann.address)


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_a_deadline_is_the_last_second(world: World, ann: LocalSigner, way: str) -> None:
    bring = getattr(world, way)
    deadline = world.now + 100
    change = world.attribute_change(ann, ann.address, KEY, deadline=deadline)
    world.chain.advance_to(deadline + 1)
    refuses(
        lambda: bring(change),
        "ChangeExpired",
        identity=ann.address,
        nonce=0,
        deadline=deadline,
        time=deadline + 1,
    )
    last = world.attribute_change(ann, ann.address, KEY, deadline=world.now)
    bring(last)
    assert world.call("nonce", ann.address) == 1


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_changes_come_in_turn_and_once(world: World, ann: LocalSigner, bob: LocalSigner, way: str) -> None:
    bring = getattr(world, way)
    for make in (
        lambda nonce: world.attribute_change(ann, ann.address, KEY, nonce=nonce),
        lambda nonce: world.delegate_change(ann, ann.address, bob.address, nonce=nonce),
        lambda nonce: world.owner_change(ann, ann.address, ann.address, nonce=nonce),
    ):
        current = world.call("nonce", ann.address)
        ahead, change = make(current + 1), make(current)
        refuses(
            lambda ahead=ahead: bring(ahead),
            "NonceUnexpected",
            identity=ann.address,
            nonce=current + 1,
            expected=current,
        )
        bring(change)
        refuses(
            lambda change=change: bring(change),
            "NonceUnexpected",
            identity=ann.address,
            nonce=current,
            expected=current + 1,
        )


def test_an_unsigned_change_voids_what_is_signed_and_not_brought(
    world: World, ann: LocalSigner, bob: LocalSigner
) -> None:
    for nonce, act in enumerate(
        (
            lambda: world.do("setAttribute", ann.address, NAME, KEY, 1, by=ann),
            lambda: world.do("revokeDelegate", ann.address, SIG_AUTH, bob.address, by=ann),
            lambda: world.do("changeOwner", ann.address, ann.address, by=ann),
        )
    ):
        change = world.owner_change(ann, ann.address, bob.address)
        act()
        refuses(
            lambda change=change: world.apply(change),
            "NonceUnexpected",
            identity=ann.address,
            nonce=nonce,
            expected=nonce + 1,
        )


@pytest.mark.parametrize("way", ["bring", "apply"])
def test_nobody_else_signs(
    world: World, ann: LocalSigner, bob: LocalSigner, eve: LocalSigner, way: str
) -> None:
    world.do("changeOwner", ann.address, bob.address, by=ann)
    world.do("addDelegate", ann.address, SIG_AUTH, eve.address, DAY, by=bob)
    for signer in (ann, eve):
        for change in (
            world.owner_change(signer, ann.address, signer.address),
            world.delegate_change(signer, ann.address, signer.address),
            world.attribute_change(signer, ann.address, KEY),
        ):
            refuses(
                lambda change=change: getattr(world, way)(change),
                "OwnerSignatureInvalid",
                identity=ann.address,
                nonce=2,
                owner=bob.address,
                recovered=signer.address,
            )


# Owners that are contracts


@pytest.fixture
def account(world: World, eve: LocalSigner) -> ContractHandle:
    return world.chain.deploy(Artifact.load("SmartAccount", TEST_ARTIFACTS), [eve.address], eve)


def test_an_owner_that_is_a_contract_calls(world: World, eve: LocalSigner, account: ContractHandle) -> None:
    call = world.registry.encode("setAttribute", account.address, NAME, KEY, 100)
    account.transact("execute", [(world.registry.address, call)], signer=eve)
    assert world.call("nonce", account.address) == 1


def test_an_owner_that_is_a_contract_signs(
    world: World, ann: LocalSigner, eve: LocalSigner, account: ContractHandle
) -> None:
    """By EIP-1271, one change by itself; a batch takes the signatures of keys alone."""
    world.do("changeOwner", ann.address, account.address, by=ann)
    for change in (
        world.attribute_change(eve, ann.address, KEY),
        world.delegate_change(eve, ann.address, eve.address, nonce=2),
        world.owner_change(eve, ann.address, eve.address, nonce=3),
    ):
        refuses(
            lambda change=change: world.apply(change),
            "OwnerSignatureInvalid",
            identity=ann.address,
            nonce=change.message.nonce,
            owner=account.address,
            recovered=eve.address,
        )
        world.bring(change)
    assert world.call("identityOwner", ann.address) == eve.address


def test_a_contract_takes_no_signature_but_its_own_keys(
    world: World, ann: LocalSigner, bob: LocalSigner, account: ContractHandle
) -> None:
    world.do("changeOwner", ann.address, account.address, by=ann)
    change = world.owner_change(bob, ann.address, bob.address)
    refuses(
        lambda: world.bring(change),
        "OwnerSignatureInvalid",
        identity=ann.address,
        nonce=1,
        owner=account.address,
        recovered=bob.address,
    )


# Batches


def test_a_batch_takes_all_or_nothing(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    first, second = (
        world.attribute_change(ann, ann.address, b"1"),
        world.attribute_change(bob, bob.address, b"2"),
    )
    refuses(
        lambda: world.apply(first, second, first),
        "NonceUnexpected",
        identity=ann.address,
        nonce=0,
        expected=1,
    )
    assert world.call("nonce", ann.address) == world.call("nonce", bob.address) == 0
    world.apply(first, second)
    assert world.call("nonce", ann.address) == world.call("nonce", bob.address) == 1


def test_a_batch_hands_over_and_goes_on_under_the_new_owner(
    world: World, ann: LocalSigner, bob: LocalSigner, eve: LocalSigner
) -> None:
    world.apply(
        world.delegate_change(ann, ann.address, ann.address),
        world.owner_change(ann, ann.address, bob.address, nonce=1),
        world.delegate_change(bob, ann.address, eve.address, nonce=2),
        world.attribute_change(bob, ann.address, KEY, nonce=3),
    )
    acting = [who for who in (ann, bob, eve) if world.call("actsFor", ann.address, who.address)]
    assert acting == [bob, eve]
    after = world.owner_change(ann, ann.address, ann.address, nonce=4)
    refuses(
        lambda: world.apply(after),
        "OwnerSignatureInvalid",
        identity=ann.address,
        nonce=4,
        owner=bob.address,
        recovered=ann.address,
    )


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_what_is_no_change_is_refused(world: World, ann: LocalSigner, kind: int) -> None:
    change = world.attribute_change(ann, ann.address, KEY)
    packed = pack(change.message, change.signature)
    for batch, remaining in (
        (packed + bytes((kind,)) + packed[1:], len(packed)),
        (bytes((kind,)), 1),
        (bytes((kind,)) + packed, len(packed) + 1),
    ):
        refuses(
            lambda batch=batch: world.do("applySigned", batch, by=ann),
            "ChangeKindUnknown",
            kind=kind,
            remaining=remaining,
        )


def test_an_empty_batch_is_refused(world: World, ann: LocalSigner) -> None:
    refuses(lambda: world.do("applySigned", b"", by=ann), "ChangeKindUnknown", kind=0, remaining=0)


def test_a_change_that_is_not_all_in_the_batch_is_refused(
    world: World, ann: LocalSigner, bob: LocalSigner
) -> None:
    """Also where the calldata goes on behind it with the very bytes that are missing."""
    changes = [
        world.attribute_change(ann, ann.address, KEY),
        world.delegate_change(ann, ann.address, bob.address),
        world.owner_change(ann, ann.address, bob.address),
    ]
    for change in changes:
        packed = pack(change.message, change.signature)
        calldata = bytearray(world.registry.encode("applySigned", packed))
        calldata[36:68] = (len(packed) - 7).to_bytes(32, "big")
        with pytest.raises(ContractError) as refused:
            world.chain.send(ann, to=world.registry.address, data=bytes(calldata), abi=world.registry.abi)
        assert (refused.value.name, refused.value.args) == ("ChangesCutShort", {"missing": 7})
        calldata[36:68] = len(packed).to_bytes(32, "big")
        snapshot = world.chain.snapshot()
        world.chain.send(ann, to=world.registry.address, data=bytes(calldata))
        assert world.call("nonce", ann.address) == 1
        world.chain.revert_to(snapshot)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([0, 1, 5, 10**6]),
        st.binary(max_size=70),
    ),
    min_size=1,
    max_size=8,
)


@given(steps=STEPS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_is_its_single_calls(world: World, steps: list[tuple[int, int, int, int, bytes]]) -> None:
    """In all but the time and the block of the second and later changes, which a batch does not have."""
    now = world.now
    owners = {key.address: key for key in world.owners[:3]}
    controls = dict(owners)
    nonces = dict.fromkeys(owners, 0)
    changes: list[Any] = []
    for kind, whose, target, ahead, value in steps:
        identity = world.owners[whose].address
        by, nonce = controls[identity], nonces[identity]
        account = world.owners[target].address
        if kind == 0:
            changes.append(world.owner_change(by, identity, account, nonce=nonce))
            controls[identity] = world.owners[target]
        elif kind == 1:
            until = now + 20 + ahead if ahead else 0
            changes.append(world.delegate_change(by, identity, account, valid_to=until, nonce=nonce))
        else:
            until = now + 20 + ahead if ahead else 0
            changes.append(world.attribute_change(by, identity, value, valid_to=until, nonce=nonce))
        nonces[identity] += 1

    def outcome(events: list[tuple[str, dict[str, Any]]]) -> Any:
        told = [(name, {**args, "previousChange": args["previousChange"] != 0}) for name, args in events]
        state = [
            (
                world.call("identityOwner", name),
                world.call("nonce", name),
                [world.call("delegates", name, keccak256(SIG_AUTH), each.address) for each in world.owners],
            )
            for name in owners
        ]
        return told, state

    snapshot = world.chain.snapshot()
    singly = outcome([event for change in changes for event in world.events(world.bring(change))])
    world.chain.revert_to(snapshot)
    together = outcome(world.events(world.apply(*changes)))
    world.chain.revert_to(snapshot)
    assert singly == together


# Epochs of ownership


def test_an_epoch_begins_with_each_change_of_owner(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    begun = world.now
    times = []
    holder, other = ann, bob
    for number in range(11):
        world.chain.advance_to(begun + 1 + number * 10)
        times.append(world.now)
        world.do("changeOwner", ann.address, other.address, by=holder)
        holder, other = other, holder
    assert world.call("ownedSince", ann.address) == times[-1]
    for time in range(begun - 1, times[-1] + 20):
        expected = max((each for each in times if each <= time), default=0)
        assert world.call("ownedSinceAt", ann.address, time) == expected
    assert world.call("ownedSinceAt", ann.address, FOREVER) == times[-1]
    assert world.call("ownedSinceAt", bob.address, FOREVER) == 0


def test_changes_of_owner_in_one_second_are_one_epoch(
    world: World, ann: LocalSigner, bob: LocalSigner
) -> None:
    first = world.now
    world.do("changeOwner", ann.address, ann.address, by=ann)
    world.chain.advance_to(first + 50)
    world.apply(
        world.owner_change(ann, ann.address, bob.address),
        world.owner_change(bob, ann.address, ann.address, nonce=2),
        world.owner_change(ann, ann.address, bob.address, nonce=3),
    )
    world.chain.advance_to(first + 90)
    world.do("changeOwner", ann.address, ann.address, by=bob)
    answers = [world.call("ownedSinceAt", ann.address, first + shift) for shift in (-1, 0, 49, 50, 89, 90)]
    assert answers == [0, first, first, first + 50, first + 50, first + 90]


def test_a_delegate_acts_in_the_epoch_of_the_owner_that_made_it_one(
    world: World, ann: LocalSigner, bob: LocalSigner, eve: LocalSigner
) -> None:
    """The standard's read goes on to list it, as resolvers do, which have nothing but events."""
    world.do("addDelegate", ann.address, SIG_AUTH, eve.address, 10 * DAY, by=ann)
    world.do("changeOwner", ann.address, bob.address, by=ann)
    assert world.call("validDelegate", ann.address, SIG_AUTH, eve.address)
    assert not world.call("actsFor", ann.address, eve.address)
    world.do("changeOwner", ann.address, ann.address, by=bob)
    assert not world.call("actsFor", ann.address, eve.address)
    world.do("addDelegate", ann.address, SIG_AUTH, eve.address, 10 * DAY, by=ann)
    assert world.call("actsFor", ann.address, eve.address)
    world.do("changeOwner", ann.address, ann.address, by=ann)
    assert not world.call("actsFor", ann.address, eve.address)


def test_a_new_owner_appoints_in_the_second_it_takes_over(
    world: World, ann: LocalSigner, bob: LocalSigner, eve: LocalSigner
) -> None:
    stays = world.owners[3]
    world.apply(
        world.delegate_change(ann, ann.address, eve.address),
        world.owner_change(ann, ann.address, bob.address, nonce=1),
        world.delegate_change(bob, ann.address, stays.address, nonce=2),
    )
    assert [world.call("actsFor", ann.address, each.address) for each in (eve, stays)] == [False, True]


def test_only_sig_auth_acts(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    world.do("addDelegate", ann.address, word_of(VERI_KEY), bob.address, DAY, by=ann)
    assert world.call("validDelegate", ann.address, word_of(VERI_KEY), bob.address)
    assert not world.call("actsFor", ann.address, bob.address)


@pytest.mark.parametrize("time", [2**32 - 1, 2**32])
def test_owners_change_until_2106(time: int, funded: Any) -> None:
    late = Chain.embedded(start=time - 100)
    world = World.on(late, funded(late, 3))
    ann, bob = world.owners[0], world.owners[1]
    late.advance_to(time)
    if time < 2**32:
        world.do("changeOwner", ann.address, bob.address, by=ann)
        assert world.call("ownedSince", ann.address) == time
    else:
        refuses(
            lambda: world.do("changeOwner", ann.address, bob.address, by=ann),
            "OwnershipClockEnded",
            time=time,
        )
        world.do("setAttribute", ann.address, NAME, KEY, 100, by=ann)
        assert world.call("nonce", ann.address) == 1


# Gas


def test_a_signed_change_stays_cheap(world: World, ann: LocalSigner, bob: LocalSigner) -> None:
    """The benchmark measures batches of 1,000; a hundred cost little more each."""
    fresh = world.apply(world.owner_change(ann, ann.address, bob.address))
    assert fresh.gas_used <= 52_000
    world.bring(world.attribute_change(bob, bob.address, b""))
    changes = [
        world.attribute_change(bob, bob.address, keccak256(bytes((n,))), nonce=1 + n) for n in range(100)
    ]
    assert world.apply(*changes).gas_used / 100 <= 11_000
    again = [world.owner_change(bob, bob.address, bob.address, nonce=101 + n) for n in range(100)]
    assert world.apply(*again).gas_used / 100 <= 8_500
