"""Places to write to: checked before the work, and left as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.outputs import OutputError, writable_file, writable_folder


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_a_folder_that_can_be_made_is_accepted_and_not_left(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert writable_folder(wanted) == wanted
    assert everything(tmp_path) == set()
    assert writable_folder(tmp_path) == tmp_path


def test_a_file_that_can_be_written_is_accepted_and_left_as_it_was(tmp_path: Path) -> None:
    wanted, there = tmp_path / "a" / "report.json", tmp_path / "there.json"
    there.write_text("kept")
    assert writable_file(wanted) == wanted
    assert writable_file(there) == there
    assert everything(tmp_path) == {there}
    assert there.read_text() == "kept"


def test_what_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text("kept")
    for check, path, reason in (
        (writable_folder, there, "Not a directory"),
        (writable_folder, there / "out", "Not a directory"),
        (writable_folder, Path("/proc/nothing/out"), ""),
        (writable_folder, tmp_path / ("x" * 300), "too long"),
        (writable_file, there / "report.json", "Not a directory"),
        (writable_file, tmp_path, "Is a directory"),
        (writable_file, tmp_path / ("x" * 300), "too long"),
        (writable_file, Path("a\0b"), "null byte"),
    ):
        with pytest.raises(OutputError, match=r"cannot be written: .*; name another") as refused:
            check(path)
        assert str(refused.value).startswith(str(path))
        assert reason in refused.value.reason
    assert everything(tmp_path) == {there}


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("system.outputs.tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        writable_folder(tmp_path / "out")
    assert everything(tmp_path) == set()
