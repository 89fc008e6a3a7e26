"""Peering: two utilities sign one agreement, and either brings it to the chain."""

from __future__ import annotations

from collections.abc import Mapping

from evgi_client.chain import ContractHandle, Receipt
from evgi_client.messages import Domain, PeeringAgreement
from evgi_client.signing import Signer, verify_digest


class Peering:
    """The agreements of utilities.

    Args:
        contracts: handles of the suite by name.
        domain: EIP-712 domain of ``PeeringRegistry``.
        signer: who sends the transactions; for ``end``, the utility that ends.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], domain: Domain, signer: Signer) -> None:
        self._peerings = contracts["PeeringRegistry"]
        self._domain = domain
        self._signer = signer

    def next_version(self, utility: str, peer: str) -> int:
        """The version that the pair's next agreement must carry."""
        return int(self._peerings.call("latest", utility, peer)) + 1

    def agree(self, agreement: PeeringAgreement, signature_a: bytes, signature_b: bytes) -> Receipt:
        """Puts an agreement in force. Both signatures are checked first: a key's, or an account's by EIP-1271.

        Raises:
            SigningError: a signature is not that utility's.
            ContractError: a version out of turn, a deadline passed.
        """
        digest = agreement.digest(self._domain)
        accepts = self._peerings.chain.is_valid_signature
        verify_digest(agreement.utility_a, digest, signature_a, accepts)
        verify_digest(agreement.utility_b, digest, signature_b, accepts)
        return self._peerings.transact("agree", agreement, signature_a, signature_b, signer=self._signer)

    def end(self, peer: str) -> Receipt:
        """Ends the signer's agreement with a peer, with the notice that it names."""
        return self._peerings.transact("end", peer, signer=self._signer)
