// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev How a part that is no whole minor unit becomes one.
enum Rounding {
    FLOOR,
    HALF_UP
}

/// @dev Prices in minor units, steps in Wh and seconds; a step of 0 or 1 bills what was used.
struct Rates {
    uint64 perKwh;
    uint64 perHour;
    uint64 perParkingHour;
    uint64 flat;
    uint32 energyStep;
    uint32 timeStep;
    uint32 parkingStep;
    Rounding rounding;
}

struct Usage {
    uint64 energyWh;
    uint64 chargingSeconds;
    uint64 parkingSeconds;
}

/// @title Pricing
/// @notice The price of a session as a sum of parts, each rounded by itself: energy, time, parking, flat.
/// `evgi_client.tariffs` computes the same numbers.
library Pricing {
    uint256 internal constant WH_PER_KWH = 1000;
    uint256 internal constant SECONDS_PER_HOUR = 3600;

    function price(Rates memory rates, Usage memory usage) internal pure returns (uint256) {
        return part(usage.energyWh, rates.energyStep, rates.perKwh, WH_PER_KWH, rates.rounding)
            + part(usage.chargingSeconds, rates.timeStep, rates.perHour, SECONDS_PER_HOUR, rates.rounding)
            + part(usage.parkingSeconds, rates.parkingStep, rates.perParkingHour, SECONDS_PER_HOUR, rates.rounding)
            + rates.flat;
    }

    /// @dev `quantity`, raised to a whole number of steps, times `unitPrice` for each `unit` of it. A product that does not
    /// fit 255 bits reverts.
    function part(uint256 quantity, uint256 step, uint256 unitPrice, uint256 unit, Rounding rounding)
        internal
        pure
        returns (uint256)
    {
        if (step > 1) quantity = (quantity + step - 1) / step * step;
        uint256 exact = quantity * unitPrice;
        return rounding == Rounding.HALF_UP ? (2 * exact + unit) / (2 * unit) : exact / unit;
    }
}
