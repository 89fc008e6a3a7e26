"""Reverts of every kind of node, turned into one exception: ``ContractError``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from eth_abi import abi as codec

from evgi_client.chain import abi as abi_module
from evgi_client.chain.artifacts import packaged
from evgi_client.errors import AbiError, ContractError

if TYPE_CHECKING:
    from evgi_client.chain.abi import Abi

UNKNOWN = "unknown"
"""Name of an error whose selector no known ABI has."""

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_PANICS = {
    0x00: "generic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "not a member of the enum",
    0x22: "storage byte array badly encoded",
    0x31: "pop of an empty array",
    0x32: "array index out of bounds",
    0x41: "out of memory",
    0x51: "call of an uninitialised function",
}
_HEX = re.compile(r"0x[0-9a-fA-F]{8,}")
_REVERT_WORDS = (
    "revert",
    "vm exception",
    "vm execution error",
    "out of gas",
    "invalid opcode",
    "bad instruction",
)


@dataclass(frozen=True, slots=True)
class Revert:
    """What a node said of a call that failed: the returned data, where it gave any, and its own words."""

    data: bytes
    message: str = ""


class CallFailed(Exception):  # noqa: N818 - never leaves this package
    """A call or a transaction that reverted, before it is known whose it was: ``contract_error`` names it."""

    def __init__(self, revert: Revert) -> None:
        super().__init__(revert.message)
        self.revert = revert


def revert_in(error: BaseException) -> Revert | None:
    """The revert that an exception of web3 or of eth-tester carries; None where it is some other failure."""
    kind = type(error).__name__
    message = str(error)
    if kind in ("ContractLogicError", "ContractCustomError", "ContractPanicError", "OffchainLookup"):
        return Revert(_data_in(getattr(error, "data", None), message), message)
    if kind == "TransactionFailed":
        return _of_eth_tester(message)
    response = getattr(error, "rpc_response", None)
    if isinstance(response, Mapping) and isinstance(response.get("error"), Mapping):
        return revert_in_response(response["error"])
    return None


def revert_in_response(error: Mapping[str, Any]) -> Revert | None:
    """The revert in a JSON-RPC error object."""
    message = str(error.get("message", ""))
    data = error.get("data")
    if error.get("code") == 3 or any(word in message.lower() for word in _REVERT_WORDS):
        return Revert(_data_in(data, message), message)
    return None


def _data_in(data: object, message: str) -> bytes:
    for text in _texts(data):
        found = _HEX.search(text)
        if found and len(found.group()) % 2 == 0:
            return bytes.fromhex(found.group()[2:])
    found = _HEX.fullmatch(message)
    return bytes.fromhex(found.group()[2:]) if found and len(message) % 2 == 0 else b""


def _texts(data: object) -> Iterator[str]:
    """The strings in an error's data: the returned bytes, or an object with them under some key."""
    if isinstance(data, bytes):
        yield "0x" + data.hex()
    elif isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)


def _of_eth_tester(message: str) -> Revert:
    text = message.removeprefix("execution reverted: ")
    if text.startswith(("b'", 'b"')):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return Revert(b"", message)
        return Revert(value if isinstance(value, bytes) else b"", "execution reverted")
    # eth-tester has already decoded Error(string) and kept only its text.
    return Revert(_ERROR_STRING + codec.encode(["string"], [text]), message)


@cache
def _packaged_errors() -> dict[bytes, Mapping[str, Any]]:
    return {selector: entry for artifact in packaged() for selector, entry in artifact.abi.errors.items()}


def contract_error(revert: Revert, contract: str, abi: Abi | None = None) -> ContractError:
    """The named error of a revert.

    Args:
        contract: the contract that was called, by name where it has one, else by address.
        abi: its ABI, looked at before those of the package.
    """
    selector, body = revert.data[:4], revert.data[4:]
    if selector == _ERROR_STRING:
        return _decoded(
            {"name": "Error", "inputs": [{"name": "message", "type": "string"}]}, body, revert, contract
        )
    if selector == _PANIC and len(body) == 32:
        code = int.from_bytes(body, "big")
        args: dict[str, object] = {"code": code, "meaning": _PANICS.get(code, UNKNOWN)}
        return ContractError(contract, "Panic", args, revert.data)
    entry = (abi.errors.get(selector) if abi else None) or _packaged_errors().get(selector)
    if entry is None:
        return ContractError(contract, UNKNOWN, {}, revert.data, revert.message)
    return _decoded(entry, body, revert, contract)


def _decoded(entry: Mapping[str, Any], body: bytes, revert: Revert, contract: str) -> ContractError:
    try:
        values = abi_module.decode(entry["inputs"], body, entry["name"])
    except AbiError:
        return ContractError(contract, UNKNOWN, {}, revert.data, revert.message)
    names = [parameter["name"] or str(index) for index, parameter in enumerate(entry["inputs"])]
    return ContractError(contract, entry["name"], dict(zip(names, values, strict=True)), revert.data)
