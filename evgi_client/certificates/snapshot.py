"""Facts about certificates, taken from a chain's events, kept as JSON, and judged without a node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from evgi_client.certificates.documents import Json, canonical
from evgi_client.certificates.facts import (
    FACTS,
    Accredited,
    Appointed,
    ContractAccount,
    Fact,
    OwnerChanged,
    Registered,
    Revoked,
    StatusesOpened,
    StatusesRevoked,
    Withdrawn,
)
from evgi_client.certificates.ownership import NOBODY
from evgi_client.certificates.world import World
from evgi_client.errors import CertificateDocumentError, MessageError, SnapshotError
from evgi_client.identity import SIG_AUTH, word_of
from evgi_client.messages.certificates import EntityCertificate
from evgi_client.messages.domain import Domain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from evgi_client.chain import ContractHandle, Event

KIND = "evgi-certificate-snapshot"
VERSION = 1

LONGEST = 1 << 30
"""Bytes of a snapshot that is read."""

_KEYS = {"kind", "version", "domain", "block", "blockHash", "time", "facts"}


@dataclass(frozen=True)
class Snapshot:
    """What was known at a block. For times up to ``time`` it answers as the chain does, for good; for later ones as
    things stood then. Whoever gives it is trusted: ``block_hash`` is there to be compared with a node's."""

    domain: Domain
    """Of the ``CertificateRegistry``."""
    block: int
    block_hash: bytes
    time: int
    """Of the block, Unix seconds."""
    facts: tuple[Fact, ...]
    """In the order of the chain."""

    @cached_property
    def world(self) -> World:
        """The facts, ready to be asked.

        Raises:
            SnapshotError: a fact that cannot follow those before it.
        """
        return World(self.facts)

    def to_json(self) -> Json:
        """A JSON object."""
        return {
            "kind": KIND,
            "version": VERSION,
            "domain": self.domain.to_json(),
            "block": self.block,
            "blockHash": "0x" + self.block_hash.hex(),
            "time": self.time,
            "facts": [{"fact": fact.TYPE, **fact.to_json()} for fact in self.facts],
        }

    @classmethod
    def from_json(cls, document: Any) -> Snapshot:
        """Reads ``to_json``'s object, and nothing else.

        Raises:
            SnapshotError: it is none.
        """
        head = _head(document)
        try:
            domain = Domain.from_json(document["domain"])
        except MessageError as error:
            raise SnapshotError("domain", str(error)) from error
        facts = tuple(_fact(number, each) for number, each in enumerate(document["facts"]))
        return cls(domain, head["block"], bytes.fromhex(head["blockHash"][2:]), head["time"], facts)

    @classmethod
    def take(
        cls,
        contracts: Mapping[str, ContractHandle],
        domain: Domain,
        *,
        subjects: Collection[str] | None = None,
        from_block: int = 0,
        block: int | None = None,
    ) -> Snapshot:
        """Reads events of the three registries.

        Args:
            contracts: handles of the suite by name.
            domain: of the ``CertificateRegistry``.
            subjects: whose certificates are to be judged; everyone's where not given.
            from_block: the block of the deployment.
            block: the last block that is read; the latest where not given.
        """
        chain = contracts["CertificateRegistry"].chain
        last = chain.head() if block is None else block
        facts = _Reader(contracts, from_block, last).read(subjects)
        block_hash = bytes.fromhex(chain.block_hash(last)[2:])
        return cls(domain, last, block_hash, chain.timestamp_of(last), facts)


class _Reader:
    """Reads what the certificates asked for depend on: all accreditations, then whatever issuers, publishers and
    holders did."""

    def __init__(self, contracts: Mapping[str, ContractHandle], first: int, last: int) -> None:
        self._contracts = contracts
        self._first, self._last = first, last
        self._found: list[tuple[int, int, Fact]] = []
        self._chain = contracts["CertificateRegistry"].chain
        self._time_of: Callable[[int], int] = lru_cache(maxsize=None)(self._chain.timestamp_of)

    def read(self, subjects: Collection[str] | None) -> tuple[Fact, ...]:
        for name in ("AnchorAccredited", "AccreditationWithdrawn"):
            self._take("CertificateRegistry", name, {})
        self._take("CertificateRegistry", "CertificateRegistered", _only("subject", subjects))
        signed = [fact.certificate for _, _, fact in self._found if isinstance(fact, Registered)]
        issuers = None if subjects is None else {each.issuer for each in signed}
        publishers = None if subjects is None else {each.status_publisher for each in signed} - {NOBODY}
        identities = None if issuers is None else issuers | set(subjects or ())
        self._take("RevocationRegistry", "Revoked", _only("issuer", issuers))
        for name in ("StatusesOpened", "StatusesRevoked"):
            self._take("RevocationRegistry", name, _only("publisher", publishers))
        for name in ("DIDOwnerChanged", "DIDDelegateChanged"):
            self._take("DIDRegistry", name, _only("identity", identities))
        in_order = [fact for _, _, fact in sorted(self._found, key=lambda each: each[:2])]
        return (*in_order, *self._accounts(in_order))

    def _take(self, contract: str, name: str, filters: dict[str, list[str]]) -> None:
        if [] in filters.values():
            return  # nobody to ask about
        for event in self._contracts[contract].events(name, self._first, self._last, **filters):
            fact = _fact_of(event, self._time_of)
            if fact is not None:
                self._found.append((event.block_number, event.log_index, fact))

    def _accounts(self, facts: Iterable[Fact]) -> list[Fact]:
        world = World(facts)
        owners = {world.signer_of(each.struct_hash()) or NOBODY for each in world.certificates()}
        return [ContractAccount(owner) for owner in sorted(owners) if self._chain.code(owner)]


def _only(argument: str, values: Collection[str] | None) -> dict[str, list[str]]:
    return {} if values is None else {argument: sorted(values)}


def _fact_of(event: Event, time_of: Callable[[int], int]) -> Fact | None:
    args: Any = event.args
    if event.name == "AnchorAccredited":
        span = (args["validFrom"], args["validUntil"])
        types, depth = args["entityTypes"], args["depth"]
        return Accredited(args["anchor"], args["accreditor"], args["version"], types, depth, *span)
    if event.name == "AccreditationWithdrawn":
        return Withdrawn(args["anchor"], args["version"], args["effectiveAt"])
    if event.name == "CertificateRegistered":
        return Registered(EntityCertificate(*args["entityCertificate"]), time_of(event.block_number))
    if event.name == "Revoked":
        return Revoked(args["issuer"], args["target"], args["effectiveAt"], args["reason"])
    if event.name == "StatusesOpened":
        return StatusesOpened(args["publisher"], args["firstWord"], args["count"])
    if event.name == "StatusesRevoked":
        return StatusesRevoked(args["publisher"], args["word"], args["indices"], args["effectiveAt"])
    if event.name == "DIDOwnerChanged":
        return OwnerChanged(args["identity"], args["owner"], time_of(event.block_number))
    if args["delegateType"] != word_of(SIG_AUTH):
        return None
    valid_to = min(args["validTo"], 2**64 - 1)
    return Appointed(args["identity"], args["delegate"], valid_to, time_of(event.block_number))


def _head(document: Any) -> Json:
    if not isinstance(document, dict):
        raise SnapshotError("", "no JSON object")
    if (document.get("kind"), document.get("version")) != (KIND, VERSION):
        raise SnapshotError("version", f"expected {KIND} of version {VERSION}")
    if document.keys() != _KEYS:
        odd = ", ".join(sorted(map(str, document.keys() ^ _KEYS)))
        raise SnapshotError("", f"missing or unknown: {odd[:200]}")
    for key in ("block", "time"):
        if type(document[key]) is not int or not 0 <= document[key] < 2**64:
            raise SnapshotError(key, "no unsigned integer of 64 bits")
    block_hash = document["blockHash"]
    if not isinstance(block_hash, str) or len(block_hash) != 66 or not _is_hexadecimal(block_hash):
        raise SnapshotError("blockHash", "no 32 bytes in hexadecimal")
    if not isinstance(document["facts"], list):
        raise SnapshotError("facts", "no array")
    return document


def _is_hexadecimal(text: str) -> bool:
    return text.startswith("0x") and set(text[2:]) <= set("0123456789abcdef")


def _fact(number: int, document: Any) -> Fact:
    where = f"facts[{number}]"
    kind = document.get("fact") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in FACTS:
        raise SnapshotError(where, "no fact, or of no known kind")
    try:
        fact = FACTS[kind].from_json({key: value for key, value in document.items() if key != "fact"})
        # One form only: the same snapshot is the same bytes.
        if canonical({"fact": kind, **fact.to_json()}) != canonical(document):
            raise SnapshotError(where, "not in its one form")
    except (MessageError, CertificateDocumentError) as error:
        raise SnapshotError(where, str(error)) from error
    return fact
