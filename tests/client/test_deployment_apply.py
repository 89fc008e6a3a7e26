"""Applying a plan: once, again, changed, delayed, refused — and stopped at every instruction that matters."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evgi_client.chain import Chain
from evgi_client.chain.embedded import ENGINE_ERRORS
from evgi_client.chain.rpc import Node
from evgi_client.deployment import (
    CONSORTIUM_DELAYS,
    Delays,
    Deployment,
    DeploymentPlan,
    Finding,
    FindingCode,
    Progress,
    Role,
    apply,
    load_deployment,
    read_manifest,
    steps,
    verify,
)
from evgi_client.deployment.plan import SUITE, AddressOf, ContractPlan
from evgi_client.errors import (
    ContractError,
    DeploymentBusyError,
    DeploymentChainError,
    DeploymentDelayedError,
    DeploymentDriftError,
    InsufficientFundsError,
    PlanChangedError,
)
from evgi_client.signing import LocalSigner

ROOT = Path(__file__).resolve().parents[2]
STEPS = [
    *(f"deploy {contract.name}" for contract in SUITE),
    "wire roles",
    "approve settlement",
    "grant roles",
    "hand over",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.json"


@pytest.fixture
def plan(signers: list[LocalSigner]) -> DeploymentPlan:
    """The deployer hands over to another account; three utilities."""
    utilities = tuple(signer.address for signer in signers[2:5])
    return DeploymentPlan(
        signers[1].address, {Role.UTILITY: utilities, Role.MEMBERSHIP: (signers[5].address,)}
    )


def codes(findings: list[Finding]) -> list[FindingCode]:
    return [finding.code for finding in findings]


def created(chain: Chain, since: int = 0) -> int:
    """How many contracts were created on a chain by transactions, from a block on."""
    count = 0
    for number in range(since, chain.head() + 1):
        for transaction in chain.web3.eth.get_block(number)["transactions"]:
            receipt = chain.receipt("0x" + bytes(transaction).hex())  # type: ignore[arg-type]
            count += receipt is not None and receipt.contract_address is not None
    return count


def test_a_suite_is_deployed_and_verified(
    chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
) -> None:
    progress: list[Progress] = []

    deployment = apply(plan, chain, signers[0], path, progress=progress.append)

    assert load_deployment(path) == deployment
    assert verify(deployment, chain) == []
    assert [each.step for each in progress] == STEPS
    assert [each.number for each in progress] == list(range(1, steps(plan) + 1))
    assert {each.total for each in progress} == {steps(plan)} == {len(STEPS)}
    assert all(chain.receipt(each) for each_step in progress for each in each_step.transactions)
    manager = deployment.contract_on(chain, "AccessManager")
    assert manager.call("hasRole", Role.GOVERNOR, signers[1].address).isMember
    assert not manager.call("hasRole", Role.GOVERNOR, signers[0].address).isMember


def test_again_changes_nothing(
    chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
) -> None:
    deployment = apply(plan, chain, signers[0], path)
    head, text = chain.head(), path.read_text()
    progress: list[Progress] = []

    assert apply(plan, chain, signers[0], path, progress=progress.append) == deployment

    assert chain.head() == head
    assert path.read_text() == text
    assert [each.transactions for each in progress] == [()] * len(STEPS)


def test_more_are_enrolled_by_applying_a_longer_plan(
    chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
) -> None:
    apply(plan, chain, signers[0], path)
    longer = plan.with_grant(Role.UTILITY, signers[6].address)
    before = created(chain)

    deployment = apply(longer, chain, signers[1], path)

    assert verify(deployment, chain) == []
    assert created(chain) == before
    assert load_deployment(path).plan == longer
    manager = deployment.contract_on(chain, "AccessManager")
    assert manager.call("hasRole", Role.UTILITY, signers[6].address).isMember


def test_who_does_not_govern_cannot_enrol(
    chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
) -> None:
    apply(plan, chain, signers[0], path)
    with pytest.raises(ContractError) as caught:
        apply(plan.with_grant(Role.UTILITY, signers[6].address), chain, signers[0], path)
    assert caught.value.name == "AccessManagerUnauthorizedAccount"
    assert caught.value.args["msgsender"] == signers[0].address


def test_many_grants_are_bundled(chain: Chain, signers: list[LocalSigner], path: Path) -> None:
    utilities = tuple(LocalSigner.from_key(number.to_bytes(32, "big")).address for number in range(1, 100))
    progress: dict[str, Progress] = {}

    deployment = apply(
        DeploymentPlan(signers[0].address, {Role.UTILITY: utilities}),
        chain,
        signers[0],
        path,
        progress=lambda each: progress.update({each.step: each}),
    )

    assert len(progress["grant roles"].transactions) == 3
    assert verify(deployment, chain) == []


def test_a_governor_under_a_delay_announces_first(signers: list[LocalSigner], path: Path) -> None:
    chain = Chain.embedded(start=1_700_000_000)
    for signer in signers[:2]:
        chain.faucet(signer.address, 10**21)
    plan = DeploymentPlan(signers[1].address, {Role.PAUSER: (signers[2].address,)}, CONSORTIUM_DELAYS)
    deployment = apply(plan, chain, signers[0], path)
    assert verify(deployment, chain) == []
    longer = plan.with_grant(Role.UTILITY, signers[3].address, signers[4].address)

    for _ in range(2):
        with pytest.raises(DeploymentDelayedError) as caught:
            apply(longer, chain, signers[1], path)
        assert abs(caught.value.ready_at - chain.now() - CONSORTIUM_DELAYS.governor) < 5
    assert FindingCode.ROLE_MISSING in codes(verify(deployment, chain, longer))
    scheduled = deployment.contract_on(chain, "AccessManager").events("OperationScheduled")
    assert len(scheduled) == 2

    chain.advance_to(caught.value.ready_at)
    deployment = apply(longer, chain, signers[1], path)
    assert verify(deployment, chain) == []
    assert load_deployment(path).plan == longer


def test_a_deployer_that_stays_governor_takes_the_delay_last(signers: list[LocalSigner], path: Path) -> None:
    chain = Chain.embedded(start=1_700_000_000)
    chain.faucet(signers[0].address, 10**21)
    plan = DeploymentPlan(signers[0].address, {Role.PAUSER: (signers[1].address,)}, Delays(governor=600))

    deployment = apply(plan, chain, signers[0], path)

    assert verify(deployment, chain) == []
    access = deployment.contract_on(chain, "AccessManager").call("hasRole", 0, signers[0].address)
    assert (access.isMember, access.executionDelay) == (True, 600)


def test_rewiring_a_contract_is_announced_under_its_own_delay(signers: list[LocalSigner], path: Path) -> None:
    chain = Chain.embedded(start=1_700_000_000)
    chain.faucet(signers[0].address, 10**21)
    plan = DeploymentPlan(signers[0].address, delays=Delays(target_admin=3_600))
    deployment = apply(plan, chain, signers[0], path)
    # The AccessManager lets a new admin delay begin five days later.
    chain.advance_to(chain.now() + 6 * 86_400)
    functions = tuple(
        replace(each, role=Role.GOVERNOR) if each.function == "pause" else each for each in plan.functions
    )
    rewired = replace(plan, functions=functions)

    with pytest.raises(DeploymentDelayedError) as caught:
        apply(rewired, chain, signers[0], path)
    assert codes(verify(deployment, chain, rewired)) == [FindingCode.FUNCTION_ROLE_DIFFERS]
    assert load_deployment(path).complete

    chain.advance_to(caught.value.ready_at)
    assert verify(apply(rewired, chain, signers[0], path), chain) == []


class TestRefusals:
    def test_a_manifest_of_another_chain(
        self, chain: Chain, anvil_chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
    ) -> None:
        apply(plan, chain, signers[0], path)
        text = path.read_text()
        for other in (anvil_chain, Chain.embedded(start=1_600_000_000)):
            with pytest.raises(DeploymentChainError):
                apply(plan, other, signers[0], path)
        assert path.read_text() == text

    def test_a_plan_with_other_contracts(
        self, chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
    ) -> None:
        apply(plan, chain, signers[0], path)
        other = (*SUITE[:1], ContractPlan("ChargePointRegistry", (AddressOf("deployer"),)), *SUITE[2:])
        changed = DeploymentPlan(plan.governor, plan.grants, contracts=other)
        with pytest.raises(PlanChangedError) as caught:
            apply(changed, chain, signers[0], path)
        assert caught.value.contract == "ChargePointRegistry"

    def test_a_suite_half_made_by_another_version(
        self, chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
    ) -> None:
        deployment = apply(plan, chain, signers[0], path)
        document = deployment.to_json()
        document["contracts"].pop("SessionSettlement")
        document["contracts"]["DriverRoster"]["sourceHash"] = "sha256:00"
        path.write_text(json.dumps(document))
        with pytest.raises(PlanChangedError) as caught:
            apply(plan, chain, signers[0], path)
        assert caught.value.contract == "DriverRoster"

    def test_a_chain_that_was_set_back(
        self, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
    ) -> None:
        chain = Chain.embedded(start=1_700_000_000)
        chain.faucet(signers[0].address, 10**21)
        taken = chain.snapshot()
        apply(plan, chain, signers[0], path)
        chain.revert_to(taken)
        with pytest.raises(DeploymentDriftError) as caught:
            apply(plan, chain, signers[0], path)
        assert caught.value.contract == "AccessManager"

    def test_two_at_once(
        self, chain: Chain, signers: list[LocalSigner], plan: DeploymentPlan, path: Path
    ) -> None:
        def again(_: Progress) -> None:
            with pytest.raises(DeploymentBusyError):
                apply(plan, chain, signers[0], path)

        apply(plan, chain, signers[0], path, progress=again)

    def test_who_cannot_pay_starts_over_once_funded(
        self, chain: Chain, plan: DeploymentPlan, path: Path
    ) -> None:
        poor = LocalSigner.create()
        chain.faucet(poor.address, 10**15)
        with pytest.raises(InsufficientFundsError):
            apply(plan, chain, poor, path)
        assert read_manifest(path).pending is None
        chain.faucet(poor.address, 10**21)
        assert verify(apply(plan, chain, poor, path), chain) == []


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class Stops:
    """Ends the process at a place: the ``at``-th before or after something that could be the last thing done.

    Counting begins at the first place called ``since``.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, at: int | None = None, since: str | None = None
    ) -> None:
        self.passed: list[str] = []
        self._at = at
        self._since = since
        for owner, name in ((Deployment, "save"), (Chain, "prepare"), (Chain, "broadcast"), (Chain, "wait")):
            monkeypatch.setattr(owner, name, self._around(name, getattr(owner, name)))
        monkeypatch.setattr(os, "fsync", self._around("fsync", os.fsync))
        monkeypatch.setattr(Path, "replace", self._around("replace", Path.replace))

    def _around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            self._pass(f"before {name}")
            result = function(*args, **options)
            self._pass(f"after {name}")
            return result

        return wrapped

    def _pass(self, place: str) -> None:
        if self.passed or self._since in (None, place):
            self.passed.append(place)
            if len(self.passed) - 1 == self._at:
                raise Killed(place)


def reconnected(chain: Chain) -> Chain:
    """The same embedded chain as a new process would see it: nothing remembered."""
    provider: Any = chain.web3.provider
    return Chain(Node.of(provider, ENGINE_ERRORS), provider)


@pytest.fixture(scope="module")
def stage() -> Chain:
    """A chain on which many suites are deployed, one after another."""
    return Chain.embedded(start=1_700_000_000)


class Rehearsal:
    """One deployment, run and stopped any number of times."""

    def __init__(self, chain: Chain, signers: list[LocalSigner], path: Path) -> None:
        self._chain, self._signers, self._path = chain, signers, path
        utilities = {Role.UTILITY: (signers[2].address,)}
        self._plan = DeploymentPlan(signers[1].address, utilities, CONSORTIUM_DELAYS)
        chain.faucet(signers[0].address, 10**20)
        self._head = chain.head()

    def runs_through(self, at: int | None = None, since: str | None = None) -> bool:
        """Runs the plan, to be stopped at a place; True where it came to its end before that."""
        with pytest.MonkeyPatch.context() as patch:
            self.stops = Stops(patch, at, since)
            try:
                apply(self._plan, reconnected(self._chain), self._signers[0], self._path)
            except Killed:
                return False
            finally:
                if self._path.exists():
                    read_manifest(self._path)
        return True

    def check(self) -> None:
        """There is one suite, whole, made with as many transactions as if nothing had happened."""
        assert verify(load_deployment(self._path), self._chain) == []
        assert created(self._chain, self._head + 1) == len(SUITE)
        assert self._chain.head() - self._head == len(STEPS)


class TestStopped:
    """At each place where a process may end, in each step: the next run goes on, and nothing is done twice."""

    FIRST = "before prepare"
    SAVING = (
        "before save",
        *("before fsync", "after fsync", "before replace", "after replace", "before fsync", "after fsync"),
        "after save",
    )
    PLACES = (
        *("before prepare", "after prepare"),
        *SAVING,
        *("before broadcast", "after broadcast", "before wait", "after wait"),
        *SAVING,
    )
    """Of one step, in order."""

    @pytest.fixture
    def rehearsal(self, stage: Chain, signers: list[LocalSigner], tmp_path: Path) -> Rehearsal:
        return Rehearsal(stage, signers, tmp_path / "manifest.json")

    def test_these_are_the_places(self, rehearsal: Rehearsal) -> None:
        assert rehearsal.runs_through()
        assert tuple(rehearsal.stops.passed) == self.PLACES * len(STEPS) + self.SAVING
        rehearsal.check()

    @pytest.mark.parametrize("at", range(len(PLACES)))
    def test_in_every_step(self, rehearsal: Rehearsal, at: int) -> None:
        kills = 0
        if at < self.PLACES.index("after replace"):
            # Nothing is on disk yet and nothing was sent: stopped here again and again, it would never end.
            assert not rehearsal.runs_through(at, self.FIRST)
        else:
            while not rehearsal.runs_through(at, self.FIRST):
                kills += 1
            assert kills == len(STEPS)
        assert rehearsal.runs_through()
        rehearsal.check()

    @pytest.mark.parametrize("at", range(len(PLACES) - PLACES.index("before broadcast")))
    def test_while_it_follows_up_what_was_pending(self, rehearsal: Rehearsal, at: int) -> None:
        for _ in range(3):
            assert not rehearsal.runs_through(self.PLACES.index("before broadcast"), self.FIRST)
            assert not rehearsal.runs_through(at)
            assert rehearsal.stops.passed[0] == "before broadcast"
        assert rehearsal.runs_through()
        rehearsal.check()


@pytest.fixture(scope="module")
def worker() -> Iterator[Callable[..., str]]:
    """Applies a plan in a process of its own, killed after some seconds: its exit status, or ``killed``."""
    if not hasattr(os, "fork"):
        pytest.skip("needs processes that can be forked and killed")
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("deployment_worker.py"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:

        def run(**order: Any) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield run


@pytest.mark.parametrize("mining", [(), ("--block-time", "1", "--mixed-mining")], ids=["instant", "interval"])
def test_killed_at_random_moments_nothing_is_deployed_twice(
    start_anvil: Callable[..., str], worker: Callable[..., str], tmp_path: Path, mining: tuple[str, ...]
) -> None:
    url = start_anvil(*mining)
    chain = Chain.connect(url)
    moments = random.Random(7)
    outcomes: list[str] = []
    for number in range(1, 7):
        key = bytes([number]) * 32
        signer = LocalSigner.from_key(key)
        chain.faucet(signer.address, 10**20)
        plan = DeploymentPlan("0x" + "99" * 20, {Role.UTILITY: (signer.address,)})
        path = tmp_path / f"{number}.json"
        order = {"key": key.hex(), "url": url, "plan": plan.to_json(), "manifest": str(path)}
        head = chain.head()
        for _ in range(6):
            outcomes.append(worker(**order, seconds=moments.uniform(0.01, 0.25)))
            if path.exists():
                read_manifest(path)
        assert worker(**order, seconds=None) == "0"
        assert verify(load_deployment(path), chain) == []
        assert created(chain, head + 1) == len(SUITE)
        assert chain.nonce(signer.address) == len(STEPS)
    assert set(outcomes) <= {"killed", "0"}
    assert outcomes.count("killed") >= 6
