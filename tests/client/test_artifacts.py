"""Artifacts fit their sources, and a stale one is named with the way to mend it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "evgi_client" / "artifacts"
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
EIP_170_LIMIT = 24_576


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "scripts" / "artifacts.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the script reads, without the installed npm packages."""
    for part in ("contracts", "scripts", "evgi_client/artifacts", "tests/contracts/artifacts"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/contracts/solidity", tmp_path / "tests/contracts/solidity")
    shutil.copy(ROOT / "package.json", tmp_path)
    return tmp_path


@pytest.fixture
def compiling(project: Path) -> Path:
    """The same with the compiler and the packages."""
    if shutil.which("node") is None or not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip("no Node or no compiler: run npm ci")
    pytest.importorskip("solcx", reason="py-solc-x is not installed")
    (project / "node_modules").symlink_to(ROOT / "node_modules")
    return project


def rewrite(path: Path, **changes: Any) -> None:
    artifact = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**artifact, **changes}, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def test_committed_artifacts_fit_their_sources() -> None:
    result = run(ROOT, "--check-sources")
    assert (result.returncode, result.stderr) == (0, "")


def test_sources_can_be_checked_without_installed_packages(project: Path) -> None:
    result = run(project, "--check-sources")
    assert (result.returncode, result.stderr) == (0, "")


def test_the_suite_is_there() -> None:
    assert {path.stem for path in ARTIFACTS.glob("*.json")} >= SUITE


@pytest.mark.parametrize("path", sorted(ARTIFACTS.glob("*.json")), ids=lambda path: path.stem)
def test_artifact_says_how_it_was_made(path: Path) -> None:
    artifact = json.loads(path.read_text(encoding="utf-8"))
    assert artifact["contractName"] == path.stem
    assert artifact["sourceName"] in artifact["sources"]
    assert artifact["compiler"]["version"].startswith("0.8.30+commit.")
    assert artifact["compiler"]["settings"] == {
        "evmVersion": "cancun",
        "metadata": {"bytecodeHash": "none"},
        "optimizer": {"enabled": True, "runs": 200},
        "viaIR": False,
    }
    deployed = bytes.fromhex(artifact["deployedBytecode"].removeprefix("0x"))
    assert 0 < len(deployed) <= EIP_170_LIMIT
    assert len(bytes.fromhex(artifact["bytecode"].removeprefix("0x"))) > len(deployed)
    for uses in artifact["immutableReferences"].values():
        # Immutables are PUSH32 operands: zero in the artifact, filled in by the constructor.
        for use in uses:
            span = slice(use["start"], use["start"] + use["length"])
            assert deployed[use["start"] - 1] == 0x7F
            assert deployed[span] == bytes(32)


def test_source_newer_than_its_artifact(project: Path) -> None:
    source = project / "contracts" / "libraries" / "Pricing.sol"
    source.write_text(source.read_text(encoding="utf-8") + "// changed\n", encoding="utf-8")
    users = {
        path.name
        for path in ARTIFACTS.glob("*.json")
        if "contracts/libraries/Pricing.sol" in json.loads(path.read_text(encoding="utf-8"))["sources"]
    }
    result = run(project, "--check-sources")
    assert result.returncode == 1
    assert users
    for name in users:
        assert f"evgi_client/artifacts/{name} is older than contracts/libraries/Pricing.sol" in result.stderr
    assert "make artifacts" in result.stderr


def test_artifact_missing_and_artifact_left_over(project: Path) -> None:
    folder = project / "evgi_client" / "artifacts"
    (folder / "DriverRoster.json").rename(folder / "Nobody.json")
    result = run(project, "--check-sources")
    assert result.returncode == 1
    assert "DriverRoster.json is missing" in result.stderr
    assert "Nobody.json has no contract any more" in result.stderr


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sourceHash": "sha256:" + "00" * 32}, "has a source hash that is not that of its sources"),
        (
            {"packages": {"@openzeppelin/contracts": "5.0.0"}},
            "was compiled with {'@openzeppelin/contracts': '5.0.0'}, not the pinned versions",
        ),
        ({"compiler": {"version": "0.8.30+commit.0", "settings": {}}}, "was compiled with other settings"),
    ],
)
def test_artifact_of_another_build(project: Path, changes: dict[str, Any], reason: str) -> None:
    rewrite(project / "evgi_client" / "artifacts" / "ClearingToken.json", **changes)
    result = run(project, "--check-sources")
    assert result.returncode == 1
    assert f"ClearingToken.json {reason}" in result.stderr


def test_compiling_again_gives_the_same_bytes(compiling: Path) -> None:
    artifact = compiling / "evgi_client" / "artifacts" / "ClearingToken.json"
    artifact.unlink()
    result = run(compiling, "--only", "ClearingToken")
    assert result.returncode == 0, result.stderr
    assert artifact.read_bytes() == (ARTIFACTS / "ClearingToken.json").read_bytes()


def test_tampered_bytecode_is_found_by_compiling_again(compiling: Path) -> None:
    artifact = compiling / "evgi_client" / "artifacts" / "DriverRoster.json"
    rewrite(artifact, bytecode="0x00")
    assert run(compiling, "--check-sources").returncode == 0
    result = run(compiling, "--check", "--only", "DriverRoster")
    assert result.returncode == 1
    assert "DriverRoster.json differs in bytecode" in result.stderr


def test_a_broken_contract_does_not_stop_the_others(compiling: Path) -> None:
    # Fewer contracts, to be faster.
    shutil.rmtree(compiling / "contracts" / "charging")
    shutil.rmtree(compiling / "tests" / "contracts" / "solidity")
    (compiling / "contracts" / "clearing" / "ClearingToken.sol").unlink()
    (compiling / "contracts" / "clearing" / "Broken.sol").write_text(
        "pragma solidity ^0.8.28;\ncontract Broken { uint256 x = true; }\n", encoding="utf-8"
    )
    (compiling / "evgi_client" / "artifacts" / "PeeringRegistry.json").unlink()
    result = run(compiling)
    assert result.returncode == 1
    assert "contracts/clearing/Broken.sol" in result.stderr
    assert (compiling / "evgi_client" / "artifacts" / "PeeringRegistry.json").is_file()
    assert not (compiling / "evgi_client" / "artifacts" / "Broken.json").exists()


def test_unknown_contract_is_refused(compiling: Path) -> None:
    result = run(compiling, "--only", "Nobody")
    assert result.returncode == 1
    assert "no such contract: Nobody" in result.stderr


def test_compiler_takes_input_of_megabytes() -> None:
    wrapper = ROOT / "scripts" / "solc-wasm"
    if os.name == "nt" or shutil.which("node") is None or not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip("no Node or no compiler: run npm ci")
    source = "pragma solidity ^0.8.28; contract Large {} //" + "x" * 3_000_000
    document = {
        "language": "Solidity",
        "sources": {"Large.sol": {"content": source}},
        "settings": {"outputSelection": {"*": {"*": ["abi"]}}},
    }
    result = subprocess.run(
        [str(wrapper), "--standard-json"],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout)["contracts"]["Large.sol"]["Large"]["abi"] == []
