"""Clearing tokens in and out: each unit against one fiat payment. Amounts in minor units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evgi_client.chain.managed import transact_managed
from evgi_client.errors import FieldValueError
from evgi_client.messages import keccak256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evgi_client.chain import ContractHandle, Receipt
    from evgi_client.signing import Signer

REASON_LENGTH = 32


def fiat_reference(text: str) -> bytes:
    """The 32-byte reference of a bank payment: keccak256 of what the bank calls it, white space trimmed."""
    return keccak256(text.strip().encode())


def rejection_reason(text: str) -> bytes:
    """The 32 bytes of a reason, in clear: UTF-8, zeros after it.

    Raises:
        FieldValueError: it is longer, or holds a zero byte.
    """
    raw = text.strip().encode()
    if len(raw) > REASON_LENGTH or 0 in raw:
        raise FieldValueError("rejectRedemption", "reason", text, f"at most {REASON_LENGTH} bytes of text")
    return raw.ljust(REASON_LENGTH, b"\0")


class Tokens:
    """The clearing token as its members, minters and redeemers use it.

    Args:
        contracts: handles of the suite by name.
        signer: who acts.
    """

    def __init__(self, contracts: Mapping[str, ContractHandle], signer: Signer) -> None:
        self._token = contracts["ClearingToken"]
        self._manager = contracts["AccessManager"]
        self._signer = signer

    def balance(self, account: str) -> int:
        """Tokens an account holds."""
        return int(self._token.call("balanceOf", account))

    def supply(self) -> int:
        """All tokens there are."""
        return int(self._token.call("totalSupply"))

    def admit(self, account: str) -> Receipt | None:
        """Lets an account hold tokens. None where it may already.

        Raises:
            CallAnnouncedError: the signer's role has a delay; admit again when it is over.
        """
        if self._token.call("isMember", account):
            return None
        return transact_managed(self._manager, self._token, "admit", account, signer=self._signer)

    def cap_minter(self, minter: str, cap: int) -> Receipt:
        """Sets the most that an account may ever have minted.

        Raises:
            CallAnnouncedError: the signer's role has a delay; set the same cap again when it is over.
        """
        return transact_managed(self._manager, self._token, "capMinter", minter, cap, signer=self._signer)

    def mint(self, to: str, amount: int, reference: bytes) -> Receipt | None:
        """Creates tokens against a fiat payment received. None where this payment has minted before."""
        if self._token.call("fiatReferenceUsed", reference):
            return None
        return self._token.transact("mint", to, amount, reference, signer=self._signer)

    def request_redemption(self, amount: int, reference: bytes) -> Receipt:
        """Asks for fiat; the tokens leave the signer's balance at once."""
        return self._token.transact("requestRedemption", amount, reference, signer=self._signer)

    def pay_redemption(self, holder: str, reference: bytes) -> Receipt:
        """The fiat was paid: burns the tokens that wait."""
        return self._token.transact("payRedemption", holder, reference, signer=self._signer)

    def reject_redemption(self, holder: str, reference: bytes, reason: bytes) -> Receipt:
        """The fiat will not be paid: the tokens go back."""
        return self._token.transact("rejectRedemption", holder, reference, reason, signer=self._signer)
