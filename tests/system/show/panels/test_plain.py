"""Names on the page are shown as they are written, whatever Markdown would make of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given

from system import show
from system.show.panels.plain import plain, plain_cells
from tests.message_strategies import VENDORS_NAMES, identifiers

FOLDER = Path(show.__file__).parent
READS_MARKDOWN = frozenset(
    {
        *("markdown", "caption", "success", "error", "warning", "info", "toast", "write", "title"),
        *("header", "subheader", "expander", "button", "form_submit_button", "table", "badge"),
    }
)
ESCAPED_INSIDE = frozenset(
    {"plain", "plain_cells", "change_words", "contribution_words", "desk_words", "words"}
)
"""Functions, and one variable, whose sentences have their own emphasis and escape the names."""


def read(markdown: str) -> str:
    """Return what a reader of Markdown sees: escapes and characters without a shape gone."""
    return re.sub(r"\\([\\`*_{}\[\]<>()#!|$~:&@.+^=-])", r"\1", markdown).replace("\u2060", "")


@given(identifiers)
def test_a_text_without_its_escapes_is_what_it_was(text: str) -> None:
    assert read(plain(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("https://evil.example/x", "HTTP://evil.example", "www.evil.example", "a@evil.example"),
        *("x https://evil.example y", "mailto:a@evil.example", "xmpp:a@evil.example/x"),
        *(
            "https://a@b.example",
            "see www.evil.example, www.evil.example",
            "(https://evil.example)",
        ),
    ],
)
def test_what_looks_like_an_address_is_no_link(text: str) -> None:
    """By the patterns that Streamlit's Markdown looks for in the text, after all escapes."""
    shown = re.sub(r"\\(.)", r"\1", plain(text))
    assert not re.search(r"https?://|www\.|[-.\w+]+@[-\w]+\.", shown, re.IGNORECASE)
    assert read(plain(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("**x**", "_x_", "`x`", "[x](http://y)", "https://evil.example", "www.evil.example"),
        *(":red[x]", ":smile:", "$x$", "<b>", "&amp;", "# x", "- x", "+ x", "1. x", "~x~", "a@b.c"),
    ],
)
def test_no_sign_of_markdown_is_left_unescaped(text: str) -> None:
    unescaped = re.sub(r"\\.", "", plain(text))
    assert not set(unescaped) & set("`*_{}[]<>()#!|$~:&@.+^=")
    assert not unescaped.startswith("-")


def test_cells_are_escaped_and_headings_are_not() -> None:
    assert plain_cells([{"P&L": "Fund [hedged]"}]) == [{"P&L": "Fund \\[hedged\\]"}]


def shown(path: Path) -> Iterator[tuple[int, ast.expr]]:
    """Yield what a module gives to Streamlit to be read as Markdown."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in READS_MARKDOWN:
            yield node.lineno, node.args[0]


def is_escaped(node: ast.expr) -> bool:
    """Return whether an expression is a text of ours, with user text escaped in it."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return node.id in ESCAPED_INSIDE
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in {*ESCAPED_INSIDE, "text.price"} or is_name_of_ours(node)
    if isinstance(node, ast.JoinedStr):
        return all(is_escaped(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return is_escaped(node.value) or is_name_of_ours(node.value)
    return False


def is_name_of_ours(node: ast.expr) -> bool:
    """Return whether an expression is a name that the product gives: of a limit, of a level."""
    return ast.unparse(node) in {"NAMES[row.measure]", "row.after"}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.name)
def test_nothing_of_a_user_is_read_as_markdown(path: Path) -> None:
    assert [line for line, text in shown(path) if not is_escaped(text)] == []


@pytest.mark.parametrize("name", VENDORS_NAMES)
def test_an_escaped_name_stays_on_one_line(name: str) -> None:
    assert plain(name).isprintable()
