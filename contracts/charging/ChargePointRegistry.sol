// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IChargePointRegistry} from "../interfaces/IChargePointRegistry.sol";

/// @title ChargePointRegistry
/// @dev See IChargePointRegistry.
contract ChargePointRegistry is IChargePointRegistry, AccessManaged {
    /// @dev A month's notice of a new tariff fits, and a slip of the pen blocks a connector no longer than that.
    uint64 private constant LONGEST_NOTICE = 31 days;

    /// @dev Ascending by `since`, appended to only.
    mapping(bytes32 connector => ChargePoint[] versions) private _versions;
    mapping(bytes32 connector => address to) private _operatorOffer;
    mapping(bytes32 connector => address to) private _creditorOffer;

    constructor(address initialAuthority) AccessManaged(initialAuthority) {}

    /// @inheritdoc IChargePointRegistry
    function register(ChargePoint calldata state) external restricted returns (bytes32 connector) {
        connector = connectorId(state.evseIdHash, state.connectorNumber);
        if (_versions[connector].length != 0) revert ChargePointExists(connector);
        if (state.creditor != msg.sender) revert NotCreditor(connector, msg.sender, state.creditor);
        if (state.evseIdHash == 0) revert FieldMissing(connector, "evseIdHash");
        if (state.connectorNumber == 0) revert FieldMissing(connector, "connectorNumber");
        if (state.operator == address(0)) revert FieldMissing(connector, "operator");
        if (state.since == 0) revert FieldMissing(connector, "since");
        if (state.status != Status.IN_SERVICE && state.status != Status.OUT_OF_SERVICE) {
            revert StatusInvalid(connector, state.status);
        }
        _requireHardware(connector, state.meterKey, state.ratedPowerW);
        _append(connector, state);
    }

    /// @inheritdoc IChargePointRegistry
    function publish(
        bytes32 connector,
        uint64 since,
        Status status,
        bytes32 location,
        bytes32 openingHours,
        bytes32 tariff
    ) external {
        ChargePoint memory state = _latest(connector);
        _requireOperator(connector, state);
        if (status == Status.UNKNOWN) revert StatusInvalid(connector, status);
        _requireNotBackdated(connector, since, state.since);
        state.since = since;
        state.status = status;
        state.location = location;
        state.openingHours = openingHours;
        state.tariff = tariff;
        _append(connector, state);
    }

    /// @inheritdoc IChargePointRegistry
    function certify(bytes32 connector, uint64 since, address meterKey, uint32 ratedPowerW, bytes32 certification)
        external
    {
        ChargePoint memory state = _latest(connector);
        if (msg.sender != state.creditor) revert NotCreditor(connector, msg.sender, state.creditor);
        _requireHardware(connector, meterKey, ratedPowerW);
        _requireNotBackdated(connector, since, state.since);
        state.since = since;
        state.meterKey = meterKey;
        state.ratedPowerW = ratedPowerW;
        state.certification = certification;
        _append(connector, state);
    }

    /// @inheritdoc IChargePointRegistry
    function offerOperator(bytes32 connector, address to) external {
        _requireOperator(connector, _latest(connector));
        if (to == msg.sender) revert AlreadyOperator(connector, to);
        _operatorOffer[connector] = to;
        emit OperatorOffered(connector, msg.sender, to);
    }

    /// @inheritdoc IChargePointRegistry
    function acceptOperator(bytes32 connector) external {
        ChargePoint memory state = _latest(connector);
        _requireOffered(connector, _operatorOffer[connector]);
        // What the former operator offered to creditors does not bind the new one.
        delete _operatorOffer[connector];
        delete _creditorOffer[connector];
        state.since = _handoverTime(state.since);
        state.operator = msg.sender;
        _record(connector, state);
    }

    /// @inheritdoc IChargePointRegistry
    function offerCreditor(bytes32 connector, address to) external {
        ChargePoint memory state = _latest(connector);
        _requireOperator(connector, state);
        if (to == state.creditor) revert AlreadyCreditor(connector, to);
        _creditorOffer[connector] = to;
        emit CreditorOffered(connector, msg.sender, to);
    }

    /// @inheritdoc IChargePointRegistry
    function acceptCreditor(bytes32 connector) external restricted {
        ChargePoint memory state = _latest(connector);
        _requireOffered(connector, _creditorOffer[connector]);
        delete _creditorOffer[connector];
        state.since = _handoverTime(state.since);
        state.creditor = msg.sender;
        _record(connector, state);
    }

    /// @inheritdoc IChargePointRegistry
    function versions(bytes32 connector) external view returns (uint256) {
        return _versions[connector].length;
    }

    /// @inheritdoc IChargePointRegistry
    function versionOf(bytes32 connector, uint256 version) external view returns (ChargePoint memory) {
        ChargePoint[] storage history = _versions[connector];
        if (version >= history.length) revert VersionUnknown(connector, version, history.length);
        return history[version];
    }

    /// @inheritdoc IChargePointRegistry
    function at(bytes32 connector, uint64 time) external view returns (ChargePoint memory state) {
        ChargePoint[] storage history = _versions[connector];
        uint256 begun = _begunBy(history, time);
        if (begun != 0) state = history[begun - 1];
    }

    /// @inheritdoc IChargePointRegistry
    function spanAt(bytes32 connector, uint64 time)
        external
        view
        returns (address creditor, Status status, uint64 since, uint64 until)
    {
        ChargePoint[] storage history = _versions[connector];
        uint256 begun = _begunBy(history, time);
        if (begun == 0) return (address(0), Status.UNKNOWN, 0, 0);
        ChargePoint storage version = history[begun - 1];
        until = begun == history.length ? type(uint64).max : history[begun].since;
        return (version.creditor, version.status, version.since, until);
    }

    /// @inheritdoc IChargePointRegistry
    function offersOf(bytes32 connector) external view returns (address operator, address creditor) {
        return (_operatorOffer[connector], _creditorOffer[connector]);
    }

    /// @inheritdoc IChargePointRegistry
    function connectorId(bytes32 evseIdHash, uint8 connectorNumber) public pure returns (bytes32) {
        return keccak256(abi.encode(evseIdHash, connectorNumber));
    }

    /// @dev The latest version, begun or not, of a connector that can still change.
    function _latest(bytes32 connector) private view returns (ChargePoint memory state) {
        ChargePoint[] storage history = _versions[connector];
        uint256 length = history.length;
        if (length == 0) revert ChargePointUnknown(connector);
        state = history[length - 1];
        if (state.status == Status.REMOVED) revert ChargePointRemoved(connector);
    }

    function _append(bytes32 connector, ChargePoint memory state) private {
        uint64 furthest = uint64(block.timestamp) + LONGEST_NOTICE;
        if (state.since > furthest) revert ChangeTooFarAhead(connector, state.since, furthest);
        _record(connector, state);
    }

    function _record(bytes32 connector, ChargePoint memory state) private {
        ChargePoint[] storage history = _versions[connector];
        history.push(state);
        emit ChargePointRecorded(connector, history.length - 1, state);
    }

    /// @dev How many versions begin at or before a time: the one in force is the last of them.
    function _begunBy(ChargePoint[] storage history, uint64 time) private view returns (uint256 low) {
        uint256 high = history.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (history[middle].since <= time) low = middle + 1;
            else high = middle;
        }
    }

    /// @dev A handover waits for a pending version instead of being refused: who is left could record one after another
    /// and never let go.
    function _handoverTime(uint64 latestSince) private view returns (uint64 time) {
        time = uint64(block.timestamp);
        if (latestSince >= time) time = latestSince + 1;
    }

    function _requireNotBackdated(bytes32 connector, uint64 since, uint64 latestSince) private view {
        uint64 earliest = uint64(block.timestamp);
        if (latestSince >= earliest) earliest = latestSince + 1;
        if (since < earliest) revert ChangeBackdated(connector, since, earliest);
    }

    function _requireOperator(bytes32 connector, ChargePoint memory state) private view {
        if (msg.sender != state.operator) revert NotOperator(connector, msg.sender, state.operator);
    }

    function _requireOffered(bytes32 connector, address offered) private view {
        if (msg.sender != offered) revert NotOffered(connector, msg.sender, offered);
    }

    function _requireHardware(bytes32 connector, address meterKey, uint32 ratedPowerW) private pure {
        if (meterKey == address(0)) revert FieldMissing(connector, "meterKey");
        if (ratedPowerW == 0) revert FieldMissing(connector, "ratedPowerW");
    }
}
