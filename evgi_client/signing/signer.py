"""What signs: the protocol every signer follows, and the signer whose key is in this process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from coincurve import PrivateKey

from evgi_client.errors import (
    InvalidDigestError,
    InvalidKeyError,
    KeystoreError,
    UnsignableTransactionError,
    WatchOnlyError,
)
from evgi_client.messages.hashing import checksum_address
from evgi_client.signing.keystore import decrypt_key, encrypt_key, read_document, write_new
from evgi_client.signing.recovery import DIGEST_LENGTH, address_of
from evgi_client.signing.signature import CURVE_ORDER, Signature
from evgi_client.signing.signed import Signed, SignedMessage, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from evgi_client.messages.domain import Domain

KEY_LENGTH = 32


class Signer(Protocol):
    """Something that signs for one address: a key in memory, a remote signer, hardware."""

    @property
    def address(self) -> str:
        """Checksummed address that the signatures recover to."""

    def sign_digest(self, digest: bytes) -> Signature:
        """Signs 32 bytes as they are: no prefix, no further hash."""

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed transaction, ready to be sent raw. Every field is given: nothing is asked of a chain."""


class LocalSigner:
    """A key in this process. It is never shown: not in ``repr``, in errors, or when pickled."""

    __slots__ = ("_address", "_key")

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._address = address_of(key.public_key)

    @classmethod
    def create(cls) -> LocalSigner:
        """A new random key, from the operating system's source."""
        return cls(PrivateKey())

    @classmethod
    def from_key(cls, key: bytes) -> LocalSigner:
        """A signer for a 32-byte private key.

        Raises:
            InvalidKeyError: not 32 bytes, or not between 1 and the curve's order. It is not in the error.
        """
        if len(key) != KEY_LENGTH:
            raise InvalidKeyError(f"expected {KEY_LENGTH} bytes")
        if not 0 < int.from_bytes(key, "big") < CURVE_ORDER:
            raise InvalidKeyError("out of the curve's range")
        return cls(PrivateKey(key))

    @classmethod
    def from_keystore(cls, path: str | PathLike[str], password: Callable[[], str]) -> LocalSigner:
        """A signer for the key in an encrypted file (Web3 Secret Storage, version 3).

        Args:
            password: asked once, after the file was found and read.

        Raises:
            KeystoreError: the file cannot be read, is no such keystore, or holds the key of another address.
            KeystorePasswordError: the password is wrong.
        """
        document = read_document(Path(path))
        named = document.get("address")
        signer = cls.from_key(decrypt_key(Path(path), document, password))
        if named is not None and str(named).lower().removeprefix("0x") != signer.address[2:].lower():
            raise KeystoreError(str(path), f"its key is that of {signer.address}, not of {named}")
        return signer

    def save_keystore(self, path: str | PathLike[str], password: Callable[[], str]) -> None:
        """Writes the key to a new encrypted file that only its owner may read: all of it or nothing.

        Raises:
            KeystoreError: there is such a file already, or it cannot be written.
        """
        write_new(Path(path), encrypt_key(self._key.secret, password))

    @property
    def address(self) -> str:
        """Checksummed address of the key."""
        return self._address

    def sign(self, message: SignedMessage, domain: Domain) -> Signed[SignedMessage]:
        """Signs a message in a domain."""
        return sign(self, message, domain)

    def sign_digest(self, digest: bytes) -> Signature:
        """Signs 32 bytes as they are, deterministically (RFC 6979): the same digest gives the same signature.

        Raises:
            InvalidDigestError: the digest is not 32 bytes.
        """
        if len(digest) != DIGEST_LENGTH:
            raise InvalidDigestError(len(digest))
        raw = self._key.sign_recoverable(digest, hasher=None)
        return Signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), 27 + raw[64])

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The signed transaction, ready to be sent raw: legacy, EIP-2930 or EIP-1559, as its fields say.

        Raises:
            UnsignableTransactionError: a field is missing, unknown or malformed.
        """
        # Half a second to import, and a charge point that only signs messages never needs it.
        from eth_account import Account
        from rlp.exceptions import RLPException  # type: ignore[import-untyped]

        try:
            signed = Account.sign_transaction(dict(transaction), self._key.secret)
        except (TypeError, ValueError, RLPException) as error:
            raise UnsignableTransactionError(str(error)) from error
        return bytes(signed.raw_transaction)

    def __repr__(self) -> str:
        return f"LocalSigner({self._address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalSigner is not pickled: its key would be written in clear")


class WatchOnly:
    """An account whose key is elsewhere: an auditor's place of a signer, that reads and never sends.

    Raises:
        InvalidAddressError: the address is malformed.
    """

    __slots__ = ("_address",)

    def __init__(self, address: str) -> None:
        self._address = checksum_address(address)

    @property
    def address(self) -> str:
        """Checksummed address of the account."""
        return self._address

    def sign_digest(self, digest: bytes) -> Signature:  # noqa: ARG002 — a signer's method
        """Raises WatchOnlyError, always."""
        raise WatchOnlyError(self._address)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:  # noqa: ARG002 — a signer's method
        """Raises WatchOnlyError, always."""
        raise WatchOnlyError(self._address)

    def __repr__(self) -> str:
        return f"WatchOnly({self._address})"
