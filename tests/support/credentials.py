"""Certificates made up for tests, with every part open to change."""

from __future__ import annotations

from typing import Any

from evgi_client.certificates.credential import EntityCredential, StatusIndex, draft, sign
from evgi_client.certificates.keys import KeyAlgorithm, KeyUse, SubjectKey
from evgi_client.messages import Domain
from evgi_client.messages.certificates import EntityType
from evgi_client.signing import LocalSigner

DOMAIN = Domain("CertificateRegistry", "1", 31337, "0x" + "11" * 20)
SUBJECT = "0x" + "22" * 20
PUBLISHER = "0x" + "33" * 20
PARENT = "0x" + "44" * 20
ISSUER = LocalSigner.from_key((0xCE47).to_bytes(32, "big"))
BEGIN = 1_750_000_000
END = 1_850_000_000

METER_KEY = SubjectKey(
    KeyUse.METERING,
    KeyAlgorithm.SECP256K1,
    bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
)
HOST_KEY = SubjectKey(KeyUse.KEY_AGREEMENT, KeyAlgorithm.X25519, bytes.fromhex("09" + "00" * 31))
COMMUNICATION = {
    "protocols": ["OCPP 2.1", "ISO 15118-20"],
    "endpoints": [{"protocol": "OCPP 2.1", "uri": "wss://csms.example/ocpp"}],
}
PROVIDER: dict[str, Any] = {"legalName": "Stadtwerke Beispiel GmbH", "country": "DE", "partyId": "DEABC"}
CLAIMS: dict[EntityType, dict[str, Any]] = {
    EntityType.USER: {"name": "Ada Beispiel", "emaid": "DE-83D-UIEN83QGZ-D"},
    EntityType.VEHICLE: {
        "vin": "1M8GDM9AXKP042788",
        "make": "Motor Coach",
        "batteryCapacityWh": 77_000,
        "v2g": {"supported": True, "maxDischargeW": 11_000, "standards": ["ISO 15118-20"]},
        "communication": COMMUNICATION,
    },
    EntityType.BATTERY: {"batterySerial": "B-1", "batteryCapacityWh": 77_000, "chemistry": "LFP"},
    EntityType.METER: {"meterSerial": "1 EMH00 1234 5678"},
    EntityType.CHARGE_POINT: {"evseIds": ["DE*ABC*E0001"], "ratedPowerW": 22_000},
    EntityType.UTILITY: PROVIDER,
    EntityType.OPERATOR: PROVIDER,
    EntityType.MOBILITY_PROVIDER: PROVIDER,
    EntityType.AGGREGATOR: PROVIDER | {"gridArea": "10YDE-EON------1"},
    EntityType.GRID_OPERATOR: PROVIDER,
    EntityType.DATA_HOST: {"legalName": "Datenhaus", "communication": COMMUNICATION},
    EntityType.TRUST_ANCHOR: {"legalName": "Bundesanstalt"},
}
KEYS = {EntityType.METER: (METER_KEY,), EntityType.DATA_HOST: (HOST_KEY,)}
PARENTS = {EntityType.BATTERY: PARENT, EntityType.METER: PARENT}


def credential(
    entity_type: EntityType = EntityType.VEHICLE, *, signer: LocalSigner = ISSUER, **changes: Any
) -> EntityCredential:
    """A signed certificate; ``changes`` are to the arguments of ``draft``."""
    arguments: dict[str, Any] = {
        "subject": SUBJECT,
        "issuer": ISSUER.address,
        "values": CLAIMS[entity_type],
        "domain": DOMAIN,
        "keys": KEYS.get(entity_type, ()),
        "valid_from": BEGIN,
        "valid_until": END,
        "status": StatusIndex(PUBLISHER, 94_567),
    }
    if entity_type in PARENTS:
        arguments["parent"] = PARENTS[entity_type]
    return sign(draft(entity_type, **(arguments | changes)), signer)
