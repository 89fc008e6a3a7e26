"""What ``test_datahost_kill`` starts and kills: the real server of a data host, which anchors as it serves."""

from __future__ import annotations

import json

from evgi_client.chain import Chain
from evgi_client.data.serving import Hosting, listen, serve, server
from evgi_client.data.settings import HostSettings
from evgi_client.data.store import Store
from tests.support.hosting import MASTER, World


def work(url: str, addresses: str, store: str, port: str) -> None:
    """Serves until it is killed, or told to stop."""
    chain = Chain.connect(url)
    contracts = {name: chain.contract(name, address) for name, address in json.loads(addresses).items()}
    world = World(chain, contracts)
    with Store(store) as opened:
        hosting = Hosting(
            store=opened,
            master=MASTER,
            contracts=contracts,
            access_domain=world.domain("AccessRegistry"),
            data_domain=world.domain("DataRegistry"),
            signer=world.host,
            settings=HostSettings(anchor_every=1, batch_size=5, requests_per_second=10_000),
        )
        running = server(hosting.parts())
        listening = listen("127.0.0.1", int(port))
        print("ready", flush=True)
        serve(running, listening)
