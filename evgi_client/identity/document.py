"""The DID document of an identity, from its changes: a pure function, equal to that of ``ethr-did-resolver``.

Where that package does what nobody would expect, this one does the same, and a comment begins with "As there". What
two resolvers of one method disagree on is worth less than either's opinion.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evgi_client.documents import parse_json
from evgi_client.identity.history import AttributeChanged, Change, DelegateChanged, OwnerChanged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evgi_client.identity.did import Did

Json = dict[str, Any]

CONTEXT = (
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
    "https://w3id.org/security/v3-unstable",
)
"""What defines the document's terms (JSON-LD): DID Core, recovery methods and their accounts, keys in hexadecimal."""

NOBODY = "0x" + "00" * 20
RECOVERY = "EcdsaSecp256k1RecoveryMethod2020"
SECP256K1 = "EcdsaSecp256k1VerificationKey2019"
SIG_AUTH = "sigAuth"
VERI_KEY = "veriKey"
ENC = "enc"

_ATTRIBUTE = re.compile(
    r"did/(?P<section>pub|svc)/(?P<algorithm>[a-zA-Z0-9_]+)(?:/(?P<use>[a-zA-Z0-9_]+))?(?:/(?P<encoding>[a-zA-Z0-9_]+))?"
)
_SUFFIXES = {
    SIG_AUTH: "SignatureAuthentication2018",
    VERI_KEY: "VerificationKey2018",
    ENC: "KeyAgreementKey2019",
}
_KEY_TYPES = {
    "Secp256k1VerificationKey2018": SECP256K1,
    "Secp256k1SignatureAuthentication2018": SECP256K1,
    "Ed25519VerificationKey2018": "Ed25519VerificationKey2018",
    "Ed25519SignatureAuthentication2018": "Ed25519VerificationKey2018",
    "RSAVerificationKey2018": "RSAVerificationKey2018",
    "X25519KeyAgreementKey2019": "X25519KeyAgreementKey2019",
}
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Version:
    """A document as it stood, and the blocks it stood between."""

    document: Json
    deactivated: bool
    block: int
    """The block of the last change in it; 0 where there is none."""
    next_block: int | None
    """The block of the first change that is not in it."""


def document_at(
    did: Did, chain_id: int, changes: Iterable[Change], time: int, block: int | None = None
) -> Version:
    """The document of a DID.

    Args:
        chain_id: the chain that accounts in the document are on.
        changes: every change of the identity, oldest first.
        time: at which delegates and attributes are judged, Unix seconds. One is valid up to and including the second
            that it names.
        block: the last block whose changes count; all where not given.
    """
    parts, last, following = _Parts(did.text, chain_id, time, did.identity), 0, None
    for change in changes:
        if isinstance(change, DelegateChanged | AttributeChanged) and change.label is None:
            continue  # somebody's own use of the registry: a DID's names are text
        if block is not None and change.block > block:
            following = following or change.block
            continue
        parts.take(change)
        last = change.block
        if parts.deactivated:
            # What comes after the end is not looked at, not even for the next version's block.
            break
    return Version(parts.document(did.public_key), parts.deactivated, last, following)


_Key = tuple[str, bytes | str]


@dataclass(slots=True)
class _Parts:
    """A document in the making. What was said of the same delegate or value takes the place it had."""

    did: str
    chain_id: int
    time: int
    identity: str
    owner: str = ""
    deactivated: bool = False
    delegates: int = 0
    services_seen: int = 0
    methods: dict[_Key, Json] = field(default_factory=dict)
    authentication: dict[_Key, str] = field(default_factory=dict)
    assertion: dict[_Key, str] = field(default_factory=dict)
    agreement: dict[_Key, str] = field(default_factory=dict)
    services: dict[_Key, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.owner = self.identity

    def take(self, change: Change) -> None:
        if isinstance(change, OwnerChanged):
            self.owner = change.owner
            self.deactivated = change.owner == NOBODY
        elif isinstance(change, DelegateChanged):
            self._delegate(change)
        elif isinstance(change, AttributeChanged):
            self._attribute(change)

    def _is_valid(self, valid_to: int) -> bool:
        return valid_to != 0 and valid_to >= self.time

    def _delegate(self, change: DelegateChanged) -> None:
        self.delegates += 1
        kind = change.label or ""
        key = (kind, change.delegate)
        if not self._is_valid(change.valid_to):
            self._forget(key)
            return
        if kind not in (SIG_AUTH, VERI_KEY):
            return
        method = f"{self.did}#delegate-{self.delegates}"
        self.methods[key] = {
            "id": method,
            "type": RECOVERY,
            "controller": self.did,
            "blockchainAccountId": f"eip155:{self.chain_id}:{change.delegate}",
        }
        self.assertion[key] = method
        if kind == SIG_AUTH:
            self.authentication[key] = method

    def _attribute(self, change: AttributeChanged) -> None:
        name = change.label or ""
        key = (name, change.value)
        match = _ATTRIBUTE.fullmatch(name)
        if not self._is_valid(change.valid_to):
            # As there: a name that is no attribute's counts once it is over, and not while it is valid, so that the
            # numbers of those after it move.
            self.delegates += name.startswith("did/pub/")
            self.services_seen += name.startswith("did/svc/")
            self._forget(key)
        elif match is None:
            return
        elif match["section"] == "pub":
            self._public_key(key, match, change.value)
        else:
            self._service(key, match["algorithm"], change.value)

    def _public_key(self, key: _Key, match: re.Match[str], value: bytes) -> None:
        self.delegates += 1
        algorithm, use = match["algorithm"], match["use"]
        kind = _KEY_TYPES.get(f"{algorithm}{_SUFFIXES.get(use, use)}", algorithm)
        method = {"id": f"{self.did}#delegate-{self.delegates}", "type": kind, "controller": self.did}
        encoded = _encoded(match["encoding"], value)
        if encoded is None:
            return
        self.methods[key] = method | encoded
        if use == ENC:
            self.agreement[key] = method["id"]
            return
        self.assertion[key] = method["id"]
        if use == SIG_AUTH:
            self.authentication[key] = method["id"]

    def _service(self, key: _Key, kind: str, value: bytes) -> None:
        self.services_seen += 1
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return
        self.services[key] = {
            "id": f"{self.did}#service-{self.services_seen}",
            "type": kind,
            "serviceEndpoint": _endpoint(text),
        }

    def _forget(self, key: _Key) -> None:
        # As there: the reference to a revoked key for key agreement stays, without the key.
        for kept in (self.methods, self.authentication, self.assertion, self.services):
            kept.pop(key, None)

    def document(self, public_key: str | None) -> Json:
        """The document. A key that the DID names is in it while its own address is the owner."""
        if self.deactivated:
            return {"id": self.did, "verificationMethod": [], "authentication": [], "assertionMethod": []}
        account = f"eip155:{self.chain_id}:{self.owner}"
        methods: list[Json] = [
            {
                "id": f"{self.did}#controller",
                "type": RECOVERY,
                "controller": self.did,
                "blockchainAccountId": account,
            }
        ]
        if public_key is not None and self.owner == self.identity:
            methods.append(
                {
                    "id": f"{self.did}#controllerKey",
                    "type": SECP256K1,
                    "controller": self.did,
                    "publicKeyHex": public_key[2:],
                }
            )
        owners = [method["id"] for method in methods]
        document: Json = {
            "id": self.did,
            "verificationMethod": [*methods, *self.methods.values()],
            "authentication": [*owners, *self.authentication.values()],
            "assertionMethod": [*owners, *self.assertion.values()],
        }
        if self.services:
            document["service"] = list(self.services.values())
        if self.agreement:
            document["keyAgreement"] = list(self.agreement.values())
        return document


def _encoded(encoding: str | None, value: bytes) -> Json | None:
    """A public key as an attribute's encoding says; None where it says PEM and the value is no text."""
    if encoding in (None, "hex"):
        return {"publicKeyHex": value.hex()}
    if encoding == "base64":
        return {"publicKeyBase64": base64.b64encode(value).decode()}
    if encoding == "base58":
        return {"publicKeyBase58": _base58(value)}
    if encoding == "pem":
        try:
            return {"publicKeyPem": value.decode()}
        except UnicodeDecodeError:
            return None
    return {"value": value.hex()}


def _base58(value: bytes) -> str:
    number, digits = int.from_bytes(value, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return _BASE58[0] * (len(value) - len(value.lstrip(b"\0"))) + digits


def _endpoint(text: str) -> Any:
    """A service's endpoint: the JSON value that the text is, else the text.

    As there, a number or null is one too, though DID Core knows a string, a map or a set. What is nested more deeply
    than any endpoint is left as text.
    """
    try:
        return parse_json(text, parse_int=_number, parse_float=_number, parse_constant=_refused)
    except ValueError:
        return text


def _number(digits: str) -> int | float | None:
    """A JSON number as JavaScript has it: one of 64-bit floating point, or null where that is infinite."""
    if len(digits) < 17 and digits.lstrip("-").isdigit() and abs(int(digits)) <= _EXACT:
        return int(digits)
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


def _refused(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity, which Python takes and JSON does not have
