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
    """The sessions of a host, in bounded space. What has ended is kept, to say why, until it would have expired or its
    room is needed.

    Args:
        capacity: live sessions at a time.
        per_accessor: live sessions of one accessor; its oldest gives way to a new one.
    """

    def __init__(self, capacity: int, per_accessor: int) -> None:
        self._capacity = capacity
        self._per_accessor = per_accessor
        self._by_id: dict[bytes, HostSession] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, session: bytes, now: int) -> HostSession:
        """The live session of this id.

        Raises:
            AccessSessionUnknownError, AccessSessionExpiredError, AccessSessionEndedError: there is none.
        """
        found = self._by_id.get(session)
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
            return [session for session in self._by_id.values() if session.live(now)]

    def room_at(self, accessor: str, now: int) -> int | None:
        """When there will be room for another session of an accessor, Unix seconds; None where there is."""
        live = self.live(now)
        own = sum(1 for session in live if session.accessor == accessor)
        if len(live) < self._capacity or own >= self._per_accessor:
            return None
        return min(session.expires_at for session in live)

    def add(self, session: HostSession, now: int) -> bool:
        """Adds a session: False where there is no room."""
        with self._lock:
            # Expired ones stay for a while too, so that who is late hears that it is.
            live = [each for each in self._by_id.values() if each.live(now)]
            own = [each for each in live if each.accessor == session.accessor]
            if len(own) >= self._per_accessor:
                own[0].channel.end(EndReason.REPLACED)
                live.remove(own[0])
            if len(live) >= self._capacity:
                return False
            for each in [each for each in self._by_id.values() if not each.live(now)]:
                if len(self._by_id) < 2 * self._capacity:
                    break
                del self._by_id[each.id]
            self._by_id[session.id] = session
            return True
