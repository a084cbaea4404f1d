"""Documentation site: the repository's Markdown files, rendered by Sphinx without any network.

``python -m sphinx -W -c docs/site . build/site``
"""

from __future__ import annotations

from typing import Any, Final

from pygments.lexers.special import TextLexer

project = "riskstream"
extensions = ["myst_parser"]
root_doc = "README"
source_suffix = {".md": "markdown"}
include_patterns = [
    "*.md",
    "docs/**.md",
    "changelog.d/README.md",
    "compose/*.md",
    "scenarios/*.md",
    "validation/data/*.md",
]
exclude_patterns = [".*", "build", "loadtests", "requirements", "system", "tests"]
templates_path = ["templates"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "riskstream"
html_additional_pages = {"index": "index.html"}
html_copy_source = False
html_show_sphinx = False

CONTENTS: Final = {
    "Start": (
        "docs/tutorial",
        "docs/install",
        "docs/glossary",
        "docs/api",
        "docs/dashboard",
        "docs/files",
    ),
    "Use": (
        "docs/backtest",
        "docs/feed",
        "docs/market-data",
        "docs/alerts",
        "docs/export",
        "docs/mcp",
        "scenarios/README",
        "compose/README",
    ),
    "Reference": ("docs/reference/cli", "docs/reference/settings", "docs/reference/exit-codes"),
    "How it works": ("docs/architecture", "docs/determinism", "docs/decisions/README"),
    "Evidence": ("docs/verification", "docs/faults", "docs/defects", "docs/recovery"),
    "Speed": ("docs/latency", "docs/load", "docs/performance", "docs/platforms"),
    "Project": (
        "docs/README",
        "validation/data/README",
        "CONTRIBUTING",
        "SECURITY",
        "CHANGELOG",
        "changelog.d/README",
    ),
}
"""Pages of the sidebar, by heading; Sphinx warns of a page that is in none."""


def _contents(*pages: str, caption: str = "") -> str:
    head = [":hidden:", ":glob:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", "```{toctree}", *head, *(f"/{page}" for page in pages), "```", ""])


def _add_contents(_app: Any, name: str, source: list[str]) -> None:  # noqa: ANN401 - Sphinx's own
    """Add tables of contents, which the files on their own do not show."""
    if name == root_doc:
        source[0] += "".join(_contents(*pages, caption=head) for head, pages in CONTENTS.items())
    if name == "docs/decisions/README":
        source[0] += _contents("docs/decisions/0*")


def setup(app: Any) -> None:  # noqa: ANN401
    """Connect the tables of contents; show diagrams as the text that they are made from."""
    app.connect("source-read", _add_contents)
    app.add_lexer("mermaid", TextLexer)
