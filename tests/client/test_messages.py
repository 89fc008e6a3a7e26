"""Messages: their type strings, what they refuse, their JSON, and their hashes next to eth-account's."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak, to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.errors import (
    EvgiError,
    FieldMissingError,
    FieldUnknownError,
    FieldValueError,
    InvalidAddressError,
    InvalidEvseIdError,
    InvalidSaltError,
)
from evgi_client.messages import (
    AccessCertificate,
    Accreditation,
    AttributeChange,
    CertificatePresentation,
    ChargingAuthorization,
    ChargingTerms,
    ClockQuality,
    DataHostBootstrapping,
    DataWrite,
    DelegateChange,
    Domain,
    EntityCertificate,
    EntityType,
    Message,
    OwnerChange,
    PeeringAgreement,
    PriceMode,
    RevocationCertificate,
    SessionKey,
    SessionRecord,
    StatusList,
    TypedStruct,
    UnlockAcceptance,
    UnlockRejection,
    UnlockRequest,
    checksum_address,
    connector_id,
    evse_id_hash,
    normalise_evse_id,
    salted_hash,
)
from evgi_client.messages.typed import typed

ROOT = Path(__file__).parents[2]
MESSAGES: list[type[Message]] = [
    ChargingAuthorization,
    SessionRecord,
    PeeringAgreement,
    OwnerChange,
    DelegateChange,
    AttributeChange,
    EntityCertificate,
    Accreditation,
    RevocationCertificate,
    DataHostBootstrapping,
    AccessCertificate,
    UnlockRequest,
    UnlockRejection,
    UnlockAcceptance,
    DataWrite,
    CertificatePresentation,
    StatusList,
]
STRUCTS: list[type[TypedStruct]] = [ChargingTerms, *MESSAGES, Domain]
CREDITOR = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
DEBTOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
WIDTHS = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "uint128": 128, "uint256": 256}
LARGEST = {
    ("SessionRecord", "priceMode"): 1,
    ("SessionRecord", "clockQuality"): 3,
    ("EntityCertificate", "entityType"): max(EntityType),
}


def members(cls: type[TypedStruct]) -> list[tuple[str, str, str]]:
    """(Solidity type, Solidity name, attribute) of every field, read from the type string."""
    body = cls.type_string().split(")")[0].split("(")[1]
    attributes = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    return [
        (*member.split(" "), attribute) for member, attribute in zip(body.split(","), attributes, strict=True)
    ]


def strategy(cls: type[TypedStruct]) -> st.SearchStrategy[Any]:
    """Any instance of a message class."""
    by_type: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "bytes32": st.binary(min_size=32, max_size=32),
        "bytes": st.binary(max_size=100),
        "address": st.binary(min_size=20, max_size=20).map(to_checksum_address),
        "string": st.text(st.characters(exclude_categories=["Cs"])),
    }
    arguments = {}
    for solidity_type, name, attribute in members(cls):
        if solidity_type == "ChargingTerms":
            arguments[attribute] = strategy(ChargingTerms)
        elif solidity_type in WIDTHS:
            largest = LARGEST.get((cls.TYPE, name), 2 ** WIDTHS[solidity_type] - 1)
            arguments[attribute] = st.integers(0, largest)
        else:
            arguments[attribute] = by_type[solidity_type]
    return st.builds(cls, **arguments)


def terms(**changes: Any) -> ChargingTerms:
    values: dict[str, Any] = {
        "connector": b"\x01" * 32,
        "creditor": CREDITOR,
        "debtor": DEBTOR,
        "tariff": b"\x02" * 32,
        "fallback_tariff": b"\x03" * 32,
        "ceiling_per_kwh": 700_000,
        "ceiling_per_hour": 0,
        "ceiling_flat": 500_000,
        "max_energy": 80_000,
        "max_duration": 86_400,
        "max_soc": 100,
        "submit_within": 604_800,
        "export_allowed": False,
    }
    return ChargingTerms(**{**values, **changes})


def record(**changes: Any) -> SessionRecord:
    values: dict[str, Any] = {
        "authorization": b"\x04" * 32,
        "started_at": 1_750_000_000,
        "ended_at": 1_750_003_600,
        "import_start": 1_000,
        "import_end": 11_000,
        "export_start": 0,
        "export_end": 0,
        "charging_seconds": 3_000,
        "idle_seconds": 300,
        "parking_seconds": 300,
        "price_mode": PriceMode.LIVE,
        "cost": 4_400_000,
        "stop_reason": 0,
        "clock_quality": ClockQuality.SYNCHRONISED,
        "offline": True,
        "transaction_id": b"\x05" * 32,
        "ocmf": bytes(32),
        "pagination": 7,
    }
    return SessionRecord(**{**values, **changes})


# Type strings


def solidity_structs() -> dict[str, list[tuple[str, str]]]:
    """Name and members of every struct in contracts/types."""
    structs = {}
    for path in sorted((ROOT / "contracts" / "types").glob("*.sol")):
        source = re.sub(r"//[^\n]*", "", path.read_text("utf-8"))
        for name, body in re.findall(r"struct (\w+) \{([^}]*)\}", source):
            structs[name] = [tuple(member.split()) for member in body.split(";") if member.strip()]
    return structs


def solidity_type_strings() -> dict[str, str]:
    """The preimage of every type hash in contracts/types, by the name of its type."""
    sources = [path.read_text("utf-8") for path in sorted((ROOT / "contracts" / "types").glob("*.sol"))]
    preimages = re.findall(r'_TYPEHASH =\s*keccak256\(\s*"([^"]+)"\s*\)', "".join(sources))
    return {preimage.split("(")[0]: preimage for preimage in preimages}


def test_the_contracts_declare_what_the_client_signs() -> None:
    # The chain does not see what a meter signs, nor what a holder or a publisher shows.
    unseen = {"SessionRecord", "CertificatePresentation", "StatusList", "EIP712Domain"}
    assert set(solidity_type_strings()) == {cls.TYPE for cls in STRUCTS} - unseen


@pytest.mark.parametrize("name", sorted(solidity_type_strings()))
def test_type_string_is_that_of_the_contract_and_of_its_struct(name: str) -> None:
    cls = {cls.TYPE: cls for cls in STRUCTS}[name]
    structs = solidity_structs()
    assert cls.type_string() == solidity_type_strings()[name]

    def encoded(struct: str) -> str:
        return f"{struct}({','.join(' '.join(member) for member in structs[struct])})"

    nested = sorted({solidity_type for solidity_type, _ in structs[name]} & set(structs))
    assert cls.type_string() == "".join(encoded(struct) for struct in [name, *nested])


def test_domain_type_string_is_that_of_eip712() -> None:
    assert Domain.type_string() == (
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )


def test_a_type_string_that_is_not_the_class_is_refused_at_import() -> None:
    @dataclasses.dataclass(frozen=True)
    class Reading(TypedStruct):
        meter: bytes
        value: int

    with pytest.raises(TypeError, match="fields of Reading"):
        typed("Reading(uint64 value,bytes32 meter)")(Reading)
    with pytest.raises(TypeError, match="no type string"):
        typed("Reading bytes32 meter")
    assert typed("Reading(bytes32 meter,uint64 value)")(Reading).TYPE == "Reading"


# Values


FIELDS = [(cls, *member) for cls in STRUCTS for member in members(cls)]


def plain(cls: type[TypedStruct]) -> Any:
    """A message whose every field has an ordinary value of its type."""
    by_type = {
        "bytes32": b"\x06" * 32,
        "string": "text",
        "bytes": b"value",
        "address": CREDITOR,
        "bool": False,
    }
    return cls(*(by_type.get(solidity_type, 1) for solidity_type, _, _ in members(cls)))


def valid(cls: type[TypedStruct]) -> Any:
    made = {
        ChargingTerms: terms(),
        ChargingAuthorization: ChargingAuthorization(terms(), 1_750_000_000, 5_000_000),
        SessionRecord: record(),
        PeeringAgreement: PeeringAgreement(
            CREDITOR, DEBTOR, 1, CREDITOR, 604_800, 150, 10**9, 10**9, 1, 2, 3, 4, 5, 6, 7, 8
        ),
        Domain: Domain("SessionSettlement", "1", 31337, CREDITOR),
    }
    return made[cls] if cls in made else plain(cls)


def refused(solidity_type: str) -> list[Any]:
    """Values that are not of a Solidity type."""
    if solidity_type in WIDTHS:
        return [-1, 2 ** WIDTHS[solidity_type], True, 1.0, "1", None]
    return {
        "bool": [0, 1, "true", None],
        "string": [1, b"1", "\ud800", None],
        "bytes": ["value", "0x01", bytearray(1), 1, None],
        "bytes32": [b"", b"\x01" * 31, b"\x01" * 33, "0x" + "01" * 32, bytearray(32), None],
        "address": [
            CREDITOR[2:],
            CREDITOR[:-1],
            CREDITOR + "0",
            CREDITOR + "\n",
            CREDITOR.swapcase().replace("X", "x"),
            "0x" + "g" * 40,
            b"\x01" * 20,
            None,
        ],
        "ChargingTerms": [None, {}, valid(SessionRecord)],
    }[solidity_type]


@pytest.mark.parametrize(("cls", "solidity_type", "name", "attribute"), FIELDS, ids=str)
def test_every_field_refuses_what_does_not_fit(
    cls: type[TypedStruct], solidity_type: str, name: str, attribute: str
) -> None:
    for value in refused(solidity_type):
        with pytest.raises(FieldValueError) as raised:
            dataclasses.replace(valid(cls), **{attribute: value})
        assert (raised.value.message_type, raised.value.field) == (cls.TYPE, name)
        assert raised.value.value is value
        assert name in str(raised.value)


@pytest.mark.parametrize(("cls", "solidity_type", "name", "attribute"), FIELDS, ids=str)
def test_every_integer_field_takes_both_ends_of_its_range(
    cls: type[TypedStruct], solidity_type: str, name: str, attribute: str
) -> None:
    if solidity_type not in WIDTHS:
        return
    largest = LARGEST.get((cls.TYPE, name), 2 ** WIDTHS[solidity_type] - 1)
    for value in (0, largest):
        assert getattr(dataclasses.replace(valid(cls), **{attribute: value}), attribute) == value


@pytest.mark.parametrize(("field", "value"), [("price_mode", 2), ("clock_quality", 4)])
def test_a_record_refuses_a_price_mode_or_clock_quality_without_a_name(field: str, value: int) -> None:
    with pytest.raises(FieldValueError) as raised:
        record(**{field: value})
    assert raised.value.value == value
    assert "0 " in raised.value.expected


def test_addresses_take_their_checksummed_form() -> None:
    lower = terms(creditor=CREDITOR.lower(), debtor="0x" + DEBTOR[2:].upper())
    assert (lower.creditor, lower.debtor) == (CREDITOR, DEBTOR)
    assert lower == terms()


@given(st.binary(min_size=20, max_size=20))
@settings(max_examples=100, deadline=None)
def test_checksums_are_those_of_eth_utils(raw: bytes) -> None:
    expected = to_checksum_address(raw)
    assert checksum_address("0x" + raw.hex()) == checksum_address(expected) == expected


def test_a_wrong_checksum_names_the_right_one() -> None:
    wrong = CREDITOR.replace("F", "f", 1)
    with pytest.raises(InvalidAddressError, match=CREDITOR) as raised:
        checksum_address(wrong)
    assert raised.value.address == wrong


def test_subclasses_of_bytes_and_int_become_plain() -> None:
    class Hash(bytes):
        pass

    assert type(terms(tariff=Hash(32)).tariff) is bytes
    assert type(record(price_mode=PriceMode.FALLBACK).price_mode) is int


def test_messages_cannot_be_changed_and_have_no_other_attributes() -> None:
    authorization = valid(ChargingAuthorization)
    with pytest.raises(dataclasses.FrozenInstanceError):
        authorization.max_cost = 1
    assert not hasattr(authorization, "__dict__")


@pytest.mark.parametrize("cls", STRUCTS)
def test_copies_are_equal_and_hash_alike(cls: type[TypedStruct]) -> None:
    message = valid(cls)
    hashed = message.struct_hash()
    for other in (pickle.loads(pickle.dumps(message)), copy.copy(message), copy.deepcopy(message)):
        assert other == message
        assert hash(other) == hash(message)
        assert other.struct_hash() == hashed


def test_what_is_unpickled_is_checked() -> None:
    forged = pickle.dumps(record(cost=4_400_000)).replace((4_400_000).to_bytes(4, "little"), b"\xff" * 4)
    with pytest.raises(FieldValueError, match="cost"):
        pickle.loads(forged)


def test_the_session_key_is_connector_and_start() -> None:
    key = valid(ChargingAuthorization).session_key
    assert key == SessionKey(b"\x01" * 32, 1_750_000_000)
    assert str(key) == "0x" + "01" * 32 + "@1750000000"
    assert sorted([SessionKey(b"\x02" * 32, 1), SessionKey(b"\x01" * 32, 2), key])[0].started_at == 2


def test_the_session_key_is_read_from_its_text() -> None:
    key = valid(ChargingAuthorization).session_key
    assert SessionKey.parse(str(key)) == key
    for text in ("", "0x" + "01" * 32, "01" * 32 + "@1", "0x" + "01" * 32 + "@-1", str(key) + "\n"):
        with pytest.raises(FieldValueError) as raised:
            SessionKey.parse(text)
        assert raised.value.value == text


@pytest.mark.parametrize(("cls", "solidity_type", "name", "attribute"), FIELDS, ids=str)
def test_every_field_changes_the_hash(
    cls: type[TypedStruct], solidity_type: str, name: str, attribute: str
) -> None:
    message = valid(cls)
    value = getattr(message, attribute)
    if solidity_type == "ChargingTerms":
        other: Any = terms(max_energy=1)
    elif solidity_type == "bool":
        other = not value
    elif solidity_type == "string":
        other = value + " "
    elif solidity_type in ("bytes", "bytes32"):
        other = bytes([value[0] ^ 1]) + value[1:]
    elif solidity_type == "address":
        other = DEBTOR if value == CREDITOR else CREDITOR
    else:
        other = value + 1 if value == 0 else value - 1
    assert dataclasses.replace(message, **{attribute: other}).struct_hash() != message.struct_hash()


# JSON


@pytest.mark.parametrize("cls", STRUCTS)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_json_gives_the_same_message_back(cls: type[TypedStruct], data: st.DataObject) -> None:
    message = data.draw(strategy(cls))
    assert cls.from_json(json.loads(json.dumps(message.to_json()))) == message


@pytest.mark.parametrize(("cls", "solidity_type", "name", "attribute"), FIELDS, ids=str)
def test_json_without_a_field_or_with_another_is_refused(
    cls: type[TypedStruct], solidity_type: str, name: str, attribute: str
) -> None:
    document = valid(cls).to_json()
    value = document.pop(name)
    with pytest.raises(FieldMissingError) as missing:
        cls.from_json(document)
    assert (missing.value.message_type, missing.value.field) == (cls.TYPE, name)
    with pytest.raises(FieldUnknownError) as unknown:
        cls.from_json({**document, name: value, name + "_": value})
    assert (unknown.value.message_type, unknown.value.field) == (cls.TYPE, name + "_")


def test_json_wide_integers_are_strings_and_both_forms_are_read() -> None:
    message = valid(ChargingAuthorization)
    document = message.to_json()
    assert document["maxCost"] == "5000000"
    assert document["terms"]["maxEnergy"] == 80_000
    assert document["terms"]["tariff"] == "0x" + "02" * 32
    assert ChargingAuthorization.from_json({**document, "maxCost": 5_000_000}) == message


@pytest.mark.parametrize(
    "value", ["", "05", "+5", "-5", "5.0", "5e3", " 5", "0x5", "\u0665", "5\n", 5.0, True, "9" * 79]
)
def test_json_integers_of_another_form_are_refused(value: Any) -> None:
    document = {**valid(ChargingAuthorization).to_json(), "maxCost": value}
    with pytest.raises(FieldValueError) as raised:
        ChargingAuthorization.from_json(document)
    assert raised.value.field == "maxCost"
    assert raised.value.value == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tariff", "02" * 32),
        ("tariff", "0x" + "02" * 31),
        ("tariff", "0x" + "02" * 32 + "\n"),
        ("exportAllowed", 0),
    ],
)
def test_json_values_of_another_form_are_refused(field: str, value: Any) -> None:
    document = valid(ChargingAuthorization).to_json()
    document["terms"][field] = value
    with pytest.raises(FieldValueError) as raised:
        ChargingAuthorization.from_json(document)
    assert (raised.value.message_type, raised.value.field) == ("ChargingTerms", field)


@pytest.mark.parametrize("document", [None, [], "{}", 1])
def test_json_that_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(FieldValueError, match="a JSON object"):
        ChargingTerms.from_json(document)
    with pytest.raises(FieldValueError, match="a ChargingTerms"):
        ChargingAuthorization.from_json({"terms": document, "startedAt": 1, "maxCost": 1})


# eth-account as an oracle


@pytest.mark.parametrize("cls", MESSAGES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_digests_are_those_of_eth_account(cls: type[Message], data: st.DataObject) -> None:
    message, domain = data.draw(strategy(cls)), data.draw(strategy(Domain))
    document = json.loads(json.dumps(message.to_typed_data(domain)))
    signable = encode_typed_data(full_message=document)
    assert signable.header == domain.separator()
    assert signable.body == message.struct_hash()
    assert keccak(b"\x19" + signable.version + signable.header + signable.body) == message.digest(domain)


def test_typed_data_is_what_wallets_take() -> None:
    document = valid(ChargingAuthorization).to_typed_data(valid(Domain))
    assert list(document) == ["types", "primaryType", "domain", "message"]
    assert list(document["types"]) == ["EIP712Domain", "ChargingAuthorization", "ChargingTerms"]
    assert document["types"]["ChargingAuthorization"][0] == {"name": "terms", "type": "ChargingTerms"}
    assert document["domain"] == {
        "name": "SessionSettlement",
        "version": "1",
        "chainId": 31337,
        "verifyingContract": CREDITOR,
    }


# Identifiers


def test_evse_ids_take_one_form() -> None:
    for written in ("DE*AB7*E840*6487", "de*ab7*e840*6487", "DE-AB7-E8406487", "DEAB7E840 6487"):
        assert normalise_evse_id(written) == "DEAB7E8406487"
    assert normalise_evse_id("49*810*000*438") == normalise_evse_id("+49-810-000438") == "+49*810*000438"


def test_din_ids_of_two_operators_stay_two() -> None:
    assert normalise_evse_id("+49*810*0001") != normalise_evse_id("+49*8100*001")


@pytest.mark.parametrize(
    "evse_id",
    [
        "",
        "DE*AB7*840*6487",
        "DE*AB7*E",
        "D*AB7*E1",
        "DE*AB7*E" + "1" * 32,
        "DEÄB7E1",
        "DEAB7E\uff11",
        "DEAB7Eß",
        "DE/AB7/E1",
        "49810000438",
        "+49*81*1",
        "+4949*810*1",
        "+49*810*",
        "++49*810*1",
        "+49*810*" + "1" * 33,
    ],
)
def test_what_is_no_evse_id_is_refused(evse_id: str) -> None:
    with pytest.raises(InvalidEvseIdError) as raised:
        evse_id_hash(evse_id)
    assert raised.value.evse_id == evse_id
    assert isinstance(raised.value, EvgiError)


def test_the_longest_iso_id_has_37_characters() -> None:
    assert len(normalise_evse_id("DE*AB7*E" + "1" * 31)) == 37


def test_evse_ids_of_another_implementation(shared: Path) -> None:
    vectors = json.loads(
        (shared / "data" / "protocol" / "iso15118_ids" / "mobilityid_vectors.json").read_text("utf-8")
    )
    for evse_id in vectors["evseid_valid"]:
        assert normalise_evse_id(evse_id) == normalise_evse_id(normalise_evse_id(evse_id))
    for evse_id in vectors["evseid_invalid"]:
        with pytest.raises(InvalidEvseIdError):
            normalise_evse_id(evse_id)
    for first, *others in vectors["evseid_equal"]:
        assert {normalise_evse_id(other) for other in others} == {normalise_evse_id(first)}


@pytest.mark.parametrize("number", [-1, 256])
def test_a_connector_number_is_one_byte(number: int) -> None:
    with pytest.raises(FieldValueError) as raised:
        connector_id("DE*AB7*E1", number)
    assert (raised.value.field, raised.value.value) == ("connectorNumber", number)


def test_a_salted_hash_needs_its_salt() -> None:
    assert salted_hash(b"\x01" * 32, "DE83DUIEN83QGZ") == keccak(b"\x01" * 32 + b"DE83DUIEN83QGZ")
    assert salted_hash(b"\x01" * 32, "DE83DUIEN83QGZ") != salted_hash(b"\x02" * 32, "DE83DUIEN83QGZ")
    for salt in (b"", b"\x01" * 31, b"\x01" * 33):
        with pytest.raises(InvalidSaltError) as raised:
            salted_hash(salt, "DE83DUIEN83QGZ")
        assert "DE83" not in str(raised.value)
