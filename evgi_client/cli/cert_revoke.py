"""The commands of ``evgi cert`` that revoke, and that publish and read status lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evgi_client.cli.cert_values import (
    REVOCATIONS,
    certificate_hash,
    credential_in,
    party_option,
    reason,
    strict_object,
)
from evgi_client.cli.did_values import identity_of
from evgi_client.cli.errors import FINDINGS, reported
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    Out,
    RpcUrl,
    examples,
    file_option,
    input_file,
    moment_option,
)
from evgi_client.cli.output import hexadecimal, show, show_document, utc
from evgi_client.cli.suite import domain_of, open_suite
from evgi_client.messages.certificates import RevocationReason

if TYPE_CHECKING:
    from evgi_client.certificates.status_list import SignedStatusList

_SHOWN = 20
_DAY = 86_400
# A list with many indices, and each of its characters, is a few megabytes.
_LONGEST_LIST = 1 << 26


def add_to(app: typer.Typer) -> None:
    """Adds the commands to ``evgi cert``."""
    app.command(
        epilog=examples(
            "evgi cert revoke vehicle.vc.json --reason superseded \\",
            "    --keystore issuer.json",
            "evgi cert revoke 0x5f…07 --issuer 0x3c…5e --at now+1d \\",
            "    --keystore issuer.json",
            "evgi cert revoke --index 567 --index 568 --keystore publisher.json",
        )
    )(revoke)
    app.command("open-list", epilog=examples("evgi cert open-list --words 4 --keystore publisher.json"))(
        open_list
    )
    app.command(
        "status-list",
        epilog=examples(
            "evgi cert status-list --keystore publisher.json --out list.vc.json",
            "evgi cert status-list --until now+7d --keystore publisher.json",
        ),
    )(status_list)
    app.command(
        epilog=examples(
            "evgi cert status list.vc.json",
            "evgi cert status list.vc.json --certificate vehicle.vc.json",
        )
    )(status)


def revoke(
    certificate: Annotated[
        str | None,
        typer.Argument(metavar="CERTIFICATE", help="A certificate's file, or its hash."),
    ] = None,
    *,
    issuer: Annotated[
        str | None, party_option("--issuer", help="Whose the hash is; a file names its issuer itself.")
    ] = None,
    index: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N", min=0, help="Instead of a certificate: an index of the keystore's own status list."
        ),
    ] = None,
    at: Annotated[
        int | None, moment_option(help="From when; from the next block on where not given.")
    ] = None,
    why: Annotated[
        int | None,
        typer.Option(
            "--reason", parser=reason, metavar="REASON", help="As RFC 5280 names it, such as key-compromise."
        ),
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Revoke a certificate as its issuer's owner, or indices of a status list as its publisher. For good.

    A revocation takes effect now or later, never before: it may be moved to an
    earlier time, and not to a later one.
    """
    with reported(as_json):
        if (certificate is None) == (not index):
            raise typer.BadParameter("name either a certificate or --index")
        told, code = {"effective_at": at}, RevocationReason(why or 0)
        if certificate is None:
            client = open_suite(manifest, rpc_url, keystore)
            indices = sorted(index or [])
            receipt = client.revocations.revoke_statuses(indices, at or 0)
            result = {"publisher": client.sender.address, "indices": indices, **told}
            text = f"revoked: {len(indices)} of the list of {client.sender.address}"
        else:
            target, owner = _target(certificate, issuer, domain_of(manifest, REVOCATIONS).chain_id)
            client = open_suite(manifest, rpc_url, keystore)
            receipt = client.revocations.revoke(owner, target, at or 0, code)
            result = {"certificate": hexadecimal(target), "issuer": owner, "reason": code.name, **told}
            text = f"revoked: certificate {hexadecimal(target)}"
        when = "" if at is None else f", from {utc(at)}"
        show(as_json, {**result, "transaction": receipt.transaction_hash}, text + when)


def open_list(
    *,
    first: Annotated[
        int | None, typer.Option(metavar="WORD", min=0, help="The first word; the next one where not given.")
    ] = None,
    words: Annotated[
        int, typer.Option(metavar="N", min=1, max=200, help="How many words of 256 indices.")
    ] = 1,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Open words of the keystore's own status list, each of 256 indices, before certificates name them."""
    with reported(as_json):
        from evgi_client.certificates.status_list import opened_words

        client = open_suite(manifest, rpc_url, keystore)
        publisher = client.sender.address
        opened = opened_words(client.revocations.events(), publisher)
        begin = max((each[-1] + 1 for each in opened), default=0) if first is None else first
        receipt = client.revocations.open_statuses(begin, words)
        result = {
            "publisher": publisher,
            "first_index": begin * 256,
            "indices": words * 256,
            "transaction": receipt.transaction_hash,
        }
        show(as_json, result, f"{publisher} has the indices {begin * 256} to {(begin + words) * 256 - 1}")


def status_list(
    *,
    until: Annotated[
        int | None, moment_option(help="Until when it may be relied on; a day from now where not given.")
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Print the keystore's own status list, read from the chain and signed: a W3C Bitstring Status List credential."""
    with reported(as_json):
        from evgi_client.certificates.status_list import bits_on_chain, sign_list

        client = open_suite(manifest, rpc_url, keystore)
        now = client.chain.now()
        bits = bits_on_chain(client.revocations, client.sender.address, now)
        domain = client.deployment.domain(REVOCATIONS)
        ends = now + _DAY if until is None else until
        show_document(
            sign_list(bits, client.sender, domain, valid_from=now, valid_until=ends).to_json(), out, as_json
        )


def status(
    status_list: Annotated[Path, input_file("LIST", "A status list, from evgi cert status-list.")],
    *,
    certificate: Annotated[
        Path | None, file_option("Is this certificate revoked in it? Exit code 1 where it is.")
    ] = None,
    at: Annotated[
        int | None, moment_option(help="The time that is asked about; that of the list where not given.")
    ] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    as_json: AsJson = False,
) -> None:
    """Read a status list, and check who signed it. Needs no node and no key."""
    with reported(as_json):
        from evgi_client.certificates import SignedStatusList
        from evgi_client.certificates.verify import require_domain

        listed = SignedStatusList.from_json(strict_object(status_list, _LONGEST_LIST))
        require_domain(listed.domain, domain_of(manifest, REVOCATIONS))
        listed.verify_proof()
        if certificate is None:
            _show_list(listed, as_json)
            return
        credential = credential_in(certificate)
        revoked = listed.revokes(credential.certificate, listed.message.valid_from if at is None else at)
        result = {
            "certificate": hexadecimal(credential.hash),
            "index": credential.certificate.status_index,
            "revoked": revoked,
        }
        words = "revoked" if revoked else "not revoked"
        show(as_json, result, f"certificate {hexadecimal(credential.hash)} is {words} in the list")
        if revoked:
            raise typer.Exit(FINDINGS)


def _show_list(listed: SignedStatusList, as_json: bool) -> None:
    message, indices = listed.message, list(listed.bits.indices())
    result = {
        "publisher": message.publisher,
        "valid_from": message.valid_from,
        "valid_until": message.valid_until,
        "length": message.length,
        "revoked": indices,
    }
    some = ", ".join(map(str, indices[:_SHOWN])) + (" …" if len(indices) > _SHOWN else "")
    text = (
        f"list of {message.publisher}, {message.length} indices\n"
        f"as of {utc(message.valid_from)}, good until before {utc(message.valid_until)}\n"
        f"revoked: {len(indices)}" + (f" ({some})" if indices else "")
    )
    show(as_json, result, text)


def _target(text: str, issuer: str | None, chain_id: int) -> tuple[bytes, str]:
    """Struct hash and issuer of what a file or a hash names."""
    known = certificate_hash(text)
    if known is not None:
        if issuer is None:
            raise typer.BadParameter("a hash names no issuer: --issuer does")
        return known, identity_of(issuer, chain_id)
    if not Path(text).is_file():
        raise typer.BadParameter(f"{text!r} is neither a file nor a hash of 32 bytes")
    if issuer is not None:
        raise typer.BadParameter("a certificate names its issuer itself")
    credential = credential_in(Path(text))
    return credential.hash, credential.certificate.issuer
