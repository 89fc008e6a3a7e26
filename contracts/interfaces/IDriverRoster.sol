// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title DriverRoster
/// @notice Which keys a utility's drivers may sign with, and when. A utility publishes one roster an epoch; who is not
/// in the next one cannot charge. Keys are kept as contract code in pages, which a settlement reads far more cheaply
/// than storage.
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
    error RosterSpanInvalid(uint64 validFrom, uint64 validUntil);
    /// @notice A roster begins where the one before it ended, or later: a promise once published cannot be shortened.
    error RosterOverlaps(uint64 validFrom, uint64 previousUntil);
    error TooManyRostersAhead(uint32 ahead, uint32 limit);
    error TooManyPages(uint32 roster, uint256 limit);
    error PageSizeInvalid(uint256 keys, uint256 limit);
    /// @notice Keys of a page are strictly ascending, hence distinct and never zero.
    error KeysNotAscending(uint256 position, address previous, address key);
    error KeyAlreadyRevoked(address utility, address key, uint64 effectiveAt);
    error KeyNotListed(address utility, address key);
    /// @notice A revocation takes effect now or later: what was signed before it stays owed.
    error RevocationBackdated(uint64 effectiveAt, uint64 earliest);

    /// @notice Opens the caller's next roster with its first page of keys. Restricted to utilities. The first roster of a
    /// utility may begin in the past.
    /// @return roster Its number: 1, 2, 3…
    function publish(uint64 validFrom, uint64 validUntil, address[] calldata keys) external returns (uint32 roster);

    /// @notice Adds a page of keys to one of the caller's rosters. Restricted to utilities.
    function extend(uint32 roster, address[] calldata keys) external;

    /// @notice The caller withdraws a key as of a time, in every roster of its own that runs past it. Restricted to utilities.
    function revoke(address key, uint64 effectiveAt) external;

    /// @notice Was this key one of the utility's drivers at this time? The whole answer in one call.
    function isValidAt(address utility, address key, uint64 time) external view returns (bool);

    /// @notice Where a key stands in the roster in force at a time.
    /// @return found False where no roster was in force or it does not list the key (revoked keys are found).
    function locate(address utility, address key, uint64 time)
        external
        view
        returns (bool found, uint32 roster, uint24 driver);

    /// @notice The key at a place in a roster, and how valid it was at a time.
    /// @param driver Its page number times 2,048 plus its position in the page.
    /// @return key Zero where UNKNOWN.
    function driverAt(address utility, uint32 roster, uint24 driver, uint64 time)
        external
        view
        returns (address key, Validity validity);

    /// @notice Span and number of pages of a roster; zero span where unknown.
    function rosterOf(address utility, uint32 roster)
        external
        view
        returns (uint64 validFrom, uint64 validUntil, uint16 pages);

    /// @notice The latest roster's number; 0 where none.
    function latest(address utility) external view returns (uint32 roster);

    /// @notice The contract whose code holds a page.
    function pageOf(address utility, uint32 roster, uint16 pageNumber) external view returns (address page);

    /// @notice All keys of a page, ascending.
    function keysOf(address utility, uint32 roster, uint16 pageNumber) external view returns (address[] memory keys);

    /// @notice From when a key is revoked; 0 where it is not.
    function revokedFrom(address utility, address key) external view returns (uint64 effectiveAt);

    /// @notice One bit a driver: 1 where the key at that place is, or will be, revoked. Word w holds drivers 256w…256w+255.
    function revokedWord(address utility, uint32 roster, uint16 word) external view returns (uint256);
}
