"""Hypothesis strategies of any message struct, with finite numbers: JSON has no others."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from msgspec import Struct

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ROWS_MAX = 3


def structs(kind: type[Struct]) -> st.SearchStrategy[Any]:
    """Return instances of a struct whose fields are all drawn."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: values(hints[name]) for name in kind.__struct_fields__})


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type."""
    if hint is float:
        return FINITE
    if get_origin(hint) is Annotated:
        return values(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of([values(part) for part in get_args(hint)])
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=ROWS_MAX).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Struct):
        return structs(hint)
    return st.from_type(hint)
