"""Steps side by side: each lane takes a step, runs it to its end, and takes the next one.

Steps with servers wait for timers most of the time, steps without compute; one of each shares two
cores well. So the longest step with servers is begun first, steps without follow in their order,
and a second stack is started when nothing else is left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Final, Generic, TypeVar

from validation.verify.steps import Step

WAIT_S: Final = 0.5
Outcome = TypeVar("Outcome")


class StoppedError(Exception):
    """Raised within a step because the whole run was interrupted."""


def next_step(
    pending: Sequence[Step], running: Collection[Step], *, stack_count: int
) -> Step | None:
    """Return the step that a free lane takes, None where it has to wait or nothing is left.

    Parameters
    ----------
    pending : sequence of Step
        In the order of the report.
    running : collection of Step
        In other lanes.
    stack_count : int
        Steps with servers at once, at most.
    """
    stacks = sum(step.servers for step in running)
    waiting = [step for step in pending if step.servers]
    computing = [step for step in pending if not step.servers]
    longest = max(waiting, key=lambda step: step.expected_s, default=None)
    if longest is not None and stacks == 0:
        return longest
    if computing:
        return computing[0]
    return longest if stacks < stack_count else None


def run_in_lanes(
    steps: Sequence[Step],
    run: Callable[[Step, Callable[[], None]], Outcome],
    *,
    lane_count: int,
    stack_count: int,
) -> dict[str, Outcome]:
    """Run steps side by side and return what each came to, by name; those that ended.

    Parameters
    ----------
    steps : sequence of Step
        In the order of the report.
    run : callable
        Runs one step, in a thread of its lane. Its second argument must be called often: it
        raises ``StoppedError`` once the run is interrupted.
    lane_count : int
        Steps at once, at most.
    stack_count : int
        Steps with servers among them, at most.

    Returns
    -------
    dict of str to outcome
        Fewer than the steps where the caller was interrupted: what ran then was ended.
    """
    lanes = _Lanes(steps, run, stack_count)
    threads = [
        threading.Thread(target=lanes.work, name=f"lane-{number}") for number in range(lane_count)
    ]
    try:
        # An interrupt may come while they start: it has to end those that run already.
        for thread in threads:
            lanes.begin(thread)
        while not lanes.have_ended(WAIT_S):
            pass
        lanes.raise_failure()
    except BaseException as error:
        lanes.stop()
        while not lanes.have_ended(WAIT_S):
            pass
        if not isinstance(error, KeyboardInterrupt):
            raise
    return lanes.outcomes


class _Lanes(Generic[Outcome]):
    """State that the lanes of one run share, under one lock."""

    def __init__(
        self,
        steps: Sequence[Step],
        run: Callable[[Step, Callable[[], None]], Outcome],
        stack_count: int,
    ) -> None:
        self._pending = list(steps)
        self._running: list[Step] = []
        self._run = run
        self._stack_count = stack_count
        self._changed = threading.Condition()
        self._lane_count = 0
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self.outcomes: dict[str, Outcome] = {}

    def begin(self, thread: threading.Thread) -> None:
        """Start the thread of a lane, which calls ``work``."""
        with self._changed:
            self._lane_count += 1
        try:
            thread.start()
        except BaseException:
            if thread.ident is None:  # it never ran
                self._end_lane()
            raise

    def have_ended(self, seconds: float) -> bool:
        """Return whether every lane that began has ended, after a bounded wait, seconds.

        ``Thread.join`` takes a thread for ended once an interrupt has come while it waited
        (CPython to 3.12), and the steps of that lane would outlive verify.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._lane_count == 0, seconds)

    def work(self) -> None:
        """Run one step after the other until none is left."""
        try:
            self._work()
        finally:
            self._end_lane()

    def _end_lane(self) -> None:
        with self._changed:
            self._lane_count -= 1
            self._changed.notify_all()

    def _work(self) -> None:
        while (step := self._take()) is not None:
            try:
                self.outcomes[step.name] = self._run(step, self._heed)
            except StoppedError:
                return
            except BaseException as error:
                self._failure = error
                self.stop()
                return
            finally:
                self._done(step)

    def stop(self) -> None:
        """Let every step that runs be ended, and no further one begin."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()

    def raise_failure(self) -> None:
        """Raise what a lane failed with, which is a mistake of ours and no verdict."""
        if self._failure is not None:
            raise self._failure

    def _take(self) -> Step | None:
        with self._changed:
            while self._pending and not self._stopped.is_set():
                step = next_step(self._pending, self._running, stack_count=self._stack_count)
                if step is not None:
                    self._pending.remove(step)
                    self._running.append(step)
                    return step
                self._changed.wait()
        return None

    def _done(self, step: Step) -> None:
        with self._changed:
            self._running.remove(step)
            self._changed.notify_all()

    def _heed(self) -> None:
        if self._stopped.is_set():
            raise StoppedError
