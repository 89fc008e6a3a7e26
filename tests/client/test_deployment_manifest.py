"""The manifest: read strictly, written whole or not at all, and good for one chain only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from evgi_client.chain import Chain
from evgi_client.deployment import Deployment, DeploymentPlan, Role, apply, load_deployment, read_manifest
from evgi_client.errors import (
    DeploymentChainError,
    DeploymentIncompleteError,
    ManifestError,
    ManifestMissingError,
)
from evgi_client.signing import LocalSigner


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deployment") / "manifest.json"


@pytest.fixture(scope="module")
def deployment(chain: Chain, signers: list[LocalSigner], path: Path) -> Deployment:
    plan = DeploymentPlan(signers[0].address, {Role.UTILITY: (signers[1].address, signers[2].address)})
    return apply(plan, chain, signers[0], path)


def test_it_is_read_as_it_was_written(deployment: Deployment, path: Path) -> None:
    assert load_deployment(path) == deployment
    assert load_deployment(str(path)) == deployment


def test_what_it_says(deployment: Deployment, chain: Chain, signers: list[LocalSigner]) -> None:
    assert (deployment.chain_id, deployment.genesis_hash) == (chain.chain_id, chain.block_hash(0))
    assert deployment.deployer == signers[0].address
    settlement = deployment.contracts["SessionSettlement"]
    assert settlement.args == (
        deployment.address("ChargePointRegistry"),
        deployment.address("DriverRoster"),
        deployment.address("PeeringRegistry"),
    )
    assert settlement.source_hash.startswith("sha256:")
    receipt = chain.receipt(settlement.transaction)
    assert receipt is not None
    assert (receipt.contract_address, receipt.block_number) == (settlement.address, settlement.block)
    assert deployment.first_block == deployment.contracts["AccessManager"].block
    assert deployment.compiler["version"]


def test_it_gives_contracts_to_call(deployment: Deployment, chain: Chain) -> None:
    contracts = deployment.contracts_on(chain)
    assert contracts["SessionSettlement"].call("drivers") == deployment.address("DriverRoster")
    assert contracts["ClearingToken"].call("isSettlement", deployment.address("SessionSettlement"))


@pytest.mark.parametrize("name", ["SessionSettlement", "PeeringRegistry", "ClearingToken"])
def test_domains_are_those_of_the_contracts(deployment: Deployment, chain: Chain, name: str) -> None:
    domain = deployment.domain(name)
    on_chain = deployment.contract_on(chain, name).call("eip712Domain")
    assert (domain.name, domain.version) == (on_chain.name, on_chain.version)
    assert (domain.chain_id, domain.verifying_contract) == (on_chain.chainId, on_chain.verifyingContract)
    if name == "ClearingToken":
        assert domain.separator() == deployment.contract_on(chain, name).call("DOMAIN_SEPARATOR")


def test_who_signs_nothing_has_no_domain(deployment: Deployment) -> None:
    with pytest.raises(ManifestError, match="DriverRoster has none"):
        deployment.domain("DriverRoster")


def test_another_chain_is_refused(deployment: Deployment, anvil_chain: Chain) -> None:
    with pytest.raises(DeploymentChainError) as caught:
        deployment.contract_on(anvil_chain, "ClearingToken")
    assert (caught.value.what, caught.value.actual) == ("chain id", anvil_chain.chain_id)


def test_another_chain_of_the_same_id_is_refused(deployment: Deployment) -> None:
    twin = Chain.embedded(start=1_600_000_000)
    assert twin.chain_id == deployment.chain_id
    with pytest.raises(DeploymentChainError) as caught:
        deployment.contracts_on(twin)
    assert caught.value.what == "genesis block"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestMissingError, match="nothing"):
        load_deployment(tmp_path / "nothing.json")


def test_an_unfinished_deployment_is_not_used(deployment: Deployment, tmp_path: Path) -> None:
    document = deployment.to_json()
    document["complete"] = False
    (tmp_path / "half.json").write_text(json.dumps(document))
    with pytest.raises(DeploymentIncompleteError, match="apply its plan again"):
        load_deployment(tmp_path / "half.json")
    assert not read_manifest(tmp_path / "half.json").complete


def test_a_contract_that_is_not_there_yet(deployment: Deployment) -> None:
    empty = Deployment(1, deployment.genesis_hash, deployment.deployer, deployment.plan)
    with pytest.raises(DeploymentIncompleteError, match="ClearingToken"):
        empty.domain("ClearingToken")


def token(document: Any) -> Any:
    return document["contracts"]["ClearingToken"]


PENDING = {
    "step": "grant roles",
    "transaction": "0x56570de287d73cd1cb6092bb8fdee6173974955fdef345ae579ee9f475ea7432",
    "nonce": 1,
    "sender": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "raw": "0x00",
}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("schema", lambda it: it.update(schema=2)),
        ("manifest", lambda it: it.pop("schema")),
        ("manifest", lambda it: it.update(more=1)),
        ("chainId", lambda it: it.update(chainId="1")),
        ("chainId", lambda it: it.update(chainId=True)),
        ("genesisHash", lambda it: it.update(genesisHash="0x12")),
        ("deployer", lambda it: it.update(deployer="0x12")),
        ("complete", lambda it: it.update(complete=1)),
        ("contracts", lambda it: it.update(contracts=[])),
        ("contracts", lambda it: it["contracts"].update(More=token(it))),
        ("ClearingToken", lambda it: token(it).pop("block")),
        ("ClearingToken.block", lambda it: token(it).update(block="7")),
        ("ClearingToken.address", lambda it: token(it).update(address="0x" + "zz" * 20)),
        ("ClearingToken.address", lambda it: token(it).update(address=token(it)["address"].swapcase())),
        ("ClearingToken.transaction", lambda it: token(it).update(transaction="12" * 32)),
        ("ClearingToken.args", lambda it: token(it).update(args="none")),
        ("plan", lambda it: it["plan"].update(governor="0x12")),
        ("plan", lambda it: it.update(plan=None)),
        ("pending", lambda it: it.update(pending={**PENDING, "more": 1})),
        ("pending.raw", lambda it: it.update(pending={**PENDING, "raw": "zz"})),
        ("pending.raw", lambda it: it.update(pending=PENDING)),
        ("compiler", lambda it: it.update(compiler=1)),
    ],
)
def test_a_tampered_manifest_is_refused(
    deployment: Deployment, tmp_path: Path, field: str, change: Any
) -> None:
    document = json.loads(json.dumps(deployment.to_json()))
    change(document)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ManifestError) as caught:
        load_deployment(path)
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "\x00"])
def test_what_is_no_manifest_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(ManifestError):
        load_deployment(path)


def test_it_is_replaced_whole(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    deployment.save(path)
    before = path.read_bytes()
    order = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("sync"), sync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("replace"), replace(self, to)))

    deployment.save(path)

    assert order == ["sync", "replace", "sync"]
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["manifest.json"]
