"""The directory of charge points, from events alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.charging.directory import ChargePoint, Directory, Status
from evgi_client.errors import DirectoryEventError

FIRST = ChargePoint("0xC1", 1_000, Status.IN_SERVICE, 1, "0x0A", 22_000, "0xEE", evse_id_hash=b"\x11" * 32)
CONNECTOR, OTHER = b"\x01" * 32, b"\x02" * 32


@dataclass(frozen=True)
class Recorded:
    args: dict[str, Any]


def recorded(connector: bytes, version: int, state: ChargePoint) -> Recorded:
    """An event as the chain gives it: the struct under its Solidity names."""
    struct = SimpleNamespace(
        creditor=state.creditor,
        since=state.since,
        status=int(state.status),
        connectorNumber=state.connector_number,
        operator=state.operator,
        ratedPowerW=state.rated_power_w,
        meterKey=state.meter_key,
        evseIdHash=state.evse_id_hash,
        location=state.location,
        openingHours=state.opening_hours,
        tariff=state.tariff,
        certification=state.certification,
    )
    return Recorded({"connector": connector, "version": version, "state": struct})


def test_each_time_has_the_version_that_held_then() -> None:
    closed = replace(FIRST, since=2_000, status=Status.OUT_OF_SERVICE)
    moved = replace(closed, since=2_001, creditor="0xC2", status=Status.IN_SERVICE, tariff=b"\x22" * 32)
    events = [recorded(CONNECTOR, number, state) for number, state in enumerate((FIRST, closed, moved))]
    directory = Directory.from_events(events)
    assert directory.at(CONNECTOR, 999) is None
    assert directory.at(CONNECTOR, 1_000) == FIRST
    assert directory.at(CONNECTOR, 1_999) == FIRST
    assert directory.at(CONNECTOR, 2_000) == closed
    assert directory.at(CONNECTOR, 2_001) == moved
    assert directory.at(CONNECTOR, 2**63) == moved
    assert directory.versions(CONNECTOR) == (FIRST, closed, moved)
    assert [version.in_service for version in directory.versions(CONNECTOR)] == [True, False, True]


def test_connectors_are_kept_apart_and_in_order() -> None:
    second = replace(FIRST, connector_number=2)
    directory = Directory.from_events([recorded(OTHER, 0, second), recorded(CONNECTOR, 0, FIRST)])
    assert list(directory) == [OTHER, CONNECTOR]
    assert len(directory) == 2
    assert directory.at(OTHER, 1_000) == second
    assert directory.at(b"\x03" * 32, 1_000) is None
    assert directory.versions(b"\x03" * 32) == ()


def test_the_same_event_again_changes_nothing() -> None:
    directory = Directory.from_events([recorded(CONNECTOR, 0, FIRST), recorded(CONNECTOR, 0, FIRST)])
    assert directory.versions(CONNECTOR) == (FIRST,)


def test_a_missing_event_is_noticed() -> None:
    directory = Directory.from_events([recorded(CONNECTOR, 0, FIRST)])
    with pytest.raises(DirectoryEventError, match="expected version 1") as refused:
        directory.add(recorded(CONNECTOR, 2, replace(FIRST, since=3_000)))
    assert (refused.value.connector, refused.value.version) == (CONNECTOR, 2)
    with pytest.raises(DirectoryEventError, match="expected version 0"):
        directory.add(recorded(OTHER, 1, FIRST))
    assert list(directory) == [CONNECTOR]


def test_a_contradiction_is_noticed() -> None:
    directory = Directory.from_events([recorded(CONNECTOR, 0, FIRST)])
    with pytest.raises(DirectoryEventError, match="another state"):
        directory.add(recorded(CONNECTOR, 0, replace(FIRST, operator="0x0B")))
    assert directory.versions(CONNECTOR) == (FIRST,)


@given(st.sets(st.integers(1, 60), min_size=1, max_size=12), st.integers(0, 70))
@settings(max_examples=100)
def test_at_is_the_last_version_begun(begins: set[int], time: int) -> None:
    states = [replace(FIRST, since=since) for since in sorted(begins)]
    directory = Directory.from_events(recorded(CONNECTOR, *numbered) for numbered in enumerate(states))
    begun = [state for state in states if state.since <= time]
    assert directory.at(CONNECTOR, time) == (begun[-1] if begun else None)
