"""The one line that repeats a run."""

from __future__ import annotations

from system.places import PROJECT_DIR
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import PipelineConfig
from validation.scenarios.suite.report import commit


def repeat_line(run: Run, shape: PipelineConfig) -> str:
    """Return the command that repeats a run, with what it depends on as a remark.

    Parameters
    ----------
    run : Run
        What was played and how.
    shape : PipelineConfig
        What its pipeline was started with.
    """
    scenario = run.story.scenario
    path = scenario.path
    shown = path.relative_to(PROJECT_DIR) if path.is_relative_to(PROJECT_DIR) else path
    speed = "max" if run.speed is None else f"{run.speed:g}x"
    parts = ["riskstream replay", f"{shown}", f"--speed {speed} --partitions {shape.partitions}"]
    if shape.max_batch_records is not None:
        parts.append(f"--cut {shape.max_batch_records}")
    if shape.sharded:
        parts.append("--sharded")
    if run.restart_at is not None:
        parts.append(f"--restart-at {run.restart_at}")
    parts.append(f"--seed {run.story.seed}")
    if run.data is not None:
        parts.append(f"--data {run.data}")
    known = f"commit {commit() or 'unknown'}, scenario {scenario.content_hash}"
    return f"{' '.join(parts)}  # {known}"
