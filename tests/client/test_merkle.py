"""Merkle trees: node for node those of the npm package, and proofs that prove what is there and nothing else."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evgi_client.data.merkle import MerkleTree, MultiProof, leaf_hash, node_hash, verify, verify_many
from evgi_client.errors import MerkleTreeError
from evgi_client.messages import keccak256

ROOT = Path(__file__).resolve().parents[2]

# Makes a tree of each list of values, proves values of it, reads our trees and checks our proofs.
_SCRIPT = """
const { StandardMerkleTree: Tree } = require('@openzeppelin/merkle-tree');
const encoding = ['bytes32'];
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const answers = cases.map(({ values, chosen, ours, multi }) => {
  const tree = Tree.of(values.map(value => [value]), encoding);
  Tree.load(ours).validate();
  const flat = proof => ({ ...proof, leaves: proof.leaves.map(([value]) => value) });
  return {
    dump: tree.dump(),
    proofs: chosen.map(index => tree.getProof(index)),
    multi: flat(tree.getMultiProof(chosen)),
    accepted: Tree.verifyMultiProof(tree.root, encoding, { ...multi, leaves: multi.leaves.map(value => [value]) }),
  };
});
process.stdout.write(JSON.stringify(answers));
"""


def hexed(many: Any) -> list[str]:
    return ["0x" + each.hex() for each in many]


def value(number: int) -> bytes:
    return keccak256(number.to_bytes(8, "big"))


def lists_of_values() -> list[list[bytes]]:
    """All small sizes, some large ones around powers of two, and lists with the same value more than once."""
    chance = random.Random(26)
    sizes = [*range(1, 40), 63, 64, 65, 127, 128, 129, 500, 1000]
    lists = [[value(chance.getrandbits(60)) for _ in range(size)] for size in sizes]
    twice = [[value(chance.randrange(4)) for _ in range(size)] for size in (2, 3, 5, 8, 17)]
    return [*lists, *twice, [value(1)] * 7, [bytes(32), b"\xff" * 32], [bytes(32)]]


def test_trees_and_proofs_are_those_of_the_npm_package() -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "@openzeppelin" / "merkle-tree").is_dir():
        pytest.skip("Node.js or @openzeppelin/merkle-tree is not installed: run npm ci")
    chance, cases, expected = random.Random(11), [], []
    for values in lists_of_values():
        tree = MerkleTree(values)
        chosen = chance.sample(range(len(values)), chance.randint(1, min(len(values), 9)))
        multi = tree.multi_proof(chosen)
        mine = {
            "leaves": hexed(multi.values),
            "proof": hexed(multi.proof),
            "proofFlags": list(multi.flags),
        }
        cases.append({"values": hexed(values), "chosen": chosen, "ours": tree.to_json(), "multi": mine})
        expected.append(
            {
                "dump": tree.to_json(),
                "proofs": [hexed(tree.proof(index)) for index in chosen],
                "multi": mine,
                "accepted": True,
            }
        )
    done = subprocess.run(
        [node, "-e", _SCRIPT],
        input=json.dumps(cases),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == expected


def test_one_value_is_its_own_tree() -> None:
    tree = MerkleTree([value(1)])
    assert (len(tree), tree.root, tree.proof(0)) == (1, leaf_hash(value(1)), [])
    assert tree.multi_proof([0]) == MultiProof((value(1),), (), ())
    assert verify(tree.root, value(1), [])
    assert verify_many(tree.root, tree.multi_proof([0]))


def test_there_is_no_tree_of_nothing_and_none_of_other_lengths() -> None:
    for values in ([], [b""], [bytes(31)], [bytes(32), bytes(33)]):
        with pytest.raises(MerkleTreeError):
            MerkleTree(values)


def test_a_proof_is_of_a_value_that_is_there() -> None:
    tree = MerkleTree([value(1), value(2)])
    for index in (2, -1):
        with pytest.raises(IndexError):
            tree.proof(index)
        with pytest.raises(IndexError):
            tree.multi_proof([index])
    for indices in ([], [0, 0]):
        with pytest.raises(MerkleTreeError):
            tree.multi_proof(indices)


def test_an_inner_node_is_no_value() -> None:
    """The second preimage of trees whose leaves are hashed as their nodes are: there, the upper part of a proof is a
    proof of its own."""
    tree = MerkleTree([value(number) for number in range(4)])
    one, other = tree.proof(0)[0], leaf_hash(value(0))
    inner = node_hash(one, other)
    assert not verify(tree.root, inner, tree.proof(0)[1:])
    assert not verify(tree.root, b"".join(sorted([one, other])), tree.proof(0)[1:])


def test_the_root_proves_nothing_of_no_value() -> None:
    tree = MerkleTree([value(number) for number in range(4)])
    assert not verify_many(tree.root, MultiProof((), (tree.root,), ()))
    assert not verify_many(tree.root, MultiProof((), (), ()))


@settings(max_examples=80, deadline=None)
@given(
    numbers=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    data=st.data(),
)
def test_proofs_prove_every_value_and_no_other(numbers: list[int], data: st.DataObject) -> None:
    values = [value(number) for number in numbers]
    tree = MerkleTree(values)
    for index, each in enumerate(values):
        assert verify(tree.root, each, tree.proof(index))
    index = data.draw(st.integers(0, len(values) - 1))
    proof = tree.proof(index)
    assert not verify(tree.root, value(61), proof)
    assert not verify(keccak256(tree.root), values[index], proof)
    assert not verify(tree.root, values[index], [*proof, value(62)])
    if proof:
        assert not verify(tree.root, values[index], proof[:-1])
        broken = data.draw(st.integers(0, len(proof) - 1))
        assert not verify(tree.root, values[index], [*proof[:broken], value(63), *proof[broken + 1 :]])


@settings(max_examples=80, deadline=None)
@given(size=st.integers(1, 40), data=st.data())
def test_multi_proofs_prove_their_values_and_survive_no_change(size: int, data: st.DataObject) -> None:
    values = [value(number) for number in range(size)]
    tree = MerkleTree(values)
    chosen = data.draw(st.lists(st.integers(0, size - 1), min_size=1, unique=True))
    multi = tree.multi_proof(chosen)
    assert sorted(multi.values) == sorted(values[index] for index in chosen)
    assert verify_many(tree.root, multi)
    swapped = data.draw(st.integers(0, len(chosen) - 1))
    changed = (*multi.values[:swapped], value(size), *multi.values[swapped + 1 :])
    assert not verify_many(tree.root, MultiProof(changed, multi.proof, multi.flags))
    assert not verify_many(tree.root, MultiProof(multi.values, (*multi.proof, value(0)), multi.flags))
    assert not verify_many(tree.root, MultiProof(multi.values, multi.proof, (*multi.flags, True)))


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(st.integers(0, 5), max_size=5),
    proof=st.lists(st.integers(0, 9), max_size=5),
    flags=st.lists(st.booleans(), max_size=9),
)
def test_no_made_up_multi_proof_proves_a_value_that_is_not_there(
    values: list[int], proof: list[int], flags: list[bool]
) -> None:
    tree = MerkleTree([value(number) for number in range(10, 20)])
    nodes = [value(number) if number < 5 else tree.proof(number)[0] for number in proof]
    made_up = MultiProof(tuple(value(number) for number in values), tuple(nodes), tuple(flags))
    assert not verify_many(tree.root, made_up)
