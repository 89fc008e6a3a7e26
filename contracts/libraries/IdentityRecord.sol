// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @dev What is kept of an identity, in one slot. From the lowest bit: owner 160, block of the last change 32, beginning of
/// the epoch of ownership 32 (seconds), number of changes 32. No owner means the identity itself before the first epoch
/// ever begins, and nobody after.
type IdentityRecord is uint256;

using IdentityRecords for IdentityRecord global;

/// @title IdentityRecords
library IdentityRecords {
    using SafeCast for uint256;

    uint256 private constant CHANGED_AT = 160;
    uint256 private constant OWNED_SINCE_AT = 192;
    uint256 private constant NONCE_AT = 224;

    function owner(IdentityRecord record) internal pure returns (address) {
        return address(uint160(IdentityRecord.unwrap(record)));
    }

    /// @notice Who controls the identity; 0 where it is deactivated.
    function controller(IdentityRecord record, address identity) internal pure returns (address) {
        address owner_ = record.owner();
        return owner_ == address(0) && record.ownedSince() == 0 ? identity : owner_;
    }

    function changed(IdentityRecord record) internal pure returns (uint256) {
        return uint32(IdentityRecord.unwrap(record) >> CHANGED_AT);
    }

    function ownedSince(IdentityRecord record) internal pure returns (uint32) {
        return uint32(IdentityRecord.unwrap(record) >> OWNED_SINCE_AT);
    }

    function nonce(IdentityRecord record) internal pure returns (uint32) {
        return uint32(IdentityRecord.unwrap(record) >> NONCE_AT);
    }

    /// @notice After a change now that leaves the owner.
    /// @dev The last nonce overflows the word, which is checked.
    function advanced(IdentityRecord record) internal view returns (IdentityRecord) {
        uint256 kept = IdentityRecord.unwrap(record) & ~(uint256(type(uint32).max) << CHANGED_AT);
        return IdentityRecord.wrap((kept | uint256(block.number.toUint32()) << CHANGED_AT) + (1 << NONCE_AT));
    }

    /// @notice After a change of owner now.
    function handedTo(IdentityRecord record, address owner_) internal view returns (IdentityRecord) {
        uint256 kept = IdentityRecord.unwrap(record.advanced()) >> NONCE_AT << NONCE_AT;
        uint256 stamps = uint256(block.timestamp.toUint32()) << OWNED_SINCE_AT | block.number << CHANGED_AT;
        return IdentityRecord.wrap(kept | stamps | uint160(owner_));
    }
}
