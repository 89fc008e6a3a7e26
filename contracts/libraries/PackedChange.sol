// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev What every change of a batch begins with, unpacked.
struct ChangeHead {
    uint256 kind;
    address identity;
    uint32 nonce;
    uint64 deadline;
    bytes32 r;
    bytes32 s;
}

/// @title PackedChange
/// @notice Reads changes of identities out of a batch. The layout is in IDIDRegistry.
/// @dev The functions that read do not look whether they read beyond the batch: `end` does, and is asked first.
library PackedChange {
    uint256 internal constant OWNER = 1;
    uint256 internal constant DELEGATE = 2;
    uint256 internal constant ATTRIBUTE = 3;

    uint256 private constant HEAD_BYTES = 97;
    uint256 private constant OWNER_BYTES = HEAD_BYTES + 20;
    uint256 private constant DELEGATE_BYTES = HEAD_BYTES + 60;
    uint256 private constant ATTRIBUTE_BYTES = HEAD_BYTES + 42;

    error ChangeMalformed(uint256 offset);

    /// @notice Unpacks the head of a change into `head`, which is used again for the next: memory costs grow with its
    /// square.
    /// @return end Where the next change begins.
    function readHead(bytes calldata changes, uint256 offset, ChangeHead memory head)
        internal
        pure
        returns (uint256 end)
    {
        uint256 first = _word(changes, offset);
        uint256 kind = first >> 248;
        head.kind = kind;
        head.identity = address(uint160(first >> 88));
        head.nonce = uint32(first >> 56);
        head.deadline = uint64(_word(changes, offset + 25) >> 192);
        head.r = bytes32(_word(changes, offset + 33));
        head.s = bytes32(_word(changes, offset + 65));
        if (kind == ATTRIBUTE) end = offset + ATTRIBUTE_BYTES + uint16(_word(changes, offset + 137) >> 240);
        else if (kind == OWNER) end = offset + OWNER_BYTES;
        else if (kind == DELEGATE) end = offset + DELEGATE_BYTES;
        if (end == 0 || end > changes.length) revert ChangeMalformed(offset);
    }

    function readOwner(bytes calldata changes, uint256 offset) internal pure returns (address owner) {
        return address(uint160(_word(changes, offset + HEAD_BYTES) >> 96));
    }

    function readDelegate(bytes calldata changes, uint256 offset)
        internal
        pure
        returns (bytes32 delegateType, address delegate, uint64 validTo)
    {
        delegateType = bytes32(_word(changes, offset + HEAD_BYTES));
        uint256 rest = _word(changes, offset + 129);
        return (delegateType, address(uint160(rest >> 96)), uint64(rest >> 32));
    }

    function readAttribute(bytes calldata changes, uint256 offset, uint256 end)
        internal
        pure
        returns (bytes32 name, uint64 validTo, bytes calldata value)
    {
        name = bytes32(_word(changes, offset + HEAD_BYTES));
        validTo = uint64(_word(changes, offset + 129) >> 192);
        uint256 begin = offset + ATTRIBUTE_BYTES;
        assembly ("memory-safe") {
            value.offset := add(changes.offset, begin)
            value.length := sub(end, begin)
        }
    }

    function _word(bytes calldata changes, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(changes.offset, offset))
        }
    }
}
