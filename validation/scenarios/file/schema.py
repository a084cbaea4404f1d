"""The JSON schema of scenario files, for editors: ``python -m validation.scenarios.file.schema``.

It is written to ``scenarios/schema.json``; a scenario's first line names it
(``#:schema ./schema.json``), and editors with Taplo complete and check keys by it.
"""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import msgspec

from system.places import PROJECT_DIR
from validation.scenarios.file.format import ScenarioFile

SCHEMA_PATH: Final = PROJECT_DIR / "scenarios" / "schema.json"
DIALECT: Final = "http://json-schema.org/draft-07/schema#"


def schema_bytes() -> bytes:
    """Return the schema as indented JSON, the same bytes for the same format."""
    schema = {"$schema": DIALECT, **msgspec.json.schema(ScenarioFile)}
    encoded = msgspec.json.Encoder(order="deterministic").encode(_with_clean_texts(schema))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def _with_clean_texts(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a schema whose descriptions have no indentation; Python 3.13 keeps none of it."""
    if isinstance(part, list):
        return [_with_clean_texts(element) for element in part]
    if not isinstance(part, dict):
        return part
    return {
        key: cleandoc(value)
        if key == "description" and isinstance(value, str)
        else _with_clean_texts(value)
        for key, value in part.items()
    }


def write_schema(path: Path = SCHEMA_PATH) -> None:
    """Write the schema where editors look for it."""
    path.write_bytes(schema_bytes())


if __name__ == "__main__":
    write_schema()
