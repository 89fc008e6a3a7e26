"""Fuzzed requests over real HTTP: whatever comes, the answer is a good one or an error of the one form, never a 500."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.data.refusals import STATUS
from evgi_client.data.store import Store
from evgi_client.messages.access import Right
from tests.support import hosting
from tests.support.hosting import Served, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.chain import Chain

fuzz = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
LIKELY = st.sampled_from(
    [
        "", "0x", "0x" + "00" * 20, "0x" + "ff" * 32, "0x" + "00" * 65, "0x" + "ff" * 65, "0", "-1", "1e5",
        str(2**64), str(2**64 - 1), str(2**63), 2**63, "\x00", "\ud800", "é", "A" * 5_000, "QQ==", "'; --", {}, [],
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def world(chain: Chain) -> World:
    return hosting.found(chain)


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = tmp_path_factory.mktemp("host") / "host.db"
    with world.new_store(str(path)) as store, hosting.serving(world, world.hosting(store)) as served:
        assert served.put(world.write(b"there")).status_code == 201
        yield served
        # It lives, and holds what it held.
        assert served.get("/v1/health").status_code == 200
        assert len(served.unlock().read()["writes"]) == 1
        assert list(served.hosting.audit().run()) == []


def sound(answer: requests.Response) -> str:
    """The code of an error of the one form; none of them says that the host failed."""
    assert 400 <= answer.status_code < 500, answer.text
    error = answer.json()["error"]
    assert STATUS[error["code"]] == answer.status_code
    assert set(error) <= {"code", "message", "values"}
    assert len(answer.content) < 1_000
    return str(error["code"])


@fuzz
@given(body=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_to_any_path(served: Served, body: bytes) -> None:
    for path in ("/v1/writes", "/v1/unlock", "/v1/sessions/0x" + "11" * 32):
        sound(served.post(path, data=body))


@fuzz
@given(data=st.data())
def test_a_write_with_fields_exchanged(served: Served, data: st.DataObject) -> None:
    document = served.world.write(b"fuzz", number=1).to_json()
    for _ in range(data.draw(st.integers(1, 3))):
        inside: Any = document if data.draw(st.booleans()) else document["write"]
        if not isinstance(inside, dict):
            break
        inside[data.draw(st.sampled_from([*inside, "more"]))] = data.draw(JSON | LIKELY)
    sound(served.post("/v1/writes", data=json.dumps(document).encode()))


@fuzz
@given(data=st.data())
def test_a_signed_write_with_values_that_nobody_meant(served: Served, data: st.DataObject) -> None:
    """Signed by who may write, so that it is looked at to the end."""
    world = served.world
    words = st.binary(min_size=32, max_size=32)
    changes = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "number": st.integers(2, 2**64 - 1),
                "written_at": st.integers(0, 2**64 - 1),
                "resource": words,
                "stream": words,
                "host": st.sampled_from([world.owner.address, hosting.ZERO]),
                "content": words,
            },
        ).filter(bool)
    )
    sound(served.put(world.write(b"fuzz", **{"number": 2, **changes})))


@fuzz
@given(signature=st.binary(max_size=200), account=st.binary(min_size=20, max_size=20))
def test_any_signature_of_anybody(served: Served, signature: bytes, account: bytes) -> None:
    signed = served.world.write(b"fuzz", number=1)
    assert sound(served.put(replace(signed, signature=signature))) == "signature"
    other = "0x" + account.hex()
    assert sound(served.put(replace(signed, account=other))) == "signature"


@fuzz
@given(data=st.data())
def test_a_request_with_bytes_exchanged(served: Served, data: st.DataObject) -> None:
    world = served.world
    now = world.chain.now()
    packet = world.accessor().request(world.host.address, world.resource(), Right.READ, now).packet
    start = data.draw(st.integers(0, len(packet)))
    end = data.draw(st.integers(start, min(len(packet), start + 40)))
    changed = packet[:start] + data.draw(st.binary(max_size=40)) + packet[end:]
    answer = served.post("/v1/unlock", data=changed)
    if changed == packet:
        assert answer.status_code == 200
    elif answer.status_code == 403:
        # A rejection, signed by the host and bound to what was asked.
        assert set(answer.json()) == {"account", "message", "protocol", "signature", "type"}
    else:
        assert sound(answer) == "packet"


@fuzz
@given(data=st.data())
def test_a_packet_of_a_session_with_bytes_exchanged(session: Any, data: st.DataObject) -> None:
    packet = session.session.seal(b'{"do":"list"}', session.served.world.chain.now())
    at = data.draw(st.integers(0, len(packet) - 1))
    changed = packet[:at] + bytes([packet[at] ^ data.draw(st.integers(1, 255))]) + packet[at + 1 :]
    path = f"/v1/sessions/0x{session.session.id.hex()}"
    for wrong in (changed, packet[:at], packet + b"\x00"):
        assert sound(session.served.post(path, data=wrong)) == "packet"
    answer = session.served.post(path, data=packet)
    assert answer.status_code == 200
    session.session.open(answer.content, session.served.world.chain.now())


@fuzz
@given(
    question=st.binary(max_size=100)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(["do", "stream", "after", "limit"]), JSON | LIKELY).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_any_question_inside_a_session(session: Any, question: bytes) -> None:
    answer = session.ask(question)
    assert answer["error"]["code"] in ("malformed", "unknown_stream")


@pytest.fixture(scope="module")
def session(served: Served) -> Any:
    return served.unlock()


@fuzz
@given(
    path=st.text(st.characters(codec="utf-8", exclude_characters="#?"), max_size=40),
    method=st.sampled_from(["GET", "POST", "HEAD", "PATCH", "TRACE", "FOO"]),
)
def test_any_path_with_any_method(served: Served, path: str, method: str) -> None:
    answer = requests.request(method, served.url + "/" + requests.utils.quote(path), timeout=10)
    assert 400 <= answer.status_code < 500
    if method != "HEAD":
        sound(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b"[" * 1_000_000 + b"]" * 400_000,
        b"1" * 1_000_000,
        b'"' + b"\\u0000" * 200_000 + b'"',
        b"\xff" * 1_000_000,
        b" " * 1_400_000,
        b'{"write":' + b"9" * 500_000 + b"}",
        b'{"number":1e999999999}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        json.dumps({str(number): number for number in range(50_000)}).encode(),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_made_to_tire_the_reader(served: Served, body: bytes) -> None:
    assert sound(served.post("/v1/writes", data=body)) == "malformed"


@pytest.mark.parametrize(
    "head",
    [
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /v1/writes HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /v1/writes HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /v1/host HTTP/1.1\r\nhost: x\r\n" + b"a: " + b"b" * 70_000 + b"\r\n\r\n",
        b"GET /v1/host HTTP/1.1\r\n" + b"".join(b"h%d: 1\r\n" % number for number in range(5_000)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    ],
    ids=lambda head: repr(head[:24]),
)
def test_what_is_no_http_ends_the_connection_and_not_the_host(served: Served, head: bytes) -> None:
    import socket

    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        answer = b""
        try:
            connection.sendall(head)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65_536):
                answer += chunk
        except (ConnectionError, BrokenPipeError):
            pass
    if answer:
        status, body = answer.split(b"\r\n")[0], answer.rpartition(b"\r\n\r\n")[2]
        # Many headers are odd, and are a request.
        if status != b"HTTP/1.1 200 OK":
            assert status.split(b" ")[1].startswith(b"4")
            assert set(json.loads(body)["error"]) == {"code", "message"}
    assert served.get("/v1/health").status_code == 200


def test_a_record_of_any_bytes_comes_back_as_it_was(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "host.db"
    records = [
        b"",
        b"\x00",
        bytes(range(256)),
        b"\xff" * 3,
        "Zoë".encode(),
        b'{"a":1}',
        b"'; DROP TABLE writes; --",
    ]
    numbers = world.numbers.copy()
    world.numbers.clear()
    with world.new_store(str(path)) as store, hosting.serving(world, world.hosting(store)) as served:
        for record in records:
            assert served.put(world.write(record)).status_code == 201
        read = [base64.b64decode(item["data"]) for item in served.unlock().read()["writes"]]
        assert read == records
        assert isinstance(store, Store)
    world.numbers.update(numbers)
