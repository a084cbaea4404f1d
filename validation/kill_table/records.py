"""Planted defects as they are written down, and how one is put into a tree."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

MUTANTS: Final = Path(__file__).resolve().parents[1] / "mutants"
NOT_APPLICABLE: Final = "not-applicable.toml"


class StaleRecordError(Exception):
    """The text that a record replaces does not stand in its file exactly once."""


class RecordError(Exception):
    """A record of ``validation/mutants`` cannot be read; names the file."""


class Target(StrEnum):
    """Program that a defect is planted in: the product, or a judge of it."""

    PRODUCT = "product"
    CHECKER = "checker"


class Patch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One replacement; ``find`` must stand in ``file`` exactly once."""

    file: str
    find: str
    put: str


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One planted defect.

    Parameters
    ----------
    name : str
        That of its file.
    defect : str
        What is wrong, as the list of planted defects calls it.
    target : Target
        What it is planted in.
    killer : str
        The one test that is expected to fail, as pytest names it.
    patches : tuple of Patch
        Applied together.
    """

    name: str
    defect: str
    target: Target
    killer: str
    patches: tuple[Patch, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files that it changes, each once."""
        return tuple(dict.fromkeys(patch.file for patch in self.patches))


class NotApplicable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A defect that cannot be planted in the code as it is, and why."""

    defect: str
    why: str


class _NotApplicableFile(msgspec.Struct, forbid_unknown_fields=True):
    entries: tuple[NotApplicable, ...] = ()


def read_mutants(folder: Path = MUTANTS) -> tuple[Mutant, ...]:
    """Return the planted defects of a folder, by name.

    Raises
    ------
    RecordError
        If a file is no record; names it.
    """
    paths = (path for path in folder.glob("*.toml") if path.name != NOT_APPLICABLE)
    return tuple(_read(path) for path in sorted(paths, key=lambda path: path.stem))


def read_not_applicable(folder: Path = MUTANTS) -> tuple[NotApplicable, ...]:
    """Return what cannot be planted, with reasons; nothing where no file says so.

    Raises
    ------
    RecordError
        If the file cannot be read.
    """
    path = folder / NOT_APPLICABLE
    if not path.exists():
        return ()
    try:
        content = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _NotApplicableFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RecordError(f"{path.name}: {error}") from error
    return content.entries


def planted(mutant: Mutant, root: Path) -> dict[Path, str]:
    """Return the files of a tree as they are with a defect in them; nothing is written.

    Raises
    ------
    StaleRecordError
        If a text to replace stands in its file not at all, or more than once.
    """
    texts: dict[Path, str] = {}
    for patch in mutant.patches:
        path = root / patch.file
        if not path.is_file():
            raise _stale(mutant, f"{patch.file} is not there")
        text = texts.get(path) or path.read_text("utf-8")
        count = text.count(patch.find)
        if count != 1:
            raise _stale(mutant, f"{patch.file} has {patch.find.strip()!r} {count} times, not once")
        texts[path] = text.replace(patch.find, patch.put)
    return texts


def _stale(mutant: Mutant, why: str) -> StaleRecordError:
    return StaleRecordError(f"bring validation/mutants/{mutant.name}.toml up to date: {why}")


def _read(path: Path) -> Mutant:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert({"name": path.stem, **table}, Mutant)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RecordError(f"{path.name}: {error}") from error
