"""The manifest: the file that says what was deployed where, by whom, from which sources, and under which plan."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evgi_client.chain import PreparedTransaction
from evgi_client.deployment.plan import DEPLOYER, AddressOf, Argument, DeploymentPlan
from evgi_client.documents import parse_json
from evgi_client.errors import (
    DeploymentChainError,
    DeploymentIncompleteError,
    InvalidAddressError,
    ManifestError,
    ManifestMissingError,
    PlanError,
)
from evgi_client.messages import Domain, checksum_address, keccak256

if TYPE_CHECKING:
    from evgi_client.chain import Chain, ContractHandle

SCHEMA = 1

SIGNED_TO = (
    "SessionSettlement",
    "PeeringRegistry",
    "ClearingToken",
    "DIDRegistry",
    "RevocationRegistry",
    "CertificateRegistry",
    "AccessRegistry",
    "DataRegistry",
)
"""Contracts with an EIP-712 domain. Its name is the contract's, its version 1."""


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """Where a contract stands and what it was made from. ``args`` are its constructor's, references resolved."""

    address: str
    transaction: str
    block: int
    source_hash: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """A transaction that was signed and may have been sent. Kept until it is known to have landed."""

    step: str
    prepared: PreparedTransaction


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed suite."""

    chain_id: int
    genesis_hash: str
    deployer: str
    plan: DeploymentPlan
    contracts: Mapping[str, DeployedContract] = field(default_factory=dict)
    compiler: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = False
    pending: Pending | None = None

    @property
    def first_block(self) -> int:
        """The block of the first contract: events of the suite begin here."""
        return min(contract.block for contract in self.contracts.values())

    def address(self, contract: str) -> str:
        """Where a contract stands.

        Raises:
            DeploymentIncompleteError: it is not deployed.
        """
        if contract not in self.contracts:
            raise DeploymentIncompleteError(f"{contract} is not deployed")
        return self.contracts[contract].address

    def resolved(self, argument: Argument) -> str | int | bool:
        """A constructor argument of the plan, addresses filled in.

        Raises:
            DeploymentIncompleteError: it is the address of a contract that is not deployed.
        """
        if not isinstance(argument, AddressOf):
            return argument
        return self.deployer if argument.name == DEPLOYER else self.address(argument.name)

    def domain(self, contract: str) -> Domain:
        """The EIP-712 domain of SessionSettlement, PeeringRegistry or ClearingToken.

        Raises:
            ManifestError: nothing is signed to this contract.
        """
        if contract not in SIGNED_TO:
            raise ManifestError("domain", f"{contract} has none; {', '.join(SIGNED_TO)} have")
        return Domain(contract, "1", self.chain_id, self.address(contract))

    def contract_on(self, chain: Chain, contract: str) -> ContractHandle:
        """A contract to call.

        Raises:
            DeploymentChainError: the chain is another one.
        """
        self.require_chain(chain)
        return chain.contract(contract, self.address(contract))

    def contracts_on(self, chain: Chain) -> dict[str, ContractHandle]:
        """All contracts, by name, to call.

        Raises:
            DeploymentChainError: the chain is another one.
        """
        return {name: self.contract_on(chain, name) for name in self.contracts}

    def require_chain(self, chain: Chain) -> None:
        """Checks that a chain is the one deployed on: by chain id, and by genesis block.

        Raises:
            DeploymentChainError: it is not.
        """
        if chain.chain_id != self.chain_id:
            raise DeploymentChainError("chain id", self.chain_id, chain.chain_id)
        if chain.genesis_hash != self.genesis_hash:
            raise DeploymentChainError("genesis block", self.genesis_hash, chain.genesis_hash)

    def to_json(self) -> dict[str, Any]:
        """The manifest's document."""
        pending = self.pending
        return {
            "schema": SCHEMA,
            "chainId": self.chain_id,
            "genesisHash": self.genesis_hash,
            "deployer": self.deployer,
            "complete": self.complete,
            "contracts": {
                name: {
                    "address": contract.address,
                    "transaction": contract.transaction,
                    "block": contract.block,
                    "sourceHash": contract.source_hash,
                    "args": list(contract.args),
                }
                for name, contract in self.contracts.items()
            },
            "compiler": dict(self.compiler),
            "plan": self.plan.to_json(),
            "pending": None
            if pending is None
            else {
                "step": pending.step,
                "transaction": pending.prepared.hash,
                "nonce": pending.prepared.nonce,
                "sender": pending.prepared.sender,
                "raw": "0x" + pending.prepared.raw.hex(),
            },
        }

    @staticmethod
    def from_json(document: object) -> Deployment:
        """Reads a manifest's document, strictly.

        Raises:
            ManifestError: another schema, a key missing or unknown, a value that cannot be.
        """
        top = _object(
            document,
            "manifest",
            (
                "schema",
                "chainId",
                "genesisHash",
                "deployer",
                "complete",
                "contracts",
                "compiler",
                "plan",
                "pending",
            ),
        )
        if top["schema"] != SCHEMA:
            raise ManifestError("schema", f"{top['schema']!r}, this version reads {SCHEMA}")
        try:
            plan = DeploymentPlan.from_json(top["plan"])
        except PlanError as error:
            raise ManifestError("plan", str(error)) from error
        contracts = _typed(top["contracts"], "contracts", dict)
        unplanned = set(contracts) - {contract.name for contract in plan.contracts}
        if unplanned:
            raise ManifestError("contracts", f"{sorted(unplanned)} are not in the plan")
        return Deployment(
            chain_id=_typed(top["chainId"], "chainId", int),
            genesis_hash=_hex(top["genesisHash"], "genesisHash", 32),
            deployer=_address(top["deployer"], "deployer"),
            plan=plan,
            contracts={name: _contract(entry, name) for name, entry in contracts.items()},
            compiler=_typed(top["compiler"], "compiler", dict),
            complete=_typed(top["complete"], "complete", bool),
            pending=None if top["pending"] is None else _pending(top["pending"]),
        )

    def save(self, path: Path) -> None:
        """Writes the manifest so that, whatever happens, the file is either the old one or the new one."""
        text = json.dumps(self.to_json(), indent=2) + "\n"
        unfinished = path.with_name(path.name + ".tmp")
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)


def load_deployment(path: str | Path) -> Deployment:
    """Reads a manifest whose deployment is complete.

    Raises:
        ManifestMissingError: there is no such file.
        ManifestError: the file is no manifest.
        DeploymentIncompleteError: the deployment was not finished; apply it again.
    """
    deployment = read_manifest(Path(path))
    if not deployment.complete:
        raise DeploymentIncompleteError(f"{path}: the deployment was not finished; apply its plan again")
    return deployment


def read_manifest(path: Path) -> Deployment:
    """Reads a manifest, finished or not.

    Raises:
        ManifestMissingError: there is no such file.
        ManifestError: the file is no manifest.
    """
    try:
        document = parse_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ManifestMissingError(path) from error
    except (OSError, ValueError) as error:
        raise ManifestError(str(path), str(error)) from error
    return Deployment.from_json(document)


def _sync_folder(folder: Path) -> None:
    # The rename itself survives a power loss only once the folder is on disk. Windows cannot open a folder.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _contract(entry: object, name: str) -> DeployedContract:
    fields = _object(entry, name, ("address", "transaction", "block", "sourceHash", "args"))
    return DeployedContract(
        address=_address(fields["address"], f"{name}.address"),
        transaction=_hex(fields["transaction"], f"{name}.transaction", 32),
        block=_typed(fields["block"], f"{name}.block", int),
        source_hash=_typed(fields["sourceHash"], f"{name}.sourceHash", str),
        args=tuple(_typed(fields["args"], f"{name}.args", list)),
    )


def _pending(entry: object) -> Pending:
    fields = _object(entry, "pending", ("step", "transaction", "nonce", "sender", "raw"))
    raw = _typed(fields["raw"], "pending.raw", str)
    try:
        decoded = bytes.fromhex(raw.removeprefix("0x"))
    except ValueError as error:
        raise ManifestError("pending.raw", "not hexadecimal") from error
    if _hex(fields["transaction"], "pending.transaction", 32) != "0x" + keccak256(decoded).hex():
        raise ManifestError("pending.raw", "is not the transaction of this hash")
    prepared = PreparedTransaction(
        raw=decoded,
        hash=_hex(fields["transaction"], "pending.transaction", 32),
        nonce=_typed(fields["nonce"], "pending.nonce", int),
        sender=_address(fields["sender"], "pending.sender"),
    )
    return Pending(_typed(fields["step"], "pending.step", str), prepared)


def _object(value: object, what: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(keys):
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise ManifestError(what, f"keys {found}, expected {sorted(keys)}")
    return value


def _typed(value: Any, what: str, kind: type) -> Any:
    # In Python True is an int.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ManifestError(what, f"{value!r} is no {kind.__name__}")
    return value


def _hex(value: Any, what: str, length: int) -> str:
    text = _typed(value, what, str)
    try:
        decoded = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        decoded = b""
    if len(decoded) != length or not text.startswith("0x"):
        raise ManifestError(what, f"{text!r} is not {length} bytes of hexadecimal")
    return str(text)


def _address(value: Any, what: str) -> str:
    try:
        return checksum_address(value)
    except InvalidAddressError as error:
        raise ManifestError(what, str(error)) from error
