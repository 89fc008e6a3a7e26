"""One door to a deployed suite for one sender: a utility, an operator's back office, a governor."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from evgi_client.access import Access
from evgi_client.certificates.registry import Certificates
from evgi_client.certificates.revocations import Revocations
from evgi_client.chain import Chain, ContractHandle
from evgi_client.charging.enrolment import Enrolment
from evgi_client.charging.facts import Facts
from evgi_client.charging.submission import BATCH_SIZE, Submission, SubmissionResult
from evgi_client.clearing.peering import Peering
from evgi_client.clearing.positions import Positions
from evgi_client.clearing.tokens import Tokens
from evgi_client.data.registry import DataAnchors
from evgi_client.identity import Identities, Resolver
from evgi_client.signing import Signer, WatchOnly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.charging.queue import OfflineQueue
    from evgi_client.deployment import Deployment

NOBODY = WatchOnly("0x" + "00" * 20)


class Charging:
    """Clearing sessions from queues. What the chain has told is kept between submissions.

    Args:
        contracts: handles of the suite by name.
        deployment: where they stand.
        sender: the creditor utility.
    """

    def __init__(self, contracts: dict[str, ContractHandle], deployment: Deployment, sender: Signer) -> None:
        self._contracts = contracts
        self._domain = deployment.domain("SessionSettlement")
        self._sender = sender
        self._facts = Facts(contracts, deployment.first_block)

    def submit(self, queue: OfflineQueue, batch_size: int = BATCH_SIZE) -> Iterator[SubmissionResult]:
        """Settles what the queue holds for the sender; yields what became of each session. Safe to run again."""
        return Submission(queue, self._contracts, self._domain, self._sender, self._facts, batch_size).run()


class Client:
    """A deployed suite as ``sender`` uses it.

    Args:
        deployment: the manifest, from ``load_deployment``.
        chain: a chain, or the URL of a JSON-RPC node.
        sender: signs the transactions. Without one the suite can only be read.

    Raises:
        DeploymentChainError: the chain is another than the one deployed on.
        ChainUnreachableError: the node does not answer.
    """

    def __init__(self, deployment: Deployment, chain: Chain | str, sender: Signer = NOBODY) -> None:
        self.deployment = deployment
        self.sender = sender
        self.chain = Chain.connect(chain) if isinstance(chain, str) else chain
        self.contracts = deployment.contracts_on(self.chain)

    @cached_property
    def enrolment(self) -> Enrolment:
        """Connectors and drivers."""
        return Enrolment(self.contracts, self.sender)

    @cached_property
    def charging(self) -> Charging:
        """Sessions from queues."""
        return Charging(self.contracts, self.deployment, self.sender)

    @cached_property
    def peering(self) -> Peering:
        """Agreements between utilities."""
        domain = self.deployment.domain("PeeringRegistry")
        return Peering(self.contracts, domain, self.sender, self.deployment.first_block)

    @cached_property
    def positions(self) -> Positions:
        """What utilities owe one another."""
        return Positions(self.contracts, self.sender)

    @cached_property
    def tokens(self) -> Tokens:
        """Clearing tokens in and out."""
        return Tokens(self.contracts, self.sender)

    @cached_property
    def identities(self) -> Identities:
        """Who controls an identity, and who acts for it."""
        return Identities(self.contracts, self.deployment.domain("DIDRegistry"), self.sender)

    @cached_property
    def resolver(self) -> Resolver:
        """What DIDs of this chain resolve to."""
        return Resolver.of(self.contracts["DIDRegistry"])

    @cached_property
    def certificates(self) -> Certificates:
        """Certificates of entities, and who may issue them."""
        domain = self.deployment.domain("CertificateRegistry")
        return Certificates(self.contracts, domain, self.sender, self.deployment.first_block)

    @cached_property
    def revocations(self) -> Revocations:
        """What is revoked, by hash and by status index."""
        domain = self.deployment.domain("RevocationRegistry")
        return Revocations(self.contracts, domain, self.sender, self.deployment.first_block)

    @cached_property
    def access(self) -> Access:
        """Who may do what with a resource."""
        domain = self.deployment.domain("AccessRegistry")
        return Access(self.contracts, domain, self.sender, self.deployment.first_block)

    @cached_property
    def anchors(self) -> DataAnchors:
        """Merkle roots of what data hosts hold."""
        return DataAnchors(self.contracts, self.sender)
