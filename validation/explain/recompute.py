"""A snapshot made anew from its inputs by the product's own functions, and compared to the bit.

The inputs carry a hash. If it is not met, one of them was changed after the snapshot was made:
each is then worked back from the others, and the one that meets the hash is named.
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from system.book.questions.snapshot_book import SnapshotInputs, moment_of, recalled_book
from system.book.restore import restored_market
from system.book.state.market import Staleness
from system.book.valuation.snapshot import risk_snapshot
from system.contracts.messages import MONEY, PositionRisk, RiskSnapshot, SnapshotKind
from system.risk.breach import is_breach
from system.risk.currency import rate_to_base
from validation.explain.inputs import Bundle

STALENESS: Final = Staleness(0)
"""A recorded snapshot says itself which of its prices were stale."""

NOT_RECOMPUTED: Final = (
    "daily_pnl",
    "previous_var",
    "hypothetical_pnl",
    "realised_pnl",
    "option_pnl",
    "limits.raised",
    "suspect_ticks",
    "waiting_trades",
)
"""Follow from the close, the trades or the snapshots before, which a snapshot does not hold."""
NAMES: Final = ("snapshot_id", "kind", "stages", "trade_ids", "message_version")
"""Say which snapshot it is, and when it was made."""
NUMBERS: Final = tuple(
    name
    for name in RiskSnapshot.__struct_fields__
    if name not in {*NAMES, *NOT_RECOMPUTED, "positions", "breach"}
)
"""Compared to the bit; ``breach`` is made anew from the record's own P&L and VaR."""
POSITION_NUMBERS: Final = tuple(
    name for name in PositionRisk.__struct_fields__ if name != "realised_pnl"
)
NEIGHBOURS: Final = 2
SPOT: Final = "option.spot"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A field whose recorded value is not the recomputed one, to the bit."""

    field: str
    recorded: str
    recomputed: str


class Recomputed(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as its inputs make it, and where the record differs.

    ``changed_inputs`` names inputs that were changed after the snapshot was made, with the
    value that meets its hash.
    """

    snapshot: RiskSnapshot
    compared: int
    differences: tuple[Difference, ...]
    changed_inputs: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Return whether every compared field has the recorded bits."""
        return not self.differences and not self.changed_inputs


def recomputed(bundle: Bundle) -> Recomputed:
    """Return a record made anew, and every field that differs.

    Parameters
    ----------
    bundle : Bundle
        The record and its inputs.

    Raises
    ------
    NotRecalledError
        If an instrument has no reference data in the bundle, or had no price.
    """
    record, recall = bundle.snapshot, recall_of(bundle)
    anew = _anew(record, recall)
    differences = tuple(_differences(_unraised(record), anew))
    met = record.inputs_hash == anew.inputs_hash
    return Recomputed(
        snapshot=anew,
        compared=len(NUMBERS) + len(POSITION_NUMBERS) * len(record.positions),
        differences=differences,
        changed_inputs=() if met else tuple(_changed_inputs(record, recall)),
    )


def recall_of(bundle: Bundle) -> SnapshotInputs:
    """Return what the bundle's snapshot is recalled from."""
    return SnapshotInputs(restored_market(bundle.kept, STALENESS))


def _anew(record: RiskSnapshot, recall: SnapshotInputs) -> RiskSnapshot:
    return risk_snapshot(recalled_book(record, recall), moment_of(record))


def _unraised(record: RiskSnapshot) -> RiskSnapshot:
    """Return a record without what its limits had raised: that depends on those before it."""
    limits = tuple(msgspec.structs.replace(limit, raised=None) for limit in record.limits)
    return msgspec.structs.replace(record, limits=limits)


def _differences(record: RiskSnapshot, anew: RiskSnapshot) -> Iterator[Difference]:
    for field in NUMBERS:
        yield from _compared(field, getattr(record, field), getattr(anew, field))
    rows = {position.instrument: position for position in anew.positions}
    for row in record.positions:
        for field in POSITION_NUMBERS:
            name = f"positions[{row.instrument}].{field}"
            yield from _compared(name, getattr(row, field), getattr(rows[row.instrument], field))
    breach = _breach(record)
    yield from _compared("breach", record.breach, breach)


def _compared(field: str, recorded: object, anew: object) -> Iterator[Difference]:
    """Yield where two values differ, by the name of the innermost field."""
    if _bits(recorded) == _bits(anew):
        return
    if isinstance(recorded, msgspec.Struct) and isinstance(anew, type(recorded)):
        for name in recorded.__struct_fields__:
            yield from _compared(f"{field}.{name}", getattr(recorded, name), getattr(anew, name))
    elif isinstance(recorded, tuple) and isinstance(anew, tuple) and len(recorded) == len(anew):
        for index, (mine, other) in enumerate(zip(recorded, anew, strict=True)):
            yield from _compared(f"{field}[{index}]", mine, other)
    else:
        yield Difference(field=field, recorded=_text(recorded), recomputed=_text(anew))


def _bits(value: object) -> object:
    """Return a value that is equal only where the bits are: 0.0 is not -0.0."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, msgspec.Struct):
        return tuple(map(_bits, msgspec.structs.astuple(value)))
    if isinstance(value, tuple):
        return tuple(map(_bits, value))
    return value


def _text(value: object) -> str:
    return repr(value) if not isinstance(value, str) else value


def _breach(record: RiskSnapshot) -> bool | None:
    """Return the breach that follows from the record's own P&L and VaR of the day before."""
    if record.kind is not SnapshotKind.END_OF_DAY:
        return None
    if record.hypothetical_pnl is None or record.previous_var is None:
        return None
    return is_breach(-record.hypothetical_pnl, record.previous_var)


def _changed_inputs(record: RiskSnapshot, recall: SnapshotInputs) -> Iterator[str]:
    """Yield single inputs whose correction meets the hash; if none does, say so."""
    explains = False
    for name, value, candidate in _candidates(record, recall):
        if _anew(candidate, recall).inputs_hash == record.inputs_hash:
            explains = True
            yield f"{name}: with {value} the inputs are those of the hash"
            break
    if not explains:
        yield "inputs_hash: no single input of the record accounts for it; closes or reference data"


def _candidates(
    record: RiskSnapshot, recall: SnapshotInputs
) -> Iterator[tuple[str, object, RiskSnapshot]]:
    """Yield (field, value, record with it): each input worked back from what it led to."""
    yield from _settings(record)
    yield from _valuation_dates(record, recall)
    for index, row in enumerate(record.positions):
        rate = rate_to_base(row.currency, record.base_currency, record.rates)
        per_unit = recall.market.listing(row.instrument).multiplier * rate
        for field, value in _worked_back(row, per_unit):
            rows = (*record.positions[:index], _with(row, field, value))
            changed = msgspec.structs.replace(
                record, positions=(*rows, *record.positions[index + 1 :])
            )
            yield f"positions[{row.instrument}].{field}", value, changed


def _with(row: PositionRisk, field: str, value: float) -> PositionRisk:
    if field != SPOT:
        return msgspec.structs.replace(row, **{field: value})
    assert row.option is not None, f"{row.instrument} is no option"
    return msgspec.structs.replace(row, option=msgspec.structs.replace(row.option, spot=value))


def _valuation_dates(
    record: RiskSnapshot, recall: SnapshotInputs
) -> Iterator[tuple[str, object, RiskSnapshot]]:
    """Yield the day that time to expiry counted from, by what each option says is left."""
    for row in record.positions:
        terms = recall.market.listing(row.instrument).option
        if row.option is not None and terms is not None:
            date = terms.expiry - dt.timedelta(days=row.option.days_to_expiry)
            yield "valuation_date", date, msgspec.structs.replace(record, valuation_date=date)


def _settings(record: RiskSnapshot) -> Iterator[tuple[str, object, RiskSnapshot]]:
    window = record.scenario_count
    yield "window", window, msgspec.structs.replace(record, window=window)
    for confidence in ("0.95", "0.975", "0.99", "0.9"):
        changed = msgspec.structs.replace(record, confidence=confidence)
        yield "confidence", confidence, changed


def _worked_back(row: PositionRisk, per_unit: float) -> Iterator[tuple[str, float]]:
    """Yield candidates for quantity, price and cost, with their nearest neighbours."""
    if row.asset_class in MONEY:
        yield from (("quantity", value) for value in _around(row.delta))
        return
    if row.option is not None:
        yield from _option_worked_back(row, per_unit)
        return
    if per_unit:
        yield from (("quantity", value) for value in _around(row.delta / per_unit))
    if row.delta:
        price = row.exposure / row.delta
        yield from (("price", value) for value in _around(price))
        cost = row.price - row.unrealised_pnl / row.delta
        yield from (("average_cost", value) for value in _around(round(cost, 10)))


def _option_worked_back(row: PositionRisk, per_unit: float) -> Iterator[tuple[str, float]]:
    """Yield candidates from what an option is worth, and is exposed to."""
    option = row.option
    assert option is not None, f"{row.instrument} is no option"
    if per_unit and row.price:
        yield from (("quantity", value) for value in _around(row.value / row.price / per_unit))
    if per_unit and row.quantity:
        units = per_unit * row.quantity
        yield from (("price", value) for value in _around(row.value / units))
        cost = row.price - row.unrealised_pnl / units
        yield from (("average_cost", value) for value in _around(round(cost, 10)))
    if option.position is not None and option.position.delta:
        yield from ((SPOT, value) for value in _around(row.exposure / option.position.delta))


def _around(value: float) -> Iterator[float]:
    """Yield a number, its decimal rounding, and its neighbours in floating point."""
    if not math.isfinite(value):
        return
    yield value
    yield round(value, 6)
    low = high = value
    for _ in range(NEIGHBOURS):
        low, high = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
        yield low
        yield high
