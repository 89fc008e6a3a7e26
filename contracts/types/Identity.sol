// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev The identity gets another owner; owner 0 deactivates it for good. In this and the other changes, `nonce` is what
/// `nonce(identity)` says, and `deadline` the last second in which the signature may be used.
struct OwnerChange {
    address identity;
    address owner;
    uint32 nonce;
    uint64 deadline;
}

bytes32 constant OWNER_CHANGE_TYPEHASH =
    keccak256("OwnerChange(address identity,address owner,uint32 nonce,uint64 deadline)");

/// @dev A delegate is valid before `validTo`, in Unix seconds; one that is not ahead revokes it.
struct DelegateChange {
    address identity;
    bytes32 delegateType;
    address delegate;
    uint64 validTo;
    uint32 nonce;
    uint64 deadline;
}

bytes32 constant DELEGATE_CHANGE_TYPEHASH = keccak256(
    "DelegateChange(address identity,bytes32 delegateType,address delegate,uint64 validTo,uint32 nonce,uint64 deadline)"
);

/// @dev An attribute is valid before `validTo`, in Unix seconds; one that is not ahead revokes it.
struct AttributeChange {
    address identity;
    bytes32 name;
    bytes value;
    uint64 validTo;
    uint32 nonce;
    uint64 deadline;
}

bytes32 constant ATTRIBUTE_CHANGE_TYPEHASH = keccak256(
    "AttributeChange(address identity,bytes32 name,bytes value,uint64 validTo,uint32 nonce,uint64 deadline)"
);
