"""Charging reports of apartment garages in Trondheim (Sørensen et al., Mendeley Data jbks2rcwyj).

Semicolons, decimal commas, local times of Europe/Oslo in minutes. A private user's sessions are on that user's own
socket, those of shared points on the socket that ``Shared_ID`` names: each of them serves one session at a time in the
data, while one user does charge at two sockets at once.

The socket's rating is not in the file. Nobody averaged more than 7.8 kW: sockets of 32 A on one phase.
"""

from __future__ import annotations

import re
from datetime import datetime

from evgi_client.charging.sources.clock import LocalClock
from evgi_client.charging.sources.fields import clock, day_first, decimal, required, unreadable
from evgi_client.charging.sources.files import Row
from evgi_client.charging.sources.rules import NO_END
from evgi_client.charging.sources.session import MeteredSession
from evgi_client.charging.sources.sockets import AC_32A_230V_W, EvseIds
from evgi_client.charging.sources.table import RowByRowSource, RowReader
from evgi_client.errors import SessionRowError
from evgi_client.units import SECONDS_PER_HOUR, WH_PER_KWH

_MISSING = frozenset(("", "NA"))
_LOCAL = re.compile(r"(?P<day>\S+) (?P<time>\S+)")


class TrondheimSource(RowByRowSource):
    """Apartment garages. The operator is the garage, the driver the user."""

    name = "trondheim"
    title = "Trondheim apartment garages"
    currency = "NOK"
    columns = frozenset(
        (
            "session_ID",
            "Garage_ID",
            "User_ID",
            "User_type",
            "Shared_ID",
            "Start_plugin",
            "End_plugout",
            "El_kWh",
            "Duration_hours",
        )
    )
    id_column = "session_ID"
    delimiter = ";"

    def reader(self) -> RowReader:
        oslo = LocalClock("Europe/Oslo")
        evses = EvseIds("NO", "SOR")

        def read(row: Row) -> MeteredSession:
            values = row.values
            if values["End_plugout"].strip() in _MISSING:
                raise SessionRowError(NO_END, "no end")
            garage, user = required(values, "Garage_ID"), required(values, "User_ID")
            kind, shared = values["User_type"].strip(), values["Shared_ID"].strip()
            if kind == "Private":
                # A user's name begins with the garage's, except for one who moved to another.
                evse_id = evses.make(user) if user.startswith(garage + "-") else evses.make(garage, user)
            elif kind == "Shared" and shared not in _MISSING:
                evse_id = evses.make(garage, shared)
            else:
                raise unreadable(
                    "User_type", kind, f"no socket: neither Private nor Shared with an id ({shared!r})"
                )

            def reported_seconds() -> int | None:
                if values["Duration_hours"].strip() in _MISSING:
                    return None
                return decimal(values, "Duration_hours", SECONDS_PER_HOUR, mark=",")

            started_at, ended_at = oslo.span(
                _local(values["Start_plugin"], "Start_plugin"),
                _local(values["End_plugout"], "End_plugout"),
                reported_seconds,
            )
            return MeteredSession(
                row=row.number,
                session_id=required(values, "session_ID"),
                operator=garage,
                evse_id=evse_id,
                connector_number=1,
                driver=user,
                started_at=started_at,
                ended_at=ended_at,
                energy_wh=decimal(values, "El_kWh", WH_PER_KWH, mark=","),
                rated_power_w=AC_32A_230V_W,
                time_resolution=60,
            )

        return read


def _local(text: str, name: str) -> datetime:
    match = _LOCAL.fullmatch(text.strip())
    if match is None:
        raise unreadable(name, text, "no time as dd.mm.yyyy hh:mm")
    return day_first({name: match["day"]}, name) + clock({name: match["time"]}, name)
