"""The forms of the data host's HTTP interface, for its OpenAPI document. What comes in is read by the messages' own
readers, which are stricter."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_WORD = "0x" + "5a" * 32
_ADDRESS = "0x" + "00" * 19 + "5a"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ErrorDetail(_Model):
    """What was refused."""

    code: str = Field(description="One word, for programs.", examples=["not_allowed"])
    message: str = Field(description="One sentence, for people.", examples=["The writer may not write."])
    values: dict[str, str] | None = Field(
        None, description="The numbers behind it.", examples=[{"expected": "7"}]
    )


class ErrorBody(_Model):
    """Every error has this form."""

    error: ErrorDetail


class Limits(_Model):
    """What the host takes and gives at most."""

    write_bytes: int = Field(
        alias="writeBytes", description="The longest record, bytes.", examples=[1_048_576]
    )
    page: int = Field(description="The most records in an answer.", examples=[100])


class HostDescription(_Model):
    """Who the host is. A client compares it with what it was told by the chain."""

    protocol: str = Field(examples=["evgi-unlock/1"])
    host: str = Field(description="The host's identity.", examples=[_ADDRESS])
    chain_id: int = Field(alias="chainId", examples=[31_337])
    access_registry: str = Field(alias="accessRegistry", examples=[_ADDRESS])
    data_registry: str = Field(alias="dataRegistry", examples=[_ADDRESS])
    streams: list[str] = Field(description="Ids of the streams that are taken.", examples=[[_WORD]])
    limits: Limits


class DataWriteForm(_Model):
    """The EIP-712 message DataWrite."""

    writer: str = Field(examples=[_ADDRESS])
    host: str = Field(examples=[_ADDRESS])
    resource: str = Field(examples=[_WORD])
    stream: str = Field(examples=[_WORD])
    number: str = Field(description="From 0 without gaps for each writer.", examples=["7"])
    content: str = Field(description="keccak256(salt ‖ data).", examples=[_WORD])
    written_at: str = Field(alias="writtenAt", examples=["1795165200"])


class WriteForm(_Model):
    """A record, and what its writer signed."""

    write: DataWriteForm
    account: str = Field(description="Who signed: it acts for the writer.", examples=[_ADDRESS])
    signature: str = Field(description="EIP-712, in the domain of DataRegistry.", examples=["0x" + "5a" * 65])
    salt: str = Field(description="32 random bytes, secret as the record is.", examples=[_WORD])
    data: str = Field(description="The record, in base64.", examples=["eyJraW5kIjoiYmF0dGVyeSJ9"])


class WriteReceipt(_Model):
    """The record is on the disk."""

    write: str = Field(description="Struct hash of the write: a value of the Merkle tree.", examples=[_WORD])


class Health(_Model):
    """The host, its database and its chain answer."""

    status: str = Field(examples=["ok"])


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of a JSON body."""
    schema = model.model_json_schema(by_alias=True)
    for name, definition in schema.pop("$defs", {}).items():
        schema = _inlined(schema, f"#/$defs/{name}", definition)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def packet(media_type: str, description: str) -> dict[str, Any]:
    """The OpenAPI description of a body that is one packet."""
    return {
        "description": description,
        "content": {media_type: {"schema": {"type": "string", "format": "binary"}}},
    }


def _inlined(schema: Any, reference: str, definition: Any) -> Any:
    if isinstance(schema, dict):
        if schema.get("$ref") == reference:
            return definition
        return {name: _inlined(each, reference, definition) for name, each in schema.items()}
    return schema
