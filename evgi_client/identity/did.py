"""``did:ethr`` identifiers, and the DID URLs around them (W3C DID Core 1.0, section 3; the did:ethr method). Pure text.

A DID names an *identity*: an address. It does so by the address itself or by a public key that hashes to it, on a
network that is named or given by its chain id in hexadecimal. Without a network it is the Ethereum mainnet's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from coincurve import PublicKey

from evgi_client.errors import InvalidAddressError, InvalidDidError
from evgi_client.messages.hashing import address_from_bytes, checksum_address, keccak256

METHOD = "ethr"
MAINNET = "mainnet"
LONGEST = 4096
"""Characters of a DID URL beyond which it is nobody's."""

_MAINNET_ID = 1
_ID_CHARACTER = r"(?:[a-zA-Z0-9._-]|%[0-9a-fA-F]{2})"
# With the parameters (;name=value) of an early draft of the standard, which resolvers still take.
_DID_URL = re.compile(
    rf"(?P<did>did:(?P<method>[a-z0-9]+):(?P<identifier>(?:{_ID_CHARACTER}*:)*{_ID_CHARACTER}+))"
    r"(?:;[a-zA-Z0-9_.:%-]+=[a-zA-Z0-9_.:%-]*)*(?:/[^#?]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?"
)
_IDENTIFIER = re.compile(r"(?:(?P<network>.*).)?(?P<name>0x[0-9a-fA-F]{40}|0x[0-9a-fA-F]{66})")
_CHAIN_ID = re.compile(r"0x[0-9a-fA-F]{1,64}")


@dataclass(frozen=True, slots=True)
class DidUrl:
    """A DID URL of any method, taken apart. Path and fragment say nothing about which document is meant."""

    did: str
    method: str
    identifier: str
    """What follows the method's name."""
    query: str | None

    @classmethod
    def parse(cls, text: str) -> DidUrl:
        """Takes a DID URL apart.

        Raises:
            InvalidDidError: it is none.
        """
        match = _DID_URL.fullmatch(text) if len(text) <= LONGEST else None
        if match is None:
            raise InvalidDidError(text[:LONGEST], "expected did:method:identifier")
        return cls(match["did"], match["method"], match["identifier"], match["query"])


@dataclass(frozen=True, slots=True)
class Did:
    """A ``did:ethr``. Its text is kept as it was given: a resolved document has that as its id, whatever the case of
    its hexadecimal digits. Compare ``identity`` and ``chain_id`` to know whether two DIDs name the same identity."""

    text: str
    network: str
    identity: str
    """Checksummed address."""
    public_key: str | None = None
    """The compressed public key, as hexadecimal digits after ``0x``, where the DID names the identity by it."""

    @classmethod
    def parse(cls, text: str) -> Did:
        """Reads a ``did:ethr``; of a DID URL, the DID in it.

        Raises:
            InvalidDidError: another method's or none, a checksum that is wrong, a public key that is no point.
        """
        url = DidUrl.parse(text)
        if url.method != METHOD:
            raise InvalidDidError(text, f"its method is {url.method}, not {METHOD}")
        network, name = split_identifier(url.identifier)
        return cls(url.did, network, *named(name))

    @classmethod
    def of(cls, identity: str, chain_id: int) -> Did:
        """The DID of an identity on a chain.

        Raises:
            InvalidAddressError: the identity is no address.
        """
        return cls._on(chain_id, checksum_address(identity))

    @classmethod
    def of_key(cls, public_key: bytes, chain_id: int) -> Did:
        """The DID that names the identity of a public key (compressed, 33 bytes, or uncompressed) by that key.

        Raises:
            InvalidDidError: no point of the curve.
        """
        try:
            compressed = PublicKey(public_key).format(compressed=True)
        except ValueError as error:
            raise InvalidDidError("0x" + public_key.hex(), "it is no public key") from error
        return cls._on(chain_id, "0x" + compressed.hex())

    @classmethod
    def _on(cls, chain_id: int, name: str) -> Did:
        network = MAINNET if chain_id == _MAINNET_ID else f"0x{chain_id:x}"
        prefix = "" if chain_id == _MAINNET_ID else f"{network}:"
        return cls(f"did:{METHOD}:{prefix}{name}", network, *named(name))

    @property
    def chain_id(self) -> int | None:
        """The chain's id; None where the network has another name, which only a resolver's configuration knows."""
        if self.network == MAINNET:
            return _MAINNET_ID
        return int(self.network, 16) if _CHAIN_ID.fullmatch(self.network) else None

    def __str__(self) -> str:
        return self.text


def split_identifier(identifier: str) -> tuple[str, str]:
    """Network and name (an address or a public key) of what follows ``did:ethr:``.

    Raises:
        InvalidDidError: it does not end with either.
    """
    match = _IDENTIFIER.fullmatch(identifier)
    if match is None:
        raise InvalidDidError(
            f"did:{METHOD}:{identifier}", "it ends with neither an address nor a public key"
        )
    return (MAINNET if match["network"] is None else match["network"]), match["name"]


@lru_cache(maxsize=4096)
def named(name: str) -> tuple[str, str | None]:
    """The identity that an address or a public key names, and the key where it is one.

    Raises:
        InvalidDidError: the address has a wrong checksum, or the key is no point of the curve.
    """
    try:
        if len(name) == 42:
            return checksum_address(name), None
        key = PublicKey(bytes.fromhex(name[2:]))
    except InvalidAddressError as error:
        raise InvalidDidError(name, error.reason) from error
    except ValueError as error:
        raise InvalidDidError(name, "it is no public key") from error
    return address_from_bytes(keccak256(key.format(compressed=False)[1:])[12:]), name
