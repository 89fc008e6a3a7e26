"""The whole flow from a shell: each command a process of its own, with nothing but files and a node between them.

What is not the flow itself runs the same commands in this process, which is quicker.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from evgi_client.chain import Chain
from evgi_client.cli.main import app
from evgi_client.signing import LocalSigner
from tests.support.shell import PASSWORD, Shell, apart, commands, keystore

DAY = 86_400
HOUR = 3_600
ETHER = 10**18
here = commands(app)
NAMES = ("governor", "creditor", "debtor", "minter", "operator", "meter", "driver", "passenger", "stranger")
TARIFF = {
    "country_code": "DE",
    "party_id": "ABC",
    "id": "day",
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.45, "step_size": 1}]}],
    "last_updated": "2026-01-01T00:00:00Z",
}


def folder_of(folder: Path, url: str) -> Shell:
    """A folder with everyone's keys; who sends transactions has coin."""
    address = {name: keystore(folder / f"{name}.json", seed) for seed, name in enumerate(NAMES)}
    (folder / "password").write_text(PASSWORD + "\n")
    chain = Chain.connect(url)
    for name in ("governor", "creditor", "debtor", "minter"):
        chain.faucet(address[name], 100 * ETHER)
    environment = {
        "EVGI_RPC_URL": url,
        "EVGI_MANIFEST": str(folder / "deployment.json"),
        "EVGI_PASSWORD_FILE": str(folder / "password"),
    }
    return Shell(folder, url, address, int(time.time()) - 2 * DAY, here, environment)


@pytest.fixture(scope="module")
def shell(start_anvil: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A deployed suite with two utilities that peer, a connector, two drivers and tokens, made by commands alone."""
    shell = folder_of(tmp_path_factory.mktemp("shell"), start_anvil())
    processes = replace(shell, launch=apart)
    for step in (deploy, enrol, found_tokens, agree, offer):
        step(processes)
    return shell


def deploy(shell: Shell) -> None:
    who = shell.address
    shell.json(
        *("deploy", "plan", "--governor", who["governor"], "--utility", who["creditor"]),
        *("--utility", who["debtor"], "--out", shell.file("plan.json")),
    )
    # The manifest is what the command makes, so that it need not be there.
    applied = shell.json("deploy", "apply", shell.file("plan.json"), by="governor")
    again = shell.json("deploy", "apply", shell.file("plan.json"), by="governor")
    assert applied == again
    assert len(applied["contracts"]) == 11
    assert shell.json("deploy", "verify", shell.file("deployment.json")) == {"findings": []}


def enrol(shell: Shell) -> None:
    who = shell.address
    members = shell.json("enrol", "member", who["creditor"], who["debtor"], by="governor")["members"]
    assert members == [{"account": who[name], "admitted": True} for name in ("creditor", "debtor")]
    listed = shell.json(
        *("enrol", "charge-point", "DE*ABC*E0001", "--connector", 1, "--operator", who["operator"]),
        *("--meter", who["meter"], "--rated-power", 22_000, "--since", shell.start),
        *("--tariff", shell.save("tariff.json", TARIFF)),
        by="creditor",
    )
    keys = shell.file("drivers.txt")
    keys.write_text(f"{who['driver']}\n\n{who['passenger']}\n")
    roster = shell.json("enrol", "drivers", keys, "--from", shell.start, "--until", "now+30d", by="debtor")
    assert (roster["roster"], roster["drivers"]) == (1, 2)
    point = shell.chain().contract("ChargePointRegistry", manifest(shell)["ChargePointRegistry"])
    state = point.call("at", bytes.fromhex(listed["connector"][2:]), shell.start)
    assert (state.creditor, state.meterKey, state.ratedPowerW) == (who["creditor"], who["meter"], 22_000)


def found_tokens(shell: Shell) -> None:
    who = shell.address
    shell.json("token", "cap", who["minter"], 5000, by="governor")
    minted = shell.json("token", "mint", who["debtor"], "1000.5", "--reference", "SEPA 1", by="minter")
    again = shell.json("token", "mint", who["debtor"], "1000.5", "--reference", "SEPA 1", by="minter")
    assert (minted["done"], again["done"]) == (True, False)
    assert shell.json("token", "balance", who["debtor"])["balance"] == 1_000_500_000
    shell.json("token", "allow", 600, by="debtor")


def agree(shell: Shell) -> None:
    sides = (shell.address["creditor"], shell.address["debtor"])
    draft = shell.json(
        *("peer", "draft", *sides, "--credit-line", 200, "--peer-credit-line", 500, "--fee-bps", 100),
        *(
            "--ceiling-per-kwh",
            "0.80",
            "--ceiling-per-hour",
            0,
            "--ceiling-flat",
            0,
            "--submit-within",
            "20d",
        ),
        *("--window", "30d", "--dispute-period", "7d", "--notice-period", "10d"),
        *("--valid-from", shell.start, "--deadline", "now+1d"),
    )
    agreement = shell.save("agreement.json", draft)
    signatures = [
        shell.save(f"{side}.sig.json", shell.json("peer", "sign", agreement, by=side))
        for side in ("creditor", "debtor")
    ]
    brought = shell.json("peer", "agree", agreement, *reversed(signatures), by="creditor")
    assert brought["version"] == 1
    (shown,) = shell.json("peer", "show", *sides)["agreements"]
    assert shown == {"agreement": draft, "valid_until": 2**64 - 1, "applies": True}
    lines = {draft["utilityA"]: draft["creditLineA"], draft["utilityB"]: draft["creditLineB"]}
    assert lines == {sides[0]: "200000000", sides[1]: "500000000"}


def offer(shell: Shell) -> None:
    offered = shell.json(
        *("terms", "DE*ABC*E0001", "--connector", 1, "--creditor", shell.address["creditor"]),
        *("--debtor", shell.address["debtor"], "--tariff", shell.file("tariff.json")),
        *(
            "--ceiling-per-kwh",
            "0.60",
            "--max-energy",
            60_000,
            "--max-duration",
            "12h",
            "--submit-within",
            "20d",
        ),
    )
    shell.save("terms.json", offered)


def manifest(shell: Shell) -> dict[str, str]:
    contracts = json.loads(shell.file("deployment.json").read_text())["contracts"]
    return {name: contract["address"] for name, contract in contracts.items()}


def session(shell: Shell, name: str, started_at: int, cost: str, driver: str = "driver") -> Path:
    """A session of an hour and 10 kWh, signed by its driver and its meter."""
    promise = shell.json(
        "authorise", shell.file("terms.json"), "--started-at", started_at, "--max-cost", 20, by=driver
    )
    assert promise["driver"] == shell.address[driver]
    signed = shell.json(
        *("meter", shell.save("authorisation.json", promise), "--ended-at", started_at + HOUR),
        *("--import-start", 5_000, "--import-end", 15_000, "--cost", cost, "--parking", "10m"),
        *("--transaction-id", name, "--offline"),
        by="meter",
    )
    assert signed["record"]["chargingSeconds"] == HOUR - 600
    return shell.save(f"{name}.json", signed)


def test_sessions_go_from_a_signature_to_settled_money(shell: Shell) -> None:
    shell = replace(shell, launch=apart)
    who, queue = shell.address, shell.file("station.db")
    first = session(shell, "first", shell.start + HOUR, "4.50")
    second = session(shell, "second", shell.start + 3 * HOUR, "5.250001", driver="passenger")
    assert shell.json("queue", "put", queue, first, second) == {"new": 2, "known": 0}
    assert shell.json("queue", "put", queue, first) == {"new": 0, "known": 1}
    listed = shell.json("queue", "list", queue, "--status", "queued")
    assert [(each["energy_wh"], each["cost"]) for each in listed["sessions"]] == [
        (10_000, 4_500_000),
        (10_000, 5_250_001),
    ]
    submitted = shell.json("submit", queue, by="creditor")
    assert (submitted["settled"], submitted["quarantined"], submitted["queued"]) == (2, 0, 0)
    assert [each["session"] for each in submitted["sessions"]] == [
        each["session"] for each in listed["sessions"]
    ]
    assert shell.json("submit", queue, by="creditor")["sessions"] == []

    fee = (4_500_000 + 5_250_001) * 100 // 10_000
    owed = 4_500_000 + 5_250_001 - fee
    held = shell.json("position", by="creditor")
    assert held == {"utility": who["creditor"], "positions": {who["debtor"]: owed}, "net": owed}
    assert shell.json("position", who["creditor"], "--of", who["debtor"])["net"] == -owed
    settled = shell.json("settle", who["debtor"], by="creditor")
    assert settled["payments"] == [{"payer": who["debtor"], "payee": who["creditor"], "amount": owed}]
    assert shell.json("settle", who["creditor"], by="debtor") == {"payments": [], "transaction": None}
    assert shell.json("position", by="creditor")["net"] == 0
    assert shell.json("token", "balance", by="creditor")["balance"] == owed
    assert shell.json("token", "balance", by="debtor")["balance"] == 1_000_500_000 - owed
    assert shell.json("token", "supply") == {"supply": 1_000_500_000}


def test_money_leaves_as_fiat(shell: Shell) -> None:
    debtor = shell.address["debtor"]
    before = shell.json("token", "balance", by="debtor")["balance"]
    shell.json("token", "redeem", "30.25", "--reference", "out 1", by="debtor")
    shell.json("token", "redeem", "10", "--reference", "out 2", by="debtor")
    shell.json("token", "pay", debtor, "--reference", "out 1", by="governor")
    shell.json("token", "reject", debtor, "--reference", "out 2", "--reason", "IBAN unknown", by="governor")
    assert shell.json("token", "balance", by="debtor")["balance"] == before - 30_250_000
    assert shell.json("token", "supply") == {"supply": 1_000_500_000 - 30_250_000}
    token = shell.chain().contract("ClearingToken", manifest(shell)["ClearingToken"])
    (rejected,) = token.events("RedemptionRejected")
    assert rejected.args["reason"] == b"IBAN unknown".ljust(32, b"\0")


def test_a_quarantined_session_says_why_and_can_be_released(shell: Shell) -> None:
    queue = shell.file("other.db")
    # Above the ceiling of 0.60 a kWh, and within what the driver signed.
    dear = session(shell, "dear", shell.start + 6 * HOUR, "6.01")
    good = session(shell, "good", shell.start + 8 * HOUR, "6.00")
    shell.json("queue", "put", queue, dear, good)
    submitted = shell.json("submit", queue, by="creditor", code=1)
    outcome = {each["status"]: each["reason"] for each in submitted["sessions"]}
    assert outcome == {"settled": None, "quarantined": "CostAboveCeiling(cost=6010000, ceiling=6000000)"}
    (kept,) = shell.json("queue", "list", queue, "--status", "quarantined")["sessions"]
    assert kept["started_at"] == shell.start + 6 * HOUR
    assert shell.json("queue", "release", queue, kept["session"])["released"]
    assert not shell.json("queue", "release", queue, kept["session"], code=1)["released"]
    text = shell.run("submit", queue, by="creditor")
    assert text.code == 1
    assert kept["session"] in text.stdout
    assert "CostAboveCeiling" in text.stdout
    assert text.stdout.splitlines()[-1] == "0 settled, 1 quarantined, 0 queued"


def test_a_wallet_signs_typed_data_in_place_of_a_keystore(shell: Shell) -> None:
    start = ("--started-at", shell.start + 10 * HOUR, "--max-cost", 20)
    typed = shell.json("authorise", shell.file("terms.json"), *start, "--typed-data")
    assert typed["primaryType"] == "ChargingAuthorization"
    assert typed["domain"]["verifyingContract"] == manifest(shell)["SessionSettlement"]
    key = (0xC1100 + NAMES.index("driver")).to_bytes(32, "big")
    answer = Account.sign_typed_data(key, full_message=typed).signature.to_0x_hex()
    by_wallet = shell.json("authorise", shell.file("terms.json"), *start, "--signature", answer)
    assert by_wallet == shell.json("authorise", shell.file("terms.json"), *start, by="driver")


def test_a_promise_that_was_changed_is_not_metered(shell: Shell) -> None:
    promise = shell.json(
        "authorise", shell.file("terms.json"), "--started-at", "now", "--max-cost", 20, by="driver"
    )
    promise["authorization"]["maxCost"] = "99000000"
    changed = shell.save("changed.json", promise)
    readings = ("--ended-at", "now+1h", "--import-start", 0, "--import-end", 1, "--cost", 0)
    answer = shell.json("meter", changed, *readings, by="meter", code=1)
    assert answer["error"] == "SignerMismatchError"


def test_a_revoked_driver_is_refused_from_then_on(shell: Shell) -> None:
    now = int(time.time())
    shell.json("enrol", "revoke", shell.address["passenger"], "--at", now + 60, by="debtor")
    roster = shell.chain().contract("DriverRoster", manifest(shell)["DriverRoster"])
    asked = (shell.address["debtor"], shell.address["passenger"])
    assert [roster.call("isValidAt", *asked, time) for time in (now + 59, now + 60)] == [True, False]


def test_an_ended_agreement_and_the_draft_after_it(shell: Shell) -> None:
    sides = (shell.address["creditor"], shell.address["debtor"])
    ended = shell.json("peer", "end", sides[0], by="debtor")
    assert ended["version"] == 1
    assert abs(ended["valid_until"] - (time.time() + 10 * DAY)) < 600
    again = shell.json("peer", "end", sides[1], by="creditor", code=1)
    assert again["error"] == "ContractError"
    assert "AlreadyEnded" in again["message"]
    draft = shell.json(
        *("peer", "draft", *sides, "--credit-line", 1, "--peer-credit-line", 1, "--fee-bps", 0),
        *("--ceiling-per-kwh", 1, "--ceiling-per-hour", 0, "--ceiling-flat", 0, "--submit-within", "1d"),
        *("--window", "30d", "--dispute-period", "7d", "--notice-period", "1d"),
        *("--valid-from", "now+20d", "--deadline", "now+1d"),
    )
    assert draft["version"] == 3, "the end has used the second up"
    agreement = shell.save("next.json", draft)
    signatures = [
        shell.save(f"next.{n}", shell.json("peer", "sign", agreement, by=n)) for n in ("creditor", "debtor")
    ]
    shell.json("peer", "agree", agreement, *signatures, by="debtor")
    shown = shell.json("peer", "show", *reversed(sides))["agreements"]
    assert [(each["agreement"]["version"], each["applies"]) for each in shown] == [(1, True), (3, False)]
    text = shell.run("peer", "show", *sides).stdout
    assert text.splitlines()[1].split()[0:2] == ["1", "*"]


def test_signatures_of_others_make_no_agreement(shell: Shell) -> None:
    refused = shell.run("peer", "sign", shell.file("agreement.json"), by="stranger")
    assert refused.code == 2
    forged = json.loads(shell.file("creditor.sig.json").read_text())
    forged["utility"] = shell.address["debtor"]
    signatures = (shell.file("creditor.sig.json"), shell.save("forged.json", forged))
    answer = shell.json("peer", "agree", shell.file("agreement.json"), *signatures, by="creditor", code=1)
    assert answer["error"] == "ContractSignatureError"


def test_verify_tells_what_is_not_as_planned(shell: Shell) -> None:
    manager = shell.chain().contract("AccessManager", manifest(shell)["AccessManager"])
    governor = LocalSigner.from_key((0xC1100 + NAMES.index("governor")).to_bytes(32, "big"))
    manager.transact("grantRole", 1, shell.address["stranger"], 0, signer=governor)
    (finding,) = shell.json("deploy", "verify", shell.file("deployment.json"), code=1)["findings"]
    assert (finding["code"], finding["subject"]) == ("role-unplanned", "UTILITY")
    text = shell.run("deploy", "verify", shell.file("deployment.json"))
    assert text.code == 1
    assert shell.address["stranger"] in text.stdout
    manager.transact("revokeRole", 1, shell.address["stranger"], signer=governor)
    assert shell.run("deploy", "verify", shell.file("deployment.json")).code == 0


def test_a_stopped_deployment_goes_on_where_it_stopped(
    start_anvil: Callable[..., str], tmp_path: Path
) -> None:
    shell = folder_of(tmp_path, start_anvil())
    chain = shell.chain()
    plan = ("--governor", shell.address["governor"], "--utility", shell.address["creditor"])
    shell.json("deploy", "plan", *plan, "--out", shell.file("plan.json"))
    # Coin for some of the contracts only: the node refuses the next.
    chain.web3.provider.make_request("anvil_setBalance", [shell.address["governor"], hex(9 * 10**15)])
    stopped = shell.json("deploy", "apply", shell.file("plan.json"), by="governor", code=1)
    assert stopped["error"] == "InsufficientFundsError"
    partly = json.loads(shell.file("deployment.json").read_text())["contracts"]
    assert 0 < len(partly) < 6
    # Until it is finished, it is not worked with.
    assert shell.json("token", "supply", code=1)["error"] == "DeploymentIncompleteError"
    assert {
        each["code"]
        for each in shell.json("deploy", "verify", shell.file("deployment.json"), code=1)["findings"]
    }
    chain.faucet(shell.address["governor"], ETHER)
    finished = shell.json("deploy", "apply", shell.file("plan.json"), by="governor")
    assert {name: finished["contracts"][name] for name in partly} == {
        name: contract["address"] for name, contract in partly.items()
    }
    assert shell.json("deploy", "verify", shell.file("deployment.json")) == {"findings": []}


def test_a_consortium_sees_admissions_and_caps_ahead(start_anvil: Callable[..., str], tmp_path: Path) -> None:
    shell = folder_of(tmp_path, start_anvil())
    chain = shell.chain()
    who = shell.address
    plan = ("--governor", who["governor"], "--utility", who["creditor"], "--consortium-delays")
    shell.save("plan.json", shell.json("deploy", "plan", *plan))
    shell.json("deploy", "apply", shell.file("plan.json"), by="governor")
    admit, cap = ("enrol", "member", who["creditor"]), ("token", "cap", who["minter"], 100)
    for announcing in (admit, cap, admit):
        answer = shell.json(*announcing, by="governor", code=1)
        assert answer["error"] == "CallAnnouncedError"
    chain.web3.provider.make_request("evm_increaseTime", [DAY + 60])
    chain.web3.provider.make_request("evm_mine", [])
    assert shell.json(*admit, by="governor")["members"] == [{"account": who["creditor"], "admitted": True}]
    assert shell.json(*cap, by="governor", code=1)["error"] == "CallAnnouncedError", "two days"
    chain.web3.provider.make_request("evm_increaseTime", [DAY])
    chain.web3.provider.make_request("evm_mine", [])
    assert shell.json(*cap, by="governor")["done"]
    # An announcement that nobody followed up lapses after a week, and is made again.
    raised = ("token", "cap", who["minter"], 200)
    assert shell.json(*raised, by="governor", code=1)["error"] == "CallAnnouncedError"
    chain.web3.provider.make_request("evm_increaseTime", [12 * DAY])
    chain.web3.provider.make_request("evm_mine", [])
    assert shell.json(*raised, by="governor", code=1)["error"] == "CallAnnouncedError"


def test_an_unreachable_node_is_exit_code_3_and_its_secrets_stay_secret(shell: Shell) -> None:
    secrets = ("hunter2", "0123456789abcdef", "s3cr3tvalue")
    url = "http://user:{}@127.0.0.1:9/v3/{}?key={}".format(*secrets)
    done = here("token", "supply", "--manifest", shell.file("deployment.json"), EVGI_RPC_URL=url)
    assert done.code == 3
    assert "ChainUnreachableError" in done.stderr
    assert not [secret for secret in secrets if secret in done.stdout + done.stderr]


def test_no_node_at_all_or_another_chain(shell: Shell, start_anvil: Callable[..., str]) -> None:
    url = start_anvil("--chain-id", "1234")
    answer = here("token", "supply", "--rpc-url", url, "--manifest", shell.file("deployment.json"), "--json")
    assert answer.code == 1
    assert json.loads(answer.stdout)["error"] == "ChainMismatchError"
    missing = here("token", "supply", "--manifest", shell.file("deployment.json"))
    assert missing.code == 2
    assert "EVGI_RPC_URL" in missing.stderr
    assert (
        here("token", "supply", "--rpc-url", "not a url", "--manifest", shell.file("deployment.json")).code
        == 3
    )


def test_who_lacks_a_role_is_refused_by_name(shell: Shell) -> None:
    answer = shell.json("enrol", "member", shell.address["stranger"], by="minter", code=1)
    assert (answer["error"], "AccessManagedUnauthorized" in answer["message"]) == ("ContractError", True)


def test_text_is_for_people_and_goes_to_stdout(shell: Shell) -> None:
    balance = shell.run("token", "balance", shell.address["debtor"])
    assert balance.stdout.count(".") == 1
    assert balance.stderr == ""
    who = shell.run("position", by="creditor")
    assert who.stdout.splitlines()[0].split() == ["peer", "owes"]
    assert shell.address["debtor"] in who.stdout, "an address is never broken over lines"


def test_a_new_key_is_told_in_json(shell: Shell, tmp_path: Path) -> None:
    assert shell.json("key", "create", tmp_path / "new.json")["address"]
    assert shell.json("key", "show", shell.file("driver.json"))["address"] == shell.address["driver"]
