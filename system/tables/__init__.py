"""Tables in a user's files, read by one reader for every command.

A file is CSV, gzip-compressed CSV or Parquet; its first bytes say which, not its name.

* **Separator**: comma, semicolon, tab or vertical bar, taken from the header and checked against
  the first rows, or named by the caller.
* **Decimal sign**: a point, or a comma where the separator is not a comma; taken from the numbers,
  or named. Numbers have no thousands separators: ``1.234`` in a file of decimal commas is refused
  and never read as either 1.234 or 1234.
* **Dates**: year first, in three parts or compact, at midnight or without a time; an offset from
  UTC leaves the date as it is written.
* **No close**: an empty cell or one of ``MISSING``.
* **Text**: UTF-8, or UTF-16 with a byte order mark.

Everything else is an ``InputFileError`` that names file, line, column, value and what to do.
"""
