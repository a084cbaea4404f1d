"""What stands in for a history: a proxy that suffices, a volatility that stays."""

from __future__ import annotations

import datetime as dt

from validation.references.held_options import ReferenceTerms
from validation.references.revaluation import ReferencePosition
from validation.references.stand_ins import completed, crisis_suffices, window_suffices

DAY = dt.date(2020, 3, 2)


def days(count: int, last: dt.date = DAY) -> dict[dt.date, float]:
    return {last - dt.timedelta(days=back): 100.0 + back for back in range(count)}


def test_a_proxy_stands_in_only_where_the_own_history_is_too_short_and_its_own_is_not() -> None:
    held = [ReferencePosition(name, "equity", "USD", 1) for name in ("NEW", "OLD", "BOTH")]
    closes = {"NEW": days(3), "OLD": days(9), "BOTH": days(2), "P": days(9), "Q": days(5)}
    found = completed(
        held,
        closes,
        {"NEW": "P", "OLD": "P", "BOTH": "Q"},
        base_currency="USD",
        suffices=window_suffices(DAY, 5),
    )
    assert found.closes == {"NEW": closes["P"], "OLD": closes["OLD"], "BOTH": closes["BOTH"]}


def test_a_volatility_without_a_history_stays_and_one_with_it_moves() -> None:
    terms = ReferenceTerms("S", "call", 100, DAY, "0.2", volatility_series="VOL")
    option = ReferencePosition("S.CALL", "option", "USD", 1, option=terms)
    for count, series in ((9, "VOL"), (5, "")):
        found = completed(
            [option],
            {"S": days(9), "VOL": days(count)},
            {},
            base_currency="USD",
            suffices=window_suffices(DAY, 5),
        )
        [held] = found.positions
        assert held.option is not None
        assert held.option.volatility_series == series
        assert set(found.closes) == {"S", series} - {""}


def test_a_series_covers_a_crisis_from_before_it_to_its_last_week() -> None:
    first, last = DAY - dt.timedelta(days=20), DAY
    covers = crisis_suffices(first, last, DAY + dt.timedelta(days=9))
    assert covers(days(22))
    assert covers(days(22, last - dt.timedelta(days=7)))
    assert not covers(days(21))
    assert not covers(days(22, last - dt.timedelta(days=8)))
    assert not covers(days(2, first - dt.timedelta(days=1)))
