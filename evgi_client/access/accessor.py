"""The accessor's side of the unlock handshake: ask, take the answer, talk."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NoReturn

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from evgi_client.access.channel import Channel, EndReason, Opened, Side, agree, public_key, transcript
from evgi_client.access.packets import (
    ALL_RIGHTS,
    ANYTHING,
    CLOCK_SKEW,
    MAX_REQUEST_SECONDS,
    MAX_SESSION_SECONDS,
    RejectionReason,
    read_answer,
    sign_packet,
)
from evgi_client.errors import (
    FieldValueError,
    UnlockAnsweredError,
    UnlockAnswerError,
    UnlockRejectedError,
)
from evgi_client.messages.access import Right, UnlockAcceptance, UnlockRejection, UnlockRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from evgi_client.access.packets import ActsFor
    from evgi_client.messages import Domain
    from evgi_client.signing import IsValidSignature, Signer


def new_nonce() -> bytes:
    """32 random bytes, from the operating system's source."""
    return secrets.token_bytes(32)


class Accessor:
    """Who asks hosts to unlock. Pure: time is an argument, and the chain is asked through the functions given.

    Args:
        identity: whom the accessor is.
        signer: an account that acts for it.
        domain: EIP-712 domain of ``AccessRegistry``.
        acts_for: whether an account acts for the host's identity, now.
        is_valid_signature: asks the chain, where the host's account is a contract (EIP-1271).
        skew: seconds that the host's clock may differ.
        nonces: where 32 fresh bytes come from.
        keys: where a fresh X25519 key comes from.
    """

    def __init__(
        self,
        identity: str,
        signer: Signer,
        domain: Domain,
        *,
        acts_for: ActsFor,
        is_valid_signature: IsValidSignature | None = None,
        skew: int = CLOCK_SKEW,
        nonces: Callable[[], bytes] = new_nonce,
        keys: Callable[[], X25519PrivateKey] = X25519PrivateKey.generate,
    ) -> None:
        self._identity = identity
        self._signer = signer
        self._domain = domain
        self._acts_for = acts_for
        self._is_valid_signature = is_valid_signature
        self._skew = skew
        self._nonces = nonces
        self._keys = keys

    def request(
        self,
        host: str,
        resource: bytes,
        rights: Right,
        now: int,
        *,
        purpose: bytes = ANYTHING,
        certificate: bytes = ANYTHING,
        lifetime: int = 60,
    ) -> UnlockAttempt:
        """A signed request, and what is needed to take its answer.

        Args:
            certificate: struct hash of the access certificate that the rights must rest on; zero for any.
            lifetime: seconds that the answer is waited for.

        Raises:
            FieldValueError: no right is asked for, or one that there is not; a lifetime that no host accepts.
        """
        if not rights or int(rights) & ~ALL_RIGHTS:
            raise FieldValueError(UnlockRequest.TYPE, "rights", rights, "some of READ, WRITE, CONTROL")
        if not 0 < lifetime <= MAX_REQUEST_SECONDS:
            raise FieldValueError(
                UnlockRequest.TYPE, "expiresAt", now + lifetime, f"1 to {MAX_REQUEST_SECONDS} s from {now}"
            )
        key = self._keys()
        request = UnlockRequest(
            accessor=self._identity,
            host=host,
            resource=resource,
            rights=int(rights),
            purpose=purpose,
            certificate=certificate,
            ephemeral_key=public_key(key),
            nonce=self._nonces(),
            requested_at=now,
            expires_at=now + lifetime,
        )
        packet = sign_packet(request, self._signer, self._domain).to_bytes()
        return UnlockAttempt(
            request, packet, key, self._domain, self._acts_for, self._is_valid_signature, self._skew
        )


class UnlockAttempt:
    """A request that waits for its answer. Answers that are refused leave it waiting: an outsider who sends one ends
    nothing."""

    __slots__ = ("_acts_for", "_domain", "_is_valid_signature", "_key", "_skew", "packet", "request")

    request: UnlockRequest
    packet: bytes
    """What is sent to the host."""

    def __init__(
        self,
        request: UnlockRequest,
        packet: bytes,
        key: X25519PrivateKey,
        domain: Domain,
        acts_for: ActsFor,
        is_valid_signature: IsValidSignature | None,
        skew: int,
    ) -> None:
        self.request = request
        self.packet = packet
        self._key: X25519PrivateKey | None = key
        self._domain = domain
        self._acts_for = acts_for
        self._is_valid_signature = is_valid_signature
        self._skew = skew

    def take(self, packet: bytes, now: int) -> UnlockedSession:
        """Takes the host's answer.

        Raises:
            UnlockRejectedError: the host said no.
            PacketError: no answer, or one of another version of the protocol.
            UnlockAnswerError: an answer to another request, of another host, with rights that were not asked for, a
                time that cannot be, or a key that is not the host's own.
            UnlockSignerError: it is not signed by an account that acts for the host.
            EphemeralKeyError: no secret can be agreed on with its key.
            UnlockAnsweredError: the request has had its answer.
        """
        key, request = self._key, self.request
        if key is None:
            raise UnlockAnsweredError(request.struct_hash())
        answer = read_answer(packet)
        message = answer.message
        _must_equal("request", "0x" + message.request.hex(), "0x" + request.struct_hash().hex())
        _must_equal("host", message.host, request.host)
        answer.verify(request.host, self._domain, self._acts_for, self._is_valid_signature)
        if now >= request.expires_at:
            raise UnlockAnswerError("arrival", now, f"before {request.expires_at}")
        if isinstance(message, UnlockRejection):
            self._check_time("rejectedAt", message.rejected_at, now)
            if message.reason not in RejectionReason.__members__.values():
                raise UnlockAnswerError("reason", message.reason, "a reason for which a host rejects")
            self._key = None
            raise UnlockRejectedError(RejectionReason(message.reason), message.retry_after)
        self._check_acceptance(message, now)
        secret = agree(key, message.ephemeral_key)
        channel = Channel(
            Side.ACCESSOR,
            secret,
            transcript(request, message, self._domain),
            message.session,
            message.expires_at,
        )
        self._key = None
        return UnlockedSession(request, message, channel)

    def _check_acceptance(self, acceptance: UnlockAcceptance, now: int) -> None:
        asked = self.request.rights
        if not acceptance.rights or acceptance.rights & ~asked:
            raise UnlockAnswerError("rights", acceptance.rights, f"some of {asked}")
        self._check_time("acceptedAt", acceptance.accepted_at, now)
        latest = acceptance.accepted_at + MAX_SESSION_SECONDS
        if not max(acceptance.accepted_at, now) < acceptance.expires_at <= latest:
            raise UnlockAnswerError("expiresAt", acceptance.expires_at, f"later than {now}, up to {latest}")
        if acceptance.ephemeral_key == self.request.ephemeral_key:
            raise UnlockAnswerError("ephemeralKey", "the accessor's own", "the host's")

    def _check_time(self, field: str, time: int, now: int) -> None:
        earliest, latest = self.request.requested_at - self._skew, now + self._skew
        if not earliest <= time <= latest:
            raise UnlockAnswerError(field, time, f"from {earliest} to {latest}")

    def __repr__(self) -> str:
        return f"UnlockAttempt(0x{self.request.struct_hash().hex()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an UnlockAttempt is not pickled or copied: its key would be written in clear")


class UnlockedSession:
    """An unlocked session, the accessor's side: one question, one answer, in turn."""

    __slots__ = ("_channel", "acceptance", "request")

    request: UnlockRequest
    acceptance: UnlockAcceptance

    def __init__(self, request: UnlockRequest, acceptance: UnlockAcceptance, channel: Channel) -> None:
        self.request = request
        self.acceptance = acceptance
        self._channel = channel

    @property
    def id(self) -> bytes:
        """What the host calls the session, 32 bytes."""
        return self.acceptance.session

    @property
    def rights(self) -> Right:
        """What was granted: not more than what was asked for."""
        return Right(self.acceptance.rights)

    @property
    def ended(self) -> EndReason | None:
        """Why it was ended; None where it was not. It may have expired."""
        return self._channel.ended

    def usable(self, now: int) -> bool:
        """Can it take another question?"""
        return self._channel.ended is None and now < self.acceptance.expires_at

    def seal(self, plaintext: bytes, now: int) -> bytes:
        """The packet of a question. Raises as ``Channel.seal``."""
        return self._channel.seal(plaintext, now)

    def open(self, packet: bytes, now: int) -> Opened:
        """The answer in a packet. Raises as ``Channel.open``."""
        return self._channel.open(packet, now)

    def give_up(self) -> None:
        """No answer came, and none can be asked for again: the session is of no more use."""
        self._channel.end(EndReason.ANSWER_LOST)

    def __repr__(self) -> str:
        return f"UnlockedSession(0x{self.id.hex()}, host={self.acceptance.host})"


def _must_equal(field: str, found: object, expected: object) -> None:
    if found != expected:
        raise UnlockAnswerError(field, found, expected)
