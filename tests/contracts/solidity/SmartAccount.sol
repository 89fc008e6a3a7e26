// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title SmartAccount
/// @notice The smallest account that is a contract: one key signs for it (EIP-1271) and makes its calls, several in one
/// transaction, all or none.
contract SmartAccount is IERC1271 {
    struct Call {
        address target;
        bytes data;
    }

    error NotOwner(address caller, address owner);

    address public immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function execute(Call[] calldata calls) external {
        if (msg.sender != owner) revert NotOwner(msg.sender, owner);
        for (uint256 i; i < calls.length; ++i) {
            (bool success, bytes memory result) = calls[i].target.call(calls[i].data);
            if (!success) {
                assembly ("memory-safe") {
                    revert(add(result, 32), mload(result))
                }
            }
        }
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer, ECDSA.RecoverError error,) = ECDSA.tryRecoverCalldata(hash, signature);
        bool valid = error == ECDSA.RecoverError.NoError && signer == owner;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
