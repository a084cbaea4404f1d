"""Ruled text: every field of a ruled type is kept as its rule returns it, or refused in words."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.text.checked import (
    Checked,
    TextError,
    field_and_detail,
    ruled,
    ruled_text,
    shown,
    shows_value,
)


def upper(text: str) -> str:
    if not text.isalpha():
        raise TextError(f"{text!r} is no word: write letters alone")
    return text.upper()


Word = Annotated[str, msgspec.Meta(extra=ruled(upper))]


class Entry(Checked, frozen=True):
    """A field of each kind that may hold ruled text."""

    name: Word
    nick: Word | None = None
    words: tuple[Word, ...] = ()
    counts: dict[Word, int] = {}  # noqa: RUF012 - msgspec copies it
    free: str = ""


class Nested(Checked, frozen=True):
    entry: Entry


FULL = {"name": "a", "nick": "b", "words": ["c", "d"], "counts": {"e": 1}, "free": "1 2"}


def test_a_rule_holds_in_every_place_and_however_an_instance_is_made():
    expected = Entry("A", "B", ("C", "D"), {"E": 1}, "1 2")
    assert msgspec.convert(FULL, Entry) == expected
    assert msgspec.json.decode(msgspec.json.encode(FULL), type=Entry) == expected
    assert Entry("a", "b", ("c", "d"), {"e": 1}, "1 2") == expected
    assert Entry("a").nick is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "1"}, "name"),
        ({"nick": "1"}, "nick"),
        ({"words": ["a", "1"]}, "words[1]"),
        ({"counts": {"1": 1}}, "counts"),
    ],
)
def test_a_refusal_names_the_field_and_shows_the_text(changes, field):
    content = msgspec.json.encode({"entry": {**FULL, **changes}})
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(content, type=Nested)
    place, detail = field_and_detail(str(refused.value))
    assert place == f"entry.{field}"
    assert detail == "'1' is no word: write letters alone"
    assert shows_value(detail)


def test_a_message_of_the_decoder_itself_keeps_its_path():
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(b'{"entry":{"name":1}}', type=Nested)
    place, detail = field_and_detail(str(refused.value))
    assert place == "entry.name"
    assert not shows_value(detail)


def test_a_message_without_a_place_is_returned_whole():
    assert field_and_detail("Invalid JSON") == ("", "Invalid JSON")


def test_one_text_is_ruled_under_the_name_of_its_field():
    assert ruled_text("name", "a", upper) == "A"
    with pytest.raises(TextError, match="name: '1' is no word"):
        ruled_text("name", "1", upper)


@given(st.text())
def test_shown_text_is_printable_and_short(text):
    quoted = shown(text)
    assert quoted.isprintable()
    if len(text) > 40:
        assert quoted.endswith(f"... ({len(text)} characters)")
    else:
        assert quoted == repr(text)
