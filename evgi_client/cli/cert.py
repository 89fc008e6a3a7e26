"""``evgi cert``: certificates of entities, who may issue them, who holds them, and whether they are good."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.cli import cert_anchor, cert_issue, cert_revoke, cert_wallet
from evgi_client.cli.cert_issue import Node
from evgi_client.cli.cert_values import REGISTRY, party_option, snapshot_in, strict_object
from evgi_client.cli.did_values import identity_of
from evgi_client.cli.errors import FINDINGS, reported, stderr
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Manifest,
    Out,
    RpcUrl,
    examples,
    file_option,
    input_file,
    moment_option,
    span_option,
)
from evgi_client.cli.output import hexadecimal, show, show_document, utc
from evgi_client.cli.suite import open_suite

if TYPE_CHECKING:
    from evgi_client.certificates import EntityCredential, Verdict, Wanted
    from evgi_client.certificates.verify import Facts
    from evgi_client.messages import Domain
    from evgi_client.signing.recovery import IsValidSignature

_REQUEST_SPAN = 600

app = typer.Typer(help="Certificates: issue, show, verify and revoke them.", no_args_is_help=True)
cert_anchor.add_to(app)
cert_issue.add_to(app)


@app.command(
    epilog=examples(
        "evgi cert verify vehicle.vc.json",
        "evgi cert verify vehicle.vc.json --at 2026-11-20T09:00:00Z",
        "evgi cert verify answer.json --request request.json \\",
        "    --snapshot snapshot.json",
    )
)
def verify(
    document: Annotated[Path, input_file("DOCUMENT", "A certificate, or a presentation of some.")],
    *,
    request: Annotated[
        Path | None, file_option("What was asked for. A presentation is good for one request only.")
    ] = None,
    at: Annotated[
        int | None, moment_option(help="The time that is asked about; now where not given.")
    ] = None,
    snapshot: Annotated[
        Path | None, file_option("Judge by this file, without a node. See evgi cert snapshot.")
    ] = None,
    max_age: Annotated[int | None, span_option("Refuse a snapshot that is older than this.")] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            envvar="EVGI_MANIFEST",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="What is deployed where. Needed without a snapshot; with one, the two must agree.",
        ),
    ] = None,
    rpc_url: Node = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a certificate is good at a time, with every reason from its proof up to governance.

    Exit code 1 where it is not. The answer for a time that has passed is the
    same for good, and a snapshot gives the one that the chain gives.
    """
    with reported(as_json):
        from evgi_client.certificates import EntityCredential, Presentation, PresentationRequest
        from evgi_client.certificates import verify as judge

        read = strict_object(document)
        facts, domain, moment, asks, about = _source(snapshot, manifest, rpc_url, at, max_age)
        if "verifiableCredential" in read:
            if request is None:
                raise typer.BadParameter("a presentation answers a request: name it with --request")
            shown = Presentation.from_json(read)
            asked = PresentationRequest.from_json(strict_object(request))
            credentials = shown.credentials
            verdicts = shown.verify(asked, facts, domain, moment, asks)
        else:
            if request is not None:
                raise typer.BadParameter("a certificate answers no request: a presentation does")
            credentials = (EntityCredential.from_json(read),)
            verdicts = [judge(credentials[0], facts, domain, moment, asks)]
        _show_verdicts(verdicts, credentials, about, as_json)


def _source(
    snapshot: Path | None, manifest: Path | None, rpc_url: str | None, at: int | None, max_age: int | None
) -> tuple[Facts, Domain, int, IsValidSignature | None, dict[str, Any]]:
    """Whom to ask, about which registry, at what time, whom about contract accounts, and what to say of it."""
    from evgi_client.certificates import RegistryFacts
    from evgi_client.certificates.verify import require_domain
    from evgi_client.cli.suite import domain_of

    if snapshot is None:
        if manifest is None:
            manifest = DEFAULT_MANIFEST
        if rpc_url is None or not manifest.is_file():
            raise typer.BadParameter("name a manifest and a node (--manifest, --rpc-url), or a --snapshot")
        client = open_suite(manifest, rpc_url)
        facts = RegistryFacts(client.contracts, client.deployment.first_block)
        domain = client.deployment.domain(REGISTRY)
        # The later of the two clocks: a chain that has stopped keeps nothing valid.
        moment = max(int(time.time()), client.chain.now()) if at is None else at
        return facts, domain, moment, client.chain.is_valid_signature, {}
    taken = snapshot_in(snapshot)
    if manifest is not None:
        require_domain(taken.domain, domain_of(manifest, REGISTRY))
    moment = int(time.time()) if at is None else at
    age = moment - taken.time
    if max_age is not None and age > max_age:
        raise typer.BadParameter(f"the snapshot is of {utc(taken.time)}: {age} s old, {max_age} at most")
    if age > 0:
        stderr.print(
            f"the snapshot is of {utc(taken.time)}: what happened since is not in it", soft_wrap=True
        )
    about = {
        "snapshot": {"block": taken.block, "blockHash": hexadecimal(taken.block_hash), "time": taken.time}
    }
    return taken.world, taken.domain, moment, None, about


def _show_verdicts(
    verdicts: list[Verdict],
    credentials: tuple[EntityCredential, ...],
    about: dict[str, Any],
    as_json: bool,
) -> None:
    from evgi_client.certificates.schemas import type_name

    valid = all(verdict.valid for verdict in verdicts)
    listed, lines = [], []
    for verdict, credential in zip(verdicts, credentials, strict=True):
        signed = credential.certificate
        facts = {"type": type_name(signed.entity_type), "subject": signed.subject, "issuer": signed.issuer}
        listed.append({**verdict.to_json(), **facts, "claims": credential.values()})
        lines += verdict.lines()
        lines.append(f"  {facts['type']} {signed.subject}")
        lines += [f"    {name}: {value}" for name, value in credential.values().items()]
    show(as_json, {"valid": valid, "certificates": listed, **about}, "\n".join(lines))
    if not valid:
        raise typer.Exit(FINDINGS)


cert_wallet.add_to(app)


@app.command(
    epilog=examples(
        "evgi cert request https://host.example --want vehicle:vin,make \\",
        "    --out request.json",
        "evgi cert request 'gate 7' --want user --want vehicle:vin --within 2m",
    )
)
def request(
    audience: Annotated[str, typer.Argument(metavar="AUDIENCE", help="Who asks, as the holder knows you.")],
    *,
    want: Annotated[
        list[str],
        typer.Option(
            metavar="TYPE[:CLAIM,…]", help="A certificate, and its claims to show. May be repeated."
        ),
    ],
    within: Annotated[
        int | None, span_option("How long an answer is taken, ten minutes where not given.")
    ] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print a request for certificates, with a new challenge. Needs no node and no key.

    Keep it: an answer is verified against it. Take one answer, and throw it away.
    """
    with reported(as_json):
        from evgi_client.certificates import PresentationRequest

        wanted = [_wanted(each) for each in want]
        made = PresentationRequest.create(
            audience, wanted, expires_at=int(time.time()) + (_REQUEST_SPAN if within is None else within)
        )
        show_document(made.to_json(), out, as_json)


def _wanted(text: str) -> Wanted:
    from evgi_client.certificates import Wanted
    from evgi_client.cli.cert_values import entity_type

    kind, _, claims = text.partition(":")
    return Wanted(entity_type(kind), tuple(each for each in claims.split(",") if each))


cert_revoke.add_to(app)


@app.command(
    epilog=examples(
        "evgi cert snapshot --out snapshot.json",
        "evgi cert snapshot --subject 0x3c…5e --out vehicle-snapshot.json",
    )
)
def snapshot(
    *,
    subject: Annotated[
        list[str] | None,
        party_option("--subject", help="Whose certificates are to be judged; everyone's where not given."),
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="The last block that counts; the latest if not given."),
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    rpc_url: RpcUrl,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print what the chain knows about certificates, for verifying without a node. Needs no key.

    It holds hashes, addresses and times, and nothing personal. Whoever verifies
    with it trusts where it came from: its block hash can be compared with a
    node's.
    """
    with reported(as_json):
        from evgi_client.certificates import Snapshot

        client = open_suite(manifest, rpc_url)
        chain_id = client.deployment.chain_id
        taken = Snapshot.take(
            client.contracts,
            client.deployment.domain(REGISTRY),
            subjects=None if subject is None else [identity_of(each, chain_id) for each in subject],
            from_block=client.deployment.first_block,
            block=block,
        )
        show_document(taken.to_json(), out, as_json)
