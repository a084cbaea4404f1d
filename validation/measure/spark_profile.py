"""Time of a batch by stage, from Spark's own progress reports, read after a run.

The stream writes it beside the JVMs' collection logs, see ``system.stream.spark.profile``.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import msgspec

from system.stream.spark.profile import FILE, BatchDurations
from validation.measure.record import whole_lines


class SparkProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Batches that were sampled in the measured part, one a second at most.

    ``median_ms`` has Spark's names: ``triggerExecution`` is the whole, ``addBatch`` its job and
    our own work in it, the others what Spark does around them. ``median_rows`` is of records.
    """

    batches: int
    median_rows: float
    median_ms: dict[str, float]


def spark_profile(folder: Path, *, first_ns: int, last_ns: int) -> SparkProfile | None:
    """Return the medians of what was sampled between two moments, None where nothing was.

    Parameters
    ----------
    folder : Path
        May be missing, or hold no profile.
    first_ns, last_ns : int
        CLOCK_MONOTONIC.
    """
    path = folder / FILE
    if not path.exists():
        return None
    sampled = [msgspec.json.decode(line, type=BatchDurations) for line in whole_lines(path)]
    batches = [batch for batch in sampled if first_ns <= batch.at_ns <= last_ns]
    if not batches:
        return None
    names = sorted({name for batch in batches for name in batch.ms})
    return SparkProfile(
        batches=len(batches),
        median_rows=float(median(batch.rows for batch in batches)),
        median_ms={
            name: float(median(batch.ms.get(name, 0) for batch in batches)) for name in names
        },
    )
