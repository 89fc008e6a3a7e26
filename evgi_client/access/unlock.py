"""The host's side of the unlock handshake: judge a request, open a session, serve it, end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from evgi_client.access.accessor import new_nonce
from evgi_client.access.channel import Channel, EndReason, Side, agree, public_key, transcript
from evgi_client.access.judging import Judge, UnlockLimits
from evgi_client.access.packets import (
    ALL_RIGHTS,
    ANYTHING,
    RejectionReason,
    read_request,
    sign_packet,
)
from evgi_client.access.sessions import HostSession, Sessions
from evgi_client.errors import (
    AccessRightError,
    AccessSessionEndedError,
    EphemeralKeyError,
    NoncesFullError,
    SessionTurnError,
    UnlockSignerError,
)
from evgi_client.messages.access import Right, UnlockAcceptance, UnlockRejection, UnlockRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from evgi_client.access.judging import Decided
    from evgi_client.access.packets import ActsFor, UnlockPacket
    from evgi_client.access.replay import NonceStore
    from evgi_client.messages import Domain
    from evgi_client.signing import IsValidSignature, Signer


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that was accepted."""

    packet: bytes
    """What is sent to the accessor."""
    session: HostSession


@dataclass(frozen=True, slots=True)
class Rejected:
    """A request that was rejected."""

    packet: bytes
    """What is sent to the accessor."""
    reason: RejectionReason
    retry_after: int
    """Seconds; 0 where asking again is of no use."""


class _RejectionError(Exception):
    """Leads to a rejection, inside this module."""

    def __init__(self, reason: RejectionReason, retry_after: int = 0) -> None:
        super().__init__(reason.name)
        self.reason, self.retry_after = reason, retry_after


def _no_count(_resource: bytes, _accessor: str, _rights: Right, _certificate: bytes) -> bool:
    return True


class HostUnlock:
    """A data host's handshake and sessions. Time is an argument; the chain is asked through the functions given, and
    what they raise (``ChainError``) passes through. May be used by several threads.

    Args:
        host: the host's identity.
        signer: an account that acts for it.
        domain: EIP-712 domain of ``AccessRegistry``.
        check, purpose_of: see ``Judge``.
        acts_for: whether an account acts for an identity, now.
        nonces: the accepted requests.
        is_valid_signature: asks the chain, where an accessor's account is a contract (EIP-1271).
        spend: counts a use of what gives an accessor rights on a resource: (resource, accessor, rights, certificate),
            once an acceptance and certificate. False where it was used up.
        new_id: where 32 fresh bytes come from, for the id of a session.
        new_key: where a fresh X25519 key comes from.
    """

    def __init__(
        self,
        host: str,
        signer: Signer,
        domain: Domain,
        *,
        check: Callable[[bytes, str, Right, int], Decided],
        purpose_of: Callable[[bytes], bytes],
        acts_for: ActsFor,
        nonces: NonceStore,
        is_valid_signature: IsValidSignature | None = None,
        spend: Callable[[bytes, str, Right, bytes], bool] = _no_count,
        limits: UnlockLimits | None = None,
        new_id: Callable[[], bytes] = new_nonce,
        new_key: Callable[[], X25519PrivateKey] = X25519PrivateKey.generate,
    ) -> None:
        self._host = host
        self._signer = signer
        self._domain = domain
        self._judge = Judge(check, purpose_of)
        self._acts_for = acts_for
        self._nonces = nonces
        self._is_valid_signature = is_valid_signature
        self._spend = spend
        self._limits = limits or UnlockLimits()
        self._sessions = Sessions(self._limits.sessions, self._limits.sessions_per_accessor)
        self._new_id = new_id
        self._new_key = new_key

    def answer(self, packet: bytes, now: int) -> Accepted | Rejected:
        """Answers a request.

        Raises:
            PacketError: no request can be read: there is nothing that an answer could be bound to.
        """
        signed = read_request(packet)
        try:
            return self._accept(signed, now)
        except _RejectionError as rejection:
            message = UnlockRejection(
                request=signed.message.struct_hash(),
                host=self._host,
                reason=rejection.reason,
                rejected_at=now,
                retry_after=rejection.retry_after,
            )
        answer = sign_packet(message, self._signer, self._domain)
        return Rejected(answer.to_bytes(), RejectionReason(message.reason), message.retry_after)

    def serve(
        self,
        session: bytes,
        packet: bytes,
        now: int,
        handler: Callable[[HostSession, bytes], bytes],
    ) -> bytes:
        """Opens a packet of a session, has it handled, and seals the answer.

        Args:
            session: its id.
            handler: makes the answer of the question. What it raises ends the session, and passes through.

        Raises:
            AccessSessionError: no such session, or no longer.
            SessionTurnError: the packet before is still being answered.
            PacketError: not the packet that may come now. The session goes on.
        """
        found = self._sessions.get(session, now)
        if not found.lock.acquire(blocking=False):
            raise SessionTurnError(session, found.channel.counter)
        try:
            question = found.channel.open(packet, now)
            try:
                answer = handler(found, question.plaintext)
                return found.channel.seal(answer, now, last=found.finished)
            except BaseException:
                # The first reason stays: of one that lost its access it is that.
                found.channel.end(EndReason.HOST_FAILED)
                raise
        finally:
            found.lock.release()

    def require(self, session: HostSession, right: Right, now: int) -> None:
        """Returns where the session's accessor may still do this, by what the chain says now.

        Raises:
            AccessRightError: the session does not have the right.
            AccessSessionEndedError: the accessor, or the account that acts for it, has lost it: the session is over.
        """
        if right not in session.rights:
            raise AccessRightError(session.id, right, session.rights)
        lost = not self._acts_for(session.accessor, session.account)
        if lost or isinstance(
            self._judge.ground(session.request, right, now, session.certificates), RejectionReason
        ):
            session.channel.end(EndReason.ACCESS_LOST)
            raise AccessSessionEndedError(session.id, EndReason.ACCESS_LOST)

    def session(self, session: bytes, now: int) -> HostSession:
        """A live session.

        Raises:
            AccessSessionUnknownError, AccessSessionExpiredError, AccessSessionEndedError: there is none.
        """
        return self._sessions.get(session, now)

    def live(self, now: int) -> list[HostSession]:
        """The live sessions, oldest first."""
        return self._sessions.live(now)

    def end(self, session: bytes, now: int, reason: EndReason = EndReason.HOST_CLOSED) -> None:
        """Ends a live session. Raises as ``session``."""
        self._sessions.get(session, now).channel.end(reason)

    def _accept(self, signed: UnlockPacket[UnlockRequest], now: int) -> Accepted:
        request = signed.message
        self._check_form(request, now)
        try:
            signed.verify(request.accessor, self._domain, self._acts_for, self._is_valid_signature)
        except UnlockSignerError as error:
            raise _RejectionError(RejectionReason.SIGNATURE) from error
        key = self._new_key()
        try:
            secret = agree(key, request.ephemeral_key)
        except EphemeralKeyError as error:
            raise _RejectionError(RejectionReason.EPHEMERAL_KEY) from error
        room_at = self._sessions.room_at(request.accessor, now)
        if room_at is not None:
            raise _RejectionError(RejectionReason.BUSY, room_at - now)
        grounds = self._judge.grounds(request, now)
        if isinstance(grounds, RejectionReason):
            raise _RejectionError(grounds)
        self._claim(request, now)
        for ground, rights in grounds.items():
            if ground != ANYTHING and not self._spend(request.resource, request.accessor, rights, ground):
                raise _RejectionError(RejectionReason.USED_UP)
        message = UnlockAcceptance(
            request=request.struct_hash(),
            host=self._host,
            session=self._new_id(),
            rights=sum(grounds.values()),
            ephemeral_key=public_key(key),
            accepted_at=now,
            expires_at=now + self._limits.session_seconds,
        )
        channel = Channel(
            Side.HOST, secret, transcript(request, message, self._domain), message.session, message.expires_at
        )
        session = HostSession(request, message, signed.account, frozenset(grounds) - {ANYTHING}, channel)
        answer = sign_packet(message, self._signer, self._domain).to_bytes()
        if not self._sessions.add(session, now):
            raise _RejectionError(RejectionReason.BUSY, 1)
        return Accepted(answer, session)

    def _check_form(self, request: UnlockRequest, now: int) -> None:
        limits = self._limits
        if request.host != self._host:
            raise _RejectionError(RejectionReason.WRONG_HOST)
        if request.requested_at > now + limits.skew:
            raise _RejectionError(RejectionReason.CLOCK)
        if now >= request.expires_at:
            raise _RejectionError(RejectionReason.EXPIRED)
        if not request.requested_at < request.expires_at <= request.requested_at + limits.request_seconds:
            raise _RejectionError(RejectionReason.WINDOW)
        if request.requested_at < self._nonces.since:
            raise _RejectionError(RejectionReason.FORGOTTEN, max(1, self._nonces.since - now))
        if not request.rights or request.rights & ~ALL_RIGHTS:
            raise _RejectionError(RejectionReason.RIGHTS)

    def _claim(self, request: UnlockRequest, now: int) -> None:
        try:
            fresh = self._nonces.claim(request.accessor, request.nonce, request.expires_at, now)
        except NoncesFullError as error:
            raise _RejectionError(RejectionReason.BUSY, max(1, error.until - now)) from error
        if not fresh:
            raise _RejectionError(RejectionReason.REPLAYED)
