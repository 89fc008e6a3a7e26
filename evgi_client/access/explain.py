"""Why somebody may do something, or may not: the chain of reasons as data, and as lines that a person can follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.access.decision import Decision, Finding, Rule, Step, weigh
from evgi_client.messages.access import Reason, Right

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evgi_client.access.world import World


@dataclass(frozen=True, slots=True)
class Explanation:
    """A question, its answer, and every step from the one to the other."""

    resource: bytes
    accessor: str
    right: int
    """A mask of ``Right``."""
    time: int
    """Unix seconds."""
    decision: Decision
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON object: hashes as ``0x`` hexadecimal, rights as words, times in Unix seconds."""
        decision = self.decision
        return {
            "resource": _hex(self.resource),
            "accessor": self.accessor,
            "right": words(self.right),
            "time": self.time,
            "allowed": decision.allowed,
            "reason": decision.reason.name,
            "certificate": _hex(decision.certificate) if any(decision.certificate) else None,
            "steps": [
                {"rule": step.rule.value, "finding": step.finding.value, **_plain(step.details)}
                for step in self.steps
            ],
        }

    def lines(self, moment: Callable[[int], str] = str) -> list[str]:
        """One line a step, then the answer.

        Args:
            moment: how a time is written.
        """
        asked = f"May {self.accessor} {words(self.right)} {_hex(self.resource)} at {moment(self.time)}?"
        steps = [
            f"{number:>2}. {step.rule.value}: {_sentence(step, moment)}"
            for number, step in enumerate(self.steps, 1)
        ]
        decision = self.decision
        by = f", certificate {_hex(decision.certificate)}" if any(decision.certificate) else ""
        return [asked, *steps, f"{'Yes' if decision.allowed else 'No'}: {_REASONS[decision.reason]}{by}"]


def explain(world: World, resource: bytes, accessor: str, right: int, time: int) -> Explanation:
    """See ``access.decision.decide``, whose arguments it takes."""
    decision, steps = weigh(world, resource, accessor, right, time)
    return Explanation(resource, accessor, int(right), time, decision, tuple(steps))


def words(rights: int) -> str:
    """A mask of rights for people: ``read+write``; ``nothing`` for 0."""
    names = [right.name.lower() for right in Right if right & rights and right.name]
    unknown = rights & ~sum(Right)
    return "+".join([*names, *([f"0x{unknown:x}"] if unknown else [])]) or "nothing"


_REASONS = {
    Reason.UNKNOWN_RESOURCE: "nobody had registered the resource",
    Reason.BLOCKED: "blocked",
    Reason.REVOKED: "the certificate is revoked",
    Reason.USED_UP: "the certificate is used up",
    Reason.DENIED: "nothing allows it",
    Reason.OWNER: "it is the owner",
    Reason.CERTIFICATE: "by certificate",
    Reason.ALLOW_LIST: "by the allow list",
    Reason.GROUP: "by the certificate of a group",
    Reason.DEFAULT: "by the default of the bootstrapping certificate",
}

_CAUSES = {
    "owner": "{entity} changed hands",
    "parent": "{entity} became part of something else, or ceased to be",
    "parent's owner": "{entity}, which {owner} is part of, changed hands",
}

_WITHOUT_CERTIFICATE = {
    (Rule.RESOURCE, Finding.UNKNOWN): "no bootstrapping certificate had registered it by then",
    (Rule.RESOURCE, Finding.FOUND): "belongs to {owner}, known since {since}",
    (Rule.OWNER, Finding.FOUND): "the accessor is the identity that it belongs to",
    (Rule.OWNER, Finding.NONE): "the accessor is not {owner}",
    (Rule.BLOCK_LIST, Finding.FOUND): "on it since {since}",
    (Rule.BLOCK_LIST, Finding.NONE): "not on it",
    (Rule.EPOCH, Finding.FOUND): "{cause} at {since}: what was granted until then is void",
    (Rule.CERTIFICATE, Finding.NONE): "the accessor has none",
    (Rule.ALLOW_LIST, Finding.NONE): "not on it",
    (Rule.ALLOW_LIST, Finding.FOUND): "on it since {since}, with {rights}",
    (Rule.ALLOW_LIST, Finding.RIGHT_MISSING): "on it since {since}, but with {rights} only",
    (
        Rule.ALLOW_LIST,
        Finding.HANDED_OVER,
    ): "on it since {since}, which ended with the transfer at {ended_at}",
    (Rule.DEFAULT, Finding.NONE): "no bootstrapping certificate was in force",
}

_OF_CERTIFICATE = {
    Finding.FOUND: "it holds",
    Finding.NONE: "not revoked by {issuer}",
    Finding.NOT_BEGUN: "it had not begun",
    Finding.EXPIRED: "it had expired",
    Finding.HANDED_OVER: "it ended with the transfer at {ended_at}",
    Finding.GRANTER_HANDED_OVER: "it ended when who gave it changed hands at {ended_at}",
    Finding.GRANTER_BLOCKED: "who gave it is blocked since {ended_at}",
    Finding.REVOKED: "revoked by {issuer} from {revoked_from}",
    Finding.REPLACED: "the certificate {parent} that it is delegated from was no longer in force",
    Finding.USED_UP: "used {uses} times, the last at {ended_at}",
    Finding.RIGHT_MISSING: "it does not give that right",
    Finding.NOT_MEMBER: "the accessor is no member",
}

_TIMES = {"since", "ended_at", "revoked_from", "start", "valid_until", "brought_at", "member_since"}


def _sentence(step: Step, moment: Callable[[int], str]) -> str:
    shown = {
        key: moment(value) if key in _TIMES and isinstance(value, int) else _shown(key, value)
        for key, value in step.details.items()
    }
    if "cause" in shown:
        shown["cause"] = _CAUSES[shown["cause"]].format(**shown)
    plain = _WITHOUT_CERTIFICATE.get((step.rule, step.finding))
    if plain is not None:
        return plain.format(**shown)
    return f"{_certificate(step.rule, shown)}; {_OF_CERTIFICATE[step.finding].format(**shown)}"


def _certificate(rule: Rule, shown: Mapping[str, str]) -> str:
    span = f"from {shown['start']} until {shown['valid_until']}"
    if rule is Rule.DEFAULT:
        return f"{shown['certificate']} gives {shown['rights']} to all, {span}"
    to = f"group {shown['group']} of {shown['group_owner']}" if "group" in shown else shown["grantee"]
    given = f"{shown['certificate']}, {shown['rights']}, by {shown['granter']} to {to}, {span}"
    if "member_since" in shown:
        given += f", the accessor a member since {shown['member_since']}"
    return given if "parent" not in shown else f"{given}, delegated from {shown['parent']}"


def _shown(key: str, value: str | int | bytes) -> str:
    if isinstance(value, bytes):
        return _hex(value)
    return words(value) if key == "rights" and isinstance(value, int) else str(value)


def _plain(details: Mapping[str, str | int | bytes]) -> dict[str, str | int]:
    return {
        _camel(key): _shown(key, value) if isinstance(value, bytes) or key == "rights" else value
        for key, value in details.items()
    }


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
