// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Accreditation, EntityCertificate} from "../types/Certificates.sol";

/// @title CertificateRegistry
/// @notice Which identities are vehicles, meters, utilities…, on whose word, and whose word counts. Governance accredits
/// trust anchors for entity types; an anchor accredits others below it, up to three levels below governance's own, and
/// issues certificates. A certificate is registered with the signature of its issuer's owner, while the issuer is
/// accredited for its type. Hashes alone are kept: no claim, no name.
///
/// `statusAt` is the whole answer about a certificate at a time. For a time that has passed it never changes: nothing
/// is accredited, withdrawn, registered or revoked backwards.
/// @dev The event of a registration carries the certificate, the state what the views need: events alone rebuild every
/// answer.
///
/// Accredited issuers are trusted with their types. The first certificate of a subject fixes its type, and it needs no
/// word of the subject.
///
/// An accreditation belongs to the identity: a change of its owner does not end it, or a new key would end everything
/// below. Who buys an identity gets to issue with it, until its accreditor withdraws what it gave, or governance does.
interface ICertificateRegistry {
    /// @notice The answer about a certificate. Where more than one reason applies the first in this order is given,
    /// VALID aside.
    enum Status {
        VALID,
        /// @dev Never registered, or not yet at that time.
        UNKNOWN,
        NOT_YET_VALID,
        EXPIRED,
        /// @dev By its struct hash under its issuer, or by its index in the status list that it names.
        REVOKED,
        /// @dev The issuer, or an anchor above it, was not accredited for the type at that time.
        ISSUER_NOT_ACCREDITED
    }

    /// @notice An anchor is accredited for [validFrom, validUntil), in place of what it had, from then on.
    /// @param accreditor Zero where governance did it.
    /// @param version 1 for an anchor's first. One withdrawn before it began gives its number to the next. Of two that
    /// begin in one second the later applies.
    event AnchorAccredited(
        address indexed anchor,
        address indexed accreditor,
        uint32 version,
        uint16 entityTypes,
        uint8 depth,
        uint64 validFrom,
        uint64 validUntil
    );
    /// @notice A version ends at `effectiveAt`; where it had not begun, it never was.
    event AccreditationWithdrawn(
        address indexed anchor, address indexed accreditor, uint32 version, uint64 effectiveAt
    );
    event CertificateRegistered(
        bytes32 indexed certificate,
        address indexed subject,
        address indexed issuer,
        uint64 registeredAt,
        EntityCertificate entityCertificate
    );

    error AnchorInvalid(address anchor, address accreditor);
    /// @notice No type at all, or one that there is not.
    error EntityTypesInvalid(uint16 entityTypes);
    error AccreditationExpired(uint64 deadline, uint64 time);
    /// @notice It ends before it begins or is brought, or after the year 2105: milliseconds taken for seconds.
    error AccreditationSpanInvalid(uint64 validFrom, uint64 validUntil);
    error AccreditationUsed(address anchor, bytes32 accreditation);
    /// @notice The accreditor revoked it by its struct hash before anyone brought it.
    error AccreditationRevoked(address anchor, bytes32 accreditation, uint64 effectiveAt);
    /// @notice It begins no later than the anchor's last one began or was withdrawn: an old signature undoes nothing,
    /// unless it was dated ahead.
    error AccreditationOutdated(address anchor, uint64 validFrom, uint64 latest);
    /// @notice One accreditation of an anchor is ahead at a time.
    error AccreditationAhead(address anchor, uint64 validFrom);
    /// @notice Another accreditor's stands: only governance puts one in its place.
    error AccreditationStands(address anchor, address accreditor, uint64 validUntil);
    error DepthTooGreat(address accreditor, uint8 depth, uint8 limit);
    /// @param held What the accreditor is accredited for itself, now.
    error EntityTypesNotHeld(address accreditor, uint16 entityTypes, uint16 held);
    error AccreditorSignatureInvalid(address accreditor, bytes32 digest);
    /// @notice Nothing that the caller could withdraw is in force or ahead.
    error NothingToWithdraw(address anchor, address caller);

    error EntityTypeInvalid(uint8 entityType);
    error SubjectInvalid(address subject);
    /// @notice It has no length, is over, or ends after the year 2105: milliseconds taken for seconds.
    error CertificateSpanInvalid(uint64 validFrom, uint64 validUntil);
    /// @notice More than 366 days ahead: it would put its subject in a place that nobody could name a later time for.
    error CertificateTooFarAhead(uint64 validFrom, uint64 latest);
    error CertificateAlreadyRegistered(bytes32 certificate);
    /// @notice What is revoked, or is to be, by hash or by index, is not registered any more: it would move its subject
    /// to an old parent.
    error CertificateRevoked(bytes32 certificate);
    error IssuerNotAccredited(address issuer, uint8 entityType);
    error IssuerSignatureInvalid(address issuer, bytes32 digest);
    /// @notice A subject keeps the type of its first certificate for good.
    error EntityTypeFixed(address subject, uint8 entityType, uint8 fixedType);
    /// @param expected The type that a parent of such a subject has; NONE where it has no parent.
    error ParentInvalid(address parent, uint8 parentType, uint8 expected);
    /// @notice A later certificate, by its validFrom, put the subject where it is, or left it there. One that left it
    /// there counts from its registration at the latest.
    error ParentOutdated(address subject, uint64 validFrom, uint64 latest);
    error StatusNotOpen(address publisher, uint64 index);

    /// @notice Governance accredits an anchor, in place of whatever it has, also what began this second. Restricted to
    /// the role ACCREDITOR.
    /// @param entityTypes Bit n stands for EntityType n.
    /// @param depth How many anchors may stand below it in a chain, at most 3.
    /// @param validFrom Now where it has passed.
    function accreditRoot(address anchor, uint16 entityTypes, uint8 depth, uint64 validFrom, uint64 validUntil)
        external;

    /// @notice Brings an accreditation that its accreditor's owner signed: for no type that the accreditor is not
    /// accredited for now, with less depth than its own. It replaces the accreditor's own, or one that is not in force.
    function accredit(Accreditation calldata accreditation, bytes calldata signature) external;

    /// @notice Governance ends what it accredited, from now on. Restricted to the role PAUSER, which waits for nothing.
    function withdrawRoot(address anchor) external;

    /// @notice The caller, who owns the accreditor, ends what it accredited from now on: the version in force, and the
    /// one ahead. Who owns the anchor ends them too, whoever gave them. Certificates of the anchor and of those below it
    /// are invalid from now on, not before. A signed accreditation that nobody has brought, dated ahead of the withdrawal,
    /// may still be brought until its deadline: its accreditor revokes it by its struct hash in the RevocationRegistry.
    function withdraw(address anchor) external;

    /// @notice Brings a certificate that its issuer's owner signed: 65 bytes with a low s, or what the owner's contract
    /// accepts (EIP-1271). It begins at most 366 days ahead. Its parent becomes the subject's now, none where it is zero.
    /// @return certificate Its struct hash, under which it is known.
    function register(EntityCertificate calldata entityCertificate, bytes calldata signature)
        external
        returns (bytes32 certificate);

    /// @notice Was this certificate good at this time, and if not, why? The whole answer in one call.
    function statusAt(bytes32 certificate, uint64 time) external view returns (Status);

    /// @notice What the registry keeps of a certificate; zero where it is not registered.
    function certificateOf(bytes32 certificate)
        external
        view
        returns (
            address issuer,
            uint8 entityType,
            uint64 registeredAt,
            uint64 validFrom,
            uint64 validUntil,
            address statusPublisher,
            uint64 statusIndex
        );

    /// @notice The type of a subject, for good; 0 where it has no certificate.
    function entityTypeOf(address subject) external view returns (uint8);

    /// @notice What the subject was part of at a time, by the last certificate registered by then, valid or not; 0 where
    /// nothing.
    function parentAt(address subject, uint64 time) external view returns (address);

    /// @notice As `parentAt`, with the second since which it was so; 0 where it never was part of anything by then.
    function parentSinceAt(address subject, uint64 time) external view returns (address parent, uint64 since);

    /// @notice Might this identity issue certificates of a type at this time?
    function isAccreditedAt(address anchor, uint8 entityType, uint64 time) external view returns (bool);

    /// @notice The types for which an identity was accredited at a time: those that it and every anchor above it had, up
    /// to governance, where the chain is unbroken and each anchor's depth allows for those below it; else 0.
    function accreditedTypesAt(address anchor, uint64 time) external view returns (uint16 entityTypes);

    /// @notice The version of an anchor's accreditation in force at a time, whether or not its accreditor's was: zero
    /// where none was.
    function accreditationAt(address anchor, uint64 time)
        external
        view
        returns (
            uint32 version,
            address accreditor,
            uint16 entityTypes,
            uint8 depth,
            uint64 validFrom,
            uint64 validUntil
        );

    /// @notice The EIP-712 digest that the issuer's owner signs.
    function digestOf(EntityCertificate calldata entityCertificate) external view returns (bytes32);

    /// @notice The EIP-712 digest that the accreditor's owner signs.
    function accreditationDigestOf(Accreditation calldata accreditation) external view returns (bytes32);
}
