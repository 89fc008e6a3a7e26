"""Compiled contracts that come with the package: no compiler is needed to deploy, call or decode."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from evgi_client.chain.abi import Abi
from evgi_client.errors import ArtifactInvalidError, ArtifactMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PACKAGE = "evgi_client"
_FOLDER = "artifacts"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract.

    ``immutables`` are the spans (start, length) of the deployed code that the constructor fills in.
    ``compiler`` are the settings it was compiled with, ``source_hash`` names the sources.
    """

    name: str
    abi: Abi = field(repr=False)
    bytecode: bytes = field(repr=False)
    deployed_bytecode: bytes = field(repr=False)
    immutables: tuple[tuple[int, int], ...] = field(repr=False, default=())
    compiler: Mapping[str, Any] = field(repr=False, default_factory=dict)
    source_hash: str = ""

    @staticmethod
    def load(name: str, directory: Path | None = None) -> Artifact:
        """An artifact by contract name, from the package or from a directory of one's own.

        Raises:
            ArtifactMissingError: there is none of this name; it lists those there are.
            ArtifactInvalidError: the file is no artifact.
        """
        return _load(name, directory)

    @staticmethod
    def from_json(text: str) -> Artifact:
        """Reads what ``scripts/artifacts.py`` writes.

        Raises:
            ArtifactInvalidError: a key is missing or of the wrong kind.
        """
        try:
            document = json.loads(text)
            name = str(document["contractName"])
            references = document.get("immutableReferences") or {}
            spans = sorted(
                (int(at["start"]), int(at["length"])) for uses in references.values() for at in uses
            )
            return Artifact(
                name=name,
                abi=Abi(name, document["abi"]),
                bytecode=_bytes(document["bytecode"]),
                deployed_bytecode=_bytes(document["deployedBytecode"]),
                immutables=tuple(spans),
                compiler=document.get("compiler", {}),
                source_hash=str(document.get("sourceHash", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactInvalidError(f"not an artifact: {type(error).__name__}: {error}") from error

    def creation(self, args: Sequence[object]) -> bytes:
        """The data of the transaction that creates the contract.

        Raises:
            AbiError: the arguments do not fit its constructor.
        """
        return self.bytecode + self.abi.encode_constructor(args)

    def matches(self, code: bytes) -> bool:
        """Is this the contract's deployed code? Immutables, which its constructor fills in, are left out."""
        return len(code) == len(self.deployed_bytecode) and self._masked(code) == self._masked(
            self.deployed_bytecode
        )

    def _masked(self, code: bytes) -> bytes:
        masked = bytearray(code)
        for start, length in self.immutables:
            masked[start : start + length] = bytes(length)
        return bytes(masked)


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def available(directory: Path | None = None) -> list[str]:
    """Names of the artifacts in the package, or in a directory."""
    folder = directory or resources.files(_PACKAGE).joinpath(_FOLDER)
    if not folder.is_dir():
        return []
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".json"))


@cache
def _load(name: str, directory: Path | None) -> Artifact:
    if name not in available(directory):
        raise ArtifactMissingError(name, available(directory))
    folder = directory or resources.files(_PACKAGE).joinpath(_FOLDER)
    return Artifact.from_json(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))


@cache
def packaged() -> tuple[Artifact, ...]:
    """Every artifact of the package."""
    return tuple(_load(name, None) for name in available())
