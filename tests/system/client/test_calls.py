"""Requests as values: paths that cannot escape, queries without gaps, answers of their type."""

from __future__ import annotations

import datetime as dt
import inspect
from urllib.parse import unquote

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.client import calls
from system.client.async_client import AsyncRiskClient
from system.client.call import LimitQuestion, SeriesQuestion
from system.client.sync_client import RiskClient
from system.contracts.api.portfolios import PortfolioQuestion, PortfolioSort
from system.contracts.api.risk import TradeRequest
from system.contracts.limits import LimitLevel
from system.contracts.messages import SnapshotKind
from tests.message_strategies import VENDORS_NAMES

TRADE = TradeRequest(portfolio="alpha", instrument="EQ000", quantity=5.0, price=2.0)
names = st.one_of(
    st.sampled_from([".", "..", "a/../b", "%2e", "?x=1", "#x", *VENDORS_NAMES]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30),
)


@given(names)
def test_a_name_is_one_segment_of_the_path_as_it_was(name: str) -> None:
    path = calls.positions(name).path
    assert httpx.URL(f"http://localhost{path}").raw_path.decode() == path
    _, version, kind, segment, last = path.split("/")
    assert (version, kind, last) == ("v1", "portfolios", "positions")
    assert unquote(segment) == name


def test_what_is_not_set_is_left_out_of_the_query() -> None:
    assert calls.snapshot_page("alpha", SeriesQuestion()).query == {"limit": "1000"}
    asked = SeriesQuestion(kind=SnapshotKind.LIVE, from_ns=0, newest_first=True, page_rows=2)
    assert calls.snapshot_page("alpha", asked, after="t").query == {
        "kind": "live",
        "from": "0",
        "newest_first": "true",
        "limit": "2",
        "after": "t",
    }


def test_a_question_states_what_it_changes_and_repeats_what_is_several() -> None:
    assert calls.portfolios().query == calls.portfolios(PortfolioQuestion()).query == {}
    asked = PortfolioQuestion(
        level=(LimitLevel.BREACH, LimitLevel.WARNING), sort=PortfolioSort.NAV, descending=True
    )
    assert calls.portfolios(asked).query == {
        "sort": "nav",
        "descending": "true",
        "level": ["breach", "warning"],
    }


def test_a_question_about_limits_repeats_its_levels_and_closes_state_days() -> None:
    levels = (LimitLevel.BREACH, LimitLevel.UNKNOWN)
    asked = LimitQuestion(level=levels, acknowledged=False, page_rows=5)
    assert calls.all_limits(asked).query == {
        "level": ["breach", "unknown"],
        "acknowledged": "false",
        "limit": "5",
    }
    assert calls.all_limits().query == {"limit": "1000"}
    assert calls.closes("fx:USD", first=dt.date(2020, 3, 2)).query == {"first": "2020-03-02"}


def test_a_trade_gets_an_id_once_and_keeps_its_own() -> None:
    first, second = (msgspec.json.decode(calls.send_trade(TRADE).body or b"") for _ in range(2))
    assert first["trade_id"] != second["trade_id"]
    named = calls.send_trade(msgspec.structs.replace(TRADE, trade_id="t-1"))
    assert msgspec.json.decode(named.body or b"")["trade_id"] == "t-1"


@pytest.mark.parametrize("client", [RiskClient, AsyncRiskClient])
def test_every_request_is_a_method_of_both_clients(client: type) -> None:
    own = {
        name
        for name, function in vars(calls).items()
        if inspect.isfunction(function)
        and not name.startswith("_")
        and str(function.__annotations__.get("return", "")).startswith("Call[")
    }
    paged = {
        "snapshot_page": "series",
        "rejected_page": "rejected",
        "import_portfolio": "import_portfolio",
    }
    methods = {paged.get(name, name) for name in own}
    assert methods
    assert methods <= set(dir(client))
