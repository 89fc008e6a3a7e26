// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IDIDRegistry} from "../interfaces/IDIDRegistry.sol";
import {IdentityHash} from "../libraries/IdentityHash.sol";
import {IdentityRecord} from "../libraries/IdentityRecord.sol";
import {PackedChange} from "../libraries/PackedChange.sol";
import {AttributeChange, DelegateChange, OwnerChange} from "../types/Identity.sol";

/// @title DIDRegistry
contract DIDRegistry is IDIDRegistry, EIP712 {
    /// @dev One slot. Who was the owner that made it a delegate, and when, tells the epoch of ownership: an owner that
    /// comes back within one second finds its own delegates.
    struct Delegate {
        address appointer;
        uint32 since;
        uint64 validTo;
    }

    /// @dev `earlierEpochs` is when the epochs before the present one began, ascending; not when the first did, which
    /// was before all.
    struct Identity {
        IdentityRecord record;
        uint32[] earlierEpochs;
        mapping(bytes32 typeHash => mapping(address account => Delegate delegate)) delegates;
    }

    bytes32 private constant SIG_AUTH = "sigAuth";

    mapping(address identity => Identity state) private _identities;

    /// @dev Nobody ever controls the zero address, which calls on a node may claim as their sender and to which failed
    /// recoveries come.
    constructor() EIP712("DIDRegistry", "1") {
        Identity storage state = _identities[address(0)];
        _changeOwner(state, state.record, address(0), address(0));
    }

    /// @inheritdoc IDIDRegistry
    function changeOwner(address identity, address newOwner) external {
        (Identity storage state, IdentityRecord record,) = _ofCaller(identity);
        _changeOwner(state, record, identity, newOwner);
    }

    /// @inheritdoc IDIDRegistry
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity) external {
        (Identity storage state, IdentityRecord record, address owner) = _ofCaller(identity);
        _changeDelegate(state, record, identity, owner, delegateType, delegate, _validTo(identity, validity));
    }

    /// @inheritdoc IDIDRegistry
    function revokeDelegate(address identity, bytes32 delegateType, address delegate) external {
        (Identity storage state, IdentityRecord record, address owner) = _ofCaller(identity);
        _changeDelegate(state, record, identity, owner, delegateType, delegate, 0);
    }

    /// @inheritdoc IDIDRegistry
    function setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validity) external {
        (Identity storage state, IdentityRecord record,) = _ofCaller(identity);
        _changeAttribute(state, record, identity, name, value, _validTo(identity, validity));
    }

    /// @inheritdoc IDIDRegistry
    function revokeAttribute(address identity, bytes32 name, bytes calldata value) external {
        (Identity storage state, IdentityRecord record,) = _ofCaller(identity);
        _changeAttribute(state, record, identity, name, value, 0);
    }

    /// @inheritdoc IDIDRegistry
    function changeOwnerSigned(OwnerChange calldata change, bytes calldata signature) external {
        address identity = change.identity;
        Identity storage state = _identities[identity];
        IdentityRecord record = state.record;
        address signer = _signerOf(record.controller(identity), IdentityHash.ofOwner(change), signature);
        _checkTurn(identity, record, change.nonce, change.deadline, signer);
        _changeOwner(state, record, identity, change.owner);
    }

    /// @inheritdoc IDIDRegistry
    function changeDelegateSigned(DelegateChange calldata change, bytes calldata signature) external {
        address identity = change.identity;
        Identity storage state = _identities[identity];
        IdentityRecord record = state.record;
        address signer = _signerOf(record.controller(identity), IdentityHash.ofDelegate(change), signature);
        _checkTurn(identity, record, change.nonce, change.deadline, signer);
        _changeDelegate(state, record, identity, signer, change.delegateType, change.delegate, change.validTo);
    }

    /// @inheritdoc IDIDRegistry
    function changeAttributeSigned(AttributeChange calldata change, bytes calldata signature) external {
        address identity = change.identity;
        Identity storage state = _identities[identity];
        IdentityRecord record = state.record;
        address signer = _signerOf(record.controller(identity), IdentityHash.ofAttribute(change), signature);
        _checkTurn(identity, record, change.nonce, change.deadline, signer);
        _changeAttribute(state, record, identity, change.name, change.value, change.validTo);
    }

    /// @inheritdoc IDIDRegistry
    function applySigned(bytes calldata changes) external {
        bytes32 domainSeparator = _domainSeparatorV4();
        (uint256 at, uint256 end) = PackedChange.span(changes);
        do {
            uint256 kind = PackedChange.kind(at);
            if (kind == PackedChange.OWNER) {
                _applyOwner(domainSeparator, at);
                at = PackedChange.endOfOwner(at);
            } else if (kind == PackedChange.ATTRIBUTE) {
                _applyAttribute(domainSeparator, at);
                at = PackedChange.endOfAttribute(at);
            } else if (kind == PackedChange.DELEGATE) {
                _applyDelegate(domainSeparator, at);
                at = PackedChange.endOfDelegate(at);
            } else {
                revert ChangeKindUnknown(kind, end - at);
            }
        } while (at < end);
        // Only the last change can have been read beyond the end.
        if (at != end) revert ChangesCutShort(at - end);
    }

    /// @inheritdoc IDIDRegistry
    function owners(address identity) external view returns (address) {
        return _identities[identity].record.owner();
    }

    /// @inheritdoc IDIDRegistry
    function changed(address identity) external view returns (uint256) {
        return _identities[identity].record.changed();
    }

    /// @inheritdoc IDIDRegistry
    function nonce(address identity) external view returns (uint256) {
        return _identities[identity].record.nonce();
    }

    /// @inheritdoc IDIDRegistry
    function delegates(address identity, bytes32 typeHash, address delegate) external view returns (uint256 validTo) {
        return _identities[identity].delegates[typeHash][delegate].validTo;
    }

    /// @inheritdoc IDIDRegistry
    function validDelegate(address identity, bytes32 delegateType, address delegate) external view returns (bool) {
        return _identities[identity].delegates[_typeHash(delegateType)][delegate].validTo > block.timestamp
            && identityOwner(identity) != address(0);
    }

    /// @inheritdoc IDIDRegistry
    function actsFor(address identity, address account) external view returns (bool) {
        Identity storage state = _identities[identity];
        IdentityRecord record = state.record;
        address owner = record.controller(identity);
        if (owner == address(0)) return false;
        if (account == owner) return true;
        Delegate storage delegate = state.delegates[_typeHash(SIG_AUTH)][account];
        return delegate.validTo > block.timestamp && delegate.appointer == owner
            && delegate.since >= record.ownedSince();
    }

    /// @inheritdoc IDIDRegistry
    function ownedSince(address identity) external view returns (uint64) {
        return uint64(_identities[identity].record.ownedSince());
    }

    /// @inheritdoc IDIDRegistry
    function ownedSinceAt(address identity, uint64 time) external view returns (uint64) {
        Identity storage state = _identities[identity];
        uint256 latest = state.record.ownedSince();
        if (time >= latest) return uint64(latest);

        // The last of the earlier epochs that had begun by then; the first, before all of them, where none had.
        uint32[] storage starts = state.earlierEpochs;
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
        return _identities[identity].record.controller(identity);
    }

    function _applyOwner(bytes32 domainSeparator, uint256 at) private {
        (address identity, uint256 nonce_, uint256 deadline) = PackedChange.head(at);
        Identity storage state = _identities[identity];
        IdentityRecord record = state.record;
        bytes32 structHash = PackedChange.hashOwner(at, identity, nonce_, deadline);
        address signer = PackedChange.signer(at, domainSeparator, structHash);
        _checkTurn(identity, record, nonce_, deadline, signer);
        _changeOwner(state, record, identity, PackedChange.owner(at));
    }

    function _applyDelegate(bytes32 domainSeparator, uint256 at) private {
        (address identity, uint256 nonce_, uint256 deadline) = PackedChange.head(at);
        Identity storage state = _identities[identity];
        IdentityRecord record = state.record;
        bytes32 structHash = PackedChange.hashDelegate(at, identity, nonce_, deadline);
        address signer = PackedChange.signer(at, domainSeparator, structHash);
        _checkTurn(identity, record, nonce_, deadline, signer);
        (bytes32 delegateType, address delegate, uint64 validTo) = PackedChange.delegate(at);
        _changeDelegate(state, record, identity, signer, delegateType, delegate, validTo);
    }

    function _applyAttribute(bytes32 domainSeparator, uint256 at) private {
        (address identity, uint256 nonce_, uint256 deadline) = PackedChange.head(at);
        Identity storage state = _identities[identity];
        IdentityRecord record = state.record;
        bytes32 structHash = PackedChange.hashAttribute(at, identity, nonce_, deadline);
        address signer = PackedChange.signer(at, domainSeparator, structHash);
        _checkTurn(identity, record, nonce_, deadline, signer);
        (bytes32 name, bytes calldata value, uint64 validTo) = PackedChange.attribute(at);
        _changeAttribute(state, record, identity, name, value, validTo);
    }

    function _changeOwner(Identity storage state, IdentityRecord record, address identity, address newOwner) private {
        if (block.timestamp > type(uint32).max) revert OwnershipClockEnded(block.timestamp);
        uint256 since = record.ownedSince();
        if (since != 0) {
            if (since != block.timestamp) state.earlierEpochs.push(uint32(since));
        }
        state.record = record.handedTo(newOwner);
        emit DIDOwnerChanged(identity, newOwner, record.changed());
    }

    function _changeDelegate(
        Identity storage state,
        IdentityRecord record,
        address identity,
        address owner,
        bytes32 delegateType,
        address delegate,
        uint64 validTo
    ) private {
        if (delegate == address(0)) revert DelegateZero(identity);
        Delegate storage kept = state.delegates[_typeHash(delegateType)][delegate];
        if (validTo > block.timestamp) {
            kept.appointer = owner;
            kept.since = uint32(block.timestamp);
            kept.validTo = validTo;
        } else {
            validTo = 0;
            delete state.delegates[_typeHash(delegateType)][delegate];
        }
        state.record = record.advanced();
        emit DIDDelegateChanged(identity, delegateType, delegate, validTo, record.changed());
    }

    function _changeAttribute(
        Identity storage state,
        IdentityRecord record,
        address identity,
        bytes32 name,
        bytes calldata value,
        uint64 validTo
    ) private {
        state.record = record.advanced();
        if (validTo <= block.timestamp) validTo = 0;
        emit DIDAttributeChanged(identity, name, value, validTo, record.changed());
    }

    /// @dev The state of an identity that the caller owns.
    function _ofCaller(address identity)
        private
        view
        returns (Identity storage state, IdentityRecord record, address owner)
    {
        state = _identities[identity];
        record = state.record;
        owner = record.controller(identity);
        if (owner == address(0)) revert IdentityDeactivated(identity);
        if (msg.sender != owner) revert NotOwner(identity, msg.sender, owner);
    }

    /// @dev The next change of an identity: in turn, in time, and signed by the owner, which is never the zero address.
    function _checkTurn(address identity, IdentityRecord record, uint256 nonce_, uint256 deadline, address signer)
        private
        view
    {
        address owner = record.owner();
        if (owner == address(0)) {
            if (record.ownedSince() != 0) revert IdentityDeactivated(identity);
            owner = identity;
        }
        if (nonce_ != record.nonce()) revert NonceUnexpected(identity, uint32(nonce_), uint32(record.nonce()));
        if (block.timestamp > deadline) {
            revert ChangeExpired(identity, uint32(nonce_), uint64(deadline), uint64(block.timestamp));
        }
        if (signer != owner) revert OwnerSignatureInvalid(identity, uint32(nonce_), owner, signer);
    }

    /// @dev Whose key signed; the owner where it is a contract that takes the signature for its own. A key is tried first,
    /// so that its owner pays for no look at its code.
    function _signerOf(address owner, bytes32 structHash, bytes calldata signature)
        private
        view
        returns (address signer)
    {
        bytes32 digest = _hashTypedDataV4(structHash);
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (
            signer != owner && owner.code.length != 0
                && SignatureChecker.isValidERC1271SignatureNowCalldata(owner, digest, signature)
        ) signer = owner;
    }

    function _validTo(address identity, uint256 validity) private view returns (uint64) {
        uint256 limit = type(uint64).max - block.timestamp;
        if (validity > limit) revert ValidityTooLong(identity, validity, limit);
        return uint64(block.timestamp + validity);
    }

    /// @dev keccak256(abi.encodePacked(delegateType)), without new memory for each delegate of a batch.
    function _typeHash(bytes32 delegateType) private pure returns (bytes32 typeHash) {
        assembly ("memory-safe") {
            mstore(0, delegateType)
            typeHash := keccak256(0, 0x20)
        }
    }
}
