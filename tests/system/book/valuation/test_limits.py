"""Limits: where a snapshot stands, what that raises, and what it takes to leave a level."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.book.valuation.limits import (
    LimitAlerts,
    limit_use,
    limit_uses,
    raised_level,
    standing_level,
)
from system.contracts.limits import HYSTERESIS, Limit, LimitLevel, LimitMeasure, LimitUse
from system.contracts.messages import Portfolio, RiskSnapshot
from system.store.sample_snapshots import sample_snapshot
from tests.system.book.feed import holding, live, opened, portfolio, rate, tick
from tests.system.book.valuation.test_options import black_scholes, optioned

OK, WARNING, BREACH = LimitLevel.OK, LimitLevel.WARNING, LimitLevel.BREACH
SEVERITY = {OK: 0, WARNING: 1, BREACH: 2}
ALL = tuple(
    Limit(measure=measure, warning=0.5, breach=1.0)
    for measure in LimitMeasure
    if measure is not LimitMeasure.VAR
)


def use(value: float | None) -> LimitUse:
    return limit_use(LimitMeasure.VAR, value, 0.8, 1.0)


def with_value(value: float | None, epoch: int = 0, name: str = "alpha") -> RiskSnapshot:
    return sample_snapshot(name, epoch=epoch, limits=(use(value),))


def watched(*values: float | None) -> tuple[list[LimitLevel | None], list[tuple[str, str]]]:
    """Return what is raised after each value, and every change."""
    alerts = LimitAlerts()
    levels = [alerts.watched(with_value(value, epoch)) for epoch, value in enumerate(values)]
    raised = [snapshot.limits[0].raised for snapshot, _ in levels]
    return raised, [(event.before, event.after) for _, events in levels for event in events]


# -- where a snapshot stands -----------------------------------------------


def test_every_measure_is_a_fraction_of_nav() -> None:
    feed = opened()
    definition = portfolio(
        "L",
        holding("A", 30.0),
        holding("B", -50.0),
        holding("E", 1_000.0),
        holding("cash:USD", 9_000.0),
    )
    feed.send(msgspec.structs.replace(definition, limits=ALL))
    snapshot = live(feed.send(tick("A", 100.0), tick("B", 40.0), rate("USD", 1.1)), "L")
    exposures = [3_000.0, -50 * 40 * 1.1, 1_000 * 1.1]
    assert snapshot.var is not None
    assert snapshot.expected_shortfall is not None
    expected = {
        LimitMeasure.VAR: snapshot.var,
        LimitMeasure.EXPECTED_SHORTFALL: snapshot.expected_shortfall,
        LimitMeasure.GROSS: math.fsum(map(abs, exposures)),
        LimitMeasure.NET: math.fsum(exposures),
        LimitMeasure.SINGLE_NAME: 3_000.0,
        LimitMeasure.VEGA: 0.0,
    }
    assert {limit.measure: limit.value for limit in snapshot.limits} == pytest.approx(
        {measure: amount / snapshot.nav for measure, amount in expected.items()}
    )
    assert all(limit.raised is None for limit in snapshot.limits)


@pytest.mark.parametrize("quantity", [5.0, -5.0])
def test_vega_is_limited_by_its_size_in_base_currency_per_vol_point(quantity: float) -> None:
    feed = optioned()
    feed.send(portfolio("L", holding("B.CALL", quantity, 2.5), holding("cash:USD", 9_000.0)))
    snapshot = live(feed.send(tick("B", 103.0), rate("USD", 1.12)), "L")
    bump = black_scholes(103.0, 0.2501, 30) - black_scholes(103.0, 0.2499, 30)
    vega = 5.0 * 100.0 * bump / 0.02 * 1.12  # EUR per 0.01 of volatility, in USD
    (found,) = (
        use
        for use in limit_uses(
            snapshot, (Limit(measure=LimitMeasure.VEGA, warning=1e-9, breach=1.0),)
        )
        if use.measure is LimitMeasure.VEGA
    )
    assert found.value == pytest.approx(vega / snapshot.nav, rel=1e-6)
    tight = Limit(measure=LimitMeasure.VEGA, warning=found.value / 4, breach=found.value / 2)
    assert limit_uses(snapshot, (tight,))[-1].level is BREACH


@pytest.mark.parametrize(("shares", "calls"), [(300.0, -6.0), (-300.0, -6.0), (0.0, -6.0)])
def test_a_single_name_is_an_instrument_with_the_options_on_it(shares: float, calls: float) -> None:
    """A hedged option is less of its name than either leg; the rest of the book is not in it."""
    feed = optioned()
    legs = [holding("B", shares)] if shares else []
    rest = (holding("A", 10.0), holding("cash:USD", 200_000.0))
    feed.send(portfolio("L", *legs, holding("B.CALL", calls, 2.5), *rest))
    snapshot = live(feed.send(tick("B", 103.0), tick("A", 100.0), rate("USD", 1.12)), "L")
    bump = black_scholes(103.01, 0.25, 30) - black_scholes(102.99, 0.25, 30)
    net = (shares + calls * 100.0 * bump / 0.02) * 103.0 * 1.12
    limit = Limit(measure=LimitMeasure.SINGLE_NAME, warning=0.5, breach=1.0)
    assert limit_uses(snapshot, (limit,))[-1].value == pytest.approx(
        abs(net) / snapshot.nav, rel=1e-5
    )


def test_the_limit_on_var_is_always_there_and_is_that_of_the_portfolio() -> None:
    (found,) = limit_uses(sample_snapshot(var_limit_fraction=0.05, nav=1e6, var=45_000.0), ())
    assert (found.breach, found.warning, found.value) == (0.05, 0.8 * 0.05, 0.045)
    assert (found.level, found.used) == (WARNING, pytest.approx(0.9))


def test_a_level_is_crossed_strictly_above_it() -> None:
    assert [standing_level(value, 0.8, 1.0) for value in (0.8, math.nextafter(0.8, 1))] == [
        OK,
        WARNING,
    ]
    assert [standing_level(value, 0.8, 1.0) for value in (1.0, math.nextafter(1.0, 2))] == [
        WARNING,
        BREACH,
    ]


@pytest.mark.parametrize("changes", [{"nav": 0.0}, {"nav": -5.0}, {"var": None}])
def test_a_number_that_does_not_exist_is_unknown(changes) -> None:
    (found,) = limit_uses(sample_snapshot(**changes), ())
    assert (found.value, found.used, found.level) == (None, None, LimitLevel.UNKNOWN)


def test_half_a_book_has_no_gross_exposure() -> None:
    uses = limit_uses(sample_snapshot(missing=("X",)), ALL)
    known = {use.measure for use in uses if use.value is not None}
    assert known == {LimitMeasure.VAR, LimitMeasure.EXPECTED_SHORTFALL}


@pytest.mark.parametrize(
    ("limit", "named"),
    [
        ({"measure": "var", "warning": 0.1, "breach": 0.2}, "var_limit_fraction"),
        ({"measure": "gross", "warning": 0.2, "breach": 0.2}, "warning of gross is 0.2"),
        ({"measure": "gross", "warning": -0.1, "breach": 0.2}, "warning"),
        ({"measure": "length", "warning": 0.1, "breach": 0.2}, "length"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_by_name(limit, named) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        msgspec.convert({"type": "portfolio", "portfolio": "P", "limits": [limit]}, Portfolio)


def test_a_measure_is_limited_once() -> None:
    with pytest.raises(ValueError, match="limit of gross stands twice in P"):
        Portfolio(portfolio="P", limits=(ALL[1], ALL[1]))


# -- what it raises --------------------------------------------------------


def test_a_level_is_raised_at_once_and_left_only_well_below() -> None:
    raised, changes = watched(0.5, 0.81, 0.79, 0.77, 0.75, 1.2, 0.96, 0.95, 0.8, 0.7)
    assert raised == [OK, WARNING, WARNING, WARNING, OK, BREACH, BREACH, WARNING, WARNING, OK]
    assert changes == [
        (OK, WARNING),
        (WARNING, OK),
        (OK, BREACH),
        (BREACH, WARNING),
        (WARNING, OK),
    ]


def test_a_value_that_trembles_around_a_level_raises_one_alert() -> None:
    _, changes = watched(*[1.001, 0.999] * 50)
    assert changes == [(OK, BREACH)]


def test_from_a_breach_straight_to_nothing_is_one_event() -> None:
    assert watched(1.5, 0.1)[1] == [(OK, BREACH), (BREACH, OK)]


def test_a_number_that_does_not_exist_changes_nothing() -> None:
    raised, changes = watched(1.5, None, None, 1.5)
    assert raised == [BREACH] * 4
    assert changes == [(OK, BREACH)]


values = st.floats(-0.5, 2.0, allow_nan=False) | st.none()


@given(st.lists(values, max_size=30))
def test_what_is_raised_is_never_less_than_what_stands_nor_held_beyond_its_margin(series) -> None:
    raised, changes = watched(*series)
    for value, level in zip(series, raised, strict=True):
        if value is None:
            continue
        assert SEVERITY[level] >= SEVERITY[use(value).level]
        threshold = {OK: -1.0, WARNING: 0.8, BREACH: 1.0}[level]
        assert value > threshold * (1 - HYSTERESIS)
    for earlier, later in itertools.pairwise(changes):
        assert earlier[1] == later[0]
    assert all(before != after for before, after in changes)


@given(st.lists(values, max_size=20), st.integers(0, 20))
def test_alerts_that_are_taken_up_again_go_on_as_if_never_interrupted(series, cut) -> None:
    whole = watched(*series)[0]
    first = LimitAlerts()
    raised = {}
    for epoch, value in enumerate(series[:cut]):
        snapshot, _ = first.watched(with_value(value, epoch))
        raised = {("alpha", LimitMeasure.VAR): snapshot.limits[0].raised}
    second = LimitAlerts(raised)
    rest = [second.watched(with_value(value))[0].limits[0].raised for value in series[cut:]]
    assert rest == whole[cut:]


def test_each_portfolio_has_levels_of_its_own() -> None:
    alerts = LimitAlerts()
    alerts.watched(with_value(1.5, name="alpha"))
    snapshot, events = alerts.watched(with_value(0.1, name="beta"))
    assert (snapshot.limits[0].raised, events) == (OK, ())


def test_an_event_says_what_where_and_at_which_snapshot() -> None:
    snapshot = with_value(1.5, epoch=7)
    _, (event,) = LimitAlerts().watched(snapshot)
    assert (event.snapshot_id, event.value, event.breach) == (snapshot.snapshot_id, 1.5, 1.0)
    assert raised_level(use(None), WARNING) is WARNING
