"""AsyncAPI 3 document of every topic, made from the message types."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from system.contracts.codec import MAX_MESSAGE_BYTES
from system.contracts.fields.inputs import INPUT_FIELDS
from system.contracts.fields.outputs import OUTPUT_FIELDS
from system.contracts.messages import Mark, Message, RiskSnapshot
from system.contracts.topics import (
    FX_RATES,
    INPUT_TOPICS,
    MARKET_DATA,
    REFERENCE,
    REJECTED,
    RISK_SNAPSHOTS,
    TRADES,
    Topic,
)
from system.contracts.versions import MAJOR, MINOR, VERSION_FIELD
from system.store.sample_snapshots import sample_snapshot
from validation.documents.message_examples import EXAMPLES, KEYS

ASYNCAPI: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"
SCHEMA_FORMAT: Final = "application/schema+json;version=draft-07"
_SCHEMA: Final = "#/components/schemas/{name}"
DOCUMENTED: Final = (*INPUT_TOPICS, RISK_SNAPSHOTS, REJECTED)
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {**INPUT_FIELDS, **OUTPUT_FIELDS}
PURPOSES: Final[Mapping[Topic, str]] = {
    MARKET_DATA: "Prices of instruments, and end-of-day marks.",
    FX_RATES: "Rates of currencies as units for 1 EUR, and end-of-day marks.",
    TRADES: "Trades, their amendments and cancellations, and end-of-day marks.",
    REFERENCE: (
        "Reference data: instruments, closes before the stream begins, calendars, books, splits "
        "and dividends; and end-of-day marks. Compacted: the newest message of each key is kept."
    ),
    RISK_SNAPSHOTS: "Risk of each book after each batch and at each end of day; at least once.",
    REJECTED: "Messages that were not applied, with the reason; at least once.",
}
HEAD: Final = (
    "Topics of riskstream on Kafka. A record's value is one JSON object (UTF-8), told apart by its "
    "`type`; unknown fields are refused. Its key decides the partition, and order is relied on "
    "within a partition only. An input message has at most "
    f"{MAX_MESSAGE_BYTES:,} bytes and names no field twice. A mark goes to every partition of "
    "every input topic: what came before it in its partition belongs to the day. Times ending in "
    f"_ns are nanoseconds since 1970-01-01 UTC. `{VERSION_FIELD}` (MAJOR.MINOR, absent: "
    f"{MAJOR}.0) may be added to an input message: a newer minor version may have fields that are "
    "not here, which are left out; another major version is rejected. Made from the message types "
    "by `python -m validation.documents`."
)


def asyncapi_text() -> str:
    """Return the document as indented JSON."""
    return json.dumps(asyncapi_document(), indent=1, ensure_ascii=False) + "\n"


def asyncapi_document() -> dict[str, Any]:
    """Return the document: a channel per topic, a message and schemas per type."""
    types = message_types()
    _, schemas = msgspec.json.schema_components(types, ref_template=_SCHEMA)
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "riskstream topics",
            "version": f"{MAJOR}.{MINOR}",
            "description": HEAD,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in DOCUMENTED},
        "operations": {_operation_name(topic): _operation(topic) for topic in DOCUMENTED},
        "components": {
            "messages": {tag_of(kind): _message(kind) for kind in types},
            "schemas": {name: _schema(name, schema) for name, schema in schemas.items()},
        },
    }


def message_types() -> list[type[Message]]:
    """Return the message types of all documented topics, each once, in the order of topics."""
    return list(dict.fromkeys(kind for topic in DOCUMENTED for kind in topic.messages))


def tag_of(kind: type[Message]) -> str:
    """Return the value of a message type's field ``type``."""
    return str(kind.__struct_config__.tag)


def example_of(kind: type[Message]) -> Message:
    """Return an example of a message type."""
    if kind is RiskSnapshot:
        return sample_snapshot("long-equities", position_count=1)
    return EXAMPLES[kind]


def _channel(topic: Topic) -> dict[str, Any]:
    retention = (
        {"cleanup.policy": ["compact"]}
        if topic.compacted
        else {
            "cleanup.policy": ["delete"],
            "retention.ms": topic.retention.hours * 3_600_000,
        }
    )
    return {
        "address": topic.name,
        "description": PURPOSES[topic],
        "messages": {
            tag_of(kind): {"$ref": f"#/components/messages/{tag_of(kind)}"}
            for kind in topic.messages
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partition_count,
                "topicConfiguration": retention,
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operation_name(topic: Topic) -> str:
    return f"{'receive' if topic in INPUT_TOPICS else 'send'}_{topic.name}"


def _operation(topic: Topic) -> dict[str, Any]:
    action = "receive" if topic in INPUT_TOPICS else "send"
    done_by = "reads what feeds send to" if action == "receive" else "writes"
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"The stream {done_by} {topic.name}.",
    }


def _message(kind: type[Message]) -> dict[str, Any]:
    summary, _, rest = inspect.cleandoc(kind.__doc__ or "").partition("\n")
    key = "{portfolio}" if kind is RiskSnapshot else KEYS[kind]
    places = "every partition of every input topic" if kind is Mark else "the partition of its key"
    return {
        "name": tag_of(kind),
        "title": kind.__name__,
        "summary": _plain(summary),
        "description": _plain(rest) or _plain(summary),
        "contentType": "application/json",
        "payload": {
            "schemaFormat": SCHEMA_FORMAT,
            "schema": {"$ref": _SCHEMA.format(name=kind.__name__)},
        },
        "bindings": {
            "kafka": {
                "key": {
                    "type": "string",
                    "description": f"`{key}`, fields in braces; goes to {places}.",
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "examples": [{"name": tag_of(kind), "payload": msgspec.to_builtins(example_of(kind))}],
    }


def _schema(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of draft 07, its fields described."""
    described = dict(schema)
    if "description" in described:
        described["description"] = _plain(described["description"])
    if "prefixItems" in described:
        described["items"] = described.pop("prefixItems")
    notes = FIELDS.get(name, {})
    fields = described.get("properties", {})
    if fields:
        described["properties"] = {
            field: _described(field, name, notes.get(field), value)
            for field, value in fields.items()
        }
    return described


def _described(field: str, name: str, note: str | None, schema: dict[str, Any]) -> dict[str, Any]:
    if field == "type":
        return {"description": f"Type of the message: {name}.", **schema}
    if note is None:
        return schema
    if "$ref" in schema:  # draft 07 reads nothing beside a reference
        return {"description": note, "allOf": [schema]}
    return {**schema, "description": note}


def _plain(text: str) -> str:
    """Return a docstring as paragraphs of plain sentences."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).replace("``", "`")
