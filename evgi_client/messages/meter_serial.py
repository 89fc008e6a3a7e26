"""Serial numbers of meters: the German identification number (DIN 43863-5), or whatever a maker prints on one."""

from __future__ import annotations

import re

from evgi_client.errors import InvalidMeterSerialError

LONGEST = 32

_DIN_LENGTH = 14
# Kind of meter, maker, block of manufacture, number.
_DIN = re.compile(r"[0-9A-F][A-Z]{3}[0-9A-F]{2}[0-9]{8}")
_DIN_BEGINNING = re.compile(r"[0-9A-F][A-Z]{3}")
_PRINTED = re.compile(r"[!-~]([ -~]*[!-~])?")


def normalise_meter_serial(serial: str) -> str:
    """The one form of a meter's serial number.

    One that is 14 characters long without spaces and begins as DIN 43863-5 has it (a kind of meter, three letters
    of the maker) must be wholly of that form, and is written in upper case without spaces: ``1 EMH00 1234 5678`` is
    ``1EMH0012345678``. The standard has no check digit. Any other is kept as it is printed: 1 to 32 characters of
    ASCII, no space at either end.

    Raises:
        InvalidMeterSerialError: neither.
    """
    compact = serial.replace(" ", "").upper() if serial.isascii() else ""
    if len(compact) == _DIN_LENGTH and _DIN_BEGINNING.match(compact):
        if not _DIN.fullmatch(compact):
            raise InvalidMeterSerialError(serial, "it begins as DIN 43863-5 has it and does not go on so")
        return compact
    if len(serial) > LONGEST:
        raise InvalidMeterSerialError(serial[:LONGEST], f"it is longer than {LONGEST} characters")
    if not _PRINTED.fullmatch(serial):
        raise InvalidMeterSerialError(serial, "expected printed ASCII without a space at either end")
    return serial
