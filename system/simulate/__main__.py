"""A source of market data as a process of its own: ``python -m system.simulate``.

``reference`` sends instruments and closes; ``replay`` sends them and then the days, on
schedule. Lines of JSON on standard output say how it goes (``system.simulate.progress``).
Exit code 0: all sent; 2: wrong input; 3: a server did not answer; 130: stopped.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

from system.bus.producer import MessageProducer
from system.clock import SystemClock
from system.contracts.messages import Instrument, StressedHistory
from system.errors import RiskstreamError, UnavailableError
from system.exits import ExitCode
from system.priority import go_first
from system.settings import Settings, load_settings
from system.simulate.datasets import load_market
from system.simulate.errors import WindowError
from system.simulate.market import Market
from system.simulate.progress import Progress, ReferenceSent, progress_line
from system.simulate.publisher import OpenLoopPublisher
from system.simulate.replay import DEFAULT_HISTORY_COUNT, Replay, ReplaySpec, replayed_market
from system.simulate.stressed import stressed_histories
from system.simulate.synthetic import SyntheticSpec, Walk, synthetic_market, uniform_walks

SWITCH_INTERVAL_SECONDS: Final = 0.0005
WEEKDAYS_SHARE: Final = 5 / 7
SIMULATED_RATE: Final = 1.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Send what the command line asks for.

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
    signal.signal(signal.SIGTERM, _stop)
    try:
        _run(options, load_settings())
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except RiskstreamError as error:
        sys.stderr.write(f"{error}\n")
        unavailable = isinstance(error, UnavailableError)
        return ExitCode.UNAVAILABLE if unavailable else ExitCode.WRONG_INPUT
    return 0


def _run(options: argparse.Namespace, settings: Settings) -> None:
    whole, market = _markets(options, settings)
    replay = Replay(market, _spec(options))
    stressed = () if whole is None else tuple(stressed_histories(whole, market))
    bootstrap_servers = options.bootstrap or settings.connections().kafka_bootstrap_servers
    if options.command == "replay" and options.seconds_per_day is not None:
        keep_pauses_short()
    with MessageProducer(bootstrap_servers) as producer:
        if options.command == "reference" or not options.skip_reference:
            _say(send_reference(replay, producer, stressed))
        if options.command == "replay":
            publisher = OpenLoopPublisher(producer, SystemClock())
            _say(publisher.publish(replay.day_plans(), day_count=len(replay.days), on_day=_say))


def send_reference(
    replay: Replay, producer: MessageProducer, stressed: Sequence[StressedHistory] = ()
) -> ReferenceSent:
    """Send a replay's instruments and closes and wait until the broker has them.

    Parameters
    ----------
    replay : Replay
        What will be replayed.
    producer : MessageProducer
        Where to.
    stressed : sequence of StressedHistory
        Closes of stressed windows, sent behind the rest.

    Returns
    -------
    ReferenceSent
        How many of each.

    Raises
    ------
    DeliveryError, TopicMissingError, BusUnavailableError
        As ``MessageProducer.send`` and ``flush``.
    """
    instruments = histories = 0
    for message in replay.reference_messages():
        producer.send(message)
        is_instrument = isinstance(message, Instrument)
        instruments, histories = instruments + is_instrument, histories + (not is_instrument)
    for history in stressed:
        producer.send(history)
    producer.flush()
    return ReferenceSent(instruments=instruments, histories=histories, stressed=len(stressed))


def _markets(options: argparse.Namespace, settings: Settings) -> tuple[Market | None, Market]:
    """Return the whole real market, if it is that, and the part that is replayed."""
    if options.market == "simulated":
        return None, _simulated(options)
    whole = load_market(settings.wheels_dir)
    return whole, replayed_market(
        whole, instruments=options.instruments, currencies=options.currencies
    )


def _simulated(options: argparse.Namespace) -> Market:
    shares = uniform_walks(
        options.instrument_count, drift=options.drift, volatility=options.volatility
    )
    rates = tuple(Walk(f"fx:{code}", start=SIMULATED_RATE) for code in options.currencies)
    history_days = dt.timedelta(days=round(options.history / WEEKDAYS_SHARE) + 4)
    first_day = options.first_day - history_days
    calendar_days = (options.last_day - first_day).days + 1
    return synthetic_market(
        SyntheticSpec(
            walks=(*shares, *rates),
            first_day=first_day,
            day_count=round(calendar_days * WEEKDAYS_SHARE) + 1,
            correlation=options.correlation,
            seed=options.seed,
        )
    )


def _spec(options: argparse.Namespace) -> ReplaySpec:
    return ReplaySpec(
        first_day=options.first_day,
        last_day=options.last_day,
        ticks_per_day=_ticks_per_day(options),
        seconds_per_day=options.seconds_per_day,
        seed=options.seed,
        history_count=options.history,
        scenario=options.scenario,
    )


def _ticks_per_day(options: argparse.Namespace) -> int:
    if options.ticks_per_day is not None:
        return int(options.ticks_per_day)
    if options.ticks_per_second is None:
        return 1
    if options.seconds_per_day is None:
        raise WindowError("--ticks-per-second needs --seconds-per-day: how long is a day?")
    return round(float(options.ticks_per_second) * float(options.seconds_per_day))


def _say(progress: Progress) -> None:
    sys.stdout.buffer.write(progress_line(progress))
    sys.stdout.buffer.flush()


def keep_pauses_short() -> None:
    """Wake up in time on a busy machine: the schedule is what everything is measured by.

    Threads yield to each other soon, full collections find nothing to search, and, where
    this process may (as root), it and the threads it starts go before all others.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    gc.collect()
    gc.freeze()
    go_first()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m system.simulate", description=__doc__)
    parser.add_argument("command", choices=["reference", "replay"])
    parser.add_argument("--market", choices=["real", "simulated"], default="real")
    day = dt.date.fromisoformat
    parser.add_argument("--from", dest="first_day", type=day, required=True, metavar="DATE")
    parser.add_argument("--to", dest="last_day", type=day, required=True, metavar="DATE")
    parser.add_argument("--currencies", type=_names, default=(), metavar="USD,JPY")
    parser.add_argument("--history", type=int, default=DEFAULT_HISTORY_COUNT, metavar="CLOSES")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", default="", help="stands in each mark")
    parser.add_argument("--bootstrap", metavar="HOST:PORT", help="default: the running stack's")
    parser.add_argument("--skip-reference", action="store_true", help="it was sent before")
    _add_speed(parser)
    _add_market(parser)
    return parser


def _add_speed(parser: argparse.ArgumentParser) -> None:
    speed = parser.add_argument_group("speed", "without --seconds-per-day: as fast as it goes")
    count = speed.add_mutually_exclusive_group()
    count.add_argument("--ticks-per-second", type=float, help="FX rates included")
    count.add_argument("--ticks-per-day", type=int, help="FX rates included")
    speed.add_argument("--seconds-per-day", type=float)


def _add_market(parser: argparse.ArgumentParser) -> None:
    real = parser.add_argument_group("real market")
    real.add_argument("--instruments", type=_names, default=(), metavar="AAPL,MSFT", help="or all")
    simulated = parser.add_argument_group("simulated market")
    simulated.add_argument("--instrument-count", type=int, default=20)
    simulated.add_argument("--drift", type=float, default=0.0, help="per day")
    simulated.add_argument("--volatility", type=float, default=0.01, help="per day")
    simulated.add_argument("--correlation", type=float, default=0.3, help="of each pair")


if __name__ == "__main__":
    sys.exit(main())
