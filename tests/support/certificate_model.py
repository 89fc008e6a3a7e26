"""What certificates and revocations must answer, written out plainly: lists that are walked from end to end.

Beside the registries in property tests. It shares no code with the package: times are integers, identities and hashes
whatever names them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

VALID, UNKNOWN, NOT_YET_VALID, EXPIRED, REVOKED, ISSUER_NOT_ACCREDITED = range(6)
VEHICLE, BATTERY, METER, CHARGE_POINT = 2, 3, 4, 5
PARENT_OF = {BATTERY: VEHICLE, METER: CHARGE_POINT}
MAX_DEPTH = 3
MAX_LEAD = 366 * 86_400


@dataclass
class Version:
    """An accreditation in force for [start, end); ``accreditor`` is None where governance gave it."""

    accreditor: str | None
    types: int
    depth: int
    start: int
    end: int


@dataclass
class Kept:
    """A certificate as it was registered."""

    issuer: str
    subject: str
    entity_type: int
    parent: str | None
    registered_at: int
    start: int
    end: int
    status: tuple[str, int] | None


@dataclass
class State:
    """What happened, in the order in which it did."""

    versions: dict[str, list[Version]] = field(default_factory=dict)
    certificates: dict[bytes, Kept] = field(default_factory=dict)
    revoked: dict[tuple[str, bytes], int] = field(default_factory=dict)
    open_words: set[tuple[str, int]] = field(default_factory=set)
    statuses: dict[tuple[str, int], int] = field(default_factory=dict)

    # Answers

    def version_at(self, anchor: str, time: int) -> Version | None:
        begun = [version for version in self.versions.get(anchor, []) if version.start <= time]
        return begun[-1] if begun and time < begun[-1].end else None

    def types_at(self, anchor: str, time: int, below: int = 0) -> int:
        version = self.version_at(anchor, time)
        if version is None or version.depth < below:
            return 0
        if version.accreditor is None:
            return version.types
        return version.types & self.types_at(version.accreditor, time, below + 1)

    def is_revoked_at(self, issuer: str, target: bytes, time: int) -> bool:
        return self.revoked.get((issuer, target), time + 1) <= time

    def is_status_revoked_at(self, publisher: str, index: int, time: int) -> bool:
        return self.statuses.get((publisher, index), time + 1) <= time

    def status_at(self, name: bytes, time: int) -> int:
        kept = self.certificates.get(name)
        if kept is None or time < kept.registered_at:
            return UNKNOWN
        if time < kept.start:
            return NOT_YET_VALID
        if time >= kept.end:
            return EXPIRED
        if self.is_revoked_at(kept.issuer, name, time):
            return REVOKED
        if kept.status and self.is_status_revoked_at(*kept.status, time):
            return REVOKED
        if not self.types_at(kept.issuer, time) >> kept.entity_type & 1:
            return ISSUER_NOT_ACCREDITED
        return VALID

    def of(self, subject: str) -> list[Kept]:
        return [kept for kept in self.certificates.values() if kept.subject == subject]

    def type_of(self, subject: str) -> int:
        return next((kept.entity_type for kept in self.of(subject)), 0)

    def parent_at(self, subject: str, time: int) -> str | None:
        registered = [kept for kept in self.of(subject) if kept.registered_at <= time]
        return registered[-1].parent if registered else None

    # What happens

    def accredited(self, anchor: str, version: Version) -> None:
        self.versions.setdefault(anchor, []).append(version)

    def ended(self, anchor: str, number: int, time: int) -> None:
        """Version ``number``, counted from 1, ends; one that has not begun never was."""
        versions = self.versions[anchor]
        if versions[number - 1].start > time:
            assert number == len(versions)
            versions.pop()
        else:
            versions[number - 1].end = time

    def happened(self, name: str, args: dict[str, Any], nobody: str) -> None:
        """An event, as the registries emit it."""
        if name == "AnchorAccredited":
            accreditor = None if args["accreditor"] == nobody else args["accreditor"]
            span = (args["validFrom"], args["validUntil"])
            self.accredited(args["anchor"], Version(accreditor, args["entityTypes"], args["depth"], *span))
            assert len(self.versions[args["anchor"]]) == args["version"]
        elif name == "AccreditationWithdrawn":
            self.ended(args["anchor"], args["version"], args["effectiveAt"])
        elif name == "CertificateRegistered":
            whole = args["entityCertificate"]
            status = (whole.statusPublisher, whole.statusIndex)
            self.certificates[args["certificate"]] = Kept(
                whole.issuer,
                whole.subject,
                whole.entityType,
                None if whole.parent == nobody else whole.parent,
                args["registeredAt"],
                whole.validFrom,
                whole.validUntil,
                None if whole.statusPublisher == nobody else status,
            )
        elif name == "Revoked":
            self.revoked[args["issuer"], args["target"]] = args["effectiveAt"]
        elif name == "StatusesOpened":
            words = range(args["firstWord"], args["firstWord"] + args["count"])
            self.open_words |= {(args["publisher"], word) for word in words}
        elif name == "StatusesRevoked":
            for place in range(256):
                if args["indices"] >> (255 - place) & 1:
                    self.statuses[args["publisher"], 256 * args["word"] + place] = args["effectiveAt"]


@dataclass
class Rules:
    """Which acts are allowed, on top of a state. Each takes the time and who acts or signed, and changes the state
    where it says yes."""

    state: State = field(default_factory=State)
    owners: dict[str, str | None] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    used: set[bytes] = field(default_factory=set)

    def owner(self, identity: str) -> str | None:
        return self.owners.get(identity, identity)

    def change_owner(self, identity: str, owner: str | None, by: str) -> bool:
        if self.owner(identity) != by:
            return False
        self.owners[identity] = owner
        return True

    def last(self, anchor: str) -> Version | None:
        versions = self.state.versions.get(anchor)
        return versions[-1] if versions else None

    def accredit_root(self, anchor: str, version: Version, now: int) -> bool:
        start = max(version.start, now)
        last = self.last(anchor)
        ahead = last is not None and last.start > now
        before = self.state.versions.get(anchor, [])[: -1 if ahead else None]
        if version.depth > MAX_DEPTH or version.end <= start:
            return False
        assert not before or start >= before[-1].start
        if ahead:
            self.state.versions[anchor].pop()
        self.state.accredited(anchor, Version(None, version.types, version.depth, start, version.end))
        return True

    def accredit(self, anchor: str, version: Version, name: bytes, now: int, by: str) -> bool:
        accreditor = version.accreditor
        assert accreditor is not None
        own, last = self.state.version_at(accreditor, now), self.last(anchor)
        start = max(version.start, now)
        if anchor == accreditor or own is None or version.depth >= own.depth:
            return False
        if version.types & ~self.state.types_at(accreditor, now) or self.owner(accreditor) != by:
            return False
        if last and (last.start > now or version.start <= last.start):
            return False
        if last and last.accreditor != accreditor and self.state.types_at(anchor, now):
            return False
        if version.start <= self.withdrawn.get(anchor, 0) or version.end <= start:
            return False
        if name in self.used or (accreditor, name) in self.state.revoked:
            return False
        self.used.add(name)
        self.state.accredited(anchor, Version(accreditor, version.types, version.depth, start, version.end))
        return True

    def withdraw(self, anchor: str, now: int, by: str | None) -> bool:
        """``by`` is None where governance withdraws."""

        def may(version: Version) -> bool:
            if by is None:
                return version.accreditor is None
            given = version.accreditor is not None and self.owner(version.accreditor) == by
            return given or self.owner(anchor) == by

        ended, last = False, self.last(anchor)
        if last and last.start > now and may(last):
            self.state.versions[anchor].pop()
            ended = True
        current = self.state.version_at(anchor, now)
        if current and may(current):
            current.end = now
            ended = True
        if ended:
            self.withdrawn[anchor] = now
        return ended

    def register(self, name: bytes, kept: Kept, by: str) -> bool:
        state, now, others = self.state, kept.registered_at, self.state.of(kept.subject)
        if name in state.certificates or kept.end <= max(kept.start, now) or self.owner(kept.issuer) != by:
            return False
        if kept.start > now + MAX_LEAD:
            return False
        if others and others[0].entity_type != kept.entity_type:
            return False
        wanted = PARENT_OF.get(kept.entity_type)
        if kept.parent is not None and (wanted is None or state.type_of(kept.parent) != wanted):
            return False
        moves = kept.parent != state.parent_at(kept.subject, now)
        if moves and kept.start <= self.placed_from(kept.subject):
            return False
        if kept.status:
            publisher, index = kept.status
            if (publisher, index // 256) not in state.open_words:
                return False
            if kept.status in state.statuses:
                return False
        if (kept.issuer, name) in state.revoked:
            return False
        if not state.types_at(kept.issuer, now) >> kept.entity_type & 1:
            return False
        state.certificates[name] = kept
        return True

    def placed_from(self, subject: str) -> int:
        """The latest date of a certificate that put the subject where it is, or left it there: such a one counts from
        its registration at the latest."""
        latest, place = 0, None
        for kept in self.state.of(subject):
            moved = kept.parent != place
            latest = max(latest, kept.start if moved else min(kept.start, kept.registered_at))
            place = kept.parent
        return latest

    def revoke(self, issuer: str, target: bytes, at: int, by: str) -> bool:
        if self.owner(issuer) != by or self.state.revoked.get((issuer, target), at + 1) <= at:
            return False
        self.state.revoked[issuer, target] = at
        return True

    def revoke_many(self, issuer: str, targets: list[bytes], at: int, by: str) -> bool:
        """As many single revocations as there are targets that are not revoked by then."""
        if self.owner(issuer) != by:
            return False
        for target in targets:
            self.revoke(issuer, target, at, by)
        return True

    def open_word(self, publisher: str, word: int) -> bool:
        if (publisher, word) in self.state.open_words:
            return False
        self.state.open_words.add((publisher, word))
        return True

    def revoke_statuses(self, publisher: str, indices: list[int], at: int, now: int) -> bool:
        """As many single revocations as there are indices: all or none."""
        after = dict(self.state.statuses)
        for index in indices:
            word = index // 256
            neighbours = [
                time for (who, one), time in after.items() if who == publisher and one // 256 == word
            ]
            ahead = max(neighbours, default=0)
            if (publisher, word) not in self.state.open_words or (ahead > now and at not in (now, ahead)):
                return False
            if after.get((publisher, index), at + 1) <= at:
                return False
            after[publisher, index] = at
        self.state.statuses = after
        return True
