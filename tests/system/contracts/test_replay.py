"""Status of a replay: stored, served and read back as it is."""

from __future__ import annotations

import datetime as dt

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.replay import NO_REPLAY, ReplayFault, ReplayStatus


@given(st.from_type(ReplayStatus))
def test_a_status_is_read_back_as_it_was_written(status):
    assert msgspec.json.decode(msgspec.json.encode(status), type=ReplayStatus) == status


def test_without_a_replay_nothing_else_is_stated():
    assert msgspec.json.decode(b'{"running":false}', type=ReplayStatus) == NO_REPLAY
    assert (NO_REPLAY.day, NO_REPLAY.day_number, NO_REPLAY.faults) == (None, 0, ())


def test_a_status_says_where_the_replay_stands_and_what_has_broken():
    status = ReplayStatus(
        running=True,
        day=dt.date(2020, 3, 9),
        day_number=26,
        day_count=42,
        speed="20x",
        faults=(ReplayFault(do="kill", what="kafka", is_over=True),),
    )
    written = msgspec.json.decode(msgspec.json.encode(status))
    assert written["day"] == "2020-03-09"
    assert written["faults"] == [{"do": "kill", "what": "kafka", "is_over": True}]
