"""Documents from recorded changes and from a chain: the same, and never other for a time that has passed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evgi_client.chain import Artifact, Chain, ContractHandle
from evgi_client.errors import (
    ChainUnreachableError,
    DidUnresolvedError,
    HistoryMissingError,
    HistoryTooLongError,
    InvalidAddressError,
)
from evgi_client.identity import (
    AttributeChanged,
    Change,
    DelegateChanged,
    Did,
    OwnerChanged,
    RecordedHistory,
    RegistryHistory,
    Resolver,
    document_at,
)
from evgi_client.identity.document import NOBODY
from evgi_client.signing import LocalSigner
from tests.support.dids import ATTRIBUTES, DELEGATE_TYPES, address, attribute, pairs, word

CHAIN = 1337
IDENTITY = address("identity")
DID = Did.of(IDENTITY, CHAIN)
BLOCK_TIME = 10
PEOPLE = [address("person", number) for number in range(3)]


def time_of(block: int) -> int:
    return 1_000 + BLOCK_TIME * block


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Changes of one identity in ascending blocks, of any kind and validity."""
    changes: list[Change] = []
    blocks = sorted(draw(st.lists(st.integers(1, 12), max_size=16)))
    for index, block in enumerate(blocks):
        previous = blocks[index - 1] if index else 0
        place = (IDENTITY, block, index, previous)
        validity = draw(
            st.sampled_from((0, 1, time_of(block), time_of(block) + 1, time_of(block + 2), 2**256 - 1))
        )
        kind = draw(st.integers(0, 9))
        if kind == 0:
            changes.append(OwnerChanged(*place, draw(st.sampled_from((*PEOPLE, IDENTITY, NOBODY)))))
        elif kind < 4:
            delegate_type = draw(st.sampled_from(DELEGATE_TYPES))
            changes.append(DelegateChanged(*place, delegate_type, draw(st.sampled_from(PEOPLE)), validity))
        else:
            name, values = draw(st.sampled_from(ATTRIBUTES))
            value = draw(st.one_of(st.sampled_from(values), st.binary(max_size=20)))
            changes.append(AttributeChanged(*place, name, value, validity))
    return changes


def resolver_of(changes: Sequence[Change], now: int = time_of(12)) -> Resolver:
    times = {block: time_of(block) for block in range(13)}
    return Resolver({hex(CHAIN): RecordedHistory(CHAIN, changes, times, 12, now)})


@given(histories(), st.integers(0, 11))
def test_what_comes_later_never_changes_a_past_document(changes: list[Change], block: int) -> None:
    known = [change for change in changes if change.block <= block]
    then, later = (resolver_of(each).resolve(DID.text, version_id=block) for each in (known, changes))
    assert then.document == later.document
    metadata = {name: value for name, value in later.document_metadata.items() if not name.startswith("next")}
    assert metadata == then.document_metadata
    # And so at a time between blocks, whoever asks when.
    moment = time_of(block) + BLOCK_TIME // 2
    at = [
        resolver_of(each, now).resolve(DID.text, version_time=moment)
        for each in (known, changes)
        for now in (moment, moment + 99)
    ]
    assert len({repr(each.document) for each in at}) == 1


@given(histories(), st.integers(0, 12))
def test_a_block_and_the_time_it_was_made_give_the_same(changes: list[Change], block: int) -> None:
    resolver = resolver_of(changes)
    by_block = resolver.resolve(f"{DID}?versionId={block}")
    assert resolver.resolve(DID.text, version_id=block) == by_block
    assert resolver.resolve(DID.text, version_time=time_of(block)) == by_block


@given(histories(), st.integers(0, 12))
def test_a_document_refers_to_what_is_in_it(changes: list[Change], block: int) -> None:
    """Ids are unique, and each reference leads to a method; but for keys of key agreement that were revoked, which
    ``ethr-did-resolver`` leaves referred to."""
    document = resolver_of(changes).document(DID.text, version_id=block)
    methods = [method["id"] for method in document["verificationMethod"]]
    services = [service["id"] for service in document.get("service", [])]
    assert len({*methods, *services}) == len(methods) + len(services)
    for relation in ("authentication", "assertionMethod"):
        assert set(document[relation]) <= set(methods)
        assert len(set(document[relation])) == len(document[relation])
    revoked = any(
        isinstance(change, AttributeChanged) and change.valid_to <= time_of(block) for change in changes
    )
    assert revoked or set(document.get("keyAgreement", [])) <= set(methods)
    assert all(set(method) >= {"id", "type", "controller"} for method in document["verificationMethod"])


def test_what_names_the_owner() -> None:
    changes = [OwnerChanged(IDENTITY, 3, 0, 0, PEOPLE[0]), OwnerChanged(IDENTITY, 5, 0, 3, NOBODY)]
    resolver = resolver_of(changes)
    owners = [
        [
            method["blockchainAccountId"]
            for method in resolver.document(DID.text, version_id=block)["verificationMethod"]
        ]
        for block in (2, 3, 4, 5, 6)
    ]
    account = f"eip155:{CHAIN}:"
    assert owners == [[account + IDENTITY], [account + PEOPLE[0]], [account + PEOPLE[0]], [], []]
    last = resolver.resolve(DID.text)
    assert last.deactivated
    assert last.document_metadata == {
        "deactivated": True,
        "versionId": "5",
        "updated": "1970-01-01T00:17:30Z",
    }
    assert resolver.resolve(DID.text, version_id=4).document_metadata == {
        "versionId": "3",
        "updated": "1970-01-01T00:17:10Z",
        "nextVersionId": "5",
        "nextUpdate": "1970-01-01T00:17:30Z",
    }


def test_validity_ends_after_the_second_it_names() -> None:
    change = DelegateChanged(IDENTITY, 3, 0, 0, word("sigAuth"), PEOPLE[0], 1_100)
    for time, count in ((1_099, 2), (1_100, 2), (1_101, 1)):
        version = document_at(DID, CHAIN, [change], time)
        assert len(version.document["verificationMethod"]) == count
    resolver = resolver_of([change])
    for moment, count in ((1_100, 2), (1_101, 1)):
        assert len(resolver.document(DID.text, version_time=moment)["authentication"]) == count


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("versionId=", "versionId '' is no block number"),
        ("versionId=one", "versionId 'one' is no block number"),
        ("versionId=-1", "versionId '-1' is no block number"),
        ("versionId=0x1", "versionId '0x1' is no block number"),
        ("versionId=\u0661", None),
        ("versionTime=now", "versionTime 'now' is no date and time such as 2026-11-20T09:00:00Z"),
        ("versionTime=2026-13-20T09:00:00Z", "month must be in 1..12"),
        ("versionTime=2026-11-20T09:00:00", "versionTime '2026-11-20T09:00:00' is no date and time"),
        ("versionId=1&versionTime=1970-01-01T00:17:30Z", "both versionId and versionTime"),
    ],
)
def test_a_version_that_is_none(query: str, message: str | None) -> None:
    found = resolver_of([]).resolve(f"{DID}?{query}")
    assert found.document is None
    assert found.error == "invalidDidUrl"
    assert message is None or found.resolution_metadata["message"].startswith(message)


@pytest.mark.parametrize(
    "moment",
    [
        "1970-01-01T00:17:30Z",
        "1970-01-01T01:17:30%2B01:00",
        "1970-01-01T00:17:30.999Z",
        "1969-12-31T23:17:30-01:00",
    ],
)
def test_times_of_any_zone(moment: str) -> None:
    changes = [OwnerChanged(IDENTITY, block, 0, 0, PEOPLE[0]) for block in (4, 5, 6)]
    found = resolver_of(changes).resolve(f"{DID}?versionTime={moment}")
    assert found.document_metadata["versionId"] == "5"


def test_what_has_not_come_or_was_not_recorded() -> None:
    resolver = resolver_of([], now=5_000)
    assert resolver.resolve(DID.text, version_time=time_of(12)).error is None
    for asked in ({"version_time": time_of(12) + 1}, {"version_id": 13}):
        assert resolver.resolve(DID.text, **asked).error == "notFound"
    sparse = Resolver({hex(CHAIN): RecordedHistory(CHAIN, [], {5: 1}, 5, 1)})
    missing = sparse.resolve(DID.text, version_id=3).resolution_metadata
    assert missing == {"error": "notFound", "message": "the time of block 3 was not recorded"}
    with pytest.raises(DidUnresolvedError) as caught:
        sparse.document(DID.text, version_id=3)
    assert (caught.value.did, caught.value.error) == (DID.text, "notFound")
    with pytest.raises(DidUnresolvedError, match="invalidDid"):
        sparse.document("did:x")


def test_json_that_python_reads_and_javascript_does_not() -> None:
    def endpoint(text: bytes) -> Any:
        change = AttributeChanged(IDENTITY, 1, 0, 0, word("did/svc/X"), text, 2**64)
        (service,) = document_at(DID, CHAIN, [change], 0).document["service"]
        return service["serviceEndpoint"]

    for text in (b"NaN", b"-Infinity", b"[Infinity]", b"'a'", b"[1,]", b"\xef\xbb\xbf1", b"9" * 5000 + b"x"):
        assert endpoint(text) == text.decode()
    assert endpoint(b"1" * 5000) is None, "infinite there, and infinite is null"
    assert endpoint(b"9007199254740993") == 9007199254740992
    assert endpoint(b'{"a":[1.5,-2,1e3]}') == {"a": [1.5, -2, 1000]}
    deep = b"[" * 90 + b"]" * 90
    assert isinstance(endpoint(deep), list)
    for text in (
        b"[" * 200 + b"]" * 200,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
    ):
        assert endpoint(text) == text.decode()


# On a chain


@pytest.fixture(scope="module")
def registry(chain: Chain, signers: list[LocalSigner]) -> ContractHandle:
    return chain.deploy("DIDRegistry", (), signers[0])


@pytest.fixture(scope="module")
def changed(registry: ContractHandle, chain: Chain, signers: list[LocalSigner]) -> list[str]:
    """Three identities that changed many times, one of which was given up; and one that never did."""
    choose = random.Random(7)
    identities = [signer.address for signer in signers[1:5]]
    for number in range(40):
        signer = choose.choice(signers[1:4])
        chain.advance_to(chain.now() + choose.randrange(50))
        if number % 3:
            said = pairs()[number] if number % 2 else attribute(choose)
            registry.transact("setAttribute", signer.address, *said, 300, signer=signer)
        else:
            who = (choose.choice(DELEGATE_TYPES), choose.choice(PEOPLE))
            registry.transact("addDelegate", signer.address, *who, 300, signer=signer)
    registry.transact("changeOwner", identities[0], PEOPLE[0], signer=signers[1])
    registry.transact("changeOwner", identities[1], NOBODY, signer=signers[2])
    return identities


def test_what_was_recorded_says_what_the_chain_says(
    registry: ContractHandle, chain: Chain, changed: list[str]
) -> None:
    recorded = RecordedHistory.of(registry)
    times = {block: chain.timestamp_of(block) for block in range(chain.head() + 1)}
    live = RegistryHistory(registry)
    for identity in changed:
        assert recorded.changes(identity) == live.changes(identity)
        blocks = sorted({change.block for change in live.changes(identity)})
        assert [change.previous_change for change in live.changes(identity)] == [0, *blocks][:-1] * bool(
            blocks
        )
    name = hex(chain.chain_id)
    every = RecordedHistory(recorded.chain_id, recorded.recorded, times, recorded.latest, live.now())
    ours, theirs = Resolver({name: every}), Resolver.of(registry)
    asked: list[dict[str, int]] = [{}, *({"version_id": block} for block in range(0, chain.head() + 2, 4))]
    asked += [{"version_time": times[block] + 1} for block in range(0, chain.head(), 7)]
    for identity in changed:
        for question in asked:
            did = Did.of(identity, chain.chain_id).text
            assert ours.resolve(did, **question) == theirs.resolve(did, **question)
    assert [theirs.resolve(Did.of(each, chain.chain_id).text).deactivated for each in changed] == [
        False, True, False, False,
    ]  # fmt: skip


def test_what_is_recorded_can_end_before_the_head(
    registry: ContractHandle, chain: Chain, changed: list[str]
) -> None:
    half = chain.head() // 2
    recorded = RecordedHistory.of(registry, to_block=half)
    assert (recorded.head(), recorded.now()) == (half, chain.timestamp_of(half))
    assert max(change.block for change in recorded.recorded) <= half
    did = Did.of(changed[0], chain.chain_id).text
    past = Resolver({hex(chain.chain_id): recorded}).resolve(did)
    assert past.document == Resolver.of(registry).resolve(did, version_id=half).document


def test_on_the_embedded_chain_now_is_the_chains(
    registry: ContractHandle, chain: Chain, signers: list[LocalSigner]
) -> None:
    signer = signers[6]
    registry.transact("addDelegate", signer.address, word("sigAuth"), PEOPLE[0], 1_000, signer=signer)
    did, resolver = Did.of(signer.address, chain.chain_id).text, Resolver.of(registry)
    assert len(resolver.document(did)["authentication"]) == 2
    snapshot = chain.snapshot()
    chain.advance_to(chain.now() + 2_000)
    assert len(resolver.document(did)["authentication"]) == 1
    chain.revert_to(snapshot)
    late = RegistryHistory(registry, clock=lambda: 2**33)
    assert len(Resolver({"x": late}).document(f"did:ethr:x:{signer.address}")["authentication"]) == 1


def test_a_history_has_an_end(registry: ContractHandle, chain: Chain, changed: list[str]) -> None:
    blocks = len({change.block for change in RegistryHistory(registry).changes(changed[0])})
    assert RegistryHistory(registry, limit=blocks).changes(changed[0])
    short = RegistryHistory(registry, limit=blocks - 1)
    with pytest.raises(HistoryTooLongError):
        short.changes(changed[0])
    found = Resolver({"x": short}).resolve(f"did:ethr:x:{changed[0]}")
    assert found.error == "notFound"
    with pytest.raises(InvalidAddressError):
        short.changes("0x12")


def test_a_registry_that_points_in_circles_is_left(chain: Chain, signers: list[LocalSigner]) -> None:
    from pathlib import Path

    folder = Path(__file__).resolve().parents[1] / "contracts" / "artifacts"
    loose = chain.deploy(Artifact.load("LooseRegistry", folder), (), signers[0])
    history = RegistryHistory(loose)

    def say(function: str, *args: object) -> None:
        loose.transact(function, *args, signer=signers[0])

    say("sayOwner", IDENTITY, PEOPLE[0])
    first = chain.head()
    say("point", IDENTITY, first + 100)
    say("sayOwner", IDENTITY, PEOPLE[1])
    assert [change.previous_change for change in history.changes(IDENTITY)] == [first + 100], (
        "it points ahead"
    )
    say("point", IDENTITY, first + 1)
    with pytest.raises(HistoryMissingError):
        history.changes(IDENTITY)
    say("greet", IDENTITY)
    say("point", IDENTITY, chain.head())
    assert history.changes(IDENTITY) == [], "what else happened in a block is none of its changes"


def test_a_node_that_is_away_is_no_answer(registry: ContractHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ChainUnreachableError("http://127.0.0.1:9", "eth_call", "refused")

    monkeypatch.setattr(registry, "call", away)
    with pytest.raises(ChainUnreachableError):
        Resolver.of(registry).resolve(Did.of(IDENTITY, registry.chain.chain_id).text)


def test_names_of_networks(registry: ContractHandle, chain: Chain) -> None:
    resolver = Resolver.of(registry, "consortium", "grid:south")
    for name in (hex(chain.chain_id), "consortium", "grid:south"):
        assert resolver.resolve(f"did:ethr:{name}:{IDENTITY}").error is None
    for name in ("mainnet", "0x1", "south", "grid"):
        assert resolver.resolve(f"did:ethr:{name}:{IDENTITY}").error == "unknownNetwork"
    assert resolver.resolve(f"did:ethr:{IDENTITY}").error == "unknownNetwork"
    assert (
        resolver.resolve(f"did:ethr:consortium:{IDENTITY}", accept="text/html").error == "unsupportedFormat"
    )


def test_a_change_as_json() -> None:
    place = (IDENTITY, 5, 2, 3)
    changes: list[Change] = [
        OwnerChanged(*place, PEOPLE[0]),
        DelegateChanged(*place, word("sigAuth"), PEOPLE[1], 9),
        AttributeChanged(*place, word(b"\xff"), b"\x01", 9),
    ]
    at = {"block": 5, "logIndex": 2}
    assert [change.to_json() for change in changes] == [
        {**at, "change": "owner", "owner": PEOPLE[0]},
        {**at, "change": "delegate", "type": "sigAuth", "delegate": PEOPLE[1], "validTo": 9},
        {**at, "change": "attribute", "name": "0xff" + "00" * 31, "value": "0x01", "validTo": 9},
    ]
