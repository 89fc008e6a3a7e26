"""Changes of identities: their type strings, their hashes next to eth-account's, their JSON, their place in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.errors import (
    ChangeTooLongError,
    FieldValueError,
    IdentityNameError,
)
from evgi_client.identity import word_of
from evgi_client.identity.packed import BATCH_BYTES, LONGEST_VALUE, batches, pack
from evgi_client.messages import Domain, Message, checksum_address
from evgi_client.messages.identity import AttributeChange, DelegateChange, OwnerChange
from evgi_client.signing import LocalSigner, Signature, recover, sign

ROOT = Path(__file__).parents[2]
TYPES: dict[type[Message], str] = {
    OwnerChange: "OwnerChange(address identity,address owner,uint32 nonce,uint64 deadline)",
    DelegateChange: "DelegateChange(address identity,bytes32 delegateType,address delegate,uint64 validTo,"
    "uint32 nonce,uint64 deadline)",
    AttributeChange: "AttributeChange(address identity,bytes32 name,bytes value,uint64 validTo,uint32 nonce,"
    "uint64 deadline)",
}
"""Written out here, not read from the contract or the client: a wrong type string in either must fail."""

ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))
WORD = st.binary(min_size=32, max_size=32)
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
OWNERS = st.builds(OwnerChange, ADDRESS, ADDRESS, U32, U64)
DELEGATES = st.builds(DelegateChange, ADDRESS, WORD, ADDRESS, U64, U32, U64)
ATTRIBUTES = st.builds(AttributeChange, ADDRESS, WORD, st.binary(max_size=100), U64, U32, U64)
CHANGES = st.one_of(OWNERS, DELEGATES, ATTRIBUTES)
DOMAINS = st.builds(Domain, st.just("DIDRegistry"), st.just("1"), st.integers(1, 2**64), ADDRESS)
SIGNER = LocalSigner.from_key(bytes(31) + b"\x07")
ANN, BOB = SIGNER.address, LocalSigner.from_key(bytes(31) + b"\x08").address
DOMAIN = Domain("DIDRegistry", "1", 31337, BOB)


@pytest.mark.parametrize("cls", TYPES)
def test_type_strings_are_those_of_the_contract(cls: type[Message]) -> None:
    assert cls.type_string() == TYPES[cls]
    source = (ROOT / "contracts" / "types" / "Identity.sol").read_text()
    assert f'"{TYPES[cls]}"' in source
    members = TYPES[cls].partition("(")[2].rstrip(")").split(",")
    struct = source.partition(f"struct {cls.__name__} {{")[2].partition("}")[0]
    lines = (line.strip().rstrip(";") for line in struct.splitlines())
    assert [line for line in lines if line and not line.startswith("///")] == members


@given(change=CHANGES, domain=DOMAINS)
@settings(max_examples=60, deadline=None)
def test_digests_are_those_of_eth_account(change: Message, domain: Domain) -> None:
    document = change.to_typed_data(domain)
    document["message"] = {
        name: int(value) if isinstance(value, str) and value.isdecimal() else value
        for name, value in document["message"].items()
    }
    signable = encode_typed_data(full_message=document)
    assert change.digest(domain) == keccak(b"\x19" + signable.version + signable.header + signable.body)


@given(change=CHANGES)
@settings(max_examples=40, deadline=None)
def test_json_comes_back(change: Any) -> None:
    assert type(change).from_json(change.to_json()) == change


def test_a_value_of_any_length_is_hexadecimal_in_json() -> None:
    made = AttributeChange(ANN, word_of("did/svc/Data"), b"\x00\xff", 1, 2, 3)
    document = made.to_json()
    assert document["value"] == "0x00ff"
    assert AttributeChange.from_json({**document, "value": "0x"}).value == b""
    assert AttributeChange.from_json({**document, "value": "0xABcd"}).value == b"\xab\xcd"
    for bad in ("00ff", "0x0", "0xgg", "", "0x 0", 5, None, b"\x00"):
        with pytest.raises(FieldValueError):
            AttributeChange.from_json({**document, "value": bad})
    for bad in ("0x00", 1, None, bytearray(b"\x00")):
        with pytest.raises(FieldValueError):
            AttributeChange(ANN, word_of("did/svc/Data"), bad, 1, 2, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "word"),
    [("sigAuth", b"sigAuth" + bytes(25)), ("é", b"\xc3\xa9" + bytes(30)), ("n" * 32, b"n" * 32)],
)
def test_names_are_words(text: str, word: bytes) -> None:
    assert word_of(text) == word


@pytest.mark.parametrize("text", ["", "n" * 33, "é" * 17, "a\0b", "a\0"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(IdentityNameError) as refused:
        word_of(text)
    assert refused.value.text == text


def unpacked(packed: bytes) -> tuple[int, dict[str, Any], Signature]:
    """Reads a change as the interface documents it."""
    kind, rest = packed[0], packed[97:]
    fields: dict[str, Any] = {
        "identity": checksum_address("0x" + packed[1:21].hex()),
        "nonce": int.from_bytes(packed[21:25], "big"),
        "deadline": int.from_bytes(packed[25:33], "big"),
    }
    if kind == 1:
        assert len(rest) == 20
        fields["owner"] = checksum_address("0x" + rest.hex())
    elif kind == 2:
        assert len(rest) == 60
        fields |= {"delegate_type": rest[:32], "delegate": checksum_address("0x" + rest[32:52].hex())}
        fields["valid_to"] = int.from_bytes(rest[52:], "big")
    else:
        length = int.from_bytes(rest[40:42], "big")
        assert len(rest) == 42 + length
        fields |= {"name": rest[:32], "valid_to": int.from_bytes(rest[32:40], "big"), "value": rest[42:]}
    return kind, fields, Signature.from_compact(packed[33:97])


@given(change=CHANGES)
@settings(max_examples=60, deadline=None)
def test_a_batch_carries_every_field(change: Any) -> None:
    signature = SIGNER.sign_digest(change.digest(DOMAIN))
    kind, fields, carried = unpacked(pack(change, signature))
    made = (OwnerChange, DelegateChange, AttributeChange)[kind - 1](**fields)
    assert made == change
    assert recover(made.digest(DOMAIN), carried) == ANN


def test_a_value_too_long_for_a_batch_is_refused() -> None:
    fits = AttributeChange(ANN, word_of("did/svc/Data"), bytes(LONGEST_VALUE), 1, 0, 1)
    signed = sign(SIGNER, fits, DOMAIN)
    assert unpacked(pack(signed.message, signed.signature))[1]["value"] == bytes(LONGEST_VALUE)
    long = AttributeChange(ANN, word_of("did/svc/Data"), bytes(LONGEST_VALUE + 1), 1, 0, 1)
    with pytest.raises(ChangeTooLongError) as refused:
        list(batches([sign(SIGNER, long, DOMAIN)]))
    assert (refused.value.identity, refused.value.length, refused.value.limit) == (
        ANN,
        LONGEST_VALUE + 1,
        LONGEST_VALUE,
    )


def test_batches_keep_an_identitys_changes_together_in_their_order() -> None:
    changes = [
        sign(SIGNER, OwnerChange(identity, BOB, nonce, 2**40), DOMAIN)
        for nonce in range(3)
        for identity in (ANN, BOB)
    ]
    one = b"".join(batches(changes))
    order = [
        (fields["identity"], fields["nonce"])
        for fields in (unpacked(one[n : n + 117])[1] for n in range(0, 702, 117))
    ]
    assert order == [(ANN, 0), (ANN, 1), (ANN, 2), (BOB, 0), (BOB, 1), (BOB, 2)]
    split = list(batches(changes, limit=250))
    assert [len(batch) for batch in split] == [234, 234, 234]
    assert b"".join(split) == one
    assert [len(batch) for batch in batches(changes, limit=100)] == [117] * 6
    assert list(batches([])) == []
    assert BATCH_BYTES < 128 * 1024 - 4 - 64 - 32 - 200
