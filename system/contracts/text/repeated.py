"""Fields that a JSON object names twice, which readers resolve in different ways."""

from __future__ import annotations

import json
from typing import NamedTuple


class RepeatedField(NamedTuple):
    """A field that an object names twice.

    Parameters
    ----------
    name : str
        The field, without the escapes it may be written with.
    owner : str
        Path of its object, ``positions[3]``; empty for the outermost.
    """

    name: str
    owner: str = ""

    @property
    def path(self) -> str:
        """The field with the path of its object, ``positions[3].quantity``."""
        return _joined(self.owner, self.name)

    @property
    def sentence(self) -> str:
        """Sentence that names the repeated value."""
        place = f" in {self.owner}" if self.owner else ""
        return f"field {self.name} stands twice{place}"

    def inside(self, owner: str) -> RepeatedField:
        """Return the same field seen from the object, or list, that holds its object."""
        return RepeatedField(self.name, _joined(owner, self.owner))


def repeated_field(text: bytes | str) -> RepeatedField | None:
    """Return the first field that an object in a JSON text names twice, None where none does.

    Parameters
    ----------
    text : bytes or str
        Valid JSON of bounded depth, as a strict decoder has accepted it.

    Examples
    --------
    >>> repeated_field('{"a": [{"b": 1}, {"b": 2, "b": 3}]}').sentence
    'field b stands twice in a[1]'
    """
    return _in(
        json.loads(
            text,
            object_pairs_hook=_in_object,
            parse_int=_no_value,
            parse_float=_no_value,
        )
    )


def _in_object(pairs: list[tuple[str, object]]) -> RepeatedField | None:
    """Return the field that an object or one inside it repeats; its values are dropped."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        return RepeatedField(next(name for name in names if names.count(name) > 1))
    inside = ((name, _in(value)) for name, value in pairs)
    return next((field.inside(name) for name, field in inside if field is not None), None)


def _in(value: object) -> RepeatedField | None:
    if isinstance(value, RepeatedField):
        return value
    if not isinstance(value, list):
        return None
    inside = ((index, _in(item)) for index, item in enumerate(value))
    return next((field.inside(f"[{index}]") for index, field in inside if field is not None), None)


def _no_value(_: str) -> None:
    """Stand in for a number: only names are looked at."""


def _joined(owner: str, name: str) -> str:
    return owner + name if not owner or not name or name.startswith("[") else f"{owner}.{name}"
