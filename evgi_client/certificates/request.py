"""What a verifier wants to be shown, and the challenge that binds the answer to it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.certificates.documents import Json, canonical, seconds_of, time_text
from evgi_client.certificates.proof import require_same
from evgi_client.certificates.schemas import PRESENTATION_REQUEST, shipped, type_name
from evgi_client.errors import ClaimsMissingError
from evgi_client.messages.certificates import EntityType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evgi_client.certificates.credential import EntityCredential

TYPE = "EvgiCertificateRequest"

_TYPES = {type_name(each): each for each in EntityType if each is not EntityType.NONE}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate of a type, with these claims shown."""

    entity_type: EntityType
    claims: tuple[str, ...] = ()

    def is_met_by(self, credential: EntityCredential) -> bool:
        """Is it of this type, and are the claims here?"""
        signed = credential.certificate
        return signed.entity_type == self.entity_type and set(self.claims) <= credential.claims.keys()


@dataclass(frozen=True, slots=True)
class PresentationRequest:
    """A verifier's question. Whoever asks keeps it, takes one answer to it, and none after ``expires_at``."""

    challenge: bytes
    """32 random bytes, used once."""
    audience: str
    """Who asks: a name or address by which the holder knows the verifier."""
    expires_at: int
    """Unix seconds."""
    wanted: tuple[Wanted, ...]

    @classmethod
    def create(
        cls,
        audience: str,
        wanted: Iterable[Wanted],
        *,
        expires_at: int,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> PresentationRequest:
        """A new question.

        Args:
            random: gives unguessable bytes.

        Raises:
            CertificateSchemaError: nothing wanted, or the same twice; a name that is empty or too long.
        """
        made = cls(random(32), audience, expires_at, tuple(wanted))
        shipped(PRESENTATION_REQUEST).validate(made.to_json())
        return made

    def choose(self, credentials: Iterable[EntityCredential], now: int) -> list[EntityCredential]:
        """Of a holder's certificates one for each that is wanted, with the claims shown that are asked for and no
        others. Of several the one that is valid, and that for longest.

        Raises:
            ClaimsMissingError: none is of the type with these claims.
        """
        held = sorted(
            credentials, key=lambda each: (_is_valid(each, now), each.certificate.valid_until), reverse=True
        )
        chosen: dict[bytes, set[str]] = {}
        by_hash = {each.hash: each for each in held}
        for each in self.wanted:
            found = next((credential for credential in held if each.is_met_by(credential)), None)
            if found is None:
                raise ClaimsMissingError(type_name(each.entity_type), each.claims)
            chosen.setdefault(found.hash, set()).update(each.claims)
        return [by_hash[certificate].showing(*claims) for certificate, claims in chosen.items()]

    def to_json(self) -> Json:
        """The document."""
        return {
            "type": TYPE,
            "challenge": "0x" + self.challenge.hex(),
            "domain": self.audience,
            "expires": time_text(self.expires_at),
            "wanted": [
                {"type": type_name(each.entity_type), "claims": list(each.claims)} for each in self.wanted
            ],
        }

    @classmethod
    def from_json(cls, document: Any) -> PresentationRequest:
        """Reads a document.

        Raises:
            CertificateError: it is none.
        """
        canonical(document)
        shipped(PRESENTATION_REQUEST).validate(document)
        read = cls(
            challenge=bytes.fromhex(document["challenge"][2:]),
            audience=document["domain"],
            expires_at=seconds_of(document["expires"], "/expires"),
            wanted=tuple(Wanted(_TYPES[each["type"]], tuple(each["claims"])) for each in document["wanted"]),
        )
        require_same(document, read.to_json())
        return read


def _is_valid(credential: EntityCredential, now: int) -> bool:
    return credential.certificate.valid_from <= now < credential.certificate.valid_until
