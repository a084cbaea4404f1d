"""AsyncAPI document: every topic, message and field is there, and every example is a message."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
import pytest

from system.contracts.codec import decode, decode_topic, encode
from system.contracts.messages import Mark, Message, RiskSnapshot
from system.contracts.topics import INPUT_TOPICS, TOPICS
from system.places import PROJECT_DIR
from validation.documents.asyncapi import (
    DOCUMENTED,
    FIELDS,
    asyncapi_document,
    asyncapi_text,
    example_of,
    message_types,
    tag_of,
)
from validation.documents.message_examples import EXAMPLES

TYPES = message_types()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(asyncapi_text())


def resolved(document: dict[str, Any], reference: str) -> Any:
    value: Any = document
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for item in value.values() for ref in references(item)]
    if isinstance(value, list):
        return [ref for item in value for ref in references(item)]
    return []


def test_the_stored_document_is_the_one_that_the_types_make() -> None:
    stored = PROJECT_DIR / "docs" / "reference" / "asyncapi.json"
    assert stored.read_text("utf-8") == asyncapi_text()


def test_every_topic_but_the_private_ones_is_a_channel_with_its_messages(document) -> None:
    private = {"warm_up", "rehearsed_snapshots"}
    assert set(document["channels"]) == {topic.name for topic in TOPICS} - private
    for topic in DOCUMENTED:
        channel = document["channels"][topic.name]
        assert set(channel["messages"]) == {tag_of(kind) for kind in topic.messages}
        assert channel["bindings"]["kafka"]["partitions"] == topic.partition_count


def test_the_stream_receives_from_input_topics_and_sends_to_the_others(document) -> None:
    actions = {
        operation["channel"]["$ref"].rpartition("/")[2]: operation["action"]
        for operation in document["operations"].values()
    }
    inputs = {topic.name for topic in INPUT_TOPICS}
    assert actions == {
        topic.name: "receive" if topic.name in inputs else "send" for topic in DOCUMENTED
    }


def test_every_reference_leads_somewhere_and_every_component_is_used(document) -> None:
    used = set(references(document))
    for reference in used:
        assert resolved(document, reference)
    for room in ("messages", "schemas"):
        names = {f"#/components/{room}/{name}" for name in document["components"][room]}
        assert names <= used


def test_every_field_of_every_type_has_a_sentence_with_its_meaning(document) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
        for field, described in schema.get("properties", {}).items():
            note = described.get("description", "")
            assert note.endswith("."), f"{name}.{field}: {note!r}"
            if field != "type":
                assert note == FIELDS[name][field], f"{name}.{field}"


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_an_example_is_decoded_by_the_codec_as_what_it_is_the_example_of(document, kind) -> None:
    message = document["components"]["messages"][tag_of(kind)]
    (example,) = message["examples"]
    value = json.dumps(example["payload"]).encode()
    assert decode(value, kind) == example_of(kind)
    for topic in INPUT_TOPICS:
        if kind in topic.messages:
            assert decode_topic(value, topic) == EXAMPLES[kind]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_an_example_holds_under_its_schema_and_a_damaged_one_does_not(document, kind) -> None:
    payload = document["components"]["messages"][tag_of(kind)]["payload"]
    validator = jsonschema.Draft7Validator({**document, **payload["schema"]})
    example = json.loads(encode(example_of(kind)))
    assert list(validator.iter_errors(example)) == []
    assert list(validator.iter_errors({**example, "colour": "red"}))
    first = next(field for field in example if field != "type")
    assert list(validator.iter_errors({**example, first: None}))


def test_a_required_field_is_one_that_the_codec_asks_for(document) -> None:
    for kind in TYPES:
        schema = document["components"]["schemas"][kind.__name__]
        needed = {
            field.encode_name
            for field in msgspec.structs.fields(kind)
            if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        }
        assert set(schema["required"]) == {"type", *needed}, kind.__name__


def test_the_document_says_what_it_is() -> None:
    document = asyncapi_document()
    assert document["asyncapi"] == "3.0.0"
    assert document["info"]["version"] == "1.0"
    assert "every partition of every input topic" in document["info"]["description"]


def test_examples_are_of_every_type_but_snapshots() -> None:
    expected: set[type[Message]] = {*TYPES} - {RiskSnapshot}
    assert set(EXAMPLES) == expected
    assert isinstance(EXAMPLES[Mark], Mark)
