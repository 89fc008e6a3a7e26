"""A resolver of ``did:ethr``: DID document, its metadata, and the metadata of the resolution (W3C DID Core, section 7).

Results are those of the npm packages ``did-resolver`` and ``ethr-did-resolver``, whole and for every block. On purpose:

* ``versionTime`` is understood. There it is ignored, and the latest document is returned.
* A ``versionId`` that is no number is an error. There it is ignored too, or read as far as it is a number.
* A node that does not answer is an exception of the chain's. There it is ``notFound``, which says that there is no such
  DID; nobody knows that.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from evgi_client.errors import (
    DidUnresolvedError,
    HistoryMissingError,
    HistoryTooLongError,
    InvalidDidError,
)
from evgi_client.identity.did import METHOD, Did, DidUrl, named, split_identifier
from evgi_client.identity.document import CONTEXT, Json, Version, document_at
from evgi_client.identity.history import RegistryHistory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evgi_client.chain import ContractHandle
    from evgi_client.identity.history import Change, History

LD_JSON = "application/did+ld+json"
DID_JSON = "application/did+json"

_NUMBER = re.compile(r"[0-9]{1,15}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What resolving a DID gave."""

    document: Json | None
    document_metadata: Json
    resolution_metadata: Json

    @property
    def error(self) -> str | None:
        """Why there is no document, in the word that resolvers share; None where there is one."""
        error: str | None = self.resolution_metadata.get("error")
        return error

    @property
    def deactivated(self) -> bool:
        """Is the identity given up for good?"""
        return bool(self.document_metadata.get("deactivated", False))

    def to_json(self) -> Json:
        """The three parts under the names that the standard gives them."""
        return {
            "didDocumentMetadata": self.document_metadata,
            "didResolutionMetadata": self.resolution_metadata,
            "didDocument": self.document,
        }


class Resolver:
    """Resolves DIDs of some networks.

    Args:
        networks: where the changes of a network's identities are found, by the network's names: ``mainnet``, ``0x1``…
    """

    def __init__(self, networks: Mapping[str, History]) -> None:
        self._networks = networks

    @classmethod
    def of(cls, registry: ContractHandle, *names: str) -> Resolver:
        """A resolver for one ``DIDRegistry``, under its chain's id, ``mainnet`` where that is 1, and other names."""
        history = RegistryHistory(registry)
        default = ("mainnet",) if history.chain_id == 1 else ()
        return cls(dict.fromkeys((f"0x{history.chain_id:x}", *default, *names), history))

    def document(
        self, did_url: str, *, version_id: int | None = None, version_time: int | None = None
    ) -> Json:
        """The DID document. Arguments are those of ``resolve``.

        Raises:
            DidUnresolvedError: there is none.
            ChainError: the node does not answer.
        """
        found = self.resolve(did_url, version_id=version_id, version_time=version_time)
        if found.document is None:
            metadata = found.resolution_metadata
            raise DidUnresolvedError(did_url, metadata["error"], metadata.get("message", ""))
        return found.document

    def resolve(
        self,
        did_url: str,
        *,
        accept: str | None = None,
        version_id: int | None = None,
        version_time: int | None = None,
    ) -> Resolution:
        """Resolves a DID. What is wrong with it is in the result, not raised.

        Args:
            did_url: a DID, with ``?versionId=`` (a block) or ``?versionTime=`` (a date and time with its zone) where a
                past document is meant. Path and fragment are ignored.
            accept: ``application/did+ld+json``, which is the default, or ``application/did+json``.
            version_id: as in the DID URL, whose own goes before it.
            version_time: likewise, in Unix seconds: the document as it was then, with what was valid then. Not later
                than the latest block: until then it may change.

        Raises:
            ChainError: the node does not answer.
        """
        try:
            url = DidUrl.parse(did_url)
        except InvalidDidError:
            return _failed("invalidDid")
        if url.method != METHOD:
            return _failed("unsupportedDidMethod")
        if accept not in (None, LD_JSON, DID_JSON):
            reason = f"The DID resolver does not support the requested 'accept' format: {accept}"
            return _failed("unsupportedFormat", reason)
        try:
            network, name = split_identifier(url.identifier)
        except InvalidDidError:
            return _failed("invalidDid", f"Not a valid did:ethr: {url.identifier}")
        try:
            wanted = _wanted(url.query, version_id, version_time)
        except ValueError as error:
            return _failed("invalidDidUrl", str(error))
        history = self._networks.get(network)
        if history is None:
            reason = f"The DID resolver does not have a configuration for network: {network}"
            return _failed("unknownNetwork", reason)
        try:
            # A DID whose form is right and that names no identity was not found, as there.
            did = Did(url.did, network, *named(name))
            return _resolved(did, history, accept, *wanted)
        except (InvalidDidError, HistoryMissingError, HistoryTooLongError) as error:
            return _failed("notFound", error.why if isinstance(error, HistoryMissingError) else str(error))


def _resolved(
    did: Did, history: History, accept: str | None, version_id: int | None, version_time: int | None
) -> Resolution:
    if version_id is not None and version_id > history.head():
        raise HistoryMissingError(version_id, f"Block at height {version_id} not found")
    if version_time is not None:
        head = history.head()
        # A later block may yet change the document of such a time, and what was answered for a time stays so.
        if version_time > history.time_of(head):
            raise HistoryMissingError(head, f"No block is as late as {_iso(version_time)} yet")
    changes = history.changes(did.identity)
    if version_time is not None:
        version_id, now = _last_by(version_time, changes, history), version_time
    else:
        now = history.now() if version_id is None else history.time_of(version_id)
    version = document_at(did, history.chain_id, changes, now, version_id)
    document = dict(version.document)
    if accept != DID_JSON:
        document["@context"] = list(CONTEXT)
    return Resolution(document, _metadata(version, history), {"contentType": accept or LD_JSON})


def _last_by(time: int, changes: Sequence[Change], history: History) -> int:
    """The last block of a change that was made by a time; 0 where none was."""
    blocks = sorted({change.block for change in changes})
    found = bisect_right(blocks, time, key=history.time_of)
    return blocks[found - 1] if found else 0


def _metadata(version: Version, history: History) -> Json:
    metadata: Json = {"deactivated": True} if version.deactivated else {}
    if version.block:
        metadata["versionId"] = str(version.block)
        metadata["updated"] = _iso(history.time_of(version.block))
    if version.next_block is not None:
        metadata["nextVersionId"] = str(version.next_block)
        metadata["nextUpdate"] = _iso(history.time_of(version.next_block))
    return metadata


def _wanted(
    query: str | None, version_id: int | None, version_time: int | None
) -> tuple[int | None, int | None]:
    """The block or the time that is asked for.

    Raises:
        ValueError: both are, or what is asked for is neither.
    """
    asked = dict(reversed(parse_qsl(query or "", keep_blank_values=True)))  # of several the first counts
    block, moment = asked.get("versionId"), asked.get("versionTime")
    if block is not None:
        if not _NUMBER.fullmatch(block):
            raise ValueError(f"versionId {block!r} is no block number")
        version_id = int(block)
    if moment is not None:
        version_time = _seconds(moment)
    if version_id is not None and version_time is not None:
        raise ValueError("both versionId and versionTime")
    return version_id, version_time


def _seconds(moment: str) -> int:
    if not _MOMENT.fullmatch(moment):
        raise ValueError(f"versionTime {moment!r} is no date and time such as 2026-11-20T09:00:00Z")
    return int(datetime.fromisoformat(re.sub(r"\.[0-9]+", "", moment).replace("Z", "+00:00")).timestamp())


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _failed(error: str, message: str | None = None) -> Resolution:
    return Resolution(None, {}, {"error": error} if message is None else {"error": error, "message": message})
