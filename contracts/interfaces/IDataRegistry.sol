// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DataWrite} from "../types/Data.sol";

/// @title DataRegistry
/// @notice Merkle roots of what data hosts hold: one root a batch of data writes, numbered without gaps for each host
/// and stream. Nothing is edited and nothing is taken back, so that a host cannot change, leave out or add a record
/// afterwards without everyone seeing it.
///
/// Trees are the standard ones of OpenZeppelin's merkle-tree package, over ["bytes32"]; the values are the struct
/// hashes of data writes. Leaves are hashed twice, so that no inner node passes for one.
/// @dev A root is taken at the host's word: the chain sees neither the writes nor their signatures. What it proves is
/// that the host knew a write when the root came, and has not changed it since.
interface IDataRegistry {
    /// @notice A batch, as the chain keeps it.
    struct Batch {
        bytes32 root;
        /// @dev The account that sent the root, acting for the host.
        address account;
        /// @dev Unix seconds of its block: every write in the batch is at least this old.
        uint64 anchoredAt;
        uint32 leaves;
    }

    event BatchAnchored(
        address indexed host,
        bytes32 indexed stream,
        uint64 indexed sequence,
        bytes32 root,
        uint32 leaves,
        address account
    );

    /// @notice The caller is neither the owner of the host's identity nor an account that signs for it (sigAuth) now.
    error NotActingForHost(address host, address account);
    /// @notice The next batch carries the next number: one that is lost on the way cannot be passed over, and one that
    /// is sent twice is refused.
    error SequenceUnexpected(address host, bytes32 stream, uint64 sequence, uint64 expected);
    error RootMissing(address host, bytes32 stream, uint64 sequence);
    error LeavesOutOfRange(uint32 leaves, uint32 limit);

    /// @notice Anchors a host's next batch of a stream, for good.
    /// @param sequence `latest` + 1.
    /// @param leaves How many writes the tree has: 1 to 1,048,576.
    function anchor(address host, bytes32 stream, uint64 sequence, bytes32 root, uint32 leaves) external;

    /// @notice The number of a stream's last batch; 0 where none is anchored.
    function latest(address host, bytes32 stream) external view returns (uint64 sequence);

    /// @notice A batch; all zero where it is not anchored.
    function batchOf(address host, bytes32 stream, uint64 sequence) external view returns (Batch memory batch);

    /// @notice Is a data write in an anchored batch?
    /// @param write Its struct hash (see `hashOf`).
    /// @param proof Siblings from the leaf up.
    function verify(address host, bytes32 stream, uint64 sequence, bytes32 write, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice Are several data writes all in an anchored batch? False for none at all. Reverts where flags ask for more
    /// nodes than there are.
    /// @param writes Their struct hashes, in the order that the multi-proof gives them.
    /// @param proofFlags For each step, whether both sides come from the writes.
    function verifyMany(
        address host,
        bytes32 stream,
        uint64 sequence,
        bytes32[] calldata writes,
        bytes32[] calldata proof,
        bool[] calldata proofFlags
    ) external view returns (bool);

    /// @notice The EIP-712 struct hash of a data write: a value of the tree.
    function hashOf(DataWrite calldata write) external pure returns (bytes32);

    /// @notice The EIP-712 digest that a writer signs.
    function digestOf(DataWrite calldata write) external view returns (bytes32);
}
