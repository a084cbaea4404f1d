"""The Compose file as the tests read it, and its variables filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_DIR = ROOT / "compose"
COMPOSE_PATH = COMPOSE_DIR / "compose.yaml"
DOCKERFILE_PATH = COMPOSE_DIR / "Dockerfile"
IGNORE_PATH = COMPOSE_DIR / "Dockerfile.dockerignore"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def read_compose() -> dict[str, Any]:
    """Return the file with its anchors resolved and its variables as they are written."""
    return yaml.safe_load(COMPOSE_PATH.read_text("utf-8"))


def filled(text: str, given: dict[str, str]) -> str:
    """Return a text with its variables replaced: what is given, else the default."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match["name"], match["kind"], match["rest"]
        if name in given:
            return given[name]
        assert kind == "-", f"{name} must be given: {rest}"
        return rest

    return _VARIABLE.sub(value, text).replace("$$", "$")


def environment(service: dict[str, Any], given: dict[str, str] | None = None) -> dict[str, str]:
    """Return a service's environment with its variables replaced."""
    return {k: filled(v, given or {}) for k, v in service.get("environment", {}).items()}


def copied_paths(dockerfile: str) -> list[str]:
    """Return what the Dockerfile takes from the repository."""
    lines = [line.split() for line in dockerfile.splitlines() if line.startswith("COPY ")]
    return [path for words in lines if "--from=build" not in words for path in words[1:-1]]


def is_sent(path: str, ignore_text: str) -> bool:
    """Return whether a path is part of what is sent to be built, by the last rule that fits."""
    sent = True
    for rule in ignore_text.splitlines():
        if not rule or rule.startswith("#"):
            continue
        bare = rule.removeprefix("!")
        if bare in {"*", path} or path.startswith(f"{bare}/"):
            sent = rule.startswith("!")
    return sent
