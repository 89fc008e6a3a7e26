"""A record on its way to a host: what its writer signed, the signature, and the record itself."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.errors import FieldMissingError, FieldUnknownError, FieldValueError
from evgi_client.messages import checksum_address
from evgi_client.messages.data import DataWrite, content_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.messages import Domain
    from evgi_client.signing import Signer

MAX_SIGNATURE = 4096
"""Bytes. A key's has 65; an account's (EIP-1271) may be of any form."""

_NAME = "SignedWrite"
_FIELDS = ("write", "account", "signature", "salt", "data")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*\Z")


@dataclass(frozen=True, slots=True)
class SignedWrite:
    """A data write with the record that its content hash is of."""

    write: DataWrite
    account: str
    """Who signed: the writer's owner, or an account that acts for it."""
    signature: bytes
    salt: bytes
    """32 bytes, secret as the record is."""
    data: bytes

    @classmethod
    def sign(cls, write: DataWrite, salt: bytes, data: bytes, signer: Signer, domain: Domain) -> SignedWrite:
        """Signs a write with a key.

        Raises:
            FieldValueError: the write's content hash is not that of salt and data.
        """
        signed = cls(write, signer.address, signer.sign_digest(write.digest(domain)).to_bytes(), salt, data)
        if not signed.has_its_content():
            raise FieldValueError(DataWrite.TYPE, "content", write.content, "the hash of salt and data")
        return signed

    def has_its_content(self) -> bool:
        """Is the content hash that was signed the one of salt and data?"""
        return content_hash(self.salt, self.data) == self.write.content

    def to_json(self) -> dict[str, Any]:
        """A JSON object; the record in base64."""
        return {
            "write": self.write.to_json(),
            "account": self.account,
            "signature": "0x" + self.signature.hex(),
            "salt": "0x" + self.salt.hex(),
            "data": base64.b64encode(self.data).decode(),
        }

    @classmethod
    def from_json(cls, document: object) -> SignedWrite:
        """Reads ``to_json``'s object, strictly. Whether anything in it is true is not looked at.

        Raises:
            FieldUnknownError, FieldMissingError, FieldValueError: it is not one.
            InvalidAddressError: ``account`` is no address.
        """
        if not isinstance(document, dict):
            raise FieldValueError(_NAME, "*", type(document).__name__, "a JSON object")
        for key in document:
            if key not in _FIELDS:
                raise FieldUnknownError(_NAME, str(key)[:64])
        for field in _FIELDS:
            if field not in document:
                raise FieldMissingError(_NAME, field)
        return cls(
            write=DataWrite.from_json(document["write"]),
            account=checksum_address(document["account"]),
            signature=_hex(document, "signature", MAX_SIGNATURE, "at most 4,096 bytes"),
            salt=_salt(document),
            data=_base64(document),
        )


def _salt(document: Mapping[str, Any]) -> bytes:
    salt = _hex(document, "salt", 32, "32 bytes")
    if len(salt) != 32:
        raise FieldValueError(_NAME, "salt", f"{len(salt)} bytes", "32 bytes of hexadecimal after 0x")
    return salt


def _hex(document: Mapping[str, Any], field: str, limit: int, expected: str) -> bytes:
    text = document[field]
    if not isinstance(text, str) or len(text) > 2 + 2 * limit or not _HEX.match(text):
        # Not shown: a salt is secret, and a body may be long.
        raise FieldValueError(_NAME, field, type(text).__name__, f"{expected} of hexadecimal after 0x")
    return bytes.fromhex(text[2:])


def _base64(document: Mapping[str, Any]) -> bytes:
    text = document["data"]
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise FieldValueError(_NAME, "data", type(text).__name__, "standard base64 with padding")
