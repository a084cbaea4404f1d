"""An error of an input file names the file, the place, the value and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.tables.errors import WHOLE_FILE, InputFileError, cell_error, line_error

PATH = Path("book.csv")


@pytest.mark.parametrize(
    ("error", "said", "line"),
    [
        (InputFileError(PATH, "", "is empty"), "book.csv: is empty", None),
        (
            InputFileError(PATH, WHOLE_FILE, "is binary", "write text"),
            "book.csv, the whole file: is binary; write text",
            None,
        ),
        (line_error(PATH, 3, "5 cells", "write 6"), "book.csv, line 3: 5 cells; write 6", 3),
        (
            cell_error(PATH, 7, "price", "'x' is no number", "write 1.5"),
            "book.csv, line 7, column price: 'x' is no number; write 1.5",
            7,
        ),
    ],
)
def test_the_message_names_file_place_value_and_remedy(error, said, line):
    assert str(error) == said
    assert (error.path, error.line) == (PATH, line)
