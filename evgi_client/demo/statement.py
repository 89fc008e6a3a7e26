"""The statement: every settled session in one CSV file, as the chain tells it."""

from __future__ import annotations

import csv
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from evgi_client.units import format_amount

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from evgi_client.demo.audit import Settled
    from evgi_client.demo.world import World

HEADER = (
    "creditor", "debtor", "operator", "evse_id", "connector", "started_at", "energy_wh", "amount", "transaction",
)  # fmt: skip


def write_statement(path: Path, settled: Iterable[Settled], world: World) -> None:
    """One row a session, by creditor, debtor and start."""
    ordered = sorted(settled, key=lambda one: (one.creditor, one.debtor, one.session.key.started_at))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for one in ordered:
            key = one.session.key
            connector = world.connectors[key.connector]
            writer.writerow(
                (
                    world.name_of(one.creditor),
                    world.name_of(one.debtor),
                    connector.operator,
                    connector.evse_id,
                    connector.number,
                    datetime.fromtimestamp(key.started_at, timezone.utc).isoformat(),
                    one.session.energy_wh,
                    format_amount(one.session.cost),
                    one.transaction_hash,
                )
            )
