"""Wallets: nothing personal in clear, whole files only, and what ends soon."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evgi_client.certificates.renewal import continues, renew, renewal_id
from evgi_client.certificates.wallet import SCRYPT, Wallet
from evgi_client.errors import CertificateError, RenewalError, WalletError, WalletPasswordError
from evgi_client.messages.certificates import EntityType
from tests.support.credentials import BEGIN, END, ISSUER, PUBLISHER, StatusIndex, credential, sign

DAY = 86_400
PASSWORD = "pässword of the Fahrer"
QUICK = {"n": 2, "r": 1, "p": 1}


def password() -> str:
    return PASSWORD


def quick(folder: Path, name: str = "wallet.json") -> Wallet:
    """A wallet whose key derivation is quick, as no real one's should be."""
    return Wallet.create(folder / name, password, QUICK)


def test_a_wallet_keeps_certificates_with_all_their_claims(tmp_path: Path) -> None:
    one, other = credential(), credential(EntityType.BATTERY)
    wallet = quick(tmp_path)
    assert wallet.credentials == ()
    wallet.add(one, other)
    again = Wallet.open(tmp_path / "wallet.json", password)
    assert {each.hash: each for each in again.credentials} == {one.hash: one, other.hash: other}
    assert again.get(one.hash).values() == one.values()
    again.remove(one.hash)
    assert [each.hash for each in Wallet.open(tmp_path / "wallet.json", password).credentials] == [other.hash]
    for absent in (lambda: again.get(one.hash), lambda: again.remove(one.hash)):
        with pytest.raises(WalletError, match="does not hold"):
            absent()


def test_the_costs_of_a_password_are_those_that_are_advised(tmp_path: Path) -> None:
    Wallet.create(tmp_path / "wallet.json", password)
    document = json.loads((tmp_path / "wallet.json").read_text())
    assert document["scrypt"] == SCRYPT == {"n": 131_072, "r": 8, "p": 1}
    assert len(base64.b64decode(document["salt"])) == 32


def test_nothing_of_a_claim_is_in_clear(tmp_path: Path) -> None:
    held = credential()
    wallet = quick(tmp_path)
    wallet.add(held)
    raw = (tmp_path / "wallet.json").read_bytes() + repr(wallet).encode()
    for claim in held.claims.values():
        for secret in (claim.salt, claim.salt.hex().encode(), base64.b64encode(claim.salt)):
            assert secret not in raw
    assert b"1M8GDM9AXKP042788" not in raw
    assert stat.S_IMODE((tmp_path / "wallet.json").stat().st_mode) == 0o600
    with pytest.raises(TypeError):
        pickle.dumps(wallet)


def test_the_same_content_is_never_the_same_file_twice(tmp_path: Path) -> None:
    held, wallet = credential(), quick(tmp_path)
    seen = set()
    for _ in range(5):
        wallet.add(held)
        seen.add((tmp_path / "wallet.json").read_bytes())
    assert len(seen) == 5


def test_claims_that_become_known_are_added(tmp_path: Path) -> None:
    whole, wallet = credential(), quick(tmp_path)
    wallet.add(whole.showing("make"))
    wallet.add(whole.showing("vin"))
    assert set(wallet.get(whole.hash).claims) == {"make", "vin"}
    wallet.add(whole.showing())
    assert set(wallet.get(whole.hash).claims) == {"make", "vin"}


def test_another_password_opens_nothing(tmp_path: Path) -> None:
    quick(tmp_path)
    with pytest.raises(WalletPasswordError) as refused:
        Wallet.open(tmp_path / "wallet.json", lambda: "hunter2")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_wallet_is_written_over_another(tmp_path: Path) -> None:
    quick(tmp_path)
    with pytest.raises(WalletError, match="already"):
        quick(tmp_path)
    with pytest.raises(WalletError, match="No such file"):
        quick(tmp_path / "nowhere")
    with pytest.raises(WalletError, match="No such file"):
        Wallet.open(tmp_path / "missing.json", password)


def test_a_change_is_made_to_what_is_in_the_file_then(tmp_path: Path) -> None:
    """Two that have the wallet open lose nothing of each other's."""
    quick(tmp_path)
    wallets = [Wallet.open(tmp_path / "wallet.json", password) for _ in range(4)]
    held = [[credential() for _ in range(3)] for _ in wallets]

    def fill(number: int) -> None:
        for each in held[number]:
            wallets[number].add(each)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    found = {each.hash for each in Wallet.open(tmp_path / "wallet.json", password).credentials}
    assert found == {each.hash for some in held for each in some}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wallet, one, other = quick(tmp_path), credential(), credential()
    wallet.add(one)
    before = (tmp_path / "wallet.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(WalletError, match="No space"):
            wallet.add(other)
    assert (tmp_path / "wallet.json").read_bytes() == before
    assert [each.hash for each in wallet.credentials] == [one.hash]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wallet.json", "wallet.json.lock"]
    wallet.add(other)
    assert len(Wallet.open(tmp_path / "wallet.json", password).credentials) == 2


def test_a_wallet_that_was_put_under_another_password_is_not_written_to(tmp_path: Path) -> None:
    wallet = quick(tmp_path)
    (tmp_path / "wallet.json").unlink()
    Wallet.create(tmp_path / "wallet.json", lambda: "another", QUICK)
    with pytest.raises(WalletPasswordError):
        wallet.add(credential())


@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"format": "evgi master key"}, {"more": 1}, {"scrypt": {"n": 2**21, "r": 8, "p": 1}},
     {"scrypt": {"n": 2**17, "r": 17, "p": 1}}, {"scrypt": {"n": 2**17, "r": 8, "p": 5}},
     {"scrypt": {"n": 3, "r": 1, "p": 1}}, {"scrypt": {"n": 1, "r": 1, "p": 1}}, {"scrypt": {"n": 2, "r": 0, "p": 1}},
     {"scrypt": {"n": 2, "r": 1}}, {"scrypt": {"n": True, "r": 1, "p": 1}}, {"scrypt": []}, {"salt": ""},
     {"salt": "\u00fc"}, {"salt": 7}, {"sealed": None}],
)  # fmt: skip
def test_what_is_no_wallet(tmp_path: Path, changes: dict[str, Any]) -> None:
    quick(tmp_path)
    path = tmp_path / "wallet.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(WalletError):
        Wallet.open(path, password)


def test_whatever_is_changed_is_noticed(tmp_path: Path) -> None:
    wallet = quick(tmp_path)
    wallet.add(credential())
    path = tmp_path / "wallet.json"
    document = json.loads(path.read_text())
    sealed = bytearray(base64.b64decode(document["sealed"]))
    for place in (0, 11, 12, len(sealed) // 2, len(sealed) - 1):
        changed = copy.copy(sealed)
        changed[place] ^= 1
        path.write_text(json.dumps({**document, "sealed": base64.b64encode(changed).decode()}))
        with pytest.raises(WalletPasswordError):
            Wallet.open(path, password)
    for short in (b"x", sealed[:12], sealed[:-1]):
        path.write_text(json.dumps({**document, "sealed": base64.b64encode(short).decode()}))
        with pytest.raises(WalletPasswordError):
            Wallet.open(path, password)
    path.write_text(json.dumps({**document, "scrypt": {**QUICK, "n": 4}}))
    with pytest.raises(WalletPasswordError):
        Wallet.open(path, password)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_file_is_a_wallet_or_an_error_of_ours(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "any.json"
    path.write_bytes(raw)
    with suppress(CertificateError):
        Wallet.open(path, password)


# What ends soon, and what goes on


def test_what_ends_soon_is_told(tmp_path: Path) -> None:
    wallet = quick(tmp_path)
    soon, later = credential(valid_until=BEGIN + 10 * DAY), credential()
    wallet.add(soon, later)
    assert wallet.credentials == (soon, later)
    assert wallet.expiring(BEGIN, 10 * DAY - 1) == []
    assert wallet.expiring(BEGIN, 10 * DAY) == [soon]
    assert wallet.expiring(BEGIN + 20 * DAY, 0) == [soon], "what has ended too"
    assert wallet.expiring(BEGIN, END) == [soon, later]
    wallet.add(sign(renew(soon, valid_until=BEGIN + 30 * DAY), ISSUER))
    assert [each.hash for each in wallet.expiring(BEGIN, 10 * DAY)] == []
    assert len(wallet.expiring(BEGIN, 30 * DAY)) == 1, "the one that continues it"


def test_a_renewal_goes_on_without_a_gap() -> None:
    old = credential()
    new = sign(renew(old, valid_until=END + DAY), ISSUER)
    assert (new.certificate.valid_from, new.certificate.valid_until) == (END, END + DAY)
    assert new.certificate.id == renewal_id(old.hash)
    assert continues(new, old)
    assert not continues(old, new)
    assert not continues(credential(valid_until=END + DAY), old)
    assert new.values() == old.values()
    assert new.hash != old.hash
    new.verify_proof(ISSUER.address)
    overlapping = renew(old, valid_from=END - DAY, valid_until=END + DAY, status=StatusIndex(PUBLISHER, 3))
    assert continues(overlapping, old)
    assert (overlapping.certificate.status_publisher, overlapping.certificate.status_index) == (PUBLISHER, 3)
    assert new.certificate.status_index == 0


def test_an_issuer_renews_without_knowing_a_claim() -> None:
    whole = credential()
    renewed = sign(renew(whole.showing(), valid_until=END + DAY), ISSUER)
    assert renewed.values() == {}
    assert renewed.hashes == whole.hashes


@pytest.mark.parametrize(
    "dates",
    [{"valid_until": END}, {"valid_until": END - 1}, {"valid_from": END + 1, "valid_until": END + DAY},
     {"valid_from": BEGIN, "valid_until": END + DAY}, {"valid_from": BEGIN - 1, "valid_until": END + DAY}],
)  # fmt: skip
def test_dates_with_which_nothing_goes_on(dates: dict[str, int]) -> None:
    with pytest.raises(RenewalError):
        renew(credential(), **dates)
