"""JSON of any depth, in a process whose recursion limit somebody raised."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evgi_client.documents import DEEPEST, parse_json

ROOT = Path(__file__).resolve().parents[2]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=200,
)


@given(VALUES)
def test_what_is_shallow_is_read_as_it_is(value: object) -> None:
    text = json.dumps(value)
    assert parse_json(text) == parse_json(text.encode()) == value


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('["]}",', "]")])
def test_depth_is_bounded_where_it_is_said_to_be(opening: str, closing: str) -> None:
    deepest = opening * DEEPEST + "1" + closing * DEEPEST
    assert parse_json(deepest) is not None
    with pytest.raises(ValueError, match="nested more than"):
        parse_json(opening + deepest + closing)


def test_brackets_in_texts_and_side_by_side_do_not_count() -> None:
    assert parse_json(json.dumps("[{" * 1000 + '\\"')) == "[{" * 1000 + '\\"'
    assert parse_json(json.dumps([[]] * 1000)) == [[]] * 1000


@pytest.mark.parametrize("text", ['"' + '\\"' * 200_000 + "[" * 200, '"[' * 200_000, "[]" * 200_000 + '"'])
def test_a_text_without_an_end_costs_no_more_than_it_is_long(text: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ValueError):  # noqa: PT011 — either reason will do
        parse_json(text)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "reader",
    [
        "from evgi_client.cli.files import document_in; document_in(path)",
        "from evgi_client.deployment import read_manifest; read_manifest(path)",
        "from evgi_client.signing import keystore_address; keystore_address(path)",
        "from evgi_client.charging.sources import read_sessions; read_sessions(path)",
        "from evgi_client.tariffs.ocpi_json import read_json; read_json(path.read_text())",
        "from evgi_client.access.packets import read_request; read_request(path.read_bytes())",
        "from evgi_client.certificates.documents import read_object; read_object(path.read_text())",
        "from evgi_client.data.documents import read_object; read_object(path.read_bytes())",
        "from evgi_client.data.exchange import parsed; assert parsed(path.read_bytes())",
    ],
)
def test_no_reader_gives_a_document_the_stack(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"a":' + "[" * 100_000)
    program = (
        "import sys, pathlib\n"
        "sys.setrecursionlimit(1_000_000)\n"
        "path = pathlib.Path(sys.argv[1])\n"
        f"try:\n    {reader}\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.strip(), "it was read"
