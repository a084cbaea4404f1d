"""Page of attribution: which position carried the risk, over the days and now."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Final

import streamlit as st

from system.client.sync_client import RiskClient
from system.contracts.messages import RiskSnapshot
from system.show.panels.answers import answered, content_panel
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.renderer import Panel
from system.show.screens.choice import choose_portfolio, shown_portfolio
from system.show.screens.layout import cell, grid, panels
from system.show.server.runtime import current
from system.show.sheets.attribution import component_map, exposure_map

DAYS_SHOWN: Final = 30
REDRAW_EVERY_S: Final = 2.0
KEPT_SNAPSHOTS: Final = 1_024


def draw_attribution() -> None:
    """Draw the maps of the chosen book, and its positions as they are now."""
    chosen = choose_portfolio()
    redraw_at_first_number(chosen)
    shown = shown_portfolio(chosen)
    if current().desk.snapshot(shown) is not None:
        st.fragment(draw_maps, run_every=REDRAW_EVERY_S)(shown)
    with grid("attribution"):
        panels(12, 12, Panel.CONTRIBUTORS)


def draw_maps(portfolio: str) -> None:
    """Draw both heat maps: the stored ends of day, and the newest number as the last column."""
    newest = current().desk.snapshot(portfolio)
    dates = [day.date for day in current().desk.days(portfolio)[-DAYS_SHOWN:]]
    days = answered(lambda client: ends_of_day(client, portfolio, dates))
    if newest is None or days is None:
        return
    with grid("maps"):
        with cell("component", 6, 12):
            content_panel(Panel.MAP, component_map(days, newest), name="component")
        with cell("exposed", 6, 12):
            content_panel(Panel.MAP, exposure_map(days, newest), name="exposed")


def ends_of_day(
    client: RiskClient, portfolio: str, dates: list[dt.date]
) -> tuple[RiskSnapshot, ...]:
    """Return the snapshots stored at the ends of some days, in their order.

    Raises
    ------
    ApiRefusedError
        If one is not stored.
    ApiUnavailableError
        If the API does not answer.
    """
    kept, life = _kept(), current().desk.life
    snapshots = []
    for date in dates:
        key = (life, f"{portfolio}-eod-{date}")
        if key not in kept:
            kept[key] = client.snapshot(key[1])
        snapshots.append(kept[key])
    while len(kept) > KEPT_SNAPSHOTS:
        kept.pop(next(iter(kept)))
    return tuple(snapshots)


@lru_cache(maxsize=1)
def _kept() -> dict[tuple[int, str], RiskSnapshot]:
    """Return what this process has fetched: an end of day is stated once and never changes."""
    return {}
