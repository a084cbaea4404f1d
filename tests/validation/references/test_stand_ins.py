"""Proxies and constant volatilities, where a history begins too late."""

from __future__ import annotations

import datetime as dt

import pytest

from validation.references.exact import ReferenceInputError
from validation.references.held_options import ReferenceTerms
from validation.references.revaluation import ReferencePosition
from validation.references.stand_ins import Completed, covered, crisis_suffices

DAY = dt.date(2020, 3, 2)


def days(count: int, last: dt.date = DAY) -> dict[dt.date, float]:
    return {last - dt.timedelta(days=back): 100.0 + back for back in range(count)}


def book(*positions: ReferencePosition, **changed: dict[dt.date, float]) -> Completed:
    closes = {"OLD": days(9), "P": days(9), "Q": days(3), "S": days(9), **changed}
    return covered(
        positions,
        closes,
        {"NEW": "P", "OLD": "P", "BOTH": "Q"},
        base_currency="USD",
        as_of=DAY,
        window=5,
    )


def share(name: str) -> ReferencePosition:
    return ReferencePosition(name, "equity", "USD", 1)


def test_a_proxy_replaces_only_a_history_that_begins_within_the_window() -> None:
    completed = book(share("NEW"), share("OLD"), NEW=days(3))
    assert completed.closes == {"NEW": days(9), "OLD": days(9)}
    gaps = {day: close for day, close in days(9).items() if day.day % 2}
    assert book(share("NEW"), share("OLD"), NEW=gaps).closes["NEW"] == gaps


def test_a_book_whose_series_all_begin_late_takes_the_days_of_its_proxies() -> None:
    assert book(share("NEW"), NEW=days(3)).closes == {"NEW": days(9)}


def test_a_history_that_begins_late_and_whose_proxy_does_too_is_refused_by_name() -> None:
    with pytest.raises(ReferenceInputError, match="no close up to 2020-02-26 of BOTH"):
        book(share("BOTH"), share("OLD"), BOTH=days(2))
    with pytest.raises(ReferenceInputError, match="too few days have a close of BOTH"):
        book(share("BOTH"), BOTH=days(2))


def test_a_volatility_without_a_history_stays_and_one_with_it_moves() -> None:
    terms = ReferenceTerms("S", "call", 100, DAY, "0.2", volatility_series="VOL")
    option = ReferencePosition("S.CALL", "option", "USD", 1, option=terms)
    for count, series in ((9, "VOL"), (5, "")):
        completed = book(option, VOL=days(count))
        [held] = completed.positions
        assert held.option is not None
        assert held.option.volatility_series == series
        assert set(completed.closes) == {"S", series} - {""}


def test_a_series_covers_a_crisis_from_before_it_to_its_last_week() -> None:
    first, last = DAY - dt.timedelta(days=20), DAY
    covers = crisis_suffices(first, last, DAY + dt.timedelta(days=9))
    assert covers(days(22))
    assert covers(days(22, last - dt.timedelta(days=7)))
    assert not covers(days(21))
    assert not covers(days(22, last - dt.timedelta(days=8)))
    assert not covers(days(2, first - dt.timedelta(days=1)))
