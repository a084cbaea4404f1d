"""Grid of a page: twelve columns on a desk's screen and on a small one, a single one on a phone.

A cell names its width twice, in twelfths: from 1,280 px on and from 800 px on. Below that each
takes the whole width. Cells of a row are as high as the highest of them, so that no hole is
left between two rows.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

import streamlit as st

from system.show.panels.renderer import Panel, panel
from system.show.server.routes import STATIC_DIR

COLUMNS: Final = 12


def draw_style() -> None:
    """Put the page's style sheet and the widths of cells into the page."""
    page_css = (STATIC_DIR / "page.css").read_text(encoding="utf-8")
    st.html(f"<style>{page_css}{span_rules()}</style>")


def grid(name: str) -> AbstractContextManager[object]:
    """Return the container of a page's cells."""
    return st.container(key=f"grid-{name}")


def cell(name: str, wide: int, middle: int) -> AbstractContextManager[object]:
    """Return a cell of the grid.

    Parameters
    ----------
    name : str
        Unique on its page; letters, digits and hyphens.
    wide, middle : int
        Width in twelfths from 1,280 px on, and from 800 px on.
    """
    assert 1 <= wide <= COLUMNS, f"{name} is {wide} of {COLUMNS} columns wide"
    assert 1 <= middle <= COLUMNS, f"{name} is {middle} of {COLUMNS} columns wide"
    return st.container(key=f"wide{wide}-middle{middle}-{name}")


def panels(wide: int, middle: int, *which: Panel) -> None:
    """Draw panels in one cell, the first above the others."""
    with cell(which[0].value, wide, middle):
        for shown in which:
            panel(shown)


def span_rules() -> str:
    """Return the style rules that give cells their width."""
    return "".join(
        f"@media (min-width: {least_px}px) {{"
        + "".join(
            f'[class*="st-key-grid-"] > :has(> [class*="{name}{width}-"])'
            f" {{ grid-column: span {width}; }}"
            for width in range(1, COLUMNS + 1)
        )
        + "}"
        for name, least_px in (("-middle", 800), ("st-key-wide", 1280))
    )
