"""Examples of fields follow the type of their values."""

from __future__ import annotations

from typing import Any

import pytest

from system.contracts.fields.examples import field_example

LEVEL = {"Level": {"enum": ["ok", "breach"]}, "Row": {"type": "object", "properties": {}}}
REFERENCE = "#/components/schemas/{}"


@pytest.mark.parametrize(
    ("field", "schema", "example"),
    [
        ("portfolio", {"type": "string"}, "long"),
        ("date", {"type": "string", "format": "date"}, "2020-03-05"),
        ("durable", {"type": "boolean"}, True),
        ("event_time_ns", {"type": "integer"}, 1_583_425_800_000_000_000),
        ("position_count", {"type": "integer"}, 30),
        ("nav", {"type": "number"}, 12_500.5),
        ("desk", {"anyOf": [{"type": "null"}, {"type": "string"}]}, "equities"),
        ("level", {"$ref": REFERENCE.format("Level")}, "ok"),
        ("levels", {"type": "array", "items": {"$ref": REFERENCE.format("Level")}}, ["ok"]),
        (
            "offsets",
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"trades:0": 30},
        ),
        ("row", {"$ref": REFERENCE.format("Row")}, None),
        ("rows", {"type": "array", "items": {"$ref": REFERENCE.format("Row")}}, None),
        ("unheard_of", {"type": "string"}, None),
    ],
)
def test_an_example_is_of_the_type_of_its_field(
    field: str, schema: dict[str, Any], example: object
) -> None:
    assert field_example(field, schema, LEVEL) == example
