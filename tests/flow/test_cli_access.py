"""``evgi access`` from a shell: certificates signed offline and brought by others, lists, groups, answers, reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import typer

from evgi_client.chain import Chain
from evgi_client.cli import access, deploy
from evgi_client.identity import Did
from evgi_client.messages import keccak256
from evgi_client.messages.access import group_id, resource_id
from tests.support.shell import PASSWORD, Shell, commands, keystore

ETHER = 10**18
NAMES = ("vehicle", "host", "garage", "mechanic", "friend", "anyone", "stranger")


@pytest.fixture(scope="module")
def shell(start_anvil: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A deployed suite, and keys of which only those have coin that send transactions. ``vehicle`` has a resource
    ``trips`` at ``host``."""
    folder, url = tmp_path_factory.mktemp("access"), start_anvil()
    chain = Chain.connect(url)
    address = {name: keystore(folder / f"{name}.json", 50 + seed) for seed, name in enumerate(NAMES)}
    for name in ("vehicle", "anyone", "stranger"):
        chain.faucet(address[name], 10 * ETHER)
    (folder / "password").write_text(PASSWORD + "\n")
    environment = {
        "EVGI_RPC_URL": url,
        "EVGI_MANIFEST": str(folder / "deployment.json"),
        "EVGI_PASSWORD_FILE": str(folder / "password"),
    }
    alone = typer.Typer()
    alone.add_typer(access.app, name="access")
    alone.add_typer(deploy.app, name="deploy")
    shell = Shell(folder, url, address, int(time.time()), commands(alone), environment)
    who = ("--governor", address["anyone"], "--utility", address["stranger"])
    shell.json("deploy", "plan", *who, "--out", shell.file("plan.json"))
    shell.json("deploy", "apply", shell.file("plan.json"), by="anyone")
    hosted = shell.json(
        *("access", "host", "trips", "--host", address["host"], "--endpoint", "https://host.example"),
        *(
            "--protocol",
            "evgi",
            "--data-class",
            "trip",
            "--until",
            "now+30d",
            "--out",
            folder / "trips.vc.json",
        ),
        by="vehicle",
    )
    assert hosted["resource"] == "0x" + trips_id(shell).hex()
    return shell


def trips(shell: Shell) -> str:
    return f"{shell.address['vehicle']}/trips"


def trips_id(shell: Shell) -> bytes:
    return resource_id(shell.address["vehicle"], keccak256(b"trips"))


def reason(shell: Shell, who: str, right: str = "read", *more: object) -> str:
    """What ``check`` and ``explain`` say, which must agree, with their exit codes."""
    asked = (trips(shell), shell.address[who], right, *more)
    answers = []
    for command in ("check", "explain"):
        done = shell.run("access", command, *asked, "--json")
        answer = json.loads(done.stdout)
        assert done.code == (0 if answer["allowed"] else 1), done.stderr
        answers.append((answer["allowed"], answer["reason"], answer["certificate"]))
    assert answers[0] == answers[1]
    return str(answers[0][1])


def grant(shell: Shell, name: str, to: str, *more: object, by: str = "vehicle") -> Any:
    options = ("--to", shell.address[to], "--rights", "read", "--until", "now+1d", "--out", shell.file(name))
    return shell.json("access", "grant", trips(shell), *options, *more, by=by)


def test_a_resource_is_registered_with_what_its_host_needs_to_be_found(shell: Shell) -> None:
    document = json.loads(shell.file("trips.vc.json").read_text())
    assert document["type"] == ["VerifiableCredential", "EvgiDataHostBootstrapping"]
    assert document["credentialSubject"]["id"] == Did.of(shell.address["host"], 31_337).text
    assert document["credentialSubject"]["shown"] == {
        "dataClasses": ["trip"],
        "endpoint": "https://host.example",
        "protocols": ["evgi"],
    }
    again = shell.json("access", "bring", shell.file("trips.vc.json"), by="anyone", code=1)
    assert "AlreadyBrought" in again["message"]


def test_grant_check_explain_revoke(shell: Shell) -> None:
    assert reason(shell, "garage") == "DENIED"
    granted = grant(shell, "garage.vc.json", "garage", "--purpose", "service", "--delegable")
    assert granted["written"] == str(shell.file("garage.vc.json"))
    assert reason(shell, "garage") == "CERTIFICATE"
    assert reason(shell, "garage", "write") == "DENIED"
    assert reason(shell, "garage", "read", "--at", "now+2d") == "DENIED"
    did = Did.of(shell.address["garage"], 31_337).text
    done = shell.run("access", "check", trips(shell), did, "read")
    assert (done.code, done.stdout) == (0, "allowed: certificate\n")

    told = shell.run("access", "explain", trips(shell), did, "read").stdout.splitlines()
    assert told[0].startswith(f"May {shell.address['garage']} read 0x")
    assert told[-1] == f"Yes: by certificate, certificate {granted['certificate']}"
    assert any("block list: not on it" in line for line in told)
    assert any(f"by {shell.address['vehicle']} to {shell.address['garage']}" in line for line in told)

    revoked = shell.json("access", "revoke", shell.file("garage.vc.json"), by="vehicle")
    assert revoked["certificate"] == granted["certificate"]
    assert reason(shell, "garage") == "REVOKED"
    told = shell.run("access", "explain", trips(shell), did, "read").stdout.splitlines()
    assert told[-1].startswith("No: the certificate is revoked")
    assert f"revoked by {shell.address['vehicle']} from 20" in told[-2]
    assert (
        shell.json("access", "revoke", granted["certificate"], by="vehicle", code=1)["error"]
        == "ContractError"
    )


def test_certificates_are_signed_without_a_node_and_brought_by_anyone(shell: Shell) -> None:
    offline = replace(shell, environment={**shell.environment, "EVGI_RPC_URL": "http://127.0.0.1:1"})
    trip = shell.json("access", "grant", trips(shell), "--to", shell.address["garage"], "--rights", "all",
                      "--until", "now+1d", "--delegable", "--sign-only", by="vehicle")  # fmt: skip
    signed = shell.save("signed.vc.json", trip)
    assert reason(shell, "garage", "read,write") in ("DENIED", "REVOKED")
    brought = shell.json("access", "bring", signed, by="anyone")
    assert reason(shell, "garage", "read,write") == "CERTIFICATE"

    # The garage, which has no coin, passes it on to its mechanic for an hour.
    passed_on = offline.json("access", "delegate", signed, "--to", shell.address["mechanic"], "--rights", "read",
                             "--until", "now+1h", "--sign-only", by="garage")  # fmt: skip
    assert passed_on["credentialSubject"]["parent"] == brought["certificate"]
    shell.json("access", "bring", shell.save("mechanic.vc.json", passed_on), by="anyone")
    assert reason(shell, "mechanic") == "CERTIFICATE"
    assert reason(shell, "mechanic", "write") == "DENIED"
    text = shell.run("access", "explain", trips(shell), shell.address["mechanic"], "read").stdout
    assert text.count(brought["certificate"]) == 2

    # It takes that back, again without a node.
    revocation = offline.json("access", "revoke", shell.file("mechanic.vc.json"), "--sign-only", by="garage")
    assert revocation["type"] == ["VerifiableCredential", "EvgiRevocationCertificate"]
    shell.json("access", "bring", shell.save("revocation.json", revocation), by="anyone")
    assert reason(shell, "mechanic") == "REVOKED"
    assert reason(shell, "garage") == "CERTIFICATE"


def test_what_was_changed_or_signed_by_another_is_not_brought(shell: Shell) -> None:
    document = shell.json("access", "grant", trips(shell), "--to", shell.address["stranger"], "--rights", "read",
                          "--until", "now+1d", "--sign-only", "--identity", shell.address["vehicle"],
                          by="stranger")  # fmt: skip
    forged = shell.save("forged.json", document)
    assert shell.json("access", "bring", forged, by="stranger", code=1)["error"] == "ContractSignatureError"
    document["credentialSubject"]["rights"] = ["read", "write"]
    changed = shell.save("changed.json", document)
    assert (
        shell.json("access", "bring", changed, by="stranger", code=1)["error"] == "CertificateDocumentError"
    )
    document["proof"]["eip712"]["domain"]["chainId"] = 1
    for broken in ({}, [], {"type": document["type"]}):
        assert shell.run("access", "bring", shell.save("broken.json", broken), by="stranger").code in (1, 2)
    assert reason(shell, "stranger") == "DENIED"


def test_lists_and_groups(shell: Shell) -> None:
    friend = shell.address["friend"]
    made = shell.json("access", "group", "family", "--add", friend, by="vehicle")
    assert made["group"] == "0x" + group_id(shell.address["vehicle"], keccak256(b"family")).hex()
    family = f"{shell.address['vehicle']}/family"
    options = ("--group", family, "--rights", "read", "--until", "now+1d")
    shell.json("access", "grant", trips(shell), *options, by="vehicle")
    assert reason(shell, "friend") == "GROUP"

    shell.json("access", "allow", trips(shell), friend, "--rights", "read,control", by="vehicle")
    assert reason(shell, "friend") == "ALLOW_LIST"
    assert reason(shell, "friend", "control") == "ALLOW_LIST"
    done = shell.run("access", "block", trips(shell), friend, by="vehicle")
    assert done.stdout == f"{friend}: blocked\n"
    assert reason(shell, "friend") == "BLOCKED"

    listed = {each["accessor"]: each for each in shell.json("access", "list", trips(shell))["accessors"]}
    assert listed[friend]["read"] == {"allowed": False, "reason": "BLOCKED"}
    assert "no, blocked" in shell.run("access", "list", trips(shell)).stdout

    shell.json("access", "block", trips(shell), friend, "--off", by="vehicle")
    shell.json("access", "allow", trips(shell), friend, "--off", by="vehicle")
    assert reason(shell, "friend") == "GROUP"
    shell.json("access", "group", "family", "--remove", friend, by="vehicle")
    assert reason(shell, "friend") == "DENIED"
    for command in (
        ("block", trips(shell), friend),
        ("group", "family", "--identity", shell.address["vehicle"]),
    ):
        assert "NotOwner" in shell.json("access", *command, by="stranger", code=1)["message"]


def test_a_snapshot_explains_without_a_node(shell: Shell) -> None:
    file = shell.file("snapshot.json")
    shell.json("access", "snapshot", trips(shell), "--out", file)
    offline = replace(shell, environment={"EVGI_MANIFEST": shell.environment["EVGI_MANIFEST"]})
    asked = (trips(shell), shell.address["garage"], "read", "--at", str(json.loads(file.read_text())["time"]))
    for command in ("check", "explain"):
        kept = shell.json("access", command, *asked)
    assert offline.json("access", "explain", *asked, "--snapshot", file) == kept
    assert offline.json("access", "list", trips(shell), "--snapshot", file)["accessors"]
    assert offline.run("access", "explain", *asked).code == 2
    document = json.loads(file.read_text())
    broken = shell.save("broken.json", {**document, "version": 2})
    assert (
        shell.json("access", "explain", *asked, "--snapshot", broken, code=1)["error"]
        == "AccessSnapshotError"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("grant", "OWNER/trips", "--rights", "read", "--until", "now+1d"),
        ("grant", "trips", "--to", "0x" + "11" * 20, "--rights", "read", "--until", "now+1d"),
        ("grant", "OWNER/trips", "--to", "0x" + "11" * 20, "--rights", "fly", "--until", "now+1d"),
        ("allow", "OWNER/trips", "0x" + "11" * 20),
        ("revoke", "0x1234"),
        ("delegate", "absent.json", "--to", "0x" + "11" * 20),
        ("check", "OWNER/trips", "nobody", "read"),
        ("check", "OWNER/trips", "0x" + "11" * 20, "maybe"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(shell: Shell, arguments: tuple[str, ...]) -> None:
    given = [each.replace("OWNER", shell.address["vehicle"]) for each in arguments]
    assert shell.run("access", *given, by="vehicle").code == 2


def test_every_command_has_help_with_an_example(shell: Shell) -> None:
    commands_ = ("host", "grant", "delegate", "bring", "revoke", "block", "allow", "group", "check", "explain",
                 "list", "snapshot")  # fmt: skip
    overview = shell.run("access", "--help").stdout
    for command in commands_:
        assert command in overview
        text = shell.run("access", command, "--help").stdout
        assert f"evgi access {command}" in text
        assert "--json" in text
