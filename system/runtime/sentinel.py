"""Runs inside supervisord: when a component is lost for good, everything stops.

supervisord restarts what crashes, a bounded number of times. What it then gives up would
leave the rest running and looking well, so this extension writes down which component was
lost, and asks supervisord to stop them all. It works with and without a terminal attached.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from supervisor import events
from supervisor.states import SupervisorStates

from system.clock import wall_ns

MAX_RESTARTS_PER_COMPONENT: Final = 10


class Sentinel:
    """What supervisord holds on to; it answers no remote calls.

    Parameters
    ----------
    supervisord : supervisor.supervisord.Supervisor
        The running supervisor.
    failure_path : Path
        Written when a component is lost.
    """

    def __init__(self, supervisord: Any, failure_path: Path) -> None:  # noqa: ANN401 - untyped
        self._supervisord = supervisord
        self._failure_path = failure_path
        self._crash_counts: Counter[str] = Counter()

    def gave_up(self, event: Any) -> None:  # noqa: ANN401 - untyped library
        """Stop everything: a component crashed at each of its starts."""
        self._stop(event.process.config.name, "crashed at every start")

    def crashed(self, event: Any) -> None:  # noqa: ANN401 - untyped library
        """Count a crash; one too many stops everything."""
        component = event.process.config.name
        self._crash_counts[component] += 1
        if self._crash_counts[component] > MAX_RESTARTS_PER_COMPONENT:
            self._stop(component, f"crashed {self._crash_counts[component]} times")

    def _stop(self, component: str, reason: str) -> None:
        if self._supervisord.options.mood < SupervisorStates.RUNNING:
            return
        failure = {"component": component, "reason": reason, "at_ns": wall_ns()}
        self._failure_path.write_text(json.dumps(failure) + "\n", "utf-8")
        self._supervisord.options.mood = SupervisorStates.SHUTDOWN


def make_sentinel(supervisord: Any, failure_path: str) -> Sentinel:  # noqa: ANN401 - untyped
    """Return the extension; supervisord calls this by the name in its configuration.

    Parameters
    ----------
    supervisord : supervisor.supervisord.Supervisor
        The running supervisor.
    failure_path : str
        From the configuration, relative to supervisord's folder.
    """
    sentinel = Sentinel(supervisord, Path(failure_path))
    events.subscribe(events.ProcessStateFatalEvent, sentinel.gave_up)
    events.subscribe(events.ProcessStateExitedEvent, sentinel.crashed)
    return sentinel
