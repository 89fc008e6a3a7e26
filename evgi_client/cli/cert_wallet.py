"""The commands of ``evgi cert`` for holders: a wallet, and showing what is in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evgi_client.cli.cert_values import (
    PrivateOut,
    certificate_hash,
    credential_in,
    party_option,
    show_private,
    strict_object,
)
from evgi_client.cli.did_values import did_or_address
from evgi_client.cli.errors import FINDINGS, reported
from evgi_client.cli.keys import new_password_for, password_for, signer_of
from evgi_client.cli.options import AsJson, Keystore, examples, input_file, span_option
from evgi_client.cli.output import columns, hexadecimal, show, utc
from evgi_client.identity.did import Did

if TYPE_CHECKING:
    from evgi_client.certificates import EntityCredential, Wallet

_MONTH = 30 * 86_400

WalletFile = Annotated[
    Path,
    typer.Argument(
        metavar="WALLET",
        dir_okay=False,
        help="The wallet's file. Its password is asked for, or is the first line of EVGI_PASSWORD_FILE.",
    ),
]

wallets = typer.Typer(help="A holder's certificates, encrypted.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to ``evgi cert``."""
    app.add_typer(wallets, name="wallet")
    app.command(
        epilog=examples(
            "evgi cert present wallet.json request.json --keystore driver.json \\",
            "    --out answer.json",
            "evgi cert present wallet.json request.json --holder 0x3c…5e \\",
            "    --delegate --keystore station.json",
        )
    )(present)


@wallets.command("add", epilog=examples("evgi cert wallet add wallet.json vehicle.vc.json"))
def add_certificates(
    wallet: WalletFile,
    certificates: Annotated[list[Path], input_file("CERTIFICATE", "A certificate with its claims.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Keep certificates in a wallet, which is made where there is none."""
    with reported(as_json):
        from evgi_client.certificates import Wallet

        found = [credential_in(path) for path in certificates]
        held = _open(wallet) if wallet.exists() else Wallet.create(wallet, lambda: new_password_for(wallet))
        held.add(*found)
        added = [hexadecimal(each.hash) for each in found]
        show(as_json, {"added": added, "certificates": len(held.credentials)}, "\n".join(added))


@wallets.command("list", epilog=examples("evgi cert wallet list wallet.json --within 60d"))
def list_certificates(
    wallet: WalletFile,
    *,
    within: Annotated[
        int | None,
        span_option("Warn of what ends in this span, 30 days where not given. Exit code 1 where any does."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what a wallet holds, and which certificates end soon with none to go on. Claims are named, not shown."""
    with reported(as_json):
        from evgi_client.certificates.schemas import type_name

        held, now = _open(wallet), int(time.time())
        expiring = {each.hash for each in held.expiring(now, _MONTH if within is None else within)}
        listed = [
            {
                "certificate": hexadecimal(each.hash),
                "type": type_name(each.certificate.entity_type),
                "subject": each.certificate.subject,
                "issuer": each.certificate.issuer,
                "valid_from": each.certificate.valid_from,
                "valid_until": each.certificate.valid_until,
                "claims": sorted(each.claims),
                "expiring": each.hash in expiring,
            }
            for each in held.credentials
        ]
        rows = [
            (
                hexadecimal(each.hash),
                type_name(each.certificate.entity_type),
                utc(each.certificate.valid_until),
                _warning(each, now) if each.hash in expiring else "",
            )
            for each in held.credentials
        ]
        text = columns(("certificate", "type", "until", "warning"), rows) if rows else "no certificate"
        show(as_json, {"certificates": listed}, text)
        if expiring:
            raise typer.Exit(FINDINGS)


@wallets.command("show", epilog=examples("evgi cert wallet show wallet.json 0x5f…07 --hide vin"))
def show_certificate(
    wallet: WalletFile,
    certificate: Annotated[str, typer.Argument(metavar="CERTIFICATE", help="Its hash.")],
    *,
    hide: Annotated[
        list[str] | None, typer.Option(metavar="CLAIM", help="A claim to leave out. May be repeated.")
    ] = None,
    out: PrivateOut = None,
    as_json: AsJson = False,
) -> None:
    """Print a certificate of a wallet with the claims in it."""
    with reported(as_json):
        credential = _open(wallet).get(_hash(certificate))
        shown = credential.showing(*(name for name in credential.claims if name not in (hide or [])))
        known = hexadecimal(credential.hash)
        show_private(shown.to_json(), out, as_json, {"certificate": known}, f"certificate {known}")


@wallets.command("remove", epilog=examples("evgi cert wallet remove wallet.json 0x5f…07"))
def remove_certificate(
    wallet: WalletFile,
    certificate: Annotated[str, typer.Argument(metavar="CERTIFICATE", help="Its hash.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Forget a certificate, with the claims and salts that are in the wallet only."""
    with reported(as_json):
        held, known = _open(wallet), _hash(certificate)
        held.remove(known)
        result = {"removed": hexadecimal(known), "certificates": len(held.credentials)}
        show(as_json, result, f"removed {hexadecimal(known)}")


def present(
    wallet: WalletFile,
    request: Annotated[Path, input_file("REQUEST", "What the verifier wants, from evgi cert request.")],
    *,
    holder: Annotated[
        str | None,
        party_option("--holder", help="Whose certificates; where not given, anyone's in the wallet."),
    ] = None,
    delegate: Annotated[
        bool, typer.Option("--delegate", help="The key is a sigAuth delegate's, not the owner's.")
    ] = False,
    keystore: Keystore,
    out: PrivateOut = None,
    as_json: AsJson = False,
) -> None:
    """Show what a verifier asked for, and no more, signed for this one request. Needs no node.

    Read who asks first: the answer is good for the verifier that the request
    names, and for nobody else.
    """
    with reported(as_json):
        from evgi_client.certificates import PresentationRequest
        from evgi_client.certificates import present as sign_answer

        asked = PresentationRequest.from_json(strict_object(request))
        now = int(time.time())
        held = [each for each in _open(wallet).credentials if holder is None or _is_of(each, holder)]
        chosen = asked.choose(held, now)
        answer = sign_answer(chosen, asked, signer_of(keystore), created_at=now, delegate=delegate)
        shown = {hexadecimal(each.hash): sorted(each.claims) for each in chosen}
        lines = [f"for {asked.audience}, until {utc(asked.expires_at)}"]
        lines += [f"{known}: {', '.join(claims) or 'no claim'}" for known, claims in shown.items()]
        told = {"audience": asked.audience, "shown": shown}
        show_private(answer.to_json(), out, as_json, told, "\n".join(lines))


def _open(wallet: Path) -> Wallet:
    from evgi_client.certificates import Wallet

    return Wallet.open(wallet, lambda: password_for(wallet))


def _hash(text: str) -> bytes:
    known = certificate_hash(text)
    if known is None:
        raise typer.BadParameter(f"{text!r} is no hash of 32 bytes")
    return known


def _is_of(credential: EntityCredential, holder: str) -> bool:
    given = did_or_address(holder)
    identity = Did.parse(given).identity if given.startswith("did:") else given
    return credential.certificate.subject == identity


def _warning(credential: EntityCredential, now: int) -> str:
    left = credential.certificate.valid_until - now
    return "ended" if left <= 0 else f"ends in {left // 86_400} d {left % 86_400 // 3600} h"
