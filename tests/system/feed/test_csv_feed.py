"""``riskstream feed csv``: everything of a file is sent once, in order, or nothing of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest
from typer.testing import CliRunner, Result

from system import cli
from system.bus.producer import SendCounts
from system.contracts.codec import encode
from system.contracts.messages import FxRate, Mark, Message, Tick
from system.errors import InputError
from system.exits import ExitCode
from system.feed import check, csv_feed
from system.feed.csv_feed import AFTER_LAST_NS, feed_days
from system.feed.field_map import FieldMap
from system.feed.rulings import NO_OFFSETS
from system.feed.sources import price_messages
from system.store.records import StoredState
from tests.system.book.feed import instrument

PRICES = "date,A,B,fx:USD\n2020-03-05,10,20,1.1\n2020-03-06,11,,1.2\n2020-03-09,12,22,\n"
LONG = (
    "time,ticker,mid\n"
    "2020-03-05T15:30:00Z,A,10\n"
    "2020-03-05T15:30:10Z,A,11\n"
    "2020-03-06T15:30:00Z,A,12\n"
)
KNOWN = {f"instrument:{name}": encode(instrument(name)) for name in ("A", "B")}


class FakeProducer:
    """``MessageProducer`` that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.offsets: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def counts(self) -> SendCounts:
        return SendCounts(len(self.sent), len(self.sent), 0)

    def prepare(self) -> None:
        pass

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def send_mark_everywhere(self, mark: Mark) -> int:
        self.sent.append(mark)
        return 5

    def flush(self) -> None:
        pass


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    """Return the producer of a command beside a stream that knows shares A and B."""
    made = FakeProducer()
    connections = SimpleNamespace(kafka_bootstrap_servers="broker:1")
    settings = SimpleNamespace(connections=lambda: connections)
    for module in (csv_feed, check):
        monkeypatch.setattr(module, "load_settings", lambda: settings)
    monkeypatch.setattr(check, "stream_state", lambda _: StoredState(dict(NO_OFFSETS), dict(KNOWN)))
    monkeypatch.setattr(csv_feed, "MessageProducer", lambda *_, **__: made)
    monkeypatch.setattr(csv_feed, "_is_closed", lambda *_: True)
    return made


def written(folder: Path, text: str = PRICES) -> str:
    path = folder / "prices.csv"
    path.write_text(text, "utf-8")
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["feed", "csv", *words], env={"COLUMNS": "200"})


def told(message: Message) -> tuple[str, float]:
    match message:
        case Tick():
            return message.ticker, message.mid
        case FxRate():
            return message.currency, message.rate
        case Mark():
            return str(message.date), 0.0
    raise AssertionError(message)


EVERY = [
    ("A", 10.0),
    ("B", 20.0),
    ("USD", 1.1),
    ("A", 11.0),
    ("USD", 1.2),
    ("A", 12.0),
    ("B", 22.0),
]


def test_every_price_is_sent_once_in_the_order_of_time(producer: FakeProducer, tmp_path) -> None:
    result = run(written(tmp_path))
    assert result.exit_code == ExitCode.PASSED, result.output
    assert [told(message) for message in producer.sent] == EVERY
    assert "2020-03-09: 2 prices (day 3 of 3)" in result.stdout
    assert "sent 7 prices of 3 days; the broker has all of them" in result.stdout


def test_the_mark_of_each_day_comes_behind_its_prices(producer: FakeProducer, tmp_path) -> None:
    result = run(written(tmp_path), "--close-days")
    assert [told(message)[0] for message in producer.sent] == [
        "A", "B", "USD", "2020-03-05", "A", "USD", "2020-03-06", "A", "B", "2020-03-09",
    ]  # fmt: skip
    assert "sent 7 prices of 3 days, end-of-day marks of 3 days" in result.stdout


def test_days_are_chosen(producer: FakeProducer, tmp_path) -> None:
    run(written(tmp_path), "--first-day", "2020-03-06", "--last-day", "2020-03-06", "--close-days")
    assert [told(message)[0] for message in producer.sent] == ["A", "USD", "2020-03-06"]


def test_nothing_is_sent_where_the_stream_would_reject_a_price(producer, tmp_path) -> None:
    result = run(written(tmp_path, PRICES.replace("B,", "C,", 1)))
    assert isinstance(result.exception, InputError)
    assert producer.sent == []
    text = str(result.exception)
    assert "prices.csv, line 2, column C: the stream would reject it, unknown_instrument" in text
    assert "(2 of 7 messages); nothing was sent" in text
    assert "\n" not in text


def test_rejected_prices_are_left_out_where_asked_for(producer, tmp_path) -> None:
    result = run(written(tmp_path, PRICES.replace("B,", "C,", 1)), "--skip-rejected")
    assert result.exit_code == ExitCode.PASSED
    assert [told(message) for message in producer.sent] == [
        price for price in EVERY if price[0] != "B"
    ]


def test_a_dry_run_sends_nothing(producer: FakeProducer, tmp_path) -> None:
    result = run(written(tmp_path), "--dry-run", "--close-days")
    assert (result.exit_code, producer.sent) == (ExitCode.PASSED, [])
    assert "would send 10 messages: 7 applied, 3 mark" in result.stdout


def test_a_day_that_is_not_closed_in_time_is_no_success(producer, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(csv_feed, "_is_closed", lambda *_: False)
    result = run(written(tmp_path), "--close-days", "--wait", "0.5")
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "2020-03-09 is not closed after 0.5 s" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--speed", "0"], "--speed 0 is not above 0 and at most 1e+06"),
        (["--speed", "nan"], "--speed nan is not above 0"),
        (["--first-day", "soon"], "--first-day 'soon' is not a day like 2020-03-05"),
        (["--first-day", "2021-01-01"], "has no price between 2021-01-01 and its end"),
        (["--zone", "Mars"], "--zone 'Mars' is not known"),
    ],
)
def test_options_that_cannot_be_are_named(producer, tmp_path, words, sentence) -> None:
    result = run(written(tmp_path), *words)
    assert isinstance(result.exception, InputError)
    assert sentence in str(result.exception)
    assert producer.sent == []


def test_a_paced_day_keeps_the_distances_of_its_prices_by_the_speed(tmp_path) -> None:
    prices = price_messages(Path(written(tmp_path, LONG)), FieldMap(), closes_days=True)
    first, second = feed_days(prices, speed=10.0)
    assert [planned.due_ns for planned in first.slots()] == [0, 10**9, 10**9 + AFTER_LAST_NS]
    assert (first.date, first.tick_count) == (dt.date(2020, 3, 5), 2)
    assert first.duration_ns > 10**9 + AFTER_LAST_NS
    assert [planned.due_ns for planned in second.slots()] == [0, AFTER_LAST_NS]


def test_without_a_speed_nothing_is_waited_for(tmp_path) -> None:
    days = feed_days(price_messages(Path(written(tmp_path)), FieldMap()))
    assert {day.duration_ns for day in days} == {0}
    assert [day.tick_count for day in days] == [3, 2, 2]
