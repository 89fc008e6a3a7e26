"""Files that are made to stop, stall or fill whoever reads them: each is an error or a row of its own."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from evgi_client.charging.sources.files import SessionFile
from evgi_client.errors import OcpiFieldError, UnitError
from evgi_client.tariffs.ocpi_json import read_json, unix_seconds, write_json
from evgi_client.units import minor

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_that_never_ends_is_damage(tmp_path: Path) -> None:
    """Sixteen kilobytes of gzip are sixteen megabytes of one line; rows in front of it are kept."""
    path = tmp_path / "sessions.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"a,b\n1,2\n" + b"x" * (16 << 20))
    good, damaged = SessionFile(path).rows(",")
    assert (good.values, good.damage) == ({"a": "1", "b": "2"}, None)
    assert "1,048,576" in (damaged.damage or "")


def test_a_long_line_is_still_a_row(tmp_path: Path) -> None:
    path = tmp_path / "sessions.csv"
    path.write_bytes(b"a,b\n" + b"x" * 900_000 + b",2\n3,4")
    assert [len(row.values["a"]) for row in SessionFile(path).rows(",")] == [900_000, 1]


def test_a_number_with_an_absurd_exponent_is_written_as_it_came() -> None:
    text = write_json(read_json('{"unknown": 1e2000000000}'))
    assert len(text) < 40
    assert json.loads(text.replace("2000000000", "3")) == {"unknown": 1000}


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_outside_the_calendar_is_an_error_of_the_document(text: str) -> None:
    with pytest.raises(OcpiFieldError):
        unix_seconds(text, "start_date_time")


@pytest.mark.parametrize("text", ["1e99999999", "-1e-99999999", "1e101"])
def test_an_amount_of_absurd_length_is_no_amount(text: str) -> None:
    with pytest.raises(UnitError):
        minor(text)
