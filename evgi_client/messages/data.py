"""What the writer of a record signs, and the hashes that stand for records and streams."""

from __future__ import annotations

from dataclasses import dataclass

from evgi_client.errors import InvalidSaltError
from evgi_client.messages.hashing import keccak256
from evgi_client.messages.identifiers import SALT_LENGTH
from evgi_client.messages.typed import Message, typed


@typed(
    "DataWrite(address writer,address host,bytes32 resource,bytes32 stream,uint64 number,bytes32 content,"
    "uint64 writtenAt)"
)
@dataclass(frozen=True, slots=True)
class DataWrite(Message):
    """One record given to a data host, signed in the domain of ``DataRegistry`` by an account that acts for its
    writer. Its struct hash is the value of a Merkle leaf."""

    writer: str
    """The identity that writes."""
    host: str
    """The identity of the data host that the record is meant for."""
    resource: bytes
    """What the record is about: a resource of the ``AccessRegistry``."""
    stream: bytes
    """``stream_id`` of a sequence of records."""
    number: int
    """The writer's own number for the record, used once for a resource and stream."""
    content: bytes
    """``content_hash`` of the record."""
    written_at: int
    """When it was signed, Unix seconds."""


def content_hash(salt: bytes, data: bytes) -> bytes:
    """``keccak256(salt || data)``: what the chain may know of a record. One random salt a record, which goes where
    the record goes and nowhere else: measured values are few enough to be tried one by one.

    Raises:
        InvalidSaltError: the salt is not 32 bytes.
    """
    if len(salt) != SALT_LENGTH:
        raise InvalidSaltError(len(salt), SALT_LENGTH)
    return keccak256(salt + data)


def stream_id(name: str) -> bytes:
    """``keccak256`` of a stream's name, UTF-8."""
    return keccak256(name.encode())
