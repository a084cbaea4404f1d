"""The one Java class of the stream: its source, and the jar that is compiled from it at set-up."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from system.settings import Settings

SOURCE: Final = Path(__file__).with_name("java") / "RecordWriter.java"
CLASS_NAME: Final = "riskstream.RecordWriter"
DIGEST_ENTRY: Final = "Source-SHA256"
"""Of the jar's manifest: which source it was compiled from."""
NAME_DIGITS: Final = 16


def source_digest() -> str:
    """Return the SHA-256 of the source that is installed, hexadecimal."""
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()


def writer_jar(settings: Settings) -> Path:
    """Return where the jar of this very source is, or is to be.

    Parameters
    ----------
    settings : Settings
        Names the cache folder.
    """
    return settings.cache_dir / "compiled" / f"record-writer-{source_digest()[:NAME_DIGITS]}.jar"
