"""Shape of a pipeline: the settings that it changes, and the session that serves all of them."""

from __future__ import annotations

import pytest

from system.settings import load_settings
from system.stream.spark.cluster import stream_cores, worker_cores
from validation.scenarios.play.driver_life import READING_CORES
from validation.scenarios.play.stack import PipelineConfig
from validation.scenarios.suite.grid import WHOLE_GRID


@pytest.mark.parametrize("engine", ["micro-batch", "real-time"])
def test_a_shape_keeps_the_engine_that_was_chosen_unless_it_names_one(engine: str) -> None:
    settings = load_settings().model_copy(update={"engine": engine})
    assert PipelineConfig(4, 300, sharded=True).settings(settings).engine == engine
    assert PipelineConfig(engine="real-time").settings(settings).engine == "real-time"


def test_a_hosted_session_has_a_core_for_each_partition_of_every_point() -> None:
    settings = load_settings()
    offered = settings.executor_cores + READING_CORES
    assert offered < worker_cores(settings)
    for point in WHOLE_GRID:
        assert stream_cores(point.shape.settings(settings)) <= offered, point.name
