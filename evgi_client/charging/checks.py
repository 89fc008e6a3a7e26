"""What makes a signed session clearable: the contract's rules, and those only a meter's record can be held to. Pure.

``check`` raises the error whose ``reason`` is the name of the contract's custom error for the same fault, so that a
charge point, a utility and the chain give one answer. Each session is judged by what was true when it started.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client import errors
from evgi_client.errors import InvalidSignatureError
from evgi_client.signing import recover
from evgi_client.tariffs import ceiling
from evgi_client.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from evgi_client.charging.directory import ChargePoint
    from evgi_client.charging.session import SignedSession
    from evgi_client.messages import Domain, PeeringAgreement
    from evgi_client.signing import Signature

ENERGY_LIMIT_WH = (1 << 24) - 1
COST_LIMIT = (1 << 32) - 1
"""The most that a session's packed fields hold: 16.7 MWh, and 4,294.967295 for cost and for slack."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The peering agreement that applied at a session's start, and until when it applies (exclusive)."""

    terms: PeeringAgreement
    valid_until: int


@dataclass(frozen=True, slots=True)
class DriverPlace:
    """Where a driver's key stands in its utility's roster at a session's start.

    ``revoked_from`` is 0 where the key is not revoked.
    """

    roster: int
    driver: int
    revoked_from: int


def check(
    session: SignedSession,
    *,
    domain: Domain,
    now: int,
    creditor: str,
    point: ChargePoint | None,
    agreement: Agreement | None,
    place: DriverPlace | None,
) -> None:
    """Raises the ``SessionRefusedError`` that names the first thing wrong with a session, if anything is.

    Args:
        domain: EIP-712 domain of the ``SessionSettlement`` contract.
        now: the chain's time, Unix seconds.
        creditor: the utility that submits.
        point: the connector at the session's start, None where it is not listed.
        agreement: between creditor and debtor at the session's start; None where there is none. Not looked at
            where the creditor bills its own driver.
        place: the driver's place in the roster in force at the session's start, None where it has none.
    """
    terms = session.authorization.terms
    if terms.creditor != creditor:
        raise errors.CreditorMismatchError(creditor=terms.creditor, caller=creditor)
    _check_time(session, now, agreement)
    if terms.debtor != creditor:
        _check_agreement(session, agreement)
    _check_served(session, point)
    _check_limits(session, point)
    _check_driver(session, domain, place)
    _check_meter(session, domain, point)


def _check_served(session: SignedSession, point: ChargePoint | None) -> None:
    terms = session.authorization.terms
    if point is None or not point.in_service or point.creditor != terms.creditor:
        serving = point.creditor if point else None
        raise errors.ChargePointNotServedError(
            connector=_hex(terms.connector), startedAt=session.started_at, creditor=serving
        )


def _check_time(session: SignedSession, now: int, agreement: Agreement | None) -> None:
    within = session.authorization.terms.submit_within
    if agreement is not None:
        within = min(within, agreement.terms.submit_within)
    if now > session.started_at + within:
        raise errors.SessionTooLateError(
            startedAt=session.started_at, deadline=session.started_at + within, time=now
        )
    # After the deadline: whatever its end, no session waits longer than that.
    if session.started_at > now or session.record.ended_at > now:
        raise errors.SessionInFutureError(
            startedAt=session.started_at, endedAt=session.record.ended_at, time=now
        )


def _check_agreement(session: SignedSession, agreement: Agreement | None) -> None:
    terms = session.authorization.terms
    if agreement is None or not agreement.terms.valid_from <= session.started_at < agreement.valid_until:
        raise errors.AgreementNotInForceError(
            creditor=terms.creditor, debtor=terms.debtor, startedAt=session.started_at
        )
    for asked, agreed in (
        (terms.ceiling_per_kwh, agreement.terms.ceiling_per_kwh),
        (terms.ceiling_per_hour, agreement.terms.ceiling_per_hour),
        (terms.ceiling_flat, agreement.terms.ceiling_flat),
    ):
        if asked > agreed:
            raise errors.CeilingAboveAgreementError(ceiling=asked, agreed=agreed)


def _check_limits(session: SignedSession, point: ChargePoint | None) -> None:
    authorization, record = session.authorization, session.record
    seconds = record.ended_at - record.started_at
    if seconds > authorization.terms.max_duration:
        raise errors.DurationAboveLimitError(seconds=seconds, limit=authorization.terms.max_duration)
    if session.energy_wh > authorization.terms.max_energy:
        raise errors.EnergyAboveLimitError(energyWh=session.energy_wh, limit=authorization.terms.max_energy)
    if point is not None:
        # A minute's grace: meters and clocks of real charge points round to it.
        possible = point.rated_power_w * (seconds + 60) // SECONDS_PER_HOUR
        if session.energy_wh > possible:
            raise errors.EnergyAboveRatingError(energyWh=session.energy_wh, limit=possible)
    if session.cost > authorization.max_cost:
        raise errors.CostAboveMaximumError(cost=session.cost, maxCost=authorization.max_cost)
    highest = ceiling(authorization.terms, session.energy_wh)
    if session.cost > highest:
        raise errors.CostAboveCeilingError(cost=session.cost, ceiling=highest)
    if (
        session.energy_wh > ENERGY_LIMIT_WH
        or max(session.cost, authorization.max_cost - session.cost) > COST_LIMIT
    ):
        raise errors.UnpackableError(
            energyWh=session.energy_wh, cost=session.cost, maxCost=authorization.max_cost
        )


def _check_driver(session: SignedSession, domain: Domain, place: DriverPlace | None) -> None:
    authorization = session.authorization
    if place is None:
        raise errors.DriverUnknownError(
            debtor=authorization.terms.debtor, key=session.driver, startedAt=session.started_at
        )
    if place.revoked_from and session.started_at >= place.revoked_from:
        raise errors.DriverRevokedError(key=session.driver, startedAt=session.started_at)
    recovered = _signer(authorization.digest(domain), session.driver_signature)
    if recovered != session.driver:
        raise errors.DriverSignatureInvalidError(expected=session.driver, recovered=recovered)


def _check_meter(session: SignedSession, domain: Domain, point: ChargePoint | None) -> None:
    recovered = _signer(session.record.digest(domain), session.meter_signature)
    if point is None or recovered != point.meter_key:
        raise errors.MeterSignatureInvalidError(
            expected=point.meter_key if point else None, recovered=recovered
        )


def _signer(digest: bytes, signature: Signature) -> str | None:
    """Whose signature it is; None where no key can have made it."""
    try:
        return recover(digest, signature)
    except InvalidSignatureError:
        return None


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
