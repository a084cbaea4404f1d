"""`riskstream export`: bad options in one sentence, files that are complete, an answer in JSON."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from system.export import commands
from system.export.commands import ExportQuestionError, asked_span, export, format_of
from system.export.files import ExportFormat
from system.export.rows import Span
from system.export.tables import TABLES, ExportName
from system.store.errors import StoreUnavailableError


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Rows that the database is asked for, and what it answers."""
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    questions = []

    def rows(url, table, span):
        questions.append((table, span))
        yield [tuple([None] * len(table.columns))] * 3

    monkeypatch.setattr(commands, "exported_rows", rows)
    return questions


def invoked(*words: object):
    app = typer.Typer()
    app.command()(export)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_file_is_written_and_its_rows_are_told(asked, tmp_path):
    out = tmp_path / "new" / "x.csv"
    done = invoked("snapshots", "--out", out, "--from", "1970-01-02", "--portfolio", "P", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer == {
        "table": "snapshots",
        "format": "csv",
        "file": str(out),
        "rows": 3,
        "bytes": out.stat().st_size,
    }
    assert asked == [(TABLES[ExportName.SNAPSHOTS], Span(86_400 * 10**9, None, "P"))]


def test_a_file_that_is_there_is_replaced_only_when_asked(asked, tmp_path):
    out = tmp_path / "x.parquet"
    assert invoked("limits", "--out", out).exit_code == 0
    refused = invoked("limits", "--out", out)
    assert isinstance(refused.exception, ExportQuestionError)
    assert "--overwrite replaces it" in str(refused.exception)
    assert invoked("limits", "--out", out, "--overwrite").exit_code == 0


def test_a_database_that_goes_away_leaves_nothing(asked, tmp_path, monkeypatch):
    def rows(url, table, span):
        yield [tuple([None] * len(table.columns))]
        raise StoreUnavailableError("PostgreSQL does not answer")

    monkeypatch.setattr(commands, "exported_rows", rows)
    done = invoked("breaches", "--out", tmp_path / "x.csv")
    assert isinstance(done.exception, StoreUnavailableError)
    assert list(tmp_path.glob("*x.csv*")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("snapshots", "yesterday", "", ""), "--from: 'yesterday' is not a date-time"),
        (("snapshots", "", "2020-03-05T10:00", ""), "--to: .* time zone"),
        (("snapshots", "2020-03-05", "2020-03-05", ""), "--to 2020-03-05 is not after --from"),
        (("rejected", "", "", "P"), "--portfolio P: a row of rejected is of no portfolio"),
    ],
)
def test_an_option_that_does_not_fit_is_told_with_its_value(words, said):
    with pytest.raises(ExportQuestionError, match=said):
        asked_span(ExportName(words[0]), *words[1:])


def test_the_format_is_that_of_the_name(tmp_path):
    assert format_of(tmp_path / "a.CSV") is ExportFormat.CSV
    assert format_of(tmp_path / "a.parquet") is ExportFormat.PARQUET
    with pytest.raises(ExportQuestionError, match=r"neither \.csv nor \.parquet"):
        format_of(tmp_path / "a.xlsx")
