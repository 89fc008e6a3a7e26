// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {PeeringAgreement} from "../types/Clearing.sol";

/// @title PeeringRegistry
/// @notice The agreements between pairs of utilities: signed by both, versioned, never edited. Anyone may bring the
/// signatures. Either side ends an agreement with the notice that it names; only both together amend it.
interface IPeeringRegistry {
    event PeeringAgreed(address indexed utilityA, address indexed utilityB, uint32 indexed version, PeeringAgreement agreement);
    /// @notice The agreement applies to no session that starts at or after `endsAt`.
    event PeeringEnded(address indexed utilityA, address indexed utilityB, uint32 indexed version, address by, uint64 endsAt);

    error UtilitiesUnordered(address utilityA, address utilityB);
    error NotMember(address currency, address utility);
    error VersionUnexpected(uint32 version, uint32 expected);
    error AgreementExpired(uint64 deadline, uint64 time);
    error FeeTooHigh(uint16 feeBps, uint16 limit);
    /// @notice A version begins after the one before it: sessions already started keep the terms they started under.
    error AgreementBackdated(uint64 validFrom, uint64 earliest);
    error UtilitySignatureInvalid(address utility, bytes32 digest);
    error NotPeered(address utilityA, address utilityB);
    error AlreadyEnded(address utilityA, address utilityB, uint64 endsAt);

    /// @notice Puts an agreement in force. Signatures are EIP-712, by a key or an EIP-1271 account.
    /// The pair's first version may be dated in the past; a later one begins now or later, and closes the one before it.
    function agree(PeeringAgreement calldata agreement, bytes calldata signatureA, bytes calldata signatureB) external;

    /// @notice The caller ends its agreement with a peer, `noticePeriod` from now.
    function end(address peer) external returns (uint64 endsAt);

    /// @notice The number of versions of a pair, in either order; 0 where there is none.
    function latest(address utility, address peer) external view returns (uint32 version);

    /// @notice A version and the span [validFrom, validUntil) in which it applies; `validUntil` is the largest uint64 while open.
    /// Zero where unknown. Versions count from 1.
    function agreementOf(address utility, address peer, uint32 version)
        external
        view
        returns (PeeringAgreement memory agreement, uint64 validUntil);

    /// @notice The version that applies to a session that starts at a time; 0 where none does.
    function versionAt(address utility, address peer, uint64 time) external view returns (uint32 version);

    /// @notice The EIP-712 digest both sides sign.
    function digestOf(PeeringAgreement calldata agreement) external view returns (bytes32);
}
