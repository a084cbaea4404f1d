"""Says what the tick user's process says, for a plan whose ticks nobody sends.

Each start is a line in ``started`` of the reports' folder.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from loadtests.source.plan import LoadPlan
from loadtests.source.send_rate import SendRate
from loadtests.users.tick_process import TicksVerdict
from validation.measure.open_coverage import LiveLatency
from validation.verdict import Verdict

SLIP = {0: 95, 3: 4, 20: 1}
JUDGING_S = 3.0
"""Longer than locust's master waits for workers at the end."""
COVERED = {80: 90, 200: 10}


def say(line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


def main(plan_path: str, _: str, folder: str) -> None:
    plan = msgspec.json.decode(Path(plan_path).read_bytes(), type=LoadPlan)
    with (Path(folder) / "started").open("a") as stream:
        stream.write("started\n")
    for second in range(1, round(plan.seconds) + 1):
        pulse = SendRate(
            at_ns=second, sent=100, slip_ms_p99=3.0, slip_ms_max=20.0, slip_counts=SLIP
        )
        say(pulse)
        say(LiveLatency(at_ns=second, counts=COVERED, open_count=0))
        time.sleep(1.0)  # the pace of a pump, not a wait for something
    time.sleep(JUDGING_S)
    say(TicksVerdict(verdict=Verdict.PASSED, problems=()))


if __name__ == "__main__":
    main(*sys.argv[1:4])
