"""A holder's certificates with all their claims and salts, in a file under a password.

What is in it is personal, and with the salts whoever has it can tell the claims from the chain. Scrypt and AES-256-GCM,
a new nonce each time it is written; written whole or not at all.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from evgi_client.certificates.credential import EntityCredential
from evgi_client.certificates.documents import Json, canonical, read_object
from evgi_client.certificates.renewal import continues
from evgi_client.errors import (
    CertificateDocumentError,
    EvgiError,
    KeystoreError,
    WalletError,
    WalletPasswordError,
)
from evgi_client.signing.keystore import write_new

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LONGEST = 1 << 26
"""Bytes of a wallet that is read."""

_FORMAT = "evgi wallet"
_VERSION = 1
_KEY_LENGTH, _NONCE_LENGTH, _SALT_LENGTH = 32, 12, 32
# Memory of 128 MiB and about half a second: what OWASP asks of scrypt for a password.
SCRYPT = {"n": 2**17, "r": 8, "p": 1}
# A file that asks for more is no file of ours, and would hold the machine's memory for ransom.
_LIMITS = {"n": 2**20, "r": 16, "p": 4}


class Wallet:
    """An open wallet. Its key is never shown. Several processes may work with one file: each change is made to what is
    in the file then."""

    __slots__ = ("_aead", "_head", "_held", "path")

    def __init__(self, path: Path, head: Json, key: bytes) -> None:
        self.path = path
        self._head = head
        self._aead = AESGCM(key)
        self._held: dict[bytes, EntityCredential] = {}

    @classmethod
    def create(cls, path: str | Path, password: Callable[[], str], scrypt: dict[str, int] = SCRYPT) -> Wallet:
        """Writes a new, empty wallet that only its owner may read.

        Args:
            scrypt: the cost of trying a password.

        Raises:
            WalletError: there is such a file already, or it cannot be written.
        """
        if Path(path).exists():
            raise WalletError(path, "there is a file already")
        salt = secrets.token_bytes(_SALT_LENGTH)
        head = {
            "format": _FORMAT,
            "version": _VERSION,
            "scrypt": dict(scrypt),
            "salt": base64.b64encode(salt).decode(),
        }
        wallet = cls(Path(path), head, _derived(password, salt, scrypt))
        try:
            write_new(wallet.path, wallet._text())
        except KeystoreError as error:
            raise WalletError(path, error.reason) from error
        return wallet

    @classmethod
    def open(cls, path: str | Path, password: Callable[[], str]) -> Wallet:
        """Opens a wallet.

        Args:
            password: asked once, after the file was found and read.

        Raises:
            WalletError: the file cannot be read, or is no wallet of this version.
            WalletPasswordError: the password is wrong, or the file was changed.
        """
        document = _document(Path(path))
        sealed = document.pop("sealed")
        salt = base64.b64decode(document["salt"])
        wallet = cls(Path(path), document, _derived(password, salt, document["scrypt"]))
        wallet._take(sealed)
        return wallet

    @property
    def credentials(self) -> tuple[EntityCredential, ...]:
        """What it holds, by the end of validity."""
        return tuple(sorted(self._held.values(), key=lambda each: (each.certificate.valid_until, each.hash)))

    def get(self, certificate: bytes) -> EntityCredential:
        """A certificate by its struct hash.

        Raises:
            WalletError: it is not here.
        """
        if certificate not in self._held:
            raise WalletError(self.path, f"it does not hold certificate 0x{certificate.hex()}")
        return self._held[certificate]

    def add(self, *credentials: EntityCredential) -> None:
        """Keeps certificates. Of one that is here already, claims that were not known are added.

        Raises:
            WalletError: the file cannot be written.
            WalletPasswordError: the file was put under another password meanwhile.
        """
        with self._changing():
            for credential in credentials:
                known = self._held.get(credential.hash)
                claims = {**(known.claims if known else {}), **credential.claims}
                self._held[credential.hash] = replace(credential, claims=claims)

    def remove(self, certificate: bytes) -> None:
        """Forgets a certificate, its claims and salts too.

        Raises:
            WalletError: it is not here, or the file cannot be written.
        """
        with self._changing():
            self.get(certificate)
            del self._held[certificate]

    def expiring(self, now: int, within: int) -> list[EntityCredential]:
        """What ends in the next ``within`` seconds or has ended, and is not continued by another that is here."""
        held = self.credentials
        return [
            each
            for each in held
            if each.certificate.valid_until <= now + within
            and not any(continues(other, each) for other in held)
        ]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with _alone(self.path):
            document = _document(self.path)
            sealed = document.pop("sealed")
            if document != self._head:
                raise WalletPasswordError(self.path)
            self._take(sealed)
            before = dict(self._held)
            try:
                yield
                _replace(self.path, self._text())
            except BaseException:
                self._held = before
                raise

    def _text(self) -> str:
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        content = canonical({"certificates": [each.to_json() for each in self.credentials]})
        sealed = nonce + self._aead.encrypt(nonce, content, canonical(self._head))
        return json.dumps({**self._head, "sealed": base64.b64encode(sealed).decode()}, indent=2) + "\n"

    def _take(self, sealed: str) -> None:
        raw = base64.b64decode(sealed)
        try:
            content = self._aead.decrypt(raw[:_NONCE_LENGTH], raw[_NONCE_LENGTH:], canonical(self._head))
        except (InvalidTag, ValueError):
            content = None
        if content is None:
            # Raised here, not above: the library's exceptions add nothing that may be shown.
            raise WalletPasswordError(self.path)
        self._held = _held(self.path, content)

    def __repr__(self) -> str:
        return f"Wallet({str(self.path)!r}, {len(self._held)} certificates)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Wallet is not pickled: it would be written in clear")


def _derived(password: Callable[[], str], salt: bytes, parameters: dict[str, int]) -> bytes:
    return Scrypt(salt=salt, length=_KEY_LENGTH, **parameters).derive(password().encode())


def _document(path: Path) -> Json:
    try:
        with path.open("rb") as file:
            document = read_object(file.read(LONGEST + 1), LONGEST)
    except OSError as error:
        raise WalletError(path, error.strerror or "cannot be read") from error
    except CertificateDocumentError:
        document = {}
    if (document.get("format"), document.get("version")) != (_FORMAT, _VERSION) or not _is_whole(document):
        raise WalletError(path, f"not a wallet of version {_VERSION}")
    scrypt = document["scrypt"]
    if scrypt["n"] & (scrypt["n"] - 1) or any(
        not 0 < scrypt[each] <= limit for each, limit in _LIMITS.items()
    ):
        raise WalletError(path, "its key derivation asks for too much")
    return document


def _is_whole(document: Json) -> bool:
    scrypt = document.get("scrypt")
    return (
        document.keys() == {"format", "version", "scrypt", "salt", "sealed"}
        and isinstance(scrypt, dict)
        and scrypt.keys() == _LIMITS.keys()
        and all(type(value) is int for value in scrypt.values())
        and scrypt["n"] > 1
        and _is_base64(document["salt"])
        and _is_base64(document["sealed"])
    )


def _is_base64(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


def _held(path: Path, content: bytes) -> dict[bytes, EntityCredential]:
    """What a wallet was written with. It opened, so that anything else was written by another program."""
    try:
        documents: Iterable[Any] = read_object(content, LONGEST)["certificates"]
        credentials = [EntityCredential.from_json(each) for each in documents]
    except (EvgiError, LookupError, TypeError) as error:
        raise WalletError(path, f"what is in it cannot be read: {type(error).__name__}") from error
    return {each.hash: each for each in credentials}


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process changes the file. The lock ends with the process, however that ends."""
    if os.name == "nt":
        yield
        return
    import fcntl

    try:
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise WalletError(path, error.strerror or "cannot be locked") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(temporary, text)
        temporary.replace(path)
    except (KeystoreError, OSError) as error:
        temporary.unlink(missing_ok=True)
        raise WalletError(path, getattr(error, "reason", None) or "cannot be written") from error
