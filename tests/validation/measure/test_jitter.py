"""Hiccups: what the machine itself was late by, between two moments, and by place."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from validation.measure import jitter
from validation.measure.jitter import (
    DISK_LEAST_NS,
    LEAST_NS,
    SLEEP_NS,
    Hiccups,
    Late,
    Watched,
    read_hiccups,
    watch,
    watch_disk,
)
from validation.run.child_processes import HiccupProcess

MS = 1_000_000


def written(path: Path, *lines: Watched | Late, torn: bytes = b"") -> Path:
    path.write_bytes(b"\n".join([*map(msgspec.json.encode, lines), torn]))
    return path


def test_only_what_was_late_by_a_pause_is_noted():
    now, late_by, noted = 0, [0, LEAST_NS - 1, LEAST_NS, 40 * MS, 3_000], []

    def sleep() -> None:
        nonlocal now
        now += SLEEP_NS + late_by.pop(0)

    watch(
        "core 3",
        sleep,
        noted.append,
        lambda: not late_by,
        usual_ns=SLEEP_NS,
        least_ns=LEAST_NS,
        clock=lambda: now,
    )
    third = 3 * SLEEP_NS + LEAST_NS - 1
    fourth = third + LEAST_NS + SLEEP_NS
    assert noted == [Late("core 3", third, LEAST_NS), Late("core 3", fourth, 40 * MS)]


def test_pauses_are_summed_by_place_between_two_moments(tmp_path):
    path = written(
        tmp_path / "hiccups.jsonl",
        Watched(("core 0", "disk", "core 2")),
        Late("core 0", 100 * MS - 1, 90 * MS),
        Late("core 0", 100 * MS, 2 * MS),
        Late("disk", 150 * MS, 3 * MS),
        Late("core 0", 200 * MS, 5 * MS),
        Late("disk", 200 * MS + 1, 70 * MS),
    )
    hiccups = read_hiccups(path, begin_ns=50 * MS, first_ns=100 * MS, last_ns=200 * MS)
    assert hiccups == (
        Hiccups(
            place="core 0", count=2, total_ms=7.0, longest_ms=5.0, points=((0.05, 2.0), (0.15, 5.0))
        ),
        Hiccups(place="disk", count=1, total_ms=3.0, longest_ms=3.0, points=((0.1, 3.0),)),
        Hiccups(place="core 2", count=0, total_ms=0.0, longest_ms=0.0, points=()),
    )


def test_a_torn_last_line_is_left_out(tmp_path):
    path = written(tmp_path / "hiccups.jsonl", Watched(("core 0",)), torn=b'{"type":"late","co')
    assert [hiccup.count for hiccup in read_hiccups(path, begin_ns=0, first_ns=0, last_ns=9)] == [0]


def test_nothing_is_said_of_a_machine_that_was_not_watched(tmp_path):
    assert read_hiccups(tmp_path / "none", begin_ns=0, first_ns=0, last_ns=9) == ()
    path = written(tmp_path / "hiccups.jsonl", Watched(()))
    assert read_hiccups(path, begin_ns=0, first_ns=0, last_ns=9) == ()


def test_without_the_privilege_no_core_is_watched(monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    assert not jitter._goes_before_everybody()


def test_the_watch_says_which_cores_it_has(tmp_path):
    path = tmp_path / "hiccups.jsonl"
    with HiccupProcess(path, log=tmp_path / "log"):
        assert path.exists()
    (head, *late) = [
        msgspec.json.decode(line, type=Watched | Late) for line in path.read_bytes().splitlines()
    ]
    assert isinstance(head, Watched)
    cores = [f"core {core}" for core in sorted(os.sched_getaffinity(0))]
    assert head.places in {(), (*cores, "disk")}
    assert all(isinstance(hiccup, Late) and hiccup.place in head.places for hiccup in late)
    assert list(tmp_path.glob("*.disk")) == []


def test_only_a_page_that_took_long_is_noted(tmp_path, monkeypatch):
    now, took, noted = 0, [70 * MS, DISK_LEAST_NS - 1, DISK_LEAST_NS, 300], []

    def write(_: int) -> None:
        nonlocal now
        now += took.pop(0)

    path = tmp_path / "page.disk"
    monkeypatch.setattr(os, "fdatasync", write)
    watch_disk(path, noted.append, lambda _: not took, clock=lambda: now)
    assert noted == [Late("disk", 70 * MS + DISK_LEAST_NS - 1, DISK_LEAST_NS)]
    assert not path.exists()


def test_a_real_page_is_written(tmp_path):
    path, sizes = tmp_path / "page.disk", []

    def stopped(_: float) -> bool:
        sizes.append(path.stat().st_size)
        return len(sizes) == 2

    watch_disk(path, lambda _: None, stopped)
    assert sizes == [4096, 4096]


@pytest.mark.parametrize("option", ["--help", "--nonsense"])
def test_its_command_line_says_what_it_wants(option, capsys):
    with pytest.raises(SystemExit) as ended:
        jitter.main([option])
    assert ended.value.code == (0 if option == "--help" else 2)
    assert "file" in "".join(capsys.readouterr())
