// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {ICertificateRegistry} from "../interfaces/ICertificateRegistry.sol";
import {IDIDRegistry} from "../interfaces/IDIDRegistry.sol";
import {IRevocationRegistry} from "../interfaces/IRevocationRegistry.sol";
import {OwnerSignature} from "../libraries/OwnerSignature.sol";
import {
    ACCREDITATION_TYPEHASH,
    Accreditation,
    ENTITY_CERTIFICATE_TYPEHASH,
    EntityCertificate,
    EntityType
} from "../types/Certificates.sol";

/// @title CertificateRegistry
contract CertificateRegistry is EIP712, AccessManaged, ICertificateRegistry {
    using Checkpoints for Checkpoints.Trace160;

    /// @dev Two slots: the issuer with the three times, the rest.
    struct Certificate {
        address issuer;
        uint32 registeredAt;
        uint32 validFrom;
        uint32 validUntil;
        address statusPublisher;
        uint64 statusIndex;
        uint8 entityType;
    }

    /// @dev `parents` maps the second of a registration to the parent, where it became another one. `parentFrom` is the
    /// latest validFrom of the subject's certificates; one that moved nothing counts from its registration at the latest.
    struct Subject {
        uint8 entityType;
        uint32 parentFrom;
        Checkpoints.Trace160 parents;
    }

    /// @dev One slot. The accreditor is zero where it is governance.
    struct Version {
        address accreditor;
        uint16 entityTypes;
        uint8 depth;
        uint32 validFrom;
        uint32 validUntil;
    }

    /// @dev Versions ascend by validFrom; governance may begin one in the second of the one before. At a time the last
    /// that has begun applies, until its validUntil: a later one replaces it. Only the last may be ahead.
    struct Anchor {
        uint32 latest;
        uint32 withdrawnAt;
        mapping(uint32 number => Version version) versions;
    }

    /// @dev Levels below governance's own anchors.
    uint8 private constant MAX_DEPTH = 3;
    uint64 private constant MAX_LEAD = 366 days;
    uint16 private constant ALL_TYPES = uint16((2 << uint8(type(EntityType).max)) - 2);

    IDIDRegistry private immutable _identities;
    IRevocationRegistry private immutable _revocations;

    mapping(bytes32 certificate => Certificate kept) private _certificates;
    mapping(address subject => Subject state) private _subjects;
    mapping(address anchor => Anchor state) private _anchors;
    /// @dev Accreditations that were brought, by struct hash.
    mapping(bytes32 accreditation => bool used) private _used;

    constructor(address initialAuthority, address didRegistry, address revocationRegistry)
        EIP712("CertificateRegistry", "1")
        AccessManaged(initialAuthority)
    {
        _identities = IDIDRegistry(didRegistry);
        _revocations = IRevocationRegistry(revocationRegistry);
    }

    /// @inheritdoc ICertificateRegistry
    function accreditRoot(address anchor, uint16 entityTypes, uint8 depth, uint64 validFrom, uint64 validUntil)
        external
        restricted
    {
        if (anchor == address(0)) revert AnchorInvalid(anchor, address(0));
        if (depth > MAX_DEPTH) revert DepthTooGreat(address(0), depth, MAX_DEPTH);
        Anchor storage state = _anchors[anchor];
        Version storage last = state.versions[state.latest];
        // What is ahead gives way: nobody keeps governance from its word.
        if (last.validFrom > block.timestamp) _drop(anchor, state);
        _begin(anchor, address(0), entityTypes, depth, validFrom, validUntil);
    }

    /// @inheritdoc ICertificateRegistry
    function accredit(Accreditation calldata accreditation, bytes calldata signature) external {
        address anchor = accreditation.anchor;
        address accreditor = accreditation.accreditor;
        uint64 time = uint64(block.timestamp);
        if (accreditation.deadline < time) revert AccreditationExpired(accreditation.deadline, time);
        if (anchor == address(0) || anchor == accreditor) revert AnchorInvalid(anchor, accreditor);
        _checkAccreditor(accreditation);
        _checkPrevious(accreditation);

        bytes32 structHash = keccak256(abi.encode(ACCREDITATION_TYPEHASH, accreditation));
        if (_used[structHash]) revert AccreditationUsed(anchor, structHash);
        uint64 revokedFrom = _revocations.revokedFrom(accreditor, structHash);
        if (revokedFrom != 0) revert AccreditationRevoked(anchor, structHash, revokedFrom);
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!_isSignedFor(accreditor, digest, signature)) revert AccreditorSignatureInvalid(accreditor, digest);

        _used[structHash] = true;
        _begin(
            anchor,
            accreditor,
            accreditation.entityTypes,
            accreditation.depth,
            accreditation.validFrom,
            accreditation.validUntil
        );
    }

    /// @inheritdoc ICertificateRegistry
    function withdrawRoot(address anchor) external restricted {
        _withdraw(anchor, true);
    }

    /// @inheritdoc ICertificateRegistry
    function withdraw(address anchor) external {
        _withdraw(anchor, false);
    }

    /// @inheritdoc ICertificateRegistry
    function register(EntityCertificate calldata entityCertificate, bytes calldata signature)
        external
        returns (bytes32 certificate)
    {
        address issuer = entityCertificate.issuer;
        certificate = keccak256(abi.encode(ENTITY_CERTIFICATE_TYPEHASH, entityCertificate));
        if (_certificates[certificate].issuer != address(0)) revert CertificateAlreadyRegistered(certificate);
        _checkContent(certificate, entityCertificate);
        if (!isAccreditedAt(issuer, entityCertificate.entityType, uint64(block.timestamp))) {
            revert IssuerNotAccredited(issuer, entityCertificate.entityType);
        }
        bytes32 digest = _hashTypedDataV4(certificate);
        if (!_isSignedFor(issuer, digest, signature)) revert IssuerSignatureInvalid(issuer, digest);

        _certificates[certificate] = Certificate({
            issuer: issuer,
            registeredAt: uint32(block.timestamp),
            validFrom: uint32(entityCertificate.validFrom),
            validUntil: uint32(entityCertificate.validUntil),
            statusPublisher: entityCertificate.statusPublisher,
            statusIndex: entityCertificate.statusIndex,
            entityType: entityCertificate.entityType
        });
        _setSubject(entityCertificate);
        emit CertificateRegistered(
            certificate, entityCertificate.subject, issuer, uint64(block.timestamp), entityCertificate
        );
    }

    /// @inheritdoc ICertificateRegistry
    function statusAt(bytes32 certificate, uint64 time) external view returns (Status) {
        Certificate memory kept = _certificates[certificate];
        if (kept.issuer == address(0) || time < kept.registeredAt) return Status.UNKNOWN;
        if (time < kept.validFrom) return Status.NOT_YET_VALID;
        if (time >= kept.validUntil) return Status.EXPIRED;
        uint64 revokedFrom = _revocations.revokedFrom(kept.issuer, certificate);
        if (revokedFrom != 0 && revokedFrom <= time) return Status.REVOKED;
        if (
            kept.statusPublisher != address(0)
                && _revocations.isStatusRevokedAt(kept.statusPublisher, kept.statusIndex, time)
        ) return Status.REVOKED;
        if (!isAccreditedAt(kept.issuer, kept.entityType, time)) return Status.ISSUER_NOT_ACCREDITED;
        return Status.VALID;
    }

    /// @inheritdoc ICertificateRegistry
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
        )
    {
        Certificate storage kept = _certificates[certificate];
        return (
            kept.issuer,
            kept.entityType,
            kept.registeredAt,
            kept.validFrom,
            kept.validUntil,
            kept.statusPublisher,
            kept.statusIndex
        );
    }

    /// @inheritdoc ICertificateRegistry
    function entityTypeOf(address subject) external view returns (uint8) {
        return _subjects[subject].entityType;
    }

    /// @inheritdoc ICertificateRegistry
    function parentAt(address subject, uint64 time) external view returns (address) {
        return address(_subjects[subject].parents.upperLookupRecent(time));
    }

    /// @inheritdoc ICertificateRegistry
    function parentSinceAt(address subject, uint64 time) external view returns (address parent, uint64 since) {
        Checkpoints.Trace160 storage parents = _subjects[subject].parents;
        uint256 low;
        uint256 high = parents.length();
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (parents.at(uint32(middle))._key <= time) low = middle + 1;
            else high = middle;
        }
        if (low == 0) return (address(0), 0);
        Checkpoints.Checkpoint160 memory last = parents.at(uint32(low - 1));
        return (address(last._value), uint64(last._key));
    }

    /// @inheritdoc ICertificateRegistry
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
        )
    {
        Version memory found;
        (version, found) = _versionAt(anchor, time);
        return (version, found.accreditor, found.entityTypes, found.depth, found.validFrom, found.validUntil);
    }

    /// @inheritdoc ICertificateRegistry
    function digestOf(EntityCertificate calldata entityCertificate) external view returns (bytes32) {
        // All fields are atomic, so the ABI encoding of the struct is its EIP-712 encoding; so it is below.
        return _hashTypedDataV4(keccak256(abi.encode(ENTITY_CERTIFICATE_TYPEHASH, entityCertificate)));
    }

    /// @inheritdoc ICertificateRegistry
    function accreditationDigestOf(Accreditation calldata accreditation) external view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ACCREDITATION_TYPEHASH, accreditation)));
    }

    /// @inheritdoc ICertificateRegistry
    function isAccreditedAt(address anchor, uint8 entityType, uint64 time) public view returns (bool) {
        return (accreditedTypesAt(anchor, time) >> entityType) & 1 == 1;
    }

    /// @inheritdoc ICertificateRegistry
    function accreditedTypesAt(address anchor, uint64 time) public view returns (uint16 entityTypes) {
        entityTypes = ALL_TYPES;
        // Ends after MAX_DEPTH steps: no version has more depth than that.
        for (uint256 below; ; ++below) {
            (uint32 number, Version memory version) = _versionAt(anchor, time);
            if (number == 0 || version.depth < below) return 0;
            entityTypes &= version.entityTypes;
            if (version.accreditor == address(0)) return entityTypes;
            anchor = version.accreditor;
        }
    }

    function _begin(
        address anchor,
        address accreditor,
        uint16 entityTypes,
        uint8 depth,
        uint64 validFrom,
        uint64 validUntil
    ) private {
        if (entityTypes == 0 || entityTypes & ~ALL_TYPES != 0) revert EntityTypesInvalid(entityTypes);
        uint64 from = validFrom > block.timestamp ? validFrom : uint64(block.timestamp);
        if (validUntil <= from || validUntil > type(uint32).max) revert AccreditationSpanInvalid(validFrom, validUntil);
        // The last version has begun: it is no later than this one.
        Anchor storage state = _anchors[anchor];
        uint32 number = ++state.latest;
        state.versions[number] = Version({
            accreditor: accreditor,
            entityTypes: entityTypes,
            depth: depth,
            validFrom: uint32(from),
            validUntil: uint32(validUntil)
        });
        emit AnchorAccredited(anchor, accreditor, number, entityTypes, depth, from, validUntil);
    }

    /// @dev Ends the version ahead and the one in force, each where it was the caller's to give.
    function _withdraw(address anchor, bool byGovernance) private {
        Anchor storage state = _anchors[anchor];
        // After the year 2105 nothing is ahead or in force, so that no time is cut below.
        uint64 time = uint64(block.timestamp);
        bool ended;
        Version storage last = state.versions[state.latest];
        if (last.validFrom > time && _mayEnd(anchor, last.accreditor, byGovernance)) {
            _drop(anchor, state);
            ended = true;
        }
        (uint32 number,) = _versionAt(anchor, time);
        Version storage current = state.versions[number];
        if (number != 0 && _mayEnd(anchor, current.accreditor, byGovernance)) {
            current.validUntil = uint32(time);
            ended = true;
            emit AccreditationWithdrawn(anchor, current.accreditor, number, time);
        }
        if (!ended) revert NothingToWithdraw(anchor, msg.sender);
        state.withdrawnAt = uint32(time);
    }

    /// @dev Takes back the version ahead as if it had never been.
    function _drop(address anchor, Anchor storage state) private {
        uint32 number = state.latest;
        address accreditor = state.versions[number].accreditor;
        delete state.versions[number];
        state.latest = number - 1;
        emit AccreditationWithdrawn(anchor, accreditor, number, uint64(block.timestamp));
    }

    function _setSubject(EntityCertificate calldata entityCertificate) private {
        Subject storage subject = _subjects[entityCertificate.subject];
        subject.entityType = entityCertificate.entityType;
        (uint64 validFrom, uint32 parentFrom) = (entityCertificate.validFrom, subject.parentFrom);
        address parent = entityCertificate.parent;
        if (parent != address(subject.parents.latest())) {
            if (validFrom <= parentFrom) revert ParentOutdated(entityCertificate.subject, validFrom, parentFrom);
            subject.parents.push(uint96(block.timestamp), uint160(parent));
        } else if (validFrom > block.timestamp) {
            // A renewal that is ahead keeps nobody from moving the subject before it begins.
            validFrom = uint64(block.timestamp);
        }
        if (validFrom > parentFrom) subject.parentFrom = uint32(validFrom);
    }

    function _checkAccreditor(Accreditation calldata accreditation) private view {
        address accreditor = accreditation.accreditor;
        uint64 time = uint64(block.timestamp);
        uint16 held = accreditedTypesAt(accreditor, time);
        if (accreditation.entityTypes & ~held != 0) {
            revert EntityTypesNotHeld(accreditor, accreditation.entityTypes, held);
        }
        (, Version memory version) = _versionAt(accreditor, time);
        if (accreditation.depth >= version.depth) revert DepthTooGreat(accreditor, accreditation.depth, version.depth);
    }

    /// @dev What the anchor has must be the accreditor's own or of no effect, and older than what is brought.
    function _checkPrevious(Accreditation calldata accreditation) private view {
        address anchor = accreditation.anchor;
        Anchor storage state = _anchors[anchor];
        Version storage last = state.versions[state.latest];
        uint64 validFrom = last.validFrom;
        if (validFrom > block.timestamp) revert AccreditationAhead(anchor, validFrom);
        if (last.accreditor != accreditation.accreditor && accreditedTypesAt(anchor, uint64(block.timestamp)) != 0) {
            revert AccreditationStands(anchor, last.accreditor, last.validUntil);
        }
        uint64 latest = state.withdrawnAt > validFrom ? state.withdrawnAt : validFrom;
        if (accreditation.validFrom <= latest) {
            revert AccreditationOutdated(anchor, accreditation.validFrom, latest);
        }
    }

    function _checkContent(bytes32 certificate, EntityCertificate calldata entityCertificate) private view {
        uint8 entityType = entityCertificate.entityType;
        address subject = entityCertificate.subject;
        if (entityType == 0 || entityType > uint8(type(EntityType).max)) revert EntityTypeInvalid(entityType);
        if (subject == address(0)) revert SubjectInvalid(subject);
        (uint64 validFrom, uint64 validUntil) = (entityCertificate.validFrom, entityCertificate.validUntil);
        if (validUntil <= validFrom || validUntil <= block.timestamp || validUntil > type(uint32).max) {
            revert CertificateSpanInvalid(validFrom, validUntil);
        }
        uint64 latest = uint64(block.timestamp) + MAX_LEAD;
        if (validFrom > latest) revert CertificateTooFarAhead(validFrom, latest);
        uint8 fixedType = _subjects[subject].entityType;
        if (fixedType != 0 && fixedType != entityType) revert EntityTypeFixed(subject, entityType, fixedType);
        _checkParent(entityType, entityCertificate.parent);
        _checkNotRevoked(certificate, entityCertificate);
    }

    function _checkParent(uint8 entityType, address parent) private view {
        if (parent == address(0)) return;
        EntityType expected = EntityType.NONE;
        if (entityType == uint8(EntityType.BATTERY)) expected = EntityType.VEHICLE;
        else if (entityType == uint8(EntityType.METER)) expected = EntityType.CHARGE_POINT;
        uint8 parentType = _subjects[parent].entityType;
        if (expected == EntityType.NONE || parentType != uint8(expected)) {
            revert ParentInvalid(parent, parentType, uint8(expected));
        }
    }

    function _checkNotRevoked(bytes32 certificate, EntityCertificate calldata entityCertificate) private view {
        (address publisher, uint64 index) = (entityCertificate.statusPublisher, entityCertificate.statusIndex);
        if (publisher == address(0) ? index != 0 : !_revocations.isStatusOpen(publisher, index)) {
            revert StatusNotOpen(publisher, index);
        }
        if (
            _revocations.revokedFrom(entityCertificate.issuer, certificate) != 0
                || (publisher != address(0)
                    && _revocations.isStatusRevokedAt(publisher, index, type(uint64).max))
        ) revert CertificateRevoked(certificate);
    }

    function _isSignedFor(address identity, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return OwnerSignature.isValid(_identities.identityOwner(identity), digest, signature);
    }

    function _mayEnd(address anchor, address accreditor, bool byGovernance) private view returns (bool) {
        if (byGovernance) return accreditor == address(0);
        if (accreditor != address(0) && _identities.identityOwner(accreditor) == msg.sender) return true;
        return _identities.identityOwner(anchor) == msg.sender;
    }

    /// @return number The version in force at a time; 0, and nothing else, where none was.
    function _versionAt(address anchor, uint64 time) private view returns (uint32 number, Version memory version) {
        Anchor storage state = _anchors[anchor];
        uint32 high = state.latest;
        while (number < high) {
            uint32 middle = (number + high + 1) / 2;
            if (state.versions[middle].validFrom <= time) number = middle;
            else high = middle - 1;
        }
        // None of number 0 is kept, so its span is empty.
        Version storage found = state.versions[number];
        if (time < found.validUntil) version = found;
        else number = 0;
    }
}
