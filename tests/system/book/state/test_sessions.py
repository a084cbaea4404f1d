"""Sessions of exchanges: when closes were made, and why a day has none."""

from __future__ import annotations

import msgspec
import pytest

from system.book.state.sessions import MAX_SKIPPED, Sessions, book_calendar
from system.contracts.messages import (
    AssetClass,
    CloseHistory,
    ExchangeClose,
    ExchangeSessions,
    Instrument,
    RejectReason,
    RiskSnapshot,
    SessionClose,
)
from system.risk.scenarios.window import ordinals
from tests.system.book.feed import (
    LAST_CLOSE,
    Feed,
    at_ns,
    date_of,
    end_of_day,
    history,
    holding,
    live,
    numbers,
    opened,
    portfolio,
    reasons,
    tick,
    walk,
)


def sessions(
    exchange: str, hour: float, days: list[int], *, first: int = -10, last: int = 5
) -> ExchangeSessions:
    return ExchangeSessions(
        exchange=exchange,
        first=date_of(first),
        last=date_of(last),
        version="test 1",
        sessions=tuple(SessionClose(date=date_of(day), close_ns=at_ns(day, hour)) for day in days),
    )


NEW_YORK = sessions("XNYS", 21.0, list(range(-10, 6)))
TOKYO = sessions("XTKS", 6.0, [day for day in range(-10, 6) if day != -4])


def share(name: str, exchange: str) -> Instrument:
    return Instrument(
        instrument=name, asset_class=AssetClass.EQUITY, currency="USD", exchange=exchange
    )


def two_exchanges(*tables: ExchangeSessions) -> Feed:
    feed = opened()
    tokyo = history("T", walk(8))
    closes = tuple(close for close in tokyo.closes if close.date != date_of(-4))
    fold = feed.send(
        *tables,
        share("N", "XNYS"),
        share("T", "XTKS"),
        history("N", walk(7)),
        msgspec.structs.replace(tokyo, closes=closes),
        portfolio("S", holding("N", 10.0), holding("T", 5.0)),
    )
    assert fold.rejected == ()
    return feed


def test_the_closes_of_one_date_lie_hours_apart_and_the_snapshot_says_so() -> None:
    snapshot = live(two_exchanges(NEW_YORK, TOKYO).book.revalue(fence=1, epoch=9), "S")
    assert snapshot.asof == LAST_CLOSE
    assert snapshot.exchange_closes == (
        ExchangeClose(exchange="XTKS", close_ns=at_ns(-1, 6.0)),
        ExchangeClose(exchange="XNYS", close_ns=at_ns(-1, 21.0)),
    )


def carried_days(snapshot: RiskSnapshot) -> dict[str, tuple[int, int]]:
    """Return the days and the missed sessions of each carried series."""
    return {
        series.series: (series.day_count, series.missed_sessions) for series in snapshot.carried
    }


def test_a_holiday_is_carried_and_is_no_missed_session() -> None:
    snapshot = live(two_exchanges(NEW_YORK, TOKYO).book.revalue(fence=1, epoch=9), "S")
    assert carried_days(snapshot) == {"T": (1, 0)}
    assert snapshot.carried[0].dates == (date_of(-4),)
    assert snapshot.skipped == ()


@pytest.mark.parametrize(
    "tables",
    [
        (),
        (NEW_YORK,),
        (sessions("XTKS", 6.0, list(range(-10, 6))),),
        (sessions("XTKS", 6.0, [-1], first=-2),),
    ],
    ids=["none known", "another's", "a session", "before the table"],
)
def test_a_weekday_that_is_no_known_holiday_is_a_missed_session(tables) -> None:
    snapshot = live(two_exchanges(*tables).book.revalue(fence=1, epoch=9), "S")
    assert carried_days(snapshot) == {"T": (1, 1)}


def test_sessions_move_no_number_within_the_bound() -> None:
    def without(one):
        return numbers(msgspec.structs.replace(one, exchange_closes=(), skipped=(), carried=()))

    known = live(two_exchanges(NEW_YORK, TOKYO).send(tick("N", 101.0)), "S")
    unknown = live(two_exchanges().send(tick("N", 101.0)), "S")
    assert known.var is not None
    assert known.inputs_hash == unknown.inputs_hash
    assert without(known) == without(unknown)


def test_days_without_any_close_of_the_book_are_skipped_with_their_reason() -> None:
    """N alone: no close on a weekday of the window, and none on the two days before the mark."""
    feed = opened()
    closes = tuple(point for point in history("N", walk(7)).closes if point.date != date_of(-4))
    table = sessions("XNYS", 21.0, [day for day in range(-10, 6) if day != 1])
    feed.send(table, share("N", "XNYS"), CloseHistory(series="N", closes=closes))
    feed.send(share("M", "XNYS"), CloseHistory(series="M", closes=closes))
    feed.send(portfolio("S", holding("N", 1.0), holding("M", 1.0)), tick("A", 1.0))
    feed.close(0, tick("N", 101.0), tick("M", 101.0))
    feed.close(1, tick("A", 101.0, day=1))
    snapshot = end_of_day(feed.close(2, tick("A", 102.0, day=2)), "S")
    assert snapshot.asof == date_of(2)
    assert snapshot.skipped == (
        f"{date_of(-4)} M, N no close",
        f"{date_of(1)} M, N holiday (XNYS)",
        f"{date_of(2)} M, N no close",
    )
    assert snapshot.var is not None


@pytest.mark.parametrize("count", [1, 60])
def test_skipped_days_are_the_newest_and_bounded(count: int) -> None:
    calendar = book_calendar(
        [date_of(0), date_of(1)], date_of(1 + 7 * count), {"A": "", "B": ""}, Sessions()
    )
    assert len(calendar.later) == 5 * count
    assert len(calendar.skipped) == min(MAX_SKIPPED, 5 * count)
    assert calendar.skipped[-1] == f"{calendar.later[-1]} A, B no close"


def test_a_session_on_a_weekend_counts_where_the_exchange_says_so() -> None:
    """Tel Aviv closes on Sundays, and not on Fridays."""
    known = Sessions()
    known.add(sessions("XTAE", 15.0, [0, 1, 2, 3, 6], first=0, last=6))
    days = ordinals(date_of(day) for day in range(8))
    assert known.are_sessions("XTAE", days).tolist() == [*[True] * 4, *[False] * 2, True, True]
    assert known.are_sessions("", days).tolist() == [*[True] * 5, *[False] * 2, True]


def test_a_restart_knows_them_still() -> None:
    feed = two_exchanges(NEW_YORK, TOKYO)
    before = live(feed.book.revalue(fence=1, epoch=9), "S")
    feed.restart(feed.next_offsets)
    assert numbers(live(feed.book.revalue(fence=1, epoch=9), "S")) == numbers(before)


def test_a_longer_table_goes_on_and_another_is_a_conflict() -> None:
    feed = opened()
    longer = sessions("XNYS", 21.0, list(range(-10, 9)), last=8)
    other = sessions("XNYS", 20.0, list(range(-10, 10)), last=9)
    fold = feed.send(NEW_YORK, NEW_YORK, longer, NEW_YORK, other)
    assert reasons(fold) == [RejectReason.CONFLICT, RejectReason.CONFLICT]
    assert "XNYS" in fold.rejected[0].detail
    assert feed.counts("reference")["duplicate"] == 1


@pytest.mark.parametrize("days", [[1, 0], [0, 0], [-11], [6]])
def test_a_table_in_disorder_is_refused(days) -> None:
    with pytest.raises(ValueError, match="not in order within"):
        sessions("XNYS", 21.0, days)


@pytest.mark.parametrize("exchange", ["NYS", "NYSE1", "", "X-NY"])
def test_an_exchange_is_a_market_identifier_code(exchange) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(NEW_YORK), "exchange": exchange}, ExchangeSessions)


def test_a_market_identifier_code_is_kept_in_capitals() -> None:
    told = {**msgspec.to_builtins(NEW_YORK), "exchange": "xnas"}
    assert msgspec.convert(told, ExchangeSessions).exchange == "XNAS"
