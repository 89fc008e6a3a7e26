"""Plans: data that is checked before anything is sent, and that covers every restricted function of the suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evgi_client.chain import Chain
from evgi_client.deployment import (
    CONSORTIUM_DELAYS,
    AddressOf,
    ContractPlan,
    Delays,
    DeploymentPlan,
    FunctionRole,
    Role,
    apply,
)
from evgi_client.deployment.plan import FUNCTIONS, SUITE
from evgi_client.errors import ContractError, PlanError
from evgi_client.signing import LocalSigner

A = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
B = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"

ZERO = {"address": "0x" + "00" * 20, "bool": False, "string": "", "bytes": b""}


def zero(parameter: dict[str, Any]) -> object:
    """The zero value of an ABI type."""
    kind = parameter["type"]
    if kind.endswith("]"):
        return []
    if kind == "tuple":
        return tuple(zero(part) for part in parameter["components"])
    if kind.startswith("bytes") and kind != "bytes":
        return bytes(int(kind[5:]))
    return ZERO.get(kind, 0)


def test_every_restricted_function_has_a_role(
    chain: Chain, signers: list[LocalSigner], tmp_path: Path
) -> None:
    deployment = apply(DeploymentPlan(signers[0].address), chain, signers[0], tmp_path / "manifest.json")
    restricted = set()
    for name, contract in deployment.contracts_on(chain).items():
        for entry in contract.abi.entries:
            if entry["type"] != "function" or entry["stateMutability"] in ("view", "pure"):
                continue
            try:
                contract.call(
                    entry["name"], *(zero(each) for each in entry["inputs"]), sender=signers[9].address
                )
            except ContractError as error:
                if error.name == "AccessManagedUnauthorized":
                    restricted.add((name, entry["name"]))

    # Only the AccessManager itself may call setAuthority.
    restricted = {(name, function) for name, function in restricted if function != "setAuthority"}
    assert restricted == {(each.contract, each.function) for each in FUNCTIONS}


def test_holders_of_a_role() -> None:
    plan = DeploymentPlan(A, {Role.UTILITY: (B,), Role.GOVERNOR: (B,)})
    assert plan.holders(Role.GOVERNOR) == (A, B)
    assert plan.holders(Role.UTILITY) == (B,)
    assert plan.holders(Role.PAUSER) == ()
    assert plan.with_grant(Role.UTILITY, A).holders(Role.UTILITY) == (B, A)
    assert plan.with_grant(Role.UTILITY, A).delays is plan.delays


def test_addresses_are_checksummed() -> None:
    plan = DeploymentPlan(A.lower(), {Role.PAUSER: (B.lower(),)})
    assert (plan.governor, plan.holders(Role.PAUSER)) == (A, (B,))


def test_a_plan_survives_json() -> None:
    plan = DeploymentPlan(A, {Role.UTILITY: (B, A)}, CONSORTIUM_DELAYS)
    assert DeploymentPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: DeploymentPlan("0x12"), "governor"),
        (lambda: DeploymentPlan(A[:-1] + "D"), "checksum"),
        (lambda: DeploymentPlan("0x" + "00" * 20), "zero address"),
        (lambda: DeploymentPlan(A, {Role.UTILITY: (B, B)}), "UTILITY is granted twice"),
        (lambda: DeploymentPlan(A, {Role.GOVERNOR: (A,)}), "GOVERNOR is granted twice"),
        (lambda: DeploymentPlan(A, {Role.PAUSER: ("nobody",)}), "PAUSER"),
        (lambda: DeploymentPlan(A, contracts=SUITE[1:]), "ChargePointRegistry refers to AccessManager"),
        (lambda: DeploymentPlan(A, contracts=SUITE[:5] + SUITE[6:]), "not in the plan: SessionSettlement"),
        (lambda: DeploymentPlan(A, contracts=(*SUITE, SUITE[0])), "AccessManager is in the plan twice"),
        (
            lambda: DeploymentPlan(A, contracts=(*SUITE, ContractPlan("More", (AddressOf("Other"),)))),
            "More refers to Other",
        ),
        (lambda: DeploymentPlan(A, functions=(FunctionRole("Other", "f", Role.UTILITY),)), "not in the plan"),
        (lambda: Delays(governor=-1), "governor"),
        (lambda: Delays(utility=2**32), "utility"),
        (lambda: Delays(pauser=True), "pauser"),
    ],
)
def test_what_cannot_be_carried_out_is_named(build: Any, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        build()


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan.pop("governor"),
        lambda plan: plan.update(more=1),
        lambda plan: plan.update(grants={"KING": [B]}),
        lambda plan: plan.update(grants={"UTILITY": 5}),
        lambda plan: plan.update(grants=[]),
        lambda plan: plan["delays"].update(more=1),
        lambda plan: plan["delays"].update(utility="1"),
        lambda plan: plan["contracts"][0].pop("args"),
        lambda plan: plan["contracts"][0]["args"].append({"addressOf": "X", "more": 1}),
        lambda plan: plan["contracts"][0].update(args=[{"addressOf": "X"}]),
        lambda plan: plan["functions"][0].update(role="KING"),
        lambda plan: plan["functions"].append("f"),
        lambda plan: plan.update(governor=5),
    ],
)
def test_a_malformed_document_is_refused(change: Any) -> None:
    document = json.loads(json.dumps(DeploymentPlan(A, {Role.UTILITY: (B,)}).to_json()))
    change(document)
    with pytest.raises(PlanError):
        DeploymentPlan.from_json(document)
    with pytest.raises(PlanError):
        DeploymentPlan.from_json([])
