"""``evgi cert`` from a shell: anchors accredited, certificates issued, kept, shown, verified with and without a node,
renewed and revoked."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from evgi_client.chain import Chain
from evgi_client.cli import cert, deploy
from evgi_client.identity import Did
from tests.support.credentials import METER_KEY
from tests.support.shell import PASSWORD, Done, Shell, commands, keystore

DAY = 86_400
ETHER = 10**18
VIN = "1M8GDM9AXKP042788"
NAMES = ("governor", "root", "issuer", "vehicle", "battery", "meter", "publisher", "holder", "stranger")
alone = typer.Typer()
alone.add_typer(cert.app, name="cert")
alone.add_typer(deploy.app, name="deploy")
here = commands(alone)


@pytest.fixture(scope="module")
def shell(start_anvil: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A deployed suite; governance accredited ``root``, and that ``issuer``; ``publisher`` has a status list."""
    folder, url = tmp_path_factory.mktemp("certificates"), start_anvil()
    address = {name: keystore(folder / f"{name}.json", seed) for seed, name in enumerate(NAMES)}
    (folder / "password").write_text(PASSWORD + "\n")
    chain = Chain.connect(url)
    for name in ("governor", "root", "issuer", "publisher", "stranger"):
        chain.faucet(address[name], 100 * ETHER)
    environment = {
        "EVGI_RPC_URL": url,
        "EVGI_MANIFEST": str(folder / "deployment.json"),
        "EVGI_PASSWORD_FILE": str(folder / "password"),
    }
    shell = Shell(folder, url, address, int(time.time()), here, environment)
    who = ("--governor", address["governor"], "--utility", address["stranger"])
    shell.json("deploy", "plan", *who, "--out", shell.file("plan.json"))
    shell.json("deploy", "apply", shell.file("plan.json"), by="governor")
    kinds = [each for kind in ("vehicle", "battery", "meter", "charge-point") for each in ("--type", kind)]
    shell.json(
        "cert", "accredit", address["root"], *kinds, "--depth", 1, "--until", "now+730d", by="governor"
    )
    made = shell.json(
        *("cert", "accredit", address["issuer"], *kinds[:4], "--until", "now+700d"),
        *("--accreditor", address["root"]),
        by="root",
    )
    assert made["entity_types"] == ["VEHICLE", "BATTERY"]
    opened = shell.json("cert", "open-list", "--words", 2, by="publisher")
    assert (opened["first_index"], opened["indices"]) == (0, 512)
    return shell


@pytest.fixture
def state(shell: Shell) -> Iterator[None]:
    """The chain as it was."""
    provider = shell.chain().web3.provider
    snapshot = provider.make_request("evm_snapshot", [])["result"]
    yield
    provider.make_request("evm_revert", [snapshot])


def issued(shell: Shell, name: str, *more: object, by: str = "issuer") -> tuple[Path, str]:
    """A registered certificate of a vehicle: its file, and its hash."""
    told = shell.json(
        *(
            "cert",
            "issue",
            "vehicle",
            shell.address["vehicle"],
            "--claim",
            f"vin={VIN}",
            "--claim",
            "make=Example",
        ),
        *("--claim", 'v2g={"supported":true}', "--claim", "batteryCapacityWh=77000", "--from", "now-60s"),
        *("--until", "now+30d", "--out", shell.file(name), *more),
        by=by,
    )
    assert told["written"] == str(shell.file(name))
    return shell.file(name), told["certificate"]


def test_a_certificate_from_issue_to_verify(shell: Shell, state: None) -> None:
    path, known = issued(shell, "vehicle.vc.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "claims and salts are personal"
    document = json.loads(path.read_text())
    assert document["credentialSubject"]["claims"]["batteryCapacityWh"]["value"] == 77_000
    verdict = shell.json("cert", "verify", path)
    assert verdict["valid"]
    (one,) = verdict["certificates"]
    assert (one["certificate"], one["reason"], one["type"]) == (known, "VALID", "Vehicle")
    assert one["claims"]["vin"] == VIN
    text = shell.run("cert", "verify", path).stdout
    lines = text.splitlines()
    assert lines[0].startswith(f"VALID  certificate {known} at ")
    for words in (
        f"signed by {shell.address['issuer']}",
        "registered at",
        f"{shell.address['issuer']} was accredited by {shell.address['root']}",
        f"{shell.address['root']} was accredited by governance",
    ):
        assert sum(words in line for line in lines) == 1, text
    early = shell.json("cert", "verify", path, "--at", "now-1h", code=1)
    assert early["certificates"][0]["reason"] == "UNKNOWN"


def test_a_file_that_was_changed_is_refused(shell: Shell, state: None) -> None:
    path, _ = issued(shell, "changed.vc.json")
    document = json.loads(path.read_text())
    document["credentialSubject"]["claims"]["make"]["value"] = "Other"
    refused = shell.json("cert", "verify", shell.save("other.vc.json", document), code=1)
    assert refused["error"] == "ClaimError"
    del document["credentialSubject"]["claims"]["make"]
    document["proof"]["proofValue"] = "f" + "01" * 65
    forged = shell.json("cert", "verify", shell.save("forged.vc.json", document), code=1)
    assert (forged["valid"], forged["certificates"][0]["reason"]) == (False, "PROOF_INVALID")
    assert shell.run("cert", "verify", shell.save("no.json", [1])).code == 1
    assert shell.run("cert", "verify", shell.file("nowhere.json")).code == 2


def test_a_snapshot_answers_as_the_chain_does(shell: Shell, state: None) -> None:
    path, known = issued(shell, "snap.vc.json")
    snapshot = shell.file("snapshot.json")
    shell.json("cert", "snapshot", "--out", snapshot)
    # No node, no manifest: two files are enough.
    offline = here("cert", "verify", path, "--snapshot", snapshot, "--json")
    assert offline.code == 0, offline.stdout + offline.stderr
    answer = json.loads(offline.stdout)
    now = shell.chain().now()
    online = shell.json("cert", "verify", path, "--at", now)
    assert [each["reason"] for each in answer["certificates"]] == ["VALID"]
    at = json.loads(here("cert", "verify", path, "--snapshot", snapshot, "--at", now, "--json").stdout)
    assert at["certificates"] == online["certificates"]
    assert at["snapshot"]["time"] == now
    later = here("cert", "verify", path, "--snapshot", snapshot, "--at", now + 31 * DAY)
    assert (later.code, later.stdout[:7]) == (1, "EXPIRED")
    assert "what happened since is not in it" in later.stderr
    stale = here("cert", "verify", path, "--snapshot", snapshot, "--at", now + DAY, "--max-age", "1h")
    assert stale.code == 2
    some = shell.json("cert", "snapshot", "--subject", Did.of(shell.address["vehicle"], 31_337).text)
    assert len(some["facts"]) <= len(json.loads(snapshot.read_text())["facts"])
    assert known in json.dumps(answer)
    # One of another deployment is noticed, where the manifest says which is meant.
    other = json.loads(snapshot.read_text())
    other["domain"]["verifyingContract"] = shell.address["stranger"]
    refused = shell.json("cert", "verify", path, "--snapshot", shell.save("other.json", other), code=1)
    assert refused["error"] == "CertificateDocumentError"


def test_a_holder_keeps_shows_and_is_warned(shell: Shell, state: None) -> None:
    path, known = issued(shell, "held.vc.json")
    wallet = shell.file("wallet.json")
    assert shell.json("cert", "wallet", "add", wallet, path)["added"] == [known]
    assert VIN not in wallet.read_text()
    soon = shell.json("cert", "wallet", "list", wallet, "--within", "31d", code=1)
    assert [(each["certificate"], each["expiring"]) for each in soon["certificates"]] == [(known, True)]
    listed = shell.run("cert", "wallet", "list", wallet, "--within", "29d")
    assert (listed.code, VIN in listed.stdout) == (0, False)
    assert "ends in 29 d" in shell.run("cert", "wallet", "list", wallet, "--within", "31d").stdout

    request = shell.file("request.json")
    shell.json("cert", "request", "https://host.example", "--want", "vehicle:make,v2g", "--out", request)
    answer = shell.file("answer.json")
    told = shell.json("cert", "present", wallet, request, "--out", answer, by="vehicle")
    assert told["shown"] == {known: ["make", "v2g"]}
    assert VIN not in answer.read_text()
    assert stat.S_IMODE(answer.stat().st_mode) == 0o600
    verdict = shell.json("cert", "verify", answer, "--request", request)
    assert verdict["certificates"][0]["claims"] == {"make": "Example", "v2g": {"supported": True}}
    shell.json("cert", "snapshot", "--out", shell.file("now.json"))
    offline = here(
        "cert", "verify", answer, "--request", request, "--snapshot", shell.file("now.json"), "--json"
    )
    assert json.loads(offline.stdout)["valid"], offline.stderr
    again = shell.json("cert", "request", "https://host.example", "--want", "vehicle:make,v2g")
    replayed = shell.json("cert", "verify", answer, "--request", shell.save("again.json", again), code=1)
    assert replayed["error"] == "ChallengeMismatchError"
    assert shell.run("cert", "verify", answer).code == 2, "a presentation answers a request"
    assert shell.run("cert", "verify", path, "--request", request).code == 2
    # Another key's word is not the holder's.
    shell.json("cert", "present", wallet, request, "--out", answer, by="stranger")
    assert (
        shell.json("cert", "verify", answer, "--request", request, code=1)["error"]
        == "ContractSignatureError"
    )
    missing = shell.json(
        "cert", "present", wallet, request, "--holder", shell.address["battery"], by="vehicle", code=1
    )
    assert missing["error"] == "ClaimsMissingError"

    shown = shell.json("cert", "wallet", "show", wallet, known, "--hide", "vin")
    assert set(shown["credentialSubject"]["claims"]) == {"make", "v2g", "batteryCapacityWh"}
    assert shell.json("cert", "wallet", "remove", wallet, known)["certificates"] == 0
    assert shell.json("cert", "wallet", "show", wallet, known, code=1)["error"] == "WalletError"
    assert shell.run("cert", "wallet", "list", wallet).stdout.strip() == "no certificate"


def test_a_wallet_that_is_made_in_a_terminal_asks_twice(shell: Shell, state: None, tmp_path: Path) -> None:
    path, _ = issued(shell, "asked.vc.json")
    asked = here("cert", "wallet", "add", tmp_path / "w.json", path, answer="s3cret\ns3cret\n")
    assert (asked.code, "s3cret" in asked.stdout + asked.stderr) == (0, False)
    wrong = here("cert", "wallet", "list", tmp_path / "w.json", "--json", answer="other\n")
    assert (wrong.code, "WalletPasswordError" in wrong.stdout) == (1, True)


def test_a_renewal_goes_on_and_stops_the_warning(shell: Shell, state: None) -> None:
    path, known = issued(shell, "old.vc.json")
    wallet = shell.file("renewed-wallet.json")
    shell.json("cert", "wallet", "add", wallet, path)
    short = shell.json("cert", "renew", path, "--until", "now+29d", "--sign-only", by="issuer", code=1)
    assert short["error"] == "RenewalError"
    told = shell.json(
        "cert", "renew", path, "--until", "now+60d", "--out", shell.file("new.vc.json"), by="issuer"
    )
    assert told["certificate"] != known
    shell.json("cert", "wallet", "add", wallet, shell.file("new.vc.json"))
    rows = shell.json("cert", "wallet", "list", wallet, "--within", "31d")["certificates"]
    assert [each["expiring"] for each in rows] == [False, False]
    new = shell.json("cert", "verify", shell.file("new.vc.json"), "--at", "now+40d")
    assert new["valid"]
    assert (
        shell.json("cert", "verify", path, "--at", "now+40d", code=1)["certificates"][0]["reason"]
        == "EXPIRED"
    )


def test_revoking_by_hash_and_by_index(shell: Shell, state: None) -> None:
    publisher = shell.address["publisher"]
    one, known = issued(shell, "one.vc.json")
    two, _ = issued(shell, "two.vc.json", "--status-publisher", publisher, "--status-index", 300)
    three, third = issued(shell, "three.vc.json", "--status-publisher", publisher, "--status-index", 301)
    told = shell.json("cert", "revoke", one, "--reason", "key-compromise", by="issuer")
    assert (told["certificate"], told["reason"]) == (known, "KEY_COMPROMISE")
    assert reason(shell, one) == "REVOKED"
    ahead = shell.json(
        "cert", "revoke", third, "--issuer", shell.address["issuer"], "--at", "now+2d", by="issuer"
    )
    assert ahead["effective_at"] > time.time() + DAY
    assert (reason(shell, three), reason(shell, three, "--at", "now+3d")) == ("VALID", "REVOKED")

    lists = [shell.file(name) for name in ("before.json", "after.json")]
    shell.json("cert", "status-list", "--out", lists[0], by="publisher")
    assert shell.json("cert", "status", lists[0])["revoked"] == []
    assert shell.json("cert", "revoke", "--index", 300, by="publisher")["indices"] == [300]
    shell.json("cert", "status-list", "--until", "now+7d", "--out", lists[1], by="publisher")
    assert (reason(shell, two), reason(shell, three)) == ("REVOKED", "VALID")
    whole = shell.json("cert", "status", lists[1])
    assert (whole["publisher"], whole["revoked"], whole["length"]) == (publisher, [300], 131_072)
    assert "revoked: 1 (300)" in shell.run("cert", "status", lists[1]).stdout
    assert shell.json("cert", "status", lists[1], "--certificate", two, code=1)["revoked"]
    assert not shell.json("cert", "status", lists[1], "--certificate", three)["revoked"]
    assert shell.json("cert", "status", lists[0], "--certificate", one, code=1)["error"] == "StatusListError"
    # Nobody else's word revokes anything.
    for stranger in (["cert", "revoke", two], ["cert", "revoke", "--index", 301]):
        assert shell.json(*stranger, by="stranger", code=1)["error"] == "ContractError"
    assert reason(shell, three) == "VALID"
    for wrong in ((), (one, "--index", 3), (known,), ("0x00",), (one, "--issuer", publisher)):
        assert shell.run("cert", "revoke", *wrong, by="issuer").code == 2


def reason(shell: Shell, path: Path, *more: object) -> str:
    done: Done = shell.run("cert", "verify", path, "--json", *more)
    return str(json.loads(done.stdout)["certificates"][0]["reason"])


def test_an_anchor_that_is_withdrawn_takes_its_certificates_along(shell: Shell, state: None) -> None:
    path, _ = issued(shell, "fallen.vc.json")
    now = shell.chain().now()
    provider = shell.chain().web3.provider
    provider.make_request("evm_increaseTime", [5])
    shell.json("cert", "withdraw", shell.address["issuer"], by="root")
    assert (reason(shell, path), reason(shell, path, "--at", now)) == ("ISSUER_NOT_ACCREDITED", "VALID")
    refused = shell.json(
        *(
            "cert",
            "issue",
            "vehicle",
            shell.address["vehicle"],
            "--claim",
            f"vin={VIN}",
            "--until",
            "now+30d",
        ),
        by="issuer",
        code=1,
    )
    assert refused["error"] == "ContractError"
    assert "IssuerNotAccredited" in refused["message"]
    shell.json("cert", "withdraw", shell.address["root"], "--root", by="governor")


def test_who_signs_and_who_brings_may_be_two(shell: Shell, state: None) -> None:
    """The issuer signs without a node; a certificate that names a parent waits for the parent's."""
    issued(shell, "parent.vc.json")
    signed = shell.file("battery.vc.json")
    claims = shell.save("battery.json", {"batterySerial": "B-1", "batteryCapacityWh": 77_000})
    told = here(
        *("cert", "issue", "battery", shell.address["battery"], "--claims", claims, "--sign-only"),
        *(
            "--parent",
            Did.of(shell.address["vehicle"], 31_337).text,
            "--from",
            "now-60s",
            "--until",
            "now+30d",
        ),
        *("--out", signed, "--json"),
        EVGI_MANIFEST=str(shell.file("deployment.json")),
        EVGI_KEYSTORE=str(shell.file("issuer.json")),
        EVGI_PASSWORD_FILE=str(shell.file("password")),
    )
    assert json.loads(told.stdout)["transaction"] is None, told.stdout
    assert reason(shell, signed) == "UNKNOWN"
    shell.json("cert", "register", signed, by="stranger")
    assert reason(shell, signed) == "VALID"
    assert shell.json("cert", "register", signed, by="stranger", code=1)["error"] == "ContractError"


def test_what_is_typed_wrong_is_a_usage_error(shell: Shell) -> None:
    vehicle = ("cert", "issue", "vehicle", shell.address["vehicle"], "--until", "now+30d")
    key = f"metering:secp256k1:0x{METER_KEY.public_key.hex()}"
    for wrong in (
        ("cert", "issue", "boat", shell.address["vehicle"], "--until", "now+30d"),
        (*vehicle, "--claim", "vin"),
        (*vehicle, "--claim", "v2g={"),
        (*vehicle, "--key", "metering:rsa:0x00"),
        (*vehicle, "--key", key[:-2]),
        (*vehicle, "--claim", f"vin={VIN}", "--status-index", 3),
        ("cert", "revoke", "--index", 3, "--reason", "bored"),
        ("cert", "request", "x"),
        ("cert", "request", "x", "--want", "boat"),
    ):
        assert shell.run(*wrong, by="issuer").code == 2, wrong
    for wrong, error in (
        ((*vehicle, "--claim", "vin=1M8GDM9A1KP042788"), "CheckDigitError"),
        ((*vehicle, "--claim", "make=X"), "CertificateSchemaError"),
        (("cert", "issue", "meter", shell.address["meter"], "--claim", "meterSerial=1", "--until", "now+1d",
          "--sign-only"), "CertificateSchemaError"),
        (("cert", "request", ""), None),
    ):  # fmt: skip
        if error is not None:
            assert shell.json(*wrong, by="issuer", code=1)["error"] == error
    meter = shell.json(
        *("cert", "issue", "meter", shell.address["meter"], "--claim", "meterSerial=1 EMH00 1234 5678"),
        *("--until", "now+1d", "--key", key, "--sign-only"),
        by="issuer",
    )
    assert meter["credentialSubject"]["claims"]["meterSerial"]["value"] == "1EMH0012345678"
    assert meter["credentialSubject"]["keys"] == [METER_KEY.to_json()]
    kept = {name: value for name, value in shell.environment.items() if name != "EVGI_RPC_URL"}
    no_node = here(*vehicle, "--claim", f"vin={VIN}", **kept, EVGI_KEYSTORE=str(shell.file("issuer.json")))
    assert (no_node.code, "--sign-only" in no_node.stderr) == (2, True)


def test_every_command_says_how_it_is_used(shell: Shell) -> None:
    def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield path, command
            return
        for name, each in inner.items():
            yield from leaves(each, (*path, name))

    found = dict(leaves(get_command(cert.app)))
    assert len(found) == 17
    for path, command in found.items():
        assert any("--json" in each.opts for each in command.params), path
        shown = here("cert", *path, "--help")
        assert shown.code == 0
        assert f"evgi cert {' '.join(path)}" in shown.stdout, path
