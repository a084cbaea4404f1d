"""``python -m system.stream``: run the driver until it is told to stop."""

from __future__ import annotations

import logging
import sys

from system.errors import RiskstreamError
from system.settings import load_settings
from system.stream.driver import Driver, stop_on_signals


def main() -> int:
    """Run one life of the stream; 0 when it was asked to stop, 1 with a message otherwise."""
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # What its clients cannot do they raise; what they retry, they say ten times a second.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    driver = Driver(settings, settings.connections(), cores=settings.executor_cores)
    stop_on_signals(driver)
    try:
        driver.run()
    except RiskstreamError:
        logging.getLogger("system.stream").exception("the stream has stopped")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
