// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title ClearingToken
/// @notice Money between utilities: an ERC-20 with six decimals, EIP-2612 permits and ERC-3009 authorizations, held by
/// members only. Every unit in is tied to a fiat payment in, every unit out to a fiat payment out, once.
/// @dev The EIP-712 domain is named "ClearingToken", version "1", which is not `name()`: read it from `eip712Domain()`.
/// The contract's own balance is the sum of the redemptions under way. Nothing else enters or leaves it.
///
/// Trusted: the restricted callers, to pay or reject what was requested (no holder can take a request back, since the
/// fiat may be on its way), and approved settlement contracts, to move only what is final.
interface IClearingToken is IERC20 {
    enum RedemptionState {
        NONE,
        REQUESTED,
        PAID,
        REJECTED
    }

    event MemberAdmitted(address indexed account);
    event MemberExpelled(address indexed account);
    /// @notice `cap` is the cap in effect, see `capMinter`.
    event MinterCapped(address indexed minter, uint256 cap);
    event SettlementApproved(address indexed settlement, bool approved);
    event Minted(address indexed minter, address indexed to, bytes32 indexed fiatReference, uint256 amount);
    event RedemptionRequested(address indexed holder, bytes32 indexed fiatReference, uint256 amount);
    event RedemptionPaid(address indexed holder, bytes32 indexed fiatReference, uint256 amount);
    event RedemptionRejected(address indexed holder, bytes32 indexed fiatReference, uint256 amount, bytes32 reason);

    error NotMember(address account);
    error AlreadyMember(address account);
    /// @notice The zero address and the token itself can hold nothing as members.
    error MemberInvalid(address account);
    error AmountZero();
    error FiatReferenceZero();
    error FiatReferenceUsed(bytes32 fiatReference);
    error MinterCapExceeded(address minter, uint256 minted, uint256 amount, uint256 cap);
    error RedemptionExists(address holder, bytes32 fiatReference);
    error RedemptionNotRequested(address holder, bytes32 fiatReference, RedemptionState state);

    /// @notice Lets an account hold tokens, for the first time or again. Restricted.
    function admit(address account) external;

    /// @notice Stops an account from sending and receiving. What it holds can still be redeemed, and it can still pay
    /// and be paid what is final through an approved settlement contract. Restricted.
    function expel(address account) external;

    /// @notice Sets the most that a minter may ever have minted. A cap below what it has minted already stops it there:
    /// that amount becomes the cap. Restricted.
    function capMinter(address minter, uint256 cap) external;

    /// @notice Names a contract whose transfers settle final positions: they pass while paused, and between accounts
    /// that are members or once were. It needs the payer's allowance all the same. Restricted.
    function approveSettlement(address settlement, bool approved) external;

    /// @notice Stops transfers, minting and new redemptions; never a settlement or a redemption under way. Restricted.
    function pause() external;

    /// @notice Restricted.
    function unpause() external;

    /// @notice Creates tokens for a member against a fiat payment received. The caller needs a cap. A reference mints
    /// once, whoever the minter.
    function mint(address to, uint256 amount, bytes32 fiatReference) external;

    /// @notice The holder asks for fiat; the tokens leave its balance at once and wait in this contract. Open to
    /// whoever holds tokens, so that an expelled member gets out.
    /// @param fiatReference Unique among the holder's redemptions, for ever: what the bank transfer will quote.
    function requestRedemption(uint256 amount, bytes32 fiatReference) external;

    /// @notice The fiat was paid: the waiting tokens are burned. Restricted, works while paused.
    function payRedemption(address holder, bytes32 fiatReference) external;

    /// @notice The fiat will not be paid: the waiting tokens go back. Restricted, works while paused and for an
    /// expelled holder, who may ask again under another reference.
    function rejectRedemption(address holder, bytes32 fiatReference, bytes32 reason) external;

    /// @notice Whether an account may send and receive now.
    function isMember(address account) external view returns (bool);

    function isSettlement(address account) external view returns (bool);

    /// @notice Never below `mintedBy`.
    function minterCap(address minter) external view returns (uint256);

    /// @notice All that a minter has minted; redemptions do not lower it.
    function mintedBy(address minter) external view returns (uint256);

    /// @notice Whether a fiat payment was minted against. Redemptions have their own references.
    function fiatReferenceUsed(bytes32 fiatReference) external view returns (bool);

    function redemptionOf(address holder, bytes32 fiatReference)
        external
        view
        returns (RedemptionState state, uint256 amount);
}
