"""Limits as the panel draws them."""

from __future__ import annotations

import msgspec

from system.contracts.limits import LimitLevel, LimitMeasure
from system.show.view.limits import NAMES, WORDS, limit_rows, raised_measures
from system.store.sample_snapshots import sample_snapshot
from tests.system.book.valuation.test_limits import use


def drawn(value: float | None, raised: LimitLevel | None = None):
    limit = msgspec.structs.replace(use(value), raised=raised)
    snapshot = sample_snapshot(limits=(limit,))
    (row,) = limit_rows(snapshot)
    return row, raised_measures(snapshot)


def test_every_measure_and_level_has_words() -> None:
    assert set(NAMES) == set(LimitMeasure)
    assert set(WORDS) == set(LimitLevel)


def test_what_is_raised_is_said_with_where_it_stands_now() -> None:
    row, raised = drawn(0.97, LimitLevel.BREACH)
    assert (row.level, row.words) == (LimitLevel.BREACH, "breach, still raised: now warning")
    assert raised == (LimitMeasure.VAR,)
    row, raised = drawn(1.2, LimitLevel.BREACH)
    assert (row.words, raised) == ("breach", (LimitMeasure.VAR,))


def test_a_number_that_does_not_exist_is_not_called_within() -> None:
    row, raised = drawn(None, LimitLevel.OK)
    assert (row.level, row.words, row.used, raised) == (
        LimitLevel.UNKNOWN,
        "not meaningful",
        None,
        (),
    )


def test_without_a_watcher_the_level_is_that_of_the_number() -> None:
    assert drawn(0.9)[0].words == "warning"
    assert drawn(0.1)[1] == ()
