"""docs/unlock.md says what the code does: its numbers, its reasons, its errors, and an example that runs."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from evgi_client import errors
from evgi_client.access import channel, packets
from evgi_client.access.judging import UnlockLimits
from evgi_client.messages.access import UnlockAcceptance, UnlockRejection, UnlockRequest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "unlock.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_page_says() -> None:
    ((code, printed),) = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "unlock.md", "exec"), {"__name__": "example"})
    assert output.getvalue() == printed


def test_the_reasons_are_those_of_the_code() -> None:
    listed = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert [(int(code), name) for code, name in listed] == [
        (reason.value, reason.name) for reason in packets.RejectionReason
    ]
    ends = set(re.findall(r"ENDED: ([A-Z_]+)", PAGE))
    assert ends == {reason.name for reason in channel.EndReason} - {"ANSWER_LOST"}


def test_every_field_and_error_is_named() -> None:
    for message in (UnlockRequest, UnlockRejection, UnlockAcceptance):
        (section,) = re.findall(rf"\*\*{message.TYPE}\*\*\n\n((?:\|.*\n)+)", PAGE)
        rows = re.findall(r"^\| (`[^|]+`) \| (\w+) \|", section, re.MULTILINE)
        named = [(name, kind) for names, kind in rows for name in re.findall(r"`(\w+)`", names)]
        members = message.typed_data_types()[message.TYPE]
        assert named == [(member["name"], member["type"]) for member in members]
    named = set(re.findall(r"`(Packet\w+Error)`", PAGE))
    assert named == {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type)
        and issubclass(value, errors.PacketError)
        and value is not errors.PacketError
    }


def test_the_numbers_are_those_of_the_code() -> None:
    for text, value in (
        ("At most 16,384 bytes", packets.MAX_PACKET == 16_384),
        ("at most 300 s", packets.MAX_REQUEST_SECONDS == 300),
        ("at most 86,400 s", packets.MAX_SESSION_SECONDS == 86_400),
        ("more than 30 s later", packets.CLOCK_SKEW == 30),
        ("is an hour unless set otherwise", UnlockLimits().session_seconds == 3_600),
        ("of each accessor 16", UnlockLimits().sessions_per_accessor == 16),
        ("`evgi-unlock/1`", packets.PROTOCOL == "evgi-unlock/1"),
    ):
        assert text in PAGE, text
        assert value, text
