// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessCertificate, DataHostBootstrapping} from "../types/Access.sol";

/// @title AccessRegistry
/// @notice Who may do what with a resource, on whose word, at what time.
///
/// A resource belongs to an identity for good; whoever owns that identity decides. For (resource, accessor, right, time)
/// the first of these that applies gives the answer:
/// 1. the accessor is the identity that the resource belongs to: allowed;
/// 2. the accessor is on the resource's block list: denied;
/// 3. the accessor's certificate was revoked by the resource's identity: denied, until another certificate begins;
/// 4. the accessor's certificate holds the right, and with it each one that it is delegated from: allowed;
/// 5. the allow list, then a group that the accessor is a member of: allowed;
/// 6. the default rights of the bootstrapping certificate in force: allowed;
/// 7. otherwise denied.
/// A certificate that fails for another cause than (3) takes nothing away: a grantee that passes its rights on to
/// somebody, and then revokes, cannot undo what lists and groups give. A grantee that is blocked passes nothing on.
///
/// To revoke what a delegate granted is not to shut its grantee out: one that the delegate had granted before, and that
/// begins later, begins all the same, and a delegate that sees the revocation coming can grant once more before it. Who
/// means the accessor blocks it; who means the delegate revokes the delegate's own certificate, or blocks the delegate.
///
/// Among delegates the first holds: while its certificate for an accessor stands or is still to begin, however far ahead
/// and however little it gives, no other delegate grants that accessor. The resource's identity may at any time.
///
/// All grants on a resource end for good when its identity changes hands, or the entity that this is part of (a battery's
/// vehicle), or when it becomes part of another: see `epochAt`. What a delegate granted ends when the delegate's identity
/// changes hands, memberships and the certificates of a group when the group's does. Blocks stay.
///
/// Nothing is ever backdated: the answer for a time that has passed does not change.
interface IAccessRegistry {
    /// @dev From OWNER on, access is allowed.
    enum Reason {
        UNKNOWN_RESOURCE,
        BLOCKED,
        REVOKED,
        USED_UP,
        DENIED,
        OWNER,
        CERTIFICATE,
        ALLOW_LIST,
        GROUP,
        DEFAULT
    }

    /// @notice In force from `start`, the later of its `validFrom` and the time it was brought.
    event HostBootstrapped(
        bytes32 indexed resource,
        bytes32 indexed certificate,
        address indexed host,
        uint64 broughtAt,
        uint64 start,
        DataHostBootstrapping bootstrapping
    );
    /// @notice In force from `start`, the later of its `validFrom` and the time it was brought.
    /// @param place Where the certificate of a group is kept, 0 to 15; 0 for that of an accessor.
    event AccessGranted(
        bytes32 indexed resource,
        bytes32 indexed certificate,
        address indexed grantee,
        uint64 broughtAt,
        uint64 start,
        uint8 place,
        AccessCertificate granted
    );
    /// @param uses How often it has been used now.
    event CertificateUsed(bytes32 indexed certificate, address indexed accessor, uint32 uses, uint64 usedAt);
    event AccessorBlocked(bytes32 indexed resource, address indexed accessor, uint64 from);
    event AccessorUnblocked(bytes32 indexed resource, address indexed accessor, uint64 from);
    event AccessorAllowed(bytes32 indexed resource, address indexed accessor, uint32 rights, uint64 from);
    event AccessorDisallowed(bytes32 indexed resource, address indexed accessor, uint64 from);
    event GroupCreated(bytes32 indexed group, address indexed owner, bytes32 label);
    event MemberAdded(bytes32 indexed group, address indexed member, uint64 from);
    event MemberRemoved(bytes32 indexed group, address indexed member, uint64 from);

    error ResourceUnknown(bytes32 resource);
    error GroupUnknown(bytes32 group);
    /// @notice Only the account that owns the identity may do this.
    error NotOwner(address identity, address account);
    /// @notice Neither sent nor signed by the account that owns the identity.
    error SignatureInvalid(address identity, bytes32 digest);
    /// @notice The identity, or what it is part of, changed hands in this very second or since the certificate begins: what
    /// was signed under one owner does not come to life under another. So it is with the identity that keeps a group.
    error OwnershipTooNew(address identity, uint64 since);
    /// @notice It ends before it begins, or has ended, or ends later than 2^48 - 1.
    error ValidityInvalid(uint64 validFrom, uint64 validUntil);
    error DeadlinePassed(uint64 deadline, uint64 time);
    error AlreadyBrought(bytes32 certificate);
    /// @notice What is revoked, or is to be, by its granter or by the resource's identity, is not brought any more: it
    /// would end the one that stands.
    error CertificateRevoked(bytes32 certificate);
    /// @notice No right, or one that is not known.
    error RightsInvalid(uint32 rights);
    error HostInvalid(address host);
    /// @notice A certificate names an accessor or a group; neither is the zero address nor the owner, who needs no grant.
    error GranteeInvalid(address grantee, bytes32 group);
    error AccessorInvalid(address accessor);
    /// @notice It begins before the one that the same granter gave the same grantee last, or before that was revoked,
    /// whatever others granted since: an old paper does not undo a new one. The granter's owner may send it itself.
    error CertificateOlder(uint64 validFrom, uint64 earliest);
    /// @notice A delegate does not replace what another granted while that lives, nor what the owner revoked.
    error GrantedByAnother(bytes32 certificate, address granter);
    /// @notice The granter is not the resource's identity, and `parent` is not the certificate that it holds now.
    error ParentNotInForce(bytes32 parent, address granter);
    /// @notice The resource's identity grants of its own, and names no parent.
    error ParentNotNeeded(bytes32 parent);
    error ParentNotDelegable(bytes32 parent);
    error DelegationTooDeep(uint8 depth, uint8 limit);
    /// @notice A delegated certificate is wider than its parent: in rights, in time, in uses or in purpose.
    error RightsWidened(uint32 rights, uint32 limit);
    error ValidityWidened(uint64 validUntil, uint64 limit);
    error UsesWidened(uint32 maxUses, uint32 limit);
    error PurposeWidened(bytes32 purpose, bytes32 limit);
    /// @notice A group is granted by the resource's identity, and its members pass nothing on.
    error GroupNotDelegable(bytes32 group);
    error TooManyGroups(bytes32 resource, uint256 limit);
    error NotHost(address host, address account);
    error AccessDenied(bytes32 resource, address accessor, uint32 right, Reason reason);

    /// @notice Registers a resource, or renews where its data are and what anybody may do with it. The one before ends
    /// when this one begins; one that has not begun is replaced, by one that begins sooner only where the owner sends it.
    /// @param signature By the owner of `bootstrapping.owner`; anything where that owner sends the transaction.
    function bootstrap(DataHostBootstrapping calldata bootstrapping, bytes calldata signature)
        external
        returns (bytes32 resource);

    /// @notice Puts an access certificate in force. For one grantee and resource, the certificate before ends when this
    /// one begins; one that has not begun is replaced, by one of the same granter that begins sooner only where the
    /// granter's owner sends it.
    /// @dev A certificate lives only while the one that it is delegated from is its granter's in force. Four delegations
    /// at most. A resource has at most 16 groups whose certificates are alive.
    /// @param signature By the owner of `certificate.granter`; anything where that owner sends the transaction.
    /// @return hash Its struct hash, which RevocationRegistry takes as target, under the granter or under the resource's
    /// identity.
    function grant(AccessCertificate calldata certificate, bytes calldata signature) external returns (bytes32 hash);

    /// @notice Whoever acts for the host counts a use, or is refused where there is no access now. What is without limit
    /// is not counted.
    function use(bytes32 resource, address accessor, uint32 right) external returns (Reason reason, bytes32 certificate);

    /// @notice From now on. Only the owner of the resource's identity, as for the three below. Those that are already as
    /// asked are passed over.
    function blockAccessors(bytes32 resource, address[] calldata accessors) external;
    function unblockAccessors(bytes32 resource, address[] calldata accessors) external;
    function allowAccessors(bytes32 resource, address[] calldata accessors, uint32 rights) external;
    function disallowAccessors(bytes32 resource, address[] calldata accessors) external;

    /// @notice From now on; with the first call, also without members, the group begins to be. Only the owner of the
    /// identity. Those that are already members are passed over.
    function addMembers(address owner, bytes32 label, address[] calldata members) external returns (bytes32 group);
    function removeMembers(address owner, bytes32 label, address[] calldata members) external returns (bytes32 group);

    /// @notice May the accessor do this with the resource at this time?
    /// @param right One right, or several that one certificate or entry must hold together.
    /// @return allowed Whether.
    /// @return reason What decided.
    /// @return certificate The certificate that decided: where REVOKED, USED_UP, CERTIFICATE, GROUP or DEFAULT.
    /// @dev A session that began with the last use goes on under USED_UP: who keeps it compares the certificate.
    function check(bytes32 resource, address accessor, uint32 right, uint64 time)
        external
        view
        returns (bool allowed, Reason reason, bytes32 certificate);

    /// @notice The identity that a resource belongs to; zero where unknown.
    function ownerOf(bytes32 resource) external view returns (address identity);

    /// @notice When the hands that a resource was in at a time had taken it: what was granted in that second or before is
    /// void. The latest of: its identity changed hands; it became part of its entity, or ceased to be; that entity changed
    /// hands. 0 where none of it happened, or the resource is unknown.
    function epochAt(bytes32 resource, uint64 time) external view returns (uint64 since);

    /// @notice The identity that keeps a group; zero where unknown.
    function groupOwnerOf(bytes32 group) external view returns (address identity);

    /// @notice The host of the bootstrapping certificate in force; zeros where there is none.
    function hostAt(bytes32 resource, uint64 time) external view returns (address host, bytes32 certificate);

    /// @notice The certificate that stood for an accessor, good or not; zero where none did.
    function certificateAt(bytes32 resource, address accessor, uint64 time) external view returns (bytes32 certificate);

    /// @notice The certificates of groups that stood for a resource, by place, good or not.
    function groupCertificatesAt(bytes32 resource, uint64 time) external view returns (bytes32[] memory certificates);

    /// @notice What is kept of an access certificate; zero where it was never brought.
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
        );

    /// @notice How often a certificate was used, and how often it may be (0 is without limit).
    function usesOf(bytes32 certificate) external view returns (uint32 uses, uint32 maxUses);

    function isBlockedAt(bytes32 resource, address accessor, uint64 time) external view returns (bool);

    /// @notice Rights that the allow list gives; 0 where the entry has ended.
    function allowedAt(bytes32 resource, address accessor, uint64 time) external view returns (uint32 rights);

    /// @notice Was it a member, on the word of who owns the group's identity at that time?
    function isMemberAt(bytes32 group, address member, uint64 time) external view returns (bool);

    /// @notice keccak256(abi.encode(identity, label)): so that nobody can take another's.
    function resourceId(address identity, bytes32 label) external pure returns (bytes32 resource);
    function groupId(address identity, bytes32 label) external pure returns (bytes32 group);

    /// @notice What is signed.
    function digestOfBootstrapping(DataHostBootstrapping calldata bootstrapping) external view returns (bytes32);
    function digestOfCertificate(AccessCertificate calldata certificate) external view returns (bytes32);
}
