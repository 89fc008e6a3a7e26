// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title DatedValues
/// @notice A value from each second on, in one slot a change.
/// @dev A second change in one second is another entry, of which the later counts: so a change costs the same in the
/// second of the one before and after it, and gas that was estimated at the former suffices at the latter.
library DatedValues {
    struct Entry {
        uint48 since;
        uint208 value;
    }

    struct List {
        Entry[] entries;
    }

    /// @notice Sets the value from now on.
    /// @return changed False where it was that already: then nothing is written.
    function set(List storage list, uint208 value) internal returns (bool changed) {
        uint256 length = list.entries.length;
        if ((length == 0 ? 0 : list.entries[length - 1].value) == value) return false;
        put(list, value);
        return true;
    }

    /// @notice Sets the value from now on, also where it was that already: it is so since now.
    function put(List storage list, uint208 value) internal {
        list.entries.push(Entry({since: uint48(block.timestamp), value: value}));
    }

    /// @notice The value at a time, and the second since which it was so; zeros where none was set by then.
    function at(List storage list, uint64 time) internal view returns (uint48 since, uint208 value) {
        uint256 high = list.entries.length;
        if (high == 0) return (0, 0);
        // Most ask for now.
        Entry memory entry = list.entries[high - 1];
        if (entry.since > time) {
            --high;
            uint256 found;
            while (found < high) {
                uint256 middle = (found + high + 1) / 2;
                if (list.entries[middle - 1].since <= time) found = middle;
                else high = middle - 1;
            }
            if (found == 0) return (0, 0);
            entry = list.entries[found - 1];
        }
        return (entry.since, entry.value);
    }
}
