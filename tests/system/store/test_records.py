"""Pages end in a word that leads on; other words are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.store.errors import PageTokenError
from system.store.records import MAX_PAGE_TOKEN_LENGTH, PageKey, RejectedKey, SnapshotQuery
from tests.message_strategies import identifiers

NUMBERS = st.integers(min_value=0, max_value=2**62)


@given(NUMBERS, NUMBERS, NUMBERS, identifiers)
def test_a_word_stands_for_the_place_it_was_made_from(
    time_ns: int, fence: int, epoch: int, name: str
) -> None:
    key = PageKey(time_ns, fence, epoch, name)
    assert PageKey.from_token(key.token()) == key


@pytest.mark.parametrize("word", ["", "a", "é", "AAAA", "W10", "bnVsbA", "x" * 10_000])
def test_a_word_that_no_page_ended_with_is_refused(word: str) -> None:
    with pytest.raises(PageTokenError, match="take `next` of an answer"):
        PageKey.from_token(word)


def test_a_word_of_one_list_does_not_fit_another() -> None:
    with pytest.raises(PageTokenError):
        PageKey.from_token(RejectedKey(5).token())


@pytest.mark.parametrize("letter", ["p", '"', "\U0001f600"])
def test_the_longest_word_of_ours_is_not_refused(letter: str) -> None:
    key = PageKey(2**62, 2**62, 2**62, f"{letter * 64}-{2**62}.{2**62}")
    assert len(key.token()) < MAX_PAGE_TOKEN_LENGTH
    assert PageKey.from_token(key.token()) == key


def test_a_page_beyond_its_bound_is_a_defect_of_ours() -> None:
    with pytest.raises(AssertionError):
        SnapshotQuery("alpha", limit=0)
