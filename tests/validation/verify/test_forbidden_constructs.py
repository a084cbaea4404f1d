"""The core keeps the determinism contract; each way to break it is seen."""

import pytest

from validation.verify.forbidden_constructs import core_files, violations

BAD = {
    "import time": "imports time",
    "from random import random": "imports random",
    "import uuid": "imports uuid",
    "now = dt.datetime.now()": "reads a clock",
    "day = dt.date.today()": "reads a clock",
    "at = clock.monotonic_ns()": "reads a clock",
    "x = np.random.normal()": "draws from a generator of nobody's",
    "rng = np.random.default_rng()": "draws without a seed",
    "for x in {1, 2}:\n    pass": "goes over a set",
    "for x in set(a):\n    pass": "goes over a set",
    "y = [x for x in {z for z in a}]": "goes over a set",
    "y = {x: 1 for x in frozenset(a)}": "goes over a set",
    "s = set(a)\nfor x in s | t:\n    pass": "goes over a set: s | t",
    "s = set(a)\ny = list(s)": "goes over a set",
    "s = {1.5, 2.5}\ny = sum(s)": "goes over a set",
    "s = {'a'}\ny = ', '.join(s)": "goes over a set",
    "def f(s: set[str]) -> list[str]:\n    return [*s]": "goes over a set",
    "class A:\n    n: frozenset[str]\n    def f(self):\n        return tuple(self.n)": "goes",
    "y = list({1}.union(a))": "goes over a set",
}

GOOD = [
    "for x in sorted({1, 2}):\n    pass",
    "s = set(a)\ny = len(s)",
    "s = set(a)\ny = sorted(x for x in s)",
    "s = set(a)\ny = {x + 1 for x in s}",
    "s = set(a)\ny = any(x > 1 for x in s)",
    "rng = np.random.default_rng(7)",
    "for x in [1, 2]:\n    pass",
    "y = 1 in {1, 2}",
]


@pytest.mark.parametrize(("source", "said"), BAD.items())
def test_what_could_change_a_result_is_named_with_its_line(source, said):
    problems = violations(source, "core.py")
    assert problems
    assert all(problem.startswith("core.py:") for problem in problems)
    assert any(said.split(":")[0] in problem for problem in problems)


@pytest.mark.parametrize("source", GOOD)
def test_what_has_no_order_to_lose_is_allowed(source):
    assert violations(source, "core.py") == []


@pytest.mark.parametrize("path", core_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_core_reads_no_clock_draws_with_a_seed_and_keeps_order(path):
    assert violations(path.read_text("utf-8"), path.name) == []
