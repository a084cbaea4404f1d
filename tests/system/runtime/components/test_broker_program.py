"""Command lines of the broker and of the tool that formats its log folder."""

from __future__ import annotations

from pathlib import Path

from system.runtime.components.broker_program import (
    broker_archive,
    broker_program,
    format_program,
)


def test_broker_and_format_map_the_archive_once_it_is_there(site):
    folder = Path("/state/kafka")
    archive = broker_archive(site.settings, site.java)
    for mapped in (False, True):
        if mapped:
            archive.file.parent.mkdir(parents=True)
            archive.file.write_bytes(b"classes")
        for program in (
            broker_program(site.settings, site.java, folder),
            format_program(site.settings, site.java, folder, "id"),
        ):
            assert (archive.use_flag in program.command) is mapped
            assert program.command[2] == archive.joined_path
    training = broker_program(site.settings, site.java, folder, (archive.make_flag,))
    assert archive.use_flag not in training.command
    assert archive.make_flag in training.command
