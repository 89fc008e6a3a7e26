// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title OwnerSignature
/// @notice Whether the account that owns an identity signed a digest, by the same rule in every registry.
library OwnerSignature {
    /// @notice True where the account's key signed: 65 bytes with a low s; or where the account is a contract that takes
    /// the signature for its own (EIP-1271). Nothing is the zero address's.
    /// @dev A key is tried first, since an account with a key may have code as well (EIP-7702), which need not know
    /// EIP-1271. A contract is asked by a static call, so that nothing can enter again.
    function isValid(address account, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (account == address(0)) return false;
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == account) return true;
        return account.code.length != 0
            && SignatureChecker.isValidERC1271SignatureNowCalldata(account, digest, signature);
    }
}
