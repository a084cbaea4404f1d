"""``riskstream worst-window``: the worst run of returns that today's book could have met.

The closes are those of the locked wheels, since 1990; they reach further back than the
state of the stream, so that the search is made where it is asked for.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from system.client.commands.portfolios import connected_client
from system.console import PlainConsole
from system.contracts.api.risk import CurrentRisk, Positions
from system.contracts.messages import MONEY, PositionRisk
from system.risk.confidence import Confidence
from system.risk.listing import Listing
from system.risk.portfolio import scenario_pnl
from system.risk.scenarios.factors import scenario_factors, series_of
from system.risk.scenarios.stressed import WorstWindow, worst_window
from system.risk.scenarios.window import CloseTable, Missing, ScenarioWindow, scenario_window
from system.risk.valuation import Holding, Holdings, valuation
from system.settings import load_settings
from system.simulate.datasets import load_market
from system.simulate.errors import UnknownSeriesError
from system.simulate.market import Market


@dataclass(frozen=True)
class WorstFound:
    """The worst window of a book, and the history that it was searched in.

    Parameters
    ----------
    worst : WorstWindow
        Base currency, losses positive.
    first, last : date
        Of the returns searched: days on which every series of the book has a close.
    """

    worst: WorstWindow
    first: dt.date
    last: dt.date


def worst_window_of(risk: CurrentRisk, held: Positions, whole: Market) -> WorstFound:
    """Return the worst window of the book's own length in a long history.

    Parameters
    ----------
    risk : CurrentRisk
        Settings and rates of the portfolio.
    held : Positions
        What it holds, at current prices.
    whole : Market
        A market with a long history.

    Raises
    ------
    UnknownSeriesError
        If the book holds what the market has no history of; names it.
    TooFewScenariosError, HistoryTooShortError
        If the history is too short for the confidence or the window.
    """
    holdings = Holdings.of(
        Holding(_listing(row, whole), row.quantity, row.average_cost) for row in held.positions
    )
    prices = {row.instrument: row.price for row in held.positions}
    worth = valuation(
        holdings,
        prices=np.array([prices[name] for name in holdings.instrument_ids], dtype=np.float64),
        quotes=risk.rates,
        base_currency=risk.base_currency,
    )
    window = _whole_history(holdings, risk, whole)
    factors = scenario_factors(window, holdings.listings, base_currency=risk.base_currency)
    worst = worst_window(
        scenario_pnl(worth.exposures, factors),
        factors.scenario_dates,
        scenario_count=risk.window,
        confidence=Confidence.parse(risk.confidence),
    )
    return WorstFound(worst, factors.scenario_dates[0], factors.scenario_dates[-1])


def show_worst_window(
    portfolio: Annotated[str, typer.Argument(help="Name of the portfolio.")],
) -> None:
    """Show the worst run of returns since 1990, of the portfolio's own length."""
    with connected_client() as client:
        risk, held = client.current_var(portfolio), client.positions(portfolio)
    search = worst_window_of(risk, held, load_market(load_settings().wheels_dir))
    worst = search.worst
    PlainConsole().print(
        f"{portfolio}: VaR {worst.var:,.2f} {risk.base_currency} ({risk.confidence}, "
        f"{risk.window} days) from {worst.first} to {worst.last}: the worst of "
        f"{worst.window_count:,} windows, {search.first} to {search.last}",
        highlight=False,
        soft_wrap=True,
    )


def _listing(row: PositionRisk, whole: Market) -> Listing:
    if row.asset_class in MONEY:
        return Listing(row.instrument, row.asset_class, row.currency)
    known = whole.instruments.get(row.instrument)
    if known is None:
        raise UnknownSeriesError(f"{row.instrument} has no long history in {whole.source}")
    return Listing(row.instrument, known.asset_class, known.currency, known.multiplier)


def _whole_history(holdings: Holdings, risk: CurrentRisk, whole: Market) -> ScenarioWindow:
    names = series_of(holdings.listings, risk.base_currency)
    for name in names:
        if name not in whole.series:
            raise UnknownSeriesError(f"{name} has no long history in {whole.source}")
    table = CloseTable.of({name: whole.series[name].closes for name in names})
    complete = np.logical_and.reduce(np.isfinite(table.closes), axis=0)
    count = int(complete.sum()) - 1
    return scenario_window(table, as_of=table.dates[-1], scenario_count=count, missing=Missing.SKIP)
