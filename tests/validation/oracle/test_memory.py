"""The oracle's memory: red survives a crash, and goes out by acknowledgement only."""

from __future__ import annotations

from system.contracts.oracle import OracleCheck, OracleVerdict
from system.store.errors import StoreUnavailableError
from validation.oracle.__main__ import Memory
from validation.oracle.following import Tally


class Kept:
    """Fake of the tables in PostgreSQL, in memory."""

    def __init__(self) -> None:
        self.open: OracleCheck | None = None
        self.is_silent = False

    def keep(self, check: OracleCheck) -> None:
        if self.is_silent:
            raise StoreUnavailableError("PostgreSQL does not answer")
        self.open = self.open or check

    def open_difference(self) -> OracleCheck | None:
        if self.is_silent:
            raise StoreUnavailableError("PostgreSQL does not answer")
        return self.open


def check(name: str, verdict: OracleVerdict = OracleVerdict.DIFFERS) -> OracleCheck:
    return OracleCheck(
        snapshot_id=name,
        portfolio="P",
        verdict=verdict,
        largest_difference=1.0,
        detail="nav: off",
        checked_at_ms=1,
    )


def memory(kept: Kept) -> tuple[Memory, Tally]:
    tally = Tally()
    return Memory(tally, kept), tally  # type: ignore[arg-type]


def test_red_survives_the_oracle_that_found_it() -> None:
    kept = Kept()
    first, tally = memory(kept)
    tally.add(check("a"))
    first.sync()
    second, anew = memory(kept)
    second.sync()
    anew.add(check("b", OracleVerdict.AGREED))
    assert anew.status.verdict is OracleVerdict.DIFFERS
    assert anew.status.first_difference == check("a")


def test_what_was_found_while_postgresql_was_away_is_kept_when_it_answers() -> None:
    kept = Kept()
    of_it, tally = memory(kept)
    tally.add(check("a"))
    kept.is_silent = True
    of_it.sync()
    assert tally.status.verdict is OracleVerdict.DIFFERS
    kept.is_silent = False
    of_it.sync()
    assert kept.open == check("a")


def test_only_an_acknowledgement_ends_it_and_the_next_difference_is_red_again() -> None:
    kept = Kept()
    of_it, tally = memory(kept)
    for name in ("a", "b"):
        tally.add(check(name))
    tally.add(check("c", OracleVerdict.AGREED))
    of_it.sync()
    of_it.sync()
    assert tally.status.verdict is OracleVerdict.DIFFERS
    kept.open = None
    of_it.sync()
    assert tally.status.verdict is OracleVerdict.AGREED
    assert (tally.status.checked, tally.status.agreed, tally.status.acknowledged) == (3, 1, 2)
    tally.add(check("d"))
    of_it.sync()
    assert tally.status.verdict is OracleVerdict.DIFFERS
    assert kept.open == check("d")


def test_an_acknowledgement_while_the_oracle_was_down_is_heard_at_its_start() -> None:
    kept = Kept()
    of_it, tally = memory(kept)
    of_it.sync()
    tally.add(check("b", OracleVerdict.AGREED))
    assert tally.status.verdict is OracleVerdict.AGREED
