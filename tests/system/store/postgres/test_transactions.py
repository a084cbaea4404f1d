"""A batch is committed onto the one before it, or it is that one; all else is an error."""

from __future__ import annotations

from typing import Any, cast

import pytest

from system.store.errors import CommitsUndoneError, FencedError
from system.store.postgres import sql
from system.store.postgres.cursors import Cursor
from system.store.postgres.transactions import check_repeated, commit_place, write_batch
from system.store.records import BatchCommit

BATCH = BatchCommit(3, 48, {"trades:0": 12, "fx_rates:0": 4}, follows={"trades:0": 9})


class Held:
    """A database that refuses to advance, and says what it holds."""

    def __init__(self, fence: int, epoch: int, **offsets: int) -> None:
        self._place = (fence, epoch)
        self._offsets = [(f"{name}:0", offset, None, None) for name, offset in offsets.items()]
        self.statement = ""

    def execute(self, statement: str, _parameters: Any = None) -> None:
        self.statement = statement

    def fetchone(self) -> Any:
        return self._place if self.statement == sql.SELECT_FENCE else None

    def fetchall(self) -> Any:
        return self._offsets if self.statement == sql.SELECT_OFFSETS else []


def written(held: Held) -> bool:
    return write_batch(cast(Cursor, held), BATCH, [])


def test_a_batch_follows_the_epoch_before_its_own_and_the_offsets_that_one_left():
    assert commit_place(BATCH) == {
        "fence": 3,
        "epoch": 48,
        "after": 47,
        "places": ["trades:0"],
        "offsets": [9],
    }


def test_a_rehearsed_batch_follows_no_commit_of_its_fence():
    assert commit_place(BATCH, rehearsed=True)["after"] == -1


def test_a_batch_whose_answer_was_lost_is_not_written_again():
    assert written(Held(3, 48, trades=12, fx_rates=4)) is False


@pytest.mark.parametrize("epoch", [-1, 0, 46, 49])
def test_an_epoch_that_is_missing_before_a_batch_ends_the_driver(epoch):
    with pytest.raises(CommitsUndoneError, match=f"holds batch {epoch} of fence 3"):
        written(Held(3, epoch, trades=9, fx_rates=4))


def test_a_database_of_before_this_drivers_start_is_no_takeover():
    with pytest.raises(CommitsUndoneError, match="holds batch 60 of fence 2"):
        written(Held(2, 60, trades=9))


def test_offsets_that_somebody_else_has_changed_end_the_driver():
    with pytest.raises(CommitsUndoneError, match="trades:0 at offset 8 instead of 9"):
        written(Held(3, 47, trades=8))


def test_a_repeated_batch_has_the_offsets_that_it_was_to_leave():
    with pytest.raises(CommitsUndoneError, match="fx_rates:0 at offset 0 instead of 4"):
        check_repeated(BATCH, 3, 48, {"trades:0": 12})


def test_a_newer_driver_has_taken_over():
    with pytest.raises(FencedError, match="fence 3 is superseded by 4"):
        written(Held(4, 2, trades=14))
