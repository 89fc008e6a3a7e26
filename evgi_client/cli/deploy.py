"""``evgi deploy``: plan, apply, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evgi_client.cli.errors import DONE, FINDINGS, reported
from evgi_client.cli.files import document_in
from evgi_client.cli.keys import signer_of
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Out,
    RpcUrl,
    address_option,
    examples,
    file_option,
    input_file,
)
from evgi_client.cli.output import columns, show, show_document
from evgi_client.cli.progress import Bars

app = typer.Typer(help="Deploy the contracts, and hold them against their plan.", no_args_is_help=True)


@app.command(
    epilog=examples(
        "evgi deploy plan --governor 0x9a…01 --utility 0x3c…5e --utility 0xb7…f2 \\",
        "    --out plan.json",
        "evgi deploy plan --governor 0x9a…01 --utility 0x3c…5e --consortium-delays",
    )
)
def plan(
    *,
    governor: Annotated[str, address_option("Governs when the deployment is done.")],
    utility: Annotated[list[str], address_option("Lists connectors and publishes drivers. Repeat for each.")],
    membership: Annotated[
        list[str] | None,
        address_option("Admits accounts to the clearing token; the governor where not given."),
    ] = None,
    redeemer: Annotated[
        list[str] | None, address_option("Pays or rejects redemptions; the governor where not given.")
    ] = None,
    pauser: Annotated[
        list[str] | None,
        address_option(
            "Stops the token, and first trust anchors, in an emergency; the governor if not given."
        ),
    ] = None,
    accreditor: Annotated[
        list[str] | None,
        address_option("Accredits the first trust anchors; the governor where not given."),
    ] = None,
    consortium_delays: Annotated[
        bool,
        typer.Option(
            "--consortium-delays",
            help="Governing is announced two days ahead, admitting and accrediting a day ahead. Without: no delays.",
        ),
    ] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print a deployment plan as JSON: the contracts, their roles and who holds them.

    To enrol a utility later, plan again with one more, and apply the plan to
    the same manifest.
    """
    with reported(as_json):
        from evgi_client.deployment import CONSORTIUM_DELAYS, Delays, DeploymentPlan, Role

        grants = {
            Role.UTILITY: tuple(utility),
            Role.MEMBERSHIP: tuple(membership or [governor]),
            Role.REDEEMER: tuple(redeemer or [governor]),
            Role.PAUSER: tuple(pauser or [governor]),
            Role.ACCREDITOR: tuple(accreditor or [governor]),
        }
        delays = CONSORTIUM_DELAYS if consortium_delays else Delays()
        show_document(DeploymentPlan(governor, grants, delays).to_json(), out, as_json)


@app.command(
    epilog=examples(
        "evgi deploy apply plan.json --keystore governor.json \\",
        "    --rpc-url http://127.0.0.1:8545",
        "EVGI_RPC_URL=https://node.example evgi deploy apply plan.json --json",
    )
)
def apply(
    plan: Annotated[Path, input_file("PLAN", "The plan, from evgi deploy plan.")],
    *,
    manifest: Annotated[
        Path,
        typer.Option(
            envvar="EVGI_MANIFEST",
            metavar="FILE",
            dir_okay=False,
            help="Where to write what is deployed where.",
        ),
    ] = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Deploy what is not deployed, grant what is not granted, and write it into the manifest.

    Whatever stops it, run it again: it goes on where it stopped.
    """
    with reported(as_json):
        from evgi_client.chain import Chain
        from evgi_client.deployment import DeploymentPlan, steps
        from evgi_client.deployment import apply as carry_out

        wanted = DeploymentPlan.from_json(document_in(plan))
        chain = Chain.connect(rpc_url)
        signer = signer_of(keystore)
        with Bars() as bars:
            bars.stage("deploy", steps(wanted))
            deployment = carry_out(wanted, chain, signer, manifest, progress=lambda _: bars.advance())
        addresses = {name: contract.address for name, contract in deployment.contracts.items()}
        result = {"manifest": str(manifest), "chain_id": deployment.chain_id, "contracts": addresses}
        show(as_json, result, columns(("contract", "address"), list(addresses.items())))


@app.command(epilog=examples("evgi deploy verify deployment.json --rpc-url http://127.0.0.1:8545"))
def verify(
    manifest: Annotated[
        Path,
        typer.Argument(
            envvar="EVGI_MANIFEST",
            metavar="MANIFEST",
            exists=True,
            dir_okay=False,
            help="What is deployed where.",
        ),
    ],
    *,
    plan: Annotated[
        Path | None,
        file_option("A plan of your own to hold the chain against."),
    ] = None,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Print everything on the chain that is not as the manifest and its plan say. Needs no key.

    Exit code 1 where there is anything.
    """
    with reported(as_json):
        from evgi_client.chain import Chain
        from evgi_client.deployment import DeploymentPlan, read_manifest
        from evgi_client.deployment import verify as findings_of

        wanted = DeploymentPlan.from_json(document_in(plan)) if plan else None
        findings = findings_of(read_manifest(manifest), Chain.connect(rpc_url), wanted)
        rows = [(each.code.value, each.subject, each.problem, each.remedy) for each in findings]
        header = ("code", "subject", "problem", "remedy")
        text = columns(header, rows) if findings else "no findings: the chain is as planned"
        show(as_json, {"findings": [dict(zip(header, row, strict=True)) for row in rows]}, text)
    raise typer.Exit(FINDINGS if findings else DONE)
