"""EVSE ids made of a source's own names, and how much a kind of socket can deliver.

A rating is the current of the socket at the highest voltage that its supply may have, because energy is metered at the
voltage there is: a 32 A socket on 253 V delivers 8.1 kW for hours without being anything but a "7 kW" one.
"""

from __future__ import annotations

import re

from evgi_client.charging.sources.rules import UNREADABLE
from evgi_client.errors import InvalidEvseIdError, SessionRowError
from evgi_client.messages.identifiers import normalise_evse_id

AC_32A_230V_W = 32 * 253
"""One phase of 230 V + 10 % (EN 50160): sold as 7 kW."""

AC_3_PHASE_32A_230V_W = 3 * 32 * 253
"""Three phases of 230 V + 10 %: sold as 22 kW."""

AC_32A_208V_W = 32 * 220
"""Two phases of a 208 V supply, at most 220 V (ANSI C84.1): sold as 6.6 kW."""

AC_32A_240V_W = 32 * 254
"""Split phase of 240 V, at most 254 V (ANSI C84.1): sold as 7.2 or 7.7 kW."""

RAPID_50KW_W = 50_000
"""A rapid charger of 50 kW DC; its AC socket has 43 kW."""

CCS_W = 500_000
"""500 A at 1,000 V, the most that a CCS connector is made for."""

_OTHER = re.compile(r"[^A-Z0-9]+")


class EvseIds:
    """EVSE ids of one country and operator code, made of a source's names.

    Separators do not count in an EVSE id, so that two names may give one id. The second of them is refused: its
    sessions would be those of another connector.
    """

    def __init__(self, country: str, operator: str) -> None:
        self._prefix = f"{country}*{operator}*E"
        self._made: dict[tuple[str, ...], str] = {}
        self._names: dict[str, tuple[str, ...]] = {}

    def make(self, *names: str) -> str:
        """The id for a station or socket: ``make("AdO3-4") == "NO*SOR*EADO3*4"``.

        Raises:
            SessionRowError: the names give no EVSE id, or another station's.
        """
        made = self._made.get(names)
        if made is None:
            made = self._prefix + "*".join(_OTHER.sub("*", name.upper()).strip("*") for name in names)
            try:
                owner = self._names.setdefault(normalise_evse_id(made), names)
            except InvalidEvseIdError as error:
                raise SessionRowError(UNREADABLE, str(error)) from error
            if owner != names:
                raise SessionRowError(UNREADABLE, f"{made} is the EVSE id of {' '.join(owner)} already")
            self._made[names] = made
        return made
