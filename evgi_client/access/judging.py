"""What a host grants of what is asked for: by the registry's word, on one certificate, for one purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from evgi_client.access.packets import (
    ANYTHING,
    CLOCK_SKEW,
    MAX_REQUEST_SECONDS,
    MAX_SESSION_SECONDS,
    RejectionReason,
)
from evgi_client.errors import FieldValueError
from evgi_client.messages.access import Reason, Right

if TYPE_CHECKING:
    from collections.abc import Callable

    from evgi_client.messages.access import UnlockRequest


class Decided(Protocol):
    """An answer of ``AccessRegistry.check``."""

    @property
    def allowed(self) -> bool: ...

    @property
    def reason(self) -> Reason: ...

    @property
    def certificate(self) -> bytes:
        """Struct hash of the access certificate that decided; zero where none did."""


@dataclass(frozen=True, slots=True)
class UnlockLimits:
    """What a host allows at most. Spans in seconds.

    Raises:
        FieldValueError: more than the protocol allows.
    """

    session_seconds: int = 3_600
    request_seconds: int = MAX_REQUEST_SECONDS
    skew: int = CLOCK_SKEW
    """How far ahead an accessor's clock may be."""
    sessions: int = 4_096
    """Live ones at a time."""
    sessions_per_accessor: int = 16
    """Its oldest gives way to a new one."""

    def __post_init__(self) -> None:
        if not 0 < self.session_seconds <= MAX_SESSION_SECONDS:
            raise FieldValueError(
                "UnlockLimits", "session_seconds", self.session_seconds, f"1 to {MAX_SESSION_SECONDS}"
            )
        if not 0 < self.request_seconds <= MAX_REQUEST_SECONDS:
            raise FieldValueError(
                "UnlockLimits", "request_seconds", self.request_seconds, f"1 to {MAX_REQUEST_SECONDS}"
            )


_RIGHTS = (Right.READ, Right.WRITE, Right.CONTROL)
_GRANTED = frozenset((Reason.CERTIFICATE, Reason.GROUP))

_BY_DECISION = {
    Reason.UNKNOWN_RESOURCE: RejectionReason.UNKNOWN_RESOURCE,
    Reason.BLOCKED: RejectionReason.BLOCKED,
    Reason.REVOKED: RejectionReason.REVOKED,
    Reason.USED_UP: RejectionReason.USED_UP,
}


class Judge:
    """Judges requests, and sessions over and over.

    Args:
        check: the registry's answer for (resource, accessor, right, time).
        purpose_of: the purpose of an access certificate by its struct hash; zero where it names none.
    """

    def __init__(
        self, check: Callable[[bytes, str, Right, int], Decided], purpose_of: Callable[[bytes], bytes]
    ) -> None:
        self._check = check
        self._purpose_of = purpose_of

    def grounds(self, request: UnlockRequest, now: int) -> dict[bytes, Right] | RejectionReason:
        """Of the rights asked for those that are allowed, by the certificate that they rest on (zero for none); where
        there are none, why the first is not."""
        grounds: dict[bytes, Right] = {}
        refusal: RejectionReason | None = None
        for right in (each for each in _RIGHTS if each & request.rights):
            ground = self.ground(request, right, now)
            if isinstance(ground, RejectionReason):
                refusal = refusal or ground
            else:
                grounds[ground] = grounds.get(ground, Right(0)) | right
        return grounds or refusal or RejectionReason.RIGHTS

    def ground(
        self, request: UnlockRequest, right: Right, now: int, spent: frozenset[bytes] = frozenset()
    ) -> bytes | RejectionReason:
        """The certificate that one right rests on (zero for none), or why it is not allowed.

        Args:
            spent: certificates of which a use was counted for this session: it may have been the last.
        """
        decision = self._check(request.resource, request.accessor, right, now)
        last_use = decision.reason is Reason.USED_UP and decision.certificate in spent
        if not decision.allowed and not last_use:
            return _BY_DECISION.get(decision.reason, RejectionReason.DENIED)
        # The default rests on the bootstrapping certificate, which has neither purpose nor uses.
        granted = decision.reason in _GRANTED or last_use
        certificate = decision.certificate if granted else ANYTHING
        if request.certificate not in (ANYTHING, certificate):
            return RejectionReason.CERTIFICATE
        if granted and self._purpose_of(certificate) not in (ANYTHING, request.purpose):
            return RejectionReason.PURPOSE
        return certificate
