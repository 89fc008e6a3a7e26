// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title AddressPage
/// @notice Up to 1,228 addresses kept as the code of a contract: one zero byte, then 20 bytes an address, strictly
/// ascending. Written once; read with EXTCODECOPY, far more cheaply than storage.
/// @dev The zero byte is STOP: calling a page does nothing, so it can neither write nor destroy itself.
/// 1,228 = (24,576 − 1) / 20, floor: EIP-170 bounds the code of a contract to 24,576 bytes.
/// Readers pass pages that `write` returned, or address 0, which reads as empty; they do not check that a page is one.
library AddressPage {
    uint256 internal constant MAX_KEYS = 1228;

    uint256 private constant LEAD_BYTES = 1;
    uint256 private constant KEY_BYTES = 20;

    error PageSizeInvalid(uint256 keys, uint256 limit);
    /// @notice Keys of a page are strictly ascending, hence distinct and never zero.
    error KeysNotAscending(uint256 position, address previous, address key);
    /// @notice The page could not be created: the gas left does not pay for storing its code.
    error PageNotWritten(uint256 keys);

    /// @notice Stores keys as a new page.
    function write(address[] calldata keys) internal returns (address page) {
        uint256 count = keys.length;
        if (count == 0 || count > MAX_KEYS) revert PageSizeInvalid(count, MAX_KEYS);

        uint256 size = LEAD_BYTES + count * KEY_BYTES;
        // One word more than the page, for the padding that the last key's word carries behind its 20 bytes.
        bytes memory code = new bytes(size + 32);
        address previous;
        for (uint256 i; i < count; ++i) {
            address key = keys[i];
            if (key <= previous) revert KeysNotAscending(i, previous, key);
            previous = key;
            assembly ("memory-safe") {
                // The key in the first 20 bytes of its word; the next key overwrites the other twelve.
                mstore(add(add(code, 33), mul(i, KEY_BYTES)), shl(96, key))
            }
        }

        assembly ("memory-safe") {
            // Ten bytes of creation code end where the page begins, in the word that held the length of `code`:
            // PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN.
            mstore(code, or(0x61000080600a5f395ff3, shl(56, size)))
            page := create(0, add(code, 22), add(size, 10))
        }
        if (page == address(0)) revert PageNotWritten(count);
    }

    /// @notice How many keys a page holds.
    function length(address page) internal view returns (uint256) {
        return page.code.length / KEY_BYTES;
    }

    /// @notice The key at a position.
    /// @dev The caller checks `position < length(page)`: past the end is zero.
    function at(address page, uint256 position) internal view returns (address key) {
        assembly ("memory-safe") {
            // Into the last 20 bytes of the first scratch word, whose other bytes must be zero.
            mstore(0, 0)
            extcodecopy(page, 12, add(LEAD_BYTES, mul(position, KEY_BYTES)), KEY_BYTES)
            key := mload(0)
        }
    }

    /// @notice All keys of a page.
    function all(address page) internal view returns (address[] memory keys) {
        uint256 count = length(page);
        keys = new address[](count);
        // One word more than the keys: the last one is read as a whole word.
        bytes memory packed = new bytes(count * KEY_BYTES + 32);
        assembly ("memory-safe") {
            extcodecopy(page, add(packed, 32), LEAD_BYTES, mul(count, KEY_BYTES))
        }
        for (uint256 i; i < count; ++i) {
            address key;
            assembly ("memory-safe") {
                key := shr(96, mload(add(add(packed, 32), mul(i, KEY_BYTES))))
            }
            keys[i] = key;
        }
    }

    /// @notice Where a key stands in a page, by binary search: twelve reads at most.
    function find(address page, address key) internal view returns (bool found, uint256 position) {
        uint256 count = length(page);
        uint256 high = count;
        while (position < high) {
            uint256 middle = (position + high) / 2;
            if (at(page, middle) < key) position = middle + 1;
            else high = middle;
        }
        found = position < count && at(page, position) == key;
    }
}
