"""ACN-Data: the adaptive charging networks of Caltech and JPL.

Times have their offset and seconds, but the arrival is not that exact: a session's id ends with the moment of its
plugging in, from which 99.5 % of the arrivals differ by a minute or less and some by hours. A minute is allowed for.
The id begins with the site: 1 is JPL, 2 Caltech. There is no user, so that the station stands for the driver.

Stations are 208 V sockets of 32 A. Caltech's 11900388, the one that has a number for a name, is a DC charger: it gave
up to 46.9 kW for three quarters of an hour.
"""

from __future__ import annotations

from evgi_client.charging.sources.fields import decimal, instant, required
from evgi_client.charging.sources.files import Row
from evgi_client.charging.sources.rules import NO_END
from evgi_client.charging.sources.session import MeteredSession
from evgi_client.charging.sources.sockets import AC_32A_208V_W, RAPID_50KW_W, EvseIds
from evgi_client.charging.sources.table import RowByRowSource, RowReader
from evgi_client.errors import SessionRowError
from evgi_client.units import WH_PER_KWH

_SITES = {"1": "JPL", "2": "Caltech"}
_DC_STATIONS = frozenset(("11900388",))


class AcnSource(RowByRowSource):
    """Caltech and JPL. The operator is the site."""

    name = "acn"
    title = "ACN-Data, Caltech and JPL"
    currency = "USD"
    columns = frozenset(("arrival", "departure", "delivered_energy (kWh)", "station_id", "session_id"))
    id_column = "session_id"

    def reader(self) -> RowReader:
        evses = EvseIds("US", "ACN")

        def read(row: Row) -> MeteredSession:
            values = row.values
            if not values["departure"].strip():
                raise SessionRowError(NO_END, "no departure")
            session_id, station = required(values, "session_id"), required(values, "station_id")
            site = session_id.partition("_")[0]
            return MeteredSession(
                row=row.number,
                session_id=session_id,
                operator=_SITES.get(site, f"site {site}"),
                evse_id=evses.make(station),
                connector_number=1,
                driver=station,
                started_at=instant(values, "arrival"),
                ended_at=instant(values, "departure"),
                energy_wh=decimal(values, "delivered_energy (kWh)", WH_PER_KWH),
                rated_power_w=RAPID_50KW_W if station in _DC_STATIONS else AC_32A_208V_W,
                time_resolution=60,
            )

        return read
