"""Alerts on a real PostgreSQL, as their own role: once, in order, also after a restart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from system.alerts.machine import transitions
from system.alerts.rounds import Rounds
from system.alerts.sending import Sender
from system.alerts.staleness import StreamWatch
from system.alerts.target import Target
from system.clock import ManualClock
from system.contracts.api.alerts import AlertAction, DeliveryState
from system.contracts.api.risk import StreamState
from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure
from system.contracts.messages import Rejected, RejectReason, SnapshotKind
from system.contracts.oracle import OracleCheck, OracleVerdict
from system.settings import Connections
from system.store.alerts.record import AlertRecord
from system.store.errors import StoreUnavailableError
from system.store.postgres.history import RiskHistory
from system.store.postgres.oracle_record import OracleRecord
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot
from tests.integration.store.postgres.test_roles import as_role, refused
from tests.system.alerts.receiver import listening

pytestmark = pytest.mark.integration
OK, BREACH = LimitLevel.OK, LimitLevel.BREACH


class Market:
    """A database that the stream writes to, batch by batch."""

    def __init__(self, history: RiskHistory) -> None:
        self._history = history
        self._fence = history.acquire_fence()
        self._epoch = -1

    def commit(self, **parts) -> None:
        self._epoch += 1
        assert self._history.commit(BatchCommit(self._fence, self._epoch, {}, **parts))

    def limit(self, after: LimitLevel, before: LimitLevel, portfolio: str = "alpha") -> None:
        event = LimitEvent(
            portfolio=portfolio,
            measure=LimitMeasure.VAR,
            before=before,
            after=after,
            value=0.09,
            warning=0.064,
            breach=0.08,
            snapshot_id=f"{portfolio}-{self._epoch + 1}",
            event_time_ns=1,
        )
        self.commit(limit_events=[event])

    def end_of_day(self, day: int, *, breach: bool | None) -> None:
        snapshot = sample_snapshot(
            snapshot_id=f"alpha-eod-{day}",
            kind=SnapshotKind.END_OF_DAY,
            fence=self._fence,
            epoch=self._epoch + 1,
            event_time_ns=day,
            asof=dt.date(2020, 3, day),
            breach=breach,
            previous_var=10.0,
            hypothetical_pnl=-12.0,
        )
        self.commit(snapshots=[snapshot])

    def give_up_a_mark(self) -> None:
        mark = Rejected(
            topic="market_data",
            partition=0,
            offset=self._epoch + 1,
            reason=RejectReason.INCOMPLETE_MARK,
            detail="trades:0 lacks it",
            value="x",
        )
        self.commit(rejected=[mark])


@pytest.fixture
def market(database_url: str) -> Iterator[Market]:
    with RiskHistory(database_url) as history:
        history.migrate()
        yield Market(history)


@pytest.fixture
def alerts_url(market: Market, database_url: str, store_connections: Connections) -> str:
    return as_role(database_url, store_connections, "alerts_database_url")


@pytest.fixture
def record(alerts_url: str) -> Iterator[AlertRecord]:
    with AlertRecord(alerts_url) as opened:
        yield opened


def said(record: AlertRecord) -> list[str]:
    changes = record.advance(transitions)
    assert changes is not None
    return [f"{change.key} {change.action}" for change in changes]


def ids(record: AlertRecord, state: DeliveryState | None = None) -> list[str]:
    deliveries = record.deliveries(state).deliveries
    return [f"{each.notice.key} {each.notice.action}" for each in reversed(deliveries)]


def test_what_was_before_alerts_began_is_told_as_it_stands_only(
    market: Market, record: AlertRecord
) -> None:
    market.limit(BREACH, OK)
    market.limit(OK, BREACH)
    market.limit(BREACH, OK, portfolio="beta")
    market.end_of_day(5, breach=True)
    market.end_of_day(6, breach=False)
    market.give_up_a_mark()
    assert said(record) == ["limit:beta:var:warning raised", "limit:beta:var:breach raised"]
    assert said(record) == []


def test_each_subject_is_raised_and_cleared_once_across_restarts(
    market: Market, alerts_url: str, database_url: str
) -> None:
    def round_of_a_new_process() -> list[str]:
        with AlertRecord(alerts_url) as record:
            return said(record) + said(record)

    assert round_of_a_new_process() == []
    market.limit(BREACH, OK)
    levels = ["limit:alpha:var:warning", "limit:alpha:var:breach"]
    assert round_of_a_new_process() == [f"{key} raised" for key in levels]
    market.limit(OK, BREACH)
    assert round_of_a_new_process() == [f"{key} cleared" for key in reversed(levels)]
    market.end_of_day(5, breach=True)
    assert len(round_of_a_new_process()) == 1
    market.give_up_a_mark()
    market.give_up_a_mark()
    assert round_of_a_new_process() == ["missing_mark raised"]
    market.end_of_day(6, breach=False)
    assert len(round_of_a_new_process()) == 2
    check = OracleCheck(
        snapshot_id="s",
        portfolio="alpha",
        verdict=OracleVerdict.DIFFERS,
        largest_difference=0.1,
        detail="off",
        checked_at_ms=1,
    )
    with OracleRecord(database_url) as oracle:
        oracle.keep(check)
        assert round_of_a_new_process() == ["oracle:1 raised"]
        oracle.acknowledge(actor="me", note="")
    assert round_of_a_new_process() == ["oracle:1 cleared"]
    with AlertRecord(alerts_url) as record:
        sent = ids(record)
    assert len(sent) == len(set(sent)) == 10


def test_only_one_process_sends_and_the_next_takes_over(
    market: Market, alerts_url: str, record: AlertRecord
) -> None:
    assert record.advance(transitions) == []
    with AlertRecord(alerts_url) as standby:
        assert standby.advance(transitions) is None
        assert standby.due() == []
        assert standby.is_sent()
        record.close()
        market.limit(BREACH, OK)
        assert len(said(standby)) == 2


def test_a_transaction_that_fails_keeps_neither_alerts_nor_the_place(
    market: Market, record: AlertRecord
) -> None:
    assert said(record) == []
    market.limit(BREACH, OK)

    def crash(news):
        transitions(news)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        record.advance(crash)
    assert ids(record) == []
    assert len(said(record)) == 2


def test_more_news_than_a_round_takes_come_in_the_next(
    market: Market, record: AlertRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(record) == []
    for number in range(3):
        market.limit(BREACH, OK, portfolio=f"p{number}")
        market.end_of_day(number + 1, breach=True)
    from system.store.alerts import statements  # noqa: PLC0415

    for name in ("NEW_LEVELS", "NEW_ENDS_OF_DAY", "NEW_ORACLE", "NEW_MARKS"):
        text = getattr(statements, name)
        short = text.replace(f"LIMIT {statements.MAX_NEW_ROWS}", "LIMIT 1")
        monkeypatch.setattr(statements, name, short)
    monkeypatch.setattr(statements, "MAX_NEW_ROWS", 1)
    assert [len(said(record)) for _ in range(4)] == [3, 4, 4, 0]


def test_a_receiver_that_fails_and_recovers_gets_each_notice_once_in_order(
    market: Market, record: AlertRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("system.alerts.rounds.next_wait_s", lambda attempts, outcome: 0.0)
    clock = ManualClock()
    with listening() as receiver:
        receiver.answers.extend([500, 500, 503, "drip"])
        send = Sender(Target(receiver.url, secret=b"k" * 32), clock, bound_s=0.5)
        rounds = Rounds(record, lambda: StreamState.RUNNING, StreamWatch(clock), send)
        assert rounds.run()
        market.end_of_day(5, breach=True)
        for _ in range(6):
            rounds.run()
        market.end_of_day(6, breach=None)
        for _ in range(3):
            rounds.run()
    raised, cleared = dict.fromkeys(receiver.ids)
    assert receiver.ids == [raised] * 5 + [cleared]
    assert ids(record, DeliveryState.DELIVERED) == [
        "breach:alpha:2020-03-05 raised",
        "breach:alpha:2020-03-05 cleared",
    ]


def test_a_dead_notice_holds_its_end_back_and_can_be_sent_again(
    market: Market, record: AlertRecord
) -> None:
    assert said(record) == []
    market.end_of_day(5, breach=True)
    market.end_of_day(6, breach=False)
    assert len(said(record)) == 2
    [raised] = record.due()
    assert raised.notice.action is AlertAction.RAISED
    record.failed(raised, "answer 410", None)
    assert record.due() == []
    assert len(record.deliveries(DeliveryState.DEAD).deliveries) == 1
    assert record.resend(raised.delivery_id + 1).deliveries == ()
    assert len(record.resend(raised.delivery_id).deliveries) == 1
    [again] = record.due()
    assert (again.notice, again.attempts) == (raised.notice, 0)
    record.delivered(again)
    [cleared] = record.due()
    record.failed(cleared, "answer 503", 3_600.0)
    assert record.due() == []


def test_its_role_reads_what_alerts_follow_and_writes_its_own_tables_only(
    record: AlertRecord, alerts_url: str
) -> None:
    assert said(record) == []
    for statement in (
        "SELECT * FROM book_state",
        "SELECT payload FROM risk_snapshot",
        "UPDATE risk_snapshot SET breach = true",
        "INSERT INTO oracle_event (kind, finding) VALUES ('difference', '')",
        "DELETE FROM alert_delivery",
        "DELETE FROM limit_event",
        "SELECT acknowledge_limit('a', 'var', 'me', '')",
    ):
        assert refused(alerts_url, statement), statement


def test_a_server_that_went_away_is_unavailable_and_is_asked_again(record: AlertRecord) -> None:
    assert said(record) == []
    assert record._connection is not None
    with (
        closing(record._connection.cursor()) as cursor,
        pytest.raises(psycopg.errors.AdminShutdown),
    ):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(StoreUnavailableError):
        record.advance(transitions)
    assert said(record) == []
