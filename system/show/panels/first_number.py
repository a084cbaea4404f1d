"""Redraw of a page that was opened before the first number came."""

from __future__ import annotations

from typing import Final

import streamlit as st

from system.show.server.runtime import current

LOOK_EVERY_S: Final = 1.0


def redraw_at_first_number(portfolio: str) -> None:
    """Redraw the whole page once the chosen portfolio, or any if none is chosen, has a number.

    Streamlit runs the page once per visit and per choice. A page that was opened before the first
    number would otherwise keep captions in place of its forms.
    """
    if not has_number(portfolio):
        st.fragment(look_again, run_every=LOOK_EVERY_S)(portfolio)


def has_number(portfolio: str) -> bool:
    """Return whether the chosen portfolio, or any if none is chosen, has a snapshot."""
    desk = current().desk
    return desk.snapshot(portfolio) is not None if portfolio else bool(desk.portfolios())


def look_again(portfolio: str) -> None:
    """Redraw the whole page if the number has come."""
    if has_number(portfolio):
        st.rerun()
