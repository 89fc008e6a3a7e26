// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ATTRIBUTE_CHANGE_TYPEHASH, DELEGATE_CHANGE_TYPEHASH, OWNER_CHANGE_TYPEHASH} from "../types/Identity.sol";

/// @title IdentityHash
/// @notice What an identity's owner signs, as EIP-712 hashes it: the digests of OwnerChange, DelegateChange and
/// AttributeChange.
/// @dev Written past the free memory pointer, which stays where it is, so that each change of a batch hashes in the same
/// place (see AuthorizationHash).
library IdentityHash {
    function ownerChange(
        bytes32 domainSeparator,
        address identity,
        address owner,
        uint256 nonce,
        uint256 deadline
    ) internal pure returns (bytes32) {
        bytes32 structHash;
        bytes32 typeHash = OWNER_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            mstore(add(free, 0x20), identity)
            mstore(add(free, 0x40), owner)
            mstore(add(free, 0x60), nonce)
            mstore(add(free, 0x80), deadline)
            structHash := keccak256(free, 0xa0)
        }
        return _digest(domainSeparator, structHash);
    }

    function delegateChange(
        bytes32 domainSeparator,
        address identity,
        bytes32 delegateType,
        address delegate,
        uint256 validTo,
        uint256 nonce,
        uint256 deadline
    ) internal pure returns (bytes32) {
        bytes32 structHash;
        bytes32 typeHash = DELEGATE_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            mstore(add(free, 0x20), identity)
            mstore(add(free, 0x40), delegateType)
            mstore(add(free, 0x60), delegate)
            mstore(add(free, 0x80), validTo)
            mstore(add(free, 0xa0), nonce)
            mstore(add(free, 0xc0), deadline)
            structHash := keccak256(free, 0xe0)
        }
        return _digest(domainSeparator, structHash);
    }

    function attributeChange(
        bytes32 domainSeparator,
        address identity,
        bytes32 name,
        bytes calldata value,
        uint256 validTo,
        uint256 nonce,
        uint256 deadline
    ) internal pure returns (bytes32) {
        bytes32 structHash;
        bytes32 typeHash = ATTRIBUTE_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, value.offset, value.length)
            let valueHash := keccak256(free, value.length)
            mstore(free, typeHash)
            mstore(add(free, 0x20), identity)
            mstore(add(free, 0x40), name)
            mstore(add(free, 0x60), valueHash)
            mstore(add(free, 0x80), validTo)
            mstore(add(free, 0xa0), nonce)
            mstore(add(free, 0xc0), deadline)
            structHash := keccak256(free, 0xe0)
        }
        return _digest(domainSeparator, structHash);
    }

    function _digest(bytes32 domainSeparator, bytes32 structHash) private pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domainSeparator)
            mstore(add(free, 0x22), structHash)
            result := keccak256(free, 0x42)
        }
    }
}
