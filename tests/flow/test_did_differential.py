"""The resolver beside ``ethr-did-resolver``: the same histories and blocks, the same results to the last member."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey

from evgi_client.chain import Artifact, Chain, ContractHandle
from evgi_client.identity import Did, Identities, RecordedHistory, RegistryHistory, Resolver
from evgi_client.messages import Domain
from evgi_client.signing import LocalSigner
from tests.support.dids import (
    DELEGATE_TYPES,
    NAME,
    NOBODY,
    HandMadeBlocks,
    address,
    attribute,
    pairs,
    resolve_with_npm,
)

TEST_ARTIFACTS = Path(__file__).resolve().parents[1] / "contracts" / "artifacts"
START = 1_900_000_000
SPAN = 100
"""Seconds within which most of what is said ends, so that many blocks fall on the very second."""


@dataclass
class World:
    """A registry, and identities that changed in blocks made by hand."""

    url: str
    node: HandMadeBlocks
    registry: ContractHandle
    identities: dict[str, str | None] = field(default_factory=dict)
    """With the public key of those that have one."""
    time: int = START

    def blocks(self) -> range:
        return range(self.node.chain.head() + 1)


def deployed(start_anvil: Callable[..., str], contract: str | Artifact) -> World:
    url = start_anvil(
        "--gas-price", "0", "--base-fee", "0", "--order", "fifo", "--timestamp", str(START - 10)
    )
    chain = Chain.connect(url)
    registry = chain.deploy(contract, (), LocalSigner.from_key(b"\x01" * 32), gas=3_000_000)
    return World(url, HandMadeBlocks(chain), registry)


def with_keys(choose: random.Random, count: int) -> dict[str, str | None]:
    """Identities, some of which are named by the key whose address they are."""
    found: dict[str, str | None] = {}
    for number in range(count):
        if choose.random() < 0.4:
            key = PrivateKey(choose.randbytes(32)).public_key.format(compressed=True)
            found[Did.of_key(key, 1).identity] = "0x" + key.hex()
        else:
            found[address("identity", number, choose.random())] = None
    return found


def questions(world: World, choose: random.Random) -> list[dict[str, Any]]:
    """Every identity at every block, one past the last, and now: at the second of a block or between."""
    asked: list[dict[str, Any]] = []
    for identity, key in world.identities.items():
        names = [identity, identity.lower()] + ([key] * 3 if key else [])
        for version in (None, None, None, *world.blocks(), world.blocks().stop):
            network = choose.choice((NAME, hex(world.node.chain.chain_id)))
            did = f"did:ethr:{network}:{choose.choice(names)}"
            asked.append(
                {
                    "did": did if version is None else f"{did}?versionId={version}",
                    "accept": choose.choice((None, None, "application/did+json", "application/did+ld+json")),
                    "now": START + choose.randrange(world.time - START + SPAN),
                }
            )
    return asked


def compare(world: World, asked: list[dict[str, Any]]) -> list[Any]:
    """Asks the package, the chain and what was recorded of it; returns what all of them answered."""
    theirs = resolve_with_npm(world.registry, world.url, asked)
    recorded = RecordedHistory.of(world.registry)
    times = {block: world.node.chain.timestamp_of(block) for block in world.blocks()}
    names = (NAME, hex(world.node.chain.chain_id))
    for number, (question, expected) in enumerate(zip(asked, theirs, strict=True)):
        now = question["now"]
        history = RecordedHistory(recorded.chain_id, recorded.recorded, times, recorded.latest, now)
        ours = Resolver(dict.fromkeys(names, history)).resolve(question["did"], accept=question["accept"])
        assert ours.to_json() == expected, question
        if number % 5 == 0:
            chain = RegistryHistory(world.registry, clock=lambda now=now: now)  # type: ignore[misc]
            found = Resolver(dict.fromkeys(names, chain)).resolve(question["did"], accept=question["accept"])
            assert found == ours, question
    return theirs


EVERYTHING = (
    "EcdsaSecp256k1RecoveryMethod2020", "EcdsaSecp256k1VerificationKey2019", "Ed25519VerificationKey2018",
    "X25519KeyAgreementKey2019", "RSAVerificationKey2018", "publicKeyHex", "publicKeyBase64", "publicKeyBase58",
    "publicKeyPem", "'value'", "keyAgreement", "serviceEndpoint", "routingKeys", "'deactivated': True", "nextUpdate",
    "#controllerKey", "#delegate-3", "#service-2", "'error': 'notFound'",
)  # fmt: skip
"""What the compared results must have in them, or a comparison was of nothing."""


def test_the_npm_packages_resolve_our_identities(
    start_anvil: Callable[..., str], funded: Callable[..., list[LocalSigner]]
) -> None:
    """As they are, by the wall's clock: changes of an owner's own, and such as it signed and others brought at once."""
    url = start_anvil()
    chain = Chain.connect(url)
    owner, heir, relayer = funded(chain, 3)
    registry = chain.deploy("DIDRegistry", (), relayer)
    domain = Domain("DIDRegistry", "1", chain.chain_id, registry.address)
    until, deadline = chain.now() + 10**6, chain.now() + 10**4
    identities = Identities({"DIDRegistry": registry}, domain, owner)
    identities.add_delegate(owner.address, "sigAuth", heir.address, 10**6)
    signed = [
        identities.sign(
            identities.draft_attribute(
                owner.address, name, value, valid_to=until, deadline=deadline, nonce=nonce
            )
        )
        for nonce, (name, value) in enumerate(
            [("did/svc/DataHost", b"https://data.example"), ("did/pub/X25519/enc/base64", b"\x09" * 32)],
            start=1,
        )
    ]
    (brought,) = Identities({"DIDRegistry": registry}, domain, relayer).relay(signed)
    did = Did.of(owner.address, chain.chain_id).text
    (theirs,) = resolve_with_npm(registry, url, [{"did": did}])
    assert theirs == Resolver.of(registry).resolve(did).to_json()
    document = theirs["didDocument"]
    assert [method.get("blockchainAccountId") for method in document["verificationMethod"]] == [
        f"eip155:31337:{owner.address}",
        f"eip155:31337:{heir.address}",
        None,
    ]
    assert document["service"] == [
        {"id": f"{did}#service-1", "type": "DataHost", "serviceEndpoint": "https://data.example"}
    ]
    assert document["keyAgreement"] == [f"{did}#delegate-2"]
    assert theirs["didDocumentMetadata"]["versionId"] == str(brought.block_number)
    identities.change_owner(owner.address, heir.address)
    Identities({"DIDRegistry": registry}, domain, heir).deactivate(owner.address)
    (gone,) = resolve_with_npm(registry, url, [{"did": did}])
    assert gone == Resolver.of(registry).resolve(did).to_json()
    assert gone["didDocumentMetadata"]["deactivated"]


@pytest.mark.parametrize("seed", [1, 2])
def test_histories_that_our_registry_makes(start_anvil: Callable[..., str], seed: int) -> None:
    choose = random.Random(seed)
    world = deployed(start_anvil, "DIDRegistry")
    world.identities = with_keys(choose, 14)
    owner = {identity: identity for identity in world.identities}
    people = [address("person", number) for number in range(3)]
    validities = (0, 1, SPAN // 2, SPAN, 2 * SPAN, 10**9)
    for identity, stated in zip(cycle(world.identities), pairs(), strict=False):
        world.node.send(identity, world.registry, "setAttribute", identity, *stated, 10**9)
    world.node.mine(world.time)
    for _ in range(12):
        world.time += choose.choice((1, 1, 7, SPAN // 2, SPAN, 3 * SPAN))
        sent = []
        for identity in choose.choices(list(world.identities), k=22):
            if owner[identity] == NOBODY:
                continue
            sender, roll, validity = owner[identity], choose.random(), choose.choice(validities)
            if roll < 0.12:
                owner[identity] = choose.choice((*people, identity, identity, identity, NOBODY))
                call: tuple[object, ...] = ("changeOwner", identity, owner[identity])
            elif roll < 0.34:
                who = (choose.choice(DELEGATE_TYPES), choose.choice(people))
                call = ("addDelegate", identity, *who, validity)
            elif roll < 0.44:
                call = ("revokeDelegate", identity, choose.choice(DELEGATE_TYPES), choose.choice(people))
            elif roll < 0.8:
                call = ("setAttribute", identity, *attribute(choose), validity)
            else:
                call = ("revokeAttribute", identity, *attribute(choose))
            sent.append(world.node.send(sender, world.registry, *call))
        world.node.mine(world.time)
        for transaction in sent:
            receipt = world.node.chain.receipt(transaction)
            assert receipt is not None
            assert receipt.succeeded
    last = next(identity for identity in world.identities if owner[identity] != NOBODY)
    world.node.send(owner[last], world.registry, "changeOwner", last, NOBODY)
    owner[last] = NOBODY
    world.node.mine(world.time + 1)
    answers = compare(world, questions(world, choose))
    missing = [part for part in EVERYTHING if part not in repr(answers)]
    assert not missing
    for identity in world.identities:
        assert owner[identity] == world.registry.call("identityOwner", identity)


@pytest.mark.parametrize("seed", [1, 2])
def test_histories_that_our_registry_refuses(start_anvil: Callable[..., str], seed: int) -> None:
    """A resolver may meet them elsewhere: revoked at the very second, changed after the end, valid since never."""
    choose = random.Random(seed)
    world = deployed(start_anvil, Artifact.load("LooseRegistry", TEST_ARTIFACTS))
    world.identities = with_keys(choose, 14)
    people = [address("person", number) for number in range(3)]
    for identity, stated in zip(cycle(world.identities), pairs(), strict=False):
        world.node.send(people[0], world.registry, "sayAttribute", identity, *stated, 2**256 - 1)
    world.node.mine(world.time)
    for _ in range(12):
        now = world.time = world.time + choose.choice((1, 1, 7, SPAN // 2, SPAN, 3 * SPAN))
        for identity in choose.choices(list(world.identities), k=22):
            until = choose.choice((0, 1, now - 1, now, now + 1, now + choose.randrange(SPAN), 2**256 - 1))
            roll = choose.random()
            if roll < 0.12:
                call: tuple[object, ...] = ("sayOwner", identity, choose.choice((*people, identity, NOBODY)))
            elif roll < 0.4:
                who = (choose.choice(DELEGATE_TYPES), choose.choice(people))
                call = ("sayDelegate", identity, *who, until)
            elif roll < 0.95:
                call = ("sayAttribute", identity, *attribute(choose), until)
            else:
                call = ("greet", identity)
            world.node.send(people[0], world.registry, *call)
        world.node.mine(now)
    answers = compare(world, questions(world, choose))
    missing = [part for part in EVERYTHING if part not in repr(answers)]
    assert not missing


ODD = (
    "", "did", "did:ethr", "did:ethr:", "did:ethr:0x", "did:web:example.org", "did:pkh:eip155:1:0x0", "DID:ethr:0x1",
    "did:ethr:{name}:{identity}", "did:ethr:{name}:{identity}#controller", "did:ethr:{name}:{identity}/path?a=b#c",
    "did:ethr:{name}:{identity};service=x?versionId=1", "did:ethr:{name}:{lower}", "did:ethr:{chain}:{upper}",
    "did:ethr:{name}:{mistyped}", "did:ethr:{identity}", "did:ethr:mainnet:{identity}", "did:ethr:0x1:{identity}",
    "did:ethr:{CHAIN}:{identity}", "did:ethr:0x0{digits}:{identity}", "did:ethr:a:b:{identity}",
    "did:ethr:x{identity}", "did:ethr::{identity}", "did:ethr:{name}:{identity}00", "did:ethr:{name}:0x02",
    "did:ethr:{name}:{short}", "did:ethr:{name}:%30x{digits}", "did:ethr:na%6De:{identity}",
    "did:ethr:{name} :{identity}",
    "did:ethr:{name}:0x" + "00" * 33, "did:ethr:{name}:0x02" + "ff" * 32, "did:ethr:{name}:0x04" + "11" * 32,
    "did:ethr:{name}:0x02" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"[:64],
    "did:ethr:{name}:0x03" + "79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798"[:64],
    "did:ethr:{name}:{identity}?versionId=0", "did:ethr:{name}:{identity}?versionId=1&versionId=2",
    "did:ethr:{name}:{identity}?versionId=99999", "did:ethr:{name}:{identity}?x=y", "did:ethr:{name}:{identity}?",
    "did:ethr:{name}:{identity}?versionId=%31", "did:ethr:{name}:{identity}?other=1&versionId=2#key",
    "did:ethr:{name}:{pointed}", "did:ethr:{name}:{lost}", "did:ethr:{name}:{greeted}",
    "did:ethr:{name}:{forked}", "did:ethr:{name}:{forked}?versionId=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def odd(start_anvil: Callable[..., str]) -> World:
    """Identities of which it was said that they changed where they did not."""
    world = deployed(start_anvil, Artifact.load("LooseRegistry", TEST_ARTIFACTS))
    names = ("pointed", "lost", "greeted", "forked")
    pointed, lost, greeted, forked = map(address, names)
    world.identities = dict.fromkeys((pointed, lost, greeted, forked))
    anyone = address("anyone")

    def say(function: str, *args: object) -> None:
        world.node.send(anyone, world.registry, function, *args)

    def mine() -> int:
        return world.node.mine(START + world.node.chain.head())

    for identity in (pointed, greeted):
        say("sayOwner", identity, anyone)
        say("sayOwner", forked, identity)
        say("greet", greeted)
        block = mine()
    say("point", pointed, block - 1)
    say("point", lost, block)
    say("greet", greeted)
    say("point", greeted, block + 1)
    # The second of these goes back further than the first.
    say("sayOwner", forked, lost)
    say("point", forked, block - 1)
    say("sayOwner", forked, forked)
    mine()
    return world


@pytest.mark.parametrize("accept", [None, "application/did+json", "application/did+ld+json", "text/html"])
def test_dids_of_any_form(odd: World, accept: str | None) -> None:
    pointed, lost, greeted, forked = odd.identities
    chain = hex(odd.node.chain.chain_id)
    words = {
        "name": NAME,
        "chain": chain,
        "CHAIN": "0x" + chain[2:].upper() + "A",
        "identity": pointed,
        "lower": pointed.lower(),
        "upper": "0x" + pointed[2:].upper(),
        "mistyped": pointed[:-1] + ("f" if pointed[-1] != "f" else "e"),
        "digits": pointed[2:],
        "short": pointed[:-1],
        "pointed": pointed,
        "lost": lost,
        "greeted": greeted,
        "forked": forked,
    }
    asked = [{"did": did.format(**words), "accept": accept, "now": START} for did in ODD]
    resolver = Resolver.of(odd.registry, NAME)
    for question, expected in zip(asked, resolve_with_npm(odd.registry, odd.url, asked), strict=True):
        ours = resolver.resolve(question["did"] or "", accept=accept).to_json()
        if "is no did:ethr" in ours["didResolutionMetadata"].get("message", ""):
            # The packages beneath theirs say in their own words what is wrong with an address or a key.
            assert expected["didResolutionMetadata"]["message"]
            del expected["didResolutionMetadata"]["message"], ours["didResolutionMetadata"]["message"]
        assert ours == expected, question


def test_where_we_differ_on_purpose(odd: World) -> None:
    """The package reads these as a question about now, or about a block that was not asked for."""
    pointed, *_ = odd.identities
    did = f"did:ethr:{NAME}:{pointed}"
    queries = (
        "versionId=",
        "versionId=latest",
        "versionId=2x",
        "versionId=-1",
        "versionTime=1999-01-01T00:00:00Z",
    )
    asked = [{"did": f"{did}?{query}", "now": START} for query in queries]
    assert [each["didDocument"] is None for each in resolve_with_npm(odd.registry, odd.url, asked)] == [
        False
    ] * 5
    resolver = Resolver.of(odd.registry, NAME)
    errors = [resolver.resolve(question["did"]).error for question in asked]
    assert errors[:4] == ["invalidDidUrl"] * 4
    long_ago = resolver.resolve(asked[4]["did"])
    assert (long_ago.error, long_ago.document_metadata.get("versionId")) == (None, None)
    assert long_ago.document_metadata["nextVersionId"] == "2"
