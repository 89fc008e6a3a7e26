"""The calls that make the chain's roles those of a plan: only the ones whose effect the chain does not show yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.deployment.manifest import Deployment
from evgi_client.deployment.plan import CURRENCY, MANAGER, SETTLEMENT, FunctionRole, Role

if TYPE_CHECKING:
    from evgi_client.chain import Chain, ContractHandle


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a governor makes. ``rewires`` is the contract whose roles it changes, under its admin delay."""

    contract: str
    function: str
    args: tuple[Any, ...]
    rewires: str | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """The deployed contracts, to read what is wired already."""

    chain: Chain
    deployment: Deployment

    def contract(self, name: str) -> ContractHandle:
        return self.chain.contract(name, self.deployment.address(name))

    @property
    def manager(self) -> ContractHandle:
        return self.contract(MANAGER)

    def selector(self, function: FunctionRole) -> bytes:
        return self.contract(function.contract).abi.selector(function.function)

    def encode(self, call: Call) -> bytes:
        """The calldata of a call."""
        return self.contract(call.contract).encode(call.function, *call.args)

    def must_announce(self, calls: list[Call], governor: str) -> list[Call]:
        """Those of the calls that a governor must announce before making them."""
        if self.manager.call("hasRole", Role.GOVERNOR, governor).executionDelay:
            return calls
        return [call for call in calls if call.rewires and self._rewiring_delay(call.rewires)]

    def _rewiring_delay(self, contract: str) -> int:
        return int(self.manager.call("getTargetAdminDelay", self.deployment.address(contract)))

    def delay_of(self, role: Role, account: str) -> int | None:
        """The delay, present or announced, under which an account holds a role; None where it does not hold it."""
        access = self.manager.call("getAccess", role, account)
        if access.since == 0:
            return None
        return int(access.pendingDelay if access.effect else access.currentDelay)


def wire(suite: Suite) -> Iterator[Call]:
    """Names of roles, the role of each function, and how long ahead a contract's rewiring is announced."""
    plan, manager = suite.deployment.plan, suite.manager
    since = suite.deployment.contracts[MANAGER].block
    labels = {event.args["roleId"]: event.args["label"] for event in manager.events("RoleLabel", since)}
    for role in Role:
        # The manager names its admin role itself.
        if role is not Role.GOVERNOR and labels.get(role) != role.name:
            yield Call(MANAGER, "labelRole", (role, role.name))
    for name in plan.managed():
        target = suite.deployment.address(name)
        for role in Role:
            selectors = [
                suite.selector(function)
                for function in plan.functions
                if function.contract == name and function.role is role
            ]
            if any(manager.call("getTargetFunctionRole", target, selector) != role for selector in selectors):
                yield Call(MANAGER, "setTargetFunctionRole", (target, selectors, role), rewires=name)
    announced = {
        event.args["target"]: event.args["delay"]
        for event in manager.events("TargetAdminDelayUpdated", since)
    }
    for name in plan.managed():
        target = suite.deployment.address(name)
        if announced.get(target, 0) != plan.delays.target_admin:
            yield Call(MANAGER, "setTargetAdminDelay", (target, plan.delays.target_admin))


def approve(suite: Suite) -> Iterator[Call]:
    """The token lets the settlement contract move what is final, even while it is paused."""
    settlement = suite.deployment.address(SETTLEMENT)
    if not suite.contract(CURRENCY).call("isSettlement", settlement):
        yield Call(CURRENCY, "approveSettlement", (settlement, True))


def grant(suite: Suite) -> Iterator[Call]:
    """Every role to its holders. The deployer's own place as a governor is left to ``hand_over``."""
    plan = suite.deployment.plan
    for role in Role:
        for account in plan.holders(role):
            own = role is Role.GOVERNOR and account == suite.deployment.deployer
            if not own and suite.delay_of(role, account) != plan.delays.of(role):
                yield Call(MANAGER, "grantRole", (role, account, plan.delays.of(role)))


def hand_over(suite: Suite) -> Iterator[Call]:
    """The deployer governs under the plan's delay, or no longer."""
    plan, deployer = suite.deployment.plan, suite.deployment.deployer
    delay = suite.delay_of(Role.GOVERNOR, deployer)
    if deployer in plan.holders(Role.GOVERNOR):
        if delay != plan.delays.governor:
            yield Call(MANAGER, "grantRole", (Role.GOVERNOR, deployer, plan.delays.governor))
    elif delay is not None:
        yield Call(MANAGER, "revokeRole", (Role.GOVERNOR, deployer))


PHASES: dict[str, Callable[[Suite], Iterator[Call]]] = {
    "wire roles": wire,
    "approve settlement": approve,
    "grant roles": grant,
    "hand over": hand_over,
}
"""In order. Nothing comes after the hand-over: the deployer may govern no longer."""
