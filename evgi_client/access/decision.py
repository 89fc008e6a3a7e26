"""Who may do what with a resource at a time: the rules of ``AccessRegistry.check``, in the same order, on facts alone.

``weigh`` takes one step a rule until one settles the answer, and keeps what each of them found.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from evgi_client.access.world import NOBODY, Entry, Epoch, Resource, World
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE = bytes(32)
"""No certificate."""

Details = dict[str, "str | int | bytes"]
"""Addresses as text; hashes as bytes; rights, uses and times (Unix seconds) as numbers."""


class Rule(str, Enum):
    """What a step looks at."""

    RESOURCE = "resource"
    OWNER = "owner"
    BLOCK_LIST = "block list"
    EPOCH = "epoch"
    REVOCATION = "revocation"
    CERTIFICATE = "certificate"
    ALLOW_LIST = "allow list"
    GROUP = "group"
    DEFAULT = "default"


class Finding(str, Enum):
    """What a step found."""

    UNKNOWN = "unknown"
    FOUND = "found"
    """It is there; for a certificate: it is good, and what follows is the one that it is delegated from."""
    NONE = "none"
    NOT_BEGUN = "not begun"
    EXPIRED = "expired"
    HANDED_OVER = "handed over"
    """Granted before the resource changed hands."""
    GRANTER_HANDED_OVER = "granter handed over"
    """Granted before the granter, or the group, changed hands."""
    GRANTER_BLOCKED = "granter blocked"
    REVOKED = "revoked"
    REPLACED = "replaced"
    """Delegated from a certificate that is not its granter's any more."""
    USED_UP = "used up"
    RIGHT_MISSING = "right missing"
    NOT_MEMBER = "not a member"


@dataclass(frozen=True, slots=True)
class Step:
    """One rule, and what it found."""

    rule: Rule
    finding: Finding
    details: Mapping[str, str | int | bytes]
    """See ``Details``."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer of ``AccessRegistry.check``."""

    reason: Reason
    certificate: bytes = NONE
    """Struct hash of the certificate that decided; zero where none did."""

    @property
    def allowed(self) -> bool:
        return self.reason.allows


def decide(world: World, resource: bytes, accessor: str, right: int, time: int) -> Decision:
    """May the accessor do this with the resource at this time?

    Args:
        accessor: an identity, checksummed.
        right: one ``Right``, or several that one certificate or entry must hold together.
        time: Unix seconds.
    """
    return weigh(world, resource, accessor, right, time)[0]


def weigh(world: World, resource: bytes, accessor: str, right: int, time: int) -> tuple[Decision, list[Step]]:
    """``decide``, with every step to the answer."""
    found = world.resources.get(resource)
    if found is None or time < found.known_since:
        return Decision(Reason.UNKNOWN_RESOURCE), [Step(Rule.RESOURCE, Finding.UNKNOWN, {})]
    weighing = _Weighing(world, found, accessor, right, time)
    return weighing.decision(), weighing.steps


class _Weighing:
    def __init__(self, world: World, resource: Resource, accessor: str, right: int, time: int) -> None:
        self._world = world
        self._resource = resource
        self._accessor = accessor
        self._right = right
        self._time = time
        self.steps: list[Step] = []
        self._note(Rule.RESOURCE, Finding.FOUND, owner=resource.owner, since=resource.known_since)

    def decision(self) -> Decision:
        world, resource, accessor, time = self._world, self._resource, self._accessor, self._time
        if accessor == resource.owner:
            self._note(Rule.OWNER, Finding.FOUND)
            return Decision(Reason.OWNER)
        self._note(Rule.OWNER, Finding.NONE, owner=resource.owner)

        since = world.blocked_since(resource, accessor, time)
        if since is not None:
            self._note(Rule.BLOCK_LIST, Finding.FOUND, since=since)
            return Decision(Reason.BLOCKED)
        self._note(Rule.BLOCK_LIST, Finding.NONE)

        epoch = world.epoch(resource.owner, time)
        if epoch.since:
            told: Details = {"owner": resource.owner, "cause": epoch.cause, "entity": epoch.entity}
            self._note(Rule.EPOCH, Finding.FOUND, since=epoch.since, **told)

        own, settled = self._own_certificate(epoch)
        if settled:
            return own
        if self._is_allow_listed(epoch):
            return Decision(Reason.ALLOW_LIST)
        for place in sorted(resource.places):
            granted = self._group_certificate(place, epoch)
            if granted.reason is Reason.GROUP:
                return granted
            if granted.reason is Reason.USED_UP and own.reason is Reason.DENIED:
                own = granted
        return self._default(epoch) or own

    def _own_certificate(self, epoch: Epoch) -> tuple[Decision, bool]:
        """What the accessor's certificate says, and whether that settles it."""
        log = self._resource.grants.get(self._accessor)
        entry = log.at(self._time) if log else None
        if entry is None:
            ahead = log.entries[0] if log and log.entries else None
            if ahead is None:
                self._note(Rule.CERTIFICATE, Finding.NONE)
            else:
                self._note(Rule.CERTIFICATE, Finding.NOT_BEGUN, **_told(ahead))
            return Decision(Reason.DENIED), False
        if entry.brought_at <= epoch.since:
            self._note(Rule.CERTIFICATE, Finding.HANDED_OVER, **_told(entry), ended_at=epoch.since)
            return Decision(Reason.DENIED), False
        if self._is_revoked(Rule.REVOCATION, self._resource.owner, entry.hash, _told(entry)):
            return Decision(Reason.REVOKED, entry.hash), True
        self._note(Rule.REVOCATION, Finding.NONE, **_told(entry), issuer=self._resource.owner)
        reason = self._chain(entry)
        if reason is Reason.DENIED:
            return Decision(reason), False
        return Decision(reason, entry.hash), reason is Reason.CERTIFICATE

    def _chain(self, entry: Entry[AccessCertificate]) -> Reason:
        """From a certificate to the owner's that it is delegated from; the first that fails says how it stands."""
        world, resource, time, owner = self._world, self._resource, self._time, self._resource.owner
        while True:
            certificate, told = entry.certificate, _told(entry)
            granter = certificate.granter
            if not self._suffices(entry, told):
                return Reason.DENIED
            used_up = world.used_up_from(entry.hash, time)
            if used_up is not None:
                told["uses"], told["ended_at"] = certificate.max_uses, used_up
                self._note(Rule.CERTIFICATE, Finding.USED_UP, **told)
                return Reason.USED_UP
            if granter == owner:
                self._note(Rule.CERTIFICATE, Finding.FOUND, **told)
                return Reason.CERTIFICATE
            blocked = world.blocked_since(resource, granter, time)
            if blocked is not None:
                self._note(Rule.CERTIFICATE, Finding.GRANTER_BLOCKED, **told, ended_at=blocked)
                return Reason.DENIED
            if self._is_revoked(Rule.CERTIFICATE, granter, entry.hash, told):
                return Reason.REVOKED
            owned_since = world.owned_since(granter, time)
            if entry.brought_at <= owned_since:
                self._note(Rule.CERTIFICATE, Finding.GRANTER_HANDED_OVER, **told, ended_at=owned_since)
                return Reason.DENIED
            log = resource.grants.get(granter)
            parent = log.at(time) if log else None
            told["parent"] = certificate.parent
            if parent is None or parent.hash != certificate.parent:
                self._note(Rule.CERTIFICATE, Finding.REPLACED, **told)
                return Reason.DENIED
            self._note(Rule.CERTIFICATE, Finding.FOUND, **told)
            if self._is_revoked(Rule.CERTIFICATE, owner, parent.hash, _told(parent)):
                return Reason.REVOKED
            entry = parent

    def _is_revoked(self, rule: Rule, issuer: str, certificate: bytes, told: Details) -> bool:
        revoked_from = self._world.revoked_from(issuer, certificate, self._time)
        if revoked_from is None:
            return False
        self._note(rule, Finding.REVOKED, **told, issuer=issuer, revoked_from=revoked_from)
        return True

    def _suffices(
        self, entry: Entry[AccessCertificate], told: Details, rule: Rule = Rule.CERTIFICATE
    ) -> bool:
        """Is a certificate in time, and for this right?"""
        expired = self._time >= entry.certificate.valid_until
        if not expired and _holds(entry.certificate.rights, self._right):
            return True
        self._note(rule, Finding.EXPIRED if expired else Finding.RIGHT_MISSING, **told)
        return False

    def _is_allow_listed(self, epoch: Epoch) -> bool:
        entry = self._world.allowed(self._resource, self._accessor, self._time)
        if entry is None:
            self._note(Rule.ALLOW_LIST, Finding.NONE)
            return False
        since, rights = entry
        if since <= epoch.since:
            self._note(Rule.ALLOW_LIST, Finding.HANDED_OVER, since=since, rights=rights, ended_at=epoch.since)
            return False
        holds = _holds(rights, self._right)
        finding = Finding.FOUND if holds else Finding.RIGHT_MISSING
        self._note(Rule.ALLOW_LIST, finding, since=since, rights=rights)
        return holds

    def _group_certificate(self, place: int, epoch: Epoch) -> Decision:
        """GROUP, USED_UP or DENIED."""
        denied, time = Decision(Reason.DENIED), self._time
        entry = self._resource.places[place].at(time)
        if entry is None:
            return denied
        told, group = _told(entry), self._world.groups[entry.certificate.group]
        told["group"], told["group_owner"] = entry.certificate.group, group.owner
        member_since = self._world.member_since(group, self._accessor, time)
        if member_since is None:
            self._note(Rule.GROUP, Finding.NOT_MEMBER, **told)
            return denied
        told["member_since"] = member_since
        if entry.brought_at <= epoch.since:
            self._note(Rule.GROUP, Finding.HANDED_OVER, **told, ended_at=epoch.since)
            return denied
        if not self._suffices(entry, told, Rule.GROUP):
            return denied
        owned_since = self._world.owned_since(group.owner, time)
        if entry.brought_at <= owned_since or member_since <= owned_since:
            self._note(Rule.GROUP, Finding.GRANTER_HANDED_OVER, **told, ended_at=owned_since)
            return denied
        if self._is_revoked(Rule.GROUP, self._resource.owner, entry.hash, told):
            return denied
        used_up = self._world.used_up_from(entry.hash, time)
        if used_up is not None:
            told["uses"], told["ended_at"] = entry.certificate.max_uses, used_up
            self._note(Rule.GROUP, Finding.USED_UP, **told)
            return Decision(Reason.USED_UP, entry.hash)
        self._note(Rule.GROUP, Finding.FOUND, **told)
        return Decision(Reason.GROUP, entry.hash)

    def _default(self, epoch: Epoch) -> Decision | None:
        entry = self._resource.hosts.at(self._time)
        if entry is None:
            self._note(Rule.DEFAULT, Finding.NONE)
            return None
        told = _told_host(entry)
        if entry.brought_at <= epoch.since:
            self._note(Rule.DEFAULT, Finding.HANDED_OVER, **told, ended_at=epoch.since)
            return None
        if self._time >= entry.certificate.valid_until:
            self._note(Rule.DEFAULT, Finding.EXPIRED, **told)
            return None
        if self._is_revoked(Rule.DEFAULT, self._resource.owner, entry.hash, told):
            return None
        if not _holds(entry.certificate.default_rights, self._right):
            self._note(Rule.DEFAULT, Finding.RIGHT_MISSING, **told)
            return None
        self._note(Rule.DEFAULT, Finding.FOUND, **told)
        return Decision(Reason.DEFAULT, entry.hash)

    def _note(self, rule: Rule, finding: Finding, **details: str | int | bytes) -> None:
        self.steps.append(Step(rule, finding, details))


def _holds(rights: int, right: int) -> bool:
    return right != 0 and rights & right == right


def _told(entry: Entry[AccessCertificate]) -> Details:
    certificate = entry.certificate
    told: Details = {
        "certificate": entry.hash,
        "granter": certificate.granter,
        "rights": certificate.rights,
        "brought_at": entry.brought_at,
        "start": entry.start,
        "valid_until": certificate.valid_until,
    }
    if certificate.grantee != NOBODY:
        told["grantee"] = certificate.grantee
    return told


def _told_host(entry: Entry[DataHostBootstrapping]) -> Details:
    certificate = entry.certificate
    return {
        "certificate": entry.hash,
        "host": certificate.host,
        "rights": certificate.default_rights,
        "brought_at": entry.brought_at,
        "start": entry.start,
        "valid_until": certificate.valid_until,
    }
