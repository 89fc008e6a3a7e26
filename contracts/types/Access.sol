// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev What may be done with a resource: bits of a mask.
uint32 constant RIGHT_READ = 1;
uint32 constant RIGHT_WRITE = 2;
uint32 constant RIGHT_CONTROL = 4;
uint32 constant ALL_RIGHTS = RIGHT_READ | RIGHT_WRITE | RIGHT_CONTROL;

/// @dev A data host bootstrapping certificate: where the data of a resource are, signed by the owner of the identity that
/// they belong to. Its fields are our derivation of what MOBI EVGI 1.0 lists. Times are Unix seconds.
struct DataHostBootstrapping {
    /// @dev The identity that the resource belongs to, and the name it gives it: together they are the resource's id.
    address owner;
    bytes32 label;
    /// @dev The data host's identity.
    address host;
    /// @dev Hash of the endpoint's URI, and of the list of protocols that are spoken there.
    bytes32 endpoint;
    bytes32 protocols;
    /// @dev The host's X25519 public key, and the hash of the list of data classes that the resource holds.
    bytes32 keyAgreement;
    bytes32 dataClasses;
    /// @dev What anybody may do for whom nothing else is said; 0 is nothing.
    uint32 defaultRights;
    /// @dev In force from the first until before the second.
    uint64 validFrom;
    uint64 validUntil;
    /// @dev The last second in which it may be brought to the chain.
    uint64 deadline;
}

/// @dev An access certificate: rights on a resource for one accessor or one group. Its fields are our derivation of what
/// MOBI EVGI 1.0 lists. Its struct hash names it.
struct AccessCertificate {
    /// @dev Any number that makes it unlike every other, as two of the same terms are one certificate.
    bytes32 id;
    /// @dev The identity that grants: the resource's, or a grantee that passes on what it was granted.
    address granter;
    /// @dev Either an identity or a group, and the other zero.
    address grantee;
    bytes32 group;
    bytes32 resource;
    uint32 rights;
    /// @dev Hash of what the data may be used for; zero where nothing is said.
    bytes32 purpose;
    uint64 validFrom;
    uint64 validUntil;
    /// @dev May the grantee pass it on?
    bool delegable;
    /// @dev How often it may be used, with all that is delegated from it; 0 is without limit.
    uint32 maxUses;
    /// @dev The certificate that it is delegated from; zero where the resource's own identity grants.
    bytes32 parent;
}

/// @dev An accessor asks a host to open a session. It and the two answers to it are exchanged off the chain.
struct UnlockRequest {
    address accessor;
    address host;
    bytes32 resource;
    uint32 rights;
    bytes32 purpose;
    /// @dev The certificate that the accessor relies on; zero where a list, a group or the default.
    bytes32 certificate;
    /// @dev The accessor's X25519 public key, for this session only.
    bytes32 ephemeralKey;
    bytes32 nonce;
    uint64 requestedAt;
    uint64 expiresAt;
}

/// @dev The host's no. `request` is the struct hash of what it answers; seconds to wait, 0 where asking again is no use.
struct UnlockRejection {
    bytes32 request;
    address host;
    uint8 reason;
    uint64 rejectedAt;
    uint32 retryAfter;
}

/// @dev The host's yes. The rights are among those asked for.
struct UnlockAcceptance {
    bytes32 request;
    address host;
    bytes32 session;
    uint32 rights;
    bytes32 ephemeralKey;
    uint64 acceptedAt;
    uint64 expiresAt;
}

bytes32 constant DATA_HOST_BOOTSTRAPPING_TYPEHASH = keccak256(
    "DataHostBootstrapping(address owner,bytes32 label,address host,bytes32 endpoint,bytes32 protocols,bytes32 keyAgreement,bytes32 dataClasses,uint32 defaultRights,uint64 validFrom,uint64 validUntil,uint64 deadline)"
);

bytes32 constant ACCESS_CERTIFICATE_TYPEHASH = keccak256(
    "AccessCertificate(bytes32 id,address granter,address grantee,bytes32 group,bytes32 resource,uint32 rights,bytes32 purpose,uint64 validFrom,uint64 validUntil,bool delegable,uint32 maxUses,bytes32 parent)"
);

bytes32 constant UNLOCK_REQUEST_TYPEHASH = keccak256(
    "UnlockRequest(address accessor,address host,bytes32 resource,uint32 rights,bytes32 purpose,bytes32 certificate,bytes32 ephemeralKey,bytes32 nonce,uint64 requestedAt,uint64 expiresAt)"
);

bytes32 constant UNLOCK_REJECTION_TYPEHASH =
    keccak256("UnlockRejection(bytes32 request,address host,uint8 reason,uint64 rejectedAt,uint32 retryAfter)");

bytes32 constant UNLOCK_ACCEPTANCE_TYPEHASH = keccak256(
    "UnlockAcceptance(bytes32 request,address host,bytes32 session,uint32 rights,bytes32 ephemeralKey,uint64 acceptedAt,uint64 expiresAt)"
);
