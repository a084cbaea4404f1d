"""Fuzzing: the same seed sends the same bytes, and what breaks a law is found and named."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from system.book.valuation import snapshot as snapshot_module
from system.contracts.codec import encode
from system.contracts.text.columns import column_of
from system.store.sample_snapshots import sample_snapshot
from tests.by_columns import columns_of
from validation.fuzzing import rounds
from validation.fuzzing.__main__ import fuzzed
from validation.fuzzing.mutation import mutated
from validation.fuzzing.rounds import (
    Counts,
    LawBrokenError,
    checked_numbers,
    fuzz_codec,
    fuzz_world,
)
from validation.fuzzing.worlds import World
from validation.verdict import Verdict

SEED = 7


def sent(seed: int) -> list[bytes]:
    return [encode(message) for message in World(seed).messages(60)]


def test_a_seed_makes_the_same_messages_again_and_another_one_others() -> None:
    assert sent(SEED) == sent(SEED)
    assert sent(SEED) != sent(SEED + 1)
    values = sent(SEED)
    first, again = Random(1), Random(1)  # noqa: S311 - repeatable, and no secret
    assert [mutated(value, first) for value in values] == [
        mutated(value, again) for value in values
    ]


def test_a_round_counts_what_it_has_sent_and_seen() -> None:
    first, again = Counts(), Counts()
    fuzz_world(SEED, first)
    fuzz_world(SEED, again)
    assert msgspec.structs.astuple(first) == msgspec.structs.astuple(again)
    assert first.messages > 60
    assert first.numbers > first.snapshots > 0


def test_a_number_that_is_not_finite_is_found_with_its_place_and_seed(monkeypatch) -> None:
    whole = snapshot_module._valued_snapshot

    def broken(*arguments):
        return msgspec.structs.replace(whole(*arguments), nav=float("inf"))

    monkeypatch.setattr(snapshot_module, "_valued_snapshot", broken)
    with pytest.raises(LawBrokenError, match=rf"seed {SEED}: .*\$\.nav is inf"):
        fuzz_world(SEED, Counts())


def test_what_the_codec_lets_out_is_found(monkeypatch) -> None:
    def broken(*_):
        raise KeyError("type")

    monkeypatch.setattr(rounds, "decode_topic", broken)
    with pytest.raises(LawBrokenError, match="KeyError"):
        fuzz_codec(SEED, Counts())


def test_numbers_are_looked_for_everywhere() -> None:
    assert list(checked_numbers({"a": [1.0, (2.0, {"b": 3.0})], "c": 4}, "$")) == [1.0, 2.0, 3.0]
    with pytest.raises(LawBrokenError, match=r"\$\.a\[1\] is nan"):
        list(checked_numbers({"a": [1.0, float("nan")]}, "$"))
    columns = columns_of(tuple(sample_snapshot(position_count=2).positions))
    assert len(list(checked_numbers(columns, "$"))) == 2 * 11
    broken = msgspec.structs.replace(columns, delta=column_of([1.0, float("inf")]))
    with pytest.raises(LawBrokenError, match=r"\$\[1\]\.delta is inf"):
        list(checked_numbers(broken, "$"))


def test_a_run_states_its_seeds_and_fails_on_a_broken_law(monkeypatch) -> None:
    report = fuzzed(SEED, 0.0)
    assert report.verdict is Verdict.PASSED
    assert "seeds 7 to 7" in report.findings[1].detail

    def broken(seed, counts):
        raise LawBrokenError(f"seed {seed}: $.nav is inf")

    monkeypatch.setattr("validation.fuzzing.__main__.fuzz_world", broken)
    report = fuzzed(SEED, 0.0)
    assert report.verdict is Verdict.FAILED
    assert "`--seed 7 --seconds 0`" in report.findings[1].detail
