"""Fields that stand twice in one object, however deep and however they are written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.text.repeated import repeated_field


@pytest.mark.parametrize(
    ("text", "path", "sentence"),
    [
        ('{"a": 1, "a": 2}', "a", "field a stands twice"),
        ('{"a": 1, "\\u0061": 2}', "a", "field a stands twice"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "a.b", "field b stands twice in a"),
        ('{"a": [1, {"b": 1, "b": 1}]}', "a[1].b", "field b stands twice in a[1]"),
        ('[[{}, {"b": 1, "b": 1}]]', "[0][1].b", "field b stands twice in [0][1]"),
        ('{"": 1, "": 2}', "", "field  stands twice"),
        ('{"a": {"x": 1}, "a": {"x": 1}}', "a", "field a stands twice"),
    ],
)
def test_the_field_and_its_place_are_named(text: str, path: str, sentence: str) -> None:
    for written in (text, text.encode()):
        field = repeated_field(written)
        assert field is not None
        assert (field.path, field.sentence) == (path, sentence)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_objects_that_name_each_field_once_are_fine(value: object) -> None:
    assert repeated_field(json.dumps(value)) is None


@given(st.dictionaries(st.text(), values, min_size=1), st.data())
def test_any_repeat_is_noticed(value: dict[str, object], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(value)))
    repeat = json.dumps({name: None})[1:]
    field = repeated_field(f"{json.dumps(value)[:-1]}, {repeat}")
    assert field is not None
    assert field.name == name
