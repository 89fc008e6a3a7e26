"""What cannot be true of a charging session, and which of two that contradict each other stays. Pure.

The rules are asked in the order of ``REASONS``, so that a row has one reason. Those about one session come first: a
session that cannot be true contradicts nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from evgi_client.charging.sources.session import MeteredSession, Quarantined
from evgi_client.errors import SessionRowError
from evgi_client.units import SECONDS_PER_HOUR

UNREADABLE = "unreadable"
AMBIGUOUS_DATE = "ambiguous_date"
CREDIT_NOTE = "credit_note"
NO_END = "no_end"
END_BEFORE_START = "end_before_start"
NEGATIVE_ENERGY = "negative_energy"
IMPOSSIBLE_ENERGY = "impossible_energy"
PRICE_DISAGREES = "price_disagrees"
DUPLICATE = "duplicate"
OVERLAP = "overlap"

REASONS: Mapping[str, str] = {
    UNREADABLE: "a field, or the whole row, cannot be read",
    AMBIGUOUS_DATE: "day and month may have changed places, and nothing proves that they have or have not",
    CREDIT_NOTE: "takes back another record; no session of its own",
    NO_END: "not finished: it has no end, or no energy",
    END_BEFORE_START: "ends before it starts",
    NEGATIVE_ENERGY: "less than no energy",
    IMPOSSIBLE_ENERGY: "more energy than the connector can deliver in the time",
    PRICE_DISAGREES: "its total is not what its tariff gives",
    DUPLICATE: "its id, or its connector and start, are another session's",
    OVERLAP: "its connector served another session at the time",
}
"""Why a row is quarantined, by reason."""


class Draft(NamedTuple):
    """A session that is not judged yet, and the row that it was made of."""

    session: MeteredSession
    raw: Mapping[str, str]


Check = Callable[[MeteredSession], None]


def possible_energy_wh(rated_power_w: int, seconds: int, time_resolution: int) -> int:
    """The most Wh that a connector can deliver in a session, rounded down.

    The times of a source are cut to its resolution: the session may have been longer by as much.
    """
    return rated_power_w * (seconds + time_resolution) // SECONDS_PER_HOUR


def check(session: MeteredSession) -> None:
    """What can be said of one session by itself.

    Raises:
        SessionRowError: it cannot be true.
    """
    if session.started_at < 0:
        raise SessionRowError(
            UNREADABLE, f"starts {-session.started_at} s before 1970: nobody charged a vehicle"
        )
    seconds = session.ended_at - session.started_at
    if seconds < 0:
        raise SessionRowError(END_BEFORE_START, f"ends {-seconds} s before it starts")
    if session.energy_wh < 0:
        raise SessionRowError(NEGATIVE_ENERGY, f"{session.energy_wh} Wh")
    possible = possible_energy_wh(session.rated_power_w, seconds, session.time_resolution)
    if session.energy_wh > possible:
        raise SessionRowError(
            IMPOSSIBLE_ENERGY,
            f"{session.energy_wh} Wh in {seconds} s: {session.rated_power_w} W deliver at most {possible} Wh",
        )


def judge(
    drafts: Sequence[Draft], also: Check | None = None, ids_per_operator: bool = False
) -> tuple[list[MeteredSession], list[Quarantined]]:
    """Which sessions stay and which are quarantined, both in the order of their rows.

    * Of sessions with one id, the first row stays, as it does with whoever has already taken it.
    * Of sessions with one connector and start, the one with the most energy stays, then the longest, then the first
      row: the others are attempts of the same minute that were broken off.
    * Of a connector's sessions, the largest number that can all be true stays: those that end first. One that starts
      when another ends does not overlap it.

    Args:
        also: a rule of the source's own about one session; raises ``SessionRowError``.
        ids_per_operator: two operators may use one id.
    """
    quarantined: list[Quarantined] = []

    def reject(draft: Draft, reason: str, detail: str) -> None:
        session = draft.session
        quarantined.append(Quarantined(session.row, session.session_id, reason, detail, draft.raw))

    possible: list[Draft] = []
    for draft in sorted(drafts, key=lambda draft: draft.session.row):
        try:
            check(draft.session)
            if also is not None:
                also(draft.session)
        except SessionRowError as error:
            reject(draft, error.reason, error.detail)
        else:
            possible.append(draft)

    by_id: dict[tuple[str, str], Draft] = {}
    for draft in possible:
        key = (draft.session.operator if ids_per_operator else "", draft.session.session_id)
        first = by_id.setdefault(key, draft)
        if first is not draft:
            reject(draft, DUPLICATE, f"the id {draft.session.session_id} is that of row {first.session.row}")

    by_start: dict[tuple[tuple[str, int], int], Draft] = {}
    for draft in sorted(by_id.values(), key=_most_energy_first):
        stays = by_start.setdefault((draft.session.connector, draft.session.started_at), draft)
        if stays is not draft:
            reject(
                draft, DUPLICATE, f"connector and start are those of {_named(stays)}, which has more energy"
            )

    kept: list[MeteredSession] = []
    for draft, collides in _without_overlaps(by_start.values()):
        if collides is None:
            kept.append(draft.session)
        else:
            reject(draft, OVERLAP, f"runs while the connector serves {_named(collides)}")
    kept.sort(key=lambda session: session.row)
    quarantined.sort(key=lambda row: row.row)
    return kept, quarantined


def _without_overlaps(drafts: Iterable[Draft]) -> Iterable[tuple[Draft, Draft | None]]:
    """Each session with the one it collides with, None where it stays.

    Taking what ends first leaves the most room for the others: no other choice keeps more. At equal ends the earlier
    start goes first, so that a session of no length does not displace the one that it follows.
    """
    last: dict[tuple[str, int], Draft] = {}
    for draft in sorted(drafts, key=lambda draft: (draft.session.ended_at, draft.session.started_at)):
        before = last.get(draft.session.connector)
        if before is not None and draft.session.started_at < before.session.ended_at:
            yield draft, before
        else:
            last[draft.session.connector] = draft
            yield draft, None


def _most_energy_first(draft: Draft) -> tuple[int, int, int]:
    session = draft.session
    return -session.energy_wh, -session.ended_at, session.row


def _named(draft: Draft) -> str:
    return f"session {draft.session.session_id} (row {draft.session.row})"
