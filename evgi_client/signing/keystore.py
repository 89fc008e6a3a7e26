"""Keys in encrypted files: Web3 Secret Storage, version 3, as every Ethereum client reads it.

A password is asked for where it is used and never bound to a name, so that no traceback with local variables shows it.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evgi_client.documents import parse_json
from evgi_client.errors import InvalidAddressError, KeystoreError, KeystorePasswordError
from evgi_client.messages.hashing import checksum_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

VERSION = 3

# What the decoder raises on a document that is not as it expects.
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, AssertionError, NotImplementedError)


def encrypt_key(key: bytes, password: Callable[[], str]) -> str:
    """The keystore of a key, as JSON text. Its key derivation (scrypt) is slow on purpose: about a second."""
    # Slow to import, and needed only where a keystore is read or written.
    from eth_keyfile.keyfile import create_keyfile_json

    return json.dumps(create_keyfile_json(key, password().encode(), version=VERSION, kdf="scrypt"))


def decrypt_key(path: Path, document: dict[str, Any], password: Callable[[], str]) -> bytes:
    """The key in a keystore, the JSON object of the file at ``path``.

    Raises:
        KeystoreError: the object is not as a keystore of version 3 should be.
        KeystorePasswordError: the password is not the one it was written with.
    """
    from eth_keyfile.keyfile import decode_keyfile_json

    try:
        return bytes(decode_keyfile_json(document, password().encode()))
    except _MALFORMED as error:
        # The decoder has no exception of its own for this.
        wrong_password = str(error) == "MAC mismatch"
    if wrong_password:
        raise KeystorePasswordError(str(path))
    raise KeystoreError(str(path), f"not a keystore of version {VERSION}")


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object of a keystore file, still encrypted.

    Raises:
        KeystoreError: the file cannot be read, or is no keystore of version 3.
    """
    try:
        document = parse_json(path.read_bytes())
    except OSError as error:
        raise KeystoreError(str(path), error.strerror or "cannot be read") from error
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise KeystoreError(str(path), f"not a keystore of version {VERSION}")
    return document


def keystore_address(path: str | PathLike[str]) -> str:
    """The checksummed address that a keystore file names, which needs no password. The file is taken at its word: only
    opening it proves that it holds this account's key.

    Raises:
        KeystoreError: the file cannot be read, is no keystore of version 3, or names no address.
    """
    named = read_document(Path(path)).get("address")
    try:
        return checksum_address("0x" + str(named).lower().removeprefix("0x"))
    except InvalidAddressError as error:
        raise KeystoreError(str(path), "it names no address") from error


def write_new(path: Path, text: str) -> None:
    """Writes a file that only its owner may read: all of it or nothing, and never over another, which may hold the
    only copy of a key.

    Raises:
        KeystoreError: there is such a file already, or it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)
        finally:
            temporary.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise KeystoreError(str(path), "there is a file already") from error
    except OSError as error:
        raise KeystoreError(str(path), error.strerror or "cannot be written") from error


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
