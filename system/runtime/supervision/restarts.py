"""Restart policy of the stack: how long a crashed component waits, and when everything stops.

Crashes are counted per component over the last ``CRASH_WINDOW_S``; older ones are forgotten.
The first five restarts are immediate, later ones wait longer and longer. An essential component
that crashes more than ``MAX_CRASHES`` times within the window stops the stack, because what is
left would look well without it. Four kinds of crash never stop the stack: those of an optional
component, those of a component that misses a server (it waits for that server itself), and the
end of a driver that a newer one has superseded, or that needs a person's decision.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection
from typing import Final, NamedTuple

from system.exits import ExitCode

MAX_CRASHES: Final = 10
CRASH_WINDOW_S: Final = 600.0
PAUSES_S: Final = (0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Before the first, second ... restart within the window; the last one for all that follow."""
UNAVAILABLE_PAUSE_MAX_S: Final = 5.0
"""Such a component has waited for its server already: it is wanted soon after it is back."""
FENCED_PAUSE_S: Final = 30.0
"""A superseded driver has nothing to do but to stand by: no hurry, and no fence taken back."""
RECOVERY_PAUSE_S: Final = 60.0
"""Only a person can mend it, with the servers running; the next start notices that it is mended."""


class Verdict(NamedTuple):
    """Consequence of one crash.

    ``pause_s`` is the wait before the restart in seconds, ``crash_count`` the crashes within the
    window with this one, ``stops_all`` whether the stack must stop instead.
    """

    pause_s: float
    crash_count: int
    stops_all: bool


class RestartPolicy:
    """Crash counts of all components, and what follows from the next crash.

    Parameters
    ----------
    optional : collection of str
        Components that the product runs without.
    max_crashes : int
        Crashes of an essential component within the window that are still restarted.
    window_s : float
        Length of the window, seconds.
    """

    def __init__(
        self,
        optional: Collection[str] = (),
        *,
        max_crashes: int = MAX_CRASHES,
        window_s: float = CRASH_WINDOW_S,
    ) -> None:
        self._optional = frozenset(optional)
        self._max_crashes = max_crashes
        self._window_s = window_s
        self._crashes_s: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lasting_s: defaultdict[str, deque[float]] = defaultdict(deque)

    def crashed(self, component: str, at_s: float, exit_code: int | None = None) -> Verdict:
        """Count a crash and return what follows from it.

        Parameters
        ----------
        component : str
            Name.
        at_s : float
            Time of the crash on a clock that never goes back, seconds.
        exit_code : int or None
            None or negative where a signal ended it, or it is not known.
        """
        count = self._counted(self._crashes_s[component], at_s)
        if exit_code == ExitCode.FENCED:
            return Verdict(FENCED_PAUSE_S, count, stops_all=False)
        if exit_code == ExitCode.NEEDS_RECOVERY:
            return Verdict(RECOVERY_PAUSE_S, count, stops_all=False)
        pause_s = PAUSES_S[min(count, len(PAUSES_S)) - 1]
        if exit_code == ExitCode.UNAVAILABLE:
            return Verdict(min(pause_s, UNAVAILABLE_PAUSE_MAX_S), count, stops_all=False)
        lasting = self._counted(self._lasting_s[component], at_s)
        stops_all = lasting > self._max_crashes and component not in self._optional
        return Verdict(pause_s, count, stops_all)

    def _counted(self, crashes_s: deque[float], at_s: float) -> int:
        while crashes_s and at_s - crashes_s[0] > self._window_s:
            crashes_s.popleft()
        crashes_s.append(at_s)
        return len(crashes_s)
