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
    function read(bytes calldata sessions, uint256 number, Session memory session) internal pure {
        bytes calldata packed = sessions[number * BYTES:(number + 1) * BYTES];
        session.r = bytes32(packed[0:32]);
        session.s = bytes32(packed[32:64]);
        session.startDelta = uint24(bytes3(packed[64:67]));
        session.driver = uint24(bytes3(packed[67:70]));
        session.energyWh = uint24(bytes3(packed[70:73]));
        session.cost = uint32(bytes4(packed[73:77]));
        session.maxCost = session.cost + uint32(bytes4(packed[77:81]));
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
