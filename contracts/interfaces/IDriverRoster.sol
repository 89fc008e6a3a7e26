// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title DriverRoster
/// @notice Which keys a utility's drivers may sign with, and when. A utility publishes one roster an epoch; who is not
/// in the next one cannot charge. Keys are kept as contract code in pages (see AddressPage), which a settlement reads
/// far more cheaply than storage.
///
/// A key is valid from its roster's `validFrom` until before its `validUntil`, and only before it is revoked. What is
/// published binds the utility that publishes it, which pays for its drivers. It may therefore be widened at any time,
/// also backwards, by a late roster or another page; it is never narrowed for a time that has passed.
interface IDriverRoster {
    enum Validity {
        VALID,
        UNKNOWN,
        NOT_YET_VALID,
        EXPIRED,
        REVOKED
    }

    /// @notice A roster opened for [validFrom, validUntil).
    event RosterPublished(address indexed utility, uint32 indexed roster, uint64 validFrom, uint64 validUntil);
    /// @notice A page of keys was added; `page` is the contract whose code holds them after one leading zero byte.
    event RosterExtended(address indexed utility, uint32 indexed roster, uint16 pageNumber, address page, uint256 keys);
    event DriverRevoked(address indexed utility, address indexed key, uint64 effectiveAt);

    error RosterUnknown(address utility, uint32 roster);
    /// @notice The end is not after the beginning, or more than five years ahead: a slip of the pen, since a published
    /// span cannot be taken back.
    error RosterSpanInvalid(uint64 validFrom, uint64 validUntil);
    /// @notice A roster begins where the one before it ended, or later: a promise once published cannot be shortened.
    error RosterOverlaps(uint64 validFrom, uint64 previousUntil);
    error TooManyRostersAhead(uint32 ahead, uint32 limit);
    error TooManyPages(uint32 roster, uint256 limit);
    /// @notice A revoked key stays out, for good: its holder is listed again under a new key.
    error KeyAlreadyRevoked(address utility, address key, uint64 effectiveAt);
    error KeyNotListed(address utility, address key);
    /// @notice A revocation takes effect now or later: what was signed before it stays owed.
    error RevocationBackdated(uint64 effectiveAt, uint64 earliest);

    /// @notice Opens the caller's next roster with its first page of keys: 1 to 1,228, strictly ascending. Restricted to
    /// utilities. At most eight rosters have not yet begun.
    /// @dev A key that is revoked by `validFrom` is refused (KeyAlreadyRevoked); one that will be revoked within the span
    /// is listed, and marked. Pages are written by AddressPage, whose errors say what is wrong with one.
    /// @return roster Its number: 1, 2, 3…
    function publish(uint64 validFrom, uint64 validUntil, address[] calldata keys) external returns (uint32 roster);

    /// @notice Adds a page of keys to one of the caller's rosters, 256 pages at most. Restricted to utilities.
    /// @dev Keys are checked as in `publish`. A key that another page lists already is harmless: it has two places, which
    /// are revoked together.
    function extend(uint32 roster, address[] calldata keys) external;

    /// @notice The caller withdraws a key as of a time, in every roster of its own that runs past it. Restricted to
    /// utilities. A revocation that has not taken effect may be moved to an earlier time, never to a later one.
    /// @param effectiveAt Now or later; as the time of a block is not known beforehand, a minute ahead serves for now.
    function revoke(address key, uint64 effectiveAt) external;

    /// @notice Was this key one of the utility's drivers at this time? The whole answer in one call.
    function isValidAt(address utility, address key, uint64 time) external view returns (bool);

    /// @notice Where a key stands in the roster in force at a time: its first place, where it has two.
    /// @return found False where no roster was in force or it does not list the key (revoked keys are found).
    /// @return roster The roster in force; 0 where none was.
    function locate(address utility, address key, uint64 time)
        external
        view
        returns (bool found, uint32 roster, uint24 driver);

    /// @notice The key at a place in a roster, and how valid it was at a time.
    /// @param driver Its page number times 2,048 plus its position in the page.
    /// @return key Zero where UNKNOWN.
    /// @return validity NOT_YET_VALID and EXPIRED, outside the roster's span, come before REVOKED.
    function driverAt(address utility, uint32 roster, uint24 driver, uint64 time)
        external
        view
        returns (address key, Validity validity);

    /// @notice The number of the roster in force at a time; 0 where none was.
    function rosterAt(address utility, uint64 time) external view returns (uint32 roster);

    /// @notice Span and number of pages of a roster; zero span where unknown.
    function rosterOf(address utility, uint32 roster)
        external
        view
        returns (uint64 validFrom, uint64 validUntil, uint16 pages);

    /// @notice The latest roster's number; 0 where none.
    function latest(address utility) external view returns (uint32 roster);

    /// @notice The contract whose code holds a page; zero where unknown.
    function pageOf(address utility, uint32 roster, uint16 pageNumber) external view returns (address page);

    /// @notice All keys of a page, ascending; none where the page is unknown.
    function keysOf(address utility, uint32 roster, uint16 pageNumber) external view returns (address[] memory keys);

    /// @notice From when a key is revoked; 0 where it is not.
    function revokedFrom(address utility, address key) external view returns (uint64 effectiveAt);

    /// @notice One bit a driver: 1 where the key at that place is, or will be, revoked before the roster ends. Word w
    /// holds drivers 256w…256w+255, the lowest bit first.
    function revokedWord(address utility, uint32 roster, uint16 word) external view returns (uint256);
}
