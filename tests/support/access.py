"""An AccessRegistry on a chain with all that it asks, people who own identities, and the papers that they sign."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.access.snapshot import Snapshot
from evgi_client.access.world import NOBODY
from evgi_client.chain import Artifact
from evgi_client.errors import ContractError
from evgi_client.messages import Domain, keccak256
from evgi_client.messages.access import (
    AccessCertificate,
    DataHostBootstrapping,
    Reason,
    Right,
    group_id,
    resource_id,
)
from evgi_client.messages.certificates import EntityCertificate, EntityType
from evgi_client.messages.identity import OwnerChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evgi_client.chain import Chain, ContractHandle, Receipt
    from evgi_client.messages import Message
    from evgi_client.signing import LocalSigner

DAY = 86_400
YEAR = 365 * DAY
NONE = bytes(32)
TEST_ARTIFACTS = Path(__file__).parents[1] / "contracts" / "artifacts"
LABEL = keccak256(b"trips")
CIRCLE = keccak256(b"family")

_serial = count(1)

Question = tuple[bytes, str, int, int]
Answer = tuple[bool, Reason, bytes]


@contextmanager
def refused(name: str, **args: object) -> Iterator[None]:
    """The block must end in this custom error, with exactly these arguments."""
    with pytest.raises(ContractError) as caught:
        yield
    assert (caught.value.name, caught.value.args) == (name, args)


@dataclass
class AccessBench:
    """``owner`` is the identity that the resource ``trips`` belongs to, and owns itself, as all do at first; ``host``
    keeps its data; ``account`` is a contract that ``keeper`` signs for and that makes several calls in one
    transaction; ``stranger`` brings what others signed."""

    chain: Chain
    contracts: dict[str, ContractHandle]
    admin: LocalSigner
    owner: LocalSigner
    host: LocalSigner
    reader: LocalSigner
    friend: LocalSigner
    buyer: LocalSigner
    keeper: LocalSigner
    issuer: LocalSigner
    stranger: LocalSigner
    account: ContractHandle
    probe: ContractHandle

    @property
    def now(self) -> int:
        """The time of the next block."""
        return self.chain.now()

    @property
    def registry(self) -> ContractHandle:
        return self.contracts["AccessRegistry"]

    @property
    def dids(self) -> ContractHandle:
        return self.contracts["DIDRegistry"]

    @property
    def revocations(self) -> ContractHandle:
        return self.contracts["RevocationRegistry"]

    @property
    def domain(self) -> Domain:
        return Domain("AccessRegistry", "1", self.chain.chain_id, self.registry.address)

    @property
    def trips(self) -> bytes:
        return resource_id(self.owner.address, LABEL)

    @property
    def family(self) -> bytes:
        return group_id(self.owner.address, CIRCLE)

    def signed(self, message: Message, by: LocalSigner, domain: Domain | None = None) -> bytes:
        return by.sign_digest(message.digest(domain or self.domain)).to_bytes()

    # Papers

    def bootstrapping(self, **changes: Any) -> DataHostBootstrapping:
        """``host`` keeps the trips of ``owner`` for a year from now; nobody may do anything with them by default."""
        plain = DataHostBootstrapping(
            owner=self.owner.address,
            label=LABEL,
            host=self.host.address,
            endpoint=keccak256(b"https://host.example"),
            protocols=keccak256(b"protocols"),
            key_agreement=keccak256(b"key"),
            data_classes=keccak256(b"classes"),
            default_rights=0,
            valid_from=self.now,
            valid_until=self.now + YEAR,
            deadline=self.now + DAY,
        )
        return replace(plain, **changes)

    def certificate(self, **changes: Any) -> AccessCertificate:
        """``owner`` lets ``reader`` read the trips for 30 days from now; each has an id of its own."""
        group = changes.get("group", NONE)
        plain = AccessCertificate(
            id=keccak256(b"access %d" % next(_serial)),
            granter=self.owner.address,
            grantee=NOBODY if any(group) else self.reader.address,
            group=group,
            resource=self.trips,
            rights=Right.READ,
            purpose=NONE,
            valid_from=self.now,
            valid_until=self.now + 30 * DAY,
            delegable=False,
            max_uses=0,
            parent=NONE,
        )
        return replace(plain, **changes)

    # What others bring

    def bring(
        self,
        message: AccessCertificate | DataHostBootstrapping,
        by: LocalSigner | None = None,
        signature: bytes | None = None,
    ) -> Receipt:
        """A stranger brings what ``owner``, or another, signed."""
        made = self.signed(message, by or self.owner) if signature is None else signature
        function = "bootstrap" if isinstance(message, DataHostBootstrapping) else "grant"
        return self.registry.transact(function, message, made, signer=self.stranger)

    def bootstrap(self, by: LocalSigner | None = None, **changes: Any) -> DataHostBootstrapping:
        message = self.bootstrapping(**changes)
        self.bring(message, by)
        return message

    def grant(self, by: LocalSigner | None = None, **changes: Any) -> AccessCertificate:
        certificate = self.certificate(**changes)
        self.bring(certificate, by)
        return certificate

    def delegate(self, parent: AccessCertificate, by: LocalSigner, **changes: Any) -> AccessCertificate:
        """The grantee of ``parent`` passes all of it on to ``friend``."""
        plain = replace(
            parent,
            id=keccak256(b"access %d" % next(_serial)),
            granter=parent.grantee,
            grantee=self.friend.address,
            valid_from=self.now,
            delegable=False,
            parent=parent.struct_hash(),
        )
        certificate = replace(plain, **changes)
        self.bring(certificate, by)
        return certificate

    def together(self, *calls: tuple[ContractHandle, str, tuple[object, ...]]) -> Receipt:
        """Calls in one transaction, hence in one second, made by the contract account."""
        encoded = [(contract.address, contract.encode(name, *args)) for contract, name, args in calls]
        return self.account.transact("execute", encoded, signer=self.keeper)

    # What owners do

    def sell(self, identity: LocalSigner, to: str, by: LocalSigner | None = None) -> Receipt:
        return self.dids.transact("changeOwner", identity.address, to, signer=by or identity)

    def signed_sale(self, identity: str, to: str, by: LocalSigner) -> tuple[OwnerChange, bytes]:
        """A sale that anybody can bring."""
        change = OwnerChange(identity, to, self.dids.call("nonce", identity), self.now + DAY)
        domain = Domain("DIDRegistry", "1", self.chain.chain_id, self.dids.address)
        return change, self.signed(change, by, domain)

    def revoke(
        self,
        certificate: AccessCertificate | DataHostBootstrapping,
        by: LocalSigner | None = None,
        effective_at: int = 0,
        issuer: str | None = None,
    ) -> Receipt:
        signer = by or self.owner
        arguments = (issuer or signer.address, certificate.struct_hash(), effective_at, 0)
        return self.revocations.transact("revoke", *arguments, signer=signer)

    def list_(self, function: str, *accessors: LocalSigner | str, by: LocalSigner | None = None) -> Receipt:
        """``blockAccessors`` and its like, on the trips."""
        return self.registry.transact(function, self.trips, _addresses(accessors), signer=by or self.owner)

    def allow(
        self, accessor: LocalSigner, rights: int = Right.READ, by: LocalSigner | None = None
    ) -> Receipt:
        arguments = (self.trips, [accessor.address], rights)
        return self.registry.transact("allowAccessors", *arguments, signer=by or self.owner)

    def members(
        self, function: str, *members: LocalSigner | str, by: LocalSigner | None = None, label: bytes = CIRCLE
    ) -> Receipt:
        """``addMembers`` and ``removeMembers``, of a group of ``owner``."""
        arguments = (self.owner.address, label, _addresses(members))
        return self.registry.transact(function, *arguments, signer=by or self.owner)

    def use(self, accessor: LocalSigner, right: int = Right.READ, by: LocalSigner | None = None) -> Receipt:
        return self.registry.transact("use", self.trips, accessor.address, right, signer=by or self.host)

    def certify(self, subject: str, entity_type: EntityType, parent: str = NOBODY) -> EntityCertificate:
        """The issuer says what an identity is, and what it is part of, from now on."""
        certificate = EntityCertificate(
            id=keccak256(b"entity %d" % next(_serial)),
            entity_type=entity_type,
            subject=subject,
            issuer=self.issuer.address,
            schema=NONE,
            claims=NONE,
            keys=NONE,
            parent=parent,
            valid_from=self.now,
            valid_until=self.now + YEAR,
            status_publisher=NOBODY,
            status_index=0,
        )
        registry = self.contracts["CertificateRegistry"]
        domain = Domain("CertificateRegistry", "1", self.chain.chain_id, registry.address)
        signature = self.signed(certificate, self.issuer, domain)
        registry.transact("register", certificate, signature, signer=self.stranger)
        return certificate

    # Questions

    def ask(
        self,
        accessor: LocalSigner | str,
        right: int = Right.READ,
        time: int | None = None,
        resource: bytes | None = None,
    ) -> Reason:
        """The reason that the chain gives, which is checked to go with the answer and with that of Python."""
        asked = accessor if isinstance(accessor, str) else accessor.address
        question = (resource or self.trips, asked, int(right), self.now if time is None else time)
        ((allowed, reason, certificate),) = self.answers([question])
        assert allowed == reason.allows
        decided = self.snapshot().decide(*question)
        assert (decided.reason, decided.certificate) == (reason, certificate)
        return reason

    def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """The chain's answers."""
        found = self.probe.call("checkAll", self.registry.address, list(questions))
        return [(allowed, Reason(reason), certificate) for allowed, reason, certificate in found]

    def snapshot(self, resources: list[bytes] | None = None) -> Snapshot:
        return Snapshot.take(self.contracts, resources=resources)


def _addresses(accounts: Sequence[LocalSigner | str]) -> list[str]:
    return [account if isinstance(account, str) else account.address for account in accounts]


def found_access(chain: Chain, signers: list[LocalSigner]) -> AccessBench:
    """Deploys the registries. ``issuer`` certifies entities of every type; the trips are not registered yet."""
    admin, owner, host, reader, friend, buyer, keeper, issuer, stranger = signers[:9]
    manager = chain.deploy("AccessManager", [admin.address], admin)
    dids = chain.deploy("DIDRegistry", [], admin)
    revocations = chain.deploy("RevocationRegistry", [dids.address], admin)
    entities = chain.deploy(
        "CertificateRegistry", [manager.address, dids.address, revocations.address], admin
    )
    registry = chain.deploy("AccessRegistry", [dids.address, entities.address, revocations.address], admin)
    every_type = sum(1 << kind for kind in EntityType if kind)
    until = chain.now() + 10 * YEAR
    entities.transact("accreditRoot", issuer.address, every_type, 0, 0, until, signer=admin)
    contracts = {
        "AccessManager": manager,
        "DIDRegistry": dids,
        "RevocationRegistry": revocations,
        "CertificateRegistry": entities,
        "AccessRegistry": registry,
    }
    account = chain.deploy(Artifact.load("SmartAccount", TEST_ARTIFACTS), [keeper.address], keeper)
    probe = chain.deploy(Artifact.load("AccessProbe", TEST_ARTIFACTS), [], admin)
    return AccessBench(
        chain, contracts, admin, owner, host, reader, friend, buyer, keeper, issuer, stranger, account, probe
    )


def found_trips(chain: Chain, signers: list[LocalSigner]) -> AccessBench:
    """``found_access`` with the trips registered, and ``friend`` the only one of the family."""
    bench = found_access(chain, signers)
    bench.bootstrap()
    bench.members("addMembers", bench.friend)
    return bench
