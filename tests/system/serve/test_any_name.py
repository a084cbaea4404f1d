"""Any legal name works in any address, and what is no name is answered in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from system.client.errors import ApiRefusedError
from system.client.sync_client import RiskClient
from system.contracts.api.decomposition import VarGrouping
from system.contracts.api.questions import ProposedTrade, ScenarioRequest, Shock, WhatIfRequest
from system.contracts.api.risk import AmendRequest, TradeRequest
from system.contracts.limits import Acknowledgement, Limit, LimitMeasure
from system.contracts.messages import AssetClass
from tests.message_strategies import VENDORS_NAMES, identifiers
from tests.system.book.feed import (
    MARKET,
    Feed,
    history,
    holding,
    instrument,
    live,
    portfolio,
    rate,
    tick,
    walk,
)
from tests.system.serve.conftest import TOKEN, World, opened_world
from tests.system.serve.streamed import Streamed

GROSS = Limit(measure=LimitMeasure.GROSS, warning=0.1, breach=0.2)
SUB_ROUTES = (
    *("X/var", "X/var/change", "X/limits", "X/limits/events", "X/what-if", "X/snapshots"),
    *("X/limits/gross/acknowledge", "var", "v1/portfolios/X/var", "X/", "//", "a/../b", "..", "."),
)
"""Names that look like addresses, or like ways through folders."""
BOTH = st.tuples(identifiers, identifiers)


def is_instrument(name: str) -> bool:
    """Return whether an instrument may be called so: cash and rates have names of their own."""
    return not name.startswith(("cash:", "fx:")) and name not in {close.series for close in CLOSES}


CLOSES = tuple(message for message in MARKET if hasattr(message, "series"))


@dataclass
class Named:
    """A world with one book, and what everything in it is called."""

    world: World
    client: RiskClient
    book: str
    share: str
    snapshot_id: str


@contextlib.contextmanager
def named(book: str, share: str) -> Iterator[Named]:
    """Yield a world in which book and desk have one name, share and trade another."""
    with opened_world() as world:
        feed = Feed()
        definition = portfolio(book, holding(share, 10.0))
        fold = feed.send(
            *MARKET,
            instrument(share, AssetClass.EQUITY),
            history(share, walk(11)),
            msgspec.structs.replace(definition, limits=(GROSS,), desk=book),
        )
        assert fold.rejected == ()
        streamed = Streamed(world, feed)
        streamed.take(feed.send(tick(share, 100.0), rate("USD", 1.1)))
        streamed.take(feed.close(0))
        newest = streamed.take(feed.send(tick(share, 101.0, day=1)))
        transport = httpx.MockTransport(lambda request: passed_on(world, request))
        client = RiskClient("http://localhost", TOKEN, transport=transport)
        yield Named(world, client, book, share, live(newest, book).snapshot_id)


def passed_on(world: World, request: httpx.Request) -> httpx.Response:
    """Return the app's answer to a request, its address just as the client wrote it."""
    address = request.url.raw_path.decode()
    answer = world.client.request(request.method, address, content=request.content)
    return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)


def answers(case: Named) -> dict[str, Any]:
    """Return the answer of every route with a name in it, by route; each asked by the client."""
    client, book, share = case.client, case.book, case.share
    trade = TradeRequest(
        portfolio=book, instrument=share, quantity=1.0, price=100.0, trade_id=share
    )
    what_if = WhatIfRequest(trades=(ProposedTrade(instrument=share, quantity=5.0, price=100.0),))
    fall = ScenarioRequest(shocks=(Shock(move=-0.1, instrument=share),))
    client.send_trade(trade)
    on_book = "/v1/portfolios/{portfolio}"
    return {
        f"{on_book}/var": client.current_var(book).portfolio,
        f"{on_book}/var/asset-classes": client.asset_class_var(book).portfolio,
        f"{on_book}/attribution": client.attribution(book).portfolio,
        f"{on_book}/positions": client.positions(book).portfolio,
        f"{on_book}/pnl": client.pnl(book).portfolio,
        f"{on_book}/contributions": client.contributions(book).portfolio,
        f"{on_book}/var/groups": client.var_groups(book, VarGrouping.CURRENCY).portfolio,
        f"{on_book}/snapshots": next(client.series(book)) and book,
        f"{on_book}/what-if": client.what_if(book, what_if).portfolio,
        f"{on_book}/scenarios": client.scenario(book, fall).portfolio,
        f"{on_book}/reverse-stress": client.reverse_stress(book, 1.0).portfolio,
        f"{on_book}/var/change": client.var_change(book).portfolio,
        f"{on_book}/limits": client.limits(book).portfolio,
        f"{on_book}/limits/events": client.limit_events(book).portfolio,
        f"{on_book}/limits/{{measure}}/acknowledge": nothing_raised(case),
        f"{on_book}/trades": client.trades(book).portfolio,
        "/v1/instruments/{instrument}": named_alike(client.instrument(share).instrument, case),
        "/v1/closes/{series}": named_alike(client.closes(share).series, case),
        "/v1/desks/{desk}/var": client.desk_var(book).desk,
        "/v1/snapshots/{snapshot_id}": client.snapshot(case.snapshot_id).portfolio,
        "/v1/trades/{trade_id}": client.amend_trade(
            share, AmendRequest(quantity=2.0, price=100.0)
        ).portfolio,
    }


def named_alike(name: str, case: Named) -> str:
    """Return the book where an answer about its share names that share."""
    return case.book if name == case.share else f"{name!r} instead of {case.share!r}"


def nothing_raised(case: Named) -> str:
    """Return the book that an acknowledgement was refused for: nothing is raised in this world."""
    seen = Acknowledgement(actor="R. Desk", note="[seen]")
    with pytest.raises(ApiRefusedError) as refused:
        case.client.acknowledge_limit(case.book, LimitMeasure.GROSS, seen)
    assert f"is raised for {case.book!r}" in refused.value.problem.detail
    return case.book


def check(book: str, share: str) -> None:
    with named(book, share) as case:
        assert set(answers(case).values()) == {book}
        assert case.client.cancel_trade(share).trade_id == share
        assert case.client.trade_status(share).pending_version == 2
        watched = case.world.client.get(f"/v1/adjustments?instrument={quote(share, safe='')}")
        assert watched.json() == {"adjustments": []}


@pytest.mark.parametrize("name", sorted({*VENDORS_NAMES, *SUB_ROUTES}))
def test_a_name_works_in_every_address(name: str) -> None:
    check(name, name if is_instrument(name) else "OTHER")


@given(BOTH)
@example(("EMEA/EQ", "BRK B"))
@settings(max_examples=15, deadline=None)
def test_any_legal_name_works_in_every_address(names: tuple[str, str]) -> None:
    book, share = names
    check(book, share if is_instrument(share) else "OTHER")


def test_every_route_with_a_name_is_asked() -> None:
    with named("P", "S") as case:
        described = case.world.client.get("/openapi.json").json()["paths"]
        assert {path for path in described if "{" in path} == answers(case).keys()


@pytest.mark.parametrize("name", ["EMEA/EQ", "A?b", "A#b", "100%", "a b", "..", "Ä/Ö"])
def test_the_address_of_a_stream_carries_the_name(name: str) -> None:
    with named(name, "S") as case:
        trade = TradeRequest(portfolio=name, instrument="S", quantity=1.0, price=1.0)
        accepted = case.client.send_trade(trade)
        assert accepted.watch == f"/v1/stream?portfolio={quote(name, safe='')}"
        assert httpx.URL(accepted.watch).params["portfolio"] == name


@pytest.mark.parametrize("name", ["A?b", "A#b", "EMEA/EQ", "50%"])
def test_a_problem_names_the_address_as_it_was_sent(name: str) -> None:
    with named("P", "S") as case:
        address = f"/v1/desks/{quote(name, safe='')}/var"
        problem = case.world.client.get(address).json()
        assert problem["status"] == 404
        assert problem["instance"] == address
        assert f"no portfolio is on a desk {name!r}" in problem["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("%00", "'\\x00' holds U+0000 NUL"),
        ("%1B%5B2J", "'\\x1b[2J' holds U+001B ESCAPE"),
        ("a%20%20b", "'a  b' has two spaces in a row"),
        ("%E2%80%AEb", "'\\u202eb' holds U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("x" * 300, "is too long: at most"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/portfolios/{}/var"),
        ("GET", "/v1/portfolios/{}/snapshots"),
        ("GET", "/v1/portfolios/{}/limits/events"),
        ("GET", "/v1/portfolios/P/var/change?from={}"),
        ("GET", "/v1/portfolios/P/var/change?to={}"),
        ("GET", "/v1/desks/{}/var"),
        ("GET", "/v1/snapshots/{}"),
        ("GET", "/v1/stream?portfolio={}"),
        ("GET", "/v1/adjustments?instrument={}"),
        ("DELETE", "/v1/trades/{}"),
        ("GET", "/v1/trades/{}"),
        ("GET", "/v1/portfolios/{}/trades"),
        ("GET", "/v1/portfolios?desk={}"),
        ("GET", "/v1/limits?desk={}"),
        ("GET", "/v1/instruments/{}"),
        ("GET", "/v1/instruments?after={}"),
        ("GET", "/v1/closes/{}"),
    ],
)
def test_what_is_no_name_is_answered_in_words(method: str, path: str, text: str, said: str) -> None:
    with named("P", "S") as case:
        answer = case.world.client.request(method, path.format(text))
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert said in error["detail"]


def test_a_name_that_is_typed_in_parts_is_found() -> None:
    with named("Å", "S") as case:
        assert case.world.client.get("/v1/portfolios/A%CC%8A/var").json()["portfolio"] == "Å"


@pytest.mark.parametrize("token", ["WzEsMSwxLCJcdTAwMDAiXQ", "WzFlMzAsMSwxLCJhIl0"])
def test_a_token_of_no_page_is_refused(token: str) -> None:
    with named("P", "S") as case:
        answer = case.world.client.get(f"/v1/portfolios/P/snapshots?after={token}")
        assert answer.status_code == 422
        assert "take `next` of an answer" in answer.json()["detail"]
