// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev What two utilities agree on. utilityA is the one with the lower address, so that a pair has one name.
struct PeeringAgreement {
    address utilityA;
    address utilityB;
    /// @dev What `nextVersion` says: 1 for a pair's first, then more each time, so that an old signature opens nothing.
    uint32 version;
    /// @dev The token in which the pair's position is kept and paid.
    address currency;
    /// @dev Seconds from the start of a session within which it must reach the chain.
    uint32 submitWithin;
    /// @dev Share of a session's cost that the debtor keeps for billing its driver, in 1/10,000, floor. At most 10,000.
    uint16 feeBps;
    /// @dev The most that A may owe B, and B may owe A, in minor units.
    uint128 creditLineA;
    uint128 creditLineB;
    /// @dev No terms of the pair may have higher ceilings.
    uint64 ceilingPerKwh;
    uint64 ceilingPerHour;
    uint64 ceilingFlat;
    /// @dev Seconds: length of a clearing window, time to dispute a statement, notice to end the agreement. The notice
    /// is at most 366 days.
    uint32 window;
    uint32 disputePeriod;
    uint32 noticePeriod;
    /// @dev From when it applies, at most 366 days ahead. Sessions are judged at their start.
    uint64 validFrom;
    /// @dev The last second in which the signatures may be used.
    uint64 deadline;
}

bytes32 constant PEERING_AGREEMENT_TYPEHASH = keccak256(
    "PeeringAgreement(address utilityA,address utilityB,uint32 version,address currency,uint32 submitWithin,uint16 feeBps,uint128 creditLineA,uint128 creditLineB,uint64 ceilingPerKwh,uint64 ceilingPerHour,uint64 ceilingFlat,uint32 window,uint32 disputePeriod,uint32 noticePeriod,uint64 validFrom,uint64 deadline)"
);
