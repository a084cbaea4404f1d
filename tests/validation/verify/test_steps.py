"""The steps of verify leave out no test that has a marker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from validation.verify.steps import verify_steps

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("step", "marker"), [("references", "libraries"), ("integration", "integration")]
)
def test_a_step_names_every_file_or_folder_with_tests_of_its_marker(step: str, marker: str) -> None:
    [command] = next(each.commands for each in verify_steps(Path("build")) if each.name == step)
    named = [ROOT / argument for argument in command if argument.startswith("tests")]
    marked = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(rf"\bmark\.{marker}\b", path.read_text("utf-8"))
    ]
    assert marked
    assert [path for path in marked if not any(path.is_relative_to(place) for place in named)] == []
