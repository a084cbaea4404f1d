"""A batch by Spark's own account: sampled where somebody measures, read after the run."""

from __future__ import annotations

from types import SimpleNamespace

from system.clock import SystemClock
from system.stream.spark.profile import FILE, BatchProfile
from validation.measure.spark_profile import SparkProfile, spark_profile


class Clock(SystemClock):
    """A second passes with each look."""

    now_ns = 0

    def monotonic_ns(self) -> int:
        self.now_ns += 10**9
        return self.now_ns


def progress(batch: int, rows: int, whole_ms: int, **ms: int) -> SimpleNamespace:
    return SimpleNamespace(
        batchId=batch, numInputRows=rows, durationMs={"triggerExecution": whole_ms, **ms}
    )


def sampled(folder, *batches) -> None:
    profile = BatchProfile(folder, Clock())
    for batch in batches:
        profile.sample(SimpleNamespace(lastProgress=batch))


def test_medians_are_of_batches_of_the_measured_part_each_once(tmp_path):
    sampled(
        tmp_path,
        None,
        progress(1, 9, 900, addBatch=800),
        progress(2, 10, 60, addBatch=40),
        progress(2, 10, 60, addBatch=40),
        progress(3, 0, 1),
        progress(4, 30, 80, addBatch=50, walCommit=3),
        progress(5, 20, 70, addBatch=45, walCommit=2),
    )
    assert spark_profile(tmp_path, first_ns=2 * 10**9, last_ns=10**12) == SparkProfile(
        batches=3,
        median_rows=20.0,
        median_ms={"addBatch": 45.0, "triggerExecution": 70.0, "walCommit": 2.0},
    )


def test_nothing_is_written_where_nobody_measures_and_nothing_is_read(tmp_path):
    class Untouched:
        @property
        def lastProgress(self):  # noqa: N802 - Spark's name
            raise AssertionError

    BatchProfile(None, Clock()).sample(Untouched())
    assert spark_profile(tmp_path, first_ns=0, last_ns=1) is None
    assert spark_profile(tmp_path / "none", first_ns=0, last_ns=1) is None


def test_a_line_that_is_being_written_is_left_out(tmp_path):
    sampled(tmp_path, progress(1, 5, 50))
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(b'{"at_ns":')
    profile = spark_profile(tmp_path, first_ns=0, last_ns=10**12)
    assert profile is not None
    assert profile.batches == 1


def test_what_cannot_be_written_ends_the_profile_and_not_the_stream(tmp_path):
    profile = BatchProfile(tmp_path / "none", Clock())
    for batch in (1, 2):
        profile.sample(SimpleNamespace(lastProgress=progress(batch, 5, 50)))
    assert not (tmp_path / "none").exists()
