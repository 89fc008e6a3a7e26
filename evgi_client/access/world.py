"""The state that access is decided on, made of facts alone: that of ``AccessRegistry``, and of what it asks others."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from evgi_client.access.facts import (
    Allowed,
    Blocked,
    Bootstrapped,
    Fact,
    Granted,
    GroupCreated,
    Member,
    OwnerChanged,
    ParentChanged,
    Used,
)
from evgi_client.errors import AccessFactError
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping, group_id

if TYPE_CHECKING:
    from collections.abc import Iterable

NOBODY = "0x" + "00" * 20

Value = TypeVar("Value")
Certificate = TypeVar("Certificate", AccessCertificate, DataHostBootstrapping)


class Dated(Generic[Value]):
    """A value from each second on."""

    __slots__ = ("since", "values")

    def __init__(self) -> None:
        self.since: list[int] = []
        self.values: list[Value] = []

    def put(self, since: int, value: Value) -> None:
        if self.since and self.since[-1] == since:
            self.values[-1] = value
            return
        self.since.append(since)
        self.values.append(value)

    def at(self, time: int) -> tuple[int, Value] | None:
        """The value at a time and the second since which it is so; None where nothing was said by then."""
        found = bisect_right(self.since, time)
        return (self.since[found - 1], self.values[found - 1]) if found else None


@dataclass(frozen=True, slots=True)
class Entry(Generic[Certificate]):
    """A certificate that was brought. It is in force from ``start`` until the next one's."""

    certificate: Certificate
    hash: bytes
    brought_at: int

    @property
    def start(self) -> int:
        return max(self.certificate.valid_from, self.brought_at)


class Log(Generic[Certificate]):
    """Certificates of which one is in force at a time. At most the last has not begun: another replaces it then."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry[Certificate]] = []

    def put(self, entry: Entry[Certificate]) -> None:
        if self.entries and self.entries[-1].start > entry.brought_at:
            self.entries.pop()
        self.entries.append(entry)

    def at(self, time: int) -> Entry[Certificate] | None:
        """The one in force at a time; None where none was."""
        found = bisect_right(self.entries, time, key=lambda entry: entry.start)
        return self.entries[found - 1] if found else None


@dataclass(slots=True)
class Resource:
    """A resource: whose it is, where its data are, who was granted what."""

    id: bytes
    owner: str
    known_since: int
    hosts: Log[DataHostBootstrapping] = field(default_factory=Log)
    grants: dict[str, Log[AccessCertificate]] = field(default_factory=dict)
    places: dict[int, Log[AccessCertificate]] = field(default_factory=dict)
    """Of groups, by place."""
    blocked: dict[str, Dated[bool]] = field(default_factory=dict)
    allowed: dict[str, Dated[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Group:
    """A group of an identity."""

    owner: str
    label: bytes
    members: dict[str, Dated[bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Epoch:
    """Since when a resource was in the hands that it was in: what was granted in that second or before is void."""

    since: int
    """0 where nothing ever changed."""
    cause: str
    """``owner``, ``parent`` (it became part of another entity, or ceased to be) or ``parent's owner``."""
    entity: str
    """Whose owner or parent it is about."""


class World:
    """Facts in the order of the chain, ready to be asked.

    Raises:
        AccessFactError: a fact that cannot follow those before it.
    """

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.resources: dict[bytes, Resource] = {}
        self.groups: dict[bytes, Group] = {}
        self.certificates: dict[bytes, AccessCertificate] = {}
        self.uses: dict[bytes, int] = {}
        self._used_up: dict[bytes, int] = {}
        self._owners: dict[str, Dated[str]] = {}
        self._parents: dict[str, Dated[str]] = {}
        self._revocations: dict[tuple[str, bytes], int] = {}
        for fact in facts:
            self._take(fact)

    def owned_since(self, identity: str, time: int) -> int:
        """When the epoch of ownership of a time began; 0 for the first."""
        found = self._owners[identity].at(time) if identity in self._owners else None
        return found[0] if found else 0

    def epoch(self, identity: str, time: int) -> Epoch:
        """The epoch of an identity's resources at a time."""
        epoch = Epoch(self.owned_since(identity, time), "owner", identity)
        found = self._parents[identity].at(time) if identity in self._parents else None
        if found is None:
            return epoch
        since, parent = found
        if since > epoch.since:
            epoch = Epoch(since, "parent", identity)
        if parent != NOBODY and (since := self.owned_since(parent, time)) > epoch.since:
            epoch = Epoch(since, "parent's owner", parent)
        return epoch

    def revoked_from(self, issuer: str, target: bytes, time: int) -> int | None:
        """From when an issuer has revoked a certificate, where it has as of a time."""
        effective_at = self._revocations.get((issuer, target))
        return effective_at if effective_at is not None and effective_at <= time else None

    def used_up_from(self, certificate: bytes, time: int) -> int | None:
        """When a certificate was used for the last time that it may be, where it was as of a time."""
        used_at = self._used_up.get(certificate)
        return used_at if used_at is not None and used_at <= time else None

    def blocked_since(self, resource: Resource, accessor: str, time: int) -> int | None:
        """Since when an accessor is on the block list, where it is at a time."""
        found = resource.blocked[accessor].at(time) if accessor in resource.blocked else None
        return found[0] if found and found[1] else None

    def allowed(self, resource: Resource, accessor: str, time: int) -> tuple[int, int] | None:
        """An accessor's entry of the allow list at a time, and its rights, whatever epoch it is of."""
        found = resource.allowed[accessor].at(time) if accessor in resource.allowed else None
        return found if found and found[1] else None

    def member_since(self, group: Group, member: str, time: int) -> int | None:
        """Since when one is listed as a member, where it is at a time, whatever epoch the entry is of."""
        found = group.members[member].at(time) if member in group.members else None
        return found[0] if found and found[1] else None

    def accessors(self, resource: bytes) -> list[str]:
        """Whom the facts about a resource name: who was granted, listed, or a member of a group that was granted."""
        found = self.resources.get(resource)
        if found is None:
            return []
        named = {*found.grants, *found.blocked, *found.allowed}
        for log in found.places.values():
            for entry in log.entries:
                named.update(self.groups[entry.certificate.group].members)
        return sorted(named, key=str.lower)

    def _take(self, fact: Fact) -> None:
        if isinstance(fact, Bootstrapped):
            self._bootstrap(fact)
        elif isinstance(fact, Granted):
            self._grant(fact)
        elif isinstance(fact, Used):
            self._use(fact)
        elif isinstance(fact, Blocked):
            _list(self._resource(fact).blocked, fact.accessor).put(fact.since, fact.listed)
        elif isinstance(fact, Allowed):
            _list(self._resource(fact).allowed, fact.accessor).put(fact.since, fact.rights)
        elif isinstance(fact, GroupCreated):
            self.groups.setdefault(group_id(fact.owner, fact.label), Group(fact.owner, fact.label))
        elif isinstance(fact, Member):
            if fact.group not in self.groups:
                raise AccessFactError(fact.TYPE, "group", fact.group)
            _list(self.groups[fact.group].members, fact.member).put(fact.since, fact.listed)
        elif isinstance(fact, OwnerChanged):
            _list(self._owners, fact.identity).put(fact.since, fact.owner)
        elif isinstance(fact, ParentChanged):
            _list(self._parents, fact.subject).put(fact.since, fact.parent)
        else:
            self._revocations[fact.issuer, fact.target] = fact.effective_at

    def _bootstrap(self, fact: Bootstrapped) -> None:
        bootstrapping = fact.bootstrapping
        resource = self.resources.setdefault(
            bootstrapping.resource,
            Resource(bootstrapping.resource, bootstrapping.owner, fact.brought_at),
        )
        resource.hosts.put(Entry(bootstrapping, bootstrapping.struct_hash(), fact.brought_at))

    def _grant(self, fact: Granted) -> None:
        certificate = fact.certificate
        resource = self.resources.get(certificate.resource)
        if resource is None:
            raise AccessFactError(fact.TYPE, "resource", certificate.resource)
        if any(certificate.group):
            if certificate.group not in self.groups:
                raise AccessFactError(fact.TYPE, "group", certificate.group)
            log = resource.places.setdefault(fact.place, Log())
        else:
            log = resource.grants.setdefault(certificate.grantee, Log())
        hashed = certificate.struct_hash()
        self.certificates[hashed] = certificate
        log.put(Entry(certificate, hashed, fact.brought_at))

    def _use(self, fact: Used) -> None:
        certificate = self.certificates.get(fact.certificate)
        if certificate is None:
            raise AccessFactError(fact.TYPE, "certificate", fact.certificate)
        self.uses[fact.certificate] = fact.uses
        if fact.uses == certificate.max_uses:
            self._used_up[fact.certificate] = fact.used_at

    def _resource(self, fact: Blocked | Allowed) -> Resource:
        resource = self.resources.get(fact.resource)
        if resource is None:
            raise AccessFactError(fact.TYPE, "resource", fact.resource)
        return resource


def _list(lists: dict[str, Dated[Value]], key: str) -> Dated[Value]:
    return lists.setdefault(key, Dated())
