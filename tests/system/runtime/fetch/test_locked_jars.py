"""The lock of the Java archives: read, written, and checked against what is there."""

from __future__ import annotations

import hashlib

import pytest

from system.runtime.fetch.jars import ROOTS
from system.runtime.fetch.locked_jars import (
    LOCK_PATH,
    SETS,
    Coordinates,
    JarLockError,
    LockedJar,
    check_jars,
    lock_text,
    parsed_lock,
)

KAFKA = Coordinates("org.apache.kafka", "kafka_2.13", "4.3.1")
CONTENT = b"archive"
JAR = LockedJar("broker", KAFKA, hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "kafka_2.13-4.3.1.jar").write_bytes(CONTENT)
    return tmp_path


def test_a_lock_is_read_back_as_it_was_written():
    other = LockedJar("connector", Coordinates("a.b", "c-d_2.13", "1.0"), "0" * 64)
    assert parsed_lock(lock_text([other, JAR])) == (JAR, other)


@pytest.mark.parametrize(
    "line",
    ["broker abc org#module;1", f"{'0' * 64} org#module;1", f"elsewhere {'0' * 64} org#module;1"],
)
def test_a_malformed_line_is_refused_by_its_number(line):
    with pytest.raises(JarLockError, match="line 2"):
        parsed_lock(f"# head\n{line}\n")


def test_the_stored_lock_is_canonical_and_covers_the_roots_of_both_sets():
    text = LOCK_PATH.read_text("utf-8")
    jars = parsed_lock(text)
    assert lock_text(jars) == text
    for name in SETS:
        locked = {jar.coordinates for jar in jars if jar.set_name == name}
        assert set(ROOTS[name]) <= locked


def test_unchanged_archives_pass(folder):
    check_jars(folder, [JAR])


def test_a_changed_archive_is_refused_with_both_checksums(folder):
    (folder / "kafka_2.13-4.3.1.jar").write_bytes(b"tampered")
    with pytest.raises(JarLockError, match=JAR.sha256):
        check_jars(folder, [JAR])


def test_a_missing_archive_is_refused_by_name(tmp_path):
    with pytest.raises(JarLockError, match=r"kafka_2\.13-4\.3\.1\.jar: missing"):
        check_jars(tmp_path, [JAR])


def test_an_archive_that_is_not_locked_is_refused_because_java_would_load_it(folder):
    (folder / "stowaway.jar").write_bytes(b"x")
    with pytest.raises(JarLockError, match=r"stowaway\.jar: not in the lock"):
        check_jars(folder, [JAR])
