// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IChargePointRegistry} from "../interfaces/IChargePointRegistry.sol";
import {IDriverRoster} from "../interfaces/IDriverRoster.sol";
import {IPeeringRegistry} from "../interfaces/IPeeringRegistry.sol";
import {ISessionSettlement} from "../interfaces/ISessionSettlement.sol";
import {AuthorizationHash} from "../libraries/AuthorizationHash.sol";
import {PackedSession, Session} from "../libraries/PackedSession.sol";
import {Pricing, Rates, Rounding, Usage} from "../libraries/Pricing.sol";
import {RosterCache} from "../libraries/RosterCache.sol";
import {StartLog} from "../libraries/StartLog.sol";
import {ChargingTerms} from "../types/Charging.sol";
import {PeeringAgreement} from "../types/Clearing.sol";

/// @title SessionSettlement
contract SessionSettlement is ISessionSettlement, EIP712 {
    using SafeERC20 for IERC20;
    using RosterCache for RosterCache.Roster;
    using StartLog for StartLog.Merge;

    /// @dev What holds for a whole batch, and what it adds up to.
    struct Clearing {
        bytes32 domainSeparator;
        address debtor;
        RosterCache.Roster roster;
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

    /// @dev What holds for the sessions of a group.
    struct Service {
        bytes32 termsHash;
        /// @dev The first second after the group's epoch, or after the last that a start can name.
        uint256 epochEnd;
        uint256 submitWithin;
        /// @dev A start before it passes all checks of time, since one of the group before it has passed them.
        uint256 inForceUntil;
        uint256 maxEnergy;
        uint256 ceilingPerKwh;
        /// @dev What the ceiling has beside energy, in thousandths of a minor unit, and half a unit to round half up.
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
            clearing.roster.number,
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
        return AuthorizationHash.digest(
            _domainSeparatorV4(), AuthorizationHash.ofTerms(terms), startedAt, maxCost
        );
    }

    /// @inheritdoc ISessionSettlement
    function ceilingOf(ChargingTerms calldata terms, uint256 energyWh) public pure returns (uint256) {
        return Pricing.part(energyWh, 0, terms.ceilingPerKwh, Pricing.WH_PER_KWH, Rounding.HALF_UP)
            + _fixedCeiling(terms);
    }

    /// @inheritdoc ISessionSettlement
    function priceOf(Rates calldata rates, Usage calldata usage) external pure returns (uint256) {
        return Pricing.price(rates, usage);
    }

    /// @dev Reads what the whole batch shares. A utility that bills its own drivers needs no agreement with itself.
    function _open(Batch calldata batch) private view returns (Clearing memory clearing) {
        if (batch.groups.length == 0) revert BatchEmpty();
        clearing.domainSeparator = _domainSeparatorV4();
        clearing.debtor = batch.debtor;
        clearing.roster = RosterCache.open(drivers, batch.debtor, batch.roster);
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

    /// @dev Sums stay far below 2^256: they are of 32-bit numbers, fewer than there are bytes in the call.
    function _settleGroup(Clearing memory clearing, Group calldata group, uint256 groupIndex) private {
        Service memory service = _serve(clearing, group, groupIndex);
        StartLog.Merge memory merge = _openLog(group, groupIndex);
        bytes calldata packed = group.sessions;
        uint256 sessions = packed.length / PackedSession.BYTES;
        clearing.logged =
            PackedSession.writeHeader(clearing.log, clearing.logged, group.terms.connector, sessions);
        Session memory session;
        uint256 start = group.epoch * EPOCH;
        for (uint256 position; position < sessions; ++position) {
            PackedSession.read(packed, position, session);
            unchecked {
                start += session.startDelta;
            }
            _checkStart(clearing, service, group, start, position != 0 && session.startDelta == 0);
            _checkLimits(clearing.count, service, session);
            _checkDriver(clearing, service.termsHash, uint32(start), session);
            _log(merge, clearing.count, group, uint32(start));
            clearing.logged = PackedSession.write(clearing.log, clearing.logged, uint32(start), session);
            unchecked {
                clearing.energyWh += session.energyWh;
                clearing.cost += session.cost;
                clearing.fee += session.cost * clearing.agreement.feeBps / BASIS_POINTS;
                ++clearing.count;
            }
        }
        merge.finish(group.settled);
        _startLogs[group.terms.connector][group.epoch] = StartLog.Log(merge.last, merge.digest);
    }

    function _serve(Clearing memory clearing, Group calldata group, uint256 groupIndex)
        private
        view
        returns (Service memory service)
    {
        ChargingTerms calldata terms = group.terms;
        if (terms.creditor != msg.sender) revert CreditorMismatch(groupIndex, terms.creditor, msg.sender);
        if (terms.debtor != clearing.debtor) revert DebtorMismatch(groupIndex, terms.debtor, clearing.debtor);
        service.termsHash = AuthorizationHash.ofTerms(terms);
        service.epochEnd = Math.min((uint256(group.epoch) + 1) * EPOCH, 1 << 32);
        service.submitWithin = terms.submitWithin;
        service.maxEnergy = terms.maxEnergy;
        service.ceilingPerKwh = terms.ceilingPerKwh;
        service.fixedCeiling = _fixedCeiling(terms) * Pricing.WH_PER_KWH + Pricing.WH_PER_KWH / 2;
        if (clearing.version == 0) return service;
        PeeringAgreement memory agreement = clearing.agreement;
        if (agreement.submitWithin < service.submitWithin) service.submitWithin = agreement.submitWithin;
        _checkCeiling(groupIndex, terms.ceilingPerKwh, agreement.ceilingPerKwh);
        _checkCeiling(groupIndex, terms.ceilingPerHour, agreement.ceilingPerHour);
        _checkCeiling(groupIndex, terms.ceilingFlat, agreement.ceilingFlat);
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
            return merge;
        }
        merge.end = group.settled.length;
        if (group.settled.length % 4 != 0 || StartLog.digestOf(group.settled) != log.digest) {
            revert StartLogMismatch(groupIndex, group.terms.connector, group.epoch);
        }
    }

    /// @dev Turns to the witness, which is dear to reach in the call, only while starts of it are left.
    function _log(StartLog.Merge memory merge, uint256 index, Group calldata group, uint32 startedAt) private pure {
        bool known = merge.position < merge.end && merge.advance(group.settled, startedAt);
        uint32 last = merge.last;
        if (known || startedAt <= last) {
            bytes32 connector = group.terms.connector;
            if (known || startedAt == last) revert SessionAlreadySettled(index, connector, startedAt);
            revert SessionOutOfOrder(index, connector, startedAt, last);
        }
        merge.append(startedAt);
    }

    /// @dev Starts ascend, so that what holds from some time on is asked of the first session alone, and what holds
    /// until some time again only where that has come.
    function _checkStart(
        Clearing memory clearing,
        Service memory service,
        Group calldata group,
        uint256 start,
        bool repeated
    ) private view {
        if (repeated) {
            revert SessionsNotAscending(clearing.count, group.terms.connector, uint64(start), uint64(start));
        }
        if (start >= service.epochEnd) {
            revert SessionOutOfEpoch(clearing.count, group.terms.connector, uint64(start), group.epoch);
        }
        if (start >= service.inForceUntil) {
            service.inForceUntil = _inForceUntil(clearing, service, group.terms.connector, uint32(start));
        }
    }

    /// @dev Checks the time of a session.
    /// @return The time before which later sessions of the group pass too.
    function _inForceUntil(Clearing memory clearing, Service memory service, bytes32 connector, uint32 startedAt)
        private
        view
        returns (uint256)
    {
        if (startedAt > block.timestamp) {
            revert SessionInFuture(clearing.count, connector, startedAt, uint64(block.timestamp));
        }
        uint256 deadline = startedAt + service.submitWithin;
        if (block.timestamp > deadline) {
            revert SessionTooLate(clearing.count, connector, startedAt, uint64(deadline), uint64(block.timestamp));
        }
        if (startedAt < clearing.agreement.validFrom || startedAt >= clearing.agreedUntil) {
            revert AgreementNotInForce(clearing.count, connector, startedAt, clearing.version);
        }
        (address creditor, IChargePointRegistry.Status status,, uint64 until) =
            chargePoints.spanAt(connector, startedAt);
        if (creditor != msg.sender || status != IChargePointRegistry.Status.IN_SERVICE) {
            revert ChargePointNotServed(clearing.count, connector, startedAt, creditor);
        }
        return Math.min(Math.min(until, clearing.agreedUntil), block.timestamp + 1);
    }

    /// @dev The ceiling is that of `ceilingOf`, compared before it is divided. Nothing overflows: a price has 64 bits, an
    /// energy 24, the fixed part fewer than 108.
    function _checkLimits(uint256 index, Service memory service, Session memory session) private pure {
        uint256 energyWh = session.energyWh;
        if (energyWh > service.maxEnergy) revert EnergyAboveLimit(index, energyWh, service.maxEnergy);
        unchecked {
            uint256 ceiling = energyWh * service.ceilingPerKwh + service.fixedCeiling;
            if (session.cost * Pricing.WH_PER_KWH > ceiling) {
                revert CostAboveCeiling(index, session.cost, ceiling / Pricing.WH_PER_KWH);
            }
        }
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
        RosterCache.Roster memory roster = clearing.roster;
        address key = roster.keyAt(session.driver);
        if (key == address(0)) revert DriverUnknown(index, clearing.debtor, roster.number, session.driver);
        if (startedAt < roster.validFrom || startedAt >= roster.validUntil) {
            revert DriverNotInForce(index, key, startedAt, roster.number);
        }
        if (roster.isRevokedAt(session.driver, key, startedAt)) revert DriverRevoked(index, key, startedAt);
        bytes32 digest = AuthorizationHash.digest(clearing.domainSeparator, termsHash, startedAt, session.maxCost);
        address recovered = ecrecover(digest, RECOVERY_ID, session.r, session.s);
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
}
