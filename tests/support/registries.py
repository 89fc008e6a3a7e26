"""Registries of identities, certificates and revocations on a chain, with governance, anchors and a publisher."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.certificates.registry import NOBODY, Certificates
from evgi_client.certificates.revocations import Revocations
from evgi_client.chain import Artifact
from evgi_client.chain.abi import selector_of
from evgi_client.errors import ContractError
from evgi_client.messages import Domain, Message, keccak256
from evgi_client.messages.certificates import (
    Accreditation,
    CertificateStatus,
    EntityCertificate,
    EntityType,
    RevocationCertificate,
    entity_type_mask,
)
from evgi_client.messages.hashing import address_from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.chain import Chain, ContractHandle, Receipt
    from evgi_client.signing import LocalSigner

ACCREDITOR = 7
"""The role, here: any number will do."""

DAY = 86_400
YEAR = 365 * DAY
LAST_SECOND = 2**32 - 1
ALL_TYPES = entity_type_mask(*list(EntityType)[1:])
VEHICLES = entity_type_mask(EntityType.VEHICLE)
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
TEST_ARTIFACTS = Path(__file__).parents[1] / "contracts" / "artifacts"

_serial = count(1)


@contextmanager
def refused(name: str, **args: object) -> Iterator[None]:
    """The block must end in this custom error, with exactly these arguments."""
    with pytest.raises(ContractError) as caught:
        yield
    assert (caught.value.name, caught.value.args) == (name, args)


def party(number: int) -> str:
    """An address of somebody who signs nothing."""
    return address_from_bytes(keccak256(b"party %d" % number)[12:])


def malleated(signature: bytes) -> bytes:
    """The other signature of the same key over the same digest."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes((55 - signature[64],))


@dataclass
class Registries:
    """``governance`` accredits; ``root``, ``middle`` and ``issuer`` are identities that own themselves; ``account`` is
    a contract that ``keeper`` signs for; ``stranger`` brings what others signed."""

    chain: Chain
    contracts: dict[str, ContractHandle]
    admin: LocalSigner
    governance: LocalSigner
    root: LocalSigner
    middle: LocalSigner
    issuer: LocalSigner
    publisher: LocalSigner
    keeper: LocalSigner
    other: LocalSigner
    stranger: LocalSigner
    account: ContractHandle

    @property
    def now(self) -> int:
        """The time of the next block."""
        return self.chain.now()

    @property
    def certificates(self) -> ContractHandle:
        return self.contracts["CertificateRegistry"]

    @property
    def revocations(self) -> ContractHandle:
        return self.contracts["RevocationRegistry"]

    @property
    def dids(self) -> ContractHandle:
        return self.contracts["DIDRegistry"]

    def domain(self, contract: str = "CertificateRegistry", **changes: Any) -> Domain:
        plain = Domain(contract, "1", self.chain.chain_id, self.contracts[contract].address)
        return replace(plain, **changes)

    def certifying(self, signer: LocalSigner | None = None) -> Certificates:
        return Certificates(self.contracts, self.domain(), signer or self.stranger)

    def revoking(self, signer: LocalSigner | None = None) -> Revocations:
        return Revocations(self.contracts, self.domain("RevocationRegistry"), signer or self.stranger)

    def signed(self, message: Message, by: LocalSigner, domain: Domain | None = None) -> bytes:
        if domain is None:
            revocation = isinstance(message, RevocationCertificate)
            domain = self.domain("RevocationRegistry" if revocation else "CertificateRegistry")
        return by.sign_digest(message.digest(domain)).to_bytes()

    # Certificates

    def certificate(self, **changes: Any) -> EntityCertificate:
        """A vehicle's certificate by ``issuer``, for a year from now; each has an id of its own."""
        plain = EntityCertificate(
            id=keccak256(b"certificate %d" % next(_serial)),
            entity_type=EntityType.VEHICLE,
            subject=party(1),
            issuer=self.issuer.address,
            schema=keccak256(b"schema"),
            claims=keccak256(b"claims"),
            keys=keccak256(b"keys"),
            parent=NOBODY,
            valid_from=self.now,
            valid_until=self.now + YEAR,
            status_publisher=NOBODY,
            status_index=0,
        )
        return replace(plain, **changes)

    def bring(
        self, certificate: EntityCertificate, by: LocalSigner | None = None, signature: bytes | None = None
    ) -> Receipt:
        """A stranger registers what ``issuer``, or another, signed."""
        made = self.signed(certificate, by or self.issuer) if signature is None else signature
        return self.certificates.transact("register", certificate, made, signer=self.stranger)

    def register(self, by: LocalSigner | None = None, **changes: Any) -> EntityCertificate:
        certificate = self.certificate(**changes)
        self.bring(certificate, by)
        return certificate

    def status(self, certificate: EntityCertificate, time: int) -> CertificateStatus:
        return CertificateStatus(self.certificates.call("statusAt", certificate.struct_hash(), time))

    # Accreditations

    def accredit_root(
        self,
        anchor: LocalSigner,
        types: int = ALL_TYPES,
        depth: int = 0,
        valid_from: int = 0,
        valid_until: int | None = None,
        signer: LocalSigner | None = None,
    ) -> Receipt:
        until = self.now + 10 * YEAR if valid_until is None else valid_until
        arguments = (anchor.address, types, depth, valid_from, until)
        return self.certificates.transact("accreditRoot", *arguments, signer=signer or self.governance)

    def accreditation(self, **changes: Any) -> Accreditation:
        """``root`` accredits ``issuer`` for vehicles, for a year from now."""
        plain = Accreditation(
            anchor=self.issuer.address,
            accreditor=self.root.address,
            entity_types=VEHICLES,
            depth=0,
            valid_from=self.now,
            valid_until=self.now + YEAR,
            deadline=self.now + DAY,
        )
        return replace(plain, **changes)

    def bring_accreditation(
        self, accreditation: Accreditation, by: LocalSigner | None = None, signature: bytes | None = None
    ) -> Receipt:
        made = self.signed(accreditation, by or self.root) if signature is None else signature
        return self.certificates.transact("accredit", accreditation, made, signer=self.stranger)

    def accredit(self, by: LocalSigner | None = None, **changes: Any) -> Accreditation:
        accreditor = by or self.root
        accreditation = self.accreditation(**{"accreditor": accreditor.address, **changes})
        self.bring_accreditation(accreditation, accreditor)
        return accreditation

    def withdraw(self, anchor: LocalSigner, by: LocalSigner) -> Receipt:
        return self.certificates.transact("withdraw", anchor.address, signer=by)

    def types_at(self, anchor: LocalSigner, time: int) -> int:
        return int(self.certificates.call("accreditedTypesAt", anchor.address, time))

    # Revocations

    def revocation(self, **changes: Any) -> RevocationCertificate:
        """``issuer`` revokes something from the block that brings it."""
        plain = RevocationCertificate(
            issuer=self.issuer.address,
            target=keccak256(b"target"),
            effective_at=0,
            reason=1,
            deadline=self.now + DAY,
        )
        return replace(plain, **changes)

    def revoke(self, target: bytes, effective_at: int = 0, by: LocalSigner | None = None) -> Receipt:
        issuer = by or self.issuer
        return self.revocations.transact("revoke", issuer.address, target, effective_at, 0, signer=issuer)

    # Identities

    def change_owner(self, identity: LocalSigner, owner: str, by: LocalSigner | None = None) -> Receipt:
        return self.dids.transact("changeOwner", identity.address, owner, signer=by or identity)


def found_registries(chain: Chain, signers: list[LocalSigner]) -> Registries:
    """Deploys the registries. Nobody is accredited."""
    admin, governance, root, middle, issuer, publisher, keeper, other, stranger = signers[:9]
    manager = chain.deploy("AccessManager", [admin.address], admin)
    dids = chain.deploy("DIDRegistry", [], admin)
    revocations = chain.deploy("RevocationRegistry", [dids.address], admin)
    addresses = [manager.address, dids.address, revocations.address]
    certificates = chain.deploy("CertificateRegistry", addresses, admin)
    restricted = [selector_of(certificates.abi.function(name)) for name in ("accreditRoot", "withdrawRoot")]
    manager.transact("setTargetFunctionRole", certificates.address, restricted, ACCREDITOR, signer=admin)
    manager.transact("grantRole", ACCREDITOR, governance.address, 0, signer=admin)
    contracts = {
        "AccessManager": manager,
        "DIDRegistry": dids,
        "RevocationRegistry": revocations,
        "CertificateRegistry": certificates,
    }
    account = chain.deploy(Artifact.load("SmartAccount", TEST_ARTIFACTS), [keeper.address], keeper)
    return Registries(
        chain, contracts, admin, governance, root, middle, issuer, publisher, keeper, other, stranger, account
    )
