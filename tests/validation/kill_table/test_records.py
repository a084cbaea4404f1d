"""The records of planted defects: whole, fresh, and none of the list left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from validation.kill_table.records import (
    MUTANTS,
    RecordError,
    StaleRecordError,
    Target,
    planted,
    read_mutants,
    read_not_applicable,
)

ROOT = Path(__file__).parents[3]
LISTED = (
    "quantile rank off by one",
    "interpolation",
    "abs of VaR",
    "floor on VaR",
    "sign of shorts",
    "log returns",
    "29-day window",
    "31-day window",
    "look-ahead",
    "VaR a day late",
    "FX ignored",
    "FX applied outside the scenario",
    "GBp as GBP",
    "multiplier ignored",
    "option delta only",
    "stale price reused silently",
    "dropped partition",
    "tick counted twice",
    "trade counted twice",
    "late tick accepted over a newer one",
    "end of day before the last tick",
    "component not adding up",
    "cached VaR after a trade",
    "breach with >= instead of >",
    "ES as mean of worst k",
    "rejected message lost",
    "timestamps from two clocks",
)
"""The defects that must be planted, or said not to be applicable with a reason."""


@pytest.mark.parametrize("defect", LISTED)
def test_every_listed_defect_is_planted_or_said_not_to_be_applicable(defect: str) -> None:
    names = [record.defect for record in (*read_mutants(), *read_not_applicable())]
    assert any(name.startswith(defect) for name in names)


def test_nothing_is_both_planted_and_not_applicable() -> None:
    mutants = {mutant.defect for mutant in read_mutants()}
    assert not mutants & {entry.defect for entry in read_not_applicable()}


def test_checkers_have_defects_of_their_own() -> None:
    targets = {mutant.files[0].split("/")[0]: mutant.target for mutant in read_mutants()}
    assert targets == {
        "system": Target.PRODUCT,
        "validation": Target.CHECKER,
        "loadtests": Target.CHECKER,
    }


@pytest.mark.parametrize("mutant", read_mutants(), ids=lambda one: one.name)
def test_no_record_is_stale_and_every_killer_is_there(mutant) -> None:
    changed = planted(mutant, ROOT)
    assert all(text != path.read_text("utf-8") for path, text in changed.items())
    file, _, name = mutant.killer.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text("utf-8")


def test_a_text_that_is_not_there_once_is_stale(tmp_path: Path) -> None:
    [mutant] = [planted for planted in read_mutants() if planted.name == "log-returns"]
    with pytest.raises(StaleRecordError, match="is not there"):
        planted(mutant, tmp_path)
    target = tmp_path / mutant.files[0]
    target.parent.mkdir(parents=True)
    target.write_text(mutant.patches[0].find * 2)
    with pytest.raises(StaleRecordError, match="2 times"):
        planted(mutant, tmp_path)


@pytest.mark.parametrize("text", ["defect = ", 'defect = "a"', 'unknown = "b"'])
def test_a_file_that_is_no_record_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(RecordError, match=r"bad\.toml"):
        read_mutants(tmp_path)


def test_names_are_those_of_the_files() -> None:
    assert [mutant.name for mutant in read_mutants()] == sorted(
        path.stem for path in MUTANTS.glob("*.toml") if path.stem != "not-applicable"
    )
