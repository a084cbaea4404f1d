"""Checkpoint of the oracle: what it has read, so that a restart goes on within seconds.

A file of the oracle's own, in the private state folder: its inputs as it has taken them from
the topics itself, never the product's state. It is of use only beside the very topics that it was
made from, and to the code that made it; otherwise the oracle begins at the beginning again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from system.bus.extents import TopicExtents
from system.connections import SECRET_FILE_MODE
from system.settings import SECRET_DIR_MODE
from validation.oracle.inputs_at import OffsetCursor

EVERY_S: Final = 60.0
MAX_BYTES: Final = 512_000_000
"""More is not kept: reading the topics again is slower, and bounded by them."""
DIGEST_BYTES: Final = hashlib.sha256().digest_size
CODE_DIR: Final = Path(__file__).resolve().parents[1]
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The oracle's inputs, and where it has read to.

    Parameters
    ----------
    walk : OffsetCursor
        What was taken, and what waits.
    inputs, snapshots : dict of str to int
        Next offsets of the input topics and of the topic of snapshots, ``topic:partition``.
    source : str
        Topics that it was made from, and by which settings.
    code : str
        Digest of the code that the walk consists of.
    """

    walk: OffsetCursor
    inputs: dict[str, int]
    snapshots: dict[str, int]
    source: str
    code: str


def source_named(extents: TopicExtents, mark_wait_seconds: int) -> str:
    """Return what a walk is made from: topics of the same names made again have other ids."""
    ids = [f"{name}={topic}" for name, topic in sorted(extents.topic_ids.items())]
    return " ".join([extents.cluster_id, *ids, f"mark_wait={mark_wait_seconds}"])


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, readable by its owner only; one that is too large or fails is left out.

    Parameters
    ----------
    path : Path
        Replaced as a whole.
    checkpoint : Checkpoint
        Not changed while it is written.
    """
    try:
        content = pickle.dumps(checkpoint, protocol=pickle.HIGHEST_PROTOCOL)
        if len(content) > MAX_BYTES:
            _LOG.warning("no checkpoint: it has %d bytes, %d allowed", len(content), MAX_BYTES)
            return
        path.parent.mkdir(mode=SECRET_DIR_MODE, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, SECRET_FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        draft.replace(path)
    except (OSError, pickle.PicklingError) as error:
        _LOG.warning("no checkpoint: %s", error)


def load(path: Path, extents: TopicExtents, source: str) -> Checkpoint | None:
    """Return the checkpoint of these topics and this code; None where there is none to go on from.

    Parameters
    ----------
    path : Path
        As ``save`` wrote it; left out where others may have written it.
    extents : TopicExtents
        Of the input topics now: what the checkpoint has read must be below their ends, and what
        it has not read above their beginnings.
    source : str
        As ``source_named`` says it now.
    """
    try:
        kept = _unpickled(path)
    except FileNotFoundError:
        return None
    except Exception as error:
        _LOG.warning("checkpoint %s is left out, the topics are read whole: %s", path, error)
        return None
    of_these = kept.code == code_digest() and kept.source == source
    return kept if of_these and fits(kept.inputs, extents) else None


def _unpickled(path: Path) -> Checkpoint:
    status = path.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError("others may have written it")
    content = path.read_bytes()
    digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("it is damaged")
    kept = pickle.loads(body)  # noqa: S301 - our own file in the private state folder
    if not isinstance(kept, Checkpoint):
        raise TypeError("it is no checkpoint")
    return kept


@cache
def code_digest() -> str:
    """Return the digest of the oracle's code: another version may keep other things."""
    digest = hashlib.sha256()
    for path in sorted(CODE_DIR.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fits(position: Mapping[str, int], extents: TopicExtents) -> bool:
    """Return whether topics have all that is to be read from a position on."""
    return all(
        extents.beginnings.get(place, 0) <= offset <= extents.ends.get(place, -1)
        for place, offset in position.items()
    )
