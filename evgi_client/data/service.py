"""The data host over HTTP: routes, and which status goes with which refusal. What is decided is decided in ``host``,
``answering`` and the unlock handshake."""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from evgi_client.access.packets import MAX_PACKET, PROTOCOL
from evgi_client.access.unlock import Accepted
from evgi_client.data import api
from evgi_client.data.buckets import TokenBuckets
from evgi_client.data.documents import read_object
from evgi_client.data.refusals import errors, handle_errors
from evgi_client.data.settings import MAX_PAGE
from evgi_client.data.shield import Shield
from evgi_client.data.tables import CONNECTIONS
from evgi_client.data.writes import SignedWrite
from evgi_client.errors import (
    AccessSessionUnknownError,
    FieldValueError,
    HostRefusalError,
    MessageError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from evgi_client.access.unlock import HostUnlock
    from evgi_client.data.answering import Answering
    from evgi_client.data.gate import Gate
    from evgi_client.data.host import DataHost
    from evgi_client.data.store import Store

SESSION_BYTES = 64 * 1024
_OTHER_BYTES = 4096
_SESSION = re.compile(r"0x[0-9a-f]{64}\Z")

_DESCRIPTION = """
Stores signed records of vehicles, batteries, meters and charging sessions, encrypted at rest, anchors them on a chain,
and serves them through unlocked sessions: see the handshake `evgi-unlock/1`. Addresses are checksummed, hashes lower
case hexadecimal, 64-bit numbers decimal strings. Every error is `{"error": {"code", "message", "values"}}`.
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an application is made of. ``background`` is started with it and stopped with it."""

    host: DataHost
    unlock: HostUnlock
    answering: Answering
    gate: Gate
    store: Store
    chain_id: int
    access_registry: str
    data_registry: str
    background: Callable[[bool], None] = lambda _running: None


def application(parts: Parts, *, tls: bool = False) -> Shield:
    """The ASGI application of a host."""
    settings = parts.host.settings
    # Base64 takes four bytes for three, and the rest is short.
    write_body = settings.write_bytes * 4 // 3 + 32 * 1024

    def body_limit(path: str) -> int:
        if path == "/v1/writes":
            return write_body
        if path == "/v1/unlock":
            return MAX_PACKET
        return SESSION_BYTES if path.startswith("/v1/sessions/") else _OTHER_BYTES

    return Shield(
        _routes(parts),
        buckets=TokenBuckets(settings.requests_per_second, 2 * settings.requests_per_second),
        body_limit=body_limit,
        body_seconds=settings.body_seconds,
        tls=tls,
    )


def _routes(parts: Parts) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # No more threads than the database has connections.
        anyio.to_thread.current_default_thread_limiter().total_tokens = CONNECTIONS
        parts.background(True)
        yield
        await run_in_threadpool(parts.background, False)

    app = FastAPI(
        title="EVGI data host",
        version="1",
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0"},
        lifespan=lifespan,
        redirect_slashes=False,
        # Both would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    handle_errors(app)
    _describe(app, parts)
    _take_writes(app, parts)
    _unlock(app, parts)
    return app


def _describe(app: FastAPI, parts: Parts) -> None:
    host = parts.host
    description = {
        "protocol": PROTOCOL,
        "host": host.identity,
        "chainId": parts.chain_id,
        "accessRegistry": parts.access_registry,
        "dataRegistry": parts.data_registry,
        "streams": ["0x" + stream.hex() for stream in host.settings.stream_ids()],
        "limits": {"writeBytes": host.settings.write_bytes, "page": MAX_PAGE},
    }

    @app.get("/v1/host", response_model=api.HostDescription, summary="Who this host is", tags=["host"])
    async def describe() -> Response:
        return _json(200, description)

    @app.get(
        "/v1/health",
        response_model=api.Health,
        summary="Whether database and chain answer",
        tags=["host"],
        responses=errors(503),
    )
    async def health() -> Response:
        await run_in_threadpool(parts.store.ping)
        await run_in_threadpool(parts.gate.now)
        return _json(200, {"status": "ok"})


def _take_writes(app: FastAPI, parts: Parts) -> None:
    @app.post(
        "/v1/writes",
        status_code=201,
        response_model=api.WriteReceipt,
        summary="Keep a signed record",
        description="The record is on the disk when the answer comes. The same write again gets the same answer.",
        tags=["writes"],
        openapi_extra=api.body_of(api.WriteForm),
        responses={
            200: {"model": api.WriteReceipt, "description": "It was kept before"},
            **errors(400, 403, 404, 408, 409, 413, 429, 503),
        },
    )
    async def write(request: Request) -> Response:
        signed = _signed_write(await request.body())
        hashed, new = await run_in_threadpool(parts.host.write, signed)
        return _json(201 if new else 200, {"write": "0x" + hashed.hex()})


def _unlock(app: FastAPI, parts: Parts) -> None:
    @app.post(
        "/v1/unlock",
        summary="Ask for a session",
        description="Takes an UnlockRequest, signed; answers with an UnlockAcceptance or an UnlockRejection, signed.",
        tags=["sessions"],
        openapi_extra={"requestBody": {"required": True, **api.packet("application/json", "A request.")}},
        responses={
            200: api.packet("application/json", "An acceptance: the session is open."),
            **errors(400, 408, 413, 429, 503),
            403: api.packet("application/json", "A rejection, with its reason."),
        },
    )
    async def unlock(request: Request) -> Response:
        body = await request.body()
        answer = await run_in_threadpool(lambda: parts.unlock.answer(body, parts.gate.now()))
        if isinstance(answer, Accepted):
            return Response(answer.packet, 200, media_type="application/json")
        headers = {"retry-after": str(answer.retry_after)} if answer.retry_after else None
        return Response(answer.packet, 403, headers, media_type="application/json")

    @app.post(
        "/v1/sessions/{session}",
        summary="Ask within a session",
        description=(
            "Takes one sealed packet and answers with one. Inside are the questions list, read and end; access is asked"
            " of the chain before every answer."
        ),
        tags=["sessions"],
        openapi_extra={
            "requestBody": {"required": True, **api.packet("application/octet-stream", "A question, sealed.")}
        },
        responses={
            200: api.packet("application/octet-stream", "The answer, sealed."),
            **errors(400, 404, 408, 409, 410, 413, 429, 503),
        },
    )
    async def ask(session: str, request: Request) -> Response:
        if not _SESSION.match(session):
            raise AccessSessionUnknownError(b"")
        name, body = bytes.fromhex(session[2:]), await request.body()
        answer = await run_in_threadpool(
            lambda: parts.unlock.serve(name, body, parts.gate.now(), parts.answering.answer)
        )
        return Response(answer, 200, media_type="application/octet-stream")


def _signed_write(body: bytes) -> SignedWrite:
    try:
        return SignedWrite.from_json(read_object(body))
    except FieldValueError as error:
        # The value is not repeated: it may be long, or a secret in the wrong place.
        message = f"{error.message_type}.{error.field}: expected {error.expected}."
    except MessageError as error:
        message = str(error)[:200]
    except ValueError:
        message = "The body is no JSON object."
    raise HostRefusalError("malformed", message)


def _json(status: int, document: Mapping[str, Any]) -> Response:
    return Response(json.dumps(document, separators=(",", ":")), status, media_type="application/json")
