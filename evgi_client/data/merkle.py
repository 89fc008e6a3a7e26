"""Merkle trees over struct hashes, node for node those of the npm package ``@openzeppelin/merkle-tree``
(``StandardMerkleTree`` over ``["bytes32"]``), whose proofs OpenZeppelin's ``MerkleProof`` checks on chain.

A tree is an array: the root first, the children of node i at 2i + 1 and 2i + 2, the leaves last, in descending order
of their hash. A pair is hashed lower side first, so that a proof needs no directions. A leaf is hashed twice, so that
no inner node, which is one hash of 64 bytes, passes for a leaf.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evgi_client.errors import MerkleTreeError
from evgi_client.messages import keccak256

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

VALUE_LENGTH = 32

MAX_LEAVES = 1 << 20
"""The most that ``DataRegistry`` takes in one batch."""

_FORMAT = "standard-v1"


@dataclass(frozen=True, slots=True)
class MultiProof:
    """That several values are all in a tree: the values in the order that the proof takes them, the other nodes, and
    for each step whether both of its sides come from the values."""

    values: tuple[bytes, ...]
    proof: tuple[bytes, ...]
    flags: tuple[bool, ...]


def leaf_hash(value: bytes) -> bytes:
    """The leaf of a value: ``keccak256(keccak256(abi.encode(bytes32)))``."""
    return keccak256(keccak256(value))


def node_hash(one: bytes, other: bytes) -> bytes:
    """What stands above two nodes, in whichever order they come."""
    return keccak256(one + other if one < other else other + one)


def root_from(value: bytes, proof: Iterable[bytes]) -> bytes:
    """The root of the tree that a proof belongs to, if the value is in it."""
    node = leaf_hash(value)
    for sibling in proof:
        node = node_hash(node, sibling)
    return node


def verify(root: bytes, value: bytes, proof: Iterable[bytes]) -> bool:
    """Is a value in the tree of a root? ``proof`` holds the siblings from the leaf up."""
    return root_from(value, proof) == root


def verify_many(root: bytes, multi: MultiProof) -> bool:
    """Are all values in the tree of a root? False for none at all, and for a proof that cannot be one."""
    steps = len(multi.flags)
    if not multi.values or len(multi.values) + len(multi.proof) != steps + 1:
        return False
    queue, rest = deque(map(leaf_hash, multi.values)), deque(multi.proof)
    for both in multi.flags:
        if len(queue) < (2 if both else 1) or not (both or rest):
            return False
        queue.append(node_hash(queue.popleft(), queue.popleft() if both else rest.popleft()))
    return not rest and queue == deque([root])


class MerkleTree:
    """The tree over some values of 32 bytes; the same value may be there twice.

    Raises:
        MerkleTreeError: no value, or one that is not 32 bytes.
    """

    __slots__ = ("_nodes", "_places", "values")

    def __init__(self, values: Sequence[bytes]) -> None:
        if not values:
            raise MerkleTreeError("a tree has at least one value")
        if any(len(value) != VALUE_LENGTH for value in values):
            raise MerkleTreeError(f"a value is {VALUE_LENGTH} bytes")
        self.values = tuple(values)
        count = len(values)
        leaves = [leaf_hash(value) for value in values]
        order = sorted(range(count), key=leaves.__getitem__)
        nodes = [b""] * (count - 1) + [leaves[index] for index in reversed(order)]
        for at in range(count - 2, -1, -1):
            nodes[at] = node_hash(nodes[2 * at + 1], nodes[2 * at + 2])
        self._nodes = nodes
        self._places = [0] * count
        for rank, index in enumerate(order):
            self._places[index] = len(nodes) - 1 - rank

    def __len__(self) -> int:
        return len(self.values)

    @property
    def root(self) -> bytes:
        """32 bytes: what is anchored."""
        return self._nodes[0]

    def proof(self, index: int) -> list[bytes]:
        """The siblings from the leaf of the value at ``index`` up to the root.

        Raises:
            IndexError: there is no such value.
        """
        at, siblings = self._place(index), []
        while at:
            siblings.append(self._nodes[_sibling(at)])
            at = (at - 1) // 2
        return siblings

    def multi_proof(self, indices: Iterable[int]) -> MultiProof:
        """One proof for several values, shorter than theirs together.

        Raises:
            MerkleTreeError: no value, or one twice.
            IndexError: there is no such value.
        """
        given = list(indices)
        places = {self._place(index): index for index in given}
        if not given or len(places) != len(given):
            raise MerkleTreeError("a multi-proof is of at least one value, and of none twice")
        order = sorted(places, reverse=True)
        queue, proof, flags = deque(order), [], []
        while queue[0]:
            at = queue.popleft()
            sibling = _sibling(at)
            flags.append(bool(queue) and queue[0] == sibling)
            if flags[-1]:
                queue.popleft()
            else:
                proof.append(self._nodes[sibling])
            queue.append((at - 1) // 2)
        return MultiProof(tuple(self.values[places[at]] for at in order), tuple(proof), tuple(flags))

    def to_json(self) -> dict[str, Any]:
        """The object that the npm package's ``load`` reads."""
        return {
            "format": _FORMAT,
            "leafEncoding": ["bytes32"],
            "tree": [_hex(node) for node in self._nodes],
            "values": [
                {"value": [_hex(value)], "treeIndex": at}
                for value, at in zip(self.values, self._places, strict=True)
            ],
        }

    def _place(self, index: int) -> int:
        if not 0 <= index < len(self.values):
            raise IndexError(f"no value {index} among {len(self.values)}")
        return self._places[index]


def _sibling(at: int) -> int:
    return at + 1 if at % 2 else at - 1


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
