"""Health check of this container's service: ``python compose/check.py NAME``.

Exit code 0, or 1 with a line that says why. Compose asks every 20 seconds, so only the
checks of stream and oracle import more than the standard library.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Final

BOUND_S: Final = 5.0
MASTER_PAGE: Final = "http://spark-master:18080/json/"
API_PAGE: Final = "http://127.0.0.1:8000/v1/health"
DASHBOARD_PAGE: Final = "http://127.0.0.1:8501/_stcore/health"


def page(url: str) -> bytes:
    """Return what a page says.

    Raises
    ------
    OSError
        If it does not answer with success within ``BOUND_S``.
    """
    try:
        with urllib.request.urlopen(url, timeout=BOUND_S) as answer:  # noqa: S310 - http, ours
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        error.close()  # it holds the answer's body, open
        raise


def page_problem(url: str) -> str:
    """Return why a page is not well, empty if it answers."""
    page(url)
    return ""


def master_problem(url: str = MASTER_PAGE) -> str:
    """Return why the Spark master is not well, empty if it is alive."""
    status = json.loads(page(url))["status"]
    return "" if status == "ALIVE" else f"the master is {status}"


def worker_problem(url: str = MASTER_PAGE) -> str:
    """Return why the worker is not well, empty if the master knows one that lives."""
    return "" if json.loads(page(url))["aliveworkers"] else "the master knows no living worker"


def stream_problem() -> str:
    """Return why the stream is not well, empty if its heartbeat is in Redis."""
    from system.settings import load_settings  # noqa: PLC0415 - a second that others need not wait
    from system.store.redis.latest import LatestStore  # noqa: PLC0415

    with LatestStore(load_settings().connections().redis_url) as latest:
        beats = latest.status().heartbeat_age_ms is not None
    return "" if beats else "the stream has no heartbeat"


def oracle_problem() -> str:
    """Return why the oracle is not well, empty if its last word is in Redis and young."""
    from system.settings import load_settings  # noqa: PLC0415 - a second that others need not wait
    from system.store.redis.latest import LatestStore  # noqa: PLC0415

    with LatestStore(load_settings().connections().redis_url) as latest:
        speaks = latest.status().oracle is not None
    return "" if speaks else "the oracle says nothing"


CHECKS: Final[Mapping[str, Callable[[], str]]] = {
    "spark-master": master_problem,
    "spark-worker": worker_problem,
    "stream": stream_problem,
    "oracle": oracle_problem,
    "api": lambda: page_problem(API_PAGE),
    "dashboard": lambda: page_problem(DASHBOARD_PAGE),
}


def main(arguments: list[str]) -> int:
    """Check one service; return the exit code."""
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        sys.stderr.write(f"one of: {', '.join(CHECKS)}\n")
        return 2
    try:
        problem = CHECKS[arguments[0]]()
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
