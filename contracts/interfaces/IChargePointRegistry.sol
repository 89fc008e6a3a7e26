// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title ChargePointRegistry
/// @notice The directory of connectors: who operates each, which utility it sells through, which key its meter signs
/// with. Every fact is dated and none is overwritten, so that a session is judged by what was true when it started.
///
/// Versions of a connector stand in the order of their `since`, strictly. A change may be dated ahead, by 31 days at
/// most; until it begins nothing else changes before it, and a handover that is accepted meanwhile takes place a second
/// after it. Whoever dates a change ahead therefore holds the others back for that long and never longer. Settled
/// sessions are not touched by a pending version, since they started before it.
/// @dev Assumes that utilities list only connectors that sell through them: an id belongs to whoever lists it first.
interface IChargePointRegistry {
    enum Status {
        UNKNOWN,
        IN_SERVICE,
        OUT_OF_SERVICE,
        REMOVED
    }

    /// @notice What is true of a connector from `since` until the next version's `since`.
    /// @dev Eight slots in storage. The first holds all that a settlement asks for.
    struct ChargePoint {
        /// @dev Slot 0 (30 bytes): the utility that the connector sells through, from when this version holds.
        address creditor;
        uint64 since;
        Status status;
        uint8 connectorNumber;
        /// @dev Slot 1 (24 bytes): the operator, and watts, which bound the energy a session can have.
        address operator;
        uint32 ratedPowerW;
        /// @dev Slot 2 (20 bytes).
        address meterKey;
        /// @dev Slot 3: keccak256 of the normalised EVSE id (upper case, no separators), ISO 15118-2 form.
        bytes32 evseIdHash;
        /// @dev Slots 4 to 7: hashes of the published location, opening hours and tariff, and the reference of the
        /// certification; zero where there is none.
        bytes32 location;
        bytes32 openingHours;
        bytes32 tariff;
        bytes32 certification;
    }

    /// @notice One version of a connector: enough, event by event, to rebuild the directory. One with another operator
    /// than the version before ends both offers, one with another creditor the offer to creditors.
    event ChargePointRecorded(bytes32 indexed connector, uint256 indexed version, ChargePoint state);
    /// @notice The operator made an offer in place of the one before it, or withdrew it: `to` is zero.
    event OperatorOffered(bytes32 indexed connector, address indexed from, address indexed to);
    event CreditorOffered(bytes32 indexed connector, address indexed from, address indexed to);

    error ChargePointExists(bytes32 connector);
    error ChargePointUnknown(bytes32 connector);
    error ChargePointRemoved(bytes32 connector);
    error VersionUnknown(bytes32 connector, uint256 version, uint256 versions);
    error NotOperator(bytes32 connector, address caller, address operator);
    error NotCreditor(bytes32 connector, address caller, address creditor);
    error NotOffered(bytes32 connector, address caller, address offered);
    error AlreadyOperator(bytes32 connector, address operator);
    error AlreadyCreditor(bytes32 connector, address creditor);
    /// @notice A change may not reach back: it is dated now or later, and after the version before it.
    error ChangeBackdated(bytes32 connector, uint64 since, uint64 earliest);
    error ChangeTooFarAhead(bytes32 connector, uint64 since, uint64 furthest);
    error FieldMissing(bytes32 connector, string field);
    error StatusInvalid(bytes32 connector, Status status);

    /// @notice The creditor utility lists a connector. The caller becomes its creditor. Only the first version may be
    /// dated in the past (it binds nobody but the caller: sessions need the driver's signature all the same).
    /// Restricted to utilities.
    /// @param state `creditor` must be the caller; status must be IN_SERVICE or OUT_OF_SERVICE; the four hashes may be
    /// zero, nothing else.
    /// @return connector keccak256(abi.encode(evseIdHash, connectorNumber)).
    function register(ChargePoint calldata state) external returns (bytes32 connector);

    /// @notice The operator changes what it publishes: status, location, opening hours, tariff. REMOVED is final from
    /// the moment it is recorded, also where it is dated ahead.
    /// @param since Now or later; as the time of a block is not known beforehand, a minute ahead serves for now.
    function publish(
        bytes32 connector,
        uint64 since,
        Status status,
        bytes32 location,
        bytes32 openingHours,
        bytes32 tariff
    ) external;

    /// @notice The creditor, who vouches for the hardware, changes meter key, rated power and certification.
    /// @param since Now or later, as for `publish`.
    function certify(bytes32 connector, uint64 since, address meterKey, uint32 ratedPowerW, bytes32 certification)
        external;

    /// @notice The operator hands the connector over; it changes hands when the other accepts. Zero withdraws the offer.
    function offerOperator(bytes32 connector, address to) external;

    /// @notice Takes an offered connector over, with all that is published about it: as of now, or from a second after
    /// the latest version's beginning where that is not past. What comes after is the new operator's to publish.
    function acceptOperator(bytes32 connector) external;

    /// @notice The operator moves to another utility; it moves when that utility accepts. Zero withdraws the offer.
    function offerCreditor(bytes32 connector, address to) external;

    /// @notice Takes an offered connector's sales over, from when `acceptOperator` would. Sessions that started before
    /// stay the former creditor's. Restricted to utilities.
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

    /// @notice To whom the operator, and the sales, are offered; zero where to nobody.
    function offersOf(bytes32 connector) external view returns (address operator, address creditor);
}
