"""Holds a manifest against the chain: is what stands there what was planned, and nothing else?

Everything is read from the chain itself. Roles are replayed from the AccessManager's events, so that a grant that no
plan knows is found too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from evgi_client.chain import Artifact
from evgi_client.deployment.manifest import DeployedContract, Deployment
from evgi_client.deployment.plan import CURRENCY, MANAGER, SETTLEMENT, DeploymentPlan, Role
from evgi_client.deployment.wiring import Suite


class FindingCode(str, Enum):
    """What can be wrong with a deployment."""

    CHAIN_ID = "chain-id"
    GENESIS = "genesis"
    INCOMPLETE = "incomplete"
    NO_CODE = "no-code"
    OTHER_SOURCES = "other-sources"
    CODE_DIFFERS = "code-differs"
    CREATION_UNKNOWN = "creation-unknown"
    CREATION_DIFFERS = "creation-differs"
    AUTHORITY_DIFFERS = "authority-differs"
    FUNCTION_ROLE_DIFFERS = "function-role-differs"
    TARGET_CLOSED = "target-closed"
    ADMIN_DELAY_DIFFERS = "admin-delay-differs"
    ROLE_MISSING = "role-missing"
    ROLE_UNPLANNED = "role-unplanned"
    ROLE_DELAY_DIFFERS = "role-delay-differs"
    ROLE_RULES_CHANGED = "role-rules-changed"
    SETTLEMENT_NOT_APPROVED = "settlement-not-approved"
    SETTLEMENT_UNPLANNED = "settlement-unplanned"


if TYPE_CHECKING:
    from evgi_client.chain import Chain


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as planned: what it is about, what is the matter, and what to do."""

    code: FindingCode
    subject: str
    problem: str
    remedy: str


def verify(deployment: Deployment, chain: Chain, plan: DeploymentPlan | None = None) -> list[Finding]:
    """Everything on the chain that is not as the manifest and its plan say. Empty where all is well.

    Args:
        plan: a plan of one's own to hold the chain against, rather than the manifest's.
    """
    findings = list(_other_chain(deployment, chain))
    if findings:
        return findings
    deployment = replace(deployment, plan=plan or deployment.plan)
    missing = [each.name for each in deployment.plan.contracts if each.name not in deployment.contracts]
    if missing or not deployment.complete:
        problem = f"not deployed: {', '.join(missing)}" if missing else "the last run did not finish"
        findings.append(Finding(FindingCode.INCOMPLETE, "manifest", problem, "apply the plan again"))
    for name, contract in deployment.contracts.items():
        findings += _contract(deployment, chain, name, contract)
    if missing or any(finding.code is not FindingCode.INCOMPLETE for finding in findings):
        # Roles in contracts that are not the suite's would say nothing.
        return findings
    return findings + list(_Roles(Suite(chain, deployment)).findings())


def _other_chain(deployment: Deployment, chain: Chain) -> Iterator[Finding]:
    remedy = "connect to the chain that the manifest was made on"
    if chain.chain_id != deployment.chain_id:
        problem = f"the node serves chain {chain.chain_id}, the manifest is of chain {deployment.chain_id}"
        yield Finding(FindingCode.CHAIN_ID, "chain", problem, remedy)
    elif chain.genesis_hash != deployment.genesis_hash:
        problem = f"block 0 is {chain.genesis_hash}, in the manifest {deployment.genesis_hash}"
        yield Finding(FindingCode.GENESIS, "chain", problem, remedy)


def _contract(
    deployment: Deployment, chain: Chain, name: str, contract: DeployedContract
) -> Iterator[Finding]:
    artifact = Artifact.load(name)
    replaced = "take the manifest from whoever deployed, or deploy anew: do not sign for this address"
    code = chain.code(contract.address)
    if not code:
        yield Finding(FindingCode.NO_CODE, name, f"no code at {contract.address}", replaced)
        return
    if artifact.source_hash != contract.source_hash:
        problem = f"deployed from {contract.source_hash}, this package has {artifact.source_hash}"
        remedy = "verify with the version of the package that deployed it"
        yield Finding(FindingCode.OTHER_SOURCES, name, problem, remedy)
        return
    if not artifact.matches(code):
        yield Finding(FindingCode.CODE_DIFFERS, name, f"other code at {contract.address}", replaced)
        return
    yield from _creation(deployment, chain, name, contract, artifact)


def _creation(
    deployment: Deployment, chain: Chain, name: str, contract: DeployedContract, artifact: Artifact
) -> Iterator[Finding]:
    """The creating transaction proves what masked code cannot: every immutable, and the constructor's arguments."""
    receipt = chain.receipt(contract.transaction)
    data = chain.calldata_of(contract.transaction)
    if receipt is None or data is None:
        problem = f"the node does not have {contract.transaction}"
        yield Finding(
            FindingCode.CREATION_UNKNOWN, name, problem, "verify against a node with the full history"
        )
        return
    planned = next((each.args for each in deployment.plan.contracts if each.name == name), None)
    args = None if planned is None else tuple(deployment.resolved(argument) for argument in planned)
    problem = ""
    if receipt.contract_address != contract.address:
        problem = f"{contract.transaction} made {receipt.contract_address}, not {contract.address}"
    elif receipt.block_number != contract.block:
        problem = f"made in block {receipt.block_number}, not {contract.block}"
    elif args is None or args != contract.args or data != artifact.creation(args):
        problem = "made with other code or other constructor arguments than planned"
    if problem:
        remedy = "take the manifest from whoever deployed, or deploy anew: do not sign for this address"
        yield Finding(FindingCode.CREATION_DIFFERS, name, problem, remedy)


class _Roles:
    """The AccessManager and what it manages, as their events tell."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._plan = suite.deployment.plan
        self._manager = suite.manager
        self._since = suite.deployment.contracts[MANAGER].block
        self._names = {contract.address: name for name, contract in suite.deployment.contracts.items()}

    def findings(self) -> Iterator[Finding]:
        yield from self._authorities()
        yield from self._functions()
        yield from self._targets()
        yield from self._memberships()
        yield from self._rules()
        yield from self._settlements()

    def _authorities(self) -> Iterator[Finding]:
        for name in self._plan.managed():
            authority = self._suite.contract(name).call("authority")
            if authority != self._manager.address:
                remedy = f"a governor of {authority} calls updateAuthority({name}, {self._manager.address})"
                problem = f"obeys {authority}, not the AccessManager"
                yield Finding(FindingCode.AUTHORITY_DIFFERS, name, problem, remedy)

    def _functions(self) -> Iterator[Finding]:
        planned: dict[tuple[str, bytes], int] = {}
        names: dict[tuple[str, bytes], str] = {}
        for function in self._plan.functions:
            key = (self._suite.deployment.address(function.contract), self._suite.selector(function))
            planned[key] = function.role
            names[key] = f"{function.contract}.{function.function}"
        actual: dict[tuple[str, bytes], int] = {}
        for event in self._manager.events("TargetFunctionRoleUpdated", self._since):
            actual[event.args["target"], event.args["selector"]] = event.args["roleId"]
        for key in sorted(planned.keys() | actual.keys()):
            # A function that nobody wired takes the admin role.
            wanted, found = planned.get(key, Role.GOVERNOR), actual.get(key, Role.GOVERNOR)
            if wanted != found:
                subject = names.get(key, f"{self._names.get(key[0], key[0])}.0x{key[1].hex()}")
                problem = f"takes role {_role(found)}, planned {_role(wanted)}"
                remedy = (
                    f"a governor calls setTargetFunctionRole with {_role(wanted)}, or apply the plan again"
                )
                yield Finding(FindingCode.FUNCTION_ROLE_DIFFERS, subject, problem, remedy)

    def _targets(self) -> Iterator[Finding]:
        closed = {
            event.args["target"]: event.args["closed"]
            for event in self._manager.events("TargetClosed", self._since)
        }
        for target in (target for target, is_closed in closed.items() if is_closed):
            subject = self._names.get(target, target)
            remedy = "a governor calls setTargetClosed with false, once the reason is gone"
            yield Finding(FindingCode.TARGET_CLOSED, subject, "closed: no restricted function works", remedy)
        delays = {
            event.args["target"]: event.args["delay"]
            for event in self._manager.events("TargetAdminDelayUpdated", self._since)
        }
        wanted = {
            self._suite.deployment.address(name): self._plan.delays.target_admin
            for name in self._plan.managed()
        }
        for target in sorted(delays.keys() | wanted.keys()):
            if delays.get(target, 0) != wanted.get(target, 0):
                problem = (
                    f"rewired {delays.get(target, 0)} s after announcement, planned {wanted.get(target, 0)} s"
                )
                subject = self._names.get(target, target)
                yield Finding(FindingCode.ADMIN_DELAY_DIFFERS, subject, problem, "apply the plan again")

    def _memberships(self) -> Iterator[Finding]:
        held: set[tuple[int, str]] = set()
        granted = [(event, True) for event in self._manager.events("RoleGranted", self._since)]
        revoked = [(event, False) for event in self._manager.events("RoleRevoked", self._since)]
        for event, holds in sorted(
            granted + revoked, key=lambda each: (each[0].block_number, each[0].log_index)
        ):
            member = (event.args["roleId"], event.args["account"])
            held.add(member) if holds else held.discard(member)
        planned = {(int(role), account): role for role in Role for account in self._plan.holders(role)}
        for role_id, account in sorted(held - planned.keys()):
            remedy = f"a governor calls revokeRole({role_id}, {account}), or the plan grants it"
            problem = f"{account} holds it and is not planned to"
            yield Finding(FindingCode.ROLE_UNPLANNED, _role(role_id), problem, remedy)
        for (role_id, account), role in planned.items():
            if (role_id, account) not in held:
                problem = f"{account} does not hold it"
                yield Finding(FindingCode.ROLE_MISSING, _role(role_id), problem, "apply the plan again")
            elif self._suite.delay_of(role, account) != self._plan.delays.of(role):
                delay, wanted = self._suite.delay_of(role, account), self._plan.delays.of(role)
                problem = f"{account} holds it under a delay of {delay} s, planned {wanted} s"
                yield Finding(FindingCode.ROLE_DELAY_DIFFERS, _role(role_id), problem, "apply the plan again")

    def _rules(self) -> Iterator[Finding]:
        """Who may grant, who may cancel, and how soon a grant counts: none of which a plan changes."""
        changes = (
            ("RoleAdminChanged", "admin"),
            ("RoleGuardianChanged", "guardian"),
            ("RoleGrantDelayChanged", "delay"),
        )
        for name, field in changes:
            latest = {
                event.args["roleId"]: event.args[field] for event in self._manager.events(name, self._since)
            }
            for role_id, value in sorted(latest.items()):
                if value != 0:
                    problem = f"its {field.replace('delay', 'grant delay')} was set to {value}, planned 0"
                    remedy = f"a governor sets the {field.replace('delay', 'grant delay')} of role {role_id} back to 0"
                    yield Finding(FindingCode.ROLE_RULES_CHANGED, _role(role_id), problem, remedy)

    def _settlements(self) -> Iterator[Finding]:
        token = self._suite.contract(CURRENCY)
        since = self._suite.deployment.contracts[CURRENCY].block
        settlement = self._suite.deployment.address(SETTLEMENT)
        approved = {
            event.args["settlement"]: event.args["approved"]
            for event in token.events("SettlementApproved", since)
        }
        if not approved.get(settlement):
            problem = "the token does not let it move what is final while paused"
            yield Finding(FindingCode.SETTLEMENT_NOT_APPROVED, SETTLEMENT, problem, "apply the plan again")
        for address in sorted(
            each for each, is_approved in approved.items() if is_approved and each != settlement
        ):
            remedy = f"a governor calls approveSettlement({address}, false)"
            problem = f"{address} may move tokens as a settlement contract"
            yield Finding(FindingCode.SETTLEMENT_UNPLANNED, CURRENCY, problem, remedy)


def _role(role_id: int) -> str:
    return Role(role_id).name if role_id in set(Role) else f"role {role_id}"
