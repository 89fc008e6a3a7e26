"""Deployments: a plan that is data, applied step by step, written down in a manifest, verified against the chain."""

from evgi_client.deployment.apply import Progress, apply, steps
from evgi_client.deployment.manifest import DeployedContract, Deployment, load_deployment, read_manifest
from evgi_client.deployment.plan import (
    CONSORTIUM_DELAYS,
    AddressOf,
    ContractPlan,
    Delays,
    DeploymentPlan,
    FunctionRole,
    Role,
)
from evgi_client.deployment.verify import Finding, FindingCode, verify

__all__ = [
    "CONSORTIUM_DELAYS",
    "AddressOf",
    "ContractPlan",
    "Delays",
    "DeployedContract",
    "Deployment",
    "DeploymentPlan",
    "Finding",
    "FindingCode",
    "FunctionRole",
    "Progress",
    "Role",
    "apply",
    "load_deployment",
    "read_manifest",
    "steps",
    "verify",
]
