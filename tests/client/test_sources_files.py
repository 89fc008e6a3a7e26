"""Which format a file has, and how much of a damaged one is read."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from evgi_client.charging.sources import FORMATS, REASONS, detect, read_sessions
from evgi_client.errors import ChargingError, SessionFileError, UnknownSessionFormatError

Write = Callable[..., Path]

HEADER = "session_id,operator,evse_id,connector,driver,rated_power_w,started_at,ended_at,energy_kwh,charging_seconds"


def line(number: int, name: str = "Amber") -> str:
    day = f"2026-04-{number % 28 + 1:02}T{number // 28 % 24:02}"
    return (
        f"T-{number},{name},DE*TST*E{number},1,driver-{number % 7},11040,{day}:00:00Z,{day}:30:00Z,"
        f"{number % 5}.{number % 1000:03},1800"
    )


def table(count: int, *between: str) -> str:
    lines = [line(number) for number in range(1, count + 1)]
    lines[count // 2 : count // 2] = between
    return "\n".join([HEADER, *lines]) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "sessions.bin") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_a_name_says_nothing(write: Write) -> None:
    assert detect(write(table(3), "trondheim.csv.gz")) == "synthetic"
    assert detect(write(gzip.compress(table(3).encode()), "plain.csv")) == "synthetic"


def test_a_byte_order_mark_and_dos_lines_and_blank_ones(write: Write) -> None:
    text = "\ufeff" + table(3).replace("\n", "\r\n") + "\r\n\r\n"
    reading = read_sessions(write(text))
    assert (reading.read, len(reading.sessions)) == (3, 3)
    assert [session.row for session in reading.sessions] == [1, 2, 3]


def test_columns_may_stand_in_any_order_and_more_of_them(write: Write) -> None:
    names = [*reversed(HEADER.split(",")), "remark"]
    fields = [*reversed(line(1).split(",")), "none"]
    (session,) = read_sessions(write(",".join(names) + "\n" + ",".join(fields))).sessions
    assert (session.session_id, session.connector_number, session.energy_wh) == ("T-1", 1, 1_001)


@pytest.mark.parametrize(
    "content",
    ["", "  \n \n", b"\x1f\x8b"],
    ids=["empty", "blank", "two bytes of gzip"],
)
def test_nothing_to_read(write: Write, content: str | bytes) -> None:
    path = write(content)
    with pytest.raises(SessionFileError) as caught:
        read_sessions(path)
    assert caught.value.path == path
    assert isinstance(caught.value, ChargingError)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(SessionFileError):
            detect(path)


@pytest.mark.parametrize(
    "content", ["a,b,c\n1,2,3\n", '{"id": "LOC1"}', "\x00\x01\x02", '"never closed,a\n1,2\n', "%PDF-1.7\n"]
)
def test_an_unknown_format_is_shown_and_the_known_ones_listed(write: Write, content: str) -> None:
    path = write(content)
    with pytest.raises(UnknownSessionFormatError) as caught:
        read_sessions(path)
    assert caught.value.found == content.split("\n")[0].lstrip()
    assert caught.value.formats == tuple(FORMATS)
    assert set(FORMATS) == {"trondheim", "workplace", "acn", "dundee", "perth", "ocpi", "synthetic"}
    assert all(name in str(caught.value) for name in FORMATS)


def test_a_format_by_name(write: Write) -> None:
    path = write(table(2))
    assert read_sessions(path, "synthetic") == read_sessions(path)
    with pytest.raises(UnknownSessionFormatError, match="dundee"):
        read_sessions(path, "dundee")
    with pytest.raises(UnknownSessionFormatError, match="format elsewhere"):
        read_sessions(path, "elsewhere")


@pytest.mark.parametrize(
    ("broken", "detail"),
    [
        ("T-9,Amber", "2 fields, the header has 10"),
        (line(9) + ",more", "11 fields, the header has 10"),
        ('"' + line(9), "the line is no row: unexpected end of data"),
        (line(9).replace("1,driver", "0,driver"), "connector '0': no integer from 1 to 255"),
        (line(9).replace("1,driver", "256,driver"), "connector '256': no integer from 1 to 255"),
        (line(9).replace("11040", "11 kW"), "rated_power_w '11 kW': no integer from 1 to 999999999"),
        (line(9).replace("4.009", "4,009"), "11 fields, the header has 10"),
        (line(9).replace("4.009", "NaN"), "energy_kwh 'NaN': no number"),
        (line(9).replace("4.009", "4_009"), "energy_kwh '4_009': no number"),
        (
            line(9).replace(":00:00Z", ":00:00"),
            "started_at '2026-04-10T00:00:00': no time as yyyy-mm-ddThh:mm:ss with an offset",
        ),
        (line(9).replace(":00:00Z", ":61:00Z"), "started_at '2026-04-10T00:61:00Z': no such time"),
        (line(9).replace("DE*TST*E9", "station 9"), "evse_id 'station 9':"),
        (line(9).replace("Amber", " "), "operator '': empty"),
    ],
)
def test_a_broken_line_costs_itself_and_says_why(write: Write, broken: str, detail: str) -> None:
    reading = read_sessions(write(table(6, broken)))
    (quarantined,) = reading.quarantined
    assert reading.read == 7
    assert [session.session_id for session in reading.sessions] == [f"T-{number}" for number in range(1, 7)]
    assert (quarantined.row, quarantined.reason) == (4, "unreadable")
    assert quarantined.detail.startswith(detail)
    assert "".join(quarantined.raw.values()).replace(",", "") in broken.replace(",", "")


def test_bytes_that_are_no_text_cost_their_line(write: Write) -> None:
    content = table(4).replace("T-2,Amber", "T-2,Amb\udcffer").encode(errors="surrogateescape")
    reading = read_sessions(write(content))
    assert [session.session_id for session in reading.sessions] == ["T-1", "T-3", "T-4"]
    assert "no UTF-8" in reading.quarantined[0].detail


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_compressed_file_that_breaks_off(write: Write, share: float) -> None:
    """Every line that is whole in what can be inflated is read, and one more row says that the rest is missing."""
    text = table(4_000).encode()
    packed = gzip.compress(text)
    packed = packed[: int(len(packed) * share)]
    whole_lines = zlib.decompressobj(31).decompress(packed).count(b"\n") - 1
    reading = read_sessions(write(packed))
    assert whole_lines > 100
    assert reading.read == whole_lines + 1
    assert len(reading.sessions) == whole_lines
    (damage,) = reading.quarantined
    assert (damage.row, damage.reason) == (whole_lines + 1, "unreadable")
    assert damage.detail.startswith("the file breaks off: Compressed file ended")


def test_a_compressed_file_with_a_damaged_place(write: Write) -> None:
    """What is behind it cannot be inflated; of what is in front of it three lines at most are lost."""
    text = table(4_000).encode()
    name, content = "n" * 5_000, io.BytesIO()
    with gzip.GzipFile(name, "wb", compresslevel=0, fileobj=content) as file:
        file.write(text)
    packed = bytearray(content.getvalue())
    # Blocks that are stored as they are: a byte of flags, the length, its complement. The third one's is wrong. The
    # name in front of them puts them across the boundaries of buffers.
    place, before = 10 + len(name) + 1, 0
    for _ in range(2):
        length = int.from_bytes(packed[place + 1 : place + 3], "little")
        before += length
        place += 5 + length
    packed[place + 3] ^= 0xFF
    before = text[:before].count(b"\n") - 1
    assert 500 < before < 3_500
    reading = read_sessions(write(bytes(packed)))
    assert reading.read == len(reading.sessions) + len(reading.quarantined)
    assert before - 3 <= len(reading.sessions) <= before
    last = reading.quarantined[-1]
    assert (last.row, last.reason) == (reading.read, "unreadable")
    assert last.detail.startswith("the file breaks off")
    assert reading.sessions == read_sessions(write(text), limit=len(reading.sessions)).sessions


def test_a_wrong_checksum_costs_no_row(write: Write) -> None:
    packed = bytearray(gzip.compress(table(300).encode()))
    packed[-8] ^= 0xFF
    reading = read_sessions(write(bytes(packed)))
    assert (reading.read, len(reading.sessions)) == (301, 300)
    assert "CRC" in reading.quarantined[0].detail


def test_several_compressed_parts_are_one_file(write: Write) -> None:
    text = table(10).encode()
    reading = read_sessions(write(gzip.compress(text[:300]) + gzip.compress(text[300:])))
    assert (reading.read, len(reading.sessions)) == (10, 10)


def test_a_limit_and_progress(write: Write) -> None:
    path = write(table(2_500))
    seen: list[int] = []
    assert read_sessions(path, progress=seen.append).read == 2_500
    assert seen == [1_000, 2_000, 2_500]
    seen.clear()
    reading = read_sessions(path, limit=7, progress=seen.append)
    assert (reading.read, len(reading.sessions), seen) == (7, 7, [7])
    assert read_sessions(path, limit=2_500).read == 2_500
    assert read_sessions(path, limit=9_999).read == 2_500


def test_a_limit_before_the_damage_does_not_see_it(write: Write) -> None:
    packed = gzip.compress(table(4_000).encode())
    path = write(packed[: len(packed) // 2])
    reading = read_sessions(path, limit=50)
    assert (reading.read, reading.quarantined) == (50, ())
    whole = len(read_sessions(path).sessions)
    assert read_sessions(path, limit=whole).quarantined == ()
    assert read_sessions(path, limit=whole + 1).quarantined[0].row == whole + 1


def test_formats_and_reasons_are_documented() -> None:
    docs = (Path(__file__).resolve().parents[2] / "docs" / "sessions.md").read_text(encoding="utf-8")
    assert all(f"| `{word}` | " in docs for word in (*FORMATS, *REASONS))
    assert all(name == source.name for name, source in FORMATS.items())


def test_a_header_alone_is_an_empty_reading(write: Write) -> None:
    reading = read_sessions(write(HEADER))
    assert (reading.read, reading.sessions, reading.quarantined, reading.energy_wh) == (0, (), (), 0)


def test_a_reading_counts_itself(write: Write) -> None:
    reading = read_sessions(write(table(6, "T-9,Amber", "T-10,Amber", line(11).replace("1.011", "-1.0"))))
    assert reading.reasons() == {"unreadable": 2, "negative_energy": 1}
    assert reading.energy_wh == sum(session.energy_wh for session in reading.sessions) == 11_021
