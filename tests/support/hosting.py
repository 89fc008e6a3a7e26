"""A data host on a chain of its own, a resource that it keeps, who writes to it and who reads it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from evgi_client.access.accessor import Accessor, UnlockedSession
from evgi_client.data.masterkey import MasterKey
from evgi_client.data.serving import Hosting, create_store, listen, server
from evgi_client.data.settings import HostSettings
from evgi_client.data.store import Store
from evgi_client.data.writes import SignedWrite
from evgi_client.messages import Domain, keccak256
from evgi_client.messages.access import AccessCertificate, DataHostBootstrapping, Right
from evgi_client.messages.data import DataWrite, content_hash, stream_id
from evgi_client.signing import LocalSigner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evgi_client.chain import Chain, ContractHandle

COIN = 10**18
DAY = 86_400
BATTERY, METER = stream_id("battery"), stream_id("meter")
ANY = bytes(32)
ZERO = "0x" + "00" * 20
MASTER = MasterKey(keccak256(b"master key of the tests"))


def signer(number: int) -> LocalSigner:
    return LocalSigner.from_key((0xDA7A0 + number).to_bytes(32, "big"))


@dataclass
class World:
    """``owner`` has a resource with ``host``; ``writer`` may write to it and ``reader`` may read it."""

    chain: Chain
    contracts: dict[str, ContractHandle]
    host: LocalSigner = field(default_factory=lambda: signer(1))
    owner: LocalSigner = field(default_factory=lambda: signer(2))
    writer: LocalSigner = field(default_factory=lambda: signer(3))
    reader: LocalSigner = field(default_factory=lambda: signer(4))
    stranger: LocalSigner = field(default_factory=lambda: signer(5))
    numbers: dict[tuple[bytes, bytes, str], int] = field(default_factory=dict)

    def domain(self, contract: str) -> Domain:
        return Domain(contract, "1", self.chain.chain_id, self.contracts[contract].address)

    def resource(self, owner: LocalSigner | None = None, label: str = "battery pack") -> bytes:
        identity = bytes(12) + bytes.fromhex((owner or self.owner).address[2:])
        return keccak256(identity + keccak256(label.encode()))

    def bootstrap(
        self, owner: LocalSigner | None = None, label: str = "battery pack", **changes: Any
    ) -> bytes:
        """Registers a resource with the host."""
        by, now = owner or self.owner, self.chain.now()
        fields = {
            "owner": by.address,
            "label": keccak256(label.encode()),
            "host": self.host.address,
            "endpoint": keccak256(b"https://host.example"),
            "protocols": keccak256(b"evgi-unlock/1"),
            "key_agreement": keccak256(b"key"),
            "data_classes": keccak256(b"battery"),
            "default_rights": 0,
            "valid_from": now,
            "valid_until": now + 300 * DAY,
            "deadline": now + DAY,
            **changes,
        }
        self.contracts["AccessRegistry"].transact(
            "bootstrap", DataHostBootstrapping(**fields), b"", signer=by
        )
        return self.resource(by, label)

    def grant(self, grantee: LocalSigner, rights: Right, **changes: Any) -> bytes:
        """The owner grants rights on its resource. Returns the certificate's struct hash."""
        now = self.chain.now()
        fields = {
            "id": keccak256(f"{grantee.address} {now}".encode()),
            "granter": self.owner.address,
            "grantee": grantee.address,
            "group": ANY,
            "resource": self.resource(),
            "rights": int(rights),
            "purpose": ANY,
            "valid_from": now,
            "valid_until": now + 200 * DAY,
            "delegable": False,
            "max_uses": 0,
            "parent": ANY,
            **changes,
        }
        certificate = AccessCertificate(**fields)
        self.contracts["AccessRegistry"].transact("grant", certificate, b"", signer=self.owner)
        return certificate.struct_hash()

    def block(self, accessor: LocalSigner) -> None:
        self.contracts["AccessRegistry"].transact(
            "blockAccessors", self.resource(), [accessor.address], signer=self.owner
        )

    def revoke(self, certificate: bytes) -> None:
        now = self.chain.now()
        self.contracts["RevocationRegistry"].transact(
            "revoke", self.owner.address, certificate, now, 0, signer=self.owner
        )

    def write(
        self,
        data: bytes = b"{}",
        by: LocalSigner | None = None,
        key: LocalSigner | None = None,
        **changes: Any,
    ) -> SignedWrite:
        """A record of a writer, under its next number, signed by ``key`` where that is another."""
        writer = by or self.writer
        salt = keccak256(b"salt" + data)
        fields = {
            "writer": writer.address,
            "host": self.host.address,
            "resource": self.resource(),
            "stream": BATTERY,
            "number": None,
            "content": content_hash(salt, data),
            "written_at": self.chain.now(),
            **changes,
        }
        if fields["number"] is None:
            place = (fields["resource"], fields["stream"], fields["writer"])
            fields["number"] = self.numbers.get(place, 0)
            self.numbers[place] = fields["number"] + 1
        write = DataWrite(**fields)
        digest = write.digest(self.domain("DataRegistry"))
        by_key = key or writer
        return SignedWrite(write, by_key.address, by_key.sign_digest(digest).to_bytes(), salt, data)

    def accessor(self, by: LocalSigner | None = None) -> Accessor:
        who = by or self.reader
        return Accessor(
            who.address,
            who,
            self.domain("AccessRegistry"),
            acts_for=lambda identity, account: bool(
                self.contracts["DIDRegistry"].call("actsFor", identity, account)
            ),
        )

    def hosting(self, store: Store, **changes: Any) -> Hosting:
        """A host on a store, whose clock is the chain's."""
        return Hosting(
            store=store,
            master=MASTER,
            contracts=self.contracts,
            access_domain=self.domain("AccessRegistry"),
            data_domain=self.domain("DataRegistry"),
            signer=self.host,
            settings=HostSettings(**{"anchor_every": 0, "requests_per_second": 10_000, **changes}),
            clock=self.chain.now,
        )

    def new_store(self, url: str) -> Store:
        create_store(
            url,
            self.host.address,
            MASTER,
            self.domain("DataRegistry"),
            self.contracts["AccessRegistry"].address,
        )
        return Store(url)


def deploy(chain: Chain, deployer: LocalSigner) -> dict[str, ContractHandle]:
    """Identities, certificates, access and data, each on the ones before."""
    manager = chain.deploy("AccessManager", [deployer.address], deployer)
    identities = chain.deploy("DIDRegistry", [], deployer)
    revocations = chain.deploy("RevocationRegistry", [identities.address], deployer)
    certificates = chain.deploy(
        "CertificateRegistry", [manager.address, identities.address, revocations.address], deployer
    )
    access = chain.deploy(
        "AccessRegistry", [identities.address, certificates.address, revocations.address], deployer
    )
    data = chain.deploy("DataRegistry", [identities.address], deployer)
    found = (manager, identities, revocations, certificates, access, data)
    return {handle.name: handle for handle in found}


def found(chain: Chain) -> World:
    """A new world: the resource is registered, the writer may write and the reader may read."""
    deployer = signer(0)
    for number in range(6):
        chain.faucet(signer(number).address, 100 * COIN)
    world = World(chain, deploy(chain, deployer))
    world.bootstrap()
    world.grant(world.writer, Right.WRITE)
    world.grant(world.reader, Right.READ)
    return world


@dataclass
class Served:
    """A host that answers over HTTP."""

    world: World
    hosting: Hosting
    url: str

    def put(self, signed: SignedWrite) -> requests.Response:
        return self.post("/v1/writes", json=signed.to_json())

    def post(self, path: str, **arguments: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=30, **arguments)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=30)

    def anchor(self) -> list[Any]:
        return list(self.hosting.anchoring().run())

    def unlock(self, by: LocalSigner | None = None, rights: Right = Right.READ, **changes: Any) -> Reading:
        """Opens a session as an accessor does."""
        world = self.world
        now = world.chain.now()
        attempt = world.accessor(by).request(
            world.host.address, changes.pop("resource", world.resource()), rights, now, **changes
        )
        answer = self.post("/v1/unlock", data=attempt.packet)
        assert answer.status_code in (200, 403), answer.text
        return Reading(self, attempt.take(answer.content, world.chain.now()))


@dataclass
class Reading:
    """An unlocked session over HTTP."""

    served: Served
    session: UnlockedSession

    def post(self, question: Any) -> requests.Response:
        now = self.served.world.chain.now()
        plain = question if isinstance(question, bytes) else json.dumps(question).encode()
        return self.served.post(f"/v1/sessions/0x{self.session.id.hex()}", data=self.session.seal(plain, now))

    def ask(self, question: Any) -> Any:
        """The answer to a question."""
        answer = self.post(question)
        assert answer.status_code == 200, answer.text
        opened = self.session.open(answer.content, self.served.world.chain.now())
        return json.loads(opened.plaintext)

    def read(self, stream: bytes = BATTERY, **fields: Any) -> Any:
        return self.ask({"do": "read", "stream": "0x" + stream.hex(), **fields})


@contextmanager
def serving(world: World, hosting: Hosting, **options: Any) -> Iterator[Served]:
    """The host's real server, in a thread of this process."""
    listening = listen("127.0.0.1", 0)
    running = server(hosting.parts(), **options)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not running.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the host did not start")
            time.sleep(0.01)
        yield Served(world, hosting, f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        running.should_exit = True
        thread.join(20)
        listening.close()
