"""Closes that are missing: carried within a bound, named beyond it, and never in silence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable

import msgspec
import pytest

from system.contracts.codec import decode, encode
from system.contracts.messages import (
    AssetClass,
    CarriedSeries,
    CloseHistory,
    ClosePoint,
    ExchangeSessions,
    Instrument,
    Mark,
    OpeningPosition,
    Portfolio,
    ReturnType,
    RiskSnapshot,
    SessionClose,
    SnapshotKind,
    Tick,
)
from system.risk.scenarios.carry import MAX_CARRIED_DATES, MAX_NAMED_DATES
from tests.system.book.feed import Feed, end_of_day, holding, instrument, live, rate
from tests.system.book.folded import DATA, folds

FIRST = dt.date(2024, 1, 1)  # a Monday
AS_OF = dt.date(2025, 1, 31)  # a Friday
EVERY_DAY = [FIRST + dt.timedelta(days=n) for n in range((AS_OF - FIRST).days + 1)]
WEEKDAYS = [day for day in EVERY_DAY if day.weekday() < 5]


def closes(series: str, days: Iterable[dt.date], *, level: float = 100.0) -> CloseHistory:
    """Return closes that follow from their date alone, so that a gap changes no other close."""
    return CloseHistory(
        series=series,
        closes=tuple(
            ClosePoint(day, level * (1 + 0.03 * ((day.toordinal() * 7919) % 101 - 50) / 50))
            for day in days
        ),
    )


def without(days: Iterable[dt.date], *gaps: dt.date) -> list[dt.date]:
    return [day for day in days if day not in gaps]


def snapshot_of(*messages: object, name: str = "P") -> RiskSnapshot:
    """Return the snapshot of a book whose closes come from files alone."""
    feed = Feed()
    fold = feed.send(*messages)  # type: ignore[arg-type]
    assert fold.rejected == ()
    return live(fold, name)


def book(*positions: OpeningPosition, **settings: object) -> Portfolio:
    return msgspec.convert(
        {"portfolio": "P", "positions": positions, **settings, "type": "portfolio"},
        Portfolio,
        from_attributes=True,
    )


def carried(snapshot: RiskSnapshot) -> dict[str, CarriedSeries]:
    return {series.series: series for series in snapshot.carried}


# -- the two cases that desks met ------------------------------------------------------------


def test_a_halted_share_of_half_a_percent_does_not_freeze_the_window() -> None:
    ends = [
        snapshot
        for fold in folds(Feed(), DATA / "windows" / "halted-share.jsonl")
        for snapshot in fold.snapshots
        if snapshot.kind is SnapshotKind.END_OF_DAY
    ]
    halted, alone = (
        next(end for end in reversed(ends) if end.portfolio == name) for name in ("N", "P")
    )
    assert halted.asof == dt.date(2020, 4, 1)
    assert alone.var == pytest.approx(804.6290385873119, rel=1e-12)
    assert halted.var is not None
    assert halted.var >= 764.3975866579462
    assert [day.date for day in halted.tail] == [day.date for day in alone.tail]
    (series,) = halted.carried
    assert (series.series, series.last_close) == ("BBB", dt.date(2020, 3, 5))
    assert (series.day_count, series.missed_sessions, series.silent_sessions) == (19, 19, 19)
    assert series.dates[0] == dt.date(2020, 3, 6)
    assert series.dates[-1] == halted.asof
    assert series.share == pytest.approx(50 / (50 + 6551))
    assert halted.skipped == ()


def test_a_history_that_ends_early_is_a_series_that_fell_silent() -> None:
    """The same closes, BBB from a file that ends on the day before the first mark."""
    feed = Feed()
    for fold in folds(feed, DATA / "windows" / "halted-share.jsonl"):
        assert fold.rejected == ()
    older = feed.book.market.closes["BBB"]
    points = tuple(map(ClosePoint, older.dates[:-1], older.values[:-1]))
    feed.send(
        instrument("CCC"),
        CloseHistory(series="CCC", closes=points),
        Portfolio(portfolio="I", positions=(holding("AAA", 100.0), holding("CCC", 1.0))),
    )
    snapshot = live(feed.book.revalue(fence=1, epoch=99), "I")
    assert snapshot.var == pytest.approx(804.6290385873119, rel=1e-12)
    assert carried(snapshot)["CCC"].last_close == dt.date(2020, 3, 4)
    assert carried(snapshot)["CCC"].silent_sessions == 20


def test_another_books_calendar_takes_no_window_away() -> None:
    feed = Feed()
    all_folds = list(folds(feed, DATA / "windows" / "seven-day-calendar.jsonl"))
    before = live(all_folds[2], "L")
    after = live(feed.book.revalue(fence=1, epoch=99), "L")
    assert before.var is not None
    assert after.scenario_count == 1_000
    assert (after.var, after.tail) == (before.var, before.tail)
    assert after.inputs_hash == before.inputs_hash


# -- dead series ------------------------------------------------------------------------------


def dead_share(quantity: float, **settings: object) -> RiskSnapshot:
    """Return a book of 1 A and some B, which has had no close for the last 20 weekdays."""
    return snapshot_of(
        instrument("A"),
        instrument("B"),
        closes("A", WEEKDAYS),
        closes("B", WEEKDAYS[:-20]),
        book(holding("A", 70.0), holding("B", quantity), **settings),
    )


def test_a_dead_series_that_is_a_third_of_the_book_takes_var_away_and_is_named() -> None:
    snapshot = dead_share(30.0)
    assert snapshot.var is None
    share = carried(snapshot)["B"].share
    assert share == pytest.approx(0.3, abs=0.02)
    for part in (
        f"B (20 sessions, last close {WEEKDAYS[-21]}, {share:.1%} of gross exposure)",
        "at most 5 sessions within 30 scenario days are carried, or 5.0% of gross exposure",
        "carry_max_sessions or carry_max_share",
    ):
        assert part in snapshot.not_available
    assert snapshot.nav > 0.0


@pytest.mark.parametrize(
    ("settings", "is_available"),
    [
        ({}, False),
        ({"carry_max_share": 0.5}, True),
        ({"carry_max_sessions": 19}, False),
        ({"carry_max_sessions": 20}, True),
        ({"carry_max_sessions": 0, "carry_max_share": 0.0}, False),
    ],
)
def test_the_bound_is_a_setting_of_the_portfolio(settings: dict, *, is_available: bool) -> None:
    snapshot = dead_share(30.0, **settings)
    assert (snapshot.var is not None) is is_available
    assert snapshot.carry_max_sessions == settings.get("carry_max_sessions", 5)
    assert snapshot.carry_max_share == settings.get("carry_max_share", 0.05)


def test_twenty_small_dead_series_are_as_much_as_a_large_one() -> None:
    """Each is 2.5 % of the book, all of them half of it."""
    dead = [f"B{number:02d}" for number in range(20)]
    snapshot = snapshot_of(
        instrument("A"),
        closes("A", WEEKDAYS),
        *(instrument(name) for name in dead),
        *(closes(name, WEEKDAYS[:-20]) for name in dead),
        book(holding("A", 20.0), *(holding(name, 1.0) for name in dead)),
    )
    assert snapshot.var is None
    assert re.search(r"B04 .* and 15 more, together (49|5\d)\.\d%", snapshot.not_available)


def test_the_share_of_a_series_follows_live_prices() -> None:
    """B is 4 % of the book, then 8 %, then 4 % again; the window never rolls."""
    feed = Feed()
    feed.send(
        instrument("A"),
        instrument("B"),
        closes("A", WEEKDAYS),
        closes("B", WEEKDAYS[:-7]),
        book(holding("A", 96.0), holding("B", 4.0)),
    )
    available = []
    for step, price in enumerate((100.0, 200.0, 100.0)):
        ticks = (_tick("A", 100.0, step), _tick("B", price, step))
        available.append(live(feed.send(*ticks)).var is not None)
    assert available == [True, False, True]


def _tick(name: str, price: float, step: int) -> Tick:
    noon = dt.datetime.combine(AS_OF, dt.time(12), dt.UTC) + dt.timedelta(days=3, seconds=step)
    at = int(noon.timestamp()) * 10**9
    return Tick(
        ticker=name, bid=price, mid=price, ask=price, volume=1.0, event_time_ns=at, sequence=at
    )


def test_a_dead_rate_takes_away_the_var_of_what_is_held_in_its_currency() -> None:
    def held(quantity: float) -> RiskSnapshot:
        return snapshot_of(
            instrument("A"),
            instrument("G", currency="GBP"),
            closes("A", WEEKDAYS),
            closes("G", WEEKDAYS),
            closes("fx:USD", WEEKDAYS, level=1.1),
            closes("fx:GBP", WEEKDAYS[:-10], level=0.8),
            book(holding("A", 100.0), holding("G", quantity)),
        )

    small, large = held(2.0), held(50.0)
    assert small.var is not None
    assert large.var is None
    assert "fx:GBP (10 sessions" in large.not_available
    foreign = next(row for row in small.positions if row.instrument == "G")
    gross = sum(abs(row.exposure) for row in small.positions)
    assert carried(small)["fx:GBP"].share == pytest.approx(foreign.exposure / gross)


def test_a_dead_rate_of_the_base_currency_moves_all_that_is_in_another() -> None:
    snapshot = snapshot_of(
        instrument("A"),
        instrument("G", currency="GBP"),
        instrument("E", currency="EUR"),
        *(closes(name, WEEKDAYS) for name in "AGE"),
        closes("fx:USD", WEEKDAYS[:-10], level=1.1),
        closes("fx:GBP", WEEKDAYS, level=0.8),
        book(holding("A", 100.0), holding("G", 2.0), holding("E", -5.0)),
    )
    rows = {row.instrument: abs(row.exposure) for row in snapshot.positions}
    share = (rows["G"] + rows["E"]) / sum(rows.values())
    assert carried(snapshot)["fx:USD"].share == pytest.approx(share)
    assert snapshot.var is None


def test_foreign_cash_counts_and_cash_in_the_base_currency_does_not() -> None:
    def held(*cash: OpeningPosition) -> RiskSnapshot:
        return snapshot_of(
            instrument("A"),
            closes("A", WEEKDAYS),
            closes("fx:USD", WEEKDAYS[:-10], level=1.1),
            book(holding("A", 10.0), *cash, holding("cash:USD", 1e9)),
        )

    assert held(holding("cash:EUR", 1.0)).var is not None
    assert held(holding("cash:EUR", 1_000.0)).var is None


def test_a_dead_underlying_moves_the_options_on_it() -> None:
    option = msgspec.convert(
        {
            "type": "instrument",
            "instrument": "B.CALL",
            "asset_class": "option",
            "currency": "USD",
            "option": {
                "underlying": "B",
                "right": "call",
                "strike": 100.0,
                "expiry": "2025-06-20",
                "volatility": 0.2,
            },
        },
        Instrument,
    )
    snapshot = snapshot_of(
        instrument("A"),
        instrument("B"),
        option,
        closes("A", WEEKDAYS),
        closes("B", WEEKDAYS[:-10]),
        book(holding("A", 10.0), holding("B.CALL", 10.0)),
    )
    rows = {row.instrument: abs(row.exposure) for row in snapshot.positions}
    assert carried(snapshot)["B"].share == pytest.approx(rows["B.CALL"] / sum(rows.values()))
    assert snapshot.var is None


def test_short_positions_count_with_their_size() -> None:
    assert dead_share(-30.0).var is None
    assert carried(dead_share(-30.0))["B"].share == pytest.approx(0.3, abs=0.02)
    assert dead_share(-1.0).var is not None


def test_a_book_without_exposure_divides_by_nothing() -> None:
    """A future at a price of 0 has no exposure at all."""
    future = Instrument(
        instrument="F",
        asset_class=AssetClass.FUTURE,
        currency="USD",
        multiplier=1_000.0,
        return_type=ReturnType.ABSOLUTE,
    )
    feed = Feed()
    feed.send(
        future,
        closes("F", WEEKDAYS[:-7], level=1.0),
        closes("C", WEEKDAYS),
        book(holding("F", 1.0)),
    )
    snapshot = live(feed.send(_tick("F", 0.0, 1)))
    assert snapshot.asset_classes[0].gross == 0.0
    assert carried(snapshot)["F"].share == 0.0
    assert snapshot.not_available.startswith("no series of the book has a close after")
    snapshot = live(feed.send(book(holding("F", 1.0), carry_max_sessions=7, portfolio="Q")), "Q")
    assert snapshot.var is not None


# -- the book as a whole ----------------------------------------------------------------------


def marked(feed: Feed, day: dt.date, *ticks: Tick) -> RiskSnapshot:
    """Close a day and return the book's end of day."""
    at = dt.datetime.combine(day, dt.time(12), dt.UTC)
    time_ns = int(at.timestamp()) * 10**9
    quotes = [
        msgspec.structs.replace(tick, event_time_ns=time_ns, sequence=time_ns) for tick in ticks
    ]
    feed.send(*quotes)
    mark = Mark(date=day, event_time_ns=time_ns + 9 * 3_600 * 10**9)
    return end_of_day(feed.fold({name: [mark] for name in feed.names}))


def two_books() -> Feed:
    """Return a book of shares, P, and one of a coin that is priced on every day."""
    feed = Feed()
    feed.send(
        instrument("A"),
        instrument("B"),
        instrument("COIN"),
        closes("A", WEEKDAYS),
        closes("B", WEEKDAYS),
        closes("COIN", EVERY_DAY),
        book(holding("A", 1.0), holding("B", 2.0)),
        Portfolio(portfolio="C", positions=(holding("COIN", 1.0),)),
    )
    return feed


def test_a_weekend_of_another_books_coin_neither_shifts_nor_ends_a_window() -> None:
    feed = two_books()
    before = live(feed.book.revalue(fence=1, epoch=50))
    for back in (1, 2):
        after = marked(feed, AS_OF + dt.timedelta(days=back), _tick("COIN", 101.0 + back, 0))
        assert after.asof == AS_OF + dt.timedelta(days=back)
        assert (after.var, after.tail) == (before.var, before.tail)
        assert (after.carried, after.skipped) == ((), ())


def test_a_book_without_any_close_says_so_and_is_not_available_beyond_the_bound() -> None:
    """Marks of the coin's book go on for three weeks; A and B have no close any more."""
    feed = two_books()
    silent = 0
    for back in range(1, 22):
        day = AS_OF + dt.timedelta(days=back)
        silent += day.weekday() < 5
        snapshot = marked(feed, day, _tick("COIN", 100.0 + back, 0))
        assert len(snapshot.skipped) == silent
        counts = [series.silent_sessions for series in snapshot.carried]
        assert counts == [silent] * 2 * bool(silent)
        assert (snapshot.var is not None) == (silent <= 5)
    assert snapshot.skipped[-1] == f"{AS_OF + dt.timedelta(days=21)} A, B no close"
    assert snapshot.not_available.startswith(
        f"no series of the book has a close after {AS_OF}, 15 sessions before the as-of date {day}"
    )
    assert "load closes of A, B" in snapshot.not_available


def test_sessions_before_and_after_the_books_last_close_count_together() -> None:
    """B falls silent 3 weekdays before A does, and both until 3 weekdays later: 6 of B."""
    feed = Feed()
    feed.send(
        instrument("A"),
        instrument("B"),
        instrument("Z"),
        closes("A", WEEKDAYS[:-3]),
        closes("B", WEEKDAYS[:-6]),
        closes("Z", WEEKDAYS),
        book(holding("A", 1.0), holding("B", 1.0)),
    )
    snapshot = live(feed.book.revalue(fence=1, epoch=50))
    assert carried(snapshot)["B"].missed_sessions == 6
    assert carried(snapshot)["A"].missed_sessions == 3
    assert snapshot.not_available.startswith("closes are missing of B (6 sessions")


# -- gaps within the window -------------------------------------------------------------------


def gappy(days: Iterable[dt.date], window: int = 30, **settings: object) -> RiskSnapshot:
    """Return a book of equal parts A, which has every weekday, and B, which has some days."""
    return snapshot_of(
        instrument("A"),
        instrument("B"),
        closes("A", WEEKDAYS),
        closes("B", days),
        book(holding("A", 1.0), holding("B", 1.0), window=window, **settings),
    )


def test_a_share_that_was_halted_for_a_week_and_a_half_counts_as_long_as_it_is_in_the_window() -> (
    None
):
    halted = without(WEEKDAYS, *WEEKDAYS[-40:-33])
    assert "B (7 sessions, closes again" in gappy(halted, window=50).not_available
    assert gappy(halted, window=50, carry_max_sessions=7).var is not None
    assert gappy(halted).var is not None
    assert gappy(halted).carried == ()


def test_missed_sessions_count_within_thirty_days_and_not_over_the_whole_window() -> None:
    """Five sessions every 30 days are carried for as long as one likes; six are not."""
    for count, is_available in ((5, True), (6, False)):
        days = [day for number, day in enumerate(WEEKDAYS) if number % 30 >= count]
        snapshot = gappy(days, window=200)
        assert (snapshot.var is not None) is is_available
        assert carried(snapshot)["B"].missed_sessions == count
        assert carried(snapshot)["B"].silent_sessions == 0
        assert len(carried(snapshot)["B"].dates) <= MAX_CARRIED_DATES


def test_a_share_and_a_coin_live_in_one_book() -> None:
    """Weekends are scenario days of the coin, on which the share has a return of 0."""
    snapshot = snapshot_of(
        instrument("COIN"),
        instrument("A"),
        closes("A", WEEKDAYS),
        closes("COIN", EVERY_DAY),
        book(holding("A", 1.0), holding("COIN", 1.0), window=250),
    )
    assert snapshot.var is not None
    assert snapshot.scenario_count == 250
    share = carried(snapshot)["A"]
    assert share.missed_sessions == 0
    assert share.day_count == sum(day.weekday() >= 5 for day in EVERY_DAY[-251:])
    assert share.dates == tuple(day for day in EVERY_DAY if day.weekday() >= 5)[-50:]


def test_the_days_of_a_large_book_are_named_within_a_bound() -> None:
    names = [f"S{number:03d}" for number in range(500)]
    snapshot = snapshot_of(
        instrument("COIN"),
        closes("COIN", EVERY_DAY),
        *(instrument(name) for name in names),
        *(closes(name, WEEKDAYS) for name in names),
        book(holding("COIN", 1.0), *(holding(name, 1.0) for name in names), window=250),
    )
    assert snapshot.var is not None
    assert len(snapshot.carried) == 500
    assert {len(series.dates) for series in snapshot.carried} == {MAX_NAMED_DATES // 500}
    weekends = sum(day.weekday() >= 5 for day in EVERY_DAY[-251:])
    assert {series.day_count for series in snapshot.carried} == {weekends}


HOLIDAYS = {
    "XNYS": [dt.date(2024, 7, 4), dt.date(2024, 9, 2), dt.date(2024, 11, 28), dt.date(2025, 1, 20)],
    "XSHG": [dt.date(2024, 10, 1) + dt.timedelta(days=n) for n in range(7)],
}


def sessions(exchange: str) -> ExchangeSessions:
    open_days = without(WEEKDAYS, *HOLIDAYS[exchange])
    return ExchangeSessions(
        exchange=exchange,
        first=FIRST,
        last=AS_OF,
        version="test",
        sessions=tuple(SessionClose(day, 1) for day in open_days),
    )


@pytest.mark.parametrize("is_named", [True, False])
def test_two_exchanges_with_their_own_holidays_share_a_window_of_250_days(
    *, is_named: bool
) -> None:
    """A week of holidays is 5 weekdays: within the bound even where no exchange is named."""
    listed = [
        Instrument(
            instrument=name,
            asset_class=AssetClass.EQUITY,
            currency="USD",
            exchange=exchange if is_named else None,
        )
        for name, exchange in (("N", "XNYS"), ("S", "XSHG"))
    ]
    snapshot = snapshot_of(
        *map(sessions, HOLIDAYS),
        *listed,
        closes("N", without(WEEKDAYS, *HOLIDAYS["XNYS"])),
        closes("S", without(WEEKDAYS, *HOLIDAYS["XSHG"])),
        book(holding("N", 1.0), holding("S", 1.0), window=250),
    )
    assert snapshot.var is not None
    counts = {
        series.series: (series.day_count, series.missed_sessions) for series in snapshot.carried
    }
    assert counts == {"N": (4, 0 if is_named else 1), "S": (5, 0 if is_named else 5)}
    assert carried(snapshot)["N"].dates == tuple(HOLIDAYS["XNYS"])


# -- young series -----------------------------------------------------------------------------


def test_a_listing_within_the_window_is_named_with_its_first_close_or_moves_by_its_proxy() -> None:
    def listed(**described: object) -> RiskSnapshot:
        young = msgspec.structs.replace(instrument("NEW"), **described)
        return snapshot_of(
            instrument("A"),
            instrument("ETF"),
            young,
            closes("A", WEEKDAYS),
            closes("ETF", WEEKDAYS),
            closes("NEW", WEEKDAYS[-20:]),
            book(holding("A", 1.0), holding("NEW", 1.0)),
        )

    alone, proxied = listed(), listed(proxy="ETF")
    assert alone.var is None
    assert alone.not_available.startswith(
        f"no close up to the first scenario day, {WEEKDAYS[-31]}, of NEW (first close "
        f"{WEEKDAYS[-20]}): load older closes, name a proxy"
    )
    assert proxied.var is not None
    assert proxied.proxied == ("NEW=ETF",)
    assert proxied.carried == ()


def test_a_proxy_gives_a_book_its_days_where_nothing_else_does() -> None:
    young = msgspec.structs.replace(instrument("NEW"), proxy="ETF")
    snapshot = snapshot_of(
        young, closes("NEW", WEEKDAYS[-5:]), closes("ETF", WEEKDAYS), book(holding("NEW", 1.0))
    )
    assert (snapshot.scenario_count, snapshot.proxied) == (30, ("NEW=ETF",))


def test_a_series_with_fewer_closes_than_days_needs_no_proxy_if_it_began_in_time() -> None:
    young = msgspec.structs.replace(instrument("B"), proxy="ETF")
    days = without(WEEKDAYS[-31:], *WEEKDAYS[-10:-7])
    snapshot = snapshot_of(
        young,
        instrument("A"),
        closes("A", WEEKDAYS),
        closes("ETF", WEEKDAYS),
        closes("B", days),
        book(holding("A", 1.0), holding("B", 1.0)),
    )
    assert snapshot.proxied == ()
    assert carried(snapshot)["B"].day_count == 3


# -- what is kept -----------------------------------------------------------------------------


@pytest.mark.parametrize(("apart", "proxied"), [(20, ("B=ETF",)), (3, ("B=ETF",)), (2, ())])
def test_a_series_without_a_close_on_most_days_moves_by_its_proxy(
    apart: int, proxied: tuple[str, ...]
) -> None:
    sparse = msgspec.structs.replace(instrument("B"), proxy="ETF")
    shown = snapshot_of(
        instrument("A"),
        sparse,
        instrument("ETF"),
        closes("A", WEEKDAYS[-60:]),
        closes("B", WEEKDAYS[-1:-60:-apart][::-1]),
        closes("ETF", WEEKDAYS[-60:]),
        book(holding("A", 10.0), holding("B", 10.0)),
    )
    assert shown.proxied == proxied
    assert (shown.var is None) == (not proxied), "every second day misses 15 sessions of 30"


def test_a_proxy_without_a_close_on_most_days_replaces_nothing() -> None:
    sparse = msgspec.structs.replace(instrument("B"), proxy="ETF")
    shown = snapshot_of(
        instrument("A"),
        sparse,
        instrument("ETF"),
        closes("A", WEEKDAYS[-60:]),
        closes("B", WEEKDAYS[-60::20]),
        closes("ETF", WEEKDAYS[-60::3]),
        book(holding("A", 10.0), holding("B", 10.0)),
    )
    assert (shown.var, shown.proxied) == (None, ())
    assert "B (" in shown.not_available


def test_a_book_of_base_currency_alone_has_a_window_and_no_gaps() -> None:
    feed = Feed()
    feed.send(instrument("A"), closes("A", WEEKDAYS[:-100]), closes("B", WEEKDAYS))
    snapshot = live(feed.send(book(holding("cash:USD", 5.0), window=900)))
    assert (snapshot.var, snapshot.scenario_count) == (0.0, 900)
    assert (snapshot.carried, snapshot.skipped) == ((), ())


def test_a_snapshot_of_before_is_still_read() -> None:
    stated = dead_share(1.0)
    old = msgspec.to_builtins(stated) | {"carried": []}
    del old["carry_max_sessions"], old["carry_max_share"]
    read = decode(msgspec.json.encode({**old, "type": "risk_snapshot"}), RiskSnapshot)
    assert read.carried == ()
    assert (read.carry_max_sessions, read.carry_max_share) == (5, 0.05)
    assert decode(encode(stated), RiskSnapshot) == stated


@pytest.mark.parametrize("restart", [lambda feed: feed.restart(feed.next_offsets)])
def test_a_restart_states_the_same_gaps(restart: Callable[[Feed], None]) -> None:
    feed = two_books()
    before = marked(feed, AS_OF + dt.timedelta(days=4), _tick("COIN", 3.0, 0))
    restart(feed)
    after = live(feed.book.revalue(fence=1, epoch=70))
    for name in ("carried", "skipped", "var", "not_available", "inputs_hash"):
        assert getattr(after, name) == getattr(before, name)


def test_rates_on_days_without_a_price_are_scenario_days() -> None:
    snapshot = snapshot_of(
        instrument("G", currency="GBP"),
        closes("G", without(WEEKDAYS, WEEKDAYS[-3])),
        closes("fx:GBP", WEEKDAYS, level=0.8),
        book(holding("G", 1.0), base_currency="EUR"),
        rate("USD", 1.1),
    )
    assert snapshot.scenario_count == 30
    assert carried(snapshot)["G"].dates == (WEEKDAYS[-3],)
