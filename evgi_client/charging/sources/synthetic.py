"""The project's own format, with nothing to guess: UTC times, kWh with a point, the socket's rating in each row."""

from __future__ import annotations

from evgi_client.charging.sources.fields import decimal, instant, integer, required, unreadable
from evgi_client.charging.sources.files import Row
from evgi_client.charging.sources.rules import NO_END
from evgi_client.charging.sources.session import MeteredSession
from evgi_client.charging.sources.table import RowByRowSource, RowReader
from evgi_client.errors import InvalidEvseIdError, SessionRowError
from evgi_client.messages.identifiers import normalise_evse_id
from evgi_client.units import WH_PER_KWH

COLUMNS = (
    "session_id",
    "operator",
    "evse_id",
    "connector",
    "driver",
    "rated_power_w",
    "started_at",
    "ended_at",
    "energy_kwh",
    "charging_seconds",
)
"""In the order in which the sample has them. ``charging_seconds`` may be empty."""


class SyntheticSource(RowByRowSource):
    """Made-up sessions, or a user's own."""

    name = "synthetic"
    title = "synthetic sessions"
    currency = "EUR"
    columns = frozenset(COLUMNS)
    id_column = "session_id"

    def reader(self) -> RowReader:
        def read(row: Row) -> MeteredSession:
            values = row.values
            if not (values["ended_at"].strip() and values["energy_kwh"].strip()):
                raise SessionRowError(NO_END, "no end or no energy")
            evse_id = required(values, "evse_id")
            try:
                normalise_evse_id(evse_id)
            except InvalidEvseIdError as error:
                raise unreadable("evse_id", evse_id, str(error)) from error
            charged = values["charging_seconds"].strip()
            return MeteredSession(
                row=row.number,
                session_id=required(values, "session_id"),
                operator=required(values, "operator"),
                evse_id=evse_id,
                connector_number=integer(values, "connector", 1, 255),
                driver=required(values, "driver"),
                started_at=instant(values, "started_at"),
                ended_at=instant(values, "ended_at"),
                energy_wh=decimal(values, "energy_kwh", WH_PER_KWH),
                rated_power_w=integer(values, "rated_power_w", 1, 999_999_999),
                time_resolution=1,
                charging_seconds=integer(values, "charging_seconds", 0, 999_999_999) if charged else None,
            )

        return read
