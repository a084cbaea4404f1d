"""Filters, order and pages of the list of portfolios."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.api.portfolios import (
    PortfolioQuestion,
    Portfolios,
    PortfolioSort,
    PortfolioSummary,
)
from system.contracts.api.risk import StreamState
from system.contracts.limits import LimitLevel, LimitMeasure
from system.serve.http.errors import InvalidRequestError
from system.serve.questions.portfolio_list import PortfolioKey, portfolio_page
from system.store.errors import PageTokenError

LINE = PortfolioSummary(
    portfolio="alpha",
    snapshot_id="alpha-1.0",
    event_time_ns=1,
    base_currency="USD",
    nav=1e6,
    var=1e4,
    var_fraction=0.01,
    var_limit_fraction=0.02,
    over_limit=False,
    complete=True,
    durable=True,
    level=LimitLevel.OK,
    limit_measure=LimitMeasure.VAR,
    limit_used=0.5,
)


def line(name: str, **changes: object) -> PortfolioSummary:
    return msgspec.structs.replace(LINE, portfolio=name, **changes)


def page(lines: list[PortfolioSummary], **asked: object) -> Portfolios:
    question = msgspec.convert(asked, PortfolioQuestion)
    return portfolio_page(lines, question, stream=StreamState.RUNNING)


def names(answer: Portfolios) -> list[str]:
    return [line.portfolio for line in answer.portfolios]


BOOKS = [
    line("Bonds", level=LimitLevel.BREACH, limit_used=1.5, desk="rates", daily_pnl=-5.0),
    line("alpha", level=LimitLevel.WARNING, limit_used=0.9, complete=False, daily_pnl=7.0),
    line("carry", level=LimitLevel.BREACH, limit_used=1.1, base_currency="EUR", var=None),
    line("delta", level=LimitLevel.UNKNOWN, limit_used=None, limit_measure=LimitMeasure.NET),
]


def test_every_portfolio_is_listed_by_name_where_nothing_is_asked() -> None:
    answer = page(BOOKS)
    assert names(answer) == ["Bonds", "alpha", "carry", "delta"]
    assert (answer.matched_count, answer.next) == (4, None)


def test_books_over_a_limit_come_worst_first() -> None:
    answer = page(BOOKS, level=("breach",), sort="limit_used", descending=True)
    assert names(answer) == ["Bonds", "carry"]
    assert answer.matched_count == 2
    assert answer.level_counts == {"breach": 2, "unknown": 1, "warning": 1}


@pytest.mark.parametrize(
    ("asked", "matched"),
    [
        ({"level": ("breach", "warning")}, ["Bonds", "alpha", "carry"]),
        ({"desk": "rates"}, ["Bonds"]),
        ({"base_currency": "EUR"}, ["carry"]),
        ({"complete": False}, ["alpha"]),
        ({"complete": True, "contains": "A"}, ["carry", "delta"]),
        ({"measure": "net"}, ["delta"]),
        ({"contains": "bond"}, ["Bonds"]),
        ({"desk": "nobody's"}, []),
    ],
)
def test_a_filter_keeps_what_it_names(asked: dict[str, object], matched: list[str]) -> None:
    assert names(page(BOOKS, **asked)) == matched


@pytest.mark.parametrize("descending", [False, True])
def test_a_line_without_a_number_is_last_in_both_directions(descending: bool) -> None:
    assert names(page(BOOKS, sort="var", descending=descending))[-1] == "carry"
    assert names(page(BOOKS, sort="limit_used", descending=descending))[-1] == "delta"


@given(
    st.lists(st.sampled_from([None, -1.0, 0.0, 0.5, 2.0]), max_size=12),
    st.sampled_from(PortfolioSort),
    st.booleans(),
    st.integers(1, 4),
)
def test_pages_joined_are_the_whole_list(
    values: list[float | None], sort: PortfolioSort, descending: bool, limit: int
) -> None:
    books = [
        line(f"b{index}", var=value, limit_used=value, nav=value or 0.0, event_time_ns=index % 3)
        for index, value in enumerate(values)
    ]
    whole = names(page(books, sort=sort, descending=descending))
    joined: list[str] = []
    after: str | None = None
    for _ in range(len(books) + 1):
        answer = page(books, sort=sort, descending=descending, limit=limit, after=after)
        assert answer.matched_count == len(books)
        joined += names(answer)
        after = answer.next
        if after is None:
            break
    assert joined == whole
    assert len(set(joined)) == len(books)


def test_a_page_goes_on_from_its_key_where_the_line_is_gone() -> None:
    first = page(BOOKS, sort="limit_used", limit=1)
    assert names(first) == ["alpha"]
    rest = page([*BOOKS[:1], *BOOKS[2:]], sort="limit_used", after=first.next)
    assert names(rest) == ["carry", "Bonds", "delta"]


@pytest.mark.parametrize("other", [{"sort": "nav"}, {"descending": True}])
def test_the_key_of_a_list_in_another_order_is_refused(other: dict[str, object]) -> None:
    token = page(BOOKS, sort="limit_used", limit=1).next
    with pytest.raises(InvalidRequestError, match="was ordered by limit_used, ascending: ask"):
        page(BOOKS, **{"sort": "limit_used", **other}, after=token)


@pytest.mark.parametrize("value", ["text", 1.5])
def test_a_key_whose_value_is_of_another_type_is_refused(value: str | float) -> None:
    sort = PortfolioSort.NAV if isinstance(value, str) else PortfolioSort.PORTFOLIO
    token = PortfolioKey(sort, False, value, "alpha").token()
    with pytest.raises(InvalidRequestError, match="after"):
        page(BOOKS, sort=sort, after=token)


def test_a_token_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(PageTokenError, match="take `next` of an answer"):
        page(BOOKS, after="!")
