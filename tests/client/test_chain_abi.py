"""Encoding and decoding by name, held against web3's own codec."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from evgi_client.chain import Artifact
from evgi_client.chain.abi import Abi, decode, decode_log, encode, filter_topics, topic_of
from evgi_client.errors import AbiError

A = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
B = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"

TERMS = {
    "connector": b"\x01" * 32,
    "creditor": A,
    "debtor": B,
    "tariff": b"\x02" * 32,
    "fallbackTariff": b"\x03" * 32,
    "ceilingPerKwh": 1,
    "ceilingPerHour": 2,
    "ceilingFlat": 3,
    "maxEnergy": 4,
    "maxDuration": 5,
    "maxSoC": 100,
    "submitWithin": 6,
    "exportAllowed": True,
}


@dataclass(frozen=True)
class Terms:
    connector: bytes
    creditor: str
    debtor: str
    tariff: bytes
    fallback_tariff: bytes
    ceiling_per_kwh: int
    ceiling_per_hour: int
    ceiling_flat: int
    max_energy: int
    max_duration: int
    max_soc: int
    submit_within: int
    export_allowed: bool


@pytest.fixture(scope="module")
def settlement() -> Abi:
    return Artifact.load("SessionSettlement").abi


def reference(abi: Abi, function: str, args: list[object]) -> bytes:
    contract = Web3().eth.contract(address=Web3.to_checksum_address(A), abi=abi.entries)
    return bytes.fromhex(contract.encode_abi(function, args)[2:])


def test_a_struct_goes_in_as_tuple_mapping_or_dataclass(settlement: Abi) -> None:
    expected = reference(settlement, "authorizationDigest", [tuple(TERMS.values()), 7, 8])

    for terms in (tuple(TERMS.values()), TERMS, Terms(*TERMS.values())):  # type: ignore[arg-type]
        assert settlement.encode_call("authorizationDigest", (terms, 7, 8)) == expected


def test_nested_arrays_of_structs(settlement: Abi) -> None:
    group = {"terms": TERMS, "epoch": 9, "sessions": b"\x05" * 81, "settled": b""}
    batch = {"debtor": B, "agreement": 1, "roster": 2, "groups": [group, group]}
    plain = (tuple(TERMS.values()), 9, b"\x05" * 81, b"")

    encoded = settlement.encode_call("settle", (batch,))

    assert encoded == reference(settlement, "settle", [(B, 1, 2, [plain, plain])])


@given(
    st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.booleans(), st.binary(min_size=32, max_size=32)
)
@settings(max_examples=50)
def test_what_goes_in_comes_out(large: int, small: int, flag: bool, word: bytes) -> None:
    parameters = [
        {
            "name": "terms",
            "type": "tuple[]",
            "internalType": "struct Some.Terms[]",
            "components": [
                {"name": "creditor", "type": "address"},
                {"name": "large", "type": "uint64"},
                {"name": "small", "type": "uint32"},
                {"name": "flag", "type": "bool"},
                {"name": "word", "type": "bytes32"},
            ],
        }
    ]
    data = encode(parameters, [[(A.lower(), large, small, flag, word)]], "test")
    [[terms]] = decode(parameters, data, "test")

    assert terms == (A, large, small, flag, word)
    assert (terms.creditor, terms.large, terms.word) == (A, large, word)


def test_several_results_are_a_named_tuple(settlement: Abi) -> None:
    data = encode(
        [{"name": "a", "type": "uint32"}, {"name": "b", "type": "bytes28"}], [5, b"\x07" * 28], "test"
    )

    result = settlement.decode_result("startLogOf", 2, data)

    last_start, digest = result
    assert (last_start, digest) == (5, b"\x07" * 28)
    assert result.lastStart == 5


@pytest.mark.parametrize(
    ("function", "args", "said"),
    [
        ("settlePair", (A,), "takes 2 arguments, got 1"),
        ("settlePair", (A, "0x12"), "settlePair"),
        ("nothing", (), "has no function nothing"),
        ("ceilingOf", (dict(list(TERMS.items())[1:]), 1), "fields"),
        ("ceilingOf", ({**TERMS, "more": 1}, 1), "more"),
        ("ceilingOf", (tuple(TERMS.values())[1:], 1), "13 fields expected"),
        ("ceilingOf", ({**TERMS, "maxSoC": 256}, 1), "ceilingOf"),
        ("ceilingOf", ({**TERMS, "maxEnergy": -1}, 1), "ceilingOf"),
        ("ceilingOf", ({**TERMS, "connector": b"\x01" * 33}, 1), "ceilingOf"),
        ("settle", ({"debtor": B, "agreement": 1, "roster": 2, "groups": 3},), "a list expected"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    settlement: Abi, function: str, args: tuple[object, ...], said: str
) -> None:
    with pytest.raises(AbiError, match=said):
        settlement.encode_call(function, args)


def test_an_overload_is_chosen_by_count_or_signature() -> None:
    word = {"name": "value", "type": "uint256"}
    short = {"type": "function", "name": "pay", "inputs": [word], "outputs": []}
    long = {"type": "function", "name": "pay", "inputs": [word, word], "outputs": []}
    other = {"type": "function", "name": "pay", "inputs": [{"name": "to", "type": "address"}], "outputs": []}

    two = Abi("Two", [short, long])
    assert two.encode_call("pay", (1, 2)) == two.encode_call("pay(uint256,uint256)", (1, 2))
    assert two.encode_call("pay", (1,)) == two.encode_call("pay(uint256)", (1,))

    three = Abi("Three", [short, long, other])
    with pytest.raises(AbiError, match="overloaded"):
        three.encode_call("pay", (1,))
    assert three.encode_call("pay(address)", (A,)) != three.encode_call("pay(uint256)", (1,))


def test_an_event_is_decoded_to_names() -> None:
    abi = Artifact.load("ChargePointRegistry").abi
    entry = abi.event("ChargePointRecorded")
    fields = [part["name"] for part in entry["inputs"][2]["components"]]
    state = dict.fromkeys(fields, b"\x07" * 32)
    state.update(dict.fromkeys(("creditor", "operator", "meterKey"), A))
    state.update(since=1, status=2, connectorNumber=3, ratedPowerW=22_000)
    data = encode(entry["inputs"][2:], [state], "state")
    topics = [topic_of(entry), b"\x09" * 32, (3).to_bytes(32, "big")]

    args = decode_log(entry, topics, data)

    assert (args["connector"], args["version"]) == (b"\x09" * 32, 3)
    assert args["state"]._asdict() == state
    assert args["state"].ratedPowerW == 22_000


def test_a_log_of_another_event_is_refused() -> None:
    abi = Artifact.load("ClearingToken").abi
    with pytest.raises(AbiError, match="another event"):
        decode_log(abi.event("MemberAdmitted"), [topic_of(abi.event("MemberExpelled")), b"\x00" * 32], b"")
    with pytest.raises(AbiError, match="another event"):
        decode_log(abi.event("MemberAdmitted"), [topic_of(abi.event("MemberAdmitted"))], b"\x00" * 32)


def test_filters_become_topics() -> None:
    entry = Artifact.load("ClearingToken").abi.event("Minted")
    one, two = (bytes(12) + bytes.fromhex(each[2:]) for each in (A, B))

    assert filter_topics(entry, {}) == [topic_of(entry)]
    assert filter_topics(entry, {"to": A}) == [topic_of(entry), None, one]
    assert filter_topics(entry, {"minter": [A, B]}) == [topic_of(entry), [one, two]]
    with pytest.raises(AbiError, match="amount"):
        filter_topics(entry, {"amount": 1})


def test_an_indexed_string_is_its_hash_and_no_filter() -> None:
    entry = {
        "type": "event",
        "name": "Named",
        "inputs": [{"name": "label", "type": "string", "indexed": True}],
    }
    digest = b"\x0a" * 32

    assert decode_log(entry, [topic_of(entry), digest], b"") == {"label": digest}
    with pytest.raises(AbiError, match="label"):
        filter_topics(entry, {"label": "text"})
