// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title CertificateLog
/// @notice Certificates of which one is in force at a time, ascending by when they begin. At most the last has not begun:
/// another takes its place then.
library CertificateLog {
    /// @dev All but the hash share a slot. The certificate is in force from `start`, the later of `validFrom` and
    /// `broughtAt`, until the next one's. `usedUpAt` is 0 while it has uses left.
    struct Entry {
        bytes32 certificate;
        uint48 start;
        uint48 broughtAt;
        uint48 validFrom;
        uint48 validUntil;
        uint48 usedUpAt;
        uint8 depth;
        bool delegable;
    }

    struct Log {
        Entry[] entries;
    }

    function add(Log storage log, Entry memory entry) internal {
        uint256 length = log.entries.length;
        if (length != 0 && log.entries[length - 1].start > block.timestamp) log.entries[length - 1] = entry;
        else log.entries.push(entry);
    }

    /// @return found One more than the place of the entry in force at a time; 0 where there was none.
    function find(Log storage log, uint64 time) internal view returns (uint256 found) {
        uint256 high = log.entries.length;
        // Most ask for now, when the last one has begun.
        if (high == 0 || log.entries[high - 1].start <= time) return high;
        --high;
        while (found < high) {
            uint256 middle = (found + high + 1) / 2;
            if (log.entries[middle - 1].start <= time) found = middle;
            else high = middle - 1;
        }
    }

    /// @return entry The entry in force at a time; all zero where there was none.
    function at(Log storage log, uint64 time) internal view returns (Entry memory entry) {
        uint256 found = find(log, time);
        if (found != 0) entry = log.entries[found - 1];
    }
}
