"""Packaged artifacts: loaded by name, strict, and able to tell their own code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evgi_client.chain import Artifact
from evgi_client.chain.artifacts import available
from evgi_client.errors import AbiError, ArtifactInvalidError, ArtifactMissingError

SUITE = {
    "AccessManager",
    "AccessRegistry",
    "CertificateRegistry",
    "ChargePointRegistry",
    "ClearingToken",
    "DIDRegistry",
    "DataRegistry",
    "DriverRoster",
    "PeeringRegistry",
    "RevocationRegistry",
    "SessionSettlement",
}


def test_the_suite_is_packaged() -> None:
    assert set(available()) >= SUITE


def test_an_artifact_is_read_once() -> None:
    assert Artifact.load("ClearingToken") is Artifact.load("ClearingToken")


def test_a_missing_one_lists_what_there_is() -> None:
    with pytest.raises(ArtifactMissingError) as caught:
        Artifact.load("ClearingHause")
    assert caught.value.name == "ClearingHause"
    assert "ClearingToken" in caught.value.available
    assert "ClearingToken" in str(caught.value)


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(ArtifactMissingError):
        Artifact.load("../secret", tmp_path / "in")


def test_artifacts_of_ones_own(tmp_path: Path) -> None:
    document = {"contractName": "Own", "abi": [], "bytecode": "0x6000", "deployedBytecode": "0x00"}
    (tmp_path / "Own.json").write_text(json.dumps(document))

    own = Artifact.load("Own", tmp_path)

    assert (own.name, own.bytecode, own.immutables) == ("Own", b"\x60\x00", ())
    assert own.creation(()) == b"\x60\x00"
    with pytest.raises(AbiError):
        own.creation((1,))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"contractName": "A", "abi": [], "bytecode": "zz"}'])
def test_what_is_no_artifact_is_named(text: str) -> None:
    with pytest.raises(ArtifactInvalidError):
        Artifact.from_json(text)


def test_code_is_told_apart_by_everything_but_immutables() -> None:
    artifact = Artifact.load("SessionSettlement")
    assert artifact.immutables, "the contract has immutables: addresses of the registries"
    start, length = artifact.immutables[0]
    code = bytearray(artifact.deployed_bytecode)
    code[start : start + length] = b"\xff" * length
    assert artifact.matches(bytes(code))

    code[start - 1] ^= 1
    assert not artifact.matches(bytes(code))
    assert not artifact.matches(artifact.deployed_bytecode + b"\x00")
    assert not artifact.matches(b"")
