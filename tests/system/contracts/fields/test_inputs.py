"""Notes on input fields: every field of every type that can come in, and nothing else."""

from __future__ import annotations

import msgspec

from system.contracts.fields.inputs import INPUT_FIELDS
from system.contracts.topics import INPUT_TOPICS


def test_they_are_the_fields_of_the_messages_that_can_come_in() -> None:
    kinds = {kind for topic in INPUT_TOPICS for kind in topic.messages}
    _, schemas = msgspec.json.schema_components(kinds)
    expected = {
        name: set(schema["properties"]) - {"type"}
        for name, schema in schemas.items()
        if "properties" in schema
    }
    assert {name: set(notes) for name, notes in INPUT_FIELDS.items()} == expected


def test_each_is_one_short_sentence() -> None:
    for notes in INPUT_FIELDS.values():
        for field, note in notes.items():
            assert note.endswith("."), field
            assert "\n" not in note, field
