"""A data host put together, and run until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.access.unlock import HostUnlock
from evgi_client.data.anchoring import Anchored, Anchoring, AnchorLoop
from evgi_client.data.answering import Answering
from evgi_client.data.audit import Audit
from evgi_client.data.batches import Batches
from evgi_client.data.gate import Gate
from evgi_client.data.host import DataHost
from evgi_client.data.records import Records
from evgi_client.data.registry import DataAnchors
from evgi_client.data.settings import HostSettings
from evgi_client.data.store import HOST, Store
from evgi_client.data.vault import MASTER_KEY, Vault
from evgi_client.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import uvicorn

    from evgi_client.access.judging import UnlockLimits
    from evgi_client.chain import ContractHandle
    from evgi_client.data.masterkey import MasterKey
    from evgi_client.data.service import Parts
    from evgi_client.errors import EvgiError
    from evgi_client.messages import Domain
    from evgi_client.signing import Signer

_STOP_SECONDS = 10
"""How long requests under way, and then an anchor under way, may take once the host is told to stop."""

_CONNECTIONS = 1024
"""The most that are open: beyond, new ones are turned away without a word of JSON."""


def _bound_to(data_domain: Domain, access_registry: str) -> dict[str, str]:
    return {
        "chainId": str(data_domain.chain_id),
        "dataRegistry": data_domain.verifying_contract,
        "accessRegistry": access_registry,
    }


def create_store(store: str, host: str, master: MasterKey, data_domain: Domain, access_registry: str) -> None:
    """Makes a host's store in an empty database; one that is there already is left as it is.

    Args:
        host: the identity of the host.
        data_domain: EIP-712 domain of ``DataRegistry``.

    Raises:
        StoreError: the database holds something else, or the store of another host.
    """
    about = {HOST: host, MASTER_KEY: master.id, **_bound_to(data_domain, access_registry)}
    Store.create(store, about).close()


def check_deployment(store: Store, data_domain: Domain, access_registry: str) -> None:
    """Returns where a store belongs to a deployment.

    Raises:
        StoreError: it was made for another chain, or for other contracts.
    """
    for name, value in _bound_to(data_domain, access_registry).items():
        if store.facts.get(name) != value:
            raise StoreError(store.name, f"its {name} is {store.facts.get(name)}, and {value} is deployed")


@dataclass(frozen=True, slots=True)
class Hosting:
    """A data host in one process.

    Args:
        contracts: handles of the suite by name.
        access_domain, data_domain: EIP-712 domains of ``AccessRegistry`` and ``DataRegistry``.
        signer: acts for the host: answers requests, counts uses, anchors.
        from_block: the block of the deployment.
    """

    store: Store
    master: MasterKey
    contracts: Mapping[str, ContractHandle]
    access_domain: Domain
    data_domain: Domain
    signer: Signer
    settings: HostSettings
    from_block: int = 0
    clock: Callable[[], int] | None = None
    limits: UnlockLimits | None = None

    def __post_init__(self) -> None:
        check_deployment(self.store, self.data_domain, self.access_domain.verifying_contract)

    @property
    def identity(self) -> str:
        """The host's."""
        return self.store.facts[HOST]

    def anchoring(self) -> Anchoring:
        """What anchors the store."""
        anchors = DataAnchors(self.contracts, self.signer)
        return Anchoring(self.identity, Batches(self.store), anchors, self.settings.batch_size)

    def audit(self) -> Audit:
        """What checks the store."""
        return Audit(
            self.store,
            Batches(self.store),
            Records(self.store),
            Vault(self.store, self.master),
            DataAnchors(self.contracts, self.signer),
            self.data_domain,
            self.contracts["DataRegistry"].chain.is_valid_signature,
        )

    def parts(self) -> Parts:
        """What the HTTP application is made of."""
        from evgi_client.data.service import Parts
        from evgi_client.data.shield import line, log

        def report(error: Exception) -> None:
            log.error("%s", line(event="failure", error=type(error).__name__, why=str(error)[:300]))

        gate = self._gate()
        unlock = HostUnlock(
            self.identity,
            self.signer,
            self.access_domain,
            check=gate.check_here,
            purpose_of=gate.purpose_of,
            acts_for=gate.acts_for,
            nonces=StoredNonces(self.store),
            is_valid_signature=gate.is_valid_signature,
            spend=gate.spend,
            limits=self.limits,
        )
        vault = Vault(self.store, self.master)
        host = DataHost(
            self.identity, self.data_domain, gate, self.store, Batches(self.store), vault, self.settings
        )
        return Parts(
            host=host,
            unlock=unlock,
            answering=Answering(host, Records(self.store), gate, unlock.require, report),
            gate=gate,
            store=self.store,
            chain_id=self.data_domain.chain_id,
            access_registry=self.access_domain.verifying_contract,
            data_registry=self.data_domain.verifying_contract,
            background=self._background(),
        )

    def _gate(self) -> Gate:
        if self.clock is None:
            return Gate(self.contracts, self.identity, self.signer, self.from_block)
        return Gate(self.contracts, self.identity, self.signer, self.from_block, self.clock)

    def _background(self) -> Callable[[bool], None]:
        from evgi_client.data.shield import line, log

        def report(outcome: Anchored | EvgiError) -> None:
            if isinstance(outcome, Anchored):
                log.info(
                    "%s",
                    line(
                        event="anchored",
                        stream="0x" + outcome.stream.hex(),
                        sequence=outcome.sequence,
                        leaves=outcome.leaves,
                    ),
                )
            else:
                log.error(
                    "%s", line(event="not anchored", error=type(outcome).__name__, why=str(outcome)[:300])
                )

        if not self.settings.anchor_every:
            return lambda _running: None
        loop = AnchorLoop(self.anchoring(), self.settings.anchor_every, report)
        return lambda running: loop.start() if running else loop.stop(_STOP_SECONDS)


class StoredNonces:
    """The accepted unlock requests, in the host's store: nothing replays over a restart."""

    since = 0

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, accessor: str, nonce: bytes, expires_at: int, now: int) -> bool:
        """Takes a nonce; on the disk when this returns. False where it was taken before."""
        return self._store.claim(accessor, nonce, expires_at, now)


def listen(address: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=256)


def server(
    parts: Parts, *, certificate: Path | None = None, key: Path | None = None, proxies: str | None = None
) -> uvicorn.Server:
    """The HTTP server of a host.

    Args:
        certificate, key: PEM files, for TLS.
        proxies: addresses whose word of who the client is, is taken; comma separated.
    """
    import uvicorn

    from evgi_client.data.patience import PatientProtocol
    from evgi_client.data.service import application

    config = uvicorn.Config(
        application(parts, tls=certificate is not None),
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=proxies is not None,
        forwarded_allow_ips=proxies,
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=16 * 1024,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=_STOP_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    return uvicorn.Server(config)


def serve(serving: uvicorn.Server, listening: socket.socket) -> None:
    """Serves until SIGTERM or SIGINT, then finishes what is under way. Logs one JSON object a line to stderr."""
    from evgi_client.data.shield import log

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    # The server raises the signal that stopped it once more when it has finished: that is not to be a failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    serving.run(sockets=[listening])
