"""What a deployment of the suite consists of, as data: contracts, roles, who may call what, and who holds which role.

Roles belong to OpenZeppelin's AccessManager. Minting needs none: the cap that a governor gives an account is what lets
it mint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from evgi_client.errors import InvalidAddressError, PlanError
from evgi_client.messages import checksum_address

MANAGER = "AccessManager"
CURRENCY = "ClearingToken"
SETTLEMENT = "SessionSettlement"

DEPLOYER = "deployer"
"""Stands for the deployer's address in a constructor's arguments."""

_MAX_DELAY = 2**32 - 1
_DAY = 86_400


class Role(IntEnum):
    """Roles and their ids in the AccessManager."""

    GOVERNOR = 0
    """AccessManager's admin: grants roles, caps minters, names settlement contracts, ends a pause."""
    UTILITY = 1
    """Lists connectors and publishes drivers."""
    REDEEMER = 2
    """Says whether the fiat of a redemption was paid."""
    PAUSER = 3
    """Stops transfers of the clearing token in an emergency, and ends the accreditation of a first trust anchor."""
    MEMBERSHIP = 4
    """Admits accounts to the clearing token, and expels them."""
    ACCREDITOR = 5
    """Accredits the first trust anchors, per entity type."""


@dataclass(frozen=True, slots=True)
class AddressOf:
    """A constructor argument: the address of a contract earlier in the plan, or of the deployer."""

    name: str


Argument = AddressOf | str | int | bool


@dataclass(frozen=True, slots=True)
class ContractPlan:
    """One contract and its constructor's arguments."""

    name: str
    args: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionRole:
    """Which role a function takes. A restricted function that no plan names takes GOVERNOR."""

    contract: str
    function: str
    role: Role


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds between announcing and doing, per role; ``target_admin`` is for rewiring a contract's roles.

    All zero is for demonstrations. See ``CONSORTIUM_DELAYS``.
    """

    governor: int = 0
    utility: int = 0
    redeemer: int = 0
    pauser: int = 0
    membership: int = 0
    accreditor: int = 0
    target_admin: int = 0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_DELAY:
                raise PlanError(f"delay {name} is {value!r}, expected 0…{_MAX_DELAY} seconds")

    def of(self, role: Role) -> int:
        """The delay of a role, seconds."""
        return int(getattr(self, role.name.lower()))


CONSORTIUM_DELAYS = Delays(governor=2 * _DAY, membership=_DAY, accreditor=_DAY, target_admin=5 * _DAY)
"""For a consortium: members see two days ahead what a governor will do, a day ahead who is admitted, expelled or
accredited, and five days ahead that a contract's roles will be rewired. Daily work and the emergency stop wait for
nothing."""

SUITE = (
    ContractPlan(MANAGER, (AddressOf(DEPLOYER),)),
    ContractPlan("ChargePointRegistry", (AddressOf(MANAGER),)),
    ContractPlan("DriverRoster", (AddressOf(MANAGER),)),
    ContractPlan(CURRENCY, (AddressOf(MANAGER),)),
    ContractPlan("PeeringRegistry"),
    ContractPlan(
        SETTLEMENT,
        (AddressOf("ChargePointRegistry"), AddressOf("DriverRoster"), AddressOf("PeeringRegistry")),
    ),
    ContractPlan("DIDRegistry"),
    ContractPlan("RevocationRegistry", (AddressOf("DIDRegistry"),)),
    ContractPlan(
        "CertificateRegistry",
        (AddressOf(MANAGER), AddressOf("DIDRegistry"), AddressOf("RevocationRegistry")),
    ),
    ContractPlan(
        "AccessRegistry",
        (AddressOf("DIDRegistry"), AddressOf("CertificateRegistry"), AddressOf("RevocationRegistry")),
    ),
    ContractPlan("DataRegistry", (AddressOf("DIDRegistry"),)),
)
"""The contracts in the order they are deployed."""

FUNCTIONS = (
    FunctionRole("ChargePointRegistry", "register", Role.UTILITY),
    FunctionRole("ChargePointRegistry", "acceptCreditor", Role.UTILITY),
    FunctionRole("DriverRoster", "publish", Role.UTILITY),
    FunctionRole("DriverRoster", "extend", Role.UTILITY),
    FunctionRole("DriverRoster", "revoke", Role.UTILITY),
    FunctionRole(CURRENCY, "admit", Role.MEMBERSHIP),
    FunctionRole(CURRENCY, "expel", Role.MEMBERSHIP),
    FunctionRole(CURRENCY, "payRedemption", Role.REDEEMER),
    FunctionRole(CURRENCY, "rejectRedemption", Role.REDEEMER),
    FunctionRole(CURRENCY, "pause", Role.PAUSER),
    FunctionRole(CURRENCY, "unpause", Role.GOVERNOR),
    FunctionRole(CURRENCY, "capMinter", Role.GOVERNOR),
    FunctionRole(CURRENCY, "approveSettlement", Role.GOVERNOR),
    FunctionRole("CertificateRegistry", "accreditRoot", Role.ACCREDITOR),
    FunctionRole("CertificateRegistry", "withdrawRoot", Role.PAUSER),
)
"""Every restricted function of the suite and its role."""


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """One suite, its roles and who holds them.

    Args:
        governor: holds GOVERNOR when the deployment is done; the deployer, if another, gives it up.
        grants: who else holds which role. Further governors go here too.
        delays: seconds a holder of each role must announce an act ahead.

    Raises:
        PlanError: an address that is none, an account twice in a role, a contract that refers to a later one.
    """

    governor: str
    grants: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)
    delays: Delays = Delays()
    contracts: tuple[ContractPlan, ...] = SUITE
    functions: tuple[FunctionRole, ...] = FUNCTIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "governor", _account(self.governor, "governor"))
        grants = {
            Role(role): tuple(_account(account, Role(role).name) for account in self.grants[role])
            for role in sorted(self.grants)
        }
        object.__setattr__(self, "grants", grants)
        for role in Role:
            holders = self.holders(role)
            if len(set(holders)) != len(holders):
                raise PlanError(f"{role.name} is granted twice to one account")
        self._check_contracts()

    def _check_contracts(self) -> None:
        known = {DEPLOYER}
        for contract in self.contracts:
            if contract.name in known:
                raise PlanError(f"{contract.name} is in the plan twice")
            for argument in contract.args:
                if isinstance(argument, AddressOf) and argument.name not in known:
                    raise PlanError(
                        f"{contract.name} refers to {argument.name}, which no contract before it is"
                    )
            known.add(contract.name)
        missing = {MANAGER, CURRENCY, SETTLEMENT, *(function.contract for function in self.functions)} - known
        if missing:
            raise PlanError(f"not in the plan: {', '.join(sorted(missing))}")

    def holders(self, role: Role) -> tuple[str, ...]:
        """Accounts that hold a role when the deployment is done."""
        granted = self.grants.get(role, ())
        return (self.governor, *granted) if role is Role.GOVERNOR else granted

    def with_grant(self, role: Role, *accounts: str) -> DeploymentPlan:
        """The plan with a role granted to more accounts: apply it again to enrol them."""
        grants = {**self.grants, role: (*self.grants.get(role, ()), *accounts)}
        return DeploymentPlan(self.governor, grants, self.delays, self.contracts, self.functions)

    def managed(self) -> tuple[str, ...]:
        """Contracts with restricted functions, in the plan's order."""
        wired = {function.contract for function in self.functions}
        return tuple(contract.name for contract in self.contracts if contract.name in wired)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "governor": self.governor,
            "grants": {role.name: list(accounts) for role, accounts in self.grants.items()},
            "delays": {name: getattr(self.delays, name) for name in self.delays.__slots__},
            "contracts": [
                {"name": contract.name, "args": [argument_to_json(argument) for argument in contract.args]}
                for contract in self.contracts
            ],
            "functions": [
                {"contract": each.contract, "function": each.function, "role": each.role.name}
                for each in self.functions
            ],
        }

    @staticmethod
    def from_json(document: object) -> DeploymentPlan:
        """Reads a plan. Unknown keys are refused.

        Raises:
            PlanError: a key is missing or unknown, or a value cannot be.
        """
        top = _object(document, "plan", {"governor", "grants", "delays", "contracts", "functions"})
        try:
            grants = {Role[name]: tuple(accounts) for name, accounts in top["grants"].items()}
            delays = Delays(**top["delays"])
            contracts = tuple(_contract(entry) for entry in top["contracts"])
            functions = tuple(_function(entry) for entry in top["functions"])
        except (KeyError, TypeError, AttributeError) as error:
            raise PlanError(f"malformed plan: {error}") from error
        return DeploymentPlan(top["governor"], grants, delays, contracts, functions)


def argument_to_json(argument: Argument) -> Any:
    return {"addressOf": argument.name} if isinstance(argument, AddressOf) else argument


def _account(value: str, what: str) -> str:
    try:
        account = checksum_address(value)
    except InvalidAddressError as error:
        raise PlanError(f"{what}: {error}") from error
    if int(account, 16) == 0:
        raise PlanError(f"{what}: the zero address")
    return account


def _object(value: object, what: str, keys: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != keys:
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise PlanError(f"{what}: keys {found}, expected {sorted(keys)}")
    return value


def _contract(entry: object) -> ContractPlan:
    fields = _object(entry, "contract", {"name", "args"})
    args = tuple(
        AddressOf(_object(argument, "argument", {"addressOf"})["addressOf"])
        if isinstance(argument, dict)
        else argument
        for argument in fields["args"]
    )
    return ContractPlan(fields["name"], args)


def _function(entry: object) -> FunctionRole:
    fields = _object(entry, "function", {"contract", "function", "role"})
    return FunctionRole(fields["contract"], fields["function"], Role[fields["role"]])
