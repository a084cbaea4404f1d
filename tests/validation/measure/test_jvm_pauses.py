"""Pauses of the JVMs: read from their own logs, within the measured part only."""

from __future__ import annotations

from system.stream.spark.session import jvm_flags
from validation.measure.jvm_pauses import JvmPauses, jvm_pauses

LOG = """\
[1000ns] Using Parallel
[2000ns] GC(0) Pause Young (Allocation Failure) 65M->9M(245M) 7.254ms
[3000ns] GC(1) Pause Full (Metadata GC Threshold) 9M->8M(245M) 40.500ms
[9000ns] GC(2) Pause Young (Allocation Failure) 70M->9M(245M) 3.000ms
"""


def test_pauses_between_two_moments_are_counted(tmp_path):
    (tmp_path / "gc-driver-12.log").write_text(LOG)
    assert jvm_pauses(tmp_path, first_ns=1500, last_ns=5000) == (
        JvmPauses(process="driver-12", count=2, full_count=1, total_ms=47.754, longest_ms=40.5),
    )


def test_no_folder_no_pauses(tmp_path):
    assert jvm_pauses(tmp_path / "none", first_ns=0, last_ns=1) == ()


def test_a_jvm_logs_only_where_a_folder_is_named(tmp_path):
    assert jvm_flags("driver", None, "-Xss4m") == "-Xss4m"
    logged = jvm_flags("driver", tmp_path, "-Xss4m")
    assert logged == f"-Xss4m -Xlog:gc:file={tmp_path}/gc-driver-%p.log:timenanos:filecount=0"
