"""CDRs of OCPI 2.2.1 and 2.3.0, each priced again with its own tariff.

The operator is the party that wrote the CDR, the driver the contract. A CDR has no rating: the strongest connector
there is stands for it. Its total is taken with tax where it has tax. A CDR without a tariff, or whose tariff needs
what a CDR lacks (a time zone, a reading), cannot be checked: it is kept, and a note counts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from evgi_client.charging.ocpi import Cdr, parse_cdrs, price_cdr
from evgi_client.charging.sources.fields import unreadable
from evgi_client.charging.sources.files import Progress, SessionFile
from evgi_client.charging.sources.rules import CREDIT_NOTE, PRICE_DISAGREES, UNREADABLE, Draft, judge
from evgi_client.charging.sources.session import MeteredSession, Quarantined, Reading
from evgi_client.charging.sources.sockets import CCS_W
from evgi_client.errors import (
    CdrError,
    InvalidEvseIdError,
    OcpiDocumentError,
    ReadingMissingError,
    SessionFileError,
    SessionRowError,
    TariffError,
    TariffUnknownError,
    TimeZoneMissingError,
)
from evgi_client.messages.identifiers import normalise_evse_id
from evgi_client.tariffs.ocpi import documents
from evgi_client.tariffs.ocpi_json import OcpiValue, read_json, write_json
from evgi_client.units import format_amount

_LIST = re.compile(r'\s*(?:\[|\{.*?"data"\s*:\s*\[)', re.DOTALL)
_CONNECTOR = re.compile(r"[0-9]{1,3}")
_UNCHECKED = (TariffUnknownError, TimeZoneMissingError, ReadingMissingError)


class OcpiSource:
    """One CDR, a list of them, or an OCPI response with them."""

    name: ClassVar[str] = "ocpi"
    title: ClassVar[str] = "OCPI CDRs"

    def recognises(self, opening: str) -> bool:
        """Whether a file that begins like this has CDRs in it."""
        return opening.lstrip()[:1] in ("{", "[") and '"cdr_location"' in opening

    def read(self, file: SessionFile, limit: int | None = None, progress: Progress | None = None) -> Reading:
        """Reads a file that ``recognises`` accepted.

        Raises:
            SessionFileError: nothing can be read.
        """
        text = file.text()
        damage = file.damage
        try:
            raw = documents(read_json(text))
        except OcpiDocumentError as error:
            damage = damage or str(error)
            text, raw = _whole_part(text)
            if not raw:
                raise SessionFileError(file.path, damage) from error
        raw = raw[:limit]
        drafts: list[Draft] = []
        refused: list[Quarantined] = []
        cdrs: dict[int, Cdr] = {}
        for row, (document, cdr) in enumerate(zip(raw, parse_cdrs(text), strict=False), 1):
            fields = _fields(document)
            try:
                if isinstance(cdr, CdrError):
                    raise SessionRowError(UNREADABLE, str(cdr.cause))
                drafts.append(Draft(_session(row, cdr), fields))
                cdrs[row] = cdr
            except SessionRowError as error:
                refused.append(Quarantined(row, fields.get("id", ""), error.reason, error.detail, fields))
        read = len(raw)
        if damage is not None and read != limit:
            read += 1
            refused.append(Quarantined(read, "", UNREADABLE, f"the file breaks off: {damage}", {}))
        if progress is not None:
            progress(read)
        unchecked: set[int] = set()

        def price_agrees(session: MeteredSession) -> None:
            if not _check_price(cdrs[session.row]):
                unchecked.add(session.row)

        kept, rejected = judge(drafts, price_agrees, ids_per_operator=True)
        quarantined = sorted((*refused, *rejected), key=lambda one: one.row)
        return Reading(
            self.title,
            read,
            tuple(kept),
            tuple(quarantined),
            _currencies(cdrs.values()),
            _notes(kept, unchecked),
        )


def _session(row: int, cdr: Cdr) -> MeteredSession:
    if cdr.credit:
        raise SessionRowError(
            CREDIT_NOTE, f"takes back {cdr.credit_reference_id or 'a CDR that it does not name'}"
        )
    try:
        normalise_evse_id(cdr.evse_id)
    except InvalidEvseIdError as error:
        raise unreadable("evse_id", cdr.evse_id, str(error)) from error
    if not _CONNECTOR.fullmatch(cdr.connector_id) or not 1 <= int(cdr.connector_id) <= 255:
        raise unreadable("connector_id", cdr.connector_id, "no number from 1 to 255")
    cost = cdr.total.before_tax if cdr.total.after_tax is None else cdr.total.after_tax
    if cost < 0:
        raise unreadable("total_cost", format_amount(cost), "negative, and the CDR is no credit")
    return MeteredSession(
        row=row,
        session_id=cdr.id,
        operator=f"{cdr.country_code}*{cdr.party_id}".upper(),
        evse_id=cdr.evse_id,
        connector_number=int(cdr.connector_id),
        driver=cdr.contract_id,
        started_at=cdr.started_at,
        ended_at=cdr.ended_at,
        energy_wh=cdr.energy_wh,
        rated_power_w=CCS_W,
        time_resolution=1,
        charging_seconds=max(cdr.seconds - cdr.parking_seconds, 0),
        cost=cost,
        currency=cdr.currency,
    )


def _check_price(cdr: Cdr) -> bool:
    """Whether the price could be checked, and agrees.

    Raises:
        SessionRowError: it does not agree, or the CDR's periods and tariffs contradict each other.
    """
    if cdr.refused_tariffs and all(period.tariff_id is None for period in cdr.periods):
        return False  # the one that can be read need not be the one that is meant
    try:
        priced = price_cdr(cdr)
    except _UNCHECKED:
        return False
    except TariffError as error:
        raise SessionRowError(PRICE_DISAGREES, str(error)) from error
    if not priced.agrees:
        stated = priced.stated
        raise SessionRowError(
            PRICE_DISAGREES,
            f"{format_amount(stated.before_tax)} {cdr.currency} before tax, its tariff gives "
            f"{format_amount(priced.price.before_tax)}; with tax "
            f"{'unsaid' if stated.after_tax is None else format_amount(stated.after_tax)} and "
            f"{format_amount(priced.price.after_tax)}",
        )
    return True


def _whole_part(text: str) -> tuple[str, list[OcpiValue]]:
    """The objects in front of the place where a list breaks off, as JSON text and as values."""
    decoder = json.JSONDecoder()
    match = _LIST.match(text)
    pieces: list[str] = []
    at = match.end() if match else len(text)
    while at < len(text):
        at = len(text) - len(text[at:].lstrip(" \t\r\n,"))
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            break
        pieces.append(text[at:end])
        at = end
    whole = f"[{','.join(pieces)}]"
    return whole, documents(read_json(whole))


def _fields(document: OcpiValue) -> Mapping[str, str]:
    """A CDR's fields as text; ``{"cdr": ...}`` of something that is no object."""
    if not isinstance(document, dict):
        return {"cdr": write_json(document)}
    return {name: value if isinstance(value, str) else write_json(value) for name, value in document.items()}


def _currencies(cdrs: Iterable[Cdr]) -> str:
    return "/".join(sorted({cdr.currency for cdr in cdrs}))


def _notes(kept: list[MeteredSession], unchecked: set[int]) -> tuple[str, ...]:
    count = sum(session.row in unchecked for session in kept)
    return (
        f"the price of {count} CDRs cannot be checked: no tariff, or one that needs more than a CDR has",
    ) * (count > 0)
