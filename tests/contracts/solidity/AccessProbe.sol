// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccessRegistry} from "../../../contracts/interfaces/IAccessRegistry.sol";
import {
    UNLOCK_ACCEPTANCE_TYPEHASH,
    UNLOCK_REJECTION_TYPEHASH,
    UNLOCK_REQUEST_TYPEHASH,
    UnlockAcceptance,
    UnlockRejection,
    UnlockRequest
} from "../../../contracts/types/Access.sol";

/// @title AccessProbe
/// @notice Many questions to an AccessRegistry in one call, and the struct hashes of what no contract reads.
contract AccessProbe {
    struct Question {
        bytes32 resource;
        address accessor;
        uint32 right;
        uint64 time;
    }

    struct Answer {
        bool allowed;
        IAccessRegistry.Reason reason;
        bytes32 certificate;
    }

    function checkAll(IAccessRegistry registry, Question[] calldata questions)
        external
        view
        returns (Answer[] memory answers)
    {
        answers = new Answer[](questions.length);
        for (uint256 i; i < questions.length; ++i) {
            Question calldata asked = questions[i];
            (answers[i].allowed, answers[i].reason, answers[i].certificate) =
                registry.check(asked.resource, asked.accessor, asked.right, asked.time);
        }
    }

    function hashOfRequest(UnlockRequest calldata request) external pure returns (bytes32) {
        return keccak256(abi.encode(UNLOCK_REQUEST_TYPEHASH, request));
    }

    function hashOfRejection(UnlockRejection calldata rejection) external pure returns (bytes32) {
        return keccak256(abi.encode(UNLOCK_REJECTION_TYPEHASH, rejection));
    }

    function hashOfAcceptance(UnlockAcceptance calldata acceptance) external pure returns (bytes32) {
        return keccak256(abi.encode(UNLOCK_ACCEPTANCE_TYPEHASH, acceptance));
    }
}
