"""``python -m system.stream``: run the driver until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Final

from system.clock import SystemClock
from system.errors import RiskstreamError
from system.settings import load_settings
from system.stream.driver import Driver, quiet_clients
from system.stream.lifecycle.watchdog import REFUSALS, Watchdog, end_process, exit_code, touched
from system.stream.spark.cluster import stream_cores

LINGER_S: Final = 6.0


def main() -> int:
    """Run one life of the stream and return its exit code: 0 when it was asked to stop.

    Otherwise the log says why: ``UNAVAILABLE`` where a server did not answer,
    ``FENCED`` where a newer driver has taken over, ``NEEDS_RECOVERY`` where a person
    has to decide, ``FAILED`` for anything else.
    """
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    quiet_clients()
    watchdog = Watchdog(SystemClock(), end_process, touched(settings.alive_dir, "stream"))
    driver = Driver(
        settings, settings.connections(), cores=stream_cores(settings), watchdog=watchdog
    )
    watchdog.start(driver.fail)
    stop_on_signals(driver)
    try:
        driver.run()
    except REFUSALS as error:
        # supervisord takes an end within five seconds for a failed start, and not its exit code.
        driver.linger(LINGER_S)
        return exit_code(error)
    except RiskstreamError as error:
        logging.getLogger("system.stream").exception("the stream has stopped")
        return exit_code(error)
    return 0


def stop_on_signals(driver: Driver) -> None:
    """Let SIGTERM and SIGINT end the driver after the batch under way."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: driver.stop())


if __name__ == "__main__":
    sys.exit(main())
