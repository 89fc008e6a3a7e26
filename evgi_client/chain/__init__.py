"""Chains: the only part of the package that talks to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evgi_client.chain.artifacts import Artifact
from evgi_client.chain.contract import ContractHandle
from evgi_client.chain.events import Event
from evgi_client.chain.transactions import Log, PreparedTransaction, Receipt, TransactionSigner

if TYPE_CHECKING:
    from evgi_client.chain.chain import Chain

__all__ = [
    "Artifact",
    "Chain",
    "ContractHandle",
    "Event",
    "Log",
    "PreparedTransaction",
    "Receipt",
    "TransactionSigner",
]


def __getattr__(name: str) -> object:
    # Chain brings web3, a second of importing that whoever only reads a manifest or signs need not wait for.
    if name == "Chain":
        from evgi_client.chain.chain import Chain

        return Chain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
