"""``Access``: the registry by name, for owners, delegates, hosts and whoever brings what they signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from evgi_client.access import Access, access_certificate, delegated
from evgi_client.access.registry import BATCH
from evgi_client.chain import Chain
from evgi_client.errors import ContractError, ContractSignatureError
from evgi_client.messages import keccak256
from evgi_client.messages.access import Reason, Right, group_id
from evgi_client.messages.hashing import address_from_bytes
from evgi_client.signing import LocalSigner
from tests.support.access import CIRCLE, DAY, NONE, AccessBench, found_trips

READ = Right.READ


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> AccessBench:
    return found_trips(chain, signers)


@pytest.fixture
def bench(chain: Chain, founded: AccessBench) -> Iterator[AccessBench]:
    snapshot = chain.snapshot()
    yield founded
    chain.revert_to(snapshot)


@pytest.fixture
def by(bench: AccessBench) -> Callable[[LocalSigner], Access]:
    """Access as somebody."""
    return lambda signer: Access(bench.contracts, bench.domain, signer)


def test_from_bootstrapping_to_the_last_use(bench: AccessBench, by: Callable[[LocalSigner], Access]) -> None:
    owner, reader, host = by(bench.owner), by(bench.reader), by(bench.host)
    hosting = bench.bootstrapping(label=b"L" * 32)
    owner.bootstrap(hosting)
    assert owner.owner_of(hosting.resource) == bench.owner.address
    assert owner.host_at(hosting.resource, bench.now) == bench.host.address
    assert owner.owner_of(NONE) is None
    assert owner.host_at(NONE, bench.now) is None

    now = bench.now
    certificate = access_certificate(
        bench.owner.address,
        hosting.resource,
        READ | Right.WRITE,
        valid_from=now,
        valid_until=now + DAY,
        grantee=bench.reader.address,
        purpose=b"p" * 32,
        delegable=True,
        max_uses=2,
    )
    owner.grant(certificate)
    passed_on = delegated(certificate, bench.friend.address, valid_from=bench.now, rights=READ, max_uses=1)
    reader.delegate(passed_on)
    decision = reader.check(hosting.resource, bench.friend.address, READ)
    assert (decision.allowed, decision.reason, decision.certificate) == (
        True,
        Reason.CERTIFICATE,
        passed_on.struct_hash(),
    )
    assert reader.purpose_of(decision.certificate) == b"p" * 32
    assert reader.purpose_of(NONE) == NONE
    assert owner.certificate_at(hosting.resource, bench.friend.address, bench.now) == passed_on.struct_hash()
    assert owner.certificate_at(hosting.resource, bench.buyer.address, bench.now) is None

    host.use(hosting.resource, bench.friend.address, READ)
    with pytest.raises(ContractError, match="AccessDenied"):
        host.use(hosting.resource, bench.friend.address, READ)
    assert host.check(hosting.resource, bench.friend.address, READ).reason is Reason.USED_UP
    owner.revoke(passed_on.struct_hash(), bench.owner.address)
    told = host.explain(hosting.resource, bench.friend.address, READ)
    assert told.decision == host.check(hosting.resource, bench.friend.address, READ)
    assert told.decision.reason is Reason.REVOKED


def test_what_is_signed_is_brought_by_anyone_and_checked_first(
    bench: AccessBench, by: Callable[[LocalSigner], Access]
) -> None:
    signed = by(bench.owner).sign(bench.certificate())
    assert signed.recover() == bench.owner.address
    stranger = by(bench.stranger)
    forged = by(bench.stranger).sign(signed.message).signature.to_bytes()
    with pytest.raises(ContractSignatureError):
        stranger.bring(signed.message, forged, owner=bench.owner.address)
    with pytest.raises(ContractError, match="SignatureInvalid"):
        stranger.bring(signed.message, forged)
    stranger.bring(signed.message, signed.signature.to_bytes(), owner=bench.owner.address)
    assert stranger.check(bench.trips, bench.reader.address, READ).reason is Reason.CERTIFICATE


def test_lists_of_any_length(bench: AccessBench, by: Callable[[LocalSigner], Access]) -> None:
    owner = by(bench.owner)
    many = [address_from_bytes(keccak256(b"%d" % number)[12:]) for number in range(BATCH + 1)]
    for act, undo, reason in (
        (owner.block, owner.unblock, Reason.BLOCKED),
        (lambda resource, who: owner.allow(resource, who, READ), owner.disallow, Reason.ALLOW_LIST),
    ):
        assert len(act(bench.trips, many)) == 2
        assert {owner.check(bench.trips, who, READ).reason for who in (many[0], many[-1])} == {reason}
        assert len(undo(bench.trips, many)) == 2
        assert {owner.check(bench.trips, who, READ).reason for who in (many[0], many[-1])} == {Reason.DENIED}
    assert owner.block(bench.trips, []) == []


def test_groups(bench: AccessBench, by: Callable[[LocalSigner], Access]) -> None:
    owner, label = by(bench.owner), b"G" * 32
    group = group_id(bench.owner.address, label)
    owner.create_group(bench.owner.address, label)
    owner.grant(bench.certificate(group=group))
    owner.add_members(bench.owner.address, label, [bench.reader.address, bench.buyer.address])
    owner.remove_members(bench.owner.address, label, [bench.buyer.address])
    reasons = [owner.check(bench.trips, who.address, READ).reason for who in (bench.reader, bench.buyer)]
    assert reasons == [Reason.GROUP, Reason.DENIED]
    assert group != group_id(bench.owner.address, CIRCLE)
