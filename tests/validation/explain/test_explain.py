"""Explaining a record: to the bit where nothing was touched, and by name where something was."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from system.book.restore import restored_rows
from system.book.state.rows import ClosesState
from system.contracts.limits import LimitLevel
from system.contracts.messages import CloseHistory, PositionColumns, RiskSnapshot
from system.contracts.oracle import OracleVerdict
from system.exits import ExitCode
from system.settings import Connections
from system.store.postgres.history_fake import MemoryHistory
from system.store.records import BatchCommit
from tests.system.book.feed import (
    Feed,
    date_of,
    history,
    holding,
    live,
    portfolio,
    rate,
    tick,
    trade,
    walk,
)
from tests.system.book.state.test_sessions import sessions, share
from tests.validation.oracle.recorded import (
    RecordedFeed,
    foreign_and_optional,
    opened_and_recorded,
)
from validation.explain import inputs
from validation.explain.command import exit_code, explain
from validation.explain.explanation import Explanation, explanation
from validation.explain.inputs import Bundle, needed_closes, needed_instruments
from validation.explain.recompute import NOT_RECOMPUTED, recomputed


def traded(base_currency: str = "USD") -> RecordedFeed:
    feed = opened_and_recorded(base_currency)
    feed.send(tick("A", 101.3), rate("USD", 1.1203), tick("C", 905.5), tick("D", 3_013.25))
    feed.send(trade("t-1", "A", 5.5, 100.7), trade("t-2", "D", -0.5, 3_010.0))
    feed.close(0, tick("B", 96.4))
    feed.send(tick("A", 99.9, day=1))
    return feed


def bundle_of(feed: Feed, snapshot: RiskSnapshot) -> Bundle:
    """Return what the stack would give: rows of the book state."""
    names = (f"instrument:{name}" for name in needed_instruments(snapshot))
    rows = {key: feed.rows[key] for key in names if key in feed.rows}
    for name in needed_closes(snapshot, restored_rows(rows).instruments):
        wanted = {key for key in feed.rows if key.startswith("stressed:") and key.endswith(name)}
        rows |= {key: feed.rows[key] for key in {f"closes:{name}", *wanted} & feed.rows.keys()}
    return Bundle(snapshot=snapshot, rows={key: msgspec.Raw(row) for key, row in rows.items()})


def with_rows(bundle: Bundle, rows: dict[str, msgspec.Raw]) -> Bundle:
    return msgspec.structs.replace(bundle, rows=rows)


def explained(bundle: Bundle) -> Explanation:
    return explanation(bundle, not_recomputed=NOT_RECOMPUTED)


@pytest.fixture(params=["USD", "EUR"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    feed = traded(request.param)
    return bundle_of(feed, feed.announced[-1])


def with_row(bundle: Bundle, instrument: str, **changes: float) -> Bundle:
    rows = tuple(
        msgspec.structs.replace(row, **changes) if row.instrument == instrument else row
        for row in bundle.snapshot.positions
    )
    snapshot = msgspec.structs.replace(bundle.snapshot, positions=rows)
    return msgspec.structs.replace(bundle, snapshot=snapshot)


def test_a_live_snapshot_is_reproduced_to_the_bit_and_exact_arithmetic_agrees(
    bundle: Bundle,
) -> None:
    answer = explained(bundle)
    assert answer.differences == ()
    assert (answer.reproduced, answer.holds, exit_code(answer)) == (True, True, 0)
    assert answer.oracle.verdict is OracleVerdict.AGREED
    assert answer.var == bundle.snapshot.var


def test_an_end_of_day_is_reproduced_too() -> None:
    feed = traded()
    assert explained(bundle_of(feed, *feed.ends_of_day())).holds


def test_a_book_with_a_yen_option_pence_and_a_future_is_reproduced_and_agreed() -> None:
    feed = foreign_and_optional()
    for snapshot in feed.announced:
        answer = explained(bundle_of(feed, snapshot))
        assert (answer.differences, answer.changed_inputs) == ((), ())
        assert answer.oracle.verdict is OracleVerdict.AGREED, answer.oracle.detail
        assert exit_code(answer) == 0


def test_a_quote_that_hardly_depends_on_volatility_is_beyond_exact_arithmetic() -> None:
    feed = foreign_and_optional()
    years = 37 / 365
    least = 4_000.0 * math.exp(-0.02 * years) - 2_000.0 * math.exp(-0.01 * years)
    quotes = tick("Y", 4_000.0, day=3), tick("Y.CALL", least + 1e-4, day=3)
    snapshot = live(feed.send(*quotes), "O")
    answer = explained(bundle_of(feed, snapshot))
    assert answer.reproduced
    assert answer.oracle.verdict is OracleVerdict.UNCHECKED
    assert exit_code(answer) == ExitCode.INCOMPLETE


@pytest.mark.parametrize("price", [0.01, 1_990.0, 2_000.0 + 1e-7, 3_990.0])
def test_a_quote_that_no_volatility_gives_is_reproduced_and_the_oracle_agrees(price: float) -> None:
    feed = foreign_and_optional()
    quotes = tick("Y", 4_000.0, day=3), tick("Y.CALL", price, day=3)
    snapshot = live(feed.send(*quotes), "O")
    explanation = explained(bundle_of(feed, snapshot))
    assert [name.split()[0] for name in snapshot.outside_model] == (
        ["Y.CALL"] if price < 1_995.0 or price > 3_980.0 else []
    )
    assert snapshot.var is not None
    assert (explanation.differences, explanation.changed_inputs) == ((), ())
    assert explanation.oracle.verdict is not OracleVerdict.DIFFERS, explanation.oracle.detail
    if snapshot.outside_model:
        assert explanation.oracle.verdict is OracleVerdict.AGREED, explanation.oracle.detail


@pytest.fixture(scope="module")
def optional() -> Bundle:
    feed = foreign_and_optional()
    return bundle_of(feed, feed.announced[-1])


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (("greeks", "vega"), "greeks.vega"),
        (("delta_gamma_vega", "var"), "delta_gamma_vega.var"),
        (("stressed", 0, "var"), "stressed[0].var"),
        (("positions", 0, "option", "unit", "delta"), "positions[Y.CALL].option.unit.delta"),
        (("positions", 0, "option", "volatility"), "positions[Y.CALL].option.volatility"),
        (("limits", 0, "value"), "limits[0].value"),
    ],
)
def test_a_number_beside_var_that_was_changed_is_named(
    optional: Bundle, path: tuple[str | int, ...], named: str
) -> None:
    record = optional.snapshot
    if path[0] == "positions":
        [place] = [n for n, row in enumerate(record.positions) if row.instrument == "Y.CALL"]
        path = ("positions", place, *path[2:])
    wrong = nudged(record, path)
    answer = explained(msgspec.structs.replace(optional, snapshot=wrong))
    assert [difference.field for difference in answer.differences] == [named]
    assert exit_code(answer) == ExitCode.FAILED


def test_what_a_limit_had_raised_depends_on_what_was_before_and_is_not_recomputed(
    optional: Bundle,
) -> None:
    record = optional.snapshot
    limits = tuple(msgspec.structs.replace(use, raised=LimitLevel.WARNING) for use in record.limits)
    assert limits
    raised = msgspec.structs.replace(record, limits=limits)
    answer = explained(msgspec.structs.replace(optional, snapshot=raised))
    assert answer.reproduced
    assert "limits.raised" in answer.not_recomputed


@pytest.mark.parametrize(
    ("option", "field"), [("Y.CALL", "quantity"), ("Y.CALL", "price"), ("B.PUT", "option.spot")]
)
def test_an_input_of_an_option_that_was_changed_is_named(
    optional: Bundle, option: str, field: str
) -> None:
    record = optional.snapshot
    [place] = [n for n, row in enumerate(record.positions) if row.instrument == option]
    recomputed_numbers = recomputed(
        msgspec.structs.replace(
            optional, snapshot=nudged(record, ("positions", place, *field.split(".")), 1.01)
        )
    )
    [named] = recomputed_numbers.changed_inputs
    assert named.startswith(f"positions[{option}].{field}: with ")


def test_a_day_that_time_to_expiry_does_not_count_from_is_named(optional: Bundle) -> None:
    record = optional.snapshot
    assert record.valuation_date is not None
    later = msgspec.structs.replace(
        record, valuation_date=record.valuation_date + dt.timedelta(days=1)
    )
    [named] = recomputed(msgspec.structs.replace(optional, snapshot=later)).changed_inputs
    assert named.startswith(f"valuation_date: with {record.valuation_date} ")


def nudged(value: object, path: tuple[str | int, ...], factor: float | None = None) -> object:
    """Return a struct with one number inside it changed in its last bit, or by a factor."""
    if not path:
        assert isinstance(value, float)
        return math.nextafter(value, math.inf) if factor is None else value * factor
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        assert isinstance(value, tuple | PositionColumns)
        return (*value[:first], nudged(value[first], rest, factor), *value[first + 1 :])
    return msgspec.structs.replace(value, **{first: nudged(getattr(value, first), rest, factor)})


def test_steps_lead_to_the_number(bundle: Bundle) -> None:
    answer, record = explained(bundle), bundle.snapshot
    assert len(answer.window_dates) == record.scenario_count
    [var_step] = [step for step in answer.scenarios if step.is_var]
    assert var_step.rank == record.tail_rank == answer.tail_rank
    assert var_step.date == record.scenario_date
    assert -var_step.pnl == pytest.approx(record.var)
    weighted = sum(step.weight * step.pnl for step in answer.scenarios)
    assert -weighted / answer.tail_mass == pytest.approx(record.expected_shortfall)
    assert sum(step.weight for step in answer.scenarios) == pytest.approx(answer.tail_mass)
    assert sum(row.component_var or 0.0 for row in answer.positions) == pytest.approx(record.var)
    assert sum(row.value for row in answer.positions) == pytest.approx(record.value)


@pytest.mark.parametrize("field", ["var", "nav", "expected_shortfall", "value", "diversification"])
def test_a_number_that_was_changed_in_its_last_bit_is_named(bundle: Bundle, field: str) -> None:

    changed = math.nextafter(getattr(bundle.snapshot, field), math.inf)
    snapshot = msgspec.structs.replace(bundle.snapshot, **{field: changed})
    answer = explained(msgspec.structs.replace(bundle, snapshot=snapshot))
    assert [difference.field for difference in answer.differences] == [field]
    assert answer.changed_inputs == ()
    assert exit_code(answer) == ExitCode.FAILED


def test_a_component_that_was_changed_is_named(bundle: Bundle) -> None:
    answer = explained(with_row(bundle, "C", component_var=1.0))
    assert [difference.field for difference in answer.differences] == ["positions[C].component_var"]
    assert answer.oracle.verdict is OracleVerdict.DIFFERS


@pytest.mark.parametrize(
    ("instrument", "field"),
    [("A", "quantity"), ("B", "quantity"), ("E", "quantity"), ("A", "price"), ("D", "price")],
)
def test_an_input_that_was_changed_is_named_with_the_value_it_had(
    bundle: Bundle, instrument: str, field: str
) -> None:
    [row] = [
        position for position in bundle.snapshot.positions if position.instrument == instrument
    ]
    before = getattr(row, field)
    recomputed_numbers = recomputed(with_row(bundle, instrument, **{field: before * 1.5}))
    assert not recomputed_numbers.is_same
    [named] = recomputed_numbers.changed_inputs
    assert named.startswith(f"positions[{instrument}].{field}: with {before!r} ")


def test_settings_and_closes_that_were_changed_are_named(bundle: Bundle) -> None:
    other = msgspec.structs.replace(bundle.snapshot, confidence="0.9")
    [named] = recomputed(msgspec.structs.replace(bundle, snapshot=other)).changed_inputs or ("",)
    assert "inputs_hash" in named or "confidence" in named
    kept = bundle.kept.closes["A"]
    moved = ClosesState(
        dates=kept.dates, values=(*kept.values[:-3], kept.values[-3] * 1.01, *kept.values[-2:])
    )
    rows = {**bundle.rows, "closes:A": msgspec.Raw(msgspec.json.encode(moved))}
    [named] = recomputed(with_rows(bundle, rows)).changed_inputs
    assert "closes or reference data" in named


def test_a_breach_that_does_not_follow_is_named() -> None:
    feed = traded()
    feed.close(1, tick("B", 96.0, day=1))
    end = feed.announced[-1]
    assert end.breach is not None
    wrong = msgspec.structs.replace(end, breach=not end.breach)
    answer = explained(bundle_of(feed, wrong))
    assert [difference.field for difference in answer.differences] == ["breach"]


@pytest.fixture
def command() -> tuple[typer.Typer, CliRunner]:
    app = typer.Typer()
    app.command()(explain)
    return app, CliRunner()


def test_the_command_reads_a_saved_file_offline_and_prints_every_step(
    bundle: Bundle, tmp_path: Path, command: tuple[typer.Typer, CliRunner]
) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(msgspec.json.encode(bundle))
    app, runner = command
    said = runner.invoke(app, [str(path)])
    assert said.exit_code == 0, said.output
    for words in (
        "1. positions",
        "2. window",
        "3. scenario P&L",
        "reproduced to the bit",
        "agreed",
    ):
        assert words in said.output
    printed = runner.invoke(app, [str(path), "--json"])
    assert json.loads(printed.stdout)["reproduced"] is True


def test_a_changed_record_against_kept_inputs_fails_and_says_which(
    bundle: Bundle, tmp_path: Path, command: tuple[typer.Typer, CliRunner]
) -> None:
    inputs, record = tmp_path / "inputs.json", tmp_path / "record.json"
    inputs.write_bytes(msgspec.json.encode(bundle))
    wrong = msgspec.structs.replace(bundle.snapshot, var=bundle.snapshot.var + 1.0)
    record.write_bytes(msgspec.json.encode(wrong))
    app, runner = command
    said = runner.invoke(app, [str(record), "--inputs", str(inputs)])
    assert said.exit_code == ExitCode.FAILED
    assert "var: recorded" in said.output


def test_what_cannot_be_gathered_is_said_and_is_no_pass(
    tmp_path: Path, command: tuple[typer.Typer, CliRunner], bundle: Bundle
) -> None:
    path = tmp_path / "bad.json"
    path.write_text("{}")
    app, runner = command
    assert runner.invoke(app, [str(path), "--inputs", str(path)]).exit_code == ExitCode.INCOMPLETE
    path.write_bytes(msgspec.json.encode(with_rows(bundle, {})))
    said = runner.invoke(app, [str(path)])
    assert said.exit_code == ExitCode.INCOMPLETE
    assert "no reference data" in " ".join(said.output.split())


class Kept(MemoryHistory):
    """The history of a stream that was committed, opened as the real one is."""

    rows: ClassVar[dict[str, bytes]] = {}
    snapshots_kept: ClassVar[tuple[RiskSnapshot, ...]] = ()

    def __init__(self, database_url: str) -> None:
        super().__init__()
        fence = self.acquire_fence()
        self.commit(BatchCommit(fence, 0, {}, self.rows, snapshots=self.snapshots_kept))


def test_a_stored_snapshot_is_found_by_its_id_with_the_rows_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = traded()
    [end] = feed.ends_of_day()
    monkeypatch.setattr(Kept, "rows", feed.rows)
    monkeypatch.setattr(Kept, "snapshots_kept", (end,))
    monkeypatch.setattr(inputs, "RiskHistory", Kept)
    where = Connections({"database_url": "postgresql://nowhere"}, Path("nowhere"))
    bundle = inputs.gathered(end.snapshot_id, where, inputs=None)
    assert bundle.snapshot == end
    assert explained(bundle).holds
    with pytest.raises(inputs.RecordNotFoundError, match="no file, no address, and no snapshot"):
        inputs.gathered("nobody-1-1", where, inputs=None)


def test_carried_closes_and_holidays_are_explained_with_the_sessions_behind_them(
    monkeypatch: pytest.MonkeyPatch, command: tuple[typer.Typer, CliRunner], tmp_path: Path
) -> None:
    """T has a holiday in Tokyo, and U misses a session there: both follow from the table."""
    feed = RecordedFeed()
    table = sessions("XTKS", 6.0, [day for day in range(-10, 6) if day != -4])
    for name, gap in (("T", -4), ("U", -3)):
        points = [point for point in history(name, walk(8)).closes if point.date != date_of(gap)]
        feed.send(share(name, "XTKS"), CloseHistory(series=name, closes=tuple(points)))
    feed.send(table, portfolio("S", holding("T", 10.0), holding("U", 5.0)))
    snapshot = live(feed.book.revalue(fence=1, epoch=9), "S")
    assert [series.missed_sessions for series in snapshot.carried] == [0, 1]
    monkeypatch.setattr(Kept, "rows", feed.rows)
    monkeypatch.setattr(Kept, "snapshots_kept", (snapshot,))
    monkeypatch.setattr(inputs, "RiskHistory", Kept)
    where = Connections({"database_url": "postgresql://nowhere"}, Path("nowhere"))
    bundle = inputs.gathered(snapshot.snapshot_id, where, inputs=None)
    assert explained(bundle).holds
    path = tmp_path / "bundle.json"
    path.write_bytes(msgspec.json.encode(bundle))
    app, runner = command
    said = runner.invoke(app, [str(path)])
    assert said.exit_code == 0
    assert f"carried: U, 1 days up to {date_of(-3)}, 1 sessions missed" in said.output
