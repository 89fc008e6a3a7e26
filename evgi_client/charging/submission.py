"""From the queue to the chain: batches of signed sessions, submitted so that each is settled once whatever happens.

Safe to run again at any time. What is settled is read from the chain's events, never remembered; a transaction is
written down before it is sent; and the contract refuses a session it has settled. So a crash between any two
instructions costs at most a transaction that settles nothing.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.chain import ContractHandle, PreparedTransaction
from evgi_client.charging.batches import Group, PlacedSession, groups_of, session_at
from evgi_client.charging.checks import check
from evgi_client.charging.queue import OfflineQueue, Status, StoredTransaction
from evgi_client.charging.session import SignedSession
from evgi_client.charging.start_log import witness_of
from evgi_client.errors import (
    ContractError,
    NonceTakenError,
    RpcError,
    SessionAlreadySettledError,
    SessionInFutureError,
    SessionRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from evgi_client.chain import Receipt
    from evgi_client.charging.facts import Facts
    from evgi_client.messages import Domain, SessionKey
    from evgi_client.signing import Signer

BATCH_SIZE = 500
"""Sessions a transaction, where their connectors are few: see ``CALLDATA_BYTES``."""

CALLDATA_BYTES = 120_000
"""Most that the groups of a transaction weigh: nodes refuse it above 128 KB. Some 1,450 sessions of one connector, but
only 170 where each is of another."""

_STALE = {"SessionAlreadySettled", "SessionOutOfOrder", "StartLogMismatch"}
_LOOKS = 5
_PASSING = {"SessionInFuture"}


@dataclass(frozen=True, slots=True)
class SubmissionResult:
    """What became of one session.

    ``status`` is SETTLED, QUARANTINED with the ``reason`` why it can never be settled, or QUEUED with the reason why
    it could not be now (a credit line used up, for one).
    """

    session: SessionKey
    status: Status
    reason: str | None = None
    transaction_hash: str | None = None
    gas_used: int = 0


@dataclass(frozen=True, slots=True)
class _Pair:
    debtor: str
    roster: int
    agreement: int


class Submission:
    """A creditor utility's way of clearing what is in a queue.

    Args:
        queue: sessions of any creditor; only the signer's own are taken.
        contracts: handles of the suite by name.
        domain: EIP-712 domain of ``SessionSettlement``.
        signer: the creditor utility.
        facts: kept between runs, so that only new blocks are read.
    """

    def __init__(
        self,
        queue: OfflineQueue,
        contracts: Mapping[str, ContractHandle],
        domain: Domain,
        signer: Signer,
        facts: Facts,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._queue = queue
        self._settlement = contracts["SessionSettlement"]
        self._chain = self._settlement.chain
        self._domain = domain
        self._signer = signer
        self._facts = facts
        self._batch_size = batch_size

    def run(self) -> Iterator[SubmissionResult]:
        """Settles everything that can be settled now; yields what became of each session."""
        self._finish_interrupted()
        self._facts.sync()
        batches: dict[_Pair, list[PlacedSession]] = defaultdict(list)
        now = self._chain.now()
        for queued in self._queue.sessions(Status.QUEUED, self._signer.address):
            session = queued.session
            if session.key in self._facts.settled:
                yield self._found_settled(session)
                continue
            terms = session.authorization.terms
            place = self._facts.place_at(terms.debtor, session.driver, session.started_at)
            point = self._facts.charge_point_at(terms.connector, session.started_at)
            peering = self._facts.agreement_at(terms.creditor, terms.debtor, session.started_at)
            version, agreement = peering or (0, None)
            try:
                check(
                    session,
                    domain=self._domain,
                    now=now,
                    creditor=self._signer.address,
                    point=point,
                    agreement=agreement,
                    place=place,
                )
            except SessionInFutureError as error:
                yield SubmissionResult(session.key, Status.QUEUED, str(error))
                continue
            except SessionRefusedError as error:
                yield self._quarantine(session.key, str(error))
                continue
            assert place is not None  # check refuses a driver without one
            batches[_Pair(terms.debtor, place.roster, version)].append(PlacedSession(session, place.driver))
        for pair, placed in batches.items():
            for first in range(0, len(placed), self._batch_size):
                yield from self._settle(pair, placed[first : first + self._batch_size])

    def _settle(self, pair: _Pair, placed: list[PlacedSession]) -> Iterator[SubmissionResult]:
        """Submits one batch, without those sessions that the chain refuses or the credit line has no room for, and in
        parts where it is too large for a transaction."""
        if len(placed) > 1 and sum(group.calldata_bytes for group in self._groups(placed)) > CALLDATA_BYTES:
            middle = len(placed) // 2
            yield from self._settle(pair, placed[:middle])
            yield from self._settle(pair, placed[middle:])
            return
        looked_again = 0
        while placed:
            groups = self._groups(placed)
            try:
                yield from self._send(pair, groups, placed)
                return
            except (ContractError, NonceTakenError) as caught:
                error = caught
            refused = _refused(error, groups)
            if _is_stale(error) and looked_again < _LOOKS:
                # Somebody, perhaps this very queue before a crash, was faster.
                looked_again += 1
                self._facts.sync()
                found = [one.session for one in placed if one.session.key in self._facts.settled]
                for session in found:
                    yield self._found_settled(session)
                gone = {session.key for session in found}
            elif refused:
                gone = refused
                for key in gone:
                    yield self._quarantine(key, _said(error))
            else:
                # Not one session's fault (credit line, clock): they wait, and nothing is lost.
                gone = _waiting(error, placed)
                for key in gone:
                    yield SubmissionResult(key, Status.QUEUED, _said(error))
            placed = [one for one in placed if one.session.key not in gone]

    def _groups(self, placed: Iterable[PlacedSession]) -> list[Group]:
        """Groups with the witnesses they need, each counting those before it in the batch as settled."""
        groups = []
        starts: dict[tuple[bytes, int], list[int]] = {}
        for terms, epoch, sessions in groups_of(placed):
            key = (terms.connector, epoch)
            known = starts.setdefault(key, list(self._facts.settled.starts(*key)))
            groups.append(Group(terms, epoch, sessions, witness_of(known, sessions[0].session.started_at)))
            known.extend(one.session.started_at for one in sessions)
            known.sort()
        return groups

    def _send(
        self, pair: _Pair, groups: list[Group], placed: list[PlacedSession]
    ) -> Iterator[SubmissionResult]:
        batch = {
            "debtor": pair.debtor,
            "agreement": pair.agreement,
            "roster": pair.roster,
            "groups": [
                {
                    "terms": group.terms,
                    "epoch": group.epoch,
                    "sessions": group.packed(),
                    "settled": group.settled,
                }
                for group in groups
            ],
        }
        prepared = self._settlement.prepare("settle", batch, signer=self._signer, gas=self._chain.spare_gas())
        stored = StoredTransaction(prepared.hash, prepared.sender, prepared.nonce, prepared.raw)
        keys = [one.session.key for one in placed]
        try:
            self._queue.mark_submitted(stored, keys)
        except BaseException:
            self._chain.discard(prepared)
            raise
        receipt = self._land(prepared)
        self._queue.mark_settled(keys, prepared.hash)
        self._facts.sync()
        for key in keys:
            yield SubmissionResult(key, Status.SETTLED, None, prepared.hash, receipt.gas_used // len(keys))

    def _land(self, prepared: PreparedTransaction) -> Receipt:
        """Sends what is written down and waits for it. Its sessions are queued again where it cannot land any more.
        Where that cannot be told they stay with it, and the next run finishes it: a second one would cost its gas."""
        try:
            self._chain.broadcast(prepared)
        except (NonceTakenError, RpcError):
            self._queue.requeue(prepared.hash)
            raise
        try:
            return self._settlement.wait(prepared.hash)
        except ContractError:
            self._queue.requeue(prepared.hash)
            raise

    def _finish_interrupted(self) -> None:
        """Sends again what an earlier run had written down and waits until it landed or cannot. Its sessions are queued
        again; those that it settled are found among the chain's events."""
        for stored in self._queue.unfinished(self._signer.address):
            prepared = PreparedTransaction(stored.raw, stored.hash, stored.nonce, stored.sender)
            with suppress(ContractError, NonceTakenError, RpcError):
                self._land(prepared)
                self._queue.requeue(prepared.hash)

    def _found_settled(self, session: SignedSession) -> SubmissionResult:
        """The chain has settled this key: this very session, or another one, which this one can then never be."""
        settlement = self._facts.settlement_of(session.key)
        if not settlement.is_of(session):
            error = SessionAlreadySettledError(
                startedAt=session.started_at, transaction=settlement.transaction_hash
            )
            return self._quarantine(session.key, str(error))
        self._queue.mark_settled([session.key], settlement.transaction_hash)
        return SubmissionResult(session.key, Status.SETTLED, None, settlement.transaction_hash)

    def _quarantine(self, key: SessionKey, reason: str) -> SubmissionResult:
        self._queue.mark_quarantined(key, reason)
        return SubmissionResult(key, Status.QUARANTINED, reason)


def _is_stale(error: ContractError | NonceTakenError) -> bool:
    return isinstance(error, NonceTakenError) or error.name in _STALE


def _refused(error: ContractError | NonceTakenError, groups: list[Group]) -> set[SessionKey]:
    """The sessions that an error blames; none where waiting or looking again may help."""
    if isinstance(error, NonceTakenError) or error.name in _STALE | _PASSING:
        return set()
    if "index" in error.args:
        return {session_at(groups, int(str(error.args["index"]))).session.key}
    if "group" in error.args:
        return {one.session.key for one in groups[int(str(error.args["group"]))].sessions}
    return set()


def _waiting(error: ContractError | NonceTakenError, placed: list[PlacedSession]) -> set[SessionKey]:
    """The sessions that wait: the last ones, where what they cost is what the credit line lacks; else all."""
    if isinstance(error, NonceTakenError) or error.name != "CreditLineExceeded":
        return {one.session.key for one in placed}
    excess = int(str(error.args["owed"])) - int(str(error.args["creditLine"]))
    first = len(placed)
    while first and excess > 0:
        first -= 1
        excess -= placed[first].session.cost
    return {one.session.key for one in placed[first:]}


def _said(error: ContractError | NonceTakenError) -> str:
    """The reason as ``check`` would give it: the contract's word for it comes first."""
    return str(error).removeprefix("SessionSettlement: ")
