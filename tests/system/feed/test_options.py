"""Options of a feed: the same under every command that reads prices."""

from __future__ import annotations

import inspect

from system.feed import options
from system.feed.check import check
from system.feed.csv_feed import csv


def test_commands_share_the_options_of_a_map() -> None:
    shared = {"map_file": "MapFile", "columns": "Columns", "zone": "Zone", "close": "Close"}
    for command in (check, csv):
        stated = inspect.get_annotations(command)
        assert {name: stated[name] for name in shared} == shared
    assert all(hasattr(options, name) for name in shared.values())
