"""Description and example of each field in the API's schemas, from the tables of the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from system.contracts.fields.answers import ANSWER_FIELDS, SPECIAL_FIELDS
from system.contracts.fields.examples import field_example
from system.contracts.fields.inputs import INPUT_FIELDS
from system.contracts.fields.outputs import OUTPUT_FIELDS

_SNAPSHOT: Final = OUTPUT_FIELDS["RiskSnapshot"]
_BY_TYPE: Final = (SPECIAL_FIELDS, INPUT_FIELDS, OUTPUT_FIELDS)
_BY_NAME: Final = (ANSWER_FIELDS, _SNAPSHOT)


def field_note(type_name: str, field: str) -> str | None:
    """Return the meaning of a field with its unit, None where no table has it."""
    tables = (table[type_name] for table in _BY_TYPE if type_name in table)
    for table in (*tables, *_BY_NAME):
        if field in table:
            return table[field]
    return None


def describe_fields(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Add to each field of each schema its description and an example.

    Parameters
    ----------
    schemas : mapping of str to dict
        JSON schemas by name of the type; changed in place.
    """
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            note = f"Type of the message: {name}." if "const" in described else None
            note = note or _tag_note(name, field, described) or field_note(name, field)
            if note is not None:
                described["description"] = note
            example = field_example(field, described, schemas)
            if example is not None:
                described["examples"] = [example]


def _tag_note(name: str, field: str, schema: Mapping[str, Any]) -> str | None:
    """Return the note of the field that tells messages apart: it has one value."""
    is_tag = field == "type" and len(schema.get("enum", ())) == 1
    return f"Type of the message: {name}." if is_tag else None
