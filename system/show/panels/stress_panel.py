"""Scenarios on the page: a shock of prices, a currency, a day of history, or a loss to reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final

import streamlit as st

from system.client.sync_client import RiskClient
from system.contracts.api.questions import (
    ReverseStress,
    Scenario,
    ScenarioRequest,
    ScenarioRow,
    Shock,
)
from system.contracts.messages import AssetClass
from system.show import format as text
from system.show.panels.answers import answered
from system.show.panels.plain import plain, plain_cells
from system.show.server.runtime import current

SHOCK: Final = "Shock"
DAY: Final = "Day of history"
REVERSE: Final = "How far to a loss"
EVERYTHING: Final = "all prices"
EVERY_OPTION: Final = "every option"
PERCENT: Final = "%"
POINTS: Final = "points"
FIRST_DAY: Final = dt.date(2020, 3, 16)
ROWS_SHOWN: Final = 8


def draw_scenarios(portfolio: str) -> None:
    """Draw the form for the chosen portfolio, and what its scenario makes."""
    live = current()
    names = live.desk.portfolios()
    chosen = portfolio or (names[0] if names else "")
    if live.desk.snapshot(chosen) is None:
        st.caption("Scenarios: no portfolio has a number yet.")
        return
    with st.expander(f"Scenarios, {plain(chosen)}", expanded=True):
        kind = st.segmented_control("Ask", [SHOCK, DAY, REVERSE], default=SHOCK, required=True)
        with st.form("scenarios", border=False):
            ask = _fields(kind or SHOCK, chosen)
            asked = st.form_submit_button("Revalue", width="stretch")
        if asked:
            _show(ask)


def _fields(kind: str, portfolio: str) -> Callable[[RiskClient], Scenario | ReverseStress]:
    if kind == DAY:
        day = st.date_input("Day", FIRST_DAY, min_value=dt.date(1990, 1, 1))
        request = ScenarioRequest(day=day)
        return lambda client: client.scenario(portfolio, request)
    if kind == REVERSE:
        loss = st.number_input("Loss, base currency", min_value=1.0, value=50_000.0, step=1_000.0)
        return lambda client: client.reverse_stress(portfolio, loss)
    shocks = _shocks(_underlyings(portfolio))
    return lambda client: client.scenario(portfolio, ScenarioRequest(shocks=shocks()))


def _underlyings(portfolio: str) -> list[str]:
    """Return what the options of the newest snapshot are on; empty without options."""
    snapshot = current().desk.snapshot(portfolio)
    rows = () if snapshot is None else snapshot.positions
    return sorted({row.option.underlying for row in rows if row.option is not None})


def _shocks(underlyings: list[str]) -> Callable[[], tuple[Shock, ...]]:
    """Draw the fields of a shock; what is typed is checked once it is asked for."""
    classes = [
        asset_class.value
        for asset_class in AssetClass
        if asset_class not in (AssetClass.CASH, AssetClass.FX)
    ]
    what_column, by_column = st.columns(2, gap="small")
    what = what_column.selectbox("Prices of", [EVERYTHING, *classes])
    percent = by_column.number_input("by %", value=-10.0, min_value=-99.0, step=1.0)
    currency_column, fx_column = st.columns(2, gap="small")
    currency = currency_column.text_input("Currency", placeholder="USD", max_chars=3)
    fx_percent = fx_column.number_input("by % ", value=0.0, min_value=-99.0, step=1.0)
    volatility = _volatility_fields(underlyings) if underlyings else ()
    asset_class = None if what == EVERYTHING else AssetClass(what)
    prices = (Shock(move=percent / 100.0, asset_class=asset_class),) if percent else ()

    def typed() -> tuple[Shock, ...]:
        money = (Shock(move=fx_percent / 100.0, currency=currency.upper()),) if currency else ()
        return (*prices, *money, *volatility) or (Shock(move=0.0),)

    return typed


def _volatility_fields(underlyings: list[str]) -> tuple[Shock, ...]:
    of_column, by_column, unit_column = st.columns(3, gap="small")
    of = of_column.selectbox("Volatility of", [EVERY_OPTION, *underlyings])
    by = by_column.number_input("by", value=0.0, step=1.0)
    unit = unit_column.selectbox("in", [PERCENT, POINTS])
    return volatility_shocks(of, by, in_points=unit == POINTS)


def volatility_shocks(of: str, by: float, *, in_points: bool) -> tuple[Shock, ...]:
    """Return the shock of volatility that a form states, none where it moves nothing.

    Parameters
    ----------
    of : str
        An underlying, or ``EVERY_OPTION``.
    by : float
        Percent of the present volatility, or points (0.01).
    in_points : bool
        Which of both.
    """
    if not by:
        return ()
    instrument = None if of == EVERY_OPTION else of
    return (Shock(move=by / 100.0, absolute=in_points, instrument=instrument, volatility=True),)


def _show(ask: Callable[[RiskClient], Scenario | ReverseStress]) -> None:
    answer = answered(ask)
    if answer is None:
        return
    words = scenario_words(answer) if isinstance(answer, Scenario) else reverse_words(answer)
    st.markdown(words)
    for sentence in answer.unmoved if isinstance(answer, Scenario) else ():
        st.caption(plain(sentence))
    if answer.rows:
        st.table(plain_cells(row_cells(answer.rows)))


def scenario_words(answer: Scenario) -> str:
    """Return a scenario's P&L as a sentence."""
    amount = f"**{text.amount(answer.pnl, signed=True)} {answer.base_currency}**"
    share = f"{text.percent(answer.pnl_fraction, signed=True)} of NAV"
    times = "" if answer.var_multiple is None else f"; {answer.var_multiple:.1f} times VaR lost"
    day = "" if answer.day is None else f" Moves from {answer.day_before} to {answer.day}."
    return f"{amount}, {share}{times}.{day}"


def reverse_words(answer: ReverseStress) -> str:
    """Return the smallest uniform move as a sentence."""
    loss = f"{text.amount(answer.loss)} {answer.base_currency}"
    if answer.move is None:
        return (
            f"No uniform move between {text.percent(answer.lowest)} and "
            f"{text.percent(answer.highest, signed=True)} loses {loss}."
        )
    move = text.percent(answer.move, signed=True)
    return f"**{move}** on all prices loses {loss}; currencies as they are."


def row_cells(rows: tuple[ScenarioRow, ...]) -> list[dict[str, str]]:
    """Return the worst positions as cells of a table."""
    return [
        {
            "position": row.instrument,
            "value": text.amount(row.value),
            "P&L": text.amount(row.pnl, signed=True),
        }
        for row in rows[:ROWS_SHOWN]
    ]
