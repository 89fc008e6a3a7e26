// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title StartLog
/// @notice Remembers in one storage slot which starts of a connector are settled: the last one, and a running hash of all
/// of them in ascending order. A start after the last is new without further proof. An earlier one is new if it is not in
/// the list that hashes to the digest; whoever brings it brings the list.
/// @dev 224 bits of keccak256: two lists with one digest cost some 2^112 hashes to find.
library StartLog {
    struct Log {
        uint32 last;
        bytes28 digest;
    }

    uint256 private constant START_BYTES = 4;

    /// @dev A cursor over a witness, in bytes, while new starts are merged into it.
    struct Merge {
        bytes28 digest;
        uint32 last;
        uint256 position;
        uint256 end;
    }

    function append(Merge memory merge, uint32 start) internal pure {
        merge.digest = next(merge.digest, start);
        merge.last = start;
    }

    /// @dev keccak256(abi.encodePacked(digest, start)) in scratch space: both fill one word, and no memory is taken.
    function next(bytes28 digest, uint32 start) internal pure returns (bytes28) {
        bytes32 word = bytes32(digest) | bytes32(uint256(start));
        assembly ("memory-safe") {
            mstore(0, word)
            word := keccak256(0, 32)
        }
        return bytes28(word);
    }

    /// @notice The digest of a packed list of starts.
    function digestOf(bytes calldata starts) internal pure returns (bytes28 digest) {
        uint256 end = starts.length;
        for (uint256 position; position < end;) {
            digest = next(digest, startAt(starts, position));
            unchecked {
                position += START_BYTES;
            }
        }
    }

    /// @notice Appends what the witness holds before `start`.
    /// @return known True where the witness holds `start` itself.
    function advance(Merge memory merge, bytes calldata witness, uint32 start) internal pure returns (bool known) {
        while (merge.position < merge.end) {
            uint32 settled = startAt(witness, merge.position);
            if (settled >= start) return settled == start;
            append(merge, settled);
            unchecked {
                merge.position += START_BYTES;
            }
        }
    }

    /// @notice Appends what is left of the witness.
    function finish(Merge memory merge, bytes calldata witness) internal pure {
        while (merge.position < merge.end) {
            append(merge, startAt(witness, merge.position));
            unchecked {
                merge.position += START_BYTES;
            }
        }
    }

    /// @dev The caller checks that `position` and the three bytes after it are within the list.
    function startAt(bytes calldata starts, uint256 position) internal pure returns (uint32 start) {
        assembly ("memory-safe") {
            start := shr(224, calldataload(add(starts.offset, position)))
        }
    }
}
