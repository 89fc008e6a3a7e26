"""PeeringRegistry: both sides sign, versions only grow, either side gets out with notice."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.chain import Artifact
from evgi_client.errors import ContractError
from evgi_client.messages import Domain, PeeringAgreement
from evgi_client.signing import LocalSigner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.chain import Chain, ContractHandle, Receipt

DAY = 86_400
OPEN = 2**64 - 1
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
TEST_ARTIFACTS = Path(__file__).parent / "artifacts"

# Written out here, not read from the contract or the client: a wrong type string in either must fail.
MEMBERS = (
    "utilityA:address utilityB:address version:uint32 currency:address submitWithin:uint32 feeBps:uint16"
    " creditLineA:uint128 creditLineB:uint128 ceilingPerKwh:uint64 ceilingPerHour:uint64 ceilingFlat:uint64"
    " window:uint32 disputePeriod:uint32 noticePeriod:uint32 validFrom:uint64 deadline:uint64"
)


@contextmanager
def refused(name: str, **args: object) -> Iterator[None]:
    """The block must end in this custom error, with exactly these arguments."""
    with pytest.raises(ContractError) as caught:
        yield
    assert (caught.value.name, caught.value.args) == (name, args)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@dataclass
class World:
    """Two utilities with keys (``a`` has the lower address), one that is a contract, a stranger, their token and
    registry."""

    chain: Chain
    registry: ContractHandle
    token: ContractHandle
    admin: LocalSigner
    a: LocalSigner
    b: LocalSigner
    owner: LocalSigner
    account: ContractHandle
    stranger: LocalSigner

    @property
    def now(self) -> int:
        return self.chain.now()

    @property
    def pair(self) -> dict[str, str]:
        return {"utilityA": self.a.address, "utilityB": self.b.address}

    @property
    def domain(self) -> Domain:
        return Domain("PeeringRegistry", "1", self.chain.chain_id, self.registry.address)

    def terms(self, **changes: Any) -> PeeringAgreement:
        """The pair's next agreement: from now where it is the first, else from a day ahead."""
        first = self.latest() == 0
        agreement = PeeringAgreement(
            utility_a=self.a.address,
            utility_b=self.b.address,
            version=self.registry.call("nextVersion", self.a.address, self.b.address),
            currency=self.token.address,
            submit_within=14 * DAY,
            fee_bps=150,
            credit_line_a=5_000_000_000,
            credit_line_b=7_000_000_000,
            ceiling_per_kwh=900_000,
            ceiling_per_hour=100_000,
            ceiling_flat=1_000_000,
            window=DAY,
            dispute_period=3 * DAY,
            notice_period=30 * DAY,
            valid_from=self.now if first else self.now + DAY,
            deadline=self.now + 7 * DAY,
        )
        return replace(agreement, **changes)

    def signed(self, agreement: PeeringAgreement, by: LocalSigner, domain: Domain | None = None) -> bytes:
        return by.sign_digest(agreement.digest(domain or self.domain)).to_bytes()

    def agree(self, agreement: PeeringAgreement | None = None, **changes: Any) -> PeeringAgreement:
        agreement = agreement or self.terms(**changes)
        self.bring(agreement)
        return agreement

    def bring(
        self, agreement: PeeringAgreement, signature_a: bytes | None = None, signature_b: bytes | None = None
    ) -> Receipt:
        """A stranger brings an agreement, signed by the pair's keys where no signature is given."""
        a = self.signed(agreement, self.a) if signature_a is None else signature_a
        b = self.signed(agreement, self.b) if signature_b is None else signature_b
        return self.registry.transact("agree", agreement, a, b, signer=self.stranger)

    def end(self, by: LocalSigner) -> int:
        peer = self.b if by is self.a else self.a
        receipt = self.registry.transact("end", peer.address, signer=by)
        return int(self.registry.events_in(receipt, "PeeringEnded")[0].args["endsAt"])

    def latest(self) -> int:
        return int(self.registry.call("latest", self.a.address, self.b.address))

    def version_at(self, time: int) -> int:
        versions = {
            self.registry.call("versionAt", self.a.address, self.b.address, time),
            self.registry.call("versionAt", self.b.address, self.a.address, time),
        }
        assert len(versions) == 1
        return int(versions.pop())

    def span(self, version: int) -> tuple[int, int]:
        agreement, until = self.registry.call("agreementOf", self.b.address, self.a.address, version)
        return agreement.validFrom, until


@pytest.fixture(scope="module")
def deployed(chain: Chain, signers: list[LocalSigner]) -> World:
    admin, one, other, owner, stranger = signers[:5]
    a, b = sorted((one, other), key=lambda signer: int(signer.address, 16))
    manager = chain.deploy("AccessManager", [admin.address], admin)
    token = chain.deploy("ClearingToken", [manager.address], admin)
    registry = chain.deploy("PeeringRegistry", [], admin)
    account = chain.deploy(Artifact.load("SmartAccount", TEST_ARTIFACTS), [owner.address], owner)
    for utility in (a.address, b.address, account.address):
        token.transact("admit", utility, signer=admin)
    return World(chain, registry, token, admin, a, b, owner, account, stranger)


@pytest.fixture
def world(chain: Chain, deployed: World) -> Iterator[World]:
    snapshot = chain.snapshot()
    yield deployed
    chain.revert_to(snapshot)


# What is signed and what is kept


def test_the_digest_is_eip_712_as_an_independent_encoder_has_it(world: World) -> None:
    agreement = world.terms()
    members = (part.split(":") for part in MEMBERS.split())
    data: dict[str, Any] = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "PeeringAgreement": [{"name": name, "type": kind} for name, kind in members],
        },
        "primaryType": "PeeringAgreement",
        "domain": {
            "name": "PeeringRegistry",
            "version": "1",
            "chainId": world.chain.chain_id,
            "verifyingContract": world.registry.address,
        },
        "message": {camel(field.name): getattr(agreement, field.name) for field in fields(PeeringAgreement)},
    }
    encoded = encode_typed_data(full_message=data)
    digest = keccak(b"\x19" + encoded.version + encoded.header + encoded.body)
    assert world.registry.call("digestOf", agreement) == digest
    assert agreement.digest(world.domain) == digest


def test_an_agreement_of_both_is_kept_whole_and_logged_whole(world: World) -> None:
    agreement = world.terms()
    receipt = world.bring(agreement)
    values = tuple(getattr(agreement, field.name) for field in fields(PeeringAgreement))

    (event,) = world.registry.events_in(receipt)
    assert event.name == "PeeringAgreed"
    assert event.args == {**world.pair, "version": 1, "agreement": values}
    for sides in ((world.a, world.b), (world.b, world.a)):
        one, other = (side.address for side in sides)
        assert world.registry.call("agreementOf", one, other, 1) == (values, OPEN)
        assert world.registry.call("latest", one, other) == 1
        assert world.registry.call("nextVersion", one, other) == 2


def test_a_pair_without_agreement_has_nothing(world: World) -> None:
    agreement, until = world.registry.call("agreementOf", world.a.address, world.b.address, 1)
    assert (agreement.validFrom, agreement.currency, until) == (0, "0x" + "00" * 20, 0)
    assert world.latest() == 0
    assert world.registry.call("nextVersion", world.a.address, world.b.address) == 1
    assert [world.version_at(time) for time in (0, world.now, OPEN)] == [0, 0, 0]


def test_accounts_that_are_contracts_sign_too(world: World) -> None:
    account = world.account.address
    a, b = sorted((world.a.address, account), key=lambda address: int(address, 16))
    terms = replace(world.terms(), utility_a=a, utility_b=b, version=1)
    signatures = {
        address: world.signed(terms, world.owner if address == account else world.a) for address in (a, b)
    }
    world.registry.transact("agree", terms, signatures[a], signatures[b], signer=world.stranger)
    assert world.registry.call("versionAt", world.a.address, account, world.now) == 1

    again = replace(terms, version=2, valid_from=world.now + DAY)
    forged = {address: world.signed(again, world.a) for address in (a, b)}
    with refused("UtilitySignatureInvalid", utility=account, digest=again.digest(world.domain)):
        world.registry.transact("agree", again, forged[a], forged[b], signer=world.stranger)


# Whose signatures, over what


def test_neither_side_is_signed_for_by_another(world: World) -> None:
    agreement = world.terms()
    digest = agreement.digest(world.domain)
    a, b, other = (world.signed(agreement, signer) for signer in (world.a, world.b, world.stranger))
    for side, first, second in (
        (world.a, b, b),
        (world.a, b, a),
        (world.a, other, b),
        (world.a, b"", b),
        (world.a, bytes(65), b),
        (world.b, a, a),
        (world.b, a, other),
        (world.b, a, b""),
        (world.b, a, b[:64]),
    ):
        with refused("UtilitySignatureInvalid", utility=side.address, digest=digest):
            world.bring(agreement, first, second)


def test_a_malleated_signature_is_refused(world: World) -> None:
    agreement = world.terms()
    good = world.a.sign_digest(agreement.digest(world.domain))
    high = good.r.to_bytes(32, "big") + (CURVE_ORDER - good.s).to_bytes(32, "big") + bytes((55 - good.v,))
    with refused("UtilitySignatureInvalid", utility=world.a.address, digest=agreement.digest(world.domain)):
        world.bring(agreement, signature_a=high)


@pytest.mark.parametrize(
    "change",
    [{"chain_id": 1}, {"verifying_contract": "0x" + "11" * 20}, {"name": "ClearingToken"}, {"version": "2"}],
    ids=lambda change: next(iter(change)),
)
def test_signatures_of_another_domain_are_refused(world: World, change: dict[str, Any]) -> None:
    agreement, domain = world.terms(), replace(world.domain, **change)
    with refused("UtilitySignatureInvalid", utility=world.b.address, digest=agreement.digest(world.domain)):
        world.bring(agreement, signature_b=world.signed(agreement, world.b, domain))


@pytest.mark.parametrize("field", [field.name for field in fields(PeeringAgreement)])
def test_no_field_can_be_changed_after_signing(world: World, field: str) -> None:
    """Each change is one that everything but the signatures would let pass."""
    agreement = world.terms()
    a, b = world.signed(agreement, world.a), world.signed(agreement, world.b)
    if field in ("utility_a", "utility_b"):
        value: Any = "0x" + ("00" * 19 + "99" if field == "utility_a" else "ff" * 20)
        world.token.transact("admit", value, signer=world.admin)
    elif field == "currency":
        token = world.chain.deploy("ClearingToken", [world.token.call("authority")], world.admin)
        for utility in (world.a, world.b):
            token.transact("admit", utility.address, signer=world.admin)
        value = token.address
    else:
        value = getattr(agreement, field) + 1
    if field == "version":
        world.registry.transact("withdrawOffers", world.b.address, signer=world.a)
    changed = replace(agreement, **{field: value})

    with refused("UtilitySignatureInvalid", utility=changed.utility_a, digest=changed.digest(world.domain)):
        world.bring(changed, a, b)
    assert world.latest() == 0


# What cannot be agreed


def test_a_pair_is_two_utilities_in_order(world: World) -> None:
    for first, second in ((world.b, world.a), (world.a, world.a)):
        agreement = replace(world.terms(), utility_a=first.address, utility_b=second.address)
        with refused("UtilitiesUnordered", utilityA=first.address, utilityB=second.address):
            world.agree(agreement)


def test_nobody_at_all_agrees_to_nothing(world: World) -> None:
    zero = "0x" + "00" * 20
    agreement = replace(world.terms(), utility_a=zero)
    with refused("NotMember", currency=world.token.address, utility=zero):
        world.bring(agreement, signature_a=bytes(65))


def test_both_are_members_of_the_currency(world: World) -> None:
    for side in (world.a, world.b):
        world.token.transact("expel", side.address, signer=world.admin)
        with refused("NotMember", currency=world.token.address, utility=side.address):
            world.agree()
        world.token.transact("admit", side.address, signer=world.admin)
    for currency in ("0x" + "00" * 20, world.stranger.address):
        with refused("CurrencyNotContract", currency=currency):
            world.agree(currency=currency)
    world.agree()


def test_signatures_are_used_up_to_their_deadline(world: World) -> None:
    late = world.now - 1
    with refused("AgreementExpired", deadline=late, time=world.now):
        world.agree(deadline=late)
    world.agree(deadline=world.now)


@pytest.mark.parametrize(
    ("field", "limit", "error"),
    [("fee_bps", 10_000, "FeeTooHigh"), ("notice_period", 366 * DAY, "NoticeTooLong")],
)
def test_fee_and_notice_have_limits(world: World, field: str, limit: int, error: str) -> None:
    within: dict[str, Any] = {field: limit}
    above: dict[str, Any] = {field: limit + 1}
    with refused(error, **{camel(field): limit + 1}, limit=limit):
        world.agree(**above)
    world.agree(**within)


def test_an_agreement_begins_within_a_year(world: World) -> None:
    limit = world.now + 366 * DAY
    for valid_from in (limit + 1, world.now * 1_000, OPEN):
        with refused("AgreementTooFarAhead", validFrom=valid_from, limit=limit):
            world.agree(valid_from=valid_from)
    world.agree(valid_from=limit)


# Versions


def test_only_the_first_version_reaches_back(world: World) -> None:
    world.agree(valid_from=1)
    for valid_from in (world.now - 1, 1, 0):
        with refused("AgreementBackdated", validFrom=valid_from, earliest=world.now):
            world.agree(valid_from=valid_from)
    world.agree(valid_from=world.now)


def test_a_version_closes_the_one_before_it_and_not_a_second_sooner(world: World) -> None:
    first = world.agree()
    second = world.agree(fee_bps=90)
    third = world.agree(valid_from=second.valid_from + DAY)
    assert world.span(1) == (first.valid_from, second.valid_from)
    assert world.span(2) == (second.valid_from, third.valid_from)
    assert world.span(3) == (third.valid_from, OPEN)
    starts = (first.valid_from, second.valid_from, third.valid_from)
    assert [world.version_at(start) for start in starts] == [1, 2, 3]
    assert [world.version_at(start - 1) for start in starts] == [0, 1, 2]
    # What was agreed first reads as it did.
    assert world.registry.call("agreementOf", world.a.address, world.b.address, 1)[0].feeBps == first.fee_bps


def test_a_version_not_begun_is_replaced_by_one_that_begins_with_it_or_later(world: World) -> None:
    world.agree()
    second = world.agree()
    with refused("AgreementBackdated", validFrom=second.valid_from - 1, earliest=second.valid_from):
        world.agree(valid_from=second.valid_from - 1)
    world.agree(valid_from=second.valid_from, fee_bps=1)
    assert world.span(2) == (second.valid_from, second.valid_from)
    assert (world.version_at(second.valid_from - 1), world.version_at(second.valid_from)) == (1, 3)


def test_versions_come_one_by_one(world: World) -> None:
    for version in (0, 2, 2**32 - 1):
        with refused("VersionUnexpected", version=version, expected=1):
            world.agree(version=version)
    first = world.agree()
    for version in (0, 1, 3):
        with refused("VersionUnexpected", version=version, expected=2):
            world.agree(version=version)
    with refused("VersionUnexpected", version=1, expected=2):
        world.agree(first)


def test_many_versions_are_found_as_surely_as_few(world: World) -> None:
    start = world.agree().valid_from
    agreed = [start] + [world.agree(valid_from=start + number * DAY).valid_from for number in range(1, 20)]
    for number, valid_from in enumerate(agreed, start=1):
        assert world.version_at(valid_from) == number
        assert world.version_at(valid_from + DAY - 1) == number
    assert world.version_at(start - 1) == 0


# Ends


@pytest.mark.parametrize("side", ["a", "b"])
def test_either_side_ends_with_notice(world: World, side: str) -> None:
    agreement, by = world.agree(), getattr(world, side)
    ends_at = world.now + agreement.notice_period
    receipt = world.registry.transact("end", getattr(world, "ba"["ab".index(side)]).address, signer=by)
    ended, withdrawn = world.registry.events_in(receipt)
    assert ended.name == "PeeringEnded"
    assert ended.args == {**world.pair, "version": 1, "by": by.address, "endsAt": ends_at}
    assert (withdrawn.name, withdrawn.args["version"]) == ("OffersWithdrawn", 2)
    assert world.span(1) == (agreement.valid_from, ends_at)
    # A session that starts before the end is still one of this agreement.
    assert [world.version_at(time) for time in (ends_at - 1, ends_at, OPEN)] == [1, 0, 0]


def test_only_the_two_end_and_only_once(world: World) -> None:
    with refused("NotPeered", **world.pair):
        world.end(world.a)
    world.agree()
    for peer in (world.a, world.b, world.stranger):
        one, other = sorted((world.stranger.address, peer.address), key=lambda address: int(address, 16))
        with refused("NotPeered", utilityA=one, utilityB=other):
            world.registry.transact("end", peer.address, signer=world.stranger)
    ends_at = world.end(world.a)
    for side in (world.a, world.b):
        with refused("AlreadyEnded", **world.pair, endsAt=ends_at):
            world.end(side)
    world.chain.advance_to(ends_at + DAY)
    with refused("AlreadyEnded", **world.pair, endsAt=ends_at):
        world.end(world.b)


def test_notice_counts_from_the_beginning_of_what_has_not_begun(world: World) -> None:
    first = world.agree()
    second = world.agree(notice_period=0)
    assert world.end(world.a) == second.valid_from
    assert world.span(1) == (first.valid_from, second.valid_from)
    assert world.span(2) == (second.valid_from, second.valid_from)
    assert (world.version_at(second.valid_from - 1), world.version_at(second.valid_from)) == (1, 0)


def test_an_end_can_be_agreed_away_or_followed_after_a_gap(world: World) -> None:
    world.agree()
    ends_at = world.end(world.a)
    second = world.agree(valid_from=ends_at - 5 * DAY)
    assert world.span(1)[1] == second.valid_from
    assert second.version == 3
    assert (world.version_at(ends_at - 5 * DAY - 1), world.version_at(ends_at - 5 * DAY)) == (1, 3)

    world.chain.advance_to(second.valid_from)
    ends_at = world.end(world.b)
    third = world.agree(valid_from=ends_at + DAY)
    assert world.span(second.version)[1] == ends_at
    assert [world.version_at(t) for t in (ends_at - 1, ends_at, third.valid_from)] == [3, 0, third.version]
    # The number that an end has used up names no agreement.
    agreement, until = world.registry.call("agreementOf", world.a.address, world.b.address, 2)
    assert (agreement.utilityA, until) == ("0x" + "00" * 20, 0)


def test_nothing_signed_before_an_end_is_brought_after_it(world: World) -> None:
    first = world.agree()
    offer = world.terms()
    a, b = world.signed(offer, world.a), world.signed(offer, world.b)
    world.end(world.a)
    with refused("VersionUnexpected", version=2, expected=3):
        world.bring(offer, a, b)
    with refused("VersionUnexpected", version=1, expected=3):
        world.agree(first)
    renumbered = replace(offer, version=3)
    digest = renumbered.digest(world.domain)
    with refused("UtilitySignatureInvalid", utility=world.a.address, digest=digest):
        world.bring(renumbered, a, b)


def test_a_side_takes_its_offer_back(world: World) -> None:
    agreement = world.agree()
    offer = world.terms(fee_bps=9_000)
    a, b = world.signed(offer, world.a), world.signed(offer, world.b)
    receipt = world.registry.transact("withdrawOffers", world.b.address, signer=world.a)
    (event,) = world.registry.events_in(receipt)
    assert event.name == "OffersWithdrawn"
    assert event.args == {**world.pair, "version": 2, "by": world.a.address}
    with refused("VersionUnexpected", version=2, expected=3):
        world.bring(offer, a, b)
    assert (world.latest(), world.span(1)) == (1, (agreement.valid_from, OPEN))


def test_a_stranger_withdraws_nothing_of_others(world: World) -> None:
    for peer in (world.a, world.b):
        world.registry.transact("withdrawOffers", peer.address, signer=world.stranger)
    assert world.registry.call("nextVersion", world.a.address, world.b.address) == 1
    world.agree()


# Any history


@dataclass
class Entry:
    version: int
    valid_from: int
    until: int
    notice: int


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("agree"), st.integers(-2, 6), st.integers(0, 4)),
        st.tuples(st.just("end"), st.sampled_from("ab"), st.just(0)),
        st.tuples(st.just("withdraw"), st.sampled_from("ab"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 4), st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_at_most_one_version_applies_and_it_is_the_one_of_a_plain_model(
    deployed: World, steps: list[tuple[str, Any, int]]
) -> None:
    """The model keeps a list and looks through all of it. Steps of an hour, so that versions meet at boundaries."""
    world, hour = deployed, 3_600
    snapshot = world.chain.snapshot()
    try:
        model: list[Entry] = []
        used, start = 0, world.now
        for step, argument, notice in steps:
            now = world.now
            last = model[-1] if model else None
            if step == "wait":
                world.chain.advance_to(now + argument * hour)
            elif step == "withdraw":
                by, peer = (world.a, world.b) if argument == "a" else (world.b, world.a)
                world.registry.transact("withdrawOffers", peer.address, signer=by)
                used += 1
            elif step == "end":
                by = getattr(world, argument)
                if last is None or last.until != OPEN:
                    with pytest.raises(ContractError, match="NotPeered" if last is None else "AlreadyEnded"):
                        world.end(by)
                    continue
                last.until = max(now, last.valid_from) + last.notice
                assert world.end(by) == last.until
                used += 1
            else:
                # On the hour, so that two agreements often ask for the same beginning.
                valid_from = start + ((now - start) // hour + argument) * hour
                terms = world.terms(valid_from=valid_from, notice_period=notice * hour)
                if last is not None and valid_from < max(now, last.valid_from):
                    with pytest.raises(ContractError, match="AgreementBackdated"):
                        world.agree(terms)
                    continue
                world.agree(terms)
                if last is not None:
                    last.until = min(last.until, valid_from)
                used += 1
                model.append(Entry(used, valid_from, OPEN, notice * hour))
            assert world.registry.call("nextVersion", world.a.address, world.b.address) == used + 1
            assert world.latest() == (model[-1].version if model else 0)

        assert [world.span(e.version) for e in model] == [(e.valid_from, e.until) for e in model]
        edges = {time for e in model for time in (e.valid_from, min(e.until, OPEN - 1))}
        for time in sorted({near for edge in edges for near in (edge - 1, edge, edge + 1)}):
            applying = [e.version for e in model if e.valid_from <= time < e.until]
            assert len(applying) <= 1
            assert world.version_at(time) == (applying[0] if applying else 0)
    finally:
        world.chain.revert_to(snapshot)
