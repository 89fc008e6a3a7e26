"""CertificateRegistry on a real chain: anchors, certificates, parents; each rule, each refusal."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from evgi_client.certificates.registry import NOBODY, AccreditedVersion, RegisteredCertificate
from evgi_client.certificates.snapshot import Snapshot
from evgi_client.errors import ContractError, ContractSignatureError, SignerMismatchError
from evgi_client.messages import Message, keccak256
from evgi_client.messages.certificates import (
    PARENT_TYPES,
    Accreditation,
    CertificateStatus,
    EntityCertificate,
    EntityType,
    entity_type_mask,
    entity_types_in,
)
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
    from collections.abc import Iterator

    from evgi_client.chain import Chain
    from evgi_client.signing import LocalSigner

VALID, UNKNOWN, NOT_YET_VALID, EXPIRED, REVOKED, ISSUER_NOT_ACCREDITED = CertificateStatus
LONGEST_AHEAD = 366 * DAY
BATTERY, CHARGE_POINT, METER, USER, VEHICLE = (
    EntityType.BATTERY,
    EntityType.CHARGE_POINT,
    EntityType.METER,
    EntityType.USER,
    EntityType.VEHICLE,
)

# Written out here, not read from the contract or the client: a wrong type string in either must fail.
CERTIFICATE_MEMBERS = (
    "id:bytes32 entityType:uint8 subject:address issuer:address schema:bytes32 claims:bytes32 keys:bytes32"
    " parent:address validFrom:uint64 validUntil:uint64 statusPublisher:address statusIndex:uint64"
)
ACCREDITATION_MEMBERS = (
    "anchor:address accreditor:address entityTypes:uint16 depth:uint8 validFrom:uint64 validUntil:uint64"
    " deadline:uint64"
)


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> Registries:
    return found_registries(chain, signers)


@pytest.fixture
def bare(founded: Registries) -> Iterator[Registries]:
    """Nobody is accredited."""
    snapshot = founded.chain.snapshot()
    yield founded
    founded.chain.revert_to(snapshot)


@pytest.fixture
def world(bare: Registries) -> Registries:
    """``issuer`` is accredited by governance, for everything and ten years."""
    bare.accredit_root(bare.issuer)
    return bare


@pytest.fixture
def chained(bare: Registries) -> Registries:
    """Governance accredits ``root``, which accredits ``middle``, which accredits ``issuer`` for vehicles."""
    bare.accredit_root(bare.root, depth=2)
    bare.accredit(bare.root, anchor=bare.middle.address, entity_types=ALL_TYPES, depth=1)
    bare.accredit(bare.middle, anchor=bare.issuer.address)
    return bare


# Governance's anchors


def test_governance_accredits_for_types_and_a_time(bare: Registries) -> None:
    begin, end = bare.now + 10, bare.now + 20
    mask = entity_type_mask(VEHICLE, USER)
    receipt = bare.accredit_root(bare.root, mask, 3, begin, end)
    (event,) = bare.certificates.events_in(receipt)
    assert (event.name, event.args) == (
        "AnchorAccredited",
        {
            "anchor": bare.root.address,
            "accreditor": NOBODY,
            "version": 1,
            "entityTypes": mask,
            "depth": 3,
            "validFrom": begin,
            "validUntil": end,
        },
    )
    asked = bare.certifying()
    times = (begin - 1, begin, end - 1, end)
    assert [asked.is_accredited_at(bare.root.address, VEHICLE, time) for time in times] == [
        False,
        True,
        True,
        False,
    ]
    assert not asked.is_accredited_at(bare.root.address, BATTERY, begin)
    assert not asked.is_accredited_at(bare.other.address, VEHICLE, begin)
    assert [asked.is_accredited_at(bare.root.address, number, begin) for number in (0, 13, 16, 255)] == [
        False
    ] * 4
    assert asked.accredited_types_at(bare.root.address, begin) == (USER, VEHICLE)
    assert asked.accreditation_at(bare.root.address, begin) == AccreditedVersion(
        1, None, (USER, VEHICLE), 3, begin, end
    )
    assert asked.accreditation_at(bare.root.address, end) is None
    for time in (begin - 1, end):
        assert tuple(bare.certificates.call("accreditationAt", bare.root.address, time)) == (
            0,
            NOBODY,
            0,
            0,
            0,
            0,
        )
    assert entity_types_in(ALL_TYPES) == tuple(EntityType)[1:]


def test_a_beginning_that_has_passed_is_now(bare: Registries) -> None:
    at = bare.now
    bare.accredit_root(bare.root, valid_from=at - DAY)
    assert [bare.types_at(bare.root, time) for time in (at - 1, at)] == [0, ALL_TYPES]


def test_only_the_role_accredits_and_withdraws_for_governance(bare: Registries) -> None:
    bare.accredit_root(bare.root)
    for signer in (bare.admin, bare.root, bare.stranger):
        with refused("AccessManagedUnauthorized", caller=signer.address):
            bare.accredit_root(bare.other, signer=signer)
        with refused("AccessManagedUnauthorized", caller=signer.address):
            bare.certificates.transact("withdrawRoot", bare.root.address, signer=signer)
    assert bare.types_at(bare.root, bare.now) == ALL_TYPES


def test_the_client_accredits_and_withdraws_for_governance(bare: Registries) -> None:
    governance, root = bare.certifying(bare.governance), bare.root.address
    governance.accredit_root(root, [VEHICLE, BATTERY], depth=1, valid_until=bare.now + DAY)
    assert governance.accredited_types_at(root, bare.now) == (VEHICLE, BATTERY)
    governance.withdraw_root(root)
    assert governance.accredited_types_at(root, bare.now - 1) == ()
    assert governance.accredited_types_at(root, bare.now - 2) == (VEHICLE, BATTERY)


def test_what_no_accreditation_can_say_is_refused(bare: Registries) -> None:
    now = bare.now
    for mask in (0, 1, 1 << 13, ALL_TYPES | 1, 1 << 15):
        with refused("EntityTypesInvalid", entityTypes=mask):
            bare.accredit_root(bare.root, mask)
    with refused("DepthTooGreat", accreditor=NOBODY, depth=4, limit=3):
        bare.accredit_root(bare.root, depth=4)
    for begin, end in (
        (now + 5, now + 5),
        (now + 5, now + 4),
        (0, now),
        (now, LAST_SECOND + 1),
        (now * 1000, now * 2000),
    ):
        with refused("AccreditationSpanInvalid", validFrom=begin, validUntil=end):
            bare.accredit_root(bare.root, valid_from=begin, valid_until=end)
    with refused("AnchorInvalid", anchor=NOBODY, accreditor=NOBODY):
        bare.certificates.transact("accreditRoot", NOBODY, 2, 0, 0, now + 5, signer=bare.governance)
    bare.accredit_root(bare.root, valid_from=LAST_SECOND - 1, valid_until=LAST_SECOND)


def test_a_new_version_replaces_the_one_before_from_its_beginning_on(bare: Registries) -> None:
    bare.accredit_root(bare.root, VEHICLES)
    first, begin = bare.now - 1, bare.now + 100
    bare.accredit_root(bare.root, entity_type_mask(BATTERY), valid_from=begin, valid_until=begin + 10)
    # Once the later one has begun the earlier does not come back, though it would run on.
    expected = [0, VEHICLES, VEHICLES, entity_type_mask(BATTERY), 0]
    times = (first - 1, first, begin - 1, begin, begin + 10)
    assert [bare.types_at(bare.root, time) for time in times] == expected
    versions = [bare.certifying().accreditation_at(bare.root.address, time) for time in times]
    assert [found and found.version for found in versions] == [None, 1, 1, 2, None]


def test_governance_replaces_what_is_ahead(bare: Registries) -> None:
    bare.accredit_root(bare.root, VEHICLES, valid_from=bare.now + 100)
    begin = bare.now + 50
    receipt = bare.accredit_root(bare.root, ALL_TYPES, valid_from=begin)
    withdrawn, accredited = bare.certificates.events_in(receipt)
    assert (withdrawn.name, withdrawn.args["version"]) == ("AccreditationWithdrawn", 1)
    assert (accredited.name, accredited.args["version"]) == ("AnchorAccredited", 1)
    assert [bare.types_at(bare.root, begin + shift) for shift in (-1, 0, 100)] == [0, ALL_TYPES, ALL_TYPES]


def test_many_versions_are_searched(bare: Registries) -> None:
    begins = []
    for number in range(1, 10):
        begins.append(bare.now)
        bare.accredit_root(bare.root, 1 << number, valid_until=bare.now + DAY)
        bare.chain.advance_to(bare.now + 7)
    for number, begin in enumerate(begins, start=1):
        assert [bare.types_at(bare.root, begin + shift) for shift in (0, 7)] == [1 << number] * 2
    assert bare.types_at(bare.root, begins[0] - 1) == 0


def test_of_two_versions_that_begin_in_one_second_the_later_applies(bare: Registries) -> None:
    """Governance is an account that makes several calls in one transaction."""
    manager, account, registry = bare.contracts["AccessManager"], bare.account, bare.certificates
    manager.transact("grantRole", ACCREDITOR, account.address, 0, signer=bare.admin)
    root, now = bare.root.address, bare.now
    calls = [
        (registry.address, registry.encode("accreditRoot", root, mask, 0, 0, now + DAY))
        for mask in (VEHICLES, ALL_TYPES)
    ]
    withdraw = (registry.address, registry.encode("withdrawRoot", root))
    for done, types in (
        (calls, ALL_TYPES),
        ([*calls, withdraw], 0),
        ([calls[1], withdraw, calls[0]], VEHICLES),
    ):
        snapshot = bare.chain.snapshot()
        account.transact("execute", done, signer=bare.keeper)
        assert [bare.types_at(bare.root, time) for time in (now - 1, now, now + 1)] == [0, types, types]
        told = Snapshot.take(bare.contracts, bare.domain()).world
        for time in (now - 1, now, now + 1, now + DAY):
            assert told.accreditation_at(root, time) == bare.certifying().accreditation_at(root, time)
        bare.chain.revert_to(snapshot)


def test_governance_withdraws_what_it_gave_from_now_on(bare: Registries) -> None:
    bare.accredit_root(bare.root, VEHICLES)
    bare.accredit_root(bare.root, ALL_TYPES, valid_from=bare.now + 100)
    at = bare.now
    receipt = bare.certificates.transact("withdrawRoot", bare.root.address, signer=bare.governance)
    assert [event.args for event in bare.certificates.events_in(receipt)] == [
        {"anchor": bare.root.address, "accreditor": NOBODY, "version": version, "effectiveAt": at}
        for version in (2, 1)
    ]
    assert [bare.types_at(bare.root, time) for time in (at - 1, at, at + 200)] == [VEHICLES, 0, 0]
    with refused("NothingToWithdraw", anchor=bare.root.address, caller=bare.governance.address):
        bare.certificates.transact("withdrawRoot", bare.root.address, signer=bare.governance)
    bare.accredit_root(bare.root, VEHICLES)
    assert [bare.types_at(bare.root, time) for time in (at - 1, at, bare.now)] == [VEHICLES, 0, VEHICLES]


# Anchors below


def test_an_anchor_accredits_below_it_and_anyone_brings_it(bare: Registries) -> None:
    bare.accredit_root(bare.root, entity_type_mask(VEHICLE, BATTERY), depth=1)
    given = bare.accreditation(valid_from=bare.now + 10, valid_until=bare.now + 50)
    receipt = bare.certifying().accredit(given, bare.signed(given, bare.root))
    (event,) = bare.certificates.events_in(receipt)
    assert event.args == {
        "anchor": bare.issuer.address,
        "accreditor": bare.root.address,
        "version": 1,
        "entityTypes": VEHICLES,
        "depth": 0,
        "validFrom": given.valid_from,
        "validUntil": given.valid_until,
    }
    asked = bare.certifying()
    spans = (given.valid_from - 1, given.valid_from, given.valid_until - 1, given.valid_until)
    assert [bare.types_at(bare.issuer, time) for time in spans] == [0, VEHICLES, VEHICLES, 0]
    found = asked.accreditation_at(bare.issuer.address, given.valid_from)
    assert found is not None
    assert (found.accreditor, found.entity_types) == (bare.root.address, (VEHICLE,))


def test_an_accreditation_is_for_no_more_than_the_accreditor_has(bare: Registries) -> None:
    bare.accredit_root(bare.root, entity_type_mask(VEHICLE, BATTERY), depth=2)
    held = entity_type_mask(VEHICLE, BATTERY)
    root = bare.root.address
    with refused("EntityTypesNotHeld", accreditor=root, entityTypes=ALL_TYPES, held=held):
        bare.accredit(entity_types=ALL_TYPES)
    for depth in (2, 3, 255):
        with refused("DepthTooGreat", accreditor=root, depth=depth, limit=2):
            bare.accredit(depth=depth)
    with refused("EntityTypesInvalid", entityTypes=0):
        bare.accredit(entity_types=0)
    # Who has no depth accredits nobody.
    bare.accredit(anchor=bare.middle.address)
    with refused("DepthTooGreat", accreditor=bare.middle.address, depth=0, limit=0):
        bare.accredit(bare.middle)
    with refused("EntityTypesNotHeld", accreditor=bare.other.address, entityTypes=VEHICLES, held=0):
        bare.accredit(bare.other)


def test_a_chain_has_three_levels_below_governances(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=3)
    line = [bare.root, bare.middle, bare.issuer, bare.other]
    for depth, (above, below) in zip((2, 1, 0), pairwise(line), strict=True):
        bare.accredit(above, anchor=below.address, depth=depth)
    assert [bare.types_at(anchor, bare.now) for anchor in line] == [ALL_TYPES, VEHICLES, VEHICLES, VEHICLES]
    with refused("DepthTooGreat", accreditor=bare.other.address, depth=0, limit=0):
        bare.accredit(bare.other, anchor=bare.keeper.address)


def test_nobody_accredits_itself_or_nobody(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    for anchor in (bare.root.address, NOBODY):
        with refused("AnchorInvalid", anchor=anchor, accreditor=bare.root.address):
            bare.accredit(anchor=anchor)


def test_an_accreditation_has_a_last_second(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    given = bare.accreditation(deadline=bare.now + 5)
    snapshot = bare.chain.snapshot()
    bare.chain.advance_to(given.deadline + 1)
    with refused("AccreditationExpired", deadline=given.deadline, time=given.deadline + 1):
        bare.bring_accreditation(given)
    bare.chain.revert_to(snapshot)
    bare.chain.advance_to(given.deadline)
    bare.bring_accreditation(given)
    # It was signed to begin earlier, but begins when it is brought.
    assert [bare.types_at(bare.issuer, time) for time in (given.deadline - 1, given.deadline)] == [
        0,
        VEHICLES,
    ]


def test_a_middle_anchor_withdrawn_ends_those_below_from_then_on(chained: Registries) -> None:
    world = chained
    certificate = world.register()
    at = world.now
    (event,) = world.certificates.events_in(world.withdraw(world.middle, world.root))
    assert event.args == {
        "anchor": world.middle.address,
        "accreditor": world.root.address,
        "version": 1,
        "effectiveAt": at,
    }
    assert [world.status(certificate, time) for time in (at - 1, at)] == [VALID, ISSUER_NOT_ACCREDITED]
    assert [world.types_at(world.issuer, time) for time in (at - 1, at)] == [VEHICLES, 0]
    # The issuer's own is still in force; with its accreditor's it counts again.
    assert world.certifying().accreditation_at(world.issuer.address, at) is not None
    world.accredit(anchor=world.middle.address, depth=1)
    assert [world.status(certificate, time) for time in (at, world.now)] == [ISSUER_NOT_ACCREDITED, VALID]


def test_a_chain_is_judged_at_the_time_asked_about(bare: Registries) -> None:
    begin = bare.now
    bare.accredit_root(bare.root, depth=1, valid_until=begin + 100)
    bare.accredit(valid_until=begin + YEAR)
    bare.chain.advance_to(begin + 50)
    bare.accredit_root(bare.root, entity_type_mask(BATTERY), depth=1, valid_until=begin + 90)
    bare.chain.advance_to(begin + 200)
    bare.accredit_root(bare.root, VEHICLES, depth=0)
    bare.chain.advance_to(begin + 300)
    bare.accredit_root(bare.root, VEHICLES, depth=1)
    # Types that the accreditor lost, its end, depth that it lost.
    expected = {49: VEHICLES, 50: 0, 89: 0, 90: 0, 199: 0, 200: 0, 299: 0, 300: VEHICLES}
    assert {shift: bare.types_at(bare.issuer, begin + shift) for shift in expected} == expected


def test_depth_is_judged_at_the_time_too(chained: Registries) -> None:
    at = chained.now
    chained.accredit_root(chained.root, depth=1)
    assert [chained.types_at(chained.issuer, time) for time in (at - 1, at)] == [VEHICLES, 0]
    assert [chained.types_at(chained.middle, time) for time in (at - 1, at)] == [ALL_TYPES, ALL_TYPES]


def test_only_who_gave_it_or_the_anchor_itself_withdraws(chained: Registries) -> None:
    world = chained
    for signer in (world.stranger, world.root, world.governance, world.admin):
        with refused("NothingToWithdraw", anchor=world.issuer.address, caller=signer.address):
            world.withdraw(world.issuer, signer)
    with refused("NothingToWithdraw", anchor=world.issuer.address, caller=world.governance.address):
        world.certificates.transact("withdrawRoot", world.issuer.address, signer=world.governance)
    with refused("NothingToWithdraw", anchor=world.root.address, caller=world.middle.address):
        world.withdraw(world.root, world.middle)
    with refused("NothingToWithdraw", anchor=world.other.address, caller=world.other.address):
        world.withdraw(world.other, world.other)

    world.certifying(world.issuer).withdraw(world.issuer.address)
    world.withdraw(world.root, world.root)
    assert [world.types_at(anchor, world.now) for anchor in (world.issuer, world.root)] == [0, 0]


def test_a_new_owner_of_the_accreditor_withdraws_and_the_old_one_no_longer(chained: Registries) -> None:
    world = chained
    world.change_owner(world.middle, world.other.address)
    assert world.types_at(world.issuer, world.now) == VEHICLES
    with refused("NothingToWithdraw", anchor=world.issuer.address, caller=world.middle.address):
        world.withdraw(world.issuer, world.middle)
    given = world.accreditation(accreditor=world.middle.address, anchor=world.keeper.address)
    with pytest.raises(ContractSignatureError):
        world.certifying().accredit(given, world.signed(given, world.middle))
    world.certifying().accredit(given, world.signed(given, world.other))
    world.withdraw(world.issuer, world.other)
    assert world.types_at(world.issuer, world.now) == 0


def test_each_ends_only_what_it_gave(bare: Registries) -> None:
    """What an accreditor gave is in force, what governance gave is ahead."""
    bare.accredit_root(bare.root, depth=1)
    bare.accredit()
    begin = bare.now + 100
    bare.accredit_root(bare.issuer, ALL_TYPES, valid_from=begin)
    snapshot = bare.chain.snapshot()
    at = bare.now
    bare.withdraw(bare.issuer, bare.root)
    assert [bare.types_at(bare.issuer, time) for time in (at - 1, at, begin)] == [VEHICLES, 0, ALL_TYPES]

    bare.chain.revert_to(snapshot)
    bare.certificates.transact("withdrawRoot", bare.issuer.address, signer=bare.governance)
    assert [bare.types_at(bare.issuer, time) for time in (at, begin)] == [VEHICLES, VEHICLES]

    bare.chain.revert_to(snapshot)
    bare.withdraw(bare.issuer, bare.issuer)
    assert [bare.types_at(bare.issuer, time) for time in (at - 1, at, begin)] == [VEHICLES, 0, 0]


def test_one_accreditor_does_not_replace_another(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    bare.accredit_root(bare.middle, depth=1)
    first = bare.accredit(bare.root)
    with refused(
        "AccreditationStands",
        anchor=bare.issuer.address,
        accreditor=bare.root.address,
        validUntil=first.valid_until,
    ):
        bare.accredit(bare.middle, entity_types=entity_type_mask(USER))
    # Not even where governance gave it; governance itself does.
    with refused(
        "AccreditationStands",
        anchor=bare.middle.address,
        accreditor=NOBODY,
        validUntil=bare.now + 10 * YEAR - 2,
    ):
        bare.accredit(bare.root, anchor=bare.middle.address)
    bare.accredit_root(bare.issuer, entity_type_mask(USER))
    assert bare.types_at(bare.issuer, bare.now) == entity_type_mask(USER)


def test_what_is_of_no_effect_stands_in_nobodys_way(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    bare.accredit_root(bare.middle, depth=1)
    bare.accredit(bare.root)
    bare.certificates.transact("withdrawRoot", bare.root.address, signer=bare.governance)
    bare.accredit(bare.middle, entity_types=entity_type_mask(USER))
    assert bare.types_at(bare.issuer, bare.now) == entity_type_mask(USER)


def test_one_accreditation_is_ahead_at_a_time(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    begin = bare.now + 100
    bare.accredit(valid_from=begin)
    for later in (begin, begin + 1):
        with refused("AccreditationAhead", anchor=bare.issuer.address, validFrom=begin):
            bare.accredit(valid_from=later)
    bare.withdraw(bare.issuer, bare.root)
    bare.accredit(valid_from=begin)
    assert [bare.types_at(bare.issuer, time) for time in (begin - 1, begin)] == [0, VEHICLES]


def test_an_old_signature_undoes_nothing(bare: Registries) -> None:
    issuer = bare.issuer.address
    bare.accredit_root(bare.root, depth=1)
    wide = bare.accreditation(entity_types=ALL_TYPES)
    bare.chain.advance_to(bare.now + 10)
    narrow = bare.accredit()
    begun = bare.now - 1
    with refused("AccreditationOutdated", anchor=issuer, validFrom=wide.valid_from, latest=begun):
        bare.bring_accreditation(wide)
    with refused("AccreditationOutdated", anchor=issuer, validFrom=narrow.valid_from, latest=begun):
        bare.bring_accreditation(narrow)

    bare.chain.advance_to(bare.now + 10)
    unused = bare.accreditation()
    bare.chain.advance_to(bare.now + 10)
    at = bare.now
    bare.withdraw(bare.issuer, bare.root)
    for old in (narrow, unused):
        with refused("AccreditationOutdated", anchor=issuer, validFrom=old.valid_from, latest=at):
            bare.bring_accreditation(old)
    bare.accredit()


def test_one_that_was_withdrawn_before_it_began_is_not_brought_again(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    given = bare.accredit(valid_from=bare.now + 100)
    bare.withdraw(bare.issuer, bare.root)
    with refused("AccreditationUsed", anchor=bare.issuer.address, accreditation=given.struct_hash()):
        bare.bring_accreditation(given)


def test_what_was_dated_ahead_of_a_withdrawal_is_brought_until_it_is_revoked(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    bare.accredit()
    ahead = bare.accreditation(valid_from=bare.now + 100)
    bare.withdraw(bare.issuer, bare.root)
    snapshot = bare.chain.snapshot()
    bare.bring_accreditation(ahead)
    assert [bare.types_at(bare.issuer, ahead.valid_from + shift) for shift in (-1, 0)] == [0, VEHICLES]
    bare.chain.revert_to(snapshot)
    at = bare.now
    bare.revoke(ahead.struct_hash(), by=bare.root)
    with refused(
        "AccreditationRevoked", anchor=bare.issuer.address, accreditation=ahead.struct_hash(), effectiveAt=at
    ):
        bare.bring_accreditation(ahead)


def test_an_accreditation_goes_with_its_identity(bare: Registries) -> None:
    """A key that was changed ends nothing below; whoever gave it to another takes it back from a buyer."""
    bare.accredit_root(bare.root, depth=1)
    bare.accredit()
    bare.change_owner(bare.issuer, bare.other.address)
    certificate = bare.register(bare.other)
    assert bare.status(certificate, bare.now) == VALID
    at = bare.now
    bare.withdraw(bare.issuer, bare.root)
    assert [bare.status(certificate, time) for time in (at - 1, at)] == [VALID, ISSUER_NOT_ACCREDITED]
    with refused("IssuerNotAccredited", issuer=bare.issuer.address, entityType=VEHICLE):
        bare.register(bare.other)


def test_an_accreditor_takes_back_what_nobody_has_brought(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    given = bare.accreditation(valid_from=bare.now + 100)
    at = bare.now + 50
    bare.revoke(given.struct_hash(), at, by=bare.root)
    with refused(
        "AccreditationRevoked",
        anchor=bare.issuer.address,
        accreditation=given.struct_hash(),
        effectiveAt=at,
    ):
        bare.bring_accreditation(given)


def test_an_accreditor_that_is_a_contract_signs_by_eip_1271(bare: Registries) -> None:
    account = bare.account.address
    bare.certifying(bare.governance).accredit_root(account, [VEHICLE], depth=1, valid_until=bare.now + YEAR)
    given = bare.accreditation(accreditor=account)
    with pytest.raises(ContractSignatureError):
        bare.certifying().accredit(given, bare.signed(given, bare.stranger))
    bare.certifying().accredit(given, bare.signed(given, bare.keeper))
    certificate = bare.register()
    assert bare.status(certificate, bare.now) == VALID


def test_a_deactivated_accreditor_accredits_nobody(bare: Registries) -> None:
    bare.accredit_root(bare.root, depth=1)
    bare.change_owner(bare.root, NOBODY)
    given = bare.accreditation()
    digest = given.digest(bare.domain())
    for signature in (bare.signed(given, bare.root), bytes(65), b""):
        with refused("AccreditorSignatureInvalid", accreditor=bare.root.address, digest=digest):
            bare.bring_accreditation(given, signature=signature)
    with pytest.raises(ContractError, match="NothingToWithdraw"):
        bare.withdraw(bare.root, bare.root)


# Certificates


def test_anyone_registers_what_an_accredited_issuer_signed(world: Registries) -> None:
    world.revoking(world.publisher).open_statuses(0)
    status = {"status_publisher": world.publisher.address, "status_index": 77}
    certificate = world.certificate(valid_until=world.now + 100, **status)
    at = world.now
    receipt = world.certifying().register(certificate, world.signed(certificate, world.issuer))
    (event,) = world.certificates.events_in(receipt)
    whole = event.args.pop("entityCertificate")
    assert (event.name, event.args) == (
        "CertificateRegistered",
        {
            "certificate": certificate.struct_hash(),
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "registeredAt": at,
        },
    )
    assert EntityCertificate(*whole) == certificate
    asked, name = world.certifying(), certificate.struct_hash()
    assert asked.certificate(name) == RegisteredCertificate(
        certificate.issuer,
        VEHICLE,
        at,
        certificate.valid_from,
        certificate.valid_until,
        (world.publisher.address, 77),
    )
    assert asked.certificate(keccak256(b"another")) is None
    assert asked.entity_type_of(certificate.subject) == VEHICLE
    assert asked.entity_type_of(party(99)) == EntityType.NONE
    assert asked.status_at(name, at) == VALID
    plain = world.register()
    kept = asked.certificate(plain.struct_hash())
    assert kept is not None
    assert kept.status is None


def test_the_reasons_are_given_in_order(world: Registries) -> None:
    """At some second each pair of neighbours applies, and the first of it is given."""
    begin = world.now
    certificate = world.certificate(valid_from=begin + 100, valid_until=begin + 200)
    world.chain.advance_to(begin + 50)
    world.bring(certificate)
    world.revoke(certificate.struct_hash(), begin + 150)
    early, ahead = world.register(valid_from=begin), world.register(valid_from=begin + 500)
    world.revoke(ahead.struct_hash())
    world.chain.advance_to(begin + 120)
    world.withdraw(world.issuer, world.issuer)
    expected = {
        49: UNKNOWN,
        50: NOT_YET_VALID,
        99: NOT_YET_VALID,
        100: VALID,
        119: VALID,
        120: ISSUER_NOT_ACCREDITED,
        149: ISSUER_NOT_ACCREDITED,
        150: REVOKED,
        199: REVOKED,
        200: EXPIRED,
    }
    assert {shift: world.status(certificate, begin + shift) for shift in expected} == expected
    assert world.certifying().status_at(keccak256(b"another"), begin) == UNKNOWN
    # Before it was registered it is unknown, also where it would have been valid.
    assert [world.status(early, begin + shift) for shift in (10, 119)] == [UNKNOWN, VALID]
    assert [world.status(ahead, begin + shift) for shift in (499, 500)] == [NOT_YET_VALID, REVOKED]


def test_a_certificate_is_revoked_by_its_hash_under_its_issuer_alone(world: Registries) -> None:
    certificate = world.register()
    name, at = certificate.struct_hash(), world.now + 10
    for signer in (world.stranger, world.governance, world.root):
        world.revocations.transact("revoke", signer.address, name, 0, 0, signer=signer)
    assert world.status(certificate, world.now) == VALID
    world.revoke(name, at)
    assert [world.status(certificate, time) for time in (at - 1, at)] == [VALID, REVOKED]


def test_a_certificate_is_revoked_by_the_status_index_that_it_names(world: Registries) -> None:
    mine = world.revoking(world.publisher)
    mine.open_statuses(0, 2)
    revoked, other = (
        world.register(status_publisher=world.publisher.address, status_index=index) for index in (300, 301)
    )
    world.revoking(world.stranger).open_statuses(0, 2)
    world.revoking(world.stranger).revoke_statuses([300, 301])
    at = world.now + 10
    mine.revoke_statuses([300], at)
    assert [world.status(revoked, time) for time in (at - 1, at)] == [VALID, REVOKED]
    assert world.status(other, at) == VALID


def test_a_status_index_must_be_open(world: Registries) -> None:
    publisher = world.publisher.address
    for who, index in ((publisher, 5), (NOBODY, 1)):
        with refused("StatusNotOpen", publisher=who, index=index):
            world.register(status_publisher=who, status_index=index)
    world.revoking(world.publisher).open_statuses(0)
    with refused("StatusNotOpen", publisher=publisher, index=256):
        world.register(status_publisher=publisher, status_index=256)
    world.register(status_publisher=publisher, status_index=255)


def test_what_is_revoked_is_not_registered_any_more(world: Registries) -> None:
    mine = world.revoking(world.publisher)
    mine.open_statuses(0)
    by_hash = world.certificate()
    world.revoke(by_hash.struct_hash(), world.now + DAY)
    mine.revoke_statuses([8])
    mine.revoke_statuses([9], world.now + DAY)
    by_index, ahead = (
        world.certificate(status_publisher=world.publisher.address, status_index=index) for index in (8, 9)
    )
    for certificate in (by_hash, by_index, ahead):
        with refused("CertificateRevoked", certificate=certificate.struct_hash()):
            world.bring(certificate)


def test_the_issuer_is_accredited_for_the_type_now(bare: Registries) -> None:
    issuer = bare.issuer.address
    with refused("IssuerNotAccredited", issuer=issuer, entityType=VEHICLE):
        bare.register()
    bare.accredit_root(bare.issuer, VEHICLES, valid_until=bare.now + 100)
    with refused("IssuerNotAccredited", issuer=issuer, entityType=BATTERY):
        bare.register(entity_type=BATTERY)
    certificate = bare.certificate()
    bare.register()
    bare.chain.advance_to(bare.now + 100)
    with refused("IssuerNotAccredited", issuer=issuer, entityType=VEHICLE):
        bare.bring(certificate)


def test_a_certificate_is_registered_once(world: Registries) -> None:
    certificate = world.register()
    with refused("CertificateAlreadyRegistered", certificate=certificate.struct_hash()):
        world.bring(certificate)
    world.register(claims=certificate.claims, subject=certificate.subject)


def test_spans_have_length_are_not_over_and_end(world: Registries) -> None:
    now = world.now
    for begin, end in (
        (now, now),
        (now, now - 1),
        (now - 50, now),
        (now, LAST_SECOND + 1),
        (now * 1000, now * 2000),
        (0, 2**64 - 1),
    ):
        with refused("CertificateSpanInvalid", validFrom=begin, validUntil=end):
            world.register(valid_from=begin, valid_until=end)
    world.register(valid_from=0, valid_until=now + 1)
    latest = world.now + LONGEST_AHEAD
    for begin in (latest + 1, LAST_SECOND - 1):
        with refused("CertificateTooFarAhead", validFrom=begin, latest=latest):
            world.register(valid_from=begin, valid_until=LAST_SECOND)
    world.register(valid_from=latest, valid_until=LAST_SECOND)


def test_types_and_subjects_are_real(world: Registries) -> None:
    for number in (0, 13, 255):
        with refused("EntityTypeInvalid", entityType=number):
            world.register(entity_type=number)
    with refused("SubjectInvalid", subject=NOBODY):
        world.register(subject=NOBODY)
    for entity_type in list(EntityType)[1:]:
        world.register(entity_type=entity_type, subject=party(100 + entity_type))
        assert world.certifying().entity_type_of(party(100 + entity_type)) == entity_type


def test_a_subject_keeps_its_type_for_good(world: Registries) -> None:
    first = world.register()
    world.revoke(first.struct_hash())
    with refused("EntityTypeFixed", subject=first.subject, entityType=USER, fixedType=VEHICLE):
        world.register(entity_type=USER)
    world.register()


def test_the_issuers_owner_signs(world: Registries) -> None:
    certificate = world.certificate()
    digest = certificate.digest(world.domain())
    right = world.signed(certificate, world.issuer)
    wrong = [
        world.signed(certificate, world.stranger),
        world.signed(replace(certificate, subject=party(2)), world.issuer),
        world.signed(certificate, world.issuer, world.domain(chain_id=1)),
        world.signed(certificate, world.issuer, world.domain(verifying_contract=party(9))),
        world.signed(certificate, world.issuer, world.domain("RevocationRegistry")),
        malleated(right),
        bytes(65),
        b"",
    ]
    for signature in wrong:
        with refused("IssuerSignatureInvalid", issuer=world.issuer.address, digest=digest):
            world.bring(certificate, signature=signature)
    with pytest.raises(ContractSignatureError):
        world.certifying().register(certificate, wrong[0])

    world.change_owner(world.issuer, world.other.address)
    with refused("IssuerSignatureInvalid", issuer=world.issuer.address, digest=digest):
        world.bring(certificate, signature=right)
    world.bring(certificate, world.other)
    assert world.status(certificate, world.now) == VALID


def test_a_deactivated_issuer_issues_nothing_and_what_it_issued_stays(world: Registries) -> None:
    before, after = world.register(), world.certificate()
    world.change_owner(world.issuer, NOBODY)
    for signature in (world.signed(after, world.issuer), bytes(65), b""):
        with refused(
            "IssuerSignatureInvalid", issuer=world.issuer.address, digest=after.digest(world.domain())
        ):
            world.bring(after, signature=signature)
    assert world.status(before, world.now) == VALID


# Parents


def test_a_battery_is_in_vehicles_one_after_another(world: Registries) -> None:
    first, second, battery = party(1), party(2), party(3)
    for vehicle in (first, second):
        world.register(subject=vehicle)
    at = []
    for parent in (first, second, NOBODY):
        at.append(world.now)
        world.register(entity_type=BATTERY, subject=battery, parent=parent)
        world.chain.advance_to(world.now + 10)
    asked = world.certifying()
    times = (at[0] - 1, at[0], at[1] - 1, at[1], at[2] - 1, at[2], 2**64 - 1)
    expected = [None, first, first, second, second, None, None]
    assert [asked.parent_at(battery, time) for time in times] == expected
    since = [tuple(world.certificates.call("parentSinceAt", battery, time)) for time in times]
    assert since == [
        (NOBODY, 0),
        (first, at[0]),
        (first, at[0]),
        (second, at[1]),
        (second, at[1]),
        (NOBODY, at[2]),
        (NOBODY, at[2]),
    ]
    assert asked.parent_at(first, at[2]) is None


def test_a_renewal_in_the_same_vehicle_begins_nothing_new(world: Registries) -> None:
    vehicle, battery = party(1), party(3)
    world.register(subject=vehicle)
    at = world.now
    for _ in range(3):
        world.register(entity_type=BATTERY, subject=battery, parent=vehicle)
    assert tuple(world.certificates.call("parentSinceAt", battery, world.now)) == (vehicle, at)


def test_a_parent_is_a_registered_subject_of_its_type(world: Registries) -> None:
    subjects = {entity_type: party(50 + entity_type) for entity_type in list(EntityType)[1:]}
    for entity_type, subject in subjects.items():
        world.register(entity_type=entity_type, subject=subject)
    unknown = party(99)
    for entity_type in subjects:
        expected = PARENT_TYPES.get(entity_type, EntityType.NONE)
        for parent_type, parent in [*subjects.items(), (EntityType.NONE, unknown)]:
            certificate = world.certificate(
                entity_type=entity_type, subject=party(200 + entity_type), parent=parent
            )
            snapshot = world.chain.snapshot()
            if parent_type == expected != EntityType.NONE:
                world.bring(certificate)
                assert world.certifying().parent_at(certificate.subject, world.now) == parent
            else:
                with refused("ParentInvalid", parent=parent, parentType=parent_type, expected=expected):
                    world.certificates.call("register", certificate, world.signed(certificate, world.issuer))
            world.chain.revert_to(snapshot)


def test_an_older_certificate_moves_nothing_back(world: Registries) -> None:
    for vehicle in (party(1), party(2)):
        world.register(subject=vehicle)
    battery = {"entity_type": BATTERY, "subject": party(3)}
    stale = world.certificate(parent=party(1), **battery)
    world.chain.advance_to(world.now + 10)
    latest = world.register(parent=party(2), **battery)
    for certificate in (stale, world.certificate(parent=NOBODY, valid_from=latest.valid_from, **battery)):
        with refused(
            "ParentOutdated",
            subject=party(3),
            validFrom=certificate.valid_from,
            latest=latest.valid_from,
        ):
            world.bring(certificate)
    # One that leaves it where it is may be older; and a newer one in the same place keeps older ones out.
    world.register(parent=party(2), valid_from=stale.valid_from, **battery)
    world.chain.advance_to(world.now + 10)
    unused = world.certificate(parent=party(1), **battery)
    renewed = world.register(parent=party(2), **battery)
    with refused("ParentOutdated", subject=party(3), validFrom=unused.valid_from, latest=renewed.valid_from):
        world.bring(unused)


def test_a_renewal_that_is_ahead_counts_from_its_registration(world: Registries) -> None:
    for vehicle in (party(1), party(2)):
        world.register(subject=vehicle)
    battery = {"entity_type": BATTERY, "subject": party(3)}
    world.register(parent=party(1), **battery)
    unused = world.certificate(parent=party(2), **battery)
    world.chain.advance_to(world.now + 10)
    at = world.now
    world.register(parent=party(1), valid_from=at + 50, **battery)
    for begin in (unused.valid_from, at):
        with refused("ParentOutdated", subject=party(3), validFrom=begin, latest=at):
            world.register(parent=party(2), valid_from=begin, **battery)
    moved = world.register(parent=party(2), valid_from=at + 1, **battery)
    # One that moved it counts from when it begins: another time in the same order is needed.
    ahead = world.register(parent=party(1), valid_from=world.now + 50, **battery)
    assert world.certifying().parent_at(party(3), world.now) == party(1)
    with refused("ParentOutdated", subject=party(3), validFrom=world.now, latest=ahead.valid_from):
        world.register(parent=party(2), **battery)
    assert moved.valid_from < ahead.valid_from


# Messages and events


def _encoded(message: Message, members: str, world: Registries) -> bytes:
    """The digest as eth-account makes it, from member lists written out here."""
    listed = [dict(zip(("name", "type"), member.split(":"), strict=True)) for member in members.split()]
    attributes = [field.name for field in fields(message)]  # type: ignore[arg-type]
    values = {
        member["name"]: getattr(message, attribute)
        for member, attribute in zip(listed, attributes, strict=True)
    }
    domain = {
        "name": "CertificateRegistry",
        "version": "1",
        "chainId": world.chain.chain_id,
        "verifyingContract": world.certificates.address,
    }
    encoded = encode_typed_data(domain, {type(message).__name__: listed}, values)
    return bytes(keccak(b"\x19" + encoded.version + encoded.header + encoded.body))


def test_what_is_signed_is_what_eth_account_signs(bare: Registries) -> None:
    certificate = bare.certificate(
        entity_type=255, parent=party(7), valid_until=2**64 - 1, status_publisher=party(8), status_index=9
    )
    accreditation = Accreditation(party(1), party(2), 2**16 - 1, 255, 1, 2**64 - 1, 3)
    for function, message, members in (
        ("digestOf", certificate, CERTIFICATE_MEMBERS),
        ("accreditationDigestOf", accreditation, ACCREDITATION_MEMBERS),
    ):
        digest = _encoded(message, members, bare)
        assert bare.certificates.call(function, message) == digest
        assert message.digest(bare.domain()) == digest


def test_a_key_that_did_not_sign_is_told_before_it_is_sent(world: Registries) -> None:
    certificate, head = world.certificate(), world.chain.head()
    with pytest.raises((SignerMismatchError, ContractSignatureError)):
        world.certifying().register(certificate, world.signed(certificate, world.stranger))
    assert world.chain.head() == head


def test_all_events_are_read_in_order(chained: Registries) -> None:
    chained.register()
    chained.withdraw(chained.issuer, chained.middle)
    names: list[Any] = [event.name for event in chained.certifying().events()]
    assert names == [*["AnchorAccredited"] * 3, "CertificateRegistered", "AccreditationWithdrawn"]
