"""Records as a reader gets them: each is held to what its writer signed and to the root that the chain keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evgi_client.data.merkle import MAX_LEAVES, verify
from evgi_client.data.writes import MAX_SIGNATURE, SignedWrite
from evgi_client.errors import (
    FieldMissingError,
    FieldUnknownError,
    FieldValueError,
    RecordInvalidError,
    RecordMissingError,
    SigningError,
)
from evgi_client.messages import checksum_address
from evgi_client.messages.data import DataWrite, content_hash
from evgi_client.signing import verify_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evgi_client.data.registry import AnchoredBatch
    from evgi_client.messages import Domain
    from evgi_client.signing import IsValidSignature

    BatchOf = Callable[[bytes, int], AnchoredBatch | None]
    """The batch of a stream with a number, as the chain has it; None where it has none."""

_NAME = "Record"
_FIELDS = ("position", "write", "account", "signature", "salt", "data", "proof")
_PROOF_FIELDS = ("sequence", "leaves", "path")
_LONGEST_PATH = MAX_LEAVES.bit_length() - 1

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})\Z")
_WORD = re.compile(r"0x[0-9a-f]{64}\Z")
_BYTES = re.compile(rf"0x(?:[0-9a-f]{{2}}){{1,{MAX_SIGNATURE}}}\Z")


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a write is said to be anchored, and the siblings of its leaf, from the leaf up."""

    sequence: int
    leaves: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read."""

    position: int
    """The host's number for it in the resource's stream, from 0 without gaps."""
    write: DataWrite
    account: str
    """Who signed. That it acted for the writer then, the host has checked: the identity's history shows it."""
    signature: bytes
    salt: bytes | None
    data: bytes | None
    """None where the record was erased: that it was written, and when, stays proven."""
    proof: Proof | None
    """None where it is not anchored yet."""
    batch: AnchoredBatch | None = None
    """The batch that the proof leads to, as the chain has it."""

    @property
    def erased(self) -> bool:
        """Is the record itself gone, by the owner's wish?"""
        return self.data is None

    def has_its_content(self) -> bool:
        """Is the content hash that was signed the one of salt and data? True where they are erased."""
        if self.salt is None or self.data is None:
            return True
        return content_hash(self.salt, self.data) == self.write.content

    @classmethod
    def from_json(cls, document: object) -> Record:
        """Reads what a host sends, strictly. Whether anything in it is true is not looked at.

        Raises:
            MessageError: it is no record.
        """
        item = _object(document, _NAME, _FIELDS)
        erased = item["salt"] is None and item["data"] is None
        if erased:
            write = DataWrite.from_json(item["write"])
            account, signature = checksum_address(item["account"]), _hex(item, "signature", _BYTES)
            salt = data = None
        else:
            signed = SignedWrite.from_json({name: item[name] for name in _FIELDS[1:6]})
            write, account, signature = signed.write, signed.account, signed.signature
            salt, data = signed.salt, signed.data
        return cls(
            position=_number(item, "position"),
            write=write,
            account=account,
            signature=signature,
            salt=salt,
            data=data,
            proof=None if item["proof"] is None else _proof(item["proof"]),
        )


class RecordChecks:
    """Holds the records of one stream of a resource, in the order in which they come, to what is known of them.

    Args:
        host: the identity that was asked.
        domain: EIP-712 domain of ``DataRegistry``.
        batch_of: the chain's word.
        after: the position after which reading begins; None from the first record on.
    """

    def __init__(
        self,
        host: str,
        resource: bytes,
        stream: bytes,
        domain: Domain,
        batch_of: BatchOf,
        is_valid_signature: IsValidSignature | None,
        after: int | None = None,
    ) -> None:
        self._expected = {"host": host, "resource": resource, "stream": stream}
        self._domain = domain
        self._batch_of = batch_of
        self._is_valid_signature = is_valid_signature
        self._from_start = after is None
        self._next = 0 if after is None else after + 1
        self._numbers: dict[str, int] = {}

    def check(self, records: Iterable[Record]) -> list[Record]:
        """The records, each with the batch that it is in.

        Raises:
            RecordInvalidError: one is of another stream, is not what was signed, or is not in its batch.
            RecordMissingError: the host holds one back.
            ChainError: the chain did not answer.
        """
        return [self._checked(record) for record in records]

    def _checked(self, record: Record) -> Record:
        write = record.write
        for field, expected in self._expected.items():
            if getattr(write, field) != expected:
                raise RecordInvalidError(record.position, f"it is of another {field}")
        self._check_numbers(record)
        if not record.has_its_content():
            raise RecordInvalidError(record.position, "its content is not what was signed")
        try:
            verify_digest(
                record.account, write.digest(self._domain), record.signature, self._is_valid_signature
            )
        except SigningError as error:
            raise RecordInvalidError(record.position, f"{record.account} did not sign it") from error
        if record.proof is None:
            return record
        return replace(record, batch=self._proven(record, record.proof))

    def _check_numbers(self, record: Record) -> None:
        if record.position != self._next:
            raise RecordMissingError("position", self._next, record.position)
        writer, number = record.write.writer, record.write.number
        expected = self._numbers.get(writer, 0 if self._from_start else number)
        if number != expected:
            raise RecordMissingError(f"number of {writer}", expected, number)
        self._next += 1
        self._numbers[writer] = number + 1

    def _proven(self, record: Record, proof: Proof) -> AnchoredBatch:
        batch = self._batch_of(record.write.stream, proof.sequence)
        if batch is None:
            raise RecordInvalidError(record.position, f"the chain has no batch {proof.sequence}")
        if batch.leaves != proof.leaves:
            raise RecordInvalidError(
                record.position, f"batch {proof.sequence} has {batch.leaves} leaves, not {proof.leaves}"
            )
        if not verify(batch.root, record.write.struct_hash(), proof.path):
            raise RecordInvalidError(record.position, f"it is not in batch {proof.sequence}")
        return batch


def _proof(document: object) -> Proof:
    proof = _object(document, "Proof", _PROOF_FIELDS)
    leaves, path = proof["leaves"], proof["path"]
    if type(leaves) is not int or not 1 <= leaves <= MAX_LEAVES:
        raise FieldValueError("Proof", "leaves", leaves, f"1 to {MAX_LEAVES}")
    if not isinstance(path, list) or len(path) > _LONGEST_PATH:
        raise FieldValueError("Proof", "path", type(path).__name__, f"at most {_LONGEST_PATH} hashes")
    siblings = [_hex({"path": each}, "path", _WORD) for each in path]
    return Proof(_number(proof, "sequence"), leaves, tuple(siblings))


def _object(document: object, name: str, fields: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise FieldValueError(name, "*", type(document).__name__, "a JSON object")
    for key in document:
        if key not in fields:
            raise FieldUnknownError(name, str(key)[:64])
    for field in fields:
        if field not in document:
            raise FieldMissingError(name, field)
    return document


def _number(item: dict[str, Any], field: str) -> int:
    text = item[field]
    if not isinstance(text, str) or not _DECIMAL.match(text):
        raise FieldValueError(_NAME, field, type(text).__name__, "a decimal string")
    return int(text)


def _hex(item: dict[str, Any], field: str, form: re.Pattern[str]) -> bytes:
    text = item[field]
    if not isinstance(text, str) or not form.match(text):
        raise FieldValueError(_NAME, field, type(text).__name__, "lower case hexadecimal after 0x")
    return bytes.fromhex(text[2:])
