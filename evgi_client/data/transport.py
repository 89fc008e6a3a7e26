"""One HTTP exchange with a data host, bounded in time and size. What an answer means is not looked at here."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from evgi_client.errors import HostAnswerError, HostUnreachableError, HostUrlError

T = TypeVar("T")

TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and between two pieces of an answer."""

TOTAL_SECONDS = 60.0
"""For an exchange as a whole: a host that sends a byte now and then holds nobody longer."""

_PIECE = 64 * 1024
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "evgi-client"}


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What came back."""

    status: int
    body: bytes
    retry_after: float
    """Seconds that the host asks to be left alone; 0 where it does not."""


class HostTransport:
    """Talks HTTP to one host. Follows no redirect, keeps no cookie. Not for two threads at a time.

    Args:
        url: of the host: what is before ``/v1``.
        allow_http: speak without TLS to another machine: for networks that are closed otherwise.
        timeout: seconds to connect, and between two pieces of an answer.
        total: seconds for an exchange.

    Raises:
        HostUrlError: no such URL, or one without TLS.
    """

    def __init__(
        self,
        url: str,
        *,
        allow_http: bool = False,
        timeout: tuple[float, float] = TIMEOUT,
        total: float = TOTAL_SECONDS,
    ) -> None:
        self._base = _checked(url, allow_http)
        parts = urlsplit(self._base)
        self.name = parts.netloc
        """Host and port, as errors name it."""
        self._timeout = timeout
        self._total = total
        self._session = _new_session()

    def get(self, path: str, limit: int) -> HostAnswer:
        """Asks for a path.

        Args:
            limit: the most bytes that an answer may have.

        Raises:
            HostUnreachableError: no answer, or not in time.
            HostAnswerError: a redirect, or an answer that is too long.
        """
        return self._exchange("GET", path, None, None, limit)

    def post(self, path: str, body: bytes, media_type: str, limit: int) -> HostAnswer:
        """Sends a body to a path. Arguments and errors as for ``get``."""
        return self._exchange("POST", path, body, media_type, limit)

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def _exchange(
        self, method: str, path: str, body: bytes | None, media_type: str | None, limit: int
    ) -> HostAnswer:
        headers = _HEADERS if media_type is None else {**_HEADERS, "Content-Type": media_type}

        def exchange() -> HostAnswer:
            with self._session.request(
                method,
                self._base + path,
                data=body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.is_redirect or 300 <= response.status_code < 400:
                    raise HostAnswerError(self.name, f"a redirect (status {response.status_code})")
                received = bytearray()
                for piece in response.iter_content(_PIECE):
                    received += piece
                    if len(received) > limit:
                        raise HostAnswerError(self.name, f"more than {limit} bytes")
                return HostAnswer(response.status_code, bytes(received), _retry_after(response))

        failure = "no answer"
        try:
            answer = _within(self._total, exchange)
            if answer is not None:
                return answer
            failure = f"no whole answer in {self._total:g} s"
            # The connection is still in use: the next exchange gets another.
            self._session = _new_session()
        except requests.RequestException as error:
            # Only its kind: the library quotes the URL, which may have secrets.
            failure = type(error).__name__
        raise HostUnreachableError(self.name, failure)


def _new_session() -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _within(seconds: float, work: Callable[[], T]) -> T | None:
    """What ``work`` returns or raises; None where it takes longer, and goes on by itself."""
    outcome: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:  # noqa: BLE001 — it is raised again where it is waited for
            failures.append(error)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(seconds)
    if failures:
        raise failures[0]
    return outcome[0] if outcome else None


def _checked(url: str, allow_http: bool) -> str:
    try:
        parts = urlsplit(url)
        hostname, port = parts.hostname, parts.port
    except ValueError:
        raise HostUrlError("it cannot be read") from None
    if parts.scheme not in ("http", "https") or not hostname or port == 0:
        raise HostUrlError("it must begin with http:// or https:// and name a machine")
    if parts.query or parts.fragment or parts.username is not None or parts.password is not None:
        raise HostUrlError("it must have no user, query or fragment")
    if parts.scheme == "http" and not allow_http and not _is_here(hostname):
        raise HostUrlError("records would be sent in clear: it must begin with https://")
    return url.rstrip("/")


def _is_here(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"


def _retry_after(response: requests.Response) -> float:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
