// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title ClearingToken
/// @notice Money between utilities: an ERC-20 with six decimals, EIP-2612 permits and ERC-3009 authorizations, held by
/// members only. Every unit in is tied to a fiat payment in, every unit out to a fiat payment out, once.
interface IClearingToken is IERC20 {
    enum RedemptionState {
        NONE,
        REQUESTED,
        PAID,
        REJECTED
    }

    event MemberAdmitted(address indexed account);
    event MemberExpelled(address indexed account);
    event MinterCapped(address indexed minter, uint256 cap);
    event SettlementApproved(address indexed settlement, bool approved);
    event Minted(address indexed minter, address indexed to, bytes32 indexed fiatReference, uint256 amount);
    event RedemptionRequested(address indexed holder, bytes32 indexed fiatReference, uint256 amount);
    event RedemptionPaid(address indexed holder, bytes32 indexed fiatReference, uint256 amount);
    event RedemptionRejected(address indexed holder, bytes32 indexed fiatReference, uint256 amount, bytes32 reason);

    error NotMember(address account);
    error AlreadyMember(address account);
    error AmountZero();
    error FiatReferenceZero();
    error FiatReferenceUsed(bytes32 fiatReference);
    error MinterCapExceeded(address minter, uint256 minted, uint256 amount, uint256 cap);
    error RedemptionExists(address holder, bytes32 fiatReference);
    error RedemptionNotRequested(address holder, bytes32 fiatReference, RedemptionState state);

    /// @notice Lets an account hold tokens. Restricted.
    function admit(address account) external;

    /// @notice Stops an account from sending and receiving. What it holds can still be redeemed and can still pay what is
    /// final through an approved settlement contract. Restricted.
    function expel(address account) external;

    /// @notice Sets the most that a minter may ever have minted. Restricted.
    function capMinter(address minter, uint256 cap) external;

    /// @notice Names a contract whose transfers settle final positions: they pass while paused and after an expulsion. Restricted.
    function approveSettlement(address settlement, bool approved) external;

    /// @notice Stops transfers, minting and new redemptions; never a settlement or a redemption under way. Restricted.
    function pause() external;

    function unpause() external;

    /// @notice Creates tokens against a fiat payment received. The caller needs a cap. A reference mints once.
    function mint(address to, uint256 amount, bytes32 fiatReference) external;

    /// @notice The holder asks for fiat; the tokens leave its balance at once and wait in this contract.
    /// @param fiatReference Unique among the holder's redemptions: what the bank transfer will quote.
    function requestRedemption(uint256 amount, bytes32 fiatReference) external;

    /// @notice The fiat was paid: the waiting tokens are burned. Restricted, works while paused.
    function payRedemption(address holder, bytes32 fiatReference) external;

    /// @notice The fiat will not be paid: the waiting tokens go back. Restricted, works while paused.
    function rejectRedemption(address holder, bytes32 fiatReference, bytes32 reason) external;

    function isMember(address account) external view returns (bool);
    function isSettlement(address account) external view returns (bool);
    function minterCap(address minter) external view returns (uint256);
    function mintedBy(address minter) external view returns (uint256);
    function fiatReferenceUsed(bytes32 fiatReference) external view returns (bool);
    function redemptionOf(address holder, bytes32 fiatReference)
        external
        view
        returns (RedemptionState state, uint256 amount);
}
