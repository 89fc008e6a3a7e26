"""Encryption at rest: every record under a data key of its resource, every data key under the host's master key, and
that one in a file under a password. AES-256-GCM throughout, with a random nonce of 96 bits.

Who has the database alone has nothing but ciphertext. Destroying a data key destroys every record under it, copies of
the database made before excepted.
"""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from evgi_client.data.documents import read_object
from evgi_client.errors import KeystoreError, MasterKeyError, MasterKeyPasswordError, RecordSealedError
from evgi_client.messages import keccak256
from evgi_client.signing.keystore import write_new

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_LENGTH = 32
NONCE_LENGTH = 12
SALT_LENGTH = 32

_FORMAT = "evgi master key"
_VERSION = 1
# Memory of 128 MiB and about half a second: what OWASP asks of scrypt for a password (N = 2^17, r = 8, p = 1).
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}
# A file that asks for more is no file of ours, and would hold the machine's memory for ransom.
_SCRYPT_LIMITS = {"n": 2**20, "r": 16, "p": 4}

_MASTER, _DATA_KEY, _RECORD = b"evgi/master-key/1", b"evgi/data-key/1", b"evgi/record/1"


class DataKey:
    """The key of a resource's records. It is never shown."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, record: bytes, plaintext: bytes) -> bytes:
        """``nonce || ciphertext || tag``, bound to the record that it is.

        Args:
            record: what names the record: the same bytes open it again.
        """
        nonce = secrets.token_bytes(NONCE_LENGTH)
        return nonce + self._aead.encrypt(nonce, plaintext, _RECORD + record)

    def open(self, record: bytes, sealed: bytes) -> bytes:
        """What ``seal`` was given.

        Raises:
            RecordSealedError: it was changed, is another record's, or is under another key.
        """
        return _opened(self._aead, sealed, _RECORD + record, f"record 0x{record.hex()}")

    def __repr__(self) -> str:
        return "DataKey(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a DataKey is not pickled: it would be written in clear")


class MasterKey:
    """The key under which a host keeps its data keys. It is never shown."""

    __slots__ = ("_aead", "_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_LENGTH:
            raise ValueError(f"a master key is {KEY_LENGTH} bytes")
        self._key = key
        self._aead = AESGCM(key)
        self.id = keccak256(_MASTER + key)[:8].hex()
        """Tells master keys apart, and tells nothing of them."""

    @classmethod
    def create(cls) -> MasterKey:
        """A new random key, from the operating system's source."""
        return cls(secrets.token_bytes(KEY_LENGTH))

    @classmethod
    def from_file(cls, path: str | Path, password: Callable[[], str]) -> MasterKey:
        """The key in an encrypted file.

        Args:
            password: asked once, after the file was found and read.

        Raises:
            MasterKeyError: the file cannot be read, or is no master key of this version.
            MasterKeyPasswordError: the password is wrong, or the file was changed.
        """
        document = _document(Path(path))
        try:
            parameters = {name: int(document["scrypt"][name]) for name in _SCRYPT}
            salt, sealed = (base64.b64decode(document[name], validate=True) for name in ("salt", "sealed"))
        except (LookupError, TypeError, ValueError):
            raise MasterKeyError(path, f"not a master key of version {_VERSION}") from None
        if any(not 0 < value <= _SCRYPT_LIMITS[name] for name, value in parameters.items()):
            raise MasterKeyError(path, "its key derivation asks for too much")
        try:
            wrapping = AESGCM(_derived(password, salt, parameters))
            return cls(_opened(wrapping, sealed, _MASTER, "the master key"))
        except (RecordSealedError, ValueError):
            pass
        raise MasterKeyPasswordError(path)

    def save(self, path: str | Path, password: Callable[[], str]) -> None:
        """Writes the key to a new encrypted file that only its owner may read: all of it or nothing.

        Raises:
            MasterKeyError: there is such a file already, or it cannot be written.
        """
        salt, nonce = secrets.token_bytes(SALT_LENGTH), secrets.token_bytes(NONCE_LENGTH)
        sealed = nonce + AESGCM(_derived(password, salt, _SCRYPT)).encrypt(nonce, self._key, _MASTER)
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "id": self.id,
            "scrypt": _SCRYPT,
            "salt": base64.b64encode(salt).decode(),
            "sealed": base64.b64encode(sealed).decode(),
        }
        try:
            write_new(Path(path), json.dumps(document, indent=2) + "\n")
        except KeystoreError as error:
            raise MasterKeyError(path, error.reason) from error

    def new_data_key(self, context: bytes) -> bytes:
        """A new random data key, wrapped.

        Args:
            context: what names the data key: the same bytes unwrap it again.
        """
        return self._wrapped(secrets.token_bytes(KEY_LENGTH), context)

    def unwrap(self, wrapped: bytes, context: bytes) -> DataKey:
        """The data key in what ``new_data_key`` gave.

        Raises:
            RecordSealedError: it was changed, is another one's, or is under another master key.
        """
        return DataKey(self._unwrapped(wrapped, context))

    def rewrap(self, wrapped: bytes, context: bytes, other: MasterKey) -> bytes:
        """A data key of this master key, wrapped under another one.

        Raises:
            RecordSealedError: it is not under this master key.
        """
        return other._wrapped(self._unwrapped(wrapped, context), context)

    def _wrapped(self, key: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_LENGTH)
        return nonce + self._aead.encrypt(nonce, key, _DATA_KEY + context)

    def _unwrapped(self, wrapped: bytes, context: bytes) -> bytes:
        return _opened(self._aead, wrapped, _DATA_KEY + context, "a data key")

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a MasterKey is not pickled: it would be written in clear")


def _opened(aead: AESGCM, sealed: bytes, context: bytes, what: str) -> bytes:
    try:
        return aead.decrypt(sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], context)
    except (InvalidTag, ValueError):
        pass
    # Raised here, not above: the library's exceptions add nothing that may be shown.
    raise RecordSealedError(what)


def _derived(password: Callable[[], str], salt: bytes, parameters: dict[str, int]) -> bytes:
    return Scrypt(salt=salt, length=KEY_LENGTH, **parameters).derive(password().encode())


def _document(path: Path) -> dict[str, Any]:
    try:
        document = read_object(path.read_bytes())
    except OSError as error:
        raise MasterKeyError(path, error.strerror or "cannot be read") from error
    except ValueError:
        document = {}
    if (document.get("format"), document.get("version")) != (_FORMAT, _VERSION):
        raise MasterKeyError(path, f"not a master key of version {_VERSION}")
    return document
