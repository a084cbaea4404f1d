"""Books at 97.5 and 99 % on 250 and 500 days: imported, streamed, asked for, drawn; a desk."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from system.bus.producer import MessageProducer
from system.client.async_client import AsyncRiskClient
from system.client.files.portfolio_file import read_portfolio
from system.client.files.price_file import with_histories
from system.contracts.api.questions import ScenarioRequest, Shock, WhatIfRequest
from system.contracts.messages import OpeningPosition, Portfolio
from system.serve.app import app_over
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.serve.services.kafka_bus import KafkaBus
from system.settings import Connections, Settings
from system.show.view.portfolio import portfolio_view
from system.simulate.datasets import load_market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from system.store.postgres.history import RiskHistory
from system.store.redis.async_latest import LatestReader
from validation.rules.expected_days import ExpectedMarket, expected_end_of_day, positions_after
from validation.run.read_back import await_committed, real_closes

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

FIRST_DAY = dt.date(2020, 4, 1)
LAST_CLOSE = dt.date(2020, 3, 31)
DRAIN_BOUND_S = 120.0
TOLERANCE = 1e-9
DEEPEST = 500
SETTINGS = {
    "plain": ("0.95", 30),
    "year": ("0.975", 250),
    "strict": ("0.99", 250),
    "deep": ("0.99", DEEPEST),
    "deep-fund": ("0.99", DEEPEST),
}
DESK = "deep-desk"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
HELD = (
    ("AAPL", 1_000.0, 60.0),
    ("XOM", -500.0, 40.0),
    ("SP500.FUT", -1.0, 2_600.0),
    ("USD", 10_000.0, 0.9),
)
FUND = (("MSFT", 400.0, 150.0), ("SP500.FUT", 2.0, 2_700.0), ("cash:EUR", 90_000.0, 1.0))
T = TypeVar("T")


def held_by(name: str) -> tuple[tuple[str, float, float], ...]:
    return FUND if name == "deep-fund" else HELD


def book_of(name: str) -> Portfolio:
    confidence, window = SETTINGS[name]
    return Portfolio(
        portfolio=name,
        base_currency="EUR",
        confidence=confidence,
        window=window,
        desk=DESK if window == DEEPEST else None,
        positions=tuple(
            OpeningPosition(instrument=one, quantity=quantity, entry_price=price)
            for one, quantity, price in held_by(name)
        ),
    )


def file_of(name: str, folder: Path) -> Path:
    """Return the book as a person's file."""
    confidence, window = SETTINGS[name]
    head = [f"# confidence: {confidence}", f"# window: {window}", "# base_currency: EUR"]
    head += [f"# desk: {DESK}"] if window == DEEPEST else []
    rows = [f"{one},{quantity!r},{price!r}" for one, quantity, price in held_by(name)]
    path = folder / f"{name}.csv"
    path.write_text("\n".join([*head, "instrument,quantity,entry_price", *rows]))
    return path


def through_api(connections: Connections, ask: Callable[[AsyncRiskClient], Awaitable[T]]) -> T:
    """Ask the API over the stores and the broker of the running pipeline."""
    latest = LatestReader(connections.redis_url)
    services = Services(
        latest,
        RiskHistory(connections.database_url),
        KafkaBus(connections.kafka_bootstrap_servers),
        SnapshotHub(latest),
        "token",
    )

    async def asked() -> T:
        transport = httpx.ASGITransport(app_over(services))
        async with AsyncRiskClient("http://127.0.0.1", "token", transport=transport) as client:
            reply = await ask(client)
        await latest.aclose()
        services.history.close()
        services.bus.close()
        return reply

    return asyncio.run(asked())


@pytest.fixture(scope="module")
def replay(stack_settings: Settings) -> Replay:
    market = replayed_market(
        load_market(stack_settings.wheels_dir),
        instruments=("AAPL", "XOM", "MSFT", "SP500.FUT"),
        currencies=("USD", "JPY"),
    )
    spec = ReplaySpec(FIRST_DAY, FIRST_DAY, ticks_per_day=50, history_count=DEEPEST + 30)
    return Replay(market, spec)


@pytest.fixture(scope="module")
def market(replay: Replay, stack_settings: Settings) -> ExpectedMarket:
    closes = real_closes(stack_settings.wheels_dir)
    first = LAST_CLOSE - dt.timedelta(days=2 * DEEPEST)
    calendar = sorted(day for day in closes["AAPL"] if first <= day <= LAST_CLOSE)
    instruments = {
        reference_message.instrument: reference_message
        for reference_message in replay.reference_messages()
        if hasattr(reference_message, "instrument")
    }
    return ExpectedMarket(closes, instruments, calendar)


@pytest.fixture(scope="module")
def imported(
    connections: Connections,
    replay: Replay,
    producer: MessageProducer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Connections:
    """Every book is imported from its file by the API, and valued by the stream."""
    for message in replay.reference_messages():
        producer.send(message)
    producer.flush()
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    folder = tmp_path_factory.mktemp("books")
    for name in SETTINGS:
        book = read_portfolio(file_of(name, folder))
        assert book.portfolio == book_of(name)
        through_api(connections, lambda client, book=book: client.import_portfolio(book))
    assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    return connections


@pytest.mark.parametrize("name", SETTINGS)
def test_var_and_shortfall_at_any_confidence_and_window_are_the_exact_ones(
    name: str, imported: Connections, market: ExpectedMarket
) -> None:
    confidence, window = SETTINGS[name]
    answer = through_api(imported, lambda client: client.current_var(name))
    assert (answer.confidence, answer.window, answer.scenario_count) == (confidence, window, window)
    book = book_of(name)
    held = positions_after(book, (), market.instruments)
    exact = expected_end_of_day(book, held, market, LAST_CLOSE)
    assert answer.var == pytest.approx(float(exact.var), rel=TOLERANCE)
    assert answer.expected_shortfall == pytest.approx(
        float(exact.expected_shortfall), rel=TOLERANCE
    )
    assert answer.nav == pytest.approx(float(exact.nav), rel=TOLERANCE)


def test_the_dashboard_states_confidence_and_window_of_the_book(imported: Connections) -> None:
    current = through_api(imported, lambda client: client.current_var("deep"))
    snapshot = through_api(imported, lambda client: client.snapshot(current.snapshot_id))
    facts = {fact.name: fact.value for fact in portfolio_view(snapshot).facts}
    assert facts["Confidence"].startswith("99")
    assert (facts["Scenarios n"], facts["Tail rank k"]) == ("500", "5")


def test_the_books_of_a_desk_add_up_with_diversification(imported: Connections) -> None:
    answer = through_api(imported, lambda client: client.desk_var(DESK))
    assert (answer.confidence, answer.window) == ("0.99", DEEPEST)
    own = {book.portfolio: book.var for book in answer.books}
    assert sorted(own) == ["deep", "deep-fund"]
    for name, var in own.items():
        stated = through_api(imported, lambda client, name=name: client.current_var(name))
        assert var == pytest.approx(stated.var, rel=TOLERANCE)
    assert sum(own.values()) - answer.var == pytest.approx(answer.diversification)
    assert sum(book.component_var for book in answer.books) == pytest.approx(answer.var)


def test_the_example_with_an_option_is_imported_and_asked(imported: Connections) -> None:
    book = with_histories(
        read_portfolio(EXAMPLES / "options.csv"),
        EXAMPLES / "options-prices.csv",
        until=LAST_CLOSE,
    )
    through_api(imported, lambda client: client.import_portfolio(book))
    assert await_committed(imported, timeout_s=DRAIN_BOUND_S)
    answer = through_api(imported, lambda client: client.current_var("options"))
    assert (answer.not_available, answer.missing) == ("", ())
    assert answer.var is not None
    assert answer.proxied == ("N225=SP500.FUT", "SHELL=XOM")
    assert answer.greeks is not None
    assert [
        underlying.underlying for underlying in answer.greeks.underlyings if underlying.vega
    ] == ["N225"]
    shocks = (Shock(move=0.25, instrument="N225", volatility=True),)
    up = through_api(
        imported, lambda client: client.scenario("options", ScenarioRequest(shocks=shocks))
    )
    assert up.pnl > 0.0
    assert {row.instrument for row in up.rows if row.pnl} == {"N225.P23000"}
    foretold = through_api(imported, lambda client: client.what_if("options", WhatIfRequest()))
    assert (foretold.before.var, foretold.after.var) == (answer.var, answer.var)
