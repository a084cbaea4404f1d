"""Markdown tables and cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown already, vertical bars in them are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def code(text: str) -> str:
    """Return text as code, empty where there is none."""
    return f"`{text}`" if text else ""


def plain(text: str) -> str:
    """Return a docstring or help text with its double backticks as Markdown's single ones."""
    return re.sub(r"``([^`]+)``", r"`\1`", text)
