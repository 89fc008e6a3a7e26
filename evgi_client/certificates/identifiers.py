"""Claims that are identifiers with rules of their own: checked, and in one form, wherever one is signed or read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evgi_client.errors import ClaimError
from evgi_client.messages import normalise_evse_id
from evgi_client.messages.emaid import normalise_emaid
from evgi_client.messages.meter_serial import normalise_meter_serial
from evgi_client.messages.vin import normalise_vin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FORMS: dict[str, Callable[[str], str]] = {
    "vin": normalise_vin,
    "emaid": normalise_emaid,
    "meterSerial": normalise_meter_serial,
    "evseIds": normalise_evse_id,
}


def normalised(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of claims with every identifier in its one form. What is no text is left for the schema to refuse.

    Raises:
        MessageError: an identifier that is none, or has a wrong check digit.
    """
    return {name: _form(name, value) for name, value in values.items()}


def require_normal(values: Mapping[str, Any]) -> None:
    """Every identifier must be one, in its one form: a second form would have another hash.

    Raises:
        ClaimError: another form.
        MessageError: an identifier that is none, or has a wrong check digit.
    """
    for name, value in values.items():
        if _form(name, value) != value:
            raise ClaimError(name, "it is not in its one form")


def _form(name: str, value: Any) -> Any:
    form = _FORMS.get(name)
    if form is None:
        return value
    if isinstance(value, list | tuple):
        return [form(each) if isinstance(each, str) else each for each in value]
    return form(value) if isinstance(value, str) else value
