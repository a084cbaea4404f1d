"""Notes on the API's fields: short sentences."""

from __future__ import annotations

import itertools

from system.contracts.fields.answers import ANSWER_FIELDS, SPECIAL_FIELDS


def test_each_is_one_short_sentence() -> None:
    special = itertools.chain.from_iterable(notes.items() for notes in SPECIAL_FIELDS.values())
    for field, note in (*ANSWER_FIELDS.items(), *special):
        assert note.endswith("."), field
        assert "\n" not in note, field


def test_they_are_in_order_of_their_names() -> None:
    assert list(ANSWER_FIELDS) == sorted(ANSWER_FIELDS)
