"""Keystores: what other Ethereum clients read and write, whole files only, and nothing secret in what is shown."""

from __future__ import annotations

import json
import logging
import os
import stat
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account
from eth_keyfile.keyfile import create_keyfile_json

from evgi_client.errors import KeystoreError, KeystorePasswordError, SigningError
from evgi_client.signing import LocalSigner, keystore_address

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(1, 33))
PASSWORD = "pässword of the Fahrer"

# The published example of Web3 Secret Storage, version 3, with PBKDF2.
EXAMPLE = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
EXAMPLE_KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")


def password() -> str:
    return PASSWORD


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keystore written once: its key derivation is slow on purpose."""
    path: Path = tmp_path_factory.mktemp("keystore") / "driver.json"
    LocalSigner.from_key(KEY).save_keystore(path, password)
    return path


def quick_document(**changes: Any) -> dict[str, Any]:
    """A keystore that opens fast, for what is not about the key derivation."""
    document = create_keyfile_json(KEY, PASSWORD.encode(), kdf="pbkdf2", iterations=10)
    return {**document, **changes}


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document), "utf-8")
    return path


def test_a_saved_key_signs_again(saved: Path) -> None:
    signer = LocalSigner.from_keystore(saved, password)
    assert signer.address == LocalSigner.from_key(KEY).address
    assert signer.sign_digest(b"\x01" * 32) == LocalSigner.from_key(KEY).sign_digest(b"\x01" * 32)


def test_eth_account_reads_what_is_saved(saved: Path) -> None:
    document = json.loads(saved.read_text("utf-8"))
    assert document["version"] == 3
    assert document["crypto"]["kdf"] == "scrypt"
    assert document["crypto"]["kdfparams"]["n"] == 2**18
    assert bytes(Account.decrypt(document, PASSWORD)) == KEY


def test_only_the_owner_may_read_it_and_the_key_is_not_in_it(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    text = saved.read_text("utf-8")
    assert KEY.hex() not in text
    assert PASSWORD not in text
    assert list(saved.parent.iterdir()) == [saved]


def test_what_eth_account_wrote_is_read(tmp_path: Path) -> None:
    document = Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=10)
    signer = LocalSigner.from_keystore(str(write(tmp_path / "k.json", document)), password)
    assert signer.address == LocalSigner.from_key(KEY).address


def test_the_published_example_is_read_though_it_names_no_address(tmp_path: Path) -> None:
    signer = LocalSigner.from_keystore(write(tmp_path / "k.json", EXAMPLE), lambda: "testpassword")
    assert signer.address == LocalSigner.from_key(EXAMPLE_KEY).address


def test_the_address_is_read_without_a_password(saved: Path, tmp_path: Path) -> None:
    assert keystore_address(saved) == LocalSigner.from_key(KEY).address
    for named in (EXAMPLE, quick_document(address="no address")):
        with pytest.raises(KeystoreError, match="names no address"):
            keystore_address(write(tmp_path / "k.json", named))


def test_the_password_is_asked_once_and_only_for_a_keystore(tmp_path: Path) -> None:
    asked = []

    def ask() -> str:
        asked.append(1)
        return PASSWORD

    with pytest.raises(KeystoreError):
        LocalSigner.from_keystore(tmp_path / "none.json", ask)
    assert asked == []
    LocalSigner.from_keystore(write(tmp_path / "k.json", quick_document()), ask)
    assert asked == [1]


def test_a_wrong_password_is_named_and_shows_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "k.json", quick_document())
    wrong = "not the pässword"
    with caplog.at_level(logging.DEBUG), pytest.raises(KeystorePasswordError) as raised:
        LocalSigner.from_keystore(path, lambda: wrong)
    assert raised.value.path == str(path)
    assert isinstance(raised.value, SigningError)
    frames = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    package = [frame for frame in frames.stack if "evgi_client" in frame.filename]
    assert package
    shown = "".join(
        [str(raised.value), repr(raised.value), repr(raised.value.__dict__), caplog.text, *capfd.readouterr()]
        + [str(frame.locals) for frame in package]
    )
    for secret in (wrong, repr(wrong.encode()), PASSWORD, KEY.hex(), repr(KEY)):
        assert secret not in shown
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_the_key_of_another_address_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "k.json", quick_document(address="00" * 20))
    with pytest.raises(KeystoreError, match="is that of") as raised:
        LocalSigner.from_keystore(path, password)
    frames = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    shown = str([frame.locals for frame in frames.stack if "evgi_client" in frame.filename])
    assert KEY.hex() not in shown
    assert repr(KEY) not in shown


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"version": 3},
        {"version": 3, "crypto": []},
        quick_document(version=4),
        quick_document(version="3"),
        quick_document(crypto={**quick_document()["crypto"], "kdf": "argon2"}),
        quick_document(crypto={**quick_document()["crypto"], "mac": "no hex"}),
        quick_document(crypto={k: v for k, v in quick_document()["crypto"].items() if k != "mac"}),
    ],
    ids=range(9),
)
def test_what_is_no_keystore_is_named(tmp_path: Path, document: Any) -> None:
    path = write(tmp_path / "k.json", document)
    with pytest.raises(KeystoreError, match="not a keystore of version 3") as raised:
        LocalSigner.from_keystore(path, password)
    assert not isinstance(raised.value, KeystorePasswordError)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe"])
def test_what_is_no_json_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "k.json").write_bytes(data)
    with pytest.raises(KeystoreError, match="not a keystore of version 3"):
        LocalSigner.from_keystore(tmp_path / "k.json", password)


def test_a_key_is_never_overwritten(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(KeystoreError, match="already") as raised:
        LocalSigner.create().save_keystore(saved, password)
    assert raised.value.path == str(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeystoreError, match="No such file"):
        LocalSigner.create().save_keystore(tmp_path / "none" / "k.json", password)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeystoreError, match="No space left"):
        LocalSigner.create().save_keystore(tmp_path / "k.json", password)
    assert list(tmp_path.iterdir()) == []
