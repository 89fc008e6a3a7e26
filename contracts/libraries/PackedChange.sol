// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ATTRIBUTE_CHANGE_TYPEHASH, DELEGATE_CHANGE_TYPEHASH, OWNER_CHANGE_TYPEHASH} from "../types/Identity.sol";

/// @title PackedChange
/// @notice Reads, hashes and recovers changes of identities in a batch, at their place in the calldata. The layout is in
/// IDIDRegistry.
/// @dev Nothing here looks whether a change lies within the batch: where the last does not, the caller refuses all. Hashes
/// are written past the free memory pointer, which stays where it is, so that each change of a batch hashes in the same
/// place: `abi.encode` takes new memory every time, whose price grows with the square of the batch.
library PackedChange {
    uint256 internal constant OWNER = 1;
    uint256 internal constant DELEGATE = 2;
    uint256 internal constant ATTRIBUTE = 3;

    uint256 private constant OWNER_BYTES = 117;
    uint256 private constant DELEGATE_BYTES = 157;
    uint256 private constant ATTRIBUTE_BYTES = 139;

    /// @notice Where a batch begins and ends in the calldata.
    function span(bytes calldata changes) internal pure returns (uint256 begin, uint256 end) {
        assembly ("memory-safe") {
            begin := changes.offset
            end := add(begin, changes.length)
        }
    }

    function kind(uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, calldataload(at))
        }
    }

    function endOfOwner(uint256 at) internal pure returns (uint256 end) {
        assembly ("memory-safe") {
            end := add(at, OWNER_BYTES)
        }
    }

    function endOfDelegate(uint256 at) internal pure returns (uint256 end) {
        assembly ("memory-safe") {
            end := add(at, DELEGATE_BYTES)
        }
    }

    function endOfAttribute(uint256 at) internal pure returns (uint256 end) {
        assembly ("memory-safe") {
            end := add(add(at, ATTRIBUTE_BYTES), shr(240, calldataload(add(at, 137))))
        }
    }

    /// @notice What every change has beside its signature.
    function head(uint256 at) internal pure returns (address identity, uint256 nonce, uint256 deadline) {
        assembly ("memory-safe") {
            identity := shr(96, calldataload(add(at, 1)))
            nonce := shr(224, calldataload(add(at, 21)))
            deadline := shr(192, calldataload(add(at, 25)))
        }
    }

    function owner(uint256 at) internal pure returns (address value) {
        assembly ("memory-safe") {
            value := shr(96, calldataload(add(at, 97)))
        }
    }

    function delegate(uint256 at) internal pure returns (bytes32 delegateType, address account, uint64 validTo) {
        assembly ("memory-safe") {
            delegateType := calldataload(add(at, 97))
            account := shr(96, calldataload(add(at, 129)))
            validTo := shr(192, calldataload(add(at, 149)))
        }
    }

    function attribute(uint256 at) internal pure returns (bytes32 name, bytes calldata value, uint64 validTo) {
        assembly ("memory-safe") {
            name := calldataload(add(at, 97))
            validTo := shr(192, calldataload(add(at, 129)))
            value.length := shr(240, calldataload(add(at, 137)))
            value.offset := add(at, ATTRIBUTE_BYTES)
        }
    }

    function hashOwner(uint256 at, address identity, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32 structHash)
    {
        bytes32 typeHash = OWNER_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            mstore(add(free, 0x20), identity)
            mstore(add(free, 0x40), shr(96, calldataload(add(at, 97))))
            mstore(add(free, 0x60), nonce)
            mstore(add(free, 0x80), deadline)
            structHash := keccak256(free, 0xa0)
        }
    }

    function hashDelegate(uint256 at, address identity, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32 structHash)
    {
        bytes32 typeHash = DELEGATE_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            mstore(add(free, 0x20), identity)
            mstore(add(free, 0x40), calldataload(add(at, 97)))
            mstore(add(free, 0x60), shr(96, calldataload(add(at, 129))))
            mstore(add(free, 0x80), shr(192, calldataload(add(at, 149))))
            mstore(add(free, 0xa0), nonce)
            mstore(add(free, 0xc0), deadline)
            structHash := keccak256(free, 0xe0)
        }
    }

    function hashAttribute(uint256 at, address identity, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32 structHash)
    {
        bytes32 typeHash = ATTRIBUTE_CHANGE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let length := shr(240, calldataload(add(at, 137)))
            calldatacopy(free, add(at, ATTRIBUTE_BYTES), length)
            let valueHash := keccak256(free, length)
            mstore(free, typeHash)
            mstore(add(free, 0x20), identity)
            mstore(add(free, 0x40), calldataload(add(at, 97)))
            mstore(add(free, 0x60), valueHash)
            mstore(add(free, 0x80), shr(192, calldataload(add(at, 129))))
            mstore(add(free, 0xa0), nonce)
            mstore(add(free, 0xc0), deadline)
            structHash := keccak256(free, 0xe0)
        }
    }

    /// @notice Whose key signed a change; 0 where none can have.
    /// @dev The recovery id is always 27, so that a signature has one form. The precompile writes nothing where it fails.
    function signer(uint256 at, bytes32 domainSeparator, bytes32 structHash)
        internal
        view
        returns (address recovered)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domainSeparator)
            mstore(add(free, 0x22), structHash)
            mstore(free, keccak256(free, 0x42))
            mstore(add(free, 0x20), 27)
            calldatacopy(add(free, 0x40), add(at, 33), 0x40)
            mstore(0, 0)
            pop(staticcall(gas(), 1, free, 0x80, 0, 0x20))
            recovered := mload(0)
        }
    }
}
