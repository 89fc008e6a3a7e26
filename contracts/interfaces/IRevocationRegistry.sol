// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RevocationCertificate} from "../types/Certificates.sol";

/// @title RevocationRegistry
/// @notice What no longer holds, from when, on whose word. Two ways to revoke:
/// - by struct hash, under the identity that issued what is revoked: a call of its owner, or a RevocationCertificate that
///   the owner signed and anyone brings. Whoever reads asks about an issuer, so a stranger's entry says nothing about it.
///   Signatures are no part of the key: a second form of one revives nothing.
/// - by index in a publisher's status list, for a fraction of the gas. A list belongs to the account that opened it. It is
///   kept in words of 256 indices, opened beforehand; index i is bit 255 − i % 256 of word i / 256, so that words written
///   one after another are the bitstring of a W3C Bitstring Status List, where 1 means revoked.
///
/// A revocation is for good. It takes effect now or later, never before, and may be moved to an earlier time, never to a
/// later one: what was answered for a time that has passed stays the answer.
interface IRevocationRegistry {
    event Revoked(address indexed issuer, bytes32 indexed target, uint64 effectiveAt, uint8 reason);
    /// @notice The publisher has words `firstWord` to `firstWord + count − 1`: nothing in them is revoked.
    event StatusesOpened(address indexed publisher, uint64 firstWord, uint64 count);
    /// @param indices The bits of the word that are revoked from then on, besides those that were; an index that was to
    /// be revoked later is revoked from then instead.
    event StatusesRevoked(address indexed publisher, uint64 word, uint256 indices, uint64 effectiveAt);

    /// @notice Only the issuer's owner revokes under it. A deactivated identity has none (0).
    error NotIssuer(address issuer, address caller, address owner);
    error RevocationSignatureInvalid(address issuer, bytes32 digest);
    error RevocationExpired(uint64 deadline, uint64 time);
    error RevocationBackdated(uint64 effectiveAt, uint64 earliest);
    /// @notice More than 366 days ahead: milliseconds taken for seconds, which would revoke nothing.
    error RevocationTooFarAhead(uint64 effectiveAt, uint64 latest);
    /// @notice It is revoked from that time or earlier.
    error AlreadyRevoked(address issuer, bytes32 target, uint64 effectiveAt);
    /// @notice No index of 64 bits is in them.
    error StatusWordsInvalid(uint64 firstWord, uint64 count);
    /// @notice An open word is never opened again: what is revoked in it stays so.
    error StatusesAlreadyOpen(address publisher, uint64 word);
    error StatusesNotOpen(address publisher, uint64 word);
    error StatusIndicesMissing(address publisher, uint64 word);
    /// @param indices Those of the indices given that are revoked by then already.
    error StatusesAlreadyRevoked(address publisher, uint64 word, uint256 indices);
    /// @notice One change of a word is ahead at a time; another takes effect with it, or now.
    error StatusChangeAhead(address publisher, uint64 word, uint64 effectiveAt);
    error LengthsDiffer(uint256 words, uint256 indices);

    /// @notice The issuer's owner revokes a target under the issuer.
    /// @param effectiveAt Now or later, at most 366 days ahead; 0 means now.
    function revoke(address issuer, bytes32 target, uint64 effectiveAt, uint8 reason) external;

    /// @notice Revokes each of the targets as `revoke` does, but passes over those that are revoked from that time or
    /// earlier: nobody makes a batch fail by bringing a signed revocation of one target first. Afterwards all of them are
    /// revoked from then at the latest; an event names each that was not before.
    function revokeMany(address issuer, bytes32[] calldata targets, uint64 effectiveAt, uint8 reason) external;

    /// @notice Brings a revocation that the issuer's owner signed: 65 bytes with a low s, or what the owner's contract
    /// accepts (EIP-1271). Where its time has passed it takes effect now: until its deadline it is good.
    function revokeSigned(RevocationCertificate calldata revocation, bytes calldata signature) external;

    /// @notice Gives the caller words of a status list. They may be any that it has not opened yet.
    function openStatuses(uint64 firstWord, uint64 count) external;

    /// @notice The caller revokes indices of its list.
    /// @param indices Bits of the word: 1 where it is to be revoked.
    /// @param effectiveAt Now or later, at most 366 days ahead; 0 means now.
    function revokeStatuses(uint64 word, uint256 indices, uint64 effectiveAt) external;

    /// @notice Revokes in each of the words as `revokeStatuses` does: all or none.
    function revokeManyStatuses(uint64[] calldata words, uint256[] calldata indices, uint64 effectiveAt) external;

    /// @notice From when a target is revoked by an issuer; 0 where it is not.
    function revokedFrom(address issuer, bytes32 target) external view returns (uint64 effectiveAt);

    /// @notice Was this index of a publisher's list revoked at this time? False where its word is not open.
    function isStatusRevokedAt(address publisher, uint64 index, uint64 time) external view returns (bool);

    /// @notice Has the publisher opened the word of this index?
    function isStatusOpen(address publisher, uint64 index) external view returns (bool);

    /// @notice The bits of words as of a time: 1 where the index was revoked. Zero where a word is not open.
    function statusesAt(address publisher, uint64[] calldata words, uint64 time)
        external
        view
        returns (uint256[] memory revoked);

    /// @return since When a word was opened, or when its last change takes effect; 0 where it is not open.
    /// @return changes The number of times at which it changes, that ahead included.
    function statusWordOf(address publisher, uint64 word) external view returns (uint64 since, uint32 changes);

    /// @notice The EIP-712 digest that the issuer's owner signs.
    function digestOf(RevocationCertificate calldata revocation) external view returns (bytes32);
}
