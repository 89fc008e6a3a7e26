"""The domain of a signature: one contract on one chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evgi_client.messages.typed import TypedStruct, typed


@typed("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
@dataclass(frozen=True, slots=True)
class Domain(TypedStruct):
    """What binds a signature to one contract (by name, version and address) on one chain."""

    name: str
    version: str
    chain_id: int
    verifying_contract: str

    def separator(self) -> bytes:
        """The domain's struct hash, 32 bytes. Computed once."""
        return self.struct_hash()

    def to_json(self) -> dict[str, Any]:
        """The ``domain`` of ``eth_signTypedData_v4``, chain id as a number: wallets compare it to theirs."""
        return {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain_id,
            "verifyingContract": self.verifying_contract,
        }
