"""Peering: two utilities sign one agreement, and either brings it to the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evgi_client.messages import Domain, PeeringAgreement, checksum_address
from evgi_client.signing import Signer, verify_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.chain import ContractHandle, Receipt

OPEN = 2**64 - 1
"""``valid_until`` of an agreement that nobody has ended or replaced."""


@dataclass(frozen=True, slots=True)
class AgreedVersion:
    """An agreement that the chain holds, and until when it applies (exclusive); ``OPEN`` where no end is set."""

    agreement: PeeringAgreement
    valid_until: int

    def applies_at(self, time: int) -> bool:
        """Does it apply to sessions that start at this time?"""
        return self.agreement.valid_from <= time < self.valid_until


class Peering:
    """The agreements of utilities.

    Args:
        contracts: handles of the suite by name.
        domain: EIP-712 domain of ``PeeringRegistry``.
        signer: who sends the transactions; for ``end``, the utility that ends.
        from_block: the block of the deployment, where reading of events begins.
    """

    def __init__(
        self, contracts: Mapping[str, ContractHandle], domain: Domain, signer: Signer, from_block: int = 0
    ) -> None:
        self._peerings = contracts["PeeringRegistry"]
        self._currency = contracts["ClearingToken"].address
        self._domain = domain
        self._signer = signer
        self._from_block = from_block

    def next_version(self, utility: str, peer: str) -> int:
        """The version that the pair's next agreement must carry."""
        return int(self._peerings.call("nextVersion", utility, peer))

    def draft(
        self,
        utility: str,
        peer: str,
        *,
        credit_line: int,
        peer_credit_line: int,
        submit_within: int,
        fee_bps: int,
        ceiling_per_kwh: int,
        ceiling_per_hour: int,
        ceiling_flat: int,
        window: int,
        dispute_period: int,
        notice_period: int,
        valid_from: int,
        deadline: int,
    ) -> PeeringAgreement:
        """The pair's next agreement, for both to sign: sides in order, version and clearing token filled in.

        Args:
            credit_line: the most that ``utility`` may owe ``peer``, in minor units.
            peer_credit_line: the most that ``peer`` may owe ``utility``.

        The other arguments are the agreement's own fields.
        """
        sides = sorted(
            ((checksum_address(utility), credit_line), (checksum_address(peer), peer_credit_line)),
            key=lambda side: int(side[0], 16),
        )
        (utility_a, credit_line_a), (utility_b, credit_line_b) = sides
        return PeeringAgreement(
            utility_a=utility_a,
            utility_b=utility_b,
            version=self.next_version(utility, peer),
            currency=self._currency,
            submit_within=submit_within,
            fee_bps=fee_bps,
            credit_line_a=credit_line_a,
            credit_line_b=credit_line_b,
            ceiling_per_kwh=ceiling_per_kwh,
            ceiling_per_hour=ceiling_per_hour,
            ceiling_flat=ceiling_flat,
            window=window,
            dispute_period=dispute_period,
            notice_period=notice_period,
            valid_from=valid_from,
            deadline=deadline,
        )

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

    def history(self, utility: str, peer: str) -> list[AgreedVersion]:
        """Every agreement of a pair, in either order of the two, oldest first."""
        latest = self._peerings.call("latest", utility, peer)
        found = [
            self._peerings.call("agreementOf", utility, peer, version) for version in range(1, latest + 1)
        ]
        # An end and a withdrawal use a version up, which is then of no agreement.
        return [
            AgreedVersion(PeeringAgreement(*terms), valid_until)
            for terms, valid_until in found
            if valid_until
        ]

    def peers(self, utility: str) -> list[str]:
        """Everyone with whom a utility ever had an agreement, in the order of the first."""
        own = checksum_address(utility)
        as_a = self._peerings.events("PeeringAgreed", self._from_block, utilityA=own)
        as_b = self._peerings.events("PeeringAgreed", self._from_block, utilityB=own)
        in_order = sorted(as_a + as_b, key=lambda event: (event.block_number, event.log_index))
        pairs = ((event.args["utilityA"], event.args["utilityB"]) for event in in_order)
        return list(dict.fromkeys(b if a == own else a for a, b in pairs))

    def withdraw_offers(self, peer: str) -> Receipt:
        """Makes void what the signer has signed for a peer and what is not in force yet."""
        return self._peerings.transact("withdrawOffers", peer, signer=self._signer)
