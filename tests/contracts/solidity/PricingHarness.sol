// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Pricing, Rates, Rounding, Usage} from "../../../contracts/libraries/Pricing.sol";

/// @title PricingHarness
/// @notice The functions of the Pricing library where a test can call them.
contract PricingHarness {
    function price(Rates calldata rates, Usage calldata usage) external pure returns (uint256) {
        return Pricing.price(rates, usage);
    }

    function part(uint256 quantity, uint256 step, uint256 unitPrice, uint256 unit, Rounding rounding)
        external
        pure
        returns (uint256)
    {
        return Pricing.part(quantity, step, unitPrice, unit, rounding);
    }
}
