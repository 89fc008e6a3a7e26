"""The master key's file: opened by its password alone, never written over, and never the machine's ransom."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
from pathlib import Path

import pytest

from evgi_client.data import masterkey
from evgi_client.data.masterkey import DataKey, MasterKey
from evgi_client.errors import MasterKeyError, MasterKeyPasswordError, RecordSealedError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivation that is quick, as no real one's should be."""
    monkeypatch.setattr(masterkey, "_SCRYPT", {"n": 2**4, "r": 8, "p": 1})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    MasterKey(bytes(range(32))).save(tmp_path / "master.json", lambda: "correct horse")
    return tmp_path / "master.json"


def test_a_saved_key_opens_with_its_password_and_no_other(saved: Path) -> None:
    key = MasterKey.from_file(saved, lambda: "correct horse")
    assert key.id == MasterKey(bytes(range(32))).id
    wrapped = MasterKey(bytes(range(32))).new_data_key(b"context")
    assert key.unwrap(wrapped, b"context").seal(b"", b"x")
    for wrong in ("", "correct horse ", "Correct horse"):
        with pytest.raises(MasterKeyPasswordError) as caught:
            MasterKey.from_file(saved, lambda wrong=wrong: wrong)
        assert wrong == "" or wrong not in str(caught.value)


def test_the_derivation_of_a_real_key_is_slow() -> None:
    masterkey_ = Path(masterkey.__file__).read_text("utf-8")
    assert '_SCRYPT = {"n": 2**17, "r": 8, "p": 1}' in masterkey_


def test_a_file_is_its_owners_and_is_not_written_over(saved: Path) -> None:
    if os.name == "posix":
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    before = saved.read_bytes()
    with pytest.raises(MasterKeyError, match="a file already"):
        MasterKey.create().save(saved, lambda: "other")
    assert saved.read_bytes() == before
    assert [each.name for each in saved.parent.iterdir()] == ["master.json"]


def test_the_key_is_nowhere_to_be_seen(saved: Path) -> None:
    key = MasterKey(bytes(range(32)))
    text = saved.read_text("utf-8")
    assert bytes(range(32)).hex() not in text
    assert "correct horse" not in text
    for shown in (repr(key), str(key), repr(key.unwrap(key.new_data_key(b""), b""))):
        assert "0001020304" not in shown
    for secret in (key, DataKey(bytes(32))):
        for leak in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="in clear"):
                leak(secret)


@pytest.mark.parametrize("field", ["salt", "sealed"])
def test_a_file_that_was_changed_does_not_open(saved: Path, field: str) -> None:
    document = json.loads(saved.read_text("utf-8"))
    document[field] = ("B" if document[field][0] == "A" else "A") + document[field][1:]
    saved.write_text(json.dumps(document), "utf-8")
    with pytest.raises(MasterKeyPasswordError):
        MasterKey.from_file(saved, lambda: "correct horse")


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"format": "evgi keystore"},
        {"salt": "no base64"},
        {"salt": None},
        {"sealed": 5},
        {"scrypt": {}},
        {"scrypt": {"n": "many", "r": 8, "p": 1}},
        {"scrypt": {"n": 2**40, "r": 8, "p": 1}},
        {"scrypt": {"n": 2**4, "r": 2**20, "p": 1}},
        {"scrypt": {"n": 2**4, "r": 8, "p": 0}},
        {"scrypt": {"n": 1000, "r": 8, "p": 1}},
    ],
)
def test_what_is_no_master_key_says_so(saved: Path, changes: dict[str, object]) -> None:
    document = {**json.loads(saved.read_text("utf-8")), **changes}
    saved.write_text(json.dumps(document), "utf-8")
    with pytest.raises(MasterKeyError):
        MasterKey.from_file(saved, lambda: "correct horse")


def test_a_file_that_cannot_be_read_asks_for_no_password(tmp_path: Path) -> None:
    def password() -> str:
        raise AssertionError("asked")

    (tmp_path / "text").write_text("no JSON")
    (tmp_path / "list").write_text("[]")
    (tmp_path / "deep").write_text("[" * 100_000)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("nowhere", "text", "list", "deep", "bytes"):
        with pytest.raises(MasterKeyError):
            MasterKey.from_file(tmp_path / name, password)
    with pytest.raises(MasterKeyError):
        MasterKey.create().save(tmp_path / "nowhere" / "key", lambda: "x")


def test_data_keys_open_under_their_master_and_in_their_place(saved: Path) -> None:
    master, other = MasterKey.create(), MasterKey.create()
    wrapped = master.new_data_key(b"resource 1")
    sealed = master.unwrap(wrapped, b"resource 1").seal(b"record", b"plain")
    assert master.unwrap(wrapped, b"resource 1").open(b"record", sealed) == b"plain"
    for key, context in ((master, b"resource 2"), (other, b"resource 1")):
        with pytest.raises(RecordSealedError):
            key.unwrap(wrapped, context)
    rewrapped = master.rewrap(wrapped, b"resource 1", other)
    assert other.unwrap(rewrapped, b"resource 1").open(b"record", sealed) == b"plain"
    with pytest.raises(RecordSealedError):
        master.unwrap(rewrapped, b"resource 1")
    with pytest.raises(RecordSealedError):
        master.unwrap(wrapped, b"resource 1").open(b"another record", sealed)


def test_a_master_key_is_32_bytes() -> None:
    for length in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            MasterKey(bytes(length))
