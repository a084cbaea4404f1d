"""Errors of the API: each has its own title and the status that the documentation gives."""

from __future__ import annotations

import re

import pytest

from system.errors import UnavailableError
from system.serve.http import errors
from system.serve.http.errors import (
    MAX_KNOWN_LISTED,
    ApiError,
    TooManyRequestsError,
    UnansweredTradeError,
    emptied_snapshot,
    invalid_field,
    unknown_portfolio,
    unknown_snapshot,
)
from system.store.records import EmptiedSnapshot

DRAWN = re.compile(r"[├└]── (\w+Error) +(\d{3})")


def test_the_drawn_tree_has_every_error_with_its_status() -> None:
    drawn = {name: int(status) for name, status in DRAWN.findall(errors.__doc__ or "")}
    assert drawn == {kind.__name__: kind.status for kind in ApiError.__subclasses__()}


def test_no_two_errors_have_one_title() -> None:
    titles = [kind.title for kind in ApiError.__subclasses__()]
    assert len(set(titles)) == len(titles)


def test_a_problem_lists_known_names_up_to_a_bound() -> None:
    known = [f"book-{number:03d}" for number in range(MAX_KNOWN_LISTED + 5)]
    problem = unknown_portfolio("x", known).problem("/v1/portfolios/x")
    assert problem.known == tuple(known[:MAX_KNOWN_LISTED])
    assert (problem.status, problem.instance) == (404, "/v1/portfolios/x")
    assert known[MAX_KNOWN_LISTED] not in problem.detail


def test_without_a_portfolio_the_way_to_import_one_is_named() -> None:
    assert "POST /v1/portfolios" in unknown_portfolio("x", []).detail


def test_a_wrong_field_is_named_in_the_sentence_and_apart() -> None:
    error = invalid_field("trades[0].price", "must be above 0")
    assert str(error) == "trades[0].price: must be above 0"
    [problem] = error.errors
    assert (problem.field, problem.detail) == ("trades[0].price", "must be above 0")


def test_a_trade_that_was_not_confirmed_names_its_id_in_the_problem() -> None:
    problem = UnansweredTradeError("t-1", UnavailableError("Kafka is silent")).problem("/v1/trades")
    assert problem.trade_id == "t-1"
    assert "Kafka is silent" in problem.detail


@pytest.mark.parametrize(("portfolio", "named"), [("", False), ("long", True)])
def test_an_unknown_snapshot_names_its_portfolio_where_one_was_asked(
    portfolio: str, named: bool
) -> None:
    assert ("of portfolio 'long'" in unknown_snapshot("s-1", portfolio).detail) is named


def test_an_emptied_snapshot_counts_the_trades_that_it_does_not_list() -> None:
    trades = tuple(f"t-{number}" for number in range(MAX_KNOWN_LISTED + 2))
    detail = emptied_snapshot("s-1", EmptiedSnapshot(trades, "ab" * 32)).detail
    assert f"t-{MAX_KNOWN_LISTED - 1} and 2 more" in detail
    assert "ab" * 32 in detail
    assert "its trades: none;" in emptied_snapshot("s-1", EmptiedSnapshot((), "ab" * 32)).detail


def test_a_request_beyond_the_rate_is_told_when_to_come_again() -> None:
    assert "in 250 ms" in str(TooManyRequestsError("GET", 0.25))
