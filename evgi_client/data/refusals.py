"""What a data host refuses, in HTTP: one form of error, and one status for each code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from evgi_client.data import api
from evgi_client.data.shield import error_body, line, log
from evgi_client.errors import (
    AccessSessionEndedError,
    AccessSessionExpiredError,
    AccessSessionUnknownError,
    ChainError,
    EvgiError,
    HostRefusalError,
    PacketError,
    SessionTurnError,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

STATUS = {
    "malformed": 400,
    "packet": 400,
    "signature": 403,
    "not_allowed": 403,
    "not_hosted": 403,
    "wrong_host": 403,
    "quota": 403,
    "not_found": 404,
    "unknown_resource": 404,
    "unknown_stream": 404,
    "session_unknown": 404,
    "method": 405,
    "timeout": 408,
    "number": 409,
    "conflict": 409,
    "clock": 409,
    "session_busy": 409,
    "session_expired": 410,
    "session_ended": 410,
    "too_large": 413,
    "busy": 429,
    "internal": 500,
    "chain": 503,
    "store": 503,
}
"""Every code of an error, and its status."""

_BY_STATUS = {404: "not_found", 405: "method", 413: "too_large"}


def handle_errors(app: FastAPI) -> None:
    """Every error of an application in the one form."""

    @app.exception_handler(EvgiError)
    async def refused(_request: Request, error: EvgiError) -> Response:
        code, message, values = _refusal(error)
        if STATUS[code] >= 500:
            log.error(
                "%s", line(event="refused", code=code, error=type(error).__name__, why=str(error)[:300])
            )
        return _error(code, message, values)

    @app.exception_handler(HTTPException)
    async def unrouted(_request: Request, error: HTTPException) -> Response:
        return _error(
            _BY_STATUS.get(error.status_code, "malformed"), "There is nothing here for this request."
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, _: RequestValidationError) -> Response:
        return _error("malformed", "The request is not as described.")

    @app.exception_handler(Exception)
    async def failed(_request: Request, _: Exception) -> Response:
        return _error("internal", "The host failed.")


def _refusal(error: EvgiError) -> tuple[str, str, Mapping[str, object]]:
    if isinstance(error, HostRefusalError):
        return error.code, error.message, error.values
    if isinstance(error, AccessSessionUnknownError):
        return "session_unknown", "There is no such session.", {}
    if isinstance(error, AccessSessionExpiredError):
        return "session_expired", "The session's time is over.", {"expired_at": error.expired_at}
    if isinstance(error, AccessSessionEndedError):
        reason = error.reason.name.lower()
        return "session_ended", f"The session has ended: {reason.replace('_', ' ')}.", {"reason": reason}
    if isinstance(error, SessionTurnError):
        return "session_busy", "The packet before this one is still being answered.", {}
    if isinstance(error, PacketError):
        return "packet", str(error)[:200], {}
    if isinstance(error, ChainError):
        return "chain", "The chain does not answer.", {}
    if isinstance(error, StoreError):
        return "store", "The database does not answer.", {}
    return "internal", "The host failed.", {}


def _error(code: str, message: str, values: Mapping[str, object] | None = None) -> Response:
    status = STATUS[code]
    headers = {"retry-after": "1"} if status == 503 else None
    return Response(error_body(code, message, values), status, headers, media_type="application/json")


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of errors: which codes a status goes with."""
    return {
        status: {
            "model": api.ErrorBody,
            "description": ", ".join(code for code, each in STATUS.items() if each == status),
        }
        for status in statuses
    }
