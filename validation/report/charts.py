"""Charts of the reports: VaR against P&L, latency, stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from validation.measure.coverage import STAGES
from validation.measure.latency import LatencyPoint, LatencySummary
from validation.report.plots import chart, chart_html, graph_objects
from validation.report.shapes import DayPoint

GAIN: Final = "#4c78a8"
LOSS: Final = "#d62728"
LIMIT: Final = "#444444"


@chart
def var_chart(points: Sequence[DayPoint], *, base_currency: str) -> Markup:
    """Return daily P&L as bars against the VaR stated the close before, breaches marked.

    Parameters
    ----------
    points : sequence of DayPoint
        Ends of day, in order.
    base_currency : str
        Of the amounts.
    """
    go = graph_objects()
    dates = [point.date for point in points]
    stated = [None, *(None if point.var is None else -point.var for point in points[:-1])]
    breaches = [point for point in points if point.breach]
    figure = go.Figure(
        [
            go.Bar(
                x=dates, y=[point.pnl for point in points], name="P&L of the day", marker_color=GAIN
            ),
            go.Scatter(x=dates, y=stated, name="VaR stated the close before", line_color=LIMIT),
            go.Scatter(
                x=[breach.date for breach in breaches],
                y=[breach.pnl for breach in breaches],
                name="breach",
                mode="markers",
                marker={"color": LOSS, "size": 10, "symbol": "x"},
            ),
        ]
    )
    return chart_html(figure, base_currency)


@chart
def latency_chart(points: Sequence[LatencyPoint]) -> Markup:
    """Return p50 and p99 per second of the run."""
    go = graph_objects()
    seconds = [point[0] for point in points]
    figure = go.Figure(
        [
            go.Scatter(x=seconds, y=[point[1] for point in points], name="p50"),
            go.Scatter(x=seconds, y=[point[2] for point in points], name="p99"),
        ]
    )
    figure.update_xaxes(title="seconds since the first tick")
    return chart_html(figure, "ms")


@chart
def stages_chart(summaries: Sequence[LatencySummary]) -> Markup:
    """Return the mean of each stage, stacked: they add up to the mean latency."""
    go = graph_objects()
    measured = [summary for summary in summaries if summary.stages[STAGES[0]].count]
    figure = go.Figure(
        [
            go.Bar(
                y=[part.part for part in measured],
                x=[part.stages[stage].mean_ms for part in measured],
                name=stage,
                orientation="h",
            )
            for stage in STAGES
        ]
    )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title="mean, ms")
    return chart_html(figure, "")
