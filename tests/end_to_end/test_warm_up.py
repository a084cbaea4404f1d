"""A stack that is started warms its stream up, says so, and nothing of it is left."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis

from system.bus.consumer import end_offsets
from system.contracts.topics import INPUT_TOPICS, REJECTED, RISK_SNAPSHOTS, WARM_UP
from system.runtime.components.registry import SERVERS
from system.runtime.stack import EmbeddedStack, Progress
from system.settings import Settings

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(600),
    pytest.mark.pipeline(own_stack=True),
]

EMPTY = (
    "SELECT count(*) FROM risk_snapshot",
    "SELECT count(*) FROM rejected_message",
    "SELECT count(*) FROM book_state WHERE key LIKE '%WARM%' OR key LIKE '%warm%'",
    "SELECT count(*) FROM stream_offset WHERE next_offset > 0",
)


@pytest.fixture(scope="module")
def warm(stack_settings: Settings) -> Settings:
    """Settings of a stack whose stream warms up, as far as these tests wait for it."""
    return stack_settings.model_copy(update={"warm_up_seconds": 60.0})


def test_ready_is_said_after_the_warm_up_and_nothing_of_it_is_left(warm: Settings) -> None:
    told: list[Progress] = []
    with EmbeddedStack(warm, components=(*SERVERS, "stream"), on_progress=told.append) as stack:
        connections = stack.connections
        of_stream = [progress for progress in told if progress.component == "stream"]
        assert any("warming up: " in progress.detail for progress in of_stream)
        assert of_stream[-1].stage == "ready"
        log = (Path(warm.state_dir) / "logs" / "stream.log").read_text("utf-8")
        assert "warm after " in log
        assert log.index("warm after ") < log.index("INFO system.stream.running ready")
        assert " ERROR " not in log
        assert "Exception" not in log
        servers = connections.kafka_bootstrap_servers
        assert sum(end_offsets(servers, (WARM_UP,)).values()) > 0
        assert not any(end_offsets(servers, (*INPUT_TOPICS, RISK_SNAPSHOTS, REJECTED)).values())
        with closing(psycopg.connect(connections.database_url)) as database:
            for question in EMPTY:
                (count,) = database.execute(question).fetchone()
                assert count == 0, question
        with redis.Redis.from_url(connections.redis_url) as plain:
            assert plain.keys("riskstream:rehearsal:*") == []
            assert not plain.exists("riskstream:warm-up")
