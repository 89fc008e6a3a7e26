"""A message with its signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from evgi_client.messages.domain import Domain
from evgi_client.messages.typed import Message
from evgi_client.signing.recovery import IsValidSignature, recover, verify_digest
from evgi_client.signing.signature import Signature

if TYPE_CHECKING:
    from evgi_client.signing.signer import Signer

SignedMessage = TypeVar("SignedMessage", bound=Message)


@dataclass(frozen=True, slots=True)
class Signed(Generic[SignedMessage]):
    """A message, the domain it was signed in, and the signature of a key."""

    message: SignedMessage
    domain: Domain
    signature: Signature

    def recover(self) -> str:
        """The checksummed address whose key signed. A message or domain that was changed gives another address.

        Raises:
            InvalidSignatureError: no key can have made the signature.
        """
        return recover(self.message.digest(self.domain), self.signature)

    def verify(self, address: str, is_valid_signature: IsValidSignature | None = None) -> None:
        """Returns where ``address`` signed, else raises, as ``verify_digest`` does.

        Raises:
            SignerMismatchError: another key, another message or another domain.
            ContractSignatureError: the account was asked and does not accept the signature.
        """
        digest = self.message.digest(self.domain)
        verify_digest(address, digest, self.signature.to_bytes(), is_valid_signature)


def sign(signer: Signer, message: SignedMessage, domain: Domain) -> Signed[SignedMessage]:
    """Signs a message in a domain, with any signer."""
    return Signed(message, domain, signer.sign_digest(message.digest(domain)))
