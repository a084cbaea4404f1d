"""locust's console on loopback with a load's chart and tab, ``... PORT``; ended by a signal.

A thousand ticks are counted every tenth of a second. Says ``ready`` once it listens.
"""

from __future__ import annotations

import sys

import gevent
from locust.env import Environment

from loadtests.users import budgets, console, locustfile


def main(port: int) -> None:
    sys.argv[1:] = ["--plan", "unread", "--report-dir", "unread"]  # the console's form reads them
    environment = Environment(user_classes=[locustfile.ApiReader], events=locustfile.events)
    environment.create_local_runner()
    web_ui = environment.create_web_ui("127.0.0.1", port, delayed_start=True)
    console.install(environment)
    web_ui.start()
    while web_ui.server is None or not web_ui.server.started:
        gevent.sleep(0.01)
    print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
    while True:
        locustfile.log_many(environment, budgets.COVERED, {80: 900, 170: 100})
        gevent.sleep(0.1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
