"""A data host from outside: write to it, unlock a session, read with proofs."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from evgi_client.access.accessor import Accessor
from evgi_client.access.packets import ANYTHING, MAX_PACKET, PROTOCOL
from evgi_client.data.exchange import Exchange, error_in
from evgi_client.data.registry import DataAnchors
from evgi_client.data.session import DataSession
from evgi_client.data.transport import HostTransport
from evgi_client.data.writes import SignedWrite
from evgi_client.errors import HostAnswerError, HostMismatchError, HostRefusalError, RecordMissingError
from evgi_client.messages.access import Right
from evgi_client.messages.data import DataWrite, content_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from evgi_client.access.accessor import UnlockedSession
    from evgi_client.chain import ContractHandle
    from evgi_client.data.registry import AnchoredBatch
    from evgi_client.messages import Domain
    from evgi_client.signing import Signer

_SMALL = 64 * 1024
"""Bytes of an answer that carries no records."""

_NUMBER_ATTEMPTS = 4


def new_salt() -> bytes:
    """32 random bytes, from the operating system's source."""
    return secrets.token_bytes(32)


class DataClient:
    """A data host, for a writer or a reader. Not for two threads at a time.

    Args:
        url: of the host; ``https`` except on this machine.
        host: the host's identity, as the resource's bootstrapping certificate names it.
        contracts: handles of the suite by name: the chain's word is asked for, never the host's.
        access_domain, data_domain: EIP-712 domains of ``AccessRegistry`` and ``DataRegistry``.
        signer: signs writes and requests.
        identity: whom the signer acts for; its own account where not given.
        clock: Unix seconds; the machine's, or the chain's where that is later.
        sleep: waits between two tries.

    Raises:
        HostUrlError: no URL, or one that would be spoken to in clear.
    """

    def __init__(
        self,
        url: str,
        host: str,
        contracts: Mapping[str, ContractHandle],
        access_domain: Domain,
        data_domain: Domain,
        signer: Signer,
        *,
        identity: str | None = None,
        allow_http: bool = False,
        clock: Callable[[], int] | None = None,
        salts: Callable[[], bytes] = new_salt,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.host = host
        self.identity = identity or signer.address
        self.data_domain = data_domain
        self._signer = signer
        self._contracts = contracts
        self._chain = contracts["DataRegistry"].chain
        self._anchors = DataAnchors(contracts, signer)
        self._batches: dict[tuple[bytes, int], AnchoredBatch] = {}
        self._exchange = Exchange(HostTransport(url, allow_http=allow_http), sleep)
        self._clock = clock or self._later_of_both
        self._salts = salts
        self._numbers: dict[tuple[bytes, bytes], int] = {}
        self._known = False
        self._write_bytes = 0
        self._accessor = Accessor(
            self.identity,
            signer,
            access_domain,
            acts_for=self._acts_for,
            is_valid_signature=self._chain.is_valid_signature,
        )

    def __enter__(self) -> DataClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._exchange.close()

    def now(self) -> int:
        """The client's time, Unix seconds."""
        return self._clock()

    def meet(self) -> dict[str, Any]:
        """What the host says of itself, after it was compared with what was expected: done once, before anything is
        sent.

        Raises:
            HostMismatchError: another host, chain, registry or protocol.
            HostUnreachableError, HostAnswerError, HostRefusalError: no such answer.
        """
        described = self._exchange.get("/v1/host", _SMALL)
        expected = {
            "protocol": PROTOCOL,
            "host": self.host,
            "chainId": self._chain.chain_id,
            "accessRegistry": self._contracts["AccessRegistry"].address,
            "dataRegistry": self._contracts["DataRegistry"].address,
        }
        for field, value in expected.items():
            if described.get(field) != value:
                raise HostMismatchError(field, described.get(field), value)
        limits = described.get("limits")
        longest = limits.get("writeBytes") if isinstance(limits, dict) else None
        self._write_bytes = longest if isinstance(longest, int) else 0
        self._known = True
        return described

    def write(self, resource: bytes, stream: bytes, data: bytes, *, number: int | None = None) -> SignedWrite:
        """Signs a record and gives it to the host: it is on the host's disk when this returns.

        Args:
            number: the writer's own, from 0 without gaps in a stream of a resource. With it, a record that was written
                once is refused the second time; where not given, the host is asked for the next.

        Raises:
            HostRefusalError: the host does not take it, and why.
            RecordMissingError: it has lost what this client wrote before.
            HostUnreachableError: no answer. Bring the same number again: the host keeps one write of it.
        """
        place = (resource, stream)
        salt = self._salts()
        for _ in range(_NUMBER_ATTEMPTS):
            signed = self.sign(
                resource, stream, data, salt, self._numbers.get(place, 0) if number is None else number
            )
            try:
                self.send(signed)
            except HostRefusalError as refusal:
                if number is not None or refusal.code not in ("number", "conflict"):
                    raise
                expected = _expected_number(refusal, self._exchange.name)
                known = self._numbers.get(place, 0)
                if expected < known:
                    raise RecordMissingError("number", expected, known) from refusal
                self._numbers[place] = expected
                continue
            self._numbers[place] = signed.write.number + 1
            return signed
        raise HostAnswerError(self._exchange.name, "every number is taken: another writes as the same writer")

    def sign(self, resource: bytes, stream: bytes, data: bytes, salt: bytes, number: int) -> SignedWrite:
        """Signs a record, and sends nothing: for a writer that is offline."""
        write = DataWrite(
            writer=self.identity,
            host=self.host,
            resource=resource,
            stream=stream,
            number=number,
            content=content_hash(salt, data),
            written_at=self.now(),
        )
        return SignedWrite.sign(write, salt, data, self._signer, self.data_domain)

    def send(self, signed: SignedWrite) -> bytes:
        """Gives the host a record that was signed, as often as it takes: the host keeps it once.

        Returns:
            Its struct hash. Raises as ``write``.
        """
        self._meet_once()
        if len(signed.data) > self._write_bytes:
            # Said here: a host that stops reading may not be heard.
            raise HostRefusalError("too_large", "The record is too long.", limit=self._write_bytes)
        hashed = signed.write.struct_hash()
        answer = self._exchange.post_json("/v1/writes", signed.to_json(), _SMALL)
        if answer.get("write") != "0x" + hashed.hex():
            raise HostAnswerError(self._exchange.name, "a receipt for another write")
        return hashed

    def unlock(
        self,
        resource: bytes,
        rights: Right = Right.READ,
        *,
        purpose: bytes = ANYTHING,
        certificate: bytes = ANYTHING,
    ) -> DataSession:
        """Opens a session. Every one that is opened counts as a use of a certificate that has them counted.

        Args:
            purpose: hash of what the data are for; where a certificate names one, it must be that.
            certificate: struct hash of the access certificate to rely on; zero for whatever allows.

        Raises:
            UnlockRejectedError: the host says no, and why.
            UnlockError, PacketError: an answer that is none to this request.
            HostRefusalError, HostUnreachableError, HostAnswerError: no answer.
        """
        self._meet_once()

        def renew() -> UnlockedSession:
            return self._unlock(resource, rights, purpose, certificate)

        return DataSession(renew(), renew, self._exchange, self)

    def batch(self, stream: bytes, sequence: int) -> AnchoredBatch | None:
        """A batch of the host as the chain has it; None where it has none."""
        key = (stream, sequence)
        if key not in self._batches:
            found = self._anchors.batch(self.host, stream, sequence)
            if found is None:
                return None
            # What is anchored never changes.
            self._batches[key] = found
        return self._batches[key]

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Does an account accept a signature (EIP-1271)?"""
        return self._chain.is_valid_signature(account, digest, signature)

    def _unlock(self, resource: bytes, rights: Right, purpose: bytes, certificate: bytes) -> UnlockedSession:
        attempt = self._accessor.request(
            self.host, resource, rights, self.now(), purpose=purpose, certificate=certificate
        )
        status, body = self._exchange.post_packet(
            "/v1/unlock", attempt.packet, "application/json", MAX_PACKET, (200, 403)
        )
        if status == 403 and error_in(body) is not None:
            raise self._exchange.refusal(status, body)
        session = attempt.take(body, self.now())
        if status != 200:
            raise HostAnswerError(self._exchange.name, f"an acceptance with status {status}")
        return session

    def _meet_once(self) -> None:
        if not self._known:
            self.meet()

    def _acts_for(self, identity: str, account: str) -> bool:
        return bool(self._contracts["DIDRegistry"].call("actsFor", identity, account))

    def _later_of_both(self) -> int:
        return max(int(time.time()), self._chain.now())


def _expected_number(refusal: HostRefusalError, host: str) -> int:
    text = str(refusal.values.get("expected", ""))
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise HostAnswerError(host, "a number that is not expected, and none that is") from refusal
    return int(text)
