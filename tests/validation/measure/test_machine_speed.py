"""Speed of the machine: what is measured, how it is stated, how far bounds stretch."""

from __future__ import annotations

import msgspec
import pytest

from validation.measure.machine_speed import (
    MAX_STRETCH,
    REFERENCE,
    MachineSpeed,
    current_stretch,
    machine_speed,
    stretch_of,
)


def slower(factor: float) -> MachineSpeed:
    """Return a machine that takes so many times the reference's time for CPU work."""
    return msgspec.structs.replace(REFERENCE, elapsed_ms=REFERENCE.elapsed_ms * factor)


def test_the_machine_is_measured_by_cpu_by_the_clock_and_by_its_disk(tmp_path):
    speed = machine_speed(tmp_path)
    assert 0 < speed.work_ms <= speed.elapsed_ms * 1.5
    assert speed.disk_ms > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("factor", "stretch"), [(0.5, 1.0), (1.0, 1.0), (3.1, 3.1), (1e6, MAX_STRETCH)]
)
def test_bounds_stretch_with_a_slow_machine_but_not_for_ever(factor, stretch):
    assert slower(factor).stretch == pytest.approx(stretch)
    assert stretch_of(slower(factor).elapsed_ms) == pytest.approx(stretch)


def test_the_stretch_of_now_is_within_its_bounds():
    assert 1.0 <= current_stretch() <= MAX_STRETCH


def test_a_slow_machine_is_called_slow_and_a_fast_one_is_not():
    assert slower(3.1).sentence() == (
        "a machine 3.1 times slower than the reference (fixed CPU work 78 ms against 25, "
        "a disk write 1.0 ms against 1.0)"
    )
    assert slower(0.9).sentence().startswith("a machine as fast as the reference (fixed CPU work")
