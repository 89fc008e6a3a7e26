// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IChargePointRegistry} from "../interfaces/IChargePointRegistry.sol";
import {IDriverRoster} from "../interfaces/IDriverRoster.sol";
import {IPeeringRegistry} from "../interfaces/IPeeringRegistry.sol";
import {ISessionSettlement} from "../interfaces/ISessionSettlement.sol";
import {PackedSession, Session} from "../libraries/PackedSession.sol";
import {Pricing, Rates, Rounding, Usage} from "../libraries/Pricing.sol";
import {StartLog} from "../libraries/StartLog.sol";
import {CHARGING_AUTHORIZATION_TYPEHASH, CHARGING_TERMS_TYPEHASH, ChargingTerms} from "../types/Charging.sol";
import {PeeringAgreement} from "../types/Clearing.sol";

/// @title SessionSettlement
contract SessionSettlement is ISessionSettlement, EIP712 {
    using SafeERC20 for IERC20;
    using StartLog for StartLog.Merge;

    /// @dev What holds for a whole batch, and what it adds up to.
    struct Clearing {
        address debtor;
        uint32 roster;
        uint32 version;
        PeeringAgreement agreement;
        uint64 agreedUntil;
        uint256 count;
        uint256 energyWh;
        uint256 cost;
        uint256 fee;
        bytes log;
        uint256 logged;
    }

    /// @dev What holds for the sessions of a group, refreshed where the connector's record changes.
    struct Service {
        bytes32 termsHash;
        address creditor;
        IChargePointRegistry.Status status;
        uint64 until;
        uint64 submitWithin;
        uint256 fixedCeiling;
    }

    uint256 private constant EPOCH = 30 days;
    uint256 private constant BASIS_POINTS = 10_000;
    uint8 private constant RECOVERY_ID = 27;

    IChargePointRegistry public immutable chargePoints;
    IDriverRoster public immutable drivers;
    IPeeringRegistry public immutable peerings;

    mapping(bytes32 connector => mapping(uint32 epoch => StartLog.Log)) private _startLogs;
    /// @dev What the utility with the higher address owes the one with the lower; negative the other way round.
    mapping(address lower => mapping(address higher => mapping(address currency => int256))) private _positions;

    constructor(IChargePointRegistry chargePoints_, IDriverRoster drivers_, IPeeringRegistry peerings_)
        EIP712("SessionSettlement", "1")
    {
        chargePoints = chargePoints_;
        drivers = drivers_;
        peerings = peerings_;
    }

    /// @inheritdoc ISessionSettlement
    function settle(Batch calldata batch) external {
        Clearing memory clearing = _open(batch);
        for (uint256 group; group < batch.groups.length; ++group) {
            _settleGroup(clearing, batch.groups[group], group);
        }
        PackedSession.trim(clearing.log, clearing.logged);
        if (batch.debtor != msg.sender) _book(clearing);
        emit SessionsSettled(
            msg.sender,
            clearing.debtor,
            clearing.roster,
            clearing.version,
            clearing.count,
            clearing.energyWh,
            clearing.cost,
            clearing.fee,
            clearing.log
        );
    }

    /// @inheritdoc ISessionSettlement
    function settlePair(address peer, address currency) external returns (uint256 amount) {
        int256 position = positionOf(msg.sender, peer, currency);
        if (position == 0) revert NothingToSettle(msg.sender, peer, currency);
        (address payer, address payee) = position < 0 ? (msg.sender, peer) : (peer, msg.sender);
        amount = position < 0 ? uint256(-position) : uint256(position);
        _move(msg.sender, peer, currency, -position);
        emit PairSettled(payer, payee, currency, amount);
        IERC20(currency).safeTransferFrom(payer, payee, amount);
    }

    /// @inheritdoc ISessionSettlement
    function positionOf(address utility, address peer, address currency) public view returns (int256) {
        return utility < peer ? _positions[utility][peer][currency] : -_positions[peer][utility][currency];
    }

    /// @inheritdoc ISessionSettlement
    function startLogOf(bytes32 connector, uint32 epoch) external view returns (uint32 lastStart, bytes28 digest) {
        StartLog.Log storage log = _startLogs[connector][epoch];
        return (log.last, log.digest);
    }

    /// @inheritdoc ISessionSettlement
    function authorizationDigest(ChargingTerms calldata terms, uint64 startedAt, uint64 maxCost)
        external
        view
        returns (bytes32)
    {
        return _digest(_termsHash(terms), startedAt, maxCost);
    }

    /// @inheritdoc ISessionSettlement
    function ceilingOf(ChargingTerms calldata terms, uint256 energyWh) public pure returns (uint256) {
        return _energyCeiling(terms, energyWh) + _fixedCeiling(terms);
    }

    /// @inheritdoc ISessionSettlement
    function priceOf(Rates calldata rates, Usage calldata usage) external pure returns (uint256) {
        return Pricing.price(rates, usage);
    }

    /// @dev Reads what the whole batch shares. A utility that bills its own drivers needs no agreement with itself.
    function _open(Batch calldata batch) private view returns (Clearing memory clearing) {
        if (batch.groups.length == 0) revert BatchEmpty();
        clearing.debtor = batch.debtor;
        clearing.roster = batch.roster;
        clearing.version = batch.agreement;
        if (batch.debtor != msg.sender) {
            (clearing.agreement, clearing.agreedUntil) =
                peerings.agreementOf(msg.sender, batch.debtor, batch.agreement);
            if (clearing.agreedUntil == 0) revert AgreementUnknown(msg.sender, batch.debtor, batch.agreement);
        } else if (batch.agreement != 0) {
            revert AgreementUnknown(msg.sender, batch.debtor, batch.agreement);
        } else {
            clearing.agreedUntil = type(uint64).max;
        }
        uint256 room = 32;
        for (uint256 group; group < batch.groups.length; ++group) {
            uint256 length = batch.groups[group].sessions.length;
            if (length == 0) revert GroupEmpty(group);
            if (length % PackedSession.BYTES != 0) revert GroupMalformed(group, length);
            uint256 sessions = length / PackedSession.BYTES;
            if (sessions > type(uint16).max) revert GroupMalformed(group, length);
            room += PackedSession.EVENT_HEADER_BYTES + sessions * PackedSession.EVENT_BYTES;
        }
        clearing.log = new bytes(room);
    }

    function _settleGroup(Clearing memory clearing, Group calldata group, uint256 groupIndex) private {
        Service memory service = _serve(clearing, group.terms, groupIndex);
        StartLog.Merge memory merge = _openLog(group, groupIndex);
        uint256 sessions = group.sessions.length / PackedSession.BYTES;
        clearing.logged =
            PackedSession.writeHeader(clearing.log, clearing.logged, group.terms.connector, sessions);
        Session memory session;
        uint256 offset;
        for (uint256 number; number < sessions; ++number) {
            PackedSession.read(group.sessions, number, session);
            offset += session.startDelta;
            uint32 startedAt =
                _start(clearing.count, group.terms.connector, group.epoch, offset, number != 0 && session.startDelta == 0);
            _checkTime(clearing, service, group.terms.connector, startedAt);
            _checkLimits(clearing.count, group.terms, service.fixedCeiling, session);
            _checkDriver(clearing, service.termsHash, startedAt, session);
            _log(merge, clearing.count, group, startedAt);
            clearing.logged = PackedSession.write(clearing.log, clearing.logged, startedAt, session);
            clearing.energyWh += session.energyWh;
            clearing.cost += session.cost;
            clearing.fee += session.cost * clearing.agreement.feeBps / BASIS_POINTS;
            ++clearing.count;
        }
        merge.finish(group.settled);
        _startLogs[group.terms.connector][group.epoch] = StartLog.Log(merge.last, merge.digest);
    }

    function _serve(Clearing memory clearing, ChargingTerms calldata terms, uint256 group)
        private
        view
        returns (Service memory service)
    {
        if (terms.creditor != msg.sender) revert CreditorMismatch(group, terms.creditor, msg.sender);
        if (terms.debtor != clearing.debtor) revert DebtorMismatch(group, terms.debtor, clearing.debtor);
        service.termsHash = _termsHash(terms);
        service.submitWithin = terms.submitWithin;
        service.fixedCeiling = _fixedCeiling(terms);
        if (clearing.version == 0) return service;
        PeeringAgreement memory agreement = clearing.agreement;
        if (agreement.submitWithin < service.submitWithin) service.submitWithin = agreement.submitWithin;
        _checkCeiling(group, terms.ceilingPerKwh, agreement.ceilingPerKwh);
        _checkCeiling(group, terms.ceilingPerHour, agreement.ceilingPerHour);
        _checkCeiling(group, terms.ceilingFlat, agreement.ceilingFlat);
    }

    function _checkCeiling(uint256 group, uint64 ceiling, uint64 agreed) private pure {
        if (ceiling > agreed) revert CeilingAboveAgreement(group, ceiling, agreed);
    }

    /// @dev Without a witness the group goes on from the last start settled; with one, from the beginning of the epoch.
    function _openLog(Group calldata group, uint256 groupIndex) private view returns (StartLog.Merge memory merge) {
        StartLog.Log storage log = _startLogs[group.terms.connector][group.epoch];
        if (group.settled.length == 0) {
            merge.digest = log.digest;
            merge.last = log.last;
        } else if (group.settled.length % 4 != 0 || StartLog.digestOf(group.settled) != log.digest) {
            revert StartLogMismatch(groupIndex, group.terms.connector, group.epoch);
        }
    }

    function _log(StartLog.Merge memory merge, uint256 index, Group calldata group, uint32 startedAt) private pure {
        if (merge.advance(group.settled, startedAt) || startedAt == merge.last) {
            revert SessionAlreadySettled(index, group.terms.connector, startedAt);
        }
        if (startedAt < merge.last) {
            revert SessionOutOfOrder(index, group.terms.connector, startedAt, merge.last);
        }
        merge.append(startedAt);
    }

    function _start(uint256 index, bytes32 connector, uint32 epoch, uint256 offset, bool repeated)
        private
        pure
        returns (uint32 startedAt)
    {
        uint256 start = epoch * EPOCH + offset;
        if (repeated) revert SessionsNotAscending(index, connector, uint64(start), uint64(start));
        if (offset >= EPOCH || start > type(uint32).max) {
            revert SessionOutOfEpoch(index, connector, uint64(start), epoch);
        }
        return uint32(start);
    }

    function _checkTime(Clearing memory clearing, Service memory service, bytes32 connector, uint32 startedAt)
        private
        view
    {
        if (startedAt > block.timestamp) {
            revert SessionInFuture(clearing.count, connector, startedAt, uint64(block.timestamp));
        }
        uint64 deadline = startedAt + service.submitWithin;
        if (block.timestamp > deadline) {
            revert SessionTooLate(clearing.count, connector, startedAt, deadline, uint64(block.timestamp));
        }
        if (startedAt < clearing.agreement.validFrom || startedAt >= clearing.agreedUntil) {
            revert AgreementNotInForce(clearing.count, connector, startedAt, clearing.version);
        }
        if (startedAt >= service.until) {
            (service.creditor, service.status,, service.until) = chargePoints.spanAt(connector, startedAt);
        }
        if (service.creditor != msg.sender || service.status != IChargePointRegistry.Status.IN_SERVICE) {
            revert ChargePointNotServed(clearing.count, connector, startedAt, service.creditor);
        }
    }

    function _checkLimits(
        uint256 index,
        ChargingTerms calldata terms,
        uint256 fixedCeiling,
        Session memory session
    ) private pure {
        if (session.energyWh > terms.maxEnergy) revert EnergyAboveLimit(index, session.energyWh, terms.maxEnergy);
        uint256 ceiling = fixedCeiling + _energyCeiling(terms, session.energyWh);
        if (session.cost > ceiling) revert CostAboveCeiling(index, session.cost, ceiling);
    }

    function _energyCeiling(ChargingTerms calldata terms, uint256 energyWh) private pure returns (uint256) {
        return Pricing.part(energyWh, 0, terms.ceilingPerKwh, Pricing.WH_PER_KWH, Rounding.HALF_UP);
    }

    /// @dev What does not depend on energy: the longest time the terms allow, and the flat part.
    function _fixedCeiling(ChargingTerms calldata terms) private pure returns (uint256) {
        return Pricing.part(terms.maxDuration, 0, terms.ceilingPerHour, Pricing.SECONDS_PER_HOUR, Rounding.HALF_UP)
            + terms.ceilingFlat;
    }

    function _checkDriver(Clearing memory clearing, bytes32 termsHash, uint32 startedAt, Session memory session)
        private
        view
    {
        uint256 index = clearing.count;
        (address key, IDriverRoster.Validity validity) =
            drivers.driverAt(clearing.debtor, clearing.roster, session.driver, startedAt);
        if (validity == IDriverRoster.Validity.UNKNOWN) {
            revert DriverUnknown(index, clearing.debtor, clearing.roster, session.driver);
        }
        if (validity == IDriverRoster.Validity.REVOKED) revert DriverRevoked(index, key, startedAt);
        if (validity != IDriverRoster.Validity.VALID) revert DriverNotInForce(index, key, startedAt, clearing.roster);
        address recovered = ecrecover(_digest(termsHash, startedAt, session.maxCost), RECOVERY_ID, session.r, session.s);
        // A failed recovery is address zero, which no roster lists.
        if (recovered != key) revert DriverSignatureInvalid(index, key, recovered);
    }

    /// @dev The debtor owes the batch's cost less its fee, within the credit line it was given.
    function _book(Clearing memory clearing) private {
        PeeringAgreement memory agreement = clearing.agreement;
        _move(msg.sender, clearing.debtor, agreement.currency, int256(clearing.cost - clearing.fee));
        int256 owed = positionOf(msg.sender, clearing.debtor, agreement.currency);
        uint256 creditLine =
            clearing.debtor == agreement.utilityA ? agreement.creditLineA : agreement.creditLineB;
        if (owed > 0 && uint256(owed) > creditLine) {
            revert CreditLineExceeded(clearing.debtor, msg.sender, uint256(owed), creditLine);
        }
    }

    /// @dev Moves the position of a pair in favour of `utility`. A batch moves it by less than 2^80.
    function _move(address utility, address peer, address currency, int256 amount) private {
        if (utility < peer) _positions[utility][peer][currency] += amount;
        else _positions[peer][utility][currency] -= amount;
    }

    function _termsHash(ChargingTerms calldata terms) private pure returns (bytes32) {
        return keccak256(abi.encode(CHARGING_TERMS_TYPEHASH, terms));
    }

    function _digest(bytes32 termsHash, uint256 startedAt, uint256 maxCost) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(CHARGING_AUTHORIZATION_TYPEHASH, termsHash, startedAt, maxCost))
        );
    }
}
