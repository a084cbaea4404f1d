"""Folders that look like installations, for the tests that look for them."""

from __future__ import annotations

from pathlib import Path

BANNER = 'openjdk version "{}" 2025-01-21\nOpenJDK Runtime Environment (build x)\n'


def fake_java(home: Path, version: str, *, exit_code: int = 0, said: str = "") -> Path:
    """Make a folder that looks like a Java installation and answers ``-version``."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    banner = said or BANNER.format(version)
    java.write_text(f"#!/bin/sh\ncat >&2 <<'E'\n{banner}E\nexit {exit_code}\n", "utf-8")
    java.chmod(0o755)
    return home
