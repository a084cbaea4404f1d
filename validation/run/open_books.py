"""Before a replay: reference data sent, books imported, each with a VaR."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from system.bus.consumer import end_offsets
from system.bus.errors import TopicMissingError
from system.client.files.portfolio_file import read_portfolio
from system.client.sync_client import RiskClient
from system.clock import SystemClock
from system.contracts.api.risk import PortfolioImport, StreamState
from system.contracts.topics import INPUT_TOPICS
from system.errors import UnavailableError
from system.settings import Connections
from validation.run.child_processes import ReplayProcess, replay_arguments
from validation.run.demo_run import DemoPlan, DemoRun
from validation.run.pipeline import READY_BOUND_S, await_reference_data
from validation.run.wait import Patience, polled

CURRENCIES: Final = ("USD", "JPY")
BROKER: Final = "kafka"
POLL_S: Final = 0.25


def load_books(folder: Path) -> list[PortfolioImport]:
    """Return the books of a folder, by file name.

    Raises
    ------
    PortfolioFileError
        If a file is no book; names it.
    """
    return [read_portfolio(path) for path in sorted(folder.glob("*.json"))]


class ReferenceAhead:
    """Sends reference data as soon as there are topics, while Spark is still starting.

    A context manager: nothing of it is left behind.

    Parameters
    ----------
    site : DemoRun
        What will be replayed, and where complaints go.
    """

    def __init__(self, site: DemoRun) -> None:
        self._site = site
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reference-ahead")
        self._left = threading.Event()
        self._sent: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._pool.shutdown()

    def on_ready(self, component: str, connections: Connections) -> None:
        """Begin to send, in a thread, once the broker answers."""
        if component == BROKER:
            self._sent = self._pool.submit(self._send, connections)

    def wait(self) -> None:
        """Return once everything is sent.

        Raises
        ------
        UnavailableError
            If it could not be sent.
        """
        assert self._sent is not None, "the broker is ready before anybody waits"
        self._sent.result(READY_BOUND_S)

    def _send(self, connections: Connections) -> None:
        if not polled(
            lambda: self._left.is_set() or _has_topics(connections.kafka_bootstrap_servers),
            bound_s=READY_BOUND_S,
            poll_s=POLL_S,
        ):
            raise UnavailableError(f"no topics after {READY_BOUND_S:.0f} s")
        if self._left.is_set():
            return
        options = source_arguments("reference", self._site.plan, connections)
        with ReplayProcess(options, log=self._site.log_path) as process:
            while process.is_running and not self._left.wait(POLL_S):
                pass
            if not self._left.is_set():
                process.wait(READY_BOUND_S)


def open_books(site: DemoRun, connections: Connections, books: Sequence[PortfolioImport]) -> None:
    """Import books whose reference data was sent, and wait until each has a VaR.

    Raises
    ------
    UnavailableError
        If that takes longer than its bounds.
    """
    await_reference_data(connections)
    with RiskClient(connections.api_url, connections.api_token) as client:
        for book in books:
            client.import_portfolio(book)
        _await_valued(client, len(books))
    site.say(f"{len(books)} books imported and valued; the stream is ready")


def _has_topics(bootstrap_servers: str) -> bool:
    try:
        end_offsets(bootstrap_servers, INPUT_TOPICS)
    except TopicMissingError:
        return False
    return True


def _await_valued(client: RiskClient, count: int) -> None:
    clock = SystemClock()
    patience = Patience(clock, stall_s=READY_BOUND_S)
    valued: list[str] = []
    while not patience.is_over(valued):
        answer = client.portfolios()
        valued = [book.portfolio for book in answer.portfolios if book.var is not None]
        if len(valued) == count and answer.stream is StreamState.RUNNING:
            return
        clock.sleep(POLL_S)
    raise UnavailableError(f"{len(valued)} of {count} books have a VaR after {READY_BOUND_S:.0f} s")


def show_urls(site: DemoRun, connections: Connections) -> None:
    """Print where a person looks, and where the token is."""
    token = site.settings.api_token_path
    site.console.print(
        f"  dashboard  {connections.dashboard_url}\n"
        f"  API        {connections.api_url}/docs   token: cat {token}",
        highlight=False,
    )


def source_arguments(command: str, plan: DemoPlan, connections: Connections) -> list[str]:
    """Return the arguments of the source of market data for ``reference`` or ``replay``."""
    speed = (
        "--seconds-per-day",
        str(plan.seconds_per_day),
        "--ticks-per-second",
        str(plan.messages_per_s),
    )
    options = ("--scenario", "demo", *speed)
    return replay_arguments(
        command,
        bootstrap_servers=connections.kafka_bootstrap_servers,
        days=(plan.first_day, plan.last_day),
        currencies=CURRENCIES,
        options=options if command == "reference" else (*options, "--skip-reference"),
    )
