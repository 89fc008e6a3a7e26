// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev A session of a batch, unpacked.
struct Session {
    bytes32 r;
    bytes32 s;
    uint256 startDelta;
    uint24 driver;
    uint256 energyWh;
    uint256 cost;
    uint256 maxCost;
}

/// @title PackedSession
/// @notice Reads a session out of a batch and writes it into the batch's event. Layouts are in ISessionSettlement.
library PackedSession {
    uint256 internal constant BYTES = 81;
    uint256 internal constant EVENT_BYTES = 14;
    uint256 internal constant EVENT_HEADER_BYTES = 34;

    /// @notice Unpacks a session into `session`, which is used again for the next: memory costs grow with its square.
    /// @dev The caller checks that there are more than `position` sessions. The last word read goes 15 bytes beyond the
    /// session, which the shifts drop.
    function read(bytes calldata sessions, uint256 position, Session memory session) internal pure {
        bytes32 r;
        bytes32 s;
        uint256 rest;
        assembly ("memory-safe") {
            let packed := add(sessions.offset, mul(position, BYTES))
            r := calldataload(packed)
            s := calldataload(add(packed, 32))
            rest := calldataload(add(packed, 64))
        }
        session.r = r;
        session.s = s;
        session.startDelta = rest >> 232;
        session.driver = uint24(rest >> 208);
        session.energyWh = uint24(rest >> 184);
        session.cost = uint32(rest >> 152);
        unchecked {
            session.maxCost = session.cost + uint32(rest >> 120);
        }
    }

    /// @notice Opens a group in the event. `log` must have room for it and 32 bytes more.
    function writeHeader(bytes memory log, uint256 offset, bytes32 connector, uint256 sessions)
        internal
        pure
        returns (uint256)
    {
        _store(log, offset, connector);
        _store(log, offset + 32, bytes32(sessions << 240));
        return offset + EVENT_HEADER_BYTES;
    }

    /// @notice Writes a session into the event. `log` must have room for it and 32 bytes more.
    function write(bytes memory log, uint256 offset, uint32 startedAt, Session memory session)
        internal
        pure
        returns (uint256)
    {
        uint256 word = uint256(startedAt) << 224 | uint256(session.driver) << 200 | session.energyWh << 176
            | session.cost << 144;
        _store(log, offset, bytes32(word));
        return offset + EVENT_BYTES;
    }

    /// @dev A whole word is written: what spills over is overwritten by the next write, or cut by `trim`.
    function _store(bytes memory log, uint256 offset, bytes32 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(log, 32), offset), word)
        }
    }

    /// @notice Gives back the room that the last write needed.
    function trim(bytes memory log, uint256 length) internal pure {
        assembly ("memory-safe") {
            mstore(log, length)
        }
    }
}
