"""A driver that begins behind its topics is not running before it has read what waited."""

import pyarrow as pa

from system.stream.catching_up import CatchingUp


def batch(*rows: tuple[str, int, int]) -> pa.Table:
    topics, partitions, offsets = zip(*rows, strict=True)
    return pa.table({"topic": topics, "partition": partitions, "offset": offsets})


def test_who_begins_at_the_end_has_nothing_to_catch_up_with():
    assert CatchingUp({"trades:0": 7}, {"trades:0": 7, "fx_rates:0": 0}).is_done


def test_every_partition_that_was_behind_must_be_read_to_its_end():
    behind = CatchingUp({"trades:0": 2, "fx_rates:0": 0}, {"trades:0": 5, "fx_rates:0": 1})
    behind.note(batch(("trades", 0, 2), ("trades", 0, 3)))
    assert not behind.is_done
    behind.note(batch(("trades", 0, 4), ("market_data", 1, 9)))
    assert not behind.is_done
    behind.note(batch(("fx_rates", 0, 0)))
    assert behind.is_done


def test_what_comes_behind_the_end_counts_as_having_reached_it():
    behind = CatchingUp({}, {"trades:0": 5})
    behind.note(batch(("trades", 0, 11)))
    assert behind.is_done
