// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IDriverRoster} from "../interfaces/IDriverRoster.sol";
import {AddressPage} from "../libraries/AddressPage.sol";

/// @title DriverRoster
/// @dev See IDriverRoster.
contract DriverRoster is IDriverRoster, AccessManaged {
    using AddressPage for address;

    /// @dev `validFrom`, `validUntil` and `pages` share a slot (18 bytes).
    struct Roster {
        uint64 validFrom;
        uint64 validUntil;
        uint16 pages;
        mapping(uint256 pageNumber => address page) page;
        /// @dev A bit a place (see `revokedWord`), so that a settlement learns with one read that 256 drivers are good.
        mapping(uint256 word => uint256 bits) revoked;
    }

    /// @dev A power of two above AddressPage.MAX_KEYS: a place splits into page and position by bits.
    uint256 private constant PLACES_PER_PAGE = 2048;
    /// @dev Bounds the walk through a roster: 314,368 drivers.
    uint16 private constant MAX_PAGES = 256;
    /// @dev Bounds, with the one in force, the rosters that a revocation walks through.
    uint32 private constant MAX_ROSTERS_AHEAD = 8;
    uint64 private constant LONGEST_AHEAD = 5 * 365 days;

    /// @dev Numbered from 1, disjoint and ascending in time.
    mapping(address utility => mapping(uint32 number => Roster roster)) private _rosters;

    /// @inheritdoc IDriverRoster
    mapping(address utility => uint32 number) public latest;

    /// @inheritdoc IDriverRoster
    mapping(address utility => mapping(address key => uint64 effectiveAt)) public revokedFrom;

    constructor(address initialAuthority) AccessManaged(initialAuthority) {}

    /// @inheritdoc IDriverRoster
    function publish(uint64 validFrom, uint64 validUntil, address[] calldata keys)
        external
        restricted
        returns (uint32 roster)
    {
        if (validUntil <= validFrom || validUntil > block.timestamp + LONGEST_AHEAD) {
            revert RosterSpanInvalid(validFrom, validUntil);
        }
        uint32 previous = latest[msg.sender];
        uint64 previousUntil = _rosters[msg.sender][previous].validUntil;
        if (validFrom < previousUntil) revert RosterOverlaps(validFrom, previousUntil);
        // Rosters ascend: where the eighth from the end has not begun, none after it has.
        if (
            previous >= MAX_ROSTERS_AHEAD
                && _rosters[msg.sender][previous - MAX_ROSTERS_AHEAD + 1].validFrom > block.timestamp
        ) revert TooManyRostersAhead(MAX_ROSTERS_AHEAD + 1, MAX_ROSTERS_AHEAD);

        roster = previous + 1;
        latest[msg.sender] = roster;
        Roster storage state = _rosters[msg.sender][roster];
        state.validFrom = validFrom;
        state.validUntil = validUntil;
        emit RosterPublished(msg.sender, roster, validFrom, validUntil);
        _addPage(state, roster, keys);
    }

    /// @inheritdoc IDriverRoster
    function extend(uint32 roster, address[] calldata keys) external restricted {
        Roster storage state = _rosters[msg.sender][roster];
        if (state.validUntil == 0) revert RosterUnknown(msg.sender, roster);
        _addPage(state, roster, keys);
    }

    /// @inheritdoc IDriverRoster
    function revoke(address key, uint64 effectiveAt) external restricted {
        if (effectiveAt < block.timestamp) revert RevocationBackdated(effectiveAt, uint64(block.timestamp));
        uint64 standing = revokedFrom[msg.sender][key];
        if (standing != 0 && standing <= effectiveAt) revert KeyAlreadyRevoked(msg.sender, key, standing);

        bool listed;
        for (uint32 roster = latest[msg.sender]; roster != 0; --roster) {
            Roster storage state = _rosters[msg.sender][roster];
            if (state.validUntil <= effectiveAt) break;
            if (_markRevoked(state, key)) listed = true;
        }
        if (!listed) revert KeyNotListed(msg.sender, key);

        revokedFrom[msg.sender][key] = effectiveAt;
        emit DriverRevoked(msg.sender, key, effectiveAt);
    }

    /// @inheritdoc IDriverRoster
    function isValidAt(address utility, address key, uint64 time) external view returns (bool) {
        (bool found,,) = locate(utility, key, time);
        return found && !_isRevokedAt(utility, key, time);
    }

    /// @inheritdoc IDriverRoster
    function driverAt(address utility, uint32 roster, uint24 driver, uint64 time)
        external
        view
        returns (address key, Validity validity)
    {
        Roster storage state = _rosters[utility][roster];
        address page = state.page[driver / PLACES_PER_PAGE];
        uint256 position = driver % PLACES_PER_PAGE;
        if (position >= page.length()) return (address(0), Validity.UNKNOWN);

        key = page.at(position);
        if (time < state.validFrom) validity = Validity.NOT_YET_VALID;
        else if (time >= state.validUntil) validity = Validity.EXPIRED;
        else if (_isRevokedAt(utility, key, time)) validity = Validity.REVOKED;
    }

    /// @inheritdoc IDriverRoster
    function rosterOf(address utility, uint32 roster)
        external
        view
        returns (uint64 validFrom, uint64 validUntil, uint16 pages)
    {
        Roster storage state = _rosters[utility][roster];
        return (state.validFrom, state.validUntil, state.pages);
    }

    /// @inheritdoc IDriverRoster
    function pageOf(address utility, uint32 roster, uint16 pageNumber) external view returns (address page) {
        return _rosters[utility][roster].page[pageNumber];
    }

    /// @inheritdoc IDriverRoster
    function keysOf(address utility, uint32 roster, uint16 pageNumber) external view returns (address[] memory keys) {
        return _rosters[utility][roster].page[pageNumber].all();
    }

    /// @inheritdoc IDriverRoster
    function revokedWord(address utility, uint32 roster, uint16 word) external view returns (uint256) {
        return _rosters[utility][roster].revoked[word];
    }

    /// @inheritdoc IDriverRoster
    function locate(address utility, address key, uint64 time)
        public
        view
        returns (bool found, uint32 roster, uint24 driver)
    {
        roster = rosterAt(utility, time);
        Roster storage state = _rosters[utility][roster];
        uint256 pages = state.pages;
        for (uint256 pageNumber; pageNumber < pages; ++pageNumber) {
            uint256 position;
            (found, position) = state.page[pageNumber].find(key);
            if (found) return (true, roster, uint24(pageNumber * PLACES_PER_PAGE + position));
        }
    }

    /// @inheritdoc IDriverRoster
    function rosterAt(address utility, uint64 time) public view returns (uint32 roster) {
        // The last state that has begun by then; 0, whose span is empty, where none has.
        uint32 high = latest[utility];
        while (roster < high) {
            uint32 middle = (roster + high + 1) / 2;
            if (_rosters[utility][middle].validFrom <= time) roster = middle;
            else high = middle - 1;
        }
        if (time >= _rosters[utility][roster].validUntil) roster = 0;
    }

    function _addPage(Roster storage state, uint32 roster, address[] calldata keys) private {
        uint16 pageNumber = state.pages;
        if (pageNumber == MAX_PAGES) revert TooManyPages(roster, MAX_PAGES);

        address page = AddressPage.write(keys);
        state.page[pageNumber] = page;
        state.pages = pageNumber + 1;
        emit RosterExtended(msg.sender, roster, pageNumber, page, keys.length);

        (uint64 validFrom, uint64 validUntil) = (state.validFrom, state.validUntil);
        mapping(address key => uint64 effectiveAt) storage revocations = revokedFrom[msg.sender];
        for (uint256 i; i < keys.length; ++i) {
            uint64 effectiveAt = revocations[keys[i]];
            if (effectiveAt == 0 || effectiveAt >= validUntil) continue;
            if (effectiveAt <= validFrom) revert KeyAlreadyRevoked(msg.sender, keys[i], effectiveAt);
            _setRevoked(state, pageNumber * PLACES_PER_PAGE + i);
        }
    }

    /// @dev Marks every place of a key in a state.
    function _markRevoked(Roster storage state, address key) private returns (bool listed) {
        uint256 pages = state.pages;
        for (uint256 pageNumber; pageNumber < pages; ++pageNumber) {
            (bool found, uint256 position) = state.page[pageNumber].find(key);
            if (!found) continue;
            _setRevoked(state, pageNumber * PLACES_PER_PAGE + position);
            listed = true;
        }
    }

    function _setRevoked(Roster storage state, uint256 place) private {
        state.revoked[place / 256] |= 1 << (place % 256);
    }

    function _isRevokedAt(address utility, address key, uint64 time) private view returns (bool) {
        uint64 effectiveAt = revokedFrom[utility][key];
        return effectiveAt != 0 && effectiveAt <= time;
    }
}
