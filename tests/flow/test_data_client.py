"""The client of a data host against the real one over HTTP, and against hosts that lie, stall and leak."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.access.channel import EndReason
from evgi_client.access.packets import RejectionReason, read_answer, read_request, sign_packet
from evgi_client.chain import Artifact
from evgi_client.data.client import DataClient
from evgi_client.data.transport import HostTransport
from evgi_client.data.writes import SignedWrite
from evgi_client.errors import (
    AccessSessionEndedError,
    DataError,
    EvgiError,
    HostAnswerError,
    HostMismatchError,
    HostRefusalError,
    HostUnreachableError,
    HostUrlError,
    PacketError,
    RecordInvalidError,
    RecordMissingError,
    UnlockAnswerError,
    UnlockRejectedError,
    UnlockSignerError,
)
from evgi_client.messages.access import Right
from tests.support import hosting
from tests.support.hosting import BATTERY, METER, Served, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evgi_client.chain import Chain
    from evgi_client.signing import LocalSigner


TEST_ARTIFACTS = Path(__file__).parents[1] / "contracts" / "artifacts"


@pytest.fixture(scope="module")
def shared_world(chain: Chain) -> World:
    return hosting.found(chain)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The chain as it was before the test, when it is over."""
    snapshot = shared_world.chain.snapshot()
    try:
        yield shared_world
    finally:
        shared_world.chain.revert_to(snapshot)


@pytest.fixture
def served(world: World, tmp_path: Path) -> Iterator[Served]:
    with (
        world.new_store(str(tmp_path / "host.db")) as store,
        hosting.serving(world, world.hosting(store)) as served,
    ):
        yield served


def client_of(world: World, url: str, by: LocalSigner, **options: Any) -> DataClient:
    arguments = {"clock": world.chain.now, "sleep": lambda _seconds: None, **options}
    return DataClient(
        url,
        world.host.address,
        world.contracts,
        world.domain("AccessRegistry"),
        world.domain("DataRegistry"),
        by,
        **arguments,
    )


def written(served: Served, count: int, by: LocalSigner | None = None) -> list[SignedWrite]:
    """Records of the writer, anchored."""
    with client_of(served.world, served.url, by or served.world.writer) as client:
        sent = [client.write(served.world.resource(), BATTERY, b"record %d" % n) for n in range(count)]
    served.anchor()
    return sent


def test_records_go_from_a_writer_to_a_reader(served: Served) -> None:
    world = served.world
    sent = written(served, 5)
    assert [signed.write.number for signed in sent] == [0, 1, 2, 3, 4]
    with client_of(world, served.url, world.reader) as client, client.unlock(world.resource()) as session:
        assert session.rights == Right.READ
        assert session.resource == world.resource()
        assert session.expires_at == world.chain.now() + 3_600
        (state,) = session.streams()
        assert (state.stream, state.writes, state.anchored) == (BATTERY, 5, 5)
        records = list(session.records(BATTERY))
        assert [record.data for record in records] == [signed.data for signed in sent]
        assert [record.write for record in records] == [signed.write for signed in sent]
        assert [record.position for record in records] == [0, 1, 2, 3, 4]
        batch = client.batch(BATTERY, 1)
        assert batch is not None
        assert {record.batch for record in records} == {batch}
        assert batch.leaves == 5
        assert [record.position for record in session.records(BATTERY, after=2)] == [3, 4]
        identity = session.id
    assert world.chain.now() < session.expires_at
    with pytest.raises(AccessSessionEndedError) as ended:
        session.streams()
    assert (ended.value.session, ended.value.reason) == (identity, EndReason.CLOSED)
    session.end()


def test_what_is_not_anchored_is_given_where_it_is_asked_for(served: Served) -> None:
    world = served.world
    written(served, 2)
    with client_of(world, served.url, world.writer) as writer:
        writer.write(world.resource(), BATTERY, b"later")
    with client_of(world, served.url, world.reader) as client, client.unlock(world.resource()) as session:
        assert [record.data for record in session.records(BATTERY)] == [b"record 0", b"record 1"]
        *_, last = session.records(BATTERY, unanchored=True)
        assert (last.data, last.batch, last.proof) == (b"later", None, None)


def test_many_pages_are_read_as_one(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    world = served.world
    written(served, 7)
    monkeypatch.setattr("evgi_client.data.session.PAGE", 3)
    with client_of(world, served.url, world.reader) as client, client.unlock(world.resource()) as session:
        assert [record.write.number for record in session.records(BATTERY)] == list(range(7))


def test_a_writer_goes_on_where_it_stopped(served: Served) -> None:
    world, resource = served.world, served.world.resource()
    written(served, 2)
    # A client that knows nothing is told the next number by the host.
    with client_of(world, served.url, world.writer) as client:
        assert client.write(resource, BATTERY, b"third").write.number == 2
        assert client.write(resource, BATTERY, b"fourth").write.number == 3
        assert client.write(resource, METER, b"another stream").write.number == 0


def test_a_record_is_kept_once(served: Served) -> None:
    world, resource = served.world, served.world.resource()
    with client_of(world, served.url, world.writer) as client:
        signed = client.sign(resource, BATTERY, b"offline", bytes(32), 0)
        assert client.send(signed) == client.send(signed) == signed.write.struct_hash()
        for number, code in ((0, "conflict"), (5, "number")):
            with pytest.raises(HostRefusalError) as refused:
                client.write(resource, BATTERY, b"other", number=number)
            assert (refused.value.code, refused.value.values) == (code, {"expected": "1"})
        assert client.write(resource, BATTERY, b"other", number=1).write.number == 1


def test_a_host_that_loses_records_is_found_out(world: World, tmp_path: Path) -> None:
    resource, clients = world.resource(), []
    for name in ("first.db", "second.db"):
        with (
            world.new_store(str(tmp_path / name)) as store,
            hosting.serving(world, world.hosting(store)) as served,
        ):
            if not clients:
                clients.append(client_of(world, served.url, world.writer))
                clients[0].write(resource, BATTERY, b"kept")
                clients[0].write(resource, BATTERY, b"and lost")
            else:
                clients[0]._exchange._transport = HostTransport(served.url)
                with pytest.raises(RecordMissingError) as lost:
                    clients[0].write(resource, BATTERY, b"next")
                assert (lost.value.expected, lost.value.found) == (0, 2)
    clients[0].close()


def test_what_a_host_refuses_is_said_in_its_words(served: Served) -> None:
    world, resource = served.world, served.world.resource()
    with client_of(world, served.url, world.stranger) as client:
        with pytest.raises(HostRefusalError, match="may not write") as refused:
            client.write(resource, BATTERY, b"?")
        assert refused.value.code == "not_allowed"
        with pytest.raises(HostRefusalError) as refused:
            client.write(resource, b"\x05" * 32, b"?")
        assert refused.value.code == "unknown_stream"
        with pytest.raises(HostRefusalError, match="too long") as refused:
            client.write(resource, BATTERY, bytes(1024 * 1024 + 1))
        assert (refused.value.code, refused.value.values) == ("too_large", {"limit": 1024 * 1024})
        with pytest.raises(UnlockRejectedError) as rejected:
            client.unlock(resource)
        assert (rejected.value.reason, rejected.value.retry_after) == (RejectionReason.DENIED, 0)
        with pytest.raises(UnlockRejectedError) as rejected:
            client.unlock(b"\x05" * 32)
        assert rejected.value.reason is RejectionReason.UNKNOWN_RESOURCE
    with client_of(world, served.url, world.reader) as client, client.unlock(resource) as session:
        with pytest.raises(HostRefusalError) as refused:
            list(session.records(METER))
        assert refused.value.code == "unknown_stream"
        # The session goes on.
        assert session.streams() == []


def test_a_session_that_may_not_read_reads_nothing(served: Served) -> None:
    world = served.world
    written(served, 1)
    with (
        client_of(world, served.url, world.writer) as client,
        client.unlock(world.resource(), Right.READ | Right.WRITE) as session,
    ):
        assert session.rights == Right.WRITE
        with pytest.raises(HostRefusalError) as refused:
            list(session.records(BATTERY))
        assert refused.value.code == "not_allowed"


@pytest.mark.parametrize("how", ["block", "revoke", "key"])
def test_a_session_ends_with_the_block_that_takes_access_away(served: Served, how: str) -> None:
    world = served.world
    written(served, 1)
    reader = world.reader
    certificate = world.grant(reader, Right.READ, id=b"\x09" * 32)
    with client_of(world, served.url, reader) as client, client.unlock(world.resource()) as session:
        assert len(list(session.records(BATTERY))) == 1
        if how == "block":
            world.block(reader)
        elif how == "revoke":
            world.revoke(certificate)
        else:
            world.contracts["DIDRegistry"].transact(
                "changeOwner", reader.address, world.stranger.address, signer=reader
            )
        with pytest.raises(AccessSessionEndedError) as ended:
            list(session.records(BATTERY))
        assert ended.value.reason is EndReason.ACCESS_LOST
        expected = {
            "block": RejectionReason.BLOCKED,
            "revoke": RejectionReason.REVOKED,
            "key": RejectionReason.SIGNATURE,
        }
        with pytest.raises(UnlockRejectedError) as rejected:
            client.unlock(world.resource())
        assert rejected.value.reason is expected[how]


def test_a_deputy_reads_and_writes_for_an_identity(served: Served) -> None:
    world = served.world
    deputy = hosting.signer(20)
    registry = world.contracts["DIDRegistry"]
    for identity in (world.writer, world.reader):
        registry.transact(
            "addDelegate",
            identity.address,
            b"sigAuth".ljust(32, b"\0"),
            deputy.address,
            10_000,
            signer=identity,
        )
    with client_of(world, served.url, deputy, identity=world.writer.address) as client:
        signed = client.write(world.resource(), BATTERY, b"by a deputy")
    assert (signed.write.writer, signed.account) == (world.writer.address, deputy.address)
    served.anchor()
    with (
        client_of(world, served.url, deputy, identity=world.reader.address) as client,
        client.unlock(world.resource()) as session,
    ):
        (record,) = session.records(BATTERY)
        assert (record.account, record.write.writer) == (deputy.address, world.writer.address)


def test_an_account_that_is_a_contract_reads_and_writes(served: Served) -> None:
    """Its key signs, the chain says whether the account accepts it (EIP-1271)."""
    world = served.world
    artifact = Artifact.load("SmartAccount", TEST_ARTIFACTS)
    account = world.chain.deploy(artifact, [world.stranger.address], world.stranger)

    class OfAccount:
        address = account.address
        sign_digest = world.stranger.sign_digest
        sign_transaction = world.stranger.sign_transaction

    contract = OfAccount()
    world.grant(contract, Right.READ | Right.WRITE, id=b"\x0c" * 32)
    with client_of(world, served.url, contract) as client:
        signed = client.write(world.resource(), BATTERY, b"by a contract")
        served.anchor()
        with client.unlock(world.resource(), Right.READ | Right.WRITE) as session:
            (record,) = session.records(BATTERY)
    assert record.write == signed.write
    assert record.account == account.address
    # The same key in its own name may do nothing.
    with client_of(world, served.url, world.stranger) as client, pytest.raises(UnlockRejectedError):
        client.unlock(world.resource())
    with (
        client_of(world, served.url, world.stranger, identity=account.address) as client,
        pytest.raises(UnlockRejectedError) as rejected,
    ):
        client.unlock(world.resource())
    assert rejected.value.reason is RejectionReason.SIGNATURE


def test_uses_are_counted_a_session_and_the_last_one_can_be_used(served: Served) -> None:
    world = served.world
    written(served, 1)
    certificate = world.grant(world.reader, Right.READ, id=b"\x0a" * 32, max_uses=1)
    with client_of(world, served.url, world.reader) as client:
        with client.unlock(world.resource(), certificate=certificate) as session:
            for _ in range(3):
                world.chain.advance_to(world.chain.now() + 60)
                assert len(list(session.records(BATTERY))) == 1
        with pytest.raises(UnlockRejectedError) as rejected:
            client.unlock(world.resource())
        assert rejected.value.reason is RejectionReason.USED_UP


def test_a_purpose_is_that_of_the_certificate(served: Served) -> None:
    world = served.world
    billing = b"\x01" * 32
    world.grant(world.reader, Right.READ, id=b"\x0b" * 32, purpose=billing)
    with client_of(world, served.url, world.reader) as client:
        with pytest.raises(UnlockRejectedError) as rejected:
            client.unlock(world.resource())
        assert rejected.value.reason is RejectionReason.PURPOSE
        with client.unlock(world.resource(), purpose=billing) as session:
            assert session.streams() == []


def test_a_session_that_expires_or_is_forgotten_is_opened_again(world: World, tmp_path: Path) -> None:
    with world.new_store(str(tmp_path / "host.db")) as store:
        with hosting.serving(world, world.hosting(store)) as served:
            written(served, 2)
            client = client_of(world, served.url, world.reader)
            session = client.unlock(world.resource())
            first = session.id
            assert len(list(session.records(BATTERY))) == 2
            world.chain.advance_to(world.chain.now() + 3_600)
            assert len(list(session.records(BATTERY))) == 2
            second = session.id
            assert second != first
        with hosting.serving(world, world.hosting(store)) as served:
            client._exchange._transport = HostTransport(served.url)
            assert len(list(session.records(BATTERY))) == 2
            assert session.id not in (first, second)
            session.end()
            client.close()


def test_a_request_does_not_come_to_life_again_with_the_host(world: World, tmp_path: Path) -> None:
    attempt = world.accessor().request(world.host.address, world.resource(), Right.READ, world.chain.now())
    for number in range(2):
        with (
            world.new_store(str(tmp_path / "host.db")) as store,
            hosting.serving(world, world.hosting(store)) as served,
        ):
            answer = served.post("/v1/unlock", data=attempt.packet)
            if number == 0:
                assert answer.status_code == 200
                attempt.take(answer.content, world.chain.now())
            else:
                assert answer.status_code == 403
                assert read_answer(answer.content).message.reason == RejectionReason.REPLAYED


def test_another_host_chain_or_registry_is_not_spoken_to(served: Served) -> None:
    world = served.world
    for contracts, host, field in (
        (world.contracts, world.stranger.address, "host"),
        (
            world.contracts | {"AccessRegistry": world.contracts["DIDRegistry"]},
            world.host.address,
            "accessRegistry",
        ),
    ):
        client = DataClient(
            served.url,
            host,
            contracts,
            world.domain("AccessRegistry"),
            world.domain("DataRegistry"),
            world.reader,
            clock=world.chain.now,
        )
        with client, pytest.raises(HostMismatchError) as other:
            client.unlock(world.resource())
        assert other.value.field == field


@pytest.mark.parametrize(
    "url",
    [
        "host.example",
        "ftp://host.example",
        "http://",
        "https://:443",
        "https://host.example:0",
        "https://host.example:99999",
        "https://[::1",
        "https://user:secret@host.example",
        "https://host.example/?key=secret",
        "https://host.example/#secret",
        "http://host.example",
        "http://192.0.2.1",
        "http://localhost.example",
    ],
)
def test_what_is_no_url_of_a_host(url: str) -> None:
    with pytest.raises(HostUrlError) as refused:
        HostTransport(url)
    assert "secret" not in str(refused.value)


def test_what_is_a_url_of_a_host() -> None:
    for url in ("https://host.example/base/", "http://localhost:8000", "http://127.0.0.1", "http://[::1]:80"):
        HostTransport(url).close()
    HostTransport("http://host.example", allow_http=True).close()


Reply = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(handle: Callable[[str, str, bytes], Reply | None]) -> Iterator[str]:
    """A server of one's own making: ``handle(method, path, body)`` gives status, headers and body, or None for a
    connection that is closed without a word."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            reply = handle(self.command, self.path, body)
            if reply is None:
                self.close_connection = True
                return
            status, headers, content = reply
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 — names of the base class

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def between(served: Served, change: Callable[[str, str, bytes, int, bytes], Reply | None]) -> Iterator[str]:
    """Somebody between client and host: ``change(method, path, question, status, answer)`` says what comes back."""

    def relay(method: str, path: str, body: bytes) -> Reply | None:
        answer = served.get(path) if method == "GET" else served.post(path, data=body)
        return change(method, path, body, answer.status_code, answer.content)

    with answering(relay) as url:
        yield url


def as_it_was(status: int, answer: bytes) -> Reply:
    return status, {}, answer


def test_a_redirect_is_not_followed(world: World) -> None:
    seen: list[str] = []

    def elsewhere(_method: str, path: str, _body: bytes) -> Reply:
        seen.append(path)
        return 307, {"Location": "/elsewhere"}, b""

    with (
        answering(elsewhere) as url,
        client_of(world, url, world.reader) as client,
        pytest.raises(HostAnswerError, match="redirect"),
    ):
        client.meet()
    assert seen == ["/v1/host"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 60_000,
        b"{}",
        b'{"host":5}',
        b'"' + b"x" * 70_000 + b'"',
    ],
)
@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 500])
def test_nonsense_is_an_error_with_a_name(world: World, status: int, body: bytes) -> None:
    headers = {"Content-Length": "0"} if status == 204 else {}
    content = b"" if status == 204 else body
    with (
        answering(lambda *_: (status, headers, content)) as url,
        client_of(world, url, world.reader) as client,
    ):
        for ask in (client.meet, lambda: client.unlock(world.resource())):
            with pytest.raises((HostAnswerError, HostMismatchError)):
                ask()
        client._known, client._write_bytes = True, 100
        for use in (
            lambda: client.unlock(world.resource()),
            lambda: client.write(world.resource(), BATTERY, b"?"),
        ):
            with pytest.raises(EvgiError):
                use()


def test_a_refusal_shows_no_control_characters(world: World) -> None:
    error = {
        "error": {"code": "a\x1b[31m", "message": "b\nc", "values": {"self": 1, "code": 2, "d\x07": "e\r"}}
    }
    body = json.dumps(error).encode()
    with (
        answering(lambda *_: (400, {}, body)) as url,
        client_of(world, url, world.reader) as client,
        pytest.raises(HostRefusalError) as refused,
    ):
        client.meet()
    assert (refused.value.code, str(refused.value)) == ("a?[31m", "b?c")
    assert refused.value.values == {"self": "1", "code": "2", "d?": "e?"}


def test_what_was_not_taken_is_tried_again_and_not_for_ever(world: World) -> None:
    replies: list[Reply | None] = []
    pauses: list[float] = []
    counted: list[str] = []

    def handle(_method: str, path: str, _body: bytes) -> Reply | None:
        counted.append(path)
        return replies.pop(0) if replies else None

    busy = 503, {"Retry-After": "2"}, b'{"error":{"code":"chain","message":"The chain does not answer."}}'
    with (
        answering(handle) as url,
        client_of(world, url, world.reader, sleep=pauses.append) as client,
    ):
        replies[:] = [busy, None, (200, {}, b"{}")]
        with pytest.raises(HostMismatchError):
            client.meet()
        assert len(counted) == 3
        assert pauses == [2.0, 0.4]
        counted.clear()
        with pytest.raises(HostUnreachableError):
            client.meet()
        assert len(counted) == 3
        # Nobody waits longer than a few seconds for a host that asks for it.
        pauses.clear()
        replies[:] = [(429, {"Retry-After": "86400"}, busy[2])] * 3
        with pytest.raises(HostRefusalError) as refused:
            client.meet()
        assert refused.value.code == "chain"
        assert pauses == [5.0, 5.0]
        # A packet may have been taken: it is sent again only where the host says that it was not.
        client._known = True
        counted.clear()
        with pytest.raises(HostUnreachableError):
            client.unlock(world.resource())
        assert counted == ["/v1/unlock"]
        counted.clear()
        replies[:] = [busy, busy]
        with pytest.raises(HostUnreachableError):
            client.unlock(world.resource())
        assert counted == ["/v1/unlock"] * 3


def test_no_host_holds_a_client_for_ever() -> None:
    stop = threading.Event()

    def drip(*_: object) -> Reply:
        stop.wait(10)
        return 200, {}, b"{}"

    with answering(drip) as url:
        for timeout, total in (((5.0, 0.2), 60.0), ((5.0, 60.0), 0.2)):
            transport = HostTransport(url, timeout=timeout, total=total)
            with pytest.raises(HostUnreachableError):
                transport.get("/v1/host", 100)
            transport.close()
        stop.set()
    with pytest.raises(HostUnreachableError) as gone:
        HostTransport(url).get("/v1/host", 100)
    assert gone.value.why == "ConnectionError"


def test_an_answer_without_end_is_not_read_to_the_end() -> None:
    with answering(lambda *_: (200, {}, bytes(300_000))) as url:
        with pytest.raises(HostAnswerError, match="more than 1000 bytes"):
            HostTransport(url).get("/v1/host", 1_000)
        assert len(HostTransport(url).get("/v1/host", 300_000).body) == 300_000


def test_a_cookie_is_not_kept() -> None:
    with answering(lambda *_: (200, {"Set-Cookie": "who=me; Path=/"}, b"")) as url:
        transport = HostTransport(url)
        transport.get("/", 10)
        assert not transport._session.cookies
        transport.close()


def test_an_answer_that_is_lost_is_asked_for_in_another_session(served: Served) -> None:
    world = served.world
    written(served, 1)
    asked: list[str] = []

    def lose(_method: str, path: str, _question: bytes, status: int, answer: bytes) -> Reply | None:
        asked.append(path.split("/")[2])
        lost = asked == ["host", "unlock", "sessions"]
        return None if lost else as_it_was(status, answer)

    with between(served, lose) as url, client_of(world, url, world.reader) as client:
        session = client.unlock(world.resource())
        first = session.id
        assert len(list(session.records(BATTERY))) == 1
        assert session.id != first
    assert asked == ["host", "unlock", "sessions", "unlock", "sessions"]


def test_an_answer_that_was_changed_is_not_believed(served: Served) -> None:
    world, places = served.world, [0, 2, 20, 42, 60, -1]

    def change(_method: str, path: str, _question: bytes, status: int, answer: bytes) -> Reply:
        if "sessions" in path:
            changed = bytearray(answer)
            changed[places[0]] ^= 1
            answer = bytes(changed)
        return as_it_was(status, answer)

    with between(served, change) as url, client_of(world, url, world.reader) as client:
        session = client.unlock(world.resource())
        while places:
            with pytest.raises(PacketError):
                list(session.records(BATTERY))
            places.pop(0)


def test_nobody_answers_in_the_hosts_place(served: Served) -> None:
    world = served.world
    domain = world.domain("AccessRegistry")

    def impersonate(_method: str, path: str, _question: bytes, status: int, answer: bytes) -> Reply:
        if path == "/v1/unlock":
            answer = sign_packet(read_answer(answer).message, world.stranger, domain).to_bytes()
        return as_it_was(status, answer)

    with (
        between(served, impersonate) as url,
        client_of(world, url, world.reader) as client,
        pytest.raises(UnlockSignerError),
    ):
        client.unlock(world.resource())


def test_an_old_acceptance_is_none_for_a_new_request(served: Served) -> None:
    world = served.world
    kept: list[bytes] = []

    def replay(_method: str, path: str, _question: bytes, status: int, answer: bytes) -> Reply:
        if path == "/v1/unlock":
            kept.append(answer)
            answer = kept[0]
        return as_it_was(status, answer)

    with between(served, replay) as url, client_of(world, url, world.reader) as client:
        client.unlock(world.resource())
        with pytest.raises(UnlockAnswerError) as refused:
            client.unlock(world.resource())
        assert refused.value.field == "request"


def test_a_request_that_is_brought_twice_opens_one_session(served: Served) -> None:
    world = served.world
    second: list[tuple[int, bytes]] = []

    def twice(_method: str, path: str, question: bytes, status: int, answer: bytes) -> Reply:
        if path == "/v1/unlock":
            again = served.post(path, data=question)
            second.append((again.status_code, again.content))
            assert read_request(question).message.accessor == world.reader.address
        return as_it_was(status, answer)

    with (
        between(served, twice) as url,
        client_of(world, url, world.reader) as client,
        client.unlock(world.resource()) as session,
    ):
        assert session.streams() == []
    ((status, packet),) = second
    assert status == 403
    assert read_answer(packet).message.reason == RejectionReason.REPLAYED


def test_a_receipt_for_another_write_is_none(served: Served) -> None:
    world = served.world

    def another(_method: str, path: str, _question: bytes, status: int, answer: bytes) -> Reply:
        return as_it_was(
            status, json.dumps({"write": "0x" + "ab" * 32}).encode() if path == "/v1/writes" else answer
        )

    with (
        between(served, another) as url,
        client_of(world, url, world.writer) as client,
        pytest.raises(HostAnswerError, match="another write"),
    ):
        client.write(world.resource(), BATTERY, b"?")


def test_a_write_that_was_changed_on_the_way_is_not_kept(served: Served) -> None:
    world = served.world
    with client_of(world, served.url, world.writer) as client:
        signed = client.sign(world.resource(), BATTERY, b"true", bytes(32), 0)
        for changed, code in (
            (replace(signed, data=b"false"), "malformed"),
            (replace(signed, account=world.stranger.address), "signature"),
            (replace(signed, write=replace(signed.write, number=1)), "signature"),
        ):
            with pytest.raises(HostRefusalError) as refused:
                client.send(changed)
            assert refused.value.code == code
        client.send(signed)


def test_every_error_of_the_client_is_one_of_the_packages() -> None:
    for error in (HostUrlError, HostUnreachableError, HostAnswerError, HostMismatchError, RecordInvalidError):
        assert issubclass(error, DataError)
