"""The whole flow, from session files to settled money: enrol, authorise, meter, queue, submit, clear, settle, audit."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from evgi_client.chain import Chain
from evgi_client.charging.queue import OfflineQueue, Status
from evgi_client.demo.audit import ChainRecord, read_chain
from evgi_client.demo.consortium import STAKE, Consortium
from evgi_client.demo.picture import draw_flows
from evgi_client.demo.signing import ChargePoints
from evgi_client.demo.statement import write_statement
from evgi_client.demo.summary import PairSummary, Summary
from evgi_client.demo.terms import Offer, cost_of
from evgi_client.demo.windows import DAY, Window, windows
from evgi_client.demo.world import World, build
from evgi_client.errors import DemoError
from evgi_client.signing import LocalSigner
from evgi_client.units import MINOR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evgi_client.charging.sources import MeteredSession, Reading
    from evgi_client.demo.progress import Progress

SEED = b"EVGI demo"
"""On the embedded chain the same sessions give the same addresses. On any other chain the seed is random."""

SETUP_DAYS = 7
"""The consortium is set up a week before the first month; charge points come online when a month ends."""

FILES = {
    "manifest": "deployment.json",
    "ledger": "ledger.db",
    "statement": "statement.csv",
    "picture": "flows.png",
    "summary": "summary.json",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What to run on.

    Args:
        out: folder for the files; those of an earlier run are replaced.
        rpc_url: a JSON-RPC node; the embedded chain where None.
        funder: pays for gas on a node without unlocked accounts.
        utilities: how many, from 2 to 8.
    """

    out: Path
    rpc_url: str | None = None
    funder: LocalSigner | None = None
    utilities: int = 4


def run(reading: Reading, options: Options, progress: Progress) -> Summary:
    """Plays a source's sessions through the suite and returns what came of them.

    Raises:
        DemoError: there is nothing to settle, or the chain has nobody to pay for gas.
        EvgiError: whatever else stopped it.
    """
    began = time.monotonic()
    currencies = {session.currency for session in reading.sessions} - {None}
    if len(currencies) > 1:
        raise DemoError(f"{reading.source} mixes currencies ({reading.currency}): play one at a time")
    if not reading.sessions:
        raise DemoError(f"no session of {reading.source} can be settled: all {reading.read} are quarantined")
    sessions = sorted(
        reading.sessions, key=lambda session: (session.ended_at, session.started_at, session.row)
    )
    months = list(windows(min(session.started_at for session in sessions), sessions[-1].ended_at))
    chain = _chain(options, months[0])
    world = build(sessions, options.utilities, SEED if chain.is_embedded else secrets.token_bytes(32))
    paths = _prepare(options.out)
    with OfflineQueue(paths["ledger"]) as queue:
        _keep_quarantined(queue, reading)
        offer = Offer(sessions, chain.now(), chain.is_embedded)
        consortium = _found(chain, world, sessions, offer, months[0], paths["manifest"], options, progress)
        _charge_and_submit(chain, consortium, world, queue, sessions, offer, months, progress)
        before = _net_positions(consortium, world)
        _settle(consortium, world, progress)
        record = read_chain(consortium.client().contracts, consortium.deployment.first_block)
        summary = _summary(reading, chain, consortium, world, queue, record, before, paths, began)
    write_statement(paths["statement"], record.settled, world)
    draw_flows(paths["picture"], summary)
    paths["summary"].write_text(json.dumps(summary.to_json(), indent=2) + "\n", encoding="utf-8")
    return summary


def _chain(options: Options, first: Window) -> Chain:
    if options.rpc_url is None:
        return Chain.embedded(start=first.begins - SETUP_DAYS * DAY)
    return Chain.connect(options.rpc_url)


def _prepare(out: Path) -> dict[str, Path]:
    """The folder, without what an earlier run left in it."""
    out.mkdir(parents=True, exist_ok=True)
    paths = {kind: out / name for kind, name in FILES.items()}
    for path in (*paths.values(), *(out / f"{FILES['ledger']}{suffix}" for suffix in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)
    return paths


def _keep_quarantined(queue: OfflineQueue, reading: Reading) -> None:
    queue.keep_rejected(
        reading.source,
        ((one.row, one.session_id, one.reason, one.detail, one.raw) for one in reading.quarantined),
    )


def _found(
    chain: Chain,
    world: World,
    sessions: Sequence[MeteredSession],
    offer: Offer,
    first: Window,
    manifest: Path,
    options: Options,
    progress: Progress,
) -> Consortium:
    """Deploys the suite and enrols everyone."""
    governor = world.governor
    progress.stage("fund accounts", 1 + len(world.utilities))
    for account in (governor.address, *(utility.address for utility in world.utilities)):
        if options.funder is not None:
            chain.fund(options.funder, account, STAKE)
        elif chain.unlocked_accounts():
            chain.faucet(account, STAKE)
        else:
            raise DemoError("the node holds no unlocked account: name one that pays for gas with --funder")
        progress.advance()
    consortium = Consortium(chain, governor, world)
    progress.stage("deploy contracts", consortium.steps)
    consortium.deploy(manifest, progress.advance)
    # Enough for the worst case, that one utility owes for every session: the demo shows clearing, not default.
    deposit = (sum(cost_of(session) for session in sessions) // (1000 * MINOR) + 2) * 1000 * MINOR
    pairs = len(list(combinations(world.utilities, 2)))
    progress.stage("enrol utilities", len(world.utilities) + pairs)
    for _ in consortium.found(deposit, offer, first.begins):
        progress.advance()
    progress.stage("enrol charge points", len(world.connectors))
    for _ in consortium.register_charge_points(first.begins):
        progress.advance()
    return consortium


def _charge_and_submit(
    chain: Chain,
    consortium: Consortium,
    world: World,
    queue: OfflineQueue,
    sessions: Sequence[MeteredSession],
    offer: Offer,
    months: Sequence[Window],
    progress: Progress,
) -> None:
    """Month by month: rosters are published, cars charge offline, then the charge points come online and submit."""
    charge_points = ChargePoints(world, offer, consortium.deployment.domain("SessionSettlement"))
    progress.stage("sign, queue, submit", len(sessions))
    position = 0
    for month in months:
        consortium.publish_rosters(month)
        first = position
        while position < len(sessions) and sessions[position].ended_at < month.ends:
            position += 1
        queue.put_many(charge_points.sign(sessions[first:position]))
        if chain.is_embedded:
            chain.advance_to(max(chain.now(), month.ends))
        for utility in world.utilities:
            for _ in consortium.client(utility).charging.submit(queue):
                progress.advance()


def _net_positions(consortium: Consortium, world: World) -> dict[str, int]:
    """What the chain says each utility is owed net, in minor units."""
    return {
        utility.address: sum(
            consortium.client(utility).positions.of(utility.address, peer.address)
            for peer in world.utilities
            if peer is not utility
        )
        for utility in world.utilities
    }


def _settle(consortium: Consortium, world: World, progress: Progress) -> None:
    pairs = list(combinations(world.utilities, 2))
    progress.stage("settle in tokens", len(pairs))
    for utility, peer in pairs:
        consortium.client(utility).positions.settle(peer.address)
        progress.advance()


def _summary(
    reading: Reading,
    chain: Chain,
    consortium: Consortium,
    world: World,
    queue: OfflineQueue,
    record: ChainRecord,
    before: dict[str, int],
    paths: dict[str, Path],
    began: float,
) -> Summary:
    counts = queue.counts()
    quarantined = Counter(queue.rejected())
    for one in queue.sessions(Status.QUARANTINED):
        quarantined[(one.reason or "").split("(")[0]] += 1
    name = {utility.address: utility.name for utility in world.utilities}
    holder = {**name, consortium.deployment.address("ClearingToken"): "redemptions"}
    after = _net_positions(consortium, world)
    checks = {
        "every_session_accounted_for": reading.read == sum(quarantined.values()) + counts[Status.SETTLED],
        "no_session_settled_twice": not record.repeated(),
        "settled_sessions_equal_ledger": len(record.settled) == counts[Status.SETTLED],
        "settled_energy_and_amount_equal_ledger": (record.energy_wh, record.amount)
        == queue.totals(Status.SETTLED),
        "positions_equal_sessions": {who: owed for who, owed in before.items() if owed}
        == {who: owed for who, owed in record.positions().items() if owed},
        "positions_sum_to_zero": sum(before.values()) == 0,
        "positions_paid_in_full": not any(after.values())
        and {(payee, payer): amount for (payer, payee), amount in record.paid.items()} == record.owed(),
        "balances_sum_to_supply": sum(record.balances.values()) == record.supply,
    }
    return Summary(
        source=reading.source,
        chain_id=chain.chain_id,
        currency=reading.currency,
        read=reading.read,
        quarantined=dict(sorted(quarantined.items())),
        signed=sum(counts.values()),
        settled=counts[Status.SETTLED],
        energy_wh=record.energy_wh,
        amount=record.amount,
        pairs=tuple(
            PairSummary(name[creditor], name[debtor], total.sessions, total.energy_wh, total.amount)
            for (creditor, debtor), total in sorted(
                record.pairs.items(), key=lambda item: (name[item[0][0]], name[item[0][1]])
            )
        ),
        positions={name[address]: owed for address, owed in before.items()},
        payments={(name[payer], name[payee]): amount for (payer, payee), amount in record.paid.items()},
        supply=record.supply,
        balances={holder.get(address, address): amount for address, amount in record.balances.items()},
        gas=record.gas,
        batches=record.batches,
        elapsed_s=time.monotonic() - began,
        checks=checks,
        files={kind: str(path) for kind, path in paths.items()},
    )
