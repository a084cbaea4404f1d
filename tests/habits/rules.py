"""House rules that can be counted: each maps the places that break it to a figure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.habits.raising import error_bases, raising_functions
from tests.habits.sources import PACKAGES, TESTS, has_twin, is_numbered, modules

MAX_LINES: Final = 400
MAX_MODULES: Final = 15
EVERYWHERE: Final = (*PACKAGES, TESTS, "compose")

Breaches = Mapping[str, int]


@dataclass(frozen=True)
class Rule:
    """A rule, and the function that counts what breaks it.

    Parameters
    ----------
    name : str
        Its table in ``exceptions.toml``.
    sentence : str
        What it asks for.
    breaches : callable
        Returns each place that breaks it, with a figure that may only shrink.
    """

    name: str
    sentence: str
    breaches: Callable[[Path], Breaches]


def without_twin(root: Path, *packages: str) -> Breaches:
    """Return the modules without a test at the mirrored path; numbered steps need none."""
    return {
        module: 1
        for module in modules(root, *packages)
        if not is_numbered(module) and not has_twin(root, module)
    }


def too_long(root: Path, *folders: str) -> Breaches:
    """Return the modules of more than ``MAX_LINES`` lines; a docstring more is no new breach."""
    return {
        module: 1
        for module in modules(root, *folders)
        if len((root / module).read_text("utf-8").splitlines()) > MAX_LINES
    }


def too_full(root: Path, *folders: str) -> Breaches:
    """Return the folders of more than ``MAX_MODULES`` modules."""
    counts = Counter(
        Path(module).parent.as_posix()
        for module in modules(root, *folders)
        if not is_numbered(module)
    )
    return {folder: count for folder, count in sorted(counts.items()) if count > MAX_MODULES}


def without_raises(root: Path, *packages: str) -> Breaches:
    """Return the public functions that raise an exception which they do not document."""
    bases = error_bases(root)
    return {
        function.place: len(function.undocumented)
        for module in modules(root, *packages)
        for function in raising_functions(root, module, bases)
        if function.undocumented
    }


def matches(pattern: str) -> Callable[[Path], Breaches]:
    """Return a rule's function that counts the matches of a pattern in each source."""
    expression = re.compile(pattern)

    def breaches(root: Path) -> Breaches:
        counts = {
            module: len(expression.findall((root / module).read_text("utf-8")))
            for module in modules(root, *EVERYWHERE)
        }
        return {module: count for module, count in counts.items() if count}

    return breaches


RULES: Final = (
    Rule(
        "twin-tests",
        "every module of system has its test at the mirrored path",
        lambda root: without_twin(root, "system"),
    ),
    Rule(
        "raises",
        "every public function that raises documents it",
        lambda root: without_raises(root, *PACKAGES),
    ),
    Rule(
        "lines",
        f"no module is over {MAX_LINES} lines",
        lambda root: too_long(root, *PACKAGES, TESTS),
    ),
    Rule(
        "folders",
        f"no folder has more than {MAX_MODULES} modules",
        lambda root: too_full(root, *PACKAGES, TESTS),
    ),
    Rule("loop-names", "a loop names its element", matches(r"\bfor one\s+in\b")),
    Rule("result-names", "a result is named for what it is", matches(r"\bfound\s=\s")),
    Rule(
        "docstrings",
        "a docstring opens with a noun or an imperative verb",
        matches(r'"""(?:What|Where|Whether|How|From|Whose)\b'),
    ),
)
