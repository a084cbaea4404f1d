"""Charts of a backtest report."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from markupsafe import Markup

from system.backtest.daily import DailyBacktest
from system.risk.arrays import Float64Vector
from validation.backtest.summary import Judged
from validation.report.plots import chart, chart_html, graph_objects

GAIN: Final = "#4c78a8"
LOSS: Final = "#d62728"
STATED: Final = "#444444"
EXPECTED: Final = "#b279a2"
HEIGHT_PX: Final = 340
ROLLING_DAYS: Final = 250
CLUSTER_DAYS: Final = 10
WAIT_TICKS: Final = [1, 3, 10, 30, 100, 300]


@chart
def pnl_chart(backtest: DailyBacktest, base_currency: str) -> Markup:
    """Return daily P&L against the VaR stated the close before, breaches marked.

    Both in percent of the book's value at that close, where that is above zero every day.
    """
    go = graph_objects()
    in_percent = bool((backtest.value > 0.0).all())
    scale = 100.0 / backtest.value if in_percent else np.ones(backtest.day_count)
    pnl, var, hits = backtest.pnl * scale, backtest.var * scale, backtest.breach
    dates = np.array(backtest.pnl_dates, dtype="datetime64[D]")
    figure = go.Figure(
        [
            go.Bar(x=dates, y=pnl, name="P&L of the day", marker_color=GAIN),
            go.Scatter(x=dates, y=-var, name="VaR stated the close before", line_color=STATED),
            go.Scatter(
                x=dates[hits],
                y=pnl[hits],
                name="breach",
                mode="markers",
                marker={"color": LOSS, "size": 6, "symbol": "x"},
            ),
        ]
    )
    figure.update_traces(marker_line_width=0, selector={"type": "bar"})
    return _fragment(figure, "% of value" if in_percent else base_currency)


@chart
def cluster_chart(backtest: DailyBacktest) -> Markup:
    """Return breaches as days since the one before, and how many fell in ten days."""
    go = graph_objects()
    dates = np.array(backtest.pnl_dates, dtype="datetime64[D]")
    days = np.flatnonzero(backtest.breach)
    waits = np.diff(backtest.stretches.places[days], prepend=-1)
    figure = go.Figure(
        [
            go.Bar(
                x=dates,
                y=_rolling_sum(backtest.breach.astype(np.float64), CLUSTER_DAYS),
                name=f"breaches in {CLUSTER_DAYS} days",
                marker_color=LOSS,
            ),
            go.Scatter(
                x=dates[days],
                y=waits,
                name="days since the breach before",
                mode="markers",
                marker={"color": STATED, "size": 5},
                yaxis="y2",
            ),
        ]
    )
    figure.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "type": "log",
            "title": "days",
            "tickvals": WAIT_TICKS,
            "showgrid": False,
        }
    )
    return _fragment(figure, f"breaches in {CLUSTER_DAYS} days")


@chart
def coverage_chart(judged: Judged) -> Markup:
    """Return the breach rate so far and over 250 days, with what is promised and expected."""
    go = graph_objects()
    backtest, entry = judged.backtest, judged.entry
    hits = backtest.breach.astype(np.float64)
    dates = np.array(backtest.pnl_dates, dtype="datetime64[D]")
    so_far = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    figure = go.Figure([go.Scatter(x=dates, y=so_far, name="so far", line_color=STATED)])
    if len(hits) > ROLLING_DAYS:
        recent = _rolling_sum(hits, ROLLING_DAYS) / ROLLING_DAYS
        recent[: ROLLING_DAYS - 1] = np.nan
        name = f"last {ROLLING_DAYS} days"
        figure.add_trace(go.Scatter(x=dates, y=recent, name=name, line_color=GAIN))
    promised = f"promised {entry.promised_rate:.2%}"
    figure.add_hline(
        entry.promised_rate,
        line_color=LOSS,
        annotation_text=promised,
        annotation_position="bottom right",
    )
    if entry.expected_rate is not None:
        words = f"expected {entry.expected_rate:.2%}"
        figure.add_hline(
            entry.expected_rate,
            line={"color": EXPECTED, "dash": "dash"},
            annotation_text=words,
            annotation_position="top right",
        )
    figure.update_yaxes(tickformat=".1%")
    return _fragment(figure, "breach rate")


@chart
def evidence_chart(judged: Judged) -> Markup:
    """Return the e-process, what k/(n+1) makes it expect, and where it is a rejection."""
    go = graph_objects()
    evidence = judged.evidence
    dates = np.array(judged.backtest.pnl_dates, dtype="datetime64[D]")
    figure = go.Figure(
        [
            go.Scatter(
                x=dates,
                y=evidence.log_wealth / np.log(10.0),
                name="evidence against the promised rate",
                line_color=STATED,
            )
        ]
    )
    if evidence.expected_log_wealth is not None:
        figure.add_trace(
            go.Scatter(
                x=dates,
                y=evidence.expected_log_wealth / np.log(10.0),
                name="to be expected from k/(n+1)",
                line={"color": EXPECTED, "dash": "dash"},
            )
        )
    threshold = -np.log10(evidence.level)
    figure.add_hline(
        threshold, line_color=LOSS, annotation_text=f"rejected at {evidence.level:.0%}"
    )
    return _fragment(figure, "log10 of the e-value")


def _rolling_sum(values: Float64Vector, days: int) -> Float64Vector:
    """Return the sum of the last ``days`` entries, fewer at the beginning."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    last = np.arange(1, len(values) + 1)
    rolled: Float64Vector = sums[last] - sums[np.maximum(0, last - days)]
    return rolled


def _fragment(figure: Any, unit: str) -> Markup:  # noqa: ANN401 - plotly ships no types
    return chart_html(
        figure,
        unit,
        height_px=HEIGHT_PX,
        margin={"l": 70, "r": 60, "t": 20, "b": 40},
        legend={"orientation": "h", "y": 1.14},
        bargap=0,
    )
