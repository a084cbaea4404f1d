"""Parser of scenario files: every problem is named with file, line, key and value."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from system.contracts.messages import Signed
from system.contracts.text.checked import field_and_detail, shows_value
from validation.scenarios.file.constraint_text import (
    allowed_at,
    field_names_at,
    suggestion,
    tag_sentence,
)
from validation.scenarios.file.errors import ScenarioError
from validation.scenarios.file.format import ScenarioFile
from validation.scenarios.file.toml_lines import KeyPath, key_lines, line_of

SUFFIX: Final = ".toml"
HASH_DIGITS: Final = 12
LARGEST_BYTES: Final = 1_000_000
LONGEST_VALUE: Final = 60
_AT: Final = re.compile(r" - at `(key in )?\$(.*)`$")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_UNKNOWN: Final = re.compile(r"unknown field `(.*)`")
_TAGGED: Final = "Invalid value"
_LIST: Final = "Expected `array`, got"
_BYTE_ORDER_MARK: Final = "\ufeff"
_ONE_TABLE: Final = "Expected `array`, got `object`"


@dataclass(frozen=True)
class Scenario:
    """A scenario file that was read.

    Parameters
    ----------
    path : Path
        Where it was.
    file : ScenarioFile
        What it says.
    content_hash : str
        First ``HASH_DIGITS`` digits of the SHA-256 of its bytes.
    lines : mapping
        Where its keys stand.
    """

    path: Path
    file: ScenarioFile
    content_hash: str
    lines: Mapping[KeyPath, int]

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.name.removesuffix(SUFFIX)

    def error(self, path: KeyPath, problem: str) -> ScenarioError:
        """Return an error about a key, with its line."""
        named = f"{_dotted(path)}: " if path else ""
        return ScenarioError(self.path, line_of(path, self.lines), f"{named}{problem}")


def read_scenario(path: Path) -> Scenario:
    """Return the scenario of a file, its keys, types and bounds checked.

    What needs the market (names of instruments, number of days) is checked by
    ``validation.scenarios.story.story``.

    Raises
    ------
    ScenarioError
        If it cannot be read, is no TOML, or has a key or value that is not allowed.
    """
    content = _content(path)
    try:
        text = content.decode("utf-8")
        if text.startswith(_BYTE_ORDER_MARK):
            raise ScenarioError(path, 1, "begins with a byte order mark: save it as UTF-8 without")
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ScenarioError(path, line, f"not UTF-8: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(path, _toml_line(str(error)), f"no TOML: {error}") from None
    except RecursionError:
        raise ScenarioError(path, 0, "no TOML: brackets stand within each other too deep") from None
    lines = key_lines(text)
    try:
        file = msgspec.convert(tables, ScenarioFile)
    except msgspec.ValidationError as error:
        raise _explained(path, tables, lines, str(error)) from None
    content_hash = hashlib.sha256(content).hexdigest()[:HASH_DIGITS]
    return Scenario(path, file, content_hash, lines)


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(path, 0, f"cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_BYTES:
        raise ScenarioError(path, 0, f"{len(content)} bytes, {LARGEST_BYTES} allowed")
    return content


def _explained(
    path: Path, found: Mapping[str, Any], lines: Mapping[KeyPath, int], message: str
) -> ScenarioError:
    """Turn msgspec's message into one that names line, key, value and what is allowed."""
    place = _AT.search(message)
    keys = _key_path(place[2]) if place else ()
    if place and place[2].endswith("[...]"):
        keys = (*keys, *_culprit(_value(found, keys)))
    own_field, problem = field_and_detail(_AT.sub("", message))
    if shows_value(problem):
        keys = (*keys, *_key_path(f".{own_field}"))
        return ScenarioError(path, line_of(keys, lines), _named(keys, problem))
    if unknown := _UNKNOWN.search(problem):
        key = unknown[1]
        near = suggestion(key, field_names_at(keys, found))
        problem = f"unknown key {key!r}; {near}{allowed_at(keys, found)}"
        return ScenarioError(path, line_of((*keys, key), lines), _named(keys, problem))
    if problem.startswith(_TAGGED):
        allowed = tag_sentence(keys[:-1], found)
    else:
        allowed = allowed_at(keys, found)
    if problem == _ONE_TABLE:
        allowed = f"several may stand here: write [[{_dotted(keys)}]] for [{_dotted(keys)}]"
    elif problem.startswith(_LIST):
        allowed = f"a list: [{allowed or '...'}]".replace("allowed: ", "")
    parts = [_with_value(problem, _value(found, keys)), allowed]
    return ScenarioError(path, line_of(keys, lines), _named(keys, "; ".join(filter(None, parts))))


def _named(keys: KeyPath, problem: str) -> str:
    return f"{_dotted(keys)}: {problem}" if keys else problem


def _with_value(problem: str, value: object) -> str:
    if value is None or isinstance(value, dict):
        return problem
    return f"{str(value)[:LONGEST_VALUE]!r}: {problem}"


def _value(value: object, keys: KeyPath) -> object:
    for step in keys:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
    return value


def _culprit(value: object) -> KeyPath:
    """Return the key of a table of numbers whose value is no allowed number."""
    for name, one in value.items() if isinstance(value, Mapping) else ():
        try:
            msgspec.convert(one, Signed)
        except msgspec.ValidationError:
            return (str(name),)
    return ()


def _key_path(text: str) -> KeyPath:
    steps = []
    for name, index in _STEP.findall(text):
        if name:
            steps.append(name)
        elif index != "...":
            steps.append(int(index))
    return tuple(steps)


def _dotted(keys: KeyPath) -> str:
    return "".join(
        f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in keys
    ).removeprefix(".")


def _toml_line(message: str) -> int:
    match = re.search(r"line (\d+)", message)
    return int(match[1]) if match else 0
