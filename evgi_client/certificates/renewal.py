"""Renewal: a certificate that goes on where another ends, with the same subject, issuer, claims and keys.

The issuer needs to know no claim: the list of their hashes goes on as it is, and so the holder's salts stay good.
"""

from __future__ import annotations

from dataclasses import replace

from evgi_client.certificates.credential import EntityCredential, StatusIndex
from evgi_client.certificates.ownership import NOBODY
from evgi_client.errors import RenewalError
from evgi_client.messages.hashing import keccak256

_RENEWAL = b"EntityCertificate renewal"


def renewal_id(certificate: bytes) -> bytes:
    """The id of the certificate that goes on where one of this struct hash ends: so each says which it continues."""
    return keccak256(_RENEWAL + certificate)


def renew(
    credential: EntityCredential,
    *,
    valid_until: int,
    valid_from: int | None = None,
    status: StatusIndex | None = None,
) -> EntityCredential:
    """The certificate that continues another, for the issuer to sign.

    Args:
        valid_until: exclusive, Unix seconds.
        valid_from: when the other ends, where not given; earlier, so that they overlap. Never later.
        status: its place in a status list. It is not the other's, so that each is revoked by itself.

    Raises:
        RenewalError: dates that leave a gap, or add nothing.
    """
    ended = credential.certificate
    begins = ended.valid_until if valid_from is None else valid_from
    if not ended.valid_from < begins <= ended.valid_until:
        raise RenewalError("validFrom", begins, f"after {ended.valid_from}, at most {ended.valid_until}")
    if valid_until <= ended.valid_until:
        raise RenewalError("validUntil", valid_until, f"more than {ended.valid_until}")
    certificate = replace(
        ended,
        id=renewal_id(credential.hash),
        valid_from=begins,
        valid_until=valid_until,
        status_publisher=status.publisher if status else NOBODY,
        status_index=status.index if status else 0,
    )
    # Any signature, until the issuer's is there.
    return replace(credential, certificate=certificate, signature=bytes(65))


def continues(credential: EntityCredential, other: EntityCredential) -> bool:
    """Is a certificate the renewal of another?"""
    later, earlier = credential.certificate, other.certificate
    return (
        later.id == renewal_id(other.hash)
        and later.valid_from <= earlier.valid_until < later.valid_until
        and (later.subject, later.issuer, later.entity_type, later.claims, later.keys, later.parent)
        == (
            earlier.subject,
            earlier.issuer,
            earlier.entity_type,
            earlier.claims,
            earlier.keys,
            earlier.parent,
        )
    )
