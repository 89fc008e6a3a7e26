"""What contract authors who work with ape rely on: it compiles the same contracts, and its chain takes the suite.

Run by ``make ape``; the rest of the tests do not need ape.
"""

from __future__ import annotations

import json
from pathlib import Path

import ape
import pytest

from evgi_client.chain import Artifact
from evgi_client.deployment import DeploymentPlan, Role, apply
from evgi_client.signing import LocalSigner
from scripts.deploy import TRIAL_FUNDS, ape_chain

ARTIFACTS = Path(__file__).resolve().parents[2] / "evgi_client" / "artifacts"
OWN = [
    path.stem
    for path in sorted(ARTIFACTS.glob("*.json"))
    if not json.loads(path.read_text(encoding="utf-8"))["sourceName"].startswith("@")
]


def without_metadata(code: bytes) -> bytes:
    """Code without the CBOR map at its end, whose length is its last two bytes."""
    return code[: -int.from_bytes(code[-2:], "big") - 2]


@pytest.mark.parametrize("name", OWN)
def test_ape_compiles_the_packaged_contract(name: str) -> None:
    compiled = ape.project.get_contract(name).contract_type.runtime_bytecode.bytecode
    packaged = Artifact.load(name).deployed_bytecode
    # ape puts a hash of the metadata at the end of the code, the packaged artifacts do not.
    assert without_metadata(bytes.fromhex(compiled.removeprefix("0x"))) == without_metadata(packaged)


def test_suite_deploys_on_the_chain_of_ape(tmp_path: Path) -> None:
    chain, trial = ape_chain()
    assert trial
    signer, utility = LocalSigner.create(), LocalSigner.create()
    chain.faucet(signer.address, TRIAL_FUNDS)
    plan = DeploymentPlan(signer.address, {Role.UTILITY: (utility.address,)})
    deployment = apply(plan, chain, signer, tmp_path / "deployment.json")
    for name, contract in deployment.contracts.items():
        # Read through ape, not through the package.
        assert Artifact.load(name).matches(bytes(ape.chain.provider.get_code(contract.address)))
    manager = deployment.contract_on(chain, "AccessManager")
    assert manager.call("hasRole", Role.UTILITY, utility.address)[0] is True
    assert manager.call("hasRole", Role.UTILITY, signer.address)[0] is False
