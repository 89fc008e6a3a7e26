// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AttributeChange, DelegateChange, OwnerChange} from "../types/Identity.sol";

/// @title DIDRegistry
/// @notice Who controls an identity (an address that a DID names), who may act for it, and what its document says. The
/// reads, the unsigned writes and the events of ERC-1056 are as that standard has them, so that resolvers of did:ethr read
/// this registry; the signed writes are other ones.
///
/// Every address is an identity and owns itself until it changes hands. Its owner alone changes it: by a call, or by an
/// EIP-712 signature that anyone brings. Each change, however made, uses up the identity's next nonce: what was signed
/// with that nonce and not brought is void. To take back several, signed for nonces in a row, make as many changes. So an
/// identity's nonce is the number of its events.
///
/// A change of owner begins an epoch of ownership, which ends what was granted before it: the chain cannot tell a new
/// key from a new holder. Delegates of an earlier owner stay in the document and in `validDelegate`, as the standard has
/// it, until they are revoked or expire; they no longer act for the identity (`actsFor`). Changes within one second, back to
/// the same owner, are one epoch.
/// @dev An identity without an owner is deactivated, for good. The zero address is one from the beginning.
///
/// Seconds, blocks and nonces are kept in 32 bits. From the year 2106 on owners no longer change; past block
/// 4,294,967,295 a history can no longer be walked back.
interface IDIDRegistry {
    /// @notice As in ERC-1056. Here and below, `previousChange` is the block of the identity's change before this one, 0
    /// for the first.
    /// @param owner 0 where the identity was deactivated.
    event DIDOwnerChanged(address indexed identity, address owner, uint256 previousChange);
    /// @notice As in ERC-1056.
    /// @param validTo 0 where the delegate was revoked: resolvers take the second of the revocation itself for valid.
    event DIDDelegateChanged(
        address indexed identity, bytes32 delegateType, address delegate, uint256 validTo, uint256 previousChange
    );
    /// @notice As in ERC-1056.
    /// @param validTo 0 where the attribute was revoked.
    event DIDAttributeChanged(
        address indexed identity, bytes32 name, bytes value, uint256 validTo, uint256 previousChange
    );

    error IdentityDeactivated(address identity);
    error NotOwner(address identity, address caller, address owner);
    /// @notice The beginning of an epoch no longer fits its 32 bits.
    error OwnershipClockEnded(uint256 time);
    /// @notice Nobody's signature recovers to the zero address, yet every failed recovery does.
    error DelegateZero(address identity);
    error ValidityTooLong(address identity, uint256 validity, uint256 limit);
    /// @notice The change was brought already, is brought out of turn, or another one used its nonce.
    error NonceUnexpected(address identity, uint32 nonce, uint32 expected);
    error ChangeExpired(address identity, uint32 nonce, uint64 deadline, uint64 time);
    /// @param recovered Whose key signed, if anyone's: of another owner, or of another message, chain or contract.
    error OwnerSignatureInvalid(address identity, uint32 nonce, address owner, address recovered);
    /// @notice What begins this many bytes before the end of a batch is no change.
    error ChangeKindUnknown(uint256 kind, uint256 remaining);
    /// @notice The last change of a batch lacks this many bytes.
    error ChangesCutShort(uint256 missing);

    /// @notice The owner hands an identity over, to the zero address for good.
    function changeOwner(address identity, address newOwner) external;

    /// @notice The owner makes an account a delegate of a type ("veriKey", "sigAuth") from now on.
    /// @param validity Seconds from now. 0 revokes.
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity) external;

    /// @notice The owner revokes a delegate from now on, also where it never was one.
    function revokeDelegate(address identity, bytes32 delegateType, address delegate) external;

    /// @notice The owner states an attribute: a key or a service, see the did:ethr method. It is kept in the event alone.
    /// @param validity Seconds from now. 0 revokes.
    function setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validity) external;

    /// @notice The owner withdraws an attribute from now on, also where it never was one.
    function revokeAttribute(address identity, bytes32 name, bytes calldata value) external;

    /// @notice Brings what the owner signed: 65 bytes with a low s, or what the owner's contract accepts (EIP-1271).
    function changeOwnerSigned(OwnerChange calldata change, bytes calldata signature) external;

    /// @notice Brings what the owner signed, as `changeOwnerSigned` does.
    function changeDelegateSigned(DelegateChange calldata change, bytes calldata signature) external;

    /// @notice Brings what the owner signed, as `changeOwnerSigned` does.
    function changeAttributeSigned(AttributeChange calldata change, bytes calldata signature) external;

    /// @notice Brings changes that keys signed, of any kinds and identities, in order: all or none. It comes to the same
    /// as bringing each by itself, for less gas even where it is only one.
    /// Whoever brings one of them before makes the batch fail (NonceUnexpected): leave it out, and bring the rest again.
    /// @param changes At least one, each packed, end to end:
    ///
    ///     kind 1 | identity 20 | nonce 4 | deadline 8 | r 32 | s 32 | and, by kind
    ///     1, OwnerChange:      owner 20
    ///     2, DelegateChange:   delegateType 32 | delegate 20 | validTo 8
    ///     3, AttributeChange:  name 32 | validTo 8 | length of the value 2 | value
    ///
    /// `s` is the one that goes with v = 27.
    function applySigned(bytes calldata changes) external;

    /// @notice Who controls an identity: itself where it never changed hands, 0 where it is deactivated.
    function identityOwner(address identity) external view returns (address);

    /// @notice The owner as ERC-1056 keeps it: 0 where the identity never changed hands, and where it is deactivated.
    function owners(address identity) external view returns (address);

    /// @notice The block of the last change; 0 where there was none.
    function changed(address identity) external view returns (uint256);

    /// @notice How many changes there were, which is what the next signed one must carry.
    function nonce(address identity) external view returns (uint256);

    /// @notice Until when a delegate is valid (exclusive); 0 where it never was or was revoked.
    /// @param typeHash keccak256 of the delegate type's 32 bytes.
    function delegates(address identity, bytes32 typeHash, address delegate) external view returns (uint256 validTo);

    /// @notice Is an account a delegate now, as ERC-1056 has it: whichever owner made it one? Never of a deactivated
    /// identity. Whoever lets the delegate act must ask `actsFor`.
    function validDelegate(address identity, bytes32 delegateType, address delegate) external view returns (bool);

    /// @notice May this account act for the identity now: as its owner, or as a "sigAuth" delegate whom the owner made
    /// one in this epoch of ownership?
    function actsFor(address identity, address account) external view returns (bool);

    /// @notice When the epoch of ownership began, in Unix seconds; 0 where the identity never changed hands. Of several
    /// changes of owner in one second only the last makes an epoch.
    function ownedSince(address identity) external view returns (uint64);

    /// @notice When the epoch of a time began: 0 for the first. For a time that has passed the answer never changes.
    function ownedSinceAt(address identity, uint64 time) external view returns (uint64);
}
