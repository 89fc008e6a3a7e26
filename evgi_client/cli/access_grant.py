"""The commands of ``evgi access`` that sign certificates: bring them, or write them to a file for anyone to bring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evgi_client.cli.access_values import (
    REVOCATIONS,
    WEEK,
    From,
    Identity,
    OptionalUrl,
    Signing,
    SignOnly,
    Until,
    credential_in,
    group_of,
    label_of,
    named,
    resource_argument,
    resource_of,
    rights_option,
)
from evgi_client.cli.did_values import did_option, identity_of
from evgi_client.cli.errors import reported
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    Out,
    RpcUrl,
    examples,
    input_file,
    moment_option,
)
from evgi_client.cli.output import hexadecimal, show, show_document, utc
from evgi_client.cli.suite import open_suite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.access.credentials import Paper
    from evgi_client.client import Client

MaxUses = Annotated[
    int | None, typer.Option(metavar="N", min=0, max=2**32 - 1, help="How often; 0 is without limit.")
]
Delegable = Annotated[bool, typer.Option("--delegable", help="The grantee may pass it on.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to ``evgi access``."""
    app.command(
        epilog=examples(
            "evgi access host trips --host 0xb7…f2 --endpoint https://data.example \\",
            "    --until now+365d --keystore vehicle.json",
            "evgi access host trips --host 0xb7…f2 --endpoint https://data.example \\",
            "    --until now+365d --keystore vehicle.json --sign-only --out trips.vc.json",
        )
    )(host)
    app.command(
        epilog=examples(
            "evgi access grant 0x3c…5e/trips --to 0xb7…f2 --rights read --until now+30d \\",
            "    --keystore vehicle.json --out garage.vc.json",
            "evgi access grant 0x3c…5e/trips --group 0x3c…5e/family --rights read,write \\",
            "    --until now+1d --keystore vehicle.json",
        )
    )(grant)
    app.command(
        epilog=examples(
            "evgi access delegate garage.vc.json --to 0x5a…c1 --keystore garage.json \\",
            "    --out mechanic.vc.json",
        )
    )(delegate)
    app.command(
        epilog=examples(
            "evgi access revoke garage.vc.json --keystore vehicle.json",
            "evgi access revoke 0x5f…07 --at now+1d --keystore vehicle.json",
        )
    )(revoke)
    app.command(epilog=examples("evgi access bring garage.vc.json --keystore anyone.json"))(bring)


def host(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the resource is called.")],
    *,
    host_identity: Annotated[str, did_option("--host", help="The data host's identity.")],
    endpoint: Annotated[str, typer.Option(metavar="URI", help="Where the host is reached.")],
    protocol: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A protocol spoken there. May be repeated.")
    ] = None,
    data_class: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A class of data that it has. May be repeated.")
    ] = None,
    key_agreement: Annotated[str, typer.Option(metavar="HEX", help="The host's X25519 public key.")] = "0x"
    + "00" * 32,
    default_rights: Annotated[
        int, rights_option("--default-rights", help="What anybody may do; nothing where not given.")
    ] = 0,
    start: From = None,
    until: Until,
    deadline: Annotated[
        int | None, moment_option(help="Until when it may be brought; a week from now where not given.")
    ] = None,
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: OptionalUrl = None,
    sign_only: SignOnly = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Say where the data of a resource are (a data host bootstrapping certificate). Registers the resource.

    The resource belongs to the identity for good. The chain has hashes of its
    name, the endpoint, the protocols and the data classes; the file has them in
    clear.
    """
    with reported(as_json):
        from evgi_client.access.credentials import hash_of
        from evgi_client.messages.access import DataHostBootstrapping

        signing = Signing.open(manifest, rpc_url, keystore, sign_only)
        shown: dict[str, Any] = {
            "endpoint": endpoint,
            "protocols": protocol or [],
            "dataClasses": data_class or [],
        }
        message = DataHostBootstrapping(
            owner=signing.identity(identity),
            label=label_of(name),
            host=identity_of(host_identity, signing.domain.chain_id),
            endpoint=hash_of(shown["endpoint"]),
            protocols=hash_of(shown["protocols"]),
            key_agreement=_word(key_agreement, "--key-agreement"),
            data_classes=hash_of(shown["dataClasses"]),
            default_rights=default_rights,
            valid_from=signing.now if start is None else start,
            valid_until=until,
            deadline=signing.now + WEEK if deadline is None else deadline,
        )
        _finish(signing, message, shown, out, as_json, {"resource": hexadecimal(message.resource)})


def grant(
    resource: Annotated[str, resource_argument()],
    *,
    to: Annotated[str | None, did_option("--to", help="Who is granted: a DID or an address.")] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="GROUP", parser=named, help="Which group is granted: OWNER/NAME, or its id."),
    ] = None,
    rights: Annotated[int, rights_option("--rights", help="read, write, control: some, or all.")],
    start: From = None,
    until: Until,
    purpose: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the data may be used for; anything if not given.")
    ] = None,
    delegable: Delegable = False,
    max_uses: MaxUses = 0,
    identity: Identity = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: OptionalUrl = None,
    sign_only: SignOnly = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Grant rights on a resource to an identity or a group (an access certificate).

    It takes the place of what the same grantee was granted before. With --out
    the certificate is also written to a file, for the grantee to keep.
    """
    with reported(as_json):
        from evgi_client.access import access_certificate
        from evgi_client.access.credentials import hash_of
        from evgi_client.access.world import NOBODY

        if (to is None) == (group is None):
            raise typer.BadParameter("name whom to grant with --to, or a group with --group")
        signing = Signing.open(manifest, rpc_url, keystore, sign_only)
        chain_id = signing.domain.chain_id
        certificate = access_certificate(
            signing.identity(identity),
            resource_of(resource, chain_id),
            rights,
            valid_from=signing.now if start is None else start,
            valid_until=until,
            grantee=NOBODY if to is None else identity_of(to, chain_id),
            group=bytes(32) if group is None else group_of(group, chain_id),
            purpose=bytes(32) if purpose is None else hash_of(purpose),
            delegable=delegable,
            max_uses=max_uses or 0,
        )
        _finish(signing, certificate, {} if purpose is None else {"purpose": purpose}, out, as_json)


def delegate(
    certificate: Annotated[Path, input_file("CERTIFICATE", "What the keystore's identity was granted.")],
    *,
    to: Annotated[str, did_option("--to", help="Who is granted: a DID or an address.")],
    rights: Annotated[
        int | None, rights_option("--rights", help="Some of those that it has; all where not given.")
    ] = None,
    start: From = None,
    until: Annotated[
        int | None, moment_option("--until", help="No later than its own end, which it is if not given.")
    ] = None,
    delegable: Delegable = False,
    max_uses: MaxUses = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: OptionalUrl = None,
    sign_only: SignOnly = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Pass on what one was granted, or a part of it. It ends with what it comes from."""
    with reported(as_json):
        from evgi_client.access import delegated
        from evgi_client.messages.access import AccessCertificate

        held = credential_in(certificate)
        if not isinstance(held.message, AccessCertificate):
            raise typer.BadParameter(f"{certificate} is no access certificate")
        signing = Signing.open(manifest, rpc_url, keystore, sign_only)
        passed_on = delegated(
            held.message,
            identity_of(to, signing.domain.chain_id),
            valid_from=signing.now if start is None else start,
            valid_until=until,
            rights=rights,
            delegable=delegable,
            max_uses=max_uses,
        )
        _finish(signing, passed_on, held.shown, out, as_json)


def revoke(
    certificate: Annotated[
        str, typer.Argument(metavar="CERTIFICATE", help="A certificate's file, or its hash.")
    ],
    *,
    identity: Identity = None,
    at: Annotated[int | None, moment_option("--at", help="From when; at once where not given.")] = None,
    reason: Annotated[
        int, typer.Option(metavar="N", min=0, max=255, help="A code of RFC 5280, 5.3.1; 0 is unspecified.")
    ] = 0,
    deadline: Annotated[
        int | None, moment_option(help="Until when it may be brought; a week from now where not given.")
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: OptionalUrl = None,
    sign_only: SignOnly = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a certificate, as its granter or as the identity that the resource belongs to.

    The owner's revocation denies the grantee also what lists and groups give,
    until a new certificate is granted.
    """
    with reported(as_json):
        from evgi_client.messages.certificates import RevocationCertificate

        target = _word(certificate, "CERTIFICATE") if certificate.startswith("0x") else None
        if target is None:
            target = credential_in(Path(certificate)).message.struct_hash()
        signing = Signing.open(manifest, rpc_url, keystore, sign_only, REVOCATIONS)
        message = RevocationCertificate(
            issuer=signing.identity(identity),
            target=target,
            effective_at=0 if at is None else at,
            reason=reason,
            deadline=signing.now + WEEK if deadline is None else deadline,
        )
        _finish(signing, message, {}, out, as_json, {"certificate": hexadecimal(target)})


def bring(
    certificate: Annotated[Path, input_file("CERTIFICATE", "What an owner signed, from the other commands.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Bring a signed certificate or revocation to the chain. Whoever signs the transaction only brings it."""
    with reported(as_json):
        held = credential_in(certificate)
        client = open_suite(manifest, rpc_url, keystore)
        expected = client.deployment.domain(held.domain.name)
        if held.domain != expected:
            raise typer.BadParameter(f"{certificate} was signed for another chain or contract")
        owner = client.contracts["DIDRegistry"].call("identityOwner", held.issuer)
        held.verify_proof(owner, client.chain.is_valid_signature)
        _tell(_brought(client, held.message, held.signature), as_json)


def _finish(
    signing: Signing,
    message: Any,
    shown: Mapping[str, Any],
    out: Path | None,
    as_json: bool,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Signs, and then writes, or brings, or both."""
    from evgi_client.access.credentials import to_credential
    from evgi_client.signing import sign

    signature = sign(signing.signer, message, signing.domain).signature.to_bytes()
    document = to_credential(message, signing.domain, signature, shown)
    if signing.client is None:
        show_document(document, out, as_json)
        return
    result = {**_brought(signing.client, message, signature), **(more or {})}
    if out is not None:
        show_document(document, out, as_json=False)
        result["written"] = str(out)
    _tell(result, as_json)


def _brought(client: Client, message: Paper, signature: bytes) -> dict[str, Any]:
    from evgi_client.messages.certificates import RevocationCertificate

    result: dict[str, Any] = {"certificate": hexadecimal(message.struct_hash())}
    if isinstance(message, RevocationCertificate):
        receipt = client.contracts[REVOCATIONS].transact(
            "revokeSigned", message, signature, signer=client.sender
        )
        result["certificate"] = hexadecimal(message.target)
        result["revoked_from"] = message.effective_at or client.chain.timestamp_of(receipt.block_number)
    else:
        receipt = client.access.bring(message, signature)
        result["start"] = max(message.valid_from, client.chain.timestamp_of(receipt.block_number))
        result["valid_until"] = message.valid_until
    result["transaction"] = receipt.transaction_hash
    return result


def _tell(result: Mapping[str, Any], as_json: bool) -> None:
    if "revoked_from" in result:
        text = f"{result['certificate']} is revoked from {utc(result['revoked_from'])}"
    else:
        span = f"from {utc(result['start'])} until {utc(result['valid_until'])}"
        text = f"{result['certificate']} is in force {span}"
    resource = f"\nresource {result['resource']}" if "resource" in result else ""
    show(as_json, result, text + resource)


def _word(text: str, name: str) -> bytes:
    try:
        word = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        word = b""
    if len(word) != 32:
        raise typer.BadParameter(f"{name}: {text!r} is not 32 bytes in hexadecimal")
    return word
