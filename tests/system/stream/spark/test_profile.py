"""Spark's account of its batches: each batch that read something once, and never an end."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import msgspec

from system.clock import ManualClock
from system.stream.spark.profile import FILE, BatchDurations, BatchProfile


def query(batch, rows=5, **durations):
    progress = SimpleNamespace(batchId=batch, numInputRows=rows, durationMs=durations)
    return SimpleNamespace(lastProgress=progress)


def lines(folder):
    text = (folder / FILE).read_bytes()
    return [msgspec.json.decode(line, type=BatchDurations) for line in text.splitlines()]


def test_each_batch_is_kept_once_with_its_durations(tmp_path):
    clock = ManualClock()
    profile = BatchProfile(tmp_path, clock)
    for batch in (1, 1, 2):
        clock.sleep(1)
        profile.sample(query(batch, triggerExecution=40 + batch))
    assert [(line.batch, line.ms) for line in lines(tmp_path)] == [
        (1, {"triggerExecution": 41}),
        (2, {"triggerExecution": 42}),
    ]
    assert lines(tmp_path)[1].at_ns - lines(tmp_path)[0].at_ns == 2_000_000_000


def test_a_batch_without_rows_and_a_query_without_one_are_left_out(tmp_path):
    profile = BatchProfile(tmp_path, ManualClock())
    profile.sample(query(1, rows=0))
    profile.sample(SimpleNamespace(lastProgress=None))
    assert not (tmp_path / FILE).exists()


def test_without_a_folder_nothing_is_asked():
    BatchProfile(None, ManualClock()).sample(None)


def test_a_folder_that_cannot_be_written_ends_the_profile_and_not_the_stream(tmp_path, caplog):
    profile = BatchProfile(tmp_path / "gone", ManualClock())
    with caplog.at_level(logging.WARNING):
        profile.sample(query(1))
        profile.sample(query(2))
    assert caplog.text.count("no longer profiled") == 1
