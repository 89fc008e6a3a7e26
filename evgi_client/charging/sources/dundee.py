"""Charge points of Dundee City Council.

Local times of Europe/London in minutes, days as dd/mm/yyyy. No user: the charge point stands for the driver. ``Group``
lists who shares a charge point's operation, in an order that varies: the operator is the list in alphabetical order.

``Model`` says what a charge point can deliver. Two do not what it says: 51087 and 51088 (Gellatly Street) are called
7 kW, and delivered 8.1 to 22.5 kW in 164 of 1,572 sessions: they have 22 kW sockets.
"""

from __future__ import annotations

from evgi_client.charging.sources.clock import LocalClock
from evgi_client.charging.sources.fields import clock, day_first, decimal, integer, required
from evgi_client.charging.sources.files import Row
from evgi_client.charging.sources.models import rated_power_w
from evgi_client.charging.sources.rules import NO_END
from evgi_client.charging.sources.session import MeteredSession
from evgi_client.charging.sources.sockets import AC_3_PHASE_32A_230V_W, EvseIds
from evgi_client.charging.sources.table import RowByRowSource, RowReader
from evgi_client.errors import SessionRowError
from evgi_client.units import WH_PER_KWH

_STRONGER_THAN_NAMED = dict.fromkeys(("51087", "51088"), AC_3_PHASE_32A_230V_W)


class DundeeSource(RowByRowSource):
    """Charge points of one city under four chains of operators."""

    name = "dundee"
    title = "Dundee City Council"
    currency = "GBP"
    columns = frozenset(
        (
            "Charging event",
            "CP ID",
            "Connector",
            "Start Date",
            "Start Time",
            "End Date",
            "End Time",
            "Total kWh",
            "Group",
            "Model",
        )
    )
    id_column = "Charging event"

    def reader(self) -> RowReader:
        london = LocalClock("Europe/London")
        evses = EvseIds("GB", "DCC")

        def read(row: Row) -> MeteredSession:
            values = row.values
            if not (
                values["End Date"].strip() and values["End Time"].strip() and values["Total kWh"].strip()
            ):
                raise SessionRowError(NO_END, "no end or no energy")
            station = required(values, "CP ID")
            started_at, ended_at = london.span(
                day_first(values, "Start Date") + clock(values, "Start Time"),
                day_first(values, "End Date") + clock(values, "End Time"),
            )
            chain = sorted({name.strip() for name in required(values, "Group").split(";")})
            return MeteredSession(
                row=row.number,
                session_id=required(values, "Charging event"),
                operator="; ".join(chain),
                evse_id=evses.make(station),
                connector_number=integer(values, "Connector", 1, 255),
                driver=station,
                started_at=started_at,
                ended_at=ended_at,
                energy_wh=decimal(values, "Total kWh", WH_PER_KWH),
                rated_power_w=_STRONGER_THAN_NAMED.get(station) or rated_power_w(required(values, "Model")),
                time_resolution=60,
            )

        return read
