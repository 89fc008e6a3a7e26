// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {
    ATTRIBUTE_CHANGE_TYPEHASH,
    AttributeChange,
    DELEGATE_CHANGE_TYPEHASH,
    DelegateChange,
    OWNER_CHANGE_TYPEHASH,
    OwnerChange
} from "../types/Identity.sol";

/// @title IdentityHash
/// @notice What an identity's owner signs, as EIP-712 hashes it: from a change by itself in the calldata, whose words are
/// those that are hashed.
/// @dev Written past the free memory pointer, which stays where it is. The bits of a word that its type leaves out are
/// hashed with it; where they are not zero, reading the member fails.
library IdentityHash {
    function ofOwner(OwnerChange calldata change) internal pure returns (bytes32 structHash) {
        bytes32 typeHash = OWNER_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), change, 0x80)
            structHash := keccak256(free, 0xa0)
        }
    }

    function ofDelegate(DelegateChange calldata change) internal pure returns (bytes32 structHash) {
        bytes32 typeHash = DELEGATE_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), change, 0xc0)
            structHash := keccak256(free, 0xe0)
        }
    }

    function ofAttribute(AttributeChange calldata change) internal pure returns (bytes32 structHash) {
        bytes32 typeHash = ATTRIBUTE_CHANGE_TYPEHASH;
        bytes calldata value = change.value;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, value.offset, value.length)
            let valueHash := keccak256(free, value.length)
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), change, 0xc0)
            mstore(add(free, 0x60), valueHash)
            structHash := keccak256(free, 0xe0)
        }
    }
}
