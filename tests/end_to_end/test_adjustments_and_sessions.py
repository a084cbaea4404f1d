"""A split, a dividend and two exchanges with different holidays, from the command line to VaR."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from system.bus.producer import MessageProducer
from system.contracts.messages import Mark, RiskSnapshot, SnapshotKind
from system.settings import Connections, Settings
from tests.system.book.feed import DAY, mark, rate, tick, walk
from validation.oracle.history_check import check_recorded
from validation.run.read_back import await_committed, read_inputs, read_stated
from validation.verdict import Verdict

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(300),
    pytest.mark.pipeline("api"),
]

DRAIN_BOUND_S = 120.0
CLI_BOUND_S = 60.0
FIRST = dt.date(2020, 4, 20)
LAST = dt.date(2020, 5, 8)
TODAY = (dt.date(2020, 5, 11) - DAY).days
TOKYO_HOLIDAYS = {dt.date(2020, 4, 29), *(dt.date(2020, 5, day) for day in (4, 5, 6))}
HOUR_NS = 3_600_000_000_000
MIDNIGHT_NS = int(dt.datetime(2020, 5, 8, tzinfo=dt.UTC).timestamp()) * 10**9
BOOK = """# portfolio: two-markets
# base_currency: EUR
# window: 5
# confidence: 0.8
instrument,quantity,entry_price,asset_class,currency,exchange
USA,40,100,equity,USD,XNYS
TOK,-30,2000,equity,JPY,XTKS
"""
START = {"USA": 100.0, "TOK": 2_000.0, "fx:USD": 1.08, "fx:JPY": 116.0}


def write_closes(path: Path) -> None:
    """Write closes of every weekday; Tokyo has none on its holidays."""
    days = [FIRST + dt.timedelta(days=back) for back in range((LAST - FIRST).days + 1)]
    days = [day for day in days if day.weekday() < 5]
    columns = [
        walk(seed, start=start, count=len(days)) for seed, start in enumerate(START.values())
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("date", *START))
        for day, *values in zip(days, *columns, strict=True):
            closed = [day in TOKYO_HOLIDAYS and name == "TOK" for name in START]
            cells = ["" if shut else v for shut, v in zip(closed, values, strict=True)]
            writer.writerow((day, *cells))


@dataclass(frozen=True)
class Desk:
    """Files and commands of a person at a terminal beside the stack."""

    settings: Settings
    connections: Connections
    folder: Path

    def types(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``riskstream`` and return what it printed."""
        environment = {
            **os.environ,
            "RISKSTREAM_STATE_DIR": str(self.settings.state_dir),
            "COLUMNS": "200",
        }
        return subprocess.run(
            (sys.executable, "-m", "system.cli", *words),
            env=environment,
            capture_output=True,
            text=True,
            timeout=CLI_BOUND_S,
            check=False,
        )

    def sends(self, *messages: object) -> None:
        """Send messages, and wait until they are folded and stored."""
        with MessageProducer(self.connections.kafka_bootstrap_servers) as producer:
            for message in messages:
                if isinstance(message, Mark):
                    producer.flush()
                    producer.send_mark_everywhere(message)
                else:
                    producer.send(message)
            producer.flush()
        assert await_committed(self.connections, timeout_s=DRAIN_BOUND_S)

    def stated(self) -> list[RiskSnapshot]:
        """Return every stored snapshot, oldest first."""
        stored = read_stated(self.connections.database_url).snapshots
        return sorted(stored, key=lambda one: (one.fence, one.epoch, one.kind))


@pytest.fixture(scope="module")
def desk(
    connections: Connections, stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Desk:
    """The book imported from files, and its first prices sent."""
    folder = tmp_path_factory.mktemp("files")
    desk_files = Desk(stack_settings, connections, folder)
    write_closes(folder / "closes.csv")
    (folder / "book.csv").write_text(BOOK, "utf-8")
    done = desk_files.types(
        "portfolio", "import", f"{folder}/book.csv", "--prices", f"{folder}/closes.csv", "--no-wait"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    desk_files.sends(
        rate("USD", 1.081, day=TODAY, hour=6.0),
        rate("JPY", 116.4, day=TODAY, hour=6.0),
        tick("TOK", 2_003.0, day=TODAY, hour=6.0),
        tick("USA", 101.0, day=TODAY),
    )
    return desk_files


def test_a_snapshot_says_when_its_exchanges_closed_and_which_days_one_of_them_had_off(
    desk: Desk,
) -> None:
    newest = desk.stated()[-1]
    assert newest.asof == LAST
    assert newest.var is not None
    closes = {
        exchange_close.exchange: (exchange_close.close_ns - MIDNIGHT_NS) / HOUR_NS
        for exchange_close in newest.exchange_closes
    }
    assert closes == {"XTKS": 6.0, "XNYS": 20.0}, "15:00 in Tokyo, 16:00 in New York's summer"
    assert [exchange_close.exchange for exchange_close in newest.exchange_closes] == [
        "XTKS",
        "XNYS",
    ]
    assert newest.skipped == ()
    (tokyo,) = newest.carried
    assert (tokyo.series, tokyo.missed_sessions) == ("TOK", 0), "a holiday is no missed session"
    assert tokyo.dates == tuple(dt.date(2020, 5, day) for day in (4, 5, 6)), "of the last 6 closes"


def test_a_split_and_a_dividend_from_the_command_line_take_effect_at_the_close(desk: Desk) -> None:
    before = desk.stated()[-1]
    split = ("adjust", "split", "USA", "--date", "2020-05-12")
    done = desk.types(*split, "--ratio", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    over = desk.types("adjust", "dividend", "USA", "--amount", "0.5", "--date", "2020-05-26")
    assert over.returncode == 0, over.stdout + over.stderr
    assert await_committed(desk.connections, timeout_s=DRAIN_BOUND_S)
    waiting = json.loads(desk.types("adjust", "list", "--json").stdout)["adjustments"]
    assert [
        (adjustment["type"], adjustment["last_day"], adjustment["taken"]) for adjustment in waiting
    ] == [
        ("dividend", "2020-05-22", None),  # Memorial Day lies between
        ("split", "2020-05-11", None),
    ]
    unmoved = desk.stated()[-1]
    assert [position.quantity for position in unmoved.positions] == [
        position.quantity for position in before.positions
    ]

    desk.sends(mark(TODAY))
    closed = next(
        snapshot for snapshot in reversed(desk.stated()) if snapshot.kind is SnapshotKind.END_OF_DAY
    )
    desk.sends(tick("USA", 25.5, day=TODAY + 1))
    after = desk.stated()[-1]
    shares = {position.instrument: position.quantity for position in after.positions}
    assert (shares["USA"], shares["TOK"]) == (160.0, -30.0)
    assert after.adjustment_count == 1
    assert after.adjusted
    assert not after.suspect
    assert not after.suspect_ticks
    assert closed.nav is not None
    assert after.nav == pytest.approx(closed.nav + 160.0 * (25.5 - 101.0 / 4) / 1.081, rel=1e-12)

    told = desk.types("adjust", "list", "--instrument", "USA")
    assert "2020-05-11" in told.stdout
    again = desk.types(*split, "--ratio", "3")
    assert again.returncode != 0
    assert "took effect" in again.stdout + again.stderr


def test_every_snapshot_behind_and_before_the_split_is_that_of_the_reference(desk: Desk) -> None:
    stated = desk.stated()
    finding = check_recorded(read_inputs(desk.connections.kafka_bootstrap_servers), stated)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert finding.figures["compared"] >= 3
