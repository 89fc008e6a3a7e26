"""Facts about access out of the events of four registries."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from evgi_client.access.facts import (
    Allowed,
    Blocked,
    Bootstrapped,
    Fact,
    Granted,
    GroupCreated,
    Member,
    OwnerChanged,
    ParentChanged,
    Revoked,
    Used,
)
from evgi_client.access.world import NOBODY
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from evgi_client.chain import ContractHandle
    from evgi_client.chain.events import Event

    TimeOf = Callable[[int], int]


def read_facts(
    contracts: Mapping[str, ContractHandle],
    resources: Iterable[bytes] | None = None,
    *,
    from_block: int = 0,
    to_block: int,
) -> tuple[Fact, ...]:
    """What the events of some blocks say, in order.

    Args:
        contracts: handles of the suite by name.
        resources: what is to be decided on; everything where not given.
    """
    reader = _Reader(contracts, from_block, to_block)
    return reader.read(None if resources is None else list(resources))


class _Reader:
    """Reads only what the resources asked for depend on: their own events, then those of the identities, groups and
    certificates that these name."""

    def __init__(self, contracts: Mapping[str, ContractHandle], first: int, last: int) -> None:
        self._contracts = contracts
        self._first = first
        self._last = last
        self._found: list[tuple[int, int, Fact]] = []
        chain = contracts["AccessRegistry"].chain
        self._time_of: TimeOf = lru_cache(maxsize=None)(chain.timestamp_of)

    def read(self, resources: list[bytes] | None) -> tuple[Fact, ...]:
        if resources == []:
            return ()
        of = {} if resources is None else {"resource": resources}
        for name in _RESOURCE_EVENTS:
            self._take("AccessRegistry", name, **of)

        owners, issuers, groups, certificates = self._named()
        if resources is None:
            groups, certificates, owners, issuers = None, None, None, None
        self._take("AccessRegistry", "CertificateUsed", **_filter("certificate", certificates))
        for name in ("GroupCreated", "MemberAdded", "MemberRemoved"):
            self._take("AccessRegistry", name, **_filter("group", groups))
        self._take("CertificateRegistry", "CertificateRegistered", **_filter("subject", owners))
        self._drop_unchanged_parents()

        identities = None if issuers is None else issuers | self._parents_and_group_owners()
        self._take("DIDRegistry", "DIDOwnerChanged", **_filter("identity", identities))
        self._take("RevocationRegistry", "Revoked", **_filter("issuer", issuers))
        if certificates is not None:
            self._drop_foreign_revocations(certificates)
        return tuple(fact for _, _, fact in sorted(self._found, key=lambda each: each[:2]))

    def _named(self) -> tuple[set[str] | None, set[str] | None, set[bytes] | None, set[bytes] | None]:
        """Owners of the resources, whoever may revoke, groups and certificates."""
        owners: set[str] = set()
        issuers: set[str] = set()
        groups: set[bytes] = set()
        certificates: set[bytes] = set()
        for _, _, fact in self._found:
            if isinstance(fact, Bootstrapped):
                owners.add(fact.bootstrapping.owner)
                issuers.add(fact.bootstrapping.owner)
                certificates.add(fact.bootstrapping.struct_hash())
            elif isinstance(fact, Granted):
                issuers.add(fact.certificate.granter)
                certificates.add(fact.certificate.struct_hash())
                if any(fact.certificate.group):
                    groups.add(fact.certificate.group)
        return owners, issuers, groups, certificates

    def _parents_and_group_owners(self) -> set[str]:
        named: set[str] = set()
        for _, _, fact in self._found:
            if isinstance(fact, ParentChanged):
                named.add(fact.parent)
            elif isinstance(fact, GroupCreated):
                named.add(fact.owner)
        return named - {NOBODY}

    def _drop_unchanged_parents(self) -> None:
        """Each registration names a parent; what counts is when it became another."""
        parents: dict[str, str] = {}
        kept: list[tuple[int, int, Fact]] = []
        for each in sorted(self._found, key=lambda found: found[:2]):
            fact = each[2]
            if isinstance(fact, ParentChanged):
                if parents.get(fact.subject, NOBODY) == fact.parent:
                    continue
                parents[fact.subject] = fact.parent
            kept.append(each)
        self._found = kept

    def _drop_foreign_revocations(self, certificates: set[bytes]) -> None:
        self._found = [
            each for each in self._found if not isinstance(each[2], Revoked) or each[2].target in certificates
        ]

    def _take(self, contract: str, event: str, **filters: object) -> None:
        if any(isinstance(values, list) and not values for values in filters.values()):
            return
        for found in self._contracts[contract].events(event, self._first, self._last, **filters):
            fact = _FACT_OF[event](found, self._time_of)
            self._found.append((found.block_number, found.log_index, fact))


def _filter(name: str, values: set[str] | set[bytes] | None) -> dict[str, object]:
    return {} if values is None else {name: sorted(values)}


_RESOURCE_EVENTS = (
    "HostBootstrapped",
    "AccessGranted",
    "AccessorBlocked",
    "AccessorUnblocked",
    "AccessorAllowed",
    "AccessorDisallowed",
)


def _list_fact(cls: type[Blocked] | type[Member], listed: bool) -> Callable[[Event, TimeOf], Fact]:
    subject = "resource" if cls is Blocked else "group"
    of = "accessor" if cls is Blocked else "member"
    return lambda event, _: cls(event.args[subject], event.args[of], listed, event.args["from"])


_FACT_OF: dict[str, Callable[[Event, TimeOf], Fact]] = {
    "HostBootstrapped": lambda event, _: Bootstrapped(
        DataHostBootstrapping(*event.args["bootstrapping"]), event.args["broughtAt"]
    ),
    "AccessGranted": lambda event, _: Granted(
        AccessCertificate(*event.args["granted"]), event.args["place"], event.args["broughtAt"]
    ),
    "CertificateUsed": lambda event, _: Used(
        event.args["certificate"], event.args["uses"], event.args["usedAt"]
    ),
    "AccessorBlocked": _list_fact(Blocked, listed=True),
    "AccessorUnblocked": _list_fact(Blocked, listed=False),
    "AccessorAllowed": lambda event, _: Allowed(
        event.args["resource"], event.args["accessor"], event.args["rights"], event.args["from"]
    ),
    "AccessorDisallowed": lambda event, _: Allowed(
        event.args["resource"], event.args["accessor"], 0, event.args["from"]
    ),
    "GroupCreated": lambda event, _: GroupCreated(event.args["owner"], event.args["label"]),
    "MemberAdded": _list_fact(Member, listed=True),
    "MemberRemoved": _list_fact(Member, listed=False),
    "DIDOwnerChanged": lambda event, time_of: OwnerChanged(
        event.args["identity"], event.args["owner"], time_of(event.block_number)
    ),
    "CertificateRegistered": lambda event, time_of: ParentChanged(
        event.args["subject"], event.args["entityCertificate"].parent, time_of(event.block_number)
    ),
    "Revoked": lambda event, _: Revoked(
        event.args["issuer"], event.args["target"], event.args["effectiveAt"], event.args["reason"]
    ),
}
