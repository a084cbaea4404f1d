"""The schema's history is one chain: each step has its own number and follows the one before."""

from __future__ import annotations

from pathlib import Path

from alembic.script import ScriptDirectory

from system.store import migrations


def test_steps_form_one_chain_in_the_order_of_their_numbers() -> None:
    history = ScriptDirectory(str(Path(next(iter(migrations.__path__)))))
    newest_first = [step.revision for step in history.walk_revisions()]
    assert newest_first == sorted(newest_first, reverse=True)
    files = Path(history.versions).glob("[0-9]*.py")
    assert sorted(newest_first) == sorted(path.name[:4] for path in files)


def test_each_step_has_its_statements_beside_it() -> None:
    folder = Path(next(iter(migrations.__path__))) / "versions"
    scripts = {path.stem for path in folder.glob("[0-9]*.py")}
    assert scripts == {path.stem for path in folder.glob("*.sql")}
