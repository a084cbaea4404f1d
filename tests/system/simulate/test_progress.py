import datetime as dt

import pytest

from system.simulate.errors import SimulationError
from system.simulate.progress import (
    DaySent,
    PublishSummary,
    ReferenceSent,
    Slip,
    progress_line,
    read_progress,
)

SLIP = Slip(ms_p50=0.5, ms_p99=1.5, ms_max=3.0)
LINES = [
    ReferenceSent(instruments=28, histories=28),
    DaySent(date=dt.date(2020, 2, 3), index=0, day_count=62, tick_count=2_600, slip=SLIP),
    PublishSummary(
        day_count=62,
        tick_count=161_200,
        sent=161_510,
        acked=161_510,
        failed=0,
        seconds=160.0,
        ticks_per_second=1_007.5,
        achieved_ratio=0.9999,
        on_schedule=True,
        slip=SLIP,
        offsets={"market_data:0": 7},
    ),
]


@pytest.mark.parametrize("said", LINES, ids=lambda said: type(said).__name__)
def test_what_is_said_on_a_line_can_be_read_back(said):
    line = progress_line(said)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert read_progress(line) == said


@pytest.mark.parametrize("line", [b"", b"Traceback", b"\xff", b'{"event":"other"}'])
def test_a_line_of_something_else_is_refused(line):
    with pytest.raises(SimulationError, match="no line of a publisher"):
        read_progress(line)
