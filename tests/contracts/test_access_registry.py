"""AccessRegistry: each rule of precedence. Every answer is compared with Python's (``AccessBench.ask``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from evgi_client.access.world import NOBODY
from evgi_client.chain import Chain
from evgi_client.messages import Message, keccak256
from evgi_client.messages.access import (
    AccessCertificate,
    DataHostBootstrapping,
    Reason,
    Right,
    UnlockAcceptance,
    UnlockRejection,
    UnlockRequest,
    group_id,
    resource_id,
)
from evgi_client.messages.certificates import EntityType
from evgi_client.signing import LocalSigner
from tests.support.access import CIRCLE, DAY, LABEL, NONE, YEAR, AccessBench, found_trips, refused

READ, WRITE, CONTROL = int(Right.READ), int(Right.WRITE), int(Right.CONTROL)
FOREVER = 2**48 - 1

# Written out here, not read from the contract or the client: a wrong type string in either must fail.
MEMBERS = {
    DataHostBootstrapping: "owner:address label:bytes32 host:address endpoint:bytes32 protocols:bytes32"
    " keyAgreement:bytes32 dataClasses:bytes32 defaultRights:uint32 validFrom:uint64 validUntil:uint64"
    " deadline:uint64",
    AccessCertificate: "id:bytes32 granter:address grantee:address group:bytes32 resource:bytes32 rights:uint32"
    " purpose:bytes32 validFrom:uint64 validUntil:uint64 delegable:bool maxUses:uint32 parent:bytes32",
    UnlockRequest: "accessor:address host:address resource:bytes32 rights:uint32 purpose:bytes32"
    " certificate:bytes32 ephemeralKey:bytes32 nonce:bytes32 requestedAt:uint64 expiresAt:uint64",
    UnlockRejection: "request:bytes32 host:address reason:uint8 rejectedAt:uint64 retryAfter:uint32",
    UnlockAcceptance: "request:bytes32 host:address session:bytes32 rights:uint32 ephemeralKey:bytes32"
    " acceptedAt:uint64 expiresAt:uint64",
}


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> AccessBench:
    return found_trips(chain, signers)


@pytest.fixture
def bench(chain: Chain, founded: AccessBench) -> Iterator[AccessBench]:
    """The trips are registered; ``friend`` is the family."""
    snapshot = chain.snapshot()
    yield founded
    chain.revert_to(snapshot)


def independent_digest(bench: AccessBench, message: Message) -> bytes:
    cls = type(message)
    names = [part.split(":") for part in MEMBERS[cls].split()]
    data: dict[str, Any] = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            cls.__name__: [{"name": name, "type": kind} for name, kind in names],
        },
        "primaryType": cls.__name__,
        "domain": {
            "name": "AccessRegistry",
            "version": "1",
            "chainId": bench.chain.chain_id,
            "verifyingContract": bench.registry.address,
        },
        "message": {
            name: getattr(message, field.name)
            for (name, _), field in zip(names, fields(cls), strict=True)  # type: ignore[arg-type]
        },
    }
    encoded = encode_typed_data(full_message=data)
    return keccak(b"\x19" + encoded.version + encoded.header + encoded.body)


def unlock_messages(bench: AccessBench) -> list[Message]:
    request = UnlockRequest(
        bench.reader.address,
        bench.host.address,
        bench.trips,
        3,
        b"p" * 32,
        NONE,
        b"k" * 32,
        b"n" * 32,
        10,
        20,
    )
    rejection = UnlockRejection(request.struct_hash(), bench.host.address, 4, 11, 60)
    acceptance = UnlockAcceptance(
        request.struct_hash(), bench.host.address, b"s" * 32, 1, b"h" * 32, 11, 3_611
    )
    return [request, rejection, acceptance]


# What is signed and what is kept


def test_digests_are_eip_712_as_an_independent_encoder_has_them(bench: AccessBench) -> None:
    bootstrapping = bench.bootstrapping(default_rights=5)
    certificate = bench.certificate(purpose=b"q" * 32, delegable=True, max_uses=9, parent=b"r" * 32)
    for message in (bootstrapping, certificate, *unlock_messages(bench)):
        assert message.digest(bench.domain) == independent_digest(bench, message)
    assert bench.registry.call("digestOfBootstrapping", bootstrapping) == bootstrapping.digest(bench.domain)
    assert bench.registry.call("digestOfCertificate", certificate) == certificate.digest(bench.domain)


def test_the_structs_that_no_contract_reads_have_the_same_hashes(bench: AccessBench) -> None:
    request, rejection, acceptance = unlock_messages(bench)
    assert bench.probe.call("hashOfRequest", request) == request.struct_hash()
    assert bench.probe.call("hashOfRejection", rejection) == rejection.struct_hash()
    assert bench.probe.call("hashOfAcceptance", acceptance) == acceptance.struct_hash()


def test_ids_are_made_of_identity_and_label(bench: AccessBench) -> None:
    owner = bench.owner.address
    expected = keccak(bytes(12) + bytes.fromhex(owner[2:]) + LABEL)
    assert bench.registry.call("resourceId", owner, LABEL) == resource_id(owner, LABEL) == expected
    assert bench.registry.call("groupId", owner, CIRCLE) == group_id(owner, CIRCLE) == bench.family


def test_a_certificate_is_kept_and_logged_whole(bench: AccessBench) -> None:
    certificate = bench.certificate(
        rights=READ | CONTROL, purpose=b"q" * 32, delegable=True, max_uses=7, valid_from=bench.now + 50
    )
    now, receipt = bench.now, bench.bring(certificate)
    (event,) = bench.registry.events_in(receipt)
    assert event.name == "AccessGranted"
    assert event.args == {
        "resource": bench.trips,
        "certificate": certificate.struct_hash(),
        "grantee": bench.reader.address,
        "broughtAt": now,
        "start": now + 50,
        "place": 0,
        "granted": tuple(getattr(certificate, field.name) for field in fields(certificate)),
    }
    terms = bench.registry.call("termsOf", certificate.struct_hash())
    assert terms == (bench.owner.address, NONE, NONE, b"q" * 32, READ | CONTROL, 7, 0)
    assert bench.registry.call("usesOf", certificate.struct_hash()) == (0, 7)
    for time, hash_ in ((now + 49, NONE), (now + 50, certificate.struct_hash())):
        assert bench.registry.call("certificateAt", bench.trips, bench.reader.address, time) == hash_


def test_a_bootstrapping_certificate_is_logged_whole(bench: AccessBench) -> None:
    message = bench.bootstrapping(label=b"L" * 32, default_rights=READ)
    now, receipt = bench.now, bench.bring(message)
    (event,) = bench.registry.events_in(receipt)
    assert event.name == "HostBootstrapped"
    assert event.args == {
        "resource": message.resource,
        "certificate": message.struct_hash(),
        "host": bench.host.address,
        "broughtAt": now,
        "start": now,
        "bootstrapping": tuple(getattr(message, field.name) for field in fields(message)),
    }
    assert bench.registry.call("ownerOf", message.resource) == bench.owner.address
    hosted = bench.registry.call("hostAt", message.resource, now)
    assert hosted == (bench.host.address, message.struct_hash())
    assert bench.registry.call("hostAt", message.resource, now - 1) == (NOBODY, NONE)


def test_what_is_not_there_is_nothing(bench: AccessBench) -> None:
    assert bench.ask(bench.reader, resource=b"?" * 32) is Reason.UNKNOWN_RESOURCE
    assert bench.registry.call("ownerOf", b"?" * 32) == NOBODY
    assert bench.registry.call("epochAt", b"?" * 32, bench.now) == 0
    assert bench.registry.call("groupOwnerOf", b"?" * 32) == NOBODY
    assert bench.registry.call("hostAt", b"?" * 32, bench.now) == (NOBODY, NONE)
    assert bench.registry.call("termsOf", b"?" * 32) == (NOBODY, NONE, NONE, NONE, 0, 0, 0)
    assert bench.registry.call("groupCertificatesAt", b"?" * 32, bench.now) == []


# Precedence


def test_the_owner_may_do_everything_from_the_first_second(bench: AccessBench) -> None:
    label = b"L" * 32
    resource, now = resource_id(bench.owner.address, label), bench.now
    bench.bootstrap(label=label)
    for right in (READ, WRITE, CONTROL, 7, 8):
        assert bench.ask(bench.owner, right, resource=resource) is Reason.OWNER
    assert bench.ask(bench.owner, READ, now, resource) is Reason.OWNER
    assert bench.ask(bench.owner, READ, now - 1, resource) is Reason.UNKNOWN_RESOURCE


def test_block_before_revocation_before_certificate_before_lists_before_default(bench: AccessBench) -> None:
    assert bench.ask(bench.friend) is Reason.DENIED
    times = {Reason.DENIED: bench.now - 1}
    steps = {
        Reason.DEFAULT: lambda: bench.bootstrap(default_rights=READ),
        Reason.GROUP: lambda: bench.grant(group=bench.family),
        Reason.ALLOW_LIST: lambda: bench.allow(bench.friend),
        Reason.CERTIFICATE: lambda: granted.append(bench.grant(grantee=bench.friend.address)),
        Reason.REVOKED: lambda: bench.revoke(granted[0]),
        Reason.BLOCKED: lambda: bench.list_("blockAccessors", bench.friend),
    }
    granted: list[AccessCertificate] = []
    for reason, act in steps.items():
        times[reason] = bench.now
        act()
        assert bench.ask(bench.friend) is reason
    # None of it changed what was before.
    for reason, time in times.items():
        assert bench.ask(bench.friend, READ, time) is reason

    bench.list_("unblockAccessors", bench.friend)
    assert bench.ask(bench.friend) is Reason.REVOKED
    bench.grant(grantee=bench.friend.address, valid_until=bench.now + 10)
    assert bench.ask(bench.friend) is Reason.CERTIFICATE
    bench.chain.advance_to(bench.now + 10)
    assert bench.ask(bench.friend) is Reason.ALLOW_LIST
    bench.list_("disallowAccessors", bench.friend)
    assert bench.ask(bench.friend) is Reason.GROUP
    bench.members("removeMembers", bench.friend)
    assert bench.ask(bench.friend) is Reason.DEFAULT


def test_what_gives_another_right_is_passed_over(bench: AccessBench) -> None:
    bench.bootstrap(default_rights=READ)
    bench.grant(group=bench.family, rights=WRITE)
    bench.grant(grantee=bench.friend.address, rights=CONTROL)
    assert [bench.ask(bench.friend, right) for right in (READ, WRITE, CONTROL)] == [
        Reason.DEFAULT,
        Reason.GROUP,
        Reason.CERTIFICATE,
    ]
    # One of them must give all of several.
    for right in (READ | WRITE, 7, 0, 8, READ | 8):
        assert bench.ask(bench.friend, right) is Reason.DENIED


def test_a_certificate_counts_from_its_start_until_before_its_end(bench: AccessBench) -> None:
    start = bench.now + 100
    certificate = bench.grant(valid_from=start, valid_until=start + 50)
    answers = [bench.ask(bench.reader, READ, start + n) for n in (-1, 0, 49, 50)]
    assert answers == [Reason.DENIED, Reason.CERTIFICATE, Reason.CERTIFICATE, Reason.DENIED]
    ((_, _, decided),) = bench.answers([(bench.trips, bench.reader.address, READ, start)])
    assert decided == certificate.struct_hash()


def test_what_begins_in_the_past_counts_from_the_block_that_brings_it(bench: AccessBench) -> None:
    brought = bench.now
    bench.grant(valid_from=brought - DAY)
    answers = [bench.ask(bench.reader, READ, brought + n) for n in (-1, 0)]
    assert answers == [Reason.DENIED, Reason.CERTIFICATE]


def test_a_newer_certificate_takes_the_place_of_an_older_one(bench: AccessBench) -> None:
    bench.grant(rights=7)
    first = bench.now
    bench.grant(rights=WRITE)
    assert bench.ask(bench.reader, READ) is Reason.DENIED
    assert bench.ask(bench.reader, READ, first - 1) is Reason.CERTIFICATE
    assert bench.ask(bench.reader, WRITE) is Reason.CERTIFICATE


def test_what_has_not_begun_is_replaced(bench: AccessBench) -> None:
    now = bench.now
    bench.grant(rights=READ)
    bench.grant(rights=WRITE, valid_from=now + 1_000)
    later = bench.grant(rights=CONTROL, valid_from=now + 2_000)
    assert [bench.ask(bench.reader, READ, now + n) for n in (1, 1_500, 1_999, 2_000)] == [
        Reason.CERTIFICATE,
        Reason.CERTIFICATE,
        Reason.CERTIFICATE,
        Reason.DENIED,
    ]
    assert bench.ask(bench.reader, WRITE, now + 1_500) is Reason.DENIED
    # By one that begins sooner, only where its owner sends it.
    sooner = bench.certificate(rights=WRITE, valid_from=now + 500)
    with refused("CertificateOlder", validFrom=sooner.valid_from, earliest=later.valid_from):
        bench.bring(sooner)
    bench.registry.transact("grant", sooner, b"", signer=bench.owner)
    at = [
        bench.registry.call("certificateAt", bench.trips, bench.reader.address, now + n) for n in (500, 2_000)
    ]
    assert at == [sooner.struct_hash(), sooner.struct_hash()]
    assert later.struct_hash() not in at


def test_revoked_denies_until_a_new_certificate_even_past_the_end(bench: AccessBench) -> None:
    bench.allow(bench.reader)
    certificate = bench.grant(valid_until=bench.now + 100)
    at = bench.now + 20
    bench.revoke(certificate, effective_at=at)
    assert [bench.ask(bench.reader, READ, at + n) for n in (-1, 0, 500)] == [
        Reason.CERTIFICATE,
        Reason.REVOKED,
        Reason.REVOKED,
    ]
    bench.grant(valid_from=at, valid_until=at + 1)
    assert [bench.ask(bench.reader, READ, at + n) for n in (0, 1)] == [Reason.CERTIFICATE, Reason.ALLOW_LIST]


def test_the_default_ends_with_its_certificate(bench: AccessBench) -> None:
    bench.bootstrap(default_rights=READ, valid_until=bench.now + 50)
    assert bench.ask(bench.stranger) is Reason.DEFAULT
    assert bench.ask(bench.stranger, READ, bench.now + 50) is Reason.DENIED
    message = bench.bootstrap(default_rights=READ)
    bench.revoke(message)
    assert bench.ask(bench.stranger) is Reason.DENIED
    assert bench.registry.call("hostAt", bench.trips, bench.now) == (NOBODY, NONE)


# Lists and groups


def test_lists_are_set_in_batches_and_changes_alone_are_logged(bench: AccessBench) -> None:
    receipt = bench.list_("blockAccessors", bench.reader, bench.buyer, bench.reader)
    assert [event.args["accessor"] for event in bench.registry.events_in(receipt, "AccessorBlocked")] == [
        bench.reader.address,
        bench.buyer.address,
    ]
    assert not bench.registry.events_in(bench.list_("blockAccessors", bench.buyer))
    assert not bench.registry.events_in(bench.list_("unblockAccessors", bench.friend))
    bench.list_("unblockAccessors", bench.buyer)
    assert bench.ask(bench.reader) is Reason.BLOCKED
    assert bench.ask(bench.buyer) is Reason.DENIED
    assert bench.registry.call("isBlockedAt", bench.trips, bench.reader.address, bench.now)

    assert bench.registry.events_in(bench.allow(bench.buyer, READ | WRITE))
    assert not bench.registry.events_in(bench.allow(bench.buyer, READ | WRITE))
    assert bench.registry.events_in(bench.allow(bench.buyer, WRITE))
    assert bench.registry.call("allowedAt", bench.trips, bench.buyer.address, bench.now) == WRITE
    assert bench.ask(bench.buyer, WRITE) is Reason.ALLOW_LIST
    assert bench.ask(bench.buyer, READ) is Reason.DENIED
    bench.list_("disallowAccessors", bench.buyer, bench.reader)
    assert bench.ask(bench.buyer, WRITE) is Reason.DENIED


def test_members_come_and_go(bench: AccessBench) -> None:
    before = bench.now
    bench.grant(group=bench.family)
    bench.members("addMembers", bench.reader, bench.friend)
    joined = bench.now - 1
    bench.members("removeMembers", bench.reader)
    left = bench.now - 1
    assert [bench.ask(bench.reader, READ, time) for time in (before, joined, left)] == [
        Reason.DENIED,
        Reason.GROUP,
        Reason.DENIED,
    ]
    assert [
        bench.registry.call("isMemberAt", bench.family, bench.reader.address, t) for t in (joined, left)
    ] == [
        True,
        False,
    ]
    assert bench.ask(bench.friend, READ, joined) is Reason.GROUP


def test_a_group_begins_with_its_first_call_also_without_members(bench: AccessBench) -> None:
    label = b"G" * 32
    group = group_id(bench.owner.address, label)
    with refused("GroupUnknown", group=group):
        bench.grant(group=group)
    with refused("GroupUnknown", group=group):
        bench.members("removeMembers", bench.reader, label=label)
    receipt = bench.members("addMembers", label=label)
    (event,) = bench.registry.events_in(receipt)
    assert (event.name, event.args) == (
        "GroupCreated",
        {"group": group, "owner": bench.owner.address, "label": label},
    )
    assert bench.registry.call("groupOwnerOf", group) == bench.owner.address
    bench.grant(group=group)
    assert bench.ask(bench.reader) is Reason.DENIED


def test_a_group_of_somebody_else_can_be_granted(bench: AccessBench) -> None:
    workshop = group_id(bench.buyer.address, CIRCLE)
    members = (bench.buyer.address, CIRCLE, [bench.reader.address])
    bench.registry.transact("addMembers", *members, signer=bench.buyer)
    bench.grant(group=workshop)
    assert bench.ask(bench.reader) is Reason.GROUP
    granted_until = bench.now
    bench.sell(bench.buyer, bench.stranger.address)
    assert bench.ask(bench.reader) is Reason.DENIED
    # Its new owner gets nothing by naming members; its old certificate is void.
    bench.registry.transact("addMembers", *members, signer=bench.stranger)
    assert bench.ask(bench.reader) is Reason.DENIED
    bench.grant(group=workshop)
    assert bench.ask(bench.reader) is Reason.GROUP
    assert bench.ask(bench.reader, READ, granted_until) is Reason.DENIED
    assert bench.ask(bench.reader, READ, granted_until - 1) is Reason.GROUP


def test_a_group_that_changed_hands_keeps_no_place(bench: AccessBench) -> None:
    labels = [bytes([n]) * 32 for n in range(16)]
    for label in labels:
        bench.registry.transact("addMembers", bench.keeper.address, label, [], signer=bench.keeper)
        bench.grant(group=group_id(bench.keeper.address, label))
    with refused("TooManyGroups", resource=bench.trips, limit=16):
        bench.grant(group=bench.family)
    # One that has not begun is as dead as the one that it was to replace.
    bench.grant(group=group_id(bench.keeper.address, labels[0]), valid_from=bench.now + DAY)
    bench.sell(bench.keeper, bench.stranger.address)
    own = bench.grant(group=bench.family)
    assert bench.ask(bench.friend) is Reason.GROUP
    assert bench.registry.call("groupCertificatesAt", bench.trips, bench.now)[0] == own.struct_hash()


def test_sixteen_groups_and_the_seventeenth_in_the_place_of_one_that_is_dead(bench: AccessBench) -> None:
    labels = [bytes([n]) * 32 for n in range(18)]
    groups = [group_id(bench.owner.address, label) for label in labels]
    for label in labels:
        bench.members("addMembers", bench.reader, label=label)
    granted = [bench.grant(group=group) for group in groups[:16]]
    assert bench.registry.call("groupCertificatesAt", bench.trips, bench.now) == [
        each.struct_hash() for each in granted
    ]
    with refused("TooManyGroups", resource=bench.trips, limit=16):
        bench.grant(group=groups[16])
    # A group that has a place is granted anew in it.
    renewed = bench.grant(group=groups[3], rights=WRITE)
    assert bench.registry.call("groupCertificatesAt", bench.trips, bench.now)[3] == renewed.struct_hash()

    bench.revoke(granted[5])
    seventeenth = bench.grant(group=groups[16], rights=CONTROL)
    assert bench.ask(bench.reader, CONTROL) is Reason.GROUP
    assert bench.registry.call("groupCertificatesAt", bench.trips, bench.now)[5] == seventeenth.struct_hash()
    with refused("TooManyGroups", resource=bench.trips, limit=16):
        bench.grant(group=groups[17])
    # The first that holds gives the answer.
    ((_, _, decided),) = bench.answers([(bench.trips, bench.reader.address, READ, bench.now)])
    assert decided == granted[0].struct_hash()
    # After a transfer every place is free again.
    bench.sell(bench.owner, bench.buyer.address)
    bench.grant(bench.buyer, group=groups[17])
    bench.members("addMembers", bench.reader, label=labels[17], by=bench.buyer)
    assert bench.ask(bench.reader) is Reason.GROUP


def test_a_group_keeps_its_place_while_either_of_its_certificates_may_live(bench: AccessBench) -> None:
    """The last has not begun and is revoked; the one that it was to replace still allows."""
    bench.members("addMembers", bench.reader, label=b"G" * 32)
    standing = bench.grant(group=bench.family)
    bench.revoke(bench.grant(group=bench.family, valid_from=bench.now + DAY))
    other = bench.grant(group=group_id(bench.owner.address, b"G" * 32))
    places = bench.registry.call("groupCertificatesAt", bench.trips, bench.now)
    assert places == [standing.struct_hash(), other.struct_hash()]
    for member in (bench.friend, bench.reader):
        assert bench.ask(member) is Reason.GROUP


# Delegation


def test_rights_are_passed_on_four_times(bench: AccessBench) -> None:
    chain = [bench.grant(delegable=True, rights=7)]
    people = [bench.reader, bench.friend, bench.buyer, bench.keeper, bench.stranger, bench.issuer]
    for by, to in pairwise(people[:5]):
        chain.append(bench.delegate(chain[-1], by, grantee=to.address, delegable=True))
        assert bench.ask(to, 7) is Reason.CERTIFICATE
    with refused("DelegationTooDeep", depth=5, limit=4):
        bench.delegate(chain[-1], people[4], grantee=people[5].address)
    for reason, act in (
        (Reason.DENIED, lambda: bench.list_("blockAccessors", people[1])),
        (Reason.CERTIFICATE, lambda: bench.list_("unblockAccessors", people[1])),
        (Reason.REVOKED, lambda: bench.revoke(chain[2], by=people[1])),
    ):
        act()
        assert bench.ask(people[4]) is reason
    assert bench.ask(people[1]) is Reason.CERTIFICATE
    bench.revoke(chain[1])
    assert [bench.ask(person) for person in people[:5]] == [
        Reason.CERTIFICATE,
        Reason.REVOKED,
        Reason.REVOKED,
        Reason.REVOKED,
        Reason.REVOKED,
    ]


def test_a_delegation_ends_with_what_it_came_from(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True, valid_until=bench.now + 1_000)
    bench.delegate(parent, bench.reader)
    assert bench.ask(bench.friend) is Reason.CERTIFICATE
    assert bench.ask(bench.friend, READ, bench.now + 999) is Reason.DENIED
    bench.grant(delegable=True)
    assert bench.ask(bench.reader) is Reason.CERTIFICATE
    assert bench.ask(bench.friend) is Reason.DENIED


def test_a_delegate_that_changes_hands_has_granted_nothing(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True)
    bench.delegate(parent, bench.reader)
    sold = bench.now
    bench.sell(bench.reader, bench.buyer.address)
    assert [bench.ask(bench.friend, READ, time) for time in (sold - 1, sold)] == [
        Reason.CERTIFICATE,
        Reason.DENIED,
    ]
    # What it was granted stays its own, and whoever owns it now may pass it on.
    assert bench.ask(bench.reader) is Reason.CERTIFICATE
    bench.delegate(parent, bench.buyer)
    assert bench.ask(bench.friend) is Reason.CERTIFICATE


def test_what_a_delegate_revokes_takes_nothing_away_that_is_not_its_own(bench: AccessBench) -> None:
    """A delegate that grants and revokes, or is revoked itself, must not undo what owner and groups give."""
    bench.grant(group=bench.family)
    parent = bench.grant(delegable=True, rights=7)
    child = bench.delegate(parent, bench.reader)
    assert bench.ask(bench.friend) is Reason.CERTIFICATE
    bench.revoke(child, by=bench.reader)
    assert bench.ask(bench.friend) is Reason.GROUP
    assert bench.ask(bench.friend, WRITE) is Reason.REVOKED
    bench.delegate(parent, bench.reader)
    bench.revoke(parent)
    assert bench.ask(bench.friend) is Reason.GROUP
    assert bench.ask(bench.reader) is Reason.REVOKED


def test_the_owner_replaces_and_revokes_what_a_delegate_granted(bench: AccessBench) -> None:
    bench.grant(group=bench.family)
    parent = bench.grant(delegable=True, rights=7)
    child = bench.delegate(parent, bench.reader)
    bench.revoke(child)
    assert bench.ask(bench.friend) is Reason.REVOKED
    with refused("GrantedByAnother", certificate=child.struct_hash(), granter=bench.owner.address):
        bench.delegate(parent, bench.reader)
    bench.grant(grantee=bench.friend.address, rights=WRITE)
    assert bench.ask(bench.friend, WRITE) is Reason.CERTIFICATE
    assert bench.ask(bench.friend, READ) is Reason.GROUP


# Uses


def test_uses_are_counted_until_there_are_none(bench: AccessBench) -> None:
    certificate = bench.grant(max_uses=2)
    bench.use(bench.reader)
    between = bench.now
    receipt = bench.use(bench.reader)
    (event,) = bench.registry.events_in(receipt)
    assert event.args == {
        "certificate": certificate.struct_hash(),
        "accessor": bench.reader.address,
        "uses": 2,
        "usedAt": bench.now - 1,
    }
    assert bench.ask(bench.reader) is Reason.USED_UP
    assert [bench.ask(bench.reader, READ, time) for time in (between - 1, bench.now - 1)] == [
        Reason.CERTIFICATE,
        Reason.USED_UP,
    ]
    with refused(
        "AccessDenied", resource=bench.trips, accessor=bench.reader.address, right=READ, reason=Reason.USED_UP
    ):
        bench.use(bench.reader)
    bench.grant(max_uses=1)
    assert bench.ask(bench.reader) is Reason.CERTIFICATE


def test_uses_count_along_the_chain(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True, max_uses=3)
    child = bench.delegate(parent, bench.reader, max_uses=2)
    bench.use(bench.reader)
    bench.use(bench.friend)
    bench.use(bench.friend)
    for certificate, uses in ((parent, (3, 3)), (child, (2, 2))):
        assert bench.registry.call("usesOf", certificate.struct_hash()) == uses
    assert bench.ask(bench.reader) is Reason.USED_UP
    assert bench.ask(bench.friend) is Reason.USED_UP


def test_uses_of_a_group_are_of_all_its_members(bench: AccessBench) -> None:
    bench.members("addMembers", bench.reader)
    bench.grant(group=bench.family, max_uses=2)
    bench.use(bench.reader)
    bench.use(bench.friend)
    for member in (bench.reader, bench.friend):
        assert bench.ask(member) is Reason.USED_UP
    bench.bootstrap(default_rights=READ)
    assert bench.ask(bench.reader) is Reason.DEFAULT


def test_what_is_without_limit_is_not_counted(bench: AccessBench) -> None:
    bench.grant()
    bench.allow(bench.friend)
    bench.bootstrap(default_rights=READ)
    for accessor in (bench.owner, bench.reader, bench.friend, bench.stranger):
        assert not bench.registry.events_in(bench.use(accessor))
    with refused(
        "AccessDenied", resource=bench.trips, accessor=bench.reader.address, right=WRITE, reason=Reason.DENIED
    ):
        bench.use(bench.reader, WRITE)


def test_who_acts_for_the_host_counts(bench: AccessBench) -> None:
    bench.grant(max_uses=5)
    for other in (bench.owner, bench.reader, bench.stranger):
        with refused("NotHost", host=bench.host.address, account=other.address):
            bench.use(bench.reader, by=other)
    arguments = (bench.host.address, b"sigAuth".ljust(32, b"\0"), bench.stranger.address, 100)
    bench.dids.transact("addDelegate", *arguments, signer=bench.host)
    bench.use(bench.reader, by=bench.stranger)
    bench.chain.advance_to(bench.now + YEAR)
    with refused("NotHost", host=NOBODY, account=bench.host.address):
        bench.use(bench.reader)


# Transfers


def test_a_transfer_ends_all_grants_and_no_block(bench: AccessBench) -> None:
    bench.bootstrap(default_rights=READ)
    bench.grant()
    bench.grant(group=bench.family)
    bench.allow(bench.buyer, WRITE)
    bench.list_("blockAccessors", bench.issuer)
    people = (bench.reader, bench.friend, bench.stranger, bench.issuer)
    before = [Reason.CERTIFICATE, Reason.GROUP, Reason.DEFAULT, Reason.BLOCKED]
    assert [bench.ask(person) for person in people] == before
    assert bench.ask(bench.buyer, WRITE) is Reason.ALLOW_LIST
    sold = bench.now
    bench.sell(bench.owner, bench.buyer.address)
    after = [Reason.DENIED, Reason.DENIED, Reason.DENIED, Reason.BLOCKED]
    for time, answers in ((sold - 1, before), (sold, after), (bench.now + YEAR, after)):
        assert [bench.ask(person, READ, time) for person in people] == answers
    assert bench.ask(bench.buyer, WRITE) is Reason.DENIED
    assert bench.registry.call("allowedAt", bench.trips, bench.buyer.address, bench.now) == 0
    assert not bench.registry.call("isMemberAt", bench.family, bench.friend.address, bench.now)
    assert bench.registry.call("hostAt", bench.trips, bench.now) == (NOBODY, NONE)
    assert bench.registry.call("epochAt", bench.trips, bench.now) == sold

    # The identity stays the owner, whoever it belongs to; the new owner decides.
    assert bench.ask(bench.owner) is Reason.OWNER
    with refused("NotOwner", identity=bench.owner.address, account=bench.owner.address):
        bench.list_("unblockAccessors", bench.issuer)
    bench.list_("unblockAccessors", bench.issuer, by=bench.buyer)
    bench.allow(bench.friend, by=bench.buyer)
    bench.members("addMembers", bench.reader, by=bench.buyer)
    bench.grant(bench.buyer, group=bench.family)
    bench.bootstrap(bench.buyer, default_rights=READ)
    assert [bench.ask(person) for person in people] == [
        Reason.GROUP,
        Reason.ALLOW_LIST,
        Reason.DEFAULT,
        Reason.DEFAULT,
    ]


def test_a_revocation_of_an_earlier_owner_does_not_bind_a_new_one(bench: AccessBench) -> None:
    bench.revoke(bench.grant(grantee=bench.friend.address))
    assert bench.ask(bench.friend) is Reason.REVOKED
    bench.sell(bench.owner, bench.buyer.address)
    assert bench.ask(bench.friend) is Reason.DENIED
    bench.allow(bench.friend, by=bench.buyer)
    assert bench.ask(bench.friend) is Reason.ALLOW_LIST


def test_an_identity_out_of_use_grants_nothing(bench: AccessBench) -> None:
    bench.grant()
    certificate = bench.certificate()
    bench.sell(bench.owner, NOBODY)
    assert bench.ask(bench.reader) is Reason.DENIED
    with refused("NotOwner", identity=bench.owner.address, account=bench.owner.address):
        bench.list_("blockAccessors", bench.reader)
    replaced = replace(certificate, valid_from=bench.now)
    for signature in (bench.signed(replaced, bench.owner), b"", bytes(65)):
        with refused("SignatureInvalid", identity=bench.owner.address, digest=replaced.digest(bench.domain)):
            bench.bring(replaced, signature=signature)


@pytest.fixture
def battery(bench: AccessBench) -> LocalSigner:
    """A battery in the car that ``buyer`` is, and which has data of its own that ``reader`` may read."""
    battery = LocalSigner.from_key(keccak256(b"a battery"))
    bench.chain.fund(bench.admin, battery.address, 10**18)
    for vehicle in (bench.buyer, bench.keeper):
        bench.certify(vehicle.address, EntityType.VEHICLE)
    bench.certify(battery.address, EntityType.BATTERY, bench.buyer.address)
    bench.bootstrap(battery, owner=battery.address)
    resource = resource_id(battery.address, LABEL)
    bench.grant(battery, granter=battery.address, resource=resource)
    bench.registry.transact("allowAccessors", resource, [bench.friend.address], READ, signer=battery)
    bench.registry.transact("blockAccessors", resource, [bench.issuer.address], signer=battery)
    return battery


@pytest.mark.parametrize("how", ["vehicle sold", "moved", "taken out", "battery sold"])
def test_what_happens_to_the_vehicle_ends_the_grants_on_its_battery(
    bench: AccessBench, battery: LocalSigner, how: str
) -> None:
    resource = resource_id(battery.address, LABEL)
    people = (bench.reader, bench.friend, bench.issuer)
    before = [Reason.CERTIFICATE, Reason.ALLOW_LIST, Reason.BLOCKED]
    after = [Reason.DENIED, Reason.DENIED, Reason.BLOCKED]
    assert [bench.ask(each, resource=resource) for each in people] == before
    time = bench.now
    if how == "vehicle sold":
        bench.sell(bench.buyer, bench.stranger.address)
    elif how == "battery sold":
        bench.sell(battery, bench.stranger.address)
    else:
        bench.certify(battery.address, EntityType.BATTERY, bench.keeper.address if how == "moved" else NOBODY)
    for moment, answers in ((time - 1, before), (time, after), (bench.now, after)):
        assert [bench.ask(each, READ, moment, resource) for each in people] == answers
    assert bench.registry.call("epochAt", resource, bench.now) == time

    # To be back where it was brings nothing back.
    if how in ("moved", "taken out"):
        bench.certify(battery.address, EntityType.BATTERY, bench.buyer.address)
        assert [bench.ask(each, resource=resource) for each in people] == after


def test_a_renewed_certificate_of_a_battery_ends_nothing(bench: AccessBench, battery: LocalSigner) -> None:
    bench.certify(battery.address, EntityType.BATTERY, bench.buyer.address)
    assert bench.ask(bench.reader, resource=resource_id(battery.address, LABEL)) is Reason.CERTIFICATE
