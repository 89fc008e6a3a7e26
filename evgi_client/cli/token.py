"""``evgi token``: clearing tokens, each unit against one fiat payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from evgi_client.cli.errors import reported
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    Own,
    RpcUrl,
    address_argument,
    amount_argument,
    examples,
)
from evgi_client.cli.output import money, show
from evgi_client.cli.suite import account_of, open_suite

if TYPE_CHECKING:
    from evgi_client.chain import Receipt

app = typer.Typer(
    help="Clearing tokens: money between utilities, each unit against one fiat payment.", no_args_is_help=True
)

Reference = Annotated[
    str, typer.Option(metavar="TEXT", help="What the bank calls the payment. Only its hash goes on chain.")
]


def _done(as_json: bool, receipt: Receipt | None, text: str, otherwise: str = "") -> None:
    """Says what a transaction did, or that there was nothing to do."""
    document = {
        "done": receipt is not None,
        "transaction": None if receipt is None else receipt.transaction_hash,
    }
    show(as_json, document, text if receipt is not None else otherwise)


@app.command(
    epilog=examples("evgi token balance --keystore utility.json", "evgi token balance 0x3c…5e --json")
)
def balance(
    account: Annotated[
        str | None, address_argument("ADDRESS", "Whose; the keystore's where not given.")
    ] = None,
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Own = None,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Print what an account holds. Needs no key."""
    with reported(as_json):
        holder = account_of(account, keystore, "an argument")
        held = open_suite(manifest, rpc_url).tokens.balance(holder)
        show(as_json, {"account": holder, "balance": held}, money(held))


@app.command(epilog=examples("evgi token supply"))
def supply(*, manifest: Manifest = DEFAULT_MANIFEST, rpc_url: RpcUrl, as_json: AsJson = False) -> None:
    """Print how many tokens there are. Needs no key."""
    with reported(as_json):
        total = open_suite(manifest, rpc_url).tokens.supply()
        show(as_json, {"supply": total}, money(total))


@app.command(epilog=examples("evgi token cap 0x9a…01 1000000 --keystore governor.json"))
def cap(
    minter: Annotated[str, address_argument("MINTER", "Who may mint.")],
    amount: Annotated[int, amount_argument("The most that it may ever have minted.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Let an account mint up to a cap. Sent by a governor.

    Where governors have a delay, the first run announces and the next one,
    after the delay, sets the cap.
    """
    with reported(as_json):
        receipt = open_suite(manifest, rpc_url, keystore).tokens.cap_minter(minter, amount)
        _done(as_json, receipt, f"{minter} may mint {money(amount)} in all")


@app.command(
    epilog=examples(
        "evgi token mint 0x3c…5e 25000 --reference 'SEPA 2026-11-20 0042' \\", "    --keystore minter.json"
    )
)
def mint(
    to: Annotated[str, address_argument("ADDRESS", "A member.")],
    amount: Annotated[int, amount_argument("What was paid in.")],
    *,
    reference: Reference,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Create tokens against a fiat payment received. A reference mints once: again, it changes nothing."""
    with reported(as_json):
        from evgi_client.clearing.tokens import fiat_reference

        tokens = open_suite(manifest, rpc_url, keystore).tokens
        receipt = tokens.mint(to, amount, fiat_reference(reference))
        _done(
            as_json,
            receipt,
            f"minted {money(amount)} to {to}",
            "this payment has minted before: nothing done",
        )


@app.command(epilog=examples("evgi token allow 50000 --keystore utility.json"))
def allow(
    amount: Annotated[
        int, amount_argument("The most that settlements may take; replaces the amount before.")
    ],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Let the settlement contract pay what the account that signs owes, out of its tokens."""
    with reported(as_json):
        receipt = open_suite(manifest, rpc_url, keystore).positions.allow(amount)
        _done(as_json, receipt, f"settlements may take {money(amount)}")


@app.command(epilog=examples("evgi token redeem 12000 --reference 'payout 7' --keystore utility.json"))
def redeem(
    amount: Annotated[int, amount_argument("What to pay out. It leaves the balance at once.")],
    *,
    reference: Reference,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Ask for fiat in place of tokens. A reference serves one redemption of a holder, for ever."""
    with reported(as_json):
        from evgi_client.clearing.tokens import fiat_reference

        tokens = open_suite(manifest, rpc_url, keystore).tokens
        receipt = tokens.request_redemption(amount, fiat_reference(reference))
        _done(as_json, receipt, f"asked for {money(amount)}")


@app.command(epilog=examples("evgi token pay 0x3c…5e --reference 'payout 7' --keystore governor.json"))
def pay(
    holder: Annotated[str, address_argument("HOLDER", "Who asked.")],
    *,
    reference: Reference,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Say that the fiat of a redemption was paid: its tokens are burned. Sent by a redeemer."""
    with reported(as_json):
        from evgi_client.clearing.tokens import fiat_reference

        tokens = open_suite(manifest, rpc_url, keystore).tokens
        _done(
            as_json, tokens.pay_redemption(holder, fiat_reference(reference)), "paid: its tokens are burned"
        )


@app.command(
    epilog=examples(
        "evgi token reject 0x3c…5e --reference 'payout 7' \\",
        "    --reason 'IBAN unknown' --keystore governor.json",
    )
)
def reject(
    holder: Annotated[str, address_argument("HOLDER", "Who asked.")],
    *,
    reference: Reference,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, in 32 bytes. Readable on the chain.")],
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Say that the fiat of a redemption will not be paid: its tokens go back. Sent by a redeemer."""
    with reported(as_json):
        from evgi_client.clearing.tokens import fiat_reference, rejection_reason

        tokens = open_suite(manifest, rpc_url, keystore).tokens
        receipt = tokens.reject_redemption(holder, fiat_reference(reference), rejection_reason(reason))
        _done(as_json, receipt, "rejected: its tokens are back")
