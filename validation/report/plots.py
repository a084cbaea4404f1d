"""plotly, an extra of the package: charts as HTML fragments, and the one script that they share.

The script is 4.9 MB. It is written once into the folder of a report and loaded from there, so
that a page opens without a network and a folder can be moved as a whole. Without plotly a
report has its tables, and a sentence in the place of each chart.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, ParamSpec

from markupsafe import Markup
from rich.console import Console

MISSING: Final = (
    "Charts need plotly, which is not installed: pip install 'riskstream[reports]', "
    "or `make setup` in a checkout."
)
HEIGHT_PX: Final = 320
_NOT_FOUND: Final = (
    "The charts need the file {name} of this report's folder: keep the folder together."
)
Parameters = ParamSpec("Parameters")


def has_plotly() -> bool:
    """Return whether plotly is installed."""
    return find_spec("plotly") is not None


def graph_objects() -> Any:  # noqa: ANN401 - plotly ships no types
    """Return ``plotly.graph_objects``; half a second when it is first imported."""
    import plotly.graph_objects  # noqa: PLC0415

    return plotly.graph_objects


def chart(draw: Callable[Parameters, Markup]) -> Callable[Parameters, Markup]:
    """Return a drawing function that says so in the chart's place where plotly is missing."""

    @wraps(draw)
    def drawn(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Markup:
        if not has_plotly():
            return Markup('<p class="note">{}</p>').format(MISSING)
        return draw(*args, **kwargs)

    return drawn


def chart_html(
    figure: Any,  # noqa: ANN401 - plotly ships no types
    unit: str,
    *,
    height_px: int = HEIGHT_PX,
    **layout: object,
) -> Markup:
    """Return a figure in the style of the reports.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Changed in place.
    unit : str
        Title of its (first) vertical axis.
    height_px : int
        Height of the chart.
    **layout
        Further settings of plotly's layout.
    """
    style = {
        "height": height_px,
        "margin": {"l": 60, "r": 20, "t": 20, "b": 40},
        "template": "plotly_white",
        "legend": {"orientation": "h", "y": 1.12},
    }
    figure.update_layout({**style, **layout})
    figure.update_layout(yaxis_title=unit)
    html = figure.to_html(full_html=False, include_plotlyjs=False)
    return Markup(html)  # noqa: S704 - made by plotly from numbers and our own names


def show_report_place(console: Console, place: str) -> None:
    """Print where a report with charts is, and what its charts lack, if anything."""
    console.print(f"report: {place}", highlight=False)
    if not has_plotly():
        console.print(MISSING, markup=False, highlight=False)


def script_element(page_folder: Path, shared_folder: Path | None = None) -> Markup:
    """Write plotly's script beside a page, if it is not there yet, and return what loads it.

    Parameters
    ----------
    page_folder : Path
        Folder of the page.
    shared_folder : Path, optional
        Folder of the whole report, where it holds pages in folders of their own; that of the
        page by default.

    Returns
    -------
    Markup
        A script element for the page's head; empty where plotly is missing.
    """
    if not has_plotly():
        return Markup()
    script = (shared_folder or page_folder) / f"plotly-{metadata.version('plotly')}.min.js"
    content = plotly_script()
    if not script.exists() or script.stat().st_size != len(content):
        script.write_bytes(content)
    return Markup(
        '<script src="{source}" onerror="addEventListener(&quot;DOMContentLoaded&quot;, '
        '() => document.body.prepend(&quot;{note}&quot;))"></script>'
    ).format(source=os.path.relpath(script, page_folder), note=_NOT_FOUND.format(name=script.name))


@cache
def plotly_script() -> bytes:
    """Return plotly's script, UTF-8; only where ``has_plotly``."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415

    source: str = get_plotlyjs()
    return source.encode("utf-8")
