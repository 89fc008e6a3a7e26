"""Charge point models of the Scottish councils' files, as ratings."""

from __future__ import annotations

from evgi_client.charging.sources.fields import unreadable
from evgi_client.charging.sources.sockets import AC_3_PHASE_32A_230V_W, AC_32A_230V_W, RAPID_50KW_W

_RATED_POWER_W = {
    "APT 7kW Single Outlet": AC_32A_230V_W,
    "APT 7kW Dual Outlet": AC_32A_230V_W,
    "Siemens 7 kW Dual Outlet": AC_32A_230V_W,
    "APT 22kW Dual Outlet": AC_3_PHASE_32A_230V_W,
    "APT 22kW Raption": AC_3_PHASE_32A_230V_W,
    # No number in its name; nobody averaged more than 20 kW.
    "Siemens Semi-Rapid": AC_3_PHASE_32A_230V_W,
    # Which connector is the AC one of 43 kW differs between makers, so that all have the rating of the DC ones.
    "APT Dual Rapid Charger": RAPID_50KW_W,
    "APT Triple Rapid Charger": RAPID_50KW_W,
    "Siemens Triple Rapid Charger": RAPID_50KW_W,
    "APT 50kW Raption": RAPID_50KW_W,
}


def rated_power_w(model: str) -> int:
    """W that a connector of a model can deliver.

    Raises:
        SessionRowError: a model that is not known.
    """
    rated = _RATED_POWER_W.get(model)
    if rated is None:
        raise unreadable("Model", model, "its power is not known")
    return rated
