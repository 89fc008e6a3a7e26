"""SessionSettlement on a chain: what it settles, and how it refuses each thing that is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client import errors
from evgi_client.chain import Chain
from evgi_client.charging.batches import EPOCH, SESSION_BYTES, decode_settled
from evgi_client.charging.checks import check
from evgi_client.charging.directory import Status
from evgi_client.charging.session import SignedSession
from evgi_client.charging.start_log import digest_of
from evgi_client.clearing.positions import Positions
from evgi_client.errors import ContractError
from evgi_client.messages import ChargingAuthorization, SessionKey
from evgi_client.tariffs import Rates, Usage, ceiling, price
from evgi_client.units import Rounding
from tests.support.sessions import DAY, HOUR, signer
from tests.support.suite import CREDIT_LINE, DEPOSIT, FEE_BPS, Suite, agree, agreement_of, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEGIN = 600 * EPOCH + 5 * DAY
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """A suite whose clock stands a day after the first sessions."""
    suite = found(Chain.embedded(start=BEGIN), tmp_path_factory.mktemp("suite") / "deployment.json")
    suite.chain.advance_to(BEGIN + DAY)
    return suite


@pytest.fixture
def suite(founded: Suite) -> Iterator[Suite]:
    snapshot = founded.chain.snapshot()
    yield founded
    founded.chain.revert_to(snapshot)


def refusal(call: Callable[[], object]) -> ContractError:
    with pytest.raises(ContractError) as caught:
        call()
    return caught.value


def test_a_batch_is_settled_whole(suite: Suite) -> None:
    one, two = suite.maker(0), suite.maker(3, point=1)
    sessions = [one.session(BEGIN + HOUR), one.session(BEGIN + 9 * HOUR, energy_wh=0), two.session(BEGIN + 7)]
    receipt = suite.settle(*sessions)
    (event,) = suite.settlement.events_in(receipt, "SessionsSettled")
    costs = [session.cost for session in sessions]
    fees = [cost * FEE_BPS // 10_000 for cost in costs]
    assert event.args | {"sessions": b""} == {
        "creditor": suite.creditor.address, "debtor": suite.debtor.address, "roster": 1, "agreement": 1,
        "count": 3, "energyWh": 14_000, "cost": sum(costs), "fee": sum(fees), "sessions": b"",
    }  # fmt: skip
    told = {
        settled.key: (settled.driver, settled.energy_wh, settled.cost)
        for settled in decode_settled(event.args["sessions"])
    }
    assert told == {
        session.key: (suite.places.place(session.driver), session.energy_wh, session.cost)
        for session in sessions
    }
    assert suite.position() == sum(costs) - sum(fees)


def test_a_batch_equals_its_sessions_one_by_one(suite: Suite) -> None:
    sessions = [suite.maker(n % 3).session(BEGIN + n * HOUR, energy_wh=6_991 + n) for n in range(5)]
    snapshot = suite.chain.snapshot()
    suite.settle(*sessions)
    together = suite.position(), suite.settlement.call("startLogOf", suite.points[0].connector, 600)
    suite.chain.revert_to(snapshot)
    for session in sessions:
        suite.settle(session)
    assert (suite.position(), suite.settlement.call("startLogOf", suite.points[0].connector, 600)) == together


def test_a_utility_bills_its_own_drivers_without_an_agreement(suite: Suite) -> None:
    suite.contracts["DriverRoster"].transact(
        "publish", suite.since, BEGIN + 30 * DAY, [suite.drivers[0].address], signer=suite.creditor
    )
    maker = suite.maker(0, debtor=suite.creditor.address)
    session = maker.session(BEGIN + HOUR)
    batch = suite.batch(suite.groups([session]), debtor=suite.creditor.address, agreement=0)
    batch["groups"][0]["sessions"] = _with_driver(batch["groups"][0]["sessions"], 0)
    receipt = suite.send(batch)
    (event,) = suite.settlement.events_in(receipt, "SessionsSettled")
    assert (event.args["cost"], event.args["fee"]) == (session.cost, 0)
    assert (
        suite.settlement.call(
            "positionOf", suite.creditor.address, suite.creditor.address, suite.token.address
        )
        == 0
    )


# What a late session goes through


def test_a_late_session_settles_with_its_witness(suite: Suite) -> None:
    maker, connector = suite.maker(), suite.points[0].connector
    first, late, last = (maker.session(BEGIN + hour * HOUR) for hour in (1, 5, 9))
    suite.settle(first, last)
    error = refusal(lambda: suite.settle(late))
    assert error.name == "SessionOutOfOrder"
    assert error.args == {
        "index": 0, "connector": connector, "startedAt": late.started_at, "lastSettled": last.started_at,
    }  # fmt: skip
    suite.settle(late, settled=_witness(first, last))
    starts = [session.started_at for session in (first, late, last)]
    assert tuple(suite.settlement.call("startLogOf", connector, 600)) == (starts[-1], digest_of(starts))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_no_witness_lets_a_session_settle_twice(suite: Suite, which: int) -> None:
    sessions = [suite.maker().session(BEGIN + hour * HOUR) for hour in (1, 5, 9)]
    suite.settle(*sessions)
    again = sessions[which]
    honest = refusal(lambda: suite.settle(again, settled=_witness(*sessions)))
    assert (honest.name, honest.args["startedAt"]) == ("SessionAlreadySettled", again.started_at)
    others = [session for session in sessions if session is not again]
    for witness in (_witness(*others), _witness(*sessions)[1:], _witness(*sessions, sessions[0]), bytes(4)):
        error = refusal(lambda witness=witness: suite.settle(again, settled=witness))
        assert error.name == "StartLogMismatch"
    assert refusal(lambda: suite.settle(again)).name in ("SessionAlreadySettled", "SessionOutOfOrder")


def test_a_session_twice_in_one_batch_is_refused(suite: Suite) -> None:
    session = suite.maker().session(BEGIN + HOUR)
    (group,) = suite.groups([session])
    batch = suite.batch([group, group])
    error = refusal(lambda: suite.send(batch))
    assert (error.name, error.args["index"]) == ("SessionAlreadySettled", 1)
    doubled = group.packed() + group.packed()[:64] + bytes(3) + group.packed()[67:]
    batch = suite.batch([group])
    batch["groups"][0]["sessions"] = doubled
    error = refusal(lambda: suite.send(batch))
    assert (error.name, error.args["index"]) == ("SessionsNotAscending", 1)


def test_other_terms_do_not_make_another_session_of_the_same_key(suite: Suite) -> None:
    suite.settle(suite.maker().session(BEGIN + HOUR))
    other = suite.maker(1, max_energy=50_000).session(BEGIN + HOUR)
    assert refusal(lambda: suite.settle(other)).name == "SessionAlreadySettled"


# What is wrong with one session: the contract and Python name it alike


def _check(suite: Suite, session: SignedSession) -> None:
    facts = suite.facts()
    facts.sync()
    terms = session.authorization.terms
    peering = facts.agreement_at(terms.creditor, terms.debtor, session.started_at)
    check(
        session,
        domain=suite.domain,
        now=suite.chain.now(),
        creditor=suite.creditor.address,
        point=facts.charge_point_at(terms.connector, session.started_at),
        agreement=peering[1] if peering else None,
        place=facts.place_at(terms.debtor, session.driver, session.started_at),
    )


def _late(suite: Suite) -> SignedSession:
    suite.chain.advance_to(BEGIN + 21 * DAY)
    return suite.maker().session(BEGIN + HOUR)


def _late_by_its_own_terms(suite: Suite) -> SignedSession:
    return suite.maker(submit_within=20 * HOUR).session(BEGIN + HOUR)


def _future(suite: Suite) -> SignedSession:
    return suite.maker().session(BEGIN + 2 * DAY)


def _of_another_chain(suite: Suite) -> SignedSession:
    domain = replace(suite.domain, chain_id=suite.chain.chain_id + 1)
    return suite.maker().session(BEGIN + HOUR, domain=domain)


def _of_another_contract(suite: Suite) -> SignedSession:
    domain = replace(suite.domain, verifying_contract=suite.token.address)
    return suite.maker().session(BEGIN + HOUR, domain=domain)


def _signed_by_another(suite: Suite) -> SignedSession:
    return suite.maker().session(BEGIN + HOUR, driver=suite.drivers[1])


def _higher_maximum_than_signed(suite: Suite) -> SignedSession:
    session = suite.maker().session(BEGIN + HOUR)
    authorization = replace(session.authorization, max_cost=session.authorization.max_cost + 1)
    record = replace(session.record, authorization=authorization.struct_hash())
    meter = suite.meter.sign(record, suite.domain).signature
    return SignedSession(session.driver, authorization, session.driver_signature, record, meter)


def _unknown_driver(suite: Suite) -> SignedSession:
    return replace(suite.maker(), driver=signer(999)).session(BEGIN + HOUR)


def _revoked_driver(suite: Suite) -> SignedSession:
    suite.contracts["DriverRoster"].transact(
        "revoke", suite.drivers[2].address, suite.chain.now() + 1, signer=suite.debtor
    )
    suite.chain.advance_to(suite.chain.now() + HOUR)
    return suite.maker(2).session(suite.chain.now() - 1800, seconds=600, energy_wh=2_000)


def _too_much_energy(suite: Suite) -> SignedSession:
    return suite.maker(max_energy=6_999).session(BEGIN + HOUR)


def _above_the_ceiling(suite: Suite) -> SignedSession:
    return suite.maker().session(BEGIN + HOUR, cost=4_200_001)


def _at_no_charge_point(suite: Suite) -> SignedSession:
    maker = suite.maker()
    return replace(maker, terms=replace(maker.terms, connector=b"\x99" * 32)).session(BEGIN + HOUR)


def _out_of_service(suite: Suite) -> SignedSession:
    point = suite.points[0]
    suite.contracts["ChargePointRegistry"].transact(
        "publish",
        point.connector,
        suite.chain.now() + 1,
        Status.OUT_OF_SERVICE,
        *[bytes(32)] * 3,
        signer=suite.operator,
    )
    suite.chain.advance_to(suite.chain.now() + HOUR)
    return suite.maker().session(suite.chain.now() - 1800, seconds=600, energy_wh=2_000)


def _before_the_agreement(suite: Suite) -> SignedSession:
    return suite.maker().session(suite.since - 1)


def _above_the_agreement(suite: Suite) -> SignedSession:
    return suite.maker(ceiling_per_kwh=600_001).session(BEGIN + HOUR)


def _for_another_creditor(suite: Suite) -> SignedSession:
    return suite.maker(creditor=suite.stranger.address).session(BEGIN + HOUR)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_late, "SessionTooLate"),
        (_late_by_its_own_terms, "SessionTooLate"),
        (_future, "SessionInFuture"),
        (_of_another_chain, "DriverSignatureInvalid"),
        (_of_another_contract, "DriverSignatureInvalid"),
        (_signed_by_another, "DriverSignatureInvalid"),
        (_higher_maximum_than_signed, "DriverSignatureInvalid"),
        (_revoked_driver, "DriverRevoked"),
        (_too_much_energy, "EnergyAboveLimit"),
        (_above_the_ceiling, "CostAboveCeiling"),
        (_at_no_charge_point, "ChargePointNotServed"),
        (_out_of_service, "ChargePointNotServed"),
        (_before_the_agreement, "AgreementNotInForce"),
        (_above_the_agreement, "CeilingAboveAgreement"),
        (_for_another_creditor, "CreditorMismatch"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_wrong_session_is_named_alike_on_chain_and_in_python(
    suite: Suite, make: Callable[[Suite], SignedSession], reason: str
) -> None:
    wrong = make(suite)
    with pytest.raises(errors.SessionRefusedError) as caught:
        _check(suite, wrong)
    assert caught.value.reason == reason
    good = suite.maker(0, point=1).session(
        wrong.started_at - 60 if reason == "SessionTooLate" else BEGIN + 60
    )
    if reason == "SessionTooLate":
        batch = suite.batch(suite.groups([wrong]))
        expected_index = 0
    else:
        batch = suite.batch(suite.groups([good]) + suite.groups([wrong]))
        expected_index = 1
    error = refusal(lambda: suite.send(batch))
    assert error.name == reason
    assert error.args.get("index", error.args.get("group")) == expected_index


def test_an_unknown_driver_is_refused(suite: Suite) -> None:
    wrong = _unknown_driver(suite)
    with pytest.raises(errors.DriverUnknownError):
        _check(suite, wrong)
    (group,) = suite.groups([wrong])
    batch = suite.batch([group])
    batch["groups"][0]["sessions"] = _with_driver(group.packed(), 2_047)
    error = refusal(lambda: suite.send(batch))
    assert error.name == "DriverUnknown"
    assert error.args == {"index": 0, "debtor": suite.debtor.address, "roster": 1, "driver": 2_047}
    # Claiming a listed driver's place does not help: the signature is still another key's.
    assert refusal(lambda: suite.send(suite.batch([group]))).name == "DriverSignatureInvalid"


def test_a_driver_of_no_roster_in_force_is_refused(suite: Suite) -> None:
    suite.contracts["DriverRoster"].transact(
        "publish", BEGIN + 60 * DAY, BEGIN + 90 * DAY, [suite.drivers[0].address], signer=suite.debtor
    )
    batch = suite.batch(suite.groups([suite.maker().session(BEGIN + HOUR)]), roster=2)
    batch["groups"][0]["sessions"] = _with_driver(batch["groups"][0]["sessions"], 0)
    error = refusal(lambda: suite.send(batch))
    assert (error.name, error.args["roster"]) == ("DriverNotInForce", 2)
    assert refusal(lambda: suite.send({**batch, "roster": 3})).name == "DriverUnknown"


def test_a_key_signs_until_its_revocation_and_the_past_stays_owed(suite: Suite) -> None:
    key, at = suite.drivers[2].address, suite.chain.now() + 3 * HOUR
    suite.contracts["DriverRoster"].transact("revoke", key, at, signer=suite.debtor)
    suite.chain.advance_to(at + HOUR)
    before = suite.maker(2).session(at - 1, seconds=60, energy_wh=300)
    after = suite.maker(2).session(at, seconds=60, energy_wh=300)
    suite.settle(before)
    assert refusal(lambda: suite.settle(after)).name == "DriverRevoked"


def test_a_malleated_signature_is_refused(suite: Suite) -> None:
    session = suite.maker().session(BEGIN + HOUR)
    (group,) = suite.groups([session])
    packed = group.packed()
    s = int.from_bytes(packed[32:64], "big")
    batch = suite.batch([group])
    batch["groups"][0]["sessions"] = packed[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + packed[64:]
    assert refusal(lambda: suite.send(batch)).name == "DriverSignatureInvalid"
    signature = session.driver_signature
    malleated = signature.r.to_bytes(32, "big") + (CURVE_ORDER - signature.s).to_bytes(32, "big")
    with pytest.raises(errors.MalleableSignatureError):
        type(signature).from_bytes(malleated + bytes([55 - signature.v]))


@pytest.mark.parametrize(
    "r_and_s", [bytes(64), b"\xff" * 64, bytes(32) + b"\x01" * 32], ids=["0", "max", "r=0"]
)
def test_a_signature_that_recovers_nobody_is_refused(suite: Suite, r_and_s: bytes) -> None:
    (group,) = suite.groups([suite.maker().session(BEGIN + HOUR)])
    batch = suite.batch([group])
    batch["groups"][0]["sessions"] = r_and_s + group.packed()[64:]
    error = refusal(lambda: suite.send(batch))
    assert (error.name, int(str(error.args["recovered"]), 16)) == ("DriverSignatureInvalid", 0)


@pytest.mark.parametrize(("at", "bit"), [(66, 1), (69, 1), (76, 1), (80, 1), (0, 128), (40, 2)])
def test_a_tampered_byte_of_start_driver_cost_slack_or_signature_is_refused(
    suite: Suite, at: int, bit: int
) -> None:
    (group,) = suite.groups([suite.maker().session(BEGIN + HOUR)])
    packed = bytearray(group.packed())
    packed[at] ^= bit
    batch = suite.batch([group])
    batch["groups"][0]["sessions"] = bytes(packed)
    assert refusal(lambda: suite.send(batch)).name == "DriverSignatureInvalid"


@pytest.mark.parametrize(
    "change",
    [
        {"debtor": signer(7).address},
        {"tariff": b"\x05" * 32},
        {"submit_within": 31 * DAY},
        {"export_allowed": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_tampered_terms_are_refused(suite: Suite, change: dict[str, Any]) -> None:
    (group,) = suite.groups([suite.maker().session(BEGIN + HOUR)])
    batch = suite.batch([group])
    batch["groups"][0]["terms"] = replace(group.terms, **change)
    error = refusal(lambda: suite.send(batch))
    assert error.name == ("DebtorMismatch" if "debtor" in change else "DriverSignatureInvalid")


# Who may do what


def test_nobody_but_the_creditor_settles(suite: Suite) -> None:
    batch = suite.batch(suite.groups([suite.maker().session(BEGIN + HOUR)]))
    for stranger in (suite.debtor, suite.stranger, suite.governor):
        error = refusal(lambda stranger=stranger: suite.send({**batch, "agreement": 0}, stranger))
        assert error.name in ("CreditorMismatch", "AgreementUnknown", "DebtorMismatch")
    suite.send(batch)


def test_batches_that_are_none_are_refused(suite: Suite) -> None:
    (group,) = suite.groups([suite.maker().session(BEGIN + HOUR)])
    assert refusal(lambda: suite.send(suite.batch([]))).name == "BatchEmpty"
    for sessions, name in ((b"", "GroupEmpty"), (bytes(SESSION_BYTES - 1), "GroupMalformed")):
        batch = suite.batch([group])
        batch["groups"][0]["sessions"] = sessions
        assert refusal(lambda batch=batch: suite.send(batch)).name == name
    batch = suite.batch([group])
    batch["groups"][0]["epoch"] = 599
    assert refusal(lambda: suite.send(batch)).name == "SessionTooLate"
    batch["groups"][0]["epoch"] = 600
    batch["groups"][0]["sessions"] = group.packed()[:64] + (EPOCH).to_bytes(3, "big") + group.packed()[67:]
    assert refusal(lambda: suite.send(batch)).name == "SessionOutOfEpoch"


def test_an_agreement_must_exist_and_be_in_force(suite: Suite) -> None:
    batch = suite.batch(suite.groups([suite.maker().session(BEGIN + HOUR)]))
    for version in (0, 2):
        assert (
            refusal(lambda version=version: suite.send({**batch, "agreement": version})).name
            == "AgreementUnknown"
        )
    agree(suite, agreement_of(suite, version=2, valid_from=suite.chain.now() + HOUR))
    assert refusal(lambda: suite.send({**batch, "agreement": 2})).name == "AgreementNotInForce"
    suite.send(batch)


def test_a_credit_line_holds(suite: Suite) -> None:
    maker = suite.maker(max_energy=2_000_000)
    per_session = 250_000_000
    sessions = [
        maker.session(BEGIN + n * HOUR, energy_wh=1_000_000, cost=per_session, max_cost=300_000_000)
        for n in range(3)
    ]
    suite.settle(*sessions[:2])
    error = refusal(lambda: suite.settle(sessions[2]))
    owed = 3 * (per_session - per_session * FEE_BPS // 10_000)
    assert error.name == "CreditLineExceeded"
    assert error.args == {
        "debtor": suite.debtor.address, "creditor": suite.creditor.address, "owed": owed, "creditLine": CREDIT_LINE,
    }  # fmt: skip
    Positions(suite.contracts, suite.debtor).settle(suite.creditor.address)
    suite.settle(sessions[2])


# Settlement of a pair


@pytest.mark.parametrize("by", ["creditor", "debtor"])
def test_a_position_is_paid_once_whoever_asks(suite: Suite, by: str) -> None:
    suite.settle(suite.maker().session(BEGIN + HOUR))
    owed = suite.position()
    who, peer = (suite.creditor, suite.debtor) if by == "creditor" else (suite.debtor, suite.creditor)
    receipt = suite.settlement.transact("settlePair", peer.address, suite.token.address, signer=who)
    (event,) = suite.settlement.events_in(receipt, "PairSettled")
    assert event.args == {
        "payer": suite.debtor.address, "payee": suite.creditor.address, "currency": suite.token.address, "amount": owed,
    }  # fmt: skip
    assert suite.position() == 0
    assert suite.token.call("balanceOf", suite.creditor.address) == DEPOSIT + owed
    assert suite.token.call("balanceOf", suite.debtor.address) == DEPOSIT - owed
    error = refusal(
        lambda: suite.settlement.transact("settlePair", peer.address, suite.token.address, signer=who)
    )
    assert error.name == "NothingToSettle"


def test_a_pause_does_not_stop_what_is_final(suite: Suite) -> None:
    suite.settle(suite.maker().session(BEGIN + HOUR))
    suite.token.transact("pause", signer=suite.governor)
    suite.settle(suite.maker().session(BEGIN + 2 * HOUR))
    Positions(suite.contracts, suite.creditor).settle(suite.debtor.address)
    assert suite.position() == 0


def test_an_unfunded_debtor_keeps_owing(suite: Suite) -> None:
    suite.settle(suite.maker().session(BEGIN + HOUR))
    Positions(suite.contracts, suite.debtor).allow(0)
    owed = suite.position()
    error = refusal(lambda: Positions(suite.contracts, suite.creditor).settle(suite.debtor.address))
    assert error.name == "ERC20InsufficientAllowance"
    assert suite.position() == owed > 0


def test_a_stranger_has_nothing_to_settle(suite: Suite) -> None:
    suite.settle(suite.maker().session(BEGIN + HOUR))
    error = refusal(
        lambda: suite.settlement.transact(
            "settlePair", suite.debtor.address, suite.token.address, signer=suite.stranger
        )
    )
    assert error.name == "NothingToSettle"


# What the chain computes as Python does


def test_digest_ceiling_and_price_are_those_of_python(suite: Suite) -> None:
    terms = suite.maker(ceiling_per_hour=4_999_999, ceiling_flat=7, max_duration=12_345).terms
    authorization = ChargingAuthorization(terms, BEGIN, 77)
    assert suite.settlement.call("authorizationDigest", terms, BEGIN, 77) == authorization.digest(
        suite.domain
    )
    for energy in (0, 1, 7_777, 99_999):
        assert suite.settlement.call("ceilingOf", terms, energy) == ceiling(terms, energy)
    rates = Rates(350_001, 2_000_001, 999_999, 17, 100, 300, 60, Rounding.HALF_UP)
    usage = Usage(7_777, 7_103, 59)
    assert suite.settlement.call("priceOf", rates, usage) == price(rates, usage)


def test_a_settled_session_is_found_by_its_key(suite: Suite) -> None:
    session = suite.maker().session(BEGIN + HOUR)
    receipt = suite.settle(session)
    facts = suite.facts()
    facts.sync()
    assert session.key in facts.settled
    assert SessionKey(session.key.connector, BEGIN) not in facts.settled
    assert facts.settlement_of(session.key).transaction_hash == receipt.transaction_hash


def _witness(*sessions: SignedSession) -> bytes:
    return b"".join(session.started_at.to_bytes(4, "big") for session in sessions)


def _with_driver(packed: bytes, driver: int) -> bytes:
    return packed[:67] + driver.to_bytes(3, "big") + packed[70:]
