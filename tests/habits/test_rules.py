"""The counted rules, each on a small tree that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.habits.raising import error_bases, raising_functions
from tests.habits.ratchet import GrownError, grown, read_exceptions, shrunk, store
from tests.habits.rules import RULES, matches, too_full, too_long, without_raises, without_twin

ERRORS = '''
class WorldError(Exception):
    """The world's fault."""


class FieldError(WorldError):
    """A field is wrong."""
'''


@pytest.fixture
def write(tmp_path):
    def written(module: str, text: str = "") -> Path:
        path = tmp_path / module
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return written


def undocumented(tmp_path, write, body: str) -> dict[str, tuple[str, ...]]:
    write("system/errors.py", ERRORS)
    write("system/part.py", body)
    functions = raising_functions(tmp_path, "system/part.py", error_bases(tmp_path))
    return {function.place.partition("::")[2]: function.undocumented for function in functions}


SECTION = '"""Do.\n\n    Raises\n    ------\n    {}\n        If wrong.\n    """'


@pytest.mark.parametrize("named", ["FieldError", "WorldError", "KeyError, FieldError"])
def test_an_error_is_documented_by_its_name_or_that_of_a_base(tmp_path, write, named):
    body = f"def act():\n    {SECTION.format(named)}\n    raise FieldError('x')\n"
    assert undocumented(tmp_path, write, body) == {"act": ()}


@pytest.mark.parametrize("docstring", ['"""Do."""', SECTION.format("KeyError")])
def test_an_error_that_is_not_named_is_undocumented(tmp_path, write, docstring):
    body = f"def act():\n    {docstring}\n    raise FieldError('x')\n"
    assert undocumented(tmp_path, write, body) == {"act": ("FieldError",)}


def test_an_error_of_a_private_function_is_its_public_callers_error(tmp_path, write):
    body = (
        "def _check():\n    raise FieldError('x')\n\n\n"
        "def act():\n    _check()\n\n\n"
        "def careful():\n    try:\n        _check()\n    except WorldError:\n        pass\n"
    )
    assert undocumented(tmp_path, write, body) == {"act": ("FieldError",)}


@pytest.mark.parametrize(
    ("annotation", "errors"),
    [("FieldError", ("FieldError",)), ("FieldError | KeyError", ("FieldError", "KeyError"))],
)
def test_an_error_that_a_helper_returns_is_known_by_its_annotation(
    tmp_path, write, annotation, errors
):
    body = (
        f"def _refusal() -> {annotation}:\n    return FieldError('x')\n\n\n"
        "def act():\n    raise _refusal()\n"
    )
    assert undocumented(tmp_path, write, body) == {"act": errors}


@pytest.mark.parametrize(
    "raising",
    [
        "try:\n        pass\n    except KeyError as error:\n        raise error",
        "try:\n        pass\n    except KeyError:\n        raise",
        "try:\n        raise FieldError('x')\n    except WorldError:\n        pass",
        "raise typer.Exit(1)",
        "raise NotImplementedError",
    ],
)
def test_what_is_passed_on_caught_or_an_exit_code_is_not_counted(tmp_path, write, raising):
    assert undocumented(tmp_path, write, f"def act():\n    {raising}\n") == {}


@pytest.mark.parametrize(
    "head",
    [
        "def _act():",
        "@router.get('/x')\ndef act():",
        "def act(rate: Annotated[float, typer.Option()] = 1.0):",
    ],
)
def test_private_functions_and_pages_for_users_are_not_counted(tmp_path, write, head):
    assert undocumented(tmp_path, write, f"{head}\n    raise FieldError('x')\n") == {}


def test_a_class_documents_what_its_constructor_raises(tmp_path, write):
    body = (
        f"class Limit:\n    {SECTION.format('ValueError')}\n\n"
        "    def __post_init__(self):\n        raise ValueError\n"
    )
    assert undocumented(tmp_path, write, body) == {"Limit.__post_init__": ()}
    assert without_raises(tmp_path, "system") == {}


def test_a_module_is_tested_at_its_mirrored_path_or_with_servers(tmp_path, write):
    for module in ("risk/var", "store/history", "stream/__main__", "bus/reach", "__init__"):
        write(f"system/{module}.py")
    write("system/store/migrations/0001_first.py")
    write("tests/system/risk/test_var.py")
    write("tests/integration/store/test_history.py")
    write("tests/system/stream/test_main.py")
    write("tests/system/test_reach.py")
    assert without_twin(tmp_path, "system") == {"system/bus/reach.py": 1}


def test_lines_and_modules_are_counted_beyond_their_bounds_only(tmp_path, write):
    write("system/short.py", "\n" * 400)
    write("system/long.py", "\n" * 401)
    for number in range(13):
        write(f"system/m{number}.py")
    assert too_long(tmp_path, "system") == {"system/long.py": 1}
    assert too_full(tmp_path, "system") == {}
    write("system/one_more.py")
    assert too_full(tmp_path, "system") == {"system": 16}


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("loop-names", "for {} in rows: pass", "for row in rows: pass"),
        ("result-names", "{} = 1", "findings = 1"),
        ("docstrings", 'def act():\n    """{} it is."""', '"""Howitzers of the field."""'),
    ],
)
def test_words_are_counted_in_every_source(tmp_path, write, name, wrong, right):
    word = {"loop-names": "one", "result-names": "found", "docstrings": "What"}[name]
    write("tests/test_wrong.py", wrong.format(word))
    write("tests/test_right.py", right)
    breaches = {rule.name: rule.breaches for rule in RULES}[name]
    assert breaches(tmp_path) == {"tests/test_wrong.py": 1}


def test_a_pattern_is_counted_as_often_as_it_occurs(tmp_path, write):
    write("system/a.py", "x x\nx\n")
    assert matches("x")(tmp_path) == {"system/a.py": 3}


def test_the_list_may_shrink_or_move_and_may_not_grow(tmp_path):
    path = tmp_path / "exceptions.toml"
    stored = {"lines": {"system/a.py": 450, "system/b.py": 500}}
    store({"lines": {"system/moved/a.py": 450}}, stored, path)
    assert read_exceptions(path) == {"lines": {"system/moved/a.py": 450}}
    with pytest.raises(GrownError, match=r"lines: system/c\.py"):
        store({"lines": {**stored["lines"], "system/c.py": 450}}, stored, path)
    assert read_exceptions(path) == {"lines": {"system/moved/a.py": 450}}


def test_new_and_mended_places_are_told_apart():
    now, stored = {"a": 2, "b": 1, "c": 1}, {"a": 1, "b": 1, "d": 1, "c": 3}
    assert grown(now, stored) == {"a": 2}
    assert shrunk(now, stored) == {"d": 1, "c": 3}
