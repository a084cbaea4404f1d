"""The panels as Streamlit components: one renderer, mounted once per panel."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

import streamlit as st

from system.show.server.routes import STATIC_DIR, STREAM_PATH, asset_url

if TYPE_CHECKING:
    from streamlit.components.v2.bidi_component import ComponentResult
    from streamlit.components.v2.types import ComponentRenderer

COMPONENT_NAME: Final = "riskstream.panel"
PAGE_TITLE: Final = "riskstream"


class Panel(StrEnum):
    """The panels by the name of their file, ``static/panel_<name>.js``."""

    BAR = "bar"
    CARDS = "cards"
    PNL = "pnl"
    GAUGE = "gauge"
    MADE = "made"
    EXPOSURE = "exposure"
    STRESSED = "stressed"
    CONTRIBUTORS = "contributors"
    DAYS = "days"
    HEAT = "heat"
    TRADES = "trades"
    LIMITS = "limits"
    DESK = "desk"
    SHEET = "sheet"
    WATERFALL = "waterfall"
    MAP = "map"
    LINES = "lines"


def panel(
    which: Panel, *, portfolio: str = "", content: object = None, name: str = ""
) -> ComponentResult:
    """Mount a panel; it draws itself from the push of this page, not from this script.

    Parameters
    ----------
    which : Panel
        Kind of the panel.
    portfolio : str
        For the selector: the one chosen so far, empty for the first.
    content : object
        For a panel that shows an answer of the API: texts and numbers, as JSON takes them.
    name : str
        Tells several panels of one kind apart on a page.

    Returns
    -------
    ComponentResult
        ``portfolio`` chosen in the panel; ``open``, the page and its portfolio that were asked for
        by the click that caused this run.
    """
    data = {
        "panel": which.value,
        "module": asset_url("panels.js"),
        "stream": STREAM_PATH.lstrip("/"),
        "portfolio": portfolio,
        "title": PAGE_TITLE,
        "content": content,
    }
    return _renderer()(
        key=f"panel-{name or which.value}",
        data=data,
        on_portfolio_change=_nothing,
        on_open_change=_nothing,
    )


@cache
def _renderer() -> ComponentRenderer:
    return st.components.v2.component(
        COMPONENT_NAME,
        css="".join(
            (STATIC_DIR / name).read_text(encoding="utf-8") for name in ("uplot.css", "panel.css")
        ),
        js=(STATIC_DIR / "shim.js").read_text(encoding="utf-8"),
    )


def _nothing() -> None:
    """Let Streamlit keep the chosen portfolio as state of the component."""
