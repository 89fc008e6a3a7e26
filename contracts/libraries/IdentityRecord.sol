// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev What is kept of an identity, in one slot. From the lowest bit: owner 160, block of the last change 32, beginning of
/// the epoch of ownership 32 (seconds), number of changes 32. No owner means the identity itself before the first epoch
/// ever begins, and nobody after.
type IdentityRecord is uint256;

using IdentityRecords for IdentityRecord global;

/// @title IdentityRecords
library IdentityRecords {
    uint256 private constant CHANGED_AT = 160;
    uint256 private constant OWNED_SINCE_AT = 192;
    uint256 private constant NONCE_AT = 224;
    /// @dev All but the block of the last change.
    uint256 private constant KEPT = ~(uint256(type(uint32).max) << CHANGED_AT);

    function owner(IdentityRecord record) internal pure returns (address) {
        return address(uint160(IdentityRecord.unwrap(record)));
    }

    /// @notice Who controls the identity; 0 where it is deactivated.
    function controller(IdentityRecord record, address identity) internal pure returns (address owner_) {
        owner_ = address(uint160(IdentityRecord.unwrap(record)));
        if (owner_ == address(0)) {
            if (uint32(IdentityRecord.unwrap(record) >> OWNED_SINCE_AT) == 0) owner_ = identity;
        }
    }

    function changed(IdentityRecord record) internal pure returns (uint256) {
        return uint32(IdentityRecord.unwrap(record) >> CHANGED_AT);
    }

    function ownedSince(IdentityRecord record) internal pure returns (uint256) {
        return uint32(IdentityRecord.unwrap(record) >> OWNED_SINCE_AT);
    }

    function nonce(IdentityRecord record) internal pure returns (uint256) {
        return IdentityRecord.unwrap(record) >> NONCE_AT;
    }

    /// @notice After a change now that leaves the owner.
    /// @dev Nonces and blocks go round after 2^32.
    function advanced(IdentityRecord record) internal view returns (IdentityRecord) {
        unchecked {
            uint256 word = IdentityRecord.unwrap(record);
            return IdentityRecord.wrap((word & KEPT) + (1 << NONCE_AT) | uint256(uint32(block.number)) << CHANGED_AT);
        }
    }

    /// @notice After a change of owner now.
    /// @dev Nonces and blocks go round after 2^32. The caller sees to it that the time does not.
    function handedTo(IdentityRecord record, address owner_) internal view returns (IdentityRecord) {
        unchecked {
            uint256 changes = (IdentityRecord.unwrap(record) >> NONCE_AT) + 1;
            uint256 stamps = block.timestamp << OWNED_SINCE_AT | uint256(uint32(block.number)) << CHANGED_AT;
            return IdentityRecord.wrap(changes << NONCE_AT | stamps | uint160(owner_));
        }
    }
}
