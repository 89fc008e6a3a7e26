// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev What a certificate's subject is. 6 to 10 are the service providers.
enum EntityType {
    NONE,
    USER,
    VEHICLE,
    BATTERY,
    METER,
    CHARGE_POINT,
    UTILITY,
    OPERATOR,
    MOBILITY_PROVIDER,
    AGGREGATOR,
    GRID_OPERATOR,
    DATA_HOST,
    TRUST_ANCHOR
}

/// @dev An issuer's word on what an identity is. Our derivation of MOBI's entity certificate. The document with the
/// claims stays with its holder; here are its hashes.
struct EntityCertificate {
    /// @dev Random, so that no two certificates are alike and none can be guessed.
    bytes32 id;
    /// @dev An EntityType other than NONE.
    uint8 entityType;
    address subject;
    address issuer;
    /// @dev Hashes of the JSON Schema of the claims, of the salted claims, and of the subject's keys.
    bytes32 schema;
    bytes32 claims;
    bytes32 keys;
    /// @dev The vehicle of a battery, the charge point of a meter; zero where it is in none. No other type has a parent.
    address parent;
    /// @dev Valid in [validFrom, validUntil).
    uint64 validFrom;
    uint64 validUntil;
    /// @dev Whose status list says whether it is revoked, and where in it; both zero where none does.
    address statusPublisher;
    uint64 statusIndex;
}

bytes32 constant ENTITY_CERTIFICATE_TYPEHASH = keccak256(
    "EntityCertificate(bytes32 id,uint8 entityType,address subject,address issuer,bytes32 schema,bytes32 claims,bytes32 keys,address parent,uint64 validFrom,uint64 validUntil,address statusPublisher,uint64 statusIndex)"
);

/// @dev An accreditor's word that an identity may issue certificates, and accredit others.
struct Accreditation {
    address anchor;
    address accreditor;
    /// @dev Bit n stands for EntityType n. No more than the accreditor itself has.
    uint16 entityTypes;
    /// @dev How many anchors may stand below this one in a chain: 0 where it issues and accredits nobody.
    uint8 depth;
    /// @dev Valid in [validFrom, validUntil), but from no sooner than the block that brings it.
    uint64 validFrom;
    uint64 validUntil;
    /// @dev The last second in which it may be brought.
    uint64 deadline;
}

bytes32 constant ACCREDITATION_TYPEHASH = keccak256(
    "Accreditation(address anchor,address accreditor,uint16 entityTypes,uint8 depth,uint64 validFrom,uint64 validUntil,uint64 deadline)"
);

/// @dev An issuer's word that something it signed no longer holds.
struct RevocationCertificate {
    address issuer;
    /// @dev The struct hash of what is revoked.
    bytes32 target;
    /// @dev From when, but from no sooner than the block that brings it; 0 means from that.
    uint64 effectiveAt;
    /// @dev A code of RFC 5280, section 5.3.1, for people to read: the registry does not judge it.
    uint8 reason;
    /// @dev The last second in which it may be brought.
    uint64 deadline;
}

bytes32 constant REVOCATION_CERTIFICATE_TYPEHASH = keccak256(
    "RevocationCertificate(address issuer,bytes32 target,uint64 effectiveAt,uint8 reason,uint64 deadline)"
);
