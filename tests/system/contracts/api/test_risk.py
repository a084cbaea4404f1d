"""Views of a snapshot state the same numbers as the snapshot."""

from __future__ import annotations

import datetime as dt

from system.contracts.api.risk import CurrentRisk, current_risk, is_over_limit
from system.contracts.messages import CarriedSeries, RiskSnapshot, field_names
from system.store.sample_snapshots import sample_snapshot

WORKED_OUT = {"var_limit", "limit_used", "over_limit", "complete"}


def test_the_short_form_is_the_snapshot_but_for_its_positions_and_tag() -> None:
    assert set(field_names(CurrentRisk)) - WORKED_OUT == set(field_names(RiskSnapshot)) - {
        "positions",
        "message_version",
    }


def test_every_field_taken_over_is_unchanged() -> None:
    snapshot = sample_snapshot(epoch=4, trade_ids=("t",), stale=("EQ000",))
    short = current_risk(snapshot)
    for name in set(field_names(CurrentRisk)) - WORKED_OUT:
        assert getattr(short, name) == getattr(snapshot, name)


def test_the_limit_is_a_fraction_of_nav_and_exceeding_it_is_strict() -> None:
    short = current_risk(sample_snapshot(nav=500.0, var=10.0, var_fraction=0.02))
    assert (short.var_limit, short.limit_used, short.over_limit) == (10.0, 1.0, False)
    assert current_risk(sample_snapshot(var_fraction=0.0200001)).over_limit is True


def test_without_a_positive_nav_the_limit_means_nothing() -> None:
    short = current_risk(sample_snapshot(nav=-1.0, var_fraction=None))
    assert (short.var_limit, short.limit_used, short.over_limit) == (None, None, None)


def test_a_limit_without_a_var_is_still_a_limit() -> None:
    short = current_risk(sample_snapshot(nav=100.0, var=None, var_fraction=None))
    assert (short.var_limit, short.limit_used) == (2.0, None)
    assert is_over_limit(sample_snapshot(var_fraction=None)) is None


def test_a_number_is_complete_when_nothing_is_stale_carried_or_missing() -> None:
    assert current_risk(sample_snapshot()).complete
    for gap in (
        {"stale": ("A",)},
        {"carried": (carried(silent_sessions=1),)},
        {"not_available": "30 closes needed"},
    ):
        assert not current_risk(sample_snapshot(**gap)).complete


def test_a_number_is_complete_where_a_series_has_had_its_last_session() -> None:
    """A holiday, or a gap within the window, takes nothing from the newest closes."""
    assert current_risk(sample_snapshot(carried=(carried(silent_sessions=0),))).complete


def carried(*, silent_sessions: int) -> CarriedSeries:
    day = dt.date(2020, 3, 5)
    return CarriedSeries(
        series="A",
        dates=(day,),
        day_count=1,
        missed_sessions=1,
        silent_sessions=silent_sessions,
        last_close=day,
        share=0.1,
    )
