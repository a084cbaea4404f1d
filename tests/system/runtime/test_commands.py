"""Options of `riskstream up`."""

from __future__ import annotations

import pytest
import typer

from system.runtime.commands import ENGINE_NAMES, _with_engine
from system.settings import Settings


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_an_engine_by_name_is_the_one_that_processes_of_the_stack_get(name):
    settings = _with_engine(Settings(), name)
    assert settings.environment()["RISKSTREAM_ENGINE"] == name


def test_no_name_leaves_the_setting_and_another_one_is_refused():
    settings = Settings(engine="real-time")
    assert _with_engine(settings, "") is settings
    with pytest.raises(typer.BadParameter, match="real-time, micro-batch"):
        _with_engine(settings, "fast")
