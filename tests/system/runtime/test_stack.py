"""A stack over a server of somebody else's: supervisord alone is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from system.runtime.components.postgres import Postgres
from system.runtime.errors import AlreadyRunningError
from system.runtime.stack import FINISHING, EmbeddedStack, Progress
from system.settings import Connections, Settings

URL = "postgresql://somebody@else/theirs"
STEPS = ["step 1 of 3", "step 2 of 3", "step 3 of 3"]


def migrated(
    _: Postgres, settings: Settings, connections: Connections, tell: Callable[[str], None]
) -> None:
    for step in STEPS:
        tell(step)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a PostgreSQL that answers, and whose schema has three steps to take."""
    monkeypatch.setattr(Postgres, "check", lambda *_: None)
    monkeypatch.setattr(Postgres, "finish", migrated)
    return Settings(state_dir=tmp_path / "state", database_url=URL)


def test_work_after_a_component_is_ready_is_a_stage_of_its_own(foreign: Settings) -> None:
    seen: list[Progress] = []
    with EmbeddedStack(foreign, components=["postgres"], on_progress=seen.append) as stack:
        assert stack.connections.database_url == URL
    assert [progress.stage for progress in seen] == ["external", *[FINISHING] * len(STEPS)]
    assert [progress.detail for progress in seen[1:]] == STEPS


def test_a_state_folder_holds_one_stack_and_is_free_after_its_end(foreign: Settings) -> None:
    with (
        EmbeddedStack(foreign, components=["postgres"]),
        pytest.raises(AlreadyRunningError),
    ):
        EmbeddedStack(foreign, components=["postgres"]).start()
    with EmbeddedStack(foreign, components=["postgres"]) as again:
        assert again.running.is_up()
    assert not again.running.is_up()
