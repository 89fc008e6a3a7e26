// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChargingTerms} from "../types/Charging.sol";
import {Rates, Usage} from "../libraries/Pricing.sol";

/// @title SessionSettlement
/// @notice Clears charging sessions between two utilities with every driver's signature checked on chain, and pays the
/// net position of a pair in its clearing token.
/// @dev A session is 81 bytes, big endian:
///   r 32 | s 32 | start 3 | driver 3 | energy 3 | cost 4 | slack 4
/// `start` counts from the session before it in the group, and for the first from the start of the group's epoch.
/// `driver` is the place in the debtor's roster. `slack` is maxCost − cost: a cost above what was signed has no encoding.
/// v is left out: s is given in the form for which v is 27 (n − s where the signature has v = 28), so that one signature
/// has one encoding, and a malleated one recovers another address.
///
/// Exactly once: sessions of a connector in an epoch of 30 days are kept as the last start and a running hash of all
/// starts. Sessions in order append to it. A late session brings the list of starts, which proves that it is not among
/// them, and is merged into it.
interface ISessionSettlement {
    /// @notice Sessions of one connector under one set of terms in one epoch, ascending by start.
    struct Group {
        ChargingTerms terms;
        /// @dev startedAt / 30 days of every session in the group.
        uint32 epoch;
        bytes sessions;
        /// @dev Four bytes a start: all that is settled of this connector and epoch, ascending. Empty for sessions that start
        /// after the last one settled.
        bytes settled;
    }

    /// @notice Sessions of one pair under one agreement and one roster.
    struct Batch {
        address debtor;
        /// @dev Version in the PeeringRegistry; 0 where the creditor bills its own drivers.
        uint32 agreement;
        /// @dev Number of the debtor's roster.
        uint32 roster;
        Group[] groups;
    }

    /// @notice A batch was settled.
    /// @param sessions For each group: connector 32 | number of sessions 2, then for each session:
    /// startedAt 4 | driver 3 | energy 3 | cost 4.
    event SessionsSettled(
        address indexed creditor,
        address indexed debtor,
        uint32 indexed roster,
        uint32 agreement,
        uint256 count,
        uint256 energyWh,
        uint256 cost,
        uint256 fee,
        bytes sessions
    );
    /// @notice A pair's position was paid and is zero.
    event PairSettled(address indexed payer, address indexed payee, address indexed currency, uint256 amount);

    error BatchEmpty();
    error GroupEmpty(uint256 group);
    error GroupMalformed(uint256 group, uint256 length);
    error CreditorMismatch(uint256 group, address creditor, address caller);
    error DebtorMismatch(uint256 group, address debtor, address expected);
    error AgreementUnknown(address creditor, address debtor, uint32 agreement);
    error CeilingAboveAgreement(uint256 group, uint64 ceiling, uint64 agreed);
    error StartLogMismatch(uint256 group, bytes32 connector, uint32 epoch);
    error CreditLineExceeded(address debtor, address creditor, uint256 owed, uint256 creditLine);
    error NothingToSettle(address utility, address peer, address currency);

    /// @dev Every error about one session names its index in the batch first: the client drops that one and goes on.
    error SessionOutOfEpoch(uint256 index, bytes32 connector, uint64 startedAt, uint32 epoch);
    error SessionsNotAscending(uint256 index, bytes32 connector, uint64 startedAt, uint64 previous);
    error SessionAlreadySettled(uint256 index, bytes32 connector, uint64 startedAt);
    error SessionOutOfOrder(uint256 index, bytes32 connector, uint64 startedAt, uint64 lastSettled);
    error SessionInFuture(uint256 index, bytes32 connector, uint64 startedAt, uint64 time);
    error SessionTooLate(uint256 index, bytes32 connector, uint64 startedAt, uint64 deadline, uint64 time);
    error ChargePointNotServed(uint256 index, bytes32 connector, uint64 startedAt, address creditor);
    error AgreementNotInForce(uint256 index, bytes32 connector, uint64 startedAt, uint32 agreement);
    error DriverUnknown(uint256 index, address debtor, uint32 roster, uint24 driver);
    error DriverNotInForce(uint256 index, address key, uint64 startedAt, uint32 roster);
    error DriverRevoked(uint256 index, address key, uint64 startedAt);
    error DriverSignatureInvalid(uint256 index, address expected, address recovered);
    error EnergyAboveLimit(uint256 index, uint256 energyWh, uint256 limit);
    error CostAboveCeiling(uint256 index, uint256 cost, uint256 ceiling);

    /// @notice Settles a batch, whole or not at all. The caller is the creditor.
    function settle(Batch calldata batch) external;

    /// @notice Pays the caller's net position with a peer, from whichever of the two owes, out of what it has approved to
    /// this contract, and zeroes it.
    function settlePair(address peer, address currency) external returns (uint256 amount);

    /// @notice What a peer owes a utility in a currency; negative where the utility owes.
    function positionOf(address utility, address peer, address currency) external view returns (int256);

    /// @notice The last start settled for a connector in an epoch, and the running hash of all its starts.
    function startLogOf(bytes32 connector, uint32 epoch) external view returns (uint32 lastStart, bytes28 digest);

    /// @notice The EIP-712 digest a driver signs.
    function authorizationDigest(ChargingTerms calldata terms, uint64 startedAt, uint64 maxCost)
        external
        view
        returns (bytes32);

    /// @notice The most a session under these terms may cost for this energy.
    function ceilingOf(ChargingTerms calldata terms, uint256 energyWh) external pure returns (uint256);

    /// @notice Prices a session as the clients do, to the same minor unit.
    function priceOf(Rates calldata rates, Usage calldata usage) external pure returns (uint256);
}
