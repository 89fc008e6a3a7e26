// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {IClearingToken} from "../interfaces/IClearingToken.sol";
import {IPeeringRegistry} from "../interfaces/IPeeringRegistry.sol";
import {PEERING_AGREEMENT_TYPEHASH, PeeringAgreement} from "../types/Clearing.sol";

/// @title PeeringRegistry
contract PeeringRegistry is EIP712, IPeeringRegistry {
    using Checkpoints for Checkpoints.Trace160;

    struct Version {
        PeeringAgreement agreement;
        uint64 validUntil;
    }

    /// @dev `used` is the last version number that was agreed, ended or withdrawn; never below `latest`.
    /// `starts` maps validFrom to version. Only the last of versions that begin together is in it.
    struct Pair {
        uint32 latest;
        uint32 used;
        Checkpoints.Trace160 starts;
        mapping(uint32 version => Version version_) versions;
    }

    uint16 private constant MAX_FEE_BPS = 10_000;
    /// @dev Bounds how long a side can be held, and catches milliseconds taken for seconds.
    uint32 private constant MAX_NOTICE = 366 days;
    uint64 private constant MAX_LEAD = 366 days;
    uint64 private constant OPEN = type(uint64).max;

    mapping(address utilityA => mapping(address utilityB => Pair pair)) private _pairs;

    constructor() EIP712("PeeringRegistry", "1") {}

    /// @inheritdoc IPeeringRegistry
    function agree(PeeringAgreement calldata agreement, bytes calldata signatureA, bytes calldata signatureB) external {
        address utilityA = agreement.utilityA;
        address utilityB = agreement.utilityB;
        if (utilityA >= utilityB) revert UtilitiesUnordered(utilityA, utilityB);
        Pair storage pair = _pairs[utilityA][utilityB];
        _checkTerms(agreement, pair);
        _checkSides(agreement, signatureA, signatureB);

        uint64 validFrom = agreement.validFrom;
        Version storage previous = pair.versions[pair.latest];
        if (previous.validUntil > validFrom) previous.validUntil = validFrom;
        pair.latest = agreement.version;
        pair.used = agreement.version;
        pair.starts.push(validFrom, agreement.version);
        pair.versions[agreement.version] = Version({agreement: agreement, validUntil: OPEN});
        emit PeeringAgreed(utilityA, utilityB, agreement.version, agreement);
    }

    /// @inheritdoc IPeeringRegistry
    function end(address peer) external returns (uint64 endsAt) {
        (address utilityA, address utilityB) = _ordered(msg.sender, peer);
        Pair storage pair = _pairs[utilityA][utilityB];
        uint32 version = pair.latest;
        if (version == 0) revert NotPeered(utilityA, utilityB);
        Version storage latest_ = pair.versions[version];
        if (latest_.validUntil != OPEN) revert AlreadyEnded(utilityA, utilityB, latest_.validUntil);

        uint64 from = _later(uint64(block.timestamp), latest_.agreement.validFrom);
        endsAt = from + latest_.agreement.noticePeriod;
        latest_.validUntil = endsAt;
        emit PeeringEnded(utilityA, utilityB, version, msg.sender, endsAt);
        _withdrawOffers(pair, utilityA, utilityB);
    }

    /// @inheritdoc IPeeringRegistry
    function withdrawOffers(address peer) external returns (uint32 version) {
        (address utilityA, address utilityB) = _ordered(msg.sender, peer);
        return _withdrawOffers(_pairs[utilityA][utilityB], utilityA, utilityB);
    }

    /// @inheritdoc IPeeringRegistry
    function latest(address utility, address peer) external view returns (uint32 version) {
        return _pairOf(utility, peer).latest;
    }

    /// @inheritdoc IPeeringRegistry
    function nextVersion(address utility, address peer) external view returns (uint32 version) {
        return _pairOf(utility, peer).used + 1;
    }

    /// @inheritdoc IPeeringRegistry
    function agreementOf(address utility, address peer, uint32 version)
        external
        view
        returns (PeeringAgreement memory agreement, uint64 validUntil)
    {
        Version storage found = _pairOf(utility, peer).versions[version];
        return (found.agreement, found.validUntil);
    }

    /// @inheritdoc IPeeringRegistry
    function versionAt(address utility, address peer, uint64 time) external view returns (uint32 version) {
        Pair storage pair = _pairOf(utility, peer);
        version = uint32(pair.starts.upperLookupRecent(time));
        if (time >= pair.versions[version].validUntil) version = 0;
    }

    /// @inheritdoc IPeeringRegistry
    function digestOf(PeeringAgreement calldata agreement) public view returns (bytes32) {
        // All fields are atomic, so the ABI encoding of the struct is its EIP-712 encoding.
        return _hashTypedDataV4(keccak256(abi.encode(PEERING_AGREEMENT_TYPEHASH, agreement)));
    }

    function _withdrawOffers(Pair storage pair, address utilityA, address utilityB) private returns (uint32 version) {
        version = ++pair.used;
        emit OffersWithdrawn(utilityA, utilityB, version, msg.sender);
    }

    function _checkTerms(PeeringAgreement calldata agreement, Pair storage pair) private view {
        uint32 expected = pair.used + 1;
        if (agreement.version != expected) revert VersionUnexpected(agreement.version, expected);
        uint64 time = uint64(block.timestamp);
        if (agreement.deadline < time) revert AgreementExpired(agreement.deadline, time);
        if (agreement.feeBps > MAX_FEE_BPS) revert FeeTooHigh(agreement.feeBps, MAX_FEE_BPS);
        if (agreement.noticePeriod > MAX_NOTICE) revert NoticeTooLong(agreement.noticePeriod, MAX_NOTICE);
        if (agreement.validFrom > time + MAX_LEAD) revert AgreementTooFarAhead(agreement.validFrom, time + MAX_LEAD);
        if (pair.latest != 0) {
            uint64 earliest = _later(time, pair.versions[pair.latest].agreement.validFrom);
            if (agreement.validFrom < earliest) revert AgreementBackdated(agreement.validFrom, earliest);
        }
    }

    /// @dev Membership and signatures are asked for by static calls, so that nothing can enter again.
    function _checkSides(
        PeeringAgreement calldata agreement,
        bytes calldata signatureA,
        bytes calldata signatureB
    ) private view {
        if (agreement.currency.code.length == 0) revert CurrencyNotContract(agreement.currency);
        bytes32 digest = digestOf(agreement);
        _checkSide(agreement.currency, agreement.utilityA, digest, signatureA);
        _checkSide(agreement.currency, agreement.utilityB, digest, signatureB);
    }

    function _checkSide(address currency, address utility, bytes32 digest, bytes calldata signature) private view {
        if (!IClearingToken(currency).isMember(utility)) revert NotMember(currency, utility);
        if (!SignatureChecker.isValidSignatureNowCalldata(utility, digest, signature)) {
            revert UtilitySignatureInvalid(utility, digest);
        }
    }

    function _pairOf(address utility, address peer) private view returns (Pair storage) {
        (address utilityA, address utilityB) = _ordered(utility, peer);
        return _pairs[utilityA][utilityB];
    }

    function _ordered(address utility, address peer) private pure returns (address utilityA, address utilityB) {
        return utility < peer ? (utility, peer) : (peer, utility);
    }

    function _later(uint64 a, uint64 b) private pure returns (uint64) {
        return a > b ? a : b;
    }
}
