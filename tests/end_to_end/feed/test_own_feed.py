"""A market of one's own on the real stack: checked, sent by file and websocket, days closed."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import msgspec
import pytest

from system.book.state.rows import COUNTERS_KEY
from system.bus.producer import MessageProducer
from system.contracts.codec import encode
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.contracts.topics import MARKET_DATA
from system.feed.check import FeedReport
from system.places import PROJECT_DIR
from system.settings import Connections, Settings
from system.simulate.datasets import load_market
from system.simulate.timeline import session_ns
from system.store.postgres.history import RiskHistory
from tests.docs.test_tutorial import book_of, market  # noqa: F401 - a fixture
from tests.end_to_end.test_adjustments_and_sessions import DRAIN_BOUND_S, Desk
from tests.system.book.feed import tick
from tests.system.feed.test_websocket_feed import MAP, replaying, served
from validation.rules.expected_days import ExpectedMarket, expected_end_of_day, positions_after
from validation.run.read_back import await_committed, read_stated

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(300),
    pytest.mark.pipeline("api"),
]

BOOK = PROJECT_DIR / "docs" / "examples" / "own-market-book.csv"
HELD = ("AAPL", "MSFT", "XOM")
HISTORY_END = dt.date(2020, 3, 11)
FILE_END = dt.date(2020, 3, 16)
LAST = dt.date(2020, 3, 17)
DAYS = [dt.date(2020, 3, day) for day in (12, 13, 16, 17)]
REPLAYED = {"AAPL": "AAPL.O", "MSFT": "MSFT.O", "XOM": "XOM.O", "fx:USD": "EURUSD"}


@pytest.fixture(scope="module")
def desk(
    connections: Connections, stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Desk:
    """Real closes in a file, and the book imported with those of its history."""
    folder = tmp_path_factory.mktemp("files")
    made = Desk(stack_settings, connections, folder)
    real = load_market(stack_settings.wheels_dir).restricted(HELD, ("USD",))
    with (folder / "closes.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["date", *real.series])
        for day in real.days_between(dt.date(2020, 1, 2), LAST):
            rows.writerow([day, *(series.closes.get(day, "") for series in real.series.values())])
    until = ("--prices", f"{folder}/closes.csv", "--until", str(HISTORY_END))
    done(made, "portfolio", "import", str(BOOK), *until)
    return made


def done(desk: Desk, *words: str) -> str:
    """Run a command that must pass, and return what it printed."""
    result = desk.types(*words)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def ends_of_day(desk: Desk) -> dict[dt.date, RiskSnapshot]:
    assert await_committed(desk.connections, timeout_s=DRAIN_BOUND_S)
    return {
        snapshot.asof: snapshot
        for snapshot in desk.stated()
        if snapshot.kind is SnapshotKind.END_OF_DAY and snapshot.asof is not None
    }


def test_days_of_a_file_and_of_a_websocket_close_at_their_exact_var(
    desk: Desk,
    market: ExpectedMarket,  # noqa: F811 - the fixture
) -> None:
    closes = f"{desk.folder}/closes.csv"
    words = ("--first-day", str(DAYS[0]), "--last-day", str(FILE_END), "--close-days")
    assert "end-of-day marks of 3 days" in done(desk, "feed", "csv", closes, *words)

    real = load_market(desk.settings.wheels_dir).restricted(HELD, ("USD",))
    at_ms = session_ns(LAST)[1] // 10**6
    prices = [(name, at_ms, real.series[name].closes[LAST]) for name in REPLAYED]
    path = desk.folder / "MAP.toml"
    path.write_text(MAP + '"XOM.O" = "XOM"\n', "utf-8")
    with served(replaying(prices, [], REPLAYED)) as url:
        count = ("--prices", str(len(prices)))
        assert "sent 4 prices" in done(desk, "feed", "websocket", url, "--map", str(path), *count)
    assert await_committed(desk.connections, timeout_s=DRAIN_BOUND_S)
    assert "the day is closed" in done(desk, "close-day")

    book, ends = book_of(BOOK.name), ends_of_day(desk)
    assert sorted(ends) == DAYS
    held = positions_after(book.portfolio, (), market.instruments)
    for day in DAYS:
        expected = expected_end_of_day(book.portfolio, held, market, day)
        assert ends[day].var == pytest.approx(float(expected.var), rel=1e-9)
        assert ends[day].nav == pytest.approx(float(expected.nav), rel=1e-9)
        assert ends[day].missing == ()


def test_the_check_says_beforehand_what_the_stream_then_does(desk: Desk) -> None:
    day = (LAST - dt.date(2020, 2, 3)).days
    values = [
        encode(tick("AAPL", 62.0, day=day + 1, hour=14)),
        encode(tick("AAPL", 62.0, day=day + 1, hour=14)),
        encode(tick("AAPL", 61.0, day=day + 1, hour=13)),
        encode(tick("AAPL", 61.0, day=day, hour=13)),
        encode(tick("AAPL", 61.0, day=day + 300)),
        encode(tick("NOPE", 61.0, day=day + 1)),
        b"garbage",
        encode(tick("MSFT", 142.0, day=day + 1)).replace(b'"mid":142.0', b'"mid":-1.0'),
    ]
    path = Path(desk.folder) / "messages.jsonl"
    path.write_bytes(b"\n".join(values) + b"\n")
    result = desk.types("feed", "check", str(path), "--json")
    report = msgspec.json.decode(result.stdout, type=FeedReport)
    before = topic_counts(desk)
    with MessageProducer(desk.connections.kafka_bootstrap_servers) as producer:
        for value in values:
            producer.send_bytes(MARKET_DATA, b"AAPL", value)
    assert await_committed(desk.connections, timeout_s=DRAIN_BOUND_S)
    after = topic_counts(desk)
    changes = {name: after[name] - before.get(name, 0) for name in after}
    foretold = dict.fromkeys(changes, 0)
    for ruling in report.messages:
        foretold[ruling.outcome] += 1
    assert {name: count for name, count in changes.items() if count} == {
        name: count for name, count in foretold.items() if count
    }
    reasons = [str(ruling.reason) for ruling in report.messages if ruling.reason is not None]
    rejected = read_stated(desk.connections.database_url).rejected
    assert sorted(str(row.reason) for row in rejected) == sorted(reasons)


def topic_counts(desk: Desk) -> dict[str, int]:
    """Return how many messages of market data the stream has counted, by outcome."""
    history = RiskHistory(desk.connections.reader_database_url)
    try:
        row = history.state_value(COUNTERS_KEY)
    finally:
        history.close()
    return {} if row is None else dict(msgspec.json.decode(row)[MARKET_DATA.name])
