"""RevocationRegistry on a real chain: by struct hash and by status index, each rule, each refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.certificates.revocations import WORD, status_indices, status_words
from evgi_client.errors import ContractError, ContractSignatureError, StatusIndexError
from evgi_client.messages import keccak256
from evgi_client.messages.certificates import RevocationReason
from tests.support.registries import DAY, Registries, found_registries, malleated, party, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.chain import Chain
    from evgi_client.signing import LocalSigner

TARGET = keccak256(b"target")
LONGEST_AHEAD = 366 * DAY
FULL = 2**WORD - 1

# Written out here, not read from the contract or the client: a wrong type string in either must fail.
MEMBERS = "issuer:address target:bytes32 effectiveAt:uint64 reason:uint8 deadline:uint64"


@pytest.fixture(scope="module")
def founded(chain: Chain, signers: list[LocalSigner]) -> Registries:
    return found_registries(chain, signers)


@pytest.fixture
def world(founded: Registries) -> Iterator[Registries]:
    snapshot = founded.chain.snapshot()
    yield founded
    founded.chain.revert_to(snapshot)


def bit(index: int) -> int:
    return 1 << (WORD - 1 - index % WORD)


# By struct hash


def test_the_owner_of_an_issuer_revokes_from_a_time_on(world: Registries) -> None:
    at = world.now + 100
    revocations, issuer = world.revoking(world.issuer), world.issuer.address
    receipt = revocations.revoke(issuer, TARGET, at, RevocationReason.SUPERSEDED)
    (event,) = world.revocations.events_in(receipt)
    assert event.name == "Revoked"
    assert event.args == {"issuer": issuer, "target": TARGET, "effectiveAt": at, "reason": 4}
    assert revocations.revoked_from(issuer, TARGET) == at
    assert revocations.revoked_from(issuer, keccak256(b"another")) is None
    assert revocations.revoked_from(world.other.address, TARGET) is None


def test_without_a_time_it_is_revoked_in_the_block_that_brings_it(world: Registries) -> None:
    at = world.now
    world.revoke(TARGET)
    assert world.revoking().revoked_from(world.issuer.address, TARGET) == at


def test_no_revocation_reaches_back_and_none_lies_in_another_age(world: Registries) -> None:
    now = world.now
    with refused("RevocationBackdated", effectiveAt=now - 1, earliest=now):
        world.revoke(TARGET, now - 1)
    latest = now + LONGEST_AHEAD
    for late in (latest + 1, now * 1000, 2**64 - 1):
        with refused("RevocationTooFarAhead", effectiveAt=late, latest=latest):
            world.revoke(TARGET, late)
    world.revoke(TARGET, latest)
    now = world.now
    world.revoke(keccak256(b"another"), now)
    assert world.revoking().revoked_from(world.issuer.address, keccak256(b"another")) == now


def test_a_revocation_moves_earlier_and_never_later(world: Registries) -> None:
    begin, issuer = world.now, world.issuer.address
    world.revoke(TARGET, begin + 100)
    for late in (begin + 100, begin + 101):
        with refused("AlreadyRevoked", issuer=issuer, target=TARGET, effectiveAt=begin + 100):
            world.revoke(TARGET, late)
    world.revoke(TARGET, begin + 50)
    world.chain.advance_to(begin + 60)
    with refused("AlreadyRevoked", issuer=issuer, target=TARGET, effectiveAt=begin + 50):
        world.revoke(TARGET)
    assert world.revoking().revoked_from(issuer, TARGET) == begin + 50


def test_nobody_but_the_owner_revokes_under_an_issuer(world: Registries) -> None:
    issuer = world.issuer.address
    for function, what in (("revoke", TARGET), ("revokeMany", [TARGET])):
        with refused("NotIssuer", issuer=issuer, caller=world.stranger.address, owner=issuer):
            world.revocations.transact(function, issuer, what, 0, 0, signer=world.stranger)
    world.revocations.transact("revoke", world.stranger.address, TARGET, 0, 0, signer=world.stranger)
    assert world.revoking().revoked_from(issuer, TARGET) is None


def test_a_new_owner_revokes_and_the_old_one_no_longer(world: Registries) -> None:
    issuer, owner = world.issuer.address, world.other.address
    world.change_owner(world.issuer, owner)
    with refused("NotIssuer", issuer=issuer, caller=issuer, owner=owner):
        world.revoke(TARGET)
    signed = world.revocation()
    with refused(
        "RevocationSignatureInvalid", issuer=issuer, digest=signed.digest(world.domain("RevocationRegistry"))
    ):
        world.revocations.transact(
            "revokeSigned", signed, world.signed(signed, world.issuer), signer=world.stranger
        )
    world.revocations.transact("revoke", issuer, TARGET, 0, 0, signer=world.other)
    world.revoking().revoke_signed(
        replace(signed, target=keccak256(b"next")),
        world.signed(replace(signed, target=keccak256(b"next")), world.other),
    )


def test_nobody_revokes_for_a_deactivated_identity(world: Registries) -> None:
    issuer, nobody = world.issuer.address, "0x" + "00" * 20
    world.change_owner(world.issuer, nobody)
    with refused("NotIssuer", issuer=issuer, caller=issuer, owner=nobody):
        world.revoke(TARGET)
    signed = world.revocation()
    digest = signed.digest(world.domain("RevocationRegistry"))
    for signature in (world.signed(signed, world.issuer), bytes(65), b""):
        with refused("RevocationSignatureInvalid", issuer=issuer, digest=digest):
            world.revocations.transact("revokeSigned", signed, signature, signer=world.stranger)


def test_a_batch_equals_its_single_calls(world: Registries) -> None:
    at, issuer = world.now + 50, world.issuer.address
    targets = [keccak256(b"%d" % number) for number in range(5)]
    snapshot = world.chain.snapshot()
    receipt = world.revoking(world.issuer).revoke_many(issuer, targets, at, 3)
    together = [event.args for event in world.revocations.events_in(receipt)]
    world.chain.revert_to(snapshot)
    singly = [
        event.args
        for target in targets
        for event in world.revocations.events_in(world.revoking(world.issuer).revoke(issuer, target, at, 3))
    ]
    assert together == singly
    assert [args["target"] for args in singly] == targets


def test_a_batch_passes_over_what_is_revoked_by_then(world: Registries) -> None:
    begin, issuer = world.now, world.issuer.address
    mine = world.revoking(world.issuer)
    earlier, at, later = begin + 10, begin + 50, begin + 90
    targets = [keccak256(b"%d" % number) for number in range(4)]
    for target, time in zip(targets, (earlier, at, later), strict=False):
        world.revoke(target, time)
    receipt = mine.revoke_many(issuer, [*targets, targets[3]], at, 3)
    assert [event.args["target"] for event in world.revocations.events_in(receipt)] == targets[2:]
    assert [mine.revoked_from(issuer, target) for target in targets] == [earlier, at, at, at]
    # Once more, and later: nothing is left to do.
    for time in (at, later):
        assert world.revocations.events_in(mine.revoke_many(issuer, targets, time)) == []
    with refused("RevocationBackdated", effectiveAt=begin - 1, earliest=world.now):
        mine.revoke_many(issuer, targets, begin - 1)


# Signed


def test_anyone_brings_what_the_owner_signed(world: Registries) -> None:
    signed = world.revocation(effective_at=world.now + 30, reason=9)
    receipt = world.revoking().revoke_signed(signed, world.signed(signed, world.issuer))
    (event,) = world.revocations.events_in(receipt)
    assert event.args == {
        "issuer": world.issuer.address,
        "target": signed.target,
        "effectiveAt": signed.effective_at,
        "reason": 9,
    }
    with refused(
        "AlreadyRevoked",
        issuer=world.issuer.address,
        target=signed.target,
        effectiveAt=signed.effective_at,
    ):
        world.revoking().revoke_signed(signed, world.signed(signed, world.issuer))


def test_a_signed_revocation_has_a_last_second(world: Registries) -> None:
    signed = world.revocation(deadline=world.now + 5)
    signature = world.signed(signed, world.issuer)
    snapshot = world.chain.snapshot()
    world.chain.advance_to(signed.deadline + 1)
    with refused("RevocationExpired", deadline=signed.deadline, time=signed.deadline + 1):
        world.revoking().revoke_signed(signed, signature)
    world.chain.revert_to(snapshot)
    world.chain.advance_to(signed.deadline)
    world.revoking().revoke_signed(signed, signature)
    assert world.revoking().revoked_from(signed.issuer, signed.target) == signed.deadline


def test_a_signed_time_that_has_passed_is_now(world: Registries) -> None:
    """Nothing is backdated, and what was signed is good until its deadline."""
    signed = world.revocation(effective_at=world.now + 5)
    signature = world.signed(signed, world.issuer)
    for late in (signed.effective_at, signed.effective_at + 1, signed.deadline):
        snapshot = world.chain.snapshot()
        world.chain.advance_to(late)
        receipt = world.revoking().revoke_signed(signed, signature)
        (event,) = world.revocations.events_in(receipt)
        assert event.args["effectiveAt"] == late
        assert world.revoking().revoked_from(signed.issuer, signed.target) == late
        world.chain.revert_to(snapshot)
    far = world.revocation(effective_at=world.now + LONGEST_AHEAD + 1)
    with refused("RevocationTooFarAhead", effectiveAt=far.effective_at, latest=world.now + LONGEST_AHEAD):
        world.revoking().revoke_signed(far, world.signed(far, world.issuer))


def test_a_signed_revocation_brought_late_moves_nothing_later(world: Registries) -> None:
    signed = world.revocation(effective_at=world.now + 5)
    world.chain.advance_to(signed.effective_at)
    at = world.now
    world.revoke(signed.target)
    with refused("AlreadyRevoked", issuer=signed.issuer, target=signed.target, effectiveAt=at):
        world.revoking().revoke_signed(signed, world.signed(signed, world.issuer))


def test_an_owner_that_is_a_contract_signs_by_eip_1271(world: Registries) -> None:
    world.change_owner(world.issuer, world.account.address)
    signed = world.revocation()
    with pytest.raises(ContractSignatureError):
        world.revoking().revoke_signed(signed, world.signed(signed, world.stranger))
    world.revoking().revoke_signed(signed, world.signed(signed, world.keeper))
    assert world.revoking().revoked_from(signed.issuer, signed.target) is not None
    call = world.revocations.encode("revoke", world.issuer.address, keccak256(b"next"), 0, 0)
    world.account.transact("execute", [(world.revocations.address, call)], signer=world.keeper)
    assert world.revoking().revoked_from(signed.issuer, keccak256(b"next")) is not None


def test_a_signature_holds_for_one_content_chain_and_contract(world: Registries) -> None:
    signed = world.revocation()
    domain = world.domain("RevocationRegistry")
    right = world.signed(signed, world.issuer)
    wrong = [
        world.signed(replace(signed, target=keccak256(b"another")), world.issuer),
        world.signed(replace(signed, deadline=signed.deadline + 1), world.issuer),
        world.signed(signed, world.issuer, replace(domain, chain_id=1)),
        world.signed(signed, world.issuer, replace(domain, verifying_contract=world.certificates.address)),
        world.signed(signed, world.issuer, replace(domain, name="CertificateRegistry")),
        world.signed(signed, world.stranger),
        malleated(right),
        right[:64],
        b"",
    ]
    for signature in wrong:
        with refused("RevocationSignatureInvalid", issuer=signed.issuer, digest=signed.digest(domain)):
            world.revocations.transact("revokeSigned", signed, signature, signer=world.stranger)
    world.revocations.transact("revokeSigned", signed, right, signer=world.stranger)


def test_what_is_signed_is_what_eth_account_signs(world: Registries) -> None:
    signed = world.revocation(effective_at=2**64 - 1, reason=255)
    members = [dict(zip(("name", "type"), member.split(":"), strict=True)) for member in MEMBERS.split()]
    domain = {
        "name": "RevocationRegistry",
        "version": "1",
        "chainId": world.chain.chain_id,
        "verifyingContract": world.revocations.address,
    }
    values = {
        "issuer": signed.issuer,
        "target": signed.target,
        "effectiveAt": signed.effective_at,
        "reason": signed.reason,
        "deadline": signed.deadline,
    }
    encoded = encode_typed_data(domain, {"RevocationCertificate": members}, values)
    digest = keccak(b"\x19" + encoded.version + encoded.header + encoded.body)
    assert world.revocations.call("digestOf", signed) == digest
    assert signed.digest(world.domain("RevocationRegistry")) == digest


# By status index


def test_words_are_the_bits_of_a_w3c_status_list() -> None:
    """Index 0 is the left-most bit, and 1 is set: Bitstring Status List, sections 2.1 and 3.2."""
    words = status_words([0, 7, 8, 255, 256])
    assert words == {0: (0x8180 << 240) | 1, 1: 1 << 255}
    assert words[0].to_bytes(32, "big")[:2] == b"\x81\x80"
    assert status_indices(0, words[0]) == [0, 7, 8, 255]
    assert status_indices(1, words[1]) == [256]


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([], "an index is needed, none is given"),
        ([4, 4], "an index is given twice: 4"),
        ([-1], "an index is no unsigned integer of 64 bits: -1"),
        ([2**64], f"an index is no unsigned integer of 64 bits: {2**64}"),
    ],
)
def test_indices_are_checked_before_they_are_sent(indices: list[int], message: str) -> None:
    with pytest.raises(StatusIndexError, match=message):
        status_words(indices)


def test_an_index_is_revoked_from_its_second_on(world: Registries) -> None:
    publisher = world.publisher.address
    mine = world.revoking(world.publisher)
    (opened,) = world.revocations.events_in(mine.open_statuses(2))
    assert (opened.name, opened.args) == (
        "StatusesOpened",
        {"publisher": publisher, "firstWord": 2, "count": 1},
    )
    at = world.now
    (event,) = world.revocations.events_in(mine.revoke_statuses([600]))
    assert (event.name, event.args) == (
        "StatusesRevoked",
        {"publisher": publisher, "word": 2, "indices": bit(600), "effectiveAt": at},
    )
    assert [mine.is_status_revoked_at(publisher, 600, time) for time in (at - 1, at)] == [False, True]
    assert not mine.is_status_revoked_at(publisher, 601, at)
    assert not mine.is_status_revoked_at(world.other.address, 600, at)
    assert mine.statuses_at(publisher, [1, 2, 3], at) == [0, bit(600), 0]
    assert mine.statuses_at(publisher, [2], at - 1) == [0]


def test_words_are_opened_once_and_then_revoked_in(world: Registries) -> None:
    publisher, mine = world.publisher.address, world.revoking(world.publisher)
    with refused("StatusesNotOpen", publisher=publisher, word=0):
        mine.revoke_statuses([5])
    assert not mine.is_status_open(publisher, 5)
    mine.open_statuses(0, 3)
    opened = world.now - 1
    assert [mine.is_status_open(publisher, index) for index in (0, 767, 768)] == [True, True, False]
    assert not mine.is_status_open(world.other.address, 5)
    assert tuple(world.revocations.call("statusWordOf", publisher, 2)) == (opened, 0)
    mine.revoke_statuses([5])
    # Opening again would make it valid again.
    for first, count, word in ((0, 1, 0), (2, 2, 2)):
        with refused("StatusesAlreadyOpen", publisher=publisher, word=word):
            mine.open_statuses(first, count)
    assert not mine.is_status_open(publisher, 768)
    mine.open_statuses(2**56 - 1)
    assert mine.is_status_open(publisher, 2**64 - 1)
    for first, count in ((2**56, 1), (2**56 - 1, 2), (2**64 - 1, 2), (2, 2**64 - 1)):
        with refused("StatusWordsInvalid", firstWord=first, count=count):
            mine.open_statuses(first, count)


def test_an_index_is_revoked_once(world: Registries) -> None:
    publisher, mine = world.publisher.address, world.revoking(world.publisher)
    mine.open_statuses(0, 2)
    mine.revoke_statuses([3, 4])
    for indices in ([4], [4, 9], [300, 4]):
        with refused("StatusesAlreadyRevoked", publisher=publisher, word=0, indices=bit(4)):
            mine.revoke_statuses(indices)
    assert mine.statuses_at(publisher, [0, 1], world.now) == [bit(3) | bit(4), 0]
    with refused("StatusIndicesMissing", publisher=publisher, word=1):
        world.revocations.transact("revokeStatuses", 1, 0, 0, signer=world.publisher)
    with refused("LengthsDiffer", words=2, indices=1):
        world.revocations.transact("revokeManyStatuses", [0, 1], [1], 0, signer=world.publisher)
    with refused("StatusesAlreadyRevoked", publisher=publisher, word=1, indices=bit(1)):
        world.revocations.transact(
            "revokeManyStatuses", [1, 1], [bit(0) | bit(1), bit(1)], 0, signer=world.publisher
        )


def test_status_times_are_bounded_as_those_of_targets_are(world: Registries) -> None:
    mine = world.revoking(world.publisher)
    mine.open_statuses(0)
    now = world.now
    with refused("RevocationBackdated", effectiveAt=now - 1, earliest=now):
        mine.revoke_statuses([1], now - 1)
    with refused("RevocationTooFarAhead", effectiveAt=now + LONGEST_AHEAD + 1, latest=now + LONGEST_AHEAD):
        mine.revoke_statuses([1], now + LONGEST_AHEAD + 1)
    mine.revoke_statuses([1], now + LONGEST_AHEAD)


def test_a_word_remembers_every_change(world: Registries) -> None:
    """Eleven changes, so that times fill slots of four and the search has something to search."""
    publisher, mine = world.publisher.address, world.revoking(world.publisher)
    mine.open_statuses(0)
    times = []
    for index in range(11):
        world.chain.advance_to(world.now + 10)
        times.append(world.now)
        mine.revoke_statuses([index])
    assert tuple(world.revocations.call("statusWordOf", publisher, 0)) == (times[-1], 11)
    expected = 0
    for index, time in enumerate(times):
        assert mine.statuses_at(publisher, [0], time - 1) == [expected]
        expected |= bit(index)
        assert mine.statuses_at(publisher, [0], time) == [expected]
    assert mine.statuses_at(publisher, [0], 2**64 - 1) == [expected]


def test_changes_in_one_second_are_one(world: Registries) -> None:
    """A batch names a word twice: with nothing ahead, and with a change ahead before which both go in."""
    publisher, mine = world.publisher.address, world.revoking(world.publisher)
    mine.open_statuses(0)

    def twice(first: int, second: int) -> int:
        at = world.now
        masks = [bit(first), bit(second)]
        world.revocations.transact("revokeManyStatuses", [0, 0], masks, 0, signer=world.publisher)
        return at

    at = [twice(0, 1), twice(2, 3)]
    assert tuple(world.revocations.call("statusWordOf", publisher, 0)) == (at[1], 2)
    ahead = world.now + 100
    mine.revoke_statuses([4], ahead)
    at.append(twice(5, 6))
    assert tuple(world.revocations.call("statusWordOf", publisher, 0)) == (ahead, 4)
    expected = [[], [0, 1], [0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 5, 6], [0, 1, 2, 3, 4, 5, 6]]
    times = [at[0] - 1, at[0], at[1] - 1, at[1], at[2], ahead]
    seen = [mine.statuses_at(publisher, [0], time)[0] for time in times]
    assert [status_indices(0, bits) for bits in seen] == expected


def test_a_change_ahead_hinders_no_change_before_it(world: Registries) -> None:
    publisher, mine = world.publisher.address, world.revoking(world.publisher)
    mine.open_statuses(0)
    ahead = world.now + 1_000

    def seen(*times: int) -> list[int]:
        return [mine.statuses_at(publisher, [0], time)[0] for time in times]

    mine.revoke_statuses([0, 1], ahead)
    for other in (ahead + 1, ahead - 1, world.now + 2):
        with refused("StatusChangeAhead", publisher=publisher, word=0, effectiveAt=ahead):
            mine.revoke_statuses([2], other)
    mine.revoke_statuses([2], ahead)
    times = []
    # Index 1 was to be revoked later, so it may be revoked now.
    for index in (3, 1):
        times.append(world.now)
        mine.revoke_statuses([index])
    with refused("StatusesAlreadyRevoked", publisher=publisher, word=0, indices=bit(1)):
        mine.revoke_statuses([1], ahead)
    with refused("StatusesAlreadyRevoked", publisher=publisher, word=0, indices=bit(3)):
        mine.revoke_statuses([3])
    first, second = times
    final = bit(0) | bit(1) | bit(2) | bit(3)
    assert seen(first - 1, first, second - 1, second, ahead - 1, ahead) == [
        0,
        bit(3),
        bit(3),
        bit(3) | bit(1),
        bit(3) | bit(1),
        final,
    ]
    world.chain.advance_to(ahead)
    mine.revoke_statuses([9])
    assert seen(second, ahead - 1, ahead) == [bit(3) | bit(1), bit(3) | bit(1), final | bit(9)]
    # Nothing is ahead any more.
    mine.revoke_statuses([10], ahead + 50)
    assert seen(ahead + 49, ahead + 50) == [final | bit(9), final | bit(9) | bit(10)]


def test_statuses_of_a_batch_are_those_of_its_single_calls(world: Registries) -> None:
    publisher, mine = world.publisher.address, world.revoking(world.publisher)
    mine.open_statuses(0, 4)
    indices, at = [0, 5, 255, 256, 700, 1023], world.now + 50
    snapshot = world.chain.snapshot()
    receipt = mine.revoke_statuses(indices, at)
    batch_events = [event.args["word"] for event in world.revocations.events_in(receipt)]
    together = mine.statuses_at(publisher, [0, 1, 2, 3], at)
    world.chain.revert_to(snapshot)
    for index in indices:
        mine.revoke_statuses([index], at)
    assert mine.statuses_at(publisher, [0, 1, 2, 3], at) == together
    assert batch_events == [0, 1, 2, 3]
    assert [i for word, bits in enumerate(together) for i in status_indices(word, bits)] == indices


def test_a_whole_word_costs_at_most_120_gas_a_revocation(world: Registries) -> None:
    mine = world.revoking(world.publisher)
    mine.open_statuses(70_000)
    indices = range(70_000 * WORD, 70_001 * WORD)
    receipt = mine.revoke_statuses(indices, world.now + 1_000_000)
    assert receipt.gas_used <= 120 * WORD


CHANGES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 2, 9]),
        st.sets(st.integers(0, 6), min_size=1, max_size=3),
        st.sampled_from([0, 0, 5, 5, 20]),
    ),
    max_size=14,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_a_word_agrees_with_a_table_of_times(
    founded: Registries, changes: list[tuple[int, set[int], int]]
) -> None:
    """Each change waits, then revokes indices some seconds ahead. The model is a table of index and time."""
    world, table = founded, dict[int, int]()
    publisher, mine = world.publisher.address, world.revoking(world.publisher)
    snapshot = world.chain.snapshot()
    try:
        mine.open_statuses(0)
        begin, ahead = world.now, 0
        for wait, indices, lead in changes:
            world.chain.advance_to(world.now + wait)
            now, at = world.now, world.now + lead
            known = {index for index in indices if table.get(index, at + 1) <= at}
            allowed = not known and not (ahead > now and at not in (now, ahead))
            outcome: Any = None
            try:
                mine.revoke_statuses(indices, at)
            except ContractError as error:
                outcome = error.name
            assert (outcome is None) == allowed, (outcome, table, now, at)
            if allowed:
                table.update(dict.fromkeys(indices, at))
                ahead = max(ahead, at)
        for time in {begin - 1, world.now, *table.values(), *(at - 1 for at in table.values())}:
            expected = sum(bit(index) for index, at in table.items() if at <= time)
            assert mine.statuses_at(publisher, [0], time) == [expected]
            revoked = [mine.is_status_revoked_at(publisher, index, time) for index in (0, 6)]
            assert revoked == [table.get(index, time + 1) <= time for index in (0, 6)]
    finally:
        world.chain.revert_to(snapshot)


def test_all_events_are_read_in_order(world: Registries) -> None:
    mine = world.revoking(world.publisher)
    mine.open_statuses(0)
    mine.revoke(world.publisher.address, TARGET)
    mine.revoke_statuses([1])
    head = world.chain.head()
    mine.revoke(world.publisher.address, keccak256(b"next"))
    names = ["StatusesOpened", "Revoked", "StatusesRevoked", "Revoked"]
    assert [event.name for event in mine.events()] == names
    assert [event.name for event in mine.events(0, head)] == names[:3]
    assert [event.name for event in mine.events(head)] == names[2:]


def test_a_target_named_by_its_subject_is_not_revoked(world: Registries) -> None:
    """A revocation only counts under the issuer that made it, whoever it is about."""
    subject = world.other
    world.revocations.transact("revoke", subject.address, TARGET, 0, 0, signer=subject)
    assert world.revoking().revoked_from(world.issuer.address, TARGET) is None
    assert world.revoking().revoked_from(party(1), TARGET) is None
