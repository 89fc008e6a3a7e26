// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title HostileCurrency
/// @notice A token that two utilities agreed on and that only one of them knows: it pays nothing, says what it was told to
/// say, and calls back whoever asks it for a payment.
contract HostileCurrency {
    bool private _answer;
    bytes private _callback;

    /// @notice Whether the last call back was taken.
    bool public calledBack;

    function prepare(bool answer, bytes calldata callback) external {
        _answer = answer;
        _callback = callback;
    }

    function isMember(address) external pure returns (bool) {
        return true;
    }

    function transferFrom(address, address, uint256) external returns (bool) {
        (calledBack,) = msg.sender.call(_callback);
        return _answer;
    }
}
