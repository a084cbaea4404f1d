"""``riskstream feed check``: each message's ruling, the exit code, and what it is judged by."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from typer.testing import CliRunner, Result

from system import cli
from system.bus.consumer import Record
from system.connections import NotConnectedError
from system.contracts.codec import encode
from system.contracts.messages import Message, RejectReason
from system.errors import InputError
from system.exits import ExitCode
from system.feed import check
from system.feed.check import FeedReport
from system.feed.rulings import NO_OFFSETS
from system.store.records import StoredState
from tests.system.book.feed import instrument, mark, tick, trade

SHARE = instrument("A")


def written(folder: Path, *messages: Message | bytes) -> str:
    path = folder / "messages.jsonl"
    values = [each if isinstance(each, bytes) else encode(each) for each in messages]
    path.write_bytes(b"\n".join(values) + b"\n")
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["feed", "check", *words], env={"COLUMNS": "200"})


def test_a_file_that_is_right_passes_with_its_counts(tmp_path: Path) -> None:
    result = run(written(tmp_path, SHARE, tick("A", 1.0), mark(0)), "--empty")
    assert result.exit_code == ExitCode.PASSED
    expected = "3 messages, judged by a stream that has nothing yet: 2 applied, 1 mark"
    assert expected in result.stdout


def test_a_rejected_message_is_shown_with_its_line_and_reason(tmp_path: Path) -> None:
    result = run(written(tmp_path, SHARE, tick("B", 1.0)), "--empty")
    assert result.exit_code == ExitCode.FAILED
    assert "line 2" in result.stdout
    assert "unknown_instrument: ticker B" in result.stdout
    assert "line 1 " not in result.stdout


def test_all_messages_are_shown_where_asked_for(tmp_path: Path) -> None:
    source = written(tmp_path, SHARE, *(tick("A", 1.0, sequence=1) for _ in range(30)))
    assert "... and 9 more; --all" in run(source, "--empty").stdout
    assert run(source, "--empty", "--all").stdout.count("line ") == 31


def test_the_report_as_json_has_a_ruling_per_message(tmp_path: Path) -> None:
    source = written(tmp_path, SHARE, b"garbage")
    result = run(source, "--empty", "--json")
    report = msgspec.json.decode(result.stdout, type=FeedReport)
    assert (report.source, report.state) == (source, "a stream that has nothing yet")
    assert [ruling.outcome for ruling in report.messages] == ["applied", "rejected"]
    assert report.messages[1].reason is RejectReason.NOT_JSON
    assert report.counts == {"applied": 1, "rejected: not_json": 1}


def test_a_mark_on_one_topic_only_is_no_success(tmp_path: Path) -> None:
    result = run(written(tmp_path, mark(0)), "--empty", "--topic", "trades")
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "wait behind an end-of-day mark that reference:0" in result.stdout


def test_it_is_judged_by_what_the_running_stream_has(tmp_path: Path, monkeypatch) -> None:
    source = written(tmp_path, tick("A", 1.0))
    monkeypatch.setattr(check, "load_settings", _Settings)
    stored = StoredState(dict(NO_OFFSETS), {"instrument:A": encode(SHARE)})
    monkeypatch.setattr(check, "stream_state", lambda _: stored)
    result = run(source)
    assert result.exit_code == ExitCode.PASSED, result.output
    assert "judged by the running stream as it is now" in result.stdout
    monkeypatch.setattr(check, "stream_state", lambda _: StoredState({}, {}))
    result = run(source)
    assert result.exit_code == ExitCode.FAILED
    assert "judged by the running stream, which has nothing yet" in result.stdout


class _Settings:
    def connections(self) -> None:
        return None


def test_without_a_stack_it_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    result = run(written(tmp_path, SHARE))
    assert isinstance(result.exception, NotConnectedError)


def test_a_table_of_prices_is_judged_as_it_would_be_sent(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date,A,fx:USD\n2020-03-05,10,1.1\n2020-03-06,11,1.2\n", "utf-8")
    result = run(str(path), "--empty", "--close-days", "--json")
    report = msgspec.json.decode(result.stdout, type=FeedReport)
    assert [(ruling.place, ruling.outcome) for ruling in report.messages] == [
        ("line 2, column A", "rejected"),
        ("line 2, column fx:USD", "applied"),
        ("end of 2020-03-05", "mark"),
        ("line 3, column A", "rejected"),
        ("line 3, column fx:USD", "applied"),
        ("end of 2020-03-06", "mark"),
    ]


def test_columns_of_a_table_are_named_by_options(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("when,name,last\n2020-03-05T15:00:00Z,fx:USD,1.1\n", "utf-8")
    columns = ["time=when", "ticker=name", "mid=last"]
    words = [word for column in columns for word in ("--column", column)]
    assert run(str(path), "--empty", *words).exit_code == ExitCode.PASSED


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.jsonl", "--empty"], "none.jsonl: No such file"),
        (["x.csv", "--empty", "--topic", "trades"], "--topic trades: prices of a table go to"),
        (["-", "--empty", "--close-days"], "--close-days: - is no table"),
        (["-", "--empty", "--topic", "rejected"], "--topic 'rejected' is not one of market_data"),
        (["-", "--empty"], "- has no message: write one JSON object per line"),
        (["x.csv", "--empty", "--column", "price=x"], "--column 'price=x' is not like"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_sentence(words, sentence) -> None:
    result = run(*words)
    assert isinstance(result.exception, InputError), result.output
    assert sentence in str(result.exception)


def test_a_topic_is_judged_as_by_a_stream_that_reads_all_from_the_beginning(monkeypatch) -> None:
    def record(topic: str, offset: int, at_ms: int, message: Message | bytes) -> Record:
        value = message if isinstance(message, bytes) else encode(message)
        return Record(topic, 0, offset, b"", value, at_ms)

    records = [
        record("reference", 3, 1, SHARE),
        record("market_data", 7, 2, tick("A", 1.0)),
        record("market_data", 8, 3, b"garbage"),
        record("market_data", 9, 4, tick("B", 1.0)),
    ]
    servers = SimpleNamespace(kafka_bootstrap_servers="broker:1")
    settings = SimpleNamespace(connections=lambda: servers)
    monkeypatch.setattr(check, "load_settings", lambda: settings)
    monkeypatch.setattr(check, "kept_records", lambda _: records)
    result = run("market_data")
    assert result.exit_code == ExitCode.FAILED
    assert "market_data:0 offset 8" in result.stdout
    assert "unknown_instrument: ticker B" in result.stdout
    expected = "which begin late in market_data:0, reference:0: 1 applied, 1 rejected: not_json"
    assert expected in result.stdout


def test_a_trade_of_an_unknown_book_is_rejected(tmp_path: Path) -> None:
    result = run(written(tmp_path, SHARE, trade("t", "A", 1.0, 1.0)), "--empty")
    assert "unknown_portfolio" in result.stdout
