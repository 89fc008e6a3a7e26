// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDriverRoster} from "../interfaces/IDriverRoster.sol";
import {AddressPage} from "./AddressPage.sol";

/// @title RosterCache
/// @notice One roster of a DriverRoster for the length of a batch: its span, and each page and word of revocations that
/// the batch needs, asked for once. Answers what `driverAt` answers.
library RosterCache {
    using AddressPage for address;

    struct Roster {
        IDriverRoster drivers;
        address utility;
        uint32 number;
        uint64 validFrom;
        uint64 validUntil;
        /// @dev By page number; zero until asked for.
        address[] pages;
        /// @dev `revokedWord` with every bit turned round: 1 where the key is good for the roster's whole span. A word
        /// is zero until asked for, and asked for again where all its keys are revoked.
        uint256[] good;
    }

    /// @dev A place is a page's number and eleven bits of position in the page, see IDriverRoster.driverAt.
    uint256 private constant PAGE_BITS = 11;
    uint256 private constant POSITION = (1 << PAGE_BITS) - 1;
    /// @dev Or a word's number and eight bits of position in the word, see IDriverRoster.revokedWord.
    uint256 private constant WORD_BITS = 8;

    function open(IDriverRoster drivers, address utility, uint32 number) internal view returns (Roster memory roster) {
        roster.drivers = drivers;
        roster.utility = utility;
        roster.number = number;
        uint16 pages;
        (roster.validFrom, roster.validUntil, pages) = drivers.rosterOf(utility, number);
        roster.pages = new address[](pages);
        roster.good = new uint256[](uint256(pages) << (PAGE_BITS - WORD_BITS));
    }

    /// @notice The key at a place; zero where there is none. A page never lists zero, and past its end reads as zero.
    function keyAt(Roster memory roster, uint256 driver) internal view returns (address key) {
        uint256 pageNumber = driver >> PAGE_BITS;
        if (pageNumber >= roster.pages.length) return address(0);
        address page = roster.pages[pageNumber];
        if (page == address(0)) {
            page = roster.drivers.pageOf(roster.utility, roster.number, uint16(pageNumber));
            roster.pages[pageNumber] = page;
        }
        return page.at(driver & POSITION);
    }

    /// @notice Is a listed key revoked at a time within the roster's span?
    function isRevokedAt(Roster memory roster, uint256 driver, address key, uint64 time) internal view returns (bool) {
        uint256 word = driver >> WORD_BITS;
        uint256 good = roster.good[word];
        if (good == 0) {
            good = ~roster.drivers.revokedWord(roster.utility, roster.number, uint16(word));
            roster.good[word] = good;
        }
        // A bit tells of a revocation at some time before the roster ends; the key's own entry tells when.
        return good >> (driver & 0xff) & 1 == 0
            && roster.drivers.revokedFrom(roster.utility, key) <= time;
    }
}
