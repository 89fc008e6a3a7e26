"""An unlocked session with a data host, for a reader."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evgi_client.access.channel import EndReason
from evgi_client.data.exchange import error_in, parsed
from evgi_client.data.reading import Record, RecordChecks
from evgi_client.errors import (
    AccessSessionEndedError,
    AccessSessionError,
    AccessSessionExpiredError,
    DataError,
    HostAnswerError,
    HostRefusalError,
    HostUnreachableError,
    MessageError,
    PacketError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from evgi_client.access.accessor import UnlockedSession
    from evgi_client.data.exchange import Exchange
    from evgi_client.data.registry import AnchoredBatch
    from evgi_client.messages import Domain
    from evgi_client.messages.access import Right

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes of a sealed answer."""

PAGE = 100
"""The most records in an answer."""

_LOST = frozenset(("session_unknown", "session_expired", "session_ended", "session_busy", "packet"))
"""Refusals after which another session may be opened."""


class Reader(Protocol):
    """What a session asks of its client."""

    host: str
    data_domain: Domain

    def now(self) -> int: ...

    def batch(self, stream: bytes, sequence: int) -> AnchoredBatch | None: ...

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream of a resource, in the host's words."""

    stream: bytes
    writes: int
    anchored: int


class DataSession:
    """A session. Where it is lost (no answer, expired, the host restarted) another is unlocked, once a question.

    Args:
        renew: unlocks another session of the same resource and rights.
    """

    def __init__(
        self,
        session: UnlockedSession,
        renew: Callable[[], UnlockedSession],
        exchange: Exchange,
        reader: Reader,
    ) -> None:
        self._session = session
        self._renew = renew
        self._exchange = exchange
        self._reader = reader
        self._ended = False

    def __enter__(self) -> DataSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def id(self) -> bytes:
        """What the host calls the session now, 32 bytes."""
        return self._session.id

    @property
    def resource(self) -> bytes:
        return self._session.request.resource

    @property
    def rights(self) -> Right:
        """What was granted."""
        return self._session.rights

    @property
    def expires_at(self) -> int:
        """Unix seconds."""
        return self._session.acceptance.expires_at

    def streams(self) -> list[StreamState]:
        """The streams of the resource. Raises as ``records``."""
        answer = self._ask({"do": "list"})
        streams = answer.get("streams")
        if not isinstance(streams, list):
            raise HostAnswerError(self._exchange.name, "no list of streams")
        return [self._stream_state(each) for each in streams]

    def records(
        self, stream: bytes, *, after: int | None = None, unanchored: bool = False
    ) -> Iterator[Record]:
        """The records of a stream, in the order in which they came to the host. Each is held to its writer's
        signature, its content hash, its writer's numbers and the root that the chain keeps, before it is given.

        Args:
            after: begin after the record with this position.
            unanchored: give also what no root on chain vouches for yet; else reading ends before the first of them.

        Raises:
            RecordInvalidError, RecordMissingError: the host does not tell the truth.
            AccessSessionEndedError: access was lost.
            UnlockRejectedError: the session was lost, and no other is to be had.
            HostRefusalError, HostUnreachableError, HostAnswerError: no answer.
        """
        reader = self._reader
        checks = RecordChecks(
            reader.host,
            self.resource,
            stream,
            reader.data_domain,
            reader.batch,
            reader.is_valid_signature,
            after,
        )
        while True:
            records, more = self._page(stream, after)
            for record in checks.check(records):
                if record.batch is None and not unanchored:
                    return
                yield record
                after = record.position
            if not more:
                return

    def end(self) -> None:
        """Ends the session at the host too, where it still is one: nothing can be asked any more."""
        if self._ended:
            return
        self._ended = True
        if self._session.usable(self._reader.now()):
            try:
                self._ask_once({"do": "end"})
            except (AccessSessionError, DataError, PacketError):
                # It will expire; and whatever is wrong with the host is nothing to who leaves.
                self._session.give_up()

    def _page(self, stream: bytes, after: int | None) -> tuple[list[Record], bool]:
        question = {"do": "read", "stream": "0x" + stream.hex(), "limit": PAGE}
        answer = self._ask(question | ({} if after is None else {"after": str(after)}))
        writes, more = answer.get("writes"), answer.get("more")
        if not isinstance(writes, list) or len(writes) > PAGE or not isinstance(more, bool):
            raise HostAnswerError(self._exchange.name, "no page of records")
        if more and not writes:
            raise HostAnswerError(self._exchange.name, "an empty page with more to come")
        try:
            return [Record.from_json(each) for each in writes], more
        except MessageError as error:
            raise HostAnswerError(self._exchange.name, str(error)) from error

    def _stream_state(self, document: Any) -> StreamState:
        try:
            stream = bytes.fromhex(document["stream"].removeprefix("0x"))
            return StreamState(stream, int(document["writes"]), int(document["anchored"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise HostAnswerError(self._exchange.name, "a stream that is none") from None

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        if self._ended:
            raise AccessSessionEndedError(self.id, EndReason.CLOSED)
        if self._session.usable(self._reader.now()):
            try:
                return self._ask_once(question)
            except (AccessSessionExpiredError, HostUnreachableError, PacketError):
                pass
            except HostRefusalError as refusal:
                if refusal.code not in _LOST:
                    raise
        self._session = self._renew()
        return self._ask_once(question)

    def _ask_once(self, question: dict[str, Any]) -> dict[str, Any]:
        session = self._session
        now = self._reader.now()
        packet = session.seal(json.dumps(question).encode(), now)
        try:
            _, sealed = self._exchange.post_packet(
                f"/v1/sessions/0x{session.id.hex()}", packet, "application/octet-stream", MAX_ANSWER, (200,)
            )
            plaintext = session.open(sealed, now).plaintext
        except HostRefusalError as refusal:
            session.give_up()
            if refusal.values.get("reason") == EndReason.ACCESS_LOST.name.lower():
                raise AccessSessionEndedError(session.id, EndReason.ACCESS_LOST) from refusal
            raise
        except BaseException:
            # Whatever kept the answer away: the session cannot go on without it.
            session.give_up()
            raise
        answer = parsed(plaintext)
        if answer is None:
            raise HostAnswerError(self._exchange.name, "no JSON object inside a packet")
        inside = error_in(plaintext)
        if inside is not None:
            raise inside
        return answer
