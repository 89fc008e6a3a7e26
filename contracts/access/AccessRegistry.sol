// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IAccessRegistry} from "../interfaces/IAccessRegistry.sol";
import {ICertificateRegistry} from "../interfaces/ICertificateRegistry.sol";
import {IDIDRegistry} from "../interfaces/IDIDRegistry.sol";
import {IRevocationRegistry} from "../interfaces/IRevocationRegistry.sol";
import {CertificateLog} from "../libraries/CertificateLog.sol";
import {DatedValues} from "../libraries/DatedValues.sol";
import {OwnerSignature} from "../libraries/OwnerSignature.sol";
import {
    ACCESS_CERTIFICATE_TYPEHASH,
    ALL_RIGHTS,
    AccessCertificate,
    DATA_HOST_BOOTSTRAPPING_TYPEHASH,
    DataHostBootstrapping
} from "../types/Access.sol";

/// @title AccessRegistry
/// @dev See IAccessRegistry.
contract AccessRegistry is EIP712, IAccessRegistry {
    using CertificateLog for CertificateLog.Log;
    using DatedValues for DatedValues.List;

    /// @dev `owner`, `knownSince` and `places` share a slot. `marks` are by what the certificates were for: an accessor, a
    /// group, or zero where it is the host. Lists hold 1 or 0; `allowed` the rights.
    struct Resource {
        address owner;
        uint48 knownSince;
        uint8 places;
        CertificateLog.Log hosts;
        mapping(address accessor => CertificateLog.Log certificates) grants;
        mapping(uint256 place => CertificateLog.Log certificates) groups;
        mapping(address granter => mapping(bytes32 grantee => Mark)) marks;
        mapping(address accessor => DatedValues.List list) blocked;
        mapping(address accessor => DatedValues.List list) allowed;
    }

    /// @dev What the log does not hold of an access certificate. The first four share a slot.
    struct Terms {
        address granter;
        uint32 rights;
        uint32 maxUses;
        uint32 uses;
        bytes32 parent;
        bytes32 purpose;
        bytes32 group;
    }

    /// @dev What the log does not hold of a bootstrapping certificate.
    struct HostTerms {
        address host;
        uint32 defaultRights;
    }

    /// @dev What a granter gave a grantee last, where the log does not end with it any more: nothing that begins before
    /// `earliest`, or before it was revoked, comes after it. The last two share a slot.
    struct Mark {
        bytes32 certificate;
        uint64 earliest;
        uint64 broughtAt;
    }

    /// @dev `members` holds 1 or 0.
    struct Group {
        address owner;
        mapping(address member => DatedValues.List list) members;
    }

    /// @dev Bounds the walk from a certificate to the owner's.
    uint8 private constant MAX_DEPTH = 4;
    /// @dev Bounds the walk through the groups of a resource.
    uint8 private constant MAX_GROUPS = 16;

    IDIDRegistry private immutable _identities;
    ICertificateRegistry private immutable _entities;
    IRevocationRegistry private immutable _revocations;

    mapping(bytes32 resource => Resource state) private _resources;
    mapping(bytes32 group => Group state) private _groups;
    mapping(bytes32 certificate => Terms terms) private _terms;
    mapping(bytes32 certificate => HostTerms terms) private _hostTerms;

    constructor(address didRegistry, address certificateRegistry, address revocationRegistry)
        EIP712("AccessRegistry", "1")
    {
        _identities = IDIDRegistry(didRegistry);
        _entities = ICertificateRegistry(certificateRegistry);
        _revocations = IRevocationRegistry(revocationRegistry);
    }

    /// @inheritdoc IAccessRegistry
    function bootstrap(DataHostBootstrapping calldata bootstrapping, bytes calldata signature)
        external
        returns (bytes32 resource)
    {
        if (bootstrapping.deadline < block.timestamp) {
            revert DeadlinePassed(bootstrapping.deadline, uint64(block.timestamp));
        }
        if (bootstrapping.host == address(0)) revert HostInvalid(bootstrapping.host);
        if (bootstrapping.defaultRights & ~ALL_RIGHTS != 0) revert RightsInvalid(bootstrapping.defaultRights);
        address owner = bootstrapping.owner;
        _checkSpan(bootstrapping.validFrom, bootstrapping.validUntil);
        _checkEpoch(owner, _epochOf(owner, _now()), bootstrapping.validFrom);
        bytes32 hash = _hashOf(bootstrapping);
        if (_hostTerms[hash].host != address(0)) revert AlreadyBrought(hash);
        _checkNotRevoked(owner, hash);
        _checkSigned(owner, hash, signature);

        resource = resourceId(owner, bootstrapping.label);
        Resource storage state = _resources[resource];
        if (state.owner == address(0)) (state.owner, state.knownSince) = (owner, uint48(block.timestamp));
        else _follow(state, state.hosts, owner, 0, bootstrapping.validFrom);
        _hostTerms[hash] = HostTerms({host: bootstrapping.host, defaultRights: bootstrapping.defaultRights});
        uint64 start = _put(state.hosts, hash, bootstrapping.validFrom, bootstrapping.validUntil, 0, false);
        emit HostBootstrapped(resource, hash, bootstrapping.host, _now(), start, bootstrapping);
    }

    /// @inheritdoc IAccessRegistry
    function grant(AccessCertificate calldata certificate, bytes calldata signature) external returns (bytes32 hash) {
        Resource storage state = _resources[certificate.resource];
        uint64 epoch = _checkTerms(state.owner, certificate);
        hash = _hashOf(certificate);
        if (_terms[hash].granter != address(0)) revert AlreadyBrought(hash);
        _checkNotRevoked(certificate.granter, hash);
        _checkSigned(certificate.granter, hash, signature);

        uint8 depth;
        if (certificate.granter != state.owner) {
            _checkNotRevoked(state.owner, hash);
            depth = _checkDelegation(state, certificate, epoch);
        } else if (certificate.parent != 0) {
            revert ParentNotNeeded(certificate.parent);
        }

        if (certificate.group == 0) _take(state.grants[certificate.grantee], state, certificate, epoch, depth, 0);
        else {
            uint8 place = _placeFor(state, certificate, epoch);
            _take(state.groups[place], state, certificate, epoch, depth, place);
        }
    }

    /// @inheritdoc IAccessRegistry
    function use(bytes32 resource, address accessor, uint32 right)
        external
        returns (Reason reason, bytes32 certificate)
    {
        (address host,) = hostAt(resource, _now());
        if (!_identities.actsFor(host, msg.sender)) revert NotHost(host, msg.sender);
        uint256 place;
        (reason, certificate, place) = _decide(resource, accessor, right, _now());
        if (reason < Reason.OWNER) revert AccessDenied(resource, accessor, right, reason);

        Resource storage state = _resources[resource];
        if (reason == Reason.GROUP) _count(state.groups[place], accessor);
        if (reason != Reason.CERTIFICATE) return (reason, certificate);
        address grantee = accessor;
        while (grantee != state.owner) grantee = _count(state.grants[grantee], accessor);
    }

    /// @inheritdoc IAccessRegistry
    function blockAccessors(bytes32 resource, address[] calldata accessors) external {
        Resource storage state = _ownResource(resource);
        for (uint256 i; i < accessors.length; ++i) {
            _checkAccessor(accessors[i], state.owner);
            if (state.blocked[accessors[i]].set(1)) emit AccessorBlocked(resource, accessors[i], _now());
        }
    }

    /// @inheritdoc IAccessRegistry
    function unblockAccessors(bytes32 resource, address[] calldata accessors) external {
        Resource storage state = _ownResource(resource);
        for (uint256 i; i < accessors.length; ++i) {
            if (state.blocked[accessors[i]].set(0)) emit AccessorUnblocked(resource, accessors[i], _now());
        }
    }

    /// @inheritdoc IAccessRegistry
    function allowAccessors(bytes32 resource, address[] calldata accessors, uint32 rights) external {
        _checkRights(rights);
        Resource storage state = _ownResource(resource);
        uint64 epoch = _epochOf(state.owner, _now());
        _checkEpoch(state.owner, epoch, _now());
        for (uint256 i; i < accessors.length; ++i) {
            _checkAccessor(accessors[i], state.owner);
            if (_allowed(state, accessors[i], _now(), epoch) == rights) continue;
            state.allowed[accessors[i]].put(rights);
            emit AccessorAllowed(resource, accessors[i], rights, _now());
        }
    }

    /// @inheritdoc IAccessRegistry
    function disallowAccessors(bytes32 resource, address[] calldata accessors) external {
        Resource storage state = _ownResource(resource);
        for (uint256 i; i < accessors.length; ++i) {
            if (state.allowed[accessors[i]].set(0)) emit AccessorDisallowed(resource, accessors[i], _now());
        }
    }

    /// @inheritdoc IAccessRegistry
    function addMembers(address owner, bytes32 label, address[] calldata members) external returns (bytes32 group) {
        _checkOwner(owner);
        uint64 epoch = _identities.ownedSince(owner);
        _checkEpoch(owner, epoch, _now());
        group = groupId(owner, label);
        Group storage state = _groups[group];
        if (state.owner == address(0)) {
            state.owner = owner;
            emit GroupCreated(group, owner, label);
        }
        for (uint256 i; i < members.length; ++i) {
            _checkAccessor(members[i], address(0));
            if (_isMember(state, members[i], _now(), epoch)) continue;
            state.members[members[i]].put(1);
            emit MemberAdded(group, members[i], _now());
        }
    }

    /// @inheritdoc IAccessRegistry
    function removeMembers(address owner, bytes32 label, address[] calldata members)
        external
        returns (bytes32 group)
    {
        _checkOwner(owner);
        group = groupId(owner, label);
        Group storage state = _groups[group];
        if (state.owner == address(0)) revert GroupUnknown(group);
        for (uint256 i; i < members.length; ++i) {
            if (state.members[members[i]].set(0)) emit MemberRemoved(group, members[i], _now());
        }
    }

    /// @inheritdoc IAccessRegistry
    function check(bytes32 resource, address accessor, uint32 right, uint64 time)
        external
        view
        returns (bool allowed, Reason reason, bytes32 certificate)
    {
        (reason, certificate,) = _decide(resource, accessor, right, time);
        allowed = reason >= Reason.OWNER;
    }

    /// @inheritdoc IAccessRegistry
    function ownerOf(bytes32 resource) external view returns (address identity) {
        return _resources[resource].owner;
    }

    /// @inheritdoc IAccessRegistry
    function epochAt(bytes32 resource, uint64 time) external view returns (uint64 since) {
        address owner = _resources[resource].owner;
        return owner == address(0) ? 0 : _epochOf(owner, time);
    }

    /// @inheritdoc IAccessRegistry
    function groupOwnerOf(bytes32 group) external view returns (address identity) {
        return _groups[group].owner;
    }

    /// @inheritdoc IAccessRegistry
    function certificateAt(bytes32 resource, address accessor, uint64 time) external view returns (bytes32) {
        return _resources[resource].grants[accessor].at(time).certificate;
    }

    /// @inheritdoc IAccessRegistry
    function groupCertificatesAt(bytes32 resource, uint64 time) external view returns (bytes32[] memory certificates) {
        Resource storage state = _resources[resource];
        certificates = new bytes32[](state.places);
        for (uint256 place; place < certificates.length; ++place) {
            certificates[place] = state.groups[place].at(time).certificate;
        }
    }

    /// @inheritdoc IAccessRegistry
    function termsOf(bytes32 certificate)
        external
        view
        returns (
            address granter,
            bytes32 group,
            bytes32 parent,
            bytes32 purpose,
            uint32 rights,
            uint32 maxUses,
            uint32 uses
        )
    {
        Terms storage terms = _terms[certificate];
        return (
            terms.granter, terms.group, terms.parent, terms.purpose, terms.rights, terms.maxUses, terms.uses
        );
    }

    /// @inheritdoc IAccessRegistry
    function usesOf(bytes32 certificate) external view returns (uint32 uses, uint32 maxUses) {
        Terms storage terms = _terms[certificate];
        return (terms.uses, terms.maxUses);
    }

    /// @inheritdoc IAccessRegistry
    function isBlockedAt(bytes32 resource, address accessor, uint64 time) external view returns (bool) {
        return _isBlocked(_resources[resource], accessor, time);
    }

    /// @inheritdoc IAccessRegistry
    function allowedAt(bytes32 resource, address accessor, uint64 time) external view returns (uint32 rights) {
        Resource storage state = _resources[resource];
        return _allowed(state, accessor, time, _epochOf(state.owner, time));
    }

    /// @inheritdoc IAccessRegistry
    function isMemberAt(bytes32 group, address member, uint64 time) external view returns (bool) {
        return _isMember(_groups[group], member, time, _identities.ownedSinceAt(_groups[group].owner, time));
    }

    /// @inheritdoc IAccessRegistry
    function digestOfBootstrapping(DataHostBootstrapping calldata bootstrapping) external view returns (bytes32) {
        return _hashTypedDataV4(_hashOf(bootstrapping));
    }

    /// @inheritdoc IAccessRegistry
    function digestOfCertificate(AccessCertificate calldata certificate) external view returns (bytes32) {
        return _hashTypedDataV4(_hashOf(certificate));
    }

    /// @inheritdoc IAccessRegistry
    function hostAt(bytes32 resource, uint64 time) public view returns (address host, bytes32 certificate) {
        Resource storage state = _resources[resource];
        certificate = _hostCertificate(state, time, _epochOf(state.owner, time));
        host = _hostTerms[certificate].host;
    }

    /// @inheritdoc IAccessRegistry
    function resourceId(address identity, bytes32 label) public pure returns (bytes32 resource) {
        return keccak256(abi.encode(identity, label));
    }

    /// @inheritdoc IAccessRegistry
    function groupId(address identity, bytes32 label) public pure returns (bytes32 group) {
        return keccak256(abi.encode(identity, label));
    }

    /// @dev Puts an access certificate in force.
    function _take(
        CertificateLog.Log storage log,
        Resource storage state,
        AccessCertificate calldata certificate,
        uint64 epoch,
        uint8 depth,
        uint8 place
    ) private {
        if (certificate.granter != state.owner) _checkStanding(state, log, certificate.granter, epoch);
        _follow(state, log, certificate.granter, _granteeOf(certificate), certificate.validFrom);
        bytes32 hash = _hashOf(certificate);
        _terms[hash] = Terms({
            granter: certificate.granter,
            rights: certificate.rights,
            maxUses: certificate.maxUses,
            uses: 0,
            parent: certificate.parent,
            purpose: certificate.purpose,
            group: certificate.group
        });
        uint64 start = _put(log, hash, certificate.validFrom, certificate.validUntil, depth, certificate.delegable);
        emit AccessGranted(certificate.resource, hash, certificate.grantee, _now(), start, place, certificate);
    }

    /// @dev Where a group's certificate is kept: where its last one is, else in a place whose last one is dead, or a new
    /// place.
    function _placeFor(Resource storage state, AccessCertificate calldata certificate, uint64 epoch)
        private
        returns (uint8 free)
    {
        uint8 places = state.places;
        free = places;
        for (uint8 place; place < places; ++place) {
            CertificateLog.Entry[] storage entries = state.groups[place].entries;
            CertificateLog.Entry memory last = entries[entries.length - 1];
            bytes32 group = _terms[last.certificate].group;
            if (group == certificate.group) return place;
            if (free == places && _isDead(state, last, epoch)) free = place;
        }
        if (free == MAX_GROUPS) revert TooManyGroups(certificate.resource, MAX_GROUPS);
        if (free == places) state.places = places + 1;
    }

    /// @dev What a granter's certificate comes after. A paper that was signed before the last one, or before that was
    /// revoked, may still lie somewhere, and only the granter itself brings it now. What is last in the log, and will be
    /// found there no more, leaves a mark.
    function _follow(
        Resource storage state,
        CertificateLog.Log storage log,
        address granter,
        bytes32 grantee,
        uint64 validFrom
    ) private {
        uint64 earliest = _earliest(state, granter, grantee);
        uint256 length = log.entries.length;
        if (length != 0) {
            CertificateLog.Entry storage last = log.entries[length - 1];
            address lastGranter = granter;
            bytes32 lastGrantee = grantee;
            if (grantee != 0) {
                Terms storage terms = _terms[last.certificate];
                lastGranter = terms.granter;
                if (terms.group != 0) lastGrantee = terms.group;
            }
            bool same = lastGranter == granter && lastGrantee == grantee;
            (bool counts, uint64 limit) = _limitOf(lastGranter, last.certificate, last.validFrom, last.broughtAt);
            if (same && limit > earliest) earliest = limit;
            if (counts && (!same || validFrom < earliest)) {
                uint64 marked = same ? earliest : _earliest(state, lastGranter, lastGrantee);
                state.marks[lastGranter][lastGrantee] = Mark({
                    certificate: last.certificate,
                    earliest: limit > marked ? limit : marked,
                    broughtAt: last.broughtAt
                });
            }
        }
        if (validFrom < earliest && _identities.identityOwner(granter) != msg.sender) {
            revert CertificateOlder(validFrom, earliest);
        }
    }

    /// @dev Puts a certificate at the end of a log.
    function _put(
        CertificateLog.Log storage log,
        bytes32 hash,
        uint64 validFrom,
        uint64 validUntil,
        uint8 depth,
        bool delegable
    ) private returns (uint64 start) {
        start = validFrom > block.timestamp ? validFrom : _now();
        log.add(
            CertificateLog.Entry({
                certificate: hash,
                start: uint48(start),
                broughtAt: uint48(block.timestamp),
                validFrom: uint48(validFrom),
                validUntil: uint48(validUntil),
                usedUpAt: 0,
                depth: depth,
                delegable: delegable
            })
        );
    }

    /// @dev Counts a use of the certificate in force.
    /// @return granter Who granted it: the next in the chain.
    function _count(CertificateLog.Log storage log, address accessor) private returns (address granter) {
        CertificateLog.Entry storage entry = log.entries[log.find(_now()) - 1];
        bytes32 hash = entry.certificate;
        Terms storage terms = _terms[hash];
        granter = terms.granter;
        if (terms.maxUses == 0) return granter;
        uint32 uses = terms.uses + 1;
        terms.uses = uses;
        if (uses == terms.maxUses) entry.usedUpAt = uint48(block.timestamp);
        emit CertificateUsed(hash, accessor, uses, _now());
    }

    /// @dev What can be said against the certificate alone.
    /// @return epoch The resource's, now.
    function _checkTerms(address owner, AccessCertificate calldata certificate) private view returns (uint64 epoch) {
        if (owner == address(0)) revert ResourceUnknown(certificate.resource);
        _checkRights(certificate.rights);
        bytes32 group = certificate.group;
        address grantee = certificate.grantee;
        if ((grantee == address(0)) != (group != 0) || grantee == owner || grantee == certificate.granter) {
            revert GranteeInvalid(grantee, group);
        }
        if (group != 0) {
            address groupOwner = _groups[group].owner;
            if (groupOwner == address(0)) revert GroupUnknown(group);
            _checkEpoch(groupOwner, _identities.ownedSince(groupOwner), certificate.validFrom);
            if (certificate.granter != owner || certificate.delegable) revert GroupNotDelegable(group);
        }
        _checkSpan(certificate.validFrom, certificate.validUntil);
        epoch = _epochOf(owner, _now());
        _checkEpoch(owner, epoch, certificate.validFrom);
        if (certificate.granter != owner) {
            _checkEpoch(
                certificate.granter, _identities.ownedSince(certificate.granter), certificate.validFrom
            );
        }
    }

    /// @dev May the granter, who is not the owner, pass this on?
    function _checkDelegation(Resource storage state, AccessCertificate calldata certificate, uint64 epoch)
        private
        view
        returns (uint8 depth)
    {
        bytes32 parent = certificate.parent;
        CertificateLog.Entry memory held = state.grants[certificate.granter].at(_now());
        // The right that is asked for comes later, by name: here all that counts is that the parent is alive.
        if (
            parent == 0 || held.certificate != parent || held.broughtAt <= epoch
                || _isBlocked(state, certificate.granter, _now())
                || _isRevoked(state.owner, parent, _now())
                || _standing(state, held, _terms[parent].rights, _now()) != Reason.CERTIFICATE
        ) revert ParentNotInForce(parent, certificate.granter);
        if (!held.delegable) revert ParentNotDelegable(parent);
        depth = held.depth + 1;
        if (depth > MAX_DEPTH) revert DelegationTooDeep(depth, MAX_DEPTH);

        Terms storage limits = _terms[parent];
        if (certificate.rights & ~limits.rights != 0) revert RightsWidened(certificate.rights, limits.rights);
        if (certificate.validUntil > held.validUntil) {
            revert ValidityWidened(certificate.validUntil, held.validUntil);
        }
        if (limits.maxUses != 0 && (certificate.maxUses == 0 || certificate.maxUses > limits.maxUses)) {
            revert UsesWidened(certificate.maxUses, limits.maxUses);
        }
        if (limits.purpose != 0 && certificate.purpose != limits.purpose) {
            revert PurposeWidened(certificate.purpose, limits.purpose);
        }
    }

    /// @dev Will this certificate, the last in its place, never allow anything again, nor the one that it is to replace?
    function _isDead(Resource storage state, CertificateLog.Entry memory entry, uint64 epoch)
        private
        view
        returns (bool)
    {
        address groupOwner = _groups[_terms[entry.certificate].group].owner;
        if (entry.broughtAt <= epoch || entry.broughtAt <= _identities.ownedSince(groupOwner)) return true;
        if (entry.start > block.timestamp) return false;
        return entry.validUntil <= block.timestamp || entry.usedUpAt != 0
            || _isRevoked(state.owner, entry.certificate, _now());
    }

    /// @dev May a delegate's certificate take the place of what stands?
    function _checkStanding(
        Resource storage state,
        CertificateLog.Log storage log,
        address granter,
        uint64 epoch
    ) private view {
        uint256 length = log.entries.length;
        if (length == 0) return;
        _checkNotAnothers(state, log.entries[length - 1], granter, epoch);
        if (length > 1 && log.entries[length - 1].start > block.timestamp) {
            _checkNotAnothers(state, log.entries[length - 2], granter, epoch);
        }
    }

    function _checkNotAnothers(
        Resource storage state,
        CertificateLog.Entry memory entry,
        address granter,
        uint64 epoch
    ) private view {
        if (entry.broughtAt <= epoch) return;
        bytes32 hash = entry.certificate;
        if (_revocations.revokedFrom(state.owner, hash) != 0) revert GrantedByAnother(hash, state.owner);
        Terms storage terms = _terms[hash];
        if (terms.granter == granter) return;
        if (_standing(state, entry, terms.rights, _now()) == Reason.CERTIFICATE) {
            revert GrantedByAnother(hash, terms.granter);
        }
    }

    /// @dev From when on a certificate may begin that follows what is marked.
    function _earliest(Resource storage state, address granter, bytes32 grantee) private view returns (uint64 time) {
        Mark storage mark = state.marks[granter][grantee];
        uint64 broughtAt = mark.broughtAt;
        if (broughtAt != 0) (, time) = _limitOf(granter, mark.certificate, mark.earliest, broughtAt);
    }

    /// @dev The time that a certificate begins or, later, is revoked. What an earlier owner of the granter did does not
    /// count: it could hold up the present one by a certificate, or a revocation, that is far ahead.
    function _limitOf(address granter, bytes32 certificate, uint64 validFrom, uint64 broughtAt)
        private
        view
        returns (bool counts, uint64 limit)
    {
        if (broughtAt <= _identities.ownedSince(granter)) return (false, 0);
        limit = _revocations.revokedFrom(granter, certificate);
        return (true, limit > validFrom ? limit : validFrom);
    }

    /// @dev The whole answer. `place` is where the certificate of a GROUP is kept.
    function _decide(bytes32 resource, address accessor, uint32 right, uint64 time)
        private
        view
        returns (Reason reason, bytes32 certificate, uint256 place)
    {
        Resource storage state = _resources[resource];
        address owner = state.owner;
        if (owner == address(0) || time < state.knownSince) return (Reason.UNKNOWN_RESOURCE, 0, 0);
        if (accessor == owner) return (Reason.OWNER, 0, 0);
        if (_isBlocked(state, accessor, time)) return (Reason.BLOCKED, 0, 0);

        uint64 epoch = _epochOf(owner, time);
        reason = Reason.DENIED;
        CertificateLog.Entry memory entry = state.grants[accessor].at(time);
        if (entry.broughtAt > epoch) {
            certificate = entry.certificate;
            if (_isRevoked(owner, certificate, time)) return (Reason.REVOKED, certificate, 0);
            reason = _standing(state, entry, right, time);
            if (reason == Reason.CERTIFICATE) return (reason, certificate, 0);
            if (reason == Reason.DENIED) certificate = 0;
        }

        if (_holds(_allowed(state, accessor, time, epoch), right)) return (Reason.ALLOW_LIST, 0, 0);

        for (; place < state.places; ++place) {
            (Reason found, bytes32 granted) = _group(state, place, accessor, right, time, epoch);
            if (found == Reason.GROUP) return (found, granted, place);
            if (found == Reason.USED_UP && reason == Reason.DENIED) (reason, certificate) = (found, granted);
        }

        bytes32 host = _hostCertificate(state, time, epoch);
        if (_holds(_hostTerms[host].defaultRights, right)) return (Reason.DEFAULT, host, 0);
    }

    /// @dev How an accessor's certificate stands, and each that it is delegated from; the first that fails says it.
    /// Whether the owner revoked the accessor's own, and the epoch, are the caller's to ask: what holds for the owner's
    /// certificate at the end of the chain holds for all, as each was brought after its parent.
    function _standing(Resource storage state, CertificateLog.Entry memory entry, uint32 right, uint64 time)
        private
        view
        returns (Reason)
    {
        address owner = state.owner;
        while (true) {
            Terms storage terms = _terms[entry.certificate];
            if (time >= entry.validUntil || !_holds(terms.rights, right)) return Reason.DENIED;
            if (entry.usedUpAt != 0 && entry.usedUpAt <= time) return Reason.USED_UP;
            address granter = terms.granter;
            if (granter == owner) return Reason.CERTIFICATE;

            if (_isBlocked(state, granter, time)) return Reason.DENIED;
            if (_isRevoked(granter, entry.certificate, time)) return Reason.REVOKED;
            if (entry.broughtAt <= _identities.ownedSinceAt(granter, time)) return Reason.DENIED;
            entry = state.grants[granter].at(time);
            if (entry.certificate != terms.parent) return Reason.DENIED;
            if (_isRevoked(owner, entry.certificate, time)) return Reason.REVOKED;
        }
        return Reason.DENIED;
    }

    /// @dev What the certificate of a group gives to an accessor: GROUP, USED_UP or DENIED.
    function _group(
        Resource storage state,
        uint256 place,
        address accessor,
        uint32 right,
        uint64 time,
        uint64 epoch
    ) private view returns (Reason, bytes32 certificate) {
        CertificateLog.Entry memory entry = state.groups[place].at(time);
        certificate = entry.certificate;
        if (entry.broughtAt <= epoch || time >= entry.validUntil) return (Reason.DENIED, 0);
        Terms storage terms = _terms[certificate];
        if (!_holds(terms.rights, right)) return (Reason.DENIED, 0);

        Group storage group = _groups[terms.group];
        (uint48 since, uint208 listed) = group.members[accessor].at(time);
        // Most are no members: that is asked first, as it costs least.
        if (listed == 0) return (Reason.DENIED, 0);
        uint64 groupEpoch = _identities.ownedSinceAt(group.owner, time);
        if (entry.broughtAt <= groupEpoch || since <= groupEpoch) return (Reason.DENIED, 0);
        if (_isRevoked(state.owner, certificate, time)) return (Reason.DENIED, 0);
        if (entry.usedUpAt != 0 && entry.usedUpAt <= time) return (Reason.USED_UP, certificate);
        return (Reason.GROUP, certificate);
    }

    /// @dev The bootstrapping certificate in force; zero where there is none.
    function _hostCertificate(Resource storage state, uint64 time, uint64 epoch) private view returns (bytes32) {
        CertificateLog.Entry memory entry = state.hosts.at(time);
        if (entry.broughtAt <= epoch || time >= entry.validUntil) return 0;
        return _isRevoked(state.owner, entry.certificate, time) ? bytes32(0) : entry.certificate;
    }

    function _isBlocked(Resource storage state, address accessor, uint64 time) private view returns (bool) {
        (, uint208 listed) = state.blocked[accessor].at(time);
        return listed != 0;
    }

    function _allowed(Resource storage state, address accessor, uint64 time, uint64 epoch)
        private
        view
        returns (uint32 rights)
    {
        (uint48 since, uint208 listed) = state.allowed[accessor].at(time);
        return since > epoch ? uint32(listed) : 0;
    }

    function _isMember(Group storage group, address member, uint64 time, uint64 epoch) private view returns (bool) {
        (uint48 since, uint208 listed) = group.members[member].at(time);
        return listed != 0 && since > epoch;
    }

    /// @dev See IAccessRegistry.epochAt. It never goes back: of a new parent the time counts at which it became it.
    function _epochOf(address identity, uint64 time) private view returns (uint64 epoch) {
        epoch = _identities.ownedSinceAt(identity, time);
        (address parent, uint64 since) = _entities.parentSinceAt(identity, time);
        if (since > epoch) epoch = since;
        if (parent == address(0)) return epoch;
        since = _identities.ownedSinceAt(parent, time);
        if (since > epoch) epoch = since;
    }

    function _isRevoked(address issuer, bytes32 certificate, uint64 time) private view returns (bool) {
        uint64 effectiveAt = _revocations.revokedFrom(issuer, certificate);
        return effectiveAt != 0 && effectiveAt <= time;
    }

    function _ownResource(bytes32 resource) private view returns (Resource storage state) {
        state = _resources[resource];
        if (state.owner == address(0)) revert ResourceUnknown(resource);
        _checkOwner(state.owner);
    }

    function _checkOwner(address identity) private view {
        // The owner of a deactivated identity is the zero address, which sends nothing.
        if (_identities.identityOwner(identity) != msg.sender) revert NotOwner(identity, msg.sender);
    }

    function _checkSigned(address identity, bytes32 structHash, bytes calldata signature) private view {
        address account = _identities.identityOwner(identity);
        if (account == msg.sender) return;
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!OwnerSignature.isValid(account, digest, signature)) revert SignatureInvalid(identity, digest);
    }

    /// @dev What was revoked before anybody brought it, or is to be, would take the place of what is good.
    function _checkNotRevoked(address issuer, bytes32 certificate) private view {
        if (_revocations.revokedFrom(issuer, certificate) != 0) revert CertificateRevoked(certificate);
    }

    /// @dev What begins under an owner was granted under it: strictly after the second in which it became it.
    function _checkEpoch(address identity, uint64 epoch, uint64 validFrom) private view {
        if (epoch != 0 && (epoch >= block.timestamp || validFrom <= epoch)) revert OwnershipTooNew(identity, epoch);
    }

    function _checkSpan(uint64 validFrom, uint64 validUntil) private view {
        if (validUntil <= validFrom || validUntil <= block.timestamp || validUntil > type(uint48).max) {
            revert ValidityInvalid(validFrom, validUntil);
        }
    }

    function _now() private view returns (uint64) {
        return uint64(block.timestamp);
    }

    function _checkRights(uint32 rights) private pure {
        if (rights == 0 || rights & ~ALL_RIGHTS != 0) revert RightsInvalid(rights);
    }

    function _granteeOf(AccessCertificate calldata certificate) private pure returns (bytes32) {
        return certificate.group != 0 ? certificate.group : bytes32(uint256(uint160(certificate.grantee)));
    }

    function _checkAccessor(address accessor, address owner) private pure {
        if (accessor == address(0) || accessor == owner) revert AccessorInvalid(accessor);
    }

    function _holds(uint32 rights, uint32 right) private pure returns (bool) {
        return right != 0 && rights & right == right;
    }

    /// @dev All fields are atomic, so the ABI encoding of the struct is its EIP-712 encoding.
    function _hashOf(AccessCertificate calldata certificate) private pure returns (bytes32) {
        return keccak256(abi.encode(ACCESS_CERTIFICATE_TYPEHASH, certificate));
    }

    function _hashOf(DataHostBootstrapping calldata bootstrapping) private pure returns (bytes32) {
        return keccak256(abi.encode(DATA_HOST_BOOTSTRAPPING_TYPEHASH, bootstrapping));
    }
}
