"""Text about a replay: its name, its clock, its speed, its faults."""

from __future__ import annotations

import datetime as dt

import msgspec

from system.contracts.replay import NO_REPLAY, ReplayFault, ReplayStatus
from system.show.state.replay import replay_view
from tests.system.show.state.test_dashboard import status

REPLAY = ReplayStatus(
    running=True,
    scenario="fault-broker",
    title="The broker is killed",
    speed="20x",
    day=dt.date(2024, 1, 3),
    day_number=2,
    day_count=8,
)


def test_without_a_replay_nothing_is_said() -> None:
    for heard in (None, status(), status(replay=NO_REPLAY)):
        assert replay_view(heard) is None


def test_a_replay_is_told_with_its_day_and_speed() -> None:
    shown = replay_view(status(replay=REPLAY))
    assert shown is not None
    assert shown.text == "Replay: The broker is killed · 2024-01-03 sent, day 2 of 8 · speed 20x"
    assert not shown.is_broken
    begun = msgspec.structs.replace(REPLAY, day=None, day_number=0)
    shown = replay_view(status(replay=begun))
    assert shown is not None
    assert "day 1 of 8" in shown.text


def test_a_fault_is_told_while_it_is_under_way_and_when_it_is_over() -> None:
    faults = (
        ReplayFault(do="kill", what="kafka", is_over=True),
        ReplayFault(do="disk_full", what="stream", is_over=False),
    )
    shown = replay_view(status(replay=msgspec.structs.replace(REPLAY, faults=faults)))
    assert shown is not None
    assert shown.is_broken
    assert shown.text.endswith("fault now: disk full stream · over: kill kafka")
