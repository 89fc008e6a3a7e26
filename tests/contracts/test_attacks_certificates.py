"""How registries of certificates elsewhere were broken, tried on ours; and a stranger who knows all that is public."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account

from evgi_client.certificates.registry import NOBODY
from evgi_client.chain import Chain
from evgi_client.errors import ContractError
from evgi_client.messages import keccak256
from evgi_client.messages.certificates import (
    Accreditation,
    CertificateStatus,
    EntityCertificate,
    EntityType,
    RevocationCertificate,
    entity_type_mask,
)
from evgi_client.signing import LocalSigner
from tests.support.registries import (
    ACCREDITOR,
    ALL_TYPES,
    DAY,
    LAST_SECOND,
    VEHICLES,
    YEAR,
    Registries,
    found_registries,
    malleated,
    party,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evgi_client.chain import ContractHandle

VALID, REVOKED = CertificateStatus.VALID, CertificateStatus.REVOKED
NOT_ACCREDITED = CertificateStatus.ISSUER_NOT_ACCREDITED
BATTERIES = entity_type_mask(EntityType.BATTERY)
LONGEST_AHEAD = 366 * DAY


@dataclass
class Signed:
    """What was signed and brought, and is public since."""

    certificate: EntityCertificate
    certificate_signature: bytes
    accreditation: Accreditation
    accreditation_signature: bytes


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> Registries:
    """Governance accredits ``root``, which accredits ``issuer`` for vehicles."""
    world = found_registries(chain, signers)
    world.accredit_root(world.root, depth=1)
    return world


@pytest.fixture
def world(founded: Registries) -> Iterator[Registries]:
    snapshot = founded.chain.snapshot()
    yield founded
    founded.chain.revert_to(snapshot)


@pytest.fixture
def signed(world: Registries) -> Signed:
    accreditation = world.accredit()
    certificate = world.register()
    return Signed(
        certificate,
        world.signed(certificate, world.issuer),
        accreditation,
        world.signed(accreditation, world.root),
    )


# The signature of one act, brought for another (OCN)


def test_the_signature_that_created_revokes_nothing(world: Registries, signed: Signed) -> None:
    name = signed.certificate.struct_hash()
    posed = world.revocation(target=name)
    with refused(
        "RevocationSignatureInvalid",
        issuer=world.issuer.address,
        digest=posed.digest(world.domain("RevocationRegistry")),
    ):
        world.revocations.transact("revokeSigned", posed, signed.certificate_signature, signer=world.stranger)
    assert world.status(signed.certificate, world.now) == VALID


def test_the_signature_that_created_creates_nothing_again(world: Registries, signed: Signed) -> None:
    name = signed.certificate.struct_hash()
    with refused("CertificateAlreadyRegistered", certificate=name):
        world.bring(signed.certificate, signature=signed.certificate_signature)
    world.revoke(name)
    with refused("CertificateAlreadyRegistered", certificate=name):
        world.bring(signed.certificate, signature=signed.certificate_signature)
    assert world.status(signed.certificate, world.now) == REVOKED


def test_the_signature_that_accredited_accredits_nothing_again(world: Registries, signed: Signed) -> None:
    at = world.now
    world.withdraw(world.issuer, world.root)
    with refused(
        "AccreditationOutdated",
        anchor=world.issuer.address,
        validFrom=signed.accreditation.valid_from,
        latest=at,
    ):
        world.bring_accreditation(signed.accreditation, signature=signed.accreditation_signature)
    assert world.types_at(world.issuer, world.now) == 0


def test_a_revoked_issuer_is_listed_nowhere(world: Registries, signed: Signed) -> None:
    world.withdraw(world.issuer, world.root)
    asked, now = world.certifying(), world.now
    assert asked.accreditation_at(world.issuer.address, now) is None
    assert asked.accredited_types_at(world.issuer.address, now) == ()
    assert not asked.is_accredited_at(world.issuer.address, EntityType.VEHICLE, now)
    assert world.status(signed.certificate, now) == NOT_ACCREDITED
    with refused("IssuerNotAccredited", issuer=world.issuer.address, entityType=EntityType.VEHICLE):
        world.register()


# Who revokes, and whether it counts (Energy Web, EAS)


def test_a_stranger_revokes_nobody_by_naming_them(world: Registries, signed: Signed) -> None:
    name, stranger = signed.certificate.struct_hash(), world.stranger
    for named in (world.issuer.address, signed.certificate.subject, world.root.address):
        with refused("NotIssuer", issuer=named, caller=stranger.address, owner=named):
            world.revocations.transact("revoke", named, name, 0, 0, signer=stranger)
    # Under itself it may say what it likes, about the certificate and about its subject.
    for target in (name, signed.certificate.subject.lower()[2:].encode().ljust(32, b"\0")[:32]):
        world.revocations.transact("revoke", stranger.address, target, 0, 0, signer=stranger)
    assert world.status(signed.certificate, world.now) == VALID


def test_a_subject_revokes_nothing_of_its_issuers(world: Registries, signed: Signed) -> None:
    own = world.register(subject=world.other.address)
    posed = RevocationCertificate(world.other.address, own.struct_hash(), 0, 0, world.now + DAY)
    world.revoking().revoke_signed(posed, world.signed(posed, world.other))
    assert world.status(own, world.now) == VALID


def test_every_answer_heeds_a_revocation(world: Registries, signed: Signed) -> None:
    """The chain of anchors, the registration and the span are as good as before; the answer is not."""
    at = world.now
    world.revoke(signed.certificate.struct_hash())
    times = (at - 1, at, at + 1, signed.certificate.valid_until - 1)
    assert [world.status(signed.certificate, time) for time in times] == [VALID, REVOKED, REVOKED, REVOKED]
    assert world.types_at(world.issuer, at) == VEHICLES


def test_times_are_seconds_and_no_blocks(world: Registries, signed: Signed) -> None:
    block, now = world.chain.head(), world.now
    with refused("RevocationBackdated", effectiveAt=block, earliest=now):
        world.revoke(signed.certificate.struct_hash(), block)
    receipt = world.revoke(signed.certificate.struct_hash())
    (event,) = world.revocations.events_in(receipt)
    assert event.args["effectiveAt"] == now == world.chain.timestamp_of(receipt.block_number)


# Other bytes of the same signature (OnchainID)


def test_a_malleated_signature_revives_nothing(world: Registries, signed: Signed) -> None:
    name = signed.certificate.struct_hash()
    world.revoke(name)
    other_form = malleated(signed.certificate_signature)
    for signature in (other_form, signed.certificate_signature):
        with refused("CertificateAlreadyRegistered", certificate=name):
            world.bring(signed.certificate, signature=signature)
    assert world.status(signed.certificate, world.now) == REVOKED

    never_brought = world.certificate()
    world.revoke(never_brought.struct_hash())
    right = world.signed(never_brought, world.issuer)
    for signature in (right, malleated(right)):
        with refused("CertificateRevoked", certificate=never_brought.struct_hash()):
            world.bring(never_brought, signature=signature)


def test_a_malleated_signature_is_none(world: Registries) -> None:
    given = world.accreditation()
    with refused(
        "AccreditorSignatureInvalid", accreditor=world.root.address, digest=given.digest(world.domain())
    ):
        world.bring_accreditation(given, signature=malleated(world.signed(given, world.root)))


# Batches (Energy Web Origin)


def test_nothing_counts_twice_in_a_batch(world: Registries) -> None:
    issuer, targets = world.issuer.address, [keccak256(b"one"), keccak256(b"one")]
    at = world.now
    receipt = world.revoking(world.issuer).revoke_many(issuer, targets)
    assert [event.args["effectiveAt"] for event in world.revocations.events_in(receipt)] == [at]
    world.revoking(world.publisher).open_statuses(0)
    with refused("StatusesAlreadyRevoked", publisher=world.publisher.address, word=0, indices=1):
        world.revocations.transact("revokeManyStatuses", [0, 0], [1, 1], 0, signer=world.publisher)
    assert world.revoking().revoked_from(issuer, targets[0]) == at
    assert world.revoking().statuses_at(world.publisher.address, [0], world.now) == [0]


def test_nobody_spoils_a_batch_by_bringing_one_of_it_first(world: Registries) -> None:
    """A signed revocation of one target is about; a stranger brings it just before the batch."""
    issuer, targets = world.issuer.address, [keccak256(b"%d" % number) for number in range(5)]
    posted = world.revocation(target=targets[3])
    first = world.now
    world.revocations.transact(
        "revokeSigned", posted, world.signed(posted, world.issuer), signer=world.stranger
    )
    at = world.now
    world.revoking(world.issuer).revoke_many(issuer, targets)
    assert [world.revoking().revoked_from(issuer, each) for each in targets] == [at, at, at, first, at]


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_a_batch_ends_where_it_ends(world: Registries, count: int) -> None:
    revocations, mine = world.revocations, world.revoking(world.publisher)
    publisher = world.publisher.address
    targets = [keccak256(b"target %d" % number) for number in range(count)]
    assert len(revocations.events_in(mine.revoke_many(publisher, targets))) == count
    mine.open_statuses(5, count)
    open_words = [mine.is_status_open(publisher, word * 256) for word in range(4, 5 + count + 1)]
    assert open_words == [False, *[True] * count, False]
    receipt = revocations.transact(
        "revokeManyStatuses", list(range(5, 5 + count)), [1] * count, 0, signer=world.publisher
    )
    assert [event.args["word"] for event in revocations.events_in(receipt)] == list(range(5, 5 + count))


# Nobody's signature (ERC-1056)


@pytest.mark.parametrize("signature", [b"", bytes(65), b"\x1b" * 65, bytes(64) + b"\x1b", b"\xff" * 65])
def test_nobody_issues_accredits_or_revokes(world: Registries, signature: bytes) -> None:
    """A failed recovery gives the zero address, which stands for governance in an accreditation."""
    with refused("IssuerNotAccredited", issuer=NOBODY, entityType=EntityType.VEHICLE):
        world.bring(world.certificate(issuer=NOBODY), signature=signature)
    with refused("EntityTypesNotHeld", accreditor=NOBODY, entityTypes=VEHICLES, held=0):
        world.bring_accreditation(world.accreditation(accreditor=NOBODY), signature=signature)
    posed = world.revocation(issuer=NOBODY)
    with refused(
        "RevocationSignatureInvalid", issuer=NOBODY, digest=posed.digest(world.domain("RevocationRegistry"))
    ):
        world.revocations.transact("revokeSigned", posed, signature, signer=world.stranger)


# Other chains and contracts


def test_signatures_of_one_registry_are_none_in_another(world: Registries, signed: Signed) -> None:
    """A second registry on the same chain, with the same anchors."""
    addresses = [each.address for each in (world.contracts["AccessManager"], world.dids, world.revocations)]
    again = world.chain.deploy("CertificateRegistry", addresses, world.admin)
    elsewhere = replace(world, contracts={**world.contracts, "CertificateRegistry": again})
    elsewhere.accredit_root(world.root, depth=1, signer=world.admin)
    late = elsewhere.accreditation()
    with refused(
        "AccreditorSignatureInvalid", accreditor=world.root.address, digest=late.digest(elsewhere.domain())
    ):
        elsewhere.bring_accreditation(late, signature=world.signed(late, world.root))
    elsewhere.accredit()
    with refused(
        "IssuerSignatureInvalid",
        issuer=world.issuer.address,
        digest=signed.certificate.digest(elsewhere.domain()),
    ):
        elsewhere.bring(signed.certificate, signature=signed.certificate_signature)


@pytest.mark.parametrize("chain_id", [0, 1, 31337])
def test_signatures_of_one_chain_are_none_on_another(world: Registries, chain_id: int) -> None:
    """The same accounts deploy the same contracts on it, which come to stand at the same addresses."""
    there = world.domain(chain_id=chain_id)
    given = world.accreditation()
    with refused(
        "AccreditorSignatureInvalid", accreditor=world.root.address, digest=given.digest(world.domain())
    ):
        world.bring_accreditation(given, signature=world.signed(given, world.root, there))
    world.bring_accreditation(given)
    certificate = world.certificate()
    with refused(
        "IssuerSignatureInvalid", issuer=world.issuer.address, digest=certificate.digest(world.domain())
    ):
        world.bring(certificate, signature=world.signed(certificate, world.issuer, there))
    posed, domain = world.revocation(), world.domain("RevocationRegistry")
    signature = world.signed(posed, world.issuer, replace(domain, chain_id=chain_id))
    with refused("RevocationSignatureInvalid", issuer=world.issuer.address, digest=posed.digest(domain)):
        world.revocations.transact("revokeSigned", posed, signature, signer=world.stranger)


# Anchors against each other and against governance


def test_an_anchor_keeps_governance_from_nothing(world: Registries) -> None:
    """It occupies another's place until the end of time, from now and from later."""
    for valid_from in (world.now, world.now + 10 * YEAR):
        snapshot = world.chain.snapshot()
        world.accredit(valid_from=valid_from, valid_until=LAST_SECOND)
        world.accredit_root(world.issuer, ALL_TYPES)
        assert world.types_at(world.issuer, world.now) == ALL_TYPES
        world.chain.revert_to(snapshot)


def test_an_anchor_gets_rid_of_an_accreditation_it_did_not_ask_for(world: Registries) -> None:
    world.accredit_root(world.middle, depth=1)
    world.accredit(world.root, valid_until=LAST_SECOND)
    world.withdraw(world.issuer, world.issuer)
    world.accredit(world.middle)
    found = world.certifying().accreditation_at(world.issuer.address, world.now)
    assert found is not None
    assert found.accreditor == world.middle.address


def test_two_anchors_do_not_hold_each_other_up(world: Registries) -> None:
    """Governance's word for the first ends; the second, accredited by it, would prolong it."""
    end = world.now + 100
    world.accredit_root(world.middle, depth=2, valid_until=end)
    world.accredit(world.middle, depth=1, valid_until=LAST_SECOND)
    back = {"anchor": world.middle.address, "valid_until": LAST_SECOND}
    for begin in (world.now, end):
        with refused("AccreditationStands", anchor=world.middle.address, accreditor=NOBODY, validUntil=end):
            world.accredit(world.issuer, valid_from=begin, **back)
    world.chain.advance_to(end)
    with refused("EntityTypesNotHeld", accreditor=world.issuer.address, entityTypes=VEHICLES, held=0):
        world.accredit(world.issuer, **back)
    assert [world.types_at(anchor, LAST_SECOND - 1) for anchor in (world.middle, world.issuer)] == [0, 0]


def test_a_stolen_publisher_key_makes_nothing_valid_again(world: Registries) -> None:
    world.accredit()
    mine, publisher = world.revoking(world.publisher), world.publisher.address
    mine.open_statuses(0)
    certificate = world.register(status_publisher=publisher, status_index=9)
    mine.revoke_statuses([9])
    attempts: list[tuple[str, tuple[object, ...]]] = [
        ("openStatuses", (0, 1)),
        ("revokeStatuses", (0, 1 << 246, 0)),
        ("revokeStatuses", (0, 1 << 246, world.now + DAY)),
        ("revokeStatuses", (0, 0, 0)),
    ]
    for function, arguments in attempts:
        with pytest.raises(ContractError):
            world.revocations.transact(function, *arguments, signer=world.publisher)
    # Nor does a change far ahead keep anything valid.
    mine.revoke_statuses([10], world.now + DAY)
    mine.revoke_statuses([11])
    assert world.status(certificate, world.now) == REVOKED
    assert mine.is_status_revoked_at(publisher, 11, world.now)


# What binds a subject for good, or another


def test_no_issuer_keeps_a_battery_where_it_is_for_good(world: Registries) -> None:
    """One of the type leaves it where it is from as far ahead as any may, and loses everything afterwards."""
    world.accredit()
    world.accredit_root(world.other, BATTERIES)
    world.accredit_root(world.middle, BATTERIES)
    for vehicle in (party(1), party(2)):
        world.register(subject=vehicle)
    battery = {"entity_type": EntityType.BATTERY, "subject": party(3), "valid_until": LAST_SECOND}
    world.register(world.middle, issuer=world.middle.address, parent=party(1), **battery)
    theirs = {"issuer": world.other.address, "parent": party(1), **battery}
    latest = world.now + LONGEST_AHEAD
    with refused("CertificateTooFarAhead", validFrom=LAST_SECOND - 1, latest=latest):
        world.register(world.other, valid_from=LAST_SECOND - 1, **theirs)
    rogue = world.register(world.other, valid_from=world.now + LONGEST_AHEAD, **theirs)
    world.certificates.transact("withdrawRoot", world.other.address, signer=world.governance)
    world.revoke(rogue.struct_hash(), by=world.other)
    honest = {"issuer": world.middle.address, **battery}
    world.register(world.middle, parent=party(2), **honest)
    assert world.certifying().parent_at(party(3), world.now) == party(2)


def test_a_battery_that_was_moved_far_ahead_is_moved_back_at_once(world: Registries) -> None:
    """The mover's certificate begins as late as any: a second afterwards there is a later one."""
    world.accredit()
    for anchor in (world.other, world.middle):
        world.accredit_root(anchor, BATTERIES)
    for vehicle in (party(1), party(2)):
        world.register(subject=vehicle)
    battery = {"entity_type": EntityType.BATTERY, "subject": party(3), "valid_until": LAST_SECOND}
    mine = {"issuer": world.middle.address, "parent": party(1), **battery}
    world.register(world.middle, **mine)
    theirs = {"issuer": world.other.address, "parent": party(2), **battery}
    world.register(world.other, valid_from=world.now + LONGEST_AHEAD, **theirs)
    back = world.register(world.middle, valid_from=world.now + LONGEST_AHEAD, **mine)
    assert world.certifying().parent_at(party(3), world.now) == party(1)
    now = world.register(world.middle, **mine)
    assert world.status(back, world.now) == CertificateStatus.NOT_YET_VALID
    assert world.status(now, world.now) == VALID


def test_what_is_to_be_revoked_by_index_moves_no_battery(world: Registries) -> None:
    world.accredit_root(world.middle)
    mine = world.revoking(world.publisher)
    mine.open_statuses(0)
    by_middle = {"issuer": world.middle.address}
    for vehicle in (party(1), party(2)):
        world.register(world.middle, subject=vehicle, **by_middle)
    battery = {"entity_type": EntityType.BATTERY, "subject": party(3), **by_middle}
    world.register(world.middle, parent=party(1), **battery)
    world.chain.advance_to(world.now + 10)
    status = {"status_publisher": world.publisher.address, "status_index": 8}
    unused = world.certificate(parent=party(2), **battery, **status)
    mine.revoke_statuses([8], world.now + DAY)
    with refused("CertificateRevoked", certificate=unused.struct_hash()):
        world.bring(unused, world.middle)
    # So it is where the word changes once more before then.
    mine.revoke_statuses([9])
    with refused("CertificateRevoked", certificate=unused.struct_hash()):
        world.bring(unused, world.middle)
    assert world.certifying().parent_at(party(3), world.now) == party(1)


def test_an_accreditor_keeps_governance_from_nothing_within_a_second(world: Registries) -> None:
    """One transaction stands for a block in which the accreditor's newer version comes just before governance's."""
    world.accredit()
    manager = world.contracts["AccessManager"]
    manager.transact("grantRole", ACCREDITOR, world.account.address, 0, signer=world.admin)
    at = world.now
    again = world.accreditation(valid_from=at)
    calls = [
        ("accredit", again, world.signed(again, world.root)),
        ("accreditRoot", world.issuer.address, ALL_TYPES, 0, 0, at + YEAR),
    ]
    encoded = [(world.certificates.address, world.certificates.encode(*call)) for call in calls]
    receipt = world.account.transact("execute", encoded, signer=world.keeper)
    begun = [
        (event.args["version"], event.args["validFrom"]) for event in world.certificates.events_in(receipt)
    ]
    assert begun == [(2, at), (3, at)]
    assert [world.types_at(world.issuer, time) for time in (at - 1, at, at + 1)] == [
        VEHICLES,
        ALL_TYPES,
        ALL_TYPES,
    ]


def test_the_past_stays_when_32_bits_of_time_are_over(funded: Callable[..., list[LocalSigner]]) -> None:
    late = Chain.embedded(start=2**32 - 10_000)
    world = found_registries(late, funded(late, 9))
    world.accredit_root(world.root, depth=1, valid_until=LAST_SECOND)
    world.accredit(valid_until=LAST_SECOND)
    certificate = world.register(valid_until=LAST_SECOND)
    times = range(world.now - 5, 2**32 + 50, 997)
    before = [(world.types_at(world.issuer, time), world.status(certificate, time)) for time in times]
    late.advance_to(2**32 + 10)
    for by in (world.root, world.issuer):
        with refused("NothingToWithdraw", anchor=world.issuer.address, caller=by.address):
            world.withdraw(world.issuer, by)
    with refused("NothingToWithdraw", anchor=world.root.address, caller=world.governance.address):
        world.certificates.transact("withdrawRoot", world.root.address, signer=world.governance)
    for valid_until in (2**32 + 50, 2**33):
        with refused("AccreditationSpanInvalid", validFrom=0, validUntil=valid_until):
            world.accredit_root(world.root, valid_until=valid_until)
    with pytest.raises(ContractError):
        world.register(valid_from=LAST_SECOND - 5, valid_until=LAST_SECOND)
    assert before == [(world.types_at(world.issuer, time), world.status(certificate, time)) for time in times]


# A key whose account has code (EIP-7702)


def test_a_key_signs_whatever_code_its_account_has(
    anvil_chain: Chain, funded: Callable[..., list[LocalSigner]]
) -> None:
    world = found_registries(anvil_chain, funded(anvil_chain, 9))
    key = keccak256(b"a key whose account gets code" + bytes.fromhex(world.certificates.address[2:]))
    anchor = LocalSigner.from_key(key)
    anvil_chain.faucet(anchor.address, 10**18)
    # Code that knows no EIP-1271.
    account = Account.from_key(key)
    delegation = {"chainId": anvil_chain.chain_id, "address": world.revocations.address, "nonce": 1}
    node = anvil_chain.web3.eth
    sent = node.send_raw_transaction(
        account.sign_transaction(
            {
                "chainId": anvil_chain.chain_id,
                "nonce": 0,
                "to": anchor.address,
                "gas": 200_000,
                "maxFeePerGas": 10**10,
                "maxPriorityFeePerGas": 0,
                "authorizationList": [account.sign_authorization(delegation)],
            }
        ).raw_transaction
    )
    node.wait_for_transaction_receipt(sent, timeout=20)
    assert anvil_chain.code(anchor.address) == bytes.fromhex("ef0100" + world.revocations.address[2:])

    world.accredit_root(anchor, depth=1)
    world.accredit(anchor)
    ends = {"valid_until": world.now + DAY}
    certificate = world.register(anchor, issuer=anchor.address, **ends)
    posed = world.revocation(issuer=anchor.address, target=certificate.struct_hash())
    for signature in (world.signed(posed, world.stranger), malleated(world.signed(posed, anchor)), b""):
        with refused(
            "RevocationSignatureInvalid",
            issuer=anchor.address,
            digest=posed.digest(world.domain("RevocationRegistry")),
        ):
            world.revocations.transact("revokeSigned", posed, signature, signer=world.stranger)
    assert world.status(certificate, world.now) == VALID
    world.revoking().revoke_signed(posed, world.signed(posed, anchor))
    assert world.status(certificate, world.now) == REVOKED


# A stranger with every public input


def _answers(world: Registries, public: Signed) -> list[Any]:
    now = world.now + DAY
    asked, revocations = world.certifying(), world.revoking()
    parties = [world.root.address, world.issuer.address, public.certificate.subject, party(50)]
    return [
        [asked.status_at(public.certificate.struct_hash(), time) for time in (now, now + DAY)],
        [asked.certificate(public.certificate.struct_hash())],
        [(asked.entity_type_of(one), asked.parent_at(one, now)) for one in parties],
        [(asked.accredited_types_at(one, now), asked.accreditation_at(one, now)) for one in parties],
        [revocations.revoked_from(one, public.certificate.struct_hash()) for one in parties],
        revocations.statuses_at(world.publisher.address, [0, 1, 2], now),
        [revocations.is_status_open(world.publisher.address, index) for index in (0, 256, 512)],
    ]


def test_a_stranger_with_every_public_input_can_do_nothing(world: Registries, signed: Signed) -> None:
    """All that was ever signed and brought, for every function that changes anything."""
    mine = world.revoking(world.publisher)
    mine.open_statuses(0, 2)
    mine.revoke_statuses([3])
    revocation = world.revocation()
    revocation_signature = world.signed(revocation, world.issuer)
    world.revoking().revoke_signed(revocation, revocation_signature)
    name, root, issuer = signed.certificate.struct_hash(), world.root.address, world.issuer.address
    certificate, accreditation = signed.certificate, signed.accreditation
    signatures = [
        signed.certificate_signature,
        signed.accreditation_signature,
        revocation_signature,
        malleated(signed.certificate_signature),
        bytes(65),
        b"",
    ]
    end = world.now + YEAR
    attempts: dict[str, list[tuple[object, ...]]] = {
        "accreditRoot": [(world.stranger.address, ALL_TYPES, 3, 0, end), (issuer, ALL_TYPES, 3, 0, end)],
        "withdrawRoot": [(root,), (issuer,)],
        "withdraw": [(root,), (issuer,), (world.stranger.address,)],
        "accredit": [
            (given, signature)
            for given in (
                accreditation,
                replace(accreditation, valid_from=world.now + 5),
                replace(accreditation, anchor=world.stranger.address),
                replace(accreditation, entity_types=ALL_TYPES, valid_from=world.now + 5),
                replace(accreditation, accreditor=world.stranger.address),
            )
            for signature in signatures
        ],
        "register": [
            (given, signature)
            for given in (
                certificate,
                replace(certificate, id=bytes(32)),
                replace(certificate, subject=party(50)),
                replace(certificate, issuer=world.stranger.address),
            )
            for signature in signatures
        ],
        "revoke": [(issuer, name, 0, 0), (root, accreditation.struct_hash(), 0, 0)],
        "revokeMany": [(issuer, [name], 0, 0), (root, [name, name], 0, 0)],
        "revokeSigned": [
            (given, signature)
            for given in (
                revocation,
                replace(revocation, target=name),
                replace(revocation, effective_at=world.now + 50),
            )
            for signature in signatures
        ],
        "revokeStatuses": [(0, 1, 0), (1, 2**256 - 1, 0)],
        "revokeManyStatuses": [([0, 1], [1, 1], 0)],
    }
    before = _answers(world, signed)
    for handle in (world.certificates, world.revocations):
        for function in _changing(handle):
            for arguments in attempts.pop(function):
                with pytest.raises(ContractError):
                    handle.transact(function, *arguments, signer=world.stranger)
    assert not attempts
    # What it may do binds itself alone.
    world.revocations.transact("openStatuses", 0, 3, signer=world.stranger)
    for word in range(3):
        world.revocations.transact("revokeStatuses", word, 2**256 - 1, 0, signer=world.stranger)
    world.revocations.transact(
        "revokeMany", world.stranger.address, [name, bytes(32)], 0, 0, signer=world.stranger
    )
    assert _answers(world, signed) == before


def _changing(handle: ContractHandle) -> list[str]:
    """The functions that may change something, but for the manager's own and the opening of one's own words."""
    return [
        entry["name"]
        for entry in handle.abi.entries
        if entry["type"] == "function"
        and entry["stateMutability"] not in ("view", "pure")
        and entry["name"] not in ("setAuthority", "openStatuses")
    ]
