"""DIDs for tests: the npm resolver to compare with, blocks made by hand, and what to put in them."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evgi_client.identity.document import NOBODY
from evgi_client.messages import checksum_address, keccak256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evgi_client.chain import Chain, ContractHandle

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "flow" / "resolve_dids.mjs"
NAME = "consortium"
"""What the resolvers call the network besides its chain id."""


def resolve_with_npm(registry: ContractHandle, url: str, questions: Sequence[dict[str, Any]]) -> list[Any]:
    """What ``ethr-did-resolver`` answers to each of ``{"did", "accept", "now"}``."""
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "ethr-did-resolver").is_dir():
        pytest.skip("no ethr-did-resolver: run npm ci")
    network = {
        "name": NAME,
        "chainId": registry.chain.chain_id,
        "rpcUrl": url,
        "registry": registry.address,
    }
    done = subprocess.run(
        [node, str(SCRIPT)],
        input=json.dumps({"networks": [network], "questions": list(questions)}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


@dataclass
class HandMadeBlocks:
    """An anvil that makes a block when it is told to, at the time it is told, and lets anyone be the sender."""

    chain: Chain

    def __post_init__(self) -> None:
        self.ask("evm_setAutomine", False)
        self.ask("anvil_autoImpersonateAccount", True)

    def ask(self, method: str, *params: Any) -> Any:
        answer: Any = self.chain.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def send(self, sender: str, contract: ContractHandle, function: Any, *args: object) -> str:
        """A transaction that waits for the next block."""
        fields = {
            "from": sender,
            "to": contract.address,
            "data": "0x" + contract.encode(function, *args).hex(),
            "gas": hex(1_000_000),
            "gasPrice": "0x0",
        }
        sent: str = self.ask("eth_sendTransaction", fields)
        return sent

    def mine(self, timestamp: int) -> int:
        """Makes a block of what waits, and returns its number."""
        self.ask("evm_setNextBlockTimestamp", timestamp)
        self.ask("evm_mine")
        return self.chain.head()


def address(*seed: object) -> str:
    """An account that has no key anyone knows."""
    return checksum_address("0x" + keccak256(repr(seed).encode())[12:].hex())


def word(text: str | bytes) -> bytes:
    return (text.encode() if isinstance(text, str) else text).ljust(32, b"\0")


ATTRIBUTES: tuple[tuple[bytes, tuple[bytes, ...]], ...] = tuple(
    (word(name), values)
    for name, values in (
        ("did/pub/Secp256k1/veriKey/hex", (bytes(range(33)), b"\x02" * 33)),
        ("did/pub/Secp256k1/sigAuth/hex", (bytes(range(33)),)),
        ("did/pub/Secp256k1/sigAuth", (b"\x03" * 33,)),
        ("did/pub/Secp256k1/enc/hex", (b"\x04" * 33,)),
        ("did/pub/Ed25519/veriKey/base64", (bytes(range(32)), b"", b"\xff\xfe")),
        ("did/pub/Ed25519/veriKey/base58", (bytes(range(32)), bytes(3) + b"\x01", bytes(2), b"")),
        ("did/pub/Ed25519/sigAuth/base58", (b"\x07" * 32,)),
        ("did/pub/X25519/enc/base64", (b"\x09" * 32, b"\x0a" * 32)),
        ("did/pub/RSA/veriKey/pem", (b"-----BEGIN PUBLIC KEY-----\nMII\xc3\xa9\n", b"\xff\x00", b"")),
        ("did/pub/RSA/sigAuth/pem", (b"-----BEGIN PUBLIC KEY-----",)),
        ("did/pub/Bls12381/veriKey/raw", (b"\x11" * 48,)),
        ("did/pub/Odd/use/multibase", (b"\x12",)),
        ("did/pub/Secp256k1", (b"\x13" * 33,)),
        ("did/pub/not-a-word/veriKey/hex", (b"\x14",)),
        ("did/pub/", (b"\x15",)),
        ("did/pub/a/b/c/d", (b"\x16",)),
        ("did/svc/DataHost", (b"https://host.example/\xf0\x9f\x94\x8b", b"", b"\xc3\x28")),
        (
            "did/svc/Hub",
            (
                b'["https://a.example","https://b.example"]',
                b'{"uri":"https://c.example","routingKeys":["did:ethr:0x01"],"n":{"deep":[1,2.5,null,true]}}',
                b' {"twice":1,"twice":2,"\\u00e9":"\\ud83d\\ude00"} ',
            ),
        ),
        (
            "did/svc/Number",
            (b"1", b"-0", b"1e2", b"123456789012345678901234567890", b"1e999", b"NaN", b"Infinity", b"null"),
        ),
        ("did/svc/Text", (b'"quoted"', b"{'not': json}", b"\xef\xbb\xbf[]", b"[1,]", b"01", b"\x00")),
        ("did/svc/Type/more/parts", (b"https://d.example",)),
        ("did/svc/no-word", (b"https://e.example",)),
        ("did/svc/", (b"https://f.example",)),
        ("profile", (b"https://g.example",)),
        ("", (b"", b"value")),
        (b"\xff\xfenot text", (b"\x17",)),
        (b"did/svc/A\0B", (b"https://h.example",)),
        ("did/pub/Ed25519/veriKey/base64_X", (b"\x18" * 32,)),
        ("did/pub/Ed25519/veriKey/h\u00e9x", (b"\x19" * 32,)),
    )
)  # fmt: skip
"""Names and values: every encoding, every use, and what a resolver must pass over."""

DELEGATE_TYPES = tuple(map(word, ("veriKey", "sigAuth", "veriKey", "sigAuth", "enc", "", b"\xc3\x28")))


def pairs() -> list[tuple[bytes, bytes]]:
    """Every name with each of its values."""
    return [(name, value) for name, values in ATTRIBUTES for value in values]


def attribute(choose: random.Random) -> tuple[bytes, bytes]:
    """A name and a value. Often the same ones, so that they are set again and revoked."""
    name, values = choose.choice(ATTRIBUTES)
    if choose.random() < 0.1:
        return name, choose.randbytes(choose.randrange(12))
    return name, choose.choice(values)


__all__ = [
    "ATTRIBUTES",
    "DELEGATE_TYPES",
    "NAME",
    "NOBODY",
    "HandMadeBlocks",
    "address",
    "attribute",
    "pairs",
    "resolve_with_npm",
    "word",
]
