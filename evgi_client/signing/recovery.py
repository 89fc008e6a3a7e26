"""Who signed: recovery of addresses, one or many, and the check of a signature by a key or an account."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from coincurve import PublicKey

from evgi_client.errors import (
    ContractSignatureError,
    InvalidDigestError,
    InvalidSignatureError,
    SignatureCountError,
    SignerMismatchError,
)
from evgi_client.messages.hashing import address_from_bytes, checksum_address, keccak256
from evgi_client.signing.signature import Signature

DIGEST_LENGTH = 32

EIP1271_MAGIC_VALUE = bytes.fromhex("1626ba7e")
"""The ``bytes4`` that an account's ``isValidSignature(bytes32,bytes)`` returns for what it accepts."""

IsValidSignature = Callable[[str, bytes, bytes], bool]
"""``(account, digest, signature) -> accepted``: the chain's answer to EIP-1271. It is True only where the
account has code and ``isValidSignature(digest, signature)`` returned the magic value and 28 zero bytes. A
revert, any other value, a short answer and an account without code are False; an unreachable chain is an
error, not False. The answer holds for the block it was asked at: an account may change its mind."""


def address_of(key: PublicKey) -> str:
    """Checksummed address of a public key."""
    return address_from_bytes(keccak256(key.format(compressed=False)[1:])[12:])


def recover(digest: bytes, signature: Signature) -> str:
    """The checksummed address whose key made the signature. Any digest recovers *some* address: compare it.

    Raises:
        InvalidDigestError: the digest is not 32 bytes.
        InvalidSignatureError: r is no point of the curve, so no key can have made the signature.
    """
    if len(digest) != DIGEST_LENGTH:
        raise InvalidDigestError(len(digest))
    raw = signature.r.to_bytes(32, "big") + signature.s.to_bytes(32, "big") + bytes((signature.v - 27,))
    try:
        key = PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except ValueError as error:
        raise InvalidSignatureError("no public key has r", signature.r) from error
    return address_of(key)


def recover_many(
    digests: Sequence[bytes], signatures: Sequence[Signature], threads: int | None = None
) -> list[str | None]:
    """``recover`` over many, in order, on threads: the curve arithmetic runs without the interpreter's lock.

    A signature that no key can have made gives None in its place, so that one bad session hides no other.

    Args:
        threads: how many at once; as many as there are cores where None.

    Raises:
        SignatureCountError: the two sequences differ in length.
        InvalidDigestError: a digest is not 32 bytes.
    """
    if len(digests) != len(signatures):
        raise SignatureCountError(len(digests), len(signatures))
    workers = max(1, min(threads or os.cpu_count() or 1, len(digests)))
    size = -(-len(digests) // workers)

    def recover_part(number: int) -> list[str | None]:
        part = slice(number * size, (number + 1) * size)
        return [_recover_or_none(*pair) for pair in zip(digests[part], signatures[part], strict=True)]

    if workers == 1:
        return recover_part(0)
    with ThreadPoolExecutor(workers) as pool:
        return [address for part in pool.map(recover_part, range(workers)) for address in part]


def _recover_or_none(digest: bytes, signature: Signature) -> str | None:
    try:
        return recover(digest, signature)
    except InvalidSignatureError:
        return None


def verify_digest(
    address: str, digest: bytes, signature: bytes, is_valid_signature: IsValidSignature | None = None
) -> None:
    """Returns where ``address`` signed ``digest``, else raises. A signature by the address's own key is tried
    first and needs no chain; only then is the account asked (EIP-1271): its signatures are bytes of any form.

    Args:
        is_valid_signature: asks the chain; without it only keys can sign.

    Raises:
        InvalidAddressError: the address is malformed.
        InvalidDigestError: the digest is not 32 bytes.
        InvalidSignatureError, MalleableSignatureError: not the signature of a key, and no chain to ask.
        SignerMismatchError: another key signed, and no chain to ask.
        ContractSignatureError: the account was asked and does not accept the signature.
    """
    expected = checksum_address(address)
    if len(digest) != DIGEST_LENGTH:
        raise InvalidDigestError(len(digest))
    try:
        recovered = recover(digest, Signature.from_bytes(signature))
    except InvalidSignatureError:
        if is_valid_signature is None:
            raise
    else:
        if recovered == expected:
            return
        if is_valid_signature is None:
            raise SignerMismatchError(expected, recovered)
    if not is_valid_signature(expected, digest, signature):
        raise ContractSignatureError(expected, digest)
