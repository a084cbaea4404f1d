"""The state of the dashboard's server: what the API said, folded into what browsers draw.

One thread owns a desk: the event loop of the pump. Every portfolio has a board; every board
counts its versions, so that a browser gets what it lacks and nothing twice. All is bounded:
one snapshot, one curve, ``MAX_DAYS`` days and ``MAX_TRADES`` trades per portfolio.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, Struct

from system.contracts.api.risk import SnapshotPoint, StreamStatus, TradeAccepted
from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.state.curve import CurvePart, PnlCurve
from system.show.state.days import Day, DayHistory
from system.show.state.freshness import Evidence, FreshnessView, freshness
from system.show.state.oracle import OracleView, oracle_view
from system.show.state.replay import ReplayView, replay_view
from system.show.state.trades import Blotter, Ticket, TradeRow
from system.show.view.gauge import card
from system.show.view.portfolio import portfolio_view
from system.show.view.provenance import stage_span_ns

LATENCY_WINDOW: Final = 512
"""Snapshots over which the header's median and 99th percentile are taken."""
_ENCODER: Final = msgspec.json.Encoder()


class Latency(Struct, frozen=True, kw_only=True):
    """Tick due to number made, over the newest snapshots; empty strings where unknown."""

    newest: str
    median: str
    p99: str


class DeskMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One push to one browser; a part that is left out has not changed.

    ``cards`` are those that changed, or all with ``cards_whole``.
    ``served_ms`` is the server's wall clock, ``quiet_ms`` how long the selected portfolio
    has had no new snapshot, ``durable`` how far PostgreSQL is, ``oracle`` what the independent
    oracle has found, ``replay`` which scenario is replayed, where one is.
    """

    served_ms: float
    freshness: FreshnessView
    selected: str
    quiet_ms: float | None
    durable: str
    oracle: OracleView
    replay: ReplayView | None
    latency: Latency
    cards: Raw | None = None
    cards_whole: bool = False
    view: Raw | None = None
    curve: CurvePart | None = None
    days: Raw | None = None
    trades: tuple[TradeRow, ...] | None = None


class Cursor(Struct, frozen=True, kw_only=True):
    """Versions of the dashboard's parts that one browser holds; -1: none yet."""

    life: int = 0
    portfolio: str = ""
    cards: int = -1
    view: int = -1
    days: int = -1
    trades: int = -1
    curve_generation: int = -1
    curve_count: int = 0


class Board:
    """Everything of one portfolio."""

    def __init__(self) -> None:
        self.snapshot: RiskSnapshot | None = None
        self.taken_ns = 0
        self.version = 0
        self.card_version = 0
        self.curve = PnlCurve()
        self.days = DayHistory()
        self.blotter = Blotter()
        self._card: tuple[int, Raw] = (-1, Raw(b"null"))
        self._view: tuple[int, Raw] = (-1, Raw(b"null"))
        self._days: tuple[int, Raw] = (-1, Raw(b"null"))

    def take(self, snapshot: RiskSnapshot, now_ns: int) -> None:
        """Fold one snapshot; one that is not newer changes at most the days."""
        self.days.add(Day.of_snapshot(snapshot))
        if self.snapshot is not None and not _is_newer(snapshot, self.snapshot):
            return
        self.blotter.take(self.snapshot, snapshot, now_ns)
        self.curve.add(
            snapshot.event_time_ns,
            snapshot.unrealised_pnl + snapshot.realised_pnl,
            snapshot.daily_pnl,
        )
        self.snapshot, self.taken_ns = snapshot, now_ns
        self.version += 1

    def view(self) -> Raw:
        """Return the panels' JSON, made once per snapshot however many browsers look."""
        if self._view[0] != self.version:
            assert self.snapshot is not None, "only a board with a snapshot has a view"
            self._view = (self.version, _raw(portfolio_view(self.snapshot)))
        return self._view[1]

    def card(self) -> Raw:
        """Return the selector's line as JSON, made once per snapshot."""
        if self._card[0] != self.version:
            assert self.snapshot is not None, "only a board with a snapshot has a card"
            self._card = (self.version, _raw(card(self.snapshot)))
        return self._card[1]

    def days_view(self) -> Raw:
        """Return the JSON of the breach chart and the heat map, made once per new day."""
        if self._days[0] != self.days.version:
            assert self.snapshot is not None, "n and k come from a snapshot"
            seen = self.snapshot
            made = self.days.view(seen.scenario_count, seen.tail_rank, seen.confidence)
            self._days = (self.days.version, _raw(made))
        return self._days[1]


class DashboardState:
    """All boards and the evidence of freshness."""

    def __init__(self) -> None:
        self._boards: dict[str, Board] = {}
        self._spans_ns: deque[int] = deque(maxlen=LATENCY_WINDOW)
        self._version = 0
        self._life = 0
        self._cards: tuple[int, int, Raw] = (-1, -1, Raw(b"[]"))
        self.evidence = Evidence()

    def portfolios(self) -> tuple[str, ...]:
        """Return the names of the portfolios that have a snapshot, in order."""
        return tuple(sorted(name for name, board in self._boards.items() if board.snapshot))

    def snapshot(self, portfolio: str) -> RiskSnapshot | None:
        """Return a portfolio's newest snapshot, or None."""
        board = self._boards.get(portfolio)
        return board.snapshot if board else None

    def days(self, portfolio: str) -> tuple[Day, ...]:
        """Return a portfolio's ends of day, oldest first; empty where it is unknown."""
        board = self._boards.get(portfolio)
        return board.days.newest_first()[::-1] if board else ()

    @property
    def life(self) -> int:
        """Return how often everything was forgotten: stored ids mean something else then."""
        return self._life

    def take_snapshot(self, snapshot: RiskSnapshot, now_ns: int) -> None:
        """Fold one snapshot.

        Parameters
        ----------
        snapshot : RiskSnapshot
            In the order in which the API sends; one that is not newer is dropped.
        now_ns : int
            CLOCK_MONOTONIC of the dashboard.
        """
        self.evidence = self.evidence.with_snapshot(now_ns)
        board = self._board(snapshot.portfolio)
        before = board.version
        board.take(snapshot, now_ns)
        if board.version != before:
            self._version += 1
            board.card_version = self._version
            self._note_span(snapshot)

    def take_status(self, status: StreamStatus, now_ns: int) -> None:
        """Take a heartbeat, or the word that there is none.

        A fence below that of what is shown is another history altogether (the stores were
        emptied): then everything is forgotten.
        """
        shown = max(
            (_order(board.snapshot)[0] for board in self._boards.values() if board.snapshot),
            default=-1,
        )
        if 0 <= status.fence < shown:
            self._forget()
        self.evidence = self.evidence.with_status(status, now_ns)

    def take_history(self, portfolio: str, points: Iterable[SnapshotPoint]) -> None:
        """Take stored points of the series, live ones and ends of day, in any order."""
        board = self._board(portfolio)
        stored = tuple(points)
        for point in stored:
            board.days.add(Day.of_point(point))
        board.curve.fill(
            (point.event_time_ns, point.unrealised_pnl + point.realised_pnl, point.daily_pnl)
            for point in stored
        )
        board.version += 1

    def opened(self, now_ns: int) -> None:
        """Note that the API has answered."""
        self.evidence = self.evidence.opened(now_ns)

    def broken(self, problem: str) -> None:
        """Note that the connection to the API broke, and why."""
        self.evidence = self.evidence.broken(problem)

    def send(self, ticket: Ticket) -> None:
        """Enter a trade that is about to be sent."""
        self._board(ticket.portfolio).blotter.put(ticket)

    def accept(self, portfolio: str, trade_id: str, accepted: TradeAccepted) -> None:
        """Note that the broker keeps a trade."""
        self._board(portfolio).blotter.accept(trade_id, accepted)

    def refuse(self, portfolio: str, trade_id: str, refusal: str) -> None:
        """Note that the API did not take a trade, and why."""
        self._board(portfolio).blotter.refuse(trade_id, refusal)

    def message(
        self, portfolio: str, cursor: Cursor, *, now_ns: int, wall_ns: int
    ) -> tuple[DeskMessage, Cursor]:
        """Return what a browser lacks, and what it holds then.

        Parameters
        ----------
        portfolio : str
            The one selected; an unknown one falls back to the first there is.
        cursor : Cursor
            What the browser holds.
        now_ns, wall_ns : int
            The dashboard's two clocks.
        """
        selected = self._selected(portfolio)
        board = self._ready(selected)
        after = self._cursor(selected, board)
        held = _held(cursor, after)
        message = DeskMessage(
            served_ms=wall_ns / text.NANOSECONDS_PER_MILLISECOND,
            freshness=freshness(self.evidence, now_ns),
            selected=selected,
            latency=self._latency(),
            quiet_ms=_quiet_ms(board, now_ns) if board else None,
            durable=durable_words(self.evidence.status),
            oracle=oracle_view(self.evidence.status, board.snapshot if board else None),
            replay=replay_view(self.evidence.status),
            cards=self._cards_since(held.cards) if held.cards != after.cards else None,
            cards_whole=held.cards < 0,
            view=board.view() if board and held.view != after.view else None,
            curve=_curve_part(board, held) if board and held.view != after.view else None,
            days=board.days_view() if board and held.days != after.days else None,
            trades=board.blotter.rows(now_ns) if board and held.trades != after.trades else None,
        )
        return message, after

    def _ready(self, portfolio: str) -> Board | None:
        board = self._boards.get(portfolio)
        return board if board and board.snapshot else None

    def _selected(self, portfolio: str) -> str:
        names = self.portfolios()
        return portfolio if portfolio in names or not names else names[0]

    def _cursor(self, selected: str, board: Board | None) -> Cursor:
        if board is None:
            return Cursor(life=self._life, portfolio=selected, cards=self._version)
        return Cursor(
            life=self._life,
            portfolio=selected,
            cards=self._version,
            view=board.version,
            days=board.days.version,
            trades=board.blotter.version,
            curve_generation=board.curve.generation,
            curve_count=len(board.curve),
        )

    def _cards_since(self, version: int) -> Raw:
        """Return the cards that a browser lacks: with 500 books a batch moves few of them."""
        if self._cards[:2] != (version, self._version):
            boards = (self._boards[name] for name in self.portfolios())
            cards = [board.card() for board in boards if board.card_version > version]
            self._cards = (version, self._version, _raw(cards))
        return self._cards[2]

    def _latency(self) -> Latency:
        spans = sorted(self._spans_ns)
        if not spans:
            return Latency(newest="", median="", p99="")
        return Latency(
            newest=text.milliseconds(self._spans_ns[-1]),
            median=text.milliseconds(spans[(len(spans) - 1) // 2]),
            p99=text.milliseconds(spans[-(-99 * len(spans) // 100) - 1]),
        )

    def _note_span(self, snapshot: RiskSnapshot) -> None:
        span_ns = stage_span_ns(snapshot.stages)
        if span_ns is not None:
            self._spans_ns.append(span_ns)

    def _board(self, portfolio: str) -> Board:
        return self._boards.setdefault(portfolio, Board())

    def _forget(self) -> None:
        self._boards.clear()
        self._spans_ns.clear()
        self._version += 1
        self._life += 1


def durable_words(status: StreamStatus | None) -> str:
    """Return how far PostgreSQL is behind Redis; one batch behind is how it works."""
    if status is None or status.epoch < 0:
        return ""
    if status.durable_fence < status.fence:
        return "nothing of this run yet"
    lag = status.epoch - status.durable_epoch
    return "up to date" if lag <= 1 else f"{lag} batches behind"


def encoded(message: DeskMessage) -> bytes:
    """Return a message as compact JSON (UTF-8)."""
    return _ENCODER.encode(message)


def _held(cursor: Cursor, after: Cursor) -> Cursor:
    """Return what of a browser's parts still counts: another life or portfolio, another set."""
    if cursor.life != after.life:
        return Cursor()
    return cursor if cursor.portfolio == after.portfolio else Cursor(cards=cursor.cards)


def _curve_part(board: Board, held: Cursor) -> CurvePart:
    return board.curve.since(held.curve_generation, held.curve_count)


def _raw(view: object) -> Raw:
    return Raw(_ENCODER.encode(view))


def _is_newer(snapshot: RiskSnapshot, shown: RiskSnapshot) -> bool:
    """Return whether a snapshot supersedes; an end of day and what follows share a batch."""
    if snapshot.snapshot_id == shown.snapshot_id:
        return False
    ours, theirs = _order(snapshot), _order(shown)
    return ours > theirs or (ours == theirs and snapshot.event_time_ns >= shown.event_time_ns)


def _order(snapshot: RiskSnapshot) -> tuple[int, int]:
    return snapshot.fence, snapshot.epoch


def _quiet_ms(board: Board, now_ns: int) -> float:
    return (now_ns - board.taken_ns) / text.NANOSECONDS_PER_MILLISECOND
