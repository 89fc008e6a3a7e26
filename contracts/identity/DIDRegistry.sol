// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IDIDRegistry} from "../interfaces/IDIDRegistry.sol";
import {IdentityHash} from "../libraries/IdentityHash.sol";
import {IdentityRecord} from "../libraries/IdentityRecord.sol";
import {ChangeHead, PackedChange} from "../libraries/PackedChange.sol";
import {AttributeChange, DelegateChange, OwnerChange} from "../types/Identity.sol";

/// @title DIDRegistry
contract DIDRegistry is IDIDRegistry, EIP712 {
    /// @dev One slot. `appointer` is the owner that made it a delegate and `since` when, which tells the epoch of
    /// ownership: an owner that comes back within one second finds its own delegates.
    struct Delegate {
        address appointer;
        uint32 since;
        uint64 validTo;
    }

    uint8 private constant RECOVERY_ID = 27;
    bytes32 private constant SIG_AUTH = keccak256(abi.encodePacked(bytes32("sigAuth")));

    mapping(address identity => IdentityRecord record) private _records;
    /// @dev When the epochs before the present one began, ascending; not of the first, which began with 0.
    mapping(address identity => uint32[] starts) private _earlierEpochs;
    mapping(address identity => mapping(bytes32 typeHash => mapping(address delegate => Delegate))) private _delegates;

    constructor() EIP712("DIDRegistry", "1") {}

    /// @inheritdoc IDIDRegistry
    function changeOwner(address identity, address newOwner) external {
        (IdentityRecord record,) = _openOwn(identity);
        _changeOwner(identity, record, newOwner);
    }

    /// @inheritdoc IDIDRegistry
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity) external {
        (IdentityRecord record, address owner) = _openOwn(identity);
        _changeDelegate(identity, record, owner, delegateType, delegate, _validTo(identity, validity));
    }

    /// @inheritdoc IDIDRegistry
    function revokeDelegate(address identity, bytes32 delegateType, address delegate) external {
        (IdentityRecord record, address owner) = _openOwn(identity);
        _changeDelegate(identity, record, owner, delegateType, delegate, 0);
    }

    /// @inheritdoc IDIDRegistry
    function setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validity) external {
        (IdentityRecord record,) = _openOwn(identity);
        _changeAttribute(identity, record, name, value, _validTo(identity, validity));
    }

    /// @inheritdoc IDIDRegistry
    function revokeAttribute(address identity, bytes32 name, bytes calldata value) external {
        (IdentityRecord record,) = _openOwn(identity);
        _changeAttribute(identity, record, name, value, 0);
    }

    /// @inheritdoc IDIDRegistry
    function changeOwnerSigned(OwnerChange calldata change, bytes calldata signature) external {
        (IdentityRecord record, address owner) = _openSigned(change.identity, change.nonce, change.deadline);
        bytes32 digest = IdentityHash.ownerChange(
            _domainSeparatorV4(), change.identity, change.owner, change.nonce, change.deadline
        );
        _checkSignature(change.identity, change.nonce, owner, digest, signature);
        _changeOwner(change.identity, record, change.owner);
    }

    /// @inheritdoc IDIDRegistry
    function changeDelegateSigned(DelegateChange calldata change, bytes calldata signature) external {
        (IdentityRecord record, address owner) = _openSigned(change.identity, change.nonce, change.deadline);
        bytes32 digest = IdentityHash.delegateChange(
            _domainSeparatorV4(),
            change.identity,
            change.delegateType,
            change.delegate,
            change.validTo,
            change.nonce,
            change.deadline
        );
        _checkSignature(change.identity, change.nonce, owner, digest, signature);
        _changeDelegate(change.identity, record, owner, change.delegateType, change.delegate, change.validTo);
    }

    /// @inheritdoc IDIDRegistry
    function changeAttributeSigned(AttributeChange calldata change, bytes calldata signature) external {
        (IdentityRecord record, address owner) = _openSigned(change.identity, change.nonce, change.deadline);
        bytes32 digest = IdentityHash.attributeChange(
            _domainSeparatorV4(),
            change.identity,
            change.name,
            change.value,
            change.validTo,
            change.nonce,
            change.deadline
        );
        _checkSignature(change.identity, change.nonce, owner, digest, signature);
        _changeAttribute(change.identity, record, change.name, change.value, change.validTo);
    }

    /// @inheritdoc IDIDRegistry
    function relay(bytes calldata changes) external {
        bytes32 domainSeparator = _domainSeparatorV4();
        ChangeHead memory head;
        uint256 offset;
        while (offset < changes.length) {
            uint256 end = PackedChange.readHead(changes, offset, head);
            (IdentityRecord record, address owner) = _openSigned(head.identity, head.nonce, head.deadline);
            if (head.kind == PackedChange.ATTRIBUTE) {
                _relayAttribute(domainSeparator, changes, offset, end, head, record, owner);
            } else if (head.kind == PackedChange.OWNER) {
                _relayOwner(domainSeparator, changes, offset, head, record, owner);
            } else {
                _relayDelegate(domainSeparator, changes, offset, head, record, owner);
            }
            offset = end;
        }
    }

    /// @inheritdoc IDIDRegistry
    function owners(address identity) external view returns (address) {
        return _records[identity].owner();
    }

    /// @inheritdoc IDIDRegistry
    function changed(address identity) external view returns (uint256) {
        return _records[identity].changed();
    }

    /// @inheritdoc IDIDRegistry
    function nonce(address identity) external view returns (uint256) {
        return _records[identity].nonce();
    }

    /// @inheritdoc IDIDRegistry
    function delegates(address identity, bytes32 typeHash, address delegate) external view returns (uint256 validTo) {
        return _delegates[identity][typeHash][delegate].validTo;
    }

    /// @inheritdoc IDIDRegistry
    function validDelegate(address identity, bytes32 delegateType, address delegate) external view returns (bool) {
        return _delegates[identity][_typeHash(delegateType)][delegate].validTo > block.timestamp
            && identityOwner(identity) != address(0);
    }

    /// @inheritdoc IDIDRegistry
    function actsFor(address identity, address account) external view returns (bool) {
        IdentityRecord record = _records[identity];
        address owner = record.controller(identity);
        if (owner == address(0)) return false;
        if (account == owner) return true;
        Delegate storage delegate = _delegates[identity][SIG_AUTH][account];
        return delegate.validTo > block.timestamp && delegate.appointer == owner
            && delegate.since >= record.ownedSince();
    }

    /// @inheritdoc IDIDRegistry
    function ownedSince(address identity) external view returns (uint64) {
        return _records[identity].ownedSince();
    }

    /// @inheritdoc IDIDRegistry
    function ownedSinceAt(address identity, uint64 time) external view returns (uint64) {
        uint32 latest = _records[identity].ownedSince();
        if (time >= latest) return latest;

        // The last of the earlier epochs that had begun by then; the first, before all of them, where none had.
        uint32[] storage starts = _earlierEpochs[identity];
        uint256 begun;
        uint256 high = starts.length;
        while (begun < high) {
            uint256 middle = (begun + high) / 2;
            if (starts[middle] <= time) begun = middle + 1;
            else high = middle;
        }
        return begun == 0 ? 0 : starts[begun - 1];
    }

    /// @inheritdoc IDIDRegistry
    function identityOwner(address identity) public view returns (address) {
        return _records[identity].controller(identity);
    }

    function _relayOwner(
        bytes32 domainSeparator,
        bytes calldata changes,
        uint256 offset,
        ChangeHead memory head,
        IdentityRecord record,
        address owner
    ) private {
        address newOwner = PackedChange.readOwner(changes, offset);
        bytes32 digest =
            IdentityHash.ownerChange(domainSeparator, head.identity, newOwner, head.nonce, head.deadline);
        _checkCompact(head, owner, digest);
        _changeOwner(head.identity, record, newOwner);
    }

    function _relayDelegate(
        bytes32 domainSeparator,
        bytes calldata changes,
        uint256 offset,
        ChangeHead memory head,
        IdentityRecord record,
        address owner
    ) private {
        (bytes32 delegateType, address delegate, uint64 validTo) = PackedChange.readDelegate(changes, offset);
        bytes32 digest = IdentityHash.delegateChange(
            domainSeparator, head.identity, delegateType, delegate, validTo, head.nonce, head.deadline
        );
        _checkCompact(head, owner, digest);
        _changeDelegate(head.identity, record, owner, delegateType, delegate, validTo);
    }

    function _relayAttribute(
        bytes32 domainSeparator,
        bytes calldata changes,
        uint256 offset,
        uint256 end,
        ChangeHead memory head,
        IdentityRecord record,
        address owner
    ) private {
        (bytes32 name, uint64 validTo, bytes calldata value) = PackedChange.readAttribute(changes, offset, end);
        bytes32 digest = IdentityHash.attributeChange(
            domainSeparator, head.identity, name, value, validTo, head.nonce, head.deadline
        );
        _checkCompact(head, owner, digest);
        _changeAttribute(head.identity, record, name, value, validTo);
    }

    function _changeOwner(address identity, IdentityRecord record, address newOwner) private {
        uint32 since = record.ownedSince();
        if (since != 0 && since != block.timestamp) _earlierEpochs[identity].push(since);
        _records[identity] = record.handedTo(newOwner);
        emit DIDOwnerChanged(identity, newOwner, record.changed());
    }

    function _changeDelegate(
        address identity,
        IdentityRecord record,
        address owner,
        bytes32 delegateType,
        address delegate,
        uint64 validTo
    ) private {
        if (delegate == address(0)) revert DelegateZero(identity);
        Delegate storage state = _delegates[identity][_typeHash(delegateType)][delegate];
        if (validTo > block.timestamp) {
            state.appointer = owner;
            state.since = uint32(block.timestamp);
            state.validTo = validTo;
        } else {
            validTo = 0;
            delete _delegates[identity][_typeHash(delegateType)][delegate];
        }
        _records[identity] = record.advanced();
        emit DIDDelegateChanged(identity, delegateType, delegate, validTo, record.changed());
    }

    function _changeAttribute(
        address identity,
        IdentityRecord record,
        bytes32 name,
        bytes calldata value,
        uint64 validTo
    ) private {
        if (validTo <= block.timestamp) validTo = 0;
        _records[identity] = record.advanced();
        emit DIDAttributeChanged(identity, name, value, validTo, record.changed());
    }

    /// @dev The record of an identity that the caller owns. No caller is the zero address, but a call on a node may claim
    /// to be.
    function _openOwn(address identity) private view returns (IdentityRecord record, address owner) {
        record = _records[identity];
        owner = record.controller(identity);
        if (owner == address(0)) revert IdentityDeactivated(identity);
        if (msg.sender != owner) revert NotOwner(identity, msg.sender, owner);
    }

    /// @dev The record of an identity whose next change this may be; the signature is still to be checked.
    function _openSigned(address identity, uint32 nonce_, uint64 deadline)
        private
        view
        returns (IdentityRecord record, address owner)
    {
        record = _records[identity];
        owner = record.controller(identity);
        if (owner == address(0)) revert IdentityDeactivated(identity);
        if (nonce_ != record.nonce()) revert NonceUnexpected(identity, nonce_, record.nonce());
        uint64 time = uint64(block.timestamp);
        if (time > deadline) revert ChangeExpired(identity, nonce_, deadline, time);
    }

    /// @dev A key is tried first, so that the owner of one pays for no look at its code. The owner is not zero, to which
    /// failed recoveries come.
    function _checkSignature(
        address identity,
        uint32 nonce_,
        address owner,
        bytes32 digest,
        bytes calldata signature
    ) private view {
        (address recovered,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (
            recovered != owner
                && (owner.code.length == 0
                    || !SignatureChecker.isValidERC1271SignatureNowCalldata(owner, digest, signature))
        ) revert OwnerSignatureInvalid(identity, nonce_, owner, recovered);
    }

    /// @dev With the recovery id given, a signature has one form. The owner is not zero, to which failed recoveries come.
    function _checkCompact(ChangeHead memory head, address owner, bytes32 digest) private pure {
        address recovered = ecrecover(digest, RECOVERY_ID, head.r, head.s);
        if (recovered != owner) revert OwnerSignatureInvalid(head.identity, head.nonce, owner, recovered);
    }

    function _validTo(address identity, uint256 validity) private view returns (uint64) {
        uint256 limit = type(uint64).max - block.timestamp;
        if (validity > limit) revert ValidityTooLong(identity, validity, limit);
        unchecked {
            return uint64(block.timestamp + validity);
        }
    }

    function _typeHash(bytes32 delegateType) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(delegateType));
    }
}
