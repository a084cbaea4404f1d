"""The kill table: what counts as a kill, and that a tree is left as it was."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from validation.kill_table.copies import KillerRun, TreeCopy
from validation.kill_table.records import Mutant, Patch, Target
from validation.kill_table.table import (
    MutantResult,
    Row,
    control_finding,
    deal,
    fate_of,
    findings,
    run_table,
    strike,
)
from validation.run.command import CommandResult
from validation.verdict import Verdict

OURS = "def double(number):\n    return 2 * number\n"
TEST = """from system.sums import double


def test_twice_three_is_six():
    assert double(3) == 6


def test_twice_nothing_is_nothing():
    assert double(0) == 0
"""
KILLER = "tests/test_sums.py::test_twice_three_is_six"


def run(exit_code: int, *messages: str, ending: str = "ended") -> KillerRun:
    cases = []
    for message in messages:
        case = ET.Element("testcase")
        if message:
            ET.SubElement(case, "failure", message=message)
        cases.append(case)
    return KillerRun(CommandResult(ending=ending, exit_code=exit_code, seconds=1.0), cases)


def mutant(put: str, *, find: str = "2 * number", killer: str = KILLER) -> Mutant:
    patch = Patch("system/sums.py", find, put)
    return Mutant(
        name="planted", defect="a wrong sum", target=Target.PRODUCT, killer=killer, patches=(patch,)
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project with the folders that a copy has, and the packages that it must hold."""
    root = tmp_path / "tree"
    for name in ("system", "validation", "loadtests", "tests"):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").touch()
    ours = Path(__file__).parents[3] / "validation" / "kill_table" / "inside.py"
    (root / "validation" / "kill_table").mkdir()
    (root / "validation" / "kill_table" / "__init__.py").touch()
    (root / "validation" / "kill_table" / "inside.py").write_bytes(ours.read_bytes())
    (root / "system" / "sums.py").write_text(OURS)
    (root / "tests" / "test_sums.py").write_text(TEST)
    return root


def test_an_assertion_that_fails_is_a_kill() -> None:
    assert fate_of(run(1, "assert 7 == 6")) == (MutantResult.KILLED, "assert 7 == 6")
    assert fate_of(run(1, "NameError: x", "assert 7 == 6"))[0] is MutantResult.KILLED


def test_code_that_breaks_down_is_no_kill() -> None:
    assert fate_of(run(1, "NameError: name 'x' is not defined"))[0] is MutantResult.BROKEN
    assert fate_of(run(2))[0] is MutantResult.BROKEN
    assert fate_of(run(0))[0] is MutantResult.BROKEN


def test_a_killer_that_passes_or_gives_no_verdict_is_no_kill() -> None:
    assert fate_of(run(0, ""))[0] is MutantResult.SURVIVED
    assert fate_of(run(1, ending="timed out"))[0] is MutantResult.TIMED_OUT


@pytest.mark.parametrize("fate", MutantResult)
def test_only_a_kill_passes(fate: MutantResult) -> None:
    row = Row(
        name="planted",
        defect="a wrong sum",
        target=Target.PRODUCT,
        files=("system/sums.py",),
        killer=KILLER,
        fate=fate,
        said="",
        seconds=1.0,
    )
    [_, found] = findings(control_finding([run(0, "")], 1), [row])
    assert (found.verdict is Verdict.PASSED) == (fate is MutantResult.KILLED)


def test_the_control_fails_where_a_killer_fails_or_did_not_run() -> None:
    assert control_finding([run(0, "", ""), run(0, "")], 3).verdict is Verdict.PASSED
    assert control_finding([run(0, "", ""), run(0)], 3).verdict is Verdict.FAILED
    assert control_finding([run(1, "", "assert 0")], 1).verdict is Verdict.FAILED
    assert control_finding([run(4)], 0).verdict is Verdict.FAILED


def test_a_defect_is_killed_in_a_copy_and_the_tree_stays_as_it_was(tree: Path) -> None:
    control, [killed] = run_table(tree, [mutant("3 * number")], libraries=())
    assert control.verdict is Verdict.PASSED
    assert killed.fate is MutantResult.KILLED
    assert "9 == 6" in killed.said
    assert (tree / "system" / "sums.py").read_text() == OURS


def test_survivors_and_stale_records_are_told_apart_and_a_copy_is_restored(
    tree: Path, tmp_path: Path
) -> None:
    blind = "tests/test_sums.py::test_twice_nothing_is_nothing"
    with TreeCopy(tree, tmp_path / "copy", libraries=()) as copy:
        assert strike(mutant("3 * number", killer=blind), copy).fate is MutantResult.SURVIVED
        assert strike(mutant("3 * number", find="number"), copy).fate is MutantResult.STALE
        assert strike(mutant("3 * number", find="nowhere"), copy).fate is MutantResult.STALE
        assert strike(mutant("2 * numbr"), copy).fate is MutantResult.BROKEN
    assert (copy.folder / "system" / "sums.py").read_text() == OURS


def test_a_planted_file_leaves_no_bytecode_and_is_not_run_from_that_of_the_control(
    tree: Path, tmp_path: Path
) -> None:
    with TreeCopy(tree, tmp_path / "copy", libraries=()) as copy:
        copy.run([KILLER], bound_s=60, keep_bytecode=True)
        compiled = bytecode(copy.folder)
        assert {"sums", "test_sums"} <= {path.name.partition(".")[0] for path in compiled}
        source = copy.folder / "system" / "sums.py"
        compiled_second = int(source.stat().st_mtime)
        with copy.holding({source: OURS.replace("2", "3")}):
            assert int(source.stat().st_mtime) != compiled_second
        assert strike(mutant("3 * number"), copy).fate is MutantResult.KILLED
        assert bytecode(copy.folder) == compiled


def bytecode(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*.pyc")}


def test_defects_that_one_file_of_tests_kills_share_a_lane() -> None:
    killers = [f"tests/test_{file}.py::test_{number}" for file in "abc" for number in range(4)]
    mutants = [mutant("3 * number", killer=killer) for killer in killers]
    lanes = deal(mutants, 2)
    files = [{planted.killer.partition("::")[0] for planted in lane} for lane in lanes]
    assert not files[0] & files[1]
    assert sorted(map(len, lanes)) == [4, 8]


def test_code_from_outside_the_copy_is_not_judged(tree: Path, tmp_path: Path) -> None:
    with TreeCopy(tree, tmp_path / "copy", libraries=()) as copy:
        plugin = copy.folder / "validation" / "kill_table" / "inside.py"
        plugin.write_text(plugin.read_text().replace('("system", ', '("json", '))
        assert strike(mutant("3 * number"), copy).fate is MutantResult.BROKEN
