// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev One record given to a data host, signed by who writes it. Its struct hash is what a Merkle leaf is made of.
struct DataWrite {
    /// @dev The identity that writes. Its owner, or an account that acts for it, signs.
    address writer;
    /// @dev The identity of the data host that the record is meant for: it cannot be given to another.
    address host;
    /// @dev What the record is about (see AccessRegistry).
    bytes32 resource;
    /// @dev Hash of the name of a sequence of records, such as "battery" or "session".
    bytes32 stream;
    /// @dev The writer's own number for the record, used once for a resource and stream.
    uint64 number;
    /// @dev Hash of a secret salt and the record, so that the chain tells nothing of it.
    bytes32 content;
    /// @dev Unix seconds at which it was signed.
    uint64 writtenAt;
}

bytes32 constant DATA_WRITE_TYPEHASH = keccak256(
    "DataWrite(address writer,address host,bytes32 resource,bytes32 stream,uint64 number,bytes32 content,uint64 writtenAt)"
);
