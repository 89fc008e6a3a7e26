"""Brings a plan onto a chain, step by step, so that it can be stopped at any instruction and run again.

Before a transaction is sent, it is written, signed, into the manifest. Whoever runs the plan again finds it there: it
has landed, or it is sent again. A step whose effect the chain already shows is passed over.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evgi_client.chain import Artifact
from evgi_client.deployment.manifest import DeployedContract, Deployment, Pending, read_manifest
from evgi_client.deployment.plan import MANAGER, ContractPlan, DeploymentPlan
from evgi_client.deployment.wiring import PHASES, Call, Suite
from evgi_client.errors import (
    ContractError,
    DeploymentBusyError,
    DeploymentDelayedError,
    DeploymentDriftError,
    InsufficientFundsError,
    NonceTakenError,
    PlanChangedError,
)

if TYPE_CHECKING:
    from evgi_client.chain import Chain, Receipt, TransactionSigner

WAIT = 300.0
"""Seconds to wait for each transaction."""

BUNDLE = 40
"""Calls to the AccessManager put into one transaction."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A step that is done. ``transactions`` is empty where there was nothing left to do."""

    step: str
    number: int
    total: int
    transactions: tuple[str, ...]


def steps(plan: DeploymentPlan) -> int:
    """How many steps ``apply`` reports."""
    return len(plan.contracts) + len(PHASES)


def apply(
    plan: DeploymentPlan,
    chain: Chain,
    signer: TransactionSigner,
    manifest: str | Path,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    wait: float = WAIT,
) -> Deployment:
    """Deploys what is not deployed, wires and grants what is not yet, and says so in the manifest.

    To enrol someone later, apply the plan again with more grants. A role that the plan does not grant is not taken
    away: ``verify`` names it.

    Args:
        signer: the deployer; later, whoever governs.
        manifest: the file that holds what is done. One file a deployment.
        progress: called after each step.
        wait: seconds to wait for each transaction.

    Raises:
        DeploymentChainError: the manifest is of another chain.
        PlanChangedError: contracts already deployed differ from the plan's.
        DeploymentDriftError: a contract that the manifest names is not on the chain.
        DeploymentDelayedError: the signer governs under a delay; the changes are announced, apply again later.
        DeploymentBusyError: another process is applying this manifest.
        ContractError: the chain refused a step, as when the signer does not govern.
    """
    path = Path(manifest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        return _Run(plan, chain, signer, path, progress, wait).run()


class _Run:
    def __init__(
        self,
        plan: DeploymentPlan,
        chain: Chain,
        signer: TransactionSigner,
        path: Path,
        progress: Callable[[Progress], None],
        wait: float,
    ) -> None:
        self._plan = plan
        self._chain = chain
        self._signer = signer
        self._path = path
        self._progress = progress
        self._wait = wait
        self._reported = 0
        self._ready_at = 0
        self._sent: list[str] = []
        self._state = self._begin()

    def _begin(self) -> Deployment:
        if not self._path.exists():
            return Deployment(
                self._chain.chain_id, self._chain.genesis_hash, self._signer.address, self._plan
            )
        state = read_manifest(self._path)
        state.require_chain(self._chain)
        _require_same_contracts(state, self._plan)
        return replace(state, plan=self._plan)

    def run(self) -> Deployment:
        self._finish_pending()
        for contract in self._plan.contracts:
            self._deploy(contract)
            self._report(_deploying(contract))
        for name, missing in PHASES.items():
            if self._ready_at and name == "hand over":
                break
            self._perform(name, list(missing(Suite(self._chain, self._state))))
            self._report(name)
        if self._ready_at:
            raise DeploymentDelayedError(self._ready_at)
        self._keep(replace(self._state, complete=True, pending=None))
        return self._state

    def _report(self, step: str) -> None:
        self._reported += 1
        self._progress(Progress(step, self._reported, steps(self._plan), tuple(self._sent)))
        self._sent.clear()

    def _keep(self, state: Deployment) -> None:
        self._state = state
        state.save(self._path)

    # Contracts

    def _deploy(self, contract: ContractPlan) -> None:
        recorded = self._state.contracts.get(contract.name)
        if recorded is not None:
            if not self._chain.code(recorded.address):
                raise DeploymentDriftError(
                    contract.name, recorded.address, "no code there: was the chain set back?"
                )
            return
        artifact = Artifact.load(contract.name)
        _require_one_package(self._state)
        data = artifact.creation(self._args(contract))
        self._record(contract, self._land(_deploying(contract), None, data, artifact))

    def _args(self, contract: ContractPlan) -> tuple[Any, ...]:
        return tuple(self._state.resolved(argument) for argument in contract.args)

    def _record(self, contract: ContractPlan, receipt: Receipt) -> None:
        artifact = Artifact.load(contract.name)
        if receipt.contract_address is None:
            raise DeploymentDriftError(
                contract.name, receipt.transaction_hash, "this transaction made no contract"
            )
        deployed = DeployedContract(
            address=receipt.contract_address,
            transaction=receipt.transaction_hash,
            block=receipt.block_number,
            source_hash=artifact.source_hash,
            args=self._args(contract),
        )
        compiler = self._state.compiler or dict(artifact.compiler)
        contracts = {**self._state.contracts, contract.name: deployed}
        self._keep(replace(self._state, contracts=contracts, compiler=compiler, pending=None))

    # Roles

    def _perform(self, step: str, calls: list[Call]) -> None:
        if not calls:
            return
        suite = Suite(self._chain, self._state)
        delayed = suite.must_announce(calls, self._signer.address)
        bundled: list[bytes] = []
        for call in calls:
            data = suite.encode(call)
            if call in delayed:
                self._announced(step, suite, call)
            elif call.contract == MANAGER:
                bundled.append(data)
            else:
                self._call(step, call.contract, data)
        for start in range(0, len(bundled), BUNDLE):
            data = suite.manager.encode("multicall", bundled[start : start + BUNDLE])
            self._call(step, MANAGER, data)

    def _announced(self, step: str, suite: Suite, call: Call) -> None:
        """Makes a call that was announced long enough ago, else announces it."""
        target, data = self._state.address(call.contract), suite.encode(call)
        operation = suite.manager.call("hashOperation", self._signer.address, target, data)
        ready_at = suite.manager.call("getSchedule", operation)
        if ready_at == 0:
            self._call(step, MANAGER, suite.manager.encode("schedule", target, data, 0))
            ready_at = suite.manager.call("getSchedule", operation)
        if self._chain.now() < ready_at:
            self._ready_at = max(self._ready_at, ready_at)
        else:
            self._call(step, call.contract, data)

    def _call(self, step: str, contract: str, data: bytes) -> None:
        self._land(step, self._state.address(contract), data, Artifact.load(contract))
        self._keep(replace(self._state, pending=None))

    # Transactions

    def _land(self, step: str, to: str | None, data: bytes, artifact: Artifact) -> Receipt:
        prepared = self._chain.prepare(
            self._signer, to=to, data=data, contract=artifact.name, abi=artifact.abi
        )
        self._keep(replace(self._state, pending=Pending(step, prepared)))
        try:
            self._chain.broadcast(prepared)
        except (InsufficientFundsError, NonceTakenError):
            # It was signed a moment ago and no node took it: it is nowhere.
            self._keep(replace(self._state, pending=None))
            raise
        self._sent.append(prepared.hash)
        return self._chain.wait(prepared.hash, self._wait, contract=artifact.name, abi=artifact.abi)

    def _finish_pending(self) -> None:
        """Follows up the transaction that an earlier run had signed: it is in a block, or it is sent again."""
        pending = self._state.pending
        if pending is None:
            return
        receipt = self._chain.receipt(pending.prepared.hash)
        if receipt is None:
            receipt = self._send_again(pending)
        contract = next((each for each in self._plan.contracts if _deploying(each) == pending.step), None)
        if receipt is not None and receipt.succeeded and contract is not None:
            self._record(contract, receipt)
        else:
            # What it was to do is looked up on the chain, and done if it is not.
            self._keep(replace(self._state, pending=None))

    def _send_again(self, pending: Pending) -> Receipt | None:
        prepared = pending.prepared
        try:
            self._chain.broadcast(prepared)
            return self._chain.wait(prepared.hash, self._wait)
        except ContractError:
            return self._chain.receipt(prepared.hash)
        except NonceTakenError:
            if self._chain.nonce(prepared.sender) <= prepared.nonce:
                # The transaction that took it is in no block: this one may yet be.
                raise
            return self._chain.receipt(prepared.hash)


def _deploying(contract: ContractPlan) -> str:
    return f"deploy {contract.name}"


def _require_same_contracts(state: Deployment, plan: DeploymentPlan) -> None:
    planned = {contract.name: contract for contract in plan.contracts}
    for name, deployed in state.contracts.items():
        if name not in planned:
            raise PlanChangedError(name, "is deployed and no longer planned")
        if tuple(state.resolved(argument) for argument in planned[name].args) != deployed.args:
            raise PlanChangedError(name, "is deployed with other constructor arguments")


def _require_one_package(state: Deployment) -> None:
    """A suite half deployed from one version of the package is not finished from another."""
    for name, deployed in state.contracts.items():
        if Artifact.load(name).source_hash != deployed.source_hash:
            raise PlanChangedError(name, "was deployed from the sources of another version of this package")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keeps a second process from applying the same manifest. The lock ends with the process, however that ends."""
    if os.name == "nt":
        yield
        return
    import fcntl

    with path.with_name(path.name + ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DeploymentBusyError(path) from error
        yield
