// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PeeringAgreement} from "../types/Clearing.sol";

/// @title PeeringRegistry
/// @notice The agreements between pairs of utilities: signed by both, versioned, never edited. Anyone may bring the
/// signatures. Either side ends an agreement with the notice that it names; only both together amend it.
/// @dev At any time at most one version of a pair applies. Versions of a pair only ever grow; an end and a withdrawal
/// use one up, so that numbers may be skipped and nothing signed before them can be brought after them.
///
/// Both sides are taken at their word: terms that they sign are not judged beyond the limits below, and `currency` is
/// whatever contract they name. What either can rely on alone is the way out: at most 366 days until an agreement
/// begins, and 366 more of notice.
interface IPeeringRegistry {
    event PeeringAgreed(
        address indexed utilityA, address indexed utilityB, uint32 indexed version, PeeringAgreement agreement
    );
    /// @notice The agreement applies to no session that starts at or after `endsAt`.
    event PeeringEnded(
        address indexed utilityA, address indexed utilityB, uint32 indexed version, address by, uint64 endsAt
    );
    /// @notice What either side had signed under `version` opens nothing any more.
    event OffersWithdrawn(address indexed utilityA, address indexed utilityB, uint32 indexed version, address by);

    error UtilitiesUnordered(address utilityA, address utilityB);
    error CurrencyNotContract(address currency);
    error NotMember(address currency, address utility);
    error VersionUnexpected(uint32 version, uint32 expected);
    error AgreementExpired(uint64 deadline, uint64 time);
    error FeeTooHigh(uint16 feeBps, uint16 limit);
    error NoticeTooLong(uint32 noticePeriod, uint32 limit);
    /// @notice A version begins no sooner than now or than the one before it: sessions already started keep the terms
    /// that they started under.
    error AgreementBackdated(uint64 validFrom, uint64 earliest);
    error AgreementTooFarAhead(uint64 validFrom, uint64 limit);
    error UtilitySignatureInvalid(address utility, bytes32 digest);
    error NotPeered(address utilityA, address utilityB);
    error AlreadyEnded(address utilityA, address utilityB, uint64 endsAt);

    /// @notice Puts an agreement in force. Signatures are EIP-712, by a key (65 bytes, low s) or an EIP-1271 account.
    /// The pair's first version may be dated in the past; a later one begins now or later, and closes the one before it
    /// where that would still apply. One that begins with the one before it replaces it altogether.
    function agree(PeeringAgreement calldata agreement, bytes calldata signatureA, bytes calldata signatureB) external;

    /// @notice The caller ends its latest agreement with a peer, `noticePeriod` from now, or from its beginning where
    /// that is still ahead. It also withdraws all offers, see `withdrawOffers`.
    function end(address peer) external returns (uint64 endsAt);

    /// @notice The caller takes back what it has signed for a peer and what has not been brought yet, by using up the
    /// pair's next version. Agreements in force stay as they are.
    function withdrawOffers(address peer) external returns (uint32 version);

    /// @notice The latest version agreed by a pair, in either order; 0 where there is none.
    function latest(address utility, address peer) external view returns (uint32 version);

    /// @notice The version that the pair's next agreement must carry.
    function nextVersion(address utility, address peer) external view returns (uint32 version);

    /// @notice A version and the span [validFrom, validUntil) in which it applies; `validUntil` is the largest uint64
    /// while open. Versions count from 1. Zero where unknown, as for one that an end or a withdrawal used up.
    function agreementOf(address utility, address peer, uint32 version)
        external
        view
        returns (PeeringAgreement memory agreement, uint64 validUntil);

    /// @notice The version that applies to a session that starts at a time; 0 where none does.
    function versionAt(address utility, address peer, uint64 time) external view returns (uint32 version);

    /// @notice The EIP-712 digest both sides sign.
    function digestOf(PeeringAgreement calldata agreement) external view returns (bytes32);
}
