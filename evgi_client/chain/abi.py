"""Contract ABIs: calls, results, events and custom errors, encoded and decoded by name.

Structs go in as tuples, mappings or dataclasses (``max_energy`` is ``maxEnergy``), and come out as named
tuples.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from eth_abi import abi as codec
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from evgi_client.errors import AbiError

Parameter = Mapping[str, Any]


def type_of(parameter: Parameter) -> str:
    """The canonical type of a parameter: ``(address,uint64)[]`` for an array of structs."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(type_of(part) for part in parameter["components"]) + ")" + kind[5:]


def types_of(parameters: Sequence[Parameter]) -> list[str]:
    return [type_of(parameter) for parameter in parameters]


def signature_of(entry: Mapping[str, Any]) -> str:
    """``settlePair(address,address)``"""
    return f"{entry['name']}({','.join(types_of(entry['inputs']))})"


@cache
def _struct(name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(name, fields, rename=True)


def _struct_of(name: str, parameters: Sequence[Parameter]) -> Any:
    plain = "".join(character for character in name if character.isalnum()) or "Result"
    return _struct(plain, tuple(str(parameter["name"]) for parameter in parameters))


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _fields(value: object, parameter: Parameter) -> Sequence[object]:
    parts = parameter["components"]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        given = {_folded(str(key)): item for key, item in value.items()}
        names = [_folded(str(part["name"])) for part in parts]
        if set(given) != set(names):
            raise AbiError(
                f"{parameter['name'] or 'struct'}: fields {sorted(given)}, expected {sorted(names)}"
            )
        return [given[name] for name in names]
    if isinstance(value, (list, tuple)) and len(value) == len(parts):
        return value
    raise AbiError(f"{parameter['name'] or 'struct'}: {len(parts)} fields expected, got {value!r}")


def _lower(value: Any, parameter: Parameter) -> Any:
    """A Python value in the shape eth_abi takes."""
    kind = str(parameter["type"])
    if kind.endswith("]"):
        if not isinstance(value, (list, tuple)):
            raise AbiError(f"{parameter['name'] or 'array'}: a list expected, got {value!r}")
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_lower(item, element) for item in value]
    if kind == "tuple":
        values = _fields(value, parameter)
        return tuple(_lower(item, part) for item, part in zip(values, parameter["components"], strict=True))
    if kind == "address" and isinstance(value, str):
        return value.lower()
    return value


def _raise(value: Any, parameter: Parameter) -> Any:
    """A decoded value as the caller sees it: checksummed addresses, named tuples."""
    kind = str(parameter["type"])
    if kind.endswith("]"):
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_raise(item, element) for item in value]
    if kind == "tuple":
        parts = parameter["components"]
        name = str(parameter.get("internalType", "")).split(".")[-1].split(" ")[-1]
        return _struct_of(name, parts)(*(_raise(item, part) for item, part in zip(value, parts, strict=True)))
    if kind == "address":
        return to_checksum_address(value)
    return value


def encode(parameters: Sequence[Parameter], values: Sequence[object], what: str) -> bytes:
    """ABI-encodes values.

    Raises:
        AbiError: a wrong number of values, or one that does not fit its type.
    """
    if len(parameters) != len(values):
        raise AbiError(f"{what} takes {len(parameters)} arguments, got {len(values)}")
    lowered = [_lower(value, parameter) for value, parameter in zip(values, parameters, strict=True)]
    try:
        return codec.encode(types_of(parameters), lowered)
    except (EncodingError, ValueError, TypeError, OverflowError) as error:
        raise AbiError(f"{what}: {error}") from error


def decode(parameters: Sequence[Parameter], data: bytes, what: str) -> list[Any]:
    """Decodes ABI-encoded values.

    Raises:
        AbiError: the data is not of these types.
    """
    try:
        values = codec.decode(types_of(parameters), data)
    except (DecodingError, ValueError, OverflowError) as error:
        raise AbiError(f"{what}: cannot decode {len(data)} bytes: {error}") from error
    return [_raise(value, parameter) for value, parameter in zip(values, parameters, strict=True)]


class Abi:
    """The ABI of one contract.

    Args:
        name: the contract's name, for messages.
        entries: the ABI's JSON.
    """

    def __init__(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self.entries = list(entries)
        self._functions: dict[str, list[Mapping[str, Any]]] = {}
        self._events: dict[str, list[Mapping[str, Any]]] = {}
        self.errors: dict[bytes, Mapping[str, Any]] = {}
        self.constructor: Mapping[str, Any] = {"inputs": []}
        for entry in self.entries:
            kind = entry["type"]
            if kind == "function":
                self._functions.setdefault(entry["name"], []).append(entry)
                self._functions.setdefault(signature_of(entry), []).append(entry)
            elif kind == "event":
                self._events.setdefault(entry["name"], []).append(entry)
                self._events.setdefault(signature_of(entry), []).append(entry)
            elif kind == "error":
                self.errors[selector_of(entry)] = entry
            elif kind == "constructor":
                self.constructor = entry

    def __repr__(self) -> str:
        return f"<Abi {self.name}>"

    def function(self, name: str, count: int | None = None) -> Mapping[str, Any]:
        """The function of a name, or of a full signature where the name is overloaded.

        Raises:
            AbiError: no such function, or several with this number of arguments.
        """
        found = self._functions.get(name, [])
        if len(found) > 1 and count is not None:
            found = [entry for entry in found if len(entry["inputs"]) == count] or found
        if len(found) == 1:
            return found[0]
        if not found:
            raise AbiError(f"{self.name} has no function {name}")
        raise AbiError(
            f"{self.name}.{name} is overloaded, name one of {[signature_of(entry) for entry in found]}"
        )

    def event(self, name: str) -> Mapping[str, Any]:
        """The event of a name or full signature.

        Raises:
            AbiError: no such event, or an overloaded one.
        """
        found = self._events.get(name, [])
        if len(found) != 1:
            raise AbiError(f"{self.name} has {'no' if not found else 'more than one'} event {name}")
        return found[0]

    @property
    def events(self) -> list[Mapping[str, Any]]:
        return [entry for entry in self.entries if entry["type"] == "event"]

    def selector(self, name: str) -> bytes:
        """The selector of a function."""
        return selector_of(self.function(name))

    def encode_call(self, name: str, args: Sequence[object]) -> bytes:
        """Selector and arguments of a call."""
        entry = self.function(name, len(args))
        return selector_of(entry) + encode(entry["inputs"], args, f"{self.name}.{name}")

    def decode_result(self, name: str, count: int, data: bytes) -> Any:
        """What a function returned: None, the value, or a named tuple of several."""
        entry = self.function(name, count)
        outputs = entry["outputs"]
        values = decode(outputs, data, f"{self.name}.{name}")
        if not values:
            return None
        return values[0] if len(values) == 1 else _struct_of(name, outputs)(*values)

    def encode_constructor(self, args: Sequence[object]) -> bytes:
        return encode(self.constructor["inputs"], args, f"constructor of {self.name}")


def selector_of(entry: Mapping[str, Any]) -> bytes:
    """The first four bytes of the hash of a function's or an error's signature."""
    return bytes(function_signature_to_4byte_selector(signature_of(entry)))


def topic_of(entry: Mapping[str, Any]) -> bytes:
    """The first topic of an event."""
    return bytes(keccak(text=signature_of(entry)))


_HASHED = ("string", "bytes", "tuple")


def _is_hashed(parameter: Parameter) -> bool:
    kind = str(parameter["type"])
    return kind in _HASHED or kind.endswith("]")


def decode_log(entry: Mapping[str, Any], topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
    """The arguments of a logged event, by name. An indexed string, bytes, array or struct is its hash.

    Raises:
        AbiError: the log is not of this event.
    """
    what = f"event {entry['name']}"
    indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
    if len(topics) != len(indexed) + 1 or topics[0] != topic_of(entry):
        raise AbiError(f"{what}: the log's topics are another event's")
    plain = [parameter for parameter in entry["inputs"] if not parameter["indexed"]]
    values = {}
    for parameter, topic in zip(indexed, topics[1:], strict=True):
        hashed = _is_hashed(parameter)
        values[parameter["name"]] = topic if hashed else decode([parameter], topic, what)[0]
    for parameter, value in zip(plain, decode(plain, data, what), strict=True):
        values[parameter["name"]] = value
    return {parameter["name"]: values[parameter["name"]] for parameter in entry["inputs"]}


def filter_topics(
    entry: Mapping[str, Any], filters: Mapping[str, object]
) -> list[bytes | list[bytes] | None]:
    """The topics that select an event by its indexed arguments; a list of values matches any of them.

    Raises:
        AbiError: a filter on an argument that is not indexed, or is only logged as a hash.
    """
    what = f"event {entry['name']}"
    indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
    unknown = set(filters) - {parameter["name"] for parameter in indexed if not _is_hashed(parameter)}
    if unknown:
        raise AbiError(f"{what} cannot be filtered by {sorted(unknown)}")
    topics: list[bytes | list[bytes] | None] = [topic_of(entry)]
    for parameter in indexed:
        wanted = filters.get(parameter["name"])
        if wanted is None:
            topics.append(None)
        elif isinstance(wanted, (list, tuple)):
            topics.append([encode([parameter], [value], what) for value in wanted])
        else:
            topics.append(encode([parameter], [wanted], what))
    while topics[-1] is None:
        topics.pop()
    return topics
