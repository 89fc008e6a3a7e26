"""The commands of ``evgi cert`` that issue: new certificates, renewals."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evgi_client.certificates.keys import SubjectKey
from evgi_client.cli.cert_values import (
    REGISTRY,
    PrivateOut,
    claims_in,
    credential_in,
    party_argument,
    party_option,
    show_private,
    subject_key,
    type_argument,
)
from evgi_client.cli.did_values import identity_of
from evgi_client.cli.errors import reported
from evgi_client.cli.keys import signer_of
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    RpcUrl,
    examples,
    file_option,
    input_file,
    moment_option,
)
from evgi_client.cli.output import hexadecimal, show
from evgi_client.cli.suite import domain_of, open_suite

if TYPE_CHECKING:
    from evgi_client.certificates import EntityCredential, StatusIndex
    from evgi_client.client import Client
    from evgi_client.signing import Signer

Node = Annotated[
    str | None,
    typer.Option("--rpc-url", envvar="EVGI_RPC_URL", metavar="URL", help="A JSON-RPC node."),
]
SignOnly = Annotated[
    bool, typer.Option("--sign-only", help="Sign and do not register: needs no node. See evgi cert register.")
]
StatusPublisher = Annotated[
    str | None, party_option("--status-publisher", help="Whose status list is to say whether it is revoked.")
]
StatusPlace = Annotated[int | None, typer.Option(metavar="N", min=0, help="The index in that list.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to ``evgi cert``."""
    app.command(
        epilog=examples(
            "evgi cert issue vehicle 0x3c…5e --claim vin=1M8GDM9AXKP042788 \\",
            "    --until now+365d --keystore issuer.json --out vehicle.vc.json",
            "evgi cert issue meter 0xb7…f2 --claims meter.json --parent 0x9a…01 \\",
            "    --key metering:secp256k1:0x02…98 --until now+365d \\",
            "    --keystore issuer.json --sign-only",
        )
    )(issue)
    app.command(epilog=examples("evgi cert register vehicle.vc.json --keystore operator.json"))(register)
    app.command(
        epilog=examples(
            "evgi cert renew vehicle.vc.json --until now+730d \\",
            "    --keystore issuer.json --out next.vc.json",
        )
    )(renew)


def issue(
    kind: Annotated[int, type_argument()],
    subject: Annotated[str, party_argument("SUBJECT", "The identity that it is about.")],
    *,
    claims: Annotated[Path | None, file_option("The claims, a JSON object.")] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A claim; the value may be JSON. May be repeated."),
    ] = None,
    key: Annotated[
        list[SubjectKey] | None,
        typer.Option(
            parser=subject_key,
            metavar="USE:CURVE:KEY",
            help="A public key of the subject, for authentication, assertion, keyAgreement or metering.",
        ),
    ] = None,
    parent: Annotated[
        str | None, party_option("--parent", help="The vehicle of a battery, the charge point of a meter.")
    ] = None,
    begin: Annotated[int | None, moment_option("--from", help="From when; now where not given.")] = None,
    until: Annotated[int, moment_option(help="Until when.")],
    status_publisher: StatusPublisher = None,
    status_index: StatusPlace = None,
    issuer: Annotated[
        str | None, party_option("--issuer", help="The issuing identity; the keystore's where not given.")
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: Node = None,
    sign_only: SignOnly = False,
    out: PrivateOut = None,
    as_json: AsJson = False,
) -> None:
    """Issue a certificate: sign it as the issuer's owner, register its hashes, print the document.

    The document holds the claims and their salts: give it to the holder. Only
    hashes reach the chain.
    """
    with reported(as_json):
        from evgi_client.certificates.credential import draft, sign
        from evgi_client.certificates.ownership import NOBODY

        chain_id = _chain_id(manifest)
        status = _status(status_publisher, status_index, chain_id)
        values = claims_in(claims, claim or [])
        signer, client = _signing(manifest, keystore, rpc_url, sign_only)
        drafted = draft(
            kind,
            identity_of(subject, chain_id),
            signer.address if issuer is None else identity_of(issuer, chain_id),
            values,
            domain_of(manifest, REGISTRY),
            keys=key or (),
            parent=NOBODY if parent is None else identity_of(parent, chain_id),
            valid_from=int(time.time()) if begin is None else begin,
            valid_until=until,
            status=status,
        )
        _bring(sign(drafted, signer), client, out, as_json)


def register(
    certificate: Annotated[
        Path, input_file("CERTIFICATE", "A certificate, from evgi cert issue --sign-only.")
    ],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Bring a signed certificate to the chain. Whoever signs this transaction only brings it."""
    with reported(as_json):
        credential = credential_in(certificate)
        client = open_suite(manifest, rpc_url, keystore)
        _require_domain(credential, manifest)
        receipt = client.certificates.register(credential.certificate, credential.signature)
        result = {"certificate": hexadecimal(credential.hash), "transaction": receipt.transaction_hash}
        show(as_json, result, f"certificate {hexadecimal(credential.hash)} is registered")


def renew(
    certificate: Annotated[Path, input_file("CERTIFICATE", "The certificate that is to go on.")],
    *,
    begin: Annotated[
        int | None, moment_option("--from", help="From when; where not given, when the other ends.")
    ] = None,
    until: Annotated[int, moment_option(help="Until when.")],
    status_publisher: StatusPublisher = None,
    status_index: StatusPlace = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: Node = None,
    sign_only: SignOnly = False,
    out: PrivateOut = None,
    as_json: AsJson = False,
) -> None:
    """Issue the certificate that goes on where another ends: the same subject, claims and keys, without a gap.

    The issuer needs to know no claim: a certificate that shows none can be
    renewed, and the holder's claims and salts stay good.
    """
    with reported(as_json):
        from evgi_client.certificates.credential import sign
        from evgi_client.certificates.renewal import renew as continued

        old = credential_in(certificate)
        _require_domain(old, manifest)
        status = _status(status_publisher, status_index, _chain_id(manifest))
        following = continued(old, valid_from=begin, valid_until=until, status=status)
        signer, client = _signing(manifest, keystore, rpc_url, sign_only)
        _bring(sign(following, signer), client, out, as_json)


def _signing(
    manifest: Path, keystore: Path, rpc_url: str | None, sign_only: bool
) -> tuple[Signer, Client | None]:
    """The issuer's key, and the suite to register in; None where it is not to be."""
    if sign_only:
        return signer_of(keystore), None
    if rpc_url is None:
        raise typer.BadParameter("no node: set EVGI_RPC_URL or --rpc-url, or --sign-only")
    client = open_suite(manifest, rpc_url, keystore)
    return client.sender, client


def _bring(credential: EntityCredential, client: Client | None, out: Path | None, as_json: bool) -> None:
    known = hexadecimal(credential.hash)
    transaction = None
    if client is not None:
        receipt = client.certificates.register(credential.certificate, credential.signature)
        transaction = receipt.transaction_hash
    text = f"certificate {known} is signed" + ("" if transaction is None else " and registered")
    told = {"certificate": known, "transaction": transaction}
    show_private(credential.to_json(), out, as_json, told, text)


def _status(publisher: str | None, index: int | None, chain_id: int) -> StatusIndex | None:
    from evgi_client.certificates import StatusIndex

    if (publisher is None) != (index is None):
        raise typer.BadParameter("--status-publisher and --status-index go together")
    return (
        None if publisher is None or index is None else StatusIndex(identity_of(publisher, chain_id), index)
    )


def _require_domain(credential: EntityCredential, manifest: Path) -> None:
    from evgi_client.certificates.verify import require_domain

    require_domain(credential.domain, domain_of(manifest, REGISTRY))


def _chain_id(manifest: Path) -> int:
    return domain_of(manifest, REGISTRY).chain_id
