// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {IDataRegistry} from "../interfaces/IDataRegistry.sol";
import {IDIDRegistry} from "../interfaces/IDIDRegistry.sol";
import {DATA_WRITE_TYPEHASH, DataWrite} from "../types/Data.sol";

/// @title DataRegistry
contract DataRegistry is EIP712, IDataRegistry {
    /// @dev A proof of the largest tree has twenty steps.
    uint32 private constant MAX_LEAVES = 1 << 20;

    IDIDRegistry private immutable _identities;

    /// @dev Two slots a batch: the root, and beside it account, time and leaves (32 bytes).
    mapping(address host => mapping(bytes32 stream => mapping(uint64 sequence => Batch batch))) private _batches;

    /// @inheritdoc IDataRegistry
    mapping(address host => mapping(bytes32 stream => uint64 sequence)) public latest;

    constructor(address didRegistry) EIP712("DataRegistry", "1") {
        _identities = IDIDRegistry(didRegistry);
    }

    /// @inheritdoc IDataRegistry
    function anchor(address host, bytes32 stream, uint64 sequence, bytes32 root, uint32 leaves) external {
        if (!_identities.actsFor(host, msg.sender)) revert NotActingForHost(host, msg.sender);
        uint64 expected = latest[host][stream] + 1;
        if (sequence != expected) revert SequenceUnexpected(host, stream, sequence, expected);
        if (root == bytes32(0)) revert RootMissing(host, stream, sequence);
        if (leaves == 0 || leaves > MAX_LEAVES) revert LeavesOutOfRange(leaves, MAX_LEAVES);

        latest[host][stream] = sequence;
        _batches[host][stream][sequence] =
            Batch({root: root, account: msg.sender, anchoredAt: uint64(block.timestamp), leaves: leaves});
        emit BatchAnchored(host, stream, sequence, root, leaves, msg.sender);
    }

    /// @inheritdoc IDataRegistry
    function batchOf(address host, bytes32 stream, uint64 sequence) external view returns (Batch memory batch) {
        return _batches[host][stream][sequence];
    }

    /// @inheritdoc IDataRegistry
    function verify(address host, bytes32 stream, uint64 sequence, bytes32 write, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 root = _batches[host][stream][sequence].root;
        return root != bytes32(0) && MerkleProof.verifyCalldata(proof, root, _leafOf(write));
    }

    /// @inheritdoc IDataRegistry
    function verifyMany(
        address host,
        bytes32 stream,
        uint64 sequence,
        bytes32[] calldata writes,
        bytes32[] calldata proof,
        bool[] calldata proofFlags
    ) external view returns (bool) {
        bytes32 root = _batches[host][stream][sequence].root;
        // The library accepts the root as a proof of nothing, and reverts where the lengths cannot be of a proof.
        if (root == bytes32(0) || writes.length == 0 || writes.length + proof.length != proofFlags.length + 1) {
            return false;
        }
        bytes32[] memory leaves = new bytes32[](writes.length);
        for (uint256 i = 0; i < writes.length; ++i) {
            leaves[i] = _leafOf(writes[i]);
        }
        return MerkleProof.multiProofVerifyCalldata(proof, proofFlags, root, leaves);
    }

    /// @inheritdoc IDataRegistry
    function digestOf(DataWrite calldata write) external view returns (bytes32) {
        return _hashTypedDataV4(hashOf(write));
    }

    /// @inheritdoc IDataRegistry
    function hashOf(DataWrite calldata write) public pure returns (bytes32) {
        // All fields are atomic, so the ABI encoding of the struct is its EIP-712 encoding.
        return keccak256(abi.encode(DATA_WRITE_TYPEHASH, write));
    }

    function _leafOf(bytes32 write) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(write))));
    }
}
