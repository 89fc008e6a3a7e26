"""Who may do what with a resource, on chain: papers that owners sign and anyone brings, lists, groups, uses."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from evgi_client.access.decision import NONE, Decision
from evgi_client.access.explain import Explanation, explain
from evgi_client.access.snapshot import Snapshot
from evgi_client.access.world import NOBODY
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping, Reason, Right
from evgi_client.signing import Signed, Signer, sign, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from evgi_client.chain import ContractHandle, Receipt
    from evgi_client.messages import Domain

Paper = AccessCertificate | DataHostBootstrapping

BATCH = 200
"""Entries of a list that one transaction sets: some 5,000,000 gas."""


class Access:
    """Access to resources. An owner sends what it decides, or signs a certificate for anyone to bring.

    Args:
        contracts: handles of the suite by name.
        domain: EIP-712 domain of ``AccessRegistry``.
        signer: who sends the transactions, and whose ``sign`` is.
        from_block: the block of the deployment, where reading of events begins.
    """

    def __init__(
        self, contracts: Mapping[str, ContractHandle], domain: Domain, signer: Signer, from_block: int = 0
    ) -> None:
        self._contracts = contracts
        self._registry = contracts["AccessRegistry"]
        self._domain = domain
        self._signer = signer
        self._from_block = from_block

    # What the chain says

    def check(self, resource: bytes, accessor: str, right: int, time: int | None = None) -> Decision:
        """May an accessor do this with a resource at a time (Unix seconds; now where not given)?"""
        asked = self._registry.chain.now() if time is None else time
        _, reason, certificate = self._registry.call("check", resource, accessor, int(right), asked)
        return Decision(Reason(reason), certificate)

    def explain(self, resource: bytes, accessor: str, right: int, time: int | None = None) -> Explanation:
        """The answer with the chain of reasons, from events."""
        asked = self._registry.chain.now() if time is None else time
        return explain(self.snapshot([resource]).world, resource, accessor, right, asked)

    def snapshot(self, resources: Iterable[bytes] | None = None) -> Snapshot:
        """All that access to some resources, or to every one, depends on, to decide without a node."""
        return Snapshot.take(self._contracts, resources=resources, from_block=self._from_block)

    def owner_of(self, resource: bytes) -> str | None:
        """The identity that a resource belongs to; None where nobody registered it."""
        owner: str = self._registry.call("ownerOf", resource)
        return None if owner == NOBODY else owner

    def host_at(self, resource: bytes, time: int) -> str | None:
        """The host that the bootstrapping certificate in force names; None where none is."""
        host: str = self._registry.call("hostAt", resource, time).host
        return None if host == NOBODY else host

    def certificate_at(self, resource: bytes, accessor: str, time: int) -> bytes | None:
        """The struct hash of the certificate that stood for an accessor, good or not; None where none did."""
        found: bytes = self._registry.call("certificateAt", resource, accessor, time)
        return found if any(found) else None

    def purpose_of(self, certificate: bytes) -> bytes:
        """What an access certificate is for; zero where it names nothing, or is none."""
        purpose: bytes = self._registry.call("termsOf", certificate).purpose
        return purpose

    # Papers: drafted and signed without a chain, brought by anyone

    def sign(self, paper: Paper) -> Signed[Paper]:
        """Signs a certificate as the owner that the signer is: pure."""
        return sign(self._signer, paper, self._domain)

    def bring(self, paper: Paper, signature: bytes, owner: str | None = None) -> Receipt:
        """Brings a certificate that its identity's owner signed: a key (65 bytes) or a contract (EIP-1271).

        Args:
            owner: the account that is said to have signed; where given, the signature is checked first.

        Raises:
            SigningError: it did not.
            ContractError: see ``IAccessRegistry``.
        """
        if owner is not None:
            accepts = self._registry.chain.is_valid_signature
            verify_digest(owner, paper.digest(self._domain), signature, accepts)
        function = "bootstrap" if isinstance(paper, DataHostBootstrapping) else "grant"
        return self._transact(function, paper, signature)

    def bootstrap(self, bootstrapping: DataHostBootstrapping) -> Receipt:
        """Registers a resource, or renews it: the signer owns the identity that it belongs to."""
        return self.bring(bootstrapping, b"")

    def grant(self, certificate: AccessCertificate) -> Receipt:
        """Puts a certificate in force: the signer owns the granter's identity."""
        return self.bring(certificate, b"")

    def delegate(self, certificate: AccessCertificate) -> Receipt:
        """Passes on what the signer's identity was granted. See ``delegated``."""
        return self.bring(certificate, b"")

    # What the signer, which owns an identity, decides

    def revoke(self, certificate: bytes, issuer: str, *, effective_at: int = 0, reason: int = 0) -> Receipt:
        """Revokes a certificate by its struct hash, under an identity that the signer owns.

        Args:
            issuer: the granter, or the identity that the resource belongs to.
            effective_at: Unix seconds, no sooner than now; 0 is now.
            reason: a ``RevocationReason``.
        """
        registry = self._contracts["RevocationRegistry"]
        return registry.transact("revoke", issuer, certificate, effective_at, reason, signer=self._signer)

    def block(self, resource: bytes, accessors: Iterable[str]) -> list[Receipt]:
        """Denies accessors everything from now on, whatever they were granted."""
        return [self._transact("blockAccessors", resource, part) for part in _parts(accessors)]

    def unblock(self, resource: bytes, accessors: Iterable[str]) -> list[Receipt]:
        """Takes accessors off the block list."""
        return [self._transact("unblockAccessors", resource, part) for part in _parts(accessors)]

    def allow(self, resource: bytes, accessors: Iterable[str], rights: int) -> list[Receipt]:
        """Gives accessors rights from now on, until they are taken back or the resource changes hands."""
        return [self._transact("allowAccessors", resource, part, int(rights)) for part in _parts(accessors)]

    def disallow(self, resource: bytes, accessors: Iterable[str]) -> list[Receipt]:
        """Takes accessors off the allow list."""
        return [self._transact("disallowAccessors", resource, part) for part in _parts(accessors)]

    def create_group(self, owner: str, label: bytes) -> Receipt:
        """Makes a group without members, which can be granted: see ``group_id``. To make it again changes nothing."""
        return self._transact("addMembers", owner, label, [])

    def add_members(self, owner: str, label: bytes, members: Iterable[str]) -> list[Receipt]:
        """Adds members to a group of an identity that the signer owns; makes the group where it is new."""
        return [self._transact("addMembers", owner, label, part) for part in _parts(members)]

    def remove_members(self, owner: str, label: bytes, members: Iterable[str]) -> list[Receipt]:
        """Removes members from now on."""
        return [self._transact("removeMembers", owner, label, part) for part in _parts(members)]

    # What a host does

    def use(self, resource: bytes, accessor: str, right: int) -> Receipt:
        """Counts a use, as whoever acts for the host.

        Raises:
            ContractError: AccessDenied, with the reason; NotHost.
        """
        return self._transact("use", resource, accessor, int(right))

    def _transact(self, function: str, *args: object) -> Receipt:
        return self._registry.transact(function, *args, signer=self._signer)


def access_certificate(
    granter: str,
    resource: bytes,
    rights: int,
    *,
    valid_from: int,
    valid_until: int,
    grantee: str = NOBODY,
    group: bytes = NONE,
    purpose: bytes = NONE,
    delegable: bool = False,
    max_uses: int = 0,
) -> AccessCertificate:
    """A certificate of the resource's own identity, for it to sign, with a random id.

    Args:
        grantee: or else ``group``.
    """
    return AccessCertificate(
        id=secrets.token_bytes(32),
        granter=granter,
        grantee=grantee,
        group=group,
        resource=resource,
        rights=int(rights),
        purpose=purpose,
        valid_from=valid_from,
        valid_until=valid_until,
        delegable=delegable,
        max_uses=max_uses,
        parent=NONE,
    )


def delegated(
    parent: AccessCertificate,
    grantee: str,
    *,
    valid_from: int,
    valid_until: int | None = None,
    rights: int | None = None,
    delegable: bool = False,
    max_uses: int | None = None,
) -> AccessCertificate:
    """What the grantee of a certificate passes on, for it to sign; as much as it has where nothing else is said."""
    return AccessCertificate(
        id=secrets.token_bytes(32),
        granter=parent.grantee,
        grantee=grantee,
        group=NONE,
        resource=parent.resource,
        rights=parent.rights if rights is None else int(rights),
        purpose=parent.purpose,
        valid_from=valid_from,
        valid_until=parent.valid_until if valid_until is None else valid_until,
        delegable=delegable,
        max_uses=parent.max_uses if max_uses is None else max_uses,
        parent=parent.struct_hash(),
    )


def _parts(entries: Iterable[str]) -> Iterator[list[str]]:
    listed = list(entries)
    for start in range(0, len(listed), BATCH):
        yield listed[start : start + BATCH]


__all__ = ["Access", "Right", "access_certificate", "delegated"]
