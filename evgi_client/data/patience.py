"""A connection that keeps the host waiting is ended: one that sends no whole request head, or takes no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from evgi_client.data.shield import error_body

if TYPE_CHECKING:
    import asyncio

HEAD_SECONDS = 10
"""For the head of a request, from the opening of the connection or from the first byte after another request."""

TAKE_SECONDS = 120
"""For a client to take an answer, of 8 MiB at most."""

FAREWELL_SECONDS = 0.5
"""For an idle client to say farewell when the host stops."""


class PatientProtocol(H11Protocol):
    """Uvicorn's HTTP, which by itself waits for ever in both cases. A body is waited for by the shield."""

    head_seconds: float = HEAD_SECONDS
    take_seconds: float = TAKE_SECONDS

    _head: asyncio.TimerHandle | None = None
    _take: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head, self._take):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._take is None:
            self._take = self.loop.call_later(self.take_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._take is not None:
            self._take.cancel()
            self._take = None

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(FAREWELL_SECONDS, self._part)

    def _part(self) -> None:
        # Over TLS the transport waits half a minute for a farewell that an idle client does not send.
        if not self.transport.get_write_buffer_size():
            self.transport.abort()

    def send_400_response(self, _message: str) -> None:
        """To what is no HTTP: in the one form of errors too."""
        body = error_body("malformed", "This is no HTTP request.")
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        response = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait_for_head(self) -> None:
        if self.conn.their_state is h11.IDLE:
            if self._head is None:
                self._head = self.loop.call_later(self.head_seconds, self.transport.abort)
        elif self._head is not None:
            self._head.cancel()
            self._head = None
