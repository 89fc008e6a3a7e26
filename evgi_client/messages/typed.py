"""EIP-712 hashing of dataclasses. A class is bound to its type string once, at import; after that a struct
hash is one ``struct.pack`` and one Keccak, and is kept: terms shared by many sessions are hashed once."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from evgi_client.errors import FieldMissingError, FieldUnknownError, FieldValueError
from evgi_client.messages.hashing import keccak256
from evgi_client.messages.kinds import Kind, kind_of

if TYPE_CHECKING:
    from evgi_client.messages.domain import Domain

_TYPE_STRING = re.compile(r"(?P<name>[A-Za-z0-9]+)\((?P<members>[A-Za-z0-9 ,]+)\)")

Struct = TypeVar("Struct", bound="TypedStruct")


@dataclass(frozen=True, slots=True)
class Member:
    """A field: its name and type in Solidity, its attribute in Python."""

    name: str
    solidity_type: str
    attribute: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Schema:
    """What a class needs to hash itself."""

    type_string: str
    type_hash: bytes
    members: tuple[Member, ...]
    nested: tuple[type[TypedStruct], ...]
    words: struct.Struct
    """The type hash and one word a member."""
    values: Callable[[Any], tuple[Any, ...]]
    """The values of an instance, in order."""
    readers: tuple[tuple[str, Callable[[Any], Any], Member], ...]
    """The attribute of each member and what checks it."""
    converted: tuple[tuple[int, Callable[[Any], Any]], ...]
    """Where the value itself is not what is packed: its position, and what makes the word of it."""


def typed(type_string: str, *nested: type[TypedStruct]) -> Callable[[type[Struct]], type[Struct]]:
    """Binds a dataclass to ``Name(type name,...)``, whose members are its fields in order.

    Args:
        type_string: the type by itself; those it refers to are appended, as EIP-712 encodes it.
        nested: the classes of the types it refers to.
    """
    match = _TYPE_STRING.fullmatch(type_string)
    if match is None:
        raise TypeError(f"{type_string!r} is no type string")
    declared = [member.split(" ") for member in match["members"].split(",")]
    kinds = {part.TYPE: _nested_kind(part) for part in nested}

    def bind(cls: type[Struct]) -> type[Struct]:
        attributes = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        if [attribute.replace("_", "") for attribute in attributes] != [name.lower() for _, name in declared]:
            raise TypeError(f"the fields of {cls.__name__} are not those of {type_string}")
        members = tuple(
            Member(name, solidity_type, attribute, kinds.get(solidity_type) or kind_of(solidity_type))
            for (solidity_type, name), attribute in zip(declared, attributes, strict=True)
        )
        encoded_type = type_string + "".join(sorted(part.type_string() for part in nested))
        cls.TYPE = match["name"]
        cls._schema = Schema(
            encoded_type,
            keccak256(encoded_type.encode()),
            members,
            nested,
            struct.Struct(">32s" + "".join(member.kind.layout for member in members)),
            attrgetter(*attributes),
            tuple((member.attribute, member.kind.read, member) for member in members),
            tuple((n, member.kind.word) for n, member in enumerate(members) if member.kind.word is not None),
        )
        return cls

    return bind


class TypedStruct:
    """A struct of EIP-712. Values are checked when it is built, and addresses take their checksummed form.

    Raises:
        FieldValueError: a value does not fit its Solidity type.
    """

    __slots__ = ("_struct_hash",)

    TYPE: ClassVar[str]
    """Name of the type."""
    _schema: ClassVar[Schema]
    _struct_hash: bytes | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_struct_hash", None)
        for attribute, read, member in self._schema.readers:
            given = getattr(self, attribute)
            value = read(given)
            if value is None:
                raise FieldValueError(self.TYPE, member.name, given, member.kind.expected)
            if value is not given:
                object.__setattr__(self, attribute, value)

    @classmethod
    def type_string(cls) -> str:
        """The type as EIP-712 encodes it, with the types it refers to: what the type hash is the hash of."""
        return cls._schema.type_string

    def struct_hash(self) -> bytes:
        """``keccak256(typeHash || words)``, 32 bytes. Computed once."""
        hashed = self._struct_hash
        if hashed is None:
            hashed = keccak256(self._encode())
            object.__setattr__(self, "_struct_hash", hashed)
        return hashed

    def _encode(self) -> bytes:
        schema = self._schema
        words = list(schema.values(self))
        for position, word in schema.converted:
            words[position] = word(words[position])
        return schema.words.pack(schema.type_hash, *words)

    def __reduce__(self) -> tuple[Any, ...]:
        # By the constructor, so that what is unpickled was checked too.
        return type(self), self._schema.values(self)

    def to_json(self) -> dict[str, Any]:
        """A JSON object under the names of the Solidity fields: hashes as ``0x`` hexadecimal, integer types
        wider than 53 bits as decimal strings."""
        return {
            member.name: member.kind.write_json(getattr(self, member.attribute))
            for member in self._schema.members
        }

    @classmethod
    def from_json(cls: type[Struct], document: Mapping[str, Any]) -> Struct:
        """Reads ``to_json``'s object. An integer may be a JSON number or a decimal string.

        Raises:
            FieldUnknownError: a key that is no field.
            FieldMissingError: a field without a key.
            FieldValueError: a value that does not fit, or no object at all.
        """
        members = cls._schema.members
        if not _is_object(document):
            raise FieldValueError(cls.TYPE, "*", document, "a JSON object")
        names = {member.name for member in members}
        for key in document:
            if key not in names:
                raise FieldUnknownError(cls.TYPE, key)
        values = {}
        for member in members:
            if member.name not in document:
                raise FieldMissingError(cls.TYPE, member.name)
            value = member.kind.read_json(document[member.name])
            if value is None:
                raise FieldValueError(cls.TYPE, member.name, document[member.name], member.kind.expected)
            values[member.attribute] = value
        return cls(**values)

    @classmethod
    def typed_data_types(cls) -> dict[str, list[dict[str, str]]]:
        """The members of the type and of those it refers to, as ``eth_signTypedData_v4`` lists them."""
        listed = {cls.TYPE: [{"name": m.name, "type": m.solidity_type} for m in cls._schema.members]}
        for part in cls._schema.nested:
            listed.update(part.typed_data_types())
        return listed


class Message(TypedStruct):
    """A struct that somebody signs."""

    __slots__ = ()

    def digest(self, domain: Domain) -> bytes:
        """What is signed, 32 bytes: ``keccak256(0x1901 || domain separator || struct hash)``."""
        return keccak256(b"\x19\x01" + domain.separator() + self.struct_hash())

    def to_typed_data(self, domain: Domain) -> dict[str, Any]:
        """The argument of a wallet's ``eth_signTypedData_v4``, which shows the message field by field."""
        return {
            "types": {**domain.typed_data_types(), **self.typed_data_types()},
            "primaryType": self.TYPE,
            "domain": domain.to_json(),
            "message": self.to_json(),
        }


def _nested_kind(cls: type[TypedStruct]) -> Kind:
    return Kind(
        f"a {cls.TYPE}",
        read=lambda value: value if isinstance(value, cls) else None,
        read_json=lambda value: cls.from_json(value) if _is_object(value) else None,
        write_json=lambda value: value.to_json(),
        layout="32s",
        word=cls.struct_hash,
    )


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)
