"""JSON-RPC: an HTTP provider that retries and keeps secrets, one place where nodes' errors become ours."""

from __future__ import annotations

import logging
import random
import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

import requests
from eth_utils.exceptions import ValidationError
from web3 import Web3
from web3.exceptions import TransactionIndexingInProgress, TransactionNotFound, Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers import JSONBaseProvider

from evgi_client.chain.reverts import CallFailed, revert_in, revert_in_response
from evgi_client.errors import ChainUnreachableError, EvgiError, RpcError

T = TypeVar("T")

TIMEOUT = (5.0, 60.0)
"""Seconds to connect, and to answer."""

RETRIES = 5
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0

_READS = (
    "eth_accounts",
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getLogs",
    "eth_getStorageAt",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
    "web3_clientVersion",
)
_REPEATABLE = frozenset((*_READS, "eth_sendRawTransaction"))
"""Reads; and a signed transaction, which sent twice is one transaction."""

_BUSY = ("rate limit", "too many requests", "request limit", "capacity")
_KEY_LIKE = re.compile(r"(?=.*[0-9_\-A-Z])[0-9A-Za-z_\-.~%]{16,}")


def mask_url(url: str) -> str:
    """The URL with everything in it that could be a secret replaced by ``***``."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    path = "/".join(_masked_segments(parts.path))
    pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
    # A parameter without a value may itself be the key.
    query = "&".join(f"{name}=***" if equals else "***" for name, equals, _ in pairs)
    return urlunsplit((parts.scheme, netloc, path, query, ""))


def _masked_segments(path: str) -> list[str]:
    masked: list[str] = []
    for segment in path.split("/"):
        after_version = bool(masked) and re.fullmatch(r"v\d+|rpc|ws", masked[-1]) is not None
        masked.append("***" if segment and (after_version or _KEY_LIKE.fullmatch(segment)) else segment)
    return masked


def mask_text(text: str, url: str) -> str:
    """``text`` with every secret of ``url`` replaced: HTTP libraries quote the URL, or parts of it."""
    parts = urlsplit(url)
    secrets = {url, parts.password or "", parts.netloc.rpartition("@")[0], parts.query}
    secrets |= {value for _, value in parse_qsl(parts.query)}
    segments = parts.path.split("/")
    secrets |= {
        raw for raw, shown in zip(segments, _masked_segments(parts.path), strict=True) if raw != shown
    }
    secrets |= {parts.username or ""} if parts.password is None else set()
    secrets |= {quote(secret) for secret in secrets}
    # What is shorter is no secret, and would be found in any text.
    for secret in sorted((each for each in secrets if len(each) >= 4), key=len, reverse=True):
        text = text.replace(secret, mask_url(url) if secret == url else "***")
    return text


class _MaskingFilter(logging.Filter):
    """Masks a URL's secrets in what the HTTP library logs: at debug level it names the path of every request."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask_text(record.getMessage(), self._url), None
        return True


class HttpProvider(JSONBaseProvider):
    """JSON-RPC over HTTP with time limits, and bounded retries of what may safely be asked twice.

    Connection errors, timeouts, 429 and 5xx are retried after a growing, jittered pause, or after what
    ``Retry-After`` asks for, up to the longest pause.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: tuple[float, float] = TIMEOUT,
        retries: int = RETRIES,
        headers: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        if not _is_http(url):
            # Not shown: a URL that is no URL may have its secrets anywhere.
            raise ChainUnreachableError("the RPC URL", "anything", "it must begin with http:// or https://")
        self._url = url
        self.endpoint = mask_url(url)
        self._timeout = timeout
        self._retries = retries
        self._headers = {"Content-Type": "application/json", "User-Agent": "evgi-client", **(headers or {})}
        self._sleep = sleep
        self._local = threading.local()
        log, masking = logging.getLogger("urllib3.connectionpool"), _MaskingFilter(url)
        log.addFilter(masking)
        weakref.finalize(self, log.removeFilter, masking)

    def __repr__(self) -> str:
        return f"<HttpProvider {self.endpoint}>"

    __str__ = __repr__

    def hide(self, text: str) -> str:
        """``text`` without the secrets of this endpoint's URL."""
        return mask_text(text, self._url)

    def make_request(self, method: Any, params: Any) -> Any:
        body = self.encode_rpc_request(method, params)
        tries = self._retries + 1 if method in _REPEATABLE else 1
        reason = ""
        for attempt in range(tries):
            answer, reason, pause = self._post(body)
            if answer is not None:
                _raise_revert(method, answer)
                return answer
            if attempt + 1 < tries:
                growing = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311
                self._sleep(min(max(pause, growing), LONGEST_PAUSE))
        raise ChainUnreachableError(self.endpoint, str(method), reason)

    def _post(self, body: bytes) -> tuple[Any, str, float]:
        """One exchange: the answer, or why there is none and how long the node asks to be left alone."""
        try:
            response = self._session().post(
                self._url, data=body, headers=self._headers, timeout=self._timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            return None, self.hide(f"{type(error).__name__}: {error}"), 0.0
        answer = _json_rpc(response)
        if response.status_code == 429 or (response.status_code >= 500 and answer is None):
            return None, f"HTTP {response.status_code}", _retry_after(response)
        if answer is None:
            text = self.hide(response.text[:200])
            raise RpcError("POST", response.status_code, f"{self.endpoint} answers no JSON-RPC: {text!r}")
        refusal = answer.get("error")
        if isinstance(refusal, dict):
            # Some nodes quote the URL they were asked at.
            refusal["message"] = self.hide(str(refusal.get("message", "")))
            if any(words in refusal["message"].lower() for words in _BUSY):
                return None, refusal["message"], 0.0
        return answer, "", 0.0

    def _session(self) -> requests.Session:
        # A session is not safe to share between threads.
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        return cast(requests.Session, session)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _json_rpc(response: requests.Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and ("result" in answer or "error" in answer) else None


def _raise_revert(method: str, answer: Mapping[str, Any]) -> None:
    """Keeps a revert from web3, which knows the data of some nodes' reverts and not of all."""
    refusal = answer.get("error")
    if method in ("eth_call", "eth_estimateGas") and isinstance(refusal, Mapping):
        revert = revert_in_response(refusal)
        if revert is not None:
            raise CallFailed(revert)


def _retry_after(response: requests.Response) -> float:
    try:
        return float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0


class Node:
    """A web3 instance whose every failure is one of this package's errors.

    Args:
        engine_errors: what a chain in this process raises besides.
    """

    def __init__(self, web3: Web3, engine_errors: tuple[type[Exception], ...] = ()) -> None:
        self.web3 = web3
        self.eth = web3.eth
        self._refusals: tuple[type[Exception], ...] = (
            Web3Exception,
            ValidationError,
            ValueError,
            *engine_errors,
        )
        provider = web3.provider
        self._hide: Callable[[str], str] = getattr(
            provider, "hide", lambda text: mask_text(text, self._url())
        )
        self.endpoint = getattr(provider, "endpoint", None) or self._described()

    @staticmethod
    def of(provider: Any, engine_errors: tuple[type[Exception], ...] = ()) -> Node:
        """A node behind a web3 provider, blocks of clique, IBFT and QBFT chains (long extraData) included."""
        web3 = Web3(provider)
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        return Node(web3, engine_errors)

    def _url(self) -> str:
        return str(getattr(self.web3.provider, "endpoint_uri", None) or "")

    def _described(self) -> str:
        url = self._url()
        return mask_url(url) if url else type(self.web3.provider).__name__

    def ask(self, method: str, request: Callable[[], T]) -> T:
        """Runs a request.

        Raises:
            CallFailed: a contract reverted.
            ChainUnreachableError: no answer.
            RpcError: any other error.
        """
        try:
            return request()
        except (CallFailed, TransactionNotFound, TransactionIndexingInProgress):
            raise
        except (requests.RequestException, OSError) as error:
            reason = self._hide(f"{type(error).__name__}: {error}")
            failure: Exception = ChainUnreachableError(self.endpoint, method, reason)
        except self._refusals as error:
            if isinstance(error, EvgiError):
                raise
            failure = self._translated(method, error)
        # Raised here, not above: the original may quote the URL's secrets, and would be shown beside it.
        raise failure

    def find(self, method: str, request: Callable[[], T]) -> T | None:
        """Runs a request for a transaction or receipt; None where the node does not have it. Raises as ``ask``."""
        try:
            return self.ask(method, request)
        except (TransactionNotFound, TransactionIndexingInProgress):
            return None

    def _translated(self, method: str, error: Exception) -> Exception:
        revert = revert_in(error)
        if revert is not None:
            return CallFailed(revert)
        response = getattr(error, "rpc_response", None)
        details = response.get("error") if isinstance(response, Mapping) else None
        if isinstance(details, Mapping):
            return RpcError(method, details.get("code"), self._hide(str(details.get("message"))))
        return RpcError(method, None, self._hide(str(error)))
