"""A suite read without a key, and what is read of accounts and pairs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evgi_client.chain import Chain
from evgi_client.charging.session import SignedAuthorization, SignedSession
from evgi_client.clearing.peering import OPEN
from evgi_client.clearing.tokens import rejection_reason
from evgi_client.client import Client
from evgi_client.errors import (
    FieldValueError,
    InvalidAddressError,
    KeystoreError,
    SessionMismatchError,
    SignerMismatchError,
    WatchOnlyError,
)
from evgi_client.messages import ChargingAuthorization, Domain, SessionKey, SessionRecord
from evgi_client.signing import Signed, WatchOnly, keystore_address
from tests.support.sessions import DAY, Maker, signer, terms_for
from tests.support.suite import CREDIT_LINE, DEPOSIT, Suite, agree, agreement_of, found

START = 1_750_000_000


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return found(Chain.embedded(start=START), tmp_path_factory.mktemp("suite") / "deployment.json")


def test_an_account_without_its_key_signs_nothing() -> None:
    account = WatchOnly(signer(1).address.lower())
    assert account.address == signer(1).address
    with pytest.raises(WatchOnlyError) as refused:
        account.sign_digest(bytes(32))
    assert refused.value.address == account.address
    with pytest.raises(WatchOnlyError):
        account.sign_transaction({})
    with pytest.raises(InvalidAddressError):
        WatchOnly("0x12")


def test_a_suite_is_read_without_a_key_and_not_changed(suite: Suite) -> None:
    client = Client(suite.deployment, suite.chain)
    assert client.tokens.balance(suite.debtor.address) == DEPOSIT
    assert client.positions.of(suite.creditor.address, suite.debtor.address) == 0
    with pytest.raises(WatchOnlyError):
        Client(suite.deployment, suite.chain, WatchOnly(suite.debtor.address)).positions.allow(1)


def test_a_keystore_names_its_account(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    for named in (signer(1).address, signer(1).address[2:].lower()):
        path.write_text(json.dumps({"version": 3, "address": named}))
        assert keystore_address(path) == signer(1).address
    path.write_text(json.dumps({"version": 3}))
    with pytest.raises(KeystoreError, match="names no address"):
        keystore_address(path)


def test_a_pairs_history_and_peers(suite: Suite) -> None:
    snapshot = suite.chain.snapshot()
    try:
        client = Client(suite.deployment, suite.chain, suite.creditor)
        creditor, debtor = suite.creditor.address, suite.debtor.address
        (first,) = client.peering.history(creditor, debtor)
        assert (first.agreement, first.valid_until) == (
            agreement_of(suite, deadline=first.agreement.deadline),
            OPEN,
        )
        client.peering.end(debtor)
        draft = client.peering.draft(
            creditor,
            debtor.lower(),
            credit_line=1,
            peer_credit_line=2,
            valid_from=suite.chain.now() + 20 * DAY,
            deadline=suite.chain.now() + DAY,
            **{
                name: getattr(first.agreement, name)
                for name in (
                    *("submit_within", "fee_bps", "ceiling_per_kwh", "ceiling_per_hour", "ceiling_flat"),
                    *("window", "dispute_period", "notice_period"),
                )
            },
        )
        lines = {draft.utility_a: draft.credit_line_a, draft.utility_b: draft.credit_line_b}
        assert (draft.version, lines) == (3, {creditor: 1, debtor: 2})
        agree(suite, draft)
        ended, following = client.peering.history(debtor, creditor)
        assert ended.valid_until == suite.chain.timestamp_of(suite.chain.head() - 1) + 10 * DAY
        assert following.agreement == draft
        assert [ended.applies_at(ended.valid_until - 1), ended.applies_at(ended.valid_until)] == [True, False]
        assert client.peering.peers(creditor) == [debtor]
        assert client.peering.peers(debtor.lower()) == [creditor]
        assert client.peering.peers(suite.stranger.address) == []
        assert first.agreement.credit_line_a == CREDIT_LINE
    finally:
        suite.chain.revert_to(snapshot)


def test_a_reason_is_text_on_the_chain() -> None:
    assert rejection_reason(" IBAN unknown ") == b"IBAN unknown" + bytes(20)
    assert rejection_reason("é" * 16) == "é".encode() * 16
    for text in ("é" * 16 + "a", "a\0b"):
        with pytest.raises(FieldValueError):
            rejection_reason(text)


def test_a_promise_becomes_the_session_that_both_signed() -> None:
    domain = Domain("SessionSettlement", "1", 1, signer(9).address)
    maker = Maker(terms_for(b"\x11" * 32, signer(1).address, signer(2).address), signer(7), signer(8), domain)
    session = maker.session(START)
    promise = SignedAuthorization(session.driver, session.authorization, session.driver_signature)
    assert promise == SignedAuthorization.from_json(json.loads(json.dumps(promise.to_json())))
    promise.verify(domain)
    record: Signed[SessionRecord] = Signed(session.record, domain, session.meter_signature)
    assert promise.metered(record) == session
    assert promise.to_json().items() <= session.to_json().items()
    with pytest.raises(SignerMismatchError):
        promise.verify(replace(domain, chain_id=2))
    dearer = ChargingAuthorization(promise.authorization.terms, START, promise.authorization.max_cost + 1)
    with pytest.raises(SignerMismatchError):
        replace(promise, authorization=dearer).verify(domain)
    with pytest.raises(SessionMismatchError):
        replace(promise, authorization=dearer).metered(record)
    with pytest.raises(SessionMismatchError):
        SignedAuthorization.from_json(session.to_json())
    with pytest.raises(SessionMismatchError):
        SignedSession.from_json(promise.to_json())


def test_a_sessions_key_is_parsed_strictly() -> None:
    key = SessionKey(b"\xab" * 32, 5)
    assert SessionKey.parse(str(key)) == key
    for text in (f" {key}", f"{key}\n", str(key)[2:], str(key).replace("@", "-"), str(key)[:-1] + "५"):
        with pytest.raises(FieldValueError):
            SessionKey.parse(text)
