"""The JSON Schemas (2020-12) that are shipped: one for the certificate of each entity type, one for each other
document.

A certificate names its schema and carries the SHA-256 of the schema's file, under the issuer's signature. So a
published file never changes: what is to be different gets a new number.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

from evgi_client.certificates.documents import Json
from evgi_client.errors import CertificateSchemaError, SchemaUnknownError
from evgi_client.messages.certificates import EntityType

PRESENTATION = "presentation"
PRESENTATION_REQUEST = "presentation_request"
STATUS_LIST = "status_list"

_LONGEST_REASON = 160


@dataclass(frozen=True)
class DocumentSchema:
    """A shipped schema."""

    name: str
    digest: bytes
    """SHA-256 of the file."""
    document: Json = field(repr=False)

    @property
    def id(self) -> str:
        """The name under which documents refer to it."""
        return str(self.document["$id"])

    @property
    def digest_sri(self) -> str:
        """The digest as W3C Subresource Integrity writes it."""
        return "sha256-" + base64.b64encode(self.digest).decode()

    def validate(self, document: Any) -> None:
        """Returns where a document fits, else raises.

        Raises:
            CertificateSchemaError: where it does not, and which rule it breaks. Values are not repeated.
        """
        error = next(self._validator.iter_errors(document), None)
        if error is not None:
            raise CertificateSchemaError(self.id, error.json_path, _reason(error))

    @cached_property
    def _validator(self) -> Any:
        return _validator_class()(self.document)


def entity_schema(entity_type: int) -> DocumentSchema:
    """The schema of an entity type's certificates, for new ones.

    Raises:
        SchemaUnknownError: there is none for NONE, or for what is no type.
    """
    if entity_type not in tuple(EntityType) or entity_type == EntityType.NONE:
        raise SchemaUnknownError(f"entity type {entity_type}")
    return shipped(EntityType(entity_type).name.lower())


def schema_of(document: Any) -> tuple[EntityType, DocumentSchema]:
    """The schema that a certificate names, and the entity type that it is for.

    Raises:
        SchemaUnknownError: it names none, or one that is not here.
    """
    named = document.get("credentialSchema") if isinstance(document, dict) else None
    wanted = (named.get("id"), named.get("digestSRI")) if isinstance(named, dict) else (None, None)
    for entity_type in EntityType:
        if entity_type is not EntityType.NONE:
            schema = entity_schema(entity_type)
            if (schema.id, schema.digest_sri) == wanted:
                return entity_type, schema
    raise SchemaUnknownError(str(wanted[0])[:_LONGEST_REASON])


def type_name(entity_type: int) -> str:
    """An entity type as documents write it: ``ChargePoint``."""
    return "".join(word.capitalize() for word in EntityType(entity_type).name.split("_"))


@lru_cache
def shipped(name: str) -> DocumentSchema:
    """A schema by the name of its file."""
    raw = (resources.files(__package__) / "schemas" / f"{name}.json").read_bytes()
    return DocumentSchema(name, hashlib.sha256(raw).digest(), json.loads(raw))


@lru_cache
def _validator_class() -> Any:
    # A tenth of a second to import, for who reads no document.
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_validator: Any, regex: str, instance: Any, _schema: Any) -> Any:
        # In ECMAScript, whose expressions these are, $ is the very end. In Python a line feed may follow.
        if isinstance(instance, str) and not re.search(re.sub(r"\$\Z", r"\\Z", regex), instance):
            yield ValidationError("")

    return validators.extend(Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]


def _reason(error: Any) -> str:
    if error.validator in ("required", "additionalProperties"):
        return str(error.message)[:_LONGEST_REASON]
    return f"{error.validator} {json.dumps(error.validator_value)}"[:_LONGEST_REASON]
