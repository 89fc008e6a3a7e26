"""Chains: the only part of the package that talks to one."""

from evgi_client.chain.artifacts import Artifact
from evgi_client.chain.chain import Chain
from evgi_client.chain.contract import ContractHandle
from evgi_client.chain.events import Event
from evgi_client.chain.transactions import Log, PreparedTransaction, Receipt, TransactionSigner

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
