"""Spark's checkpoint of one life of the driver: nothing of it is read by another life."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_checkpoint(parent: Path, fence: int) -> Iterator[Path]:
    """Make a fresh checkpoint folder for one life, and remove those of earlier ones.

    Parameters
    ----------
    parent : Path
        ``Settings.checkpoint_dir``.
    fence : int
        Names the folder.
    """
    shutil.rmtree(parent, ignore_errors=True)
    folder = parent / f"fence-{fence}"
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
