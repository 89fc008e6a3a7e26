"""Questions and answers of a data host's HTTP interface: which may be asked again, and what a refusal is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evgi_client.documents import parse_json
from evgi_client.errors import HostAnswerError, HostRefusalError, HostUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from evgi_client.data.transport import HostAnswer, HostTransport

TRIES = 3
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0

_LATER = frozenset((429, 503))
"""The host did nothing, and says so."""

_REFUSAL_BYTES = 64 * 1024


class Exchange:
    """Asks a host, and asks again where that changes nothing: a GET, a write (the host keeps it once), and whatever the
    host had no time for. A packet that may have been taken is never sent again.

    Args:
        sleep: waits between two tries.
    """

    def __init__(self, transport: HostTransport, sleep: Callable[[float], None]) -> None:
        self._transport = transport
        self._sleep = sleep

    @property
    def name(self) -> str:
        """The host, as errors name it."""
        return self._transport.name

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def get(self, path: str, limit: int) -> dict[str, Any]:
        """A JSON object.

        Raises:
            HostUnreachableError: no answer.
            HostRefusalError: an error, in the host's words.
            HostAnswerError: something else.
        """
        return self._object(self._repeated(lambda: self._transport.get(path, limit), again=True), (200,))

    def post_json(self, path: str, document: dict[str, Any], limit: int) -> dict[str, Any]:
        """The JSON object with which a host answers one that may be sent twice. Errors as for ``get``."""
        body = json.dumps(document, separators=(",", ":")).encode()
        answer = self._repeated(
            lambda: self._transport.post(path, body, "application/json", limit), again=True
        )
        return self._object(answer, (200, 201))

    def post_packet(
        self, path: str, packet: bytes, media_type: str, limit: int, wanted: tuple[int, ...]
    ) -> tuple[int, bytes]:
        """Status and body with which a host answers a packet. Errors as for ``get``.

        Args:
            wanted: the statuses that carry an answer.
        """
        answer = self._repeated(
            lambda: self._transport.post(path, packet, media_type, max(limit, _REFUSAL_BYTES)), again=False
        )
        if answer.status not in wanted:
            raise self.refusal(answer.status, answer.body)
        return answer.status, answer.body

    def refusal(self, status: int, body: bytes) -> HostRefusalError | HostAnswerError:
        """The error that a host answers with."""
        return error_in(body) or HostAnswerError(self.name, f"status {status} without an error")

    def _repeated(self, exchange: Callable[[], HostAnswer], *, again: bool) -> HostAnswer:
        pause = FIRST_PAUSE
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES
            try:
                answer = exchange()
            except HostUnreachableError:
                if last or not again:
                    raise
                wait = pause
            else:
                if last or answer.status not in _LATER:
                    return answer
                wait = max(pause, answer.retry_after)
            self._sleep(min(wait, LONGEST_PAUSE))
            pause *= 2
        raise AssertionError("the last try returns or raises")

    def _object(self, answer: HostAnswer, wanted: tuple[int, ...]) -> dict[str, Any]:
        if answer.status not in wanted:
            raise self.refusal(answer.status, answer.body)
        document = parsed(answer.body)
        if document is None:
            raise HostAnswerError(self.name, "no JSON object")
        return document


def parsed(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a body; None where it is none."""
    try:
        document = parse_json(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def error_in(body: bytes) -> HostRefusalError | None:
    """The error that an error object says; None where it is none."""
    document = parsed(body)
    error = document.get("error") if document is not None else None
    if not isinstance(error, dict):
        return None
    code, message, values = error.get("code"), error.get("message"), error.get("values") or {}
    if not isinstance(code, str) or not isinstance(message, str) or not isinstance(values, dict):
        return None
    refusal = HostRefusalError(_plain(code), _plain(message))
    refusal.values = {_plain(str(name)): _plain(str(value)) for name, value in values.items()}
    return refusal


def _plain(text: str) -> str:
    # It is shown on terminals.
    return "".join(each if each.isprintable() else "?" for each in text[:300])
