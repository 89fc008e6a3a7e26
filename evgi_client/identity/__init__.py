"""Identities and their DIDs: who controls an address, and what is said of it."""

from evgi_client.identity.did import Did, DidUrl
from evgi_client.identity.document import document_at
from evgi_client.identity.history import (
    AttributeChanged,
    Change,
    DelegateChanged,
    History,
    OwnerChanged,
    RecordedHistory,
    RegistryHistory,
)
from evgi_client.identity.packed import IdentityChange, SignedChange
from evgi_client.identity.registry import SIG_AUTH, Identities, word_of
from evgi_client.identity.resolver import Resolution, Resolver

__all__ = [
    "SIG_AUTH",
    "AttributeChanged",
    "Change",
    "DelegateChanged",
    "Did",
    "DidUrl",
    "History",
    "Identities",
    "IdentityChange",
    "OwnerChanged",
    "RecordedHistory",
    "RegistryHistory",
    "Resolution",
    "Resolver",
    "SignedChange",
    "document_at",
    "word_of",
]
