// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CHARGING_AUTHORIZATION_TYPEHASH, CHARGING_TERMS_TYPEHASH, ChargingTerms} from "../types/Charging.sol";

/// @title AuthorizationHash
/// @notice What a driver signs, as EIP-712 hashes it.
library AuthorizationHash {
    function ofTerms(ChargingTerms calldata terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(CHARGING_TERMS_TYPEHASH, terms));
    }

    /// @notice The digest of ChargingAuthorization(terms, startedAt, maxCost), given the hash of its terms.
    /// @dev Written past the free memory pointer, which stays where it is, so that each session of a batch hashes in
    /// the same place: `abi.encode` takes new memory every time, whose price grows with the square of the batch.
    function digest(bytes32 domainSeparator, bytes32 termsHash, uint256 startedAt, uint256 maxCost)
        internal
        pure
        returns (bytes32 result)
    {
        bytes32 typeHash = CHARGING_AUTHORIZATION_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            mstore(add(free, 0x20), termsHash)
            mstore(add(free, 0x40), startedAt)
            mstore(add(free, 0x60), maxCost)
            let structHash := keccak256(free, 0x80)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domainSeparator)
            mstore(add(free, 0x22), structHash)
            result := keccak256(free, 0x42)
        }
    }
}
