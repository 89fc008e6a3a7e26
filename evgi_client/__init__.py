"""EVGI: from a driver's signature to settled money between utilities.

Sign offline (``LocalSigner`` and the messages), queue (``OfflineQueue``), deploy (``DeploymentPlan``, ``apply``,
``verify``), act on a deployed suite (``Client``), resolve identities (``Resolver``), talk to a data host
(``DataClient``). Every error is an ``EvgiError``.

Names are imported when they are first used: a charge point that signs and queues never loads what talks to a chain.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evgi_client.chain import Chain
    from evgi_client.charging.queue import OfflineQueue, Status
    from evgi_client.charging.session import SignedSession
    from evgi_client.charging.submission import SubmissionResult
    from evgi_client.client import Client
    from evgi_client.data.client import DataClient
    from evgi_client.deployment import Deployment, DeploymentPlan, Role, apply, load_deployment, verify
    from evgi_client.errors import EvgiError
    from evgi_client.identity import Did, Resolver
    from evgi_client.messages import (
        AccessCertificate,
        ChargingAuthorization,
        ChargingTerms,
        Domain,
        EntityCertificate,
        EntityType,
        PeeringAgreement,
        Right,
        SessionKey,
        SessionRecord,
        connector_id,
    )
    from evgi_client.signing import LocalSigner, Signature, Signed, Signer
    from evgi_client.tariffs import Rates, Tariff, Usage, price

__version__ = "0.1.0"

_HOMES = {
    "evgi_client.chain": ("Chain",),
    "evgi_client.charging.queue": ("OfflineQueue", "Status"),
    "evgi_client.charging.session": ("SignedSession",),
    "evgi_client.charging.submission": ("SubmissionResult",),
    "evgi_client.client": ("Client",),
    "evgi_client.data.client": ("DataClient",),
    "evgi_client.deployment": ("Deployment", "DeploymentPlan", "Role", "apply", "load_deployment", "verify"),
    "evgi_client.errors": ("EvgiError",),
    "evgi_client.identity": ("Did", "Resolver"),
    "evgi_client.messages": (
        "AccessCertificate",
        "ChargingAuthorization",
        "ChargingTerms",
        "Domain",
        "EntityCertificate",
        "EntityType",
        "PeeringAgreement",
        "Right",
        "SessionKey",
        "SessionRecord",
        "connector_id",
    ),
    "evgi_client.signing": ("LocalSigner", "Signature", "Signed", "Signer"),
    "evgi_client.tariffs": ("Rates", "Tariff", "Usage", "price"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AccessCertificate",
    "Chain",
    "ChargingAuthorization",
    "ChargingTerms",
    "Client",
    "DataClient",
    "Deployment",
    "DeploymentPlan",
    "Did",
    "Domain",
    "EntityCertificate",
    "EntityType",
    "EvgiError",
    "LocalSigner",
    "OfflineQueue",
    "PeeringAgreement",
    "Rates",
    "Resolver",
    "Right",
    "Role",
    "SessionKey",
    "SessionRecord",
    "Signature",
    "Signed",
    "SignedSession",
    "Signer",
    "Status",
    "SubmissionResult",
    "Tariff",
    "Usage",
    "apply",
    "connector_id",
    "load_deployment",
    "price",
    "verify",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
