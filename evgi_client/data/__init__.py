"""Data writes, their Merkle anchors, and the host that serves them."""

from evgi_client.data.client import DataClient
from evgi_client.data.merkle import MerkleTree, MultiProof
from evgi_client.data.reading import Record
from evgi_client.data.registry import AnchoredBatch, DataAnchors
from evgi_client.data.session import DataSession
from evgi_client.data.writes import SignedWrite

__all__ = [
    "AnchoredBatch",
    "DataAnchors",
    "DataClient",
    "DataSession",
    "MerkleTree",
    "MultiProof",
    "Record",
    "SignedWrite",
]
