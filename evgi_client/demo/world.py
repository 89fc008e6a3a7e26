"""Who takes part in the demo: utilities, operators, charge points and drivers, made up around real sessions. Pure.

Every key is derived from one seed, so that the same sessions and seed give the same addresses. They are the demo's
keys and nobody else's: on a chain that others use, the seed is random.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evgi_client.messages import connector_id, keccak256
from evgi_client.signing import LocalSigner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evgi_client.charging.sources import MeteredSession

UTILITY_NAMES = (
    "Northlight", "Eastwatt", "Southgrid", "Westvolt", "Midland Power", "Coastal Electric", "Highland Energy",
    "Lakeside Utility",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Utility:
    """A utility: bills its own drivers, sells for its own operators."""

    name: str
    signer: LocalSigner

    @property
    def address(self) -> str:
        return self.signer.address


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector of an operator, with the key of its meter."""

    id: bytes
    evse_id: str
    number: int
    operator: str
    rated_power_w: int
    meter: LocalSigner


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver and the utility that bills them."""

    signer: LocalSigner
    utility: Utility


@dataclass
class World:
    """All of them, by the names that the source of the sessions uses."""

    utilities: tuple[Utility, ...]
    governor: LocalSigner
    operators: dict[str, LocalSigner] = field(default_factory=dict)
    utility_of: dict[str, Utility] = field(default_factory=dict)
    connectors: dict[bytes, Connector] = field(default_factory=dict)
    drivers: dict[str, Driver] = field(default_factory=dict)

    def name_of(self, address: str) -> str:
        """A utility's name."""
        return next(utility.name for utility in self.utilities if utility.address == address)


def build(sessions: Iterable[MeteredSession], utilities: int, seed: bytes) -> World:
    """The world around some sessions.

    Operators go to utilities in turn, in the order of their names; drivers by a stable hash of theirs.
    """
    world = World(
        tuple(Utility(name, _signer(seed, "utility", name)) for name in UTILITY_NAMES[:utilities]),
        _signer(seed, "governor", ""),
    )
    sessions = list(sessions)
    for position, operator in enumerate(sorted({session.operator for session in sessions})):
        world.operators[operator] = _signer(seed, "operator", operator)
        world.utility_of[operator] = world.utilities[position % utilities]
    for session in sessions:
        connector = connector_id(session.evse_id, session.connector_number)
        if connector not in world.connectors:
            meter = _signer(seed, "meter", connector.hex())
            world.connectors[connector] = Connector(
                connector,
                session.evse_id,
                session.connector_number,
                session.operator,
                session.rated_power_w,
                meter,
            )
        if session.driver not in world.drivers:
            utility = world.utilities[_stable_hash(session.driver) % utilities]
            world.drivers[session.driver] = Driver(_signer(seed, "driver", session.driver), utility)
    return world


def _signer(seed: bytes, kind: str, name: str) -> LocalSigner:
    return LocalSigner.from_key(keccak256(keccak256(seed) + f"{kind}/{name}".encode()))


def _stable_hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
