"""Who may do what with a resource, and the session that unlocks it."""

from evgi_client.access.accessor import Accessor, UnlockedSession
from evgi_client.access.credentials import PaperCredential, from_credential, to_credential
from evgi_client.access.decision import Decision, Finding, Rule, Step, decide
from evgi_client.access.explain import Explanation, explain
from evgi_client.access.judging import UnlockLimits
from evgi_client.access.packets import RejectionReason
from evgi_client.access.registry import Access, access_certificate, delegated
from evgi_client.access.snapshot import Snapshot
from evgi_client.access.unlock import HostUnlock
from evgi_client.access.world import World

__all__ = [
    "Access",
    "Accessor",
    "Decision",
    "Explanation",
    "Finding",
    "HostUnlock",
    "PaperCredential",
    "RejectionReason",
    "Rule",
    "Snapshot",
    "Step",
    "UnlockLimits",
    "UnlockedSession",
    "World",
    "access_certificate",
    "decide",
    "delegated",
    "explain",
    "from_credential",
    "to_credential",
]
