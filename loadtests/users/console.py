"""Additions to locust's console: a chart and a tab of the latency from tick to VaR.

locust's own charts show its total, and know no other lines. So the chart stands on the console's
page below what locust draws, on every tab of it, and on a page of its own.

Ticks are counted by the second on the process that shows the console, from locust's own
statistics, so that workers on other processes are in it.
"""

from __future__ import annotations

from collections import deque
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import gevent
import msgspec
from flask import Blueprint, Flask, Response, jsonify, request
from jinja2 import Template
from locust.env import Environment
from locust.runners import WorkerRunner
from locust.stats import StatsEntry, calculate_response_time_percentile

from loadtests.source.plan import LoadPlan
from loadtests.users import budgets
from validation.report.plots import MISSING, has_plotly, plotly_script

TAB: Final = "tick-to-var"
PERIOD_S: Final = 1.0
MAX_POINTS: Final = 3_600
PERCENTILES: Final = (0.5, 0.9, 0.99, 0.999)
PAGE: Final = "/tick-to-var"
TEMPLATES: Final = Path(__file__).parents[1] / "templates"
CONSOLE: Final = "locust.index"
"""The page of the console, by the name that locust gives it."""
END: Final = "</body>"
COLUMNS: Final = (
    {"key": "name", "title": "Ticks"},
    {"key": "count", "title": "Count"},
    {"key": "p50", "title": "p50 ms"},
    {"key": "p90", "title": "p90 ms"},
    {"key": "p99", "title": "p99 ms"},
    {"key": "p999", "title": "p99.9 ms"},
    {"key": "max", "title": "max ms"},
)


class TickSecond(msgspec.Struct, frozen=True):
    """One second of the console: ticks covered in it, and their latency in milliseconds."""

    second: int
    count: int
    p50_ms: int
    p99_ms: int


class TickHistory:
    """The latency from tick to VaR, by the second; at most ``MAX_POINTS`` of them.

    Parameters
    ----------
    environment : Environment
        Whose statistics are read.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._before: dict[int, int] = {}
        self.points: deque[TickSecond] = deque(maxlen=MAX_POINTS)
        self._second = 0

    def watch(self) -> None:
        """Take a point every second, for ever: a greenlet's work."""
        while True:
            gevent.sleep(PERIOD_S)
            self.take()

    def take(self) -> None:
        """Take the point of the second that has passed."""
        now = dict(entry_of(self._environment, budgets.COVERED).response_times)
        new = {ms: count - self._before.get(ms, 0) for ms, count in now.items()}
        new = {ms: count for ms, count in new.items() if count > 0}
        self._before, count = now, sum(new.values())
        self._second += 1
        if count:
            p50, p99 = (calculate_response_time_percentile(new, count, at) for at in (0.5, 0.99))
            self.points.append(TickSecond(self._second, count, p50, p99))


def entry_of(environment: Environment, name: str) -> StatsEntry:
    """Return locust's count of ticks under a name."""
    return environment.stats.get(name, budgets.TICK)


def options_of(environment: Environment) -> Any:  # noqa: ANN401 - locust's own namespace
    """Return the options that locust was started with."""
    assert environment.parsed_options is not None, "locust was started by its command line"
    return environment.parsed_options


def plan_of(environment: Environment) -> LoadPlan:
    """Return the plan that the run was started with."""
    path = Path(options_of(environment).plan)
    return msgspec.json.decode(path.read_bytes(), type=LoadPlan)


def figures(environment: Environment) -> list[budgets.NameFigures]:
    """Return what the budgets judge: everything but ticks, whose report is exact."""
    return [
        budgets.NameFigures(
            entry.name,
            entry.num_requests,
            entry.num_failures,
            float(entry.get_response_time_percentile(0.99)),
        )
        for (_, kind), entry in environment.stats.entries.items()
        if kind != budgets.TICK
    ]


def tick_rows(environment: Environment) -> list[dict[str, Any]]:
    """Return the rows of the tab."""
    rows = []
    for name in (budgets.SENT, budgets.COVERED):
        entry = entry_of(environment, name)
        at = [entry.get_response_time_percentile(rank) for rank in PERCENTILES]
        keys = ("p50", "p90", "p99", "p999")
        figures_ms = dict(zip(keys, at, strict=True))
        rows.append(
            {
                "name": name,
                "count": entry.num_requests,
                **figures_ms,
                "max": entry.max_response_time,
            }
        )
    return rows


def install(environment: Environment) -> None:
    """Add the tab and the chart where this process shows a console."""
    if environment.web_ui is None or isinstance(environment.runner, WorkerRunner):
        return
    history = TickHistory(environment)
    gevent.spawn(history.watch)
    environment.web_ui.template_args |= {
        "extended_tabs": [{"title": "Tick to VaR", "key": TAB}],
        "extended_tables": [{"key": TAB, "structure": list(COLUMNS)}],
        "extended_csv_files": [{"href": PAGE, "title": "Chart: tick to VaR"}],
    }
    assert environment.web_ui.app is not None, "a console has its server"
    add_pages(environment.web_ui.app, environment, history)


def add_pages(app: Flask, environment: Environment, history: TickHistory) -> None:
    """Add the chart, its page, its data, and the tab's rows to a console."""
    pages = Blueprint("tick_to_var", __name__)
    chart, panel = _rendered("console.html.j2"), _rendered("console_panel.html.j2")

    @pages.route(PAGE)
    def page() -> str:
        return chart

    @pages.route(f"{PAGE}.json")
    def points() -> Response:
        return jsonify([msgspec.to_builtins(point) for point in history.points])

    @pages.route(f"{PAGE}/plotly.js")
    def plotly_js() -> Response:
        if not has_plotly():
            return Response(MISSING, HTTPStatus.NOT_FOUND, mimetype="text/plain")
        return Response(plotly_script(), mimetype="text/javascript")

    app.register_blueprint(pages)

    @app.after_request
    def with_ticks(response: Response) -> Response:
        if request.path == "/stats/requests" and response.is_json:
            body = response.get_json()
            body["extended_stats"] = [{"key": TAB, "data": tick_rows(environment)}]
            response.set_data(msgspec.json.encode(body))
        elif request.endpoint == CONSOLE and response.status_code == HTTPStatus.OK:
            before, end, after = response.get_data(as_text=True).rpartition(END)
            response.set_data(f"{before}{panel}{end}{after}")
        return response


def _rendered(name: str) -> str:
    template = Template((TEMPLATES / name).read_text("utf-8"), autoescape=True)
    return template.render(tab=TAB, page=PAGE)
