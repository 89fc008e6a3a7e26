"""Every exception of the package, in one tree.

``EvgiError`` is the root. Each exception keeps, as attributes, the values that its message names::

    EvgiError
    ├── UnitError                   a number that cannot be an amount, an energy or a time
    ├── MessageError                a value that cannot be in a signed message
    │   ├── InvalidAddressError     no address, or a wrong checksum
    │   ├── FieldValueError         a field's value does not fit its Solidity type
    │   ├── FieldMissingError       JSON without a field of the message
    │   ├── FieldUnknownError       JSON with a key that is no field of the message
    │   ├── InvalidEvseIdError      an EVSE id of neither the ISO 15118-2 nor the DIN form
    │   ├── InvalidEmaidError       a contract id of neither the ISO 15118-2 nor the DIN form
    │   ├── InvalidVinError         no vehicle identification number
    │   ├── InvalidMeterSerialError no serial number that a meter can have
    │   ├── CheckDigitError         an identifier whose check digit is another
    │   └── InvalidSaltError        a salt too short to hide what is hashed with it
    ├── SigningError                a key or a signature that is refused
    │   ├── InvalidKeyError         bytes that are no private key (they are not kept)
    │   ├── InvalidDigestError      what is signed or recovered is not 32 bytes
    │   ├── InvalidSignatureError   no signature at all: out of range, malformed, of no key
    │   │   └── MalleableSignatureError   the second form of a signature, with a high s
    │   ├── SignerMismatchError     another key signed, or another domain: chain, contract
    │   ├── ContractSignatureError  an account (EIP-1271) does not accept the signature
    │   ├── WatchOnlyError          an account without its key was asked to sign
    │   ├── SignatureCountError     not one signature for each digest
    │   ├── UnsignableTransactionError  a transaction with missing or malformed fields
    │   └── KeystoreError           a keystore file that cannot be read or written
    │       └── KeystorePasswordError     it does not open with this password
    ├── ChainError                  between this package and a chain
    │   ├── AbiError                arguments or data that do not fit a contract's ABI
    │   ├── ArtifactMissingError    no compiled contract of this name
    │   ├── ArtifactInvalidError    a file that is no compiled contract
    │   ├── ChainUnreachableError   the node does not answer
    │   ├── RpcError                the node answered with an error that is no revert
    │   ├── ChainMismatchError      the node serves another chain
    │   ├── ClockNotOursError       only the embedded chain's clock can be moved
    │   ├── ClockBackwardsError     and only forward
    │   ├── NonceTakenError         another transaction of the sender took the nonce
    │   ├── InsufficientFundsError  the sender cannot pay for a transaction
    │   ├── TransactionTimeoutError no receipt in the time given
    │   ├── CallAnnouncedError      a call that is announced and not yet made: its role has a delay
    │   └── ContractError           a contract refused: the custom error by name, with its arguments
    ├── DeploymentError             a deployment, its plan or its manifest
    │   ├── PlanError               a plan that cannot be carried out
    │   ├── PlanChangedError        a plan that does not go with what is deployed
    │   ├── ManifestError           a file that is no manifest
    │   ├── ManifestMissingError    no manifest at this path
    │   ├── DeploymentIncompleteError  a deployment that was not finished
    │   ├── DeploymentChainError    a manifest of another chain
    │   ├── DeploymentDriftError    the chain lacks what the manifest says was deployed
    │   ├── DeploymentDelayedError  changes that are announced and not yet made
    │   └── DeploymentBusyError     another process is applying the manifest
    ├── TariffError                 a tariff, or a price made with one
    │   ├── TariffFieldError        a value that no tariff can have
    │   ├── NotFlatRatesError       a tariff that is more than one rate a dimension
    │   ├── TimeZoneMissingError    prices by local time, and nobody says whose
    │   ├── ReadingMissingError     a price that depends on a reading the session lacks
    │   ├── TariffUnknownError      a charging period names a tariff that was not given, or none has one
    │   ├── CurrencyMismatchError   tariffs of two currencies in one session
    │   ├── ChargingPeriodError     a charging period that cannot have happened
    │   └── RatesRangeError         rates or usage outside what the contract can hold
    ├── OcpiError                   an OCPI document
    │   ├── OcpiDocumentError       no JSON, or none with CDRs in it
    │   ├── OcpiFieldError          a field that is missing, of another type, or of an unknown meaning
    │   └── CdrError                one CDR of a document that cannot be read
    ├── ChargingError               a charging session, its batch or its queue
    │   ├── SessionMismatchError    the parts of a signed session do not belong together
    │   ├── BatchLayoutError        a value that does not fit the packed layout
    │   ├── SessionConflictError    another session with the same key is queued
    │   ├── QueueFileError          the queue's file cannot be used
    │   ├── SessionFileError        a file of sessions of which nothing can be read
    │   │   └── UnknownSessionFormatError   its header is that of no format
    │   ├── SessionRowError         one row of it of which no session can be made, with the reason
    │   ├── RosterKeysError         keys that cannot be a driver roster
    │   ├── DirectoryEventError     an event that does not continue the directory of charge points
    │   └── SessionRefusedError     a session that must not be settled; one class a reason
    ├── IdentityError               a DID, or the identity behind it
    │   ├── InvalidDidError         no DID, or none of the method did:ethr
    │   ├── DidUnresolvedError      a DID that has no document: why, in the word that resolvers share
    │   ├── HistoryMissingError     the node has no events, or no time, for a block that an identity's history names
    │   ├── HistoryTooLongError     an identity with more changes than are read
    │   ├── NotOwnerError           who would change an identity does not own it, or nobody does any longer
    │   ├── IdentityNameError       text that is no name of an attribute or a type of delegate
    │   └── ChangeTooLongError      a change with a value too long for a batch
    ├── CertificateError            a certificate, its issuer, its status or its wallet
    │   ├── CertificateDocumentError    JSON that is no document of ours, or says what nobody signed
    │   ├── CertificateSchemaError  a document that does not fit its JSON Schema
    │   ├── SchemaUnknownError      a schema that is not one of those shipped
    │   ├── ClaimError              a claim that was not signed, or is not there
    │   ├── SubjectKeyError         no public key that a subject can have
    │   ├── StatusListError         a status list that is none, or not the one that is meant
    │   ├── SnapshotError           a file that is no snapshot of the registries
    │   ├── PresentationError       a presentation that does not answer its request
    │   │   ├── ChallengeMismatchError  it answers another request
    │   │   ├── PresentationExpiredError    its time, or the request's, is over
    │   │   ├── PresentationSubjectError    a certificate in it is not its holder's
    │   │   ├── DelegateUnknownError    who signed it does not act for its holder
    │   │   └── ClaimsMissingError      it does not show what was asked for
    │   ├── RenewalError            dates with which a certificate does not go on
    │   └── WalletError             a wallet file that cannot be read or written
    │       └── WalletPasswordError     it does not open with this password
    │   ├── StatusIndexError        indices that are none of a status list
    ├── AccessError                 access to a resource, or the session that unlocks it
    │   ├── PacketError             bytes that are no packet, or not the one that may come now
    │   │   ├── PacketSizeError         too short or too long
    │   │   ├── PacketFormatError       not the one form in which it is written
    │   │   ├── PacketProtocolError     another version of the protocol
    │   │   ├── PacketSessionError      of another session
    │   │   ├── PacketReflectedError    one's own packet sent back
    │   │   ├── PacketReplayedError     its turn has passed
    │   │   ├── PacketOrderError        its turn has not come
    │   │   └── PacketForgedError       it was changed, or does not follow the one before it
    │   ├── UnlockError             the handshake that opens a session
    │   │   ├── EphemeralKeyError       a public key with which no secret can be agreed on
    │   │   ├── UnlockAnswerError       an answer that is not one to this request
    │   │   ├── UnlockSignerError       the account that signed does not act for the identity
    │   │   ├── UnlockRejectedError     the host said no, and why
    │   │   ├── UnlockAnsweredError     the request has had its answer
    │   │   └── NoncesFullError         no room to remember another request
    │   ├── AccessFactError         a fact that cannot follow those before it
    │   ├── AccessSnapshotError     a document that is no snapshot of who may do what
    │   └── AccessSessionError      a session that cannot be used
    │       ├── AccessSessionUnknownError   the host has no such session
    │       ├── AccessSessionExpiredError   its time is over
    │       ├── AccessSessionEndedError     it was ended, and why
    │       ├── AccessRightError        a right that the session does not have
    │       └── SessionTurnError        the other side is to send
    ├── DataError                   a data write, its anchor or its host
    │   ├── MerkleTreeError         values that no tree or proof can be made of
    │   ├── AnchorMismatchError     chain and store disagree about a batch
    │   ├── StoreError              the host's database cannot be used
    │   ├── MasterKeyError          a master key file that cannot be read or written
    │   │   └── MasterKeyPasswordError    it does not open with this password
    │   ├── RecordSealedError       a stored record that does not decrypt: changed, moved, or of another key
    │   ├── HostSettingError        a setting of a data host that cannot be meant
    │   ├── HostRefusalError        what a data host refuses, with the code it answers
    │   ├── HostUrlError            no address of a data host, or one that would be spoken to in clear
    │   ├── HostUnreachableError    a data host that does not answer, or not in time
    │   ├── HostAnswerError         an answer that is not as the interface describes it
    │   ├── ResourceUnhostedError   a resource that no host keeps now
    │   ├── HostMismatchError       a data host that is another, or of another chain
    │   ├── RecordInvalidError      a record that is not what its writer signed, or is not in its batch
    │   └── RecordMissingError      a record that the host holds back
    ├── DemoError                   the demo cannot run
    └── ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enum import IntEnum


class EvgiError(Exception):
    """Root of every error this package raises on purpose."""


class UnitError(EvgiError, ValueError):
    """A number that cannot be an amount, an energy or a time."""


class MessageError(EvgiError, ValueError):
    """A value that cannot be in a signed message."""


class InvalidAddressError(MessageError):
    """No address, or one whose checksum (EIP-55) is wrong."""

    def __init__(self, address: object, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(f"{address!r} is no address: {reason}")


class FieldValueError(MessageError):
    """A field's value does not fit its Solidity type."""

    def __init__(self, message_type: str, field: str, value: object, expected: str) -> None:
        self.message_type = message_type
        self.field = field
        self.value = value
        self.expected = expected
        super().__init__(f"{message_type}.{field} is {value!r}: expected {expected}")


class FieldMissingError(MessageError):
    """JSON without a field of the message."""

    def __init__(self, message_type: str, field: str) -> None:
        self.message_type = message_type
        self.field = field
        super().__init__(f"{message_type}.{field} is missing")


class FieldUnknownError(MessageError):
    """JSON with a key that is no field of the message."""

    def __init__(self, message_type: str, field: str) -> None:
        self.message_type = message_type
        self.field = field
        super().__init__(f"{message_type} has no field {field!r}")


class InvalidEvseIdError(MessageError):
    """An EVSE id of neither the ISO 15118-2 nor the DIN form."""

    def __init__(self, evse_id: object, reason: str) -> None:
        self.evse_id = evse_id
        self.reason = reason
        super().__init__(f"{evse_id!r} is no EVSE id: {reason}")


class InvalidEmaidError(MessageError):
    """A contract id (EMAID) of neither the ISO 15118-2 nor the DIN form."""

    def __init__(self, emaid: object, reason: str) -> None:
        self.emaid = emaid
        self.reason = reason
        super().__init__(f"{emaid!r} is no EMAID: {reason}")


class InvalidVinError(MessageError):
    """No vehicle identification number (ISO 3779)."""

    def __init__(self, vin: object, reason: str) -> None:
        self.vin = vin
        self.reason = reason
        super().__init__(f"{vin!r} is no VIN: {reason}")


class InvalidMeterSerialError(MessageError):
    """No serial number that a meter can have."""

    def __init__(self, serial: object, reason: str) -> None:
        self.serial = serial
        self.reason = reason
        super().__init__(f"{serial!r} is no serial number of a meter: {reason}")


class CheckDigitError(MessageError):
    """An identifier whose check digit is another: somebody mistyped it."""

    def __init__(self, kind: str, value: str, found: str, expected: str) -> None:
        self.kind = kind
        self.value = value
        self.found = found
        self.expected = expected
        super().__init__(f"{kind} {value!r} has the check digit {found!r}, expected {expected!r}")


class InvalidSaltError(MessageError):
    """A salt too short to hide what is hashed with it. Neither is in the error."""

    def __init__(self, length: int, expected: int) -> None:
        self.length = length
        self.expected = expected
        super().__init__(f"a salt of {length} bytes: expected {expected}")


class SigningError(EvgiError):
    """A key or a signature that is refused."""


class InvalidKeyError(SigningError, ValueError):
    """Bytes that are no private key. They are not kept."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not a private key: {reason}")


class InvalidDigestError(SigningError, ValueError):
    """What is signed or recovered is not 32 bytes."""

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(f"a digest of {length} bytes: expected 32")


class InvalidSignatureError(SigningError, ValueError):
    """No signature at all: out of range, malformed, or one that no key can have made."""

    def __init__(self, reason: str, value: int) -> None:
        self.reason = reason
        self.value = value
        super().__init__(f"invalid signature: {reason}: {value}")


class MalleableSignatureError(InvalidSignatureError):
    """The second form of a signature, with s in the upper half of its range."""

    def __init__(self, s: int) -> None:
        self.s = s
        super().__init__("s is in the upper half of its range", s)


class SignerMismatchError(SigningError):
    """Another key signed, or the same key for another message or domain (chain, contract)."""

    def __init__(self, expected: str, recovered: str) -> None:
        self.expected = expected
        self.recovered = recovered
        super().__init__(f"signed by {recovered}, expected {expected}")


class ContractSignatureError(SigningError):
    """An account (EIP-1271) does not accept the signature."""

    def __init__(self, address: str, digest: bytes) -> None:
        self.address = address
        self.digest = digest
        super().__init__(f"account {address} does not accept the signature over 0x{digest.hex()}")


class WatchOnlyError(SigningError):
    """An account whose key is not here was asked to sign."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"the key of {address} is not here: it can be asked about, and signs nothing")


class SignatureCountError(SigningError, ValueError):
    """Not one signature for each digest."""

    def __init__(self, digests: int, signatures: int) -> None:
        self.digests = digests
        self.signatures = signatures
        super().__init__(f"{digests} digests and {signatures} signatures")


class UnsignableTransactionError(SigningError, ValueError):
    """A transaction with missing, unknown or malformed fields."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"cannot sign the transaction: {reason}")


class KeystoreError(SigningError):
    """A keystore file that cannot be read or written."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"keystore {path}: {reason}")


class KeystorePasswordError(KeystoreError):
    """A keystore does not open with this password. The password is not kept."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "wrong password")


class ChargingError(EvgiError):
    """Root of what can be wrong with a charging session, its batch or its queue."""


class SessionMismatchError(ChargingError, ValueError):
    """The parts of a signed session do not belong together."""

    def __init__(self, field: str, value: object, expected: object) -> None:
        super().__init__(f"session {field} is {value}, expected {expected}")
        self.field, self.value, self.expected = field, value, expected


class BatchLayoutError(ChargingError, ValueError):
    """A value that does not fit the packed layout of a batch or its event."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field} {value} does not fit: {allowed}")
        self.field, self.value, self.allowed = field, value, allowed


class SessionConflictError(ChargingError):
    """Another session with the same key is queued: a connector serves one session at a time."""

    def __init__(self, connector: bytes, started_at: int) -> None:
        super().__init__(
            f"a different session of connector 0x{connector.hex()} at {started_at} is already queued"
        )
        self.connector, self.started_at = connector, started_at


class QueueFileError(ChargingError):
    """The queue's file cannot be used."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"queue {path}: {why}")
        self.path, self.why = path, why


class RosterKeysError(ChargingError, ValueError):
    """Keys that cannot be a driver roster, or pages that no roster has."""

    def __init__(self, reason: str, value: object) -> None:
        super().__init__(f"{reason}: {value}")
        self.reason, self.value = reason, value


class DirectoryEventError(ChargingError):
    """An event that does not continue the directory of charge points: one is missing before it, or contradicts it."""

    def __init__(self, connector: bytes, version: int, why: str) -> None:
        super().__init__(f"version {version} of connector 0x{connector.hex()}: {why}")
        self.connector, self.version, self.why = connector, version, why


class SessionFileError(ChargingError):
    """A file of sessions of which nothing can be read."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"sessions of {path}: {why}")
        self.path, self.why = path, why


class UnknownSessionFormatError(SessionFileError):
    """What a file of sessions begins with is not how one of the formats begins."""

    def __init__(self, path: object, found: str, formats: tuple[str, ...]) -> None:
        super().__init__(path, f"begins with {found!r}; known formats: {', '.join(formats)}")
        self.found, self.formats = found, formats


class SessionRowError(ChargingError, ValueError):
    """One row of which no session can be made. ``reason`` is a word of ``charging.sources.REASONS``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class SessionRefusedError(ChargingError):
    """A session that must not be settled. ``reason`` is one word, in Python and, where the chain checks it too,
    in the contract's error; ``values`` are the numbers behind it."""

    reason = "SessionRefused"

    def __init__(self, **values: object) -> None:
        listed = ", ".join(f"{name}={value}" for name, value in values.items())
        super().__init__(f"{self.reason}({listed})")
        self.values = values


class SessionAlreadySettledError(SessionRefusedError):
    reason = "SessionAlreadySettled"


class SessionInFutureError(SessionRefusedError):
    reason = "SessionInFuture"


class SessionTooLateError(SessionRefusedError):
    reason = "SessionTooLate"


class CreditorMismatchError(SessionRefusedError):
    reason = "CreditorMismatch"


class ChargePointNotServedError(SessionRefusedError):
    reason = "ChargePointNotServed"


class AgreementNotInForceError(SessionRefusedError):
    reason = "AgreementNotInForce"


class CeilingAboveAgreementError(SessionRefusedError):
    reason = "CeilingAboveAgreement"


class DriverUnknownError(SessionRefusedError):
    reason = "DriverUnknown"


class DriverRevokedError(SessionRefusedError):
    reason = "DriverRevoked"


class DriverSignatureInvalidError(SessionRefusedError):
    reason = "DriverSignatureInvalid"


class MeterSignatureInvalidError(SessionRefusedError):
    reason = "MeterSignatureInvalid"


class DurationAboveLimitError(SessionRefusedError):
    reason = "DurationAboveLimit"


class EnergyAboveLimitError(SessionRefusedError):
    reason = "EnergyAboveLimit"


class EnergyAboveRatingError(SessionRefusedError):
    reason = "EnergyAboveRating"


class CostAboveMaximumError(SessionRefusedError):
    reason = "CostAboveMaximum"


class CostAboveCeilingError(SessionRefusedError):
    reason = "CostAboveCeiling"


class UnpackableError(SessionRefusedError):
    reason = "Unpackable"


class ChainError(EvgiError):
    """Root of what goes wrong between this package and a chain."""


class AbiError(ChainError, ValueError):
    """Arguments that do not fit a contract's ABI, or data that is not of it."""


class ArtifactMissingError(ChainError):
    """There is no compiled contract of this name."""

    def __init__(self, name: str, available: list[str]) -> None:
        super().__init__(f"no artifact {name!r}; there are: {', '.join(available) or 'none'}")
        self.name = name
        self.available = available


class ArtifactInvalidError(ChainError):
    """A file that should hold a compiled contract does not."""


class ChainUnreachableError(ChainError):
    """The node did not answer, after every retry. ``endpoint`` has its secrets masked."""

    def __init__(self, endpoint: str, method: str, reason: str) -> None:
        super().__init__(f"{endpoint} does not answer {method}: {reason}")
        self.endpoint = endpoint
        self.method = method
        self.reason = reason


class RpcError(ChainError):
    """The node answered with an error that is no revert of a contract."""

    def __init__(self, method: str, code: int | None, reason: str) -> None:
        super().__init__(f"{method}: {reason}" + (f" ({code})" if code is not None else ""))
        self.method = method
        self.code = code
        self.reason = reason


class ChainMismatchError(ChainError):
    """The node serves another chain than the one that is meant."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"the node serves chain {actual}, expected chain {expected}")
        self.expected = expected
        self.actual = actual


class ClockNotOursError(ChainError):
    """Only the embedded chain's clock can be moved."""


class ClockBackwardsError(ChainError):
    """The embedded chain's clock only moves forward."""

    def __init__(self, now: int, to: int) -> None:
        super().__init__(f"the clock stands at {now} and cannot go back to {to}")
        self.now = now
        self.to = to


class NonceTakenError(ChainError):
    """Another transaction of the sender has this nonce: the transaction must be prepared again."""

    def __init__(self, sender: str, nonce: int, reason: str) -> None:
        super().__init__(f"nonce {nonce} of {sender} is taken: {reason}")
        self.sender = sender
        self.nonce = nonce
        self.reason = reason


class InsufficientFundsError(ChainError):
    """The sender cannot pay for a transaction."""

    def __init__(self, sender: str, reason: str) -> None:
        super().__init__(f"{sender} cannot pay for the transaction: {reason}")
        self.sender = sender
        self.reason = reason


class TransactionTimeoutError(ChainError):
    """No receipt within the time given. The transaction may still land: wait again, or broadcast it again."""

    def __init__(self, transaction_hash: str, timeout: float) -> None:
        super().__init__(f"no receipt of {transaction_hash} after {timeout:g} s")
        self.transaction_hash = transaction_hash
        self.timeout = timeout


class CallAnnouncedError(ChainError):
    """The caller's role has a delay: the call is announced, and not yet made. Make it again at ``ready_at``."""

    def __init__(self, contract: str, function: str, ready_at: int) -> None:
        super().__init__(
            f"{contract}.{function} is announced, not yet made: run it again at {ready_at} or later"
        )
        self.contract = contract
        self.function = function
        self.ready_at = ready_at


class ContractError(ChainError):
    """A contract refused. ``name`` is the custom error's, ``args`` its arguments by name, ``data`` the returned bytes.

    ``Error`` and ``Panic`` are Solidity's own; an error that no known ABI has is called ``unknown``.
    """

    def __init__(
        self, contract: str, name: str, args: dict[str, object], data: bytes = b"", message: str = ""
    ) -> None:
        self.contract = contract
        self.name = name
        self._named = args
        self.data = data
        self.message = message
        super().__init__(contract, name)

    @property
    def args(self) -> dict[str, object]:  # type: ignore[override]
        return self._named

    def __reduce__(self) -> tuple[type[ContractError], tuple[object, ...]]:
        return type(self), (self.contract, self.name, self._named, self.data, self.message)

    def __str__(self) -> str:
        if self.name == "unknown":
            parts = [f"data=0x{self.data.hex()}"] if self.data else []
            parts += [self.message] if self.message else []
        else:
            parts = [f"{name}={_shown(value)}" for name, value in self._named.items()]
        return f"{self.contract}: {self.name}({', '.join(parts)})"


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


class DeploymentError(EvgiError):
    """Root of what can be wrong with a deployment, its plan or its manifest."""


class PlanError(DeploymentError, ValueError):
    """A plan that cannot be carried out."""


class PlanChangedError(DeploymentError):
    """A plan that does not go with what is already deployed: contracts are never changed, only deployed anew."""

    def __init__(self, contract: str, how: str) -> None:
        super().__init__(f"{contract} {how}; use a new manifest for a new deployment")
        self.contract = contract
        self.how = how


class ManifestError(DeploymentError, ValueError):
    """A file that is no manifest, or not of a schema this version reads."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"manifest: {field}: {why}")
        self.field = field
        self.why = why


class ManifestMissingError(DeploymentError):
    """There is no manifest at this path."""

    def __init__(self, path: object) -> None:
        super().__init__(f"no manifest at {path}")
        self.path = path


class DeploymentIncompleteError(DeploymentError):
    """A deployment that was not finished. Applying its plan again finishes it."""


class DeploymentChainError(DeploymentError):
    """A manifest of another chain than the one that is connected."""

    def __init__(self, what: str, expected: object, actual: object) -> None:
        super().__init__(f"the manifest is of another chain: {what} {expected}, connected to {actual}")
        self.what = what
        self.expected = expected
        self.actual = actual


class DeploymentDriftError(DeploymentError):
    """The chain does not have what the manifest says was deployed."""

    def __init__(self, contract: str, where: str, why: str) -> None:
        super().__init__(f"{contract} at {where}: {why}")
        self.contract = contract
        self.where = where
        self.why = why


class DeploymentDelayedError(DeploymentError):
    """Changes that are announced and not yet made: the signer governs under a delay. Apply again at ``ready_at``."""

    def __init__(self, ready_at: int) -> None:
        super().__init__(f"announced, not yet made: apply the plan again at {ready_at} or later")
        self.ready_at = ready_at


class DeploymentBusyError(DeploymentError):
    """Another process is applying this manifest."""

    def __init__(self, path: object) -> None:
        super().__init__(f"another process is applying {path}")
        self.path = path


class TariffError(EvgiError, ValueError):
    """A tariff, or a price made with one."""


class TariffFieldError(TariffError):
    """A value that no tariff can have."""

    def __init__(self, field: str, value: object, why: str) -> None:
        super().__init__(f"tariff {field} {value}: {why}")
        self.field, self.value, self.why = field, value, why


class NotFlatRatesError(TariffError):
    """The tariff is more than one rate a dimension, so that ``Pricing.sol`` cannot compute it."""

    def __init__(self, tariff: str, why: str) -> None:
        super().__init__(f"tariff {tariff} has no flat rates: {why}")
        self.tariff, self.why = tariff, why


class TimeZoneMissingError(TariffError):
    """The tariff prices by local time, and neither it nor the caller says which time zone that is."""

    def __init__(self, tariff: str) -> None:
        super().__init__(f"tariff {tariff} prices by local time and names no time zone")
        self.tariff = tariff


class ReadingMissingError(TariffError):
    """The price depends on a reading that the charging period lacks."""

    def __init__(self, tariff: str, restriction: str, period_start: int) -> None:
        super().__init__(
            f"tariff {tariff} restricts by {restriction}, which the period at {period_start} lacks"
        )
        self.tariff, self.restriction, self.period_start = tariff, restriction, period_start


class TariffUnknownError(TariffError):
    """A charging period names a tariff that was not given, or (``tariff`` is None) no period of a session has one."""

    def __init__(self, tariff: str | None, known: tuple[str, ...]) -> None:
        wanted = "no charging period has a tariff" if tariff is None else f"there is no tariff {tariff!r}"
        super().__init__(f"{wanted}; known are {', '.join(known) or 'none'}")
        self.tariff, self.known = tariff, known


class CurrencyMismatchError(TariffError):
    """Tariffs of two currencies in one session, or a tariff in another currency than its CDR."""

    def __init__(self, tariff: str, currency: str, expected: str) -> None:
        super().__init__(f"tariff {tariff} is in {currency}, expected {expected}")
        self.tariff, self.currency, self.expected = tariff, currency, expected


class ChargingPeriodError(TariffError):
    """A charging period that cannot have happened."""

    def __init__(self, field: str, value: object, why: str) -> None:
        super().__init__(f"charging period {field} {value}: {why}")
        self.field, self.value, self.why = field, value, why


class RatesRangeError(TariffError):
    """Rates or usage outside what ``Pricing.sol`` can hold."""

    def __init__(self, field: str, value: object, bits: int) -> None:
        super().__init__(f"{field} {value} is no unsigned integer of {bits} bits")
        self.field, self.value, self.bits = field, value, bits


class OcpiError(EvgiError, ValueError):
    """An OCPI document."""


class OcpiDocumentError(OcpiError):
    """No JSON, or none with the objects that were looked for."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no OCPI document: {why}")
        self.why = why


class OcpiFieldError(OcpiError):
    """A field that is missing, of another type, or of a meaning that is not known."""

    def __init__(self, path: str, value: object, why: str) -> None:
        super().__init__(f"{path} {value!r}: {why}")
        self.path, self.value, self.why = path, value, why


class CdrError(OcpiError):
    """One CDR of a document that cannot be read. ``index`` counts from 0; ``cdr_id`` is None where it has none."""

    def __init__(self, index: int, cdr_id: str | None, cause: EvgiError) -> None:
        super().__init__(f"CDR {index} ({cdr_id or 'no id'}): {cause}")
        self.index, self.cdr_id, self.cause = index, cdr_id, cause


class IdentityError(EvgiError):
    """A DID, or the identity behind it."""


class InvalidDidError(IdentityError, ValueError):
    """No DID, or none of the method did:ethr."""

    def __init__(self, did: str, reason: str) -> None:
        super().__init__(f"{did!r} is no did:ethr: {reason}")
        self.did, self.reason = did, reason


class DidUnresolvedError(IdentityError):
    """A DID that has no document. ``error`` is the word of the resolution metadata, such as ``notFound``."""

    def __init__(self, did: str, error: str, message: str) -> None:
        super().__init__(f"{did}: {error}: {message}" if message else f"{did}: {error}")
        self.did, self.error, self.message = did, error, message


class HistoryMissingError(IdentityError):
    """There are no events, or there is no time, for a block that an identity's history names: the node has pruned
    them, or what was recorded does not reach that far."""

    def __init__(self, block: int, why: str) -> None:
        super().__init__(why)
        self.block, self.why = block, why


class HistoryTooLongError(IdentityError):
    """An identity changed in more blocks than are read: each takes a request, and whoever owns it can make more."""

    def __init__(self, identity: str, limit: int) -> None:
        super().__init__(f"{identity} changed in more than {limit} blocks")
        self.identity, self.limit = identity, limit


class NotOwnerError(IdentityError):
    """Who would change an identity does not own it. Nobody owns one that is deactivated (``owner`` is None)."""

    def __init__(self, identity: str, account: str, owner: str | None) -> None:
        whose = "it is deactivated, for good" if owner is None else f"its owner is {owner}"
        super().__init__(f"{account} does not own {identity}: {whose}")
        self.identity, self.account, self.owner = identity, account, owner


class IdentityNameError(IdentityError, ValueError):
    """Text that is no name of an attribute and no type of delegate."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r}: expected 1 to 32 bytes of UTF-8, none of them zero")
        self.text = text


class ChangeTooLongError(IdentityError, ValueError):
    """A change whose value is too long for a batch. Lengths in bytes."""

    def __init__(self, identity: str, length: int, limit: int) -> None:
        super().__init__(f"a value of {length} bytes for {identity}: a batch takes {limit}")
        self.identity, self.length, self.limit = identity, length, limit


class CertificateError(EvgiError):
    """A certificate, its issuer, its status or its wallet."""


class CertificateDocumentError(CertificateError, ValueError):
    """JSON that is no document of ours, or says what nobody signed. ``path`` is a JSON pointer, empty for the whole."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self.path, self.why = path, why


class CertificateSchemaError(CertificateError, ValueError):
    """A document that does not fit its JSON Schema: where, and which rule it breaks. Values are not repeated."""

    def __init__(self, schema: str, path: str, rule: str) -> None:
        super().__init__(f"{path} does not fit {schema}: {rule}")
        self.schema, self.path, self.rule = schema, path, rule


class SchemaUnknownError(CertificateError, ValueError):
    """A schema that is not one of those shipped, or that was changed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no schema {name!r} with this digest is known")
        self.name = name


class ClaimError(CertificateError, ValueError):
    """A claim that was not signed, or is not there. Neither its value nor its salt is in the error."""

    def __init__(self, claim: str, why: str) -> None:
        super().__init__(f"claim {claim!r}: {why}")
        self.claim, self.why = claim, why


class SubjectKeyError(CertificateError, ValueError):
    """No public key that a subject can have."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no key of a subject: {why}")
        self.why = why


class StatusListError(CertificateError, ValueError):
    """A status list that is none, or not the one that is meant."""

    def __init__(self, why: str) -> None:
        super().__init__(f"status list: {why}")
        self.why = why


class SnapshotError(CertificateError, ValueError):
    """A file that is no snapshot of the registries, or one of something else."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"snapshot {path}: {why}" if path else f"snapshot: {why}")
        self.path, self.why = path, why


class PresentationError(CertificateError):
    """A presentation that does not answer its request."""


class ChallengeMismatchError(PresentationError):
    """It answers another request."""

    def __init__(self, field: str, found: object, expected: object) -> None:
        super().__init__(f"the presentation's {field} is {found}, expected {expected}")
        self.field, self.found, self.expected = field, found, expected


class PresentationExpiredError(PresentationError):
    """Its time, or the request's, is over or has not begun. Unix seconds."""

    def __init__(self, what: str, limit: int, time: int) -> None:
        super().__init__(f"the {what} {limit}, it is {time}")
        self.what, self.limit, self.time = what, limit, time


class PresentationSubjectError(PresentationError, ValueError):
    """A certificate in it is not its holder's."""

    def __init__(self, subject: str, holder: str) -> None:
        super().__init__(f"a certificate of {subject}, presented by {holder}")
        self.subject, self.holder = subject, holder


class DelegateUnknownError(PresentationError):
    """Who signed it does not act for its holder at that time."""

    def __init__(self, delegate: str, holder: str) -> None:
        super().__init__(f"{delegate} does not act for {holder}")
        self.delegate, self.holder = delegate, holder


class ClaimsMissingError(PresentationError):
    """It does not show what was asked for."""

    def __init__(self, entity_type: str, claims: tuple[str, ...]) -> None:
        wanted = f"the claims {', '.join(claims)} of a certificate" if claims else "a certificate"
        super().__init__(f"it does not show {wanted} of the type {entity_type}")
        self.entity_type, self.claims = entity_type, claims


class RenewalError(CertificateError, ValueError):
    """Dates with which a certificate does not go on. Unix seconds."""

    def __init__(self, field: str, value: int, expected: str) -> None:
        super().__init__(f"a renewal with {field} {value}: expected {expected}")
        self.field, self.value, self.expected = field, value, expected


class WalletError(CertificateError):
    """A wallet file that cannot be read or written."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"wallet {path}: {why}")
        self.path, self.why = path, why


class WalletPasswordError(WalletError):
    """The file does not open with this password, or was changed. The password is not kept."""

    def __init__(self, path: object) -> None:
        super().__init__(path, "it does not open with this password")


class StatusIndexError(CertificateError, ValueError):
    """Indices that cannot be those of a status list. ``index`` is None where there is none."""

    def __init__(self, why: str, index: object) -> None:
        super().__init__("an index " + why + ("" if index is None else f": {index}"))
        self.why, self.index = why, index


class AccessError(EvgiError):
    """Access to a resource, or the session that unlocks it."""


class AccessFactError(AccessError, ValueError):
    """A fact about something that no fact before it spoke of: one is missing."""

    def __init__(self, fact: str, field: str, value: bytes) -> None:
        super().__init__(f"{fact}: no fact before it says what {field} 0x{value.hex()} is")
        self.fact, self.field, self.value = fact, field, value


class AccessSnapshotError(AccessError, ValueError):
    """A document that is no snapshot of who may do what, or not of a version that is read."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"snapshot of access: {field}: {why}")
        self.field, self.why = field, why


class PacketError(AccessError, ValueError):
    """Bytes that are no packet, or not the one that may come now."""


class PacketSizeError(PacketError):
    """Too short or too long for a packet. Lengths in bytes."""

    def __init__(self, length: int, shortest: int, longest: int) -> None:
        super().__init__(f"a packet of {length} bytes: expected {shortest} to {longest}")
        self.length, self.shortest, self.longest = length, shortest, longest


class PacketFormatError(PacketError):
    """Not the one form in which a packet is written."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no packet: {why}")
        self.why = why


class PacketProtocolError(PacketError):
    """Another version of the protocol. There is no falling back."""

    def __init__(self, found: object, expected: object) -> None:
        super().__init__(f"a packet of protocol {found!r}, expected {expected!r}")
        self.found, self.expected = found, expected


class PacketSessionError(PacketError):
    """A packet of another session."""

    def __init__(self, found: bytes, expected: bytes) -> None:
        super().__init__(f"a packet of session 0x{found.hex()}, expected 0x{expected.hex()}")
        self.found, self.expected = found, expected


class PacketReflectedError(PacketError):
    """One's own packet, sent back."""

    def __init__(self, counter: int) -> None:
        super().__init__(f"packet {counter} is one that this side sent")
        self.counter = counter


class PacketReplayedError(PacketError):
    """A packet whose turn has passed."""

    def __init__(self, counter: int, expected: int) -> None:
        super().__init__(f"packet {counter} again, expected {expected}")
        self.counter, self.expected = counter, expected


class PacketOrderError(PacketError):
    """A packet whose turn has not come."""

    def __init__(self, counter: int, expected: int) -> None:
        super().__init__(f"packet {counter} too early, expected {expected}")
        self.counter, self.expected = counter, expected


class PacketForgedError(PacketError):
    """A packet that was changed, was made with another key, or does not follow the one before it."""

    def __init__(self, counter: int) -> None:
        super().__init__(f"packet {counter} is not what the other side sent after the packet before it")
        self.counter = counter


class UnlockError(AccessError):
    """The handshake that opens a session."""


class EphemeralKeyError(UnlockError, ValueError):
    """An X25519 public key with which no secret can be agreed on: of low order, all zero among them."""

    def __init__(self, key: bytes) -> None:
        super().__init__(f"no secret can be agreed on with the public key 0x{key.hex()}")
        self.key = key


class UnlockAnswerError(UnlockError):
    """An answer that is not one to this request."""

    def __init__(self, field: str, found: object, expected: object) -> None:
        super().__init__(f"the answer's {field} is {found}, expected {expected}")
        self.field, self.found, self.expected = field, found, expected


class UnlockSignerError(UnlockError):
    """The account that signed does not act for the identity."""

    def __init__(self, identity: str, account: str) -> None:
        super().__init__(f"{account} does not act for {identity}")
        self.identity, self.account = identity, account


class UnlockRejectedError(UnlockError):
    """The host said no. ``reason`` is a ``RejectionReason``; ``retry_after`` in seconds, 0 where asking again is of
    no use."""

    def __init__(self, reason: IntEnum, retry_after: int) -> None:
        again = f"; ask again in {retry_after} s" if retry_after else ""
        super().__init__(f"the host rejects the request: {reason.name.lower().replace('_', ' ')}{again}")
        self.reason, self.retry_after = reason, retry_after


class UnlockAnsweredError(UnlockError):
    """The request has had its answer."""

    def __init__(self, request: bytes) -> None:
        super().__init__(f"request 0x{request.hex()} has had its answer")
        self.request = request


class NoncesFullError(UnlockError):
    """No room to remember another request. ``until`` is when there will be, Unix seconds."""

    def __init__(self, capacity: int, until: int) -> None:
        super().__init__(f"{capacity} requests are remembered, the first of them until {until}")
        self.capacity, self.until = capacity, until


class AccessSessionError(AccessError):
    """A session that cannot be used."""

    def __init__(self, session: bytes, message: str) -> None:
        super().__init__(f"session 0x{session.hex()} {message}")
        self.session = session


class AccessSessionUnknownError(AccessSessionError):
    """The host has no such session: never had, or restarted since."""

    def __init__(self, session: bytes) -> None:
        super().__init__(session, "is unknown")


class AccessSessionExpiredError(AccessSessionError):
    """Its time is over."""

    def __init__(self, session: bytes, expired_at: int, time: int) -> None:
        super().__init__(session, f"expired at {expired_at}, it is {time}")
        self.expired_at, self.time = expired_at, time


class AccessSessionEndedError(AccessSessionError):
    """It was ended. ``reason`` is an ``EndReason``."""

    def __init__(self, session: bytes, reason: IntEnum) -> None:
        super().__init__(session, f"has ended: {reason.name.lower().replace('_', ' ')}")
        self.reason = reason


class AccessRightError(AccessSessionError):
    """A right that the session does not have."""

    def __init__(self, session: bytes, right: int, rights: int) -> None:
        super().__init__(session, f"has the rights {rights:d}, not {right:d}")
        self.right, self.rights = right, rights


class SessionTurnError(AccessSessionError):
    """The other side is to send."""

    def __init__(self, session: bytes, counter: int) -> None:
        super().__init__(session, f"waits for packet {counter} of the other side")
        self.counter = counter


class DataError(EvgiError):
    """A data write, its anchor or its host."""


class MerkleTreeError(DataError, ValueError):
    """Values that no tree or proof can be made of."""


class AnchorMismatchError(DataError):
    """Chain and store disagree about a batch. Nothing is anchored any more until somebody has looked into it."""

    def __init__(self, stream: bytes, sequence: int, why: str) -> None:
        super().__init__(f"batch {sequence} of stream 0x{stream.hex()}: {why}")
        self.stream, self.sequence, self.why = stream, sequence, why


class StoreError(DataError):
    """The host's database cannot be opened, read or written, or is that of another host. ``store`` has no password."""

    def __init__(self, store: str, why: str) -> None:
        super().__init__(f"{store}: {why}")
        self.store, self.why = store, why


class MasterKeyError(DataError):
    """A master key file that cannot be read or written."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(f"master key {path}: {why}")
        self.path, self.why = path, why


class MasterKeyPasswordError(MasterKeyError):
    """The file does not open with this password, or was changed."""

    def __init__(self, path: object) -> None:
        super().__init__(path, "it does not open with this password")


class RecordSealedError(DataError):
    """A stored record, or the key it is stored under, that does not decrypt: it was changed, moved, or is of another
    key."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not decrypt")
        self.what = what


class HostSettingError(DataError, ValueError):
    """A setting of a data host that cannot be meant."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(f"{name} is {value!r}: expected {expected}")
        self.name, self.value, self.expected = name, value, expected


class HostRefusalError(DataError):
    """What a data host refuses. ``code`` is the word that it answers with, ``values`` are the numbers behind it."""

    def __init__(self, code: str, message: str, **values: object) -> None:
        super().__init__(message)
        self.code, self.message, self.values = code, message, values


class HostUrlError(DataError, ValueError):
    """No address of a data host, or one at which records would be sent in clear. It is not kept: it may have secrets
    anywhere."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no URL of a data host: {why}")
        self.why = why


class HostUnreachableError(DataError):
    """A data host that does not answer, or not in time."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host} does not answer: {why}")
        self.host, self.why = host, why


class HostAnswerError(DataError):
    """An answer of a data host that is not as its interface describes it."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host} answers what it should not: {why}")
        self.host, self.why = host, why


class ResourceUnhostedError(DataError):
    """Nobody keeps a resource now: it is unknown, or changed hands since its owner named a host."""

    def __init__(self, resource: bytes) -> None:
        super().__init__(f"no host keeps the resource 0x{resource.hex()} now")
        self.resource = resource


class HostMismatchError(DataError):
    """A data host that is another than was meant, or of another chain."""

    def __init__(self, field: str, found: object, expected: object) -> None:
        super().__init__(f"the host's {field} is {found}, expected {expected}")
        self.field, self.found, self.expected = field, found, expected


class RecordInvalidError(DataError):
    """A record that is not what its writer signed, or is not in the batch that it is said to be in. ``position`` is
    the host's number for it."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"record {position}: {why}")
        self.position, self.why = position, why


class RecordMissingError(DataError):
    """A record that the host holds back: it numbers them without gaps, as each writer does."""

    def __init__(self, numbering: str, expected: int, found: int) -> None:
        super().__init__(f"{numbering} {expected} is missing, {found} came")
        self.numbering, self.expected, self.found = numbering, expected, found


class DemoError(EvgiError):
    """The demo cannot run: the message says what to change."""
