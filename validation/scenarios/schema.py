"""The JSON schema of scenario files, for editors: ``python -m validation.scenarios.schema``.

It is written to ``scenarios/schema.json``; a scenario's first line names it
(``#:schema ./schema.json``), and editors with Taplo complete and check keys by it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from system.places import PROJECT_DIR
from validation.scenarios.format import ScenarioFile

SCHEMA_PATH: Final = PROJECT_DIR / "scenarios" / "schema.json"
DIALECT: Final = "http://json-schema.org/draft-07/schema#"


def schema_bytes() -> bytes:
    """Return the schema as indented JSON, the same bytes for the same format."""
    schema = {"$schema": DIALECT, **msgspec.json.schema(ScenarioFile)}
    encoded = msgspec.json.Encoder(order="deterministic").encode(schema)
    return msgspec.json.format(encoded, indent=2) + b"\n"


def write_schema(path: Path = SCHEMA_PATH) -> None:
    """Write the schema where editors look for it."""
    path.write_bytes(schema_bytes())


if __name__ == "__main__":
    write_schema()
