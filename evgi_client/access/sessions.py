"""A host's sessions, in the memory of its process: after a restart accessors unlock again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from evgi_client.access.channel import EndReason
from evgi_client.errors import (
    AccessSessionEndedError,
    AccessSessionExpiredError,
    AccessSessionUnknownError,
)
from evgi_client.messages.access import Right

if TYPE_CHECKING:
    from evgi_client.access.channel import Channel
    from evgi_client.messages.access import UnlockAcceptance, UnlockRequest


class HostSession:
    """An unlocked session, the host's side."""

    __slots__ = ("_finished", "acceptance", "account", "certificates", "channel", "lock", "request")

    request: UnlockRequest
    acceptance: UnlockAcceptance
    account: str
    """Who signed the request: it acted for the accessor then."""
    certificates: frozenset[bytes]
    """Struct hashes of the access certificates that the rights rested on then."""

    def __init__(
        self,
        request: UnlockRequest,
        acceptance: UnlockAcceptance,
        account: str,
        certificates: frozenset[bytes],
        channel: Channel,
    ) -> None:
        self.request = request
        self.acceptance = acceptance
        self.account = account
        self.certificates = certificates
        self.channel = channel
        self.lock = threading.Lock()
        self._finished = False

    @property
    def id(self) -> bytes:
        """32 random bytes."""
        return self.acceptance.session

    @property
    def accessor(self) -> str:
        return self.request.accessor

    @property
    def resource(self) -> bytes:
        return self.request.resource

    @property
    def purpose(self) -> bytes:
        return self.request.purpose

    @property
    def rights(self) -> Right:
        return Right(self.acceptance.rights)

    @property
    def accepted_at(self) -> int:
        return self.acceptance.accepted_at

    @property
    def expires_at(self) -> int:
        return self.acceptance.expires_at

    @property
    def finished(self) -> bool:
        """Is the answer in the making the last?"""
        return self._finished

    def finish(self) -> None:
        """The answer in the making is the last: the accessor wished to end the session."""
        self._finished = True

    def live(self, now: int) -> bool:
        """Neither ended nor expired."""
        return self.channel.ended is None and now < self.expires_at

    def __repr__(self) -> str:
        return f"HostSession(0x{self.id.hex()}, accessor={self.accessor})"


class Sessions:
    """The sessions of a host, in bounded space. What has ended is kept for a while, to say why.

    Args:
        capacity: live sessions at a time.
        per_accessor: live sessions of one accessor; its oldest gives way to a new one.
    """

    def __init__(self, capacity: int, per_accessor: int) -> None:
        self._capacity = capacity
        self._per_accessor = per_accessor
        # Sessions end by themselves: what has ended is moved over when room is needed.
        self._open: dict[bytes, HostSession] = {}
        self._own: dict[str, list[HostSession]] = {}
        self._over: dict[bytes, HostSession] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open) + len(self._over)

    def get(self, session: bytes, now: int) -> HostSession:
        """The live session of this id.

        Raises:
            AccessSessionUnknownError, AccessSessionExpiredError, AccessSessionEndedError: there is none.
        """
        with self._lock:
            found = self._open.get(session) or self._over.get(session)
        if found is None:
            raise AccessSessionUnknownError(session)
        if found.channel.ended is not None:
            raise AccessSessionEndedError(session, found.channel.ended)
        if now >= found.expires_at:
            raise AccessSessionExpiredError(session, found.expires_at, now)
        return found

    def live(self, now: int) -> list[HostSession]:
        """Every session that is neither ended nor expired, oldest first."""
        with self._lock:
            return [session for session in self._open.values() if session.live(now)]

    def room_at(self, accessor: str, now: int) -> int | None:
        """When there will be room for another session of an accessor, Unix seconds; None where there is."""
        with self._lock:
            if self._has_room(now) or len(self._own.get(accessor, ())) >= self._per_accessor:
                return None
            return min(session.expires_at for session in self._open.values())

    def add(self, session: HostSession, now: int) -> bool:
        """Adds a session: False where there is no room."""
        with self._lock:
            for each in list(self._own.get(session.accessor, ())):
                if not each.live(now):
                    self._retire(each)
            own = self._own.get(session.accessor, [])
            if len(own) >= self._per_accessor:
                own[0].channel.end(EndReason.REPLACED)
                self._retire(own[0])
            if not self._has_room(now):
                return False
            self._open[session.id] = session
            self._own.setdefault(session.accessor, []).append(session)
            return True

    def _has_room(self, now: int) -> bool:
        if len(self._open) >= self._capacity:
            for each in list(self._open.values()):
                if not each.live(now):
                    self._retire(each)
        return len(self._open) < self._capacity

    def _retire(self, session: HostSession) -> None:
        del self._open[session.id]
        own = self._own[session.accessor]
        own.remove(session)
        if not own:
            del self._own[session.accessor]
        while len(self._over) >= self._capacity:
            del self._over[next(iter(self._over))]
        self._over[session.id] = session
