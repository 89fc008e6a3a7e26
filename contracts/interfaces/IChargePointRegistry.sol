// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title ChargePointRegistry
/// @notice The directory of connectors: who operates each, which utility it sells through, which key its meter signs
/// with. Every fact is dated and none is overwritten, so that a session is judged by what was true when it started.
interface IChargePointRegistry {
    enum Status {
        UNKNOWN,
        IN_SERVICE,
        OUT_OF_SERVICE,
        REMOVED
    }

    /// @notice What is true of a connector from `since` until the next version's `since`.
    struct ChargePoint {
        address operator;
        uint64 since;
        Status status;
        address creditor;
        /// @dev Watts. Bounds the energy a session can have.
        uint32 ratedPowerW;
        address meterKey;
        /// @dev keccak256 of the normalised EVSE id (upper case, no separators), ISO 15118-2 form.
        bytes32 evseIdHash;
        uint8 connectorNumber;
        /// @dev Hashes of the published location, opening hours and tariff, and reference of the certification.
        bytes32 location;
        bytes32 openingHours;
        bytes32 tariff;
        bytes32 certification;
    }

    /// @notice One version of a connector: enough, event by event, to rebuild the directory.
    event ChargePointRecorded(bytes32 indexed connector, uint256 indexed version, ChargePoint state);
    event OperatorOffered(bytes32 indexed connector, address indexed from, address indexed to);
    event CreditorOffered(bytes32 indexed connector, address indexed from, address indexed to);

    error ChargePointExists(bytes32 connector);
    error ChargePointUnknown(bytes32 connector);
    error ChargePointRemoved(bytes32 connector);
    error NotOperator(bytes32 connector, address caller, address operator);
    error NotCreditor(bytes32 connector, address caller, address creditor);
    error NotOffered(bytes32 connector, address caller, address offered);
    /// @notice A change may not reach back: it is dated now or later, and after the version before it.
    error ChangeBackdated(bytes32 connector, uint64 since, uint64 earliest);
    error FieldMissing(bytes32 connector, string field);

    /// @notice The creditor utility lists a connector. The caller becomes its creditor. Only the first version may be
    /// dated in the past (it binds nobody but the caller: sessions need the driver's signature all the same).
    /// @param state `creditor` must be the caller; status must be IN_SERVICE or OUT_OF_SERVICE.
    /// @return connector keccak256(abi.encode(evseIdHash, connectorNumber)).
    function register(ChargePoint calldata state) external returns (bytes32 connector);

    /// @notice The operator changes what it publishes: status, location, opening hours, tariff.
    function publish(
        bytes32 connector,
        uint64 since,
        Status status,
        bytes32 location,
        bytes32 openingHours,
        bytes32 tariff
    ) external;

    /// @notice The creditor, who vouches for the hardware, changes meter key, rated power and certification.
    function certify(bytes32 connector, uint64 since, address meterKey, uint32 ratedPowerW, bytes32 certification)
        external;

    /// @notice The operator hands the connector over; it changes hands when the other accepts.
    function offerOperator(bytes32 connector, address to) external;

    /// @notice Takes an offered connector over, as of now.
    function acceptOperator(bytes32 connector) external;

    /// @notice The operator moves to another utility; it moves when that utility accepts.
    function offerCreditor(bytes32 connector, address to) external;

    /// @notice Takes an offered connector's sales over, as of now. Restricted to utilities.
    function acceptCreditor(bytes32 connector) external;

    /// @notice The id of a connector.
    function connectorId(bytes32 evseIdHash, uint8 connectorNumber) external pure returns (bytes32);

    /// @notice How many versions a connector has; 0 for one never listed.
    function versions(bytes32 connector) external view returns (uint256);

    /// @notice One version, from 0.
    function versionOf(bytes32 connector, uint256 version) external view returns (ChargePoint memory);

    /// @notice What was true at a time. Status UNKNOWN where nothing was.
    function at(bytes32 connector, uint64 time) external view returns (ChargePoint memory);

    /// @notice The creditor and status at a time, and the span [since, until) for which that version holds; `until` is
    /// the largest uint64 for the latest version. All zero where nothing was true.
    function spanAt(bytes32 connector, uint64 time)
        external
        view
        returns (address creditor, Status status, uint64 since, uint64 until);
}
