"""Limits of all portfolios: worst first, filtered, cut into pages."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from system.contracts.api.limits import LimitPage, PortfolioLimit
from system.contracts.api.risk import StreamState
from system.contracts.limits import LimitLevel, LimitMeasure, LimitStatus, TrailKind, TrailRow
from system.serve.questions.limit_list import LimitFilter, LimitKey, limit_page
from tests.system.book.valuation.test_limits import use

RAISED = TrailRow(
    event_id=1,
    kind=TrailKind.LEVEL,
    portfolio="b",
    measure=LimitMeasure.VAR,
    before=LimitLevel.OK,
    after=LimitLevel.BREACH,
    value=1.2,
    warning=0.8,
    breach=1.0,
    snapshot_id="b-1",
    event_time_ns=1,
    recorded_at_ns=1,
)


def line(portfolio: str, value: float | None, seen: bool | None = None) -> PortfolioLimit:
    raised = None if seen is None else RAISED
    return PortfolioLimit(
        portfolio=portfolio,
        desk="rates" if portfolio == "c" else None,
        snapshot_id=f"{portfolio}-1",
        event_time_ns=1,
        nav=1.0,
        base_currency="USD",
        limit=LimitStatus(
            use=use(value), raised_by=raised, acknowledged=seen, acknowledgement=None
        ),
    )


LINES = [line("a", 0.5), line("b", 1.2, seen=True), line("c", 1.5, seen=False), line("d", None)]


def page(asked: LimitFilter, lines: list[PortfolioLimit] = LINES) -> LimitPage:
    return limit_page(lines, asked, stream=StreamState.RUNNING)


def names(answer: LimitPage) -> str:
    return "".join(line.portfolio for line in answer.limits)


def test_the_worst_limit_is_first_and_one_without_a_number_before_one_that_is_kept() -> None:
    answer = page(LimitFilter())
    assert names(answer) == "cbda"
    assert (answer.matched_count, answer.next) == (4, None)
    assert answer.level_counts == {"breach": 2, "ok": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("asked", "matched"),
    [
        (LimitFilter(level=(LimitLevel.BREACH,)), "cb"),
        (LimitFilter(measure=LimitMeasure.GROSS), ""),
        (LimitFilter(desk="rates"), "c"),
        (LimitFilter(raised=True), "cb"),
        (LimitFilter(raised=False), "da"),
        (LimitFilter(acknowledged=False), "c"),
        (LimitFilter(acknowledged=True), "b"),
    ],
)
def test_a_filter_keeps_what_it_names(asked: LimitFilter, matched: str) -> None:
    assert names(page(asked)) == matched


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_joined_are_the_whole_list(limit: int) -> None:
    lines = [
        line(f"{name}{index}", value)
        for index, (name, value) in enumerate(itertools.product("xy", (None, 0.0, 0.5, 0.9, 1.5)))
    ]
    whole = names(page(LimitFilter(), lines))
    asked, joined = LimitFilter(limit=limit), ""
    for _ in lines:
        answer = page(asked, lines)
        joined += names(answer)
        if answer.next is None:
            break
        asked = replace(asked, after=LimitKey.from_token(answer.next))
    assert joined == whole
