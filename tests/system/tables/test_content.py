"""Content of files: compression, encoding and damage, each refused in one sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from system.tables import content
from system.tables.content import read_text
from system.tables.errors import InputFileError

TEXT = "date,Müller\n2020-01-02,1.5\n"


def test_utf_8_utf_16_and_utf_32_with_their_marks_are_the_same_text(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        path.write_bytes(TEXT.encode(encoding))
        assert read_text(path) == TEXT
    path.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert read_text(path) == TEXT


def test_gzip_is_recognised_by_its_bytes_whatever_the_name(tmp_path: Path) -> None:
    for name in ("prices.csv.gz", "prices.csv"):
        (tmp_path / name).write_bytes(gzip.compress(TEXT.encode()))
        assert read_text(tmp_path / name) == TEXT
    (tmp_path / "prices.csv.gz").write_bytes(TEXT.encode())
    assert read_text(tmp_path / "prices.csv.gz") == TEXT


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("prices.csv", TEXT)
    return stream.getvalue()


def damaged(place: int) -> bytes:
    packed = bytearray(gzip.compress(TEXT.encode() * 50, mtime=0))
    packed[place] ^= 0xFF
    return bytes(packed)


FOREIGN = {
    "truncated": (gzip.compress(TEXT.encode(), mtime=0)[:-12], "damaged gzip archive"),
    "a wrong byte in the data": (damaged(12), "damaged gzip archive"),
    "a wrong byte in the length": (damaged(-3), "damaged gzip archive"),
    "a wrong byte in the head": (damaged(3), "damaged gzip archive"),
    "more after the archive": (
        gzip.compress(TEXT.encode(), mtime=0) + b"rest",
        "damaged gzip archive",
    ),
    "zip": (zipped(), "is a ZIP archive or an Excel workbook.*save the sheet as a CSV"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook"),
    "bzip2": (bz2.compress(TEXT.encode()), "bzip2"),
    "xz": (lzma.compress(TEXT.encode()), "xz"),
    "PDF": (b"%PDF-1.7\n", "a PDF document"),
    "web page": (b"<!DOCTYPE html><html>", "a web page"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
    "UTF-16": (TEXT.encode("utf-16-le"), "UTF-16 without a byte order mark"),
    "Latin 1": (
        TEXT.encode("latin-1"),
        r"not UTF-8 text \(byte 0xfc on line 1\).*CSV UTF-8",
    ),
    "half a character": (b"\xff\xfe\x00", "not UTF-16 text"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_damaged_or_foreign_file_is_refused_by_name_and_reason(tmp_path: Path, kind: str) -> None:
    written, said = FOREIGN[kind]
    path = tmp_path / "prices.csv.gz"
    path.write_bytes(written)
    with pytest.raises(InputFileError, match=said) as refused:
        read_text(path)
    assert str(refused.value).startswith(f"{path}, the whole file: ")
    assert "\n" not in str(refused.value)


def test_a_folder_a_missing_file_and_an_impossible_name_are_refused(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path, "is a folder"),
        (tmp_path / "none.csv", "No such file"),
        (tmp_path / ("x" * 300), "too long"),
        (Path("a\0b"), "null byte"),
    ):
        with pytest.raises(InputFileError, match=said):
            read_text(path)


def test_the_size_is_bounded_before_and_after_decompression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_FILE_BYTES", 1024**2)
    path = tmp_path / "prices.csv"
    for written in (b"x" * (1024**2 + 1), gzip.compress(b"x" * (1024**2 + 1))):
        path.write_bytes(written)
        with pytest.raises(InputFileError, match="larger than 1 MiB; split the file"):
            read_text(path)
