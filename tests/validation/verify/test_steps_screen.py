"""The screen of steps: each step that runs with its time and the end of its log."""

from __future__ import annotations

import io

from system.clock import ManualClock
from system.console import PlainConsole
from validation.verify.steps import Step
from validation.verify.steps_screen import LINE_EVERY_S, StepsScreen

UNIT = Step("unit", "unit tests", (), 60)
GOLDEN = Step("golden", "golden replay", (), 60)


def test_elsewhere_begun_steps_are_named_and_running_ones_now_and_then(tmp_path) -> None:
    out, clock = io.StringIO(), ManualClock()
    log = tmp_path / "unit.log"
    log.write_text("first\n[50%] second\n")
    with StepsScreen(PlainConsole(file=out, width=150), clock=clock) as screen:
        screen.begin(UNIT, log)
        screen.begin(GOLDEN, tmp_path / "none.log")
        screen.refresh()
        clock.sleep(LINE_EVERY_S)
        screen.refresh()
        screen.refresh()
        screen.end(GOLDEN)
        clock.sleep(LINE_EVERY_S)
        screen.refresh()
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines == [
        "begun    unit         unit tests",
        "begun    golden       golden replay",
        "running  unit           60 s  [50%] second",
        "running  golden         60 s",
        "running  unit          120 s  [50%] second",
    ]


def test_on_a_terminal_each_running_step_has_a_line(tmp_path) -> None:
    out, clock = io.StringIO(), ManualClock()
    log = tmp_path / "unit.log"
    log.write_text("half of it\n")
    console = PlainConsole(file=out, width=150, force_terminal=True)
    with StepsScreen(console, clock=clock) as screen:
        screen.begin(UNIT, log)
        screen.begin(GOLDEN, log)
        clock.sleep(7)
    shown = out.getvalue()
    assert "2 running" in shown
    assert "unit            7 s  half of it" in shown
    assert "golden          7 s  half of it" in shown
