// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IClearingToken} from "../interfaces/IClearingToken.sol";

/// @title ClearingToken
/// @dev `_update` holds the rule for everybody's transfers and for minting. The three moves of a redemption pass it by
/// through `ERC20._update`, and are the only ones that do.
contract ClearingToken is ERC20Permit, ERC3009, AccessManaged, Pausable, IClearingToken {
    /// @dev EXPELLED is kept apart from NONE: a settlement may still reach who was a member, and nobody else.
    enum Standing {
        NONE,
        MEMBER,
        EXPELLED
    }

    /// @dev One slot.
    struct Redemption {
        RedemptionState state;
        uint248 amount;
    }

    mapping(address account => Standing standing) private _standingOf;
    mapping(address holder => mapping(bytes32 fiatReference => Redemption redemption)) private _redemptionOf;

    /// @inheritdoc IClearingToken
    mapping(address account => bool approved) public isSettlement;
    /// @inheritdoc IClearingToken
    mapping(address minter => uint256 cap) public minterCap;
    /// @inheritdoc IClearingToken
    mapping(address minter => uint256 minted) public mintedBy;
    /// @inheritdoc IClearingToken
    mapping(bytes32 fiatReference => bool used) public fiatReferenceUsed;

    constructor(address authority_)
        ERC20("EVGI Clearing Token", "EVGI")
        ERC20Permit("ClearingToken")
        AccessManaged(authority_)
    {
        // Without an authority nobody could ever be admitted, and none could be set.
        if (authority_.code.length == 0) revert AccessManagedInvalidAuthority(authority_);
    }

    /// @inheritdoc IClearingToken
    function admit(address account) external restricted {
        if (account == address(0) || account == address(this)) revert MemberInvalid(account);
        if (isMember(account)) revert AlreadyMember(account);
        _standingOf[account] = Standing.MEMBER;
        emit MemberAdmitted(account);
    }

    /// @inheritdoc IClearingToken
    function expel(address account) external restricted {
        _requireMember(account);
        _standingOf[account] = Standing.EXPELLED;
        emit MemberExpelled(account);
    }

    /// @inheritdoc IClearingToken
    function capMinter(address minter, uint256 cap) external restricted {
        // Refusing a cap that the minter has just passed would let it outrun the call that stops it.
        uint256 minted = mintedBy[minter];
        if (cap < minted) cap = minted;
        minterCap[minter] = cap;
        emit MinterCapped(minter, cap);
    }

    /// @inheritdoc IClearingToken
    function approveSettlement(address settlement, bool approved) external restricted {
        isSettlement[settlement] = approved;
        emit SettlementApproved(settlement, approved);
    }

    /// @inheritdoc IClearingToken
    function pause() external restricted {
        _pause();
    }

    /// @inheritdoc IClearingToken
    function unpause() external restricted {
        _unpause();
    }

    /// @inheritdoc IClearingToken
    function mint(address to, uint256 amount, bytes32 fiatReference) external {
        _requireMeaningful(amount, fiatReference);
        if (fiatReferenceUsed[fiatReference]) revert FiatReferenceUsed(fiatReference);
        uint256 minted = mintedBy[msg.sender];
        uint256 cap = minterCap[msg.sender];
        if (amount > cap - minted) revert MinterCapExceeded(msg.sender, minted, amount, cap);

        fiatReferenceUsed[fiatReference] = true;
        mintedBy[msg.sender] = minted + amount;
        _mint(to, amount);
        emit Minted(msg.sender, to, fiatReference, amount);
    }

    /// @inheritdoc IClearingToken
    function requestRedemption(uint256 amount, bytes32 fiatReference) external whenNotPaused {
        _requireMeaningful(amount, fiatReference);
        Redemption storage redemption = _redemptionOf[msg.sender][fiatReference];
        if (redemption.state != RedemptionState.NONE) revert RedemptionExists(msg.sender, fiatReference);

        redemption.state = RedemptionState.REQUESTED;
        redemption.amount = SafeCast.toUint248(amount);
        ERC20._update(msg.sender, address(this), amount);
        emit RedemptionRequested(msg.sender, fiatReference, amount);
    }

    /// @inheritdoc IClearingToken
    function payRedemption(address holder, bytes32 fiatReference) external restricted {
        uint256 amount = _close(holder, fiatReference, RedemptionState.PAID);
        ERC20._update(address(this), address(0), amount);
        emit RedemptionPaid(holder, fiatReference, amount);
    }

    /// @inheritdoc IClearingToken
    function rejectRedemption(address holder, bytes32 fiatReference, bytes32 reason) external restricted {
        uint256 amount = _close(holder, fiatReference, RedemptionState.REJECTED);
        ERC20._update(address(this), holder, amount);
        emit RedemptionRejected(holder, fiatReference, amount, reason);
    }

    /// @inheritdoc IClearingToken
    function redemptionOf(address holder, bytes32 fiatReference)
        external
        view
        returns (RedemptionState state, uint256 amount)
    {
        Redemption storage redemption = _redemptionOf[holder][fiatReference];
        return (redemption.state, redemption.amount);
    }

    /// @inheritdoc IClearingToken
    function isMember(address account) public view returns (bool) {
        return _standingOf[account] == Standing.MEMBER;
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @dev A mint is never a settlement, even by a settlement contract. Neither the zero address nor this contract
    /// ever has a standing, so that no path through here burns tokens or reaches the escrow.
    function _update(address from, address to, uint256 value) internal override {
        if (from != address(0) && isSettlement[msg.sender]) {
            if (_standingOf[from] == Standing.NONE) revert NotMember(from);
            if (_standingOf[to] == Standing.NONE) revert NotMember(to);
        } else {
            _requireNotPaused();
            if (from != address(0)) _requireMember(from);
            _requireMember(to);
        }
        super._update(from, to, value);
    }

    /// @dev Moves a redemption that is under way to its end.
    function _close(address holder, bytes32 fiatReference, RedemptionState state) private returns (uint256 amount) {
        Redemption storage redemption = _redemptionOf[holder][fiatReference];
        if (redemption.state != RedemptionState.REQUESTED) {
            revert RedemptionNotRequested(holder, fiatReference, redemption.state);
        }
        redemption.state = state;
        return redemption.amount;
    }

    function _requireMember(address account) private view {
        if (!isMember(account)) revert NotMember(account);
    }

    function _requireMeaningful(uint256 amount, bytes32 fiatReference) private pure {
        if (amount == 0) revert AmountZero();
        if (fiatReference == bytes32(0)) revert FiatReferenceZero();
    }
}
