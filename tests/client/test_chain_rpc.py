"""JSON-RPC over a real socket: retries, time limits, secrets, and nodes of many kinds."""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from web3 import HTTPProvider, Web3

from evgi_client.chain import Chain, Log
from evgi_client.chain.events import in_chunks
from evgi_client.chain.rpc import LONGEST_PAUSE, HttpProvider, Node, mask_text, mask_url
from evgi_client.errors import ChainMismatchError, ChainUnreachableError, ContractError, RpcError

Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


def respond(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def result(value: object) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        body = {"jsonrpc": "2.0", "id": request["id"], "result": value}
        respond(handler, 200, json.dumps(body).encode())

    return answer


def error(code: int, message: str, data: object = None, status: int = 200) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        details = {"code": code, "message": message} | ({} if data is None else {"data": data})
        respond(
            handler, status, json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": details}).encode()
        )

    return answer


def quote_url(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
    error(-32000, f"no access to {handler.path}")(handler, request)


def status(code: int, **headers: str) -> Answer:
    return lambda handler, _: respond(handler, code, b"<html>busy</html>", headers)


def hang_up(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
    handler.close_connection = True
    handler.connection.close()


class ScriptedNode:
    """Answers the first requests by script, and each later one with the script's last answer."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.by_method: dict[str, Answer] = {}
        self.methods: list[str] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.methods.append(request["method"])
                node.answer(request)(self, request)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: dict[str, Any]) -> Answer:
        if request["method"] in self.by_method:
            return self.by_method[request["method"]]
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def node() -> Iterator[ScriptedNode]:
    node = ScriptedNode()
    yield node
    node.close()


def ask(node: ScriptedNode, method: str = "eth_blockNumber", **options: Any) -> tuple[Any, list[float]]:
    """Sends one request; what came of it, and the pauses that were made."""
    pauses: list[float] = []
    provider = HttpProvider(f"http://{node.host}", sleep=pauses.append, **options)
    try:
        return provider.make_request(method, []), pauses
    except (ChainUnreachableError, RpcError) as failure:
        return failure, pauses


class TestRetries:
    @pytest.mark.parametrize("trouble", [status(503), status(502), status(500), status(429), hang_up])
    def test_a_passing_trouble_is_sat_out(self, node: ScriptedNode, trouble: Answer) -> None:
        node.script = [trouble, trouble, result("0x5")]
        answer, pauses = ask(node)
        assert answer["result"] == "0x5"
        assert len(node.methods) == 3
        assert pauses[0] < pauses[1]

    def test_they_are_bounded(self, node: ScriptedNode) -> None:
        node.script = [status(503)]
        failure, pauses = ask(node, retries=4)
        assert isinstance(failure, ChainUnreachableError)
        assert (failure.method, failure.reason) == ("eth_blockNumber", "HTTP 503")
        assert (len(node.methods), len(pauses)) == (5, 4)
        assert max(pauses) <= LONGEST_PAUSE

    def test_what_must_not_be_repeated_is_not(self, node: ScriptedNode) -> None:
        node.script = [status(503)]
        failure, pauses = ask(node, "eth_sendTransaction")
        assert isinstance(failure, ChainUnreachableError)
        assert (len(node.methods), pauses) == (1, [])

    def test_a_signed_transaction_may_be_repeated(self, node: ScriptedNode) -> None:
        node.script = [hang_up, result("0x" + "11" * 32)]
        answer, _ = ask(node, "eth_sendRawTransaction")
        assert answer["result"] == "0x" + "11" * 32

    def test_the_node_may_ask_for_a_pause(self, node: ScriptedNode) -> None:
        node.script = [status(429, **{"Retry-After": "3"}), result("0x1")]
        assert ask(node)[1] == [3.0]
        node.script = [status(429, **{"Retry-After": "86400"}), result("0x1")]
        assert ask(node)[1] == [LONGEST_PAUSE]
        node.script = [status(429, **{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), result("0x1")]
        assert ask(node)[1][0] < 1

    def test_a_rate_limit_may_come_as_json(self, node: ScriptedNode) -> None:
        node.script = [error(-32005, "daily request count exceeded, request rate limited"), result("0x1")]
        assert ask(node)[0]["result"] == "0x1"
        node.script = [error(-32005, "Too Many Requests"), result("0x1")]
        assert ask(node)[0]["result"] == "0x1"

    def test_an_error_of_the_request_is_not_repeated(self, node: ScriptedNode) -> None:
        node.script = [status(401)]
        failure, pauses = ask(node)
        assert isinstance(failure, RpcError)
        assert (failure.code, len(node.methods), pauses) == (401, 1, [])

    def test_a_redirect_is_not_followed(self, node: ScriptedNode) -> None:
        node.script = [status(307, Location="http://127.0.0.1:9/")]
        assert isinstance(ask(node)[0], RpcError)

    def test_a_silent_node_is_given_up(self, node: ScriptedNode) -> None:
        released = threading.Event()
        node.script = [lambda *_: released.wait(10)]  # type: ignore[list-item,return-value]
        began = time.monotonic()
        failure, _ = ask(node, timeout=(1.0, 0.2), retries=1)
        released.set()
        assert isinstance(failure, ChainUnreachableError)
        assert "Timeout" in failure.reason
        assert time.monotonic() - began < 5

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "user:zq9w@host",
            "ws://host/zq9w",
            "http://",
            "http:///zq9w",
            "http://[zq9w",
            "http://h:zq9w/",
            "zq9w",
        ],
    )
    def test_what_is_no_url_is_refused_at_once_and_not_shown(self, url: str) -> None:
        began = time.monotonic()
        with pytest.raises(ChainUnreachableError, match="must begin with http") as caught:
            Chain.connect(url)
        assert "zq9w" not in "".join(traceback.format_exception(caught.value))
        assert time.monotonic() - began < 1

    def test_nobody_there(self) -> None:
        with pytest.raises(ChainUnreachableError, match=r"127\.0\.0\.1:9 does not answer eth_chainId"):
            Chain.connect("http://127.0.0.1:9", retries=0)


SECRETS = [
    ("http://{}/v3/0123456789abcdef0123456789abcdef", "http://{}/v3/***", ["0123456789abcdef"]),
    ("http://{}/v3/zq9w", "http://{}/v3/***", ["zq9w"]),
    ("http://user:pass-word@{}/rpc", "http://***@{}/rpc", ["user", "pass-word"]),
    ("http://only-token@{}", "http://***@{}", ["only-token"]),
    ("http://{}/?apikey=SECRET1&x=SECRET2", "http://{}/?apikey=***&x=***", ["SECRET1", "SECRET2"]),
    ("http://{}/?SECRET3", "http://{}/?***", ["SECRET3"]),
    ("http://{}/rpc/aB3-dE5_gH7iJ9kL/eth", "http://{}/rpc/***/eth", ["aB3-dE5_gH7iJ9kL"]),
    ("http://{}/p%40ss-0123456789abcdef/", "http://{}/***/", ["p%40ss-0123456789abcdef"]),
]


class TestSecrets:
    @pytest.mark.parametrize(("url", "masked", "_"), SECRETS)
    def test_a_url_is_masked(self, url: str, masked: str, _: list[str]) -> None:
        assert mask_url(url.format("node.example:8545")) == masked.format("node.example:8545")

    def test_a_short_parameter_does_not_garble_the_text(self) -> None:
        url = "https://node.example/?v=5"
        assert mask_text(f"HTTP 503 from {url}", url) == "HTTP 503 from https://node.example/?v=***"

    def test_what_is_no_secret_is_shown(self) -> None:
        for url in ("http://127.0.0.1:8545", "https://node.example/rpc", "https://node.example/chains/besu"):
            assert mask_url(url) == url
            assert mask_text(f"cannot reach {url}", url) == f"cannot reach {url}"

    @pytest.mark.parametrize(("url", "masked", "secrets"), SECRETS)
    @pytest.mark.parametrize("trouble", [status(503), status(401), hang_up, quote_url, result("0x1")])
    def test_nothing_shows_them(
        self,
        node: ScriptedNode,
        caplog: pytest.LogCaptureFixture,
        url: str,
        masked: str,
        secrets: list[str],
        trouble: Answer,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        url = url.format(node.host)
        node.script = [trouble]
        shown = []
        for connect in (self._anothers, self._ours):
            # What another's provider logs is not ours to mask.
            caplog.clear()
            try:
                shown.append(repr(connect(url)))
            except (ChainUnreachableError, RpcError) as failure:
                shown.append("".join(traceback.format_exception(failure)))
                shown += [str(failure), repr(failure)]
        shown.append(caplog.text)
        for secret in secrets:
            assert secret not in "\n".join(shown)
        if trouble is not quote_url:
            assert masked.format(node.host) in "\n".join(shown)

    @staticmethod
    def _ours(url: str) -> Chain:
        return Chain(Node.of(HttpProvider(url, retries=1, sleep=lambda _: None)))

    @staticmethod
    def _anothers(url: str) -> Chain:
        return Chain.from_web3(Web3(HTTPProvider(url, exception_retry_configuration=None)))


def rpc_chain(node: ScriptedNode, **answers: Answer) -> Chain:
    node.by_method = {"eth_chainId": result("0x539"), **answers}
    return Chain.connect(f"http://{node.host}", retries=0)


BLOCK = {
    "number": "0x5",
    "hash": "0x" + "aa" * 32,
    "parentHash": "0x" + "bb" * 32,
    "timestamp": "0x5c1b2f00",
    "gasLimit": "0x1c9c380",
    "gasUsed": "0x0",
    "miner": "0x" + "00" * 20,
    "difficulty": "0x1",
    "nonce": "0x0000000000000000",
    "sha3Uncles": "0x" + "00" * 32,
    "logsBloom": "0x" + "00" * 256,
    "transactionsRoot": "0x" + "00" * 32,
    "stateRoot": "0x" + "00" * 32,
    "receiptsRoot": "0x" + "00" * 32,
    "size": "0x300",
    "uncles": [],
    "transactions": [],
}


class TestNodes:
    def test_another_chain_than_meant(self, node: ScriptedNode) -> None:
        node.by_method = {"eth_chainId": result("0x1")}
        with pytest.raises(ChainMismatchError) as caught:
            Chain.connect(f"http://{node.host}", chain_id=1337)
        assert (caught.value.expected, caught.value.actual) == (1337, 1)

    def test_the_chain_id_is_asked_once(self, node: ScriptedNode) -> None:
        chain = rpc_chain(node, eth_blockNumber=result("0x5"))
        for _ in range(3):
            assert (chain.chain_id, chain.head()) == (1337, 5)
        assert node.methods.count("eth_chainId") == 1

    def test_blocks_of_consortium_chains_are_read(self, node: ScriptedNode) -> None:
        block = {**BLOCK, "extraData": "0x" + "cc" * 300}
        chain = rpc_chain(node, eth_getBlockByNumber=result(block), eth_blockNumber=result("0x5"))
        assert chain.now() == 0x5C1B2F00
        assert chain.genesis_hash == "0x" + "aa" * 32

    @pytest.mark.parametrize(
        "answer",
        [
            error(3, "execution reverted: custom error 0x30cd7471", "0x{revert}"),
            error(3, "execution reverted", "0x{revert}"),
            error(-32000, "execution reverted", "0x{revert}"),
            error(-32000, "Execution reverted", "0x{revert}"),
            error(-32015, "VM execution error.", "Reverted 0x{revert}"),
            error(-32000, "VM Exception while processing transaction: revert", {"data": "0x{revert}"}),
            error(-32603, "Error: VM Exception: reverted", {"originalError": {"data": "0x{revert}"}}),
            error(3, "execution reverted", "0x{revert}", status=500),
        ],
    )
    def test_reverts_of_every_node(self, node: ScriptedNode, answer: Answer) -> None:
        account = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
        revert = Web3.keccak(text="NotMember(address)")[:4].hex() + account[2:].lower().rjust(64, "0")

        def filled(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
            sent = _Replacing(handler, b"{revert}", revert.encode())
            answer(sent, request)  # type: ignore[arg-type]

        chain = rpc_chain(node, eth_call=filled)
        with pytest.raises(ContractError) as caught:
            chain.contract("ClearingToken", account).call("totalSupply")
        assert (caught.value.name, caught.value.args) == ("NotMember", {"account": account})

    def test_a_refusal_that_is_no_revert(self, node: ScriptedNode) -> None:
        chain = rpc_chain(node, eth_call=error(-32000, "missing trie node"))
        with pytest.raises(RpcError) as caught:
            chain.call("0x" + "11" * 20, b"")
        assert (caught.value.method, caught.value.code) == ("eth_call", -32000)
        assert "missing trie node" in str(caught.value)


class _Replacing:
    """A handler whose body has one text put in place of another."""

    def __init__(self, handler: BaseHTTPRequestHandler, old: bytes, new: bytes) -> None:
        self._handler = handler
        self._old, self._new = old, new
        self.wfile = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handler, name)

    def send_header(self, name: str, value: str) -> None:
        if name != "Content-Length":
            self._handler.send_header(name, value)

    def end_headers(self) -> None:
        pass

    def write(self, body: bytes) -> None:
        body = body.replace(self._old, self._new)
        self._handler.send_header("Content-Length", str(len(body)))
        self._handler.end_headers()
        self._handler.wfile.write(body)


def log_of(block: int) -> Log:
    return Log("0x" + "11" * 20, (), b"", block, "0x", "0x", 0)


class TestRanges:
    @pytest.mark.parametrize(
        "words",
        [
            "query returned more than 10000 results",
            "block range is too large",
            "eth_getLogs is limited to a 1,000 range",
            "Requested range exceeds maximum RPC range limit",
            "Log response size exceeded",
            "query timeout exceeded",
        ],
    )
    def test_a_range_that_is_too_large_is_halved(self, words: str) -> None:
        asked = []

        def fetch(first: int, last: int) -> list[Log]:
            asked.append((first, last))
            if last - first >= 7:
                raise RpcError("eth_getLogs", -32005, words)
            return [log_of(number) for number in range(first, last + 1)]

        logs = list(in_chunks(0, 99, fetch, size=64))

        assert [log.block_number for log in logs] == list(range(100))
        assert len(asked) < 60

    def test_one_block_that_is_too_much_is_an_error(self) -> None:
        def fetch(first: int, last: int) -> list[Log]:
            raise RpcError("eth_getLogs", -32005, "query returned more than 10000 results")

        with pytest.raises(RpcError):
            list(in_chunks(0, 9, fetch))

    def test_another_error_is_not_halved(self) -> None:
        asked = []

        def fetch(first: int, last: int) -> list[Log]:
            asked.append((first, last))
            raise RpcError("eth_getLogs", -32000, "header not found")

        with pytest.raises(RpcError):
            list(in_chunks(0, 9, fetch))
        assert asked == [(0, 9)]

    def test_no_blocks_no_request(self) -> None:
        assert list(in_chunks(5, 4, lambda *_: pytest.fail("asked"))) == []
