"""What ``test_kill`` starts and kills: puts sessions into a queue one by one, and submits now and then."""

from __future__ import annotations

from evgi_client.chain import Chain
from evgi_client.charging.facts import Facts
from evgi_client.charging.queue import OfflineQueue
from evgi_client.charging.submission import Submission
from evgi_client.deployment import load_deployment
from evgi_client.messages import connector_id
from tests.support.sessions import Maker, signer, terms_for

CREDITOR, DEBTOR, METER = 1, 2, 5
DRIVERS = 6


def work(url: str, manifest: str, queue_file: str, begin: str, count: str) -> None:
    """Queues ``count`` sessions from ``begin`` on and submits them in small batches."""
    deployment = load_deployment(manifest)
    chain = Chain.connect(url, chain_id=deployment.chain_id)
    contracts = deployment.contracts_on(chain)
    domain = deployment.domain("SessionSettlement")
    creditor = signer(CREDITOR)
    makers = [
        Maker(
            terms_for(connector_id("DE*TST*E0001", number), creditor.address, signer(DEBTOR).address),
            signer(100 + driver),
            signer(METER),
            domain,
        )
        for number in (1, 2)
        for driver in range(DRIVERS)
    ]
    print("ready", flush=True)
    facts = Facts(contracts, deployment.first_block)
    with OfflineQueue(queue_file) as queue:
        for number in range(int(count)):
            maker = makers[number % len(makers)]
            queue.put(maker.session(int(begin) + 240 * number, seconds=200, energy_wh=900 + number))
            if number % 16 == 15:
                list(Submission(queue, contracts, domain, creditor, facts, batch_size=7).run())
        list(Submission(queue, contracts, domain, creditor, facts, batch_size=7).run())
