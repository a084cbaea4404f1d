"""Shape of a pipeline: which ones a kept Spark session serves."""

from __future__ import annotations

import pytest

from system.settings import load_settings
from validation.scenarios.play.stack import PipelineConfig


@pytest.mark.parametrize(
    "shape", [PipelineConfig(), PipelineConfig(4, 300, sharded=True), PipelineConfig(engine=None)]
)
def test_a_session_of_micro_batches_serves_every_shape_of_them(shape: PipelineConfig) -> None:
    settings = load_settings().model_copy(update={"engine": "micro-batch"})
    assert shape.shares_session(settings)
    assert shape.settings(settings).engine == "micro-batch"


def test_a_real_time_query_needs_a_session_with_more_cores() -> None:
    settings = load_settings().model_copy(update={"engine": "micro-batch"})
    assert not PipelineConfig(engine="real-time").shares_session(settings)
    chosen = settings.model_copy(update={"engine": "real-time"})
    assert not PipelineConfig().shares_session(chosen)
    assert not PipelineConfig(engine="micro-batch").shares_session(chosen)
