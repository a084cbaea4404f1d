"""The Spark schema of the high-rate messages, derived from their contracts."""

from __future__ import annotations

import typing
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from pyspark.sql.types import DataType, DoubleType, LongType, StringType, StructField, StructType

from system.contracts.messages import FxRate, Message, Tick
from system.errors import InternalError

CORRUPT: Final = "_corrupt"
TAG_FIELD: Final = "type"
HOT_MESSAGES: Final[tuple[type[Message], ...]] = (Tick, FxRate)
"""Parsed by the JVM into columns; all others are rare and go through the codec."""

_SPARK_TYPES: Final[dict[type, DataType]] = {
    float: DoubleType(),
    int: LongType(),
    str: StringType(),
}


def hot_schema() -> StructType:
    """Return the schema that fits every hot message, all fields nullable."""
    columns: dict[str, DataType] = {TAG_FIELD: StringType()}
    for message in HOT_MESSAGES:
        columns.update(columns_of(message))
    columns[CORRUPT] = StringType()
    return StructType([StructField(name, kind) for name, kind in columns.items()])


def columns_of(message: type[Message]) -> dict[str, DataType]:
    """Return the columns of one message, in its order.

    Raises
    ------
    InternalError
        If a field has a type that no column is known for.
    """
    hints = get_type_hints(message)
    return {name: _column(message, name, hints[name]) for name in message.__struct_fields__}


def tag_of(message: type[Message]) -> str:
    """Return the ``type`` that a message carries on the wire."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, str), f"{message.__name__} has no tag"
    return tag


def _column(message: type[Message], name: str, hint: Any) -> DataType:  # noqa: ANN401
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    try:
        return _SPARK_TYPES[plain]
    except KeyError:
        raise InternalError(
            f"{message.__name__}.{name} is {typing.cast(object, plain)}: no Spark type"
        ) from None
