// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IDIDRegistry} from "../interfaces/IDIDRegistry.sol";
import {IRevocationRegistry} from "../interfaces/IRevocationRegistry.sol";
import {OwnerSignature} from "../libraries/OwnerSignature.sol";
import {REVOCATION_CERTIFICATE_TYPEHASH, RevocationCertificate} from "../types/Certificates.sol";

/// @title RevocationRegistry
contract RevocationRegistry is EIP712, IRevocationRegistry {
    /// @dev The first two slots are set when the word is opened, so that its first change writes no new one, and a
    /// change that revokes the whole word gets some of the gas back.
    struct StatusWord {
        uint256 valid;
        /// @dev changes << 64 | since: the number of changes; when the word was opened, or its last change takes effect.
        uint256 last;
        /// @dev When each change but the last took effect, ascending; four share a slot. The array has its full length
        /// from the beginning, so that there is none to write.
        uint64[2 ** 32] earlierSince;
        /// @dev What was valid from then on.
        mapping(uint256 change => uint256 valid) earlierValid;
    }

    uint64 private constant MAX_LEAD = 366 days;
    /// @dev As many as indices of 64 bits fill.
    uint64 private constant WORDS = 2 ** 56;

    IDIDRegistry private immutable _identities;

    mapping(address publisher => mapping(uint64 word => StatusWord state)) private _words;

    /// @inheritdoc IRevocationRegistry
    mapping(address issuer => mapping(bytes32 target => uint64 effectiveAt)) public revokedFrom;

    constructor(address didRegistry) EIP712("RevocationRegistry", "1") {
        _identities = IDIDRegistry(didRegistry);
    }

    /// @inheritdoc IRevocationRegistry
    function revoke(address issuer, bytes32 target, uint64 effectiveAt, uint8 reason) external {
        _checkOwner(issuer);
        _revoke(issuer, target, _effective(effectiveAt), reason);
    }

    /// @inheritdoc IRevocationRegistry
    function revokeMany(address issuer, bytes32[] calldata targets, uint64 effectiveAt, uint8 reason) external {
        _checkOwner(issuer);
        uint64 from = _effective(effectiveAt);
        for (uint256 i; i < targets.length; ++i) {
            _revokeUnlessStanding(issuer, targets[i], from, reason);
        }
    }

    /// @inheritdoc IRevocationRegistry
    function revokeSigned(RevocationCertificate calldata revocation, bytes calldata signature) external {
        uint64 time = uint64(block.timestamp);
        if (revocation.deadline < time) revert RevocationExpired(revocation.deadline, time);
        bytes32 digest = digestOf(revocation);
        if (!OwnerSignature.isValid(_identities.identityOwner(revocation.issuer), digest, signature)) {
            revert RevocationSignatureInvalid(revocation.issuer, digest);
        }
        uint64 from = revocation.effectiveAt > time ? _effective(revocation.effectiveAt) : time;
        // Needs no nonce: a revocation brought again changes nothing, and nothing takes one back.
        _revoke(revocation.issuer, revocation.target, from, revocation.reason);
    }

    /// @inheritdoc IRevocationRegistry
    function openStatuses(uint64 firstWord, uint64 count) external {
        if (firstWord > WORDS || count > WORDS - firstWord) revert StatusWordsInvalid(firstWord, count);
        for (uint64 word = firstWord; word < firstWord + count; ++word) {
            StatusWord storage state = _words[msg.sender][word];
            if (state.last != 0) revert StatusesAlreadyOpen(msg.sender, word);
            state.valid = type(uint256).max;
            state.last = uint64(block.timestamp);
        }
        emit StatusesOpened(msg.sender, firstWord, count);
    }

    /// @inheritdoc IRevocationRegistry
    function revokeStatuses(uint64 word, uint256 indices, uint64 effectiveAt) external {
        _revokeIn(word, indices, _effective(effectiveAt));
    }

    /// @inheritdoc IRevocationRegistry
    function revokeManyStatuses(uint64[] calldata words, uint256[] calldata indices, uint64 effectiveAt) external {
        if (words.length != indices.length) revert LengthsDiffer(words.length, indices.length);
        uint64 from = _effective(effectiveAt);
        for (uint256 i; i < words.length; ++i) {
            _revokeIn(words[i], indices[i], from);
        }
    }

    /// @inheritdoc IRevocationRegistry
    function isStatusRevokedAt(address publisher, uint64 index, uint64 time) external view returns (bool) {
        return (_revokedAt(_words[publisher][index / 256], time) >> (255 - index % 256)) & 1 == 1;
    }

    /// @inheritdoc IRevocationRegistry
    function isStatusOpen(address publisher, uint64 index) external view returns (bool) {
        return _words[publisher][index / 256].last != 0;
    }

    /// @inheritdoc IRevocationRegistry
    function statusesAt(address publisher, uint64[] calldata words, uint64 time)
        external
        view
        returns (uint256[] memory revoked)
    {
        revoked = new uint256[](words.length);
        for (uint256 i; i < words.length; ++i) {
            revoked[i] = _revokedAt(_words[publisher][words[i]], time);
        }
    }

    /// @inheritdoc IRevocationRegistry
    function statusWordOf(address publisher, uint64 word) external view returns (uint64 since, uint32 changes) {
        uint256 last = _words[publisher][word].last;
        return (uint64(last), uint32(last >> 64));
    }

    /// @inheritdoc IRevocationRegistry
    function digestOf(RevocationCertificate calldata revocation) public view returns (bytes32) {
        // All fields are atomic, so the ABI encoding of the struct is its EIP-712 encoding.
        return _hashTypedDataV4(keccak256(abi.encode(REVOCATION_CERTIFICATE_TYPEHASH, revocation)));
    }

    function _revoke(address issuer, bytes32 target, uint64 effectiveAt, uint8 reason) private {
        uint64 standing = _revokeUnlessStanding(issuer, target, effectiveAt, reason);
        if (standing != 0) revert AlreadyRevoked(issuer, target, standing);
    }

    /// @return standing From when it is revoked already, where that is no later and nothing was done; else 0.
    function _revokeUnlessStanding(address issuer, bytes32 target, uint64 effectiveAt, uint8 reason)
        private
        returns (uint64 standing)
    {
        standing = revokedFrom[issuer][target];
        if (standing != 0 && standing <= effectiveAt) return standing;
        revokedFrom[issuer][target] = effectiveAt;
        emit Revoked(issuer, target, effectiveAt, reason);
        return 0;
    }

    function _revokeIn(uint64 word, uint256 indices, uint64 effectiveAt) private {
        StatusWord storage state = _words[msg.sender][word];
        uint256 last = state.last;
        (uint256 since, uint256 changes) = (uint64(last), last >> 64);
        if (since == 0) revert StatusesNotOpen(msg.sender, word);
        if (indices == 0) revert StatusIndicesMissing(msg.sender, word);

        uint256 valid = state.valid;
        if (since > block.timestamp) {
            _revokeAhead(state, word, indices, effectiveAt);
        } else {
            _checkValid(word, indices, valid);
            if (changes == 0) {
                state.last = 1 << 64 | effectiveAt;
            } else if (since != effectiveAt) {
                state.earlierValid[changes - 1] = valid;
                state.earlierSince[changes - 1] = uint64(since);
                state.last = (changes + 1) << 64 | effectiveAt;
            }
        }
        state.valid = valid & ~indices;
        emit StatusesRevoked(msg.sender, word, indices, effectiveAt);
    }

    /// @dev The last change has not taken effect: this one joins it, or takes effect now and goes in before it, so that
    /// no two are ahead and the times ascend.
    function _revokeAhead(StatusWord storage state, uint64 word, uint256 indices, uint64 effectiveAt) private {
        (uint64 since, uint256 changes) = (uint64(state.last), state.last >> 64);
        if (effectiveAt == since) {
            _checkValid(word, indices, state.valid);
            return;
        }
        if (effectiveAt != block.timestamp) revert StatusChangeAhead(msg.sender, word, since);
        uint256 before = changes == 1 ? type(uint256).max : state.earlierValid[changes - 2];
        _checkValid(word, indices, before);
        if (changes == 1 || state.earlierSince[changes - 2] != effectiveAt) {
            state.earlierSince[changes - 1] = effectiveAt;
            state.last = ++changes << 64 | since;
        }
        state.earlierValid[changes - 2] = before & ~indices;
    }

    function _revokedAt(StatusWord storage state, uint64 time) private view returns (uint256) {
        uint256 last = state.last;
        uint256 high = last >> 64;
        if (high == 0) return 0;
        if (time >= uint64(last)) return ~state.valid;

        // The last change but the last that has taken effect by then.
        uint256 low;
        --high;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (state.earlierSince[middle] <= time) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : ~state.earlierValid[low - 1];
    }

    function _checkOwner(address issuer) private view {
        address owner = _identities.identityOwner(issuer);
        if (owner != msg.sender || owner == address(0)) revert NotIssuer(issuer, msg.sender, owner);
    }

    function _checkValid(uint64 word, uint256 indices, uint256 valid) private view {
        uint256 revoked = indices & ~valid;
        if (revoked != 0) revert StatusesAlreadyRevoked(msg.sender, word, revoked);
    }

    function _effective(uint64 effectiveAt) private view returns (uint64) {
        uint64 time = uint64(block.timestamp);
        if (effectiveAt == 0) return time;
        if (effectiveAt < time) revert RevocationBackdated(effectiveAt, time);
        if (effectiveAt > time + MAX_LEAD) revert RevocationTooFarAhead(effectiveAt, time + MAX_LEAD);
        return effectiveAt;
    }
}
