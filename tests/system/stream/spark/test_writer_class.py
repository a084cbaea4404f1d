"""The stream's Java class: another source is another jar."""

from __future__ import annotations

from system.settings import Settings
from system.stream.spark.writer_class import SOURCE, source_digest, writer_jar


def test_another_source_is_another_jar(tmp_path, monkeypatch):
    settings = Settings(cache_dir=tmp_path)
    jar = writer_jar(settings)
    assert source_digest()[:16] in jar.name
    assert SOURCE.is_file()
    other = tmp_path / "RecordWriter.java"
    other.write_text("class RecordWriter {}")
    monkeypatch.setattr("system.stream.spark.writer_class.SOURCE", other)
    assert writer_jar(settings) != jar
