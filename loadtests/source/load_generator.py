"""Load generator: a load sent open loop by a process of its own.

``python -m loadtests.source.load_generator PLAN``; ``PLAN`` is the JSON of a ``LoadPlan``.
Reference data and books are not its business: it sends ticks and marks. Lines of JSON on standard
output say how it goes: ``prepared``, one ``pulse`` per second (what was sent, how late), then the
``summary``. Exit code 0: all sent; 2: wrong input; 3: a server did not answer; 130: stopped.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from loadtests.source.confluent_sink import ConfluentSink
from loadtests.source.plan import (
    LINGER_MS,
    LoadPlan,
    day_count,
    load_replay,
    scheduled_days,
    whole_shape,
)
from loadtests.source.rendered import RENDERED_TICKS_MAX, RenderedPublisher, render
from loadtests.source.send_rate import SendRate, SendRates
from loadtests.source.shapes import message_count
from system.bus.producer import MessageProducer, SendCounts
from system.clock import Clock, SystemClock
from system.contracts.messages import Mark, Message
from system.errors import RiskstreamError, UnavailableError
from system.exits import ExitCode
from system.simulate.__main__ import keep_pauses_short
from system.simulate.errors import SimulationError
from system.simulate.progress import PublishSummary
from system.simulate.publisher import OpenLoopPublisher, Sink
from system.simulate.timeline import DayPlan

DRAWN_TICKS_MAX: Final = 12_000_000
"""About 1 GB of planned ticks."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="prepared"):
    """Everything is made that will be sent: from now on the generator's CPU counts."""


PumpLine = Prepared | SendRate | PublishSummary


class PulsingSink:
    """A sink that tells once a second how many messages it took, and how late.

    Parameters
    ----------
    sink : Sink
        Where messages go.
    clock : Clock
        Of the schedule.
    tell : callable
        Told of each pulse; must be quick, the schedule goes on.
    """

    def __init__(self, sink: Sink, clock: Clock, tell: Callable[[SendRate], None]) -> None:
        self._sink = sink
        self._clock = clock
        self._rates = SendRates(tell)

    @property
    def counts(self) -> SendCounts:
        """Counts of messages sent, acknowledged and given up so far."""
        return self._sink.counts

    @property
    def offsets(self) -> dict[str, int]:
        """The first offset after the last acknowledged record, by ``topic:partition``."""
        return self._sink.offsets

    def prepare(self) -> None:
        """Get ready to send without delay."""
        self._sink.prepare()

    def send(self, message: Message) -> None:
        """Take one message, and count how late it is."""
        now_ns = self._clock.monotonic_ns()
        late_ns = now_ns - getattr(message, "intended_monotonic_ns", now_ns)
        self._sink.send(message)
        self._rates.add((late_ns,), now_ns)

    def send_mark_everywhere(self, mark: Mark) -> int:
        """Take a mark, behind everything before; return how many were sent."""
        return self._sink.send_mark_everywhere(mark)

    def flush(self) -> None:
        """Wait until everything is acknowledged, and tell what has not been told."""
        self._sink.flush()
        self._rates.end(self._clock.monotonic_ns())


def main(arguments: Sequence[str] | None = None) -> int:
    """Send what a plan says.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default this process's.

    Returns
    -------
    int
        The exit code; see the module's first lines.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        plan = msgspec.json.decode(options.plan.read_bytes(), type=LoadPlan)
        days = drawn_days(plan)
        keep_pauses_short()
        with sink_of(plan, options.bootstrap) as sink:
            _say(sent(plan, days, sink, SystemClock(), _say))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except (RiskstreamError, msgspec.DecodeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        unavailable = isinstance(error, UnavailableError)
        return ExitCode.UNAVAILABLE if unavailable else ExitCode.WRONG_INPUT
    return 0


def sent(
    plan: LoadPlan,
    days: Iterable[DayPlan],
    sink: MessageProducer | ConfluentSink,
    clock: Clock,
    tell: Callable[[Prepared | SendRate], None],
) -> PublishSummary:
    """Send a plan, rendered ahead where the client takes batches and memory allows it.

    Raises
    ------
    RiskstreamError
        As ``OpenLoopPublisher.publish``.
    """
    if not isinstance(sink, ConfluentSink) or message_count(whole_shape(plan)) > RENDERED_TICKS_MAX:
        tell(Prepared())
        return pump(plan, days, sink, clock, tell)
    sink.prepare()
    rendered = render(list(days), sink, clock)
    keep_pauses_short()  # again: the collector need not search what was rendered either
    tell(Prepared())
    return RenderedPublisher(sink, clock, tell).publish(rendered)


def pump(
    plan: LoadPlan,
    days: Iterable[DayPlan],
    sink: Sink,
    clock: Clock,
    tell: Callable[[SendRate], None],
) -> PublishSummary:
    """Send a plan's ticks and marks, and return what that came to.

    Raises
    ------
    RiskstreamError
        As ``OpenLoopPublisher.publish``.
    """
    publisher = OpenLoopPublisher(PulsingSink(sink, clock, tell), clock)
    return publisher.publish(days, day_count=day_count(plan))


def drawn_days(plan: LoadPlan) -> Iterable[DayPlan]:
    """Return a plan's days, all drawn up now unless they are too many.

    Drawing up a day while another is sent costs the schedule: at 20,000 ticks/s, 20 ms of
    slip at the 99th percentile.
    """
    days = scheduled_days(plan, load_replay(plan))
    return list(days) if message_count(whole_shape(plan)) <= DRAWN_TICKS_MAX else days


def sink_of(plan: LoadPlan, bootstrap_servers: str) -> MessageProducer | ConfluentSink:
    """Return the client that a plan asks for, connected.

    Raises
    ------
    InputError, UnavailableError
        If it is not installed, or no broker answers.
    """
    if plan.client == "confluent":
        return ConfluentSink(bootstrap_servers)
    return MessageProducer(bootstrap_servers, linger_ms=LINGER_MS)


def read_pump_line(line: bytes) -> PumpLine:
    """Return what one line of a pump says.

    Raises
    ------
    SimulationError
        If it is no such line.
    """
    try:
        parsed: PumpLine = _DECODER.decode(line)
    except msgspec.DecodeError as error:
        raise SimulationError(f"no line of a pump: {line!r}: {error}") from None
    return parsed


_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(PumpLine)


def _say(line: PumpLine) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.source.load_generator", description=__doc__
    )
    parser.add_argument("plan", type=Path, help="file with the JSON of a plan")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT")
    return parser


if __name__ == "__main__":
    sys.exit(main())
