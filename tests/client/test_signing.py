"""Signatures: one form each, the same as eth-account's, and who is told apart by them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.chain import Artifact, Chain
from evgi_client.errors import (
    ContractSignatureError,
    EvgiError,
    InvalidAddressError,
    InvalidDigestError,
    InvalidKeyError,
    InvalidSignatureError,
    MalleableSignatureError,
    SignatureCountError,
    SignerMismatchError,
    UnsignableTransactionError,
    WatchOnlyError,
)
from evgi_client.messages import ChargingAuthorization, ChargingTerms, Domain
from evgi_client.signing import (
    EIP1271_MAGIC_VALUE,
    LocalSigner,
    Signature,
    Signed,
    Signer,
    WatchOnly,
    recover,
    recover_many,
    sign,
    verify_digest,
)

ROOT = Path(__file__).parents[2]
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = bytes(range(32))
DRIVER = LocalSigner.from_key(KEY)
OTHER = LocalSigner.from_key(b"\x07" * 32)
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
DOMAIN = Domain("SessionSettlement", "1", 31337, CONTRACT)
TERMS = ChargingTerms(
    connector=b"\x01" * 32,
    creditor=CONTRACT,
    debtor=OTHER.address,
    tariff=b"\x02" * 32,
    fallback_tariff=b"\x03" * 32,
    ceiling_per_kwh=700_000,
    ceiling_per_hour=0,
    ceiling_flat=0,
    max_energy=80_000,
    max_duration=86_400,
    max_soc=100,
    submit_within=604_800,
    export_allowed=False,
)
AUTHORIZATION = ChargingAuthorization(TERMS, 1_750_000_000, 5_000_000)
DIGEST = AUTHORIZATION.digest(DOMAIN)

keys = st.integers(1, N - 1).map(lambda number: number.to_bytes(32, "big"))
digests = st.binary(min_size=32, max_size=32)
uint64 = st.integers(0, 2**64 - 1)


# The same signatures as eth-account, bit for bit


@given(keys, uint64, uint64, uint64, st.integers(0, 2**256 - 1))
@settings(max_examples=60, deadline=None)
def test_signatures_are_those_of_eth_account(
    key: bytes, started_at: int, max_cost: int, ceiling: int, chain_id: int
) -> None:
    authorization = ChargingAuthorization(
        dataclasses.replace(TERMS, ceiling_per_kwh=ceiling), started_at, max_cost
    )
    domain = Domain("SessionSettlement", "1", chain_id, CONTRACT)
    signed = LocalSigner.from_key(key).sign(authorization, domain)
    theirs = Account.sign_typed_data(key, full_message=authorization.to_typed_data(domain))
    assert signed.signature.to_bytes() == bytes(theirs.signature)
    assert (signed.signature.r, signed.signature.s, signed.signature.v) == (theirs.r, theirs.s, theirs.v)
    assert signed.recover() == Account.from_key(key).address


@given(keys, digests)
@settings(max_examples=100, deadline=None)
def test_every_form_of_a_signature_gives_it_back(key: bytes, digest: bytes) -> None:
    signer = LocalSigner.from_key(key)
    signature = signer.sign_digest(digest)
    assert signer.sign_digest(digest) == signature
    assert recover(digest, signature) == signer.address
    assert Signature.from_bytes(signature.to_bytes()) == signature
    assert Signature.from_compact(signature.compact()) == signature
    # On chain v is always 27: the compact form must recover the signer with it.
    compact = signature.compact()
    with_v_27 = Account._recover_hash(
        digest, vrs=(27, int.from_bytes(compact[:32], "big"), int.from_bytes(compact[32:], "big"))
    )
    assert with_v_27 == signer.address


# What is no signature


def test_the_second_form_of_a_signature_is_refused() -> None:
    signature = DRIVER.sign_digest(DIGEST)
    r, s, v = signature.r, signature.s, signature.v
    # It would recover the same address: refusing it is all that tells the two apart.
    assert Account._recover_hash(DIGEST, vrs=(55 - v, r, N - s)) == DRIVER.address
    malleated = r.to_bytes(32, "big") + (N - s).to_bytes(32, "big") + bytes([55 - v])
    for attempt in (lambda: Signature(r, N - s, 55 - v), lambda: Signature.from_bytes(malleated)):
        with pytest.raises(MalleableSignatureError) as raised:
            attempt()
        assert raised.value.s == N - s
    with pytest.raises(MalleableSignatureError):
        verify_digest(DRIVER.address, DIGEST, malleated)


def test_the_largest_low_s_is_the_half_of_the_order() -> None:
    assert Signature(1, N // 2, 27).s == N // 2
    with pytest.raises(MalleableSignatureError):
        Signature(1, N // 2 + 1, 27)
    assert Signature.from_compact((1).to_bytes(32, "big") + (N // 2 + 1).to_bytes(32, "big")).v == 28


@pytest.mark.parametrize(
    ("r", "s", "v", "value"),
    [
        (0, 1, 27, 0),
        (N, 1, 27, N),
        (-1, 1, 27, -1),
        (1, 0, 27, 0),
        (1, N, 27, N),
        (1, 2**256 - 1, 28, 2**256 - 1),
        (1, 1, 0, 0),
        (1, 1, 1, 1),
        (1, 1, 26, 26),
        (1, 1, 29, 29),
    ],
)
def test_numbers_out_of_range_are_refused(r: int, s: int, v: int, value: int) -> None:
    with pytest.raises(InvalidSignatureError) as raised:
        Signature(r, s, v)
    assert raised.value.value == value
    assert not isinstance(raised.value, MalleableSignatureError)
    if r >= 0:
        data = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        with pytest.raises(InvalidSignatureError):
            Signature.from_bytes(data + bytes([v]))
        if v == 27:
            with pytest.raises(InvalidSignatureError):
                Signature.from_compact(data)


@pytest.mark.parametrize("length", [0, 63, 64, 66])
def test_bytes_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(InvalidSignatureError) as raised:
        Signature.from_bytes(b"\x01" * length)
    assert raised.value.value == length
    with pytest.raises(InvalidSignatureError):
        Signature.from_compact(b"\x01" * (length + 1 if length == 64 else length))


NO_POINT = Signature(5, 1, 27)
"""No point of the curve has x = 5: no key can have made it."""


def test_a_signature_that_no_key_can_have_made_is_refused() -> None:
    with pytest.raises(InvalidSignatureError) as raised:
        recover(DIGEST, NO_POINT)
    assert raised.value.value == 5


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_digest_is_32_bytes(length: int) -> None:
    signature = DRIVER.sign_digest(DIGEST)
    for attempt in (
        lambda: DRIVER.sign_digest(bytes(length)),
        lambda: recover(bytes(length), signature),
        lambda: recover_many([bytes(length)], [signature]),
        lambda: verify_digest(DRIVER.address, bytes(length), signature.to_bytes()),
    ):
        with pytest.raises(InvalidDigestError) as raised:
            attempt()
        assert raised.value.length == length


# Tampering


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 1},
        {"verifying_contract": OTHER.address},
        {"name": "PeeringRegistry"},
        {"version": "2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_chain_contract_name_or_version_is_another_signer(change: dict[str, Any]) -> None:
    signed = DRIVER.sign(AUTHORIZATION, DOMAIN)
    signed.verify(DRIVER.address)
    replayed = dataclasses.replace(signed, domain=dataclasses.replace(DOMAIN, **change))
    with pytest.raises(SignerMismatchError) as raised:
        replayed.verify(DRIVER.address)
    assert raised.value.expected == DRIVER.address
    assert raised.value.recovered == replayed.recover() != DRIVER.address


TAMPERED = [
    *(
        dataclasses.replace(AUTHORIZATION, terms=dataclasses.replace(TERMS, **change))
        for change in (
            {"connector": b"\x09" * 32},
            {"creditor": OTHER.address},
            {"debtor": CONTRACT},
            {"tariff": b"\x09" * 32},
            {"fallback_tariff": b"\x09" * 32},
            {"ceiling_per_kwh": 700_001},
            {"ceiling_per_hour": 1},
            {"ceiling_flat": 1},
            {"max_energy": 80_001},
            {"max_duration": 86_401},
            {"max_soc": 99},
            {"submit_within": 604_801},
            {"export_allowed": True},
        )
    ),
    dataclasses.replace(AUTHORIZATION, started_at=1_750_000_001),
    dataclasses.replace(AUTHORIZATION, max_cost=5_000_001),
]


@pytest.mark.parametrize("number", range(len(TAMPERED)))
def test_a_changed_field_is_another_signer(number: int) -> None:
    tampered = Signed(TAMPERED[number], DOMAIN, DRIVER.sign(AUTHORIZATION, DOMAIN).signature)
    with pytest.raises(SignerMismatchError):
        tampered.verify(DRIVER.address)


def test_verifying_against_another_address_names_both() -> None:
    with pytest.raises(SignerMismatchError) as raised:
        DRIVER.sign(AUTHORIZATION, DOMAIN).verify(OTHER.address)
    assert (raised.value.expected, raised.value.recovered) == (OTHER.address, DRIVER.address)
    assert isinstance(raised.value, EvgiError)


def test_the_expected_address_may_be_lower_case_but_must_be_one() -> None:
    signed = DRIVER.sign(AUTHORIZATION, DOMAIN)
    signed.verify(DRIVER.address.lower())
    with pytest.raises(InvalidAddressError):
        signed.verify(DRIVER.address[:-1])


# Accounts that are contracts (EIP-1271)


class TwoOfTwo:
    """An account that wants the signatures of two keys, one after the other: 130 bytes."""

    address = CONTRACT

    def __init__(self) -> None:
        self.asked = 0

    def is_valid_signature(self, address: str, digest: bytes, signature: bytes) -> bool:
        self.asked += 1
        if address != self.address or len(signature) != 130:
            return False
        owners = [recover(digest, Signature.from_bytes(part)) for part in (signature[:65], signature[65:])]
        return owners == [DRIVER.address, OTHER.address]


def test_an_account_may_sign_with_bytes_of_any_form() -> None:
    account = TwoOfTwo()
    both = DRIVER.sign_digest(DIGEST).to_bytes() + OTHER.sign_digest(DIGEST).to_bytes()
    verify_digest(account.address, DIGEST, both, account.is_valid_signature)
    assert account.asked == 1
    with pytest.raises(ContractSignatureError) as raised:
        verify_digest(account.address, DIGEST, both[65:] + both[:65], account.is_valid_signature)
    assert (raised.value.address, raised.value.digest) == (account.address, DIGEST)
    with pytest.raises(InvalidSignatureError):
        verify_digest(account.address, DIGEST, both)


def test_a_key_is_tried_before_the_chain_is_asked() -> None:
    account = TwoOfTwo()
    DRIVER.sign(AUTHORIZATION, DOMAIN).verify(DRIVER.address, account.is_valid_signature)
    assert account.asked == 0
    with pytest.raises(ContractSignatureError):
        DRIVER.sign(AUTHORIZATION, DOMAIN).verify(account.address, account.is_valid_signature)
    assert account.asked == 1


def test_an_account_owned_by_one_key_signs_with_it() -> None:
    def owned_by_driver(address: str, digest: bytes, signature: bytes) -> bool:
        return address == CONTRACT and recover(digest, Signature.from_bytes(signature)) == DRIVER.address

    DRIVER.sign(AUTHORIZATION, DOMAIN).verify(CONTRACT, owned_by_driver)
    with pytest.raises(ContractSignatureError):
        OTHER.sign(AUTHORIZATION, DOMAIN).verify(CONTRACT, owned_by_driver)


def test_an_account_on_a_chain_signs(chain: Chain, signers: list[LocalSigner]) -> None:
    owner = signers[0]
    artifact = Artifact.load("SmartAccount", ROOT / "tests" / "contracts" / "artifacts")
    account = chain.deploy(artifact, [owner.address], owner).address
    owner.sign(AUTHORIZATION, DOMAIN).verify(account, chain.is_valid_signature)
    for signed in (DRIVER.sign(AUTHORIZATION, DOMAIN), owner.sign(TAMPERED[0], DOMAIN)):
        forged = Signed(AUTHORIZATION, DOMAIN, signed.signature)
        with pytest.raises(ContractSignatureError):
            forged.verify(account, chain.is_valid_signature)
    with pytest.raises(ContractSignatureError):
        verify_digest(account, DIGEST, b"no signature", chain.is_valid_signature)
    with pytest.raises(ContractSignatureError):
        owner.sign(AUTHORIZATION, DOMAIN).verify(OTHER.address, chain.is_valid_signature)  # has no code


def test_the_magic_value_is_the_selector_of_the_question() -> None:
    from eth_utils import function_signature_to_4byte_selector

    assert function_signature_to_4byte_selector("isValidSignature(bytes32,bytes)") == EIP1271_MAGIC_VALUE


# Many at once


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 64])
def test_recover_many_keeps_the_order(count: int, threads: int | None) -> None:
    signers = [LocalSigner.from_key((number + 1).to_bytes(32, "big")) for number in range(count)]
    of = [bytes([number]) * 32 for number in range(count)]
    signatures = [signer.sign_digest(digest) for signer, digest in zip(signers, of, strict=True)]
    assert recover_many(of, signatures, threads) == [signer.address for signer in signers]


def test_recover_many_gives_none_for_what_no_key_made() -> None:
    good = DRIVER.sign_digest(DIGEST)
    recovered = recover_many([DIGEST] * 3, [good, NO_POINT, good], threads=2)
    assert recovered == [DRIVER.address, None, DRIVER.address]


def test_recover_many_wants_a_signature_for_every_digest() -> None:
    with pytest.raises(SignatureCountError) as raised:
        recover_many([DIGEST, DIGEST], [DRIVER.sign_digest(DIGEST)])
    assert (raised.value.digests, raised.value.signatures) == (2, 1)


# Signers


def test_any_signer_signs_messages() -> None:
    class Remote:
        """A signer elsewhere."""

        address = DRIVER.address

        def sign_digest(self, digest: bytes) -> Signature:
            return DRIVER.sign_digest(digest)

        def sign_transaction(self, transaction: Any) -> bytes:
            return DRIVER.sign_transaction(transaction)

    remote: Signer = Remote()
    assert sign(remote, AUTHORIZATION, DOMAIN) == DRIVER.sign(AUTHORIZATION, DOMAIN)


def test_created_signers_differ() -> None:
    assert LocalSigner.create().address != LocalSigner.create().address


@pytest.mark.parametrize("number", [0, N, 2**256 - 1])
def test_keys_out_of_range_are_refused_and_not_shown(number: int) -> None:
    key = number.to_bytes(32, "big")
    with pytest.raises(InvalidKeyError) as raised:
        LocalSigner.from_key(key)
    assert str(number) not in str(raised.value)
    assert key.hex() not in str(raised.value)


@pytest.mark.parametrize("key", [b"", b"\x01" * 31, b"\x01" * 33, KEY.hex().encode()])
def test_keys_of_another_length_are_refused_and_not_shown(key: bytes) -> None:
    with pytest.raises(InvalidKeyError) as raised:
        LocalSigner.from_key(key)
    assert KEY.hex() not in str(raised.value)


def test_a_signer_does_not_show_its_key() -> None:
    shown = [repr(DRIVER), str(DRIVER), f"{DRIVER}", repr([DRIVER])]
    for text in shown:
        assert DRIVER.address in text
        assert KEY.hex() not in text.lower()
        assert repr(KEY) not in text
    assert not hasattr(DRIVER, "__dict__")
    for attempt in (lambda: pickle.dumps(DRIVER), lambda: copy.deepcopy(DRIVER)):
        with pytest.raises(TypeError, match="not pickled") as raised:
            attempt()
        assert KEY.hex() not in str(raised.value)


def test_who_only_watches_never_signs() -> None:
    watching: Signer = WatchOnly(DRIVER.address.lower())
    assert watching.address == DRIVER.address
    for attempt in (lambda: watching.sign_digest(DIGEST), lambda: watching.sign_transaction(LEGACY)):
        with pytest.raises(WatchOnlyError, match=DRIVER.address):
            attempt()
    with pytest.raises(InvalidAddressError):
        WatchOnly(DRIVER.address[:-1])


LEGACY = {"to": OTHER.address, "value": 1, "gas": 21_000, "gasPrice": 1, "nonce": 0, "chainId": 31337}
DYNAMIC = {
    "type": 2,
    "to": OTHER.address,
    "value": 1,
    "gas": 21_000,
    "maxFeePerGas": 2,
    "maxPriorityFeePerGas": 1,
    "nonce": 0,
    "chainId": 31337,
    "data": b"\x01",
}


@pytest.mark.parametrize("transaction", [LEGACY, DYNAMIC], ids=["legacy", "1559"])
def test_transactions_are_signed_as_eth_account_does(transaction: dict[str, Any]) -> None:
    raw = DRIVER.sign_transaction(transaction)
    assert raw == bytes(Account.sign_transaction(transaction, KEY).raw_transaction)
    assert Account.recover_transaction(raw) == DRIVER.address


@pytest.mark.parametrize(
    "change", [{"nonce": None}, {"gas": "many"}, {"from": OTHER.address}, {"colour": "red"}, {"chainId": -1}]
)
def test_transactions_that_cannot_be_signed_are_named(change: dict[str, Any]) -> None:
    transaction = {**DYNAMIC, **change}
    if transaction["nonce"] is None:
        del transaction["nonce"]
    with pytest.raises(UnsignableTransactionError) as raised:
        DRIVER.sign_transaction(transaction)
    assert KEY.hex() not in str(raised.value)
