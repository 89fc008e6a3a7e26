// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title LooseRegistry
/// @notice An ERC-1056 registry in which anyone says anything of any identity, at any time: histories that DIDRegistry
/// refuses and that a resolver may meet elsewhere.
contract LooseRegistry {
    event DIDOwnerChanged(address indexed identity, address owner, uint256 previousChange);
    event DIDDelegateChanged(
        address indexed identity, bytes32 delegateType, address delegate, uint256 validTo, uint256 previousChange
    );
    event DIDAttributeChanged(
        address indexed identity, bytes32 name, bytes value, uint256 validTo, uint256 previousChange
    );
    /// @notice None of the standard's, with the identity where the standard's have it.
    event Greeted(address indexed identity, uint256 previousChange);

    mapping(address identity => uint256 block) public changed;

    function sayOwner(address identity, address owner) external {
        emit DIDOwnerChanged(identity, owner, changed[identity]);
        changed[identity] = block.number;
    }

    function sayDelegate(address identity, bytes32 delegateType, address delegate, uint256 validTo) external {
        emit DIDDelegateChanged(identity, delegateType, delegate, validTo, changed[identity]);
        changed[identity] = block.number;
    }

    function sayAttribute(address identity, bytes32 name, bytes calldata value, uint256 validTo) external {
        emit DIDAttributeChanged(identity, name, value, validTo, changed[identity]);
        changed[identity] = block.number;
    }

    function greet(address identity) external {
        emit Greeted(identity, changed[identity]);
    }

    /// @notice Says that an identity changed in a block, whatever happened in it.
    function point(address identity, uint256 blockNumber) external {
        changed[identity] = blockNumber;
    }
}
