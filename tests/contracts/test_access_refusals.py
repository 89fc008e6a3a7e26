"""AccessRegistry: what it refuses, with exactly which error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from evgi_client.access.world import NOBODY
from evgi_client.chain import Chain
from evgi_client.messages.access import Reason, Right, resource_id
from evgi_client.signing import LocalSigner
from tests.support.access import LABEL, NONE, AccessBench, found_trips, refused

READ, WRITE, CONTROL = int(Right.READ), int(Right.WRITE), int(Right.CONTROL)
FOREVER = 2**48 - 1


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> AccessBench:
    return found_trips(chain, signers)


@pytest.fixture
def bench(chain: Chain, founded: AccessBench) -> Iterator[AccessBench]:
    """The trips are registered; ``friend`` is the family."""
    snapshot = chain.snapshot()
    yield founded
    chain.revert_to(snapshot)


def test_a_contract_account_signs_too(bench: AccessBench) -> None:
    """EIP-1271, for both certificates."""
    account = bench.account.address
    resource = resource_id(account, LABEL)
    bench.bootstrap(bench.keeper, owner=account)
    bench.grant(bench.keeper, granter=account, resource=resource)
    assert bench.ask(bench.reader, resource=resource) is Reason.CERTIFICATE
    forged = bench.certificate(granter=account, resource=resource)
    with refused("SignatureInvalid", identity=account, digest=forged.digest(bench.domain)):
        bench.bring(forged, bench.stranger)


def test_the_owner_needs_no_signature_where_it_sends(bench: AccessBench) -> None:
    bench.registry.transact("bootstrap", bench.bootstrapping(label=b"L" * 32), b"", signer=bench.owner)
    bench.registry.transact("grant", bench.certificate(), b"", signer=bench.owner)
    assert bench.ask(bench.reader) is Reason.CERTIFICATE


@pytest.mark.parametrize(
    "function", ["blockAccessors", "unblockAccessors", "allowAccessors", "disallowAccessors"]
)
def test_lists_are_the_owners_alone(bench: AccessBench, function: str) -> None:
    rights = (READ,) if function == "allowAccessors" else ()
    for other in (bench.reader, bench.host, bench.stranger):
        with refused("NotOwner", identity=bench.owner.address, account=other.address):
            bench.registry.transact(function, bench.trips, [bench.reader.address], *rights, signer=other)
    with refused("ResourceUnknown", resource=b"?" * 32):
        bench.registry.transact(function, b"?" * 32, [bench.reader.address], *rights, signer=bench.owner)


@pytest.mark.parametrize("function", ["addMembers", "removeMembers"])
def test_members_are_the_owners_alone(bench: AccessBench, function: str) -> None:
    for other in (bench.friend, bench.host, bench.stranger):
        with refused("NotOwner", identity=bench.owner.address, account=other.address):
            bench.members(function, bench.reader, by=other)


def test_lists_refuse_nobody_and_the_owner(bench: AccessBench) -> None:
    for accessor in (NOBODY, bench.owner.address):
        with refused("AccessorInvalid", accessor=accessor):
            bench.list_("blockAccessors", accessor)
        with refused("AccessorInvalid", accessor=accessor):
            arguments = (bench.trips, [accessor], READ)
            bench.registry.transact("allowAccessors", *arguments, signer=bench.owner)
    with refused("AccessorInvalid", accessor=NOBODY):
        bench.members("addMembers", NOBODY)
    for rights in (0, 8, 15):
        with refused("RightsInvalid", rights=rights):
            bench.allow(bench.reader, rights)


def test_bootstrapping_refuses_what_cannot_be(bench: AccessBench) -> None:
    now = bench.now
    with refused("DeadlinePassed", deadline=now - 1, time=now):
        bench.bootstrap(deadline=now - 1)
    with refused("HostInvalid", host=NOBODY):
        bench.bootstrap(host=NOBODY)
    with refused("RightsInvalid", rights=8):
        bench.bootstrap(default_rights=8)
    for start, end in ((now, now), (now - 9, now - 1), (now - 9, now), (now, 2**48)):
        with refused("ValidityInvalid", validFrom=start, validUntil=end):
            bench.bootstrap(valid_from=start, valid_until=end)
    message = bench.bootstrap(deadline=now + 5, valid_until=FOREVER)
    with refused("AlreadyBrought", certificate=message.struct_hash()):
        bench.bring(message)
    older = bench.bootstrapping(valid_from=message.valid_from - 1)
    with refused("CertificateOlder", validFrom=older.valid_from, earliest=message.valid_from):
        bench.bring(older)


def test_grants_refuse_what_cannot_be(bench: AccessBench) -> None:
    now = bench.now
    with refused("ResourceUnknown", resource=b"?" * 32):
        bench.grant(resource=b"?" * 32)
    for rights in (0, 8, 9):
        with refused("RightsInvalid", rights=rights):
            bench.grant(rights=rights)
    for start, end in ((now, now), (now - 9, now), (now, 2**48)):
        with refused("ValidityInvalid", validFrom=start, validUntil=end):
            bench.grant(valid_from=start, valid_until=end)
    for grantee, group in (
        (NOBODY, NONE),
        (bench.reader.address, bench.family),
        (bench.owner.address, NONE),
    ):
        with refused("GranteeInvalid", grantee=grantee, group=group):
            bench.grant(grantee=grantee, group=group)
    with refused("GroupNotDelegable", group=bench.family):
        bench.grant(group=bench.family, delegable=True)
    with refused("ParentNotNeeded", parent=b"p" * 32):
        bench.grant(parent=b"p" * 32)
    certificate = bench.grant(valid_until=FOREVER)
    with refused("AlreadyBrought", certificate=certificate.struct_hash()):
        bench.bring(certificate)


def test_delegations_refuse_what_cannot_be(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True, rights=READ | WRITE, max_uses=5, purpose=b"q" * 32)
    hash_ = parent.struct_hash()
    reader, friend = bench.reader.address, bench.friend
    for name, values, changes in (
        ("RightsWidened", {"rights": 7, "limit": 3}, {"rights": 7}),
        ("RightsWidened", {"rights": CONTROL, "limit": 3}, {"rights": CONTROL}),
        (
            "ValidityWidened",
            {"validUntil": parent.valid_until + 1, "limit": parent.valid_until},
            {"valid_until": parent.valid_until + 1},
        ),
        ("UsesWidened", {"maxUses": 6, "limit": 5}, {"max_uses": 6}),
        ("UsesWidened", {"maxUses": 0, "limit": 5}, {"max_uses": 0}),
        ("PurposeWidened", {"purpose": NONE, "limit": b"q" * 32}, {"purpose": NONE}),
        ("PurposeWidened", {"purpose": b"r" * 32, "limit": b"q" * 32}, {"purpose": b"r" * 32}),
        ("GranteeInvalid", {"grantee": reader, "group": NONE}, {"grantee": reader}),
        (
            "GranteeInvalid",
            {"grantee": bench.owner.address, "group": NONE},
            {"grantee": bench.owner.address},
        ),
        (
            "GroupNotDelegable",
            {"group": bench.family},
            {"grantee": NOBODY, "group": bench.family},
        ),
    ):
        with refused(name, **values):
            bench.delegate(parent, bench.reader, **changes)
    for other in (NONE, b"p" * 32):
        with refused("ParentNotInForce", parent=other, granter=reader):
            bench.bring(
                replace(bench.certificate(grantee=friend.address), granter=reader, parent=other), bench.reader
            )
    child = bench.delegate(parent, bench.reader, rights=READ, max_uses=1)
    with refused("ParentNotDelegable", parent=child.struct_hash()):
        bench.delegate(child, friend, grantee=bench.buyer.address)

    # The parent must be alive, in every way.
    def dead(act: Any) -> None:
        mark = bench.chain.snapshot()
        act()
        with refused("ParentNotInForce", parent=hash_, granter=reader):
            bench.delegate(parent, bench.reader, grantee=bench.buyer.address)
        bench.chain.revert_to(mark)

    dead(lambda: bench.revoke(parent))
    dead(lambda: bench.list_("blockAccessors", bench.reader))
    dead(lambda: bench.grant(delegable=True))
    dead(lambda: [bench.use(bench.reader) for _ in range(5)])
    bench.delegate(parent, bench.reader, grantee=bench.buyer.address)
