"""Restricted functions under an AccessManager: called at once, or announced first where the role has a delay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evgi_client.errors import CallAnnouncedError

if TYPE_CHECKING:
    from evgi_client.chain.contract import ContractHandle
    from evgi_client.chain.transactions import Receipt, TransactionSigner


def transact_managed(
    manager: ContractHandle, target: ContractHandle, function: str, *args: object, signer: TransactionSigner
) -> Receipt:
    """Calls a restricted function. A caller under a delay announces the call the first time, and makes it when called
    again after the delay: announcements are kept by the manager, so that any process may do either.

    Args:
        manager: the ``AccessManager`` that governs the target.

    Raises:
        CallAnnouncedError: announced, now or before, and the delay is not over.
        ContractError: the caller lacks the role, or the function itself refused.
    """
    allowed = manager.call("canCall", signer.address, target.address, target.abi.selector(function))
    if allowed.delay:
        ready_at = _announced(manager, target, target.encode(function, *args), signer)
        if target.chain.now() < ready_at:
            raise CallAnnouncedError(target.name, function, ready_at)
    return target.transact(function, *args, signer=signer)


def _announced(
    manager: ContractHandle, target: ContractHandle, data: bytes, signer: TransactionSigner
) -> int:
    """When the call may be made. One that nobody announced, or so long ago that it lapsed, is announced now."""
    operation = manager.call("hashOperation", signer.address, target.address, data)
    ready_at = int(manager.call("getSchedule", operation))
    if ready_at == 0:
        manager.transact("schedule", target.address, data, 0, signer=signer)
        ready_at = int(manager.call("getSchedule", operation))
    return ready_at
