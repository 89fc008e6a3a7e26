"""Signing and recovering, offline: no chain, no clock, no network."""

from evgi_client.signing.keystore import keystore_address
from evgi_client.signing.recovery import (
    EIP1271_MAGIC_VALUE,
    IsValidSignature,
    recover,
    recover_many,
    verify_digest,
)
from evgi_client.signing.signature import Signature
from evgi_client.signing.signed import Signed, sign
from evgi_client.signing.signer import LocalSigner, Signer, WatchOnly

__all__ = [
    "EIP1271_MAGIC_VALUE",
    "IsValidSignature",
    "LocalSigner",
    "Signature",
    "Signed",
    "Signer",
    "WatchOnly",
    "keystore_address",
    "recover",
    "recover_many",
    "sign",
    "verify_digest",
]
