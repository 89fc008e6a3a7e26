"""Who controlled an identity at a time, and who acted for it: what ``DIDRegistry`` says, from its events."""

from __future__ import annotations

from dataclasses import dataclass, field

NOBODY = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class _Appointment:
    """A delegate by the word of an owner."""

    since: int
    valid_to: int
    appointer: str


@dataclass(slots=True)
class Ownership:
    """One identity, whose changes are told in the order of the chain. Times are Unix seconds."""

    identity: str
    _owners: list[tuple[int, str]] = field(default_factory=list)
    _appointments: dict[str, list[_Appointment]] = field(default_factory=dict)

    def hand_over(self, owner: str, since: int) -> None:
        """It has another owner from then on; the zero address deactivates it."""
        self._owners.append((since, owner))

    def appoint(self, delegate: str, valid_to: int, since: int) -> None:
        """Its owner makes an account a delegate until before ``valid_to``; one that has passed revokes."""
        appointment = _Appointment(since, valid_to, self.owner)
        self._appointments.setdefault(delegate, []).append(appointment)

    @property
    def owner(self) -> str:
        """Who controls it after all that was told."""
        return self._owners[-1][1] if self._owners else self.identity

    def owner_at(self, time: int) -> str:
        """Who controlled it at a time: after the last change of that second."""
        return self._epoch_at(time)[1]

    def acts_for(self, account: str, time: int) -> bool:
        """Might an account act for it at a time: as its owner, or as a delegate that the owner of that epoch made?"""
        since, owner = self._epoch_at(time)
        if owner == NOBODY:
            return False
        if account == owner:
            return True
        known = [each for each in self._appointments.get(account, ()) if each.since <= time]
        return bool(known) and (
            known[-1].valid_to > time and known[-1].appointer == owner and known[-1].since >= since
        )

    def _epoch_at(self, time: int) -> tuple[int, str]:
        return next((each for each in reversed(self._owners) if each[0] <= time), (0, self.identity))
