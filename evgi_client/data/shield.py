"""What stands between the network and the application: limits, headers, a log line a request, and no stack trace."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

from evgi_client.data.buckets import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from evgi_client.data.buckets import TokenBuckets

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("evgi.datahost")

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
AT_ONCE = 256
"""The most requests under way: each of them may hold a body, and an answer, in memory."""

DRAIN_SECONDS, DRAIN_BYTES = 1.0, 2 * 1024 * 1024
"""How much of a body that is refused is taken all the same."""

HSTS = (b"strict-transport-security", b"max-age=31536000")


def error_body(code: str, message: str, values: Mapping[str, object] | None = None) -> bytes:
    """The one form of an error."""
    error: dict[str, object] = {"code": code, "message": message}
    if values:
        error["values"] = {name: str(value) for name, value in values.items()}
    return json.dumps({"error": error}, separators=(",", ":")).encode()


class _RefusedError(Exception):
    """Ends a request before the application has seen all of it."""

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class Shield:
    """Wraps an ASGI application.

    Args:
        buckets: how often a client may ask.
        body_limit: the longest body for a path, in bytes.
        at_once: the most requests under way.
        body_seconds: until a request must have come whole.
        tls: is the connection itself encrypted? Then browsers are told to stay with it.
    """

    def __init__(
        self,
        app: App,
        *,
        buckets: TokenBuckets,
        body_limit: Callable[[str], int],
        body_seconds: float,
        tls: bool,
        at_once: int = AT_ONCE,
    ) -> None:
        self._app = app
        self._at_once = at_once
        self._under_way = 0
        self._buckets = buckets
        self._body_limit = body_limit
        self._body_seconds = body_seconds
        self._headers = (*SECURITY_HEADERS, HSTS) if tls else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._under_way += 1
            try:
                await _Exchange(self, scope, receive, send).run()
            finally:
                self._under_way -= 1
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            # There are no WebSockets here.
            await send({"type": "websocket.close", "code": 1000})


class _Exchange:
    """One request and its response."""

    def __init__(self, shield: Shield, scope: Scope, receive: Receive, send: Send) -> None:
        self._shield = shield
        self._scope = scope
        self._receive = receive
        self._send = send
        self._id = secrets.token_hex(8)
        self._begun = time.monotonic()
        self._status = 0
        self._received = 0
        self._complete = False
        self._refused: _RefusedError | None = None
        self._limit = shield._body_limit(scope["path"])

    async def run(self) -> None:
        try:
            self._check_room()
            self._check_length()
            await self._shield._app(self._scope, self._limited_receive, self._app_send)
        except _RefusedError as refused:
            self._refused = refused
        except Exception as error:  # noqa: BLE001 — the last resort: nothing of it is shown
            log.error("%s", line(event="failure", request=self._id, error=type(error).__name__))
            self._refused = self._refused or _RefusedError(500, "internal", "The host failed.")
        if self._refused is not None and not self._status:
            await self._refuse(self._refused)
        self._note()

    def _check_room(self) -> None:
        if self._shield._under_way > self._shield._at_once:
            raise _RefusedError(429, "busy", "Too many requests of all clients together.", 1)
        client = self._scope.get("client")
        wait = self._shield._buckets.take(client_of(client[0] if client else None), time.monotonic())
        if wait:
            raise _RefusedError(429, "busy", "Too many requests.", int(wait) + 1)

    def _check_length(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value[:20]) > self._limit):
                raise self._too_large()

    def _too_large(self) -> _RefusedError:
        return _RefusedError(413, "too_large", f"A body here has at most {self._limit} bytes.")

    async def _limited_receive(self) -> Message:
        # Once the body is there, the application waits for the end of the connection, for as long as it likes.
        left = self._begun + self._shield._body_seconds - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), None if self._complete else max(left, 0.001))
        except asyncio.TimeoutError:
            self._refused = _RefusedError(408, "timeout", "The request did not come in time.")
            raise self._refused from None
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._received > self._limit:
                self._refused = self._too_large()
                raise self._refused
        return message

    async def _app_send(self, message: Message) -> None:
        # The application answers even what it was refused to read; that answer is not the one to give.
        if self._refused is None:
            await self._marked_send(message)

    async def _marked_send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._own_headers()]}
        await self._send(message)

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        return [*self._shield._headers, (b"x-request-id", self._id.encode())]

    async def _refuse(self, refused: _RefusedError) -> None:
        body = error_body(refused.code, refused.message)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if refused.retry_after:
            headers.append((b"retry-after", str(refused.retry_after).encode()))
        if not self._complete:
            # What is still to come of the body is not read.
            headers.append((b"connection", b"close"))
        await self._marked_send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        if refused.status != 408:
            await self._drain()
        await self._send({"type": "http.response.body", "body": b""})

    async def _drain(self) -> None:
        """Takes some of what still comes, and drops it: a connection that is closed over unread bytes is reset, and the
        client may never hear why."""
        dropped, until = 0, time.monotonic() + DRAIN_SECONDS
        while not self._complete and dropped < DRAIN_BYTES:
            left = until - time.monotonic()
            try:
                message = await asyncio.wait_for(self._receive(), max(left, 0.001))
            except asyncio.TimeoutError:
                return
            if message["type"] != "http.request":
                return
            dropped += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)

    def _note(self) -> None:
        # Neither address nor resource, session or identity: who reads what is nobody's business but theirs.
        route = self._scope.get("route")
        log.info(
            "%s",
            line(
                event="request",
                request=self._id,
                method=self._scope["method"][:8],
                route=getattr(route, "path", None),
                status=self._status,
                received=self._received,
                ms=round((time.monotonic() - self._begun) * 1000),
            ),
        )


def line(**fields: object) -> str:
    """A line of the log: one JSON object."""
    return json.dumps({"time": int(time.time()), **fields}, separators=(",", ":"))
