"""Workplace charging of a firm in the United States (Asensio et al., Harvard Dataverse QF1PMO).

The years are written 0014 and 0015 and mean 2014 and 2015. The data's description names no time zone; its times are
read as UTC, which is what they show: starts of weekdays peak at 11 to 12 and 16 to 17, ends at 15 and 20 to 21, a
working day of the eastern United States four hours late, and the winter's first starts are an hour later than the
summer's. No clock changes in UTC, so that no time is lost or doubled. Ends are stamped once a minute: 3,345 of 3,395
have 4 to 15 in their seconds. A minute is allowed for.

What drivers paid (``dollars``) is the firm's reward policy and no tariff: it is not taken as a cost. The sockets'
rating is not in the file. Nobody who charged for half an hour averaged more than 6.8 kW, but for six sessions of
8.9 to 46 kW at sockets that never gave more than 6 kW to anybody else: 32 A at 240 V.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from evgi_client.charging.sources.fields import decimal, required, unix_utc, unreadable
from evgi_client.charging.sources.files import Row
from evgi_client.charging.sources.rules import NO_END
from evgi_client.charging.sources.session import MeteredSession
from evgi_client.charging.sources.sockets import AC_32A_240V_W, EvseIds
from evgi_client.charging.sources.table import RowByRowSource, RowReader
from evgi_client.errors import SessionRowError
from evgi_client.units import WH_PER_KWH

_STAMP = re.compile(r"(00|20)([0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})")


class WorkplaceSource(RowByRowSource):
    """Workplaces of one firm. The operator is the site; a station has one socket."""

    name = "workplace"
    title = "US workplaces"
    currency = "USD"
    columns = frozenset(
        ("sessionId", "kwhTotal", "created", "ended", "userId", "stationId", "locationId", "facilityType")
    )
    id_column = "sessionId"

    def reader(self) -> RowReader:
        evses = EvseIds("US", "WRK")

        def read(row: Row) -> MeteredSession:
            values = row.values
            if not values["ended"].strip():
                raise SessionRowError(NO_END, "no end")
            return MeteredSession(
                row=row.number,
                session_id=required(values, "sessionId"),
                operator=f"site {required(values, 'locationId')}",
                evse_id=evses.make(required(values, "stationId")),
                connector_number=1,
                driver=required(values, "userId"),
                started_at=_utc(values, "created"),
                ended_at=_utc(values, "ended"),
                energy_wh=decimal(values, "kwhTotal", WH_PER_KWH),
                rated_power_w=AC_32A_240V_W,
                time_resolution=60,
            )

        return read


def _utc(values: Mapping[str, str], name: str) -> int:
    text = values[name].strip()
    match = _STAMP.fullmatch(text)
    if match is None:
        raise unreadable(name, text, "no time as yyyy-mm-dd hh:mm:ss of this century")
    try:
        return unix_utc(datetime.fromisoformat(f"20{match[2]}"))
    except ValueError as error:
        raise unreadable(name, text, "no such time") from error
