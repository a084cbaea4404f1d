"""Requests as values: paths that cannot escape, queries without gaps, answers of their type."""

from __future__ import annotations

import inspect
from urllib.parse import unquote

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.client import calls
from system.client.async_client import AsyncRiskClient
from system.client.calls import RETRIED_STATUSES, SeriesQuestion, raise_refusal
from system.client.errors import ApiMismatchError, ApiRefusedError, ApiUnavailableError
from system.client.sync_client import RiskClient
from system.contracts.api.portfolios import PortfolioQuestion, Portfolios, PortfolioSort
from system.contracts.api.risk import Problem, TradeRequest
from system.contracts.codec import encode
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


def test_a_trade_gets_an_id_once_and_keeps_its_own() -> None:
    first, second = (msgspec.json.decode(calls.send_trade(TRADE).body or b"") for _ in range(2))
    assert first["trade_id"] != second["trade_id"]
    named = calls.send_trade(msgspec.structs.replace(TRADE, trade_id="t-1"))
    assert msgspec.json.decode(named.body or b"")["trade_id"] == "t-1"


@given(st.integers(400, 599), st.binary(max_size=300))
def test_every_status_of_failure_is_an_error_of_ours(status: int, body: bytes) -> None:
    kind = ApiUnavailableError if status in RETRIED_STATUSES else ApiRefusedError
    with pytest.raises(kind):
        raise_refusal(status, body)


def test_a_problem_is_passed_on_and_any_other_text_is_its_detail() -> None:
    problem = Problem(title="Unknown desk", status=404, detail="no desk", known=("rates",))
    with pytest.raises(ApiRefusedError) as caught:
        raise_refusal(404, encode(problem))
    assert caught.value.problem == problem
    with pytest.raises(ApiRefusedError, match=r"Unknown status \(599\): upstream"):
        raise_refusal(599, b"upstream")


def test_an_answer_of_another_type_names_the_request() -> None:
    call = calls.portfolios()
    assert call.kind is Portfolios
    with pytest.raises(ApiMismatchError, match="GET /v1/portfolios"):
        call.answer(200, b'{"other":1}')


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
