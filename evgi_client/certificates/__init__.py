"""Certificates of entities: who may issue them, what they say, what revokes them, and who shows them to whom."""

from evgi_client.certificates.claims import Claim
from evgi_client.certificates.credential import EntityCredential, StatusIndex
from evgi_client.certificates.keys import KeyAlgorithm, KeyUse, SubjectKey
from evgi_client.certificates.online import RegistryFacts
from evgi_client.certificates.presentation import Presentation, present
from evgi_client.certificates.registry import AccreditedVersion, Certificates, RegisteredCertificate
from evgi_client.certificates.renewal import renew
from evgi_client.certificates.request import PresentationRequest, Wanted
from evgi_client.certificates.revocations import Revocations
from evgi_client.certificates.snapshot import Snapshot
from evgi_client.certificates.status_bits import StatusBits
from evgi_client.certificates.status_list import SignedStatusList
from evgi_client.certificates.verify import Verdict, verify
from evgi_client.certificates.wallet import Wallet

__all__ = [
    "AccreditedVersion",
    "Certificates",
    "Claim",
    "EntityCredential",
    "KeyAlgorithm",
    "KeyUse",
    "Presentation",
    "PresentationRequest",
    "RegisteredCertificate",
    "RegistryFacts",
    "Revocations",
    "SignedStatusList",
    "Snapshot",
    "StatusBits",
    "StatusIndex",
    "SubjectKey",
    "Verdict",
    "Wallet",
    "Wanted",
    "present",
    "renew",
    "verify",
]
