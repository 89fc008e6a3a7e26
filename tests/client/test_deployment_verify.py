"""Verifying: each thing that can differ from the plan is found, named once, and put right by its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evgi_client.chain import Artifact, Chain
from evgi_client.deployment import (
    Delays,
    Deployment,
    DeploymentPlan,
    Finding,
    FindingCode,
    Role,
    apply,
    verify,
)
from evgi_client.signing import LocalSigner


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deployment") / "manifest.json"


@pytest.fixture(scope="module")
def first(chain: Chain, signers: list[LocalSigner], path: Path) -> Deployment:
    grants = {
        Role.UTILITY: (signers[1].address, signers[2].address),
        Role.PAUSER: (signers[3].address,),
        Role.MEMBERSHIP: (signers[0].address,),
    }
    return apply(DeploymentPlan(signers[0].address, grants), chain, signers[0], path)


@pytest.fixture
def deployment(first: Deployment, chain: Chain, path: Path) -> Iterator[Deployment]:
    """The deployment as it was made, whatever the test before did to it."""
    taken = chain.snapshot()
    yield first
    chain.revert_to(taken)
    first.save(path)


def codes(findings: list[Finding]) -> list[FindingCode]:
    return [finding.code for finding in findings]


def moved(deployment: Deployment, name: str, **changes: Any) -> Deployment:
    """A manifest in which one contract's entry was changed."""
    contract = replace(deployment.contracts[name], **changes)
    return replace(deployment, contracts={**deployment.contracts, name: contract})


def test_what_is_as_planned_gives_no_finding(deployment: Deployment, chain: Chain) -> None:
    assert verify(deployment, chain) == []


class TestChain:
    def test_another_chain(self, deployment: Deployment, anvil_chain: Chain) -> None:
        [finding] = verify(deployment, anvil_chain)
        assert finding.code is FindingCode.CHAIN_ID
        assert str(anvil_chain.chain_id) in finding.problem
        assert str(deployment.chain_id) in finding.problem

    def test_another_chain_of_the_same_id(self, deployment: Deployment) -> None:
        assert codes(verify(deployment, Chain.embedded(start=1))) == [FindingCode.GENESIS]


class TestContracts:
    def test_no_code(self, deployment: Deployment, chain: Chain) -> None:
        [finding] = verify(moved(deployment, "ClearingToken", address="0x" + "44" * 20), chain)
        assert (finding.code, finding.subject) == (FindingCode.NO_CODE, "ClearingToken")
        assert "0x" + "44" * 20 in finding.problem

    def test_other_code(self, deployment: Deployment, chain: Chain) -> None:
        swapped = moved(deployment, "ClearingToken", address=deployment.address("ChargePointRegistry"))
        assert codes(verify(swapped, chain)) == [FindingCode.CODE_DIFFERS]

    def test_a_contract_that_others_refer_to(self, deployment: Deployment, chain: Chain) -> None:
        moved_away = moved(deployment, "DriverRoster", address="0x" + "44" * 20)
        found = verify(moved_away, chain)
        assert [(each.code, each.subject) for each in found] == [
            (FindingCode.NO_CODE, "DriverRoster"),
            (FindingCode.CREATION_DIFFERS, "SessionSettlement"),
        ]

    def test_one_byte_of_code(self, start_anvil: Callable[..., str], tmp_path: Path) -> None:
        chain = Chain.connect(start_anvil())
        signer = LocalSigner.create()
        chain.faucet(signer.address, 10**20)
        deployment = apply(DeploymentPlan(signer.address), chain, signer, tmp_path / "manifest.json")
        assert verify(deployment, chain) == []
        address = deployment.address("SessionSettlement")
        code = bytearray(chain.code(address))
        start = Artifact.load("SessionSettlement").immutables[0][0]
        for position in (0, start - 1, len(code) - 1):
            changed = bytearray(code)
            changed[position] ^= 1
            chain.web3.manager.request_blocking("anvil_setCode", [address, "0x" + changed.hex()])  # type: ignore[arg-type]
            [finding] = verify(deployment, chain)
            assert (finding.code, finding.subject) == (FindingCode.CODE_DIFFERS, "SessionSettlement")

    def test_the_same_code_made_with_other_arguments(
        self, deployment: Deployment, chain: Chain, signers: list[LocalSigner]
    ) -> None:
        args = [deployment.address("DriverRoster"), *deployment.contracts["SessionSettlement"].args[1:]]
        twin = chain.deploy("SessionSettlement", args, signers[0])
        assert twin.deployment is not None
        assert Artifact.load("SessionSettlement").matches(chain.code(twin.address))
        made = {"transaction": twin.deployment.transaction_hash, "block": twin.deployment.block_number}
        entries: list[dict[str, Any]] = [
            {"address": twin.address},
            {"address": twin.address, **made},
            {"address": twin.address, **made, "args": tuple(args)},
        ]
        for entry in entries:
            [finding] = verify(moved(deployment, "SessionSettlement", **entry), chain)
            assert finding.code is FindingCode.CREATION_DIFFERS

    def test_a_block_that_would_hide_events(self, deployment: Deployment, chain: Chain) -> None:
        later = moved(deployment, "AccessManager", block=deployment.contracts["AccessManager"].block + 1)
        assert codes(verify(later, chain)) == [FindingCode.CREATION_DIFFERS]

    def test_a_creation_that_the_node_does_not_have(self, deployment: Deployment, chain: Chain) -> None:
        unknown = moved(deployment, "PeeringRegistry", transaction="0x" + "12" * 32)
        assert codes(verify(unknown, chain)) == [FindingCode.CREATION_UNKNOWN]

    def test_another_version_of_the_package(self, deployment: Deployment, chain: Chain) -> None:
        [finding] = verify(moved(deployment, "ClearingToken", source_hash="sha256:12"), chain)
        assert finding.code is FindingCode.OTHER_SOURCES
        assert "sha256:12" in finding.problem

    def test_a_contract_that_is_missing(self, deployment: Deployment, chain: Chain) -> None:
        contracts = {name: it for name, it in deployment.contracts.items() if name != "SessionSettlement"}
        [finding] = verify(replace(deployment, contracts=contracts, complete=False), chain)
        assert finding.code is FindingCode.INCOMPLETE
        assert "SessionSettlement" in finding.problem

    def test_a_run_that_did_not_finish(self, deployment: Deployment, chain: Chain) -> None:
        assert codes(verify(replace(deployment, complete=False), chain)) == [FindingCode.INCOMPLETE]


STRANGER = "0x" + "57" * 20

MENDED = [
    (FindingCode.ROLE_MISSING, "revokeRole", (Role.UTILITY, "{utility}")),
    (FindingCode.ROLE_DELAY_DIFFERS, "grantRole", (Role.UTILITY, "{utility}", 60)),
    (
        FindingCode.FUNCTION_ROLE_DIFFERS,
        "setTargetFunctionRole",
        ("{ClearingToken}", ["{pause}"], Role.UTILITY),
    ),
    (FindingCode.ADMIN_DELAY_DIFFERS, "setTargetAdminDelay", ("{ClearingToken}", 60)),
]
"""What a governor may have done that applying the plan again undoes."""

LASTING = [
    (FindingCode.ROLE_UNPLANNED, "grantRole", (Role.UTILITY, STRANGER, 0)),
    (FindingCode.ROLE_UNPLANNED, "grantRole", (Role.GOVERNOR, STRANGER, 0)),
    (FindingCode.ROLE_UNPLANNED, "grantRole", (77, STRANGER, 0)),
    (
        FindingCode.FUNCTION_ROLE_DIFFERS,
        "setTargetFunctionRole",
        ("{ClearingToken}", [b"\x01\x02\x03\x04"], 77),
    ),
    (FindingCode.FUNCTION_ROLE_DIFFERS, "setTargetFunctionRole", (STRANGER, [b"\x01\x02\x03\x04"], 1)),
    (FindingCode.TARGET_CLOSED, "setTargetClosed", ("{ClearingToken}", True)),
    (FindingCode.ADMIN_DELAY_DIFFERS, "setTargetAdminDelay", (STRANGER, 60)),
    (FindingCode.ROLE_RULES_CHANGED, "setRoleAdmin", (Role.UTILITY, Role.PAUSER)),
    (FindingCode.ROLE_RULES_CHANGED, "setRoleGuardian", (Role.UTILITY, Role.PAUSER)),
    (FindingCode.ROLE_RULES_CHANGED, "setGrantDelay", (Role.UTILITY, 60)),
    (FindingCode.AUTHORITY_DIFFERS, "updateAuthority", ("{DriverRoster}", "{PeeringRegistry}")),
]
"""What only a governor can undo."""


class TestRoles:
    @pytest.fixture
    def govern(self, deployment: Deployment, chain: Chain, signers: list[LocalSigner]) -> Callable[..., None]:
        """Has the governor call the AccessManager; names in braces become addresses and selectors."""
        names = {f"{{{name}}}": contract.address for name, contract in deployment.contracts.items()}
        known: dict[str, Any] = {
            **names,
            "{utility}": signers[1].address,
            "{pause}": Artifact.load("ClearingToken").abi.selector("pause"),
        }

        def filled(value: Any) -> Any:
            if isinstance(value, list):
                return [filled(each) for each in value]
            return known.get(value, value) if isinstance(value, str) else value

        def govern(function: str, args: tuple[Any, ...]) -> None:
            manager = deployment.contract_on(chain, "AccessManager")
            manager.transact(function, *(filled(each) for each in args), signer=signers[0])

        return govern

    @pytest.mark.parametrize(("code", "function", "args"), [*MENDED, *LASTING])
    def test_drift_is_found(
        self,
        deployment: Deployment,
        chain: Chain,
        govern: Callable[..., None],
        code: FindingCode,
        function: str,
        args: tuple[Any, ...],
    ) -> None:
        govern(function, args)
        [finding] = verify(deployment, chain)
        assert finding.code is code
        assert finding.subject
        assert finding.problem
        assert finding.remedy

    @pytest.mark.parametrize(("function", "args"), [drift[1:] for drift in MENDED])
    def test_what_the_remedy_says_to_apply_again_is_mended(
        self,
        deployment: Deployment,
        chain: Chain,
        signers: list[LocalSigner],
        path: Path,
        govern: Callable[..., None],
        function: str,
        args: tuple[Any, ...],
    ) -> None:
        govern(function, args)
        assert "apply the plan again" in verify(deployment, chain)[0].remedy
        apply(deployment.plan, chain, signers[0], path)
        assert verify(deployment, chain) == []

    def test_a_role_that_came_and_went_is_no_finding(
        self, deployment: Deployment, chain: Chain, govern: Callable[..., None]
    ) -> None:
        govern("grantRole", (Role.UTILITY, STRANGER, 0))
        govern("revokeRole", (Role.UTILITY, STRANGER))
        assert verify(deployment, chain) == []

    def test_a_plan_of_ones_own(
        self, deployment: Deployment, chain: Chain, signers: list[LocalSigner]
    ) -> None:
        stricter = DeploymentPlan(
            signers[0].address, {Role.UTILITY: (signers[1].address,)}, Delays(governor=60)
        )
        found = verify(deployment, chain, stricter)
        assert sorted(codes(found)) == sorted(
            [FindingCode.ROLE_DELAY_DIFFERS, *[FindingCode.ROLE_UNPLANNED] * 3]
        )
        assert any(signers[2].address in finding.problem for finding in found)

    def test_who_else_may_settle(
        self, deployment: Deployment, chain: Chain, signers: list[LocalSigner]
    ) -> None:
        token = deployment.contract_on(chain, "ClearingToken")
        token.transact("approveSettlement", STRANGER, True, signer=signers[0])
        token.transact("approveSettlement", deployment.address("SessionSettlement"), False, signer=signers[0])
        found = verify(deployment, chain)
        assert codes(found) == [FindingCode.SETTLEMENT_NOT_APPROVED, FindingCode.SETTLEMENT_UNPLANNED]
        assert STRANGER in found[1].problem
