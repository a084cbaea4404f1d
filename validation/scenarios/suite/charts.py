"""The timeline of a run: VaR as it was observed, faults marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from validation.report.plots import chart, chart_html, graph_objects

FAULT_COLOUR: Final = "#d62728"


@chart
def timeline_chart(
    timeline: Mapping[str, Sequence[tuple[float, float | None]]],
    faults: Sequence[tuple[str, float, float]],
) -> Markup:
    """Return each portfolio's VaR over the seconds of the run, faults as bands.

    Parameters
    ----------
    timeline : mapping
        Per portfolio (seconds, VaR in base currency).
    faults : sequence of (str, float, float)
        Name, begin and end in seconds of the run.
    """
    go = graph_objects()
    figure = go.Figure(
        [
            go.Scatter(
                x=[point[0] for point in points], y=[point[1] for point in points], name=name
            )
            for name, points in timeline.items()
        ]
    )
    for name, begin, end in faults:
        figure.add_vrect(
            x0=begin, x1=end, fillcolor=FAULT_COLOUR, opacity=0.2, annotation_text=name
        )
    figure.update_xaxes(title="seconds since the first number")
    return chart_html(figure, "VaR, base currency")
