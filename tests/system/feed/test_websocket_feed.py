"""``riskstream feed websocket``: closes that a local server replays as ticks, lost connections."""

from __future__ import annotations

import datetime as dt
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from system import cli
from system.clock import ManualClock
from system.contracts.messages import FxRate, Tick
from system.errors import InputError
from system.feed import websocket_feed
from system.feed.adapter import FeedCounts, contract_problems
from system.feed.field_map import FieldMap, FieldNames, read_map
from system.feed.prices import PriceMaker
from system.feed.websocket_feed import WebsocketAdapter, WebsocketClosedError
from system.settings import load_settings
from system.simulate.datasets import load_market
from system.simulate.timeline import session_ns
from tests.system.feed.test_csv_feed import FakeProducer

HANGS_S = 60.0

MAP = """
time_unit = "ms"
items = "data"
subscribe = ['{"op":"subscribe","symbols":["AAPL.O","MSFT.O","EURUSD"]}']

[only]
channel = "quotes"

[fields]
time = "T"
ticker = "s"
mid = "p"

[tickers]
"AAPL.O" = "AAPL"
"MSFT.O" = "MSFT"
EURUSD = "fx:USD"
"""
FEED_NAMES = {"AAPL": "AAPL.O", "MSFT": "MSFT.O", "fx:USD": "EURUSD"}
Handler = Callable[[ServerConnection], None]


def closes() -> list[tuple[str, int, float]]:
    """Return the real closes of a week: name, milliseconds since 1970, value."""
    market = load_market(load_settings().wheels_dir).restricted(("AAPL", "MSFT"), ("USD",))
    days = market.days_between(dt.date(2020, 3, 9), dt.date(2020, 3, 13))
    return [
        (name, session_ns(day)[1] // 10**6, market.series[name].closes[day])
        for day in days
        for name in FEED_NAMES
    ]


@contextmanager
def served(handler: Handler) -> Iterator[str]:
    """Yield the address of a websocket server in this process."""
    with serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def replaying(
    prices: Sequence[tuple[str, int, float]],
    asked: list[str],
    names: Mapping[str, str] = FEED_NAMES,
) -> Handler:
    def handle(connection: ServerConnection) -> None:
        asked.append(str(connection.recv()))
        connection.send('{"channel":"heartbeat"}')
        for name, time_ms, value in prices:
            price = {"T": time_ms, "s": names[name], "p": value}
            connection.send(json.dumps({"channel": "quotes", "data": [price]}))

    return handle


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    made = FakeProducer()
    connections = SimpleNamespace(kafka_bootstrap_servers="broker:1")
    settings = SimpleNamespace(connections=lambda: connections)
    monkeypatch.setattr(websocket_feed, "load_settings", lambda: settings)
    monkeypatch.setattr(websocket_feed, "MessageProducer", lambda *_, **__: made)
    return made


def written(folder: Path, text: str = MAP) -> str:
    path = folder / "MAP.toml"
    path.write_text(text, "utf-8")
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["feed", "websocket", *words], env={"COLUMNS": "200"})


def test_every_close_that_is_replayed_is_sent_bit_for_bit(producer, tmp_path) -> None:
    prices, asked = closes(), []
    with served(replaying(prices, asked)) as url:
        result = run(url, "--map", written(tmp_path), "--prices", str(len(prices)))
    assert result.exit_code == 0, result.output
    assert asked == ['{"op":"subscribe","symbols":["AAPL.O","MSFT.O","EURUSD"]}']
    sent = [
        (f"fx:{message.currency}", message.event_time_ns, message.rate)
        if isinstance(message, FxRate)
        else (message.ticker, message.event_time_ns, message.mid)
        for message in producer.sent
        if isinstance(message, FxRate | Tick)
    ]
    assert sent == [(name, time_ms * 10**6, value) for name, time_ms, value in prices]
    assert f"sent {len(prices)} prices, left out 0 messages" in result.stdout


def test_the_replayed_closes_keep_the_adapters_contract(tmp_path) -> None:
    field_map = read_map(Path(written(tmp_path)))
    with served(replaying(closes(), [])) as url:
        adapter = WebsocketAdapter(url, field_map, FeedCounts())
        assert contract_problems(adapter, PriceMaker(field_map), limit=15) == []


def test_the_server_is_told_of_a_normal_end(producer, tmp_path) -> None:
    codes: queue.Queue[int | None] = queue.Queue()

    def handle(connection: ServerConnection) -> None:
        replaying(closes()[:2], [])(connection)
        with pytest.raises(ConnectionClosed):
            connection.recv()
        codes.put(connection.close_code)

    with served(handle) as url:
        run(url, "--map", written(tmp_path), "--prices", "2")
        assert codes.get(timeout=HANGS_S) == 1000


def test_what_is_no_price_is_left_out_and_said(producer, tmp_path) -> None:
    def handle(connection: ServerConnection) -> None:
        connection.recv()
        connection.send("garbage")
        connection.send('{"channel":"quotes","data":[{"T":1583422200123,"s":"AAPL.O","p":"x"}]}')
        connection.send('{"channel":"quotes","data":[{"T":1583422200123,"s":"AAPL.O","p":1}]}')

    with served(handle) as url:
        result = run(url, "--map", written(tmp_path), "--prices", "1")
    assert len(producer.sent) == 1
    assert "sent 1 prices, left out 2 messages" in result.stdout
    assert "mid at 'p' is 'x': not a number" in result.stdout


class Connection:
    """A connection that gives messages, and then ends."""

    def __init__(self, messages: Sequence[str]) -> None:
        self._messages = iter(messages)
        self.sent: list[str] = []

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, message: str) -> None:
        self.sent.append(message)

    def recv(self, timeout: float) -> str:
        try:
            return next(self._messages)
        except StopIteration:
            raise ConnectionError("gone") from None


def price(number: int) -> str:
    return json.dumps({"time": f"2020-03-05T15:30:0{number}Z", "ticker": "A", "mid": number + 1})


def test_a_lost_connection_is_made_again_with_pauses_that_grow() -> None:
    contents: list[Any] = [[price(0)], OSError("refused"), OSError("refused"), [price(1), price(2)]]

    def connect(*_: object, **__: object) -> Connection:
        content = contents.pop(0) if contents else OSError("gone for good")
        if isinstance(content, OSError):
            raise content
        return Connection(content)

    clock = ManualClock()
    fields = FieldMap(fields=FieldNames(mid="mid"))
    adapter = WebsocketAdapter(
        "ws://x", fields, FeedCounts(), clock=clock, connect=connect, reconnects_max=3
    )
    quotes = adapter.quotes()
    assert [next(quotes).mid for _ in range(3)] == [1.0, 2.0, 3.0]
    with pytest.raises(WebsocketClosedError, match=r"no price of ws://x in 4 connections: gone"):
        next(quotes)
    paused_s = clock.monotonic_ns() / 10**9
    assert paused_s == pytest.approx((0.5 + 1 + 2) + (0.5 + 1 + 2 + 4))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://x"], "URL 'http://x' is not like wss://feed.example.com/quotes"),
        (["x:1"], "is not like wss://"),
    ],
)
def test_an_address_that_is_none_is_refused(producer, tmp_path, words, sentence) -> None:
    result = run(*words, "--map", written(tmp_path))
    assert isinstance(result.exception, InputError)
    assert sentence in str(result.exception)


def test_a_server_that_is_not_there_is_named(producer, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(websocket_feed, "BACKOFF_FIRST_S", 0.0)
    address = "ws://user:secret@127.0.0.1:9/quotes?token=secret"
    result = run(address, "--map", written(tmp_path), "--reconnects", "1")
    assert isinstance(result.exception, WebsocketClosedError)
    assert "no price of ws://127.0.0.1:9/quotes in 2 connections" in str(result.exception)
    assert "secret" not in f"{result.exception} {result.output}"
