"""Names of the field as the hashes that the chain knows, and personal data as salted hashes."""

from __future__ import annotations

import re

from evgi_client.errors import FieldValueError, InvalidEvseIdError, InvalidSaltError
from evgi_client.messages.hashing import keccak256

SALT_LENGTH = 32

_SEPARATORS = str.maketrans("", "", "*- ")
_ISO_EVSE_ID = re.compile(r"[A-Z]{2}[A-Z0-9]{3}E[A-Z0-9]{1,31}")
_DIN_EVSE_ID = re.compile(r"\+?(?P<country>[0-9]{1,3})\*(?P<operator>[0-9]{3,6})\*(?P<outlet>[0-9]{1,32})")


def normalise_evse_id(evse_id: str) -> str:
    """The one form of an EVSE id: upper case, without the separators ``*``, ``-`` and space.

    ISO 15118-2 form: country (2 letters), operator (3), ``E``, outlet (1 to 31): at most 37 characters.
    DIN form: country (1 to 3 digits, ``+`` optional), operator (3 to 6 digits), outlet (1 to 32 digits). The
    separators around the operator stay: nothing else marks where it ends, and without them two ids could
    become one.

    Raises:
        InvalidEvseIdError: neither form.
    """
    if not evse_id.isascii():
        raise InvalidEvseIdError(evse_id, "it has characters other than ASCII")
    compact = evse_id.upper().translate(_SEPARATORS)
    if _ISO_EVSE_ID.fullmatch(compact):
        return compact
    parts = evse_id.replace("-", "*").replace(" ", "").split("*", 2)
    parts[2:] = [part.replace("*", "") for part in parts[2:]]
    match = _DIN_EVSE_ID.fullmatch("*".join(parts))
    if match is None:
        raise InvalidEvseIdError(evse_id, "it has neither the ISO 15118-2 nor the DIN form")
    return f"+{match['country']}*{match['operator']}*{match['outlet']}"


def evse_id_hash(evse_id: str) -> bytes:
    """``keccak256`` of the normalised EVSE id.

    Raises:
        InvalidEvseIdError: no EVSE id.
    """
    return keccak256(normalise_evse_id(evse_id).encode())


def connector_id(evse_id: str, connector_number: int) -> bytes:
    """``keccak256(abi.encode(evseIdHash, connectorNumber))``: a connector's id in the ``ChargePointRegistry``.

    Raises:
        InvalidEvseIdError: no EVSE id.
        FieldValueError: the number is not from 0 to 255.
    """
    if not 0 <= connector_number < 256:
        raise FieldValueError("ChargePoint", "connectorNumber", connector_number, "an integer from 0 to 255")
    return keccak256(evse_id_hash(evse_id) + connector_number.to_bytes(32, "big"))


def salted_hash(salt: bytes, value: str) -> bytes:
    """``keccak256(salt || UTF-8 value)``: how personal data (contract id, token uid, VIN) appears on chain.

    Such values are few enough to be tried one by one, so the hash hides them only while the salt is secret:
    one random salt a value, kept by those who may know the value. Its length is fixed, so that no other salt
    and value give the same bytes.

    Raises:
        InvalidSaltError: the salt is not 32 bytes.
    """
    if len(salt) != SALT_LENGTH:
        raise InvalidSaltError(len(salt), SALT_LENGTH)
    return keccak256(salt + value.encode())
