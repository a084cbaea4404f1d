"""Pipeline of a run: a stack on a folder of its own, and a market that is opened on it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from system.bus.producer import MessageProducer
from system.contracts.messages import Message
from system.errors import InputError, UnavailableError
from system.runtime.components.registry import COMPONENTS
from system.runtime.interrupts import stop_signals_as_interrupt
from system.runtime.running import RunningStack
from system.runtime.stack import EmbeddedStack, Progress
from system.settings import Connections, Settings
from validation.run.read_back import await_committed

READY_BOUND_S: Final = 180.0
"""Longest time without a commit until reference data is taken."""


def stop_command(settings: Settings) -> str:
    """Return the command that stops the stack of some settings."""
    return f"RISKSTREAM_STATE_DIR={settings.state_dir} riskstream down"


def empty_folder(settings: Settings) -> None:
    """Delete the state folder of a run.

    Raises
    ------
    InputError
        If a stack of an earlier run is up on it; names the command that stops it.
    """
    if RunningStack(settings).is_up():
        raise InputError(f"a stack runs on {settings.state_dir}; stop it: {stop_command(settings)}")
    if settings.state_dir.exists():
        shutil.rmtree(settings.state_dir)


@contextmanager
def temporary_stack(
    settings: Settings,
    *,
    say: Callable[[str], None] = lambda text: None,
    components: Sequence[str] = tuple(COMPONENTS),
    keep: bool = False,
    on_ready: Callable[[str, Connections], None] = lambda component, connections: None,
) -> Iterator[Connections]:
    """Run a stack on an emptied folder; stopped at the end unless it is to be kept.

    Parameters
    ----------
    settings : Settings
        Its state folder is emptied first.
    say : callable
        Receives each step of each component as a line.
    components : sequence of str
        Components that are started.
    keep : bool
        Whether it outlives this program; an error or interrupt stops it all the same.
    on_ready : callable
        Receives each component that answers, and where it is, from another thread; must be quick.

    Raises
    ------
    InputError
        If the stack of an earlier run is up on the folder.
    StackError
        If a component does not come up.
    """
    empty_folder(settings)

    def on_progress(progress: Progress) -> None:
        if progress.detail:
            say(f"{progress.component} {progress.detail}")
        if progress.stage in {"ready", "external"}:
            say(f"{progress.component} {progress.stage}")
            on_ready(progress.component, stack.connections)

    stack = EmbeddedStack(settings, components=components, detached=keep, on_progress=on_progress)
    try:
        with stop_signals_as_interrupt():
            stack.start()
            yield stack.connections
    except BaseException:
        _stop_undisturbed(stack)
        raise
    if not keep:
        say("stopping everything")
        _stop_undisturbed(stack)


def open_market(messages: Iterable[Message], connections: Connections) -> int:
    """Send reference data and books, and return how many once the stream has taken them.

    Raises
    ------
    UnavailableError
        If a server does not answer, or the stream does not take them within its bound.
    """
    count = 0
    with MessageProducer(connections.kafka_bootstrap_servers) as producer:
        for message in messages:
            producer.send(message)
            count += 1
        producer.flush()
    await_reference_data(connections)
    return count


def await_reference_data(connections: Connections) -> None:
    """Return once the stream has committed the reference data that was sent.

    Raises
    ------
    UnavailableError
        If it commits nothing for ``READY_BOUND_S``.
    """
    if not await_committed(connections, timeout_s=READY_BOUND_S):
        raise UnavailableError(f"the stream took no reference data within {READY_BOUND_S:.0f} s")


def _stop_undisturbed(stack: EmbeddedStack) -> None:
    """Stop; a second Ctrl-C does not interrupt a stop, which is bounded."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stack.stop()
    finally:
        signal.signal(signal.SIGINT, before)
