"""What a writer sends, as JSON; and how often a client may ask."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.data.buckets import CLIENTS, TokenBuckets, client_of
from evgi_client.data.documents import read_object
from evgi_client.data.settings import MAX_WRITE_BYTES, HostSettings
from evgi_client.data.writes import MAX_SIGNATURE, SignedWrite
from evgi_client.errors import (
    FieldMissingError,
    FieldUnknownError,
    FieldValueError,
    HostSettingError,
    InvalidSaltError,
    MessageError,
)
from evgi_client.messages import Domain, keccak256
from evgi_client.messages.data import DataWrite, content_hash, stream_id
from evgi_client.signing import LocalSigner, Signature, recover

KEY = LocalSigner.from_key((0xDA7A).to_bytes(32, "big"))
DOMAIN = Domain("DataRegistry", "1", 31_337, "0x" + "44" * 20)
SALT = keccak256(b"salt")


def write_of(data: bytes) -> DataWrite:
    return DataWrite(
        writer=KEY.address,
        host="0x" + "11" * 20,
        resource=keccak256(b"resource"),
        stream=stream_id("battery"),
        number=2**64 - 1,
        content=content_hash(SALT, data),
        written_at=1_750_000_000,
    )


SIGNED = SignedWrite.sign(write_of(b"record"), SALT, b"record", KEY, DOMAIN)


def test_a_signed_write_is_what_its_json_says() -> None:
    document = json.loads(json.dumps(SIGNED.to_json()))
    assert SignedWrite.from_json(document) == SIGNED
    signature = Signature.from_bytes(SIGNED.signature)
    assert recover(SIGNED.write.digest(DOMAIN), signature) == SIGNED.account == KEY.address
    assert SIGNED.has_its_content()


def test_nobody_signs_for_another_record() -> None:
    with pytest.raises(FieldValueError):
        SignedWrite.sign(write_of(b"record"), SALT, b"another", KEY, DOMAIN)
    assert not replace(SIGNED, data=b"another").has_its_content()
    assert not replace(SIGNED, salt=bytes(32)).has_its_content()


def test_a_salt_has_32_bytes_so_that_no_other_pair_gives_the_same_hash() -> None:
    for salt in (b"", SALT[:31], SALT + b"r"):
        with pytest.raises(InvalidSaltError):
            content_hash(salt, b"ecord")
    assert content_hash(SALT, b"record") == keccak256(SALT + b"record")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("write", None),
        ("write", []),
        ("write", {}),
        ("account", "0x12"),
        ("account", 5),
        ("account", None),
        ("signature", "12"),
        ("signature", "0x1"),
        ("signature", "0xzz"),
        ("signature", "0x" + "00" * (MAX_SIGNATURE + 1)),
        ("signature", b"\x00"),
        ("salt", "0x"),
        ("salt", "0x" + "00" * 31),
        ("salt", "0x" + "00" * 33),
        ("salt", "0x" + "00" * 32 + "\n"),
        ("data", "no base64!"),
        ("data", "QQ"),
        ("data", "Q Q=="),
        ("data", "é"),
        ("data", None),
        ("data", 7),
    ],
)
def test_a_field_that_does_not_fit_is_refused_and_not_repeated(field: str, value: Any) -> None:
    with pytest.raises(MessageError):
        SignedWrite.from_json({**SIGNED.to_json(), field: value})


def test_fields_are_all_there_and_no_others() -> None:
    document = SIGNED.to_json()
    for field in document:
        with pytest.raises(FieldMissingError):
            SignedWrite.from_json({name: value for name, value in document.items() if name != field})
    with pytest.raises(FieldUnknownError):
        SignedWrite.from_json({**document, "comment": ""})
    for other in (None, [], "text", 5):
        with pytest.raises(FieldValueError):
            SignedWrite.from_json(other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_comes_is_a_write_or_a_message_error(data: st.DataObject) -> None:
    document: Any = SIGNED.to_json()
    for _ in range(data.draw(st.integers(1, 3))):
        inside = (
            document["write"]
            if data.draw(st.booleans()) and isinstance(document["write"], dict)
            else document
        )
        inside[data.draw(st.sampled_from([*inside, "other"]))] = data.draw(JSON)
        if not isinstance(document.get("write"), dict):
            break
    with suppress(MessageError):
        assert isinstance(SignedWrite.from_json(document), SignedWrite)


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_an_object_or_a_value_error(raw: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(read_object(raw), dict)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_a_deep_document_is_refused_and_ends_no_process(opening: str) -> None:
    """In a process of its own: where the depth is not bounded, it dies."""
    script = f"""
import py_ecc, sys
from evgi_client.data.documents import read_object
assert sys.getrecursionlimit() >= 100_000
try:
    read_object({opening!r}.encode() * 300_000)
except ValueError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "too many brackets\n"


# Buckets


def test_a_client_has_its_rate_and_what_it_saved_up() -> None:
    buckets = TokenBuckets(rate=10, burst=20)
    assert [buckets.take("a", 100.0) for _ in range(20)] == [0.0] * 20
    assert buckets.take("a", 100.0) == pytest.approx(0.1)
    assert buckets.take("b", 100.0) == 0.0
    assert buckets.take("a", 100.05) == pytest.approx(0.05)
    assert buckets.take("a", 100.1001) == 0.0
    assert buckets.take("a", 100.1001) > 0
    assert [buckets.take("a", 1_000.0) for _ in range(21)].count(0.0) == 20


def test_a_clock_that_goes_back_gives_nothing() -> None:
    buckets = TokenBuckets(rate=1, burst=1)
    assert buckets.take("a", 100.0) == 0.0
    assert buckets.take("a", 50.0) > 0


def test_clients_are_remembered_in_bounded_space() -> None:
    buckets = TokenBuckets(rate=1, burst=1)
    for number in range(CLIENTS + 50):
        buckets.take(str(number), 0.0)
    assert len(buckets._buckets) == CLIENTS
    assert buckets.take(str(CLIENTS + 49), 0.0) > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        (None, "no address", True),
    ],
)
def test_what_is_one_client(one: str | None, other: str | None, same: bool) -> None:
    assert (client_of(one) == client_of(other)) is same


# Settings


@pytest.mark.parametrize(
    "changes",
    [
        {"write_bytes": 0},
        {"write_bytes": MAX_WRITE_BYTES + 1},
        {"resource_bytes": 0},
        {"batch_size": 0},
        {"anchor_every": -1},
        {"requests_per_second": 0},
        {"streams": ()},
        {"streams": ("battery", "")},
    ],
)
def test_settings_that_cannot_be_meant(changes: dict[str, Any]) -> None:
    with pytest.raises(HostSettingError):
        HostSettings(**changes)


def test_streams_are_known_by_their_hash() -> None:
    assert HostSettings(streams=("battery",)).stream_ids() == {keccak256(b"battery"): "battery"}
    assert set(HostSettings().stream_ids().values()) == {"vehicle", "battery", "meter", "session"}
