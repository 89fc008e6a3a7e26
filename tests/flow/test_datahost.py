"""A data host over HTTP: takes what is rightly signed, gives it back with proofs to who may read, to nobody else."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.access.channel import EndReason
from evgi_client.access.packets import RejectionReason
from evgi_client.chain import Artifact
from evgi_client.data.gate import Gate
from evgi_client.data.merkle import verify
from evgi_client.data.registry import DataAnchors
from evgi_client.data.store import Store
from evgi_client.data.vault import erase
from evgi_client.errors import ContractError, UnlockRejectedError
from evgi_client.messages import keccak256
from evgi_client.messages.access import Right
from evgi_client.messages.data import DataWrite, content_hash, stream_id
from tests.support import hosting
from tests.support.hosting import BATTERY, DAY, METER, Served, World
from tests.support.postgresql import postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from evgi_client.chain import Chain
    from evgi_client.data.writes import SignedWrite

ROOT = Path(__file__).resolve().parents[2]
SIG_AUTH = b"sigAuth".ljust(32, b"\0")


@pytest.fixture(scope="module")
def shared_world(chain: Chain) -> World:
    return hosting.found(chain)


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    """The chain is afterwards as it was before the test."""
    snapshot = shared_world.chain.snapshot()
    shared_world.numbers.clear()
    yield shared_world
    shared_world.chain.revert_to(snapshot)


@pytest.fixture
def store(world: World, tmp_path: Path) -> Iterator[Store]:
    with world.new_store(str(tmp_path / "host.db")) as store:
        yield store


@pytest.fixture
def served(world: World, store: Store) -> Iterator[Served]:
    """A host with an empty store."""
    with hosting.serving(world, world.hosting(store)) as served:
        yield served


def refused(answer: requests.Response, status: int, code: str, **values: str) -> None:
    """The answer is the error that is meant."""
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), answer.text
    assert set(error) <= {"code", "message", "values"}
    assert values.items() <= error.get("values", {}).items()


# From writer to reader


def follow_a_record(served: Served) -> None:
    """From its writer to its reader, proven by the chain."""
    world = served.world
    sent = [world.write(f"record {number}".encode()) for number in range(5)]
    for signed in sent:
        answer = served.put(signed)
        assert answer.status_code == 201, answer.text
        assert answer.json() == {"write": "0x" + signed.write.struct_hash().hex()}
    (anchored,) = served.anchor()
    assert (anchored.sequence, anchored.leaves) == (1, 5)
    reading = served.unlock()
    assert reading.ask({"do": "list"}) == {
        "streams": [{"stream": "0x" + BATTERY.hex(), "writes": "5", "anchored": "5"}]
    }
    answer = reading.read()
    assert answer["more"] is False
    anchors = DataAnchors(world.contracts, world.reader)
    batch = anchors.batch(world.host.address, BATTERY, 1)
    assert batch is not None
    for number, (item, signed) in enumerate(zip(answer["writes"], sent, strict=True)):
        write = DataWrite.from_json(item["write"])
        assert item["position"] == str(number)
        assert write == signed.write
        data = base64.b64decode(item["data"])
        assert data == signed.data
        assert content_hash(bytes.fromhex(item["salt"][2:]), data) == write.content
        assert (item["account"], item["signature"]) == (world.writer.address, "0x" + signed.signature.hex())
        path = [bytes.fromhex(each[2:]) for each in item["proof"]["path"]]
        assert (item["proof"]["sequence"], item["proof"]["leaves"]) == ("1", 5)
        assert verify(batch.root, write.struct_hash(), path)
        assert anchors.verify(world.host.address, BATTERY, 1, write.struct_hash(), path)
    assert reading.ask({"do": "end"}) == {"ended": True}
    assert reading.session.ended is not None


def test_a_record_goes_from_its_writer_to_its_reader_with_a_proof_that_the_chain_confirms(
    served: Served,
) -> None:
    follow_a_record(served)


def test_postgresql_does_all_of_it_too(world: World) -> None:
    with postgresql() as url:
        with world.new_store(url) as store, hosting.serving(world, world.hosting(store)) as served:
            follow_a_record(served)
            assert list(served.hosting.audit().run()) == []
            erase(store, world.resource())
            assert [item["data"] for item in served.unlock().read()["writes"]] == [None] * 5
        # Another process finds what this one left.
        with Store(url) as store, hosting.serving(world, world.hosting(store)) as served:
            assert len(served.unlock().read()["writes"]) == 5
            assert served.put(world.write(b"one more")).status_code == 201


def test_what_is_not_anchored_has_no_proof_yet(served: Served) -> None:
    served.put(served.world.write(b"one"))
    served.anchor()
    served.put(served.world.write(b"two"))
    first, second = served.unlock().read()["writes"]
    assert first["proof"]["sequence"] == "1"
    assert second["proof"] is None
    assert served.unlock().ask({"do": "list"})["streams"][0]["anchored"] == "1"


def test_a_reader_goes_through_all_pages(served: Served) -> None:
    for number in range(7):
        served.put(served.world.write(b"%d" % number))
    reading, seen, after = served.unlock(), [], None
    for _ in range(10):
        answer = reading.read(limit=3, after=after)
        seen += [item["position"] for item in answer["writes"]]
        if not answer["more"]:
            break
        after = seen[-1]
    assert seen == [str(number) for number in range(7)]
    assert reading.read(after="6") == {"writes": [], "more": False}


def test_resources_and_streams_are_apart(served: Served) -> None:
    world = served.world
    other = world.bootstrap(label="charger")
    for signed in (
        world.write(b"battery"),
        world.write(b"meter", stream=METER),
        world.write(b"charger", by=world.owner, resource=other),
    ):
        assert served.put(signed).status_code == 201
    reading = served.unlock()
    assert [each["stream"] for each in reading.ask({"do": "list"})["streams"]] == sorted(
        "0x" + stream.hex() for stream in (BATTERY, METER)
    )
    assert [item["data"] for item in reading.read(METER)["writes"]] == [base64.b64encode(b"meter").decode()]
    # The reader's certificate is for one resource.
    with pytest.raises(UnlockRejectedError):
        served.unlock(resource=other)
    owner = served.unlock(world.owner, resource=other)
    assert [item["data"] for item in owner.read()["writes"]] == [base64.b64encode(b"charger").decode()]


# Who may write


def test_the_owner_writes_without_a_certificate(served: Served) -> None:
    assert served.put(served.world.write(by=served.world.owner)).status_code == 201


def test_an_account_writes_for_an_identity_while_it_signs_for_it(served: Served) -> None:
    world = served.world
    signed = world.write(b"by the gateway", key=world.stranger)
    refused(served.put(signed), 403, "signature")
    world.contracts["DIDRegistry"].transact(
        "addDelegate", world.writer.address, SIG_AUTH, world.stranger.address, 10**6, signer=world.writer
    )
    assert served.put(signed).status_code == 201
    world.contracts["DIDRegistry"].transact(
        "revokeDelegate", world.writer.address, SIG_AUTH, world.stranger.address, signer=world.writer
    )
    refused(served.put(world.write(b"later", key=world.stranger)), 403, "signature")


def test_an_identity_whose_owner_is_a_contract_writes_as_the_contract_says(served: Served) -> None:
    world = served.world
    artifact = Artifact.load("SmartAccount", ROOT / "tests" / "contracts" / "artifacts")
    account = world.chain.deploy(artifact, [world.stranger.address], world.stranger)
    world.contracts["DIDRegistry"].transact(
        "changeOwner", world.writer.address, account.address, signer=world.writer
    )
    signed = world.write(b"by contract", key=world.stranger)
    # The key that moves the contract is not itself an account that acts for the writer.
    refused(served.put(signed), 403, "signature")
    assert served.put(replace(signed, account=account.address)).status_code == 201
    by_another_key = world.write(b"by another key", key=world.reader)
    refused(served.put(replace(by_another_key, account=account.address)), 403, "signature")
    assert list(served.hosting.audit().run()) == []


def forged(signed: SignedWrite, **changes: Any) -> SignedWrite:
    """The write changed, the signature kept."""
    return replace(signed, write=replace(signed.write, **changes))


FORGERIES: dict[str, Callable[[SignedWrite, World], SignedWrite]] = {
    "time": lambda signed, _: forged(signed, written_at=signed.write.written_at - 1),
    "number": lambda signed, _: forged(signed, number=1),
    "stream": lambda signed, _: forged(signed, stream=METER),
    "writer": lambda signed, world: forged(signed, writer=world.owner.address),
    "account": lambda signed, world: replace(signed, account=world.owner.address),
    "other v": lambda signed, _: replace(signed, signature=signed.signature[:64] + b"\x1d"),
    "no signature": lambda signed, _: replace(signed, signature=b""),
    "zeros": lambda signed, _: replace(signed, signature=bytes(65)),
    "a contract": lambda signed, world: replace(signed, account=world.contracts["AccessRegistry"].address),
}


def test_a_write_that_its_writer_did_not_sign_is_refused(served: Served) -> None:
    for forge in FORGERIES.values():
        refused(served.put(forge(served.world.write(number=0), served.world)), 403, "signature")


def test_a_signature_for_another_chain_or_contract_is_refused(served: Served) -> None:
    world = served.world
    signed = world.write()
    for domain in (
        replace(world.domain("DataRegistry"), chain_id=1),
        world.domain("AccessRegistry"),
        replace(world.domain("DataRegistry"), verifying_contract=world.contracts["DIDRegistry"].address),
    ):
        elsewhere = world.writer.sign_digest(signed.write.digest(domain)).to_bytes()
        refused(served.put(replace(signed, signature=elsewhere)), 403, "signature")


def test_who_has_no_right_to_write_does_not(served: Served) -> None:
    world = served.world
    for by in (world.stranger, world.reader, world.host):
        refused(served.put(world.write(by=by)), 403, "not_allowed", reason="denied")


def test_a_right_that_ended_takes_no_write_signed_before_or_after(served: Served) -> None:
    world = served.world
    early, signed = world.write(b"early"), world.write(b"kept")
    assert served.put(early).status_code == 201
    world.block(world.writer)
    for write in (signed, world.write(b"new", number=1)):
        refused(served.put(write), 403, "not_allowed", reason="blocked")
    # What was acknowledged stays acknowledged: the writer may not have heard it.
    assert served.put(early).status_code == 200


def test_a_revoked_certificate_takes_no_write(served: Served) -> None:
    world = served.world
    certificate = world.grant(world.stranger, Right.WRITE)
    assert served.put(world.write(by=world.stranger)).status_code == 201
    world.revoke(certificate)
    refused(served.put(world.write(by=world.stranger)), 403, "not_allowed", reason="revoked")


def test_a_write_dated_before_the_right_began_is_refused(served: Served) -> None:
    world = served.world
    before = world.chain.now()
    world.chain.advance_to(before + 500)
    world.grant(world.stranger, Right.WRITE)
    refused(served.put(world.write(by=world.stranger, written_at=before)), 403, "not_allowed", at=str(before))
    assert served.put(world.write(by=world.stranger, number=0)).status_code == 201


def test_a_resource_is_kept_by_the_host_that_its_certificate_names(served: Served) -> None:
    world = served.world
    elsewhere = world.bootstrap(label="elsewhere", host=world.stranger.address)
    refused(served.put(world.write(by=world.owner, resource=elsewhere)), 403, "not_hosted")
    refused(served.put(world.write(resource=keccak256(b"nobody's"))), 404, "unknown_resource")
    refused(served.put(world.write(host=world.stranger.address)), 403, "wrong_host")
    # Its owner moves away.
    assert served.put(world.write(number=0)).status_code == 201
    world.chain.advance_to(world.chain.now() + 10)
    world.bootstrap(host=world.stranger.address)
    refused(served.put(world.write()), 403, "not_hosted")


def test_an_operator_may_keep_its_own_customers_alone(world: World, store: Store) -> None:
    others = world.bootstrap(world.stranger, "free storage")
    with hosting.serving(world, world.hosting(store, owners=frozenset([world.owner.address]))) as served:
        refused(served.put(world.write(by=world.stranger, resource=others)), 403, "not_hosted")
        assert served.put(world.write()).status_code == 201


def test_a_stream_that_the_host_does_not_take_is_refused(served: Served) -> None:
    refused(served.put(served.world.write(stream=stream_id("spam"))), 404, "unknown_stream")


def test_a_resource_has_its_quota(world: World, store: Store) -> None:
    with hosting.serving(world, world.hosting(store, resource_bytes=1_000)) as served:
        assert served.put(world.write(bytes(800))).status_code == 201
        refused(served.put(world.write(bytes(800))), 403, "quota", limit="1000")


def test_a_record_has_its_longest(world: World, store: Store) -> None:
    with hosting.serving(world, world.hosting(store, write_bytes=1_000)) as served:
        assert served.put(world.write(bytes(1_000))).status_code == 201
        refused(served.put(world.write(bytes(1_001))), 413, "too_large", limit="1000")
        assert served.get("/v1/host").json()["limits"]["writeBytes"] == 1_000


def test_a_megabyte_goes_there_and_back(served: Served) -> None:
    data = bytes(range(256)) * 4096
    for _ in range(5):
        assert served.put(served.world.write(data)).status_code == 201
    reading = served.unlock()
    answer = reading.read()
    # Five are too long for a page.
    assert [item["position"] for item in answer["writes"]] == ["0", "1"]
    assert answer["more"] is True
    assert base64.b64decode(answer["writes"][1]["data"]) == data


def test_a_content_hash_is_that_of_the_record(served: Served) -> None:
    signed = served.world.write(b"signed")
    refused(served.put(replace(signed, data=b"sent")), 400, "malformed")
    refused(served.put(replace(signed, salt=bytes(32))), 400, "malformed")


def test_a_clock_that_is_wrong_is_told_so(served: Served) -> None:
    world = served.world
    world.chain.advance_to(world.chain.now() + 30 * DAY)
    now = world.chain.now()
    for written_at in (now - 7 * DAY - 10, now + 400, 2**64 - 1):
        refused(served.put(world.write(number=0, written_at=written_at)), 409, "clock")
    for number, written_at in enumerate((now - 6 * DAY, now + 200)):
        assert served.put(world.write(number=number, written_at=written_at)).status_code == 201


def test_the_same_write_comes_as_often_as_it_likes(served: Served) -> None:
    signed = served.world.write()
    assert [served.put(signed).status_code for _ in range(3)] == [201, 200, 200]
    assert len(served.unlock().read()["writes"]) == 1


def test_another_write_under_a_number_conflicts_and_a_gap_is_told(served: Served) -> None:
    world = served.world
    assert served.put(world.write(b"one", number=0)).status_code == 201
    refused(served.put(world.write(b"two", number=0)), 409, "conflict", expected="1")
    for number in (2, 2**64 - 1):
        refused(served.put(world.write(b"two", number=number)), 409, "number", expected="1")
    assert served.put(world.write(b"two", number=1)).status_code == 201


# Who may read


def test_who_may_not_read_unlocks_nothing(served: Served) -> None:
    world = served.world
    served.put(world.write())
    for by in (world.stranger, world.writer, world.host):
        with pytest.raises(UnlockRejectedError) as caught:
            served.unlock(by)
        assert caught.value.reason == RejectionReason.DENIED
    world.block(world.reader)
    with pytest.raises(UnlockRejectedError) as caught:
        served.unlock()
    assert caught.value.reason == RejectionReason.BLOCKED


def test_a_session_for_writing_does_not_read(served: Served) -> None:
    served.put(served.world.write())
    reading = served.unlock(served.world.writer, Right.WRITE)
    for question in ({"do": "list"}, {"do": "read", "stream": "0x" + BATTERY.hex()}):
        assert reading.ask(question)["error"]["code"] == "not_allowed"
    assert reading.ask({"do": "end"}) == {"ended": True}


END: dict[str, Callable[[World, bytes], object]] = {
    "blocked": lambda world, _: world.block(world.stranger),
    "revoked": lambda world, certificate: world.revoke(certificate),
    "expired": lambda world, _: world.chain.advance_to(world.chain.now() + 1_000),
    "sold": lambda world, _: world.contracts["DIDRegistry"].transact(
        "changeOwner", world.owner.address, world.writer.address, signer=world.owner
    ),
    "key lost": lambda world, _: world.contracts["DIDRegistry"].transact(
        "changeOwner", world.stranger.address, world.writer.address, signer=world.stranger
    ),
}


@pytest.mark.parametrize("how", END)
def test_a_live_session_ends_with_the_block_that_ends_the_right_and_says_why(
    served: Served, how: str
) -> None:
    world = served.world
    served.put(world.write())
    certificate = world.grant(world.stranger, Right.READ, valid_until=world.chain.now() + 1_000)
    reading, other = served.unlock(world.stranger), served.unlock(world.reader)
    assert len(reading.read()["writes"]) == 1
    block = world.chain.head()
    END[how](world, certificate)
    assert world.chain.head() <= block + 1
    refused(
        reading.post({"do": "read", "stream": "0x" + BATTERY.hex()}),
        410,
        "session_ended",
        reason=EndReason.ACCESS_LOST.name.lower(),
    )
    refused(served.post(f"/v1/sessions/0x{reading.session.id.hex()}", data=b"again"), 410, "session_ended")
    with pytest.raises(UnlockRejectedError):
        served.unlock(world.stranger)
    if how != "sold":
        assert len(other.read()["writes"]) == 1


def test_a_certificate_is_used_as_often_as_it_may_be(served: Served) -> None:
    world = served.world
    served.put(world.write())
    world.grant(world.stranger, Right.READ, max_uses=2)
    sessions = [served.unlock(world.stranger) for _ in range(2)]
    with pytest.raises(UnlockRejectedError) as caught:
        served.unlock(world.stranger)
    assert caught.value.reason == RejectionReason.USED_UP
    # The sessions that were opened with it go on.
    for reading in sessions:
        assert len(reading.read()["writes"]) == 1


def test_a_use_that_another_took_meanwhile_is_not_there(served: Served) -> None:
    """Between the host's question and its transaction."""
    world = served.world
    certificate = world.grant(world.stranger, Right.READ, max_uses=1)
    gate = served.hosting.parts().gate
    spent = (world.resource(), world.stranger.address, Right.READ, certificate)
    assert [gate.spend(*spent), gate.spend(*spent)] == [True, False]
    with pytest.raises(ContractError, match="NotHost"):
        Gate(world.contracts, world.host.address, world.stranger).spend(*spent)
    with pytest.raises(ContractError, match="CertificateUnknown"):
        gate.purpose_of(keccak256(b"no certificate"))
    assert gate.now() == world.chain.now()
    assert Gate(world.contracts, world.host.address, world.host).now() > world.chain.now()


def test_a_certificate_is_for_its_purpose(served: Served) -> None:
    world = served.world
    billing = keccak256(b"billing")
    world.grant(world.stranger, Right.READ, purpose=billing)
    with pytest.raises(UnlockRejectedError) as caught:
        served.unlock(world.stranger, purpose=keccak256(b"advertising"))
    assert caught.value.reason == RejectionReason.PURPOSE
    assert served.unlock(world.stranger, purpose=billing).ask({"do": "list"}) == {"streams": []}


def test_a_resource_that_moved_away_is_read_by_its_owner_alone(served: Served) -> None:
    world = served.world
    served.put(world.write(b"to be taken along"))
    reading = served.unlock()
    world.chain.advance_to(world.chain.now() + 10)
    world.bootstrap(host=world.stranger.address)
    refused(reading.post({"do": "list"}), 410, "session_ended", reason="access_lost")
    with pytest.raises(UnlockRejectedError) as caught:
        served.unlock()
    assert caught.value.reason == RejectionReason.UNKNOWN_RESOURCE
    assert len(served.unlock(world.owner).read()["writes"]) == 1


def test_a_session_expires(served: Served) -> None:
    reading = served.unlock()
    packet = reading.session.seal(b"{}", served.world.chain.now())
    served.world.chain.advance_to(reading.session.acceptance.expires_at)
    refused(served.post(f"/v1/sessions/0x{reading.session.id.hex()}", data=packet), 410, "session_expired")


def test_sessions_do_not_outlive_the_process_and_requests_do_not_replay(world: World, store: Store) -> None:
    now = world.chain.now()
    attempt = world.accessor().request(world.host.address, world.resource(), Right.READ, now)
    with hosting.serving(world, world.hosting(store)) as served:
        answer = served.post("/v1/unlock", data=attempt.packet)
        session = attempt.take(answer.content, now)
        assert served.post("/v1/unlock", data=attempt.packet).status_code == 403
    with hosting.serving(world, world.hosting(store)) as served:
        packet = session.seal(b'{"do":"list"}', now)
        refused(served.post(f"/v1/sessions/0x{session.id.hex()}", data=packet), 404, "session_unknown")
        assert served.post("/v1/unlock", data=attempt.packet).status_code == 403


def test_a_packet_that_may_not_come_now_harms_no_session(served: Served) -> None:
    served.put(served.world.write())
    reading = served.unlock()
    path = f"/v1/sessions/0x{reading.session.id.hex()}"
    first = reading.session.seal(b'{"do":"list"}', served.world.chain.now())
    damaged = first[:-1] + bytes([first[-1] ^ 1])
    for packet in (b"", b"packet", damaged, first[:50]):
        refused(served.post(path, data=packet), 400, "packet")
    answer = served.post(path, data=first)
    assert answer.status_code == 200
    refused(served.post(path, data=first), 400, "packet")
    refused(served.post(path, data=answer.content), 400, "packet")
    reading.session.open(answer.content, served.world.chain.now())
    assert len(reading.read()["writes"]) == 1


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (b"", "malformed"),
        (b"no JSON", "malformed"),
        (b"[]", "malformed"),
        (b'{"do":"list","x":1}', "malformed"),
        (b'{"do":"delete"}', "malformed"),
        (b'{"do":["list"]}', "malformed"),
        (b"[" * 4_000, "malformed"),
        (b" " * 5_000 + b'{"do":"list"}', "malformed"),
        ({"do": "end", "x": 1}, "malformed"),
        ({"do": "read"}, "malformed"),
        ({"do": "read", "stream": "battery"}, "malformed"),
        ({"do": "read", "stream": 5}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "after": -1}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "after": "-1"}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "after": "9" * 19}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "limit": 0}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "limit": 101}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "limit": True}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "limit": 1e300}, "malformed"),
        ({"do": "read", "stream": "0x" + BATTERY.hex(), "where": "1=1"}, "malformed"),
        ({"do": "read", "stream": "0x" + METER.hex()}, "unknown_stream"),
    ],
    ids=str,
)
def test_a_question_that_is_none_is_told_so_and_the_session_goes_on(
    question_session: Any, question: Any, code: str
) -> None:
    assert question_session.ask(question)["error"]["code"] == code
    assert len(question_session.ask({"do": "list"})["streams"]) == 1


@pytest.fixture(scope="module")
def question_session(shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session of a host with a record, that every question is asked in."""
    world = shared_world
    world.numbers.clear()
    path = tmp_path_factory.mktemp("questions") / "host.db"
    with world.new_store(str(path)) as store, hosting.serving(world, world.hosting(store)) as served:
        served.put(world.write())
        yield served.unlock()
    world.numbers.clear()
