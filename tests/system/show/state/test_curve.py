"""The P&L curve: bounded, never back in time, sent by its new end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from system.show.state.curve import (
    BUCKET_SECONDS,
    MAX_STEP_SECONDS,
    CurvePart,
    CurvePoint,
    PnlCurve,
)

NANO = 1_000_000_000
START = 1_583_164_800


def at(seconds: float) -> int:
    return round((START + seconds) * NANO)


def whole(curve: PnlCurve) -> list[CurvePoint]:
    return curve.since(-1, 0).points


def joined(held: list[CurvePoint], part: CurvePart) -> list[CurvePoint]:
    return held[: part.start] + part.points


def test_within_a_bucket_the_newest_point_stays() -> None:
    curve = PnlCurve()
    for second in range(BUCKET_SECONDS):
        curve.add(at(second), float(second), None)
    assert [point.total for point in whole(curve)] == [float(BUCKET_SECONDS - 1)]


def test_nights_are_cut_from_the_axis() -> None:
    curve = PnlCurve()
    curve.add(at(0), 1.0, None)
    curve.add(at(60), 2.0, None)
    curve.add(at(60 + 17 * 3600), 3.0, None)
    assert [point.x for point in whole(curve)] == [0, 60, 60 + MAX_STEP_SECONDS]


def test_jitter_backwards_stays_on_the_last_point() -> None:
    curve = PnlCurve()
    curve.add(at(100), 1.0, None)
    curve.add(at(98), 2.0, None)
    assert [(point.time - START, point.total) for point in whole(curve)] == [(100, 2.0)]


def test_a_market_that_is_wound_back_begins_anew() -> None:
    curve = PnlCurve()
    curve.add(at(86_400), 1.0, None)
    before = curve.generation
    curve.add(at(0), 2.0, None)
    assert [point.total for point in whole(curve)] == [2.0]
    assert curve.generation > before


@given(st.lists(st.integers(0, 40), min_size=1, max_size=80), st.integers(4, 12))
def test_a_browser_that_takes_every_part_holds_the_whole_curve(
    steps: list[int], max_points: int
) -> None:
    curve, held, time = PnlCurve(max_points), [], 0
    generation, count = -1, 0
    for index, step in enumerate(steps):
        time += step
        curve.add(at(time), float(index), None)
        if index % 3 == 0:
            part = curve.since(generation, count)
            held = joined(held, part)
            generation, count = curve.generation, len(curve)
            assert held == whole(curve)
    assert len(curve) <= max_points
    assert whole(curve)[-1].total == float(len(steps) - 1), "the newest point is never thinned out"


def test_a_browser_with_more_points_than_there_are_gets_everything() -> None:
    curve = PnlCurve()
    curve.add(at(0), 1.0, None)
    assert curve.since(curve.generation, 99).start == 0


def test_stored_points_go_in_front_and_do_not_replace_what_was_seen() -> None:
    curve = PnlCurve()
    curve.add(at(1_000), 10.0, 1.0)
    curve.add(at(1_060), 11.0, 2.0)
    curve.fill([(at(940), 9.0, 0.5), (at(880), 8.0, None), (at(1_000), -99.0, None)])
    assert [point.total for point in whole(curve)] == [8.0, 9.0, 10.0, 11.0]
    assert [point.x for point in whole(curve)] == [0, 60, 120, 180]


def test_stored_points_alone_make_a_curve() -> None:
    curve = PnlCurve()
    curve.fill([(at(60), 2.0, None), (at(0), 1.0, None)])
    assert [point.total for point in whole(curve)] == [1.0, 2.0]
