"""Every field of the API has a meaning and an example, and no table has more than there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from system.contracts.fields.answers import ANSWER_FIELDS, SPECIAL_FIELDS
from system.serve.http.field_notes import describe_fields, field_note
from validation.documents.openapi import openapi_document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def fields(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            yield name, field, described


def is_of_a_described_type(schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Return whether the values of a field are, or hold, values of a type with fields."""
    names = str(schema).split("#/components/schemas/")[1:]
    return any("enum" not in schemas[name.split("'")[0]] for name in names)


def test_no_field_is_without_a_description(document: dict[str, Any]) -> None:
    bare = [
        f"{name}.{field}" for name, field, known in fields(document) if not known.get("description")
    ]
    assert bare == []


def test_no_field_with_a_value_of_its_own_is_without_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bare = [
        f"{name}.{field}"
        for name, field, known in fields(document)
        if "examples" not in known and not is_of_a_described_type(known, schemas)
    ]
    assert bare == []


def test_every_example_is_of_its_field(document: dict[str, Any]) -> None:
    for name, field, known in fields(document):
        for example in known.get("examples", ()):
            wanted = {**known, "components": document["components"]}
            try:
                jsonschema.validate(example, wanted)
            except jsonschema.ValidationError as error:
                pytest.fail(f"{name}.{field}: {error.message}")


def test_no_parameter_is_without_a_description(document: dict[str, Any]) -> None:
    bare = [
        f"{method} {path}: {parameter['name']}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    assert bare == []


def test_every_note_is_of_a_field_that_there_is(document: dict[str, Any]) -> None:
    known = {(name, field) for name, field, _ in fields(document)}
    names = {field for _, field in known}
    assert set(ANSWER_FIELDS) - names == set()
    special = {(name, field) for name, notes in SPECIAL_FIELDS.items() for field in notes}
    assert special - known == set()


def test_a_type_s_own_note_comes_before_that_of_the_name() -> None:
    assert field_note("Problem", "status") == "HTTP status of the answer."
    assert field_note("Unheard", "unheard_of") is None
    schemas = {"A": {"properties": {"unheard_of": {"type": "string"}}}}
    describe_fields(schemas)
    assert schemas == {"A": {"properties": {"unheard_of": {"type": "string"}}}}
