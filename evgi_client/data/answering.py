"""Questions inside an unlocked session: which streams a resource has, and its records with their proofs."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from evgi_client.data.documents import read_object
from evgi_client.data.settings import MAX_PAGE
from evgi_client.errors import AccessRightError, ChainError, HostRefusalError, RecordSealedError, StoreError
from evgi_client.messages.access import Right

if TYPE_CHECKING:
    from collections.abc import Callable

    from evgi_client.access.sessions import HostSession
    from evgi_client.data.gate import Gate
    from evgi_client.data.host import DataHost
    from evgi_client.data.records import Records
    from evgi_client.data.store import StoredWrite

    Require = Callable[[HostSession, Right, int], None]

PAGE_BYTES = 3 * 1024 * 1024
"""A page ends about here: a third more in base64, and far below what a packet of the channel may have."""

MAX_QUESTION = 4096

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})\Z")
_WORD = re.compile(r"0x[0-9a-f]{64}\Z")


class Answering:
    """Answers what the accessor of a session asks.

    Args:
        require: returns where the session's accessor still has a right, asked at the head of the chain; else raises.
        report: told what went wrong inside, of which the accessor hears only that it did.
    """

    def __init__(
        self,
        host: DataHost,
        records: Records,
        gate: Gate,
        require: Require,
        report: Callable[[Exception], None],
    ) -> None:
        self._host = host
        self._records = records
        self._gate = gate
        self._require = require
        self._report = report

    def answer(self, session: HostSession, question: bytes) -> bytes:
        """The answer to a question, both JSON in UTF-8. What is refused is an answer too, and the session goes on.

        Raises:
            AccessSessionEndedError: the accessor may no longer read: the session is over.
        """
        try:
            answer = self._answer(session, _parsed(question))
        except HostRefusalError as refusal:
            answer = _error(refusal.code, refusal.message)
        except AccessRightError:
            answer = _error("not_allowed", "The session was not unlocked for reading.")
        except ChainError as error:
            # Without the chain's word nothing is given away; the accessor may ask again.
            self._report(error)
            answer = _error("chain", "The chain does not answer.")
        except (StoreError, RecordSealedError) as error:
            self._report(error)
            answer = _error("internal", "The host cannot read its records.")
        return json.dumps(answer, separators=(",", ":")).encode()

    def _answer(self, session: HostSession, question: dict[str, Any]) -> dict[str, Any]:
        do = question.get("do")
        if do == "end" and len(question) == 1:
            session.finish()
            return {"ended": True}
        if do not in ("list", "read"):
            raise HostRefusalError("malformed", "A question is list, read or end.")
        # Before the question is looked into: who may not read learns nothing from it.
        self._require(session, Right.READ, self._gate.now())
        if do == "list":
            if len(question) != 1:
                raise HostRefusalError("malformed", "A list has no fields.")
            return {"streams": self._list(session.resource)}
        return self._read(session.resource, question)

    def _list(self, resource: bytes) -> list[dict[str, str]]:
        return [
            {
                "stream": "0x" + each.stream.hex(),
                "writes": str(each.writes),
                "anchored": str(each.anchored),
            }
            for each in self._records.streams_of(resource)
        ]

    def _read(self, resource: bytes, question: dict[str, Any]) -> dict[str, Any]:
        if not {"do", "stream"} <= set(question) <= {"do", "stream", "after", "limit"}:
            raise HostRefusalError("malformed", "A read has a stream, and may have after and limit.")
        stream, after, limit = question["stream"], question.get("after"), question.get("limit", MAX_PAGE)
        if not isinstance(stream, str) or not _WORD.match(stream):
            raise HostRefusalError("malformed", "A stream is 32 bytes in lower case after 0x.")
        if after is not None and not (isinstance(after, str) and _DECIMAL.match(after)):
            raise HostRefusalError("malformed", "A position is a decimal string.")
        if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
            raise HostRefusalError("malformed", f"A limit is a number from 1 to {MAX_PAGE}.")
        page = self._records.page(
            resource, bytes.fromhex(stream[2:]), None if after is None else int(after), limit, PAGE_BYTES
        )
        if page is None:
            raise HostRefusalError("unknown_stream", "The resource has no such stream.")
        return {"writes": [self._item(stored) for stored in page.writes], "more": page.more}

    def _item(self, stored: StoredWrite) -> dict[str, Any]:
        opened, proof = self._host.opened(stored), self._host.proof(stored)
        return {
            "position": str(stored.position),
            "write": stored.write.to_json(),
            "account": stored.account,
            "signature": "0x" + stored.signature.hex(),
            "salt": None if opened is None else "0x" + opened[0].hex(),
            "data": None if opened is None else base64.b64encode(opened[1]).decode(),
            "proof": None
            if proof is None
            else {
                "sequence": str(proof[0]),
                "leaves": proof[1],
                "path": ["0x" + sibling.hex() for sibling in proof[2]],
            },
        }


def _parsed(question: bytes) -> dict[str, Any]:
    if len(question) <= MAX_QUESTION:
        with suppress(ValueError):
            return read_object(question)
    raise HostRefusalError("malformed", "A question is a JSON object of at most 4,096 bytes.")


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
