"""Constraints of the format as sentences: the values that are allowed at a place of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from validation.scenarios.file.format import ScenarioFile
from validation.scenarios.file.toml_lines import KeyPath

MOST_NAMED: Final = 20


def allowed_at(path: KeyPath, value: Mapping[str, Any]) -> str:
    """Return what may stand at a key, or which keys a table may have.

    Parameters
    ----------
    path : tuple
        Keys and 0-based indices from the top of the file.
    value : mapping
        The file as it was read; tells which kind of table stands where there are several.

    Returns
    -------
    str
        Empty where the type says no more than the message about it.
    """
    return _sentence(_chosen(*_place(path, value)))


def tag_sentence(path: KeyPath, value: Mapping[str, Any]) -> str:
    """Return the values that tell apart the tables that may stand at a place."""
    tags = [str(each.tag) for each in _structs(_place(path, value)[0])]
    return f"allowed: {', '.join(tags)}"


def suggestion(key: str, names: Iterable[str]) -> str:
    """Return the name that was probably meant, as a question; empty when none is near."""
    near = difflib.get_close_matches(key, list(names), n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def field_names_at(path: KeyPath, value: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the table at a place."""
    return _names(_chosen(*_place(path, value)))


def _place(path: KeyPath, value: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the type at a place and the value that was written there."""
    kind: Any = msgspec.inspect.type_info(ScenarioFile)
    here: Any = value
    for step in path:
        kind = _inner(_chosen(kind, here), step)
        here = _value_at(here, step)
    return kind, here


def _value_at(value: Any, step: str | int) -> Any:  # noqa: ANN401 - what TOML holds
    if isinstance(value, Mapping):
        return value.get(str(step))
    if isinstance(value, Sequence) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _structs(found: Any) -> list[msgspec.inspect.StructType]:  # noqa: ANN401
    if isinstance(found, msgspec.inspect.StructType):
        return [found]
    members = found.types if isinstance(found, msgspec.inspect.UnionType) else ()
    return [member for member in members if isinstance(member, msgspec.inspect.StructType)]


def _chosen(kind: Any, value: Any) -> Any:  # noqa: ANN401
    """Return the member of a union of tables that a value's tag names."""
    kind = kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind
    for struct in _structs(kind):
        if (
            isinstance(value, Mapping)
            and struct.tag_field
            and value.get(struct.tag_field) == struct.tag
        ):
            return struct
    return kind


def _inner(found: Any, step: str | int) -> Any:  # noqa: ANN401
    if isinstance(found, msgspec.inspect.StructType):
        return next((each.type for each in found.fields if each.encode_name == step), None)
    if isinstance(found, msgspec.inspect.VarTupleType):
        return found.item_type
    if isinstance(found, msgspec.inspect.DictType):
        return found.value_type
    return None


def _names(found: Any) -> tuple[str, ...]:  # noqa: ANN401
    if not isinstance(found, msgspec.inspect.StructType):
        return ()
    tag = (found.tag_field,) if found.tag_field else ()
    return (*tag, *(each.encode_name for each in found.fields))


def _sentence(found: Any) -> str:  # noqa: ANN401
    if isinstance(found, msgspec.inspect.VarTupleType):
        return _sentence(found.item_type)
    if isinstance(found, msgspec.inspect.EnumType):
        return f"allowed: {', '.join(str(each.value) for each in found.cls)}"
    if isinstance(found, msgspec.inspect.LiteralType):
        return f"allowed: {', '.join(map(str, found.values))}"
    names = _names(found)
    return f"allowed: {', '.join(names[:MOST_NAMED])}" if names else _bounds(found)


def _bounds(kind: Any) -> str:  # noqa: ANN401
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    kind = kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind
    limits = ((word, getattr(kind, name, None)) for name, word in words.items())
    told = [f"{word} {limit:.12g}" for word, limit in limits if isinstance(limit, int | float)]
    return f"allowed: {', '.join(told)}" if told else ""
