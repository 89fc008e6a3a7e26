"""``evgi did`` from a shell: identities made, shown, handed over, given delegates and services, and given up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from evgi_client.chain import Chain
from evgi_client.cli import did
from evgi_client.deployment.manifest import DeployedContract, Deployment
from evgi_client.deployment.plan import SUITE, ContractPlan, DeploymentPlan
from evgi_client.identity import Did
from evgi_client.signing import LocalSigner, keystore_address
from tests.support.shell import PASSWORD, Done, Shell, commands, keystore

DAY = 86_400
ETHER = 10**18
URL = "https://data.example"
NAMES = ("owner", "heir", "delegate", "relayer", "vehicle", "battery", "stranger")


def manifest_of(chain: Chain) -> Deployment:
    """A deployment in which ``DIDRegistry`` is there, and nothing else is needed."""
    registry = chain.deploy("DIDRegistry", (), LocalSigner.from_key((0xC1100).to_bytes(32, "big")))
    made = registry.deployment
    assert made is not None
    planned = {contract.name: contract for contract in (*SUITE, ContractPlan("DIDRegistry"))}
    return Deployment(
        chain.chain_id,
        chain.genesis_hash,
        registry.address,
        DeploymentPlan(registry.address, contracts=tuple(planned.values())),
        {
            "DIDRegistry": DeployedContract(
                registry.address, made.transaction_hash, made.block_number, "0x" + "00" * 32, ()
            )
        },
        complete=True,
    )


@pytest.fixture(scope="module")
def shell(start_anvil: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A registry on a node, and keys of which only those have coin that send transactions."""
    folder, url = tmp_path_factory.mktemp("identities"), start_anvil()
    chain = Chain.connect(url)
    address = {name: keystore(folder / f"{name}.json", seed) for seed, name in enumerate(NAMES)}
    for name in ("owner", "heir", "relayer"):
        chain.faucet(address[name], 10 * ETHER)
    manifest_of(chain).save(folder / "deployment.json")
    (folder / "password").write_text(PASSWORD + "\n")
    environment = {
        "EVGI_RPC_URL": url,
        "EVGI_MANIFEST": str(folder / "deployment.json"),
        "EVGI_PASSWORD_FILE": str(folder / "password"),
    }
    alone = typer.Typer()
    alone.add_typer(did.app, name="did")
    return Shell(folder, url, address, int(time.time()), commands(alone), environment)


def did_of(shell: Shell, name: str) -> str:
    return Did.of(shell.address[name], 31_337).text


def shown(shell: Shell, name: str, *more: object) -> Any:
    return shell.json("did", "show", did_of(shell, name), *more)


def test_a_new_identity(shell: Shell) -> None:
    file = shell.file("new.json")
    made = shell.json("did", "create", file)
    assert made == {
        "did": f"did:ethr:0x7a69:{keystore_address(file)}",
        "identity": keystore_address(file),
        "file": str(file),
    }
    assert LocalSigner.from_keystore(file, lambda: PASSWORD).address == made["identity"]
    before = file.read_bytes()
    assert shell.json("did", "create", file, code=1)["error"] == "KeystoreError"
    assert file.read_bytes() == before
    document = shell.json("did", "show", made["did"])["didDocument"]
    assert document["verificationMethod"][0]["blockchainAccountId"] == f"eip155:31337:{made['identity']}"
    assert shell.run("did", "show", made["identity"]).stdout.splitlines()[:2] == [
        made["did"],
        "never changed",
    ]


def test_a_new_identitys_services_are_brought_by_anyone(shell: Shell) -> None:
    file, out = shell.file("host.json"), shell.file("services.json")
    services = ("--service", f"DataHost={URL}", "--service", 'Hub={"uri":"https://hub.example"}')
    made = shell.json("did", "create", file, *services, "--until", "now+30d", "--out", out)
    assert made["written"] == str(out)
    brought = shell.json("did", "relay", out, by="relayer")
    assert (brought["changes"], brought["identities"], len(brought["transactions"])) == (
        2,
        [made["identity"]],
        1,
    )
    document = shell.json("did", "show", made["did"])["didDocument"]
    assert [(each["type"], each["serviceEndpoint"]) for each in document["service"]] == [
        ("DataHost", URL),
        ("Hub", {"uri": "https://hub.example"}),
    ]
    again = shell.json("did", "relay", out, by="relayer", code=1)
    assert "NonceUnexpected" in again["message"]
    text = shell.run("did", "show", made["did"]).stdout
    assert "#service-1   DataHost" in text
    assert '{"uri": "https://hub.example"}' in text
    for wrong in (("--service", "x", "--until", "now+1d", "--out", out), services, ("--out", out)):
        assert shell.run("did", "create", shell.file("no.json"), *wrong).code == 2
    late = shell.run("did", "create", shell.file("no.json"), *services, "--until", "now-1d", "--out", out)
    assert late.code == 2
    assert not shell.file("no.json").exists()


def test_an_identity_changes_step_by_step(shell: Shell) -> None:
    owner, heir, delegate = (shell.address[name] for name in ("owner", "heir", "delegate"))
    until = int(time.time()) + 90 * DAY
    added = shell.json("did", "delegate", "add", delegate, "--until", until, by="owner")
    assert (added["did"], added["change"], added["nonce"]) == (did_of(shell, "owner"), "DelegateChange", 0)
    by_file = shell.file("heir.json")
    shell.json("did", "delegate", "add", by_file, "--type", "veriKey", "--until", until, by="owner")
    shell.json("did", "attribute", "set", "did/svc/DataHost", URL, "--until", until, by="owner")
    pem = shell.file("key.pem")
    pem.write_text("-----BEGIN PUBLIC KEY-----\nMFk\n")
    shell.json("did", "attribute", "set", "did/pub/RSA/enc/pem", f"@{pem}", "--until", until, by="owner")
    last = shell.json(
        "did", "attribute", "set", "did/pub/Ed25519/veriKey/hex", "0xABcd", "--until", until, by="owner"
    )
    document = shown(shell, "owner")["didDocument"]
    methods = {method["id"].partition("#")[2]: method for method in document["verificationMethod"]}
    assert list(methods) == ["controller", "delegate-1", "delegate-2", "delegate-3", "delegate-4"]
    assert methods["delegate-1"]["blockchainAccountId"].endswith(delegate)
    assert methods["delegate-3"]["publicKeyPem"] == pem.read_text()
    assert methods["delegate-4"]["publicKeyHex"] == "abcd"
    assert document["authentication"] == [
        f"{did_of(shell, 'owner')}#{name}" for name in ("controller", "delegate-1")
    ]
    text = shell.run("did", "show", owner).stdout
    assert "\\nMFk\\n" in text, "what a terminal would obey is written out"

    shell.json("did", "delegate", "revoke", delegate, by="owner")
    shell.json("did", "attribute", "revoke", "did/svc/DataHost", URL, by="owner")
    shell.json("did", "rotate", shell.file("heir.json"), by="owner")
    document = shown(shell, "owner")["didDocument"]
    assert "service" not in document
    assert document["authentication"] == [f"{did_of(shell, 'owner')}#controller"]
    assert document["verificationMethod"][0]["blockchainAccountId"].endswith(heir)

    past = shown(shell, "owner", "--version-id", last["block"])
    assert past["didDocument"]["service"][0]["serviceEndpoint"] == URL
    assert past["didDocumentMetadata"]["versionId"] == str(last["block"])
    assert past["didDocumentMetadata"]["nextVersionId"] == str(last["block"] + 1)
    when = shell.chain().timestamp_of(last["block"])
    assert shown(shell, "owner", "--version-time", when)["didDocumentMetadata"]["versionId"] >= str(
        last["block"]
    )
    as_of = shell.run("did", "show", owner, "--version-id", last["block"]).stdout.splitlines()
    assert as_of[1].startswith(f"as of block {last['block']}, ")
    assert as_of[2].startswith(f"changed again in block {last['block'] + 1}, ")

    told = shell.json("did", "history", did_of(shell, "owner"))
    assert told["identity"] == owner
    assert [each["change"] for each in told["changes"]] == (
        ["delegate", "delegate", "attribute", "attribute", "attribute", "delegate", "attribute", "owner"]
    )
    assert told["changes"][0] == {
        "time": shell.chain().timestamp_of(told["changes"][0]["block"]),
        "block": told["changes"][0]["block"],
        "logIndex": 0,
        "change": "delegate",
        "type": "sigAuth",
        "delegate": delegate,
        "validTo": until,
    }
    lines = shell.run("did", "history", owner).stdout.splitlines()
    assert len(lines) == 9
    assert f"did/svc/DataHost = {URL}" in lines[3]
    assert lines[7].endswith("revoked")
    assert lines[8].endswith(f"owner {heir}")


def test_who_owns_it_no_longer_changes_nothing(shell: Shell) -> None:
    whose = ("--identity", did_of(shell, "owner"))
    refused = shell.json("did", "rotate", shell.address["stranger"], by="owner", code=1)
    assert refused["error"] == "NotOwnerError"
    assert shell.address["heir"] in refused["message"]
    assert shell.run("did", "rotate", shell.address["heir"], *whose, by="heir").code == 2, "owns it already"
    assert shell.run("did", "rotate", "0x" + "00" * 20, *whose, by="heir").code == 2
    shell.json("did", "delegate", "add", shell.address["stranger"], "--until", "now+1d", *whose, by="heir")
    assert shell.json(
        "did", "delegate", "add", "0x" + "00" * 20, "--until", "now+1d", *whose, by="heir", code=1
    )


def test_changes_are_signed_here_and_brought_elsewhere(shell: Shell) -> None:
    """Two identities without coin, one of which changes hands between two of its changes."""
    vehicle, battery = shell.address["vehicle"], shell.address["battery"]
    files = {name: shell.file(f"{name}.change.json") for name in ("service", "sold", "delegate", "battery")}
    sign = ("--sign-only", "--deadline", "now+1h", "--out")
    until = ("--until", "now+1d")
    shell.json("did", "attribute", "set", "did/svc/Host", URL, *until, *sign, files["service"], by="vehicle")
    shell.json("did", "rotate", shell.address["heir"], *sign, files["battery"], by="battery")
    printed = shell.json("did", "delegate", "add", vehicle, *until, "--sign-only", by="battery")
    assert (printed["type"], printed["change"]["nonce"]) == ("DelegateChange", 0)
    assert shell.chain().nonce(vehicle) == shell.chain().nonce(battery) == 0
    brought = shell.json("did", "relay", files["battery"], files["service"], by="relayer")
    assert (brought["changes"], len(brought["transactions"])) == (2, 1)
    assert brought["identities"] == sorted((vehicle, battery))
    assert shown(shell, "vehicle")["didDocument"]["service"][0]["serviceEndpoint"] == URL
    assert shown(shell, "battery")["didDocument"]["verificationMethod"][0]["blockchainAccountId"].endswith(
        shell.address["heir"]
    )
    # What the old owner signed before is worth nothing, whoever brings it.
    stale = shell.json("did", "relay", shell.save("stale.json", printed), by="relayer", code=1)
    assert stale["error"] == "NotOwnerError"


def test_a_change_that_was_changed_is_not_brought(shell: Shell) -> None:
    whose = ("--identity", did_of(shell, "owner"))
    signed = shell.json(
        "did",
        "delegate",
        "add",
        shell.address["delegate"],
        "--until",
        "now+1d",
        "--sign-only",
        *whose,
        by="heir",
    )
    forged = {**signed, "change": {**signed["change"], "delegate": shell.address["stranger"]}}
    unknown = {**signed, "type": "Else"}
    short = {**signed, "signature": "0x12"}
    less = {"type": signed["type"], "change": signed["change"]}
    for document, error in (
        (forged, "NotOwnerError"),
        (unknown, "FieldValueError"),
        (short, "InvalidSignatureError"),
        ({**signed, "signature": "zz"}, "FieldValueError"),
        (less, "FieldMissingError"),
        ({**signed, "more": 1}, "FieldUnknownError"),
        ([1], "FieldValueError"),
    ):
        answer = shell.json("did", "relay", shell.save("wrong.json", document), by="relayer", code=1)
        assert answer["error"] == error
    assert shell.run("did", "relay", shell.save("wrong.json", []), by="relayer").code == 2
    assert shell.json("did", "relay", shell.save("right.json", signed), by="relayer")["changes"] == 1


def test_giving_up_is_asked_about_and_final(shell: Shell) -> None:
    whose = ("--identity", shell.address["owner"])

    def answered(text: str | None) -> Done:
        keys = {"EVGI_KEYSTORE": str(shell.file("heir.json"))}
        return shell.launch("did", "deactivate", *whose, answer=text, **shell.environment, **keys)

    assert answered("n\n").code == 1
    assert answered(None).code == 2, "nobody is there to be asked"
    assert "deactivated" not in shown(shell, "owner")["didDocumentMetadata"]
    done = answered("y\n")
    assert done.code == 0
    assert "deactivated, for good" in done.stdout
    result = shown(shell, "owner")
    assert result["didDocumentMetadata"]["deactivated"]
    assert result["didDocument"]["verificationMethod"] == []
    assert shell.run("did", "show", shell.address["owner"]).stdout.splitlines()[-1] == "deactivated, for good"
    for by in ("owner", "heir"):
        back = shell.json("did", "rotate", shell.address["owner"], *whose, by=by, code=1)
        assert "deactivated" in back["message"]
    last = shell.run("did", "history", shell.address["owner"]).stdout.splitlines()[-1]
    assert last.endswith("deactivated")
    # Without a question, where it is said so.
    assert shell.json("did", "deactivate", "--yes", "--sign-only", by="vehicle")["type"] == "OwnerChange"


@pytest.mark.parametrize(
    ("did", "error"),
    [
        ("did:ethr:0x7a69:0x12", "invalidDid"),
        ("did:web:example.org", "unsupportedDidMethod"),
        ("did:ethr:0x1:0x00000000000000000000000000000000000000a1", "unknownNetwork"),
        ("did:ethr:0x7a69:0x00000000000000000000000000000000000000a1?versionId=x", "invalidDidUrl"),
        ("did:ethr:0x7a69:0x00000000000000000000000000000000000000a1?versionId=999999", "notFound"),
    ],
)
def test_a_did_without_a_document(shell: Shell, did: str, error: str) -> None:
    result = shell.json("did", "show", did, code=1)
    assert result["didResolutionMetadata"]["error"] == error
    assert result["didDocument"] is None
    told = shell.run("did", "show", did)
    assert (told.code, told.stdout) == (1, "")
    assert error in told.stderr


def test_what_is_mistyped_is_usage(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Did.of(shell.address["owner"], 1).text
    heir = shell.address["heir"]
    for wrong in (
        ("show", "0x12"),
        ("show", heir, "--version-id", 1, "--version-time", "now"),
        ("history", other),
        ("history", "did:ethr:0x12"),
        ("rotate", "nowhere.json"),
        ("rotate", shell.save("no-keystore.json", {})),
        ("rotate", heir, "--identity", other),
        ("rotate", heir, "--out", shell.file("x.json")),
        ("delegate", "add", heir),
        ("delegate", "add", heir, "--until", "now-1d"),
        ("attribute", "set", "did/svc/X", "0xz", "--until", "now+1d"),
        ("attribute", "set", "did/svc/X", "@nowhere", "--until", "now+1d"),
    ):
        assert shell.run("did", *wrong, by="heir").code == 2, wrong
    named = shell.json("did", "attribute", "set", "n" * 33, "v", "--until", "now+1d", by="heir", code=1)
    assert named["error"] == "IdentityNameError"
    monkeypatch.setattr("evgi_client.chain.rpc.FIRST_PAUSE", 0)
    away = replace(shell, environment={**shell.environment, "EVGI_RPC_URL": "http://127.0.0.1:9"})
    assert away.run("did", "show", heir).code == 3


def test_every_command_says_how_it_is_used() -> None:
    names = ("create", "show", "rotate", "delegate", "attribute", "deactivate", "history", "relay")
    group: Any = get_command(did.app)
    assert set(group.commands) == set(names)
    leaves = [
        (name, command) for name, command in group.commands.items() if not hasattr(command, "commands")
    ] + [
        (f"{name} {inner}", command)
        for name in ("delegate", "attribute")
        for inner, command in group.commands[name].commands.items()
    ]
    assert len(leaves) == 10
    for name, command in leaves:
        assert f"evgi did {name}" in command.epilog
        assert max(map(len, command.epilog.splitlines())) <= 78
        assert "--json" in {option for parameter in command.params for option in parameter.opts}
        assert all(
            getattr(parameter, "help", None) or parameter.param_type_name == "argument"
            for parameter in command.params
        )


def test_a_hostile_document_is_shown_not_obeyed(shell: Shell) -> None:
    whose = ("--until", "now+1d")
    evil = "https://x.example/\x1b[2J\u202e\r\nowner 0x0"
    shell.json("did", "attribute", "set", "did/svc/Evil", evil, *whose, by="heir")
    name = "did/svc/\x1b[31m"
    shell.json("did", "attribute", "set", name, "\x07", *whose, by="heir")
    for command in ("show", "history"):
        text = shell.run("did", command, shell.address["heir"]).stdout
        assert not set(text) & {"\x1b", "\u202e", "\r", "\x07"}
    assert (
        json.loads(shell.run("did", "show", shell.address["heir"], "--json").stdout)["didDocument"][
            "service"
        ][0]["serviceEndpoint"]
        == evil
    )
    assert Path(shell.folder).is_dir()
