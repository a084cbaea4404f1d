"""Text reaches the terminal as it was written, whatever it looks like, and no order with it."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from system.client.commands.limits import _show_trail
from system.console import PlainConsole, plain_column, styled, terminal_json
from system.contracts.limits import TrailPage, TrailRow
from system.exits import print_error
from tests.message_strategies import VENDORS_NAMES, identifiers

ROOT = Path(__file__).parents[2]
OWN = ROOT / "system" / "console.py"
FOLDERS = ("system", "validation", "loadtests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
STYLE_TAG = re.compile(r"\[/?(bold|dim|italic|red|green|yellow|magenta|cyan|blue|white)[^\]]*\]")
HOSTILE = ("Equity [/hedged]", "Fund [hedged]", "[bold]x[/bold]", "[/]", ":smile:", "[link=x]y")


class Noted(msgspec.Struct):
    """A value with a text of whatever origin."""

    note: str


def printed(*objects: object) -> str:
    console = PlainConsole(width=400)
    console.file = io.StringIO()
    for each in objects:
        console.print(each)
    return console.file.getvalue()


@pytest.mark.parametrize("name", [*HOSTILE, *VENDORS_NAMES])
def test_a_name_is_printed_as_it_is_written(name: str) -> None:
    table = Table(name, title=name)
    table.add_row(name)
    for shown in (printed(name), printed(table), printed(styled(name, (name, "red")))):
        assert name in shown
    assert printed(name) == f"{name}\n"
    assert printed(table).count(name) == 3


@given(identifiers)
def test_any_name_is_printed_as_it_is_written(name: str) -> None:
    assert printed(name) == f"{name}\n"


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "\x1b]0;title\x07", "\x9b31m", "a\u202eb", "a\rb"])
def test_what_drives_a_terminal_is_printed_escaped(text: str) -> None:
    table = Table(text, title=text)
    table.add_row(text)
    for shown in (printed(text), printed(table), printed(styled(text))):
        assert not set(shown) & set("\x1b\x07\x9b\u202e\r")
        assert repr(text)[1:-1] in shown


def test_a_name_that_is_too_long_for_its_column_is_not_cut() -> None:
    console = PlainConsole(width=20)
    console.file = io.StringIO()
    table = Table("portfolio", "number", box=None)
    table.add_row("X" * 60, "1,234.56")
    console.print(table)
    assert console.file.getvalue().count("X") == 60


def test_a_line_break_in_a_note_stays_in_its_cell() -> None:
    table = Table("note", "next")
    table.add_row("one\ntwo", "cell")
    lines = printed(table).splitlines()
    assert [line for line in lines if "one" in line and "cell" in line]
    assert [line for line in lines if "two" in line]


@pytest.mark.parametrize("name", HOSTILE)
def test_progress_shows_a_name_as_it_is_written(name: str) -> None:
    console = PlainConsole(width=200)
    console.file = io.StringIO()
    with Progress(plain_column("{task.description}"), console=console) as progress:
        progress.add_task(f"valuing {name}", total=1)
    assert f"valuing {name}" in console.file.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_line_with_a_spinner_shows_a_name_as_it_is_written(name: str) -> None:
    status = PlainConsole(width=200).working(name)
    assert isinstance(status.status, Text)
    assert status.status.plain == name


@pytest.mark.parametrize("name", HOSTILE)
def test_an_error_shows_a_name_as_it_is_written(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_error(f"no portfolio {name}")
    assert capsys.readouterr().err == f"error: no portfolio {name}\n"


@pytest.mark.parametrize("indent", [None, 2])
def test_json_for_programs_drives_no_terminal_and_says_the_same(indent: int | None) -> None:
    noted = Noted(note="a\x7f\x9b31m\u202e\u2066b [red] Å")
    shown = terminal_json(noted, indent=indent)
    assert not set(shown) & set("\x1b\x7f\x9b\u202e\u2066")
    assert msgspec.json.decode(shown, type=Noted) == noted
    assert "[red] Å" in shown


def test_a_note_of_old_that_drives_a_terminal_is_printed_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = {"event_id": 1, "kind": "acknowledged", "portfolio": "P", "measure": "gross"}
    row |= {"before": "warning", "after": "warning", "value": 0.1, "warning": 0.1, "breach": 0.1}
    row |= {"snapshot_id": "P-1", "event_time_ns": 0, "recorded_at_ns": 0, "acknowledges": 1}
    noted = msgspec.convert({**row, "actor": "[/x]", "note": "\x1b[2J[/x]"}, TrailRow)
    _show_trail(TrailPage(portfolio="P", rows=(noted,), next=None))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[/x]" in shown


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def parses_markup(name: str, call: ast.Call) -> bool:
    """Return whether a call can read user text as markup, or print it past the one console."""
    if name.startswith("st.column_config."):
        return False  # a page's column, of the same name as one of the terminal's
    last = name.rpartition(".")[2]
    if last in {"Console", "from_markup", "TextColumn", "get_console"}:
        return True
    if name in {"sys.stdout.write", "typer.echo"} and "json.encode" in ast.unparse(call):
        return True
    if last == "status":
        return isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "console"
    return any(
        keyword.arg in {"markup", "emoji"} and _is_true(keyword.value) for keyword in call.keywords
    )


def _is_true(node: ast.expr) -> bool:
    return not (isinstance(node, ast.Constant) and node.value is False)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_prints_but_by_the_plain_console(path: Path) -> None:
    if path == OWN:
        return
    breaches = [
        f"line {call.lineno}: {name}" for name, call in calls(path) if parses_markup(name, call)
    ]
    assert breaches == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_holds_tags_of_style(path: Path) -> None:
    texts = (
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert [text for text in texts if STYLE_TAG.search(text)] == []
