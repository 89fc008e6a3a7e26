// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev What a charge point offers to the drivers of one utility. Everything that sessions share sits here, so that
/// a batch carries it once. Money is in minor units of the clearing token, energy in Wh, time in seconds.
struct ChargingTerms {
    /// @dev The connector's id in the ChargePointRegistry.
    bytes32 connector;
    /// @dev The utility that the operator sells through: it is owed.
    address creditor;
    /// @dev The utility that bills the driver: it owes.
    address debtor;
    /// @dev Hash of the tariff that prices the session, and of the one used when no live price could be had.
    bytes32 tariff;
    bytes32 fallbackTariff;
    /// @dev No session costs more than energy, longest time and flat part at these prices (see Pricing).
    uint64 ceilingPerKwh;
    uint64 ceilingPerHour;
    uint64 ceilingFlat;
    /// @dev Limits the driver signs: OCPP 2.1 transactionLimit maxEnergy, maxTime, maxSoC (percent, 100 is no limit).
    uint32 maxEnergy;
    uint32 maxDuration;
    uint8 maxSoC;
    /// @dev Seconds from the start of a session within which it must reach the chain.
    uint32 submitWithin;
    /// @dev True where the vehicle may also feed energy back.
    bool exportAllowed;
}

/// @dev A bounded promise to pay, signed by the driver's key. (connector, startedAt) is the session's key.
struct ChargingAuthorization {
    ChargingTerms terms;
    uint64 startedAt;
    uint64 maxCost;
}

bytes32 constant CHARGING_TERMS_TYPEHASH = keccak256(
    "ChargingTerms(bytes32 connector,address creditor,address debtor,bytes32 tariff,bytes32 fallbackTariff,uint64 ceilingPerKwh,uint64 ceilingPerHour,uint64 ceilingFlat,uint32 maxEnergy,uint32 maxDuration,uint8 maxSoC,uint32 submitWithin,bool exportAllowed)"
);

bytes32 constant CHARGING_AUTHORIZATION_TYPEHASH = keccak256(
    "ChargingAuthorization(ChargingTerms terms,uint64 startedAt,uint64 maxCost)ChargingTerms(bytes32 connector,address creditor,address debtor,bytes32 tariff,bytes32 fallbackTariff,uint64 ceilingPerKwh,uint64 ceilingPerHour,uint64 ceilingFlat,uint32 maxEnergy,uint32 maxDuration,uint8 maxSoC,uint32 submitWithin,bool exportAllowed)"
);
