"""What must not work on AccessRegistry: strangers, squatters, old papers, other chains, delegates that want more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from evgi_client.access.world import NOBODY
from evgi_client.chain import Chain
from evgi_client.errors import ContractError
from evgi_client.messages import keccak256
from evgi_client.messages.access import AccessCertificate, Reason, Right, group_id, resource_id
from evgi_client.signing import LocalSigner
from tests.support.access import CIRCLE, DAY, LABEL, AccessBench, Answer, found_trips, refused

READ, WRITE, CONTROL = int(Right.READ), int(Right.WRITE), int(Right.CONTROL)
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> AccessBench:
    return found_trips(chain, signers)


@pytest.fixture
def bench(chain: Chain, founded: AccessBench) -> Iterator[AccessBench]:
    """The trips are registered; ``friend`` is the family."""
    snapshot = chain.snapshot()
    yield founded
    chain.revert_to(snapshot)


def everything(bench: AccessBench, until: int) -> list[Answer]:
    """Answers about everybody, every right, and times past, present and to come."""
    people = (bench.owner, bench.host, bench.reader, bench.friend, bench.buyer, bench.stranger)
    return bench.answers(
        [
            (bench.trips, person.address, right, time)
            for person in people
            for right in (READ, WRITE, CONTROL)
            for time in (until - 30, until - 1, until, until + 5 * DAY)
        ]
    )


def lively(bench: AccessBench) -> list[AccessCertificate]:
    """Something of everything, for a stranger to look at."""
    granted = [
        bench.grant(delegable=True, rights=7, max_uses=9),
        bench.grant(group=bench.family),
        bench.grant(grantee=bench.buyer.address),
    ]
    granted.append(bench.delegate(granted[0], bench.reader, grantee=bench.host.address))
    bench.use(bench.reader)
    bench.list_("blockAccessors", bench.issuer)
    bench.allow(bench.friend, WRITE)
    bench.revoke(granted[2])
    return granted


# Strangers


def test_a_stranger_who_sends_everything_again_changes_nothing(bench: AccessBench) -> None:
    lively(bench)
    until = bench.now
    before = everything(bench, until)
    names = "HostBootstrapped AccessGranted CertificateUsed AccessorBlocked AccessorAllowed GroupCreated MemberAdded"
    sent = {event.transaction_hash for name in names.split() for event in bench.registry.events(name)}
    assert len(sent) == 9
    for transaction in sorted(sent):
        data = bench.chain.calldata_of(transaction)
        assert data is not None
        with pytest.raises(ContractError) as refusal:
            bench.chain.send(
                bench.stranger,
                to=bench.registry.address,
                data=data,
                contract="AccessRegistry",
                abi=bench.registry.abi,
            )
        assert refusal.value.name in ("AlreadyBrought", "NotOwner", "NotHost")
    assert everything(bench, until) == before


def test_no_field_can_be_changed_after_signing(bench: AccessBench) -> None:
    """Each change is one that everything but the signature would let pass."""
    bench.grant(delegable=True, rights=READ)
    other = bench.bootstrap(label=b"L" * 32).resource
    certificate = bench.certificate(grantee=bench.buyer.address, purpose=b"q" * 32, max_uses=3)
    signature = bench.signed(certificate, bench.owner)
    changes: dict[str, Any] = {
        "id": b"i" * 32,
        "grantee": bench.stranger.address,
        "resource": other,
        "rights": 7,
        "purpose": b"r" * 32,
        "valid_from": certificate.valid_from + 1,
        "valid_until": certificate.valid_until + 1,
        "delegable": True,
        "max_uses": 0,
    }
    rest = {field.name for field in fields(certificate)} - changes.keys()
    assert rest == {"granter", "group", "parent"}
    for field, value in changes.items():
        changed = replace(certificate, **{field: value})
        with refused("SignatureInvalid", identity=bench.owner.address, digest=changed.digest(bench.domain)):
            bench.bring(changed, signature=signature)
    to_group = replace(certificate, grantee=NOBODY, group=bench.family)
    with refused("SignatureInvalid", identity=bench.owner.address, digest=to_group.digest(bench.domain)):
        bench.bring(to_group, signature=signature)

    message = bench.bootstrapping()
    signature = bench.signed(message, bench.owner)
    for field in (field.name for field in fields(message)):
        value = getattr(message, field)
        if field in ("owner", "host"):
            new: Any = bench.stranger.address
        elif field == "default_rights":
            new = READ
        else:
            new = b"?" * 32 if isinstance(value, bytes) else value + 1
        forged = replace(message, **{field: new})
        with refused("SignatureInvalid", identity=forged.owner, digest=forged.digest(bench.domain)):
            bench.registry.transact("bootstrap", forged, signature, signer=bench.host)


@pytest.mark.parametrize(
    "change",
    [{"chain_id": 1}, {"verifying_contract": "0x" + "11" * 20}, {"name": "DIDRegistry"}, {"version": "2"}],
    ids=lambda change: next(iter(change)),
)
def test_signatures_of_another_domain_are_refused(bench: AccessBench, change: dict[str, Any]) -> None:
    domain = replace(bench.domain, **change)
    for message in (bench.certificate(), bench.bootstrapping()):
        with refused("SignatureInvalid", identity=bench.owner.address, digest=message.digest(bench.domain)):
            bench.bring(message, signature=bench.signed(message, bench.owner, domain))


def test_a_second_form_of_a_signature_is_no_second_grant(bench: AccessBench) -> None:
    certificate = bench.certificate()
    good = bench.owner.sign_digest(certificate.digest(bench.domain))
    high = good.r.to_bytes(32, "big") + (CURVE_ORDER - good.s).to_bytes(32, "big") + bytes((55 - good.v,))
    with refused("SignatureInvalid", identity=bench.owner.address, digest=certificate.digest(bench.domain)):
        bench.bring(certificate, signature=high)
    bench.bring(certificate)
    bench.revoke(certificate)
    for signature in (high, good.to_bytes(), b""):
        with refused("AlreadyBrought", certificate=certificate.struct_hash()):
            bench.bring(certificate, signature=signature)
    assert bench.ask(bench.reader) is Reason.REVOKED


def test_nobody_signs_for_the_zero_address(bench: AccessBench) -> None:
    for message in (
        bench.bootstrapping(owner=NOBODY),
        bench.certificate(granter=NOBODY, parent=b"p" * 32),
    ):
        for signature in (b"", bytes(65), bytes(64) + b"\x1b"):
            with refused("SignatureInvalid", identity=NOBODY, digest=message.digest(bench.domain)):
                bench.bring(message, signature=signature)
    bench.grant(group=bench.family)
    assert bench.ask(NOBODY) is Reason.DENIED


def test_nobody_takes_the_id_of_anothers_resource_or_group(bench: AccessBench) -> None:
    """An id is made of the identity, whose owner signs: the same name under another identity is another thing."""
    squatted = bench.bootstrap(bench.stranger, owner=bench.stranger.address).resource
    assert squatted == resource_id(bench.stranger.address, LABEL) != bench.trips
    group = (bench.stranger.address, CIRCLE, [bench.stranger.address])
    bench.registry.transact("addMembers", *group, signer=bench.stranger)
    bench.grant(group=bench.family)
    assert bench.ask(bench.stranger) is Reason.DENIED
    assert bench.registry.call("groupOwnerOf", bench.family) == bench.owner.address

    # Before anybody registered it too: with a victim's identity, a stranger has no signature.
    unborn = bench.bootstrapping(label=b"L" * 32)
    with refused("SignatureInvalid", identity=bench.owner.address, digest=unborn.digest(bench.domain)):
        bench.bring(unborn, bench.stranger)


def test_a_stranger_grants_nothing_of_what_is_not_its_own(bench: AccessBench) -> None:
    """As granter of its own right, of its own resource's certificate, of its own group."""
    own = bench.bootstrap(bench.stranger, owner=bench.stranger.address).resource
    mine = bench.grant(
        bench.stranger,
        granter=bench.stranger.address,
        resource=own,
        grantee=bench.reader.address,
        delegable=True,
    )
    for by, changes in (
        (bench.stranger, {"granter": bench.stranger.address}),
        (bench.stranger, {"granter": bench.stranger.address, "parent": mine.struct_hash()}),
        (bench.reader, {"granter": bench.reader.address, "parent": mine.struct_hash()}),
    ):
        certificate = bench.certificate(grantee=bench.buyer.address, **changes)
        with refused("ParentNotInForce", parent=certificate.parent, granter=by.address):
            bench.bring(certificate, by)
    bench.revocations.transact(
        "revoke", bench.stranger.address, bench.grant().struct_hash(), 0, 0, signer=bench.stranger
    )
    assert bench.ask(bench.reader) is Reason.CERTIFICATE


def test_a_group_is_no_member(bench: AccessBench) -> None:
    """Groups do not nest, so there are no loops: what looks like a group's id is just an address."""
    inner = group_id(bench.owner.address, b"G" * 32)
    as_address = "0x" + inner[12:].hex()
    bench.members("addMembers", bench.reader, "0x" + bench.family[12:].hex(), label=b"G" * 32)
    bench.members("addMembers", as_address)
    bench.grant(group=bench.family)
    assert bench.ask(bench.reader) is Reason.DENIED
    assert bench.ask(bench.friend) is Reason.GROUP


# Old papers


def test_papers_of_an_earlier_ownership_do_not_come_to_life(bench: AccessBench) -> None:
    """Sold and bought back: the same key owns the identity again, and its old signatures are good."""
    brought, kept = bench.grant(), bench.certificate(grantee=bench.friend.address)
    hosting = bench.bootstrapping(default_rights=READ)
    bench.sell(bench.owner, bench.buyer.address)
    bench.sell(bench.owner, bench.owner.address, by=bench.buyer)
    since = bench.now - 1
    for paper in (kept, hosting):
        with refused("OwnershipTooNew", identity=bench.owner.address, since=since):
            bench.bring(paper)
    for reader in (bench.reader, bench.friend, bench.stranger):
        assert bench.ask(reader) is Reason.DENIED
    with refused("OwnershipTooNew", identity=bench.owner.address, since=since):
        bench.bring(brought)


def test_papers_of_a_delegate_that_changed_hands_do_not_come_to_life(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True)
    kept = replace(
        bench.certificate(grantee=bench.friend.address, granter=bench.reader.address),
        parent=parent.struct_hash(),
    )
    bench.sell(bench.reader, bench.buyer.address)
    bench.sell(bench.reader, bench.reader.address, by=bench.buyer)
    with refused("OwnershipTooNew", identity=bench.reader.address, since=bench.now - 1):
        bench.bring(kept, bench.reader)


def test_an_old_paper_does_not_undo_a_new_one(bench: AccessBench) -> None:
    """The grantee keeps a wide certificate back, and brings it after a narrow one, or after a revocation."""
    wide, wide_too = bench.certificate(rights=7), bench.certificate(rights=7)
    bench.chain.advance_to(bench.now + 10)
    narrow = bench.grant(rights=READ)
    with refused("CertificateOlder", validFrom=wide.valid_from, earliest=narrow.valid_from):
        bench.bring(wide)

    bench.chain.advance_to(bench.now + 10)
    later = bench.certificate(rights=7)
    bench.chain.advance_to(bench.now + 10)
    revoked = bench.now
    bench.revoke(narrow)
    for paper in (wide_too, later):
        with refused("CertificateOlder", validFrom=paper.valid_from, earliest=revoked):
            bench.bring(paper)
    assert bench.ask(bench.reader) is Reason.REVOKED


def test_an_old_paper_of_a_group_does_not_come_back_by_another_place(bench: AccessBench) -> None:
    """Its place was given to another group, so that what stood in it is found no more."""
    bench.members("addMembers", label=b"G" * 32)
    first = bench.grant(group=bench.family)
    old = bench.certificate(group=bench.family, rights=7)
    bench.chain.advance_to(bench.now + 10)
    revoked = bench.now
    bench.revoke(first)
    bench.grant(group=group_id(bench.owner.address, b"G" * 32))
    with refused("CertificateOlder", validFrom=old.valid_from, earliest=revoked):
        bench.bring(old)
    bench.grant(group=bench.family)
    assert bench.ask(bench.friend) is Reason.GROUP


def test_a_former_owner_does_not_hold_up_the_present_one(bench: AccessBench) -> None:
    """By revoking, far ahead, what it granted itself."""
    for revoked in (bench.grant(), bench.grant(group=bench.family), bench.bootstrap()):
        bench.revoke(revoked, effective_at=bench.now + 300 * DAY)
    parent = bench.grant(grantee=bench.host.address, delegable=True)
    passed_on = bench.delegate(parent, bench.host, grantee=bench.keeper.address)
    bench.revoke(passed_on, by=bench.host, effective_at=bench.now + 300 * DAY)
    bench.sell(bench.owner, bench.buyer.address)
    bench.sell(bench.host, bench.issuer.address)
    bench.bootstrap(bench.buyer)
    bench.grant(bench.buyer)
    bench.grant(bench.buyer, group=bench.family)
    parent = bench.grant(bench.buyer, grantee=bench.host.address, delegable=True)
    bench.delegate(parent, bench.issuer, grantee=bench.keeper.address)
    for accessor in (bench.reader, bench.keeper):
        assert bench.ask(accessor) is Reason.CERTIFICATE


@pytest.mark.parametrize("ahead", [0, DAY], ids=["now", "ahead"])
def test_a_revoked_paper_that_nobody_brought_ends_nothing(bench: AccessBench, ahead: int) -> None:
    """Signed by mistake and revoked: else anybody who has it could put it in the place of the good one."""
    parent = bench.grant(delegable=True)
    bench.delegate(parent, bench.reader)
    bench.grant(group=bench.family)
    passed_on = replace(
        bench.certificate(grantee=bench.friend.address, granter=bench.reader.address),
        parent=parent.struct_hash(),
        valid_until=parent.valid_until,
    )
    passed_on_too = replace(passed_on, id=b"i" * 32)
    revoked = [
        (bench.certificate(rights=7), bench.owner, bench.owner),
        (bench.certificate(group=bench.family), bench.owner, bench.owner),
        (bench.bootstrapping(host=bench.stranger.address), bench.owner, bench.owner),
        (passed_on, bench.reader, bench.reader),
        (passed_on_too, bench.reader, bench.owner),
    ]
    for paper, _, by in revoked:
        bench.revoke(paper, by=by, effective_at=bench.now + ahead if ahead else 0)
    until = bench.now
    before = everything(bench, until)
    for paper, signer, _ in revoked:
        with refused("CertificateRevoked", certificate=paper.struct_hash()):
            bench.bring(paper, signer)
    # Its own owner neither: what it wants to grant after all, it signs anew.
    with refused("CertificateRevoked", certificate=revoked[0][0].struct_hash()):
        bench.registry.transact("grant", revoked[0][0], b"", signer=bench.owner)
    assert everything(bench, until) == before
    assert bench.registry.call("hostAt", bench.trips, bench.now)[0] == bench.host.address


@pytest.mark.parametrize("end", ["expired", "used up", "revoked"])
def test_an_old_paper_does_not_come_back_behind_anothers(bench: AccessBench, end: str) -> None:
    """The owner's last one is dead, so that a delegate's stands after it: the owner's order holds nevertheless."""
    friend = bench.friend.address
    wide = bench.certificate(rights=7, grantee=friend)
    bench.chain.advance_to(bench.now + 10)
    narrow = bench.grant(grantee=friend, max_uses=1, valid_until=bench.now + 100)
    parent = bench.grant(delegable=True)
    earliest = narrow.valid_from
    if end == "used up":
        bench.use(bench.friend)
    else:
        bench.chain.advance_to(narrow.valid_until)
    passed_on = bench.delegate(parent, bench.reader)
    if end == "revoked":
        earliest = bench.now
        bench.revoke(narrow)
    with refused("CertificateOlder", validFrom=wide.valid_from, earliest=earliest):
        bench.bring(wide)
    at = bench.registry.call("certificateAt", bench.trips, friend, bench.now)
    assert at == passed_on.struct_hash()

    # The delegate's order holds behind the owner's too.
    bench.chain.advance_to(bench.now + 10)
    newer = bench.grant(grantee=friend, valid_until=bench.now + 5)
    bench.chain.advance_to(newer.valid_until)
    kept = replace(passed_on, id=b"k" * 32, valid_from=passed_on.valid_from - 1)
    with refused("CertificateOlder", validFrom=kept.valid_from, earliest=passed_on.valid_from):
        bench.bring(kept, bench.reader)
    bench.delegate(parent, bench.reader)
    assert bench.ask(bench.friend) is Reason.CERTIFICATE
    with refused("CertificateOlder", validFrom=wide.valid_from, earliest=newer.valid_from):
        bench.bring(wide)


def test_order_among_papers_ends_with_their_granters_ownership(bench: AccessBench) -> None:
    """What an earlier owner put far ahead, and a delegate replaced since, does not hold up the present owner."""
    bench.grant(
        grantee=bench.friend.address, valid_from=bench.now + 300 * DAY, valid_until=bench.now + 301 * DAY
    )
    sooner = bench.certificate(grantee=bench.friend.address)
    bench.registry.transact("grant", sooner, b"", signer=bench.owner)
    bench.sell(bench.owner, bench.buyer.address)
    bench.grant(bench.buyer, grantee=bench.friend.address)
    assert bench.ask(bench.friend) is Reason.CERTIFICATE


@pytest.mark.parametrize("begun", [False, True])
def test_an_old_paper_does_not_undo_one_that_was_brought_ahead(bench: AccessBench, begun: bool) -> None:
    """Of two that begin later, it is the one that begins sooner that a stranger must not put in the other's place."""
    old = bench.certificate(rights=7, valid_from=bench.now + DAY)
    old_hosting = bench.bootstrapping(
        valid_from=bench.now + DAY, default_rights=7, deadline=bench.now + 9 * DAY
    )
    bench.chain.advance_to(bench.now + 100)
    new = bench.grant(valid_from=bench.now + 2 * DAY)
    new_hosting = bench.bootstrap(valid_from=new.valid_from, host=bench.friend.address)
    if begun:
        bench.chain.advance_to(new.valid_from + DAY)
    for paper, standing in ((old, new), (old_hosting, new_hosting)):
        with refused("CertificateOlder", validFrom=paper.valid_from, earliest=standing.valid_from):
            bench.bring(paper)
    later = new.valid_from + DAY
    assert bench.ask(bench.reader, READ, later) is Reason.CERTIFICATE
    assert bench.ask(bench.reader, CONTROL, later) is Reason.DENIED

    # Whose word it is may take it back by sending it itself; what lies between the two stays where it is.
    between = bench.certificate(rights=WRITE, valid_from=new.valid_from - 1)
    for paper, function in ((old, "grant"), (old_hosting, "bootstrap")):
        bench.registry.transact(function, paper, b"", signer=bench.owner)
    assert bench.ask(bench.reader, CONTROL, later) is Reason.CERTIFICATE
    with refused("CertificateOlder", validFrom=between.valid_from, earliest=new.valid_from):
        bench.bring(between)


def test_a_paper_for_a_group_does_not_come_to_life_under_its_next_owner(bench: AccessBench) -> None:
    circle = (bench.keeper.address, CIRCLE)
    group = group_id(*circle)
    bench.registry.transact("addMembers", *circle, [], signer=bench.keeper)
    kept, brought = bench.certificate(group=group), bench.certificate(group=group)
    sale = bench.signed_sale(bench.keeper.address, bench.stranger.address, bench.keeper)
    grant = (bench.registry, "grant", (brought, bench.signed(brought, bench.owner)))
    with pytest.raises(ContractError) as refusal:
        bench.together((bench.dids, "changeOwnerSigned", sale), grant)
    assert refusal.value.data[:4] == keccak256(b"OwnershipTooNew(address,uint64)")[:4]
    now = bench.now
    bench.together((bench.dids, "changeOwnerSigned", sale))
    bench.registry.transact("addMembers", *circle, [bench.issuer.address], signer=bench.stranger)
    for paper in (kept, brought):
        with refused("OwnershipTooNew", identity=bench.keeper.address, since=now):
            bench.bring(paper)
    assert bench.ask(bench.issuer) is Reason.DENIED
    bench.grant(group=group)
    assert bench.ask(bench.issuer) is Reason.GROUP


def test_what_remains_of_a_delegates_word_after_a_revocation_ends_with_the_delegate(
    bench: AccessBench,
) -> None:
    """To revoke what it granted leaves what it had staged; to revoke its own certificate leaves nothing."""
    parent = bench.grant(delegable=True)
    first = bench.delegate(parent, bench.reader)
    staged = bench.delegate(parent, bench.reader, valid_from=bench.now + 60)
    bench.revoke(first)
    assert bench.ask(bench.friend) is Reason.REVOKED
    assert bench.ask(bench.friend, READ, staged.valid_from) is Reason.CERTIFICATE
    bench.revoke(parent)
    assert bench.ask(bench.friend, READ, staged.valid_from) is Reason.REVOKED
    bench.list_("blockAccessors", bench.friend)
    assert bench.ask(bench.friend, READ, staged.valid_from) is Reason.BLOCKED


def test_a_delegate_that_granted_far_ahead_shuts_out_delegates_alone(bench: AccessBench) -> None:
    one = bench.grant(delegable=True, rights=7)
    two = bench.grant(grantee=bench.buyer.address, delegable=True, rights=7)
    useless = bench.delegate(one, bench.reader, rights=READ, valid_from=one.valid_until - 1)
    with refused("GrantedByAnother", certificate=useless.struct_hash(), granter=bench.reader.address):
        bench.delegate(two, bench.buyer)
    bench.grant(grantee=bench.friend.address)
    assert bench.ask(bench.friend) is Reason.CERTIFICATE


# One second


@pytest.mark.parametrize("sold_first", [True, False])
def test_a_grant_in_the_second_of_a_sale_gives_nothing(bench: AccessBench, sold_first: bool) -> None:
    """Whichever comes first in the block: the seller's grant is void, and the buyer cannot grant yet."""
    sale = (
        bench.dids,
        "changeOwnerSigned",
        bench.signed_sale(bench.owner.address, bench.buyer.address, bench.owner),
    )
    now = bench.now
    if sold_first:
        for by in (bench.owner, bench.buyer):
            certificate = bench.certificate()
            grant = (bench.registry, "grant", (certificate, bench.signed(certificate, by)))
            with pytest.raises(ContractError) as refusal:
                bench.together(sale, grant)
            assert refusal.value.data[:4] == keccak256(b"OwnershipTooNew(address,uint64)")[:4]
        bench.together(sale)
    else:
        certificate = bench.certificate()
        bench.together((bench.registry, "grant", (certificate, bench.signed(certificate, bench.owner))), sale)
    for time in (now - 1, now, now + 1):
        assert bench.ask(bench.reader, READ, time) is Reason.DENIED
    bench.grant(bench.buyer)
    assert bench.ask(bench.reader) is Reason.CERTIFICATE


def test_members_and_allow_entries_of_the_second_of_a_sale_are_void(bench: AccessBench) -> None:
    """The contract account owns the identity, so that it can do both in one transaction."""
    account, reader = bench.account.address, bench.reader.address
    bench.sell(bench.owner, account)
    hosting = bench.bootstrapping(default_rights=READ)
    bench.bring(hosting, bench.keeper)
    now = bench.now
    bench.together(
        (bench.registry, "allowAccessors", (bench.trips, [reader], READ)),
        (bench.registry, "addMembers", (bench.owner.address, CIRCLE, [reader])),
        (bench.dids, "changeOwner", (bench.owner.address, bench.buyer.address)),
    )
    bench.grant(bench.buyer, group=bench.family)
    for time in (now, bench.now):
        assert bench.ask(bench.reader, READ, time) is Reason.DENIED
    bench.allow(bench.reader, by=bench.buyer)
    assert bench.ask(bench.reader) is Reason.ALLOW_LIST


# Delegates


def test_a_delegate_does_not_replace_what_others_granted(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True, rights=7)
    other = bench.grant(grantee=bench.buyer.address, delegable=True, rights=7)
    owners = bench.grant(grantee=bench.friend.address)
    with refused("GrantedByAnother", certificate=owners.struct_hash(), granter=bench.owner.address):
        bench.delegate(parent, bench.reader)
    bench.chain.advance_to(owners.valid_until)
    parent = bench.grant(delegable=True, rights=7)
    other = bench.grant(grantee=bench.buyer.address, delegable=True, rights=7)
    passed = bench.delegate(parent, bench.reader)
    with refused("GrantedByAnother", certificate=passed.struct_hash(), granter=bench.reader.address):
        bench.delegate(other, bench.buyer)
    bench.delegate(parent, bench.reader, rights=READ)
    # One that has not begun counts, and so does the one that it will replace.
    ahead = bench.delegate(parent, bench.reader, valid_from=bench.now + DAY)
    with refused("GrantedByAnother", certificate=ahead.struct_hash(), granter=bench.reader.address):
        bench.delegate(other, bench.buyer)
    bench.revoke(ahead, by=bench.reader)
    with pytest.raises(ContractError, match="GrantedByAnother"):
        bench.delegate(other, bench.buyer)
    bench.revoke(parent)
    taken_over = bench.delegate(other, bench.buyer)
    at = bench.registry.call("certificateAt", bench.trips, bench.friend.address, bench.now)
    assert at == taken_over.struct_hash()


def test_a_delegate_cannot_keep_the_owner_from_granting(bench: AccessBench) -> None:
    """By a certificate far ahead, or one that is revoked far ahead."""
    parent = bench.grant(delegable=True, valid_until=bench.now + 300 * DAY)
    far = bench.delegate(parent, bench.reader, valid_from=bench.now + 200 * DAY)
    bench.revoke(far, by=bench.reader, effective_at=bench.now + 250 * DAY)
    bench.grant(grantee=bench.friend.address, rights=WRITE)
    assert bench.ask(bench.friend, WRITE) is Reason.CERTIFICATE


def test_a_delegate_does_not_bring_back_whom_the_owner_revoked(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True)
    for act in (
        lambda: bench.revoke(bench.grant(grantee=bench.friend.address)),
        lambda: bench.revoke(bench.grant(grantee=bench.friend.address), effective_at=bench.now + DAY),
    ):
        mark = bench.chain.snapshot()
        act()
        with pytest.raises(ContractError, match="GrantedByAnother"):
            bench.delegate(parent, bench.reader)
        bench.chain.revert_to(mark)


def test_delegates_in_a_circle_hold_nobody_up(bench: AccessBench) -> None:
    """Two who grant one another: neither replaces the owner's word, and without it both have nothing."""
    parent = bench.grant(delegable=True)
    child = bench.delegate(parent, bench.reader, delegable=True)
    with refused("GrantedByAnother", certificate=parent.struct_hash(), granter=bench.owner.address):
        bench.delegate(child, bench.friend, grantee=bench.reader.address)
    bench.chain.advance_to(parent.valid_until)
    with refused("ParentNotInForce", parent=child.struct_hash(), granter=bench.friend.address):
        bench.delegate(child, bench.friend, grantee=bench.reader.address, valid_until=bench.now + DAY)
    assert [bench.ask(each) for each in (bench.reader, bench.friend)] == [Reason.DENIED, Reason.DENIED]


def test_a_blocked_delegate_gets_nothing_through_another(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True)
    bench.delegate(parent, bench.reader)
    bench.list_("blockAccessors", bench.reader)
    assert [bench.ask(each) for each in (bench.reader, bench.friend)] == [Reason.BLOCKED, Reason.DENIED]
    with refused("ParentNotInForce", parent=parent.struct_hash(), granter=bench.reader.address):
        bench.delegate(parent, bench.reader, grantee=bench.stranger.address)


# Uses


def test_uses_are_not_exceeded_by_taking_turns(bench: AccessBench) -> None:
    parent = bench.grant(delegable=True, max_uses=3)
    for grantee in (bench.friend, bench.buyer):
        bench.delegate(parent, bench.reader, grantee=grantee.address, max_uses=3)
    turns = (bench.friend, bench.buyer, bench.reader)
    for accessor in turns:
        bench.use(accessor)
    for accessor in turns:
        with pytest.raises(ContractError, match="AccessDenied"):
            bench.use(accessor)
    # A new certificate of the delegate has no new uses.
    with refused("ParentNotInForce", parent=parent.struct_hash(), granter=bench.reader.address):
        bench.delegate(parent, bench.reader, max_uses=3)


def test_uses_are_not_exceeded_in_one_second(bench: AccessBench) -> None:
    arguments = (bench.host.address, b"sigAuth".ljust(32, b"\0"), bench.account.address, DAY)
    bench.dids.transact("addDelegate", *arguments, signer=bench.host)
    bench.grant(max_uses=2)
    use = (bench.registry, "use", (bench.trips, bench.reader.address, READ))
    with pytest.raises(ContractError) as refusal:
        bench.together(use, use, use)
    assert refusal.value.data[:4] == keccak256(b"AccessDenied(bytes32,address,uint32,uint8)")[:4]
    bench.together(use, use)
    assert bench.ask(bench.reader) is Reason.USED_UP


def test_a_host_that_is_no_more_counts_nothing(bench: AccessBench) -> None:
    """Else a former host could use up what the new one is to count."""
    bench.grant(max_uses=2)
    bench.bootstrap(host=bench.issuer.address)
    with refused("NotHost", host=bench.issuer.address, account=bench.host.address):
        bench.use(bench.reader)
    bench.use(bench.reader, by=bench.issuer)


# Time


@pytest.mark.parametrize(
    "act",
    [
        lambda bench: bench.list_("blockAccessors", bench.reader),
        lambda bench: bench.revoke(bench.grant(valid_from=bench.now - 20)),
        lambda bench: bench.grant(valid_from=bench.now - 20, rights=WRITE),
        lambda bench: bench.grant(group=bench.family, valid_from=bench.now - 20),
        lambda bench: bench.bootstrap(valid_from=bench.now, default_rights=7),
        lambda bench: bench.allow(bench.buyer, 7),
        lambda bench: bench.members("addMembers", bench.buyer),
        lambda bench: [bench.use(bench.reader) for _ in range(2)],
        lambda bench: bench.sell(bench.owner, bench.buyer.address),
    ],
    ids=["block", "revoke", "grant", "group", "default", "allow", "member", "use", "sell"],
)
def test_nothing_changes_the_past(bench: AccessBench, act: Callable[[AccessBench], object]) -> None:
    bench.grant(max_uses=2, valid_from=bench.now - 30)
    bench.grant(group=group_id(bench.owner.address, CIRCLE), valid_from=bench.now - 30)
    bench.chain.advance_to(bench.now + 40)
    people = (bench.owner, bench.reader, bench.friend, bench.buyer)
    now = bench.now
    asked = [(bench.trips, each.address, READ, now - past) for each in people for past in (1, 10, 39, 45)]
    before = bench.answers(asked)
    act(bench)
    assert bench.answers(asked) == before
    snapshot = bench.snapshot()
    assert [snapshot.decide(*each).reason for each in asked] == [reason for _, reason, _ in before]
