"""Notes on output fields: every field of every type that is written, and nothing else."""

from __future__ import annotations

import msgspec

from system.contracts.fields.outputs import OUTPUT_FIELDS
from system.contracts.topics import REJECTED, RISK_SNAPSHOTS


def test_they_are_the_fields_of_the_messages_that_are_written() -> None:
    kinds = {kind for topic in (RISK_SNAPSHOTS, REJECTED) for kind in topic.messages}
    _, schemas = msgspec.json.schema_components(kinds)
    expected = {
        name: set(schema["properties"]) - {"type"}
        for name, schema in schemas.items()
        if "properties" in schema
    }
    assert {name: set(notes) for name, notes in OUTPUT_FIELDS.items()} == expected


def test_each_is_one_short_sentence() -> None:
    for notes in OUTPUT_FIELDS.values():
        for field, note in notes.items():
            assert note.endswith("."), field
            assert "\n" not in note, field
