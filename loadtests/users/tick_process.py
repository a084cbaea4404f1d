"""Work of the tick user, in a process of its own.

``python -m loadtests.users.tick_process PLAN --report DIR``.

Pumps a plan through the stack that runs on ``RISKSTREAM_STATE_DIR``, whose market is open,
and judges it as `riskstream load` does. Lines of JSON on standard output say how it goes, once
a second: ``pulse`` (sent, how late) and ``covered`` (latency of what was covered); the last
line is the ``verdict``.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec

from loadtests.run.command import judged_run
from loadtests.run.judge import budgets_of
from loadtests.run.load_run import LoadSite
from loadtests.source.plan import LoadPlan, load_books
from loadtests.source.send_rate import SendRate
from system.bus.consumer import Follower, end_offsets
from system.clock import monotonic_ns
from system.contracts.topics import MARKET_DATA
from system.errors import RiskstreamError
from system.settings import load_settings
from validation.measure.open_coverage import LiveCoverage, LiveLatency, RecordTail, live_latency
from validation.measure.sampler_thread import Background
from validation.verdict import Verdict

PERIOD_S: Final = 1.0
STOP_BOUND_S: Final = 10.0


class TicksVerdict(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="verdict"):
    """Verdict on the ticks; ``problems`` names the checks that did not pass."""

    verdict: Verdict
    problems: tuple[str, ...]


TicksLine = SendRate | LiveLatency | TicksVerdict
_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(TicksLine)


def read_ticks_line(line: bytes) -> TicksLine:
    """Return what one line says.

    Raises
    ------
    msgspec.DecodeError
        If it is no such line.
    """
    answer: TicksLine = _DECODER.decode(line)
    return answer


class LiveTeller(Background):
    """Tells the covered latency once a second, from a thread; a context manager.

    Parameters
    ----------
    bootstrap_servers : str
        Whose ticks are followed from now on.
    record : Path
        The observer's record.
    """

    def __init__(self, bootstrap_servers: str, record: Path) -> None:
        super().__init__("live-coverage", join_bound_s=STOP_BOUND_S)
        start = end_offsets(bootstrap_servers, [MARKET_DATA])
        self._follower = Follower(bootstrap_servers, [MARKET_DATA], start)
        self._tail = RecordTail(record)
        self._live = LiveCoverage()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._follower.close()

    def _run(self) -> None:
        while not self._stopped.wait(PERIOD_S):
            self._tell()
        self._tell()

    def _tell(self) -> None:
        lines = self._tail.lines()
        while records := self._follower.poll(0.0):
            self._live.add_ticks(records)
        self._live.add_lines(lines)
        settled = self._live.settled()
        if len(settled):
            _say(live_latency(settled, at_ns=monotonic_ns(), open_count=self._live.open_count))


def main(arguments: Sequence[str] | None = None) -> int:
    """Pump, tell and judge; see the module's first lines.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default this process's.

    Returns
    -------
    int
        0 when everything passed, 1 otherwise.
    """
    options = _parser().parse_args(arguments)
    plan = msgspec.json.decode(options.plan.read_bytes(), type=LoadPlan)
    options.report.mkdir(parents=True, exist_ok=True)
    try:
        verdict = _pumped(plan, options.report.absolute(), options.repeat_with or _own_command())
    except RiskstreamError as error:
        verdict = TicksVerdict(verdict=Verdict.FAILED, problems=(str(error),))
    _say(verdict)
    return 0 if verdict.verdict is Verdict.PASSED else 1


def _pumped(plan: LoadPlan, folder: Path, repeat_with: str) -> TicksVerdict:
    settings = load_settings()
    connections = settings.connections()
    site = LoadSite(settings, folder, lambda text: None)
    site.record_path.unlink(missing_ok=True)
    with LiveTeller(connections.kafka_bootstrap_servers, site.record_path):
        report = judged_run(
            plan,
            site,
            connections,
            load_books(plan),
            budgets_of(plan),
            repeat_with=repeat_with,
            on_pulse=_say,
        )
    problems = [
        f"{finding.check}: {finding.detail}"
        for finding in report.findings
        if finding.verdict is not Verdict.PASSED
    ]
    return TicksVerdict(verdict=report.verdict, problems=tuple(problems))


_SAYING: Final = threading.Lock()


def _say(line: TicksLine) -> None:
    with _SAYING, suppress(BrokenPipeError):
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()


def _own_command() -> str:
    return shlex.join(["python", "-m", "loadtests.users.tick_process", *sys.argv[1:]])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.users.tick_process")
    parser.add_argument("plan", type=Path, help="file with the JSON of a plan")
    parser.add_argument("--report", type=Path, required=True, help="folder of the reports")
    parser.add_argument("--repeat-with", default="", help="what its report says repeats it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
