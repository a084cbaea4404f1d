"""``python -m system.stream``: run the driver until it is told to stop."""

from __future__ import annotations

import logging
import sys
from typing import Final

from system.errors import RiskstreamError, UnavailableError
from system.exits import EXIT_FAILED, EXIT_FENCED, EXIT_NEEDS_RECOVERY, EXIT_UNAVAILABLE
from system.settings import load_settings
from system.store.errors import FencedError, SchemaError
from system.stream.continuity import StateMismatchError
from system.stream.driver import Driver, stop_on_signals

LINGER_S: Final = 6.0


def main() -> int:
    """Run one life of the stream and return its exit code: 0 when it was asked to stop.

    Otherwise the log says why: ``EXIT_UNAVAILABLE`` where a server did not answer,
    ``EXIT_FENCED`` where a newer driver has taken over, ``EXIT_NEEDS_RECOVERY`` where a person
    has to decide, ``EXIT_FAILED`` for anything else.
    """
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
    except (StateMismatchError, SchemaError) as error:
        logging.getLogger("system.stream").error("the stream does not start: %s", error)
        # supervisord takes an end within five seconds for a failed start, and not its exit code.
        driver.linger(LINGER_S)
        return EXIT_NEEDS_RECOVERY
    except RiskstreamError as error:
        logging.getLogger("system.stream").exception("the stream has stopped")
        return exit_code(error)
    return 0


def exit_code(error: RiskstreamError) -> int:
    """Return the exit code by which a supervisor tells causes apart (``system.exits``)."""
    if isinstance(error, FencedError):
        return EXIT_FENCED
    return EXIT_UNAVAILABLE if isinstance(error, UnavailableError) else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
