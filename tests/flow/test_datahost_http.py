"""What stands between a data host and the network: limits, headers, one form of error, a log that tells nothing."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests
from jsonschema import Draft202012Validator

from evgi_client.chain import Chain
from evgi_client.data.patience import PatientProtocol
from evgi_client.data.refusals import STATUS
from evgi_client.data.shield import Shield
from evgi_client.data.store import Store
from evgi_client.errors import ChainUnreachableError
from evgi_client.messages.access import Right
from tests.support import hosting
from tests.support.hosting import BATTERY, Served, World

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.fixture(scope="module")
def world(chain: Chain) -> World:
    return hosting.found(chain)


@pytest.fixture(scope="module")
def store(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with world.new_store(str(tmp_path_factory.mktemp("host") / "host.db")) as store:
        yield store


@pytest.fixture(scope="module")
def served(world: World, store: Store) -> Iterator[Served]:
    with hosting.serving(world, world.hosting(store, body_seconds=2)) as served:
        yield served


def code_of(answer: requests.Response) -> str:
    """The code of an error, which has the one form of errors."""
    document = answer.json()
    assert set(document) == {"error"}
    assert set(document["error"]) <= {"code", "message", "values"}
    assert STATUS[document["error"]["code"]] == answer.status_code
    assert answer.headers["content-type"] == "application/json"
    return str(document["error"]["code"])


# What it says of itself


def test_a_host_says_who_it_is(served: Served) -> None:
    world = served.world
    described = served.get("/v1/host").json()
    assert described == {
        "protocol": "evgi-unlock/1",
        "host": world.host.address,
        "chainId": world.chain.chain_id,
        "accessRegistry": world.contracts["AccessRegistry"].address,
        "dataRegistry": world.contracts["DataRegistry"].address,
        "streams": described["streams"],
        "limits": {"writeBytes": 1_048_576, "page": 100},
    }
    assert "0x" + BATTERY.hex() in described["streams"]
    assert len(described["streams"]) == 4


def test_the_interface_is_described(served: Served) -> None:
    document = served.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {
        ("get", "/v1/host"),
        ("get", "/v1/health"),
        ("post", "/v1/writes"),
        ("post", "/v1/unlock"),
        ("post", "/v1/sessions/{session}"),
    }
    for operation in operations.values():
        assert operation["summary"]
        assert operation["tags"]
    # Every code is told of somewhere, save those that say that the request was to nowhere.
    told = " ".join(
        answer["description"]
        for operation in operations.values()
        for answer in operation["responses"].values()
    )
    assert {code for code in STATUS if code not in told} == {"internal", "method"}
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_examples_are_of_the_form_that_is_described(served: Served) -> None:
    document = served.get("/openapi.json").json()
    body = document["paths"]["/v1/writes"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator(body).validate(served.world.write(number=0).to_json())
    validator = Draft202012Validator(
        {**document["components"]["schemas"]["HostDescription"], "components": document["components"]}
    )
    validator.validate({**served.get("/v1/host").json(), "limits": {"writeBytes": 1, "page": 1}})


def test_nothing_is_loaded_from_elsewhere(served: Served) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert code_of(served.get(path)) == "not_found"


# One form of error, and headers


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/", "not_found"),
        ("GET", "/v1/hosts", "not_found"),
        ("GET", "/v1/host/", "not_found"),
        ("GET", "/%2e%2e/etc/passwd", "not_found"),
        ("POST", "/v1/host", "method"),
        ("PUT", "/v1/writes", "method"),
        ("DELETE", "/v1/sessions/0x" + "00" * 32, "method"),
        ("OPTIONS", "/v1/writes", "method"),
        ("POST", "/v1/sessions/", "not_found"),
        ("POST", "/v1/sessions/0x" + "00" * 32, "session_unknown"),
        ("POST", "/v1/sessions/0x" + "0" * 63, "session_unknown"),
        ("POST", "/v1/sessions/0X" + "00" * 32, "session_unknown"),
        ("POST", "/v1/sessions/" + "%00" * 9, "session_unknown"),
        ("POST", "/v1/sessions/a/b", "not_found"),
        ("POST", "/v1/writes", "malformed"),
        ("POST", "/v1/unlock", "packet"),
    ],
)
def test_every_error_has_one_form_and_every_answer_its_headers(
    served: Served, method: str, path: str, code: str
) -> None:
    answer = requests.request(method, served.url + path, timeout=10)
    assert code_of(answer) == code
    assert HEADERS.items() <= answer.headers.items()
    assert len(answer.headers["x-request-id"]) == 16
    assert "server" not in answer.headers


def test_good_answers_have_the_headers_too(served: Served) -> None:
    answers = [served.get("/v1/host"), served.get("/openapi.json"), served.get("/v1/health")]
    for answer in answers:
        assert answer.status_code == 200
        assert HEADERS.items() <= answer.headers.items()
        assert "strict-transport-security" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


# Limits


@pytest.mark.parametrize(
    ("path", "longest"),
    [
        ("/v1/writes", 1_430_869),
        ("/v1/unlock", 16_384),
        ("/v1/sessions/0x" + "00" * 32, 65_536),
        ("/v1/host", 4_096),
        ("/nowhere", 4_096),
    ],
)
def test_a_body_that_is_too_long_is_refused_by_its_length_and_as_it_comes(
    served: Served, path: str, longest: int
) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(longest // 1024 + 2):
            yield bytes(1024)

    within = served.post(path, data=bytes(longest - 1))
    assert code_of(within) != "too_large"
    assert code_of(served.post(path, data=bytes(longest + 1024))) == "too_large"
    if path != "/v1/host":
        try:
            streamed = served.post(path, data=stream())
        except requests.ConnectionError:
            return  # it stopped listening in the middle, as it may
        if path == "/nowhere":
            assert code_of(streamed) in ("not_found", "too_large")
        else:
            assert code_of(streamed) == "too_large"


def raw(served: Served, request: bytes, wait: float = 10) -> bytes:
    """What the server answers to bytes that are no client's."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    return answer


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"0x10", b"99999999999999999999999999"])
def test_a_length_that_is_none_is_refused(served: Served, length: bytes) -> None:
    answer = raw(
        served,
        b"POST /v1/writes HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: "
        + length
        + b"\r\n\r\n",
    )
    assert answer.split(b" ")[1] in (b"400", b"413")


def test_a_body_that_does_not_come_is_not_waited_for(served: Served) -> None:
    began = time.monotonic()
    answer = raw(served, b"POST /v1/writes HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    assert time.monotonic() - began < 8
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert b'"code":"timeout"' in answer


@pytest.mark.parametrize("head", [b"", b"GET /v1/host HTTP/1.1\r\nhost:"])
def test_a_head_that_does_not_come_is_not_waited_for(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_seconds", 0.5)
    with hosting.serving(world, world.hosting(store)) as served:
        began = time.monotonic()
        with suppress(ConnectionResetError):
            raw(served, head)
        assert 0.4 < time.monotonic() - began < 5
        # One that asks, waits and asks again is another matter.
        with requests.Session() as session:
            for _ in range(2):
                assert session.get(served.url + "/v1/host", timeout=10).status_code == 200
                time.sleep(0.8)


def is_cut_off(connection: socket.socket, request: bytes) -> bool:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            connection.sendall(request * 100)
        except (ConnectionError, TimeoutError):
            return True
        time.sleep(0.05)
    return False


def test_an_answer_that_is_not_taken_is_not_kept_for_ever(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "take_seconds", 0.5)
    with hosting.serving(world, world.hosting(store)) as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(10)
            connection.connect((host, int(port)))
            request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
            # Asked again and again, never read: the buffers on the way fill up, and the host ends it.
            assert is_cut_off(connection, request)
        assert served.get("/v1/host").status_code == 200


def test_a_client_that_asks_too_often_is_told_to_wait(world: World, store: Store) -> None:
    with hosting.serving(world, world.hosting(store, requests_per_second=5)) as served:
        answers = [served.get("/v1/host") for _ in range(40)]
        busy = [answer for answer in answers if answer.status_code == 429]
        assert 10 <= sum(answer.status_code == 200 for answer in answers) < 40
        assert busy
        assert code_of(busy[0]) == "busy"
        assert int(busy[0].headers["retry-after"]) >= 1
        assert HEADERS.items() <= busy[0].headers.items()
        time.sleep(1.1)
        assert served.get("/v1/host").status_code == 200


def test_more_requests_than_there_is_room_for_are_told_to_wait(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shield.__init__, "__kwdefaults__", {**Shield.__init__.__kwdefaults__, "at_once": 2})
    slow = threading.Event()

    def waiting(_: Store) -> None:
        slow.wait(10)

    monkeypatch.setattr(Store, "ping", waiting)
    with hosting.serving(world, world.hosting(store)) as served, ThreadPoolExecutor(2) as pool:
        under_way = [pool.submit(served.get, "/v1/health") for _ in range(2)]
        deadline = time.monotonic() + 10
        while (answer := served.get("/v1/host")).status_code != 429 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert code_of(answer) == "busy"
        assert answer.headers["retry-after"] == "1"
        slow.set()
        assert [each.result(10).status_code for each in under_way] == [200, 200]
        assert served.get("/v1/host").status_code == 200


def test_clients_at_once_lose_nothing(served: Served, store: Store) -> None:
    world = served.world
    resource = world.bootstrap(label="busy")
    sent = [world.write(b"%d" % number, by=world.owner, resource=resource) for number in range(12)]
    again = threading.Barrier(3)

    def work() -> None:
        again.wait(10)
        for signed in sent:
            for _ in range(200):
                if served.put(signed).status_code in (200, 201):
                    break

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    items = served.unlock(world.owner, resource=resource).read()["writes"]
    assert [item["write"]["number"] for item in items] == [str(number) for number in range(12)]


def test_a_proxy_is_believed_where_it_is_named(world: World, store: Store) -> None:
    """Else anybody would name another client with every request."""
    for proxies, several in ((None, False), ("127.0.0.1", True)):
        host = world.hosting(store, requests_per_second=1)
        with hosting.serving(world, host, proxies=proxies) as served:
            statuses = [
                requests.get(
                    served.url + "/v1/host", headers={"x-forwarded-for": f"192.0.2.{number}"}, timeout=10
                ).status_code
                for number in range(12)
            ]
        assert (429 not in statuses) is several


# What is logged


def test_the_log_tells_what_happened_and_nothing_of_whom(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    world = served.world
    signed = world.write(b"where Ada was")
    with caplog.at_level(logging.INFO, "evgi.datahost"):
        served.put(signed)
        reading = served.unlock()
        reading.read()
        served.post("/v1/writes", data=b"{}")
        served.get("/v1/nothing?token=hunter2")
        deadline = time.monotonic() + 5
        while len(caplog.messages) < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
    lines: list[dict[str, Any]] = [json.loads(message) for message in caplog.messages]
    assert [(each["method"], each["route"], each["status"]) for each in lines] == [
        ("POST", "/v1/writes", 201),
        ("POST", "/v1/unlock", 200),
        ("POST", "/v1/sessions/{session}", 200),
        ("POST", "/v1/writes", 400),
        ("GET", None, 404),
    ]
    for each in lines:
        assert set(each) == {"time", "event", "request", "method", "route", "status", "received", "ms"}
    text = " ".join(caplog.messages).lower()
    for secret in (
        world.reader.address, world.writer.address, world.resource().hex(), reading.session.id.hex(),
        signed.salt.hex(), "127.0.0.1", "hunter2", "where ada was",
    ):  # fmt: skip
        assert secret.lower() not in text


# What fails beneath


def test_a_chain_that_does_not_answer_is_said_and_nothing_is_given_away(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = served.world
    signed = world.write(b"not taken")
    reading = served.unlock()
    packet = reading.session.seal(b'{"do":"list"}', world.chain.now())

    def gone(*_: object, **__: object) -> bytes:
        raise ChainUnreachableError("http://node:8545", "eth_call", "connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(Chain, "call", gone)
        for answer in (served.put(signed), served.post("/v1/unlock", data=b"{}")):
            assert answer.status_code in (400, 503)
        assert code_of(served.put(signed)) == "chain"
        assert served.put(signed).headers["retry-after"] == "1"
        assert "8545" not in served.put(signed).text
        sealed = served.post(f"/v1/sessions/0x{reading.session.id.hex()}", data=packet)
    answer = json.loads(reading.session.open(sealed.content, world.chain.now()).plaintext)
    assert answer["error"]["code"] == "chain"
    # The session goes on when the chain does.
    assert "streams" in reading.ask({"do": "list"})
    assert served.put(signed).status_code == 201


def test_health_is_that_of_chain_and_database(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.get("/v1/health").json() == {"status": "ok"}

    def gone(*_: object) -> int:
        raise ChainUnreachableError("http://node", "eth_blockNumber", "gone")

    with monkeypatch.context() as patched:
        patched.setattr(Chain, "now", gone)
        assert code_of(served.get("/v1/health")) == "chain"


def test_a_bug_gives_no_stack_away(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("the password is hunter2")

    with monkeypatch.context() as patched:
        patched.setattr(Chain, "now", broken)
        answer = served.get("/v1/health")
    assert code_of(answer) == "internal"
    assert "hunter2" not in answer.text
    assert "hunter2" not in " ".join(caplog.messages)
    assert HEADERS.items() <= answer.headers.items()


def test_what_is_under_way_is_finished_when_the_host_is_told_to_stop(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, found = threading.Event(), []
    certificate = world.grant(world.stranger, Right.WRITE)
    assert certificate
    signed = world.write(by=world.stranger)
    plain = Store.add

    def slow(*args: Any) -> bool:
        began.set()
        time.sleep(0.8)
        return plain(*args)

    monkeypatch.setattr(Store, "add", slow)
    with hosting.serving(world, world.hosting(store)) as served:
        thread = threading.Thread(target=lambda: found.append(served.put(signed).status_code))
        thread.start()
        assert began.wait(10)
    thread.join(10)
    assert found == [201]
    assert store.position_of(signed.write.struct_hash()) is not None
