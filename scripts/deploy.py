#!/usr/bin/env python3
"""Deploy the suite.

    python scripts/deploy.py --rpc-url URL --keystore FILE [--plan FILE] [--manifest FILE]
    ape run deploy [--network ECOSYSTEM:NETWORK:PROVIDER]

What is not given as an option is looked up in EVGI_RPC_URL, EVGI_KEYSTORE, EVGI_PLAN and EVGI_MANIFEST: under ape
there are no options. Without a node, and on ape's local networks, a throw-away key deploys a suite that is gone with
the process. The bytecode is that of the packaged artifacts: nothing is compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evgi_client.chain import Chain
from evgi_client.cli.keys import signer_of
from evgi_client.deployment import Deployment, DeploymentPlan, apply, steps
from evgi_client.deployment.apply import Progress
from evgi_client.errors import EvgiError
from evgi_client.signing import LocalSigner

TRIAL_FUNDS = 1_000 * 10**18
"""Wei for the throw-away key of a trial."""

NOBODY = "0x" + "00" * 20
"""Whom a call comes from that names no sender."""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Deploy the suite, or finish a deployment that was interrupted."
    )
    for name, meaning in {
        "rpc-url": "a JSON-RPC node; an embedded chain where not given",
        "keystore": "the deployer's key",
        "plan": "the deployment plan as JSON; where not given, the deployer governs and nobody else is enrolled",
        "manifest": "what is deployed where (default: deployment.json)",
    }.items():
        variable = "EVGI_" + name.upper().replace("-", "_")
        parser.add_argument(f"--{name}", default=os.environ.get(variable), help=f"{meaning}; or {variable}")
    return parser.parse_args(arguments)


def deploy(chain: Chain, wanted: argparse.Namespace, manifest: Path, signer: LocalSigner) -> Deployment:
    if wanted.plan:
        plan = DeploymentPlan.from_json(json.loads(Path(wanted.plan).read_text(encoding="utf-8")))
    else:
        plan = DeploymentPlan(signer.address)

    def show(progress: Progress) -> None:
        sent = f"{len(progress.transactions)} sent" if progress.transactions else "done before"
        print(f"{progress.number:>3}/{steps(plan)} {progress.step}: {sent}", file=sys.stderr)

    return apply(plan, chain, signer, manifest, progress=show)


def run(chain: Chain, wanted: argparse.Namespace, *, trial: bool) -> None:
    if trial:
        signer = LocalSigner.create()
        chain.faucet(signer.address, TRIAL_FUNDS)
        with tempfile.TemporaryDirectory() as folder:
            deployment = deploy(chain, wanted, Path(folder) / "deployment.json", signer)
    else:
        if not wanted.keystore:
            raise SystemExit("deploy: a chain that outlives this process needs --keystore or EVGI_KEYSTORE")
        manifest = Path(wanted.manifest or "deployment.json")
        deployment = deploy(chain, wanted, manifest, signer_of(Path(wanted.keystore)))
    for name, contract in deployment.contracts.items():
        print(f"{contract.address}  {name}")


def ape_chain() -> tuple[Chain, bool]:
    """The chain that ape is connected to, and whether it is gone with the process."""
    import ape

    chain, trial = Chain.from_web3(ape.chain.provider.web3), ape.chain.provider.network.is_dev
    if trial:
        # ape's own test chain has callers pay for calls, which only read.
        chain.faucet(NOBODY, TRIAL_FUNDS)
    return chain, trial


def main() -> None:
    """Called by ape, with its network connected."""
    chain, trial = ape_chain()
    run(chain, options([]), trial=trial)


if __name__ == "__main__":
    chosen = options(sys.argv[1:])
    try:
        if chosen.rpc_url:
            run(Chain.connect(chosen.rpc_url), chosen, trial=False)
        else:
            run(Chain.embedded(), chosen, trial=True)
    except EvgiError as error:
        sys.exit(f"{type(error).__name__}: {error}")
