"""Content of a file as text: size, compression and encoding checked before anything is parsed."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import Final

from system.tables.errors import WHOLE_FILE, InputFileError

MAX_FILE_BYTES: Final = 256 * 1024**2
"""Of a file, and of what is compressed in it: two million rows of ten prices."""
GZIP: Final = b"\x1f\x8b"
PARQUET: Final = b"PAR1"
_SUPPLY: Final = "supply a CSV file (.csv, .csv.gz) or a Parquet file (.parquet)"
_OTHER_KINDS: Final = (
    (rb"PK\x03\x04", "a ZIP archive or an Excel workbook", "save the sheet as a CSV file"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as a CSV file"),
    (rb"BZh[1-9]1AY&SY", "compressed with bzip2", "decompress it, or compress it with gzip"),
    (rb"\xfd7zXZ", "compressed with xz", "decompress it, or compress it with gzip"),
    (rb"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it, or compress it with gzip"),
    (rb"%PDF-", "a PDF document", _SUPPLY),
    (rb"\s*<(?i:!doctype|html)", "a web page", "download the file itself"),
)
_WIDE: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path) -> str:
    """Return a file's text, decompressed where it is gzip.

    Parameters
    ----------
    path : Path
        UTF-8 with or without a byte order mark, or UTF-16 and UTF-32 with one.

    Raises
    ------
    InputFileError
        If it cannot be read, is larger than ``MAX_FILE_BYTES``, damaged, binary or in
        another encoding.
    """
    return text_of(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes as they are.

    Raises
    ------
    InputFileError
        If it cannot be read or is larger than ``MAX_FILE_BYTES``.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except IsADirectoryError:
        raise _error(path, "is a folder", "name a file in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "check its name and permissions"
        raise _error(path, f"cannot be read: {reason}", remedy) from None
    return _bounded(path, content)


def text_of(path: Path, content: bytes) -> str:
    """Return the text of a file's bytes; see ``read_text``.

    Raises
    ------
    InputFileError
        If the content is damaged, binary, another kind of file or wrongly encoded; says what
        to supply.
    """
    plain = _decompressed(path, content) if content.startswith(GZIP) else content
    for start, kind, remedy in _OTHER_KINDS:
        if re.match(start, plain):
            raise _error(path, f"is {kind}, not a table", remedy)
    for mark, encoding in _WIDE:
        if plain.startswith(mark):
            return _decoded(path, plain, encoding)
    if b"\0" in plain:
        raise _error(path, "is binary, or UTF-16 without a byte order mark", _SUPPLY)
    return _decoded(path, plain, "utf-8-sig")


def _decompressed(path: Path, content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            plain = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        remedy = "copy or download it again"
        raise _error(path, f"is a damaged gzip archive ({error})", remedy) from None
    return _bounded(path, plain)


def _bounded(path: Path, content: bytes) -> bytes:
    if len(content) > MAX_FILE_BYTES:
        raise _error(path, f"is larger than {MAX_FILE_BYTES // 1024**2} MiB", "split the file")
    return content


def _decoded(path: Path, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        line = content.count(b"\n", 0, error.start) + 1
        where = f" (byte 0x{content[error.start]:02x} on line {line})" if name == "UTF-8" else ""
        problem = f"is not {name} text{where}: {error.reason}"
        remedy = "save it as UTF-8; a spreadsheet calls that 'CSV UTF-8'"
        raise _error(path, problem, remedy) from None


def _error(path: Path, problem: str, remedy: str) -> InputFileError:
    return InputFileError(path, WHOLE_FILE, problem, remedy)
