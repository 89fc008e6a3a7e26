"""An accessor, a host, and the word of a chain that tests can change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evgi_client.access.accessor import Accessor, UnlockAttempt, UnlockedSession
from evgi_client.access.replay import MemoryNonces
from evgi_client.access.unlock import Accepted, HostUnlock, Rejected
from evgi_client.messages import Domain
from evgi_client.messages.access import Reason, Right, resource_id
from evgi_client.signing import LocalSigner
from tests.support.sessions import signer

if TYPE_CHECKING:
    from evgi_client.access.replay import NonceStore
    from evgi_client.access.sessions import HostSession

NOW = 1_750_000_000
DOMAIN = Domain("AccessRegistry", "1", 1337, signer(90).address)
NOTHING = bytes(32)
CERTIFICATE = b"\xce" * 32
RESOURCE = resource_id(signer(60).address, b"battery".ljust(32, b"\0"))


@dataclass(frozen=True, slots=True)
class Word:
    """An answer of the registry."""

    reason: Reason
    certificate: bytes = NOTHING

    @property
    def allowed(self) -> bool:
        return self.reason.allows


@dataclass
class Meeting:
    """An accessor and a host that can meet, and what the chain would say of them."""

    accessor_signer: LocalSigner = field(default_factory=lambda: signer(61))
    host_signer: LocalSigner = field(default_factory=lambda: signer(62))
    words: dict[Right, Word] = field(
        default_factory=lambda: {Right.READ: Word(Reason.CERTIFICATE, CERTIFICATE)}
    )
    purposes: dict[bytes, bytes] = field(default_factory=dict)
    deputies: set[tuple[str, str]] = field(default_factory=set)
    """(identity, account) besides an identity's own."""
    asked: list[tuple[str, Right, int]] = field(default_factory=list)
    """(accessor, right, time) of every question to the registry."""
    ousted: set[str] = field(default_factory=set)
    """Identities whose own account no longer acts for them."""
    nonces: NonceStore = field(default_factory=lambda: MemoryNonces(since=0))
    spent: list[tuple[bytes, str, Right, bytes]] = field(default_factory=list)
    uses: int = 1_000
    host_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.host = self.new_host()
        self.accessor = self.new_accessor()

    @property
    def host_id(self) -> str:
        return self.host_signer.address

    def new_host(self, **options: Any) -> HostUnlock:
        """A host of the same identity, as after a restart."""
        arguments = {"nonces": self.nonces, "spend": self.spend, **self.host_options, **options}
        return HostUnlock(
            self.host_id,
            self.host_signer,
            DOMAIN,
            check=self.check,
            purpose_of=lambda certificate: self.purposes.get(certificate, NOTHING),
            acts_for=self.acts_for,
            **arguments,
        )

    def new_accessor(
        self, identity: str | None = None, by: LocalSigner | None = None, **options: Any
    ) -> Accessor:
        by = by or self.accessor_signer
        arguments = {"acts_for": self.acts_for, **options}
        return Accessor(identity or by.address, by, DOMAIN, **arguments)

    def acts_for(self, identity: str, account: str) -> bool:
        own = identity == account and identity not in self.ousted
        return own or (identity, account) in self.deputies

    def check(self, resource: bytes, accessor: str, right: Right, time: int) -> Word:
        self.asked.append((accessor, right, time))
        if resource != RESOURCE:
            return Word(Reason.UNKNOWN_RESOURCE)
        return self.words.get(right, Word(Reason.DENIED))

    def spend(self, resource: bytes, accessor: str, rights: Right, certificate: bytes) -> bool:
        self.spent.append((resource, accessor, rights, certificate))
        return len(self.spent) <= self.uses

    def ask(self, rights: Right = Right.READ, now: int = NOW, **options: Any) -> UnlockAttempt:
        return self.accessor.request(self.host_id, options.pop("resource", RESOURCE), rights, now, **options)

    def answer(self, attempt: UnlockAttempt, now: int = NOW) -> Accepted | Rejected:
        return self.host.answer(attempt.packet, now)

    def unlock(
        self, rights: Right = Right.READ, now: int = NOW, **options: Any
    ) -> tuple[UnlockedSession, HostSession]:
        attempt = self.ask(rights, now, **options)
        answer = self.answer(attempt, now)
        assert isinstance(answer, Accepted), answer
        return attempt.take(answer.packet, now), answer.session
