"""``evgi position`` and ``evgi settle``: what utilities owe one another, and its payment."""

from __future__ import annotations

from typing import Annotated

from evgi_client.cli.errors import reported
from evgi_client.cli.options import (
    DEFAULT_MANIFEST,
    AsJson,
    Keystore,
    Manifest,
    Own,
    RpcUrl,
    address_argument,
    address_option,
    examples,
)
from evgi_client.cli.output import columns, money, show
from evgi_client.cli.suite import account_of, open_suite

POSITION_EXAMPLES = examples("evgi position --keystore utility.json", "evgi position 0xb7…f2 --of 0x3c…5e")

SETTLE_EXAMPLES = examples("evgi settle 0xb7…f2 --keystore utility.json")


def position(
    peer: Annotated[str | None, address_argument("PEER", "One peer; all where not given.")] = None,
    *,
    of: Annotated[str | None, address_option("The utility; that of the keystore where not given.")] = None,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Own = None,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Print what peers owe a utility; minus where it owes them. Needs no key."""
    with reported(as_json):
        utility = account_of(of, keystore, "--of")
        client = open_suite(manifest, rpc_url)
        peers = [peer] if peer else client.peering.peers(utility)
        owed = {each: client.positions.of(utility, each) for each in peers}
        net = sum(owed.values())
        rows = [
            *((each, money(value, sign=True)) for each, value in owed.items()),
            ("net", money(net, sign=True)),
        ]
        text = columns(("peer", "owes"), rows, right=("owes",))
        show(as_json, {"utility": utility, "positions": owed, "net": net}, text)


def settle(
    peer: Annotated[str, address_argument("PEER", "The other utility.")],
    *,
    manifest: Manifest = DEFAULT_MANIFEST,
    keystore: Keystore,
    rpc_url: RpcUrl,
    as_json: AsJson = False,
) -> None:
    """Pay the net position with a peer in clearing tokens, whichever of the two owes it, and zero it.

    The one that owes must have allowed it: see evgi token allow.
    """
    with reported(as_json):
        client = open_suite(manifest, rpc_url, keystore)
        receipt = client.positions.settle(peer)
        payments = [] if receipt is None else client.positions.payments_in(receipt)
        result = {
            "payments": [
                {"payer": each.payer, "payee": each.payee, "amount": each.amount} for each in payments
            ],
            "transaction": None if receipt is None else receipt.transaction_hash,
        }
        paid = [f"{each.payer} paid {money(each.amount)} to {each.payee}" for each in payments]
        show(as_json, result, "\n".join(paid) or "nothing is owed")
