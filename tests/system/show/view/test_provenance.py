"""Provenance of the number: its inputs, its age and its qualifications."""

from __future__ import annotations

import datetime as dt

import msgspec

from system.contracts.messages import CarriedSeries, RiskSnapshot, StageTimes
from system.show.view.provenance import facts, notices, stages, tail_rows
from tests.system.show.market import replace_struct

MS = 1_000_000


def test_rank_k_is_var_and_only_ranks_up_to_k_are_in_the_tail(long_equities: RiskSnapshot) -> None:
    rows = tail_rows(long_equities)
    assert [row.is_var for row in rows] == [False, True, False, False, False]
    assert [row.in_tail for row in rows] == [True, True, False, False, False]
    assert long_equities.var is not None
    assert rows[1].pnl == f"\u2212{long_equities.var:,.0f}"
    assert rows[1].date == str(long_equities.scenario_date)
    assert rows[0].size == 1.0


def test_the_facts_name_estimator_n_k_and_the_scenario_day(long_equities: RiskSnapshot) -> None:
    made = {fact.name: fact for fact in facts(long_equities)}
    assert made["Estimator"].value == "hs/ceil/simple"
    assert made["Scenarios n"].value == "30"
    assert made["Scenarios n"].note == "the whole window"
    assert made["Tail rank k"].value == "2"
    assert made["Scenario day"].value == str(long_equities.scenario_date)
    assert "market_data:0" in made["Inputs"].note


def test_a_window_that_is_not_full_is_said(long_equities: RiskSnapshot) -> None:
    made = {fact.name: fact for fact in facts(replace_struct(long_equities, scenario_count=21))}
    assert made["Scenarios n"].note == "of a window of 30"


def test_a_complete_snapshot_has_no_notice(long_equities: RiskSnapshot) -> None:
    assert notices(long_equities) == ()


def test_whatever_qualifies_the_number_is_said_worst_first(long_equities: RiskSnapshot) -> None:
    first, *rest = long_equities.positions
    position = msgspec.structs.replace(first, stale_since_ns=1_583_150_400_000_000_000)
    said = notices(
        replace_struct(
            long_equities,
            not_available="12 scenarios, 20 needed",
            positions=(position, *rest),
            stale=(first.instrument, "fx:JPY"),
            suspect=("XOM 2020-03-09",),
        )
    )
    assert [notice.level for notice in said] == ["bad", "warn", "warn"]
    assert said[0].text == "12 scenarios, 20 needed"
    assert said[1].text == f"Stale prices: {first.instrument} since 12:00:00, fx:JPY"
    assert said[2].text == "Suspect moves, counted: XOM 2020-03-09"


def test_the_stages_add_up_to_the_time_from_intended_to_published() -> None:
    times = StageTimes(
        intended_ns=100 * MS,
        batch_started_ns=153 * MS,
        read_ns=170 * MS,
        folded_ns=175 * MS,
        valued_ns=180 * MS,
        published_ns=184 * MS,
    )
    drawn = stages(times)
    assert drawn.total_ms == 84.0
    assert drawn.parts.replace("\u202f", " ") == (
        "waiting for its batch 53 ms, read by Spark 17 ms, folded 5 ms, valued 5 ms, published 4 ms"
    )


def test_without_a_published_stamp_the_number_counts_as_made_when_valued() -> None:
    assert stages(StageTimes(intended_ns=1 * MS, valued_ns=80 * MS)).total_ms == 79.0


def test_a_stage_that_was_not_stamped_is_left_out() -> None:
    drawn = stages(StageTimes(intended_ns=1 * MS, folded_ns=3 * MS, published_ns=9 * MS))
    assert (drawn.total_ms, drawn.parts) == (8.0, "")


def test_unknown_times_are_not_a_latency() -> None:
    for times in (StageTimes(), StageTimes(valued_ns=5 * MS), StageTimes(intended_ns=5 * MS)):
        assert stages(times).total_ms is None
        assert stages(times).text == "\u2013"
        assert stages(times).parts == ""


def carried(name: str, **changed: object) -> CarriedSeries:
    days = (dt.date(2020, 3, 5), dt.date(2020, 3, 6))
    whole = CarriedSeries(
        series=name,
        dates=days,
        day_count=2,
        missed_sessions=0,
        silent_sessions=0,
        last_close=dt.date(2020, 3, 4),
        share=0.0123,
    )
    return msgspec.structs.replace(whole, **changed)


def test_carried_series_are_named_with_their_days_and_share(long_equities: RiskSnapshot) -> None:
    """A holiday is for information; a missed session is a warning."""
    said = notices(
        replace_struct(
            long_equities,
            carried=(
                carried("7203.T", dates=(dt.date(2020, 3, 20),), day_count=1),
                carried("BBB", missed_sessions=2, silent_sessions=2),
                carried("CCC", missed_sessions=1, day_count=60),
            ),
        )
    )
    percent = "1.2\N{NARROW NO-BREAK SPACE}%"
    assert [(notice.level, notice.text) for notice in said] == [
        (
            "warn",
            "Closes missing, carried: BBB 2 days up to 2020-03-06, no close since 2020-03-04, "
            f"{percent} of gross exposure, "
            f"CCC 60 days up to 2020-03-06, {percent} of gross exposure",
        ),
        (
            "info",
            f"Carried over days without a session: 7203.T 2020-03-20, {percent} of gross exposure",
        ),
    ]
