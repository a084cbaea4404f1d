"""The run that most judges look at."""

from __future__ import annotations

import pytest

from tests.validation.scenarios.judge.played_run import STORY, Played
from tests.validation.scenarios.stories import HEAD, story_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played(story_of(tmp_path_factory.mktemp("story"), STORY, head=HEAD))
