"""Snapshots of access: strict JSON, and a world that misses no fact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.access import Snapshot, World, decide, explain
from evgi_client.access.decision import Finding, Rule
from evgi_client.access.facts import (
    FACTS,
    Allowed,
    Blocked,
    Bootstrapped,
    Fact,
    Granted,
    GroupCreated,
    Member,
    OwnerChanged,
    ParentChanged,
    Revoked,
    Used,
)
from evgi_client.access.world import NOBODY
from evgi_client.errors import AccessFactError, AccessSnapshotError
from evgi_client.messages import keccak256
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping, Reason, group_id
from evgi_client.messages.hashing import address_from_bytes

NONE = bytes(32)
OWNER, HOST, READER, FRIEND, BUYER, CAR = (address_from_bytes(bytes([n]) * 20) for n in range(1, 7))
LABEL = keccak256(b"trips")
HOSTED = DataHostBootstrapping(OWNER, LABEL, HOST, NONE, NONE, NONE, NONE, 0, 100, 10_000, 9_000)
TRIPS = HOSTED.resource
FAMILY = group_id(OWNER, LABEL)


def certificate(number: int, grantee: str = READER, **changes: Any) -> AccessCertificate:
    fields = {
        "id": bytes([number]) * 32,
        "granter": OWNER,
        "grantee": grantee,
        "group": NONE,
        "resource": TRIPS,
        "rights": 1,
        "purpose": NONE,
        "valid_from": 0,
        "valid_until": 5_000,
        "delegable": True,
        "max_uses": 2,
        "parent": NONE,
    }
    return AccessCertificate(**{**fields, **changes})


FIRST = certificate(1)
PASSED_ON = certificate(2, FRIEND, granter=READER, parent=FIRST.struct_hash())
OF_FAMILY = certificate(3, NOBODY, group=FAMILY, delegable=False, max_uses=0)
HISTORY: tuple[Fact, ...] = (
    Bootstrapped(HOSTED, 100),
    Granted(FIRST, 0, 200),
    Granted(PASSED_ON, 0, 210),
    GroupCreated(OWNER, LABEL),
    Member(FAMILY, FRIEND, True, 220),
    Granted(OF_FAMILY, 0, 230),
    Used(PASSED_ON.struct_hash(), 1, 300),
    Used(FIRST.struct_hash(), 1, 300),
    Allowed(TRIPS, BUYER, 2, 400),
    Blocked(TRIPS, READER, True, 500),
    Blocked(TRIPS, READER, False, 600),
    Used(FIRST.struct_hash(), 2, 650),
    Revoked(READER, PASSED_ON.struct_hash(), 700, 0),
    ParentChanged(OWNER, CAR, 800),
    OwnerChanged(CAR, BUYER, 900),
    OwnerChanged(OWNER, BUYER, 1_000),
)
SNAPSHOT = Snapshot(1337, address_from_bytes(b"\x42" * 20), 12, 1_100, HISTORY)


def test_a_snapshot_is_read_back_as_it_was() -> None:
    document = json.loads(json.dumps(SNAPSHOT.to_json()))
    assert Snapshot.from_json(document) == SNAPSHOT
    assert {each["fact"] for each in document["facts"]} == set(FACTS)
    assert Snapshot.from_json(document).to_json() == document


@pytest.mark.parametrize(
    ("time", "reasons"),
    [
        (99, "UNKNOWN_RESOURCE UNKNOWN_RESOURCE UNKNOWN_RESOURCE"),
        (199, "DENIED DENIED DENIED"),
        (209, "CERTIFICATE DENIED DENIED"),
        (210, "CERTIFICATE CERTIFICATE DENIED"),
        (400, "CERTIFICATE CERTIFICATE DENIED"),
        # A delegate that is blocked passes nothing on; the family is still there.
        (500, "BLOCKED GROUP DENIED"),
        (600, "CERTIFICATE CERTIFICATE DENIED"),
        (650, "USED_UP GROUP DENIED"),
        (700, "USED_UP GROUP DENIED"),
        (800, "DENIED DENIED DENIED"),
        (1_000, "DENIED DENIED DENIED"),
    ],
)
def test_a_history_is_decided_as_of_any_time(time: int, reasons: str) -> None:
    asked = [SNAPSHOT.decide(TRIPS, who, 1, time).reason.name for who in (READER, FRIEND, BUYER)]
    assert asked == reasons.split()
    assert decide(SNAPSHOT.world, TRIPS, BUYER, 2, time).reason is (
        Reason.ALLOW_LIST if 400 <= time < 800 else Reason.UNKNOWN_RESOURCE if time < 100 else Reason.DENIED
    )


def test_the_chain_of_reasons_can_be_followed() -> None:
    told = explain(SNAPSHOT.world, TRIPS, FRIEND, 1, 500)
    assert [(step.rule, step.finding) for step in told.steps] == [
        (Rule.RESOURCE, Finding.FOUND),
        (Rule.OWNER, Finding.NONE),
        (Rule.BLOCK_LIST, Finding.NONE),
        (Rule.REVOCATION, Finding.NONE),
        (Rule.CERTIFICATE, Finding.GRANTER_BLOCKED),
        (Rule.ALLOW_LIST, Finding.NONE),
        (Rule.GROUP, Finding.FOUND),
    ]
    passed_on, family = PASSED_ON.struct_hash().hex(), OF_FAMILY.struct_hash().hex()
    assert told.lines() == [
        f"May {FRIEND} read 0x{TRIPS.hex()} at 500?",
        f" 1. resource: belongs to {OWNER}, known since 100",
        f" 2. owner: the accessor is not {OWNER}",
        " 3. block list: not on it",
        f" 4. revocation: 0x{passed_on}, read, by {READER} to {FRIEND}, from 210 until 5000; not revoked by {OWNER}",
        f" 5. certificate: 0x{passed_on}, read, by {READER} to {FRIEND}, from 210 until 5000;"
        " who gave it is blocked since 500",
        " 6. allow list: not on it",
        f" 7. group: 0x{family}, read, by {OWNER} to group 0x{FAMILY.hex()} of {OWNER}, from 230 until 5000,"
        " the accessor a member since 220; it holds",
        f"Yes: by the certificate of a group, certificate 0x{family}",
    ]
    document = json.loads(json.dumps(told.to_json()))
    assert (document["allowed"], document["reason"], document["certificate"]) == (
        True,
        "GROUP",
        f"0x{family}",
    )
    assert document["steps"][4] == {
        "rule": "certificate",
        "finding": "granter blocked",
        "certificate": f"0x{passed_on}",
        "granter": READER,
        "grantee": FRIEND,
        "rights": "read",
        "broughtAt": 210,
        "start": 210,
        "validUntil": 5_000,
        "endedAt": 500,
    }


@pytest.mark.parametrize(
    ("time", "cause"),
    [
        (850, f"{OWNER} became part of something else, or ceased to be at 800"),
        (950, f"{CAR}, which {OWNER} is part of, changed hands at 900"),
        (1_050, f"{OWNER} changed hands at 1000"),
    ],
)
def test_what_ended_the_grants_is_told(time: int, cause: str) -> None:
    lines = explain(SNAPSHOT.world, TRIPS, READER, 1, time).lines()
    since = cause.rpartition(" ")[2]
    assert f" 4. epoch: {cause}: what was granted until then is void" in lines
    assert any(line.endswith(f"it ended with the transfer at {since}") for line in lines)
    assert lines[-1] == "No: nothing allows it"


def test_every_finding_has_words() -> None:
    """Those that this history does not have, the tests of the contract have."""
    found = set()
    for time in range(90, 1_200, 10):
        for who in (OWNER, READER, FRIEND, BUYER, CAR):
            for right in (1, 2, 4, 3, 8, 0):
                told = explain(SNAPSHOT.world, TRIPS, who, right, time)
                assert all(line and "{" not in line for line in told.lines())
                found |= {step.finding for step in told.steps}
    assert set(Finding) - found == {
        Finding.EXPIRED,
        Finding.GRANTER_HANDED_OVER,
        Finding.REPLACED,
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("time"),
        lambda d: d.update(more=1),
        lambda d: d.update(version=2),
        lambda d: d.update(version="1"),
        lambda d: d.update(chainId="1337"),
        lambda d: d.update(block=True),
        lambda d: d.update(block=-1),
        lambda d: d.update(registry="0x12"),
        lambda d: d.update(facts={}),
        lambda d: d["facts"].append(None),
        lambda d: d["facts"].append({"fact": "Nothing"}),
        lambda d: d["facts"][0].pop("broughtAt"),
        lambda d: d["facts"][0].update(more=1),
        lambda d: d["facts"][4].update(listed=1),
        lambda d: d["facts"][9].update(since=-1),
        lambda d: d["facts"][1]["certificate"].update(rights="read"),
    ],
)
def test_anything_else_is_no_snapshot(change: Any) -> None:
    document = json.loads(json.dumps(SNAPSHOT.to_json()))
    change(document)
    with pytest.raises(AccessSnapshotError):
        Snapshot.from_json(document)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda each: (
            st.lists(each) | st.dictionaries(st.sampled_from(["version", "facts", "fact", "chainId"]), each)
        ),
    )
)
def test_junk_is_no_snapshot(junk: Any) -> None:
    with pytest.raises(AccessSnapshotError):
        Snapshot.from_json(junk)


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_a_fact_that_is_missing_is_missed(missing: int) -> None:
    facts = HISTORY[:missing] + HISTORY[missing + 1 :]
    with pytest.raises(AccessFactError):
        World(facts)
